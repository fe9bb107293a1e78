//! What a rendition does not take at once: units in a configuration that the others have not come to, and those of a publisher who came back.

use super::{Cut, Rendition, Terms};
use crate::hls::timeline::{Epoch, MICROS};
use crate::media::AccessUnit;
use crate::time::rescale;

/// Units that wait for the cut at which all renditions change, with the wall clock of each.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    units: Vec<(AccessUnit, Option<i64>)>,
    bytes: usize,
}

impl Rendition {
    /// Keeps a unit for the next epoch. Says how many are lost because there would be more than `most` bytes of them.
    pub(in crate::hls) fn wait(
        &mut self,
        unit: AccessUnit,
        wall: Option<i64>,
        most: usize,
    ) -> usize {
        self.waiting.bytes = self.waiting.bytes.saturating_add(unit.data.len());
        self.waiting.units.push((unit, wall));
        if self.waiting.bytes <= most { 0 } else { self.wait_no_more() }
    }

    pub(in crate::hls) const fn waits(&self) -> bool {
        !self.waiting.units.is_empty()
    }

    /// The first unit that waits.
    pub(in crate::hls) fn first_waiting(&self) -> Option<AccessUnit> {
        self.waiting.units.first().map(|(unit, _)| unit.clone())
    }

    /// Drops what waits. Says how much that was.
    pub(in crate::hls) fn wait_no_more(&mut self) -> usize {
        std::mem::take(&mut self.waiting).units.len()
    }

    /// What waited, from where the new segment begins: pictures from the key frame nearest to the last cut.
    pub(in crate::hls) fn take_waiting(
        &mut self,
        epoch: &Epoch,
        terms: &Terms,
    ) -> Vec<(AccessUnit, Option<i64>)> {
        let units = std::mem::take(&mut self.waiting).units;
        let (from, to) = (self.track.timescale, self.timescale());
        let at = self.boundary.unwrap_or(i64::MIN);
        let behind = |unit: &AccessUnit| {
            epoch.map(unit.dts, from, to).saturating_add(self.half_frame()) >= at
        };
        let away = |unit: &AccessUnit| epoch.map(unit.dts, from, to).abs_diff(at);
        let keys = units.iter().enumerate().filter(|(_, (unit, _))| unit.key);
        let near = rescale(terms.reach, MICROS, to).unsigned_abs();
        let nearest = keys
            .clone()
            .map(|(index, (unit, _))| (away(unit), index))
            .filter(|&(away, _)| self.is_video() && away <= near)
            .min();
        let first = nearest.map(|(_, index)| index);
        let first =
            first.or_else(|| keys.clone().find(|(_, (unit, _))| behind(unit)).map(|(at, _)| at));
        first.map_or_else(Vec::new, |first| units.into_iter().skip(first).collect())
    }

    /// What comes next is not the continuation of what is here: no segment has both.
    pub(in crate::hls) fn seal(&mut self) {
        if !self.started {
            return;
        }
        // Who came back and goes again has left nothing.
        self.drop_foreign();
        let last = self.queue.back().map(|last| last.time.saturating_add(1));
        self.sealed = last.or(self.end).or(self.boundary);
        self.starving = self.is_video();
    }

    /// Drops what is not of the publisher of the segment that is open. Says how much that was.
    pub(super) fn drop_foreign(&mut self) -> usize {
        let foreign = self.queue.split_off(self.unsealed());
        let bytes: usize = foreign.iter().map(|sample| sample.data.len()).sum();
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes);
        foreign.len()
    }

    /// Whether the segment that is open takes no more.
    pub(in crate::hls) const fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }

    /// How many of the queued samples are of the same publisher as the segment that is open.
    pub(super) fn unsealed(&self) -> usize {
        let Some(sealed) = self.sealed else { return self.queue.len() };
        self.queue.iter().take_while(|sample| sample.time < sealed).count()
    }

    /// Where the leading rendition goes on with another publisher: there it is cut.
    pub(in crate::hls) fn cut_at_seal(&self) -> Option<Cut> {
        let first = self.queue.get(self.unsealed())?;
        let (decode, present) = (first.time, first.present());
        Some(Cut { decode, present, timescale: self.timescale(), discontinuity: false })
    }
}
