//! What a stream tells of itself: each step once, in order, whoever publishes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::bus::{Bus, Kind};
use crate::finish::RecordingDone;
use crate::names;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    Connected,
    /// Media has come; whether its recording was told of.
    Active {
        recorded: bool,
    },
    Disconnected,
}

/// The events of one stream.
#[derive(Debug)]
pub struct StreamEvents {
    bus: Bus,
    path: String,
    state: Mutex<State>,
}

impl StreamEvents {
    /// Of a stream that is idle.
    pub fn new(bus: Bus, path: &str) -> Self {
        Self { bus, path: path.to_owned(), state: Mutex::default() }
    }

    /// A publisher has come.
    pub fn connected(&self, address: &str, agent: &str) {
        let mut state = self.state();
        *state = State::Connected;
        let publisher = json!({ "address": address, "agent": agent });
        self.emit(Kind::StreamConnected, "connected", Some(publisher));
    }

    /// Media has come, and is `recorded` or not. Only the first of each after a publisher says anything.
    pub fn media(&self, recorded: bool) {
        let mut state = self.state();
        let (active, told) = match *state {
            State::Connected => (false, false),
            State::Active { recorded } => (true, recorded),
            State::Idle | State::Disconnected => return,
        };
        let tells = recorded && !told;
        if tells {
            let status = if active { "active" } else { "connected" };
            self.emit(Kind::StreamRecording, status, None);
        }
        if !active {
            self.emit(Kind::StreamActive, "active", None);
        }
        if tells || !active {
            *state = State::Active { recorded: told || recorded };
        }
    }

    /// The publisher has gone.
    pub fn disconnected(&self) {
        let mut state = self.state();
        if matches!(*state, State::Connected | State::Active { .. }) {
            *state = State::Disconnected;
            self.emit(Kind::StreamDisconnected, "disconnected", None);
        }
    }

    /// The publisher does not come back.
    pub fn idle(&self) {
        let mut state = self.state();
        if *state == State::Disconnected {
            *state = State::Idle;
            self.emit(Kind::StreamIdle, "idle", None);
        }
    }

    fn emit(&self, kind: Kind, status: &str, publisher: Option<Value>) {
        let (app, name) = names::split(&self.path);
        let mut data = json!({ "id": self.path, "app": app, "name": name, "status": status });
        if let Some(publisher) = publisher {
            data["publisher"] = publisher;
        }
        self.bus.emit(kind, &self.path, data);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells of recordings that are whole.
pub fn record_listener(bus: Bus) -> impl Fn(&Arc<RecordingDone>) + Send + Sync {
    move |done| {
        let stream = if done.app.is_empty() {
            done.name.clone()
        } else {
            format!("{}/{}", done.app, done.name)
        };
        let mut data = serde_json::to_value(&**done).unwrap_or_default();
        let id = done.key.clone().unwrap_or_else(|| done.path.display().to_string());
        (data["id"], data["live_stream_id"]) = (id.clone().into(), stream.into());
        data["status"] = "ready".into();
        bus.emit(Kind::AssetReady, &id, data);
    }
}
