//! HEVC: `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15 8.3.2), parameter sets, NAL units, codec string.

mod nal;
mod sets;
mod sps;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use self::nal::{
    AccessUnitInfo, LengthPrefixed, NalType, RandomAccess, annex_b, annex_b_to_sample,
    first_slice_segment_in_pic, is_annex_b, is_droppable, layer_id, to_sample, trim_zeros,
};
pub use self::sets::{ParameterSets, hdr_metadata};
pub use self::sps::{ProfileTierLevel, SpsInfo};
use crate::buf::{Reader, Writer};
use crate::codec::color::{ColorInfo, HdrMetadata};
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;

const CLAUSE: &str = "ISO/IEC 14496-15 8.3.2.1";

/// What a sender's `hvcC` says, complete or not.
///
/// A record may come without parameter sets, which then stand in the stream: put them into [`HevcRecord::sets`] and make
/// the configuration once they are complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HevcRecord {
    /// Bytes of the length in front of each NAL unit of the sender's access units: 1, 2 or 4.
    pub length_size: u8,
    /// `avgFrameRate`: pictures in 256 seconds, 0 not known.
    pub average_frame_rate: u16,
    /// `constantFrameRate`: 0 not known, 1 constant, 2 constant in each temporal layer.
    pub constant_frame_rate: u8,
    /// The parameter sets and SEI.
    pub sets: ParameterSets,
}

impl Default for HevcRecord {
    /// 4-byte lengths and nothing else known: for a stream without a record.
    fn default() -> Self {
        Self {
            length_size: 4,
            average_frame_rate: 0,
            constant_frame_rate: 0,
            sets: ParameterSets::default(),
        }
    }
}

impl HevcRecord {
    /// Reads the content of `hvcC`: the body of an Enhanced RTMP sequence start. Reserved bits and the version are not
    /// looked at, arrays may be empty, in any order, and hold SEI. Parameter sets with start codes in place of a
    /// record are read too.
    ///
    /// # Errors
    /// A short record, a length size of 3, a parameter set that cannot be read (unless the sets are complete before it),
    /// more than [`Limits::parameter_set_bytes`].
    pub fn parse(data: &[u8], limits: &Limits) -> Result<Self> {
        if matches!(data, [0, 0, 1, ..] | [0, 0, 0, 1, ..]) {
            return Self::from_annex_b(data, limits);
        }
        let mut reader = Reader::new(Layer::Codec, data);
        let head = reader.array::<23>("HEVCDecoderConfigurationRecord");
        let head = head.map_err(|error| error.clause(CLAUSE))?;
        let [.., rate_high, rate_low, flags, arrays] = head;
        let mut record = Self {
            length_size: (flags & 3) + 1,
            average_frame_rate: u16::from_be_bytes([rate_high, rate_low]),
            constant_frame_rate: (flags >> 6).min(2),
            sets: ParameterSets::default(),
        };
        if record.length_size == 3 {
            let error = Error::malformed(Layer::Codec, "lengthSizeMinusOne").at(21).found(2);
            return Err(error.clause(CLAUSE));
        }
        match record.read_arrays(&mut reader, arrays, limits) {
            Err(error) if !record.sets.is_complete() => Err(error.clause(CLAUSE)),
            _ => Ok(record),
        }
    }

    fn read_arrays(&mut self, reader: &mut Reader<'_>, arrays: u8, limits: &Limits) -> Result<()> {
        for _ in 0..arrays {
            reader.skip(1, "NAL_unit_type")?;
            for _ in 0..reader.u16("numNalus")? {
                let length = reader.u16("nalUnitLength")?;
                let base = reader.offset();
                let nal = reader.take(usize::from(length), "nalUnit")?;
                self.sets.insert(nal, limits).map_err(|error| error.rebased(base))?;
            }
        }
        Ok(())
    }

    fn from_annex_b(data: &[u8], limits: &Limits) -> Result<Self> {
        let mut record = Self::default();
        for nal in annex_b(data) {
            record.sets.insert(nal, limits)?;
        }
        Ok(record)
    }

