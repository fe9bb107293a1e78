//! RTMP chunk streams (RTMP 1.0, section 5.3): a writer, and a reader that keeps of a media
//! message only its first bytes.

use super::{AUDIO, DATA, VIDEO};

/// How many bytes of a media message the reader keeps.
pub const MEDIA_HEAD: usize = 64;
const CONTROL_HEAD: usize = 64 * 1024;
const CHUNK_STREAMS: usize = 64;
const EXTENDED: u32 = 0xff_ffff;

/// The chunk stream this tool uses for a message type.
pub fn chunk_stream(kind: u8) -> u8 {
    match kind {
        AUDIO => 4,
        VIDEO => 6,
        DATA => 5,
        17 | 20 => 3,
        _ => 2,
    }
}

/// Length of the message header that [`fn@write`] begins a message with.
pub fn header_len(time: Time) -> usize {
    match time {
        Time::Absolute(at) => 12 + if at >= EXTENDED { 4 } else { 0 },
        Time::Delta(by) => 8 + if by >= EXTENDED { 4 } else { 0 },
    }
}

/// How a message says when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// A full header (format 0) with milliseconds since the stream's zero.
    Absolute(u32),
    /// A short header (format 1) with milliseconds since the message before it on the chunk stream.
    Delta(u32),
}

/// Appends one message, cut into chunks of at most `chunk` bytes.
pub fn write(out: &mut Vec<u8>, chunk: usize, kind: u8, stream_id: u32, time: Time, data: &[u8]) {
    let csid = chunk_stream(kind);
    let (format, value) = match time {
        Time::Absolute(at) => (0, at),
        Time::Delta(by) => (0x40, by),
    };
    let extended = (value >= EXTENDED).then(|| value.to_be_bytes());
    let len = u32::try_from(data.len()).unwrap_or(EXTENDED).min(EXTENDED);
    out.push(format | csid);
    out.extend_from_slice(&value.min(EXTENDED).to_be_bytes()[1..]);
    out.extend_from_slice(&len.to_be_bytes()[1..]);
    out.push(kind);
    if format == 0 {
        out.extend_from_slice(&stream_id.to_le_bytes());
    }
    for (i, part) in data.chunks(chunk.max(1)).enumerate() {
        if i > 0 {
            out.push(0xc0 | csid);
        }
        out.extend_from_slice(extended.as_ref().map_or(&[], |e| &e[..]));
        out.extend_from_slice(part);
    }
}

/// A message, or its beginning, as the reader gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Message type id.
    pub kind: u8,
    /// Absolute time in milliseconds, wrapping.
    pub timestamp: u32,
    /// Length of the whole payload.
    pub len: u32,
    /// The first bytes: up to [`MEDIA_HEAD`] of a media message, all of any other.
    pub head: &'a [u8],
    /// Whether the last byte has arrived. A media message is given twice: when its second
    /// byte is there, and when it is whole.
    pub whole: bool,
}

#[derive(Default)]
struct Lane {
    id: u32,
    timestamp: u32,
    delta: u32,
    len: u32,
    kind: u8,
    extended: bool,
    left: u32,
    head: Vec<u8>,
    begun: bool,
}

impl Lane {
    fn is_media(&self) -> bool {
        matches!(self.kind, AUDIO | VIDEO | DATA)
    }

    fn message(&self, whole: bool) -> Message<'_> {
        let Self { kind, timestamp, len, ref head, .. } = *self;
        Message { kind, timestamp, len, head, whole }
    }

    /// Takes the fields of a message header; does nothing in the middle of a message.
    fn begin(&mut self, format: u8, fields: &[u8], stamp: u32, extended: bool) {
        if self.left > 0 {
            return;
        }
        match format {
            0 => (self.timestamp, self.delta) = (stamp, 0),
            1 | 2 => (self.timestamp, self.delta) = (self.timestamp.wrapping_add(stamp), stamp),
            _ => self.timestamp = self.timestamp.wrapping_add(self.delta),
        }
        if format < 3 {
            self.extended = extended;
        }
        if let [_, _, _, l0, l1, l2, kind, ..] = *fields {
            self.len = u32::from_be_bytes([0, l0, l1, l2]);
            self.kind = kind;
        }
        self.left = self.len;
        self.head.clear();
        self.begun = false;
    }
}

