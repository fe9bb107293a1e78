//! Video and audio bodies: the bytes that an FLV tag and an RTMP message have in common.
//!
//! Legacy headers (FLV 10.1 E.4.2 and E.4.3) here, the extended headers of Enhanced RTMP v2 in [`enhanced`]. Payloads are
//! shared, never copied.

use bytes::Bytes;
use nom::combinator::map;
use nom::number::complete::{be_i24, be_u8};
use nom::{IResult, Parser};

use super::enhanced;
use crate::error::{Error, Layer, Result};

/// What kind of frame a video body says that it is: a hint, which encoders get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FrameType {
    /// 1: a key frame.
    Key,
    /// 2: an inter frame.
    Inter,
    /// 3: an inter frame that no other needs (H.263 only).
    Disposable,
    /// 4: a key frame that a server made.
    GeneratedKey,
    /// 5: a command to the player, no frame.
    Command,
    /// Reserved values.
    Other(u8),
}

impl From<u8> for FrameType {
    fn from(value: u8) -> Self {
        match value {
            1 => Self::Key,
            2 => Self::Inter,
            3 => Self::Disposable,
            4 => Self::GeneratedKey,
            5 => Self::Command,
            other => Self::Other(other),
        }
    }
}

/// Video codec of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VideoCodec {
    /// 2: Sorenson H.263.
    SorensonH263,
    /// 3: Screen video.
    Screen,
    /// 4: On2 VP6.
    Vp6,
    /// 5: On2 VP6 with an alpha channel.
    Vp6Alpha,
    /// 6: Screen video version 2.
    Screen2,
    /// 7, or `avc1`: H.264.
    Avc,
    /// `hvc1`, or the codec id 12, which is in use without a specification: HEVC.
    Hevc,
    /// `av01`: AV1.
    Av1,
    /// `vp09`: VP9.
    Vp9,
    /// `vp08`: VP8.
    Vp8,
    /// Another legacy codec id; 8 (H.263) and 9 (MPEG-4 part 2) are in use without a specification.
    Other(u8),
    /// Another FourCC of an extended header, its bytes in reading order.
    FourCc([u8; 4]),
}

impl From<u8> for VideoCodec {
    fn from(id: u8) -> Self {
        match id {
            2 => Self::SorensonH263,
            3 => Self::Screen,
            4 => Self::Vp6,
            5 => Self::Vp6Alpha,
            6 => Self::Screen2,
            7 => Self::Avc,
            12 => Self::Hevc,
            other => Self::Other(other),
        }
    }
}

impl VideoCodec {
    /// By the FourCC of an extended header.
    #[must_use]
    pub const fn from_four_cc(id: [u8; 4]) -> Self {
        match &id {
            b"avc1" => Self::Avc,
            b"hvc1" => Self::Hevc,
            b"av01" => Self::Av1,
            b"vp09" => Self::Vp9,
            b"vp08" => Self::Vp8,
            _ => Self::FourCc(id),
        }
    }

    /// The FourCC that an extended header names it by; `None` for those that only legacy headers have.
    #[must_use]
    pub const fn four_cc(self) -> Option<[u8; 4]> {
        Some(match self {
            Self::Avc => *b"avc1",
            Self::Hevc => *b"hvc1",
            Self::Av1 => *b"av01",
            Self::Vp9 => *b"vp09",
            Self::Vp8 => *b"vp08",
            Self::FourCc(id) => id,
            _ => return None,
        })
    }
}

/// What a body carries: `AVCPacketType`, `AACPacketType` and the packet types of the extended headers in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PacketType {
    /// Decoder configuration.
    SequenceHeader,
    /// Coded frames. For codecs other than H.264 and AAC, all that is behind the first byte.
    Frames,
    /// End of the sequence: more may follow behind a new header.
    EndOfSequence,
    /// AMF values about the track, mostly `colorInfo`: [`enhanced::parse_color_info`].
    Metadata,
    /// Order of the channels: [`enhanced::MultichannelConfig`].
    MultichannelConfig,
    /// A command to the player, 0 start and 1 end of a seek: `data` is at most its byte.
    Command,
    /// Another packet: its number.
    Other(u8),
}

/// One video body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoBody {
    /// What kind of frame it says that it is.
    pub frame_type: FrameType,
    /// Codec.
    pub codec: VideoCodec,
    /// What `data` is.
    pub packet: PacketType,
    /// Presentation time minus decode time, milliseconds, -2^23 to 2^23 - 1.
    pub composition_time: i32,
    /// Nanoseconds to add to the presentation time, below a million (Enhanced RTMP v2 `TimestampOffsetNano`).
    pub nanoseconds: u32,
    /// Which track, 0 without multitrack. Video and audio number their tracks apart.
    pub track: u8,
    /// The payload behind the header, shared with the body.
    pub data: Bytes,
}

