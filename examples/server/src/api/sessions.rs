//! `/api/v1/sessions`: who publishes and plays.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::extract::{Data, List, Page, PageParams, Path, Query};
use super::problem::{Problem, Problems};
use crate::recordings::rfc3339;
use crate::sessions::{self, Role, Via};

/// A publisher or a player.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Session {
    id: String,
    role: Role,
    protocol: Via,
    /// Path of its stream.
    stream: String,
    /// Id of the stream's live stream, where it has one.
    live_stream_id: Option<String>,
    /// Address and port; of a player over HTTP those of its first request.
    address: String,
    /// Program, as it names itself.
    agent: String,
    #[schema(format = DateTime)]
    since: String,
    duration_s: f64,
    /// Payload that came from a publisher; bytes that were sent to a player.
    bytes: u64,
    /// Messages, or answers to a player over HTTP.
    messages: u64,
    /// Messages that were left out because the player is slow.
    dropped: u64,
}

/// Which sessions.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Those of this stream alone, by its path.
    stream: Option<String>,
    role: Option<Role>,
    protocol: Option<Via>,
}

fn show(api: &Api, session: &sessions::Session) -> Session {
    let sums = session.figures.get();
    let index = api.keys.index();
    Session {
        id: session.id.clone(),
        role: session.role,
        protocol: session.via,
        live_stream_id: index.at_path(&session.stream).map(|stream| stream.id.clone()),
        stream: session.stream.clone(),
        address: session.address.to_string(),
        agent: session.agent.clone(),
        since: rfc3339(session.since),
        duration_s: session.started.elapsed().as_millis() as f64 / 1000.0,
        bytes: sums.bytes,
        messages: sums.messages,
        dropped: sums.dropped,
    }
}

/// Lists who publishes and plays now, oldest first.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "Sessions", params(PageParams, Filter),
    responses((status = 200, body = List<Session>), Problems))]
pub async fn list(
    State(api): State<Api>,
    page: Page,
    Query(filter): Query<Filter>,
) -> Json<List<Session>> {
    let wanted = |session: &sessions::Session| {
        filter.stream.as_ref().is_none_or(|stream| session.stream == *stream)
            && filter.role.is_none_or(|role| session.role == role)
            && filter.protocol.is_none_or(|via| session.via == via)
    };
    let after = u64::try_from(page.after).unwrap_or(0);
    let found = api.hub.services().sessions.page(after, page.limit + 1, wanted);
    let number = |seq| i64::try_from(seq).unwrap_or(i64::MAX);
    let shown = found.iter().map(|session| (number(session.seq), show(&api, session))).collect();
    Json(List::new(shown, page))
}

/// One publisher or player.
#[utoipa::path(get, path = "/api/v1/sessions/{id}", tag = "Sessions", params(("id" = String, Path)),
    responses((status = 200, body = Data<Session>), Problems))]
pub async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Data<Session>>, Problem> {
    let session = api.hub.services().sessions.find(&id).ok_or_else(Problem::not_found)?;
    Ok(Json(Data { data: show(&api, &session) }))
}

/// Ends a session. A publisher's stream ends with it, without waiting for it to come back; a player over HTTP is refused for a
/// minute.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "Sessions", params(("id" = String, Path)),
    responses((status = 204), Problems))]
pub async fn kick(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let session = api.hub.services().sessions.find(&id).ok_or_else(Problem::not_found)?;
    session.kick();
    tracing::info!(session = session.id, peer = %session.address, "session ended over the API");
    Ok(StatusCode::NO_CONTENT)
}
