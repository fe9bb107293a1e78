//! A growing buffer with big-endian fields that can be patched once their value is known.

use bytes::{BufMut, Bytes, BytesMut};

/// Writes big-endian fields; sizes and offsets may be patched afterwards.
#[derive(Debug, Default)]
pub struct Writer {
    buf: BytesMut,
}

impl Writer {
    /// An empty writer with room for `capacity` bytes. Never pass a size read from input.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { buf: BytesMut::with_capacity(capacity) }
    }

    /// Bytes written so far: also the position of the next one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// Unsigned 8 bits.
    pub fn u8(&mut self, value: u8) {
        self.buf.put_u8(value);
    }

    /// Unsigned 16 bits.
    pub fn u16(&mut self, value: u16) {
        self.buf.put_u16(value);
    }

    /// The low 24 bits of `value`.
    pub fn u24(&mut self, value: u32) {
        let [_, a, b, c] = value.to_be_bytes();
        self.buf.put_slice(&[a, b, c]);
    }

    /// Unsigned 32 bits.
    pub fn u32(&mut self, value: u32) {
        self.buf.put_u32(value);
    }

    /// Unsigned 32 bits, little-endian.
    pub fn u32_le(&mut self, value: u32) {
        self.buf.put_u32_le(value);
    }

    /// Signed 32 bits.
    pub fn i32(&mut self, value: i32) {
        self.buf.put_i32(value);
    }

    /// Unsigned 64 bits.
    pub fn u64(&mut self, value: u64) {
        self.buf.put_u64(value);
    }

    /// Signed 64 bits.
    pub fn i64(&mut self, value: i64) {
        self.buf.put_i64(value);
    }

    /// IEEE 754 double.
    pub fn f64(&mut self, value: f64) {
        self.buf.put_f64(value);
    }

    /// A slice as it is.
    pub fn bytes(&mut self, value: &[u8]) {
        self.buf.put_slice(value);
    }

    /// `count` zero bytes.
    pub fn zeros(&mut self, count: usize) {
        self.buf.put_bytes(0, count);
    }

    /// Overwrites bytes written earlier. Positions past the end are ignored: only what was written can be patched.
    pub fn patch(&mut self, at: usize, value: &[u8]) {
        let end = at.saturating_add(value.len());
        if let Some(slot) = self.buf.get_mut(at..end) {
            slot.copy_from_slice(value);
        }
    }

    /// Bytes written earlier; none where the range goes past them.
    pub fn get_mut(&mut self, at: usize, len: usize) -> &mut [u8] {
        self.buf.get_mut(at..at.saturating_add(len)).unwrap_or_default()
    }

    /// Overwrites the 32-bit field at `at`.
    pub fn patch_u32(&mut self, at: usize, value: u32) {
        self.patch(at, &value.to_be_bytes());
    }

    /// What has been written.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.buf
    }

    /// Ends the writing.
    #[must_use]
    pub fn freeze(self) -> Bytes {
        self.buf.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_what_was_written_and_nothing_else() {
        let mut writer = Writer::default();
        writer.u32(0);
        writer.u24(0x0102_0304);
        writer.patch_u32(0, 7);
        writer.patch_u32(5, 9);
        assert_eq!(writer.freeze().as_ref(), [0, 0, 0, 7, 2, 3, 4]);
    }
}
