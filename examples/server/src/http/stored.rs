//! Files of the store, for those who ask for what is not in memory any more.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, IF_RANGE, RANGE, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::compress;
use super::hls::{is_known, not_modified, refusal};
use super::range::{self, Wanted};
use crate::origin::{Known, Store};

/// A file of which all is known but its bytes.
pub async fn known(store: &Store, known: &Known, method: &Method, request: &HeaderMap) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(known.content_type));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(etag) = HeaderValue::try_from(&known.etag) {
        headers.insert(ETAG, etag);
    }
    if is_known(request, &known.etag) {
        return not_modified(headers);
    }
    let same = request.get(IF_RANGE).is_none_or(|tag| tag.as_bytes() == known.etag.as_bytes());
    let length = usize::try_from(known.bytes).unwrap_or(usize::MAX);
    let (status, range) = match range::read(request.get(RANGE).filter(|_| same), length) {
        Wanted::All => (StatusCode::OK, 0..length),
        Wanted::Bytes(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nothing => {
            headers.remove(CONTENT_TYPE);
            headers.insert(CONTENT_RANGE, text(format!("bytes */{length}")));
            return (StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response();
        }
    };
    if status == StatusCode::PARTIAL_CONTENT {
        let said = format!("bytes {}-{}/{length}", range.start, range.end - 1);
        headers.insert(CONTENT_RANGE, text(said));
    }
    headers.insert(CONTENT_LENGTH, text(range.len().to_string()));
    if method == Method::HEAD || range.is_empty() {
        return (status, headers).into_response();
    }
    match store.read(&known.path, range.start as u64..range.end as u64).await {
        Ok(found) => (status, headers, Body::from_stream(found.into_stream())).into_response(),
        Err(error) => away(&error),
    }
}

/// A file of a broadcast that is over, or that is asked for by the name of its folder. `None` where there is none.
pub async fn file(
    store: &Store,
    path: &str,
    method: &Method,
    request: &HeaderMap,
) -> Option<Response> {
    let content_type = match path.rsplit_once('.')?.1 {
        "m3u8" => "application/vnd.apple.mpegurl",
        "mpd" => "application/dash+xml",
        "m4s" | "mp4" => match path.rsplit('/').next()?.starts_with("audio") {
            true => "audio/mp4",
            false => "video/mp4",
        },
        _ => return None,
    };
    let found = match store.find(path).await {
        Ok(found) => found?,
        Err(error) => return Some(away(&error)),
    };
    // Where the store gives no tag, the time and the length tell a file from another of its name.
    let etag = found.e_tag.clone().unwrap_or_else(|| {
        format!("\"{:x}-{:x}\"", found.last_modified.timestamp_millis(), found.size)
    });
    let etag = if etag.starts_with('"') { etag } else { format!("\"{etag}\"") };
    let file = Known { path: path.to_owned(), content_type, etag, bytes: found.size };
    Some(match content_type {
        "video/mp4" | "audio/mp4" => known(store, &file, method, request).await,
        _ => playlist(store, file, request).await,
    })
}

async fn playlist(store: &Store, file: Known, request: &HeaderMap) -> Response {
    let gzip = compress::is_wanted(request.get(ACCEPT_ENCODING)) && file.bytes >= 600;
    let etag = if gzip { file.etag.replacen('"', "\"gzip-", 1) } else { file.etag };
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Ok(etag) = HeaderValue::try_from(&etag) {
        headers.insert(ETAG, etag);
    }
    if is_known(request, &etag) {
        return not_modified(headers);
    }
    let read = async {
        let found = store.read(&file.path, 0..file.bytes).await?;
        found.bytes().await.map_err(|error| error.to_string())
    };
    let bytes = match read.await {
        Ok(bytes) => bytes,
        Err(error) => return away(&error),
    };
    if !gzip {
        return (headers, bytes).into_response();
    }
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let packed = tokio::task::spawn_blocking(move || compress::gzip(&bytes)).await;
    (headers, packed.unwrap_or_default()).into_response()
}

fn away(error: &str) -> Response {
    tracing::debug!("the HLS store cannot be read: {error}");
    refusal(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer")
}

fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).expect("digits")
}
