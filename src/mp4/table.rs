//! Sample tables of plain files (ISO/IEC 14496-12 8.6.1, 8.6.2, 8.7).

use super::boxes::{full_box, to_u32};
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};

/// A chunk has at most this many samples, so that players who read whole chunks do not read long.
const CHUNK_SAMPLES: u32 = 64;

/// One sample of a plain file. Times are in ticks of the track's timescale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSample {
    /// Where its bytes begin, counted from the first payload byte of `mdat`.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// Decode time of the next sample minus that of this one.
    pub duration: u32,
    /// Presentation time minus decode time; may be negative.
    pub composition_offset: i32,
    /// Whether decoding can start here.
    pub sync: bool,
    /// Which of the track's configurations it needs, from 0.
    pub description: u16,
}

/// Writes the tables behind `stsd`. `base` is the file offset of the first payload byte.
pub(super) fn tables(w: &mut Writer, samples: &[FileSample], base: u64, wide: bool) -> Result<()> {
    let durations = runs(samples.iter().map(|sample| sample.duration));
    full_box(w, b"stts", 0, 0, |w| {
        w.u32(to_u32(durations.len(), "stts entries")?);
        for (count, duration) in &durations {
            w.u32(*count);
            w.u32(*duration);
        }
        Ok(())
    })?;
    if samples.iter().any(|sample| sample.composition_offset != 0) {
        ctts(w, samples)?;
    }
    if samples.iter().any(|sample| !sample.sync) {
        stss(w, samples)?;
    }
    let chunks = chunks(samples);
    stsc(w, &chunks)?;
    stsz(w, samples)?;
    full_box(w, if wide { b"co64" } else { b"stco" }, 0, 0, |w| {
        w.u32(to_u32(chunks.len(), "chunks")?);
        for chunk in &chunks {
            let offset = base.checked_add(chunk.offset);
            let offset = offset.ok_or(Error::limit(Layer::Mp4, "chunk offset"))?;
            if wide { w.u64(offset) } else { w.u32(to_u32(offset, "chunk offset")?) }
        }
        Ok(())
    })
}

/// Composition offsets: unsigned in version 0, signed in version 1.
fn ctts(w: &mut Writer, samples: &[FileSample]) -> Result<()> {
    let offsets = runs(samples.iter().map(|sample| sample.composition_offset));
    let version = u8::from(offsets.iter().any(|(_, offset)| *offset < 0));
    full_box(w, b"ctts", version, 0, |w| {
        w.u32(to_u32(offsets.len(), "ctts entries")?);
        for (count, offset) in &offsets {
            w.u32(*count);
            w.i32(*offset);
        }
        Ok(())
    })
}

fn stss(w: &mut Writer, samples: &[FileSample]) -> Result<()> {
    full_box(w, b"stss", 0, 0, |w| {
        let at = w.len();
        let mut count = 0_u32;
        w.u32(0);
        for (number, _) in (1_u32..).zip(samples).filter(|(_, sample)| sample.sync) {
            w.u32(number);
            count += 1;
        }
        w.patch_u32(at, count);
        Ok(())
    })
}

fn stsz(w: &mut Writer, samples: &[FileSample]) -> Result<()> {
    let first = samples.first().map_or(0, |sample| sample.size);
    let uniform = first > 0 && samples.iter().all(|sample| sample.size == first);
    full_box(w, b"stsz", 0, 0, |w| {
        w.u32(if uniform { first } else { 0 });
        w.u32(to_u32(samples.len(), "samples")?);
        if !uniform {
            samples.iter().for_each(|sample| w.u32(sample.size));
        }
        Ok(())
    })
}

/// Samples that stand one after the other in the file.
struct Chunk {
    offset: u64,
    end: u64,
    samples: u32,
    description: u16,
}

fn chunks(samples: &[FileSample]) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for sample in samples {
        let end = sample.offset.saturating_add(sample.size.into());
        match chunks.last_mut() {
            Some(last)
                if last.end == sample.offset
                    && last.samples < CHUNK_SAMPLES
                    && last.description == sample.description =>
            {
                last.end = end;
                last.samples += 1;
            }
            _ => chunks.push(Chunk {
                offset: sample.offset,
                end,
                samples: 1,
                description: sample.description,
            }),
        }
    }
    chunks
}

fn stsc(w: &mut Writer, chunks: &[Chunk]) -> Result<()> {
    full_box(w, b"stsc", 0, 0, |w| {
        let at = w.len();
        let (mut count, mut last) = (0_u32, None);
        w.u32(0);
        for (number, chunk) in (1_u32..).zip(chunks) {
            let entry = (chunk.samples, chunk.description);
            if last.replace(entry) != Some(entry) {
                w.u32(number);
                w.u32(chunk.samples);
                w.u32(u32::from(chunk.description) + 1);
                count += 1;
            }
        }
        w.patch_u32(at, count);
        Ok(())
    })
}

/// Run lengths of equal values.
fn runs<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<(u32, T)> {
    let mut runs: Vec<(u32, T)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((count, last)) if *last == value && *count < u32::MAX => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    runs
}
