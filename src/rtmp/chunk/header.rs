//! The bytes of a chunk header (RTMP 1.0 5.3.1): basic header, message header, extended timestamp.

use super::EXTENDED;

/// Longest header: 3 bytes basic, 11 bytes message, 4 bytes extended timestamp.
pub(super) const MAX_HEADER: usize = 18;

/// The basic header: chunk type and chunk stream id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Basic {
    pub(super) fmt: u8,
    pub(super) csid: u32,
    /// Bytes that it took.
    pub(super) len: usize,
}

/// Reads a basic header, or nothing where bytes are missing. The 3-byte form is little-endian (5.3.1.1).
pub(super) fn parse_basic(input: &[u8]) -> Option<Basic> {
    let (&first, rest) = input.split_first()?;
    let fmt = first >> 6;
    Some(match (first & 0x3f, rest) {
        (0, &[low, ..]) => Basic { fmt, csid: 64 + u32::from(low), len: 2 },
        (1, &[low, high, ..]) => {
            Basic { fmt, csid: 64 + u32::from(u16::from_le_bytes([low, high])), len: 3 }
        }
        (0 | 1, _) => return None,
        (csid, _) => Basic { fmt, csid: csid.into(), len: 1 },
    })
}

/// The message header of chunk types 0 to 2. What a type leaves out is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageHeader {
    /// The 24-bit field: absolute time for type 0, delta for 1 and 2.
    pub(super) time: u32,
    /// Length and message type id.
    pub(super) shape: Option<(u32, u8)>,
    pub(super) stream_id: Option<u32>,
}

/// Bytes of the message header of a chunk type.
pub(super) const fn message_header_len(fmt: u8) -> usize {
    match fmt {
        0 => 11,
        1 => 7,
        2 => 3,
        _ => 0,
    }
}

/// Reads the message header of type `fmt` (0 to 2), or nothing where bytes are missing.
pub(super) fn parse_message_header(fmt: u8, input: &[u8]) -> Option<MessageHeader> {
    let (&[t0, t1, t2], rest) = input.split_first_chunk()?;
    let time = u32::from_be_bytes([0, t0, t1, t2]);
    if fmt == 2 {
        return Some(MessageHeader { time, shape: None, stream_id: None });
    }
    let (&[l0, l1, l2, type_id], rest) = rest.split_first_chunk()?;
    let shape = Some((u32::from_be_bytes([0, l0, l1, l2]), type_id));
    if fmt == 1 {
        return Some(MessageHeader { time, shape, stream_id: None });
    }
    // The message stream id alone is little-endian (5.3.1.2.1).
    let stream_id = Some(u32::from_le_bytes(*rest.first_chunk()?));
    Some(MessageHeader { time, shape, stream_id })
}

/// A header in the making: a few bytes without an allocation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeaderBytes {
    bytes: [u8; MAX_HEADER],
    len: usize,
}

impl HeaderBytes {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if let Some(slot) = self.bytes.get_mut(self.len..end) {
            slot.copy_from_slice(bytes);
            self.len = end;
        }
    }

    /// The basic header, in its shortest form.
    pub(super) fn basic(fmt: u8, csid: u32) -> Self {
        let mut header = Self::default();
        let high = fmt << 6;
        match (u8::try_from(csid), u8::try_from(csid.saturating_sub(64))) {
            (Ok(csid @ 2..=63), _) => header.push(&[high | csid]),
            (_, Ok(low)) => header.push(&[high, low]),
            _ => {
                let [low, middle, ..] = csid.saturating_sub(64).min(0xffff).to_le_bytes();
                header.push(&[high | 1, low, middle]);
            }
        }
        header
    }

    /// The 24-bit time field, saturated to the escape value.
    pub(super) fn time(&mut self, time: u32) {
        let [_, a, b, c] = time.min(EXTENDED).to_be_bytes();
        self.push(&[a, b, c]);
    }

    /// Message length and type.
    pub(super) fn shape(&mut self, len: u32, type_id: u8) {
        let [_, a, b, c] = len.to_be_bytes();
        self.push(&[a, b, c, type_id]);
    }

    pub(super) fn stream_id(&mut self, stream_id: u32) {
        self.push(&stream_id.to_le_bytes());
    }

    /// The extended timestamp.
    pub(super) fn extended(&mut self, value: u32) {
        self.push(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a2_01_basic_header_forms_at_their_edges() {
        for (csid, len) in [(2, 1), (63, 1), (64, 2), (319, 2), (320, 3), (65_599, 3)] {
            let header = HeaderBytes::basic(3, csid);
            assert_eq!(header.as_slice().len(), len, "csid {csid}");
            assert_eq!(parse_basic(header.as_slice()), Some(Basic { fmt: 3, csid, len }));
        }
        assert_eq!(parse_basic(&[0x01, 0x01, 0x02]).unwrap().csid, 64 + 1 + 2 * 256);
        assert_eq!((parse_basic(&[]), parse_basic(&[0]), parse_basic(&[1, 5])), (None, None, None));
    }

    #[test]
    fn a2_02_long_form_of_a_small_id_is_the_same_stream() {
        assert_eq!(
            parse_basic(&[0x01, 36, 0]).unwrap().csid,
            parse_basic(&[0x00, 36]).unwrap().csid
        );
    }

    #[test]
    fn a2_05_message_stream_id_is_little_endian() {
        let header = parse_message_header(0, &[0, 0, 5, 0, 0, 9, 8, 1, 0, 0, 0]).unwrap();
        assert_eq!(header, MessageHeader { time: 5, shape: Some((9, 8)), stream_id: Some(1) });
        let mut written = HeaderBytes::default();
        written.stream_id(1);
        assert_eq!(written.as_slice(), [1, 0, 0, 0]);
    }
}
