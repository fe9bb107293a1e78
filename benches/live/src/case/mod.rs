//! The cases: each starts a fresh server, loads it for a bounded time, and gives figures.

pub mod setup;

use crate::media::{self, Rate};
use crate::script::Script;
use crate::server::{Kind, Programs};
use std::sync::Arc;

/// What a case has to work with.
pub struct Context {
    /// Where the servers are.
    pub programs: Programs,
    /// Length of the measured part of a run, in seconds.
    pub seconds: u32,
}

impl Context {
    /// The looped test stream.
    pub fn script(&self, rate: Rate, stamped: bool) -> Result<Arc<Script>, String> {
        let tags = media::tags(rate, 20)?;
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
}

impl Goal {
    /// Whether a value reaches the goal.
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
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
}

impl std::str::FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, _size) = text.split_once(':').unwrap_or((text, ""));
        match name {
            "setup" => Ok(Self::Setup),
            _ => Err(format!("no case {name}")),
        }
    }
}

impl Case {
    /// The heading of its table.
    pub fn title(self) -> String {
        match self {
            Self::Setup => "Session set-up: from TCP connect to media of a live stream".into(),
        }
    }

    /// A short name for files.
    pub fn slug(self) -> String {
        match self {
            Self::Setup => "setup".into(),
        }
    }

    /// Runs it once against one server.
    pub fn run(self, context: &Context, kind: Kind) -> Result<Vec<Figure>, String> {
        match self {
            Self::Setup => setup::run(context, kind),
        }
    }
}
