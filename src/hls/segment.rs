//! One segment of one rendition: a head and the shared payload.

use std::sync::Arc;

use bytes::Bytes;

use crate::buf::Chain;
use crate::error::Result;
use crate::mp4::{self, Run};

/// An access unit on the output's time line, in ticks of its track.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) time: i64,
    pub(super) composition_offset: i32,
    /// Known for audio; for video the next frame tells.
    pub(super) duration: Option<u32>,
    pub(super) key: bool,
    pub(super) data: Bytes,
}

impl Sample {
    pub(super) fn present(&self) -> i64 {
        self.time.saturating_add(self.composition_offset.into())
    }
}

/// An init segment under its name. One name never stands for two contents.
#[derive(Debug)]
pub(super) struct Init {
    pub(super) name: String,
    pub(super) body: Bytes,
}

/// What a rendition holds between two cuts.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) name: String,
    pub(super) init: Arc<Init>,
    /// Presentation time of the first sample, wall clock, microseconds since 1970.
    pub(super) wall: Option<i64>,
    /// In ticks of the rendition.
    pub(super) duration: u64,
    pub(super) timescale: u32,
    /// Whether `EXT-X-DISCONTINUITY` stands before it.
    pub(super) discontinuity: bool,
    pub(super) samples: usize,
    /// `None` where nothing came for this time: `EXT-X-GAP`.
    pub(super) body: Option<Chain>,
}

impl Segment {
    pub(super) fn bytes(&self) -> usize {
        self.body.as_ref().map_or(0, Chain::len)
    }

    pub(super) fn micros(&self) -> u64 {
        let micros = u128::from(self.duration) * 1_000_000 / u128::from(self.timescale.max(1));
        u64::try_from(micros).unwrap_or(u64::MAX)
    }
}

/// The payload of a segment with its heads.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) body: Chain,
    /// From the first sample's decode time to the last one's end, in ticks.
    pub(super) duration: u64,
    /// Decode time of the end.
    pub(super) end: i64,
}

/// Packs samples into fragments. A new fragment begins where time was skipped, so that its decode time says so.
///
/// `end` is the decode time of what follows, and `typical` the duration of a last sample that nothing follows.
pub(super) fn pack(
    samples: &[Sample],
    end: Option<i64>,
    typical: u32,
    sequence: &mut u32,
) -> Result<Packed> {
    let mut body = Chain::new();
    let mut run: Vec<mp4::Sample> = Vec::with_capacity(samples.len());
    let mut run_start = 0;
    let start = samples.first().map_or(0, |sample| sample.time);
    let mut clock = start;
    let nexts = samples.iter().skip(1).map(|sample| Some(sample.time)).chain([end]);
    for ((index, sample), next) in samples.iter().enumerate().zip(nexts) {
        let duration = sample.duration.unwrap_or_else(|| span(sample.time, next, typical));
        run.push(mp4::Sample {
            duration,
            size: u32::try_from(sample.data.len()).unwrap_or(u32::MAX),
            composition_offset: sample.composition_offset,
            sync: sample.key,
        });
        clock = sample.time.saturating_add(duration.into());
        let last = index + 1 == samples.len();
        if last || next != Some(clock) {
            let part = samples.get(run_start..=index).unwrap_or_default();
            let decode_time =
                part.first().map_or(0, |first| u64::try_from(first.time).unwrap_or(0));
            let runs = [Run { track: 1, decode_time, samples: &run }];
            *sequence = sequence.wrapping_add(1);
            body.push(mp4::fragment_head(body.is_empty(), *sequence, &runs)?);
            body.extend(part.iter().map(|sample| sample.data.clone()));
            run.clear();
            run_start = index + 1;
        }
    }
    let duration = u64::try_from(clock.saturating_sub(start)).unwrap_or(0);
    Ok(Packed { body, duration, end: clock })
}

fn span(time: i64, next: Option<i64>, typical: u32) -> u32 {
    let exact = next.and_then(|next| u32::try_from(next.saturating_sub(time)).ok());
    exact.filter(|&duration| duration > 0).unwrap_or(typical)
}
