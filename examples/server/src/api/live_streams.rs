//! `/api/v1/live-streams`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Body, Data, List, Page, PageParams, Path};
use super::problem::{Problem, Problems};
use crate::events::Kind;
use crate::keys::{self, AssetSettings, Changes, LatencyMode, New, PlaybackId, Policy, StreamKey};
use crate::names;

/// Whether a live stream is being published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nobody publishes it.
    Idle,
    /// It is being published.
    Active,
    /// Nobody may publish it.
    Disabled,
}

/// A live stream.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveStream {
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    pub status: Status,
    /// Its new key, in the one answer that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub stream_key: Option<String>,
    pub stream_keys: Vec<StreamKey>,
    pub playback_ids: Vec<PlaybackId>,
    /// Application that it is played in: `/{app}/{playback id}/index.m3u8`.
    pub app: String,
    /// Seconds that players wait for a publisher who was cut off; null for the server's own setting.
    pub reconnect_window: Option<f64>,
    pub latency_mode: LatencyMode,
    pub new_asset_settings: AssetSettings,
    /// What the caller gave.
    pub passthrough: Option<String>,
}

/// A live stream to make. Everything may be missing.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateLiveStream {
    /// Application that it goes live in.
    #[schema(pattern = "^[a-z][a-z0-9_-]{0,31}$", example = "live")]
    app: Option<String>,
    /// Policy of each of its playback ids; one that is public where there is none.
    #[schema(max_items = 100)]
    playback_policies: Option<Vec<Policy>>,
    /// Seconds that players wait for a publisher who was cut off.
    #[schema(minimum = 0.0, maximum = 1800.0)]
    reconnect_window: Option<f64>,
    latency_mode: Option<LatencyMode>,
    new_asset_settings: Option<AssetSettings>,
    /// Anything of the caller's own, up to 255 characters.
    #[schema(max_length = 255)]
    passthrough: Option<String>,
}

/// One answer.
pub type One = Result<Json<Data<LiveStream>>, Problem>;

/// A live stream as it is shown, with a key that was just made.
pub fn show(api: &Api, stream: &keys::LiveStream, stream_key: Option<String>) -> LiveStream {
    let live = api.hub.find(&stream.path).is_some_and(|stream| stream.is_live());
    let status = match (stream.disabled, live) {
        (true, _) => Status::Disabled,
        (false, true) => Status::Active,
        (false, false) => Status::Idle,
    };
    let settings = stream.settings.clone();
    LiveStream {
        id: stream.id.clone(),
        created_at: stream.created,
        status,
        stream_key,
        stream_keys: stream.keys.clone(),
        playback_ids: stream.playback_ids.clone(),
        app: names::split(&stream.path).0.to_owned(),
        reconnect_window: settings.reconnect_window,
        latency_mode: settings.latency_mode,
        new_asset_settings: settings.new_asset_settings,
        passthrough: settings.passthrough,
    }
}

/// Tells of what became of a live stream, by an event.
fn tell(api: &Api, stream: &keys::LiveStream, kind: Kind) {
    let mut data = serde_json::to_value(show(api, stream, None)).unwrap_or_default();
    data["path"] = stream.path.as_str().into();
    api.hub.services().bus.emit(kind, &stream.id, data);
}

/// One answer with a live stream.
pub fn answer(api: &Api, stream: &Arc<keys::LiveStream>, stream_key: Option<String>) -> One {
    Ok(Json(Data { data: show(api, stream, stream_key) }))
}

/// Lists live streams, oldest first.
#[utoipa::path(get, path = "/api/v1/live-streams", tag = "Live streams", params(PageParams),
    responses((status = 200, body = List<LiveStream>), Problems))]
pub async fn list(State(api): State<Api>, page: Page) -> Json<List<LiveStream>> {
    let streams = api.keys.index().page(page.after, page.limit + 1);
    let shown = streams.iter().map(|stream| (stream.seq, show(&api, stream, None))).collect();
    Json(List::new(shown, page))
}

/// Makes a live stream. Its key is in this answer alone.
#[utoipa::path(post, path = "/api/v1/live-streams", tag = "Live streams", request_body = CreateLiveStream,
    responses((status = 201, body = Data<LiveStream>), Problems))]
