//! `/api/v1/…`: live streams, their keys and playback ids, and what signs addresses. Its description is served beside it as
//! `openapi.json`. The shape of a live stream is Mux's, as far as both have the same.

mod assets;
mod auth;
mod extract;
mod live_streams;
mod problem;
mod signing_keys;
mod stream_keys;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use problem::Problem;

use crate::hub::Hub;
use crate::keys::{Keys, Require};
use crate::upload::Uploader;

/// Longest body of a request, in bytes.
const BODY: usize = 64 << 10;

/// What the routes work on.
#[derive(Clone, Debug)]
pub struct Api {
    pub hub: Arc<Hub>,
    pub keys: Arc<Keys>,
    pub uploader: Arc<Uploader>,
    /// Who has to show a token.
    pub require_token: Require,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "streamcore",
        description = "Live streams, keys and playback ids of a streamcore server.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem)),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// All routes below `/api/v1/` that manage something, and their description.
pub fn router(api: Api) -> Router {
    let (routes, description) = parts();
    let routes = routes
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address has other methods")
        })
        .layer(from_fn_with_state(api.clone(), auth::check))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(api);
    let description = Arc::new(description);
    routes.route("/api/v1/openapi.json", get(move || async move { Json((*description).clone()) }))
}

fn parts() -> (Router<Api>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(live_streams::list, live_streams::create))
        .routes(routes!(live_streams::get, live_streams::update, live_streams::delete))
        .routes(routes!(live_streams::reset_stream_key))
        .routes(routes!(live_streams::enable))
        .routes(routes!(live_streams::disable))
        .routes(routes!(live_streams::complete))
        .routes(routes!(stream_keys::add))
        .routes(routes!(stream_keys::revoke))
        .routes(routes!(stream_keys::enable))
        .routes(routes!(stream_keys::disable))
        .routes(routes!(stream_keys::add_playback_id))
        .routes(routes!(stream_keys::remove_playback_id))
        .routes(routes!(signing_keys::list, signing_keys::create))
        .routes(routes!(signing_keys::get, signing_keys::remove))
        .routes(routes!(assets::list))
        .routes(routes!(assets::get, assets::remove))
        .routes(routes!(assets::poster))
        .split_for_parts()
}
