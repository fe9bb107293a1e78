//! `/api/v1/…`: who is live, and what was recorded.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use streamcore::time::UtcDate;

use crate::hub::Hub;
use crate::recordings::Item;
use crate::stats::StreamInfo;

#[derive(Serialize)]
struct Streams {
    streams: Vec<StreamInfo>,
}

#[derive(Serialize)]
struct Recordings {
    recordings: Vec<Item>,
}

#[derive(Serialize)]
struct Server {
    version: &'static str,
    rtmp_port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtmps_port: Option<u16>,
}

/// Ports for publishers and players.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub rtmp: u16,
    /// Where RTMPS is on.
    pub rtmps: Option<u16>,
}

/// `GET /api/v1/server`: what a publisher needs to know of this server.
pub fn server(ports: Ports) -> Response {
    let Ports { rtmp: rtmp_port, rtmps: rtmps_port } = ports;
    fresh(Server { version: env!("CARGO_PKG_VERSION"), rtmp_port, rtmps_port })
}

/// `GET /api/v1/streams`: the live streams, longest live first.
pub async fn streams(State(hub): State<Arc<Hub>>) -> Response {
    fresh(Streams { streams: hub.list() })
}

/// `GET /api/v1/recordings`: what is being recorded and what was, newest first.
pub async fn recordings(State(hub): State<Arc<Hub>>) -> Response {
    match tokio::task::spawn_blocking(move || hub.recordings().list()).await {
        Ok(items) => fresh(Recordings { recordings: items }),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// `GET /api/v1/time`: the time of day, for the clocks of DASH players (ISO/IEC 23009-1 5.8.4.11).
pub async fn time() -> Response {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = UtcDate(i64::try_from(now.as_micros()).unwrap_or(i64::MAX));
    let mut response = ([(CACHE_CONTROL, "no-store")], now.to_string()).into_response();
    super::allow_any_origin(response.headers_mut());
    response
}

fn fresh(value: impl Serialize) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(value)).into_response()
}
