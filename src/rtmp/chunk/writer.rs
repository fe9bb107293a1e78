//! Cuts messages into chunks.

#[cfg(test)]
mod tests;

use bytes::{BufMut, BytesMut};

use super::header::HeaderBytes;
use super::{
    DEFAULT_CHUNK_SIZE, EXTENDED, MAX_CHUNK_SIZE, MAX_MESSAGE_BYTES, Message, SharedMessage,
};
use crate::buf::Chain;
use crate::error::{Error, Layer, Result};

/// Payloads up to this many bytes are copied behind their header: one buffer is cheaper to send than two.
const INLINE: usize = 256;

/// Cuts messages into chunks, with headers as short as the chunk stream allows.
///
/// A delta is never negative and never extended: a message that would need that starts with a type-0 header. A type-3
/// header never starts a message right behind a type-0 header, where readers disagree on what it means.
#[derive(Debug)]
pub struct Writer {
    chunk_size: u32,
    repeat_extended: bool,
    streams: Vec<ChunkStream>,
}

/// The last message of one chunk stream.
#[derive(Clone, Copy, Debug)]
struct ChunkStream {
    csid: u32,
    stream_id: u32,
    timestamp: u32,
    length: u32,
    type_id: u8,
    /// None behind a type-0 header.
    delta: Option<u32>,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// A writer with the default chunk size.
    #[must_use]
    pub const fn new() -> Self {
        Self { chunk_size: DEFAULT_CHUNK_SIZE, repeat_extended: true, streams: Vec::new() }
    }

    /// Bytes of payload in a chunk.
    #[must_use]
    pub const fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// Sets the bytes of payload in a chunk, clamped to 1..=[`MAX_CHUNK_SIZE`]. The caller has told the peer.
    pub const fn set_chunk_size(&mut self, chunk_size: u32) {
        self.chunk_size = clamp_chunk_size(chunk_size);
    }

    /// Sets whether type-3 chunks repeat the extended timestamp, as RTMP 1.0 5.3.1.3 says (the default). Players on
    /// librtmp do not expect it (A3-07).
    pub const fn set_repeat_extended_timestamp(&mut self, repeat: bool) {
        self.repeat_extended = repeat;
    }

    /// Adds the chunks of `message` on chunk stream `csid` (2..=65599) to `out`. Large payload is shared, not copied.
    ///
    /// # Errors
    /// Misuse where the payload is longer than [`MAX_MESSAGE_BYTES`] or `csid` is out of range; nothing is added then.
    pub fn write(&mut self, csid: u32, message: &Message, out: &mut Chain) -> Result<()> {
        check(csid, message)?;
        let first = self.header(csid, message);
        let next = self.continuation(csid, first.extended);
        let chunk_size = self.chunk_size as usize;
        let payload = &message.payload;
        if payload.len() <= INLINE {
            let mut joined =
                BytesMut::with_capacity(first.bytes.as_slice().len() + payload.len() + 24);
            for (at, part) in chunks(payload, chunk_size).enumerate() {
                joined.put_slice(if at == 0 { first.bytes.as_slice() } else { next.as_slice() });
                joined.put_slice(part);
            }
            out.push(joined.freeze());
            return Ok(());
        }
        let mut heads =
            BytesMut::with_capacity(first.bytes.as_slice().len() + next.as_slice().len());
        heads.put_slice(first.bytes.as_slice());
        let first = heads.split().freeze();
        heads.put_slice(next.as_slice());
        push_chunks(out, first, &heads.freeze(), payload, chunk_size);
        Ok(())
    }

    /// Adds a message that is already chunked. The chunk stream's state follows it.
    ///
    /// # Errors
    /// Misuse where it was made for another chunk size; nothing is added then.
    pub fn write_shared(&mut self, message: &SharedMessage, out: &mut Chain) -> Result<()> {
        if message.chunk_size() != self.chunk_size {
            let error = Error::misuse(Layer::Chunk, "chunk size of a shared message");
            return Err(error.found(message.chunk_size().into()));
        }
        out.extend_from(message.chain());
        let (csid, stream_id, type_id) = (message.csid(), message.stream_id(), message.type_id());
        let (timestamp, length) = (message.timestamp(), message.payload_len());
        self.remember(ChunkStream { csid, stream_id, timestamp, length, type_id, delta: None });
        Ok(())
    }

