//! NAL units: types, length-prefixed and Annex B byte streams (H.264 7.3.1 and Annex B, ISO/IEC 14496-15 5.3.3).

use h264_reader::rbsp::{BitRead, BitReader, ByteReader};

use crate::error::{Error, Layer, Result};

/// `nal_unit_type` (H.264 Table 7-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NalType(pub u8);

impl NalType {
    /// Coded slice of a picture that is not an IDR picture.
    pub const SLICE: Self = Self(1);
    /// Coded slice of an IDR picture.
    pub const IDR: Self = Self(5);
    /// Supplemental enhancement information.
    pub const SEI: Self = Self(6);
    /// Sequence parameter set.
    pub const SPS: Self = Self(7);
    /// Picture parameter set.
    pub const PPS: Self = Self(8);
    /// Access unit delimiter.
    pub const AUD: Self = Self(9);
    /// End of sequence.
    pub const END_OF_SEQUENCE: Self = Self(10);
    /// End of stream.
    pub const END_OF_STREAM: Self = Self(11);
    /// Filler data.
    pub const FILLER: Self = Self(12);
    /// Sequence parameter set extension.
    pub const SPS_EXTENSION: Self = Self(13);

    /// The type of a whole NAL unit, `None` for an empty one.
    #[must_use]
    pub fn of(nal: &[u8]) -> Option<Self> {
        nal.first().map(|byte| Self(byte & 0x1f))
    }

    /// Whether this is a video coding layer NAL unit of the base view: a slice or a slice data partition.
    #[must_use]
    pub const fn is_vcl(self) -> bool {
        matches!(self.0, 1..=5)
    }

    /// Whether such a NAL unit, behind the slices of a picture, starts the next access unit (H.264 7.4.1.2.3).
    #[must_use]
    pub const fn starts_access_unit(self) -> bool {
        matches!(self.0, 6..=9 | 14..=18)
    }
}

/// Whether a slice NAL unit starts a picture: `first_mb_in_slice` is 0 (H.264 7.4.3).
///
/// Partitions B and C (types 3 and 4) have no such field and never start a picture.
#[must_use]
pub fn is_first_slice(nal: &[u8]) -> bool {
    let Some(&[header, slice_header]) = nal.first_chunk() else { return false };
    matches!(header & 0x1f, 1 | 2 | 5) && slice_header & 0x80 != 0
}

/// Whether a slice NAL unit says that its slice is coded without reference to other pictures (H.264 7.4.3).
#[must_use]
pub fn is_intra_slice(nal: &[u8]) -> bool {
    let slice = matches!(NalType::of(nal), Some(NalType(1 | 2 | 5))) && nal.len() >= 2;
    let mut bits = BitReader::new(ByteReader::skipping_h264_header(nal));
    slice
        && bits.read_ue("first_mb_in_slice").is_ok()
        && bits.read_ue("slice_type").is_ok_and(|slice_type| matches!(slice_type, 2 | 4 | 7 | 9))
}

/// Walks NAL units that stand behind big-endian lengths of 1, 2 or 4 bytes.
///
/// An empty unit is given as an empty slice. A length past the end gives one error with the offset in the buffer
/// and ends the walk; so do 1 to 3 stray bytes at the end, but for zero bytes, which are padding.
#[derive(Clone, Debug)]
pub struct LengthPrefixed<'a> {
    data: &'a [u8],
    pos: usize,
    length_size: usize,
}

impl<'a> LengthPrefixed<'a> {
    /// Walks `data`, with lengths of `length_size` bytes (1 to 4).
    #[must_use]
    pub const fn new(data: &'a [u8], length_size: u8) -> Self {
        Self { data, pos: 0, length_size: length_size as usize }
    }

    /// Bytes walked over: the end of the last unit given.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.pos
    }
}

impl<'a> Iterator for LengthPrefixed<'a> {
    type Item = Result<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.data.get(self.pos..)?;
        let Some((prefix, body)) = rest.split_at_checked(self.length_size) else {
            let padding = rest.iter().all(|&byte| byte == 0);
            let error = Error::malformed(Layer::Codec, "NAL unit length").at(self.pos as u64);
            self.data = &[];
            return if padding { None } else { Some(Err(error)) };
        };
        if prefix.is_empty() {
            return None;
        }
        let length = prefix.iter().fold(0_usize, |value, &byte| value << 8 | usize::from(byte));
        let Some(nal) = body.get(..length) else {
            let error = Error::malformed(Layer::Codec, "NAL unit length")
                .found(length as u64)
                .at(self.pos as u64)
                .clause("ISO/IEC 14496-15 5.3.3.1");
            self.data = &[];
            return Some(Err(error));
        };
        self.pos += self.length_size + length;
        Some(Ok(nal))
    }
}

