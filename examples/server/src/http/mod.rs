//! Everything that is served over HTTP.

mod body;
mod compress;
mod control;
mod flv;
mod growing;
mod hls;
mod listen;
mod page;
mod range;
mod recordings;
mod stored;
mod time;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;

pub use compress::Compressed;
pub use listen::{Web, serve};

use crate::hub::{Hub, Phase, TIME_URL};
use crate::metrics::Metrics;

/// Ports for publishers and players.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub rtmp: u16,
    /// Where RTMPS is on.
    pub rtmps: Option<u16>,
}

/// All routes but those of the API. What is not one of the server's own is a file of a live stream, or not found.
pub fn router(hub: Arc<Hub>) -> Router {
    let control = hub.config().server.control;
    let router = Router::new()
        .route("/", get(page::page))
        .route("/dashboard", get(page::dashboard))
        .route("/healthz", get(health))
        .route(TIME_URL, get(time::time))
        .route("/recordings/{*path}", get(recordings::file));
    let router = if control {
        router.route("/control/record/{action}", get(control::record).post(control::record))
    } else {
        router
    };
    router.fallback(hls::file).layer(from_fn(common_headers)).with_state(hub)
}

/// Files of streams, past all routes.
#[derive(Clone)]
pub struct Files {
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
}

impl Files {
    pub const fn new(hub: Arc<Hub>, metrics: Arc<Metrics>) -> Self {
        Self { hub, metrics }
    }

    /// Answers as the routes would.
    async fn answer(
        self,
        client: SocketAddr,
        request: hyper::Request<hyper::body::Incoming>,
    ) -> Response {
        let (request, _) = request.into_parts();
        let mut response = hls::find(&self.hub, client, &request).await;
        allow_any_origin(response.headers_mut());
        add_common(response.headers_mut());
        self.metrics.http(response.status().as_u16());
        response
    }
}

/// For balancers: not there any more as soon as the server is about to stop.
async fn health(State(hub): State<Arc<Hub>>) -> (StatusCode, &'static str) {
    match *hub.phase().borrow() {
        Phase::Serving => (StatusCode::OK, "ok\n"),
        Phase::Draining | Phase::Ending => (StatusCode::SERVICE_UNAVAILABLE, "about to stop\n"),
    }
}

/// Counts answers.
pub async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    metrics.http(response.status().as_u16());
    response
}

async fn common_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    add_common(response.headers_mut());
    response
}

fn add_common(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// Opens `headers` to pages of other origins: players are often embedded elsewhere.
fn allow_any_origin(headers: &mut HeaderMap) {
    use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS};
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Content-Length, Content-Range, Date, ETag, Retry-After"),
    );
}
