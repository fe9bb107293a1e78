//! `/api/v1/streams`: what is live now, and `/api/v1/recordings`: what was made of it. Who watches may ask, too.

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Caller;
use super::extract::{Data, List, Page, PageParams, Path, Query};
use super::problem::{Problem, Problems};
use crate::meter::{KEPT, Sample};
use crate::recordings::{Item, LISTED};
use crate::stats::StreamInfo;
use crate::stream::Stream;

/// A stream, by its path or the id of its live stream.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "describes what is read as text")]
pub struct StreamId {
    /// Path of the stream, `app/name` with the slash as `%2F`, or the id of its live stream.
    id: String,
}

/// The stream of that path or id, where it is known.
pub fn find(api: &Api, id: &str) -> Result<std::sync::Arc<Stream>, Problem> {
    let index = api.keys.index();
    let path = index.stream(id).map_or(id, |stream| stream.path.as_str());
    api.hub.find(path).ok_or_else(Problem::not_found)
}

fn show(mut info: StreamInfo, caller: Caller) -> StreamInfo {
    info.publisher.address = info.publisher.address.filter(|_| caller.manages);
    info
}

/// Lists live streams, longest live first.
#[utoipa::path(get, path = "/api/v1/streams", tag = "Streams", params(PageParams), security((), ("bearer" = [])),
    responses((status = 200, body = List<StreamInfo>), Problems))]
pub async fn list(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    page: Page,
) -> Json<List<StreamInfo>> {
    let live = api.hub.page(page.after, page.limit + 1);
    let shown = live.into_iter().map(|info| (info.seq, show(info, caller))).collect();
    Json(List::new(shown, page))
}

/// One live stream.
#[utoipa::path(get, path = "/api/v1/streams/{id}", tag = "Streams", params(StreamId), security((), ("bearer" = [])),
    responses((status = 200, body = Data<StreamInfo>), Problems))]
pub async fn get(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Data<StreamInfo>>, Problem> {
    let info = find(&api, &id)?.info().ok_or_else(Problem::not_found)?;
    let info = api.hub.in_set(info);
    Ok(Json(Data { data: show(info, caller) }))
}

/// How a stream fared of late.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Health {
    /// Path of the stream.
    stream: String,
    /// Whether it has a publisher now. Without one nothing is measured.
    live: bool,
    /// Seconds between two samples.
    interval_s: u32,
    /// Samples that are kept at most.
    kept: usize,
    /// Oldest first.
    samples: Vec<Sample>,
}

/// Which samples.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// Those that are newer than this: milliseconds since 1970.
    #[param(minimum = 0)]
    since_ms: Option<u64>,
}

/// How a stream fared in the last ten minutes, second by second: bit rate, pictures, key frames, jitter, skew of sound and picture,
/// players.
#[utoipa::path(get, path = "/api/v1/streams/{id}/health", tag = "Streams", params(StreamId, Since), security((), ("bearer" = [])),
    responses((status = 200, body = Data<Health>), Problems))]
pub async fn health(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(since): Query<Since>,
) -> Result<Json<Data<Health>>, Problem> {
    let stream = find(&api, &id)?;
    let since = i64::try_from(since.since_ms.unwrap_or(0)).unwrap_or(i64::MAX);
    let (path, live) = (stream.path().to_owned(), stream.is_live());
    let samples = stream.samples(since);
    Ok(Json(Data { data: Health { stream: path, live, interval_s: 1, kept: KEPT, samples } }))
}

/// Lists what is being recorded and what was, newest first. The cursor is a place in this list.
#[utoipa::path(get, path = "/api/v1/recordings", tag = "Streams", params(PageParams), security((), ("bearer" = [])),
    responses((status = 200, body = List<Item>), Problems))]
pub async fn recordings(State(api): State<Api>, page: Page) -> Result<Json<List<Item>>, Problem> {
    let hub = api.hub.clone();
    let elsewhere = api.uploader.catalogue().elsewhere(LISTED).await?;
    let items = tokio::task::spawn_blocking(move || hub.recordings().list(&elsewhere)).await;
    let items = items.map_err(|_| Problem::unavailable("the folder cannot be read"))?;
    let behind = usize::try_from(page.after).unwrap_or(usize::MAX);
    let numbered = (1_i64..).zip(items).skip(behind).take(page.limit + 1).collect();
    Ok(Json(List::new(numbered, page)))
}
