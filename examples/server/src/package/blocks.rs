//! Blocks of input that are read into again once nothing refers to them: fresh memory costs ten times the copy into it.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Bytes of a block.
pub const BLOCK: usize = 1 << 20;

/// Blocks that were read into, oldest first.
#[derive(Debug, Default)]
pub struct Blocks {
    used: VecDeque<Block>,
}

#[derive(Debug)]
struct Block {
    bytes: Bytes,
    /// Where in the file it stands, if not all of it was read.
    outline_of: Option<u64>,
}

impl Blocks {
    /// A block of [`BLOCK`] bytes or more: one that is free again, or a new one.
    pub fn take(&mut self) -> BytesMut {
        // Payload of a segment goes all at once, and the oldest goes first.
        for _ in 0..self.used.len().min(4) {
            let Some(oldest) = self.used.pop_front() else { break };
            match oldest.bytes.try_into_mut() {
                Ok(free) => return free,
                Err(bytes) => self.used.push_back(Block { bytes, ..oldest }),
            }
        }
        BytesMut::zeroed(BLOCK)
    }

    /// Gives a block back; it may still be referred to.
    pub fn give(&mut self, bytes: Bytes) {
        self.used.push_back(Block { bytes, outline_of: None });
    }

    /// The same, for the outline of the file from `offset` on: of what it refers to not all was read.
    pub fn give_outline(&mut self, bytes: Bytes, offset: u64) {
        self.used.push_back(Block { bytes, outline_of: Some(offset) });
    }

    /// Whether these bytes are of a block.
    pub fn hold(&self, data: &[u8]) -> bool {
        self.used.iter().any(|block| is_of(data, &block.bytes))
    }

    /// Where in the file these bytes stand, if they are of an outline.
    pub fn place(&self, data: &[u8]) -> Option<u64> {
        self.used.iter().rev().find_map(|block| {
            let start = range(data, &block.bytes)?.start;
            Some(block.outline_of? + start as u64)
        })
    }
}

/// Whether `data` is a slice of `bytes`, which are held, so that their addresses are their own.
pub fn is_of(data: &[u8], bytes: &[u8]) -> bool {
    range(data, bytes).is_some()
}

fn range(data: &[u8], bytes: &[u8]) -> Option<Range<usize>> {
    let start = data.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
    let end = start.checked_add(data.len())?;
    (end <= bytes.len()).then_some(start..end)
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

    #[test]
    fn only_what_lies_in_an_outline_has_a_place() {
        let mut blocks = Blocks::default();
        let (whole, outline) = (blocks.take().freeze(), blocks.take().freeze());
        blocks.give(whole.clone());
        blocks.give_outline(outline.clone(), 5000);
        assert_eq!(blocks.place(&outline.slice(10..20)), Some(5010));
        assert_eq!(blocks.place(&outline), Some(5000));
        assert_eq!(blocks.place(&whole.slice(10..20)), None);
        assert!(blocks.hold(&whole.slice(10..20)) && blocks.hold(&outline));
        assert!(!blocks.hold(&Bytes::from(vec![0; 20])));
    }
}
