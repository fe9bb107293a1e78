//! The only types that cross from protocols in to media out: a track and its access units.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::codec::aac::AacConfig;
use crate::codec::ac3::Ac3Config;
use crate::codec::av1::Av1Config;
use crate::codec::color::{ColorInfo, HdrMetadata};
use crate::codec::eac3::{self, Eac3Config};
use crate::codec::flac::{self, FlacConfig};
use crate::codec::h264::AvcConfig;
use crate::codec::hevc::HevcConfig;
use crate::codec::mp3::Mp3Config;
use crate::codec::opaque::{OpaqueAudio, OpaqueVideo};
use crate::codec::opus::{self, OpusConfig};
use crate::codec::vp8::Vp8Config;
use crate::codec::vp9::Vp9Config;
use crate::error::Result;

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
    /// HEVC (ISO/IEC 23008-2), access units as length-prefixed NAL units with 4-byte lengths.
    Hevc(HevcConfig),
    /// AV1, access units as temporal units without temporal delimiters.
    Av1(Av1Config),
    /// VP9, access units as frames or superframes.
    Vp9(Vp9Config),
    /// VP8, access units as frames.
    Vp8(Vp8Config),
    /// Video that no MP4 output takes: it can be recorded and relayed.
    OpaqueVideo {
        /// Which.
        codec: OpaqueVideo,
        /// Body of the sequence header, empty without one.
        header: Bytes,
    },
    /// AAC (ISO/IEC 14496-3), access units as raw frames without ADTS headers.
    Aac(AacConfig),
    /// Opus, access units as packets.
    Opus(OpusConfig),
    /// FLAC, access units as frames.
    Flac(FlacConfig),
    /// AC-3, access units as sync frames.
    Ac3(Ac3Config),
    /// E-AC-3, access units as the sync frames of all substreams.
    Eac3(Eac3Config),
    /// MP3, and layers 1 and 2, access units as frames.
    Mp3(Mp3Config),
    /// Audio that no MP4 output takes: it can be recorded and relayed.
    OpaqueAudio {
        /// Which.
        codec: OpaqueAudio,
        /// Body of the sequence header, empty without one.
        header: Bytes,
        /// Hz, 0 where not known.
        sample_rate: u32,
        /// Number of channels, 0 where not known.
        channels: u16,
    },
}

impl CodecConfig {
    /// Video or audio.
    #[must_use]
    pub const fn kind(&self) -> MediaKind {
        match self {
            Self::Avc(_)
            | Self::Hevc(_)
            | Self::Av1(_)
            | Self::Vp9(_)
            | Self::Vp8(_)
            | Self::OpaqueVideo { .. } => MediaKind::Video,
            Self::Aac(_)
            | Self::Opus(_)
            | Self::Flac(_)
            | Self::Ac3(_)
            | Self::Eac3(_)
            | Self::Mp3(_)
            | Self::OpaqueAudio { .. } => MediaKind::Audio,
        }
    }

    /// The `codecs` parameter of this configuration (RFC 6381), for example `avc1.64001f` or `mp4a.40.2`; the name of the
    /// codec for one that has none.
    #[must_use]
    pub fn codec_string(&self) -> String {
        match self {
            Self::Avc(config) => config.codec_string(),
            Self::Hevc(config) => config.codec_string(),
            Self::Av1(config) => config.codec_string(),
            Self::Vp9(config) => config.codec_string(),
            Self::Vp8(config) => config.codec_string(),
            Self::OpaqueVideo { codec, .. } => codec.name().to_owned(),
            Self::Aac(config) => config.codec_string(),
            Self::Opus(config) => config.codec_string(),
            Self::Flac(config) => config.codec_string(),
            Self::Ac3(config) => config.codec_string(),
            Self::Eac3(config) => config.codec_string(),
            Self::Mp3(config) => config.codec_string(),
            Self::OpaqueAudio { codec, .. } => codec.name().to_owned(),
        }
    }

    /// Whether an MP4 (a segment, a file) can carry the codec.
    ///
    /// # Errors
    /// Unsupported, with the codec's name, where it cannot.
    pub const fn fits_mp4(&self) -> Result<()> {
        match self {
            Self::OpaqueVideo { codec, .. } => Err(codec.mp4_error()),
            Self::OpaqueAudio { codec, .. } => Err(codec.mp4_error()),
            _ => Ok(()),
        }
    }

    /// Width and height of the coded pictures in pixels, cropped; `None` for audio and where not known.
    #[must_use]
    pub const fn size(&self) -> Option<(u32, u32)> {
        match self {
            Self::Avc(config) => Some((config.info().width, config.info().height)),
            Self::Hevc(config) => Some((config.width(), config.height())),
            Self::Av1(config) => Some((config.width(), config.height())),
            Self::Vp9(config) => config.size(),
            Self::Vp8(config) => config.size(),
            _ => None,
        }
    }