    fn remember(&mut self, stream: ChunkStream) {
        match self.streams.iter_mut().find(|known| known.csid == stream.csid) {
            Some(known) => *known = stream,
            None => self.streams.push(stream),
        }
    }

    /// The shortest header that says what `message` is.
    fn header(&mut self, csid: u32, message: &Message) -> Header {
        let (stream_id, timestamp, type_id) =
            (message.stream_id, message.timestamp, message.type_id);
        let length = payload_len(message);
        let mut next = ChunkStream { csid, stream_id, timestamp, length, type_id, delta: None };
        let known = self
            .streams
            .iter()
            .find(|known| known.csid == csid && known.stream_id == stream_id)
            .copied();
        let known = known.map(|known| (known, timestamp.wrapping_sub(known.timestamp)));
        let Some((known, delta)) = known.filter(|&(_, delta)| delta < EXTENDED) else {
            self.remember(next);
            return full_header(csid, message);
        };
        next.delta = Some(delta);
        self.remember(next);
        let same_shape = (known.length, known.type_id) == (length, type_id);
        let fmt = match known.delta {
            Some(last) if same_shape && last == delta => 3,
            _ if same_shape => 2,
            _ => 1,
        };
        let mut bytes = HeaderBytes::basic(fmt, csid);
        if fmt < 3 {
            bytes.time(delta);
        }
        if fmt < 2 {
            bytes.shape(length, type_id);
        }
        Header { bytes, extended: None }
    }

    fn continuation(&self, csid: u32, extended: Option<u32>) -> HeaderBytes {
        continuation(csid, extended.filter(|_| self.repeat_extended))
    }
}

/// The header of a message's first chunk.
pub(super) struct Header {
    pub(super) bytes: HeaderBytes,
    /// The extended timestamp in it.
    pub(super) extended: Option<u32>,
}

/// A type-0 header with the absolute time.
pub(super) fn full_header(csid: u32, message: &Message) -> Header {
    let mut bytes = HeaderBytes::basic(0, csid);
    let extended = (message.timestamp >= EXTENDED).then_some(message.timestamp);
    bytes.time(message.timestamp);
    bytes.shape(payload_len(message), message.type_id);
    bytes.stream_id(message.stream_id);
    if let Some(value) = extended {
        bytes.extended(value);
    }
    Header { bytes, extended }
}

/// The type-3 header of the chunks that follow: the whole basic header again (A2-16).
pub(super) fn continuation(csid: u32, extended: Option<u32>) -> HeaderBytes {
    let mut bytes = HeaderBytes::basic(3, csid);
    if let Some(value) = extended {
        bytes.extended(value);
    }
    bytes
}

pub(super) const fn clamp_chunk_size(chunk_size: u32) -> u32 {
    match chunk_size {
        0 => 1,
        1..=MAX_CHUNK_SIZE => chunk_size,
        _ => MAX_CHUNK_SIZE,
    }
}

pub(super) fn payload_len(message: &Message) -> u32 {
    u32::try_from(message.payload.len()).unwrap_or(u32::MAX)
}

pub(super) fn check(csid: u32, message: &Message) -> Result<()> {
    if message.payload.len() > MAX_MESSAGE_BYTES {
        return Err(
            Error::misuse(Layer::Chunk, "message length").found(message.payload.len() as u64)
        );
    }
    if !(2..=65_599).contains(&csid) {
        return Err(Error::misuse(Layer::Chunk, "chunk stream id").found(csid.into()));
    }
    Ok(())
}

/// The payload in pieces of the chunk size: one empty piece where there is none.
fn chunks(payload: &[u8], chunk_size: usize) -> impl Iterator<Item = &[u8]> {
    let empty: Option<&[u8]> = payload.is_empty().then_some(&[]);
    empty.into_iter().chain(payload.chunks(chunk_size.max(1)))
}

/// Adds heads and slices of the shared payload in turn.
pub(super) fn push_chunks(
    out: &mut Chain,
    first: bytes::Bytes,
    next: &bytes::Bytes,
    payload: &bytes::Bytes,
    chunk_size: usize,
) {
    out.push(first);
    let mut rest = payload.clone();
    loop {
        out.push(rest.split_to(rest.len().min(chunk_size)));
        if rest.is_empty() {
            return;
        }
        out.push(next.clone());
    }
}
