//! The recorders of a stream, and how long they wait for a publisher who comes back.

use std::sync::Arc;
use std::time::Instant;

use crate::recorder::{Health, Recorders};

#[derive(Debug, Default)]
pub(super) struct StreamRecording {
    /// Whose tags are taken.
    pub(super) token: u64,
    pub(super) recorders: Option<Recorders>,
    /// Without a publisher they wait for one until then.
    pub(super) until: Option<Instant>,
}

impl StreamRecording {
    /// A publisher begins, or goes on with what waits.
    pub(super) fn start(&mut self, fresh: Recorders, now: Instant) -> Arc<Health> {
        let waiting = self.recorders.take().filter(|_| self.until.is_some_and(|until| until > now));
        let recorders = match waiting {
            Some(waiting) => waiting.resume(fresh),
            None => fresh,
        };
        let health = recorders.health().clone();
        (self.recorders, self.until) = (Some(recorders), None);
        health
    }

    /// The publisher has gone.
    pub(super) fn pause(&mut self, now: Instant, may_return: bool) {
        let Some(recorders) = &mut self.recorders else { return };
        let patience = recorders.patience();
        if patience.is_zero() || !may_return {
            self.recorders = None;
        } else {
            recorders.pause();
            self.until = Some(now + patience);
        }
    }
}
