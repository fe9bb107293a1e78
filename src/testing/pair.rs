//! A server session and a client joined in memory, on a clock that the test turns.

use std::time::Duration;

use super::chop::{Chop, pieces};
use super::client::Client;
use crate::error::Result;
use crate::rtmp::session::{Rejection, ServerSession, SessionConfig, SessionEvent};
use crate::time::Micros;

/// A server session, a scripted client and the pipes between them.
#[derive(Debug)]
pub struct Pair {
    /// The server's end.
    pub server: ServerSession,
    /// The client's end.
    pub client: Client,
    /// The virtual time.
    pub now: Micros,
    /// All events of the server.
    pub events: Vec<SessionEvent>,
    /// Whether requests are accepted as they come, refused, or left open.
    pub answer: Option<std::result::Result<(), Rejection>>,
    /// How both pipes hand on their bytes.
    pub chop: Chop,
    /// Writes of the server, in bytes each.
    pub writes: Vec<usize>,
    /// What the server has not taken yet.
    pub backlog: Vec<u8>,
}

impl Default for Pair {
    fn default() -> Self {
        Self::new(SessionConfig::default())
    }
}

impl Pair {
    /// A pair at time zero that accepts all requests.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        Self {
            server: ServerSession::new(config, 2, Micros::ZERO),
            client: Client::default(),
            now: Micros::ZERO,
            events: Vec::new(),
            answer: Some(Ok(())),
            chop: Chop::Whole,
            writes: Vec::new(),
            backlog: Vec::new(),
        }
    }

    /// Moves bytes both ways until nothing moves.
    ///
    /// # Errors
    /// What the server found wrong with its client.
    pub fn run(&mut self) -> Result<()> {
        loop {
            let mut moved = self.deliver()?;
            while let Some(chain) = self.server.poll_output() {
                moved = true;
                self.writes.push(chain.len());
                let bytes = chain.to_bytes();
                for piece in pieces(&bytes, self.chop) {
                    self.client.handle_input(self.now, piece)?;
                }
            }
            if !moved {
                return Ok(());
            }
        }
    }

    fn deliver(&mut self) -> Result<bool> {
        while let Some(chain) = self.client.poll_output() {
            self.backlog.extend_from_slice(&chain.to_bytes());
        }
        let backlog = std::mem::take(&mut self.backlog);
        let mut moved = false;
        let mut blocked = false;
        for piece in pieces(&backlog, self.chop) {
            let mut rest = piece;
            while !blocked && !rest.is_empty() {
                let taken = self.server.handle_input(self.now, rest)?;
                rest = rest.get(taken..).unwrap_or_default();
                moved |= taken > 0;
                moved |= self.drain();
                blocked = taken == 0 && !self.server.wants_input();
            }
            self.backlog.extend_from_slice(rest);
        }
        Ok(moved | self.drain())
    }

    /// Takes events and answers requests.
    fn drain(&mut self) -> bool {
        let mut any = false;
        while let Some(event) = self.server.poll_event() {
            any = true;
            if let SessionEvent::Publish { request, .. } | SessionEvent::Play { request, .. } =
                &event
            {
                let _ = match self.answer {
                    Some(Ok(())) => self.server.accept(*request),
                    Some(Err(reason)) => self.server.reject(*request, reason),
                    None => Ok(()),
                };
            }
            self.events.push(event);
        }
        any
    }

    /// Lets time pass, with each timer of the server at its time.
    ///
    /// # Errors
    /// The deadline that passed, with the clock at its time.
    pub fn advance(&mut self, by: Duration) -> Result<()> {
        let end = self.now + by;
        while let Some(at) = self.server.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.server.handle_timeout(self.now)?;
            self.run()?;
        }
        self.now = end;
        Ok(())
    }

    /// The events but for notices.
    #[must_use]
    pub fn signals(&self) -> Vec<&SessionEvent> {
        self.events.iter().filter(|event| !matches!(event, SessionEvent::Notice(_))).collect()
    }
}
