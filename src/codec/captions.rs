//! Closed captions within pictures: CEA-608 and CEA-708 in the SEI messages of H.264 and HEVC (ATSC A/53 part 4, 6.2.3; ANSI/CTA-708).
//!
//! Nothing is decoded: what stands here tells which channels there are, as manifests have to say it.

use std::io::Read;
use std::num::NonZeroUsize;

use h264_reader::rbsp::ByteReader;

use super::h264::nal;
use super::hevc;
use crate::media::CodecConfig;

/// SEI payload type `user_data_registered_itu_t_t35` (H.264 D.1).
const REGISTERED: u32 = 4;
/// Country United States, provider ATSC, `GA94`, `cc_data()` (A/53 part 4, tables 6.7 and 6.8).
const CC_DATA: [u8; 8] = [0xb5, 0x00, 0x31, b'G', b'A', b'9', b'4', 0x03];

/// Channels of captions that pictures were seen to carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Captions {
    /// CEA-608 in field 1 (channel CC1), in field 2 (CC3), and CEA-708 (service 1).
    seen: [bool; 3],
}

impl Captions {
    /// Looks into an access unit. Only those of H.264 and HEVC tell of captions here.
    pub fn look_into(&mut self, config: &CodecConfig, data: &[u8]) {
        match config {
            CodecConfig::Avc(_) => self.avc(data),
            CodecConfig::Hevc(_) => self.hevc(data),
            _ => {}
        }
    }

    /// Looks into an access unit of H.264, with a length of 4 bytes before each NAL unit.
    pub fn avc(&mut self, data: &[u8]) {
        let is_sei = |unit: &[u8]| nal::NalType::of(unit) == Some(nal::NalType::SEI);
        self.units(data, is_sei, 1);
    }

    /// Looks into an access unit of HEVC, with a length of 4 bytes before each NAL unit.
    pub fn hevc(&mut self, data: &[u8]) {
        let is_sei = |unit: &[u8]| {
            let kind = hevc::NalType::of(unit);
            matches!(kind, Some(hevc::NalType::SEI_PREFIX | hevc::NalType::SEI_SUFFIX))
        };
        self.units(data, is_sei, 2);
    }

    fn units(&mut self, data: &[u8], is_sei: impl Fn(&[u8]) -> bool, header: usize) {
        let Some(header) = NonZeroUsize::new(header) else { return };
        let units = nal::LengthPrefixed::new(data, 4).map_while(Result::ok);
        for unit in units.filter(|unit| is_sei(unit)) {
            let _ = self.messages(&mut ByteReader::skipping_bytes(unit, header));
        }
    }

    /// Whether there are any.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        let [first, second, cea_708] = self.seen;
        !(first || second || cea_708)
    }

    /// Those of either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        let [a, b, c] = self.seen;
        let [first, second, third] = other.seen;
        Self { seen: [a || first, b || second, c || third] }
    }

    /// CEA-608 channels by their names, `CC1` and `CC3`.
    pub fn cea_608(self) -> impl Iterator<Item = &'static str> {
        let [first, second, _] = self.seen;
        [("CC1", first), ("CC3", second)].into_iter().filter_map(|(name, is)| is.then_some(name))
    }

    /// Whether there is CEA-708.
    #[must_use]
    pub const fn has_cea_708(self) -> bool {
        let [.., cea_708] = self.seen;
        cea_708
    }

    /// All SEI messages of a NAL unit (H.264 7.3.2.3.1). `None` at its end.
    fn messages(&mut self, bytes: &mut impl Read) -> Option<()> {
        loop {
            let (kind, size) = (extended(bytes)?, extended(bytes)?);
            let mut message = bytes.by_ref().take(size.into());
            if kind == REGISTERED {
                let _ = self.registered(&mut message);
            }
            std::io::copy(&mut message, &mut std::io::sink()).ok()?;
        }
    }

    fn registered(&mut self, bytes: &mut impl Read) -> Option<()> {
        let mut head = [0; 10];
        bytes.read_exact(&mut head).ok()?;
        // `process_cc_data_flag` and `cc_count`, then `em_data`.
        let [.., flags, _] = head;
        if !head.starts_with(&CC_DATA) || flags & 0x40 == 0 {
            return None;
        }
        for _ in 0..flags & 0x1f {
            let mut entry = [0; 3];
            bytes.read_exact(&mut entry).ok()?;
            let [marker, first, second] = entry;
            let is_valid = marker & 4 != 0;
            // Without their bits of parity, both bytes of padding are zero.
            let has_text = (first | second) & 0x7f != 0;
            let [field_1, field_2, cea_708] = &mut self.seen;
            match marker & 3 {
                0 => *field_1 |= is_valid && has_text,
                1 => *field_2 |= is_valid && has_text,
                _ => *cea_708 |= is_valid,
            }
        }
        Some(())
    }
}

