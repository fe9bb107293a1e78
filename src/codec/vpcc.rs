//! `VPCodecConfigurationRecord` (VP Codec ISO Media File Format Binding 1.0), shared by VP8 and VP9.

use bytes::Bytes;

use crate::buf::{Reader, Writer};
use crate::codec::color::ColorInfo;
use crate::error::{Error, Layer, Result};

const CLAUSE: &str = "VP-ISOBMFF 2.2";

/// The fields of `vpcC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VpRecord {
    /// `profile`, 0 to 3.
    pub profile: u8,
    /// `level`: ten times the level, for example 31; 0 not known.
    pub level: u8,
    /// `bitDepth`: 8, 10 or 12.
    pub bit_depth: u8,
    /// `chromaSubsampling`: 0 4:2:0 vertical, 1 4:2:0 colocated, 2 4:2:2, 3 4:4:4.
    pub chroma_subsampling: u8,
    /// Colour.
    pub color: ColorInfo,
}

impl VpRecord {
    /// Reads a record with or without the 4-byte FullBox header: senders do both. They cannot be taken for each other,
    /// since the bytes of the header would say a bit depth of 0. Initialization data, which neither codec has, and what
    /// stands behind it are ignored.
    ///
    /// # Errors
    /// Fewer than 6 bytes of record, a profile above 3, a bit depth other than 8, 10 or 12.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let (record, base) = match data {
            [0 | 1, 0, 0, 0, record @ ..] => (record, 4),
            record => (record, 0),
        };
        Self::read(&mut Reader::with_base(Layer::Codec, record, base))
            .map_err(|error| error.clause(CLAUSE))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let profile = reader.u8("profile")?;
        if profile > 3 {
            let error = Error::malformed(Layer::Codec, "profile").found(u64::from(profile));
            return Err(error.at(reader.offset() - 1));
        }
        let level = reader.u8("level")?;
        let flags = reader.u8("bitDepth")?;
        let bit_depth = flags >> 4;
        if !matches!(bit_depth, 8 | 10 | 12) {
            let error = Error::malformed(Layer::Codec, "bitDepth").found(u64::from(bit_depth));
            return Err(error.at(reader.offset() - 1));
        }
        Ok(Self {
            profile,
            level,
            bit_depth,
            chroma_subsampling: flags >> 1 & 7,
            color: ColorInfo {
                primaries: reader.u8("colourPrimaries")?,
                transfer: reader.u8("transferCharacteristics")?,
                matrix: reader.u8("matrixCoefficients")?,
                full_range: flags & 1 != 0,
            },
        })
    }

    /// The `vpcC` box's content: FullBox header (version 1, flags 0) and record.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let mut writer = Writer::with_capacity(12);
        writer.u32(0x0100_0000);
        writer.u8(self.profile);
        writer.u8(self.level);
        let subsampling = (self.chroma_subsampling & 7) << 1;
        writer.u8(self.bit_depth << 4 | subsampling | u8::from(self.color.full_range));
        writer.u8(self.color.primaries);
        writer.u8(self.color.transfer);
        writer.u8(self.color.matrix);
        writer.u16(0);
        writer.freeze()
    }

    /// RFC 6381 and VP-ISOBMFF 3 for the sample entry `entry`, for example `vp09.00.31.08`; with all optional fields
    /// where colour is described, the range is full or chroma is not 4:2:0.
    pub(super) fn codec_string(&self, entry: &str) -> String {
        let Self { profile, level, bit_depth, chroma_subsampling, color } = *self;
        let text = format!("{entry}.{profile:02}.{level:02}.{bit_depth:02}");
        if chroma_subsampling <= 1 && !color.full_range && !color.is_specified() {
            return text;
        }
        let ColorInfo { primaries, transfer, matrix, full_range } = color;
        format!(
            "{text}.{chroma_subsampling:02}.{primaries:02}.{transfer:02}.{matrix:02}.{:02}",
            u8::from(full_range)
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FFMPEG: [u8; 12] = [1, 0, 0, 0, 0, 0x0b, 0x82, 2, 2, 2, 0, 0];

    #[test]
    fn a6_32_record_with_and_without_full_box_header_is_the_same() {
        let full = VpRecord::parse(&FFMPEG).unwrap();
        assert_eq!(full, VpRecord::parse(&FFMPEG[4..]).unwrap());
        assert_eq!((full.profile, full.level, full.bit_depth), (0, 11, 8));
        assert_eq!(full.write().as_ref(), FFMPEG);
        // Profile 1 and 0 without a level: what comes nearest to a header.
        for profile in [0, 1] {
            let bare = [profile, 0, 0x80, 1, 1, 1, 0, 0];
            let found = VpRecord::parse(&bare).unwrap();
            assert_eq!((found.profile, found.color.matrix), (profile, 1));
        }
    }

    #[test]
    fn errors_name_field_and_byte() {
        let error = VpRecord::parse(&[1, 0, 0, 0, 4, 0]).unwrap_err();
        let text = "codec: malformed: profile (found 4) at byte 4 [VP-ISOBMFF 2.2]";
        assert_eq!(error.to_string(), text);
        assert!(VpRecord::parse(&FFMPEG[..9]).is_err());
        assert!(VpRecord::parse(&[]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_what_reads_is_written_back(
            data in prop::collection::vec(any::<u8>(), 0..16),
        ) {
            if let Ok(record) = VpRecord::parse(&data) {
                prop_assert_eq!(VpRecord::parse(&record.write()).unwrap(), record);
            }
        }
    }
}
