//! A plain index for the samples that were found.

use std::ops::Range;

use bytes::Bytes;

use super::{Index, IndexedTrack};
use crate::buf::{Reader, Writer};
use crate::error::{Error, Layer, Result};
use crate::mp4::boxes::{boxed, full_box, time_version, versioned};
use crate::mp4::file::{Alignment, ftyp, with_payload};
use crate::mp4::movie::{self, Edit};
use crate::mp4::read::{child, children, time};
use crate::mp4::samples::{FileSample, Samples};
use crate::mp4::table::{self, Offsets};
use crate::time::rescale;

const MICROS: u32 = 1_000_000;
/// Times that begin below this stay as they are, in microseconds.
const KEPT_START: i64 = 1_000_000;

/// How a fragmented file becomes a plain one where it stands.
///
/// Write `moov` at `at`, cut the file behind it, and see that all is on the disk. Then overwrite the bytes at `header_at`:
/// that hides the fragments, and makes the new index the one that counts. A crash before leaves the fragmented file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InPlace {
    /// Where `moov` goes: the end of what is of use.
    pub at: u64,
    /// The plain index.
    pub moov: Bytes,
    /// Where `header` goes: a `free` box that was left for it, else the index of the fragmented file.
    pub header_at: u64,
    /// The header of an `mdat` that holds all up to `at`.
    pub header: Bytes,
}

/// How to make a new file with its index in front: `head`, and behind it the bytes of `source`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InFront {
    /// `ftyp`, `moov` and the header of `mdat`.
    pub head: Bytes,
    /// What to copy, offsets in the file that was read.
    pub source: Range<u64>,
}

/// A track and how it is presented.
struct Placed<'a> {
    track: &'a IndexedTrack,
    /// Samples whose composition offsets were moved, where they had to be.
    lifted: Option<Samples>,
    edits: Vec<Edit>,
    /// In ticks of the movie.
    duration: u64,
}

impl Placed<'_> {
    fn samples(&self) -> &Samples {
        self.lifted.as_ref().unwrap_or(&self.track.samples)
    }
}

