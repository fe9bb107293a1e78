//! Joins chunks into messages.

mod control;
mod extended;
mod run;
mod stream;

#[cfg(test)]
mod tests;

use super::header::{
    MAX_HEADER, MessageHeader, message_header_len, parse_basic, parse_message_header,
};
use super::{DEFAULT_CHUNK_SIZE, EXTENDED, MAX_MESSAGE_BYTES, Message};
use crate::error::{Error, Layer, Result};
use crate::limits::{Budget, Limits, Share};
use crate::rtmp::message::type_id;
use crate::rtmp::notice::{Notice, Notices};
use crate::time::Micros;
use extended::{Extended, Peek};
use run::Run;
use stream::{ChunkStream, Partial};

pub use extended::ExtendedTimestampMode;

/// What a type-3 chunk that starts a message adds to the time where the header before it was of type 0 (A2-10).
///
/// RTMP 1.0 5.3.1.2.4 says that the absolute timestamp then counts as the delta. Many senders and readers take zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepeatAfterFullHeader {
    /// As the specification says up to 10 s, zero past that, where the sum would be a jump.
    #[default]
    Auto,
    /// Always as the specification says.
    Timestamp,
    /// Always zero.
    Zero,
}

/// Largest absolute timestamp, in milliseconds, that `RepeatAfterFullHeader::Auto` takes for a delta.
const PLAUSIBLE_DELTA: u32 = 10_000;

/// Joins chunks into messages.
///
/// Call [`poll_message`](Self::poll_message) with the input until it gives none; each call stops behind one message, so
/// that what the message asks for holds for the next chunk. Set Chunk Size and Abort are obeyed here and still handed
/// out. The messages do not depend on how the input was split. An error is final.
#[derive(Debug)]
pub struct Reader {
    chunk_size: usize,
    limits: ReaderLimits,
    repeat: RepeatAfterFullHeader,
    extended: Extended,
    streams: Vec<ChunkStream>,
    /// Index of the stream used last: nearly every chunk belongs to it or to one of two others.
    last: usize,
    phase: Phase,
    /// Bytes of a header that was split between inputs.
    staged: [u8; MAX_HEADER],
    staged_len: usize,
    staged_since: Micros,
    /// Bytes allocated for incomplete messages.
    reserved: usize,
    /// The same, as other sessions see it: told when the input is used up.
    share: Share,
    offset: u64,
    pub(crate) notices: Notices,
    #[cfg(feature = "_testing")]
    copied: u64,
}

#[derive(Clone, Copy, Debug)]
struct ReaderLimits {
    message_bytes: usize,
    reassembly_bytes: usize,
    chunk_streams: usize,
    chunks_per_message: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Header,
    /// Within a chunk of `streams[last]`, with bytes of payload to come.
    Payload {
        left: usize,
    },
}

/// A parsed header: what it is and how long.
struct Parsed {
    fmt: u8,
    csid: u32,
    index: Option<usize>,
    message: Option<MessageHeader>,
    extended: Option<u32>,
    len: usize,
}

