//! What comes with a request; what cannot be read becomes a problem.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;

/// A body of JSON.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(
                // Axum tells JSON that is none from JSON of another shape; here both are a bad request.
                match rejection.status() {
                    axum::http::StatusCode::UNPROCESSABLE_ENTITY => {
                        axum::http::StatusCode::BAD_REQUEST
                    }
                    status => status,
                },
                rejection.body_text(),
            )),
        }
    }
}

/// Parts of the path.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = axum::extract::Path::from_request_parts(parts, state).await;
        found.map(|axum::extract::Path(value)| Self(value)).map_err(|_| Problem::not_found())
    }
}

/// What stands behind the `?`.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = axum::extract::Query::from_request_parts(parts, state).await;
        found
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|error| Problem::bad(error.body_text()))
    }
}

/// Which page of a list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RawPage {
    limit: Option<String>,
    cursor: Option<String>,
}

/// Which page of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Items at most.
    pub limit: usize,
    /// Number of the item that the page stands behind.
    pub after: i64,
}

/// How a page is asked for.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what is read as text")]
pub struct PageParams {
    /// Items at most; 25 where it is missing.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(pattern = "^[0-9]{1,18}$")]
    cursor: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let raw = axum::extract::Query::<RawPage>::from_request_parts(parts, state).await;
        let raw = raw.map_err(|error| Problem::bad(error.body_text()))?.0;
        let number = |text: String, name: &str, most: i64| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i64>()
                .ok()
                .filter(|number| digits && *number <= most)
                .ok_or_else(|| Problem::bad(format!("{name} is not a number up to {most}")))
        };
        let limit = raw.limit.map_or(Ok(25), |text| number(text, "limit", 100))?;
        if limit < 1 {
            return Err(Problem::bad("limit is less than 1"));
        }
        let most = 999_999_999_999_999_999;
        let after = raw.cursor.map_or(Ok(0), |text| number(text, "cursor", most))?;
        Ok(Self { limit: usize::try_from(limit).unwrap_or(1), after })
    }
}

/// One thing.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Data<T> {
    pub data: T,
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct List<T> {
    pub data: Vec<T>,
    /// What asks for the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A page of what comes with its numbers, where one more than asked for says that more follows.
    pub fn new(mut numbered: Vec<(i64, T)>, page: Page) -> Self {
        let more = numbered.len() > page.limit;
        numbered.truncate(page.limit);
        let last = numbered.last().map(|(number, _)| number.to_string());
        let data = numbered.into_iter().map(|(_, item)| item).collect();
        Self { data, next_cursor: last.filter(|_| more) }
    }
}
