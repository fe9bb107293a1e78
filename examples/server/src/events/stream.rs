//! What a stream tells of itself: each step once, in order, whoever publishes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::assets::Told;
use super::bus::{Bus, Kind};
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
    told: Arc<Told>,
    path: String,
    state: Mutex<State>,
    /// Id of the live stream that the publisher has the right to, where there is one.
    live_stream: Mutex<Option<String>>,
}

impl StreamEvents {
    /// Of a stream that is idle, or waits for its publisher since the server ended.
    pub fn new(told: Arc<Told>, path: &str) -> Self {
        let left = told.find(path);
        let state = if left.is_some() { State::Disconnected } else { State::Idle };
        let (state, live_stream) = (Mutex::new(state), Mutex::new(left.flatten()));
        Self { told, path: path.to_owned(), state, live_stream }
    }

    /// A publisher has come.
    pub fn connected(&self, address: &str, agent: &str, live_stream: Option<&str>) {
        let mut state = self.state();
        *lock(&self.live_stream) = live_stream.map(str::to_owned);
        *state = State::Connected;
        self.told.begin(&self.path, live_stream.map(str::to_owned));
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
            self.told.end(&self.path);
        }
    }

    fn emit(&self, kind: Kind, status: &str, publisher: Option<Value>) {
        let live_stream = lock(&self.live_stream).clone();
        tell(&self.told.bus, (&self.path, live_stream.as_deref()), kind, status, publisher);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Tells that the publisher of a stream has gone, which the server could not when it ended.
pub(super) fn tell_disconnected(bus: &Bus, path: &str, live_stream: Option<&str>) {
    tell(bus, (path, live_stream), Kind::StreamDisconnected, "disconnected", None);
}

fn tell(
    bus: &Bus,
    (path, live_stream): (&str, Option<&str>),
    kind: Kind,
    status: &str,
    publisher: Option<Value>,
) {
    let (app, name) = names::split(path);
    let id = live_stream.unwrap_or(path);
    let mut data = json!({ "id": id, "path": path, "app": app, "name": name, "status": status });
    if let Some(publisher) = publisher {
        data["publisher"] = publisher;
    }
    bus.emit(kind, id, data);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
