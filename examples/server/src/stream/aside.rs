//! A stream beside its media: servers that it is pushed to, who plays it, whose it is.

use std::sync::Arc;
use std::time::Instant;

use super::{Stream, lock};
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
}
