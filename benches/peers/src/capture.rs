//! A chunk stream as an encoder sends it, made from a seed.
//!
//! 30 pictures a second and AAC beside them: a key frame of 100 to 180 kB every two seconds, pictures of 4 to 33 kB
//! between, 20 kB in the mean, and sound of 200 to 400 bytes. Each has a chunk stream of its own, as with ffmpeg; the first
//! message has a full header, those after it a delta.

use crate::Digest;

/// Bytes of the first message, Set Chunk Size.
pub const SET_CHUNK_SIZE: usize = 16;

const AUDIO: u8 = 4;
const VIDEO: u8 = 6;

/// A capture, and what is in it.
pub struct Capture {
    /// The wire behind the handshake.
    pub bytes: Vec<u8>,
    /// What readers have to give.
    pub digest: Digest,
}

impl Capture {
    /// A stream of at least `bytes` bytes in chunks of `chunk_size`.
    #[must_use]
    pub fn new(chunk_size: u32, bytes: usize) -> Self {
        let mut writer = Writer {
            chunk_size: chunk_size as usize,
            out: Vec::with_capacity(bytes + (1 << 20)),
            digest: Digest::default(),
            times: [None; 64],
        };
        let mut random = Random(0x5eed);
        let noise: Vec<u8> = (0..1 << 20).map(|_| random.next().to_le_bytes()[7]).collect();
        writer.control(chunk_size);
        let (mut picture, mut sounds) = (0_u32, 0_u32);
        while writer.out.len() < bytes {
            let time = picture * 100 / 3;
            let len = match picture % 60 {
                0 => 100_000 + random.below(80_000),
                _ => 4_000 + random.below(29_000),
            };
            writer.message(VIDEO, 9, time, random.slice(&noise, len));
            // 1024 samples at 48 kHz.
            while sounds * 64 / 3 <= time {
                let len = 200 + random.below(200);
                writer.message(AUDIO, 8, sounds * 64 / 3, random.slice(&noise, len));
                sounds += 1;
            }
            picture += 1;
        }
        Self { bytes: writer.out, digest: writer.digest }
    }
}

struct Writer {
    chunk_size: usize,
    out: Vec<u8>,
    digest: Digest,
    /// Time of the last message of each chunk stream.
    times: [Option<u32>; 64],
}

impl Writer {
    fn control(&mut self, chunk_size: u32) {
        let size = chunk_size.to_be_bytes();
        self.out.extend_from_slice(&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]);
        self.out.extend_from_slice(&size);
        self.digest.add(1, 0, &size);
    }

    fn message(&mut self, csid: u8, kind: u8, time: u32, payload: &[u8]) {
        let last = self.times[usize::from(csid)].replace(time);
        self.out.push(if last.is_some() { 0x40 | csid } else { csid });
        self.u24(last.map_or(time, |last| time - last));
        self.u24(u32::try_from(payload.len()).expect("a short message"));
        self.out.push(kind);
        if last.is_none() {
            self.out.extend_from_slice(&1_u32.to_le_bytes());
        }
        for (at, chunk) in payload.chunks(self.chunk_size).enumerate() {
            if at > 0 {
                self.out.push(0xc0 | csid);
            }
            self.out.extend_from_slice(chunk);
        }
        self.digest.add(kind, time, payload);
    }

    fn u24(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_be_bytes()[1..]);
    }
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    fn slice<'a>(&mut self, noise: &'a [u8], len: usize) -> &'a [u8] {
        let from = self.below(noise.len() - len);
        &noise[from..from + len]
    }
}
