//! Video beside video: where the cuts of the leading rendition fall in another one.
//!
//! Encoders that are set up alike have their key frames at the same times, and are cut there. Those of other encoders come a little
//! sooner or later: then the nearest key frame is taken, half a target duration away at most. Only where there is none the cut is at no
//! key frame.

use super::{Cut, Rendition, Terms};
use crate::hls::segment::Sample;
use crate::hls::timeline::MICROS;
use crate::time::rescale;

impl Rendition {
    /// Where a cut is in this rendition, in ticks, and the first sample past it, once it is known.
    pub(super) fn find_key(
        &mut self,
        terms: &Terms,
        cut: Cut,
        given_up: i64,
    ) -> Option<(i64, Option<usize>)> {
        let timescale = self.timescale();
        let at = rescale(cut.present, cut.timescale, timescale);
        let force = rescale(cut.present, cut.timescale, MICROS) <= given_up;
        let exact = self.half_frame();
        let away = |sample: &Sample| sample.present().saturating_sub(at).saturating_abs();
        let reach = rescale(terms.reach, MICROS, timescale);
        let latest = self.latest_end(terms, at);
        let nearest = self
            .queue
            .iter()
            .enumerate()
            .filter(|&(index, sample)| self.may_end_before(terms, cut, index, sample))
            .map(|(index, sample)| (away(sample), index, sample.time, sample.present()))
            .min();
        let newest = self.queue.back().map_or(i64::MIN, |last| last.time);
        match nearest {
            // No later one can be nearer.
            Some((away, index, time, present))
                if force
                    || present >= at.saturating_sub(exact)
                    || newest >= at.saturating_add(away) =>
            {
                self.aligned = away <= exact;
                Some((time, Some(index)))
            }
            None if force || newest > at.saturating_add(reach) || newest > latest => {
                self.aligned = false;
                let boundary = rescale(cut.decode, cut.timescale, timescale).min(latest);
                Some((boundary, self.queue.iter().position(|sample| sample.time >= boundary)))
            }
            _ => None,
        }
    }

    /// Whether the segment may end before this sample, at `index` in the queue, because of `cut`.
    pub(super) fn may_end_before(
        &self,
        terms: &Terms,
        cut: Cut,
        index: usize,
        sample: &Sample,
    ) -> bool {
        let timescale = self.timescale();
        let at = rescale(cut.present, cut.timescale, timescale);
        let away = sample.present().saturating_sub(at).saturating_abs();
        // A segment does not end where it begins, nor before a part that was hinted at.
        let begins = index == 0 && (self.open.is_empty() || self.part_target.is_some());
        let behind = sample.present().saturating_add(self.half_frame()) >= at;
        sample.key
            && sample.time <= self.latest_end(terms, at)
            && (!begins || behind)
            && away <= rescale(terms.reach, MICROS, timescale)
    }

    /// Where the open segment is as long as it may be, or one that begins at `at`.
    fn latest_end(&self, terms: &Terms, at: i64) -> i64 {
        let start = self.open_start().unwrap_or(at);
        start.saturating_add(rescale(terms.max, MICROS, self.timescale()))
    }

    /// Whether the segment may still be cut before this sample, where the leading rendition has come to `shown` (ticks).
    pub(super) fn may_begin(&self, terms: &Terms, sample: &Sample, shown: i64) -> bool {
        if !sample.key || !self.is_video() {
            return false;
        }
        let ticks = |micros| rescale(micros, MICROS, self.timescale());
        // The key frame that a segment begins with ends none.
        let start = self.open_start().unwrap_or(sample.time);
        let length = sample.time.saturating_sub(start);
        let reach = if self.aligned { 0 } else { ticks(terms.reach) };
        length > 0
            && length >= reach
            && shown.saturating_add(self.half_frame()) < sample.present().saturating_add(reach)
    }

    pub(super) fn half_frame(&self) -> i64 {
        // One frame that came late says nothing of how exact the others are.
        i64::from((self.typical / 2).min(self.timescale() / 20))
    }
}
