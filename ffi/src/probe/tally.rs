//! The units of a track, added up.

/// All times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) units: u64,
    pub(super) keys: u64,
    pub(super) bytes: u64,
    start: Option<i64>,
    end: i64,
    /// Decode time of the newest, and its distance to the one before.
    newest: Option<(i64, i64)>,
}

impl Tally {
    /// A unit; where its duration is not known it is taken to last as long as the one before.
    pub(super) fn add(&mut self, dts: i64, pts: i64, duration: Option<i64>, size: u64, key: bool) {
        self.units += 1;
        self.keys += u64::from(key);
        self.bytes = self.bytes.saturating_add(size);
        self.start = Some(self.start.map_or(pts, |start| start.min(pts)));
        let step = match self.newest {
            Some((before, step)) if dts <= before => step,
            Some((before, _)) => dts.saturating_sub(before),
            None => 0,
        };
        self.newest = Some((dts, step));
        self.end = self.end.max(pts.saturating_add(duration.unwrap_or(step)));
    }

    /// First presentation.
    pub(super) fn start(&self) -> i64 {
        self.start.unwrap_or(0)
    }

    /// End of the last presentation.
    pub(super) fn end(&self) -> i64 {
        self.end.max(self.start())
    }
}

#[test]
fn the_last_unit_lasts_as_long_as_the_one_before() {
    let mut tally = Tally::default();
    for n in 0..10 {
        tally.add(n * 40_000, n * 40_000 + 80_000, None, 100, n % 5 == 0);
    }
    assert_eq!((tally.units, tally.keys, tally.bytes), (10, 2, 1000));
    assert_eq!((tally.start(), tally.end()), (80_000, 480_000));
}
