//! VP8: configuration from `vpcC` or a key frame (RFC 6386 9.1).

use bytes::Bytes;

use super::color::ColorInfo;
use super::vpcc::VpRecord;
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;

const CLAUSE: &str = "RFC 6386 9.1";

/// Decoder configuration of a VP8 track. Equal when record and size are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vp8Config {
    fields: VpRecord,
    record: Bytes,
    size: Option<(u32, u32)>,
}

impl Vp8Config {
    /// Reads `vpcC`, with or without FullBox header: the body of an Enhanced RTMP sequence start. It does not say the
    /// size: [`Vp8Config::with_key_frame`].
    ///
    /// # Errors
    /// As [`VpRecord::parse`]; an empty body wants [`Vp8Config::from_key_frame`].
    pub fn parse(data: &[u8], _limits: &Limits) -> Result<Self> {
        Ok(Self::new(VpRecord::parse(data)?, None))
    }

    /// Makes the configuration from a key frame.
    ///
    /// # Errors
    /// Not a key frame, or one that cannot be read.
    pub fn from_key_frame(data: &[u8]) -> Result<Self> {
        let key = KeyFrame::parse(data)?;
        let fields = VpRecord {
            profile: key.version,
            level: 0,
            bit_depth: 8,
            chroma_subsampling: 0,
            color: ColorInfo::UNSPECIFIED,
        };
        Ok(Self::new(fields, Some((key.width, key.height))))
    }

    /// The same with the size of a key frame.
    ///
    /// # Errors
    /// Not a key frame, or one that cannot be read.
    pub fn with_key_frame(&self, data: &[u8]) -> Result<Self> {
        let key = KeyFrame::parse(data)?;
        Ok(Self { size: Some((key.width, key.height)), ..self.clone() })
    }

    fn new(fields: VpRecord, size: Option<(u32, u32)>) -> Self {
        Self { record: fields.write(), fields, size }
    }

    /// The `vpcC` box's content, FullBox header included.
    #[must_use]
    pub const fn record(&self) -> &Bytes {
        &self.record
    }

    /// Profile, level, depth and colour.
    #[must_use]
    pub const fn info(&self) -> &VpRecord {
        &self.fields
    }

    /// Width and height in pixels of the key frame, 1 to 16383; `None` before one was seen.
    #[must_use]
    pub const fn size(&self) -> Option<(u32, u32)> {
        self.size
    }

    /// RFC 6381, for example `vp08.00.00.08`.
    #[must_use]
    pub fn codec_string(&self) -> String {
        self.fields.codec_string("vp08")
    }
}

/// What the header of a key frame says (RFC 6386 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyFrame {
    /// `version`, 0 to 3.
    pub version: u8,
    /// `show_frame`.
    pub shown: bool,
    /// Width in pixels, without the upscaling hint, 1 to 16383.
    pub width: u32,
    /// Height in pixels, without the upscaling hint, 1 to 16383.
    pub height: u32,
}

impl KeyFrame {
    /// Reads the 10 bytes of a key frame's header.
    ///
    /// # Errors
    /// Not a key frame, a short header, a version above 3, a wrong start code, a size of 0.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let error = |field, at| Error::malformed(Layer::Codec, field).at(at).clause(CLAUSE);
        let Some((&[tag, _, _, s0, s1, s2, w0, w1, h0, h1], _)) = data.split_first_chunk::<10>()
        else {
            return Err(error("frame_tag", data.len() as u64));
        };
        let version = tag >> 1 & 7;
        if !is_key_frame(data) {
            return Err(error("key_frame", 0));
        }
        if version > 3 {
            return Err(error("version", 0).found(u64::from(version)));
        }
        if [s0, s1, s2] != [0x9d, 0x01, 0x2a] {
            return Err(error("start_code", 3));
        }
        let width = u32::from(u16::from_le_bytes([w0, w1]) & 0x3fff);
        let height = u32::from(u16::from_le_bytes([h0, h1]) & 0x3fff);
        if width == 0 || height == 0 {
            return Err(error("width", 6).found(0));
        }
        Ok(Self { version, shown: tag & 0x10 != 0, width, height })
    }
}

/// Whether decoding can start at this frame.
#[must_use]
pub fn is_key_frame(data: &[u8]) -> bool {
    data.first().is_some_and(|tag| tag & 1 == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shiguredo_mp4::bitstream::vp8;

    use super::*;
    use crate::codec::fixtures::{fixture, read_box};

    const REAL: &[u8] = fixture!("codecs/vp8.key.bin");
    const INTER: &[u8] = fixture!("codecs/vp8.inter.bin");

    /// 176x144, version 0, shown, with upscaling hints that are no part of the size.
    const KEY: [u8; 10] = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0xb0, 0x40, 0x90, 0x80];

    #[test]
    fn a6_32_empty_record_is_made_from_the_key_frame() {
        let config = Vp8Config::from_key_frame(&KEY).unwrap();
        assert_eq!(config.size(), Some((176, 144)));
        assert_eq!(config.codec_string(), "vp08.00.00.08");
        let read = Vp8Config::parse(config.record(), &Limits::default()).unwrap();
        assert_eq!((read.size(), read.record()), (None, config.record()));
        assert_eq!(read.with_key_frame(&KEY).unwrap(), config);
    }

    #[test]
    fn real_key_frame_agrees_with_ffprobe_and_shiguredo_mp4() {
        let own = KeyFrame::parse(REAL).unwrap();
        assert_eq!((own.width, own.height, own.shown), (642, 362, true));
        let whole = [REAL, &[0; 8192]].concat();
        let other = vp8::parse_frame_header(&whole).unwrap();
        assert_eq!((other.version, other.show_frame), (own.version, own.shown));
        let info = other.keyframe.unwrap();
        assert_eq!((u32::from(info.width), u32::from(info.height)), (own.width, own.height));
        assert!(is_key_frame(REAL) && !is_key_frame(INTER) && !is_key_frame(&[]));
        let config = Vp8Config::from_key_frame(REAL).unwrap();
        let read: mp4_atom::VpcC = read_box(b"vpcC", config.record());
        assert_eq!((read.profile, read.bit_depth), (0, 8));
    }

    #[test]
    fn broken_headers_name_their_field() {
        for (at, value, field) in
            [(0, 0x11, "key_frame"), (0, 0x18, "version"), (4, 0, "start_code"), (6, 0, "width")]
        {
            let mut data = KEY;
            data[at] = value;
            if field == "width" {
                data[7] = 0x40;
            }
            assert_eq!(KeyFrame::parse(&data).unwrap_err().field(), field);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..16)) {
            if let Ok(config) = Vp8Config::from_key_frame(&data) {
                let again = Vp8Config::parse(config.record(), &Limits::default()).unwrap();
                prop_assert_eq!(again.with_key_frame(&data).unwrap(), config);
            }
        }
    }
}
