//! What a hook is told.

use std::sync::Arc;

use crate::access::{Ask, ClientInfo};

/// The occasion of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    Connect,
    Disconnect,
    Publish {
        kind: &'static str,
    },
    Play {
        start: i32,
        duration: i32,
        reset: bool,
    },
    PublishDone,
    PlayDone,
    Done,
    /// Every so often while a stream is published or played: seconds since it began, and its time in milliseconds.
    Update {
        publish: bool,
        time: u64,
        timestamp: u32,
    },
    RecordDone {
        recorder: String,
        path: String,
    },
}

impl Call {
    /// The value of nginx-rtmp's field `call`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::Publish { .. } => "publish",
            Self::Play { .. } => "play",
            Self::PublishDone => "publish_done",
            Self::PlayDone => "play_done",
            Self::Done => "done",
            Self::Update { publish: true, .. } => "update_publish",
            Self::Update { .. } => "update_play",
            Self::RecordDone { .. } => "record_done",
        }
    }
}

/// One hook to be sent.
#[derive(Clone, Debug)]
pub struct Notice {
    pub call: Call,
    pub client: Arc<ClientInfo>,
    pub app: String,
    /// The name as the client gave it.
    pub name: String,
    /// The client's query, raw.
    pub query: String,
}

impl Notice {
    /// A hook about what a client asked for.
    pub fn of(ask: &Ask, call: Call) -> Self {
        Self {
            call,
            client: ask.client.clone(),
            app: ask.app.clone(),
            name: ask.name.clone(),
            query: ask.query.clone(),
        }
    }
}
