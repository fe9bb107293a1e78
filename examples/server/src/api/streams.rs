//! `/api/v1/streams`: what is live now, and `/api/v1/recordings`: what was made of it. Who watches may ask, too.

use axum::extract::State;
use axum::{Extension, Json};
use utoipa::IntoParams;

use super::Api;
use super::auth::Caller;
use super::extract::{Data, List, Page, PageParams, Path};
use super::problem::{Problem, Problems};
use crate::recordings::Item;
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
    Ok(Json(Data { data: show(info, caller) }))
}

/// Lists what is being recorded and what was, newest first. The cursor is a place in this list.
#[utoipa::path(get, path = "/api/v1/recordings", tag = "Streams", params(PageParams), security((), ("bearer" = [])),
    responses((status = 200, body = List<Item>), Problems))]
pub async fn recordings(State(api): State<Api>, page: Page) -> Result<Json<List<Item>>, Problem> {
    let hub = api.hub.clone();
    let items = tokio::task::spawn_blocking(move || hub.recordings().list()).await;
    let items = items.map_err(|_| Problem::unavailable("the folder cannot be read"))?;
    let behind = usize::try_from(page.after).unwrap_or(usize::MAX);
    let numbered = (1_i64..).zip(items).skip(behind).take(page.limit + 1).collect();
    Ok(Json(List::new(numbered, page)))
}
