//! What the first pass keeps of each access unit.

use std::sync::Arc;

use super::body::Body;
use super::source::{Lost, Source};
use crate::error::{Error, Layer};
use crate::limits::Limits;
use crate::media::{AccessUnit, CodecConfig, Track, TrackId};
use crate::mp4::{FileSample, SampleIter, Samples};

/// Offsets from here on count in the rewritten bytes: no file is that long.
const REWRITTEN: u64 = 1 << 62;

/// An access unit in the order of its track. Times are in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    pub(super) place: Place,
    pub(super) dts: i64,
    pub(super) pts_offset: i64,
    pub(super) size: u32,
    /// Samples of sound at the configuration's rate, `None` for video.
    pub(super) samples: Option<u32>,
    pub(super) epoch: u32,
    pub(super) description: u16,
    pub(super) key: bool,
}

/// Where the bytes of an access unit are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At this offset of the source.
    Source(u64),
    /// At this offset of what is rewritten.
    Rewritten(u64),
}

/// Configurations without a place in an MP4 that are told of.
const MAX_REFUSED: usize = 64;
/// Tracks of one file: their numbers fit a byte.
const MAX_TRACKS: usize = 255;
/// Configurations of one track. More are not told apart.
const MAX_CONFIGS: usize = 1 << 12;

/// A track and its access units.
#[derive(Debug)]
pub(super) struct IndexedTrack {
    pub(super) id: TrackId,
    pub(super) configs: Vec<Arc<CodecConfig>>,
    /// Durations are the steps from the decode time before; all times in microseconds.
    units: Samples,
    /// Units before which the decode time does not follow in 32 bits, with that time and the epoch.
    sections: Vec<Section>,
    /// Lengths of sound, by how many units in a row have it.
    lengths: Vec<(u32, u32)>,
    last: i64,
    description: u16,
}

#[derive(Clone, Copy, Debug)]
struct Section {
    at: usize,
    dts: i64,
    epoch: u32,
}

impl IndexedTrack {
    fn new(track: Track) -> Self {
        Self {
            id: track.id,
            configs: vec![track.config],
            units: Samples::new(),
            sections: Vec::new(),
            lengths: Vec::new(),
            last: 0,
            description: 0,
        }
    }

    fn push(&mut self, unit: Unit) {
        let step = u32::try_from(unit.dts.saturating_sub(self.last)).ok();
        let epoch = self.sections.last().map(|section| section.epoch);
        let step = step.filter(|_| epoch == Some(unit.epoch));
        if step.is_none() {
            let at = self.units.len();
            self.sections.push(Section { at, dts: unit.dts, epoch: unit.epoch });
        }
        self.last = unit.dts;
        match (self.lengths.last_mut(), unit.samples.unwrap_or(0)) {
            (Some((count, samples)), now) if *samples == now && *count < u32::MAX => *count += 1,
            (_, now) => self.lengths.push((1, now)),
        }
        self.units.push(FileSample {
            offset: match unit.place {
                Place::Source(offset) => offset,
                Place::Rewritten(offset) => REWRITTEN + offset,
            },
            size: unit.size,
            duration: step.unwrap_or(0),
            composition_offset: i32::try_from(unit.pts_offset).unwrap_or(0),
            sync: unit.key,
            description: unit.description,
        });
    }

    pub(super) const fn len(&self) -> usize {
        self.units.len()
    }

    /// The units in decode order.
    pub(super) fn units(&self) -> Units<'_> {
        Units {
            samples: self.units.iter(),
            sections: &self.sections,
            lengths: &self.lengths,
            run: 0,
            at: 0,
            dts: 0,
            epoch: 0,
        }
    }
}

/// Walks the units of a track.
#[derive(Clone, Debug)]
pub(super) struct Units<'a> {
    samples: SampleIter<'a>,
    sections: &'a [Section],
    lengths: &'a [(u32, u32)],
    /// Units of the first length that were given.
    run: u32,
    at: usize,
    dts: i64,
    epoch: u32,
}

impl Iterator for Units<'_> {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        let sample = self.samples.next()?;
        match self.sections.split_first() {
            Some((section, rest)) if section.at == self.at => {
                (self.dts, self.epoch, self.sections) = (section.dts, section.epoch, rest);
            }
            _ => self.dts = self.dts.saturating_add(sample.duration.into()),
        }
        let (count, samples) = self.lengths.first().copied().unwrap_or((u32::MAX, 0));
        self.run += 1;
        if self.run >= count {
            (self.run, self.lengths) = (0, self.lengths.get(1..).unwrap_or_default());
        }
        self.at += 1;
        let place = match sample.offset.checked_sub(REWRITTEN) {
            Some(offset) => Place::Rewritten(offset),
            None => Place::Source(sample.offset),
        };
        Some(Unit {
            place,
            dts: self.dts,
            pts_offset: sample.composition_offset.into(),
            size: sample.size,
            samples: Some(samples).filter(|&samples| samples > 0),
            epoch: self.epoch,
            description: sample.description,
            key: sample.sync,
        })
    }
}

/// First and last decode time and first presentation time of an epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) shown: i64,
}

