//! Times of the tracks: unwrapped, monotonic, and on one time line.

use std::collections::{BTreeMap, VecDeque};

use super::{Event, Item, NoticeKind, RawUnit, Stage};
use crate::media::{AccessUnit, MediaKind, TrackId};

/// The smallest step of a decode time, in microseconds: small enough that a burst on one millisecond does not pile up.
const MIN_STEP: i64 = 100;
/// A track may run back that far and is moved on; further is a jump.
const MAX_BACK: i64 = 1_000_000;
/// A track may pause that long; longer is a jump, unless it meets the other track.
const MAX_AHEAD: i64 = 10_000_000;
/// A track that is that far behind is silent and has no say.
const SILENT: i64 = 5_000_000;
/// Units of the track that jumped that wait for the other track to tell.
const MAX_HELD: usize = 32;
const MAX_HELD_BYTES: usize = 16 << 20;
/// Units of the other track on the old time line that show that only one track jumped.
const CONTRADICTIONS: usize = 8;

/// Times units. Within an epoch each track's decode times rise.
#[derive(Debug, Default)]
pub(super) struct Clock {
    tracks: BTreeMap<TrackId, TrackClock>,
    doubt: Option<Doubt>,
}

#[derive(Clone, Copy, Debug, Default)]
struct TrackClock {
    /// Unwrapped wire time of the last unit, in milliseconds.
    wire: Option<i64>,
    /// Decode time that the last unit was given.
    dts: Option<i64>,
    /// Last step that was taken as it came.
    step: i64,
    /// Added to the wire time, since this track alone jumped.
    shift: i64,
}

/// A track jumped, and whether the others do is not known yet.
#[derive(Debug)]
struct Doubt {
    id: TrackId,
    /// Its units since then, with their times.
    held: VecDeque<(i64, Item)>,
    contradictions: usize,
}

type Give<'a> = &'a mut dyn FnMut(Event);

impl Clock {
    pub(super) fn handle(&mut self, item: Item, give: Give<'_>, stage: &mut Stage) {
        let (id, time) = match &item {
            Item::Track(track) => (track.id, 0),
            Item::Unit(unit) => (unit.track, self.unwrap(unit)),
            Item::Hold(_) => return,
        };
        self.route(id, time, item, give, stage);
    }

    fn route(&mut self, id: TrackId, time: i64, item: Item, give: Give<'_>, stage: &mut Stage) {
        match &mut self.doubt {
            Some(doubt) if doubt.id == id => self.handle_doubtful(time, item, give, stage),
            Some(_) => self.handle_witness(time, item, give, stage),
            None => self.handle_plain(time, item, give, stage),
        }
    }

    /// Gives what is still held.
    pub(super) fn finish(&mut self, give: Give<'_>, stage: &mut Stage) {
        if self.doubt.as_ref().is_some_and(|doubt| doubt.contradictions > 0) {
            self.repair(give, stage);
        } else if self.doubt.is_some() {
            self.new_epoch(give, stage);
        }
    }

    fn track(&self, id: TrackId) -> TrackClock {
        self.tracks.get(&id).copied().unwrap_or_default()
    }

    fn track_mut(&mut self, id: TrackId) -> &mut TrackClock {
        self.tracks.entry(id).or_default()
    }

    fn others(&self, id: TrackId) -> impl Iterator<Item = &TrackClock> {
        self.tracks.iter().filter(move |(other, _)| **other != id).map(|(_, track)| track)
    }

    /// Unwrapped wire time in microseconds, by serial arithmetic against the track's last, or the other's.
    fn unwrap(&mut self, unit: &RawUnit) -> i64 {
        let id = unit.track;
        let other = || self.others(id).find_map(|track| track.wire);
        let last = self.track(id).wire.or_else(other);
        let wire = last.map_or(i64::from(unit.wire), |last| {
            let low = u32::try_from(last.rem_euclid(1 << 32)).unwrap_or(0);
            last.saturating_add(i64::from(unit.wire.wrapping_sub(low).cast_signed()))
        });
        self.track_mut(id).wire = Some(wire);
        wire.saturating_mul(1000).saturating_add(unit.behind)
    }

    fn handle_plain(&mut self, time: i64, item: Item, give: Give<'_>, stage: &mut Stage) {
        let unit = match item {
            Item::Track(track) => return give(Event::Track(track)),
            Item::Unit(unit) => unit,
            Item::Hold(_) => return,
        };
        let id = unit.track;
        match self.judge(id, time) {
            Judgement::InOrder => self.give_unit(time, unit, give, stage),
            Judgement::BackInLine => {
                self.track_mut(id).shift = 0;
                self.give_unit(time, unit, give, stage);
            }
            Judgement::Alone => {
                self.restart(give);
                self.give_unit(time, unit, give, stage);
            }
            Judgement::Jump => {
                let held = VecDeque::from([(time, Item::Unit(unit))]);
                self.doubt = Some(Doubt { id, held, contradictions: 0 });
            }
        }
    }

