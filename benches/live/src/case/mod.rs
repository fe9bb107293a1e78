//! The cases: each starts a fresh server, loads it for a bounded time, and gives figures.

pub mod connrate;
pub mod fanout;
pub mod http;
pub mod idle;
pub mod ingest;
pub mod measure;
pub mod setup;

use crate::load::MAX_CONNECTIONS;
use crate::media::{self, Rate};
use crate::script::Script;
use crate::server::{Features, Kind, Programs};
use std::sync::Arc;

/// Length of the test stream before it starts over.
pub const MEDIA_SECONDS: u32 = 20;

/// What a case has to work with.
pub struct Context {
    /// Where the servers are.
    pub programs: Programs,
    /// Length of the measured part of a run, in seconds.
    pub seconds: u32,
    /// Threads that the floor of the fan-out writes from.
    pub floor_threads: u32,
}

impl Context {
    /// The looped test stream.
    pub fn script(&self, rate: Rate, stamped: bool) -> Result<Arc<Script>, String> {
        let tags = media::tags(rate, MEDIA_SECONDS)?;
        Ok(Arc::new(Script::new(&tags, 4096, stamped)?))
    }
}

/// A bound that a figure of ours is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
    /// Not more than the server it is compared with, in the same rounds.
    NoMoreThanOther,
}

impl Goal {
    /// Whether a value, or its ratio to the other server's, reaches the goal.
    pub fn is_met(self, value: f64, ratio: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
            Self::NoMoreThanOther => ratio <= 1.0,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
            Self::NoMoreThanOther => write!(f, "≤ the other"),
        }
    }
}

/// One value of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it is, with its unit.
    pub name: String,
    /// The value.
    pub value: f64,
    /// What ours is to reach.
    pub goal: Option<Goal>,
    /// Whether it is drawn.
    pub drawn: bool,
}

/// A figure without a goal.
pub fn figure(name: impl Into<String>, value: f64) -> Figure {
    Figure { name: name.into(), value, goal: None, drawn: false }
}

impl Figure {
    /// The same with a goal, and drawn.
    pub fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), drawn: true, ..self }
    }

    /// The same, drawn.
    pub fn drawn(self) -> Self {
        Self { drawn: true, ..self }
    }
}

/// A case with its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// From TCP connect to media, for ordinary players of a live stream.
    Setup,
    /// Sessions in a second, this many at once.
    ConnRate(usize),
    /// One publisher, this many players.
    FanOut(usize),
    /// The same where ours, and the floor, gather messages for 50 ms.
    Gather(usize),
    /// The same at 300 kbit/s.
    Low(usize),
    /// This many publishers.
    Ingest(usize),
    /// The same with HLS.
    Hls(usize),
    /// The same with recording.
    Record(usize),
    /// The same with HLS and recording at once.
    All(usize),
    /// This many players that wait for a stream.
    Idle(usize),
    /// This many clients of a segment over HTTP.
    Segments(usize),
    /// This many clients of a playlist over HTTP.
    Playlists(usize),
    /// This many viewers who wait for parts of segments.
    Viewers(usize),
    /// From starting the program to accepting.
    Start,
}

impl std::str::FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, size) = match text.split_once([':', '-']) {
            Some((name, size)) => (name, Some(size)),
            None => (text, None),
        };
        let sized = |default: usize| match size.map(str::parse) {
            None => Ok(default),
            Some(Ok(n)) if (1..=MAX_CONNECTIONS).contains(&n) => Ok(n),
            Some(_) => Err(format!("{text}: the size is a number from 1 to {MAX_CONNECTIONS}")),
        };
        match (name, size) {
            ("setup", None) => Ok(Self::Setup),
            ("start", None) => Ok(Self::Start),
            ("connrate", _) => sized(16).map(Self::ConnRate),
            ("fanout", _) => sized(500).map(Self::FanOut),
            ("gather", _) => sized(500).map(Self::Gather),
            ("low", _) => sized(5000).map(Self::Low),
            ("ingest", _) => sized(300).map(Self::Ingest),
            ("hls", _) => sized(300).map(Self::Hls),
            ("rec", _) => sized(300).map(Self::Record),
            ("all", _) => sized(300).map(Self::All),
            ("idle", _) => sized(1000).map(Self::Idle),
            ("segments", _) => sized(64).map(Self::Segments),
            ("playlists", _) => sized(64).map(Self::Playlists),
            ("llhls", _) => sized(1000).map(Self::Viewers),
            _ => Err(format!("no case {text}")),
        }
    }
}

