//! Init segments: `ftyp` and a `moov` without samples (ISO/IEC 23000-19 7.3.1).

use bytes::Bytes;

use super::boxes::{boxed, full_box, to_u32};
use super::entry::Bitrates;
use super::media_timescale;
use super::movie::{self, TrackHead};
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};
use crate::media::Track;

/// Writes the init segment for `tracks`, which get the track numbers 1, 2 … in this order.
///
/// The timescale of each track is [`media_timescale`]. Fails with `Misuse` without a track and with
/// `LimitExceeded` where a picture is larger than 65535 pixels.
pub fn init_segment(tracks: &[&Track]) -> Result<Bytes> {
    if tracks.is_empty() {
        return Err(Error::misuse(Layer::Mp4, "init segment without a track"));
    }
    let mut w = Writer::with_capacity(1024);
    boxed(&mut w, b"ftyp", |w| {
        w.bytes(b"iso6");
        w.u32(1);
        w.bytes(b"iso6cmfcmp41");
        Ok(())
    })?;
    boxed(&mut w, b"moov", |w| {
        let next = to_u32(tracks.len() + 1, "track number")?;
        movie::mvhd(w, 1000, 0, next)?;
        for (track, id) in tracks.iter().zip(1..) {
            let head = TrackHead {
                id,
                configs: &[&track.config],
                timescale: media_timescale(&track.config),
                media_duration: 0,
                duration: 0,
                edits: &[],
                rates: Bitrates::default(),
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
