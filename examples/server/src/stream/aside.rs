//! A stream beside its media: servers that it is pushed to, who plays it, whose it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Publisher, Stream, lock};
use crate::redact::Redacted;
use crate::relay::Tap;

impl Stream {
    /// Adds a server that the stream is pushed to, with what it has to have first.
    pub fn attach_tap(&self, tap: &Arc<Tap>) {
        let mut live = self.live();
        tap.open(live.gop.tags());
        live.taps.push(tap.clone());
    }

    /// Removes it.
    pub fn detach_tap(&self, tap: &Arc<Tap>) {
        self.live().taps.retain(|other| !Arc::ptr_eq(other, tap));
        tap.shut();
    }

    /// Players, of whatever kind.
    pub fn audience(&self) -> usize {
        let watching = lock(&self.viewers).count(Instant::now());
        self.live().fan.len() + watching
    }

    /// Whether the publisher there is has the right of `identity`.
    pub fn is_of(&self, identity: Option<&str>) -> bool {
        let live = self.live();
        live.publisher
            .as_ref()
            .is_none_or(|publisher| publisher.info.identity.as_deref() == identity)
    }

    /// Ends a publisher of whom nothing was heard for so long, as one who was cut off. What comes of it later ends its connection.
    pub fn drop_idle(&self, now: Instant, time: Duration) {
        let live = self.live();
        let token = live.token;
        let idle = |publisher: &Publisher| now.saturating_duration_since(publisher.heard) >= time;
        if !live.publisher.as_ref().is_some_and(idle) {
            return;
        }
        drop(live);
        tracing::warn!(stream = %Redacted(&self.path), "nothing came from the publisher for {} s: its place is free", time.as_secs_f64());
        self.end(token, true);
        let mut live = self.live();
        if live.token == token {
            live.token += 1;
        }
    }
}
