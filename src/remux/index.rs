//! What the first pass keeps of each access unit.

use std::sync::Arc;

use bytes::Bytes;

use super::Piece;
use super::source::Source;
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;
use crate::media::{AccessUnit, CodecConfig, Track, TrackId};

/// An access unit in the order of the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// From the first payload byte of the MP4.
    pub(super) offset: u64,
    /// Stream time in ticks of the track.
    pub(super) dts: i64,
    pub(super) pts_offset: i64,
    pub(super) size: u32,
    /// Samples of sound at the configuration's rate, 0 for video.
    pub(super) samples: u32,
    pub(super) epoch: u32,
    pub(super) description: u16,
    pub(super) key: bool,
}

/// Configurations without a place in an MP4 that are told of.
const MAX_REFUSED: usize = 64;

/// A track and its access units.
#[derive(Debug)]
pub(super) struct IndexedTrack {
    pub(super) id: TrackId,
    pub(super) timescale: u32,
    pub(super) configs: Vec<Arc<CodecConfig>>,
    pub(super) entries: Vec<Entry>,
    description: u16,
}

#[derive(Debug)]
pub(super) struct Index {
    tracks: Vec<IndexedTrack>,
    /// Tracks whose present configuration fits no MP4.
    left_out: Vec<TrackId>,
    refused: Vec<(TrackId, Error)>,
    pieces: Vec<Piece>,
    payload: u64,
    inline_bytes: u64,
    max_inline_bytes: u64,
    epoch: u32,
}

impl Index {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            tracks: Vec::new(),
            left_out: Vec::new(),
            refused: Vec::new(),
            pieces: Vec::new(),
            payload: 0,
            inline_bytes: 0,
            max_inline_bytes: limits.reassembly_bytes as u64,
            epoch: 0,
        }
    }

    /// A track, or a new configuration of one. One that was there before is used again; what no MP4 takes is left out,
    /// and said.
    pub(super) fn configure(&mut self, track: Track) {
        self.left_out.retain(|id| *id != track.id);
        if let Err(error) = track.config.fits_mp4() {
            self.left_out.push(track.id);
            if !self.refused.contains(&(track.id, error)) && self.refused.len() < MAX_REFUSED {
                self.refused.push((track.id, error));
            }
            return;
        }
        let known = self.tracks.iter().position(|known| known.id == track.id);
        let Some(known) = known.and_then(|index| self.tracks.get_mut(index)) else {
            self.tracks.push(IndexedTrack {
                id: track.id,
                timescale: track.timescale,
                configs: vec![track.config],
                entries: Vec::new(),
                description: 0,
            });
            return;
        };
        let same = known.configs.iter().position(|config| *config == track.config);
        let index = same.unwrap_or_else(|| {
            known.configs.push(track.config);
            known.configs.len() - 1
        });
        known.description = u16::try_from(index).unwrap_or(u16::MAX);
    }

    pub(super) fn begin_epoch(&mut self) {
        if self.tracks.iter().any(|track| !track.entries.is_empty()) {
            self.epoch = self.epoch.saturating_add(1);
        }
    }

    pub(super) fn add(&mut self, unit: &AccessUnit, source: &mut Source) -> Result<()> {
        let known = self.tracks.iter_mut().find(|track| track.id == unit.track);
        let Some(track) = known.filter(|_| !self.left_out.contains(&unit.track)) else {
            return Ok(());
        };
        let size = u32::try_from(unit.data.len())
            .map_err(|_| Error::limit(Layer::Remux, "access unit size"))?;
        if size == 0 {
            return Ok(());
        }
        let config = track.configs.get(usize::from(track.description));
        let samples = config.and_then(|config| config.unit_samples(&unit.data)).unwrap_or(0);
        track.entries.push(Entry {
            offset: self.payload,
            dts: unit.dts,
            pts_offset: unit.pts_offset,
            size,
            samples,
            epoch: self.epoch,
            description: track.description,
            key: unit.key,
        });
        self.payload = self.payload.saturating_add(size.into());
        let (pieces, inline) = (&mut self.pieces, &mut self.inline_bytes);
        source.pieces(&unit.data, |piece| append(pieces, inline, piece));
        if self.inline_bytes > self.max_inline_bytes {
            return Err(Error::limit(Layer::Remux, "rewritten bytes").found(self.inline_bytes));
        }
        Ok(())
    }

    /// What was left out, and why.
    pub(super) fn refused(&self) -> &[(TrackId, Error)] {
        &self.refused
    }

    pub(super) const fn epochs(&self) -> u32 {
        self.epoch
    }

    pub(super) const fn inline_bytes(&self) -> u64 {
        self.inline_bytes
    }

    pub(super) const fn payload(&self) -> u64 {
        self.payload
    }

    pub(super) fn into_parts(self) -> (Vec<IndexedTrack>, Vec<Piece>) {
        (self.tracks, self.pieces)
    }
}

/// Adds a piece, as part of the last one where it goes on from there.
fn append(pieces: &mut Vec<Piece>, inline: &mut u64, piece: Piece) {
    match (pieces.last_mut(), piece) {
        (Some(Piece::Copy { offset, len }), Piece::Copy { offset: next, len: more })
            if offset.saturating_add(*len) == next =>
        {
            *len = len.saturating_add(more);
        }
        (_, Piece::Inline(bytes)) => {
            *inline = inline.saturating_add(bytes.len() as u64);
            // A copy of its own: a slice would hold the whole access unit.
            pieces.push(Piece::Inline(Bytes::copy_from_slice(&bytes)));
        }
        (_, piece) => pieces.push(piece),
    }
}