impl Case {
    /// The heading of its table.
    pub fn title(self) -> String {
        match self {
            Self::Setup => "Session set-up: from TCP connect to media of a live stream".into(),
            Self::ConnRate(n) => format!("Sessions in a second, {n} at once"),
            Self::FanOut(n) => format!("Fan-out: one publisher at 2 Mbit/s, {n} players"),
            Self::Gather(n) => {
                format!("Fan-out, gathered for 50 ms: one publisher at 2 Mbit/s, {n} players")
            }
            Self::Low(n) => {
                format!("Fan-out, gathered for 50 ms: one publisher at 300 kbit/s, {n} players")
            }
            Self::Ingest(n) => format!("Ingest: {n} publishers at 1 Mbit/s"),
            Self::Hls(n) => format!("Ingest with HLS: {n} publishers at 1 Mbit/s"),
            Self::Record(n) => format!("Ingest with recording: {n} publishers at 1 Mbit/s"),
            Self::All(n) => format!("Ingest with HLS and recording: {n} publishers at 1 Mbit/s"),
            Self::Idle(n) => format!("Memory: {n} players of a stream that nobody publishes"),
            Self::Segments(n) => format!("HTTP: segments of 1 MB, {n} connections"),
            Self::Playlists(n) => format!("HTTP: playlists, {n} connections"),
            Self::Viewers(n) => {
                format!(
                    "Low-latency HLS: one stream, parts of 200 ms, {n} viewers who wait for each"
                )
            }
            Self::Start => "Start".into(),
        }
    }

    /// A short name for files.
    pub fn slug(self) -> String {
        match self {
            Self::Setup => "setup".into(),
            Self::ConnRate(n) => format!("connrate-{n}"),
            Self::FanOut(n) => format!("fanout-{n}"),
            Self::Gather(n) => format!("gather-{n}"),
            Self::Low(n) => format!("low-{n}"),
            Self::Ingest(n) => format!("ingest-{n}"),
            Self::Hls(n) => format!("hls-{n}"),
            Self::Record(n) => format!("rec-{n}"),
            Self::All(n) => format!("all-{n}"),
            Self::Idle(n) => format!("idle-{n}"),
            Self::Segments(n) => format!("segments-{n}"),
            Self::Playlists(n) => format!("playlists-{n}"),
            Self::Viewers(n) => format!("llhls-{n}"),
            Self::Start => "start".into(),
        }
    }

    /// Whether there is a floor for it: system calls without a server.
    pub fn has_floor(self) -> bool {
        matches!(self, Self::FanOut(_) | Self::Gather(_) | Self::Ingest(_) | Self::Record(_))
    }

    /// Runs it once against one server.
    pub fn run(self, context: &Context, kind: Kind) -> Result<Vec<Figure>, String> {
        let none = Features::default();
        let hls = Features { hls: true, ..none };
        let (record, all) = (Features { record: true, ..none }, Features { record: true, ..hls });
        match self {
            Self::Setup => setup::run(context, kind),
            Self::ConnRate(n) => connrate::run(context, kind, n),
            Self::FanOut(n) => fanout::run(context, kind, n, (Rate::TwoMegabits, false)),
            Self::Gather(n) => fanout::run(context, kind, n, (Rate::TwoMegabits, true)),
            Self::Low(n) => fanout::run(context, kind, n, (Rate::Low, true)),
            Self::Ingest(n) => ingest::run(context, kind, n, none),
            Self::Hls(n) => ingest::run(context, kind, n, hls),
            Self::Record(n) => ingest::run(context, kind, n, record),
            Self::All(n) => ingest::run(context, kind, n, all),
            Self::Idle(n) => idle::run(context, kind, n),
            Self::Segments(n) => http::segments(context, kind, n),
            Self::Playlists(n) => http::playlists(context, kind, n),
            Self::Viewers(n) => http::viewers(context, kind, n),
            Self::Start => idle::start(context, kind),
        }
    }
}
