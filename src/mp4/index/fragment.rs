//! Movie fragments (ISO/IEC 14496-12 8.8).

use super::track::{Defaults, TrackBuilder};
use crate::buf::Reader;
use crate::error::{Error, Layer, Result};
use crate::mp4::read::{child, children, optional, time};
use crate::mp4::samples::FileSample;

const BASE_DATA_OFFSET: u32 = 0x01;
const DESCRIPTION_INDEX: u32 = 0x02;
const DEFAULT_DURATION: u32 = 0x08;
const DEFAULT_SIZE: u32 = 0x10;
const DEFAULT_FLAGS: u32 = 0x20;
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;

const DATA_OFFSET: u32 = 0x001;
const FIRST_SAMPLE_FLAGS: u32 = 0x004;
const SAMPLE_DURATION: u32 = 0x100;
const SAMPLE_SIZE: u32 = 0x200;
const SAMPLE_FLAGS: u32 = 0x400;
const SAMPLE_COMPOSITION: u32 = 0x800;

const NON_SYNC: u32 = 0x0001_0000;

/// Adds the samples of the `moof` that begins at `at`. Nothing is added where it does not hold. `budget` is what the
/// samples that only a count tells may still have of bytes: no byte belongs to two, so that the work is bounded by the file.
pub(super) fn read(
    moof: &Reader<'_>,
    at: u64,
    budget: &mut u64,
    tracks: &mut [TrackBuilder],
) -> Result<()> {
    // Once to see that it holds, once for its samples.
    walk(moof, at, *budget, &mut |_, _, _| {}, tracks)?;
    let mut add = |track: &mut TrackBuilder, time, sample| track.add(time, sample);
    *budget = walk(moof, at, *budget, &mut add, tracks)?;
    Ok(())
}

type Add<'a> = &'a mut dyn FnMut(&mut TrackBuilder, u64, FileSample);

/// What is left of the budget.
fn walk(
    moof: &Reader<'_>,
    at: u64,
    mut bytes: u64,
    add: Add<'_>,
    tracks: &mut [TrackBuilder],
) -> Result<u64> {
    let mut base = at;
    children(moof.clone(), |kind, body| {
        if &kind != b"traf" {
            return Ok(());
        }
        let (id, explicit, defaults) = tfhd(child(&body, *b"tfhd", "tfhd")?)?;
        let Some(track) = tracks.iter_mut().find(|track| track.id() == id) else { return Ok(()) };
        let start = match explicit {
            Base::Offset(offset) => offset,
            Base::Moof => at,
            Base::Before => base,
        };
        let tfdt = optional(&body, *b"tfdt", "tfdt")?;
        let decode_time = tfdt.map(|mut r| {
            let version = crate::mp4::read::version(&mut r)?;
            time(&mut r, version)
        });
        let time = decode_time.transpose()?.unwrap_or(track.next());
        let defaults = defaults.over(track.defaults);
        let mut run = Run { track, add: &mut *add, base: start, end: start, time, defaults, bytes };
        children(body, |kind, body| if &kind == b"trun" { run.read(body) } else { Ok(()) })?;
        (base, bytes) = (run.end, run.bytes);
        Ok(())
    })?;
    Ok(bytes)
}

/// What data offsets of a track count from.
enum Base {
    Offset(u64),
    Moof,
    /// The end of the track before, or `moof` for the first.
    Before,
}

#[derive(Clone, Copy, Default)]
struct Told {
    description: Option<u32>,
    duration: Option<u32>,
    size: Option<u32>,
    flags: Option<u32>,
}

impl Told {
    fn over(self, defaults: Defaults) -> Defaults {
        Defaults {
            description: self.description.unwrap_or(defaults.description),
            duration: self.duration.unwrap_or(defaults.duration),
            size: self.size.unwrap_or(defaults.size),
            flags: self.flags.unwrap_or(defaults.flags),
        }
    }
}

fn tfhd(mut r: Reader<'_>) -> Result<(u32, Base, Told)> {
    let set = r.u32("tfhd")? & 0xff_ffff;
    let id = r.u32("track number")?;
    let base = if set & BASE_DATA_OFFSET != 0 {
        Base::Offset(r.u64("base data offset")?)
    } else if set & DEFAULT_BASE_IS_MOOF != 0 {
        Base::Moof
    } else {
        Base::Before
    };
    let mut field = |flag| if set & flag != 0 { r.u32("tfhd").map(Some) } else { Ok(None) };
    let told = Told {
        description: field(DESCRIPTION_INDEX)?,
        duration: field(DEFAULT_DURATION)?,
        size: field(DEFAULT_SIZE)?,
        flags: field(DEFAULT_FLAGS)?,
    };
    Ok((id, base, told))
}

struct Run<'a, 'b> {
    track: &'a mut TrackBuilder,
    add: &'a mut (dyn FnMut(&mut TrackBuilder, u64, FileSample) + 'b),
    base: u64,
    /// Behind the last sample.
    end: u64,
    time: u64,
    defaults: Defaults,
    /// What is left of the budget.
    bytes: u64,
}

impl Run<'_, '_> {
    fn read(&mut self, mut r: Reader<'_>) -> Result<()> {
        let set = r.u32("trun")?;
        let (version, set) = (set >> 24, set & 0xff_ffff);
        let count = r.u32("trun samples")?;
        if set & DATA_OFFSET != 0 {
            let offset = r.i32("trun data offset")?;
            let outside = r.malformed("trun data offset");
            self.end = self.base.checked_add_signed(offset.into()).ok_or(outside)?;
        }
        let mut flags = self.defaults.flags;
        if set & FIRST_SAMPLE_FLAGS != 0 {
            flags = r.u32("first sample flags")?;
        }
        for _ in 0..count {
            let mut field =
                |flag, default| if set & flag != 0 { r.u32("trun") } else { Ok(default) };
            let duration = field(SAMPLE_DURATION, self.defaults.duration)?;
            let size = field(SAMPLE_SIZE, self.defaults.size)?;
            flags = field(SAMPLE_FLAGS, flags)?;
            let composition = field(SAMPLE_COMPOSITION, 0)?;
            // What no byte of the box tells could be any number of samples.
            let told = set & (SAMPLE_DURATION | SAMPLE_SIZE | SAMPLE_FLAGS | SAMPLE_COMPOSITION);
            let cost = if told == 0 { size.max(1) } else { 0 };
            let left = self.bytes.checked_sub(cost.into());
            self.bytes = left.ok_or(Error::malformed(Layer::Mp4, "trun larger than the file"))?;
            let composition_offset = match version {
                0 => i32::try_from(composition).unwrap_or(composition.cast_signed()),
                _ => composition.cast_signed(),
            };
            let description = u16::try_from(self.defaults.description.saturating_sub(1));
            let sample = FileSample {
                offset: self.end,
                size,
                duration,
                composition_offset,
                sync: flags & NON_SYNC == 0,
                description: description.unwrap_or(u16::MAX),
            };
            (self.add)(self.track, self.time, sample);
            self.end = self.end.saturating_add(size.into());
            self.time = self.time.saturating_add(duration.into());
            flags = self.defaults.flags;
        }
        Ok(())
    }
}
