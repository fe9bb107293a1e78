//! The time of day.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use streamcore::hls::MuxerConfig;

/// Microseconds since 1970.
pub fn wall_clock() -> Option<i64> {
    i64::try_from(since_1970().as_micros()).ok()
}

/// Discontinuities that a stream may have from one start to the next. Players keep lists by their number, so it has to stay small.
const DISCONTINUITIES: u64 = 1000;

/// Where discontinuities begin since this start.
static FIRST_DISCONTINUITY: AtomicU64 = AtomicU64::new(0);

/// Says which start of the server this is.
pub fn set_start(count: u64) {
    let first = count.saturating_sub(1).saturating_mul(DISCONTINUITIES);
    FIRST_DISCONTINUITY.store(first, Ordering::Relaxed);
}

/// Numbers segments and discontinuities past all that the stream had before, even before a restart: segments by the time of day in
/// milliseconds, discontinuities by the count of starts. So no number runs back, and no name stands for two contents.
pub fn number(hls: &mut MuxerConfig) {
    hls.first_sequence = u64::try_from(since_1970().as_millis()).unwrap_or(0);
    hls.first_discontinuity = FIRST_DISCONTINUITY.load(Ordering::Relaxed);
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