    /// Pictures a second as numerator and denominator, where the configuration says it: a hint, never a clock.
    #[must_use]
    pub const fn frame_rate(&self) -> Option<(u32, u32)> {
        match self {
            Self::Avc(config) => config.info().frame_rate,
            Self::Hevc(config) => config.info().frame_rate,
            Self::Av1(config) => config.info().frame_rate,
            _ => None,
        }
    }

    /// Sample (pixel) aspect ratio, width to height; `None` where not given.
    #[must_use]
    pub const fn sample_aspect_ratio(&self) -> Option<(u16, u16)> {
        match self {
            Self::Avc(config) => config.info().sample_aspect_ratio,
            Self::Hevc(config) => config.info().sample_aspect_ratio,
            _ => None,
        }
    }

    /// Colour of the pictures, where it is described.
    #[must_use]
    pub fn color(&self) -> Option<ColorInfo> {
        match self {
            Self::Avc(config) => config.info().color.filter(ColorInfo::says_something),
            Self::Hevc(config) => config.color(),
            Self::Av1(config) => config.color(),
            Self::Vp9(config) => Some(config.info().color).filter(ColorInfo::is_specified),
            Self::Vp8(config) => Some(config.info().color).filter(ColorInfo::is_specified),
            _ => None,
        }
    }

    /// HDR10 metadata of the pictures.
    #[must_use]
    pub fn hdr(&self) -> HdrMetadata {
        match self {
            Self::Hevc(config) => *config.hdr(),
            Self::Av1(config) => *config.hdr(),
            Self::Vp9(config) => *config.hdr(),
            _ => HdrMetadata::default(),
        }
    }

    /// Rate of the sound in Hz, for AAC that of the core coder, for Opus 48000: the timescale of an MP4 track.
    /// `None` for video and where not known.
    #[must_use]
    pub fn sample_rate(&self) -> Option<u32> {
        let rate = match self {
            Self::Aac(config) => config.sample_rate(),
            Self::Opus(config) => config.sample_rate(),
            Self::Flac(config) => config.sample_rate(),
            Self::Ac3(config) => config.sample_rate(),
            Self::Eac3(config) => config.sample_rate(),
            Self::Mp3(config) => config.sample_rate(),
            Self::OpaqueAudio { sample_rate, .. } => *sample_rate,
            _ => 0,
        };
        Some(rate).filter(|&rate| rate > 0)
    }

    /// Number of channels; `None` for video and where not known.
    #[must_use]
    pub fn channels(&self) -> Option<u16> {
        let channels = match self {
            Self::Aac(config) => config.channels(),
            Self::Opus(config) => config.channels(),
            Self::Flac(config) => config.channels(),
            Self::Ac3(config) => config.channels(),
            Self::Eac3(config) => config.channels(),
            Self::Mp3(config) => config.channels(),
            Self::OpaqueAudio { channels, .. } => *channels,
            _ => 0,
        };
        Some(channels).filter(|&channels| channels > 0)
    }

    /// Samples of a usual frame of sound at [`sample_rate`](Self::sample_rate), at least 1; `None` for video and opaque
    /// audio. Frames of Opus and FLAC may differ: [`unit_samples`](Self::unit_samples).
    #[must_use]
    pub fn frame_samples(&self) -> Option<u32> {
        let samples = match self {
            Self::Aac(config) => config.frame_samples(),
            Self::Opus(_) => 960,
            Self::Flac(config) => config.frame_samples().unwrap_or(4096),
            Self::Ac3(config) => config.frame_samples(),
            Self::Eac3(config) => config.frame_samples(),
            Self::Mp3(config) => config.frame_samples(),
            _ => return None,
        };
        Some(samples.max(1))
    }

    /// Samples of this access unit at [`sample_rate`](Self::sample_rate), at least 1; `None` for video and opaque audio.
    #[must_use]
    pub fn unit_samples(&self, data: &[u8]) -> Option<u32> {
        let told = match self {
            Self::Opus(_) => opus::packet_samples(data).ok(),
            Self::Flac(_) => flac::frame_samples(data).ok(),
            Self::Eac3(_) => Some(eac3::unit_samples(data)),
            _ => None,
        };
        told.filter(|&samples| samples > 0).or_else(|| self.frame_samples())
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
    /// Whether decoding can start here (H.264: IDR; HEVC: IDR, CRA or BLA; audio: always).
    pub key: bool,
    /// The coded bytes as an MP4 sample has them, shared and not copied where they came as such.
    pub data: Bytes,
}

impl AccessUnit {
    /// Presentation time in ticks of the track's timescale.
    #[must_use]
    pub const fn pts(&self) -> i64 {
        self.dts.saturating_add(self.pts_offset)
    }
}
