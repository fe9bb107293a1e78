//! `/{app}/{name…}/{file}`: playlists, the MPD, init segments, media segments and parts of them.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, RETRY_AFTER, USER_AGENT, VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use streamcore::hls::{Answer, BadRequest, File, Growing};
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::body::ChainBody;
use super::compress;
use super::flv;
use super::growing::GrowingBody;
use super::range::{self, Wanted};
use super::stored;
use crate::access::{Reason, Refused};
use crate::hub::Hub;
use crate::keys::Denied;
use crate::names;
use crate::redact::Redacted;
use crate::sessions::{Figures, Via};
use crate::stream::Stream;

/// Whether a request surely is for a playlist, an MPD, a segment or a part of a stream: most are, and they need no way through the routes.
pub fn is_file(request: &axum::http::Request<impl Sized>) -> bool {
    let path = request.uri().path();
    let ends = [".m3u8", ".m4s", ".mpd"].iter().any(|end| path.ends_with(end));
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    request.method() == Method::GET && ends && !names::is_reserved(first)
}

/// Whatever is none of the server's own URLs: a file of a live stream.
pub async fn file(
    State(hub): State<Arc<Hub>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (mut request, _) = request.into_parts();
    let mut response = match request.method {
        Method::GET | Method::HEAD if flv::is_wanted(&request.uri) => {
            flv::play(&hub, peer, &mut request).await
        }
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
        (ACCESS_CONTROL_ALLOW_HEADERS, "Range, If-None-Match, If-Range, Cache-Control"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// What is left of waiting: an answer, or none in time.
enum Found {
    File(File),
    Growing(Growing),
    Absent(StatusCode),
    Bad(BadRequest),
    TooLate,
    TooMany,
}

pub(super) async fn find(hub: &Arc<Hub>, peer: SocketAddr, request: &Parts) -> Response {
    let query = request.uri.query().unwrap_or_default();
    let path = match names::decode_url_path(request.uri.path()) {
        Some(path) => match hub.keys().play(&path, query) {
            Ok(path) => Some(path),
            Err(Denied::NotFound) => None,
            Err(why) => return refusal(StatusCode::FORBIDDEN, why.text()),
        },
        None => None,
    };
    let Some((path, name)) = path.as_deref().and_then(|path| path.rsplit_once('/')) else {
        return find_stored(hub, path.as_deref(), request).await;
    };
    let path = match admit(hub, path, peer, request).await {
        Ok(path) => path,
        Err(response) => return response,
    };
    let is_playlist = name.ends_with(".m3u8") || name.ends_with(".mpd");
    let stream = if is_playlist { hub.demand(&path, None).await } else { hub.find(&path) };
    let Some(stream) = stream else {
        let file = format!("{path}/{name}");
        return find_stored(hub, Some(&file), request).await;
    };
    let agent = request.headers.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
    let via = is_playlist.then(|| if name.ends_with(".mpd") { Via::Dash } else { Via::Hls });
    let Ok(figures) = stream.seen(peer, agent, via) else {
        return refusal(StatusCode::FORBIDDEN, "this player was sent away");
    };
    let response = answer(hub, &stream, name, request, figures.as_ref()).await;
    if let (Some(figures), Some(bytes)) = (figures, response.body().size_hint().exact()) {
        figures.count(1, usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    response
}

/// A file of a stream that is there.
async fn answer(
    hub: &Arc<Hub>,
    stream: &Arc<Stream>,
    name: &str,
    request: &Parts,
    figures: Option<&Arc<Figures>>,
) -> Response {
    let is_playlist = name.ends_with(".m3u8") || name.ends_with(".mpd");
    let start = Instant::now();
    let (found, waited) = wait(hub, stream, name, request.uri.query()).await;
    if waited {
        hub.services().metrics.hls_wait(start.elapsed());
    }
    match found {
        Found::File(file) if is_playlist => playlist(stream, file, &request.headers).await,
        Found::File(file) => media(file, &request.headers),
        Found::Growing(growing) => growing_segment(stream, growing, figures.cloned()),
        Found::Absent(status) => match hub.store().zip(stream.find_stored(name)) {
            Some((store, file)) => {
                stored::known(store, &file, &request.method, &request.headers).await
            }
            None if stream.is_without_hls() => {
                refusal(status, "HLS and DASH are off for this application")
            }
            None => refusal(status, "not found"),
        },
        Found::Bad(reason) => refusal(StatusCode::BAD_REQUEST, &reason.to_string()),
        Found::TooLate => refusal(StatusCode::SERVICE_UNAVAILABLE, "nothing new came in time"),
        Found::TooMany => refusal(StatusCode::SERVICE_UNAVAILABLE, "too many requests wait"),
    }
}

/// Whether the player may; the path of what it gets.
async fn admit(
    hub: &Hub,
    path: &str,
    peer: SocketAddr,
    request: &Parts,
) -> Result<String, Response> {
    let services = hub.services();
    let query = request.uri.query().unwrap_or_default();
    let agent = agent(request);
    let (admission, hooks) = (&services.admission, &services.hooks);
    if !admission.asks_web() {
        return Ok(path.to_owned());
    }
    match services.web.admit(admission, hooks, path, peer, query, agent).await {
        Ok(grant) => Ok(grant.path()),
        Err(refused) => Err(denial(&refused, peer, path)),
    }
}

/// What a client says that it is.
pub(super) fn agent(request: &Parts) -> &str {
    let agent = request.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.unwrap_or_default()
}

/// The answer to a player who may not.
pub(super) fn denial(refused: &Refused, peer: SocketAddr, path: &str) -> Response {
    let (status, said) = match refused.reason {
        Reason::Denied => (StatusCode::FORBIDDEN, "not allowed"),
        Reason::NotFound => (StatusCode::NOT_FOUND, "not found"),
        Reason::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "not now"),
    };
    tracing::debug!(%peer, stream = %Redacted(path), "HTTP player refused: {}", refused.text);
    refusal(status, said)
}

/// A file in the folder of a broadcast, where there is a store.
async fn find_stored(hub: &Hub, path: Option<&str>, request: &Parts) -> Response {
    let found = match hub.store().zip(path) {
        Some((store, path)) => stored::file(store, path, &request.method, &request.headers).await,
        None => None,
    };
    found.unwrap_or_else(|| refusal(StatusCode::NOT_FOUND, "not found"))
}

/// Holds the request until there is an answer, and says whether it had to wait. Whoever goes away drops this, and waits no more.
async fn wait(hub: &Hub, stream: &Stream, name: &str, query: Option<&str>) -> (Found, bool) {
    let mut permits = None;
    let found = hold(hub, stream, name, query, &mut permits).await;
    (found, permits.is_some())
}

type Permits<'a> = Option<(SemaphorePermit<'a>, SemaphorePermit<'a>)>;

async fn hold<'a>(
    hub: &'a Hub,
    stream: &'a Stream,
    name: &str,
    query: Option<&str>,
    permits: &mut Permits<'a>,
) -> Found {
    let start = Instant::now();
    // Before the first look, so that no change is missed.
    let mut changes = stream.changes();
    loop {
        let wait = match stream.hls_answer(name, query) {
            Answer::Ready(file) => return Found::File(file),
            Answer::Growing(growing) => {
                let full = stream.may_wait().is_none();
                return if full { Found::TooMany } else { Found::Growing(growing) };
            }
            Answer::Wait(wait) => wait,
            Answer::Gone => return Found::Absent(StatusCode::GONE),
            Answer::BadRequest(reason) => return Found::Bad(reason),
            _ => return Found::Absent(StatusCode::NOT_FOUND),
        };
        if permits.is_none() {
            let both = stream.may_wait().zip(hub.waiters().try_acquire().ok());
            let Some(both) = both else { return Found::TooMany };
            *permits = Some(both);
        }
        match tokio::time::timeout_at(start + wait.limit, changes.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Found::Absent(StatusCode::NOT_FOUND),
            Err(_) => return Found::TooLate,
        }
    }
}

/// Room for all that an answer says, so that the map need not grow.
const HEADERS: usize = 12;

fn headers_of(file: &File, etag: String) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    let cache = match file.cache.header() {
        Cow::Borrowed(text) => Ok(HeaderValue::from_static(text)),
        Cow::Owned(text) => HeaderValue::try_from(text),
    };
    for (name, value) in [(CACHE_CONTROL, cache), (ETAG, HeaderValue::try_from(etag))] {
        if let Ok(value) = value {
            headers.insert(name, value);
        }
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    headers
}

fn respond(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Whether the client has the file already (RFC 9110 13.1.2).
pub(super) fn is_known(request: &HeaderMap, etag: &str) -> bool {
    let listed = request.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    listed.is_some_and(|listed| {
        listed
            .split(',')
            .map(str::trim)
            .any(|one| one == "*" || one.trim_start_matches("W/") == etag)
    })
}

pub(super) fn not_modified(mut headers: HeaderMap) -> Response {
    headers.remove(CONTENT_TYPE);
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

async fn playlist(stream: &Stream, file: File, request: &HeaderMap) -> Response {
    let gzip = compress::is_wanted(request.get(ACCEPT_ENCODING)) && compress::pays(&file);
    // Other bytes, another tag (RFC 9110 8.8.3.3).
    let etag = if gzip { file.etag.replacen('"', "\"gzip-", 1) } else { file.etag.clone() };
    let known = is_known(request, &etag);
    let mut headers = headers_of(&file, etag);
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if known {
        return not_modified(headers);
    }
    if !gzip {
        return respond(StatusCode::OK, headers, Body::new(ChainBody::from(file.body)));
    }
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    respond(StatusCode::OK, headers, stream.compressed().get(&file).await.into())
}

/// A segment that is being made: its length is not known, and it is not what will be kept under its name before it is whole.
fn growing_segment(
    stream: &Arc<Stream>,
    growing: Growing,
    figures: Option<Arc<Figures>>,
) -> Response {
    let headers = [(CACHE_CONTROL, "no-cache"), (CONTENT_TYPE, growing.content_type)];
    (headers, Body::new(GrowingBody::new(stream.clone(), growing, figures))).into_response()
}

/// A segment, a part or an init segment, or a range of its bytes.
fn media(file: File, request: &HeaderMap) -> Response {
    let mut headers = headers_of(&file, file.etag.clone());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if is_known(request, &file.etag) {
        return not_modified(headers);
    }
    let length = file.body.len();
    let same = request.get(IF_RANGE).is_none_or(|tag| tag.as_bytes() == file.etag.as_bytes());
    match range::read(request.get(RANGE).filter(|_| same), length) {
        Wanted::All => respond(StatusCode::OK, headers, Body::new(ChainBody::from(file.body))),
        Wanted::Bytes(range) => {
            let said = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            headers.insert(CONTENT_RANGE, said.parse().expect("digits"));
            let body = Body::new(ChainBody::of_range(file.body, range));
            respond(StatusCode::PARTIAL_CONTENT, headers, body)
        }
        Wanted::Nothing => {
            headers.remove(CONTENT_TYPE);
            headers.insert(CONTENT_RANGE, format!("bytes */{length}").parse().expect("digits"));
            (StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response()
        }
    }
}

/// An answer without a file. None is kept by caches: what is not there may come.
pub(super) fn refusal(status: StatusCode, reason: &str) -> Response {
    let mut response =
        (status, [(CACHE_CONTROL, "no-cache")], format!("{reason}\n")).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
