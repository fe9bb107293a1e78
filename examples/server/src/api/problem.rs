//! Errors as RFC 9457 has them.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::keys::ChangeError;
use crate::store::StoreError;

/// What went wrong (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What the status means.
    pub title: String,
    /// What is wrong with this request.
    pub detail: String,
}

impl Problem {
    /// A problem with this request.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        Self { status: status.as_u16(), title, detail: detail.into() }
    }

    /// There is nothing with that id.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing with that id")
    }

    /// It may be that it works later.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The request cannot be read, or what it asks for cannot be.
    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound => Self::not_found(),
            ChangeError::Invalid(detail) => Self::bad(detail),
            ChangeError::TooMany(what) => {
                Self::new(StatusCode::CONFLICT, format!("there are too many {what}"))
            }
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!("API: {error}");
        // What exactly is the log's.
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The problems that every route may answer with.
pub struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let described = [("4XX", "What is wrong with the request"), ("503", "Ask again later")];
        let problem = |what: &str| {
            let content =
                ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            ResponseBuilder::new().description(what).content("application/problem+json", content)
        };
        described
            .into_iter()
            .map(|(status, what)| (status.to_owned(), problem(what).build().into()))
            .collect()
    }
}
