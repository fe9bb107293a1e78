//! Chunk streams (RTMP 1.0, 5.3).

use std::collections::HashMap;

/// Type id of Set Chunk Size.
const SET_CHUNK_SIZE: u8 = 1;

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Type id: 8 audio, 9 video, 18 data, 20 command.
    pub type_id: u8,
    /// Message stream.
    pub stream_id: u32,
    /// Milliseconds, absolute.
    pub timestamp: u32,
    /// Payload.
    pub payload: Vec<u8>,
}

#[derive(Default)]
struct ChunkStream {
    timestamp: u32,
    delta: u32,
    extended: bool,
    length: usize,
    type_id: u8,
    stream_id: u32,
    partial: Vec<u8>,
}

/// Turns bytes into messages.
pub struct Reader {
    chunk_size: usize,
    streams: HashMap<u32, ChunkStream>,
    buffer: Vec<u8>,
    start: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self { chunk_size: 128, streams: HashMap::new(), buffer: Vec::new(), start: 0 }
    }
}

impl Reader {
    /// Takes bytes of the connection, in order.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that belong to no whole message yet.
    pub fn unread(&self) -> usize {
        let partial: usize = self.streams.values().map(|stream| stream.partial.len()).sum();
        self.buffer.len() - self.start + partial
    }

    /// Next whole message; Set Chunk Size is applied and given too.
    pub fn next_message(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.chunk()? {
                if let (SET_CHUNK_SIZE, Some(size)) =
                    (message.type_id, message.payload.first_chunk::<4>())
                {
                    self.chunk_size =
                        usize::try_from(u32::from_be_bytes(*size)).expect("32 bits") & 0x7fff_ffff;
                }
                return Some(message);
            }
        }
    }

    /// One chunk: `None` when it is not whole, `Some(None)` when its message is not.
    fn chunk(&mut self) -> Option<Option<Message>> {
        let mut cursor = Cursor(self.buffer.get(self.start..)?);
        let first = cursor.uint(1)?;
        let id = match first & 0x3f {
            0 => cursor.uint(1)? + 64,
            1 => {
                u32::from_le_bytes([
                    u8::try_from(cursor.uint(1)?).ok()?,
                    u8::try_from(cursor.uint(1)?).ok()?,
                    0,
                    0,
                ]) + 64
            }
            id => id,
        };
        let format = first >> 6;
        let stream = self.streams.entry(id).or_default();
        let field = if format < 3 { Some(cursor.uint(3)?) } else { None };
        let head = if format < 2 { Some((cursor.uint(3)?, cursor.uint(1)?)) } else { None };
        let stream_id = if format == 0 { Some(cursor.uint(4)?.swap_bytes()) } else { None };
        let extended = field.map_or(stream.extended, |field| field == 0xff_ffff);
        let wide = if extended { Some(cursor.uint(4)?) } else { None };
        let length =
            head.map_or(stream.length, |(length, _)| usize::try_from(length).expect("24 bits"));
        let part = cursor.bytes(self.chunk_size.min(length - stream.partial.len().min(length)))?;

        let starts = stream.partial.is_empty();
        stream.extended = extended;
        stream.length = length;
        stream.type_id =
            head.map_or(stream.type_id, |(_, type_id)| u8::try_from(type_id).expect("8 bits"));
        stream.stream_id = stream_id.unwrap_or(stream.stream_id);
        if let Some(field) = field {
            stream.delta = wide.unwrap_or(field);
        }
        match (starts, format) {
            (true, 0) => stream.timestamp = stream.delta,
            (true, _) => stream.timestamp = stream.timestamp.wrapping_add(stream.delta),
            (false, _) => {}
        }
        stream.partial.extend_from_slice(part);
        self.start = self.buffer.len() - cursor.0.len();
        if stream.partial.len() < stream.length {
            return Some(None);
        }
        let payload = std::mem::take(&mut stream.partial);
        Some(Some(Message {
            type_id: stream.type_id,
            stream_id: stream.stream_id,
            timestamp: stream.timestamp,
            payload,
        }))
    }
}

/// Bytes of a message on chunk stream `id` (2 to 63), with the whole head on its first chunk.
pub(super) fn encode(id: u8, message: &Message, chunk_size: usize) -> Vec<u8> {
    let field = message.timestamp.min(0xff_ffff);
    let extended = message.timestamp.to_be_bytes();
    let extended: &[u8] = if field == 0xff_ffff { &extended } else { &[] };
    let length = u32::try_from(message.payload.len())
        .expect("messages of the tests are short")
        .to_be_bytes();
    let mut out = vec![id];
    out.extend_from_slice(&field.to_be_bytes()[1..]);
    out.extend_from_slice(&length[1..]);
    out.push(message.type_id);
    out.extend_from_slice(&message.stream_id.to_le_bytes());
    out.extend_from_slice(extended);
    for (index, part) in message.payload.chunks(chunk_size).enumerate() {
        if index > 0 {
            out.push(0xc0 | id);
            out.extend_from_slice(extended);
        }
        out.extend_from_slice(part);
    }
    out
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn uint(&mut self, bytes: usize) -> Option<u32> {
        Some(self.bytes(bytes)?.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(timestamp: u32, length: usize) -> Message {
        let payload =
            (0..length).map(|index| u8::try_from(index % 251).expect("under 251")).collect();
        Message { type_id: 9, stream_id: 1, timestamp, payload }
    }

    #[test]
    fn messages_come_back_at_every_split() {
        let sent =
            [message(0, 300), message(0x0100_0000, 300), message(0xffff_ffff, 1), message(5, 0)];
        let bytes: Vec<u8> = sent.iter().flat_map(|message| encode(6, message, 128)).collect();
        for step in [1, 7, 128, bytes.len()] {
            let mut reader = Reader::default();
            let mut got = Vec::new();
            for part in bytes.chunks(step) {
                reader.push(part);
                got.extend(std::iter::from_fn(|| reader.next_message()));
            }
            assert_eq!(got, sent, "step {step}");
            assert_eq!(reader.unread(), 0);
        }
    }

    #[test]
    fn interleaved_chunk_streams_are_kept_apart() {
        let (video, audio) = (message(10, 200), Message { type_id: 8, ..message(11, 150) });
        let (video_bytes, audio_bytes) = (encode(6, &video, 128), encode(4, &audio, 128));
        let mut reader = Reader::default();
        reader.push(&video_bytes[..12 + 128]);
        reader.push(&audio_bytes);
        reader.push(&video_bytes[12 + 128..]);
        assert_eq!(reader.next_message(), Some(audio));
        assert_eq!(reader.next_message(), Some(video));
    }

    #[test]
    fn a_type_3_head_repeats_the_delta() {
        let mut reader = Reader::default();
        reader.push(&[4, 0, 0, 9, 0, 0, 1, 8, 1, 0, 0, 0, 0xaa]);
        reader.push(&[0x84, 0, 0, 21, 0xbb, 0xc4, 0xcc]);
        let times: Vec<u32> =
            std::iter::from_fn(|| reader.next_message()).map(|message| message.timestamp).collect();
        assert_eq!(times, [9, 30, 51]);
    }
}
