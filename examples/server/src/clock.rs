//! The time of day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use streamcore::hls::MuxerConfig;

/// Microseconds since 1970.
pub fn wall_clock() -> Option<i64> {
    i64::try_from(since_1970().as_micros()).ok()
}

/// Numbers segments and discontinuities past all that the stream had before, even before a restart: by the time of day, in milliseconds and
/// in seconds. So a player that stayed goes on behind a discontinuity, and no name stands for two contents.
pub fn number(hls: &mut MuxerConfig) {
    let now = since_1970();
    hls.first_sequence = u64::try_from(now.as_millis()).unwrap_or(0);
    hls.first_discontinuity = now.as_secs();
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
