//! Sample tables of plain files (ISO/IEC 14496-12 8.6.1, 8.6.2, 8.7).

use super::boxes::{full_box, to_u32};
use super::samples::Samples;
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};

/// A chunk has at most this many samples, so that players who read whole chunks do not read long.
const CHUNK_SAMPLES: u32 = 64;

/// Chunk offsets that were written: where, how many, and whether they have 64 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offsets {
    at: usize,
    count: usize,
    wide: bool,
}

impl Offsets {
    /// Adds `base` to each.
    pub(super) fn add(&self, w: &mut Writer, base: i64) -> Result<()> {
        let width = if self.wide { 8 } else { 4 };
        let table = w.get_mut(self.at, self.count.saturating_mul(width));
        let error = Error::limit(Layer::Mp4, "chunk offset");
        for slot in table.chunks_exact_mut(width) {
            let value = slot.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
            let moved = value.checked_add_signed(base).ok_or(error)?;
            if self.wide {
                slot.copy_from_slice(&moved.to_be_bytes());
            } else {
                slot.copy_from_slice(&to_u32(moved, "chunk offset")?.to_be_bytes());
            }
        }
        Ok(())
    }
}

/// Writes the tables behind `stsd`. Chunk offsets are those of the samples.
pub(super) fn tables(w: &mut Writer, samples: &Samples, wide: bool) -> Result<Offsets> {
    run_lengths(w, b"stts", 0, samples.iter().map(|sample| sample.duration))?;
    let (least, most) = samples.composition_offsets();
    if (least, most) != (0, 0) {
        // Unsigned in version 0, signed in version 1.
        let version = u8::from(least < 0);
        let offsets = samples.iter().map(|sample| sample.composition_offset.cast_unsigned());
        run_lengths(w, b"ctts", version, offsets)?;
    }
    if !samples.all_sync() {
        stss(w, samples)?;
    }
    stsc(w, samples)?;
    stsz(w, samples)?;
    let mut offsets = Offsets { at: w.len() + 16, count: 0, wide };
    full_box(w, if wide { b"co64" } else { b"stco" }, 0, 0, |w| {
        counted(w, chunks(samples), |w, chunk| {
            offsets.count += 1;
            if wide {
                w.u64(chunk.offset)
            } else {
                w.u32(to_u32(chunk.offset, "chunk offset")?)
            }
            Ok(())
        })
    })?;
    Ok(offsets)
}

/// A count, and what `write` writes for each item.
fn counted<T>(
    w: &mut Writer,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut Writer, T) -> Result<()>,
) -> Result<()> {
    let at = w.len();
    w.u32(0);
    let mut count = 0_usize;
    for item in items {
        write(w, item)?;
        count += 1;
    }
    w.patch_u32(at, to_u32(count, "table entries")?);
    Ok(())
}

/// A table of how often each value comes in a row.
fn run_lengths(
    w: &mut Writer,
    kind: &[u8; 4],
    version: u8,
    mut values: impl Iterator<Item = u32>,
) -> Result<()> {
    let mut next = values.next();
    let runs = std::iter::from_fn(|| {
        let value = next.take()?;
        let mut count = 1_u32;
        for other in values.by_ref() {
            if other != value || count == u32::MAX {
                next = Some(other);
                break;
            }
            count += 1;
        }
        Some((count, value))
    });
    full_box(w, kind, version, 0, |w| {
        counted(w, runs, |w, (count, value)| {
            w.u32(count);
            w.u32(value);
            Ok(())
        })
    })
}

fn stss(w: &mut Writer, samples: &Samples) -> Result<()> {
    let sync = (1_u32..).zip(samples).filter(|(_, sample)| sample.sync);
    full_box(w, b"stss", 0, 0, |w| {
        counted(w, sync, |w, (number, _)| {
            w.u32(number);
            Ok(())
        })
    })
}

fn stsz(w: &mut Writer, samples: &Samples) -> Result<()> {
    let uniform = samples.uniform_size();
    full_box(w, b"stsz", 0, 0, |w| {
        w.u32(uniform);
        w.u32(to_u32(samples.len(), "samples")?);
        if uniform == 0 {
            samples.iter().for_each(|sample| w.u32(sample.size));
        }
        Ok(())
    })
}

/// Samples that stand one after the other in the file.
struct Chunk {
    offset: u64,
    samples: u32,
    description: u16,
}

fn chunks(samples: &Samples) -> impl Iterator<Item = Chunk> {
    let mut samples = samples.iter().peekable();
    std::iter::from_fn(move || {
        let first = samples.next()?;
        let mut chunk = Chunk { offset: first.offset, samples: 1, description: first.description };
        let mut end = first.offset.saturating_add(first.size.into());
        while let Some(next) = samples.next_if(|next| {
            next.offset == end
                && next.description == first.description
                && chunk.samples < CHUNK_SAMPLES
        }) {
            end = end.saturating_add(next.size.into());
            chunk.samples += 1;
        }
        Some(chunk)
    })
}

fn stsc(w: &mut Writer, samples: &Samples) -> Result<()> {
    let mut last = None;
    let changes = (1_u32..).zip(chunks(samples)).filter(|(_, chunk)| {
        let now = Some((chunk.samples, chunk.description));
        std::mem::replace(&mut last, now) != now
    });
    full_box(w, b"stsc", 0, 0, |w| {
        counted(w, changes, |w, (number, chunk)| {
            w.u32(number);
            w.u32(chunk.samples);
            w.u32(u32::from(chunk.description) + 1);
            Ok(())
        })
    })
}
