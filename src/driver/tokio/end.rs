//! What the driver asks of an end of a connection, and the server's end.

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use super::{ConnectionConfig, Handler};
use crate::buf::Chain;
use crate::error::Result;
use crate::rtmp::session::ServerSession;
use crate::time::Micros;

/// Bits that differ from connection to connection: the standard library's hasher keys are the randomness at hand without
/// another dependency.
pub(super) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// What a connection may take of time and memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) write_timeout: Duration,
    pub(super) close_timeout: Duration,
    pub(super) write_batch: usize,
}

impl From<&ConnectionConfig> for Pace {
    fn from(config: &ConnectionConfig) -> Self {
        let ConnectionConfig { write_timeout, close_timeout, write_batch, .. } = *config;
        Self { write_timeout, close_timeout, write_batch }
    }
}

/// One end of a connection: its session, and the embedder's handler.
pub(super) trait End {
    fn handle_input(&mut self, now: Micros, input: &[u8]) -> Result<usize>;
    fn poll_output(&mut self) -> Option<Chain>;
    fn poll_timeout(&self) -> Option<Micros>;
    fn handle_timeout(&mut self, now: Micros) -> Result<()>;
    fn is_closing(&self) -> bool;
    /// Gives the next event to the handler; false where there is none.
    fn handle_event(&mut self) -> Result<bool>;
    fn ready(&mut self) -> impl Future<Output = ()> + Send;
    fn handle_ready(&mut self, budget: usize) -> Result<bool>;
    /// Time after a read for which nothing more is read.
    fn read_pause(&self) -> Duration {
        Duration::ZERO
    }
    fn handle_stop(&mut self);
}

pub(super) struct ServerEnd<'a, H> {
    pub(super) session: ServerSession,
    pub(super) handler: &'a mut H,
}

impl<H: Handler> End for ServerEnd<'_, H> {
    fn handle_input(&mut self, now: Micros, input: &[u8]) -> Result<usize> {
        self.session.handle_input(now, input)
    }

    fn poll_output(&mut self) -> Option<Chain> {
        self.session.poll_output()
    }

    fn poll_timeout(&self) -> Option<Micros> {
        self.session.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Micros) -> Result<()> {
        self.session.handle_timeout(now)
    }

    fn is_closing(&self) -> bool {
        self.session.is_closing()
    }

    fn handle_event(&mut self) -> Result<bool> {
        let Some(event) = self.session.poll_event() else { return Ok(false) };
        self.handler.handle_event(&mut self.session, event).map(|()| true)
    }

    fn ready(&mut self) -> impl Future<Output = ()> + Send {
        self.handler.ready()
    }

    fn handle_ready(&mut self, budget: usize) -> Result<bool> {
        self.handler.handle_ready(&mut self.session, budget)
    }

    fn read_pause(&self) -> Duration {
        self.handler.read_pause()
    }

    fn handle_stop(&mut self) {
        self.handler.handle_stop(&mut self.session);
    }
}
