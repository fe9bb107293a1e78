//! The frame of a recording: an MP4 in fragments that becomes a plain one in place.
//!
//! While it grows it is `ftyp`, a placeholder, an index without samples with room behind it, and fragments. At its end an
//! index of all samples goes behind them, and the placeholder becomes the header of one `mdat` around all that stands
//! between: what players of plain files do not need to see.

use bytes::Bytes;

use super::boxes::boxed;
use super::file::{FileTrack, moov};
use super::init::init_segment;
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};
use crate::media::Track;

/// Where the placeholder stands: behind `ftyp`.
pub const PLACEHOLDER_AT: u64 = 28;
/// As long as the header of an `mdat` with a 64-bit size.
pub const PLACEHOLDER_LEN: u64 = 16;
/// Where the index without samples stands.
pub const RECORDING_INDEX_AT: u64 = PLACEHOLDER_AT + PLACEHOLDER_LEN;

/// `ftyp` and the placeholder.
///
/// Never fails but by a defect of the writer.
pub fn recording_start() -> Result<Bytes> {
    let mut w = Writer::with_capacity(64);
    boxed(&mut w, b"ftyp", |w| {
        w.bytes(b"isom");
        w.u32(0x200);
        w.bytes(b"isomiso6mp41");
        Ok(())
    })?;
    free(&mut w, PLACEHOLDER_LEN)?;
    Ok(w.freeze())
}

/// The index without samples for `tracks`, which get the numbers 1, 2 … in this order, made `len` bytes long by a `free`
/// box behind it; `None` where it does not fit. Fails as [`init_segment`] does.
pub fn recording_index(tracks: &[&Track], len: Option<u64>) -> Result<Option<Bytes>> {
    let init = init_segment(tracks)?;
    let ftyp = init.first_chunk::<4>().map_or(0, |size| u32::from_be_bytes(*size));
    let index = init.get(usize::try_from(ftyp).unwrap_or(0)..).unwrap_or_default();
    let len = len.unwrap_or(index.len() as u64);
    let mut w = Writer::with_capacity(index.len());
    w.bytes(index);
    match len.checked_sub(index.len() as u64) {
        Some(0) => {}
        Some(rest @ 8..) => free(&mut w, rest)?,
        _ => return Ok(None),
    }
    Ok(Some(w.freeze()))
}

/// The index of all samples, whose offsets count from the start of the file. `end` is where it stands.
///
/// `timescale` is that of the movie. Fails with `Misuse` without a track or a sample, and with `LimitExceeded` where a
/// value does not fit its field.
pub fn closing_index(timescale: u32, tracks: &[FileTrack<'_>], end: u64) -> Result<Bytes> {
    if tracks.is_empty() || tracks.iter().any(|track| track.samples.is_empty()) {
        return Err(Error::misuse(Layer::Mp4, "index without a sample"));
    }
    let mut w = Writer::default();
    moov(&mut w, timescale, tracks, end > u64::from(u32::MAX))?;
    Ok(w.freeze())
}

/// What the placeholder becomes: the header of an `mdat` from there to `end`, where the index stands.
#[must_use]
pub fn closing_header(end: u64) -> Bytes {
    let mut w = Writer::with_capacity(16);
    w.u32(1);
    w.bytes(b"mdat");
    w.u64(end.saturating_sub(PLACEHOLDER_AT));
    w.freeze()
}

fn free(w: &mut Writer, len: u64) -> Result<()> {
    let content = len.checked_sub(8).and_then(|len| usize::try_from(len).ok());
    let content = content.ok_or(Error::limit(Layer::Mp4, "room"))?;
    boxed(w, b"free", |w| {
        w.zeros(content);
        Ok(())
    })
}
