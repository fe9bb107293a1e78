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

use std::sync::{Arc, LazyLock};

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
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

pub use problem::Problem;
pub use server::Run;

use crate::hub::Hub;
use crate::keys::{Keys, Require};
use crate::upload::Uploader;

/// Longest body of a request, in bytes.
const BODY: usize = 64 << 10;

/// Made when it is first asked for: that takes two MiB, and few ever ask. As text it takes a tenth of them.
static DESCRIPTION: LazyLock<Bytes> = LazyLock::new(describe);

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
    let guarded = other_methods(plain(guarded).route("/metrics", get(metrics)));
    let guarded = guarded.layer(from_fn_with_state(api.clone(), auth::check));
    let open = other_methods(plain(open)).layer(from_fn_with_state(api.clone(), auth::recognize));
    let routes = guarded
        .merge(open)
        .layer(from_fn(no_store))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(api);
    let json = [(CONTENT_TYPE, "application/json")];
    routes.route("/api/v1/openapi.json", get(move || async move { (json, DESCRIPTION.clone()) }))
}

/// Takes routes, each address with its methods and what is said of them.
type Take<'a> = &'a mut dyn FnMut(UtoipaMethodRouter<Api>);

/// Routes without their descriptions.
fn plain(all: fn(Take<'_>)) -> Router<Api> {
    let mut router = Router::new();
    all(&mut |(_, paths, methods)| {
        if let Some(path) = paths.paths.keys().next() {
            router = std::mem::take(&mut router).route(path, methods);
        }
    });
    router
}

fn describe() -> Bytes {
    let mut routes = OpenApiRouter::with_openapi(Description::openapi());
    for all in [guarded, open] {
        all(&mut |more| routes = std::mem::take(&mut routes).routes(more));
    }
    let mut description = routes.into_openapi();
    name_operations(&mut description);
    Bytes::from(serde_json::to_vec(&description).unwrap_or_default())
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
fn open(take: Take<'_>) {
    take(routes!(server::get));
    take(routes!(streams::list));
    take(routes!(streams::get));
    take(routes!(streams::health));
    take(routes!(streams::recordings));
}

/// Routes for who has a token.
fn guarded(take: Take<'_>) {
    take(routes!(sessions::list));
    take(routes!(sessions::get, sessions::kick));
    take(routes!(targets::all));
    take(routes!(targets::list, targets::create));
    take(routes!(targets::get, targets::remove));
    take(routes!(targets::pause));
    take(routes!(targets::resume));
    take(routes!(targets::list_app, targets::create_app));
    take(routes!(targets::get_app, targets::remove_app));
    take(routes!(targets::pause_app));
    take(routes!(targets::resume_app));
    take(routes!(events::list));
    take(routes!(events::get));
    take(routes!(events::replay));
    take(routes!(events::webhooks));
    take(routes!(live_streams::list, live_streams::create));
    take(routes!(live_streams::get, live_streams::update, live_streams::delete));
    take(routes!(live_streams::reset_stream_key));
    take(routes!(live_streams::enable));
    take(routes!(live_streams::disable));
    take(routes!(live_streams::complete));
    take(routes!(stream_keys::add));
    take(routes!(stream_keys::revoke));
    take(routes!(stream_keys::enable));
    take(routes!(stream_keys::disable));
    take(routes!(stream_keys::add_playback_id));
    take(routes!(stream_keys::remove_playback_id));
    take(routes!(signing_keys::list, signing_keys::create));
    take(routes!(signing_keys::get, signing_keys::remove));
    take(routes!(assets::list));
    take(routes!(assets::get, assets::remove));
    take(routes!(assets::poster));
}
