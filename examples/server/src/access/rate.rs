//! How often a stream may change hands: a publisher who is thrown out at every key frame by another with the same key would be no
//! stream at all (F-19).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Takeovers of one stream in a row.
const BURST: u32 = 5;
/// After that, one in so much time.
const EVERY: Duration = Duration::from_secs(10);
/// Streams that are remembered. Where there are more, the oldest is forgotten.
const STREAMS: usize = 10_000;

/// Takeovers of each stream, in the recent past.
#[derive(Debug, Default)]
pub struct Rates {
    /// When the last takeovers would all be forgotten: a clock that runs ahead by [`EVERY`] for each.
    ahead: Mutex<HashMap<String, Instant>>,
}

impl Rates {
    /// Counts a takeover of the stream `path`, unless there were too many.
    pub fn allow(&self, path: &str, now: Instant) -> bool {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let after = ahead.get(path).copied().unwrap_or(now).max(now) + EVERY;
        if after > now + EVERY * BURST {
            return false;
        }
        if ahead.len() >= STREAMS {
            ahead.retain(|_, until| *until > now);
        }
        if ahead.len() >= STREAMS
            && let Some(oldest) = ahead.iter().min_by_key(|(_, until)| **until)
        {
            let oldest = oldest.0.clone();
            ahead.remove(&oldest);
        }
        ahead.insert(path.to_owned(), after);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_19_takeovers_of_one_stream_are_bounded_in_time() {
        let (rates, start) = (Rates::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let now: Vec<bool> = (0..7).map(|_| rates.allow("live/a", at(0))).collect();
        assert_eq!(now, [true, true, true, true, true, false, false]);
        assert!(rates.allow("live/b", at(0)), "another stream has its own");
        assert!(!rates.allow("live/a", at(9)) && rates.allow("live/a", at(10)));
        assert!(!rates.allow("live/a", at(11)));
        let late: Vec<bool> = (0..6).map(|_| rates.allow("live/a", at(1000))).collect();
        assert_eq!(late, [true, true, true, true, true, false]);
    }

    #[test]
    fn f_19_what_is_remembered_is_bounded() {
        let (rates, now) = (Rates::default(), Instant::now());
        for n in 0..STREAMS + 10 {
            assert!(rates.allow(&n.to_string(), now));
        }
        assert!(rates.ahead.lock().unwrap().len() <= STREAMS);
    }
}
