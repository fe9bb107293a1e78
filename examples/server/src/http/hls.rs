//! `/{app}/{name…}/{file}`: playlists, init segments and media segments of live streams.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, ALLOW,
    CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, USER_AGENT,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use streamcore::hls::File;

use super::body::ChainBody;
use crate::hub::Hub;
use crate::names;
use crate::stream::Stream;

/// How long a request for the playlist of a stream that has just begun waits for the first segment.
const FIRST_SEGMENT: Duration = Duration::from_secs(10);

/// Whatever is none of the server's own URLs: a file of a live stream.
pub async fn file(
    State(hub): State<Arc<Hub>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (request, _) = request.into_parts();
    let mut response = match request.method {
        Method::GET | Method::HEAD => find(&hub, peer, &request).await,
        Method::OPTIONS => preflight(),
        _ => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD, OPTIONS")]).into_response(),
    };
    super::allow_any_origin(response.headers_mut());
    response
}

fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "Range, If-None-Match, Cache-Control"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn find(hub: &Hub, peer: SocketAddr, request: &Parts) -> Response {
    let path = names::decode_url_path(request.uri.path());
    let Some((stream, name)) = path
        .as_deref()
        .and_then(|path| path.rsplit_once('/'))
        .and_then(|(path, name)| Some((hub.find(path)?, name)))
    else {
        return not_found();
    };
    let is_playlist = name.ends_with(".m3u8");
    let mut file = stream.hls_file(name);
    if file.is_none() && is_playlist {
        file = first(hub, &stream, name).await;
    }
    let Some(file) = file else { return not_found() };
    if is_playlist {
        let agent = request.headers.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
        stream.seen(peer.ip(), agent);
    }
    answer(file, &request.headers)
}

/// Waits for the first segment of a live stream, so that a player that comes early need not ask again.
async fn first(hub: &Hub, stream: &Stream, name: &str) -> Option<File> {
    let _permit = hub.waiters().try_acquire().ok()?;
    let mut changes = stream.changes();
    let wait = async {
        loop {
            if let Some(file) = stream.hls_file(name) {
                return Some(file);
            }
            if !stream.is_live() {
                return None;
            }
            changes.changed().await.ok()?;
        }
    };
    tokio::time::timeout(FIRST_SEGMENT, wait).await.ok().flatten()
}

fn answer(file: File, request: &HeaderMap) -> Response {
    let mut headers = HeaderMap::new();
    if let Ok(cache) = HeaderValue::try_from(file.cache.header().as_ref()) {
        headers.insert(CACHE_CONTROL, cache);
    }
    let etag = HeaderValue::try_from(file.etag).ok();
    if let Some(etag) = &etag {
        headers.insert(ETAG, etag.clone());
        if request.get(IF_NONE_MATCH) == Some(etag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    (headers, Body::new(ChainBody::from(file.body))).into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, [(CACHE_CONTROL, "no-cache")], "not found\n").into_response()
}
