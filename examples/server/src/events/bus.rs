//! The way from whoever has something to tell to those who listen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};

use crate::recordings::rfc3339;

/// Events that wait to be written; more are lost, and counted.
const QUEUE: usize = 16_384;
/// Events that a listener inside the program may be behind.
const LISTENERS: usize = 1024;

/// What happened. The names are those of Mux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A live stream was made.
    StreamCreated,
    /// Its settings were changed.
    StreamUpdated,
    /// It may be published again.
    StreamEnabled,
    /// Nobody may publish it.
    StreamDisabled,
    /// It was deleted.
    StreamDeleted,
    /// A publisher has connected.
    StreamConnected,
    /// Its stream is being recorded.
    StreamRecording,
    /// It can be played.
    StreamActive,
    /// The publisher has gone, and may come back.
    StreamDisconnected,
    /// It has ended, or did not come back.
    StreamIdle,
    /// A recording is whole.
    AssetReady,
    /// And its live stream has ended.
    AssetCompleted,
    TargetCreated,
    TargetIdle,
    TargetStarting,
    TargetBroadcasting,
    TargetErrored,
    TargetDeleted,
}

impl Kind {
    /// The value of `type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StreamCreated => "video.live_stream.created",
            Self::StreamUpdated => "video.live_stream.updated",
            Self::StreamEnabled => "video.live_stream.enabled",
            Self::StreamDisabled => "video.live_stream.disabled",
            Self::StreamDeleted => "video.live_stream.deleted",
            Self::StreamConnected => "video.live_stream.connected",
            Self::StreamRecording => "video.live_stream.recording",
            Self::StreamActive => "video.live_stream.active",
            Self::StreamDisconnected => "video.live_stream.disconnected",
            Self::StreamIdle => "video.live_stream.idle",
            Self::AssetReady => "video.asset.ready",
            Self::AssetCompleted => "video.asset.live_stream_completed",
            Self::TargetCreated => "video.live_stream.simulcast_target.created",
            Self::TargetIdle => "video.live_stream.simulcast_target.idle",
            Self::TargetStarting => "video.live_stream.simulcast_target.starting",
            Self::TargetBroadcasting => "video.live_stream.simulcast_target.broadcasting",
            Self::TargetErrored => "video.live_stream.simulcast_target.errored",
            Self::TargetDeleted => "video.live_stream.simulcast_target.deleted",
        }
    }

    /// How far an asset has been told of, once this is on the disk.
    pub(super) const fn told(self) -> Option<u8> {
        match self {
            Self::AssetReady => Some(1),
            Self::AssetCompleted => Some(2),
            _ => None,
        }
    }

    /// What it is about.
    pub const fn object(self) -> &'static str {
        match self {
            Self::AssetReady | Self::AssetCompleted => "asset",
            Self::StreamCreated
            | Self::StreamUpdated
            | Self::StreamEnabled
            | Self::StreamDisabled
            | Self::StreamDeleted
            | Self::StreamConnected
            | Self::StreamRecording
            | Self::StreamActive
            | Self::StreamDisconnected
            | Self::StreamIdle => "live",
            _ => "simulcast_target",
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Never the same for two events, always the same for one.
    pub id: String,
    pub kind: Kind,
    /// Id of what it is about.
    pub object: String,
    pub created: Timestamp,
    pub data: Value,
}

impl Event {
    /// The event as it is sent, but for its attempts.
    pub fn body(&self) -> Value {
        json!({
            "type": self.kind.name(),
            "id": self.id,
            "object": { "type": self.kind.object(), "id": self.object },
            "environment": { "name": "streamcore", "id": "streamcore" },
            "created_at": rfc3339(self.created),
            "data": self.data,
        })
    }
}

/// The bus. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bus {
    live: broadcast::Sender<Arc<Event>>,
    queue: mpsc::Sender<Arc<Event>>,
    lost: Arc<AtomicU64>,
}

impl Bus {
    /// A bus, and what the journal is to write.
    pub fn new() -> (Self, mpsc::Receiver<Arc<Event>>) {
        let (queue, events) = mpsc::channel(QUEUE);
        let live = broadcast::Sender::new(LISTENERS);
        (Self { live, queue, lost: Arc::default() }, events)
    }

    /// Tells of something that has just happened to `object`.
    pub fn emit(&self, kind: Kind, object: &str, data: Value) {
        let event = Arc::new(Event {
            id: id(),
            kind,
            object: object.to_owned(),
            created: Timestamp::now(),
            data,
        });
        // Nobody need listen.
        let _ = self.live.send(event.clone());
        if self.queue.try_send(event).is_err() {
            let lost = self.lost.fetch_add(1, Ordering::Relaxed) + 1;
            if lost.is_power_of_two() {
                tracing::error!(lost, "events are lost: the database does not take them");
            }
        }
    }

    /// Events that could not be kept.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Events from now on, for listeners inside the program; who is too slow misses some.
    #[expect(dead_code, reason = "pages that show events as they come listen")]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.live.subscribe()
    }
}

/// A random UUID (RFC 9562, version 4).
fn id() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = |part: &[u8]| part.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let parts = [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]];
    parts.map(hex).join("-")
}
