//! Deadlines: all absolute, so that slow bytes buy no time (A1-16, F-01).

use super::{ClientSession, Phase};
use crate::error::{Error, Layer, Result};
use crate::time::Micros;

impl ClientSession {
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
        let due = self.deadlines().filter(|(at, _)| *at <= now).min_by_key(|(at, _)| *at);
        match due {
            Some((_, field)) => {
                self.phase = Phase::Closing;
                Err(Error::violation(Layer::Session, field))
            }
            None => Ok(()),
        }
    }

    fn deadlines(&self) -> impl Iterator<Item = (Micros, &'static str)> {
        let publish = self.config.is_publish();
        let phase = match &self.phase {
            Phase::Handshake(state) => Some((state.deadline, "time for the server's handshake")),
            Phase::Connecting(waiting) => Some((waiting.deadline, "time for an answer to connect")),
            Phase::Opening(waiting) => {
                Some((waiting.deadline, "time for an answer to createStream"))
            }
            Phase::Requesting(waiting, _) if publish => {
                Some((waiting.deadline, "time for an answer to publish"))
            }
            Phase::Requesting(waiting, _) => Some((waiting.deadline, "time for an answer to play")),
            Phase::Active(_) | Phase::Closing => None,
        };
        let listening = !self.is_closing() && !self.is_held() && !self.stalled;
        let message = self.link.reader.incomplete_since().filter(|_| listening);
        let message =
            message.map(|since| (since + self.config.limits.message_timeout, "time for a message"));
        // A publisher hears nothing for long; that its server takes nothing is seen at the socket.
        let plays = matches!(self.phase, Phase::Active(_)) && !publish;
        let silence = (plays && listening)
            .then_some((self.heard + self.config.silence_timeout, "silence of the server"));
        phase.into_iter().chain(message).chain(silence)
    }
}
