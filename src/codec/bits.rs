//! A bounded bit reader and a bit writer for parameter sets, sequence headers and configuration records.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::{Error, Layer, Result};

/// Reads big-endian bit fields, Exp-Golomb codes and fixed-size integers off a slice.
///
/// Every read is bounded: a short input is an error that names the syntax element, its byte and the clause that was
/// given. Nothing is allocated. With [`BitReader::escaped`] the reader passes over emulation prevention bytes
/// itself, so that error offsets count the bytes as they came.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    data: &'a [u8],
    next: usize,
    cache: u64,
    cached: u32,
    zeros: u8,
    escaped: bool,
    clause: &'static str,
}

impl<'a> BitReader<'a> {
    /// Reads `data` as it is; errors cite `clause`.
    #[must_use]
    pub const fn new(data: &'a [u8], clause: &'static str) -> Self {
        Self { data, next: 0, cache: 0, cached: 0, zeros: 0, escaped: false, clause }
    }

    /// Reads the payload of a NAL unit: a byte 3 behind two zero bytes is passed over (H.264 and H.265, 7.4.1).
    #[must_use]
    pub const fn escaped(data: &'a [u8], clause: &'static str) -> Self {
        Self { escaped: true, ..Self::new(data, clause) }
    }

    /// Offset in bytes of the next bit.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        (self.next as u64).saturating_sub((self.cached as u64).div_ceil(8))
    }

    /// An error about `field` at the next bit.
    #[must_use]
    pub const fn malformed(&self, field: &'static str) -> Error {
        Error::malformed(Layer::Codec, field).at(self.offset()).clause(self.clause)
    }

    /// An error about `field`, valid and not implemented, at the next bit.
    #[must_use]
    pub const fn unsupported(&self, field: &'static str) -> Error {
        Error::unsupported(Layer::Codec, field).at(self.offset()).clause(self.clause)
    }

    /// Unsigned `count` bits, at most 32.
    ///
    /// # Errors
    /// Fewer bits left; or `count` above 32, which is a misuse.
    pub fn u32(&mut self, count: u32, field: &'static str) -> Result<u32> {
        if count > 32 {
            return Err(Error::misuse(Layer::Codec, field));
        }
        while self.cached < count {
            let Some(byte) = self.next_byte() else { return Err(self.malformed(field)) };
            self.cache = self.cache << 8 | u64::from(byte);
            self.cached += 8;
        }
        self.cached -= count;
        let value = self.cache >> self.cached & ((1 << count) - 1);
        u32::try_from(value).map_err(|_| self.malformed(field))
    }

    /// Unsigned `count` bits, at most 16.
    ///
    /// # Errors
    /// As [`BitReader::u32`].
    pub fn u16(&mut self, count: u32, field: &'static str) -> Result<u16> {
        let value = self.u32(count, field)?;
        u16::try_from(value).map_err(|_| Error::misuse(Layer::Codec, field))
    }

    /// Unsigned `count` bits, at most 8.
    ///
    /// # Errors
    /// As [`BitReader::u32`].
    pub fn u8(&mut self, count: u32, field: &'static str) -> Result<u8> {
        let value = self.u32(count, field)?;
        u8::try_from(value).map_err(|_| Error::misuse(Layer::Codec, field))
    }

    /// One bit.
    ///
    /// # Errors
    /// No bit left.
    pub fn flag(&mut self, field: &'static str) -> Result<bool> {
        self.u32(1, field).map(|bit| bit != 0)
    }

    /// Passes over `count` bits.
    ///
    /// # Errors
    /// Fewer bits left.
    pub fn skip(&mut self, mut count: u32, field: &'static str) -> Result<()> {
        while count > 0 {
            let step = count.min(32);
            self.u32(step, field)?;
            count -= step;
        }
        Ok(())
    }

    /// Unsigned Exp-Golomb code `ue(v)`, 0 to 2^32 - 2 (H.264 and H.265, 9.1 and 9.2).
    ///
    /// # Errors
    /// No end, or more than 31 leading zero bits.
    pub fn ue(&mut self, field: &'static str) -> Result<u32> {
        let mut zeros = 0;
        while !self.flag(field)? {
            zeros += 1;
            if zeros > 31 {
                return Err(self.malformed(field));
            }
        }
        Ok(((1u32 << zeros) - 1).saturating_add(self.u32(zeros, field)?))
    }

    /// Unsigned Exp-Golomb code that must not be above `max`.
    ///
    /// # Errors
    /// As [`BitReader::ue`]; and a larger value.
    pub fn ue_max(&mut self, max: u32, field: &'static str) -> Result<u32> {
        let error = self.malformed(field);
        let value = self.ue(field)?;
        if value > max { Err(error.found(u64::from(value))) } else { Ok(value) }
    }

    /// Signed Exp-Golomb code `se(v)`.
    ///
    /// # Errors
    /// As [`BitReader::ue`].
    pub fn se(&mut self, field: &'static str) -> Result<i32> {
        let code = i64::from(self.ue(field)?);
        let value = if code & 1 == 1 { (code + 1) / 2 } else { -(code / 2) };
        i32::try_from(value).map_err(|_| self.malformed(field))
    }

    /// Unsigned `uvlc()` of AV1 (4.10.3): as `ue(v)`, where 32 leading zeros stand for 2^32 - 1.
    ///
    /// # Errors
    /// No end.
    pub fn uvlc(&mut self, field: &'static str) -> Result<u32> {
        let mut zeros = 0;
        while !self.flag(field)? {
            zeros += 1;
        }
        if zeros >= 32 {
            return Ok(u32::MAX);
        }
        Ok(((1u32 << zeros) - 1).saturating_add(self.u32(zeros, field)?))
    }

    fn next_byte(&mut self) -> Option<u8> {
        let mut byte = *self.data.get(self.next)?;
        if self.escaped && self.zeros >= 2 && byte == 3 {
            self.zeros = 0;
            self.next += 1;
            byte = *self.data.get(self.next)?;
        }
        self.zeros = if byte == 0 { self.zeros.saturating_add(1) } else { 0 };
        self.next += 1;
        Some(byte)
    }
}

