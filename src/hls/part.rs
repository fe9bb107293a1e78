//! Where a segment is cut into parts (rfc8216bis 4.4.4.9): by media time, at frames, never longer than was promised.

use super::segment::Sample;
use super::timeline::MICROS;
use crate::time::rescale;

/// The least part of the target that a part has, in hundredths, where another follows in its segment.
const LEAST: i64 = 85;

/// The longest part of a rendition, which its playlist promises for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartTarget {
    /// Microseconds, in whole milliseconds.
    pub(super) micros: u64,
}

impl PartTarget {
    /// For the rendition that leads: about `wanted` microseconds, in whole frames of `frame` microseconds, with a margin for
    /// timestamps that jitter.
    pub(super) fn of_lead(wanted: u64, frame: u64) -> Self {
        Self::rounded_up(nominal(wanted, frame).saturating_mul(105) / 100)
    }

    /// For a rendition that follows parts of `lead` microseconds: frames that hold as much, and a little for a clock that
    /// is led to another.
    pub(super) fn of_follower(lead: u64, frame: u64) -> Self {
        let frame = frame.max(1);
        // A hair over a whole number of frames is the rounding of timestamps.
        let frames = (lead.saturating_add(frame - 1 - frame / 20) / frame).max(1);
        Self::rounded_up(frames.saturating_mul(frame).saturating_add(1000))
    }

    const fn rounded_up(micros: u64) -> Self {
        Self { micros: micros.div_ceil(1000).saturating_mul(1000) }
    }

    fn ticks(self, timescale: u32) -> i64 {
        rescale(i64::try_from(self.micros).unwrap_or(i64::MAX), MICROS, timescale)
    }

    /// How far past the last part a player may ask (rfc8216bis 6.2.5.2, the Advance Part Limit).
    pub(super) fn advance_limit(self) -> usize {
        let parts = 3_000_000_u64.div_ceil(self.micros.max(1)).max(3);
        usize::try_from(parts).unwrap_or(usize::MAX)
    }

    /// Whether a part of this length, which is not the last of its segment, is as long as it should be.
    pub(super) const fn is_even(self, micros: u64) -> bool {
        micros <= self.micros && micros.saturating_mul(100) >= self.micros.saturating_mul(85)
    }
}

/// Whole frames of `frame` microseconds that come nearest to `wanted`.
pub(super) fn nominal(wanted: u64, frame: u64) -> u64 {
    let frame = frame.max(1);
    (wanted.saturating_add(frame / 2) / frame).max(1).saturating_mul(frame)
}

/// What decides on the parts of one rendition, in its ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) target: PartTarget,
    pub(super) timescale: u32,
    /// Duration of a frame that nothing follows yet.
    pub(super) typical: u32,
    /// Where the leading rendition has its borders.
    pub(super) marks: &'a [i64],
}

