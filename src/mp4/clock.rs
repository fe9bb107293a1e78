//! Audio time on sample counts: exact frame lengths, led slowly by the timestamps.

/// Frames over which the distance between the two clocks is averaged: about a second and a half.
const AVERAGE: i64 = 64;

/// Where a frame goes on the output's time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Decode time in ticks.
    pub time: i64,
    /// Ticks to the next frame, where none is missing. Mostly the samples of a frame; one more or less
    /// while the clock follows a drift.
    pub duration: u32,
    /// Whether sound is missing before this frame.
    pub gap: bool,
}

/// Places the frames of one audio track.
///
/// Timestamps in milliseconds are too coarse for sound: 23.22 ms would become 23, 23, 24. So the time runs on
/// sample counts from the first timestamp. It is corrected in two cases only. A timestamp ahead by about a frame or
/// more means that frames are missing: the time goes there at once and leaves a gap. A small distance that stays
/// (the encoder's clocks drift apart) is walked off by one tick a frame, which nobody hears.
#[derive(Clone, Debug)]
pub struct AudioClock {
    frame: i64,
    rate: i64,
    next: Option<i64>,
    /// Mean distance between timestamp and clock, in 1/`AVERAGE` ticks.
    error: i64,
    /// Distance in ticks that means missing frames.
    tolerance: i64,
    correcting: bool,
    /// A gap was made: if timestamps now run behind, it was jitter and no gap.
    suspect: bool,
}

impl AudioClock {
    /// A clock for frames of `frame_samples` samples at `sample_rate` Hz.
    #[must_use]
    pub fn new(sample_rate: u32, frame_samples: u32) -> Self {
        let (rate, frame) = (i64::from(sample_rate.max(1)), i64::from(frame_samples.max(1)));
        // A missing frame shows as one frame less the rounding of two timestamps.
        let tolerance = (frame - rate / 500).max(rate / 100);
        Self { frame, rate, next: None, error: 0, tolerance, correcting: false, suspect: false }
    }

    /// Decode time of the next frame where nothing is missing, in ticks; `None` before the first.
    #[must_use]
    pub const fn next_time(&self) -> Option<i64> {
        self.next
    }

    /// Places a frame of `samples` that came with `timestamp`, in ticks of the sampling rate: for codecs whose frames differ
    /// in length.
    pub fn place_frame(&mut self, timestamp: i64, samples: u32) -> Placement {
        self.frame = i64::from(samples.max(1));
        self.place(timestamp)
    }

    /// Places the frame that came with `timestamp`, in ticks of the sampling rate.
    pub fn place(&mut self, timestamp: i64) -> Placement {
        let expected = self.next.unwrap_or(timestamp);
        let distance = timestamp.saturating_sub(expected);
        let gap = distance > self.tolerance;
        let time = if gap { expected.saturating_add(self.missing(distance)) } else { expected };
        if gap {
            (self.error, self.correcting, self.suspect) = (0, false, true);
        } else {
            self.follow(distance);
        }
        let step = self.frame + self.correction();
        self.next = Some(time.saturating_add(step));
        Placement { time, duration: u32::try_from(step).unwrap_or(1), gap }
    }

    /// What is missing: whole frames where the rounding of timestamps allows, so that the grid of frames is kept.
    const fn missing(&self, distance: i64) -> i64 {
        let frames = distance.saturating_add(self.frame / 2) / self.frame;
        let whole = frames.saturating_mul(self.frame);
        if distance.saturating_sub(whole).saturating_abs() <= self.rate / 500 {
            whole
        } else {
            distance
        }
    }

    fn follow(&mut self, distance: i64) {
        if self.suspect && distance < -self.tolerance {
            self.suspect = false;
            self.tolerance = (self.tolerance * 2).min(self.rate / 4);
        }
        // One wild timestamp must not move the mean further than a second can.
        let bounded = distance.clamp(-self.rate, self.rate);
        self.error += bounded - self.error / AVERAGE;
        let mean = (self.error / AVERAGE).abs();
        if mean > self.rate / 200 {
            self.correcting = true;
        } else if mean < self.rate / 1000 {
            self.correcting = false;
        }
    }

    /// Ticks to add to the present frame: one for a drift, more where the distance is past a frame.
    fn correction(&self) -> i64 {
        if !self.correcting {
            return 0;
        }
        let mean = self.error / AVERAGE;
        let most = (self.frame / 16).max(1);
        mean.signum() * (mean.abs() / 256).clamp(1, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::rescale;

    fn wire(samples: i64, rate: u32) -> i64 {
        rescale(rescale(samples, rate, 1000), 1000, rate)
    }

    #[test]
    fn d_17_rounded_milliseconds_leave_every_frame_at_its_sample_count() {
        for (rate, frame) in
            [(44_100, 1024), (48_000, 1024), (48_000, 960), (24_000, 1024), (8_000, 1024)]
        {
            let mut clock = AudioClock::new(rate, frame);
            let start = wire(1234, rate);
            for index in 0..20_000 {
                let stamp = wire(1234 + index * i64::from(frame), rate);
                let placed = clock.place(stamp);
                assert_eq!(
                    placed,
                    Placement {
                        time: start + index * i64::from(frame),
                        duration: frame,
                        gap: false
                    }
                );
            }
        }
    }

    #[test]
    fn d_20_one_missing_frame_leaves_a_gap_of_one_frame() {
        let mut clock = AudioClock::new(48_000, 1024);
        let mut gaps = 0;
        for index in (0..2000).filter(|index| index % 500 != 499) {
            let placed = clock.place(wire(index * 1024, 48_000));
            gaps += u32::from(placed.gap);
            assert_eq!(placed.time, index * 1024, "the grid of frames is kept");
        }
        assert_eq!(gaps, 3);
    }

    #[test]
    fn d_18_a_drift_of_50_ppm_either_way_stays_within_6_ms_and_without_a_gap() {
        for ppm in [50, -50, 300, -300] {
            let mut clock = AudioClock::new(48_000, 1024);
            let mut end = 0;
            for index in 0..24 * 3600 * 48_000 / 1024_i64 / 8 {
                let stamp = index * 1024 + index * 1024 * ppm / 1_000_000;
                let placed = clock.place(wire(stamp, 48_000));
                assert!(!placed.gap && (index == 0 || placed.time == end));
                assert!((placed.time - stamp).abs() < 6 * 48, "{placed:?} for {stamp}");
                end = placed.time + i64::from(placed.duration);
            }
        }
    }

    #[test]
    fn b3_14_jitter_of_40_ms_makes_no_row_of_gaps() {
        let mut clock = AudioClock::new(48_000, 1024);
        let gaps = (0..10_000_i64)
            .filter(|index| {
                let jitter = (index * 7919 % 80 - 40) * 48;
                clock.place(index * 1024 + jitter).gap
            })
            .count();
        assert!(gaps < 8, "{gaps}");
        let distance = clock.next_time().unwrap() - 10_000 * 1024;
        assert!(distance.abs() < 60 * 48, "{distance}");
    }

    #[test]
    fn f_30_extreme_timestamps_do_not_overflow() {
        let mut clock = AudioClock::new(48_000, 1024);
        for stamp in [i64::MIN, i64::MAX, 0, i64::MAX, i64::MIN] {
            clock.place(stamp);
        }
        assert!(clock.next_time().is_some());
    }
}
