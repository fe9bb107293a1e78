//! The time of day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
pub fn wall_clock() -> Option<i64> {
    i64::try_from(since_1970().as_micros()).ok()
}

/// Milliseconds since 1970.
pub fn unix_millis() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(0)
}

/// Seconds since 1970.
pub fn unix_seconds() -> i64 {
    i64::try_from(since_1970().as_secs()).unwrap_or(0)
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
