//! `/recordings/…`: files with range requests, no listing.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use tower_http::services::ServeFile;

use crate::hub::Hub;
use crate::names;
use crate::recordings;
use crate::upload::Uploader;

/// `GET /recordings/{app}/{name…}/{start}.mp4`. Ranges, conditions and HEAD are the file service's.
pub async fn file(
    State(hub): State<Arc<Hub>>,
    Extension(uploader): Extension<Arc<Uploader>>,
    request: Request,
) -> Response {
    let path = request.uri().path().strip_prefix("/recordings").and_then(names::decode_url_path);
    let Some(path) = path else { return not_found() };
    let query = request.uri().query().unwrap_or_default();
    if let Err(why) = hub.keys().play_recording(&path, query) {
        return (StatusCode::FORBIDDEN, format!("{}\n", why.text())).into_response();
    }
    let key = path.clone();
    let Ok(Some(file)) = tokio::task::spawn_blocking(move || hub.recordings().file(&path)).await
    else {
        return elsewhere(&uploader, &key).await;
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

/// Of a recording that is in a bucket, its address there, which holds for an hour.
async fn elsewhere(uploader: &Uploader, key: &str) -> Response {
    let Ok(Some(asset)) = uploader.catalogue().at(key).await else { return not_found() };
    match uploader.address(&asset).await {
        Some(address) => {
            let mut response = Redirect::temporary(&address).into_response();
            super::allow_any_origin(response.headers_mut());
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        None => not_found(),
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "not found\n").into_response()
}
