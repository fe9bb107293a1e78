//! What is told of recordings: that one is whole, and, once its stream has ended as well, that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::bus::{Bus, Kind};
use super::journal::LeftOpen;
use crate::finish::RecordingDone;

/// Recordings of a stream that wait for its end; of more, the oldest are not told of again.
const WAITING: usize = 1000;

/// A stream that has not ended.
#[derive(Debug, Default)]
struct Open {
    live_stream: Option<String>,
    /// Its recordings that are whole.
    ready: Vec<(String, Value)>,
}

/// Streams that have not ended, by path, and their recordings.
#[derive(Debug)]
pub struct Told {
    pub(super) bus: Bus,
    open: Mutex<HashMap<String, Open>>,
}

impl Told {
    /// No stream is live.
    pub fn new(bus: Bus) -> Arc<Self> {
        Arc::new(Self { bus, open: Mutex::default() })
    }

    /// Takes up a stream that the server ended under: it waits for its publisher.
    pub fn restore(&self, left: &LeftOpen) {
        let LeftOpen { path, live_stream, disconnected } = left;
        self.begin(path, live_stream.clone());
        if !disconnected {
            super::stream::tell_disconnected(&self.bus, path, live_stream.as_deref());
        }
    }

    /// Paths of the streams that have not ended.
    pub fn paths(&self) -> Vec<String> {
        self.open().keys().cloned().collect()
    }

    /// The stream at `path` has not ended: the id of its live stream, where it has one.
    pub(super) fn find(&self, path: &str) -> Option<Option<String>> {
        self.open().get(path).map(|open| open.live_stream.clone())
    }

    /// The stream at `path` has a publisher.
    pub(super) fn begin(&self, path: &str, live_stream: Option<String>) {
        self.open().entry(path.to_owned()).or_default().live_stream = live_stream;
    }

    /// It has ended; this was told.
    pub(super) fn end(&self, path: &str) {
        // Under the lock, so that nothing comes between the end and what waits for it.
        let mut open = self.open();
        for (id, data) in open.remove(path).unwrap_or_default().ready {
            self.bus.emit(Kind::AssetCompleted, &id, data);
        }
    }

    /// A recording is whole: with its id in the catalogue and that of its live stream, where they are known.
    pub fn recorded(&self, done: &RecordingDone, asset: Option<&str>, live_stream: Option<&str>) {
        let (path, id, data) = describe(done, asset, live_stream);
        self.bus.emit(Kind::AssetReady, &id, data.clone());
        self.ready(&path, id, data);
    }

    /// The same of one whose first event was told before the server ended.
    pub fn was_recorded(&self, done: &RecordingDone, asset: &str, live_stream: Option<&str>) {
        let (path, id, data) = describe(done, Some(asset), live_stream);
        self.ready(&path, id, data);
    }

    fn ready(&self, path: &str, id: String, data: Value) {
        let mut all = self.open();
        let Some(open) = all.get_mut(path) else {
            return self.bus.emit(Kind::AssetCompleted, &id, data);
        };
        if open.ready.len() == WAITING {
            open.ready.remove(0);
        }
        open.ready.push((id, data));
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Path of the stream, id of the recording, and what is said of it.
fn describe(
    done: &RecordingDone,
    asset: Option<&str>,
    live_stream: Option<&str>,
) -> (String, String, Value) {
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
    (path, id, data)
}
