//! Segments and the parts they are made of: small heads and the shared payload.

use std::sync::Arc;

use bytes::Bytes;

use super::timeline::MICROS;
use crate::buf::Chain;
use crate::error::Result;
use crate::media::{CodecConfig, Track, TrackId};
use crate::mp4::{self, FragmentOptions, Run};
use crate::time::rescale;

/// `styp` of a segment, in front of its parts (ISO/IEC 14496-12 8.16.2): a DASH media segment that is a CMAF segment.
pub(super) const SEGMENT_TYPE: &[u8] = b"\0\0\0\x18stypmsdh\0\0\0\0msdhcmfs";

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

/// An init segment under its name, and the configuration that it holds. One name never stands for two contents.
#[derive(Debug)]
pub(super) struct Init {
    pub(super) name: String,
    pub(super) body: Bytes,
    pub(super) track: Track,
}

/// What players may fetch before the segment that it belongs to is whole: a CMAF chunk, and one more where time was skipped.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) body: Chain,
    /// Decode time of the first sample, in ticks.
    pub(super) start: i64,
    /// From there to the end of the last sample, in ticks.
    pub(super) duration: u64,
    /// Presentation time where the sample that is shown last ends.
    pub(super) shown: i64,
    /// Whether decoding can start within it.
    pub(super) independent: bool,
    pub(super) samples: usize,
}

/// What a rendition holds between two cuts.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) init: Arc<Init>,
    /// Presentation time of the first sample, wall clock, microseconds since 1970.
    pub(super) wall: Option<i64>,
    /// Decode time of the first sample, or where the gap begins, in ticks.
    pub(super) start: i64,
    /// Presentation time of the first sample.
    pub(super) present: i64,
    /// In ticks.
    pub(super) duration: u64,
    pub(super) timescale: u32,
    /// Whether `EXT-X-DISCONTINUITY` stands before it.
    pub(super) discontinuity: bool,
    /// None where nothing came for this time: `EXT-X-GAP`.
    pub(super) parts: Vec<Part>,
    /// Its lines in a playlist.
    pub(super) text: Text,
}

/// Lines of a segment, written once.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    /// What stands before its first part, but for discontinuity and map.
    pub(super) head: String,
    pub(super) parts: String,
    pub(super) tail: String,
}

impl Segment {
    pub(super) fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.body.len()).sum()
    }

    pub(super) fn samples(&self) -> usize {
        self.parts.iter().map(|part| part.samples).sum()
    }

    pub(super) fn micros(&self) -> u64 {
        micros(self.duration, self.timescale)
    }

    /// All parts behind `styp`; `None` of a gap, and where the bytes were taken out.
    pub(super) fn body(&self) -> Option<Chain> {
        if self.bytes() == 0 {
            return None;
        }
        let mut body = Chain::from(Bytes::from_static(SEGMENT_TYPE));
        self.parts.iter().for_each(|part| body.extend_from(&part.body));
        Some(body)
    }
}

/// A duration in ticks as microseconds.
pub(super) fn micros(ticks: u64, timescale: u32) -> u64 {
    let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
    u64::try_from(rescale(ticks, timescale, MICROS)).unwrap_or(0)
}

/// `video_17.m4s`.
pub(super) fn segment_name(id: TrackId, number: u64) -> String {
    format!("{id}_{number}.m4s")
}

/// `video_17_3.m4s`.
pub(super) fn part_name(id: TrackId, number: u64, part: usize) -> String {
    format!("{id}_{number}_{part}.m4s")
}

/// The number of a segment and of a part of it, of what [`segment_name`] and [`part_name`] put behind the track:
/// `_17.m4s`, `_17_3.m4s`. Each number is written in one way.
pub(super) fn numbers(rest: &str) -> Option<(u64, Option<usize>)> {
    let numbers = rest.strip_prefix('_')?.strip_suffix(".m4s")?;
    let plain = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
    };
    let (segment, part) =
        numbers.split_once('_').map_or((numbers, None), |(segment, part)| (segment, Some(part)));
    if !plain(segment) || !part.is_none_or(plain) {
        return None;
    }
    Some((segment.parse().ok()?, part.map(str::parse).transpose().ok()?))
}

/// Packs samples into fragments. A new fragment begins where time was skipped, so that its decode time says so.
///
/// `next` is the decode time of what follows, and `typical` the duration of a last sample that nothing follows. The second
/// value is the decode time of the end.
pub(super) fn pack(
    samples: &[Sample],
    next: Option<i64>,
    (config, typical): (&CodecConfig, u32),
    sequence: &mut u32,
) -> Result<(Part, i64)> {
    // A head, and one more where time was skipped or a `prft` comes first.
    let mut body = Chain::with_capacity(samples.len() + 2);
    let mut run: Vec<mp4::Sample> = Vec::with_capacity(samples.len());
    let mut run_start = 0;
    let start = samples.first().map_or(0, |sample| sample.time);
    let (mut clock, mut shown) = (start, i64::MIN);
    let nexts = samples.iter().skip(1).map(|sample| Some(sample.time)).chain([next]);
    for ((index, sample), next) in samples.iter().enumerate().zip(nexts) {
        let duration = sample.duration.unwrap_or_else(|| span(sample.time, next, typical));
        run.push(mp4::Sample {
            duration,
            size: u32::try_from(sample.data.len()).unwrap_or(u32::MAX),
            composition_offset: sample.composition_offset,
            sync: sample.key,
        });
        clock = sample.time.saturating_add(duration.into());
        shown = shown.max(sample.present().saturating_add(duration.into()));
        let last = index + 1 == samples.len();
        if last || next != Some(clock) {
            let packed = samples.get(run_start..=index).unwrap_or_default();
            let decode_time =
                packed.first().map_or(0, |first| u64::try_from(first.time).unwrap_or(0));
            let runs = [Run { track: 1, decode_time, samples: &run }];
            *sequence = sequence.wrapping_add(1);
            let first = run.first().map_or(0, |sample| sample.duration);
            let options = FragmentOptions {
                sequence: *sequence,
                segment: None,
                roll_distance: mp4::roll_distance(config, first),
            };
            body.push(mp4::fragment_head_with(&options, &runs)?);
            body.extend(packed.iter().map(|sample| sample.data.clone()));
            run.clear();
            run_start = index + 1;
        }
    }
    let part = Part {
        body,
        start,
        duration: u64::try_from(clock.saturating_sub(start)).unwrap_or(0),
        shown,
        independent: samples.iter().any(|sample| sample.key),
        samples: samples.len(),
    };
    Ok((part, clock))
}

fn span(time: i64, next: Option<i64>, typical: u32) -> u32 {
    let exact = next.and_then(|next| u32::try_from(next.saturating_sub(time)).ok());
    exact.filter(|&duration| duration > 0).unwrap_or(typical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_the_one_way_they_are_written() {
        assert_eq!(numbers("_17.m4s"), Some((17, None)));
        assert_eq!(numbers("_0_12.m4s"), Some((0, Some(12))));
        for other in [
            "",
            "17.m4s",
            "_.m4s",
            "_+1.m4s",
            "_01.m4s",
            "_1_.m4s",
            "_1_2_3.m4s",
            "_1_02.m4s",
            "_1",
        ] {
            assert_eq!(numbers(other), None, "{other}");
        }
        assert_eq!(numbers("_18446744073709551616.m4s"), None);
        let id = TrackId::VIDEO;
        assert_eq!(
            (segment_name(id, 7), part_name(id, 7, 2)),
            ("video_7.m4s".into(), "video_7_2.m4s".into())
        );
    }
}