    fn judge(&self, id: TrackId, time: i64) -> Judgement {
        let track = self.track(id);
        let Some(last) = track.dts else { return Judgement::InOrder };
        let follows = |time: i64| (-MAX_BACK..=MAX_AHEAD).contains(&time.saturating_sub(last));
        let shifted = time.saturating_add(track.shift);
        if follows(shifted) {
            return Judgement::InOrder;
        }
        let heard = |other: &i64| *other > last.saturating_sub(SILENT);
        let other = self.others(id).filter_map(|track| track.dts).filter(heard).max();
        let Some(other) = other else { return Judgement::Alone };
        let meets = |time: i64| time > last && (time - other).abs() <= MAX_BACK;
        if meets(shifted) {
            Judgement::InOrder
        } else if track.shift != 0 && (follows(time) || meets(time)) {
            Judgement::BackInLine
        } else {
            Judgement::Jump
        }
    }

    /// More of the track that jumped: an outlier if it goes on where it was.
    fn handle_doubtful(&mut self, time: i64, item: Item, give: Give<'_>, stage: &mut Stage) {
        let Some(doubt) = &mut self.doubt else { return };
        let id = doubt.id;
        let is_unit = matches!(item, Item::Unit(_));
        doubt.held.push_back((time, item));
        let bytes: usize = doubt.held.iter().map(|(_, item)| item.bytes()).sum();
        let full = doubt.held.len() >= MAX_HELD || bytes > MAX_HELD_BYTES;
        let contradicted = doubt.contradictions > 0;
        if is_unit && matches!(self.judge(id, time), Judgement::InOrder | Judgement::BackInLine) {
            self.pass_outliers(give, stage);
        } else if full && contradicted {
            self.repair(give, stage);
        } else if full {
            self.new_epoch(give, stage);
        }
    }

    /// A unit of the other track: it jumped too, or goes on.
    fn handle_witness(&mut self, time: i64, item: Item, give: Give<'_>, stage: &mut Stage) {
        let id = match &item {
            Item::Unit(unit) => unit.track,
            _ => return self.handle_plain(time, item, give, stage),
        };
        let track = self.track(id);
        let in_order = track.dts.is_some_and(|last| {
            let step = time.saturating_add(track.shift).saturating_sub(last);
            (-MAX_BACK..=MAX_AHEAD).contains(&step)
        });
        if !in_order {
            self.new_epoch(give, stage);
            return self.route(id, time, item, give, stage);
        }
        self.handle_plain(time, item, give, stage);
        let Some(doubt) = &mut self.doubt else { return };
        doubt.contradictions += 1;
        if doubt.contradictions >= CONTRADICTIONS {
            self.repair(give, stage);
        }
    }

    /// The last held unit is in order again: those before it were off.
    fn pass_outliers(&mut self, give: Give<'_>, stage: &mut Stage) {
        let Some(Doubt { id, mut held, .. }) = self.doubt.take() else { return };
        let last = held.pop_back();
        for (_, item) in held {
            let track = self.track(id);
            let time = track.dts.unwrap_or(0).saturating_add(MIN_STEP).saturating_sub(track.shift);
            stage.note(NoticeKind::TimeJump, "RTMP 1.0 3");
            self.route(id, time, item, give, stage);
        }
        if let Some((time, item)) = last {
            self.route(id, time, item, give, stage);
        }
    }

    /// One track alone jumped: it goes on where it was.
    fn repair(&mut self, give: Give<'_>, stage: &mut Stage) {
        let Some(Doubt { id, held, .. }) = self.doubt.take() else { return };
        stage.note(NoticeKind::TimeJump, "RTMP 1.0 3");
        let first =
            held.iter().find_map(|(time, item)| matches!(item, Item::Unit(_)).then_some(*time));
        let track = self.track_mut(id);
        if let (Some(first), Some(last)) = (first, track.dts) {
            track.shift = last.saturating_add(track.step.max(MIN_STEP)).saturating_sub(first);
        }
        held.into_iter().for_each(|(time, item)| self.route(id, time, item, give, stage));
    }

    fn new_epoch(&mut self, give: Give<'_>, stage: &mut Stage) {
        let Some(Doubt { id, held, .. }) = self.doubt.take() else { return };
        self.restart(give);
        held.into_iter().for_each(|(time, item)| self.route(id, time, item, give, stage));
    }

    fn restart(&mut self, give: Give<'_>) {
        for track in self.tracks.values_mut() {
            (track.dts, track.shift) = (None, 0);
        }
        give(Event::Discontinuity);
    }

    fn give_unit(&mut self, time: i64, unit: RawUnit, give: Give<'_>, stage: &mut Stage) {
        let track = self.track_mut(unit.track);
        let wanted = time.saturating_add(track.shift);
        let dts = match track.dts {
            Some(last) if wanted < last.saturating_add(MIN_STEP) => {
                stage.note(NoticeKind::NonMonotonic, "RTMP 1.0 3");
                last.saturating_add(MIN_STEP)
            }
            Some(last) => {
                track.step = wanted - last;
                wanted
            }
            None => wanted,
        };
        track.dts = Some(dts);
        // The presentation time of a picture stays what it was; sound moves with its decode time.
        let moved = if unit.track.kind == MediaKind::Video { dts - wanted } else { 0 };
        let pts_offset = unit.composition - moved;
        let RawUnit { track, key, data, .. } = unit;
        give(Event::Unit(AccessUnit { track, dts, pts_offset, key, data }));
    }
}

enum Judgement {
    /// It follows the last one.
    InOrder,
    /// It follows the last one without the shift that this track was given.
    BackInLine,
    /// It does not, and no other track can tell.
    Alone,
    /// It does not, and the other track will tell.
    Jump,
}