impl Rules<'_> {
    /// How many of the samples make the next part: `samples` begins with the first that is in no part, and the first
    /// `known` of it surely belong to the open segment. `None` where the part may still grow.
    ///
    /// At least one of the known samples is left, so that a part which is hinted at always comes.
    pub(super) fn next<'a, I>(&self, samples: I, known: usize) -> Option<usize>
    where
        I: Iterator<Item = &'a Sample> + Clone,
    {
        let max = self.target.ticks(self.timescale).max(1);
        let start = samples.clone().next()?.time;
        let nexts = samples.clone().skip(1).map(Some).chain([None]);
        let (mut before, mut end) = (start, start);
        for ((index, sample), next) in samples.enumerate().zip(nexts).take(known) {
            let until = self.end(sample, next);
            let full = until.saturating_sub(start) > max;
            let even = (end - start).saturating_mul(100) >= max.saturating_mul(LEAST);
            if index > 0 && (full || (even && self.is_marked(before, until))) {
                return Some(index);
            }
            (before, end) = (sample.time, until);
        }
        None
    }

    fn end(&self, sample: &Sample, next: Option<&Sample>) -> i64 {
        let known = sample.duration.map(|duration| sample.time.saturating_add(duration.into()));
        let told = known.or(next.map(|next| next.time));
        told.unwrap_or(sample.time.saturating_add(self.typical.into()))
    }

    /// Whether the leading rendition has a border in there: in the sample that would begin the next part, or in the one before,
    /// if the part was too short without it.
    fn is_marked(&self, from: i64, until: i64) -> bool {
        self.marks.iter().any(|&mark| from <= mark && mark < until)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn e3_02_the_part_target_is_a_multiple_of_frames_with_a_margin() {
        for (rate, millis) in [
            (30_000, 210),
            (25_000, 210),
            (60_000, 210),
            (24_000, 219),
            (29_970, 211),
            (10_000, 210),
            (1000, 1050),
        ] {
            let frame = 1_000_000_000 / rate;
            assert_eq!(PartTarget::of_lead(200_000, frame).micros, millis * 1000, "{rate}");
        }
        // AAC of 48, 44.1 and 24 kHz, Opus of 20 ms, AC-3.
        for (frame, millis) in
            [(21_333, 215), (23_220, 210), (42_667, 215), (20_000, 201), (32_000, 225)]
        {
            let target = PartTarget::of_follower(200_000, frame);
            assert_eq!(target.micros, millis * 1000, "{frame}");
        }
    }

    #[test]
    fn e3_11_advance_part_limit() {
        for (millis, parts) in
            [(200, 15), (210, 15), (334, 9), (1000, 3), (1050, 3), (5000, 3), (1, 3000)]
        {
            assert_eq!(PartTarget { micros: millis * 1000 }.advance_limit(), parts, "{millis}");
        }
    }

    /// Lengths of the parts of frames that come one by one, each frame this long, without the rest.
    fn lengths(durations: &[i64], marks: &[i64], sound: bool, target: PartTarget) -> Vec<i64> {
        let rules = Rules { target, timescale: 1000, typical: 33, marks };
        let (mut queue, mut time, mut found): (Vec<Sample>, _, _) = (Vec::new(), 0, Vec::new());
        for &duration in durations {
            let known = sound.then(|| u32::try_from(duration).unwrap());
            queue.push(Sample {
                time,
                composition_offset: 0,
                duration: known,
                key: true,
                data: Bytes::new(),
            });
            time += duration;
            while let Some(count) = rules.next(queue.iter(), queue.len()) {
                found.push(queue[count].time - queue[0].time);
                queue.drain(..count);
            }
        }
        found
    }

    #[test]
    fn e3_01_parts_of_a_steady_stream_are_even_and_come_with_the_next_frame() {
        let frames: Vec<i64> = (0..61).map(|n| (n + 1) * 1000 / 30 - n * 1000 / 30).collect();
        let target = PartTarget::of_lead(200_000, 33_333);
        assert_eq!(lengths(&frames, &[], false, target), [200; 10]);
    }

    #[test]
    fn e3_01_no_part_is_longer_than_the_target_where_frames_jitter() {
        let target = PartTarget::of_lead(200_000, 33_333);
        let jitter: Vec<i64> = (0..600).map(|n| 33 + (n * 7919 % 41 - 20)).collect();
        let found = lengths(&jitter, &[], false, target);
        assert!(found.iter().all(|&length| length <= 210), "{found:?}");
        assert!(found.len() > 90);
        // One frame that is longer than a part cannot be divided.
        assert_eq!(
            lengths(&[33, 33, 500, 33, 33, 33, 33, 33, 33, 33], &[], false, target),
            [66, 500, 198]
        );
    }

    #[test]
    fn e3_01_sound_goes_with_the_borders_of_video_only_where_parts_stay_even() {
        let marks: Vec<i64> = (1..40).map(|n| n * 200).collect();
        let found = |frame: i64, count| {
            let target = PartTarget::of_follower(200_000, u64::try_from(frame).unwrap() * 1000);
            let found = lengths(&vec![frame; count], &marks, true, target);
            let even = |&length: &i64| target.is_even(u64::try_from(length).unwrap() * 1000);
            assert!(found.iter().all(even), "{frame}: {found:?}");
            found
        };
        let border = |found: Vec<i64>| found.iter().sum::<i64>();
        // Ten parts later sound is within a frame of the border.
        let short = found(21, 500);
        assert!((0..21).contains(&(2000 - border(short[..10].to_vec()))), "{short:?}");
        // Of long frames, parts of less than all that fit would be too short.
        assert!(found(46, 200).iter().all(|&length| length == 230));
        assert!(found(85, 200).iter().all(|&length| length == 255));
    }
}
