//! Loads: each is a loop on a thread of its own, bounded in count and in time.

pub mod downloads;
pub mod floor;
pub mod http;
pub mod play;
pub mod publish;
pub mod sessions;
pub mod viewers;

use crate::net::{self, MILLI};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longest single wait of a load loop, so that it sees in time that it is to stop.
const TICK: u64 = 50 * MILLI;
/// Most connections one load opens.
pub const MAX_CONNECTIONS: usize = 20_000;

/// When a load is measured and when it ends, on the monotonic clock in nanoseconds.
#[derive(Clone, Debug)]
pub struct Span {
    /// Measuring begins.
    pub from: u64,
    /// Measuring ends.
    pub to: u64,
    end: u64,
    stop: Arc<AtomicBool>,
}

impl Span {
    /// Measures from `from` to `to`, where the load ends.
    pub fn new(from: u64, to: u64) -> Self {
        Self { from, to, end: to, stop: Arc::default() }
    }

    /// The same span for a load that goes on for `more` nanoseconds after measuring.
    pub fn and_on(&self, more: u64) -> Self {
        Self { end: self.to + more, ..self.clone() }
    }

    fn measures(&self, now: u64) -> bool {
        (self.from..self.to).contains(&now)
    }

    /// Ends the load before its time.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn is_over(&self, now: u64) -> bool {
        now >= self.end || self.stop.load(Ordering::Relaxed)
    }

    fn wake(&self, now: u64) -> u64 {
        self.end.min(now + TICK)
    }
}

/// How many of `total` connections are to be open `elapsed` nanoseconds after the first, at
/// `per_second`.
fn ramp(total: usize, per_second: u32, elapsed: u64) -> usize {
    let opened = u128::from(elapsed) * u128::from(per_second) / u128::from(net::SECOND) + 1;
    total.min(usize::try_from(opened).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_open_at_the_given_rate() {
        assert_eq!(ramp(10, 100, 0), 1);
        assert_eq!(ramp(10, 100, 45 * MILLI), 5);
        assert_eq!(ramp(10, 100, u64::MAX), 10);
    }

    #[test]
    fn a_span_ends_by_time_or_by_word() {
        let span = Span::new(5, 10);
        assert!(!span.is_over(9) && span.is_over(10));
        let longer = span.and_on(5);
        assert!(!longer.is_over(14) && longer.is_over(15));
        assert!(longer.measures(9) && !longer.measures(10));
        longer.stop();
        assert!(span.is_over(0));
    }
}
