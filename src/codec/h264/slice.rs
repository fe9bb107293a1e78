//! What a slice header and a recovery point say of the picture (H.264 7.3.3, D.1.8).

use super::nal::{NalType, is_first_slice};
use super::{ParameterSets, sps};
use crate::codec::bits::BitReader;
use crate::error::Result;

/// Time that two fields of a frame may be apart, in milliseconds: half a frame of film, and the wire's rounding.
const FIELD_DISTANCE_MS: u32 = 25;

/// What the parameter sets say of the slice headers that name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Syntax {
    pps: u8,
    frame_num_bits: u8,
    separate_planes: bool,
}

/// Tells fields from frames. A stream without fields costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldReader {
    syntax: Vec<Syntax>,
}

/// One field of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    frame_num: u32,
    bottom: bool,
}

impl Field {
    /// Whether the field `other`, the next picture in decoding order and `later` milliseconds behind, is of the same frame:
    /// of the other parity and the same number (H.264 3.30).
    pub(crate) const fn pairs_with(self, other: Self, later: u32) -> bool {
        self.frame_num == other.frame_num
            && self.bottom != other.bottom
            && later <= FIELD_DISTANCE_MS
    }
}

impl FieldReader {
    pub(crate) fn new(sets: &ParameterSets) -> Self {
        let interlaced: Vec<_> = sets
            .sps
            .iter()
            .filter_map(|(_, set)| super::SpsInfo::parse(set).ok())
            .filter(|info| info.interlaced)
            .collect();
        let syntax = |(id, set): &(u8, bytes::Bytes)| {
            let sps_id = sps::sps_id_of_pps(set).ok()?;
            let info = interlaced.iter().find(|info| info.id == sps_id)?;
            let (frame_num_bits, separate_planes) = (info.frame_num_bits, info.separate_planes);
            Some(Syntax { pps: *id, frame_num_bits, separate_planes })
        };
        if interlaced.is_empty() {
            return Self::default();
        }
        Self { syntax: sets.pps.iter().filter_map(syntax).collect() }
    }

    /// The field that a slice begins; `None` for a slice of a frame, and for one that does not begin a picture.
    fn field(&self, nal: &[u8]) -> Option<Field> {
        if self.syntax.is_empty() || !is_first_slice(nal) {
            return None;
        }
        self.read(nal).ok().flatten()
    }

    fn read(&self, nal: &[u8]) -> Result<Option<Field>> {
        let mut bits = BitReader::escaped(nal.get(1..).unwrap_or_default(), "H.264 7.3.3");
        bits.ue("first_mb_in_slice")?;
        bits.ue("slice_type")?;
        let pps = bits.ue("pic_parameter_set_id")?;
        let Some(syntax) = self.syntax.iter().find(|syntax| u32::from(syntax.pps) == pps) else {
            return Ok(None);
        };
        if syntax.separate_planes {
            bits.u32(2, "colour_plane_id")?;
        }
        let frame_num = bits.u32(syntax.frame_num_bits.into(), "frame_num")?;
        let is_field = bits.flag("field_pic_flag")?;
        let bottom = is_field && bits.flag("bottom_field_flag")?;
        Ok(is_field.then_some(Field { frame_num, bottom }))
    }

    /// The first field of a message, and whether a second one is in it too.
    pub(crate) fn fields(&self, nals: &[&[u8]]) -> (Option<Field>, bool) {
        let mut fields = nals.iter().filter_map(|nal| self.field(nal));
        (fields.next(), fields.next().is_some())
    }
}

/// `recovery_frame_cnt` of a recovery point in an SEI NAL unit: frames until the pictures are right again, 0 where they are
/// at once. `None` where the unit holds no recovery point (H.264 D.1.8).
#[must_use]
pub fn recovery_frames(nal: &[u8]) -> Option<u32> {
    const RECOVERY_POINT: u32 = 6;
    if NalType::of(nal) != Some(NalType::SEI) {
        return None;
    }
    let mut bits = BitReader::escaped(nal.get(1..)?, "H.264 7.3.2.3.1");
    loop {
        let kind = sei_number(&mut bits)?;
        let size = sei_number(&mut bits)?;
        if kind == RECOVERY_POINT {
            return bits.ue("recovery_frame_cnt").ok();
        }
        for _ in 0..size {
            bits.u8(8, "sei_payload").ok()?;
        }
    }
}

