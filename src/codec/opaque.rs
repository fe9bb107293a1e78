//! Codecs that are carried and not understood: the old ones of FLV, VVC, and whatever FourCC is new.
//!
//! They can be recorded to FLV and relayed over RTMP. No MP4 output takes them: [`OpaqueVideo::mp4_error`] and
//! [`OpaqueAudio::mp4_error`] are the typed refusals.

use bytes::Bytes;

use crate::error::{Error, Layer, Result};

const VIDEO: &str = "FLV 10.1 E.4.3.1";
const AUDIO: &str = "FLV 10.1 E.4.2.1";

/// A video codec without a module of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpaqueVideo {
    /// Codec id 2: Sorenson H.263.
    SorensonH263,
    /// Codec id 3: Screen video.
    Screen,
    /// Codec id 4: On2 VP6.
    Vp6,
    /// Codec id 5: On2 VP6 with alpha.
    Vp6Alpha,
    /// Codec id 6: Screen video 2.
    Screen2,
    /// Codec id 8: H.263, an FFmpeg extension.
    H263,
    /// Codec id 9: MPEG-4 part 2, an FFmpeg extension.
    Mpeg4,
    /// `vvc1`: H.266, which no browser plays.
    Vvc,
    /// Another FourCC.
    FourCc([u8; 4]),
}

impl OpaqueVideo {
    /// By the codec id of a legacy FLV video tag; `None` for those that have a module (7, 12) and for unknown ones.
    #[must_use]
    pub const fn from_codec_id(id: u8) -> Option<Self> {
        Some(match id {
            2 => Self::SorensonH263,
            3 => Self::Screen,
            4 => Self::Vp6,
            5 => Self::Vp6Alpha,
            6 => Self::Screen2,
            8 => Self::H263,
            9 => Self::Mpeg4,
            _ => return None,
        })
    }

    /// By the FourCC of an enhanced tag.
    #[must_use]
    pub const fn from_four_cc(four_cc: [u8; 4]) -> Self {
        match &four_cc {
            b"vvc1" => Self::Vvc,
            _ => Self::FourCc(four_cc),
        }
    }

    /// Name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SorensonH263 => "Sorenson H.263",
            Self::Screen => "Screen video",
            Self::Vp6 => "VP6",
            Self::Vp6Alpha => "VP6 with alpha",
            Self::Screen2 => "Screen video 2",
            Self::H263 => "H.263",
            Self::Mpeg4 => "MPEG-4 part 2",
            Self::Vvc => "VVC",
            Self::FourCc(_) => "video of an unknown FourCC",
        }
    }

    /// Splits the body of a legacy tag, behind its first byte, into what the container adds and the codec's bytes: VP6
    /// has one byte of size adjustment, VP6 with alpha 3 more with the offset of the alpha plane.
    ///
    /// # Errors
    /// A body that is shorter than that.
    pub fn split_body(self, body: &Bytes) -> Result<(Bytes, Bytes)> {
        let head = match self {
            Self::Vp6 => 1,
            Self::Vp6Alpha => 4,
            _ => 0,
        };
        if body.len() < head {
            let error = Error::malformed(Layer::Codec, "VP6 adjustment").at(body.len() as u64);
            return Err(error.clause("FLV 10.1 E.4.3.1"));
        }
        Ok((body.slice(..head), body.slice(head..)))
    }

    /// The refusal of an MP4 output.
    #[must_use]
    pub const fn mp4_error(self) -> Error {
        Error::unsupported(Layer::Codec, self.name()).clause(VIDEO)
    }
}

/// An audio codec without a module of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpaqueAudio {
    /// Formats 0 and 3: PCM; 8 bits unsigned, 16 bits little-endian (format 0: of the sender's order).
    Pcm,
    /// Format 1: ADPCM.
    Adpcm,
    /// Formats 4, 5 and 6: Nellymoser.
    Nellymoser,
    /// Format 7: G.711 A-law.
    ALaw,
    /// Format 8: G.711 mu-law.
    MuLaw,
    /// Format 11: Speex.
    Speex,
    /// Format 15: device specific.
    DeviceSpecific,
    /// Another FourCC.
    FourCc([u8; 4]),
}

impl OpaqueAudio {
    /// Name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcm => "PCM",
            Self::Adpcm => "ADPCM",
            Self::Nellymoser => "Nellymoser",
            Self::ALaw => "G.711 A-law",
            Self::MuLaw => "G.711 mu-law",
            Self::Speex => "Speex",
            Self::DeviceSpecific => "device specific sound",
            Self::FourCc(_) => "audio of an unknown FourCC",
        }
    }

    /// The refusal of an MP4 output.
    #[must_use]
    pub const fn mp4_error(self) -> Error {
        Error::unsupported(Layer::Codec, self.name()).clause(AUDIO)
    }
}

