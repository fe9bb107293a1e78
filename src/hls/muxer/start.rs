//! How an epoch begins and ends.

use super::{Held, Muxer};
use crate::error::Result;
use crate::hls::rendition::Rendition;
use crate::hls::timeline::{Epoch, LEAD, MICROS};
use crate::media::{AccessUnit, MediaKind, TrackId};
use crate::time::rescale;

/// A track that was announced is waited for this long, in microseconds.
pub(super) const ANNOUNCED_WAIT: i64 = 10_000_000;

impl Muxer {
    /// Whether the held units are enough to begin with: units of video and audio, or of one where the other stays away.
    pub(super) fn may_start(&self) -> bool {
        let Some(held) = &self.held else { return false };
        let ready = |rendition: &&Rendition| held.has(rendition);
        let announced = || self.renditions.iter().filter(|rendition| rendition.announced);
        let all = announced().all(|rendition| held.has(rendition));
        let both = announced().any(Rendition::is_video)
            && announced().any(|rendition| !rendition.is_video());
        if all && both {
            return true;
        }
        let times = held.units.iter().map(|(unit, _)| self.micros(unit.track, unit.dts));
        let span = times.clone().max().unwrap_or(0).saturating_sub(times.min().unwrap_or(0));
        let wait = self.config.track_wait.unwrap_or(self.config.target_duration);
        let wait = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        let late = span >= if all { wait } else { wait.max(ANNOUNCED_WAIT) };
        let full = held.bytes >= self.limits.segment_bytes;
        (late || full) && self.renditions.iter().any(|rendition| ready(&rendition))
    }

    /// Stream time in microseconds.
    fn micros(&self, id: TrackId, ticks: i64) -> i64 {
        rescale(ticks, self.timescale_of(id).unwrap_or(MICROS), MICROS)
    }

