//! `AVCDecoderConfigurationRecord`, the content of `avcC` (ISO/IEC 14496-15 5.3.3.1).

use nom::bytes::complete::{tag, take};
use nom::combinator::{map, verify};
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u16};
use nom::{IResult, Parser};

use super::nal::{AnnexB, starts_with_start_code};
use super::sps::SpsInfo;
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};

const CLAUSE: &str = "ISO/IEC 14496-15 5.3.3.1";

/// The record as it stands in the input, its parameter sets borrowed and not looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvcRecord<'a> {
    /// Bytes of each NAL unit length in the track's samples: 1, 2 or 4.
    pub length_size: u8,
    /// Sequence parameter sets, NAL header included.
    pub sps: Vec<&'a [u8]>,
    /// Picture parameter sets, NAL header included.
    pub pps: Vec<&'a [u8]>,
    /// Sequence parameter set extensions of the optional High-profile part.
    pub sps_extensions: Vec<&'a [u8]>,
}

impl<'a> AvcRecord<'a> {
    /// Reads a record. Reserved bits may have any value, the High-profile part may be missing for every profile,
    /// bytes behind are ignored, and a list that is cut short is read up to the cut.
    /// An Annex B byte stream of parameter sets, which some encoders send instead, is read as a record as well.
    ///
    /// # Errors
    ///
    /// Malformed where the fixed part is short, the version is not 1, or the lengths have 3 bytes.
    pub fn parse(data: &'a [u8]) -> Result<Self> {
        if starts_with_start_code(data) {
            return Ok(Self::from_nals(AnnexB::new(data)));
        }
        let malformed = |_| Error::malformed(Layer::Codec, "avcC").clause(CLAUSE);
        let (rest, length_size) = fixed_part(data).map_err(malformed)?;
        if length_size == 3 {
            return Err(Error::malformed(Layer::Codec, "lengthSizeMinusOne")
                .found(2)
                .clause(CLAUSE));
        }
        let (rest, sps) = sets(rest, 0x1f);
        let (rest, pps) = sets(rest, 0xff);
        let sps_extensions =
            high_profile_part(rest).map_or_else(|_| Vec::new(), |(rest, ())| sets(rest, 0xff).1);
        Ok(Self { length_size, sps, pps, sps_extensions })
    }

    fn from_nals(nals: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut record =
            Self { length_size: 4, sps: Vec::new(), pps: Vec::new(), sps_extensions: Vec::new() };
        for nal in nals {
            match nal.first().map(|byte| byte & 0x1f) {
                Some(7) => record.sps.push(nal),
                Some(8) => record.pps.push(nal),
                Some(13) => record.sps_extensions.push(nal),
                _ => {}
            }
        }
        record
    }
}

/// Version, profile, compatibility, level and the length size. The profile bytes are the SPS's to tell.
fn fixed_part(input: &[u8]) -> IResult<&[u8], u8> {
    let length_size = map(be_u8, |byte| (byte & 3) + 1);
    map((tag([1_u8].as_slice()), take(3_usize), length_size), |(_, _, size)| size).parse(input)
}

/// A count and as many sets as there are, empty ones left out.
fn sets(input: &[u8], count_mask: u8) -> (&[u8], Vec<&[u8]>) {
    let mut found = Vec::new();
    let Ok((mut rest, count)) = be_u8::<_, nom::error::Error<&[u8]>>(input) else {
        return (&[], found);
    };
    for _ in 0..count & count_mask {
        let Ok((next, set)) = length_data(be_u16::<_, nom::error::Error<&[u8]>>).parse(rest) else {
            return (&[], found);
        };
        rest = next;
        if !set.is_empty() {
            found.push(set);
        }
    }
    (rest, found)
}

/// Chroma format and bit depths, each of which the SPS tells better.
fn high_profile_part(input: &[u8]) -> IResult<&[u8], ()> {
    let depth = || verify(be_u8, |byte| byte & 7 <= 6);
    map((be_u8, depth(), depth()), |_| ()).parse(input)
}

/// Whether the record of this profile ends in chroma format, bit depths and SPS extensions.
const fn has_high_profile_part(profile: u8) -> bool {
    !matches!(profile, 66 | 77 | 88)
}

/// Writes a record with 4-byte lengths. The counts are those of the slices, which must fit their fields.
pub(super) fn write(
    info: &SpsInfo,
    sps: &[bytes::Bytes],
    pps: &[bytes::Bytes],
    extensions: &[bytes::Bytes],
) -> Result<bytes::Bytes> {
    let mut out = Writer::with_capacity(64);
    out.bytes(&[1, info.profile, info.constraints, info.level, 0xff]);
    write_sets(&mut out, sps, 0xe0, 31)?;
    write_sets(&mut out, pps, 0, 255)?;
    if has_high_profile_part(info.profile) {
        out.u8(0xfc | info.chroma_format);
        out.u8(0xf8 | info.bit_depth_luma.saturating_sub(8));
        out.u8(0xf8 | info.bit_depth_chroma.saturating_sub(8));
        write_sets(&mut out, extensions, 0, 255)?;
    }
    Ok(out.freeze())
}

fn write_sets(out: &mut Writer, sets: &[bytes::Bytes], reserved: u8, max: u8) -> Result<()> {
    let too_many = Error::limit(Layer::Codec, "number of parameter sets").clause(CLAUSE);
    let count = u8::try_from(sets.len()).ok().filter(|&count| count <= max).ok_or(too_many)?;
    out.u8(reserved | count);
    for set in sets {
        let too_long = Error::limit(Layer::Codec, "parameter set length").clause(CLAUSE);
        out.u16(u16::try_from(set.len()).map_err(|_| too_long.found(set.len() as u64))?);
        out.bytes(set);
    }
    Ok(())
}
