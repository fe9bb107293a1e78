//! Tracks for the unit tests of what writes files.

use std::sync::Arc;

use bytes::Bytes;

use crate::codec::aac::AacConfig;
use crate::codec::h264::{AvcConfig, SpsInfo};
use crate::media::{AccessUnit, CodecConfig, Track, TrackId};

/// From a libx264 stream of 640x360 at 30 frames a second, High profile.
const AVCC: &[u8] = &[
    0x01, 0x64, 0x00, 0x1e, 0xff, 0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0,
    0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16,
    0x2d, 0x96, 0x01, 0x00, 0x04, 0x68, 0xef, 0xbc, 0xb0, 0xfd, 0xf8, 0xf8, 0x00,
];

pub(crate) fn avc(width: u32, height: u32) -> Track {
    let record = Bytes::from_static(AVCC);
    let info = SpsInfo {
        profile: 0x64,
        level: 0x1e,
        width,
        height,
        frame_rate: Some((30, 1)),
        ..SpsInfo::default()
    };
    let config =
        AvcConfig { sps: vec![record.slice(8..34)], pps: vec![record.slice(37..41)], record, info };
    Track { id: TrackId::VIDEO, timescale: 1_000_000, config: Arc::new(CodecConfig::Avc(config)) }
}

pub(crate) fn aac(sample_rate: u32) -> Track {
    let asc: &[u8] = if sample_rate == 44_100 { &[0x12, 0x10] } else { &[0x11, 0x90] };
    let config = AacConfig {
        asc: Bytes::from_static(asc),
        object_type: 2,
        sample_rate,
        output_sample_rate: sample_rate,
        channels: 2,
        frame_samples: 1024,
    };
    Track { id: TrackId::AUDIO, timescale: 1_000_000, config: Arc::new(CodecConfig::Aac(config)) }
}

/// A unit at `millis`, as a wire with millisecond timestamps gives it.
pub(crate) fn unit(
    track: TrackId,
    millis: i64,
    offset_millis: i64,
    key: bool,
    data: Bytes,
) -> AccessUnit {
    AccessUnit { track, dts: millis * 1000, pts_offset: offset_millis * 1000, key, data }
}