    /// Begins an epoch with the held units.
    pub(super) fn start(&mut self) -> Result<()> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let units = self.trim(held.units);
        let times = units.iter().map(|(unit, _)| self.micros(unit.track, unit.dts));
        let first = times.min().unwrap_or(0);
        let begin = self.epoch_end();
        self.align();
        self.epoch = Epoch { offset: begin.saturating_sub(first), ..Epoch::default() };
        self.segment_start = begin;
        if self.renditions.iter().any(|rendition| rendition.started) {
            self.stats.discontinuities += 1;
        }
        self.joined = 0;
        for rendition in &mut self.renditions {
            rendition.since = 0;
            rendition.cross()?;
            rendition.restart_clock(begin);
        }
        self.join_all(|rendition| units.iter().any(|(unit, _)| unit.track == rendition.id()));
        units.into_iter().try_for_each(|(unit, wall)| self.take(unit, wall))?;
        self.settle()
    }

    /// Lets renditions begin that have units now and had none before.
    fn join_all(&mut self, comes: impl Fn(&Rendition) -> bool) {
        let past = self.renditions.iter().find(|one| one.started).map(Rendition::past);
        let first = (self.config.first_number(), self.config.first_discontinuity);
        let (terms, goes_on) = (self.terms(), self.config.goes_on);
        let micros = self.target_micros();
        let new = self.renditions.iter_mut().filter(|one| !one.started && comes(one));
        for rendition in new {
            match &past {
                Some(past) => rendition.join_at(&terms, past, i64::MAX, goes_on),
                None => {
                    rendition.join(first.0, first.1);
                    if goes_on {
                        rendition.begin_with_gap(&terms, micros);
                    }
                }
            }
        }
    }

    /// Leaves out what cannot be shown: video before its first key frame, and sound long before that.
    fn trim(&mut self, units: Vec<(AccessUnit, Option<i64>)>) -> Vec<(AccessUnit, Option<i64>)> {
        let video = |unit: &AccessUnit| unit.track.kind == MediaKind::Video;
        let keys: Vec<(TrackId, usize)> = self
            .renditions
            .iter()
            .filter_map(|one| {
                let first = |(unit, _): &(AccessUnit, _)| {
                    one.is_video() && unit.track == one.id() && unit.key
                };
                Some((one.id(), units.iter().position(first)?))
            })
            .collect();
        let begin = keys
            .iter()
            .map(|&(_, index)| index)
            .min()
            .and_then(|index| units.get(index))
            .map(|(unit, _)| self.micros(unit.track, unit.pts()));
        let earliest =
            begin.map_or(i64::MIN, |begin| begin.saturating_sub(self.target_micros() / 2));
        let before = units.len();
        let kept = units.into_iter().enumerate().filter(|(index, (unit, _))| {
            if video(unit) {
                keys.iter().any(|(id, key)| unit.track == *id && index >= key)
            } else {
                self.micros(unit.track, unit.dts) >= earliest
            }
        });
        let kept: Vec<_> = kept.map(|(_, unit)| unit).collect();
        self.stats.dropped_units += (before - kept.len()) as u64;
        kept
    }

    /// Output time, in microseconds, where the next epoch begins.
    fn epoch_end(&self) -> i64 {
        let ends =
            self.renditions.iter().filter(|rendition| rendition.started).filter_map(|rendition| {
                rendition.reached().map(|end| rescale(end, rendition.timescale(), MICROS))
            });
        ends.max().map_or(LEAD, |end| end.saturating_add(1_000_000))
    }

    /// Gives every rendition the same next number.
    fn align(&mut self) {
        let started = || self.renditions.iter().filter(|rendition| rendition.started);
        let next = started().map(|rendition| rendition.window.next_number()).max().unwrap_or(0);
        let (terms, end) = (self.terms(), self.newest());
        for rendition in self.renditions.iter_mut().filter(|rendition| rendition.started) {
            // One epoch leaves a rendition behind by the last segment at most.
            while rendition.window.next_number() < next {
                rendition.push_gap_until(&terms, end);
            }
        }
    }

    /// Ends all segments. The next unit begins a new epoch. Where the stream `goes_on`, all renditions have the same next number.
    pub(super) fn end_epoch(&mut self, goes_on: bool) -> Result<()> {
        let rests: Vec<AccessUnit> =
            self.renditions.iter_mut().flat_map(Rendition::take_rest).collect();
        rests.into_iter().try_for_each(|rest| self.accept(rest, None))?;
        let ready =
            self.held.as_ref().is_some_and(|held| self.renditions.iter().any(|one| held.has(one)));
        if ready {
            self.start()?;
        }
        for rendition in &mut self.renditions {
            self.stats.dropped_units += rendition.wait_no_more() as u64;
        }
        if self.held.is_none() {
            self.decide_target(None);
            self.cut_rest()?;
            let terms = self.terms();
            for index in 0..self.renditions.len() {
                self.decide_part_target(index, true);
                let started = self.renditions.get_mut(index).filter(|one| one.started);
                let Some(rendition) = started else { continue };
                let closed = rendition.flush(&terms)?;
                self.note(index, closed);
            }
        }
        if goes_on {
            // Before the playlists hint at a number that one of them would only have a gap for.
            self.align();
        }
        self.held = Some(Held::default());
        self.change_due = false;
        Ok(())
    }
}

impl Held {
    /// Whether a picture comes before anything that decoding could start with. It would be left out at the start: who
    /// never sends a key frame fills no memory.
    pub(super) fn is_early(&self, unit: &AccessUnit) -> bool {
        let is_start = |(held, _): &(AccessUnit, _)| held.track == unit.track && held.key;
        unit.track.kind == MediaKind::Video && !unit.key && !self.units.iter().any(is_start)
    }

    /// Whether a rendition could begin with what is held.
    fn has(&self, rendition: &Rendition) -> bool {
        let video = rendition.is_video();
        self.units.iter().any(|(unit, _)| unit.track == rendition.id() && (unit.key || !video))
    }
}
