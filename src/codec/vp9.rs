//! VP9: configuration from `vpcC` or a key frame, uncompressed frame header, superframes.

use bytes::Bytes;

use super::bits::BitReader;
use super::color::{ColorInfo, HdrMetadata};
use super::vpcc::VpRecord;
use crate::error::Result;
use crate::limits::Limits;

const CLAUSE: &str = "VP9 6.2";

/// Decoder configuration of a VP9 track. Equal when record and size are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vp9Config {
    fields: VpRecord,
    record: Bytes,
    size: Option<(u32, u32)>,
    /// Told beside the stream, which has no place for it.
    hdr: HdrMetadata,
}

impl Vp9Config {
    /// Reads `vpcC`, with or without FullBox header: the body of an Enhanced RTMP sequence start. It does not say the
    /// size: [`Vp9Config::with_key_frame`].
    ///
    /// # Errors
    /// As [`VpRecord::parse`]; an empty body wants [`Vp9Config::from_key_frame`].
    pub fn parse(data: &[u8], _limits: &Limits) -> Result<Self> {
        Ok(Self::new(VpRecord::parse(data)?, None))
    }

    /// Makes the configuration from a key frame. The level is the lowest whose picture size and, at `frame_rate` pictures
    /// a second (numerator and denominator, 30 where not known), sample rate hold it.
    ///
    /// # Errors
    /// Not a key frame, or one that cannot be read.
    pub fn from_key_frame(data: &[u8], frame_rate: Option<(u32, u32)>) -> Result<Self> {
        let key = KeyFrame::parse(data)?;
        let fields = VpRecord {
            profile: key.profile,
            level: level(key.width, key.height, frame_rate.unwrap_or((30, 1))),
            bit_depth: key.bit_depth,
            chroma_subsampling: key.chroma_subsampling,
            color: key.color,
        };
        Ok(Self::new(fields, Some((key.width, key.height))))
    }

    /// The same with the size of a key frame, and with what the frame says of profile, depth and subsampling where the
    /// record says otherwise. Colour stays the record's where it is described.
    ///
    /// # Errors
    /// Not a key frame, or one that cannot be read.
    pub fn with_key_frame(&self, data: &[u8]) -> Result<Self> {
        let key = KeyFrame::parse(data)?;
        let mut fields = self.fields;
        fields.profile = key.profile;
        fields.bit_depth = key.bit_depth;
        if fields.chroma_subsampling.max(1) != key.chroma_subsampling {
            fields.chroma_subsampling = key.chroma_subsampling;
        }
        if !fields.color.is_specified() {
            fields.color = key.color;
        }
        Ok(Self { hdr: self.hdr, ..Self::new(fields, Some((key.width, key.height))) })
    }

    /// The same, with what is told beside the stream; colour only where the record says nothing.
    #[must_use]
    pub fn with_color(&self, color: Option<ColorInfo>, hdr: &HdrMetadata) -> Self {
        let mut fields = self.fields;
        if let Some(color) = color.filter(|_| !fields.color.is_specified()) {
            fields.color = ColorInfo { full_range: fields.color.full_range, ..color };
        }
        Self { hdr: *hdr, ..Self::new(fields, self.size) }
    }

    fn new(fields: VpRecord, size: Option<(u32, u32)>) -> Self {
        Self { record: fields.write(), fields, size, hdr: HdrMetadata::default() }
    }

    /// HDR10 metadata that was told beside the stream.
    #[must_use]
    pub const fn hdr(&self) -> &HdrMetadata {
        &self.hdr
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

    /// Width and height in pixels of the key frame, 1 to 65536; `None` before one was seen.
    #[must_use]
    pub const fn size(&self) -> Option<(u32, u32)> {
        self.size
    }

    /// RFC 6381, for example `vp09.00.31.08`.
    #[must_use]
    pub fn codec_string(&self) -> String {
        self.fields.codec_string("vp09")
    }
}

/// What the uncompressed header of a key frame says (VP9 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyFrame {
    /// `profile`, 0 to 3.
    pub profile: u8,
    /// Whether the frame is shown.
    pub shown: bool,
    /// Bits of a sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// As in `vpcC`: 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_subsampling: u8,
    /// Colour, as far as `color_space` says it.
    pub color: ColorInfo,
    /// Width of the frame in pixels, 1 to 65536.
    pub width: u32,
    /// Height of the frame in pixels, 1 to 65536.
    pub height: u32,
}

impl KeyFrame {
    /// Reads the first frame of `data`, a frame or a superframe.
    ///
    /// # Errors
    /// Not a key frame, a short header, a wrong marker or sync code; 4:4:0, which `vpcC` cannot say, is unsupported.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let mut bits = BitReader::new(data, CLAUSE);
        let profile = frame_profile(&mut bits)?;
        if bits.flag("show_existing_frame")? || bits.flag("frame_type")? {
            return Err(bits.malformed("frame_type").found(1));
        }
        let shown = bits.flag("show_frame")?;
        bits.skip(1, "error_resilient_mode")?;
        let error = bits.malformed("frame_sync_code");
        let sync = bits.u32(24, "frame_sync_code")?;
        if sync != 0x0049_8342 {
            return Err(error.found(u64::from(sync)));
        }
        let (bit_depth, chroma_subsampling, color) = color_config(&mut bits, profile)?;
        Ok(Self {
            profile,
            shown,
            bit_depth,
            chroma_subsampling,
            color,
            width: bits.u32(16, "frame_width_minus_1")? + 1,
            height: bits.u32(16, "frame_height_minus_1")? + 1,
        })
    }
}

