//! `/recordings/…`: files with range requests, no listing.

use std::path::PathBuf;
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
    let here = tokio::task::spawn_blocking(move || hub.recordings().file(&path)).await;
    let file = match here.ok().flatten() {
        Some(file) => file,
        None => match elsewhere(&uploader, &key).await {
            Ok(file) => file,
            Err(response) => return response,
        },
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

/// Of a recording that is not in the folder of recordings: its file in another, or the way to its address in a bucket, which
/// holds for an hour.
async fn elsewhere(uploader: &Uploader, key: &str) -> Result<PathBuf, Response> {
    let Ok(Some(asset)) = uploader.catalogue().at(key).await else { return Err(not_found()) };
    let file = uploader.catalogue().file(&asset).or_else(|| uploader.uploaded_file(&asset));
    if let Some(file) = file {
        return Ok(file);
    }
    let address = uploader.address(&asset).await.ok_or_else(not_found)?;
    let mut response = Redirect::temporary(&address).into_response();
    super::allow_any_origin(response.headers_mut());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Err(response)
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "not found\n").into_response()
}
