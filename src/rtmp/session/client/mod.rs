//! The client's end of one connection: publish or play.

mod answers;
#[cfg(feature = "auth")]
mod auth;
mod config;
mod event;
mod input;
mod moves;
mod output;
mod requests;
mod steps;
mod timers;
mod url;

#[cfg(test)]
mod tests;

use super::link::Link;
use super::queue::EventQueue;
use crate::buf::Chain;
use crate::rtmp::handshake::ClientHandshake;
use crate::rtmp::message::Aggregate;
use crate::rtmp::notice::Notice;
use crate::time::Micros;

pub use config::{ClientConfig, PlayRange, PublishType, Role};
pub use event::{ClientEvent, ServerProperties, Status};
pub use moves::{MovePolicy, is_internal};
pub use url::{Credentials, RtmpUrl};

/// One connection to a server, seen from the client: it publishes or plays one stream.
///
/// Write what [`poll_output`](Self::poll_output) gives, C0 and C1 first; give the bytes of the connection to
/// [`handle_input`](Self::handle_input) and take what [`poll_event`](Self::poll_event) gives until it gives none. A
/// publisher sends with [`send_media`](Self::send_media) from [`ClientEvent::Publishing`] on, and ends with
/// [`finish`](Self::finish). Call [`handle_timeout`](Self::handle_timeout) at the time that
/// [`poll_timeout`](Self::poll_timeout) names. Inputs may come any number of times before a poll. Once
/// [`is_closing`](Self::is_closing), write the output and close.
///
/// Queues are bounded: where one is full, `handle_input` takes less than all, and `send_media` takes nothing and says so.
/// Nothing is lost: poll, and give the rest again. An error of `handle_input` or `handle_timeout` is final: close the
/// connection.
///
/// A server that sends the client on, or asks for a password, wants a new connection:
/// [`next_config`](Self::next_config) is the configuration of the session there. When to connect, and how often, is the
/// caller's (or the driver's).
#[derive(Debug)]
pub struct ClientSession {
    config: ClientConfig,
    phase: Phase,
    link: Link,
    events: EventQueue<ClientEvent>,
    /// An aggregate whose tags have not all become events.
    aggregate: Option<Aggregate>,
    /// Where the server wants this client to connect next.
    next: Option<Box<ClientConfig>>,
    /// The transaction id of the last call.
    calls: u32,
    /// What the random texts of authentication are made of.
    seed: u64,
    /// Time of the last call, for commands that are given without one.
    now: Micros,
    /// Time of the last byte of the server.
    heard: Micros,
    /// Whether the last input was not taken whole: the server is not to blame for silence then.
    stalled: bool,
}

/// What the connection has come to.
#[derive(Debug)]
enum Phase {
    Handshake(Handshaking),
    /// `connect` is out.
    Connecting(Waiting),
    /// `connect` is answered, `createStream` is out.
    Opening(Waiting),
    /// There is a message stream; `publish` or `play` is out.
    Requesting(Waiting, u32),
    /// Media goes over the message stream.
    Active(Active),
    Closing,
}

#[derive(Debug)]
struct Handshaking {
    handshake: ClientHandshake,
    deadline: Micros,
}

/// What waits for an answer.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// When media must flow.
    deadline: Micros,
    /// Transaction id of the call.
    call: u32,
}

#[derive(Debug)]
struct Active {
    stream_id: u32,
    /// The server said that what is played has ended.
    ended: bool,
}

impl ClientSession {
    /// A session at the first byte of a connection. `seed` makes the random bytes of the handshake and of authentication.
    #[must_use]
    pub fn new(config: ClientConfig, seed: u64, now: Micros) -> Self {
        let deadline = now + config.limits.handshake_timeout;
        let mut link = Link::new(config.wire());
        let mut handshake = ClientHandshake::new(seed);
        if let Some(hello) = handshake.poll_output() {
            link.raw(hello);
        }
        Self {
            config,
            phase: Phase::Handshake(Handshaking { handshake, deadline }),
            link,
            events: EventQueue::new(),
            aggregate: None,
            next: None,
            calls: 0,
            seed,
            now,
            heard: now,
            stalled: false,
        }
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        if self.events.is_empty() {
            self.split_aggregate();
        }
        let event = self.events.pop_front();
        self.link.account(self.events.bytes());
        event
    }

    /// All bytes queued for the server, in order, to be written with one vectored write.
    pub fn poll_output(&mut self) -> Option<Chain> {
        let output = self.link.poll_output();
        self.link.account(self.events.bytes());
        output
    }

    /// Bytes queued for the server.
    #[must_use]
    pub const fn queued_output_bytes(&self) -> usize {
        self.link.queued()
    }

    /// Whether the connection is to be closed once the output is written.
    #[must_use]
    pub const fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing)
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

    /// What the session was made with.
    #[must_use]
    pub const fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// The configuration for the connection that the server asked for, once: behind
    /// [`Redirect`](ClientEvent::Redirect), [`Authenticate`](ClientEvent::Authenticate) and
    /// [`ReconnectRequest`](ClientEvent::ReconnectRequest).
    pub fn next_config(&mut self) -> Option<ClientConfig> {
        self.next.take().map(|next| *next)
    }

    fn note(&mut self, notice: Notice) {
        self.link.note(notice);
        self.flush_notices();
    }

    fn flush_notices(&mut self) {
        let fresh = self.link.fresh_notices().into_iter();
        self.events.extend(fresh.map(ClientEvent::Notice));
    }

    fn push(&mut self, event: ClientEvent) {
        self.events.push_back(event);
    }

    /// The last event of a session that the server ended.
    fn end_with(&mut self, event: ClientEvent) {
        self.push(event);
        self.aggregate = None;
        self.phase = Phase::Closing;
    }
}
