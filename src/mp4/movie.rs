//! The boxes of `moov` that fragmented and plain files share (ISO/IEC 14496-12 8.2 to 8.6).

use super::boxes::{boxed, full_box, time_version, to_u32, versioned};
use super::entry::{self, Bitrates};
use crate::buf::Writer;
use crate::error::Result;
use crate::media::{CodecConfig, MediaKind};

/// `und`, the undetermined language, as three letters of five bits.
const LANGUAGE_UNDETERMINED: u16 = 0x55c4;

/// One entry of an edit list: which part of the media is presented next (ISO/IEC 14496-12 8.6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Length in ticks of the movie's timescale.
    pub duration: u64,
    /// First presented time in ticks of the media's timescale; `None` presents nothing (an empty edit).
    pub media_time: Option<u64>,
}

/// What the boxes around the sample tables say of a track.
pub(super) struct TrackHead<'a> {
    pub(super) id: u32,
    pub(super) configs: &'a [&'a CodecConfig],
    pub(super) timescale: u32,
    /// In ticks of the media's timescale; zero in an init segment.
    pub(super) media_duration: u64,
    /// Presented length in ticks of the movie's timescale; zero in an init segment.
    pub(super) duration: u64,
    pub(super) edits: &'a [Edit],
    pub(super) rates: Bitrates,
}

impl TrackHead<'_> {
    fn is_video(&self) -> bool {
        self.configs.first().is_some_and(|config| config.kind() == MediaKind::Video)
    }
}

pub(super) fn mvhd(w: &mut Writer, timescale: u32, duration: u64, next_track: u32) -> Result<()> {
    let version = time_version(&[duration]);
    full_box(w, b"mvhd", version, 0, |w| {
        versioned(w, version, 0)?;
        versioned(w, version, 0)?;
        w.u32(timescale);
        versioned(w, version, duration)?;
        w.u32(0x0001_0000); // rate 1.0
        w.u16(0x0100); // volume 1.0
        w.zeros(10);
        matrix(w);
        w.zeros(24);
        w.u32(next_track);
        Ok(())
    })
}

/// `trak`, with the boxes of the sample tables behind `stsd` written by `tables`.
pub(super) fn trak(
    w: &mut Writer,
    head: &TrackHead<'_>,
    tables: impl FnOnce(&mut Writer) -> Result<()>,
) -> Result<()> {
    boxed(w, b"trak", |w| {
        tkhd(w, head)?;
        if !head.edits.is_empty() {
            boxed(w, b"edts", |w| elst(w, head.edits))?;
        }
        boxed(w, b"mdia", |w| {
            mdhd(w, head.timescale, head.media_duration)?;
            hdlr(w, head.is_video())?;
            boxed(w, b"minf", |w| {
                media_header(w, head.is_video())?;
                boxed(w, b"dinf", dref)?;
                boxed(w, b"stbl", |w| {
                    entry::stsd(w, head.configs, head.rates)?;
                    tables(w)
                })
            })
        })
    })
}

fn tkhd(w: &mut Writer, head: &TrackHead<'_>) -> Result<()> {
    let duration = head.duration;
    let version = time_version(&[duration]);
    let (width, height) = display_size(head.configs);
    // Enabled, in the movie, in the preview.
    full_box(w, b"tkhd", version, 7, |w| {
        versioned(w, version, 0)?;
        versioned(w, version, 0)?;
        w.u32(head.id);
        w.u32(0);
        versioned(w, version, duration)?;
        w.zeros(8);
        w.u16(0); // layer
        w.u16(0); // alternate group
        w.u16(if head.is_video() { 0 } else { 0x0100 });
        w.u16(0);
        matrix(w);
        w.u32(width);
        w.u32(height);
        Ok(())
    })
}

/// Display width and height in 16.16 fixed point: the coded size with the pixel aspect ratio applied.
fn display_size(configs: &[&CodecConfig]) -> (u32, u32) {
    let Some((width, height)) = configs.first().and_then(|config| config.size()) else {
        return (0, 0);
    };
    let aspect = configs.first().and_then(|config| config.sample_aspect_ratio());
    let (horizontal, vertical) = aspect.unwrap_or((1, 1));
    let width =
        (u64::from(width) << 16) * u64::from(horizontal.max(1)) / u64::from(vertical.max(1));
    (u32::try_from(width).unwrap_or(u32::MAX), height.saturating_mul(1 << 16))
}

pub(super) fn elst(w: &mut Writer, edits: &[Edit]) -> Result<()> {
    // Version 0 holds the media time in 31 bits.
    let wide = |edit: &Edit| {
        edit.duration >= u64::from(u32::MAX)
            || edit.media_time.is_some_and(|time| time > 0x7fff_ffff)
    };
    let version = u8::from(edits.iter().any(wide));
    full_box(w, b"elst", version, 0, |w| {
        w.u32(to_u32(edits.len(), "elst entries")?);
        for edit in edits {
            versioned(w, version, edit.duration)?;
            match edit.media_time {
                Some(time) => versioned(w, version, time)?,
                None if version == 1 => w.i64(-1),
                None => w.i32(-1),
            }
            w.u32(0x0001_0000); // rate 1.0
        }
        Ok(())
    })
}

fn mdhd(w: &mut Writer, timescale: u32, duration: u64) -> Result<()> {
    let version = time_version(&[duration]);
    full_box(w, b"mdhd", version, 0, |w| {
        versioned(w, version, 0)?;
        versioned(w, version, 0)?;
        w.u32(timescale);
        versioned(w, version, duration)?;
        w.u16(LANGUAGE_UNDETERMINED);
        w.u16(0);
        Ok(())
    })
}

fn hdlr(w: &mut Writer, video: bool) -> Result<()> {
    full_box(w, b"hdlr", 0, 0, |w| {
        w.u32(0);
        w.bytes(if video { b"vide" } else { b"soun" });
        w.zeros(12);
        w.bytes(if video { b"Video\0" } else { b"Audio\0" });
        Ok(())
    })
}

fn media_header(w: &mut Writer, video: bool) -> Result<()> {
    if video {
        full_box(w, b"vmhd", 0, 1, |w| {
            w.zeros(8);
            Ok(())
        })
    } else {
        full_box(w, b"smhd", 0, 0, |w| {
            w.zeros(4);
            Ok(())
        })
    }
}

/// The media is in this file.
fn dref(w: &mut Writer) -> Result<()> {
    full_box(w, b"dref", 0, 0, |w| {
        w.u32(1);
        full_box(w, b"url ", 0, 1, |_| Ok(()))
    })
}

/// The identity transformation.
fn matrix(w: &mut Writer) {
    for value in [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000] {
        w.u32(value);
    }
}