impl VideoBody {
    /// Reads a video body: of several tracks in one body the first. A legacy codec that is neither H.264 nor HEVC gives
    /// its payload untouched as [`PacketType::Frames`].
    ///
    /// # Errors
    ///
    /// Malformed where the header is cut short or a multitrack packet is in a multitrack packet.
    pub fn parse(body: &Bytes) -> Result<Self> {
        let (bodies, error) = Self::parse_all(body);
        let none = Error::malformed(Layer::Flv, "video tag header").clause("FLV 10.1 E.4.3.1");
        bodies.into_iter().next().ok_or(error.unwrap_or(none))
    }

    /// Reads all that a video body holds: one packet, or with multitrack one for each track. What stands before an error
    /// is kept.
    #[must_use]
    pub fn parse_all(body: &Bytes) -> (Vec<Self>, Option<Error>) {
        match body.first() {
            Some(first) if first & 0x80 != 0 => enhanced::video_bodies(body),
            _ => match Self::parse_legacy(body) {
                Ok(one) => (vec![one], None),
                Err(error) => (Vec::new(), Some(error)),
            },
        }
    }

    /// Gives what [`parse_all`](Self::parse_all) finds, without a list where it is one.
    pub(crate) fn each(body: &Bytes, mut take: impl FnMut(&Self)) -> Option<Error> {
        if body.first().is_some_and(|first| first & 0x80 != 0) {
            let (bodies, error) = enhanced::video_bodies(body);
            bodies.iter().for_each(take);
            return error;
        }
        Self::parse_legacy(body).map(|one| take(&one)).err()
    }

    fn parse_legacy(body: &Bytes) -> Result<Self> {
        let malformed =
            |_| Error::malformed(Layer::Flv, "video tag header").clause("FLV 10.1 E.4.3.1");
        let (rest, first) = be_u8::<_, NomError<'_>>(body.as_ref()).map_err(malformed)?;
        let frame_type = FrameType::from(first >> 4 & 7);
        let codec = VideoCodec::from(first & 15);
        let (rest, (packet, composition_time)) = match (frame_type, codec) {
            // The command byte, and nothing else.
            (FrameType::Command, _) => (rest, (PacketType::Command, 0)),
            (_, VideoCodec::Avc | VideoCodec::Hevc) => avc_head(rest).map_err(malformed)?,
            _ => (rest, (PacketType::Frames, 0)),
        };
        let data = body.slice_ref(rest);
        Ok(Self { frame_type, codec, packet, composition_time, nanoseconds: 0, track: 0, data })
    }

    /// Whether the body says that it is a key frame.
    #[must_use]
    pub const fn says_key(&self) -> bool {
        matches!(self.frame_type, FrameType::Key | FrameType::GeneratedKey)
    }
}

pub(super) type NomError<'a> = nom::error::Error<&'a [u8]>;

/// `AVCPacketType` and `CompositionTime`, which is signed.
fn avc_head(input: &[u8]) -> IResult<&[u8], (PacketType, i32)> {
    map((be_u8, be_i24), |(packet, composition_time)| {
        let packet = match packet {
            0 => PacketType::SequenceHeader,
            1 => PacketType::Frames,
            2 => PacketType::EndOfSequence,
            other => PacketType::Other(other),
        };
        (packet, composition_time)
    })
    .parse(input)
}

/// Audio codec of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AudioCodec {
    /// 0 and 3: PCM, in the byte order of the encoder's machine and little-endian.
    Pcm,
    /// 1: ADPCM.
    Adpcm,
    /// 2, or `.mp3`: MP3.
    Mp3,
    /// 14: MP3 at 8 kHz.
    Mp3At8Khz,
    /// 4, 5 and 6: Nellymoser.
    Nellymoser,
    /// 7: G.711 A-law at 8 kHz.
    G711ALaw,
    /// 8: G.711 mu-law at 8 kHz.
    G711MuLaw,
    /// 10, or `mp4a`: AAC.
    Aac,
    /// 11: Speex, always at 16 kHz mono.
    Speex,
    /// `Opus`.
    Opus,
    /// `fLaC`: FLAC.
    Flac,
    /// `ac-3`: AC-3.
    Ac3,
    /// `ec-3`: E-AC-3.
    Eac3,
    /// Another `SoundFormat`.
    Other(u8),
    /// Another FourCC of an extended header, its bytes in reading order.
    FourCc([u8; 4]),
}

impl From<u8> for AudioCodec {
    fn from(format: u8) -> Self {
        match format {
            0 | 3 => Self::Pcm,
            1 => Self::Adpcm,
            2 => Self::Mp3,
            4..=6 => Self::Nellymoser,
            7 => Self::G711ALaw,
            8 => Self::G711MuLaw,
            10 => Self::Aac,
            11 => Self::Speex,
            14 => Self::Mp3At8Khz,
            other => Self::Other(other),
        }
    }
}

