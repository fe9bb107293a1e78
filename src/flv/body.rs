//! Video and audio bodies: the bytes that an FLV tag and an RTMP message have in common.
//!
//! Legacy headers (FLV 10.1 E.4.2 and E.4.3) and, of the extended headers of Enhanced RTMP v2, those that carry one
//! packet of one track. Payloads are shared, never copied.

use bytes::Bytes;
use nom::bytes::complete::take;
use nom::combinator::map;
use nom::number::complete::{be_i24, be_u8};
use nom::{IResult, Parser};

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
    /// Another legacy codec id; 8 (H.263), 9 (MPEG-4 part 2) and 12 (HEVC) are in use without a specification.
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
            other => Self::Other(other),
        }
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
    /// A packet of an extended header that carries no coded frames, or several packets: its number.
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
    /// The payload behind the header, shared with the body.
    pub data: Bytes,
}

impl VideoBody {
    /// Reads the header of a video body. A codec that is not H.264 gives its payload untouched as [`PacketType::Frames`].
    ///
    /// # Errors
    ///
    /// Malformed where the header is cut short; unsupported for extended headers with modifiers or several tracks.
    pub fn parse(body: &Bytes) -> Result<Self> {
        let malformed =
            |_| Error::malformed(Layer::Flv, "video tag header").clause("FLV 10.1 E.4.3.1");
        let (rest, first) = be_u8::<_, NomError<'_>>(body.as_ref()).map_err(malformed)?;
        let extended = first & 0x80 != 0;
        let frame_type = FrameType::from(first >> 4 & 7);
        let (rest, head) = match (extended, frame_type) {
            // The command byte, and nothing else.
            (_, FrameType::Command) => {
                (rest, VideoHead::of(VideoCodec::from(first & 15), PacketType::Frames))
            }
            (true, _) => extended_video(rest, first & 15)?,
            (false, _) if first & 15 == 7 => avc_head(rest).map_err(malformed)?,
            (false, _) => (rest, VideoHead::of(VideoCodec::from(first & 15), PacketType::Frames)),
        };
        let VideoHead { codec, packet, composition_time } = head;
        Ok(Self { frame_type, codec, packet, composition_time, data: body.slice_ref(rest) })
    }

    /// Whether the body says that it is a key frame.
    #[must_use]
    pub const fn says_key(&self) -> bool {
        matches!(self.frame_type, FrameType::Key | FrameType::GeneratedKey)
    }
}

type NomError<'a> = nom::error::Error<&'a [u8]>;

struct VideoHead {
    codec: VideoCodec,
    packet: PacketType,
    composition_time: i32,
}

impl VideoHead {
    const fn of(codec: VideoCodec, packet: PacketType) -> Self {
        Self { codec, packet, composition_time: 0 }
    }
}

/// `AVCPacketType` and `CompositionTime`, which is signed.
fn avc_head(input: &[u8]) -> IResult<&[u8], VideoHead> {
    map((be_u8, be_i24), |(packet, composition_time)| VideoHead {
        codec: VideoCodec::Avc,
        packet: match packet {
            0 => PacketType::SequenceHeader,
            1 => PacketType::Frames,
            2 => PacketType::EndOfSequence,
            other => PacketType::Other(other),
        },
        composition_time,
    })
    .parse(input)
}

fn four_cc(input: &[u8]) -> IResult<&[u8], [u8; 4]> {
    map(take(4_usize), |bytes: &[u8]| bytes.first_chunk().copied().unwrap_or_default()).parse(input)
}

/// `ExVideoTagHeader` of one packet of one track (Enhanced RTMP v2).
fn extended_video(input: &[u8], packet: u8) -> Result<(&[u8], VideoHead)> {
    const CLAUSE: &str = "Enhanced RTMP v2 ExVideoTagHeader";
    let malformed = |_| Error::malformed(Layer::Flv, "extended video tag header").clause(CLAUSE);
    if packet > 5 {
        let what = Error::unsupported(Layer::Flv, "video packet type");
        return Err(what.found(packet.into()).clause(CLAUSE));
    }
    let (rest, id) = four_cc(input).map_err(malformed)?;
    let codec = if &id == b"avc1" { VideoCodec::Avc } else { VideoCodec::FourCc(id) };
    let timed = packet == 1 && matches!(&id, b"avc1" | b"hvc1" | b"vvc1");
    let (rest, composition_time) =
        if timed { be_i24::<_, NomError<'_>>(rest).map_err(malformed)? } else { (rest, 0) };
    let packet = match packet {
        0 => PacketType::SequenceHeader,
        1 | 3 => PacketType::Frames,
        2 => PacketType::EndOfSequence,
        other => PacketType::Other(other),
    };
    Ok((rest, VideoHead { codec, packet, composition_time }))
}

/// Audio codec of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AudioCodec {
    /// 0 and 3: PCM, in the byte order of the encoder's machine and little-endian.
    Pcm,
    /// 1: ADPCM.
    Adpcm,
    /// 2: MP3.
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
    /// The payload behind the header, shared with the body.
    pub data: Bytes,
}

impl AudioBody {
    /// Reads the header of an audio body. A codec that is not AAC gives its payload untouched as [`PacketType::Frames`].
    ///
    /// # Errors
    ///
    /// Malformed where the header is cut short; unsupported for extended headers with modifiers or several tracks.
    pub fn parse(body: &Bytes) -> Result<Self> {
        let malformed =
            |_| Error::malformed(Layer::Flv, "audio tag header").clause("FLV 10.1 E.4.2.1");
        let (rest, first) = be_u8::<_, NomError<'_>>(body.as_ref()).map_err(malformed)?;
        let format = first >> 4;
        let (rest, codec, packet) = match format {
            9 => extended_audio(rest, first & 15)?,
            10 => {
                let (rest, packet) = be_u8::<_, NomError<'_>>(rest).map_err(malformed)?;
                let packet = match packet {
                    0 => PacketType::SequenceHeader,
                    1 => PacketType::Frames,
                    other => PacketType::Other(other),
                };
                (rest, AudioCodec::Aac, packet)
            }
            _ => (rest, AudioCodec::from(format), PacketType::Frames),
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
        Ok(Self { codec, format, sample_rate, stereo, packet, data: body.slice_ref(rest) })
    }
}

/// `ExAudioTagHeader` of one packet of one track (Enhanced RTMP v2).
fn extended_audio(input: &[u8], packet: u8) -> Result<(&[u8], AudioCodec, PacketType)> {
    const CLAUSE: &str = "Enhanced RTMP v2 ExAudioTagHeader";
    if packet > 4 {
        let what = Error::unsupported(Layer::Flv, "audio packet type");
        return Err(what.found(packet.into()).clause(CLAUSE));
    }
    let malformed = |_| Error::malformed(Layer::Flv, "extended audio tag header").clause(CLAUSE);
    let (rest, id) = four_cc(input).map_err(malformed)?;
    let codec = if &id == b"mp4a" { AudioCodec::Aac } else { AudioCodec::FourCc(id) };
    let packet = match packet {
        0 => PacketType::SequenceHeader,
        1 => PacketType::Frames,
        2 => PacketType::EndOfSequence,
        other => PacketType::Other(other),
    };
    Ok((rest, codec, packet))
}