pub async fn create(
    State(api): State<Api>,
    Body(asked): Body<CreateLiveStream>,
) -> Result<(StatusCode, Json<Data<LiveStream>>), Problem> {
    let changes = Changes {
        reconnect_window: asked.reconnect_window,
        latency_mode: asked.latency_mode,
        new_asset_settings: asked.new_asset_settings,
        passthrough: asked.passthrough,
    };
    let policies = asked.playback_policies.unwrap_or_default();
    let new = New { app: asked.app, policies, changes };
    let (stream, key) = api.keys.create(new).await?;
    tracing::info!(live_stream = stream.id, "live stream made");
    tell(&api, &stream, Kind::StreamCreated);
    Ok((StatusCode::CREATED, answer(&api, &stream, Some(key))?))
}

/// One live stream.
#[utoipa::path(get, path = "/api/v1/live-streams/{id}", tag = "Live streams", params(("id" = String, Path)),
    responses((status = 200, body = Data<LiveStream>), Problems))]
pub async fn get(State(api): State<Api>, Path(id): Path<String>) -> One {
    let stream = api.keys.index().stream(&id).cloned().ok_or_else(Problem::not_found)?;
    answer(&api, &stream, None)
}

/// Changes settings of a live stream; what is missing stays as it is.
#[utoipa::path(patch, path = "/api/v1/live-streams/{id}", tag = "Live streams", params(("id" = String, Path)),
    request_body = Changes, responses((status = 200, body = Data<LiveStream>), Problems))]
pub async fn update(
    State(api): State<Api>,
    Path(id): Path<String>,
    Body(changes): Body<Changes>,
) -> One {
    let stream = api.keys.update(&id, changes).await?;
    tell(&api, &stream, Kind::StreamUpdated);
    answer(&api, &stream, None)
}

/// Deletes a live stream. Whoever publishes it is cut off; its recordings stay.
#[utoipa::path(delete, path = "/api/v1/live-streams/{id}", tag = "Live streams", params(("id" = String, Path)),
    responses((status = 204), Problems))]
pub async fn delete(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let stream = api.keys.delete(&id).await?;
    api.hub.services().relay.remove_all(&stream.path).await?;
    api.hub.end_publisher(&stream.path);
    tell(&api, &stream, Kind::StreamDeleted);
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes all keys of a live stream and makes one, which is in this answer alone. Whoever publishes it is cut off.
#[utoipa::path(post, path = "/api/v1/live-streams/{id}/reset-stream-key", tag = "Live streams",
    params(("id" = String, Path)), responses((status = 201, body = Data<LiveStream>), Problems))]
pub async fn reset_stream_key(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Data<LiveStream>>), Problem> {
    let (stream, key) = api.keys.add_key(&id, true).await?;
    api.hub.end_publisher(&stream.path);
    Ok((StatusCode::CREATED, answer(&api, &stream, Some(key))?))
}

/// Lets a live stream be published again.
#[utoipa::path(put, path = "/api/v1/live-streams/{id}/enable", tag = "Live streams", params(("id" = String, Path)),
    responses((status = 200, body = Data<LiveStream>), Problems))]
pub async fn enable(State(api): State<Api>, Path(id): Path<String>) -> One {
    let stream = api.keys.set_disabled(&id, false).await?;
    tell(&api, &stream, Kind::StreamEnabled);
    answer(&api, &stream, None)
}

/// Lets nobody publish a live stream. Whoever does is cut off.
#[utoipa::path(put, path = "/api/v1/live-streams/{id}/disable", tag = "Live streams", params(("id" = String, Path)),
    responses((status = 200, body = Data<LiveStream>), Problems))]
pub async fn disable(State(api): State<Api>, Path(id): Path<String>) -> One {
    let stream = api.keys.set_disabled(&id, true).await?;
    api.hub.end_publisher(&stream.path);
    tell(&api, &stream, Kind::StreamDisabled);
    answer(&api, &stream, None)
}

/// Ends what is live: its playlists are closed, and its recordings finished, without waiting for the publisher to come back.
#[utoipa::path(put, path = "/api/v1/live-streams/{id}/complete", tag = "Live streams", params(("id" = String, Path)),
    responses((status = 200, body = Data<LiveStream>), Problems))]
pub async fn complete(State(api): State<Api>, Path(id): Path<String>) -> One {
    let stream = api.keys.index().stream(&id).cloned().ok_or_else(Problem::not_found)?;
    api.hub.end_publisher(&stream.path);
    answer(&api, &stream, None)
}