/// `payloadType` or `payloadSize`: bytes of 255, and one below.
fn sei_number(bits: &mut BitReader<'_>) -> Option<u32> {
    let mut number = 0_u32;
    loop {
        let byte = bits.u8(8, "sei_message").ok()?;
        number = number.checked_add(byte.into())?;
        if byte < 255 {
            return Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::bits::BitWriter;
    use crate::limits::Limits;

    #[test]
    fn c1_14_recovery_points_are_found_behind_other_messages() {
        // Unregistered user data of 3 bytes, then a recovery point at once, then one of 10 frames.
        assert_eq!(recovery_frames(&[6, 5, 3, 1, 2, 3, 6, 1, 0xc4, 0x80]), Some(0));
        assert_eq!(recovery_frames(&[6, 6, 2, 0b0001_0110, 0x40, 0x80]), Some(10));
        for none in [&[6, 5, 3, 1, 2, 3, 0x80][..], &[6], &[], &[0x65, 6, 1, 0xc4], &[6, 0xff]] {
            assert_eq!(recovery_frames(none), None, "{none:?}");
        }
        assert_eq!(recovery_frames(&[&[6][..], &[0xff; 300]].concat()), None);
    }

    fn ue(bits: &mut BitWriter, value: u32) {
        let len = 32 - (value + 1).leading_zeros();
        bits.bits(len - 1, 0u32);
        bits.bits(len, value + 1);
    }

    /// An SPS of Main profile that allows fields, with 4 bits of frame number.
    fn interlaced_sets() -> ParameterSets {
        let mut bits = BitWriter::default();
        // Id 0, 4 bits of frame number, order count type 2, 1 reference, no gaps, 40 by 15 map units.
        [0, 0, 2, 1].into_iter().for_each(|value| ue(&mut bits, value));
        bits.bits(1, 0u32);
        [39, 14].into_iter().for_each(|value| ue(&mut bits, value));
        // Fields, no MBAFF, direct 8x8, no cropping, no VUI, stop bit.
        bits.bits(6, 0b00_1001_u32);
        let sps = [&[0x67, 77, 0, 30][..], &bits.freeze()].concat();
        let mut sets = ParameterSets::default();
        sets.insert(&sps, &Limits::default()).unwrap();
        sets.insert(&[0x68, 0xce, 0x38, 0x80], &Limits::default()).unwrap();
        sets
    }

    #[test]
    fn c1_21_fields_of_a_frame_have_its_number_and_both_parities() {
        let reader = FieldReader::new(&interlaced_sets());
        // first_mb 0, slice type 7 (I), pps 0, frame number 5, field, parity.
        let slice = |frame_num: u32, flags: &[u32]| {
            let mut bits = BitWriter::default();
            [0, 7, 0].into_iter().for_each(|value| ue(&mut bits, value));
            bits.bits(4, frame_num);
            flags.iter().for_each(|&flag| bits.bits(1, flag));
            bits.bits(1, 1u32);
            [&[0x65][..], &bits.freeze()].concat()
        };
        let field = |frame_num, flags: &[u32]| reader.field(&slice(frame_num, flags));
        let (top, bottom) = (field(5, &[1, 0]).unwrap(), field(5, &[1, 1]).unwrap());
        assert!(top.pairs_with(bottom, 0) && bottom.pairs_with(top, 20));
        assert!(!top.pairs_with(top, 0) && !top.pairs_with(bottom, 40));
        assert!(!top.pairs_with(field(6, &[1, 1]).unwrap(), 0));
        assert_eq!(field(5, &[0]), None, "a frame");
        assert_eq!(FieldReader::default().field(&slice(5, &[1, 0])), None);
        let (first, second) = (slice(5, &[1, 0]), slice(5, &[1, 1]));
        assert_eq!(reader.fields(&[&first]), (Some(top), false));
        assert_eq!(reader.fields(&[&first, &second]), (Some(top), true));
    }
}