/// Whether decoding can start at this frame or superframe: its first frame is a key frame. A frame that shows an
/// existing one, a cut header and a wrong marker are none.
#[must_use]
pub fn is_key_frame(data: &[u8]) -> bool {
    let mut bits = BitReader::new(data, CLAUSE);
    frame_profile(&mut bits).is_ok()
        && matches!(bits.flag("show_existing_frame"), Ok(false))
        && matches!(bits.flag("frame_type"), Ok(false))
}

/// Marker and profile; profile 3 has a reserved bit behind it.
fn frame_profile(bits: &mut BitReader<'_>) -> Result<u8> {
    if bits.u8(2, "frame_marker")? != 2 {
        return Err(bits.malformed("frame_marker"));
    }
    let low = bits.u8(1, "profile_low_bit")?;
    let profile = bits.u8(1, "profile_high_bit")? << 1 | low;
    if profile == 3 && bits.flag("reserved_zero")? {
        return Err(bits.malformed("reserved_zero").found(1));
    }
    Ok(profile)
}

/// `color_config()` (VP9 6.2.2): depth, subsampling as in `vpcC`, colour.
fn color_config(bits: &mut BitReader<'_>, profile: u8) -> Result<(u8, u8, ColorInfo)> {
    let bit_depth = match profile {
        2 | 3 if bits.flag("ten_or_twelve_bit")? => 12,
        2 | 3 => 10,
        _ => 8,
    };
    let space = bits.u8(3, "color_space")?;
    let (primaries, transfer, matrix) = match space {
        1 | 3 => (6, 6, 6),
        2 => (1, 1, 1),
        4 => (7, 7, 7),
        5 => (9, if bit_depth == 12 { 15 } else { 14 }, 9),
        7 => (1, 13, 0),
        _ => (2, 2, 2),
    };
    let odd_profile = profile & 1 == 1;
    if space == 7 {
        if !odd_profile {
            return Err(bits.malformed("color_space").found(7));
        }
        bits.skip(1, "reserved_zero")?;
        return Ok((bit_depth, 3, ColorInfo { primaries, transfer, matrix, full_range: true }));
    }
    let full_range = bits.flag("color_range")?;
    let subsampling = if odd_profile {
        let (x, y) = (bits.flag("subsampling_x")?, bits.flag("subsampling_y")?);
        bits.skip(1, "reserved_zero")?;
        match (x, y) {
            (false, false) => 3,
            (true, false) => 2,
            (true, true) => return Err(bits.malformed("subsampling_x")),
            (false, true) => return Err(bits.unsupported("4:4:0 subsampling")),
        }
    } else {
        1
    };
    Ok((bit_depth, subsampling, ColorInfo { primaries, transfer, matrix, full_range }))
}

/// The frames of a superframe (VP9 annex B), at most 8; a plain frame is the only one. An index that does not fit the
/// data is no index.
pub fn frames(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let sizes = superframe_sizes(data).unwrap_or_else(|| vec![data.len()]);
    sizes.into_iter().scan(0, move |start, size| {
        let end = *start + size;
        let frame = data.get(*start..end);
        *start = end;
        frame
    })
}

fn superframe_sizes(data: &[u8]) -> Option<Vec<usize>> {
    let &marker = data.last()?;
    if marker & 0xe0 != 0xc0 {
        return None;
    }
    let (count, bytes) = (usize::from(marker & 7) + 1, usize::from(marker >> 3 & 3) + 1);
    let index_start = data.len().checked_sub(2 + count * bytes)?;
    let (&first, sizes) = data.get(index_start..data.len() - 1)?.split_first()?;
    if first != marker {
        return None;
    }
    let sizes: Vec<usize> = sizes
        .chunks(bytes)
        .map(|size| size.iter().rev().fold(0, |size, &byte| size << 8 | usize::from(byte)))
        .collect();
    let total = sizes.iter().try_fold(0usize, |total, &size| total.checked_add(size))?;
    (total <= index_start).then_some(sizes)
}

/// Level: its number, samples of a picture, samples a second, larger dimension (VP9 annex A).
const LEVELS: [(u8, u64, u64, u32); 14] = [
    (10, 36_864, 829_440, 512),
    (11, 73_728, 2_764_800, 768),
    (20, 122_880, 4_608_000, 960),
    (21, 245_760, 9_216_000, 1344),
    (30, 552_960, 20_736_000, 2048),
    (31, 983_040, 36_864_000, 2752),
    (40, 2_228_224, 83_558_400, 4160),
    (41, 2_228_224, 160_432_128, 4160),
    (50, 8_912_896, 311_951_360, 8384),
    (51, 8_912_896, 588_251_136, 8384),
    (52, 8_912_896, 1_176_502_272, 8384),
    (60, 35_651_584, 1_176_502_272, 16_832),
    (61, 35_651_584, 2_353_004_544, 16_832),
    (62, 35_651_584, 4_706_009_088, 16_832),
];

fn level(width: u32, height: u32, (rate, per): (u32, u32)) -> u8 {
    let samples = u64::from(width) * u64::from(height);
    let rate = samples.saturating_mul(u64::from(rate)) / u64::from(per.max(1));
    LEVELS
        .iter()
        .find(|&&(_, picture, second, side)| {
            samples <= picture && rate <= second && width.max(height) <= side
        })
        .map_or(62, |&(level, ..)| level)
}

#[cfg(test)]
mod tests;
