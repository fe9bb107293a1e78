//! What `moov` says of a track, and the samples that are found for it.

use super::{IndexedTrack, plain};
use crate::buf::Reader;
use crate::error::{Error, Layer, Result};
use crate::mp4::read::{child, children, header, optional, time, version};
use crate::mp4::samples::{FileSample, Samples};
use crate::time::rescale;

/// Tracks that are read; real files have under 16.
const MAX_TRACKS: usize = 256;

/// Defaults of fragments: `trex`, and `tfhd` over it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defaults {
    pub(super) description: u32,
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

/// A track while its samples are found.
#[derive(Debug)]
pub(super) struct TrackBuilder {
    track: IndexedTrack,
    pub(super) defaults: Defaults,
    /// The newest sample, whose duration the next one tells.
    last: Option<FileSample>,
    /// Decode time of `last` in the plain file's count, and of what follows it as far as it says.
    at: u64,
    next: u64,
    file_len: u64,
}

/// Timescale and tracks of a `moov`.
pub(super) fn movie(moov: &Reader<'_>, file_len: u64) -> Result<(u32, Vec<TrackBuilder>)> {
    let (timescale, _) = timing(child(moov, *b"mvhd", "mvhd")?)?;
    let mut tracks = Vec::new();
    children(moov.clone(), |kind, body| {
        if &kind == b"trak" {
            if tracks.len() == MAX_TRACKS {
                return Err(Error::limit(Layer::Mp4, "tracks").at(body.offset()));
            }
            tracks.push(TrackBuilder::new(&body, timescale, file_len)?);
        }
        Ok(())
    })?;
    if let Some(mvex) = optional(moov, *b"mvex", "mvex")? {
        children(
            mvex,
            |kind, body| {
                if &kind == b"trex" { trex(body, &mut tracks) } else { Ok(()) }
            },
        )?;
    }
    Ok((timescale, tracks))
}

fn trex(mut r: Reader<'_>, tracks: &mut [TrackBuilder]) -> Result<()> {
    version(&mut r)?;
    let id = r.u32("track number")?;
    let defaults = Defaults {
        description: r.u32("trex")?,
        duration: r.u32("trex")?,
        size: r.u32("trex")?,
        flags: r.u32("trex")?,
    };
    for track in tracks.iter_mut().filter(|track| track.track.id == id) {
        track.defaults = defaults;
    }
    Ok(())
}

/// Timescale and duration of `mvhd` or `mdhd`.
fn timing(mut r: Reader<'_>) -> Result<(u32, u64)> {
    let version = version(&mut r)?;
    time(&mut r, version)?;
    time(&mut r, version)?;
    let timescale = r.u32("timescale")?;
    if timescale == 0 || timescale > u32::MAX / 2 {
        return Err(r.malformed("timescale"));
    }
    Ok((timescale, time(&mut r, version)?))
}

impl TrackBuilder {
    fn new(trak: &Reader<'_>, movie_timescale: u32, file_len: u64) -> Result<Self> {
        let mut tkhd = child(trak, *b"tkhd", "tkhd")?;
        let tkhd_version = version(&mut tkhd)?;
        time(&mut tkhd, tkhd_version)?;
        time(&mut tkhd, tkhd_version)?;
        let id = tkhd.u32("track number")?;
        let mdia = child(trak, *b"mdia", "mdia")?;
        let (timescale, _) = timing(child(&mdia, *b"mdhd", "mdhd")?)?;
        let mut hdlr = child(&mdia, *b"hdlr", "hdlr")?;
        hdlr.skip(8, "hdlr")?;
        let handler = hdlr.array("handler type")?;
        let stbl = child(&child(&mdia, *b"minf", "minf")?, *b"stbl", "stbl")?;
        let mut stsd = child(&stbl, *b"stsd", "stsd")?;
        version(&mut stsd)?;
        stsd.u32("stsd entries")?;
        let (codec, _) = header(&mut stsd)?;
        let (empty, first_presented) = edit(trak)?;
        let empty = rescale(i64::try_from(empty).unwrap_or(i64::MAX), movie_timescale, timescale);
        let skipped = first_presented.and_then(|time| i64::try_from(time).ok()).unwrap_or(0);
        let track = IndexedTrack {
            id,
            handler,
            codec,
            timescale,
            begin: 0,
            shift: empty.saturating_sub(skipped),
            first_presented,
            samples: Samples::new(),
            lost: 0,
        };
        let defaults = Defaults { description: 1, ..Defaults::default() };
        let mut builder = Self { track, defaults, last: None, at: 0, next: 0, file_len };
        plain::samples(&stbl, &mut builder)?;
        Ok(builder)
    }

    pub(super) const fn id(&self) -> u32 {
        self.track.id
    }

    /// How many of `count` samples of `size` bytes are worth a look: the others lie past the end of the file.
    pub(super) fn bounded(&mut self, size: u32, count: u32) -> u32 {
        let most = self.file_len / u64::from(size.max(1)) + 1;
        let looked_at = u32::try_from(most).map_or(count, |most| most.min(count));
        self.track.lost += u64::from(count - looked_at);
        looked_at
    }

    /// Decode time of what follows the newest sample.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Adds a sample whose decode time is `time`. Its duration counts only where none follows.
    pub(super) fn add(&mut self, time: u64, mut sample: FileSample) {
        self.next = time.saturating_add(sample.duration.into());
        let inside =
            sample.offset.checked_add(sample.size.into()).is_some_and(|end| end <= self.file_len);
        if !inside || sample.size == 0 {
            self.track.lost += u64::from(!inside);
            return;
        }
        match self.last.take() {
            None => (self.track.begin, self.at) = (time, time),
            Some(last) => {
                let step = time.saturating_sub(self.at).clamp(1, u32::MAX.into());
                self.at = self.at.saturating_add(step);
                let duration = u32::try_from(step).unwrap_or(u32::MAX);
                self.track.samples.push(FileSample { duration, ..last });
            }
        }
        // What is shown when stays what it was.
        let moved = i64::try_from(i128::from(time) - i128::from(self.at)).unwrap_or(0);
        let offset = i64::from(sample.composition_offset).saturating_add(moved);
        sample.composition_offset = i32::try_from(offset).unwrap_or(0);
        self.last = Some(sample);
    }

    /// The track, and where its last byte ends.
    pub(super) fn finish(mut self) -> (IndexedTrack, Option<u64>) {
        if let Some(last) = self.last.take() {
            self.track.samples.push(last);
        }
        let end =
            self.track.samples.iter().map(|sample| sample.offset + u64::from(sample.size)).max();
        (self.track, end)
    }
}

/// Length of the empty edits in front, in ticks of the movie, and the first presented time of the media.
fn edit(trak: &Reader<'_>) -> Result<(u64, Option<u64>)> {
    let Some(edts) = optional(trak, *b"edts", "edts")? else { return Ok((0, None)) };
    let Some(mut r) = optional(&edts, *b"elst", "elst")? else { return Ok((0, None)) };
    let version = version(&mut r)?;
    let mut empty = 0_u64;
    for _ in 0..r.u32("elst")? {
        let duration = time(&mut r, version)?;
        let media_time = time(&mut r, version)?;
        r.skip(4, "elst")?;
        if media_time != if version == 1 { u64::MAX } else { u32::MAX.into() } {
            return Ok((empty, Some(media_time)));
        }
        empty = empty.saturating_add(duration);
    }
    Ok((empty, None))
}
