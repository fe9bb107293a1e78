//! One target of one stream: what is wanted of it, and what it has come to.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::settings::PushUrl;
use super::tap::Tap;
use super::{Relay, lock};
use crate::events::{Bus, Kind};
use crate::recordings::rfc3339;
use crate::sessions::Sums;
use crate::stream::Stream;

/// What a target does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The stream is not live, or the target is paused.
    Idle,
    /// It connects.
    Starting,
    /// It is sent the stream.
    Broadcasting,
    /// It was lost. One that is `fatal` is not tried again before the stream's next start, or until it is resumed.
    Errored { fatal: bool, why: String },
}

/// What a target does, as the API has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TargetStatus)]
pub enum Status {
    /// The stream is not live, or the target is paused.
    Idle,
    /// It connects.
    Starting,
    /// It is sent the stream.
    Broadcasting,
    /// It was lost.
    Errored,
}

/// Whether a lost target is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It is.
    Normal,
    /// Not before the stream's next start, or until it is paused and resumed.
    Fatal,
}

impl State {
    const fn status(&self) -> Status {
        match self {
            Self::Idle => Status::Idle,
            Self::Starting => Status::Starting,
            Self::Broadcasting => Status::Broadcasting,
            Self::Errored { .. } => Status::Errored,
        }
    }
}

/// Why a target is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration names it for the whole application.
    Config,
    /// It was added to its stream over the API.
    Api,
    /// It was added to its application over the API, with this id.
    App(String),
    /// A hook named it for one publisher.
    Hook,
}

/// A target to make.
#[derive(Clone, Debug)]
pub struct NewTarget {
    pub id: String,
    pub url: PushUrl,
    pub origin: Origin,
    pub paused: bool,
    pub passthrough: Option<String>,
}

impl NewTarget {
    /// One with an id of its own that begins with its stream.
    pub fn new(url: PushUrl, origin: Origin) -> Self {
        Self { id: crate::keys::new_id("st_"), url, origin, paused: false, passthrough: None }
    }
}

/// What is wanted of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub live: bool,
    pub paused: bool,
    pub removed: bool,
}

impl Wanted {
    /// Whether it is to be sent the stream.
    pub const fn runs(self) -> bool {
        self.live && !self.paused && !self.removed
    }
}

/// A target as the API gives it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SimulcastTarget)]
pub struct TargetInfo {
    pub id: String,
    /// Path of the stream.
    pub stream: String,
    /// Where to, without keys; behind `|` where to while that cannot be reached.
    pub url: String,
    pub status: Status,
    /// Of a target that was lost.
    pub error_severity: Option<Severity>,
    /// Why it was lost, without keys.
    pub error: Option<String>,
    pub paused: bool,
    /// The server that is fallen back on is in use.
    pub on_backup: bool,
    /// Why it is there: `api`, `application`, `configuration` or `hook`.
    pub origin: &'static str,
    /// The target of its application that it is there for.
    pub application_target_id: Option<String>,
    pub passthrough: Option<String>,
    /// When it came to this.
    #[schema(format = DateTime)]
    pub since: String,
    /// When it is tried again.
    #[schema(format = DateTime)]
    pub retry_at: Option<String>,
    pub bytes_out: u64,
    pub messages_out: u64,
    /// Messages that were left out because the target took too little.
    pub dropped: u64,
    /// Bytes that wait for it.
    pub queued_bytes: usize,
    /// Connections that were tried.
    pub attempts: u64,
}

#[derive(Debug, Default)]
struct Figures {
    bytes_out: u64,
    messages_out: u64,
    attempts: u64,
    on_backup: bool,
    retry_at: Option<Timestamp>,
}

/// One target.
#[derive(Debug)]
pub struct Target {
    seq: i64,
    id: String,
    path: String,
    /// Id of the stream's live stream, where it has one.
    live_stream: Option<String>,
    url: PushUrl,
    origin: Origin,
    passthrough: Option<String>,
    bus: Bus,
    pub(super) tap: Arc<Tap>,
    wanted: watch::Sender<Wanted>,
    /// What the target is fed from, and whether its task runs.
    source: Mutex<Source>,
    state: Mutex<(State, Timestamp)>,
    figures: Mutex<Figures>,
}

#[derive(Debug, Default)]
struct Source {
    stream: Option<Arc<Stream>>,
    running: bool,
}

impl Target {
    pub(super) fn new(
        (path, live_stream): (&str, Option<String>),
        new: NewTarget,
        bytes: usize,
        bus: Bus,
    ) -> Arc<Self> {
        static MADE: AtomicI64 = AtomicI64::new(1);
        let wanted = Wanted { paused: new.paused, ..Wanted::default() };
        Arc::new(Self {
            seq: MADE.fetch_add(1, Ordering::Relaxed),
            id: new.id,
            path: path.to_owned(),
            live_stream,
            url: new.url,
            origin: new.origin,
            passthrough: new.passthrough,
            bus,
            tap: Arc::new(Tap::new(bytes)),
            wanted: watch::Sender::new(wanted),
            source: Mutex::default(),
            state: Mutex::new((State::Idle, Timestamp::now())),
            figures: Mutex::default(),
        })
    }

