//! A strict reader of plain files, to be run before a source is thrown away.

use super::read::{child, children, content, header, optional, time, version};
use crate::buf::Reader;
use crate::error::{Error, Layer, Result};

/// What a plain file holds, all of it checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Presented length in ticks of `timescale`.
    pub duration: u64,
    /// Ticks a second of the movie.
    pub timescale: u32,
    /// The tracks in the order of the file.
    pub tracks: Vec<TrackSummary>,
    /// Bytes of `mdat` that belong to no sample.
    pub unused: u64,
}

/// One track of a [`Summary`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrackSummary {
    /// `vide` or `soun`.
    pub handler: [u8; 4],
    /// Type of the first sample entry, `avc1` or `mp4a`.
    pub codec: [u8; 4],
    /// Ticks a second of the media.
    pub timescale: u32,
    /// Sum of the sample durations in ticks of `timescale`.
    pub duration: u64,
    /// Number of samples.
    pub samples: u64,
    /// Sum of the sample sizes.
    pub bytes: u64,
}

/// Where the payload is.
#[derive(Clone, Copy)]
struct Payload {
    start: u64,
    end: u64,
}

/// Checks a plain file by its first bytes: `head` holds all up to the payload (`ftyp`, `moov` and the header of
/// `mdat`), and the file has `file_len` bytes.
///
/// Every sample must lie in `mdat`, which must hold as many bytes as they have, tables must agree in their counts, and all durations
/// must agree with the sum of the sample durations and with the edits. Fails with `Malformed` and the name of the box
/// that does not hold.
pub fn verify(head: &[u8], file_len: u64) -> Result<Summary> {
    let mut reader = Reader::new(Layer::Mp4, head);
    let (mut moov, mut payload) = (None, None);
    while payload.is_none() {
        let (kind, size) = header(&mut reader)?;
        match &kind {
            b"mdat" => {
                let start = reader.offset();
                let end = start.checked_add(size).filter(|&end| end == file_len);
                payload = Some(Payload { start, end: end.ok_or(bad("mdat size").found(size))? });
            }
            b"moov" => moov = Some(content(&mut reader, size)?),
            _ => {
                content(&mut reader, size)?;
            }
        }
    }
    let (Some(moov), Some(payload)) = (moov, payload) else { return Err(bad("moov before mdat")) };
    movie(moov, payload)
}

fn bad(field: &'static str) -> Error {
    Error::malformed(Layer::Mp4, field)
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

fn movie(moov: Reader<'_>, payload: Payload) -> Result<Summary> {
    let (timescale, duration) = timing(child(&moov, *b"mvhd", "mvhd")?)?;
    let mut tracks = Vec::new();
    let mut longest = 0;
    children(moov, |kind, body| {
        if kind == *b"trak" {
            let (track, presented) = trak(&body, timescale, payload)?;
            longest = longest.max(presented);
            tracks.push(track);
        }
        Ok(())
    })?;
    if tracks.is_empty() {
        return Err(bad("trak"));
    }
    if longest != duration {
        return Err(bad("mvhd duration").found(duration));
    }
    let bytes =
        tracks.iter().fold(0, |sum: u64, track: &TrackSummary| sum.saturating_add(track.bytes));
    let unused = (payload.end - payload.start).checked_sub(bytes);
    let unused = unused.ok_or(bad("samples larger than mdat").found(bytes))?;
    Ok(Summary { duration, timescale, tracks, unused })
}

/// A track and its presented length in ticks of the movie.
fn trak(r: &Reader<'_>, movie_timescale: u32, payload: Payload) -> Result<(TrackSummary, u64)> {
    let mut tkhd = child(r, *b"tkhd", "tkhd")?;
    let version = version(&mut tkhd)?;
    time(&mut tkhd, version)?;
    time(&mut tkhd, version)?;
    tkhd.skip(8, "track number")?;
    let presented = time(&mut tkhd, version)?;

    let mdia = child(r, *b"mdia", "mdia")?;
    let (timescale, duration) = timing(child(&mdia, *b"mdhd", "mdhd")?)?;
    let mut hdlr = child(&mdia, *b"hdlr", "hdlr")?;
    hdlr.skip(8, "hdlr")?;
    let handler = hdlr.array("handler type")?;
    let stbl = child(&child(&mdia, *b"minf", "minf")?, *b"stbl", "stbl")?;
    let mut stsd = child(&stbl, *b"stsd", "stsd")?;
    self::version(&mut stsd)?;
    let descriptions = stsd.u32("stsd entries")?;
    let (codec, _) = header(&mut stsd)?;

    let samples = u64::from(sizes(&stbl)?.len);
    let (timed, sum) = pairs(&stbl, *b"stts", "stts")?.ok_or(stbl.malformed("stts"))?;
    if timed != samples || samples == 0 {
        return Err(stbl.malformed("stts count").found(timed));
    }
    if sum != duration {
        return Err(stbl.malformed("mdhd duration").found(duration));
    }
    if pairs(&stbl, *b"ctts", "ctts")?.is_some_and(|(count, _)| count != samples) {
        return Err(stbl.malformed("ctts count"));
    }
    sync_samples(&stbl, samples)?;
    let bytes = chunk_map(&stbl, descriptions, payload)?;
    let shown = match optional(r, *b"edts", "edts")? {
        // Pictures are shown as much later than decoded as their composition offset says (ISO/IEC 14496-12 8.6.1.3).
        Some(edts) => {
            let end = duration.saturating_add(largest_offset(&stbl)?);
            edits(child(&edts, *b"elst", "elst")?, end)?
        }
        None => scale(duration, timescale, movie_timescale),
    };
    if shown != presented {
        return Err(r.malformed("tkhd duration").found(presented));
    }
    Ok((TrackSummary { handler, codec, timescale, duration, samples, bytes }, presented))
}

fn scale(value: u64, from: u32, to: u32) -> u64 {
    u64::try_from(u128::from(value) * u128::from(to) / u128::from(from.max(1))).unwrap_or(u64::MAX)
}

/// Sum of the counts, and of count times value, of a run-length table.
fn pairs(stbl: &Reader<'_>, kind: [u8; 4], name: &'static str) -> Result<Option<(u64, u64)>> {
    let Some(mut r) = optional(stbl, kind, name)? else { return Ok(None) };
    version(&mut r)?;
    let entries = r.u32(name)?;
    let (mut count, mut sum) = (0_u64, 0_u64);
    for _ in 0..entries {
        let (run, value) = (u64::from(r.u32(name)?), u64::from(r.u32(name)?));
        count = count.saturating_add(run);
        sum = sum.saturating_add(run.saturating_mul(value));
    }
    if r.is_empty() { Ok(Some((count, sum))) } else { Err(r.malformed(name)) }
}

/// The largest composition offset that is not negative.
fn largest_offset(stbl: &Reader<'_>) -> Result<u64> {
    let Some(mut r) = optional(stbl, *b"ctts", "ctts")? else { return Ok(0) };
    version(&mut r)?;
    let mut largest = 0;
    for _ in 0..r.u32("ctts")? {
        r.skip(4, "ctts")?;
        largest = largest.max(u64::try_from(r.i32("ctts")?).unwrap_or(0));
    }
    Ok(largest)
}

/// `stsz`, ready to be read size by size.
struct Sizes<'a> {
    uniform: u32,
    len: u32,
    table: Reader<'a>,
}

