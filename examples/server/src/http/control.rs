//! `/control/record/{start,stop}`, as nginx-rtmp has it: for recorders that are `manual`. Only where it was asked for, since
//! whoever reaches it can stop recordings.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use crate::hub::Hub;

/// Which recorder of which stream.
#[derive(Debug, Deserialize)]
pub struct Target {
    #[serde(default)]
    app: String,
    name: String,
    /// Name of the recorder; without it, the first.
    #[serde(default)]
    rec: String,
}

/// `GET` or `POST /control/record/start?app=live&name=stream&rec=recorder`. The answer has no content: the recorder acts with
/// the next message of the publisher.
pub async fn record(
    State(hub): State<Arc<Hub>>,
    Path(action): Path<String>,
    Query(target): Query<Target>,
) -> StatusCode {
    let on = match action.as_str() {
        "start" => true,
        "stop" => false,
        _ => return StatusCode::NOT_FOUND,
    };
    let Target { app, name, rec } = target;
    let path = if app.is_empty() { name } else { format!("{app}/{name}") };
    if hub.switch_recorder(&path, &rec, on) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}
