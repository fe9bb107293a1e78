//! What no reader of whole messages can be faster than.

use std::hint::black_box;

use crate::Feed;

/// Copies every byte once into the same warm mebibyte.
#[must_use]
pub fn memcpy() -> Feed {
    let mut target = vec![0_u8; 1 << 20];
    let mut at = 0;
    Box::new(move |piece, _| {
        if at + piece.len() > target.len() {
            at = 0;
        }
        target[at..at + piece.len()].copy_from_slice(piece);
        at += piece.len();
        black_box(&mut target);
    })
}

/// Steps from header to header and touches no payload. It knows the headers of the capture and no others.
#[must_use]
pub fn header_walk() -> Feed {
    walk(false)
}

/// The same walk, and the payload of each message copied once into an exact buffer of its own, which is freed when the message
/// was given out: the least that a reader does whose messages outlive the input.
#[must_use]
pub fn owned() -> Feed {
    walk(true)
}

fn walk(owns: bool) -> Feed {
    let mut walk = Walk {
        chunk_size: 128,
        lanes: [(0, 0, 0); 64],
        lane: 0,
        chunk: 0,
        left: 0,
        head: Vec::new(),
        owns,
        payload: Vec::new(),
    };
    Box::new(move |piece, sink| walk.feed(piece, sink))
}

struct Walk {
    chunk_size: usize,
    /// Time, length and type of the last message of each chunk stream.
    lanes: [(u32, usize, u8); 64],
    lane: usize,
    /// Bytes to come of the chunk and of the message.
    chunk: usize,
    left: usize,
    /// A header that began in an earlier piece.
    head: Vec<u8>,
    /// Whether payload is copied, and what is copied of the message; messages of the capture do not interleave.
    owns: bool,
    payload: Vec<u8>,
}

impl Walk {
    fn feed(&mut self, piece: &[u8], sink: crate::Sink<'_>) {
        let mut at = 0;
        loop {
            let step = self.chunk.min(piece.len() - at);
            if self.owns {
                self.payload.extend_from_slice(&piece[at..at + step]);
            }
            (at, self.chunk, self.left) = (at + step, self.chunk - step, self.left - step);
            if step > 0 && self.left == 0 {
                self.message(&piece[..at], sink);
            }
            let Some(&byte) = piece.get(at) else { return };
            let basic = self.head.first().copied().unwrap_or(byte);
            let need = [12, 8, 4, 1][usize::from(basic >> 6)] - self.head.len();
            let Some(rest) = piece.get(at..at + need) else {
                self.head.extend_from_slice(&piece[at..]);
                return;
            };
            at += need;
            if self.head.is_empty() {
                self.header(rest);
            } else {
                let mut head = std::mem::take(&mut self.head);
                head.extend_from_slice(rest);
                self.header(&head);
            }
        }
    }

    fn header(&mut self, head: &[u8]) {
        let u24 = |at: usize| u32::from_be_bytes([0, head[at], head[at + 1], head[at + 2]]);
        self.lane = usize::from(head[0] & 0x3f);
        if head.len() > 1 {
            let lane = &mut self.lanes[self.lane];
            *lane = (lane.0 + u24(1), u24(4) as usize, head[7]);
            self.left = lane.1;
            if self.owns {
                self.payload = Vec::with_capacity(self.left);
            }
        }
        self.chunk = self.left.min(self.chunk_size);
    }

    /// Gives the message that ends behind `payload`.
    fn message(&mut self, payload: &[u8], sink: crate::Sink<'_>) {
        let (time, _, kind) = self.lanes[self.lane];
        if let (1, Some(size)) = (kind, payload.last_chunk()) {
            self.chunk_size = u32::from_be_bytes(*size) as usize;
        }
        sink(kind, time, &std::mem::take(&mut self.payload));
    }
}
