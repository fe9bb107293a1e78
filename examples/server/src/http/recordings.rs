//! `/recordings/…`: files with range requests, no listing.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use tower_http::services::ServeFile;

use crate::hub::Hub;
use crate::names;
use crate::recordings;

/// `GET /recordings/{app}/{name…}/{start}.mp4`. Ranges, conditions and HEAD are the file service's.
pub async fn file(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    let path = request.uri().path().strip_prefix("/recordings").and_then(names::decode_url_path);
    let find = move || path.and_then(|path| hub.recordings().file(&path));
    let Ok(Some(file)) = tokio::task::spawn_blocking(find).await else {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    };
    let mp4 = file.extension().is_some_and(|extension| extension == "mp4");
    let kind = if mp4 { "video/mp4" } else { "video/x-flv" };
    // A file has its name only once it is whole; where that holds its start to the millisecond, no other ever has it.
    let cache = if recordings::is_dated(&file) && !recordings::is_live(&file) {
        "public, max-age=86400, immutable"
    } else {
        "no-cache"
    };
    let Ok(served) = ServeFile::new(file).try_call(request).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = served.map(axum::body::Body::new);
    let ok = response.status().is_success();
    let headers = response.headers_mut();
    super::allow_any_origin(headers);
    if ok {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    }
    response
}
