//! Units at the start of an epoch, held until the first times of its tracks are known.

use std::time::Duration;

use super::track::{MICROS, RecordedTrack};
use crate::media::{AccessUnit, MediaKind, TrackId};
use crate::time::rescale;

/// Units and bytes that are held at most.
const MAX_UNITS: usize = 512;
const MAX_BYTES: usize = 8 << 20;
/// A stream whose first time is below this keeps its times, in microseconds.
const KEPT_START: i64 = 1_000_000;

#[derive(Debug, Default)]
pub(super) struct Held {
    units: Vec<AccessUnit>,
    bytes: usize,
    bounds: Option<Bounds>,
    /// Every kind of track and every track that is known has come.
    complete: bool,
}

/// Times in microseconds of the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The earliest decode time.
    pub(super) dts: i64,
    /// The earliest presentation time.
    shown: i64,
    last: i64,
}

impl Bounds {
    /// What to add to stream times at the start of a file, and by how much media times are then ahead of presentation.
    pub(super) fn start(&self) -> (i64, i64) {
        let shift =
            if (0..KEPT_START).contains(&self.shown) { 0 } else { self.shown.saturating_neg() };
        let lead = self.dts.saturating_add(shift).saturating_neg().max(0);
        (shift.saturating_add(lead), lead)
    }
}

impl Held {
    pub(super) fn push(&mut self, unit: AccessUnit, tracks: &[RecordedTrack]) {
        let timescale = |known: &&RecordedTrack| known.track.id == unit.track;
        let timescale = tracks.iter().find(timescale).map_or(MICROS, |known| known.track.timescale);
        let dts = rescale(unit.dts, timescale, MICROS);
        let pts = rescale(unit.pts(), timescale, MICROS);
        let bounds = self.bounds.get_or_insert(Bounds { dts, shown: pts, last: dts });
        bounds.dts = bounds.dts.min(dts);
        bounds.shown = bounds.shown.min(pts);
        bounds.last = bounds.last.max(dts);
        self.bytes = self.bytes.saturating_add(unit.data.len());
        self.units.push(unit);
        let both = |kind| tracks.iter().any(|known| known.track.id.kind == kind);
        self.complete = both(MediaKind::Video)
            && both(MediaKind::Audio)
            && tracks.iter().all(|known| self.has(known.track.id));
    }

    /// Whether the first times are known, or waited for long enough.
    pub(super) fn is_enough(&self, patience: Duration) -> bool {
        let waited = self.bounds.map_or(0, |bounds| bounds.last.saturating_sub(bounds.dts));
        let patience = i64::try_from(patience.as_micros()).unwrap_or(i64::MAX);
        self.complete
            || waited >= patience
            || self.units.len() >= MAX_UNITS
            || self.bytes >= MAX_BYTES
    }

    pub(super) fn has(&self, id: TrackId) -> bool {
        self.units.iter().any(|unit| unit.track == id)
    }

    pub(super) const fn first(&self) -> Option<Bounds> {
        self.bounds
    }

    pub(super) fn into_units(self) -> impl Iterator<Item = AccessUnit> {
        self.units.into_iter()
    }
}
