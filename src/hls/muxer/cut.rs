//! What happens while an epoch runs: samples are queued, cuts are decided, segments closed.

use super::{Muxer, ROUNDING};
use crate::error::Result;
use crate::hls::part::{PartTarget, nominal};
use crate::hls::rendition::{Closed, Cut, Rendition};
use crate::hls::segmenter::{Decision, Rules};
use crate::hls::timeline::MICROS;
use crate::media::AccessUnit;
use crate::time::rescale;

/// A rendition that is this far behind the others has stalled, in microseconds.
const STALL: i64 = 1_500_000;
/// The same where encoders of their own make them: each has its delay.
const STALL_OF_SEVERAL: i64 = 5_000_000;
/// A rendition that is this far ahead of the others has jumped, in microseconds.
const JUMP: i64 = 20_000_000;

/// What becomes of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Now,
    /// Behind the cut at which all renditions change.
    Later,
    Nowhere,
}

impl Muxer {
    /// Queues a unit of a running epoch and decides what it cuts.
    pub(super) fn take(&mut self, unit: AccessUnit, wall: Option<i64>) -> Result<()> {
        let found = self.renditions.iter().position(|rendition| rendition.id() == unit.track);
        let Some(index) = found else { return Ok(()) };
        match self.admit(index, &unit)? {
            Place::Now => {}
            Place::Later => {
                let most = self.limits.segment_bytes;
                let lost =
                    self.renditions.get_mut(index).map_or(0, |one| one.wait(unit, wall, most));
                self.stats.dropped_units += lost as u64;
                return Ok(());
            }
            Place::Nowhere => {
                self.stats.dropped_units += 1;
                return Ok(());
            }
        }
        if self.lead_index() == Some(index) {
            self.bridge(index, &unit)?;
        }
        let leads = self.lead_index() == Some(index);
        let is_open = self.renditions.iter().any(|rendition| !rendition.open.is_empty());
        let Some(rendition) = self.renditions.get_mut(index) else { return Ok(()) };
        if leads {
            self.epoch.observe(&rendition.track, &unit, wall, is_open);
        }
        rendition.push(&self.epoch, unit);
        if leads { self.cut_at_lead(index) } else { self.cut_stalled(index) }
    }

    /// Closes what can be closed, and lets players know where something was.
    pub(super) fn settle(&mut self) -> Result<()> {
        (0..self.renditions.len()).try_for_each(|index| self.change(index))?;
        let given_up = self.newest().saturating_sub(self.stall());
        for index in 0..self.renditions.len() {
            let left = self.renditions.get(index).is_some_and(|rendition| rendition.left);
            self.close_up_to(index, if left { i64::MAX } else { given_up })?;
        }
        self.close_parts()?;
        self.tell_changes();
        Ok(())
    }

    /// Goes on with units in a new configuration, once the others are at the cut.
    fn change(&mut self, index: usize) -> Result<()> {
        let Some(rendition) = self.renditions.get(index) else { return Ok(()) };
        let Some(first) = rendition.first_waiting() else { return Ok(()) };
        let lead = self.lead_index();
        if rendition.pending.is_some() {
            if lead == Some(index) {
                // The one that led is gone.
                let cut = self.cut_before(index, &first);
                self.make_cut(Cut { discontinuity: true, ..cut })?;
            } else if !rendition.must_cross() {
                return Ok(());
            }
            self.close_one(index)?;
        }
        let (epoch, terms) = (self.epoch, self.terms());
        let Some(rendition) = self.renditions.get_mut(index) else { return Ok(()) };
        let units = rendition.take_waiting(&epoch, &terms);
        rendition.starving = rendition.is_video() && units.is_empty();
        units.into_iter().try_for_each(|(unit, wall)| self.take(unit, wall))
    }

