//! The recorders of a stream, and how long they wait for a publisher who comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::recorder::{Health, Recorders};

#[derive(Debug, Default)]
pub(super) struct StreamRecording {
    /// Whose tags are taken.
    pub(super) token: u64,
    pub(super) recorders: Option<Recorders>,
    /// Since when they have had no publisher, and wait for one, each for as long as it is told to.
    since: Option<Instant>,
}

impl StreamRecording {
    /// A publisher begins, or goes on with what waits.
    pub(super) fn start(&mut self, fresh: Recorders, now: Instant) -> Arc<Health> {
        self.expire(Some(now));
        let waiting = self.recorders.take().filter(|_| self.since.is_some());
        let recorders = match waiting {
            Some(waiting) => waiting.resume(fresh),
            None => fresh,
        };
        let health = recorders.health().clone();
        (self.recorders, self.since) = (Some(recorders), None);
        health
    }

    /// The publisher has gone.
    pub(super) fn pause(&mut self, now: Instant, may_return: bool) {
        let Some(recorders) = &mut self.recorders else { return };
        if !may_return {
            (self.recorders, self.since) = (None, None);
        } else if self.since.is_none() {
            recorders.pause();
            self.since = Some(now);
            self.expire(Some(now));
        }
    }

    /// Ends recorders that have waited long enough; without a time, all that wait.
    pub(super) fn expire(&mut self, now: Option<Instant>) {
        let Some((since, recorders)) = self.since.zip(self.recorders.as_mut()) else { return };
        let waited = now.map_or(Duration::MAX, |now| now.saturating_duration_since(since));
        if !recorders.expire(waited) {
            (self.recorders, self.since) = (None, None);
        }
    }
}
