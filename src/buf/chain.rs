//! A byte sequence made of shared buffers: what is written with one vectored write and never joined.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// A sequence of shared buffers that reads as one.
///
/// Cloning and slicing count references; no payload byte is copied. Empty buffers are left out.
/// As a [`Buf`] it goes straight into a vectored write.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    parts: VecDeque<Bytes>,
    len: usize,
}

impl Chain {
    /// An empty sequence.
    #[must_use]
    pub const fn new() -> Self {
        Self { parts: VecDeque::new(), len: 0 }
    }

    /// An empty sequence with room for so many buffers, for one that is kept long.
    pub(crate) fn with_capacity(parts: usize) -> Self {
        Self { parts: VecDeque::with_capacity(parts), len: 0 }
    }

    /// Adds a buffer at the end.
    pub fn push(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.len += part.len();
            self.parts.push_back(part);
        }
    }

    /// Adds a buffer at the front.
    pub fn push_front(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.len += part.len();
            self.parts.push_front(part);
        }
    }

    /// Adds references to all buffers of `other` at the end.
    pub fn extend_from(&mut self, other: &Self) {
        self.len += other.len;
        self.parts.extend(other.parts.iter().cloned());
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no byte.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The buffers in order, none of them empty.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.parts.iter()
    }

    /// Joins the sequence into one buffer. This copies, but for a sequence of one: for tests and small heads.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        if let (1, Some(only)) = (self.parts.len(), self.parts.front()) {
            return only.clone();
        }
        let mut joined = Vec::with_capacity(self.len);
        self.parts.iter().for_each(|part| joined.extend_from_slice(part));
        joined.into()
    }
}

impl From<Bytes> for Chain {
    fn from(part: Bytes) -> Self {
        let mut chain = Self::new();
        chain.push(part);
        chain
    }
}

impl Extend<Bytes> for Chain {
    fn extend<I: IntoIterator<Item = Bytes>>(&mut self, iter: I) {
        iter.into_iter().for_each(|part| self.push(part));
    }
}

impl FromIterator<Bytes> for Chain {
    fn from_iter<I: IntoIterator<Item = Bytes>>(iter: I) -> Self {
        let mut chain = Self::new();
        chain.extend(iter);
        chain
    }
}

impl IntoIterator for Chain {
    type Item = Bytes;
    type IntoIter = std::collections::vec_deque::IntoIter<Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter()
    }
}

impl Buf for Chain {
    fn remaining(&self) -> usize {
        self.len
    }

    fn chunk(&self) -> &[u8] {
        self.parts.front().map_or(&[], |part| part)
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slot, part) in dst.iter_mut().zip(&self.parts) {
            *slot = IoSlice::new(part);
            filled += 1;
        }
        filled
    }

    /// Passes over `count` bytes; more than there are is the same as all of them.
    fn advance(&mut self, mut count: usize) {
        while count > 0 {
            let Some(front) = self.parts.front_mut() else { return };
            let step = count.min(front.len());
            front.advance(step);
            if front.is_empty() {
                self.parts.pop_front();
            }
            self.len -= step;
            count -= step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_and_shares_its_parts() {
        let payload = Bytes::from_static(b"payload");
        let mut chain: Chain =
            [Bytes::from_static(b"head "), Bytes::new(), payload.clone()].into_iter().collect();
        assert_eq!((chain.len(), chain.iter().len()), (12, 2));
        assert_eq!(chain.iter().last().unwrap().as_ptr(), payload.as_ptr());
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(chain.chunks_vectored(&mut slices), 2);
        chain.advance(7);
        assert_eq!(chain.to_bytes(), "yload");
        chain.advance(100);
        assert!(chain.is_empty() && chain.chunk().is_empty());
    }
}
