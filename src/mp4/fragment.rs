//! Movie fragments: the boxes before the payload, which stays in the caller's buffers
//! (ISO/IEC 14496-12 8.8, ISO/IEC 23000-19 7.3.2).

use bytes::Bytes;

use super::boxes::{boxed, full_box, to_i32, to_u32};
use super::group;
use super::segment::{self, SegmentType};
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};

/// Depends on no other sample.
const FLAGS_SYNC: u32 = 0x0200_0000;
/// Depends on others and is no sync sample.
const FLAGS_NON_SYNC: u32 = 0x0101_0000;

const TFHD_DEFAULT_DURATION: u32 = 0x08;
const TFHD_DEFAULT_FLAGS: u32 = 0x20;
const TFHD_DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;

const TRUN_DATA_OFFSET: u32 = 0x001;
const TRUN_FIRST_SAMPLE_FLAGS: u32 = 0x004;
const TRUN_DURATION: u32 = 0x100;
const TRUN_SIZE: u32 = 0x200;
const TRUN_FLAGS: u32 = 0x400;
const TRUN_COMPOSITION_OFFSET: u32 = 0x800;

/// One sample of a fragment. Times are in ticks of the track's timescale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Decode time of the next sample minus that of this one.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Presentation time minus decode time; may be negative.
    pub composition_offset: i32,
    /// Whether decoding can start here.
    pub sync: bool,
}

/// The samples of one track in one fragment, in decode order and without a gap between them.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The track's number in the init segment, from 1.
    pub track: u32,
    /// Decode time of the first sample in ticks of the track's timescale.
    pub decode_time: u64,
    /// At least one.
    pub samples: &'a [Sample],
}

/// What is said of a whole fragment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentOptions {
    /// Counts the fragments of the track, from 1.
    pub sequence: u32,
    /// `styp` in front, where the fragment is the first of a segment.
    pub segment: Option<SegmentType>,
    /// How many samples before any of these decoding has to start for it to sound right, as a negative number: the sample
    /// group `roll` (ISO/IEC 14496-12 10.1). [`roll_distance`](super::roll_distance) knows it.
    pub roll_distance: Option<i16>,
}

/// Writes what stands before the payload of one fragment: `styp` where `segment_start`, `moof`, and the header
/// of `mdat`. The payload is that of the runs in their order, each sample after the other.
///
/// `sequence` counts the fragments of the track from 1. Fails with `Misuse` for a run without samples, and with
/// `LimitExceeded` where the fragment would be larger than 4 GiB.
pub fn fragment_head(segment_start: bool, sequence: u32, runs: &[Run<'_>]) -> Result<Bytes> {
    let segment = segment_start.then(SegmentType::default);
    fragment_head_with(&FragmentOptions { sequence, segment, roll_distance: None }, runs)
}

/// The same as [`fragment_head`], with all that can be said of a fragment. What else stands between `styp` and `moof`
/// (`sidx`, `prft`, `emsg`) is written apart; then `styp` is too.
///
/// Fails as [`fragment_head`] does.
pub fn fragment_head_with(options: &FragmentOptions, runs: &[Run<'_>]) -> Result<Bytes> {
    if runs.is_empty() || runs.iter().any(|run| run.samples.is_empty()) {
        return Err(Error::misuse(Layer::Mp4, "fragment without a sample"));
    }
    let samples: usize = runs.iter().map(|run| run.samples.len()).sum();
    let mut w = Writer::with_capacity(224 + 16 * samples);
    if let Some(segment) = options.segment {
        segment::styp(&mut w, segment)?;
    }
    let moof = w.len();
    let mut offsets = Vec::with_capacity(runs.len());
    boxed(&mut w, b"moof", |w| {
        full_box(w, b"mfhd", 0, 0, |w| {
            w.u32(options.sequence);
            Ok(())
        })?;
        runs.iter().try_for_each(|run| traf(w, run, options, &mut offsets))
    })?;
    // Offsets count from the first byte of `moof`, past it and the header of `mdat`.
    let mut offset = w.len() - moof + 8;
    for (run, at) in runs.iter().zip(offsets) {
        w.patch(at, &to_i32(offset, "trun data offset")?.to_be_bytes());
        for sample in run.samples {
            offset = offset.saturating_add(to_usize(sample.size)?);
        }
    }
    w.u32(to_u32(offset - (w.len() - moof), "mdat size")?);
    w.bytes(b"mdat");
    Ok(w.freeze())
}

fn to_usize(value: u32) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::limit(Layer::Mp4, "sample size"))
}

