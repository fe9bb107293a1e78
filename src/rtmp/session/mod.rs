//! Both ends of one connection: the server's, with all that clients send around connect, publish and play, and the
//! client's.

mod client;
mod commands;
mod config;
mod connect;
mod event;
mod input;
mod link;
mod output;
mod path;
mod play;
mod publish;
mod queue;
mod replies;
mod stream;
mod timers;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::buf::Chain;
use crate::error::{Error, Layer, Result};
use crate::rtmp::handshake::ServerHandshake;
use crate::rtmp::message::{Aggregate, Capabilities};
use crate::time::Micros;
use link::Link;
use queue::EventQueue;
use stream::Streams;

pub use crate::rtmp::notice::Notice;
pub use client::{
    ClientConfig, ClientEvent, ClientSession, Credentials, MovePolicy, PlayRange, PublishType,
    Role, RtmpUrl, ServerProperties, Status, is_internal,
};
pub use config::{ObjectEncoding, PlayerCodecs, SessionConfig};
pub use event::{Rejection, RequestId, SessionEvent};
pub use path::StreamPath;

/// One connection of a client, seen from the server.
///
/// Give the bytes of the connection to [`handle_input`](Self::handle_input), take what
/// [`poll_event`](Self::poll_event) gives until it gives none, answer requests with [`accept`](Self::accept) or
/// [`reject`](Self::reject), and write what [`poll_output`](Self::poll_output) gives. Call
/// [`handle_timeout`](Self::handle_timeout) at the time that [`poll_timeout`](Self::poll_timeout) names. Inputs may
/// come any number of times before a poll. Once [`is_closing`](Self::is_closing), write the output and close.
///
/// Queues are bounded: when one is full, or media waits for a request to be accepted, `handle_input` takes less than
/// all. Nothing is lost: poll, answer, and give the rest again. An error of `handle_input` or `handle_timeout` is
/// final: close the connection; published and played streams have ended.
#[derive(Debug)]
pub struct ServerSession {
    config: Arc<SessionConfig>,
    phase: Phase,
    link: Link,
    events: EventQueue<SessionEvent>,
    /// Time of the last call, for commands that are given without one.
    now: Micros,
    /// Time of the last byte of the peer.
    heard: Micros,
    /// Whether the last input was not taken whole: the peer is not to blame for silence then.
    stalled: bool,
    next_request: u32,
}

/// What the connection has come to.
#[derive(Debug)]
enum Phase {
    Handshake(Handshaking),
    /// The handshake is done, `connect` is awaited.
    Connecting(Connecting),
    Connected(Connected),
    Closing(Closing),
}

#[derive(Debug)]
struct Handshaking {
    handshake: ServerHandshake,
    deadline: Micros,
}

#[derive(Debug)]
struct Connecting {
    deadline: Micros,
}

#[derive(Debug)]
struct Connected {
    /// `app` and `tcUrl` as they came in `connect`.
    app: String,
    tc_url: String,
    capabilities: Capabilities,
    /// `objectEncoding` 3 was agreed.
    amf3: bool,
    streams: Streams,
    /// When a stream must be published or played; none while one is.
    deadline: Option<Micros>,
    /// An aggregate whose tags have not all become events, and its message stream.
    aggregate: Option<(u32, Aggregate)>,
    /// Names of FCPublish, to be told when publishing starts.
    fc_publish: bool,
}

#[derive(Debug)]
struct Closing {
    deadline: Micros,
}

impl ServerSession {
    /// A session at the first byte of a connection. Many may share one `config`. `seed` makes the random bytes of the handshake.
    #[must_use]
    pub fn new(config: impl Into<Arc<SessionConfig>>, seed: u64, now: Micros) -> Self {
        let config: Arc<SessionConfig> = config.into();
        let deadline = now + config.limits.handshake_timeout;
        let link = Link::new(config.wire());
        Self {
            phase: Phase::Handshake(Handshaking {
                handshake: ServerHandshake::new(seed).with_policy(config.echo),
                deadline,
            }),
            config,
            link,
            events: EventQueue::new(),
            now,
            heard: now,
            stalled: false,
            next_request: 1,
        }
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        if self.events.is_empty() {
            self.split_aggregate();
        }
        let event = self.events.pop_front();
        self.link.account(self.events.bytes());
        event
    }

    /// All bytes queued for the peer, in order, to be written with one vectored write.
    pub fn poll_output(&mut self) -> Option<Chain> {
        let output = self.link.poll_output();
        self.link.account(self.events.bytes());
        output
    }

    /// Bytes of payload in a chunk that this side sends.
    #[must_use]
    pub fn chunk_size(&self) -> u32 {
        self.config.chunk_size()
    }

    /// Bytes queued for the peer.
    #[must_use]
    pub const fn queued_output_bytes(&self) -> usize {
        self.link.queued()
    }

    /// Whether the connection is to be closed once the output is written.
    #[must_use]
    pub const fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing(_))
    }

    /// Bytes received since the start of the connection.
    #[must_use]
    pub const fn received_bytes(&self) -> u64 {
        self.link.received
    }

    /// Times that a deviation was met.
    #[must_use]
    pub fn notice_count(&self, notice: Notice) -> u32 {
        self.link.notice_count(notice)
    }

    /// Payload bytes that were copied on the way in.
    #[cfg(feature = "_testing")]
    #[must_use]
    pub fn copied_bytes(&self) -> u64 {
        self.link.reader.copied_bytes()
    }

    fn connected(&mut self) -> Result<&mut Connected> {
        match &mut self.phase {
            Phase::Connected(connected) => Ok(connected),
            _ => Err(Error::misuse(Layer::Session, "call before connect or after close")),
        }
    }

    fn note(&mut self, notice: Notice) {
        self.link.note(notice);
        self.flush_notices();
    }

    fn flush_notices(&mut self) {
        let fresh = self.link.fresh_notices().into_iter();
        self.events.extend(fresh.map(SessionEvent::Notice));
    }

    fn request(&mut self) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request = self.next_request.wrapping_add(1);
        request
    }

    fn start_closing(&mut self) {
        if !self.is_closing() {
            self.phase = Phase::Closing(Closing { deadline: self.now + self.config.linger });
        }
    }
}
