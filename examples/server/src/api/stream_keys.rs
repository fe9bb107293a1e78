//! Keys and playback ids of one live stream.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Api;
use super::extract::{Body, Data, Path};
use super::live_streams::{LiveStream, One, answer};
use super::problem::{Problem, Problems};
use crate::keys::{PlaybackId, Policy};

/// A playback id to make.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePlaybackId {
    /// Public where it is missing.
    policy: Option<Policy>,
}

/// Makes a further key of a live stream, which is in this answer alone. The others go on: so an encoder moves to a new key without
/// a break.
#[utoipa::path(post, path = "/api/v1/live-streams/{id}/stream-keys", tag = "Stream keys",
    params(("id" = String, Path)), responses((status = 201, body = Data<LiveStream>), Problems))]
pub async fn add(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Data<LiveStream>>), Problem> {
    let (stream, key) = api.keys.add_key(&id, false).await?;
    Ok((StatusCode::CREATED, answer(&api, &stream, Some(key))?))
}

/// Revokes a key. Whoever publishes with it is cut off.
#[utoipa::path(delete, path = "/api/v1/live-streams/{id}/stream-keys/{key_id}", tag = "Stream keys",
    params(("id" = String, Path), ("key_id" = String, Path)),
    responses((status = 204), Problems))]
pub async fn revoke(
    State(api): State<Api>,
    Path((id, key)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let stream = api.keys.remove_key(&id, &key).await?;
    cut_off(&api, &stream.path, &id, &key);
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a key be used again.
#[utoipa::path(put, path = "/api/v1/live-streams/{id}/stream-keys/{key_id}/enable", tag = "Stream keys",
    params(("id" = String, Path), ("key_id" = String, Path)),
    responses((status = 200, body = Data<LiveStream>), Problems))]
pub async fn enable(State(api): State<Api>, Path((id, key)): Path<(String, String)>) -> One {
    answer(&api, &api.keys.set_key_enabled(&id, &key, true).await?, None)
}

/// Lets nobody use a key. Whoever publishes with it is cut off.
#[utoipa::path(put, path = "/api/v1/live-streams/{id}/stream-keys/{key_id}/disable", tag = "Stream keys",
    params(("id" = String, Path), ("key_id" = String, Path)),
    responses((status = 200, body = Data<LiveStream>), Problems))]
pub async fn disable(State(api): State<Api>, Path((id, key)): Path<(String, String)>) -> One {
    let stream = api.keys.set_key_enabled(&id, &key, false).await?;
    cut_off(&api, &stream.path, &id, &key);
    answer(&api, &stream, None)
}

fn cut_off(api: &Api, path: &str, stream: &str, key: &str) {
    if api.keys.is_used(stream, key) {
        api.hub.end_publisher(path);
    }
}

/// Makes a further playback id of a live stream.
#[utoipa::path(post, path = "/api/v1/live-streams/{id}/playback-ids", tag = "Playback ids",
    params(("id" = String, Path)), request_body = CreatePlaybackId,
    responses((status = 201, body = Data<PlaybackId>), Problems))]
pub async fn add_playback_id(
    State(api): State<Api>,
    Path(id): Path<String>,
    Body(asked): Body<CreatePlaybackId>,
) -> Result<(StatusCode, Json<Data<PlaybackId>>), Problem> {
    let policy = asked.policy.unwrap_or_default();
    let id = api.keys.add_playback_id(&id, policy).await?;
    Ok((StatusCode::CREATED, Json(Data { data: PlaybackId { id, policy } })))
}

/// Takes a playback id away: from the next request on it plays nothing.
#[utoipa::path(delete, path = "/api/v1/live-streams/{id}/playback-ids/{playback_id}", tag = "Playback ids",
    params(("id" = String, Path), ("playback_id" = String, Path)),
    responses((status = 204), Problems))]
pub async fn remove_playback_id(
    State(api): State<Api>,
    Path((id, playback)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    api.keys.remove_playback_id(&id, &playback).await?;
    Ok(StatusCode::NO_CONTENT)
}