    /// The configuration, `None` while a kind of parameter set is missing.
    #[must_use]
    pub fn config(&self) -> Option<HevcConfig> {
        let info = *self.sets.sps_infos().next().filter(|_| self.sets.is_complete())?;
        Some(HevcConfig {
            record: self.write(&info),
            sets: self.sets.clone(),
            info,
            color: info.color,
            hdr: self.sets.hdr(),
            source_length_size: self.length_size,
        })
    }

    fn write(&self, info: &SpsInfo) -> Bytes {
        let ptl = &info.profile_tier_level;
        let level = self.sets.sps_infos().map(|info| info.profile_tier_level.level).max();
        let mut writer = Writer::with_capacity(256);
        writer.u8(1);
        writer.u8(ptl.profile_space << 6 | u8::from(ptl.high_tier) << 5 | ptl.profile);
        writer.u32(ptl.compatibility);
        writer.bytes(&ptl.constraints);
        writer.u8(level.unwrap_or(ptl.level));
        writer.u16(0xf000 | info.min_spatial_segmentation);
        let segmented = info.min_spatial_segmentation > 0;
        writer.u8(0xfc | if segmented { self.sets.parallelism() } else { 0 });
        writer.u8(0xfc | info.chroma_format);
        writer.u8(0xf8 | (info.bit_depth_luma - 8));
        writer.u8(0xf8 | (info.bit_depth_chroma - 8));
        writer.u16(self.average_frame_rate);
        let nested = u8::from(info.temporal_id_nesting) << 2;
        writer.u8(self.constant_frame_rate << 6 | info.max_sub_layers << 3 | nested | 3);
        writer.u8(if self.sets.sei().len() > 0 { 4 } else { 3 });
        // hvc1: the arrays of parameter sets are complete.
        write_array(&mut writer, 0x80 | NalType::VPS.number(), self.sets.vps());
        write_array(&mut writer, 0x80 | NalType::SPS.number(), self.sets.sps());
        write_array(&mut writer, 0x80 | NalType::PPS.number(), self.sets.pps());
        if self.sets.sei().len() > 0 {
            write_array(&mut writer, NalType::SEI_PREFIX.number(), self.sets.sei());
        }
        writer.freeze()
    }
}

/// Whether a configuration record is `hvcC` rather than `avcC`, by the reserved bits and the type of the first array:
/// for senders that put HEVC under the codec id of H.264.
#[must_use]
pub fn is_record(data: &[u8]) -> bool {
    let Some((head, arrays)) = data.split_first_chunk::<23>() else { return false };
    let &[1, _, _, _, _, _, _, _, _, _, _, _, _, a, _, b, c, d, e, _, _, _, count] = head else {
        return false;
    };
    let reserved = a >= 0xf0 && b >= 0xfc && c >= 0xfc && d >= 0xf8 && e >= 0xf8;
    let first_array = arrays.first().map(|byte| byte & 0x3f);
    reserved && if count == 0 { arrays.is_empty() } else { matches!(first_array, Some(32..=40)) }
}

fn write_array<'a>(writer: &mut Writer, head: u8, nals: impl ExactSizeIterator<Item = &'a Bytes>) {
    writer.u8(head);
    writer.u16(u16::try_from(nals.len()).unwrap_or(u16::MAX));
    for nal in nals {
        // Neither can be larger: all sets together are bounded by 65535 bytes when they come in.
        writer.u16(u16::try_from(nal.len()).unwrap_or(u16::MAX));
        writer.bytes(nal);
    }
}

/// Decoder configuration of an HEVC track.
///
/// Two configurations are equal when their parameter sets, colour and HDR metadata are.
#[derive(Clone, Debug)]
pub struct HevcConfig {
    record: Bytes,
    sets: ParameterSets,
    info: SpsInfo,
    color: Option<ColorInfo>,
    hdr: HdrMetadata,
    source_length_size: u8,
}

impl PartialEq for HevcConfig {
    fn eq(&self, other: &Self) -> bool {
        self.sets.same_meaning(&other.sets) && self.color == other.color && self.hdr == other.hdr
    }
}