    /// Lets a track begin or change its configuration.
    fn admit(&mut self, index: usize, unit: &AccessUnit) -> Result<Place> {
        let lead = self.lead_index();
        let Some(rendition) = self.renditions.get_mut(index) else { return Ok(Place::Nowhere) };
        if !rendition.started {
            if rendition.is_video() && !unit.key {
                return Ok(Place::Nowhere);
            }
            rendition.cross()?;
            return self.begin(index, lead, unit).map(|()| Place::Now);
        }
        if rendition.waits() {
            return Ok(Place::Later);
        }
        if rendition.is_video() && !unit.key {
            return Ok(if rendition.starving { Place::Nowhere } else { Place::Now });
        }
        if rendition.pending.is_none() {
            rendition.starving = false;
            return Ok(Place::Now);
        }
        if rendition.is_fresh() {
            rendition.cross()?;
            return Ok(Place::Now);
        }
        if rendition.must_cross() {
            self.close_one(index)?;
            return Ok(Place::Now);
        }
        if lead != Some(index) {
            // All renditions change together, at the next key frame of the one that leads.
            self.change_due = true;
            rendition.starving = rendition.is_video();
            return Ok(Place::Later);
        }
        let cut = self.cut_before(index, unit);
        self.make_cut(Cut { discontinuity: true, ..cut })?;
        self.close_one(index)?;
        Ok(Place::Now)
    }

    /// A track begins in a running epoch.
    fn begin(&mut self, index: usize, lead: Option<usize>, unit: &AccessUnit) -> Result<()> {
        let leads = lead.and_then(|lead| self.renditions.get(lead));
        let video = self.renditions.get(index).is_some_and(Rendition::is_video);
        if video && leads.is_some_and(|lead| !lead.is_video()) {
            // Video comes to sound: it leads from here, and nothing before is comparable.
            let cut = self.cut_before(index, unit);
            self.make_cut(Cut { discontinuity: true, ..cut })?;
        }
        let time = self.cut_before(index, unit);
        let time = rescale(time.present, time.timescale, MICROS);
        let past = lead.and_then(|lead| self.renditions.get(lead)).map(Rendition::past);
        let (terms, first) = (self.terms(), self.config.first_number());
        let (discontinuities, gaps) = (self.config.first_discontinuity, self.config.goes_on);
        self.joined = self.joined.saturating_add(1);
        let Some(rendition) = self.renditions.get_mut(index) else { return Ok(()) };
        rendition.since = self.joined;
        match past {
            Some(past) => rendition.join_at(&terms, &past, time, gaps),
            None => rendition.join(first, discontinuities),
        }
        Ok(())
    }

    /// The point just before a unit that is not yet queued.
    fn cut_before(&self, index: usize, unit: &AccessUnit) -> Cut {
        let rendition = self.renditions.get(index);
        let from = rendition.map_or(MICROS, |rendition| rendition.track.timescale);
        let timescale = rendition.map_or(MICROS, Rendition::timescale);
        // Times may run back, samples do not.
        let last = rendition.and_then(|rendition| rendition.queue.back());
        let behind = last.map_or(i64::MIN, |last| last.time.saturating_add(1));
        let decode = self.epoch.map(unit.dts, from, timescale).max(behind);
        let present = self.epoch.map(unit.pts(), from, timescale);
        Cut { decode, present, timescale, discontinuity: false }
    }

    /// Where the leading rendition comes back after a stall, the time since the last cut is cut as if it had not.
    fn bridge(&mut self, index: usize, unit: &AccessUnit) -> Result<()> {
        if self.renditions.get(index).is_none_or(|rendition| !rendition.queue.is_empty()) {
            return Ok(());
        }
        let cut = self.cut_before(index, unit);
        let (at, max) = (rescale(cut.decode, cut.timescale, MICROS), self.max_micros());
        while at.saturating_sub(self.segment_start) > max {
            if at.saturating_sub(self.segment_start) > JUMP {
                self.make_cut(Cut { discontinuity: true, ..cut })?;
            } else {
                let even = self.segment_start.saturating_add(self.target_micros());
                self.make_cut(Cut {
                    decode: even,
                    present: even,
                    timescale: MICROS,
                    discontinuity: false,
                })?;
            }
            self.close_one(index)?;
        }
        Ok(())
    }

    fn cut_at_lead(&mut self, index: usize) -> Result<()> {
        // Each cut leaves one sample less in the queue.
        while let Some(cut) = self.next_cut(index) {
            self.make_cut(cut)?;
            self.close_one(index)?;
        }
        Ok(())
    }

