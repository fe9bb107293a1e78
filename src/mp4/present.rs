//! What of a track's media is presented, and when.

use super::entry::Bitrates;
use super::movie::Edit;
use super::samples::FileSample;
use crate::time::rescale;

/// The presentation times of all samples of a track, in ticks from the decode time of its first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presented {
    /// The earliest; may be negative.
    pub first: i64,
    /// Where the last one ends.
    pub end: i64,
    /// Sum of the durations.
    pub media: u64,
    /// There is a sample.
    any: bool,
}

impl Presented {
    /// Of these samples, in decode order.
    #[must_use]
    pub fn of(samples: impl IntoIterator<Item = FileSample>) -> Self {
        let mut presented = Self::default();
        samples.into_iter().for_each(|sample| presented.push(&sample));
        presented
    }

    /// Adds the next sample.
    pub fn push(&mut self, sample: &FileSample) {
        let time = i64::try_from(self.media).unwrap_or(i64::MAX);
        let present = time.saturating_add(sample.composition_offset.into());
        let end = present.saturating_add(sample.duration.into());
        (self.first, self.end) =
            if self.any { (self.first.min(present), self.end.max(end)) } else { (present, end) };
        self.any = true;
        self.media = self.media.saturating_add(sample.duration.into());
    }

    /// The same with all composition offsets moved up.
    #[must_use]
    pub fn lifted(self, lift: i32) -> Self {
        let up = |time: i64| time.saturating_add(lift.into());
        Self { first: up(self.first), end: up(self.end), ..self }
    }

    /// What has to be added to all composition offsets, since no media time is negative.
    #[must_use]
    pub fn lift(&self) -> i32 {
        i32::try_from(self.first.saturating_neg()).unwrap_or(0).max(0)
    }

    /// Presented length in ticks.
    #[must_use]
    pub fn length(&self) -> u64 {
        unsigned(self.end.saturating_sub(self.first))
    }

    /// The edit list: nothing up to `start` (ticks of the track), then the media from its first picture or sound. Empty
    /// where all the media is presented from zero on. The track's offsets are lifted.
    #[must_use]
    pub fn edits(&self, start: u64, timescale: u32, movie: u32) -> Vec<Edit> {
        let first = unsigned(self.first);
        if start == 0 && first == 0 && self.length() == self.media {
            return Vec::new();
        }
        let duration = |ticks: u64| {
            let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
            unsigned(rescale(ticks, timescale, movie))
        };
        let nothing = Edit { duration: duration(start), media_time: None };
        let media = Edit { duration: duration(self.length()), media_time: Some(first) };
        [nothing].into_iter().filter(|edit| edit.duration > 0).chain([media]).collect()
    }
}

/// Bit rates: the mean over all samples, and the most within any one second.
#[must_use]
pub fn rates<I>(samples: I, timescale: u32) -> Bitrates
where
    I: IntoIterator<Item = FileSample>,
    I::IntoIter: Clone,
{
    let samples = samples.into_iter();
    let (mut window, mut within, mut start, mut end) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut total = 0_u64;
    let mut oldest = samples.clone();
    for sample in samples {
        window += u64::from(sample.size);
        total += u64::from(sample.size);
        end += u64::from(sample.duration);
        while end - start > u64::from(timescale) {
            let Some(first) = oldest.next() else { break };
            start += u64::from(first.duration);
            window -= u64::from(first.size);
        }
        within = within.max(window);
    }
    let bits = |bytes: u64| u32::try_from(bytes.saturating_mul(8)).unwrap_or(u32::MAX);
    let mean = u128::from(total) * 8 * u128::from(timescale) / u128::from(end.max(1));
    let average = u32::try_from(mean).unwrap_or(u32::MAX);
    // Whole frames fill a little less than a second: of an even stream that is less than the mean.
    Bitrates { average, maximum: bits(within).max(average) }
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
