//! Colour description shared by the codecs, containers and protocols: CICP code points and HDR10 metadata.

use crate::buf::{Reader, Writer};
use crate::error::{Layer, Result};

/// Code points of ITU-T H.273 (ISO/IEC 23091-2): what an MP4 `colr` box of type `nclx` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColorInfo {
    /// `ColourPrimaries` (8.1): 1 BT.709, 9 BT.2020, 2 unspecified.
    pub primaries: u8,
    /// `TransferCharacteristics` (8.2): 1 BT.709, 16 PQ, 18 HLG, 2 unspecified.
    pub transfer: u8,
    /// `MatrixCoefficients` (8.3): 1 BT.709, 9 BT.2020 non-constant luminance, 2 unspecified.
    pub matrix: u8,
    /// Whether sample values use the whole range.
    pub full_range: bool,
}

impl ColorInfo {
    /// Nothing known, limited range.
    pub const UNSPECIFIED: Self = Self { primaries: 2, transfer: 2, matrix: 2, full_range: false };

    /// Whether any code point says something.
    #[must_use]
    pub const fn is_specified(&self) -> bool {
        self.primaries != 2 || self.transfer != 2 || self.matrix != 2
    }

    /// Whether it says more than a decoder would take for granted: a code point, or the full range.
    #[must_use]
    pub const fn says_something(&self) -> bool {
        self.is_specified() || self.full_range
    }
}

impl Default for ColorInfo {
    fn default() -> Self {
        Self::UNSPECIFIED
    }
}

/// Colour volume of the mastering display (SMPTE ST 2086): content of the `mdcv` box (ISO/IEC 14496-12 12.1.5) and of
/// the HEVC SEI message 137 (H.265 D.2.28), which are the same 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MasteringDisplay {
    /// CIE 1931 x and y of green, blue and red, in this order, in units of 0.00002.
    pub primaries: [(u16, u16); 3],
    /// CIE 1931 x and y of the white point in units of 0.00002.
    pub white_point: (u16, u16),
    /// Largest luminance in units of 0.0001 cd/m2.
    pub max_luminance: u32,
    /// Smallest luminance in units of 0.0001 cd/m2.
    pub min_luminance: u32,
}

impl MasteringDisplay {
    /// From coordinates between 0 and 1 and luminances in cd/m2, as Enhanced RTMP's `hdrMdcv` gives them.
    /// What lies outside the range of the fields is moved to its end; not a number is 0.
    #[must_use]
    pub fn from_coordinates(
        red: (f64, f64),
        green: (f64, f64),
        blue: (f64, f64),
        white: (f64, f64),
        max_luminance: f64,
        min_luminance: f64,
    ) -> Self {
        let point = |(x, y): (f64, f64)| (coordinate(x), coordinate(y));
        Self {
            primaries: [point(green), point(blue), point(red)],
            white_point: point(white),
            max_luminance: saturating(max_luminance * 10_000.0),
            min_luminance: saturating(min_luminance * 10_000.0),
        }
    }

    /// Reads the content of `mdcv` or of the HEVC SEI message.
    ///
    /// # Errors
    /// Fewer than 24 bytes. More are ignored.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(Layer::Codec, data);
        let mut point = |field| Ok((reader.u16(field)?, reader.u16(field)?));
        let primaries = [
            point("display_primaries[green]")?,
            point("display_primaries[blue]")?,
            point("display_primaries[red]")?,
        ];
        let white_point = point("white_point")?;
        Ok(Self {
            primaries,
            white_point,
            max_luminance: reader.u32("max_display_mastering_luminance")?,
            min_luminance: reader.u32("min_display_mastering_luminance")?,
        })
    }

    /// Reads AV1's `metadata_hdr_mdcv()` (AV1 5.8.4), whose units and order differ.
    ///
    /// # Errors
    /// Fewer than 24 bytes. More are ignored.
    pub fn parse_av1(data: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(Layer::Codec, data);
        let mut point = |field| {
            let (x, y) = (reader.u16(field)?, reader.u16(field)?);
            Ok((from_16_bit_fraction(x), from_16_bit_fraction(y)))
        };
        let red = point("primary_chromaticity[red]")?;
        let green = point("primary_chromaticity[green]")?;
        let blue = point("primary_chromaticity[blue]")?;
        let white_point = point("white_point_chromaticity")?;
        // 24.8 and 18.14 fixed point.
        let max = u64::from(reader.u32("luminance_max")?) * 10_000;
        let min = u64::from(reader.u32("luminance_min")?) * 10_000;
        Ok(Self {
            primaries: [green, blue, red],
            white_point,
            max_luminance: u32::try_from((max + 128) >> 8).unwrap_or(u32::MAX),
            min_luminance: u32::try_from((min + 8192) >> 14).unwrap_or(u32::MAX),
        })
    }

    /// Content of the `mdcv` box.
    #[must_use]
    pub fn record(&self) -> [u8; 24] {
        let mut writer = Writer::with_capacity(24);
        for (x, y) in self.primaries.into_iter().chain([self.white_point]) {
            writer.u16(x);
            writer.u16(y);
        }
        writer.u32(self.max_luminance);
        writer.u32(self.min_luminance);
        writer.as_slice().try_into().unwrap_or_default()
    }
}

