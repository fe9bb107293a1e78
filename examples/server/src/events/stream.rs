//! What a stream tells of itself: each step once, in order, whoever publishes.

use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// Id of the live stream that the publisher has the right to, where there is one.
    live_stream: Mutex<Option<String>>,
}

impl StreamEvents {
    /// Of a stream that is idle.
    pub fn new(bus: Bus, path: &str) -> Self {
        Self { bus, path: path.to_owned(), state: Mutex::default(), live_stream: Mutex::default() }
    }

    /// A publisher has come.
    pub fn connected(&self, address: &str, agent: &str, live_stream: Option<&str>) {
        let mut state = self.state();
        *lock(&self.live_stream) = live_stream.map(str::to_owned);
        *state = State::Connected;
        let publisher = json!({ "address": address, "agent": agent });
        self.emit(Kind::StreamConnected, "connected", Some(publisher));
    }

    /// Media has come, and is `recorded` or not. Only the first of each after a publisher says anything. What is recorded from its
    /// start is told to be before it is active; what is begun by hand later, when it is.
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
        let id = lock(&self.live_stream).clone().unwrap_or_else(|| self.path.clone());
        let path = &self.path;
        let mut data =
            json!({ "id": id, "path": path, "app": app, "name": name, "status": status });
        if let Some(publisher) = publisher {
            data["publisher"] = publisher;
        }
        self.bus.emit(kind, &id, data);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Tells of a recording that is whole: with its id in the catalogue and that of its live stream, where they are known.
pub fn recorded(bus: &Bus, done: &RecordingDone, asset: Option<&str>, live_stream: Option<&str>) {
    let path = match done.app.as_str() {
        "" => done.name.clone(),
        app => format!("{app}/{}", done.name),
    };
    let mut data = serde_json::to_value(done).unwrap_or_default();
    let file = || done.key.clone().unwrap_or_else(|| done.path.display().to_string());
    let id = asset.map_or_else(file, str::to_owned);
    data["id"] = id.clone().into();
    data["live_stream_id"] = live_stream.unwrap_or(&path).into();
    data["live_stream_path"] = path.as_str().into();
    data["status"] = "ready".into();
    bus.emit(Kind::AssetReady, &id, data);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