/// Writes big-endian bit fields; the last byte is filled with zero bits.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: BytesMut,
    cache: u8,
    cached: u32,
}

impl BitWriter {
    /// The low `count` bits of `value`, at most 32.
    pub fn bits(&mut self, count: u32, value: impl Into<u32>) {
        let value = value.into();
        for bit in (0..count.min(32)).rev() {
            self.cache = self.cache << 1 | u8::from(value >> bit & 1 == 1);
            self.cached += 1;
            if self.cached == 8 {
                self.bytes.put_u8(self.cache);
                self.cached = 0;
            }
        }
    }

    /// Ends the writing.
    #[must_use]
    pub fn freeze(mut self) -> Bytes {
        let left = (8 - self.cached) % 8;
        self.bits(left, 0u32);
        self.bytes.freeze()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exp_golomb_codes_of_the_table_and_the_largest() {
        // 1, 010, 011, 00100, 00111 and the signed readings of H.264 table 9-3.
        let bits = [0b1010_0110, 0b0100_0011, 0b1000_0000];
        let mut reader = BitReader::new(&bits, "");
        let codes: Vec<u32> = (0..5).map(|_| reader.ue("x").unwrap()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 6]);
        let mut reader = BitReader::new(&bits, "");
        let codes: Vec<i32> = (0..5).map(|_| reader.se("x").unwrap()).collect();
        assert_eq!(codes, [0, 1, -1, 2, -3]);
        let largest = [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(BitReader::new(&largest, "").ue("x").unwrap(), u32::MAX - 1);
    }

    #[test]
    fn c1_19_f_14_exp_golomb_with_32_leading_zeros_is_an_error() {
        let error =
            BitReader::new(&[0, 0, 0, 0, 0xff, 0xff], "H.265 9.2").ue("sps_id").unwrap_err();
        assert_eq!(error.to_string(), "codec: malformed: sps_id at byte 4 [H.265 9.2]");
        assert_eq!(BitReader::new(&[0, 0, 0, 0, 0x80], "").uvlc("x").unwrap(), u32::MAX);
    }

    #[test]
    fn emulation_prevention_is_passed_over_and_offsets_count_it() {
        let mut reader = BitReader::escaped(&[0, 0, 3, 1, 0, 0, 3, 0, 0, 3], "");
        assert_eq!(reader.u32(32, "a").unwrap(), 0x0000_0100);
        assert_eq!(reader.offset(), 5);
        assert_eq!(reader.u32(16, "b").unwrap(), 0);
        assert_eq!(reader.u32(8, "c").unwrap(), 0);
        assert_eq!(reader.flag("d").unwrap_err().offset(), Some(10));
    }

    proptest! {
        #[test]
        fn reads_what_was_written(fields in prop::collection::vec((0u32..=32, any::<u32>()), 0..40)) {
            let mut writer = BitWriter::default();
            for &(count, value) in &fields {
                writer.bits(count, value);
            }
            let bytes = writer.freeze();
            let mut reader = BitReader::new(&bytes, "");
            for &(count, value) in &fields {
                let mask = if count == 0 { 0 } else { u32::MAX >> (32 - count) };
                prop_assert_eq!(reader.u32(count, "x").unwrap(), value & mask);
            }
        }

        #[test]
        fn escaped_reading_equals_unescaping_first(data in prop::collection::vec(0u8..5, 0..64)) {
            let (mut plain, mut zeros) = (Vec::new(), 0);
            for &byte in &data {
                if zeros >= 2 && byte == 3 {
                    zeros = 0;
                    continue;
                }
                zeros = if byte == 0 { zeros + 1 } else { 0 };
                plain.push(byte);
            }
            let mut reader = BitReader::escaped(&data, "");
            let mut read = Vec::new();
            while let Ok(byte) = reader.u8(8, "x") {
                read.push(byte);
            }
            // A prevention byte behind another one is not possible in a stream; both readings agree on it all the same.
            prop_assert_eq!(read, plain);
        }
    }
}