fn traf(
    w: &mut Writer,
    run: &Run<'_>,
    options: &FragmentOptions,
    offsets: &mut Vec<usize>,
) -> Result<()> {
    let first = run.samples.first().copied();
    let rest_sync = run.samples.iter().skip(1).any(|sample| sample.sync);
    let rest_equal = run.samples.iter().skip(1).all(|sample| sample.sync == rest_sync);
    let rest_flags = if rest_sync { FLAGS_SYNC } else { FLAGS_NON_SYNC };
    let first_flags = flags(first.is_some_and(|sample| sample.sync));
    let default_flags = if run.samples.len() == 1 { first_flags } else { rest_flags };
    let duration = first.map_or(0, |sample| sample.duration);
    let one_duration = run.samples.iter().all(|sample| sample.duration == duration);

    boxed(w, b"traf", |w| {
        let mut set = TFHD_DEFAULT_BASE_IS_MOOF | TFHD_DEFAULT_FLAGS;
        set |= if one_duration { TFHD_DEFAULT_DURATION } else { 0 };
        full_box(w, b"tfhd", 0, set, |w| {
            w.u32(run.track);
            if one_duration {
                w.u32(duration);
            }
            w.u32(default_flags);
            Ok(())
        })?;
        full_box(w, b"tfdt", 1, 0, |w| {
            w.u64(run.decode_time);
            Ok(())
        })?;
        let mut set = TRUN_DATA_OFFSET | TRUN_SIZE;
        set |= if one_duration { 0 } else { TRUN_DURATION };
        // Flags of the first sample and flags of each sample exclude one another.
        set |= match (rest_equal, first_flags == default_flags) {
            (true, true) => 0,
            (true, false) => TRUN_FIRST_SAMPLE_FLAGS,
            (false, _) => TRUN_FLAGS,
        };
        let offset = run.samples.iter().any(|sample| sample.composition_offset != 0);
        set |= if offset { TRUN_COMPOSITION_OFFSET } else { 0 };
        trun(w, set, first_flags, run.samples, offsets)?;
        let count = to_u32(run.samples.len(), "trun samples")?;
        // Descriptions that stand in the fragment itself are numbered past 2^16.
        options.roll_distance.map_or(Ok(()), |distance| group::roll(w, distance, 0x1_0001, count))
    })
}

fn trun(
    w: &mut Writer,
    set: u32,
    first_flags: u32,
    samples: &[Sample],
    offsets: &mut Vec<usize>,
) -> Result<()> {
    full_box(w, b"trun", 1, set, |w| {
        w.u32(to_u32(samples.len(), "trun samples")?);
        offsets.push(w.len());
        w.u32(0);
        if set & TRUN_FIRST_SAMPLE_FLAGS != 0 {
            w.u32(first_flags);
        }
        for sample in samples {
            if set & TRUN_DURATION != 0 {
                w.u32(sample.duration);
            }
            w.u32(sample.size);
            if set & TRUN_FLAGS != 0 {
                w.u32(flags(sample.sync));
            }
            if set & TRUN_COMPOSITION_OFFSET != 0 {
                w.i32(sample.composition_offset);
            }
        }
        Ok(())
    })
}

const fn flags(sync: bool) -> u32 {
    if sync { FLAGS_SYNC } else { FLAGS_NON_SYNC }
}
