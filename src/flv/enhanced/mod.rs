//! Enhanced RTMP v2: extended headers of video and audio bodies, in both directions, and what they carry beside media.
//!
//! A body is read by [`VideoBody::parse_all`](super::body::VideoBody::parse_all) and
//! [`AudioBody::parse_all`](super::body::AudioBody::parse_all); [`ExHeader`] writes one.

mod channels;
mod color;
mod header;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;

pub use channels::{ChannelOrder, MultichannelConfig};
pub use color::{ColorMetadata, parse_color_info, write_color_info};
pub use write::ExHeader;

use super::body::{AudioBody, AudioCodec, FrameType, PacketType, VideoBody, VideoCodec};
use crate::error::Error;
use header::{Head, Media, packets};

/// `videoPacketType` and `audioPacketType` that mean the same.
const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const SEQUENCE_END: u8 = 2;
/// Of video: coded frames without composition time.
const CODED_FRAMES_X: u8 = 3;
/// Of video: AMF values.
const METADATA: u8 = 4;
/// Of audio: order of the channels.
const MULTICHANNEL_CONFIG: u8 = 4;

/// Reads a video body whose first bit is set.
pub(super) fn video_bodies(body: &Bytes) -> (Vec<VideoBody>, Option<Error>) {
    let (head, packets, error) = packets(body, Media::Video);
    let Head { flags, nanoseconds } = head;
    let frame_type = FrameType::from(flags >> 4 & 7);
    let bodies = packets.into_iter().map(|packet| VideoBody {
        frame_type,
        codec: packet.four_cc.map_or(VideoCodec::Other(0), VideoCodec::from_four_cc),
        packet: match packet.kind {
            _ if packet.four_cc.is_none() => PacketType::Command,
            SEQUENCE_START => PacketType::SequenceHeader,
            CODED_FRAMES | CODED_FRAMES_X => PacketType::Frames,
            SEQUENCE_END => PacketType::EndOfSequence,
            METADATA => PacketType::Metadata,
            other => PacketType::Other(other),
        },
        composition_time: packet.composition_time,
        nanoseconds,
        track: packet.track,
        data: packet.data,
    });
    (bodies.collect(), error)
}

/// Reads an audio body whose `SoundFormat` is 9.
pub(super) fn audio_bodies(body: &Bytes) -> (Vec<AudioBody>, Option<Error>) {
    let (head, packets, error) = packets(body, Media::Audio);
    let bodies = packets.into_iter().map(|packet| AudioBody {
        codec: packet.four_cc.map_or(AudioCodec::Other(9), AudioCodec::from_four_cc),
        format: 9,
        sample_rate: 44_100,
        stereo: true,
        packet: match packet.kind {
            SEQUENCE_START => PacketType::SequenceHeader,
            CODED_FRAMES => PacketType::Frames,
            SEQUENCE_END => PacketType::EndOfSequence,
            MULTICHANNEL_CONFIG => PacketType::MultichannelConfig,
            other => PacketType::Other(other),
        },
        nanoseconds: head.nanoseconds,
        track: packet.track,
        data: packet.data,
    });
    (bodies.collect(), error)
}
