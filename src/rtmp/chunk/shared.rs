//! A message chunked once for any number of players.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};

use super::writer::{check, clamp_chunk_size, continuation, full_header, payload_len, push_chunks};
use super::{Message, csid};
use crate::buf::Chain;
use crate::error::Result;

/// A message cut into chunks once, to be sent to many peers that have the same chunk size and message stream id.
///
/// It starts with a type-0 header and the absolute time, so it depends on nothing that was sent before. The payload is
/// shared with the [`Message`]; only the headers are new. Cloning counts a reference.
#[derive(Clone, Debug)]
pub struct SharedMessage {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    chain: Chain,
    chunk_size: u32,
    csid: u32,
    type_id: u8,
    stream_id: u32,
    timestamp: u32,
    payload_len: u32,
}

impl SharedMessage {
    /// Cuts `message` into chunks of `chunk_size` bytes (clamped to 1..=0xFFFFFF) on the chunk stream of its type.
    /// Type-3 chunks repeat an extended timestamp, as RTMP 1.0 5.3.1.3 says.
    ///
    /// # Errors
    /// Misuse where the payload is longer than 16,777,215 bytes.
    pub fn try_new(message: &Message, chunk_size: u32) -> Result<Self> {
        Self::build(message, chunk_size, true)
    }

    /// The same; a payload that no message can hold is cut at 16,777,215 bytes.
    #[must_use]
    pub fn new(message: &Message, chunk_size: u32) -> Self {
        Self::cut(message, chunk_size, true)
    }

    /// As [`new`](Self::new), where type-3 chunks do not repeat an extended timestamp: for players on librtmp past
    /// 4 h 39 min, which do not expect it (A3-07).
    #[must_use]
    pub fn without_repeated_timestamp(message: &Message, chunk_size: u32) -> Self {
        Self::cut(message, chunk_size, false)
    }

    fn cut(message: &Message, chunk_size: u32, repeat: bool) -> Self {
        let mut message = message.clone();
        message.payload.truncate(super::MAX_MESSAGE_BYTES);
        Self::assemble(&message, chunk_size, repeat)
    }

    fn build(message: &Message, chunk_size: u32, repeat: bool) -> Result<Self> {
        check(csid::of(message.type_id, message.stream_id), message)?;
        Ok(Self::assemble(message, chunk_size, repeat))
    }

    fn assemble(message: &Message, chunk_size: u32, repeat: bool) -> Self {
        let chunk_size = clamp_chunk_size(chunk_size);
        let csid = csid::of(message.type_id, message.stream_id);
        let first = full_header(csid, message);
        let next = continuation(csid, first.extended.filter(|_| repeat));
        let mut heads =
            BytesMut::with_capacity(first.bytes.as_slice().len() + next.as_slice().len());
        heads.put_slice(first.bytes.as_slice());
        let first = heads.split().freeze();
        heads.put_slice(next.as_slice());
        let mut chain = Chain::new();
        push_chunks(&mut chain, first, &heads.freeze(), &message.payload, chunk_size as usize);
        let inner = Inner {
            chain,
            chunk_size,
            csid,
            type_id: message.type_id,
            stream_id: message.stream_id,
            timestamp: message.timestamp,
            payload_len: payload_len(message),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The chunks: heads and slices of the payload in turn.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.inner.chain
    }

    /// Bytes on the wire.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.chain.len()
    }

    /// Never true: a message has at least a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.chain.is_empty()
    }

    /// The chunk size that it was made for, in bytes.
    #[must_use]
    pub fn chunk_size(&self) -> u32 {
        self.inner.chunk_size
    }

    /// The message type id.
    #[must_use]
    pub fn type_id(&self) -> u8 {
        self.inner.type_id
    }

    /// The message stream that it was made for.
    #[must_use]
    pub fn stream_id(&self) -> u32 {
        self.inner.stream_id
    }

    /// Absolute time in milliseconds, wrapping at 2^32.
    #[must_use]
    pub fn timestamp(&self) -> u32 {
        self.inner.timestamp
    }

    /// Bytes of payload.
    #[must_use]
    pub fn payload_len(&self) -> u32 {
        self.inner.payload_len
    }

    pub(super) fn csid(&self) -> u32 {
        self.inner.csid
    }
}
