//! What is remembered of one chunk stream.

use bytes::Bytes;

use super::{EXTENDED, MessageHeader, PLAUSIBLE_DELTA, RepeatAfterFullHeader};
use crate::time::Micros;

/// Bytes that the buffer of a message starts with at most, whatever length is declared.
/// It holds the key frames of most streams, so that they never move; memory that no byte was written to costs nothing yet.
const FIRST_ALLOCATION: usize = 512 << 10;

/// Header state and partial payload of one chunk stream.
#[derive(Debug)]
pub(super) struct ChunkStream {
    pub(super) csid: u32,
    /// Absolute time of the message in progress, or of the last one.
    pub(super) timestamp: u32,
    pub(super) length: u32,
    pub(super) type_id: u8,
    pub(super) stream_id: u32,
    /// Whether the last header of type 0 to 2 had an extended timestamp, and its value.
    pub(super) extended: bool,
    pub(super) field: u32,
    /// Whether the last header of type 0 to 2 was of type 0: its field was no delta.
    pub(super) full: bool,
    pub(super) partial: Option<Partial>,
}

impl ChunkStream {
    pub(super) const fn new(csid: u32) -> Self {
        Self {
            csid,
            timestamp: 0,
            length: 0,
            type_id: 0,
            stream_id: 0,
            extended: false,
            field: 0,
            full: false,
            partial: None,
        }
    }

    /// Takes over a header of type 0 to 2.
    pub(super) fn apply(&mut self, message: &MessageHeader, extended: Option<u32>) {
        self.extended = message.time == EXTENDED;
        self.field = extended.unwrap_or(message.time);
        self.full = message.stream_id.is_some();
        if let Some((length, type_id)) = message.shape {
            (self.length, self.type_id) = (length, type_id);
        }
        if let Some(stream_id) = message.stream_id {
            self.stream_id = stream_id;
            self.timestamp = self.field;
        } else {
            // A delta, extended or not (5.3.1.2.2); a wrapped one runs backwards.
            self.timestamp = self.timestamp.wrapping_add(self.field);
        }
    }

    /// Starts a message by a header of type 3: the last delta once more.
    pub(super) fn repeat(&mut self, policy: RepeatAfterFullHeader) {
        let zero = self.full
            && match policy {
                RepeatAfterFullHeader::Timestamp => false,
                RepeatAfterFullHeader::Zero => true,
                RepeatAfterFullHeader::Auto => self.field > PLAUSIBLE_DELTA,
            };
        if !zero {
            self.timestamp = self.timestamp.wrapping_add(self.field);
        }
    }
}

/// A message in the making.
#[derive(Debug)]
pub(super) struct Partial {
    buf: Vec<u8>,
    length: usize,
    pub(super) chunks: usize,
    pub(super) since: Micros,
    #[cfg(feature = "_testing")]
    moved: u64,
}

impl Partial {
    /// Room for a message of `length` bytes, of which at most 512 KiB are allocated on the word of a header.
    pub(super) fn new(length: usize, since: Micros) -> Self {
        Self {
            buf: Vec::with_capacity(length.min(FIRST_ALLOCATION)),
            length,
            chunks: 0,
            since,
            #[cfg(feature = "_testing")]
            moved: 0,
        }
    }

    pub(super) const fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    pub(super) const fn len(&self) -> usize {
        self.buf.len()
    }

    /// Bytes still to come.
    pub(super) const fn missing(&self) -> usize {
        self.length.saturating_sub(self.buf.len())
    }

    /// Adds payload. The caller gives no more than is missing.
    pub(super) fn append(&mut self, payload: &[u8]) {
        if payload.len() > self.buf.capacity() - self.buf.len() {
            self.grow(payload.len());
        }
        self.buf.extend_from_slice(payload);
    }

    /// Doubles the buffer, or makes it hold `more` bytes that are there; never past the length of the message.
    #[cold]
    fn grow(&mut self, more: usize) {
        let needed = self.buf.len() + more;
        let capacity = needed.max(2 * self.buf.capacity()).min(self.length.max(needed));
        #[cfg(feature = "_testing")]
        let before = self.buf.as_ptr();
        self.buf.reserve_exact(capacity - self.buf.len());
        #[cfg(feature = "_testing")]
        if before != self.buf.as_ptr() {
            self.moved += self.buf.len() as u64;
        }
    }

    #[cfg(feature = "_testing")]
    pub(super) const fn take_moved(&mut self) -> u64 {
        std::mem::replace(&mut self.moved, 0)
    }

    /// The whole payload, in an allocation of exactly its size.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from(self.buf)
    }
}
