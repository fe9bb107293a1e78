//! The only types that cross from protocols in to media out: a track and its access units.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::codec::{aac::AacConfig, h264::AvcConfig};

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// Names a track within a stream. Video and audio number their tracks apart (Enhanced RTMP v2, multitrack).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId {
    /// Video or audio.
    pub kind: MediaKind,
    /// The protocol's number of the track, 0 for the only one.
    pub index: u8,
}

impl TrackId {
    /// The first (mostly the only) video track.
    pub const VIDEO: Self = Self { kind: MediaKind::Video, index: 0 };
    /// The first (mostly the only) audio track.
    pub const AUDIO: Self = Self { kind: MediaKind::Audio, index: 0 };
}

impl fmt::Display for TrackId {
    /// `video`, `audio`, and with their number `video1`, `audio2` for the further ones: fit for a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            MediaKind::Video => "video",
            MediaKind::Audio => "audio",
        })?;
        if self.index == 0 { Ok(()) } else { write!(f, "{}", self.index) }
    }
}

/// Codec configuration of a track: all that a decoder needs before the first access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecConfig {
    /// H.264 (ISO/IEC 14496-10), access units as length-prefixed NAL units with 4-byte lengths.
    Avc(AvcConfig),
    /// AAC (ISO/IEC 14496-3), access units as raw frames without ADTS headers.
    Aac(AacConfig),
}

impl CodecConfig {
    /// The `codecs` parameter of this configuration (RFC 6381), for example `avc1.64001f` or `mp4a.40.2`.
    #[must_use]
    pub fn codec_string(&self) -> String {
        match self {
            Self::Avc(config) => config.codec_string(),
            Self::Aac(config) => config.codec_string(),
        }
    }
}

/// One track of a stream in one configuration. A change of configuration makes a new `Track` with the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Which track of the stream.
    pub id: TrackId,
    /// Ticks a second of the times of this track's access units.
    pub timescale: u32,
    /// Codec configuration.
    pub config: Arc<CodecConfig>,
}

/// One coded picture or one audio frame: what becomes one sample of an MP4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// The track it belongs to.
    pub track: TrackId,
    /// Decode time in ticks of the track's timescale, on a time line shared by the tracks of the stream.
    /// It never runs back within a track but across a discontinuity.
    pub dts: i64,
    /// Presentation time minus decode time, in ticks; may be negative.
    pub pts_offset: i64,
    /// Whether decoding can start here (video: IDR; audio: always).
    pub key: bool,
    /// The coded bytes as an MP4 sample has them (ISO/IEC 14496-15, 14496-3), shared and never copied.
    pub data: Bytes,
}

impl AccessUnit {
    /// Presentation time in ticks of the track's timescale.
    #[must_use]
    pub const fn pts(&self) -> i64 {
        self.dts.saturating_add(self.pts_offset)
    }
}
