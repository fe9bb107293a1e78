//! `/api/v1/server`: what this server is, what it may hold, and what it has come to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use axum::extract::State;
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::auth::Caller;
use super::problem::Problems;
use crate::http::Ports;
use crate::hub::{Phase, STREAMS};
use crate::names;
use crate::recordings::rfc3339;
use crate::sessions::{Role, Sums, Via};

/// Applications that are named at most.
const NAMES: usize = 1000;

/// What is known of this run from its start.
#[derive(Clone, Debug)]
pub struct Run {
    pub server_id: String,
    pub ports: Ports,
    pub began: (Timestamp, Instant),
}

/// This server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Server {
    version: &'static str,
    rtmp_port: u16,
    /// Where RTMPS is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rtmps_port: Option<u16>,
    /// Whether who asks may use the whole of the API.
    manages: bool,
    /// For those who may use the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    details: Option<Details>,
}

/// What is not for everybody.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Details {
    /// Stays the same over restarts.
    id: String,
    #[schema(format = DateTime)]
    started: String,
    uptime_s: f64,
    /// `serving`, `draining` or `ending`.
    phase: &'static str,
    limits: LimitsInfo,
    totals: Totals,
    /// Applications that are configured, have a live stream or are live.
    applications: Vec<String>,
    /// What is wrong at present and is about no stream: hooks that give no answer.
    problems: Vec<String>,
    /// What is doubtful about the configuration.
    warnings: Vec<String>,
}

/// What may be at once.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LimitsInfo {
    /// On the RTMP port, and as many on the RTMPS port.
    rtmp_connections: usize,
    http_connections: usize,
    connections_per_ip: usize,
    streams: usize,
    /// Bytes that may wait for one player or target.
    player_queue_bytes: usize,
    /// Bytes that one RTMP session may hold.
    session_bytes: usize,
}

/// What it has come to since the start.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Totals {
    /// Streams that are live now.
    streams: usize,
    /// Players now, by protocol.
    players: BTreeMap<&'static str, u64>,
    /// Publishers and players so far.
    sessions: u64,
    /// Payload that publishers sent.
    bytes_in: u64,
    /// What was sent to players.
    bytes_out: u64,
    /// Messages that were left out for slow players.
    dropped: u64,
    tls_failures: u64,
}

fn totals(api: &Api) -> Totals {
    let sessions = &api.hub.services().sessions;
    let counts = sessions.counts();
    let count = |role, via| counts.get(&(role, via)).copied().unwrap_or_default();
    let players = Via::ALL.iter().filter(|via| **via != Via::Pull);
    let (mut from, mut to) = (Sums::default(), Sums::default());
    for ((role, _), sums) in sessions.totals() {
        if role == Role::Publisher { &mut from } else { &mut to }.add(sums);
    }
    Totals {
        streams: api.hub.all().iter().filter(|stream| stream.is_live()).count(),
        players: players.map(|via| (via.text(), count(Role::Player, *via))).collect(),
        sessions: from.sessions + to.sessions,
        bytes_in: from.bytes,
        bytes_out: to.bytes,
        dropped: to.dropped,
        tls_failures: api.hub.tls_failures(),
    }
}

/// Names that a target of an application may be of.
fn applications(api: &Api) -> Vec<String> {
    let config = api.hub.config();
    let of_path = |path: &str| names::split(path).0.to_owned();
    let configured = config.app_names().cloned();
    let made = api.keys.index().page(0, NAMES).into_iter().map(|stream| of_path(&stream.path));
    let live = api.hub.all().into_iter().map(|stream| of_path(stream.path()));
    let pushed = api.hub.services().relay.apps();
    let all: BTreeSet<String> = configured.chain(made).chain(live).chain(pushed).collect();
    all.into_iter().filter(|name| !name.is_empty()).take(NAMES).collect()
}

fn details(api: &Api) -> Details {
    let config = api.hub.config();
    let args = &config.server;
    Details {
        id: api.run.server_id.clone(),
        started: rfc3339(api.run.began.0),
        uptime_s: api.run.began.1.elapsed().as_millis() as f64 / 1000.0,
        phase: match *api.hub.phase().borrow() {
            Phase::Serving => "serving",
            Phase::Draining => "draining",
            Phase::Ending => "ending",
        },
        limits: LimitsInfo {
            rtmp_connections: args.max_connections,
            http_connections: args.net.max_http_connections,
            connections_per_ip: args.net.max_connections_per_ip,
            streams: STREAMS,
            player_queue_bytes: config.limits.player_queue_bytes,
            session_bytes: config.limits.session_bytes,
        },
        totals: totals(api),
        applications: applications(api),
        problems: api.hub.services().hooks.troubles(),
        warnings: crate::config::warnings(&config),
    }
}

/// What this server is.
#[utoipa::path(get, path = "/api/v1/server", tag = "Server", security((), ("bearer" = [])),
    responses((status = 200, body = Server), Problems))]
pub async fn get(State(api): State<Api>, Extension(caller): Extension<Caller>) -> Json<Server> {
    let Ports { rtmp, rtmps } = api.run.ports;
    Json(Server {
        version: env!("CARGO_PKG_VERSION"),
        rtmp_port: rtmp,
        rtmps_port: rtmps,
        manages: caller.manages,
        details: caller.manages.then(|| details(&api)),
    })
}