/// Content light level (CTA-861.3): content of the `clli` box (ISO/IEC 14496-12 12.1.6), of the HEVC SEI message 144
/// (H.265 D.2.35) and of AV1's `metadata_hdr_cll()`, which are the same 4 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentLight {
    /// Largest light level of a pixel in cd/m2, 0 unknown.
    pub max_content: u16,
    /// Largest average light level of a picture in cd/m2, 0 unknown.
    pub max_frame_average: u16,
}

impl ContentLight {
    /// Reads the 4 bytes.
    ///
    /// # Errors
    /// Fewer than 4 bytes. More are ignored.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(Layer::Codec, data);
        Ok(Self {
            max_content: reader.u16("max_content_light_level")?,
            max_frame_average: reader.u16("max_pic_average_light_level")?,
        })
    }

    /// Content of the `clli` box.
    #[must_use]
    pub fn record(&self) -> [u8; 4] {
        let [a, b] = self.max_content.to_be_bytes();
        let [c, d] = self.max_frame_average.to_be_bytes();
        [a, b, c, d]
    }
}

/// HDR10 metadata of a video track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HdrMetadata {
    /// Mastering display colour volume, where given.
    pub mastering: Option<MasteringDisplay>,
    /// Content light level, where given.
    pub light: Option<ContentLight>,
}

impl HdrMetadata {
    /// What is given here, and what `other` gives where nothing is.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self { mastering: self.mastering.or(other.mastering), light: self.light.or(other.light) }
    }
}

/// Sample aspect ratio of the table that H.264 (E-1), H.265 (E-1) and H.273 share; `None` for 0, for 255 (extended) and
/// for reserved values.
#[must_use]
pub const fn sample_aspect_ratio(idc: u8) -> Option<(u16, u16)> {
    Some(match idc {
        1 => (1, 1),
        2 => (12, 11),
        3 => (10, 11),
        4 => (16, 11),
        5 => (40, 33),
        6 => (24, 11),
        7 => (20, 11),
        8 => (32, 11),
        9 => (80, 33),
        10 => (18, 11),
        11 => (15, 11),
        12 => (64, 33),
        13 => (160, 99),
        14 => (4, 3),
        15 => (3, 2),
        16 => (2, 1),
        _ => return None,
    })
}

fn coordinate(value: f64) -> u16 {
    u16::try_from(saturating(value * 50_000.0)).unwrap_or(u16::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from f64 saturates, and no integer type converts from f64 otherwise"
)]
fn saturating(value: f64) -> u32 {
    value.round() as u32
}

/// From units of 2^-16 to units of 0.00002.
fn from_16_bit_fraction(value: u16) -> u16 {
    u16::try_from((u32::from(value) * 50_000 + 32_768) >> 16).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BT.2020 primaries, D65, 1000 and 0.0001 cd/m2, as x265 writes them.
    const SEI: [u8; 24] = [
        0x21, 0x34, 0x9b, 0xaa, 0x19, 0x96, 0x08, 0xfc, 0x8a, 0x48, 0x39, 0x08, 0x3d, 0x13, 0x40,
        0x42, 0x00, 0x98, 0x96, 0x80, 0x00, 0x00, 0x00, 0x01,
    ];

    #[test]
    fn d_32_mastering_display_from_sei_coordinates_and_av1_is_the_same() {
        let sei = MasteringDisplay::parse(&SEI).unwrap();
        assert_eq!(sei.record(), SEI);
        let (red, green) = ((0.708, 0.292), (0.17, 0.797));
        let (blue, white) = ((0.131, 0.046), (0.3127, 0.329));
        let told = MasteringDisplay::from_coordinates(red, green, blue, white, 1000.0, 0.0001);
        assert_eq!(told, sei);

        let mut av1 = Writer::default();
        for (x, y) in [red, green, blue, white] {
            av1.u16(saturating(x * 65536.0).try_into().unwrap());
            av1.u16(saturating(y * 65536.0).try_into().unwrap());
        }
        av1.u32(1000 << 8);
        av1.u32(2);
        assert_eq!(MasteringDisplay::parse_av1(av1.as_slice()).unwrap(), sei);
    }

    #[test]
    fn hostile_coordinates_are_moved_into_range() {
        let far = (f64::NAN, f64::INFINITY);
        let found = MasteringDisplay::from_coordinates(far, (-1.0, 2.0), far, far, 1e300, -1.0);
        assert_eq!(found.primaries, [(0, u16::MAX), (0, u16::MAX), (0, u16::MAX)]);
        assert_eq!((found.max_luminance, found.min_luminance), (u32::MAX, 0));
        assert!(MasteringDisplay::parse(&SEI[..23]).is_err());
        assert!(ContentLight::parse(&[0, 1, 2]).is_err());
    }
}