    fn next_cut(&mut self, index: usize) -> Option<Cut> {
        let rules = self.rules(index);
        let change_due = self.change_due;
        let rendition = self.renditions.get(index)?;
        if rendition.is_sealed() {
            return rendition.cut_at_seal();
        }
        // Whoever led before was ahead: what that one cut comes first.
        if rendition.has_cuts() {
            return None;
        }
        let queue = &rendition.queue;
        let start = rescale(self.segment_start, MICROS, rendition.timescale());
        // Where a jump put the cut ahead of it, the segment begins with its own first sample.
        let start = rendition.open_start().map_or(start, |first| start.min(first));
        let last = queue.len().checked_sub(1).filter(|&last| last > 0);
        let change = last.filter(|_| change_due && queue.back().is_some_and(|sample| sample.key));
        let decision = match change {
            Some(index) => Decision { index, forced: false },
            None => rules.decide(start, queue.iter(), rendition.open_bytes())?,
        };
        let sample = queue.get(decision.index)?;
        let before = queue.get(decision.index.checked_sub(1)?)?;
        let hole = sample.time.saturating_sub(before.time) > rules.max;
        let cut = Cut {
            decode: sample.time,
            present: sample.present(),
            timescale: rendition.timescale(),
            discontinuity: change.is_some() || hole,
        };
        self.stats.forced_cuts += u64::from(decision.forced);
        Some(cut)
    }

    fn rules(&self, index: usize) -> Rules {
        let timescale = self.renditions.get(index).map_or(MICROS, Rendition::timescale);
        let ticks = |micros| rescale(micros, MICROS, timescale);
        let target = self.target_micros();
        let low = self.config.part_duration;
        Rules {
            // Timestamps in milliseconds make a group of pictures a little shorter now and then.
            target: ticks(target.saturating_sub((target / 20).min(50_000))),
            min: ticks(target / 2),
            max: ticks(self.max_micros()),
            expected: low.and_then(|_| self.renditions.get(index)?.key_distance()),
            max_bytes: self.limits.segment_bytes,
        }
    }

    /// At the end of an epoch, what is left beyond the leading rendition is cut by time too: no segment is longer than
    /// the playlist promises.
    pub(super) fn cut_rest(&mut self) -> Result<()> {
        (0..self.renditions.len()).try_for_each(|index| self.cut_behind(index, 0))
    }

    /// Where the leading rendition has nothing, the others are cut by time.
    fn cut_stalled(&mut self, index: usize) -> Result<()> {
        self.cut_behind(index, self.stall())
    }

    fn stall(&self) -> i64 {
        let mut groups = self.renditions.iter().map(|rendition| rendition.group);
        let first = groups.next();
        let several = groups.any(|group| Some(group) != first);
        if several { STALL_OF_SEVERAL } else { STALL }
    }

    fn cut_behind(&mut self, index: usize, stall: i64) -> Result<()> {
        let Some(lead) = self.lead_index() else { return Ok(()) };
        let max = self.max_micros();
        loop {
            let Some(newest) = self.reached(index) else { return Ok(()) };
            let ahead = newest.saturating_sub(self.segment_start);
            let led = self.reached(lead).unwrap_or(i64::MIN);
            if ahead <= max.saturating_add(stall) || led >= newest.saturating_sub(stall) {
                return Ok(());
            }
            let jump = ahead > JUMP.saturating_add(max);
            let at = if jump {
                newest.saturating_sub(1_000_000)
            } else {
                let even = self.segment_start.saturating_add(self.target_micros());
                even.max(led.min(self.segment_start.saturating_add(max - ROUNDING)))
            };
            let discontinuity = jump || self.change_due;
            let cut = Cut { decode: at, present: at, timescale: MICROS, discontinuity };
            self.make_cut(cut)?;
            self.close_one(lead)?;
            if jump {
                return Ok(());
            }
        }
    }

    /// Where a rendition has come to, in microseconds.
    fn reached(&self, index: usize) -> Option<i64> {
        let rendition = self.renditions.get(index)?;
        rendition.reached().map(|end| rescale(end, rendition.timescale(), MICROS))
    }

    /// Where the rendition furthest ahead has come to, in microseconds.
    pub(super) fn newest(&self) -> i64 {
        (0..self.renditions.len()).filter_map(|index| self.reached(index)).max().unwrap_or(i64::MIN)
    }

    fn make_cut(&mut self, cut: Cut) -> Result<()> {
        let (at, before) = (rescale(cut.present, cut.timescale, MICROS), self.segment_start);
        self.decide_target(Some(at));
        self.segment_start = rescale(cut.decode, cut.timescale, MICROS);
        self.epoch.dates.lead(at, self.segment_start.saturating_sub(before));
        if cut.discontinuity {
            self.stats.discontinuities += 1;
            self.change_due = false;
        }
        let started = self.renditions.iter_mut().filter(|rendition| rendition.started);
        started.for_each(|rendition| rendition.cut(cut));
        Ok(())
    }

