use std::time::Duration;

use crate::driver::tokio::end::seed;

/// Pauses between attempts to connect: each about twice as long as the one before, none the same for two clients that lost
/// the same server.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Pauses that start at about `first` and grow to about `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// The pause before the next attempt: between three and five quarters of what it would be without chance.
    #[must_use]
    pub fn pause(&mut self) -> Duration {
        let whole = self.next.min(self.most);
        self.next = whole.saturating_mul(2);
        let chance = u32::try_from(seed() % 513).unwrap_or(0);
        whole.saturating_mul(768 + chance) / 1024
    }

    /// Starts over: a connection has come to something.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }
}

impl Default for Backoff {
    /// From 1 s to 30 s.
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(30))
    }
}