impl Index {
    /// Whether the file's own index says all: there are no fragments, and no sample is missing.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.fragments == 0 && self.tracks.iter().all(|track| track.lost == 0)
    }

    /// Makes the file a plain one where it stands.
    ///
    /// # Errors
    ///
    /// Misuse for a file without fragments; malformed for one without a sample; limit where a value does not fit.
    pub fn in_place(&self) -> Result<InPlace> {
        if self.fragments == 0 {
            return Err(Error::misuse(Layer::Mp4, "file without fragments"));
        }
        let header_at = match self.placeholder {
            Some((at, len)) if len >= 16 => at,
            _ => self.moov.0,
        };
        let mut header = Writer::with_capacity(16);
        header.u32(1);
        header.bytes(b"mdat");
        header.u64(self.end.saturating_sub(header_at));
        let mut moov = Writer::default();
        self.write_moov(&mut moov, self.end > u64::from(u32::MAX))?;
        Ok(InPlace { at: self.end, moov: moov.freeze(), header_at, header: header.freeze() })
    }

    /// Plans a new file with the index in front. `block` is the size of a block that file systems share, at least 1: where
    /// it is more than 1, the copy begins at a whole block in both files.
    ///
    /// # Errors
    ///
    /// Malformed for a file without a sample; limit where a value does not fit.
    pub fn in_front(&self, block: u32) -> Result<InFront> {
        let ends = |sample: FileSample| (sample.offset, sample.offset + u64::from(sample.size));
        let all = self.tracks.iter().flat_map(|track| &track.samples).map(ends);
        let range = all.reduce(|(start, end), (from, to)| (start.min(from), end.max(to)));
        let (start, end) = range.ok_or(Error::malformed(Layer::Mp4, "no sample").at(self.end))?;
        let start = start - start % u64::from(block.max(1));
        let moved = i64::try_from(start).map_err(|_| Error::limit(Layer::Mp4, "file size"))?;
        let alignment = Alignment { block, phase: 0 };
        let head = with_payload(end - start, alignment, |w, wide| {
            ftyp(w)?;
            let offsets = self.write_moov(w, wide || end > u64::from(u32::MAX))?;
            offsets.iter().try_for_each(|offsets| offsets.add(w, -moved))?;
            Ok(offsets)
        })?;
        Ok(InFront { head, source: start..end })
    }

    /// Writes a `moov` with the samples in plain tables.
    fn write_moov(&self, w: &mut Writer, wide: bool) -> Result<Vec<Offsets>> {
        let placed = self.place();
        if placed.is_empty() {
            return Err(Error::malformed(Layer::Mp4, "no sample").at(self.end));
        }
        let duration = placed.iter().map(|track| track.duration).max().unwrap_or(0);
        let moov = Reader::with_base(Layer::Mp4, &self.content, self.moov.0);
        let as_it_was = self.is_plain();
        let mut number = 0;
        let mut offsets = Vec::with_capacity(placed.len());
        boxed(w, b"moov", |w| {
            children(moov, |kind, body| match &kind {
                b"mvhd" if !as_it_was => retimed(w, &kind, body, 4, duration),
                b"trak" => {
                    let track = self.tracks.get(number);
                    number += 1;
                    let same = |placed: &&Placed<'_>| {
                        track.is_some_and(|track| std::ptr::eq(placed.track, track))
                    };
                    match placed.iter().find(same) {
                        Some(track) => {
                            let tables = (track.samples(), wide, &mut offsets);
                            trak(w, &body, track, tables, as_it_was)
                        }
                        None => Ok(()),
                    }
                }
                b"mvex" => Ok(()),
                _ => copied(w, &kind, &body),
            })
        })?;
        Ok(offsets)
    }

    /// Says of each track that has a sample when it is presented.
    fn place(&self) -> Vec<Placed<'_>> {
        let with_samples = self.tracks.iter().filter(|track| !track.samples.is_empty());
        let spans: Vec<(&IndexedTrack, Span)> =
            with_samples.map(|track| (track, Span::of(track))).collect();
        let micros =
            |(track, span): &(&IndexedTrack, Span)| rescale(span.start, track.timescale, MICROS);
        let earliest = spans.iter().map(micros).min().unwrap_or(0);
        let zero = if (0..KEPT_START).contains(&earliest) { 0 } else { earliest };
        let place =
            |(track, span): (&'_ IndexedTrack, Span)| span.place(track, zero, self.timescale);
        spans
            .into_iter()
            .map(|(track, span)| {
                let (lifted, edits, duration) = place((track, span));
                Placed { track, lifted, edits, duration }
            })
            .collect()
    }
}

/// What of a track is presented, in its ticks.
struct Span {
    /// When it begins, on the time line of the source.
    start: i64,
    /// First presented time, counted from the first decode time; may be negative.
    from: i64,
    /// End of the last, counted likewise.
    end: i64,
}

impl Span {
    fn of(track: &IndexedTrack) -> Self {
        let (mut time, mut from, mut end) = (0_i64, i64::MAX, i64::MIN);
        for sample in &track.samples {
            let present = time.saturating_add(sample.composition_offset.into());
            from = from.min(present);
            end = end.max(present.saturating_add(sample.duration.into()));
            time = time.saturating_add(sample.duration.into());
        }
        let begin = i64::try_from(track.begin).unwrap_or(i64::MAX);
        // The edit list may leave out what stands in front: the priming of an audio encoder.
        let told = track.first_presented.and_then(|time| i64::try_from(time).ok());
        let from = told.map_or(from, |told| told.saturating_sub(begin).max(from)).min(end);
        Self { start: begin.saturating_add(track.shift).saturating_add(from), from, end }
    }

