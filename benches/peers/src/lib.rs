//! What the bench of chunk readers is made of: a capture, readers, floors, a clock and a record.

pub mod capture;
pub mod clock;
pub mod floors;
pub mod readers;
pub mod record;

/// Takes message type, time in milliseconds and payload of each message.
pub type Sink<'a> = &'a mut dyn FnMut(u8, u32, &[u8]);

/// A reader in the middle of a stream: takes the next piece of it.
pub type Feed = Box<dyn FnMut(&[u8], Sink<'_>)>;

/// The pieces that a socket would give. Set Chunk Size comes alone, since some readers obey it only between inputs.
pub fn pieces(data: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    let (first, rest) = data.split_at(capture::SET_CHUNK_SIZE);
    std::iter::once(first).chain(rest.chunks(size))
}

/// What a reader gave: equal for readers that read the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Messages.
    pub messages: u64,
    /// Bytes of payload.
    pub payload: u64,
    /// Hash of types, times, lengths and payload in order.
    pub hash: u64,
}

impl Digest {
    /// Reads all and remembers what came.
    #[must_use]
    pub fn of(mut feed: Feed, data: &[u8], size: usize) -> Self {
        let mut digest = Self::default();
        for piece in pieces(data, size) {
            feed(piece, &mut |kind, time, payload| digest.add(kind, time, payload));
        }
        digest
    }

    /// Adds a message.
    pub fn add(&mut self, kind: u8, time: u32, payload: &[u8]) {
        self.messages += 1;
        self.payload += payload.len() as u64;
        self.word(u64::from(kind) << 56 | u64::from(time) << 24 | payload.len() as u64);
        let mut words = payload.chunks_exact(8);
        for word in words.by_ref() {
            self.word(u64::from_le_bytes(word.try_into().expect("eight bytes")));
        }
        for byte in words.remainder() {
            self.word(u64::from(*byte));
        }
    }

    fn word(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    }
}