/// Position of the next start code prefix (00 00 01) at or behind `from`.
#[must_use]
pub fn find_start_code(data: &[u8], from: usize) -> Option<usize> {
    // The last byte of a start code is the rarest of its three.
    let ones = memchr::memchr_iter(1, data.get(from..)?);
    ones.filter_map(|one| (from + one).checked_sub(2).filter(|&at| at >= from))
        .find(|&at| matches!(data.get(at..at + 2), Some([0, 0])))
}

/// Whether `data` begins as an Annex B byte stream does: 00 00 01 or 00 00 00 01.
#[must_use]
pub const fn starts_with_start_code(data: &[u8]) -> bool {
    matches!(data, [0, 0, 1, ..] | [0, 0, 0, 1, ..])
}

/// Walks the NAL units of an Annex B byte stream, without their start codes and trailing zero bytes.
///
/// Bytes before the first start code are passed over. Empty units are left out.
#[derive(Clone, Debug)]
pub struct AnnexB<'a> {
    data: &'a [u8],
    next: Option<usize>,
}

impl<'a> AnnexB<'a> {
    /// Walks `data`.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, next: find_start_code(data, 0) }
    }
}

impl<'a> Iterator for AnnexB<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let start = self.next? + 3;
            self.next = find_start_code(self.data, start);
            let end = self.next.unwrap_or(self.data.len());
            let nal = without_trailing_zeros(self.data.get(start..end)?);
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    }
}

/// The NAL unit without zero bytes at its end, which never belong to it (H.264 7.4.1, B.1).
#[must_use]
pub fn without_trailing_zeros(nal: &[u8]) -> &[u8] {
    let end = nal.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    nal.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walk(data: &[u8], size: u8) -> (Vec<Vec<u8>>, bool) {
        let mut nals = Vec::new();
        for nal in LengthPrefixed::new(data, size) {
            match nal {
                Ok(nal) => nals.push(nal.to_vec()),
                Err(_) => return (nals, true),
            }
        }
        (nals, false)
    }

    #[test]
    fn c1_01_lengths_of_1_2_and_4_bytes() {
        assert_eq!(walk(&[1, 0x65, 2, 0x41, 9], 1), (vec![vec![0x65], vec![0x41, 9]], false));
        assert_eq!(walk(&[0, 1, 0x65], 2), (vec![vec![0x65]], false));
        assert_eq!(walk(&[0, 0, 0, 1, 0x65], 4), (vec![vec![0x65]], false));
    }

    #[test]
    fn c1_10_overrun_ends_the_walk_and_zero_lengths_and_padding_do_not() {
        let data = [0, 0, 0, 0, 0, 0, 0, 2, 0x41, 1, 0, 0, 1, 0, 0x41];
        assert_eq!(walk(&data, 4), (vec![vec![], vec![0x41, 1]], true));
        let mut walker = LengthPrefixed::new(&data, 4);
        let error = walker.find_map(Result::err).unwrap();
        assert_eq!(error.offset(), Some(10));
        assert_eq!(walker.position(), 10);
        assert_eq!(walk(&[0, 0, 0, 1, 0x41, 0, 0], 4), (vec![vec![0x41]], false));
        assert_eq!(walk(&[0, 0, 0, 1, 0x41, 0, 7], 4), (vec![vec![0x41]], true));
        assert_eq!(walk(&[0xff, 0xff, 0xff, 0xff], 4), (vec![], true));
    }

    #[test]
    fn c1_09_annex_b_with_both_start_codes_and_padding() {
        let data = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0, 0, 1, 0x65, 3, 0];
        let nals: Vec<&[u8]> = AnnexB::new(&data).collect();
        assert_eq!(nals, [&[0x67_u8, 1][..], &[0x68, 2], &[0x65, 3]]);
        assert_eq!(AnnexB::new(&[0, 0, 1]).count(), 0);
        assert_eq!(AnnexB::new(&[1, 2, 3]).count(), 0);
    }

    #[test]
    fn first_slice_needs_a_slice_with_first_mb_0() {
        assert!(is_first_slice(&[0x65, 0x88]));
        assert!(!is_first_slice(&[0x65, 0x48]));
        assert!(!is_first_slice(&[0x65]));
        assert!(!is_first_slice(&[0x06, 0x80]));
        assert!(!is_first_slice(&[]));
    }

    proptest! {
        #[test]
        fn start_code_search_equals_the_naive_one(data in prop::collection::vec(0_u8..3, 0..64), from in 0_usize..70) {
            let naive = (from..data.len()).find(|&at| data.get(at..at + 3) == Some(&[0, 0, 1]));
            prop_assert_eq!(find_start_code(&data, from), naive);
        }

        #[test]
        fn walks_end_and_stay_inside(data in prop::collection::vec(any::<u8>(), 0..64), size in 1_u8..5) {
            let mut walker = LengthPrefixed::new(&data, size);
            prop_assert!(walker.by_ref().count() <= data.len());
            prop_assert!(walker.position() <= data.len());
            prop_assert!(AnnexB::new(&data).count() <= data.len());
        }
    }
}
