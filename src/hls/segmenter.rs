//! Where to cut: by media time, never by arrival.

use super::segment::Sample;

/// The rules of cutting, in ticks of the rendition that leads (video where there is one).
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Cut at the first key frame this long after the last cut.
    pub(super) target: i64,
    /// A key frame this early may become a cut if no other comes in time.
    pub(super) min: i64,
    /// No segment is longer.
    pub(super) max: i64,
    /// Where parts are out at once, so that no cut can be made later: the longest distance of key frames so far.
    pub(super) expected: Option<i64>,
    /// No segment has more bytes.
    pub(super) max_bytes: usize,
}

/// A decision to cut before the sample at `index` of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) index: usize,
    /// Not at a key frame: the stream has none where one is due.
    pub(super) forced: bool,
}

impl Rules {
    /// Decides whether the last sample of `queue`, just added, ends the segment that began at `start`.
    ///
    /// A key frame after `target` is where a segment ends. Where none comes before `max`, an earlier key frame that
    /// was passed over (a scene cut) is used, and only without such a one the cut is forced. Where parts are out already that
    /// is too late: then a key frame is used if the next one is expected too late.
    pub(super) fn decide<'a, I>(&self, start: i64, queue: I, bytes: usize) -> Option<Decision>
    where
        I: ExactSizeIterator<Item = &'a Sample> + DoubleEndedIterator + Clone,
    {
        let last = queue.len().checked_sub(1).filter(|&last| last > 0)?;
        let newest = queue.clone().next_back()?;
        let elapsed = |sample: &Sample| sample.time.saturating_sub(start);
        let late = elapsed(newest) > self.max;
        if newest.key && !late && elapsed(newest) >= self.target {
            return Some(Decision { index: last, forced: false });
        }
        let next = self.expected.map(|distance| elapsed(newest).saturating_add(distance));
        let last_chance = next.is_some_and(|next| next > self.max);
        if newest.key && !late && last_chance && elapsed(newest) >= self.min / 2 {
            return Some(Decision { index: last, forced: false });
        }
        if !late && bytes <= self.max_bytes {
            return None;
        }
        let fits = |sample: &Sample| elapsed(sample) <= self.max;
        let earlier = queue.clone().enumerate().skip(1).filter(|(_, sample)| fits(sample));
        let usable = |sample: &Sample| sample.key && elapsed(sample) >= self.min;
        if let Some((index, _)) = earlier.clone().rfind(|(_, sample)| usable(sample)) {
            return Some(Decision { index, forced: false });
        }
        // The first sample alone may be longer than allowed: what follows a hole.
        let index = earlier.clone().next_back().map_or(1, |(index, _)| index);
        let key = queue.clone().nth(index).is_some_and(|sample| sample.key);
        Some(Decision { index, forced: !key })
    }
}