    /// Its place among all targets of this run.
    pub const fn seq(&self) -> i64 {
        self.seq
    }

    /// Why it is there.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Stands for it as long as it is there.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) const fn url(&self) -> &PushUrl {
        &self.url
    }

    /// Whether it is there for the same.
    pub(super) fn is_of(&self, new: &NewTarget) -> bool {
        self.url == new.url && self.origin == new.origin
    }

    pub(super) fn is_for_once(&self) -> bool {
        self.origin == Origin::Hook
    }

    /// The stream has a publisher.
    pub(super) fn live(self: &Arc<Self>, relay: &Arc<Relay>, stream: &Arc<Stream>) {
        let mut source = self.source();
        source.stream = Some(stream.clone());
        self.want(|wanted| wanted.live = true);
        if !source.running {
            source.running = true;
            tokio::spawn(super::push::run(relay.clone(), self.clone()));
        }
    }

    /// The stream has ended.
    pub(super) fn idle(&self) {
        self.want(|wanted| wanted.live = false);
    }

    pub(super) fn remove(&self) {
        self.want(|wanted| wanted.removed = true);
    }

    /// Stops it, or lets it go on: also one that was lost for good.
    pub fn set_paused(&self, paused: bool) {
        self.wanted.send_modify(|wanted| wanted.paused = paused);
    }

    fn want(&self, change: impl FnOnce(&mut Wanted)) {
        self.wanted.send_modify(change);
    }

    pub(super) fn wanted(&self) -> watch::Receiver<Wanted> {
        self.wanted.subscribe()
    }

    /// The stream, while there is one to send. Once there is not, the task is to end: the next start makes another.
    pub(super) fn next_source(&self) -> Option<Arc<Stream>> {
        let mut source = self.source();
        let wanted = *self.wanted.borrow();
        if wanted.live && !wanted.removed {
            return source.stream.clone();
        }
        *source = Source::default();
        None
    }

    pub(super) fn set(&self, state: State) {
        let kind = match &state {
            State::Idle => Kind::TargetIdle,
            State::Starting => Kind::TargetStarting,
            State::Broadcasting => Kind::TargetBroadcasting,
            State::Errored { .. } => Kind::TargetErrored,
        };
        {
            let mut current = lock(&self.state);
            if current.0 == state {
                return;
            }
            *current = (state, Timestamp::now());
        }
        // That it was removed was the last that was to be told of it.
        if !self.wanted.borrow().removed {
            self.tell(kind);
        }
    }

    pub(super) fn tell(&self, kind: Kind) {
        let info = self.info();
        let data = json!({
            "id": info.id, "live_stream_id": self.live_stream.as_ref().unwrap_or(&self.path),
            "live_stream_path": info.stream, "url": info.url, "status": info.status,
            "error": info.error, "error_severity": info.error_severity,
        });
        self.bus.emit(kind, &info.id, data);
    }

    pub(super) fn began_attempt(&self, on_backup: bool) {
        let mut figures = lock(&self.figures);
        figures.attempts += 1;
        figures.on_backup = on_backup;
        figures.retry_at = None;
    }

    pub(super) fn waits(&self, pause: Duration) {
        let pause = jiff::SignedDuration::try_from(pause).unwrap_or_default();
        lock(&self.figures).retry_at = Timestamp::now().checked_add(pause).ok();
    }

    pub(super) fn sent(&self, bytes: usize) {
        let mut figures = lock(&self.figures);
        figures.bytes_out += bytes as u64;
        figures.messages_out += 1;
    }

    /// What it has come to since it is there.
    pub(super) fn sums(&self) -> Sums {
        let (_, dropped) = self.tap.figures();
        let Figures { bytes_out, messages_out, attempts, .. } = *lock(&self.figures);
        Sums { sessions: attempts, bytes: bytes_out, messages: messages_out, dropped }
    }

    /// What it has come to.
    pub fn info(&self) -> TargetInfo {
        let (state, since) = lock(&self.state).clone();
        let (queued_bytes, dropped) = self.tap.figures();
        let figures = lock(&self.figures);
        let (severity, error) = match &state {
            State::Errored { fatal, why } => {
                let severity = if *fatal { Severity::Fatal } else { Severity::Normal };
                (Some(severity), Some(why.clone()))
            }
            _ => (None, None),
        };
        TargetInfo {
            id: self.id.clone(),
            stream: self.path.clone(),
            url: self.url.to_string(),
            status: state.status(),
            error_severity: severity,
            error,
            paused: self.wanted.borrow().paused,
            on_backup: figures.on_backup,
            origin: match &self.origin {
                Origin::Config => "configuration",
                Origin::Api => "api",
                Origin::App(_) => "application",
                Origin::Hook => "hook",
            },
            application_target_id: match &self.origin {
                Origin::App(id) => Some(id.clone()),
                _ => None,
            },
            passthrough: self.passthrough.clone(),
            since: rfc3339(since),
            retry_at: figures.retry_at.filter(|_| severity.is_some()).map(rfc3339),
            bytes_out: figures.bytes_out,
            messages_out: figures.messages_out,
            dropped,
            queued_bytes,
            attempts: figures.attempts,
        }
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        lock(&self.source)
    }
}