/// A number in bytes, of which all but the last are 255.
fn extended(bytes: &mut impl Read) -> Option<u32> {
    let mut sum = 0_u32;
    loop {
        let mut byte = [0];
        bytes.read_exact(&mut byte).ok()?;
        let [byte] = byte;
        sum = sum.checked_add(byte.into())?;
        if byte != 0xff {
            return Some(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An access unit with an SEI of these entries of `cc_data()` behind one that has to be passed over, and a slice.
    fn unit(header: &[u8], entries: &[[u8; 3]]) -> Vec<u8> {
        let count = u8::try_from(entries.len()).unwrap();
        let mut sei = [header, &[5, 3, 0, 0, 3, 1, 4]].concat();
        let cc: Vec<u8> =
            [&CC_DATA[..], &[0x40 | count, 0xff], &entries.concat(), &[0xff]].concat();
        sei.push(u8::try_from(cc.len()).unwrap());
        sei.extend(cc);
        sei.push(0x80);
        let nal = |nal: &[u8]| {
            let len = u32::try_from(nal.len()).unwrap();
            [&len.to_be_bytes()[..], nal].concat()
        };
        [nal(&sei), nal(&[0x65, 0x88, 0x80])].concat()
    }

    fn seen(look: fn(&mut Captions, &[u8]), units: &[Vec<u8>]) -> (Vec<&'static str>, bool) {
        let mut captions = Captions::default();
        units.iter().for_each(|unit| look(&mut captions, unit));
        assert_eq!(captions.is_empty(), captions == Captions::default());
        (captions.cea_608().collect(), captions.has_cea_708())
    }

    #[test]
    fn channels_that_carry_something_are_told() {
        let one = |entries: &[[u8; 3]]| seen(Captions::avc, &[unit(&[6], entries)]);
        let text = [0xfc, 0x94, 0x2c];
        assert_eq!(one(&[text]), (vec!["CC1"], false));
        assert_eq!(one(&[[0xfd, 0x94, 0x2c]]), (vec!["CC3"], false));
        assert_eq!(one(&[[0xff, 2, 0x21]]), (vec![], true));
        // Padding, and what is not valid.
        assert_eq!(one(&[[0xfc, 0x80, 0x80], [0xfa, 0, 0]]), (vec![], false));
        assert_eq!(one(&[[0xf8, 0x94, 0x2c]]), (vec![], false));
        let both = [unit(&[6], &[text]), unit(&[6], &[[0xfd, 0x94, 0x2c]])];
        assert_eq!(seen(Captions::avc, &both), (vec!["CC1", "CC3"], false));
        assert_eq!(seen(Captions::hevc, &[unit(&[39 << 1, 1], &[text])]), (vec!["CC1"], false));
        assert_eq!(seen(Captions::hevc, &[unit(&[6], &[text])]), (vec![], false));
    }

    #[test]
    fn what_is_cut_off_tells_nothing_wrong() {
        let whole = unit(&[6], &[[0xfc, 0x94, 0x2c]]);
        for end in 0..whole.len() {
            let (cea_608, cea_708) = seen(Captions::avc, &[whole[..end].to_vec()]);
            assert!(!cea_708 && cea_608.iter().all(|name| *name == "CC1"), "{end}: {cea_608:?}");
        }
    }
}
