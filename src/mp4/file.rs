//! Plain files with the index in front: `ftyp`, `moov`, and the header of `mdat`.

use bytes::Bytes;

use super::boxes::{boxed, to_u32};
use super::entry::Bitrates;
use super::group;
use super::media_timescale;
use super::movie::{self, Edit, TrackHead};
use super::samples::Samples;
use super::table::{self, Offsets};
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};
use crate::media::CodecConfig;

/// One track of a plain file.
#[derive(Clone, Copy, Debug)]
pub struct FileTrack<'a> {
    /// Configurations of one codec, at least one; each sample says which it needs. The track's timescale is that of the
    /// first ([`media_timescale`]).
    pub configs: &'a [&'a CodecConfig],
    /// What is presented when, in ticks of the movie's timescale. Empty: all, from zero.
    pub edits: &'a [Edit],
    /// In decode order.
    pub samples: &'a Samples,
    /// Bit rates, zero where unknown.
    pub rates: Bitrates,
}

impl FileTrack<'_> {
    const fn media_duration(&self) -> u64 {
        self.samples.duration()
    }

    /// One distance for all samples: packets of one stream are of one length, but for the last.
    fn roll_group(&self, w: &mut Writer) -> Result<()> {
        let first = self.configs.first().zip(self.samples.iter().next());
        let distance =
            first.and_then(|(config, sample)| group::roll_distance(config, sample.duration));
        let count = to_u32(self.samples.len(), "samples")?;
        distance.map_or(Ok(()), |distance| group::roll(w, distance, 1, count))
    }

    fn timescale(&self) -> u32 {
        self.configs.first().map_or(1, |config| media_timescale(config))
    }
}

/// Where the payload has to begin, so that a file system can share the source's blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// Bytes of a block, at least 1.
    pub block: u32,
    /// Distance of the payload's first byte from the block's.
    pub phase: u32,
}

impl Alignment {
    /// Anywhere.
    pub const NONE: Self = Self { block: 1, phase: 0 };

    /// Bytes of a `free` box behind `end` bytes of file that bring what follows to its place: none, or at least the eight
    /// of its header.
    fn padding(self, end: u64) -> u64 {
        let block = u64::from(self.block.max(1));
        let beyond = end % block;
        let gap = (u64::from(self.phase) % block + block - beyond) % block;
        if gap == 0 || gap >= 8 { gap } else { gap + (8 - gap).div_ceil(block) * block }
    }
}

/// Writes all that stands before the payload of a plain file: `payload` bytes follow it.
///
/// `timescale` is that of the movie, in ticks a second: edits count in it. Chunk offsets get 64 bits where the file passes
/// 4 GiB, and `mdat` a 64-bit size. A `free` box before `mdat` brings the payload to where `alignment` says. Fails with
/// `Misuse` without a track, a configuration or a sample, and with `LimitExceeded` where a value does not fit its field.
pub fn file_head(
    timescale: u32,
    tracks: &[FileTrack<'_>],
    payload: u64,
    alignment: Alignment,
) -> Result<Bytes> {
    if tracks.is_empty()
        || tracks.iter().any(|track| track.configs.is_empty() || track.samples.is_empty())
    {
        return Err(Error::misuse(Layer::Mp4, "file without a sample"));
    }
    with_payload(payload, alignment, |w, wide| {
        ftyp(w)?;
        moov(w, timescale, tracks, wide)
    })
}

/// What `index` writes, `free` and the header of `mdat`. It is told whether chunk offsets need 64 bits, writes them as they
/// count from the first payload byte, and says where they are.
pub(super) fn with_payload(
    payload: u64,
    alignment: Alignment,
    mut index: impl FnMut(&mut Writer, bool) -> Result<Vec<Offsets>>,
) -> Result<Bytes> {
    let header = if payload > u64::from(u32::MAX) - 8 { 16 } else { 8 };
    let mut wide = payload > u64::from(u32::MAX);
    loop {
        let mut w = Writer::default();
        let offsets = index(&mut w, wide)?;
        let end = (w.len() as u64).saturating_add(header);
        let padding = alignment.padding(end);
        let base = end.saturating_add(padding);
        // The index moves the payload, and may so move an offset past 32 bits.
        if !wide && base.saturating_add(payload) > u64::from(u32::MAX) {
            wide = true;
            continue;
        }
        let moved = i64::try_from(base).map_err(|_| Error::limit(Layer::Mp4, "file size"))?;
        offsets.iter().try_for_each(|offsets| offsets.add(&mut w, moved))?;
        free(&mut w, padding)?;
        mdat(&mut w, payload)?;
        return Ok(w.freeze());
    }
}

fn free(w: &mut Writer, bytes: u64) -> Result<()> {
    let Some(content) = bytes.checked_sub(8) else { return Ok(()) };
    let content = usize::try_from(content).map_err(|_| Error::limit(Layer::Mp4, "padding"))?;
    boxed(w, b"free", |w| {
        w.zeros(content);
        Ok(())
    })
}

pub(super) fn ftyp(w: &mut Writer) -> Result<()> {
    boxed(w, b"ftyp", |w| {
        w.bytes(b"isom");
        w.u32(0x200);
        w.bytes(b"isomiso2avc1mp41");
        Ok(())
    })
}

fn mdat(w: &mut Writer, payload: u64) -> Result<()> {
    match u32::try_from(payload.saturating_add(8)) {
        Ok(size) => {
            w.u32(size);
            w.bytes(b"mdat");
        }
        Err(_) => {
            w.u32(1);
            w.bytes(b"mdat");
            w.u64(payload.saturating_add(16));
        }
    }
    Ok(())
}

pub(super) fn moov(
    w: &mut Writer,
    timescale: u32,
    tracks: &[FileTrack<'_>],
    wide: bool,
) -> Result<Vec<Offsets>> {
    let mut offsets = Vec::with_capacity(tracks.len());
    let scale = |track: &FileTrack<'_>| {
        let media = u128::from(track.media_duration()) * u128::from(timescale);
        u64::try_from(media / u128::from(track.timescale().max(1))).unwrap_or(u64::MAX)
    };
    let presented = |track: &FileTrack<'_>| match track.edits {
        [] => scale(track),
        edits => edits.iter().fold(0, |sum: u64, edit| sum.saturating_add(edit.duration)),
    };
    let duration = tracks.iter().map(presented).max().unwrap_or(0);
    boxed(w, b"moov", |w| {
        movie::mvhd(w, timescale, duration, to_u32(tracks.len() + 1, "track number")?)?;
        for (track, id) in tracks.iter().zip(1..) {
            let head = TrackHead {
                id,
                configs: track.configs,
                timescale: track.timescale(),
                media_duration: track.media_duration(),
                duration: presented(track),
                edits: track.edits,
                rates: track.rates,
            };
            movie::trak(w, &head, |w| {
                offsets.push(table::tables(w, track.samples, wide)?);
                track.roll_group(w)
            })?;
        }
        Ok(())
    })?;
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_none_or_a_whole_box_and_leads_to_the_phase() {
        for block in [1, 2, 8, 512, 4096, 65_536] {
            for (end, phase) in (0..300).flat_map(|end| [(end, 0), (end, 13), (end, 4095)]) {
                let alignment = Alignment { block, phase };
                let padding = alignment.padding(end);
                assert!(padding == 0 || padding >= 8, "{padding}");
                assert!(padding < u64::from(block) + 8, "{padding} for {block}");
                assert_eq!((end + padding) % u64::from(block), u64::from(phase % block));
            }
        }
    }
}