impl Reader {
    /// A reader at the first byte behind the handshake, with the default chunk size.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self::with_offset(limits, 0)
    }

    /// The same, where errors count bytes from `offset`.
    #[must_use]
    pub fn with_offset(limits: &Limits, offset: u64) -> Self {
        Self {
            chunk_size: DEFAULT_CHUNK_SIZE as usize,
            limits: ReaderLimits {
                message_bytes: limits.message_bytes.min(MAX_MESSAGE_BYTES),
                reassembly_bytes: limits.reassembly_bytes.min(limits.session_bytes),
                chunk_streams: limits.chunk_streams,
                chunks_per_message: limits.chunks_per_message,
            },
            repeat: RepeatAfterFullHeader::default(),
            extended: Extended::default(),
            streams: Vec::new(),
            last: 0,
            phase: Phase::Header,
            staged: [0; MAX_HEADER],
            staged_len: 0,
            staged_since: Micros::ZERO,
            reserved: 0,
            share: Share::new(&limits.budget),
            offset,
            notices: Notices::default(),
            #[cfg(feature = "_testing")]
            copied: 0,
        }
    }

    /// Sets the policy for type-3 chunks that start a message right behind a type-0 header.
    pub const fn set_repeat_after_full_header(&mut self, policy: RepeatAfterFullHeader) {
        self.repeat = policy;
    }

    /// Sets how extended timestamps in type-3 chunks are recognised.
    pub const fn set_extended_timestamp_mode(&mut self, mode: ExtendedTimestampMode) {
        self.extended.set_mode(mode);
    }

    /// Bytes of payload in a chunk of the peer.
    #[must_use]
    pub const fn chunk_size(&self) -> usize {
        self.chunk_size
    }

    /// Bytes read so far, with the offset given at the start.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes held for messages that are not complete.
    #[must_use]
    pub const fn reserved_bytes(&self) -> usize {
        self.reserved
    }

    /// Payload bytes copied so far, with what growing buffers moved.
    #[cfg(feature = "_testing")]
    #[must_use]
    pub const fn copied_bytes(&self) -> u64 {
        self.copied
    }

    /// Since when the oldest message, or header, that is not complete has been arriving.
    #[must_use]
    pub fn incomplete_since(&self) -> Option<Micros> {
        let header = (self.staged_len > 0).then_some(self.staged_since);
        let partials = self
            .streams
            .iter()
            .filter_map(|stream| stream.partial.as_ref().map(|partial| partial.since));
        partials.chain(header).min()
    }

    /// Takes bytes off the front of `input` up to the end of the next message. None means that all of it was taken.
    ///
    /// # Errors
    /// A chunk that no earlier header explains, a header that contradicts the message that it continues, chunk size 0, or
    /// a message past the [`Limits`]. The reader cannot be used after that.
    pub fn poll_message(&mut self, now: Micros, input: &mut &[u8]) -> Result<Option<Message>> {
        let message = self.next_message(now, input)?;
        // What comes whole in one input is never counted; what was counted is given back with its message.
        let tell = message.is_none() || self.reserved < self.share.held();
        if tell && !self.share.set(self.reserved) {
            return Err(self.limit(Budget::FIELD, self.share.budget().held()));
        }
        Ok(message)
    }

    fn next_message(&mut self, now: Micros, input: &mut &[u8]) -> Result<Option<Message>> {
        loop {
            let complete = match self.phase {
                Phase::Header => match self.header(now, input)? {
                    Some(complete) => complete,
                    None => return Ok(None),
                },
                Phase::Payload { left } if self.staged_len > 0 => self.staged_payload(left)?,
                Phase::Payload { .. } if input.is_empty() => return Ok(None),
                Phase::Payload { left } => self.payload(left, input)?,
            };
            if complete {
                return self.finish().map(Some);
            }
        }
    }

    /// Reads one header off the input, with what was staged of it. True where the message is complete without payload.
    fn header(&mut self, now: Micros, input: &mut &[u8]) -> Result<Option<bool>> {
        if input.is_empty() {
            return Ok(None);
        }
        if self.staged_len == 0 {
            if let Some(parsed) = self.parse(input)? {
                self.advance(input, parsed.len);
                return self.start(now, &parsed).map(Some);
            }
            self.staged_since = now;
        }
        let before = self.staged_len;
        let taken = input.len().min(MAX_HEADER - before);
        if let (Some(slot), Some(bytes)) =
            (self.staged.get_mut(before..before + taken), input.get(..taken))
        {
            slot.copy_from_slice(bytes);
        }
        let staged = self.staged;
        let Some(parsed) = self.parse(staged.get(..before + taken).unwrap_or_default())? else {
            self.staged_len = before + taken;
            self.advance(input, taken);
            return Ok(None);
        };
        self.advance(input, parsed.len.saturating_sub(before));
        self.unstage(parsed.len);
        self.start(now, &parsed).map(Some)
    }

    /// Takes bytes off the staged ones. Some are left where they looked like an extended timestamp and were none: they
    /// are payload, and the header behind it.
    fn unstage(&mut self, count: usize) {
        let count = count.min(self.staged_len);
        self.staged.copy_within(count..self.staged_len, 0);
        self.staged_len -= count;
    }

    fn staged_payload(&mut self, left: usize) -> Result<bool> {
        let staged = self.staged;
        let mut rest = staged.get(..self.staged_len).unwrap_or_default();
        let complete = self.payload(left, &mut rest)?;
        let taken = self.staged_len - rest.len();
        // They were counted when they were staged.
        self.offset = self.offset.saturating_sub(taken as u64);
        self.unstage(taken);
        Ok(complete)
    }

    fn advance(&mut self, input: &mut &[u8], count: usize) {
        *input = input.get(count..).unwrap_or_default();
        self.offset += count as u64;
    }

    fn find(&self, csid: u32) -> Option<usize> {
        if self.streams.get(self.last).is_some_and(|stream| stream.csid == csid) {
            return Some(self.last);
        }
        self.streams.iter().position(|stream| stream.csid == csid)
    }

    /// Reads a header without changing anything, or nothing where bytes are missing.
    fn parse(&self, input: &[u8]) -> Result<Option<Parsed>> {
        let Some(basic) = parse_basic(input) else { return Ok(None) };
        let index = self.find(basic.csid);
        let mut parsed = Parsed {
            fmt: basic.fmt,
            csid: basic.csid,
            index,
            message: None,
            extended: None,
            len: basic.len,
        };
        let rest = input.get(basic.len..).unwrap_or_default();
        if basic.fmt == 3 {
            let stream = index.and_then(|index| self.streams.get(index));
            let stream =
                stream.ok_or_else(|| self.violation("chunk type 3 on a new chunk stream", 3))?;
            if stream.extended {
                match self.extended.peek(stream, rest) {
                    Peek::More => return Ok(None),
                    Peek::Absent => {}
                    Peek::Present(value) => {
                        parsed.extended = Some(value);
                        parsed.len += 4;
                    }
                }
            }
            return Ok(Some(parsed));
        }
        let Some(message) = parse_message_header(basic.fmt, rest) else { return Ok(None) };
        parsed.message = Some(message);
        parsed.len += message_header_len(basic.fmt);
        if message.time == EXTENDED {
            let Some(value) = input.get(parsed.len..).and_then(<[u8]>::first_chunk) else {
                return Ok(None);
            };
            parsed.extended = Some(u32::from_be_bytes(*value));
            parsed.len += 4;
        }
        Ok(Some(parsed))
    }

    fn violation(&self, field: &'static str, found: u64) -> Error {
        Error::violation(Layer::Chunk, field)
            .found(found)
            .at(self.unstaged_offset())
            .clause("RTMP 1.0 5.3.1.2")
    }

    fn limit(&self, field: &'static str, found: usize) -> Error {
        Error::limit(Layer::Chunk, field).found(found as u64).at(self.unstaged_offset())
    }

    /// Offset of the first byte that no header or payload has used: errors name the same byte at every split.
    const fn unstaged_offset(&self) -> u64 {
        self.offset.saturating_sub(self.staged_len as u64)
    }

    /// Applies a header to its chunk stream.
    fn start(&mut self, now: Micros, parsed: &Parsed) -> Result<bool> {
        let index = match parsed.index {
            Some(index) => index,
            None => self.open(parsed)?,
        };
        self.last = index;
        match &parsed.message {
            Some(message) => self.apply(message, parsed)?,
            None => {
                self.extended.learn(self.streams.get(index), parsed.extended, &mut self.notices)
            }
        }
        let repeat = self.repeat;
        let Some(stream) = self.streams.get_mut(index) else { return Err(internal()) };
        if stream.partial.is_none() {
            if parsed.message.is_none() {
                stream.repeat(repeat);
            }
            self.begin(now, index)?;
        }
        self.chunk(index)
    }

    fn open(&mut self, parsed: &Parsed) -> Result<usize> {
        match parsed.fmt {
            0 => {}
            1 => self.notices.note(Notice::ChunkStreamWithoutFullHeader),
            fmt => return Err(self.violation("chunk type on a new chunk stream", fmt.into())),
        }
        if self.streams.len() >= self.limits.chunk_streams {
            return Err(self.limit("chunk streams", self.streams.len() + 1));
        }
        self.streams.push(ChunkStream::new(parsed.csid));
        Ok(self.streams.len() - 1)
    }

    /// Takes over a header of type 0 to 2.
    fn apply(&mut self, message: &MessageHeader, parsed: &Parsed) -> Result<()> {
        let offset = self.offset;
        let Some(stream) = self.streams.get_mut(self.last) else { return Err(internal()) };
        if let Some(partial) = stream.partial.take() {
            self.reserved = self.reserved.saturating_sub(partial.capacity());
            if message.shape.is_some_and(|shape| shape != (stream.length, stream.type_id)) {
                return Err(Error::violation(
                    Layer::Chunk,
                    "message length or type within a message",
                )
                .found(stream.length.into())
                .at(offset)
                .clause("RTMP 1.0 5.3.1.2.4"));
            }
            self.notices.note(Notice::PartialMessageDropped);
        }
        stream.apply(message, parsed.extended);
        Ok(())
    }

    /// Makes room for a new message.
    fn begin(&mut self, now: Micros, index: usize) -> Result<()> {
        let Some(stream) = self.streams.get(index) else { return Err(internal()) };
        let length = stream.length as usize;
        if length > self.limits.message_bytes {
            return Err(self.limit("message length", length));
        }
        let chunks = length.div_ceil(self.chunk_size);
        if chunks > self.limits.chunks_per_message {
            return Err(self.limit("chunks in one message", chunks));
        }
        let partial = Partial::new(length, now);
        self.reserve(partial.capacity())?;
        if let Some(stream) = self.streams.get_mut(index) {
            stream.partial = Some(partial);
        }
        Ok(())
    }

    fn reserve(&mut self, bytes: usize) -> Result<()> {
        self.reserved = self.reserved.saturating_add(bytes);
        if self.reserved > self.limits.reassembly_bytes {
            return Err(self.limit("bytes of incomplete messages", self.reserved));
        }
        Ok(())
    }

    /// Starts one chunk of the message in progress. True where the message needs no payload.
    fn chunk(&mut self, index: usize) -> Result<bool> {
        let max = self.limits.chunks_per_message;
        let chunk_size = self.chunk_size;
        let Some(partial) = self.streams.get_mut(index).and_then(|stream| stream.partial.as_mut())
        else {
            return Err(internal());
        };
        partial.chunks += 1;
        if partial.chunks > max {
            let chunks = partial.chunks;
            return Err(self.limit("chunks in one message", chunks));
        }
        let left = partial.missing().min(chunk_size);
        if left > 0 {
            self.phase = Phase::Payload { left };
        }
        Ok(left == 0)
    }

    /// Copies payload: the one copy. True where the message is complete.
    fn payload(&mut self, left: usize, input: &mut &[u8]) -> Result<bool> {
        let Some(stream) = self.streams.get_mut(self.last) else { return Err(internal()) };
        let Some(partial) = stream.partial.as_mut() else { return Err(internal()) };
        let (before, len_before) = (partial.capacity(), partial.len());
        // What of a following chunk needs no thought: one byte of basic header and the same chunk stream.
        let plain = (stream.csid < 64 && !stream.extended).then_some(0xc0 | stream.csid);
        let run =
            Run { plain, chunk_size: self.chunk_size, max_chunks: self.limits.chunks_per_message };
        let (taken, left) = run.copy(partial, left, input);
        let complete = partial.missing() == 0;
        let (after, copied) = (partial.capacity(), partial.len() - len_before);
        #[cfg(feature = "_testing")]
        {
            self.copied += copied as u64 + partial.take_moved();
        }
        #[cfg(not(feature = "_testing"))]
        let _ = copied;
        self.advance(input, taken);
        self.phase = if left == 0 { Phase::Header } else { Phase::Payload { left } };
        if after != before {
            self.reserve(after - before)?;
        }
        Ok(complete)
    }

    /// Takes the complete message out and obeys it where it is about the chunk stream.
    fn finish(&mut self) -> Result<Message> {
        let Some(stream) = self.streams.get_mut(self.last) else { return Err(internal()) };
        let Some(partial) = stream.partial.take() else { return Err(internal()) };
        self.reserved = self.reserved.saturating_sub(partial.capacity());
        let message = Message {
            type_id: stream.type_id,
            stream_id: stream.stream_id,
            timestamp: stream.timestamp,
            payload: partial.freeze(),
        };
        match message.type_id {
            type_id::SET_CHUNK_SIZE => self.handle_set_chunk_size(&message.payload)?,
            type_id::ABORT => self.handle_abort(&message.payload),
            _ => {}
        }
        Ok(message)
    }
}

const fn internal() -> Error {
    Error::new(crate::error::ErrorKind::Internal, Layer::Chunk, "chunk stream table")
}
