//! Tags to bytes.

use bytes::Bytes;

use super::header::{Header, TagHeader};
use super::tag::Tag;
use crate::buf::{Chain, Writer as Buffer};
use crate::error::{Error, Layer, Result};

/// Writes an FLV file or stream: the header once, then tags. Bodies are shared, never copied.
#[derive(Debug, Default)]
pub struct Writer {
    offset: u64,
}

impl Writer {
    /// A writer at the start of a file.
    #[must_use]
    pub const fn new() -> Self {
        Self { offset: 0 }
    }

    /// The file header and the first `PreviousTagSize`: 13 bytes.
    pub fn header(&mut self, audio: bool, video: bool) -> Bytes {
        let header = Header::new(audio, video).to_bytes();
        self.offset += header.len() as u64;
        header
    }

    /// One tag: an 11-byte head, the body, and `PreviousTagSize`.
    ///
    /// # Errors
    ///
    /// Limit where the body has 2^24 bytes or more, which the head cannot say; nothing is written then.
    pub fn tag(&mut self, tag: &Tag) -> Result<Chain> {
        let too_large = Error::limit(Layer::Flv, "DataSize")
            .found(tag.body.len() as u64)
            .clause("FLV 10.1 E.4.1");
        let size =
            u32::try_from(tag.body.len()).ok().filter(|&size| size < 1 << 24).ok_or(too_large)?;
        let head = TagHeader {
            type_byte: tag.kind.type_id(),
            size,
            timestamp: tag.timestamp,
            stream_id: 0,
        };
        // Head and tail in one small allocation.
        let mut ends = Buffer::with_capacity(TagHeader::LEN + 4);
        ends.bytes(&head.to_bytes());
        ends.u32(size + 11);
        let mut head = ends.freeze();
        let tail = head.split_off(TagHeader::LEN);
        let chain: Chain = [head, tag.body.clone(), tail].into_iter().collect();
        self.offset += chain.len() as u64;
        Ok(chain)
    }

    /// Counts `bytes` that were written by other means, whole tags.
    pub(crate) const fn pass(&mut self, bytes: u64) {
        self.offset += bytes;
    }

    /// Bytes written so far: the file offset of the next tag.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}
