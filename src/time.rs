//! Time as an argument. The core never reads a clock.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A point on a monotonic clock that the caller chooses, in microseconds.
///
/// Only differences matter: zero may be the start of the process, of the machine or of a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// The clock's zero.
    pub const ZERO: Self = Self(0);

    /// Makes a point from whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// Time from `earlier` to here, zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Micros {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Micros {
    type Output = Self;

    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(rhs.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Microseconds since 1970, shown as a UTC date with milliseconds (RFC 3339): `2024-02-29T12:34:56.789Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcDate(pub i64);

impl fmt::Display for UtcDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.div_euclid(1000);
        let (seconds, milli) = (millis.div_euclid(1000), millis.rem_euclid(1000));
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days since 0000-03-01, in cycles of 400 years, so that leap days come last.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

/// Converts `value` from one timescale (ticks a second) to another, to the nearest tick, halves up.
/// Exact for every `i64` value; saturates where the result does not fit. A zero timescale counts as one.
#[must_use]
pub fn rescale(value: i64, from: u32, to: u32) -> i64 {
    if from == to {
        return value;
    }
    let (from, to) = (i64::from(from.max(1)), i64::from(to.max(1)));
    // All times but those of centuries: a division of 128 bits takes several times as long.
    if let Some(twice) = value.checked_mul(2 * to).and_then(|twice| twice.checked_add(from)) {
        return twice.div_euclid(2 * from);
    }
    let (from, to) = (i128::from(from), i128::from(to));
    let scaled = (2 * i128::from(value) * to + from).div_euclid(2 * from);
    i64::try_from(scaled).unwrap_or(if scaled < 0 { i64::MIN } else { i64::MAX })
}

/// Makes a wrapping 32-bit millisecond timestamp into a 64-bit one by serial-number arithmetic:
/// a step of less than 2^31 ms (24.8 days) is forward or backward, whichever is shorter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrap32 {
    last: Option<i64>,
}

impl Unwrap32 {
    /// The unwrapped value of `wire`, in milliseconds. The first value is taken as it is.
    pub fn unwrap(&mut self, wire: u32) -> i64 {
        let value = match self.last {
            None => i64::from(wire),
            Some(last) => {
                let low = u32::try_from(last.rem_euclid(1 << 32)).unwrap_or(0);
                last + i64::from(wire.wrapping_sub(low).cast_signed())
            }
        };
        self.last = Some(value);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e1_15_dates_are_utc_with_milliseconds() {
        let date = |micros| UtcDate(micros).to_string();
        assert_eq!(date(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(date(1_709_210_096_123_999), "2024-02-29T12:34:56.123Z");
        assert_eq!(date(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(date(4_102_444_800_000_000), "2100-01-01T00:00:00.000Z");
        // Years of more than four digits are none that a player reads; they must not panic.
        date(i64::MIN);
        date(i64::MAX);
    }

    #[test]
    fn rescale_rounds_to_the_nearest_tick() {
        assert_eq!(rescale(23, 1000, 44_100), 1014);
        assert_eq!(rescale(-23, 1000, 44_100), -1014);
        assert_eq!(rescale(1, 1000, 90_000), 90);
        assert_eq!(rescale(i64::MAX, 1, 90_000), i64::MAX);
        assert_eq!(rescale(5, 0, 0), 5);
    }

    #[test]
    fn a3_10_unwraps_across_2_to_the_32() {
        let mut unwrap = Unwrap32::default();
        assert_eq!(unwrap.unwrap(u32::MAX - 9), i64::from(u32::MAX) - 9);
        assert_eq!(unwrap.unwrap(10), i64::from(u32::MAX) + 11);
        assert_eq!(unwrap.unwrap(u32::MAX), i64::from(u32::MAX));
        assert_eq!(unwrap.unwrap(5), i64::from(u32::MAX) + 6);
    }
}