#[derive(Debug)]
pub(super) struct Index {
    pub(super) tracks: Vec<IndexedTrack>,
    /// Which track each unit is of, in the order they came.
    pub(super) order: Vec<u8>,
    /// Of each epoch that has a unit.
    pub(super) epochs: Vec<Option<Bounds>>,
    /// The bytes of rewritten units.
    pub(super) rewritten: Body,
    /// First and last byte of the source's own units.
    pub(super) range: Option<(u64, u64)>,
    /// Tracks whose present configuration fits no MP4.
    left_out: Vec<TrackId>,
    pub(super) refused: Vec<(TrackId, Error)>,
    max_inline_bytes: u64,
}

/// Why a unit could not be added.
pub(super) enum Failed {
    /// Its bytes are not all at hand.
    Lost,
    Error(Error),
}

/// Result of taking a tag.
pub(super) type Outcome<T> = std::result::Result<T, Failed>;

impl From<Lost> for Failed {
    fn from(_: Lost) -> Self {
        Self::Lost
    }
}

impl Index {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            tracks: Vec::new(),
            order: Vec::new(),
            epochs: vec![None],
            rewritten: Body::default(),
            range: None,
            left_out: Vec::new(),
            refused: Vec::new(),
            max_inline_bytes: limits.reassembly_bytes as u64,
        }
    }

    /// A track, or a new configuration of one, told at `offset` of the source. One that was there before is used again;
    /// what no MP4 takes is left out, and said.
    pub(super) fn configure(&mut self, track: Track, offset: u64) {
        self.left_out.retain(|id| *id != track.id);
        if let Err(error) = track.config.fits_mp4() {
            self.left_out.push(track.id);
            let known = |(id, known): &(TrackId, Error)| {
                *id == track.id && (known.kind(), known.field()) == (error.kind(), error.field())
            };
            if !self.refused.iter().any(known) && self.refused.len() < MAX_REFUSED {
                self.refused.push((track.id, error.at(offset)));
            }
            return;
        }
        let known = self.tracks.iter().position(|known| known.id == track.id);
        let Some(known) = known.and_then(|index| self.tracks.get_mut(index)) else {
            if self.tracks.len() >= MAX_TRACKS {
                let error = Error::limit(Layer::Remux, "tracks").at(offset);
                return self.refused.push((track.id, error));
            }
            return self.tracks.push(IndexedTrack::new(track));
        };
        let same = known.configs.iter().position(|config| *config == track.config);
        let index = same.unwrap_or_else(|| {
            if known.configs.len() < MAX_CONFIGS {
                known.configs.push(track.config);
            }
            known.configs.len() - 1
        });
        known.description = u16::try_from(index).unwrap_or(u16::MAX);
    }

    pub(super) fn begin_epoch(&mut self) {
        if self.tracks.iter().any(|track| track.len() > 0) {
            self.epochs.push(None);
        }
    }

    pub(super) fn add(&mut self, unit: &AccessUnit, source: &mut Source) -> Outcome<()> {
        let known = self.tracks.iter().position(|track| track.id == unit.track);
        let known = known.filter(|_| !self.left_out.contains(&unit.track));
        let Some((number, track)) = known.and_then(|at| Some((at, self.tracks.get_mut(at)?)))
        else {
            return Ok(());
        };
        if unit.data.is_empty() {
            return Ok(());
        }
        let (place, size) = match source.range(&unit.data) {
            Some((offset, size)) => {
                let (start, end) = self.range.unwrap_or((offset, offset));
                self.range = Some((start.min(offset), end.max(offset.saturating_add(size))));
                (Place::Source(offset), size)
            }
            None => {
                let place = Place::Rewritten(self.rewritten.len());
                (place, source.pieces(&unit.data, &mut self.rewritten)?)
            }
        };
        let too_large = Failed::Error(Error::limit(Layer::Remux, "access unit size").found(size));
        let size = u32::try_from(size).map_err(|_| too_large)?;
        let config = track.configs.get(usize::from(track.description));
        let epoch = u32::try_from(self.epochs.len() - 1).unwrap_or(u32::MAX);
        track.push(Unit {
            place,
            dts: unit.dts,
            pts_offset: unit.pts_offset,
            size,
            samples: config.and_then(|config| config.unit_samples(&unit.data)),
            epoch,
            description: track.description,
            key: unit.key,
        });
        self.order.push(u8::try_from(number).unwrap_or(u8::MAX));
        self.bound(unit);
        let inline = self.rewritten.inline_bytes();
        if inline > self.max_inline_bytes {
            let error = Error::limit(Layer::Remux, "rewritten bytes").found(inline);
            return Err(Failed::Error(error));
        }
        Ok(())
    }

    fn bound(&mut self, unit: &AccessUnit) {
        let (dts, shown) = (unit.dts, unit.dts.saturating_add(unit.pts_offset));
        let Some(bounds) = self.epochs.last_mut() else { return };
        let bounds = bounds.get_or_insert(Bounds { first: dts, last: dts, shown });
        bounds.first = bounds.first.min(dts);
        bounds.last = bounds.last.max(dts);
        bounds.shown = bounds.shown.min(shown);
    }

    /// Bytes of memory that are held for the units.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        let track = |track: &IndexedTrack| {
            track.units.memory()
                + track.sections.capacity() * size_of::<Section>()
                + track.lengths.capacity() * 8
        };
        self.tracks.iter().map(track).sum::<usize>() + self.order.capacity()
    }

    /// Places where all times jumped.
    pub(super) fn discontinuities(&self) -> u32 {
        u32::try_from(self.epochs.len() - 1).unwrap_or(u32::MAX)
    }
}