impl Eq for HevcConfig {}

impl HevcConfig {
    /// Reads the content of `hvcC`; see [`HevcRecord::parse`].
    ///
    /// # Errors
    /// As [`HevcRecord::parse`]; and, of kind [`Unsupported`](crate::error::ErrorKind::Unsupported), a record without
    /// one of the three kinds of parameter sets, which then must come in the stream.
    pub fn parse(data: &[u8], limits: &Limits) -> Result<Self> {
        let missing = Error::unsupported(Layer::Codec, "hvcC without parameter sets");
        HevcRecord::parse(data, limits)?.config().ok_or(missing.at(22).clause(CLAUSE))
    }

    /// Makes the configuration from NAL units: parameter sets and, if any, SEI, for access units with 4-byte lengths.
    ///
    /// # Errors
    /// A set that cannot be read, a kind that is missing, more than [`Limits::parameter_set_bytes`].
    pub fn from_parameter_sets(
        nals: impl IntoIterator<Item = impl AsRef<[u8]>>,
        limits: &Limits,
    ) -> Result<Self> {
        let mut record = HevcRecord::default();
        for nal in nals {
            record.sets.insert(nal.as_ref(), limits)?;
        }
        let missing = Error::malformed(Layer::Codec, "HEVC parameter sets");
        record.config().ok_or(missing.clause("ISO/IEC 14496-15 8.3.2.1"))
    }

    /// The `hvcC` box's content (ISO/IEC 14496-15 8.3.2.1), rewritten for `hvc1` with 4-byte NAL lengths, complete
    /// arrays and the values of the SPS.
    #[must_use]
    pub const fn record(&self) -> &Bytes {
        &self.record
    }

    /// The parameter sets and the SEI of the record.
    #[must_use]
    pub const fn parameter_sets(&self) -> &ParameterSets {
        &self.sets
    }

    /// Size, profile, colour and timing from the first sequence parameter set.
    #[must_use]
    pub const fn info(&self) -> &SpsInfo {
        &self.info
    }

    /// Width in pixels, 1 to 65535.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.info.width
    }

    /// Height in pixels, 1 to 65535.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.info.height
    }

    /// Colour of the first sequence parameter set, or as it was told beside the stream.
    #[must_use]
    pub const fn color(&self) -> Option<ColorInfo> {
        self.color
    }

    /// The same, with what is told beside the stream where the stream itself says nothing.
    #[must_use]
    pub fn with_color(mut self, color: Option<ColorInfo>, hdr: &HdrMetadata) -> Self {
        self.color = self.info.color.filter(ColorInfo::is_specified).or(color).or(self.info.color);
        self.hdr = self.sets.hdr().or(hdr);
        self
    }

    /// HDR10 metadata of the record's SEI, or as it was told beside the stream.
    #[must_use]
    pub const fn hdr(&self) -> &HdrMetadata {
        &self.hdr
    }

    /// Bytes of the length in front of each NAL unit of the sender's access units: 1, 2 or 4. The record says 4.
    #[must_use]
    pub const fn source_length_size(&self) -> u8 {
        self.source_length_size
    }

    /// RFC 6381 and ISO/IEC 14496-15 annex E.3, for example `hvc1.2.4.L153.B0`: profile space and profile,
    /// compatibility flags in reversed order, tier and level, constraint bytes without zero bytes at the end.
    #[must_use]
    pub fn codec_string(&self) -> String {
        let ptl = &self.info.profile_tier_level;
        let space = ["", "A", "B", "C"].get(usize::from(ptl.profile_space)).copied();
        let space = space.unwrap_or_default();
        let compatibility = ptl.compatibility.reverse_bits();
        let tier = if ptl.high_tier { 'H' } else { 'L' };
        let level = self.record.get(12).copied().unwrap_or(ptl.level);
        let mut text = format!("hvc1.{space}{}.{compatibility:X}.{tier}{level}", ptl.profile);
        let kept = ptl.constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        for byte in ptl.constraints.iter().take(kept) {
            text.push_str(&format!(".{byte:X}"));
        }
        text
    }
}
