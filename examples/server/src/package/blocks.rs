//! Blocks of input that are read into again once nothing refers to them: fresh memory costs ten times the copy into it.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Bytes of a block.
pub const BLOCK: usize = 1 << 20;

/// Blocks that were read into, oldest first.
#[derive(Debug, Default)]
pub struct Blocks {
    used: VecDeque<Bytes>,
}

impl Blocks {
    /// A block of [`BLOCK`] bytes: one that is free again, or a new one.
    pub fn take(&mut self) -> BytesMut {
        // Payload of a segment goes all at once, and the oldest goes first.
        for _ in 0..self.used.len().min(4) {
            let Some(oldest) = self.used.pop_front() else { break };
            match oldest.try_into_mut() {
                Ok(free) => return free,
                Err(busy) => self.used.push_back(busy),
            }
        }
        BytesMut::zeroed(BLOCK)
    }

    /// Gives a block back; it may still be referred to.
    pub fn give(&mut self, block: Bytes) {
        self.used.push_back(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_used_again_once_nothing_refers_to_it() {
        let mut blocks = Blocks::default();
        let first = blocks.take().freeze();
        let place = first.as_ptr();
        let part = first.slice(10..20);
        blocks.give(first);
        let second = blocks.take();
        assert_ne!(second.as_ptr(), place, "the first one is referred to");
        blocks.give(second.freeze());
        drop(part);
        let places = [blocks.take().as_ptr(), blocks.take().as_ptr()];
        assert!(places.contains(&place), "{places:?} {place:?}");
    }
}
