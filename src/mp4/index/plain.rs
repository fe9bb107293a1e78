//! The sample tables of a plain file (ISO/IEC 14496-12 8.6 and 8.7).

use super::track::TrackBuilder;
use crate::buf::Reader;
use crate::error::Result;
use crate::mp4::read::{child, optional, version};
use crate::mp4::samples::FileSample;

/// Adds the samples that the tables name; none for the empty tables of an init segment.
pub(super) fn samples(stbl: &Reader<'_>, track: &mut TrackBuilder) -> Result<()> {
    let Some(mut sizes) = optional(stbl, *b"stsz", "stsz")? else { return Ok(()) };
    version(&mut sizes)?;
    let (uniform, count) = (sizes.u32("stsz")?, sizes.u32("stsz")?);
    let count = if uniform > 0 { track.bounded(uniform, count) } else { count };
    if count == 0 {
        return Ok(());
    }
    let mut durations = Runs::new(child(stbl, *b"stts", "stts")?, "stts")?;
    let mut offsets = match optional(stbl, *b"ctts", "ctts")? {
        Some(table) => Some(Runs::new(table, "ctts")?),
        None => None,
    };
    let mut sync = Sync::new(optional(stbl, *b"stss", "stss")?)?;
    let mut chunks = Chunks::new(stbl)?;
    let mut time = 0_u64;
    let mut number = 0;
    while number < count {
        let (mut offset, samples, description) = chunks.next()?;
        for _ in 0..samples.min(count - number) {
            number += 1;
            let size = if uniform > 0 { uniform } else { sizes.u32("stsz")? };
            let duration = durations.next()?;
            let composition = offsets.as_mut().map_or(Ok(0), Runs::next)?;
            let sample = FileSample {
                offset,
                size,
                duration,
                composition_offset: composition.cast_signed(),
                sync: sync.contains(number)?,
                description,
            };
            track.add(time, sample);
            time = time.saturating_add(duration.into());
            offset = offset.saturating_add(size.into());
        }
    }
    Ok(())
}

/// A table of counts and values.
struct Runs<'a> {
    table: Reader<'a>,
    name: &'static str,
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    fn new(mut table: Reader<'a>, name: &'static str) -> Result<Self> {
        version(&mut table)?;
        table.skip(4, name)?;
        Ok(Self { table, name, left: 0, value: 0 })
    }

    fn next(&mut self) -> Result<u32> {
        while self.left == 0 {
            (self.left, self.value) = (self.table.u32(self.name)?, self.table.u32(self.name)?);
        }
        self.left -= 1;
        Ok(self.value)
    }
}

/// `stss`: all samples without it.
struct Sync<'a> {
    table: Option<Reader<'a>>,
    next: u32,
}

impl<'a> Sync<'a> {
    fn new(table: Option<Reader<'a>>) -> Result<Self> {
        let mut sync = Self { table, next: 0 };
        if let Some(table) = &mut sync.table {
            version(table)?;
            table.skip(4, "stss")?;
        }
        Ok(sync)
    }

    fn contains(&mut self, number: u32) -> Result<bool> {
        let Some(table) = &mut self.table else { return Ok(true) };
        while self.next < number && !table.is_empty() {
            self.next = table.u32("stss")?;
        }
        Ok(self.next == number)
    }
}

/// `stsc` and `stco` or `co64`.
struct Chunks<'a> {
    map: Reader<'a>,
    offsets: Reader<'a>,
    wide: bool,
    /// Number of the next chunk.
    number: u32,
    samples: u32,
    description: u16,
    /// First chunk of the next entry of the map.
    change: Option<u32>,
}

impl<'a> Chunks<'a> {
    fn new(stbl: &Reader<'a>) -> Result<Self> {
        let wide = optional(stbl, *b"co64", "co64")?;
        let (wide, mut offsets) = match wide {
            Some(wide) => (true, wide),
            None => (false, child(stbl, *b"stco", "stco")?),
        };
        version(&mut offsets)?;
        offsets.skip(4, "chunks")?;
        let mut map = child(stbl, *b"stsc", "stsc")?;
        version(&mut map)?;
        map.skip(4, "stsc")?;
        let change = Some(map.u32("stsc")?);
        Ok(Self { map, offsets, wide, number: 1, samples: 0, description: 0, change })
    }

    /// Offset, number of samples and description of the next chunk.
    fn next(&mut self) -> Result<(u64, u32, u16)> {
        while self.change.is_some_and(|change| change <= self.number) {
            self.samples = self.map.u32("stsc")?;
            let description = self.map.u32("stsc")?.saturating_sub(1);
            self.description = u16::try_from(description).unwrap_or(u16::MAX);
            self.change = if self.map.is_empty() { None } else { Some(self.map.u32("stsc")?) };
        }
        self.number = self.number.saturating_add(1);
        let offset =
            if self.wide { self.offsets.u64("co64")? } else { self.offsets.u32("stco")?.into() };
        Ok((offset, self.samples, self.description))
    }
}