/// What the first byte of a legacy FLV audio tag says of a codec without a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegacyAudio {
    /// The codec.
    pub codec: OpaqueAudio,
    /// Rate in Hz, by what the format means and not by flags that it overrides.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u8,
    /// Bits of a sample for PCM; what decoding gives, 16, for the others.
    pub bits: u8,
}

impl LegacyAudio {
    /// Reads the byte; `None` for formats that have a module (2, 14, 10), for the enhanced header (9) and for reserved
    /// ones.
    #[must_use]
    pub fn from_flags(flags: u8) -> Option<Self> {
        let codec = match flags >> 4 {
            0 | 3 => OpaqueAudio::Pcm,
            1 => OpaqueAudio::Adpcm,
            4..=6 => OpaqueAudio::Nellymoser,
            7 => OpaqueAudio::ALaw,
            8 => OpaqueAudio::MuLaw,
            11 => OpaqueAudio::Speex,
            15 => OpaqueAudio::DeviceSpecific,
            _ => return None,
        };
        let told = 44_100 >> (3 - (flags >> 2 & 3));
        // The lowest rate is 5512.5 Hz, which FLV writes as 5.5 kHz.
        let stereo = if flags & 1 == 1 { 2 } else { 1 };
        let (sample_rate, channels) = match flags >> 4 {
            4 => (16_000, 1),
            5 => (8_000, 1),
            6 => (told, 1),
            7 | 8 => (8_000, stereo),
            11 => (16_000, 1),
            _ => (told, stereo),
        };
        let pcm8 = codec == OpaqueAudio::Pcm && flags & 2 == 0;
        Some(Self { codec, sample_rate, channels, bits: if pcm8 { 8 } else { 16 } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn b4_13_every_legacy_id_is_named_or_has_a_module_and_mp4_refuses_it_typed() {
        let ids: Vec<u8> = (0..16).filter(|&id| OpaqueVideo::from_codec_id(id).is_some()).collect();
        assert_eq!(ids, [2, 3, 4, 5, 6, 8, 9]);
        let formats: Vec<u8> =
            (0..16).filter(|&format| LegacyAudio::from_flags(format << 4).is_some()).collect();
        assert_eq!(formats, [0, 1, 3, 4, 5, 6, 7, 8, 11, 15]);
        let error = OpaqueVideo::Screen2.mp4_error();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.to_string(), "codec: unsupported: Screen video 2 [FLV 10.1 E.4.3.1]");
        assert_eq!(OpaqueAudio::Speex.mp4_error().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn b4_14_vp6_adjustment_and_alpha_offset_are_split_off() {
        let body = Bytes::from_static(&[0x12, 0, 0, 9, 0xaa]);
        let (head, data) = OpaqueVideo::Vp6Alpha.split_body(&body).unwrap();
        assert_eq!((head.as_ref(), data.as_ref()), (&[0x12, 0, 0, 9][..], &[0xaa][..]));
        let (head, data) = OpaqueVideo::Vp6.split_body(&body).unwrap();
        assert_eq!((head.len(), data.len()), (1, 4));
        assert!(OpaqueVideo::Vp6Alpha.split_body(&body.slice(..3)).is_err());
        assert_eq!(OpaqueVideo::Screen.split_body(&body).unwrap().1, body);
    }

    #[test]
    fn b4_15_rates_follow_the_format_and_not_the_flags() {
        let of = |flags| LegacyAudio::from_flags(flags).map(|it| (it.sample_rate, it.channels));
        assert_eq!(of(0xbf), Some((16_000, 1))); // Speex with 44.1 kHz stereo flags
        assert_eq!(of(0x4f), Some((16_000, 1)));
        assert_eq!(of(0x5f), Some((8_000, 1)));
        assert_eq!(of(0x6b), Some((22_050, 1)));
        assert_eq!(of(0x7e), Some((8_000, 1)));
        assert_eq!(of(0x3f), Some((44_100, 2)));
        assert_eq!(of(0x10), Some((5_512, 1)));
        assert_eq!(LegacyAudio::from_flags(0x3c).unwrap().bits, 8);
    }

    #[test]
    fn c3_16_g711_and_speex_are_refused_by_mp4_and_nothing_else_fails() {
        for flags in [0x72, 0x82, 0xb2] {
            let audio = LegacyAudio::from_flags(flags).unwrap();
            assert_eq!(audio.codec.mp4_error().kind(), ErrorKind::Unsupported);
        }
    }

    #[test]
    fn c2_12_vvc_and_unknown_four_ccs_are_opaque() {
        assert_eq!(OpaqueVideo::from_four_cc(*b"vvc1"), OpaqueVideo::Vvc);
        assert_eq!(OpaqueVideo::from_four_cc(*b"xyz1"), OpaqueVideo::FourCc(*b"xyz1"));
        assert_eq!(OpaqueVideo::Vvc.mp4_error().field(), "VVC");
    }
}
