//! Repeatable random values and message sequences.

use bytes::Bytes;

use crate::rtmp::chunk::Message;

/// A small repeatable generator (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator; any seed will do.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number under `bound` (0 for a bound of 0).
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.bits() >> 33).unwrap_or(0) % bound.max(1)
    }

    /// `len` random bytes.
    pub fn bytes(&mut self, len: usize) -> Bytes {
        (0..len).map(|_| self.bits().to_le_bytes()[7]).collect::<Vec<u8>>().into()
    }
}

/// A stream of `count` audio, video and data messages with growing, equal and now and then falling times.
#[must_use]
pub fn messages(seed: u64, count: usize) -> Vec<Message> {
    let mut random = Random::new(seed);
    let mut timestamp = u32::try_from(random.bits() >> 40).unwrap_or(0);
    let mut messages = Vec::new();
    for _ in 0..count {
        let step = u32::try_from(random.below(60)).unwrap_or(0);
        timestamp = match random.below(20) {
            0 => timestamp.wrapping_sub(step),
            1 => timestamp.wrapping_add(0x0100_0000),
            2 | 3 => timestamp,
            _ => timestamp.wrapping_add(step),
        };
        let (type_id, most) = [(8, 400), (8, 400), (9, 3000), (18, 300), (9, 300)]
            .into_iter()
            .nth(random.below(5))
            .unwrap_or((8, 1));
        let len = if random.below(10) == 0 { 0 } else { random.below(most) };
        let stream_id = 1 + u32::from(random.below(12) == 0);
        messages.push(Message { type_id, stream_id, timestamp, payload: random.bytes(len) });
    }
    messages
}

/// An AAC sequence header, an AVC sequence header and frames at 25 a second: bodies that media readers take.
#[must_use]
pub fn media(seed: u64, frames: usize) -> Vec<Message> {
    let mut random = Random::new(seed);
    let message = |type_id, timestamp, head: &[u8], body: &[u8]| Message {
        type_id,
        stream_id: 1,
        timestamp,
        payload: [head, body].concat().into(),
    };
    let avc = [1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x64, 0, 0x1f, 1, 0, 2, 0x68, 0xee];
    let mut messages =
        vec![message(9, 0, &[0x17, 0, 0, 0, 0], &avc), message(8, 0, &[0xaf, 0], &[0x11, 0x90])];
    for at in 0..frames {
        let timestamp = u32::try_from(at * 40).unwrap_or(0);
        let kind = if at % 50 == 0 { 0x17 } else { 0x27 };
        let len = 100 + random.below(4000);
        messages.push(message(9, timestamp, &[kind, 1, 0, 0, 0], &random.bytes(len)));
        messages.push(message(8, timestamp, &[0xaf, 1], &random.bytes(200)));
    }
    messages
}
