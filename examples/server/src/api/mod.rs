//! `/api/v1/…`: live streams, their keys and playback ids, and what signs addresses. Its description is served beside it as
//! `openapi.json`. The shape of a live stream is Mux's, as far as both have the same.

mod assets;
mod auth;
mod events;
mod extract;
mod live_streams;
mod problem;
mod server;
mod sessions;
mod signing_keys;
mod stream_keys;
mod streams;
mod targets;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use problem::Problem;
pub use server::Run;

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
    pub run: Arc<Run>,
    /// Who has to show a token.
    pub require_token: Require,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "streamcore",
        description = "Live streams, their keys and targets, recordings, sessions and events of a streamcore server.",
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
    let ((guarded, mut description), (open, more)) =
        (guarded().split_for_parts(), open().split_for_parts());
    description.merge(more);
    name_operations(&mut description);
    let guarded = other_methods(guarded.route("/metrics", get(metrics)));
    let guarded = guarded.layer(from_fn_with_state(api.clone(), auth::check));
    let open = other_methods(open).layer(from_fn_with_state(api.clone(), auth::recognize));
    let routes = guarded
        .merge(open)
        .layer(from_fn(no_store))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(api);
    // As text it takes a tenth of the memory.
    let text = Bytes::from(serde_json::to_vec(&description).unwrap_or_default());
    let json = [(CONTENT_TYPE, "application/json")];
    routes.route("/api/v1/openapi.json", get(move || async move { (json, text) }))
}

fn other_methods(routes: Router<Api>) -> Router<Api> {
    routes.method_not_allowed_fallback(|| async {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address has other methods")
    })
}

/// `GET /metrics`, for who may use the API.
async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let text = crate::metrics::scrape(&api).await?;
    Ok(([(CONTENT_TYPE, crate::metrics::CONTENT_TYPE)], text).into_response())
}

/// What the API says is of this moment.
async fn no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Gives each operation an id that no other has: its own name behind its tag.
fn name_operations(description: &mut utoipa::openapi::OpenApi) {
    for item in description.paths.paths.values_mut() {
        let methods =
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in methods.into_iter().flatten() {
            let tag = operation.tags.iter().flatten().next().map_or("", String::as_str);
            let tag = tag.to_lowercase().replace(' ', "_");
            let name = operation.operation_id.take().unwrap_or_default();
            operation.operation_id = Some(format!("{tag}_{name}"));
        }
    }
}

/// Routes that the page reads wherever it is opened.
fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(server::get))
        .routes(routes!(streams::list))
        .routes(routes!(streams::get))
        .routes(routes!(streams::health))
        .routes(routes!(streams::recordings))
}

/// Routes for who has a token.
fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::get, sessions::kick))
        .routes(routes!(targets::all))
        .routes(routes!(targets::list, targets::create))
        .routes(routes!(targets::get, targets::remove))
        .routes(routes!(targets::pause))
        .routes(routes!(targets::resume))
        .routes(routes!(targets::list_app, targets::create_app))
        .routes(routes!(targets::get_app, targets::remove_app))
        .routes(routes!(targets::pause_app))
        .routes(routes!(targets::resume_app))
        .routes(routes!(events::list))
        .routes(routes!(events::get))
        .routes(routes!(events::replay))
        .routes(routes!(events::webhooks))
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
}
