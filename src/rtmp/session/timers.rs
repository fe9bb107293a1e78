//! Deadlines: all absolute, so that slow bytes buy no time (A1-16, F-01).

use super::stream::StreamState;
use super::{Phase, ServerSession};
use crate::error::{Error, Layer, Result};
use crate::rtmp::message::UserControl;
use crate::time::Micros;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Ping,
    Failure(&'static str),
}

impl ServerSession {
    /// When [`handle_timeout`](Self::handle_timeout) is to be called next, or none while nothing is awaited. It may
    /// change with every other call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Micros> {
        self.deadlines().map(|(at, _)| at).min()
    }

    /// Does what is due at `now`. A call before its time does nothing.
    ///
    /// # Errors
    /// Violation where a deadline has passed: close the connection.
    pub fn handle_timeout(&mut self, now: Micros) -> Result<()> {
        self.now = now;
        let due: Vec<Due> =
            self.deadlines().filter(|(at, _)| *at <= now).map(|(_, due)| due).collect();
        for due in due {
            match due {
                Due::Failure(field) => {
                    self.start_closing();
                    return Err(Error::violation(Layer::Session, field));
                }
                Due::Ping => {
                    let clock = u32::try_from((now.0 / 1000) & 0xffff_ffff).unwrap_or(0);
                    self.link.control(&UserControl::PingRequest(clock).into());
                    self.link.pinged = Some(now);
                }
            }
        }
        Ok(())
    }

    fn deadlines(&self) -> impl Iterator<Item = (Micros, Due)> {
        let limits = &self.config.limits;
        let phase = match &self.phase {
            Phase::Handshake(state) => {
                Some((state.deadline, Due::Failure("time for the handshake")))
            }
            Phase::Connecting(state) => Some((state.deadline, Due::Failure("time to connect"))),
            Phase::Connected(state) => {
                state.deadline.map(|deadline| (deadline, Due::Failure("time to publish or play")))
            }
            Phase::Closing(state) => Some((state.deadline, Due::Failure("time to close"))),
        };
        // While this side does not take input, the peer cannot be late, unless it is the one that does not read.
        let held = self.is_held() || (self.stalled && !self.is_output_full());
        let listening = !held && !self.is_closing();
        let message = self.link.reader.incomplete_since().filter(|_| listening);
        let message = message
            .map(|since| (since + limits.message_timeout, Due::Failure("time for a message")));
        phase.into_iter().chain(message).chain(self.silence().filter(|_| listening))
    }

    /// What the peer's silence leads to: publishers are given up, players are pinged first (A4-17).
    fn silence(&self) -> Option<(Micros, Due)> {
        let Phase::Connected(connected) = &self.phase else { return None };
        let streams = &connected.streams;
        if streams.iter().any(|stream| matches!(stream.state, StreamState::Publishing { .. })) {
            return Some((
                self.heard + self.config.limits.idle_timeout,
                Due::Failure("silence of a publisher"),
            ));
        }
        if !streams.iter().any(|stream| stream.state.is_play()) {
            return None;
        }
        Some(match self.link.pinged.filter(|&pinged| pinged > self.heard) {
            Some(pinged) => (pinged + self.config.ping_timeout, Due::Failure("answer to a ping")),
            None => (self.heard + self.config.ping_interval, Due::Ping),
        })
    }
}