impl AudioCodec {
    /// By the FourCC of an extended header. `mp3 ` with a blank is what one library writes for `.mp3`.
    #[must_use]
    pub const fn from_four_cc(id: [u8; 4]) -> Self {
        match &id {
            b"mp4a" => Self::Aac,
            b"Opus" => Self::Opus,
            b"fLaC" => Self::Flac,
            b"ac-3" => Self::Ac3,
            b"ec-3" => Self::Eac3,
            b".mp3" | b"mp3 " => Self::Mp3,
            _ => Self::FourCc(id),
        }
    }

    /// The FourCC that an extended header names it by; `None` for those that only legacy headers have.
    #[must_use]
    pub const fn four_cc(self) -> Option<[u8; 4]> {
        Some(match self {
            Self::Aac => *b"mp4a",
            Self::Opus => *b"Opus",
            Self::Flac => *b"fLaC",
            Self::Ac3 => *b"ac-3",
            Self::Eac3 => *b"ec-3",
            Self::Mp3 => *b".mp3",
            Self::FourCc(id) => id,
            _ => return None,
        })
    }
}

/// One audio body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioBody {
    /// Codec.
    pub codec: AudioCodec,
    /// `SoundFormat` as it stands, 0 to 15; 9 announces an extended header.
    pub format: u8,
    /// Sampling rate in Hz as far as the header can tell it. Without meaning for AAC and extended headers.
    pub sample_rate: u32,
    /// Two channels, not one. Without meaning for AAC and extended headers.
    pub stereo: bool,
    /// What `data` is.
    pub packet: PacketType,
    /// Nanoseconds to add to the presentation time, below a million (Enhanced RTMP v2 `TimestampOffsetNano`).
    pub nanoseconds: u32,
    /// Which track, 0 without multitrack. Video and audio number their tracks apart.
    pub track: u8,
    /// The payload behind the header, shared with the body.
    pub data: Bytes,
}

impl AudioBody {
    /// Reads an audio body: of several tracks in one body the first. A legacy codec that is not AAC gives its payload
    /// untouched as [`PacketType::Frames`].
    ///
    /// # Errors
    ///
    /// Malformed where the header is cut short or a multitrack packet is in a multitrack packet.
    pub fn parse(body: &Bytes) -> Result<Self> {
        let (bodies, error) = Self::parse_all(body);
        let none = Error::malformed(Layer::Flv, "audio tag header").clause("FLV 10.1 E.4.2.1");
        bodies.into_iter().next().ok_or(error.unwrap_or(none))
    }

    /// Reads all that an audio body holds: one packet, or with multitrack one for each track. What stands before an error
    /// is kept.
    #[must_use]
    pub fn parse_all(body: &Bytes) -> (Vec<Self>, Option<Error>) {
        match body.first() {
            Some(first) if first >> 4 == 9 => enhanced::audio_bodies(body),
            _ => match Self::parse_legacy(body) {
                Ok(one) => (vec![one], None),
                Err(error) => (Vec::new(), Some(error)),
            },
        }
    }

    /// Gives what [`parse_all`](Self::parse_all) finds, without a list where it is one.
    pub(crate) fn each(body: &Bytes, mut take: impl FnMut(&Self)) -> Option<Error> {
        if body.first().is_some_and(|first| first >> 4 == 9) {
            let (bodies, error) = enhanced::audio_bodies(body);
            bodies.iter().for_each(take);
            return error;
        }
        Self::parse_legacy(body).map(|one| take(&one)).err()
    }

    fn parse_legacy(body: &Bytes) -> Result<Self> {
        let malformed =
            |_| Error::malformed(Layer::Flv, "audio tag header").clause("FLV 10.1 E.4.2.1");
        let (rest, first) = be_u8::<_, NomError<'_>>(body.as_ref()).map_err(malformed)?;
        let format = first >> 4;
        let (rest, packet) = if format == 10 {
            let (rest, packet) = be_u8::<_, NomError<'_>>(rest).map_err(malformed)?;
            let packet = match packet {
                0 => PacketType::SequenceHeader,
                1 => PacketType::Frames,
                other => PacketType::Other(other),
            };
            (rest, packet)
        } else {
            (rest, PacketType::Frames)
        };
        let sample_rate = match (format, first >> 2 & 3) {
            (5 | 7 | 8 | 14, _) => 8_000,
            (4 | 11, _) => 16_000,
            (_, 0) => 5_512,
            (_, 1) => 11_025,
            (_, 2) => 22_050,
            _ => 44_100,
        };
        let stereo = first & 1 == 1 && !matches!(format, 4..=6 | 11);
        let (codec, data) = (AudioCodec::from(format), body.slice_ref(rest));
        let (nanoseconds, track) = (0, 0);
        Ok(Self { codec, format, sample_rate, stereo, packet, nanoseconds, track, data })
    }
}
