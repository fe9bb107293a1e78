//! Init segments: `ftyp` and a `moov` without samples (ISO/IEC 23000-19 7.3.1).

use bytes::Bytes;

use super::boxes::{boxed, full_box, to_u32};
use super::entry::Bitrates;
use super::media_timescale;
use super::movie::{self, Edit, TrackHead};
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};
use crate::media::{CodecConfig, Track};

/// Ticks a second of the movie, which edits count in.
const EDIT_TIMESCALE: u32 = 1000;

/// One track of an init segment.
#[derive(Clone, Copy, Debug)]
pub struct InitTrack<'a> {
    /// Its configuration. The timescale of the track is [`media_timescale`].
    pub config: &'a CodecConfig,
    /// What is presented when, in milliseconds. Empty, as the fragments of this crate want it: all, at its own time.
    pub edits: &'a [Edit],
    /// Bit rates, zero where unknown.
    pub rates: Bitrates,
}

impl<'a> From<&'a Track> for InitTrack<'a> {
    fn from(track: &'a Track) -> Self {
        Self { config: &track.config, edits: &[], rates: Bitrates::default() }
    }
}

/// Writes the init segment for `tracks`, which get the track numbers 1, 2 … in this order.
///
/// The timescale of each track is [`media_timescale`]. Fails with `Misuse` without a track and with
/// `LimitExceeded` where a picture is larger than 65535 pixels.
pub fn init_segment(tracks: &[&Track]) -> Result<Bytes> {
    let tracks: Vec<InitTrack<'_>> = tracks.iter().map(|track| InitTrack::from(*track)).collect();
    init_segment_with(&tracks)
}

/// The same as [`init_segment`], with all that can be said of a track.
///
/// Fails as [`init_segment`] does.
pub fn init_segment_with(tracks: &[InitTrack<'_>]) -> Result<Bytes> {
    if tracks.is_empty() {
        return Err(Error::misuse(Layer::Mp4, "init segment without a track"));
    }
    let mut w = Writer::with_capacity(1024);
    boxed(&mut w, b"ftyp", |w| {
        w.bytes(b"iso6");
        w.u32(1);
        // One track a file is what makes a CMAF header (ISO/IEC 23000-19 7.3.1).
        w.bytes(if tracks.len() == 1 { b"iso6cmfcmp41" } else { b"iso6mp41" });
        Ok(())
    })?;
    boxed(&mut w, b"moov", |w| {
        let next = to_u32(tracks.len() + 1, "track number")?;
        movie::mvhd(w, EDIT_TIMESCALE, 0, next)?;
        for (track, id) in tracks.iter().zip(1..) {
            let head = TrackHead {
                id,
                configs: &[track.config],
                timescale: media_timescale(track.config),
                media_duration: 0,
                duration: 0,
                edits: track.edits,
                rates: track.rates,
            };
            movie::trak(w, &head, empty_tables)?;
        }
        boxed(w, b"mvex", |w| (1..next).try_for_each(|id| trex(w, id)))
    })?;
    Ok(w.freeze())
}

fn empty_tables(w: &mut Writer) -> Result<()> {
    for (kind, zeros) in [(b"stts", 4), (b"stsc", 4), (b"stsz", 8), (b"stco", 4)] {
        full_box(w, kind, 0, 0, |w| {
            w.zeros(zeros);
            Ok(())
        })?;
    }
    Ok(())
}

/// Defaults of fragments. All of them are said again in each fragment.
fn trex(w: &mut Writer, id: u32) -> Result<()> {
    full_box(w, b"trex", 0, 0, |w| {
        w.u32(id);
        w.u32(1);
        w.zeros(12);
        Ok(())
    })
}