    /// Fixes the target duration by the first segment, which ends at `end` microseconds, or now.
    pub(super) fn decide_target(&mut self, end: Option<i64>) {
        if self.target.is_some() {
            return;
        }
        if self.config.max_segment_duration.is_some() {
            let seconds = (self.max_micros() - ROUNDING) / 1_000_000;
            self.target = u64::try_from(seconds).ok();
            return;
        }
        let longest = self.renditions.iter().filter_map(|rendition| {
            let first = rescale(rendition.queue.front()?.time, rendition.timescale(), MICROS);
            let reached = rescale(rendition.reached()?, rendition.timescale(), MICROS);
            Some(end.unwrap_or(reached).saturating_sub(first))
        });
        let longest = longest.max().unwrap_or(0).max(self.target_micros());
        self.target = u64::try_from(longest.saturating_add(750_000) / 1_000_000).ok();
    }

    /// Closes all segments of a rendition up to the last cut.
    fn close_one(&mut self, index: usize) -> Result<()> {
        self.close_up_to(index, i64::MAX)
    }

    fn close_up_to(&mut self, index: usize, given_up: i64) -> Result<()> {
        self.decide_part_target(index, false);
        // So it is with nearly every unit.
        if self.renditions.get(index).is_none_or(|rendition| !rendition.has_cuts()) {
            return Ok(());
        }
        let (terms, follows) = (self.terms(), self.lead_index() != Some(index));
        let Some(rendition) = self.renditions.get_mut(index) else { return Ok(()) };
        let closed = rendition.close(&terms, given_up, follows)?;
        self.note(index, closed);
        Ok(())
    }

    /// Makes the parts that are whole: first those of the leading rendition, since the others go with its borders.
    fn close_parts(&mut self) -> Result<()> {
        let low = self.config.part_duration.is_some() && self.held.is_none();
        let Some(lead) = self.lead_index().filter(|_| low) else { return Ok(()) };
        let terms = self.terms();
        let others = (0..self.renditions.len()).filter(|&index| index != lead);
        for index in std::iter::once(lead).chain(others) {
            self.decide_part_target(index, false);
            // No cut comes before what the leading rendition has shown already.
            let shown = self.renditions.get(lead).map_or(i64::MIN, Rendition::shown);
            let Some(rendition) = self.renditions.get_mut(index) else { continue };
            let scaled = rescale(shown, MICROS, rendition.timescale());
            let safe = if index == lead { i64::MAX } else { scaled };
            let closed = rendition.close_parts(&terms, safe, index != lead)?;
            self.note(index, closed);
        }
        Ok(())
    }

    /// Counts what closing came to, and hands on where the leading rendition has borders of parts.
    pub(super) fn note(&mut self, index: usize, closed: Closed) {
        self.dirty |= closed.changed;
        self.stats.dropped_units += closed.dropped;
        self.stats.uneven_parts += closed.uneven;
        let leads = self.lead_index() == Some(index);
        let Some(marks) = self.renditions.get_mut(index).map(Rendition::take_marks) else { return };
        if leads && !marks.is_empty() {
            let others = self.renditions.iter_mut().enumerate();
            let others = others.filter(|(other, one)| *other != index && one.started);
            others.for_each(|(_, other)| other.mark(&marks));
        }
    }

    /// Decides, once the target duration is, how long parts are: by frames that have come, or with `force` by what is
    /// believed of them.
    pub(super) fn decide_part_target(&mut self, index: usize, force: bool) {
        let Some(wanted) = self.config.part_duration.filter(|_| self.target.is_some()) else {
            return;
        };
        let wanted = u64::try_from(wanted.as_micros()).unwrap_or(u64::MAX).max(1);
        let leads = self.lead_index() == Some(index);
        let open = |one: &&mut Rendition| one.started && one.part_target.is_none();
        let Some(rendition) = self.renditions.get_mut(index).filter(open) else { return };
        if !force && !rendition.knows_frames(wanted) {
            return;
        }
        let frame = rendition.frame_micros();
        if leads {
            self.part_nominal = Some(nominal(wanted, frame));
        }
        rendition.part_target = Some(if leads || rendition.is_video() {
            PartTarget::of_lead(wanted, frame)
        } else {
            PartTarget::of_follower(self.part_nominal.unwrap_or(wanted), frame)
        });
    }
}