/// Reads one direction of a connection, after the handshake.
pub struct Reader {
    chunk: u32,
    lanes: Vec<Lane>,
    current: usize,
    in_chunk: u32,
    partial_header: Vec<u8>,
}

impl Default for Reader {
    fn default() -> Self {
        let partial_header = Vec::with_capacity(18);
        Self { chunk: 128, lanes: Vec::new(), current: 0, in_chunk: 0, partial_header }
    }
}

impl Reader {
    /// Takes the next bytes, cut anywhere, and hands on each message.
    pub fn input(
        &mut self,
        mut bytes: &[u8],
        on: &mut impl FnMut(Message<'_>),
    ) -> Result<(), String> {
        while !bytes.is_empty() {
            if self.in_chunk > 0 {
                bytes = self.payload(bytes, on);
                continue;
            }
            let Some(used) = self.next_header(bytes)? else { return Ok(()) };
            bytes = bytes.get(used..).unwrap_or_default();
            if self.in_chunk == 0 {
                self.finish(on);
            }
        }
        Ok(())
    }

    fn payload<'b>(&mut self, bytes: &'b [u8], on: &mut impl FnMut(Message<'_>)) -> &'b [u8] {
        let len = bytes.len().min(self.in_chunk as usize);
        let (taken, rest) = bytes.split_at(len);
        let Some(lane) = self.lanes.get_mut(self.current) else { return rest };
        let cap = if lane.is_media() { MEDIA_HEAD } else { CONTROL_HEAD };
        let room = cap.saturating_sub(lane.head.len()).min(len);
        lane.head.extend_from_slice(&taken[..room]);
        lane.left -= len as u32;
        self.in_chunk -= len as u32;
        if lane.is_media() && !lane.begun && lane.head.len() >= 2 {
            lane.begun = true;
            on(lane.message(false));
        }
        if lane.left == 0 {
            self.finish(on);
        }
        rest
    }

    fn finish(&mut self, on: &mut impl FnMut(Message<'_>)) {
        let Some(lane) = self.lanes.get_mut(self.current) else { return };
        if let (1, [a, b, c, d, ..]) = (lane.kind, lane.head.as_slice()) {
            self.chunk = (u32::from_be_bytes([*a, *b, *c, *d]) & 0x7fff_ffff).max(1);
        }
        on(lane.message(true));
        lane.head.clear();
    }

    /// Reads a chunk header that may have begun in earlier input: bytes used of `bytes`, or
    /// `None` when all are used and the header is not whole yet.
    fn next_header(&mut self, bytes: &[u8]) -> Result<Option<usize>, String> {
        if self.partial_header.is_empty()
            && let Some(used) = self.header(bytes)?
        {
            return Ok(Some(used));
        }
        let mut held = std::mem::take(&mut self.partial_header);
        for (i, byte) in bytes.iter().enumerate() {
            held.push(*byte);
            if self.header(&held)?.is_some() {
                held.clear();
                self.partial_header = held;
                return Ok(Some(i + 1));
            }
        }
        self.partial_header = held;
        Ok(None)
    }

    /// Reads one chunk header if it is whole: its length.
    fn header(&mut self, bytes: &[u8]) -> Result<Option<usize>, String> {
        let Some((format, id, basic)) = basic_header(bytes) else { return Ok(None) };
        let len = [11, 7, 3, 0][usize::from(format)];
        let Some(fields) = bytes.get(basic..basic + len) else { return Ok(None) };
        let at = self.lanes.iter().position(|l| l.id == id);
        if at.is_none() && format > 1 {
            return Err(format!("chunk stream {id} begins without a header"));
        }
        let (mut stamp, mut extended) = (0, at.is_some_and(|i| self.lanes[i].extended));
        if let [t0, t1, t2, ..] = *fields {
            stamp = u32::from_be_bytes([0, t0, t1, t2]);
            extended = stamp == EXTENDED;
        }
        let mut used = basic + len;
        if extended {
            let Some(&[a, b, c, d]) = bytes.get(used..used + 4) else { return Ok(None) };
            stamp = u32::from_be_bytes([a, b, c, d]);
            used += 4;
        }
        self.current = match at {
            Some(i) => i,
            None if self.lanes.len() == CHUNK_STREAMS => {
                return Err("too many chunk streams".into());
            }
            None => {
                self.lanes.push(Lane { id, ..Lane::default() });
                self.lanes.len() - 1
            }
        };
        let lane = &mut self.lanes[self.current];
        lane.begin(format, fields, stamp, extended);
        self.in_chunk = lane.left.min(self.chunk);
        Ok(Some(used))
    }
}

/// Format, chunk stream id and length of a basic header (section 5.3.1.1).
fn basic_header(bytes: &[u8]) -> Option<(u8, u32, usize)> {
    let first = *bytes.first()?;
    let format = first >> 6;
    match first & 0x3f {
        0 => Some((format, 64 + u32::from(*bytes.get(1)?), 2)),
        1 => {
            let (low, high) = (*bytes.get(1)?, *bytes.get(2)?);
            Some((format, 64 + u32::from(low) + 256 * u32::from(high), 3))
        }
        id => Some((format, u32::from(id), 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let big: Vec<u8> = (0..5000u32).map(|n| n as u8).collect();
        let mut out = Vec::new();
        write(&mut out, 128, VIDEO, 1, Time::Absolute(0), &big);
        write(&mut out, 128, VIDEO, 1, Time::Delta(33), &big[..300]);
        write(&mut out, 128, AUDIO, 1, Time::Absolute(0x0100_0001), &big[..200]);
        write(&mut out, 128, 1, 0, Time::Absolute(0), &4096u32.to_be_bytes());
        write(&mut out, 4096, 20, 0, Time::Absolute(7), &big[..1000]);
        write(&mut out, 4096, 20, 0, Time::Absolute(8), &[]);
        out
    }

    #[test]
    fn messages_are_the_same_for_every_split() {
        let stream = stream();
        for step in 1..300 {
            let mut reader = Reader::default();
            let mut seen = Vec::new();
            for part in stream.chunks(step) {
                let mut on = |m: Message<'_>| {
                    if m.whole {
                        seen.push((m.kind, m.timestamp, m.len, m.head.len()));
                    }
                };
                reader.input(part, &mut on).unwrap();
            }
            let control = [(1, 0, 4, 4), (20, 7, 1000, 1000), (20, 8, 0, 0)];
            let media = [(9, 0, 5000, 64), (9, 33, 300, 64), (8, 0x0100_0001, 200, 64)];
            assert_eq!(seen, [&media[..], &control[..]].concat(), "step {step}");
        }
    }

    #[test]
    fn a_media_message_is_told_of_at_its_second_byte() {
        let stream = stream();
        let mut reader = Reader::default();
        let mut first = None;
        for (i, byte) in stream.iter().enumerate() {
            let mut on = |m: Message<'_>| {
                if !m.whole && first.is_none() {
                    first = Some((i, m.head.to_vec()));
                }
            };
            reader.input(&[*byte], &mut on).unwrap();
        }
        assert_eq!(first, Some((header_len(Time::Absolute(0)) + 1, vec![0, 1])));
    }

    #[test]
    fn a_header_to_inherit_is_asked_for() {
        assert!(Reader::default().input(&[0xc3, 0, 0], &mut |_| {}).is_err());
    }
}