impl Sizes<'_> {
    /// Sum of the next `count` sizes. The work is bounded by the bytes of the table.
    fn sum(&mut self, count: u32) -> Result<u64> {
        if self.uniform > 0 {
            return Ok(u64::from(self.uniform) * u64::from(count));
        }
        (0..count).try_fold(0_u64, |sum, _| Ok(sum.saturating_add(self.table.u32("stsz")?.into())))
    }
}

fn sizes<'a>(stbl: &Reader<'a>) -> Result<Sizes<'a>> {
    let mut table = child(stbl, *b"stsz", "stsz")?;
    version(&mut table)?;
    let (uniform, len) = (table.u32("stsz")?, table.u32("stsz")?);
    let expected = if uniform > 0 { 0 } else { u64::from(len) * 4 };
    if table.remaining() as u64 != expected {
        return Err(table.malformed("stsz count"));
    }
    Ok(Sizes { uniform, len, table })
}

/// Numbers of sync samples rise and stay within the samples; the first sample is one.
fn sync_samples(stbl: &Reader<'_>, samples: u64) -> Result<()> {
    let Some(mut r) = optional(stbl, *b"stss", "stss")? else { return Ok(()) };
    version(&mut r)?;
    let mut last = 0;
    for _ in 0..r.u32("stss")? {
        let number = u64::from(r.u32("stss")?);
        if number <= last || number > samples {
            return Err(r.malformed("stss").found(number));
        }
        last = number;
    }
    if r.is_empty() { Ok(()) } else { Err(r.malformed("stss")) }
}

/// Walks all chunks: every sample lies in the payload. Returns the sum of the sizes.
fn chunk_map(stbl: &Reader<'_>, descriptions: u32, payload: Payload) -> Result<u64> {
    let wide = optional(stbl, *b"co64", "co64")?;
    let mut offsets = match &wide {
        Some(wide) => wide.clone(),
        None => child(stbl, *b"stco", "stco")?,
    };
    version(&mut offsets)?;
    let chunks = offsets.u32("chunks")?;
    let mut map = child(stbl, *b"stsc", "stsc")?;
    version(&mut map)?;
    let entries = map.u32("stsc")?;
    let mut sizes = sizes(stbl)?;
    let (mut samples, mut bytes) = (0_u32, 0_u64);
    let mut first = if entries > 0 { map.u32("stsc")? } else { 0 };
    for entry in 0..entries {
        let (per_chunk, description) = (map.u32("stsc")?, map.u32("stsc")?);
        let next = if entry + 1 < entries { map.u32("stsc")? } else { chunks.saturating_add(1) };
        if next <= first
            || (entry == 0 && first != 1)
            || description == 0
            || description > descriptions
        {
            return Err(map.malformed("stsc"));
        }
        for _ in first..next {
            let offset =
                if wide.is_some() { offsets.u64("co64")? } else { offsets.u32("stco")?.into() };
            let end = offset.saturating_add(sizes.sum(per_chunk)?);
            samples = samples.saturating_add(per_chunk);
            if offset < payload.start || end > payload.end || samples > sizes.len {
                return Err(offsets.malformed("chunk outside mdat").found(offset));
            }
            bytes = bytes.saturating_add(end - offset);
        }
        first = next;
    }
    if samples != sizes.len || !offsets.is_empty() || !map.is_empty() {
        return Err(map.malformed("stsc count"));
    }
    Ok(bytes)
}

/// Sum of the edits' durations. What is shown begins before `end`, where the composition ends.
fn edits(mut r: Reader<'_>, end: u64) -> Result<u64> {
    let version = version(&mut r)?;
    let mut sum = 0_u64;
    for _ in 0..r.u32("elst")? {
        sum = sum.saturating_add(time(&mut r, version)?);
        let media_time = time(&mut r, version)?;
        let empty = media_time == if version == 1 { u64::MAX } else { u32::MAX.into() };
        if !empty && media_time >= end {
            return Err(r.malformed("elst media time").found(media_time));
        }
        r.skip(4, "elst")?;
    }
    if r.is_empty() { Ok(sum) } else { Err(r.malformed("elst")) }
}
