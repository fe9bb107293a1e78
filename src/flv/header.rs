//! File and tag headers (FLV 10.1 E.2 and E.4.1).

use bytes::Bytes;
use nom::bytes::complete::tag;
use nom::combinator::map;
use nom::number::complete::{be_u8, be_u32};
use nom::{IResult, Parser};

/// The FLV file header (FLV 10.1 E.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version, 1 in all files known.
    pub version: u8,
    /// Whether the file says that it has audio tags: a hint, which files get wrong.
    pub audio: bool,
    /// Whether the file says that it has video tags: a hint, which files get wrong.
    pub video: bool,
    /// Offset of the first `PreviousTagSize` in bytes, 9 in all files of version 1.
    pub data_offset: u32,
}

impl Header {
    /// Bytes of the header as this crate writes it, without the first `PreviousTagSize`.
    pub const LEN: usize = 9;

    /// Offset of the byte of flags in the file.
    pub const FLAGS_OFFSET: u64 = 4;

    /// A header of version 1.
    #[must_use]
    pub const fn new(audio: bool, video: bool) -> Self {
        Self { version: 1, audio, video, data_offset: 9 }
    }

    /// Bit 2 is audio, bit 0 is video.
    #[must_use]
    pub fn flags(&self) -> u8 {
        u8::from(self.audio) << 2 | u8::from(self.video)
    }

    /// The header and the first `PreviousTagSize`, which is 0: 13 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let [a, b, c, d] = self.data_offset.to_be_bytes();
        Bytes::copy_from_slice(&[
            b'F',
            b'L',
            b'V',
            self.version,
            self.flags(),
            a,
            b,
            c,
            d,
            0,
            0,
            0,
            0,
        ])
    }

    pub(super) fn parse(input: &[u8]) -> IResult<&[u8], Self> {
        map((tag(b"FLV".as_slice()), be_u8, be_u8, be_u32), |(_, version, flags, data_offset)| {
            Self { version, audio: flags & 4 != 0, video: flags & 1 != 0, data_offset }
        })
        .parse(input)
    }
}

/// The 11 bytes before a tag's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TagHeader {
    /// Bits 0 to 4 are the type, bit 5 says encrypted, bits 6 and 7 are reserved.
    pub(crate) type_byte: u8,
    pub(crate) size: u32,
    pub(crate) timestamp: u32,
    pub(crate) stream_id: u32,
}

impl TagHeader {
    pub(crate) const LEN: usize = 11;

    /// The header that `input` begins with; `None` where it is shorter.
    pub(crate) fn parse(input: &[u8]) -> Option<Self> {
        let &[type_byte, s2, s1, s0, t2, t1, t0, t3, i2, i1, i0] = input.first_chunk()?;
        Some(Self {
            type_byte,
            size: u32::from_be_bytes([0, s2, s1, s0]),
            timestamp: u32::from_be_bytes([t3, t2, t1, t0]),
            stream_id: u32::from_be_bytes([0, i2, i1, i0]),
        })
    }

    pub(crate) fn to_bytes(self) -> [u8; Self::LEN] {
        let [_, s2, s1, s0] = self.size.to_be_bytes();
        let [t3, t2, t1, t0] = self.timestamp.to_be_bytes();
        let [_, i2, i1, i0] = self.stream_id.to_be_bytes();
        [self.type_byte, s2, s1, s0, t2, t1, t0, t3, i2, i1, i0]
    }

    pub(crate) const fn type_id(self) -> u8 {
        self.type_byte & 0x1f
    }

    pub(crate) const fn is_encrypted(self) -> bool {
        self.type_byte & 0x20 != 0
    }

    pub(crate) const fn has_reserved_bits(self) -> bool {
        self.type_byte & 0xc0 != 0
    }
}
