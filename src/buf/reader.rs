//! A bounded cursor whose errors name the field and the absolute byte.

use crate::error::{Error, Layer, Result};

/// Reads big-endian fields off a slice. Every read is bounded; a short input is an error that names the field.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
    pos: usize,
    base: u64,
    layer: Layer,
}

impl<'a> Reader<'a> {
    /// Reads `data`; errors are said to be of `layer`.
    #[must_use]
    pub const fn new(layer: Layer, data: &'a [u8]) -> Self {
        Self { data, pos: 0, base: 0, layer }
    }

    /// The same, where `data` starts at byte `base` of the connection or file.
    #[must_use]
    pub const fn with_base(layer: Layer, data: &'a [u8], base: u64) -> Self {
        Self { data, pos: 0, base, layer }
    }

    /// Bytes not yet read.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.data.len() - self.pos
    }

    /// Whether all has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.pos
    }

    /// Absolute offset of the next byte.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.base + self.pos as u64
    }

    /// What is left, without reading it.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.data.get(self.pos..).unwrap_or_default()
    }

    /// An error of this reader's layer at the next byte.
    #[must_use]
    pub fn malformed(&self, field: &'static str) -> Error {
        Error::malformed(self.layer, field).at(self.offset())
    }

    /// Takes `len` bytes.
    pub fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8]> {
        let end = self.pos.checked_add(len).filter(|&end| end <= self.data.len());
        let taken = end.and_then(|end| self.data.get(self.pos..end));
        let Some(taken) = taken else { return Err(self.malformed(field)) };
        self.pos += len;
        Ok(taken)
    }

    /// Takes a fixed number of bytes.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        let error = self.malformed(field);
        self.take(N, field)?.try_into().map_err(|_| error)
    }

    /// Passes over `len` bytes.
    pub fn skip(&mut self, len: usize, field: &'static str) -> Result<()> {
        self.take(len, field).map(drop)
    }

    /// Unsigned 8 bits.
    pub fn u8(&mut self, field: &'static str) -> Result<u8> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    /// Unsigned 16 bits, big-endian.
    pub fn u16(&mut self, field: &'static str) -> Result<u16> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// Unsigned 24 bits, big-endian.
    pub fn u24(&mut self, field: &'static str) -> Result<u32> {
        self.array(field).map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Signed 24 bits, big-endian, sign-extended.
    pub fn i24(&mut self, field: &'static str) -> Result<i32> {
        self.u24(field).map(|value| (value << 8).cast_signed() >> 8)
    }

    /// Unsigned 32 bits, big-endian.
    pub fn u32(&mut self, field: &'static str) -> Result<u32> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// Unsigned 32 bits, little-endian (RTMP message stream ids).
    pub fn u32_le(&mut self, field: &'static str) -> Result<u32> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// Signed 32 bits, big-endian.
    pub fn i32(&mut self, field: &'static str) -> Result<i32> {
        self.array(field).map(i32::from_be_bytes)
    }

    /// Unsigned 64 bits, big-endian.
    pub fn u64(&mut self, field: &'static str) -> Result<u64> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// IEEE 754 double, big-endian.
    pub fn f64(&mut self, field: &'static str) -> Result<f64> {
        self.array(field).map(f64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_names_the_missing_one() {
        let mut reader = Reader::with_base(Layer::Flv, &[0xff, 0xff, 0xfe, 1, 0, 0, 0, 9], 100);
        assert_eq!(reader.i24("composition time").unwrap(), -2);
        assert_eq!(reader.u32_le("message stream id").unwrap(), 1);
        let error = reader.u16("length").unwrap_err();
        assert_eq!(error.to_string(), "FLV: malformed: length at byte 107");
        assert_eq!(reader.rest(), [9]);
        assert!(reader.take(usize::MAX, "x").is_err());
    }
}
