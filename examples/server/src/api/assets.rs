//! `/api/v1/assets`: recordings that are whole, and how far their uploads are.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::extract::{Data, List, Page, PageParams, Path, Query};
use super::problem::{Problem, Problems};
use crate::catalogue::{self, AssetState, Track};
use crate::names;

/// A recording.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Asset {
    id: String,
    /// Id of its live stream, where it has one.
    live_stream_id: Option<String>,
    /// Application and name of its stream.
    app: String,
    name: String,
    /// When it began, RFC 3339.
    #[schema(format = DateTime)]
    started: String,
    duration_s: f64,
    bytes: i64,
    tracks: Vec<Track>,
    state: AssetState,
    /// Where it plays: on this server, or from here on in the bucket. Signed where its live stream says so.
    url: String,
    /// A JPEG; null while there is none.
    poster_url: Option<String>,
    /// Why there is no poster.
    poster_error: Option<String>,
    /// Whether its file is on this machine.
    local: bool,
    /// SHA-256 in hex, once it was uploaded and verified.
    sha256: Option<String>,
    upload: Upload,
}

/// How far an upload is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Upload {
    /// Bytes that arrived.
    sent: i64,
    /// Attempts that failed since something last succeeded.
    failed_attempts: u32,
    /// What the last of them failed with.
    error: Option<String>,
}

/// Which assets.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Those of this live stream alone.
    live_stream_id: Option<String>,
    /// The newest first; the oldest where it is missing.
    newest_first: Option<bool>,
}

fn show(asset: catalogue::Asset) -> Asset {
    let ready = asset.poster.as_deref() == Some("ready");
    let time = jiff::Timestamp::from_millisecond(asset.started).unwrap_or_default();
    Asset {
        url: format!("/recordings{}", names::url_path(&asset.key)),
        poster_url: ready.then(|| format!("/api/v1/assets/{}/poster.jpg", asset.id)),
        poster_error: asset.poster.filter(|_| !ready),
        id: asset.id,
        live_stream_id: asset.live_stream,
        app: asset.app,
        name: asset.name,
        started: crate::recordings::rfc3339(time),
        duration_s: asset.duration as f64 / 1000.0,
        bytes: asset.bytes,
        tracks: asset.tracks,
        state: asset.state,
        local: asset.local,
        sha256: asset.sha256,
        upload: Upload { sent: asset.sent, failed_attempts: asset.attempts, error: asset.error },
    }
}

async fn find(api: &Api, id: &str) -> Result<catalogue::Asset, Problem> {
    api.uploader.catalogue().get(id).await?.ok_or_else(Problem::not_found)
}

/// Lists recordings that are whole.
#[utoipa::path(get, path = "/api/v1/assets", tag = "Assets", params(PageParams, Filter),
    responses((status = 200, body = List<Asset>), Problems))]
pub async fn list(
    State(api): State<Api>,
    page: Page,
    Query(filter): Query<Filter>,
) -> Result<Json<List<Asset>>, Problem> {
    let from = (page.after, filter.newest_first.unwrap_or_default());
    let assets = api.uploader.catalogue().page(from, page.limit + 1, filter.live_stream_id);
    let shown = assets.await?.into_iter().map(|asset| (asset.seq, show(asset))).collect();
    Ok(Json(List::new(shown, page)))
}

/// One recording.
#[utoipa::path(get, path = "/api/v1/assets/{id}", tag = "Assets", params(("id" = String, Path)),
    responses((status = 200, body = Data<Asset>), Problems))]
pub async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Data<Asset>>, Problem> {
    Ok(Json(Data { data: show(find(&api, &id).await?) }))
}

/// Deletes a recording: its file, its object in the bucket, and its row. The answer does not wait for the bucket.
#[utoipa::path(delete, path = "/api/v1/assets/{id}", tag = "Assets", params(("id" = String, Path)),
    responses((status = 204), Problems))]
pub async fn remove(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    if api.uploader.catalogue().delete(&id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}

/// The first picture of a recording.
#[utoipa::path(get, path = "/api/v1/assets/{id}/poster.jpg", tag = "Assets", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/jpeg", body = [u8]), Problems))]
pub async fn poster(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Problem> {
    let asset = find(&api, &id).await?;
    let file = api.uploader.catalogue().poster(&asset);
    let picture = tokio::fs::read(file).await.map_err(|_| Problem::not_found())?;
    Ok(([(CONTENT_TYPE, "image/jpeg")], picture).into_response())
}