    fn place(
        &self,
        track: &IndexedTrack,
        zero: i64,
        movie: u32,
    ) -> (Option<Samples>, Vec<Edit>, u64) {
        let unsigned = |value: i64| u64::try_from(value).unwrap_or(0);
        let scaled = |ticks: i64| unsigned(rescale(ticks, track.timescale, movie));
        let start = self.start.saturating_sub(rescale(zero, MICROS, track.timescale)).max(0);
        // Media times are not negative: all composition offsets move up together.
        let lift = i32::try_from(self.from.saturating_neg()).unwrap_or(0).max(0);
        let lifted = (lift > 0).then(|| {
            let samples = track.samples.iter();
            let moved = |sample: FileSample| sample.composition_offset.saturating_add(lift);
            samples
                .map(|sample| FileSample { composition_offset: moved(sample), ..sample })
                .collect()
        });
        let from = unsigned(self.from.saturating_add(lift.into()));
        let length = self.end.saturating_sub(self.from);
        let mut edits = Vec::new();
        if start > 0 {
            edits.push(Edit { duration: scaled(start), media_time: None });
        }
        if start > 0 || from > 0 || unsigned(length) != track.samples.duration() {
            edits.push(Edit { duration: scaled(length), media_time: Some(from) });
        }
        let duration = match &edits[..] {
            [] => scaled(length),
            edits => edits.iter().fold(0, |sum: u64, edit| sum.saturating_add(edit.duration)),
        };
        (lifted, edits, duration)
    }
}

fn copied(w: &mut Writer, kind: &[u8; 4], body: &Reader<'_>) -> Result<()> {
    boxed(w, kind, |w| {
        w.bytes(body.rest());
        Ok(())
    })
}

/// `mvhd`, `tkhd` or `mdhd` with another duration; `between` bytes stand in front of it.
fn retimed(
    w: &mut Writer,
    kind: &[u8; 4],
    mut body: Reader<'_>,
    between: usize,
    duration: u64,
) -> Result<()> {
    let was = body.u8("version")?;
    let flags = body.u24("flags")?;
    let (created, changed) = (time(&mut body, was)?, time(&mut body, was)?);
    let middle = body.take(between, "timescale")?;
    time(&mut body, was)?;
    let version = time_version(&[created, changed, duration]);
    full_box(w, kind, version, flags, |w| {
        versioned(w, version, created)?;
        versioned(w, version, changed)?;
        w.bytes(middle);
        versioned(w, version, duration)?;
        w.bytes(body.rest());
        Ok(())
    })
}

/// Samples, whether offsets have 64 bits, and where those that were written are told.
type Tables<'a> = (&'a Samples, bool, &'a mut Vec<Offsets>);

fn trak(
    w: &mut Writer,
    body: &Reader<'_>,
    placed: &Placed<'_>,
    mut tables: Tables<'_>,
    as_it_was: bool,
) -> Result<()> {
    boxed(w, b"trak", |w| {
        children(body.clone(), |kind, body| match &kind {
            b"tkhd" if !as_it_was => {
                retimed(w, &kind, body, 8, placed.duration)?;
                if placed.edits.is_empty() {
                    return Ok(());
                }
                boxed(w, b"edts", |w| movie::elst(w, &placed.edits))
            }
            b"edts" if !as_it_was => Ok(()),
            b"mdia" => boxed(w, &kind, |w| {
                children(body, |kind, body| match &kind {
                    b"mdhd" if !as_it_was => {
                        retimed(w, &kind, body, 4, placed.samples().duration())
                    }
                    b"minf" => minf(w, &body, &mut tables, as_it_was),
                    _ => copied(w, &kind, &body),
                })
            }),
            _ => copied(w, &kind, &body),
        })
    })
}

fn minf(w: &mut Writer, body: &Reader<'_>, tables: &mut Tables<'_>, as_it_was: bool) -> Result<()> {
    let (samples, wide, offsets) = tables;
    boxed(w, b"minf", |w| {
        children(body.clone(), |kind, body| match &kind {
            b"stbl" => boxed(w, &kind, |w| {
                copied(w, b"stsd", &child(&body, *b"stsd", "stsd")?)?;
                offsets.push(table::tables(w, samples, *wide)?);
                // What else is told of each sample stays true where these are the samples that it was told of.
                children(body, |kind, body| match &kind {
                    b"sgpd" | b"sbgp" | b"sdtp" | b"subs" if as_it_was => copied(w, &kind, &body),
                    _ => Ok(()),
                })
            }),
            _ => copied(w, &kind, &body),
        })
    })
}
