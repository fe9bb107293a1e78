//! `/api/v1/events`: what has happened, and who has been told.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::extract::{Body, Data, List, Page, PageParams, Path, Query};
use super::problem::{Problem, Problems};
use crate::events::{Filter as Wanted, Stored};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It is sent again and again.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// It was given up.
    Failed,
}

/// An event.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Event {
    /// The same wherever and however often it is sent.
    id: String,
    /// For example `video.live_stream.active`.
    r#type: String,
    object: EventObject,
    #[schema(format = DateTime)]
    created_at: String,
    /// What it tells; its shape depends on the type.
    #[schema(value_type = Object)]
    data: Value,
    /// What became of it at each receiver that it is for.
    deliveries: Vec<Delivery>,
}

/// What an event is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventObject {
    /// `live`, `asset` or `simulcast_target`.
    r#type: String,
    id: String,
}

/// What became of an event at a receiver.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Delivery {
    /// Id of the receiver.
    webhook_id: String,
    state: DeliveryState,
    /// How often it was sent.
    count: i64,
    /// The latest attempts, oldest first.
    attempts: Vec<Attempt>,
}

/// One attempt to deliver an event.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Attempt {
    /// Number of the attempt.
    id: i64,
    /// Where to, without query and password.
    address: String,
    #[schema(format = DateTime)]
    created_at: String,
    /// What the receiver said.
    response_status_code: Option<u16>,
    /// Why it said nothing.
    error: Option<String>,
}

/// A receiver of events.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Webhook {
    id: String,
    /// Without query and password.
    url: String,
    /// Beginnings of the types that it is sent; all where there is none.
    types: Vec<String>,
    /// Events that it has not taken yet.
    pending: u64,
    /// Events that were given up.
    failed: u64,
}

/// Which events.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Those whose type begins so.
    r#type: Option<String>,
    /// Those about this alone.
    object_id: Option<String>,
    /// Those that stand so at some receiver.
    state: Option<DeliveryState>,
}

/// Where to send an event again.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Id of a receiver; all that the event was for where it is missing.
    webhook_id: Option<String>,
}

fn show(stored: Stored) -> (i64, Event) {
    let Stored { seq, event, deliveries } = stored;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let deliveries = deliveries.into_iter().map(|delivery| Delivery {
        webhook_id: delivery.receiver,
        state: match delivery.state.as_str() {
            "delivered" => DeliveryState::Delivered,
            "failed" => DeliveryState::Failed,
            _ => DeliveryState::Pending,
        },
        count: delivery.count,
        attempts: serde_json::from_value(delivery.attempts).unwrap_or_default(),
    });
    let event = Event {
        id: text(&event["id"]),
        r#type: text(&event["type"]),
        object: EventObject {
            r#type: text(&event["object"]["type"]),
            id: text(&event["object"]["id"]),
        },
        created_at: text(&event["created_at"]),
        data: event["data"].clone(),
        deliveries: deliveries.collect(),
    };
    (seq, event)
}

/// Lists events, newest first.
#[utoipa::path(get, path = "/api/v1/events", tag = "Events", params(PageParams, Filter),
    responses((status = 200, body = List<Event>), Problems))]
pub async fn list(
    State(api): State<Api>,
    page: Page,
    Query(filter): Query<Filter>,
) -> Result<Json<List<Event>>, Problem> {
    let state = filter.state.map(|state| match state {
        DeliveryState::Pending => "pending".to_owned(),
        DeliveryState::Delivered => "delivered".to_owned(),
        DeliveryState::Failed => "failed".to_owned(),
    });
    let wanted = Wanted {
        kind: filter.r#type,
        object: filter.object_id,
        state,
        before: Some(page.after).filter(|&before| before > 0),
        limit: u32::try_from(page.limit + 1).unwrap_or(u32::MAX),
    };
    let events = api.hub.services().journal.list(wanted).await?;
    Ok(Json(List::new(events.into_iter().map(show).collect(), page)))
}

/// One event, with the latest attempts at each receiver.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "Events", params(("id" = String, Path)),
    responses((status = 200, body = Data<Event>), Problems))]
pub async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Data<Event>>, Problem> {
    let event = api.hub.services().journal.get(id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(Data { data: show(event).1 }))
}

/// Sends an event again, with the same id, to a receiver or to all that it was for. It is pending until they take it.
#[utoipa::path(post, path = "/api/v1/events/{id}/replay", tag = "Events", params(("id" = String, Path)),
    request_body = Replay, responses((status = 202, body = Data<Event>), Problems))]
pub async fn replay(
    State(api): State<Api>,
    Path(id): Path<String>,
    Body(asked): Body<Replay>,
) -> Result<(axum::http::StatusCode, Json<Data<Event>>), Problem> {
    let journal = &api.hub.services().journal;
    journal.get(id.clone()).await?.ok_or_else(Problem::not_found)?;
    if !journal.replay(id.clone(), asked.webhook_id).await? {
        let status = axum::http::StatusCode::CONFLICT;
        return Err(Problem::new(status, "the event was for no such receiver"));
    }
    let event = journal.get(id).await?.ok_or_else(Problem::not_found)?;
    Ok((axum::http::StatusCode::ACCEPTED, Json(Data { data: show(event).1 })))
}

/// Lists those that events are sent to.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "Events", responses((status = 200, body = List<Webhook>), Problems))]
pub async fn webhooks(State(api): State<Api>) -> Result<Json<List<Webhook>>, Problem> {
    let receivers = api.hub.services().journal.receivers().await?;
    let shown = receivers.into_iter().map(|(receiver, pending, failed)| Webhook {
        id: receiver.id,
        url: receiver.url.to_string(),
        types: receiver.types,
        pending,
        failed,
    });
    Ok(Json(List { data: shown.collect(), next_cursor: None }))
}
