//! One target of one stream: what is wanted of it, and what it has come to.

use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use super::settings::PushUrl;
use super::tap::Tap;
use super::{Relay, lock};
use crate::events::{Bus, Kind};
use crate::recordings::rfc3339;
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

impl State {
    const fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Starting => "starting",
            Self::Broadcasting => "broadcasting",
            Self::Errored { .. } => "errored",
        }
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
#[derive(Clone, Debug, Serialize)]
pub struct TargetInfo {
    pub id: String,
    /// Path of the stream.
    pub stream: String,
    /// Where to, without keys.
    pub url: String,
    /// `idle`, `starting`, `broadcasting` or `errored`.
    pub status: &'static str,
    /// `normal` where it is tried again, `fatal` where not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_severity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub paused: bool,
    /// The server that is fallen back on is in use.
    pub on_backup: bool,
    /// When it came to this.
    pub since: String,
    pub bytes_out: u64,
    pub messages_out: u64,
    /// Messages that were left out because the target took too little.
    pub dropped: u64,
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
}

/// One target.
#[derive(Debug)]
pub struct Target {
    id: String,
    path: String,
    url: PushUrl,
    once: bool,
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
    pub(super) fn new(path: &str, url: &PushUrl, once: bool, bytes: usize, bus: Bus) -> Arc<Self> {
        let id = rand::random::<[u8; 8]>().iter().map(|byte| format!("{byte:02x}")).collect();
        Arc::new(Self {
            id,
            path: path.to_owned(),
            url: url.clone(),
            once,
            bus,
            tap: Arc::new(Tap::new(bytes)),
            wanted: watch::Sender::default(),
            source: Mutex::default(),
            state: Mutex::new((State::Idle, Timestamp::now())),
            figures: Mutex::default(),
        })
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

    pub(super) fn is_of(&self, url: &PushUrl) -> bool {
        self.url == *url
    }

    pub(super) const fn is_for_once(&self) -> bool {
        self.once
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
    #[expect(dead_code, reason = "the API pauses targets")]
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
        self.tell(kind);
    }

    pub(super) fn tell(&self, kind: Kind) {
        let info = self.info();
        let data = json!({
            "id": info.id, "live_stream_id": info.stream, "url": info.url, "status": info.status,
            "error": info.error, "error_severity": info.error_severity,
        });
        self.bus.emit(kind, &info.id, data);
    }

    pub(super) fn began_attempt(&self, on_backup: bool) {
        let mut figures = lock(&self.figures);
        figures.attempts += 1;
        figures.on_backup = on_backup;
    }

    pub(super) fn sent(&self, bytes: usize) {
        let mut figures = lock(&self.figures);
        figures.bytes_out += bytes as u64;
        figures.messages_out += 1;
    }

    /// What it has come to.
    pub fn info(&self) -> TargetInfo {
        let (state, since) = lock(&self.state).clone();
        let (queued_bytes, dropped) = self.tap.figures();
        let figures = lock(&self.figures);
        let (severity, error) = match &state {
            State::Errored { fatal, why } => {
                (Some(if *fatal { "fatal" } else { "normal" }), Some(why.clone()))
            }
            _ => (None, None),
        };
        TargetInfo {
            id: self.id.clone(),
            stream: self.path.clone(),
            url: self.url.to_string(),
            status: state.name(),
            error_severity: severity,
            error,
            paused: self.wanted.borrow().paused,
            on_backup: figures.on_backup,
            since: rfc3339(since),
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
