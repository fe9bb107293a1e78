//! What follows the head of the MP4, packed: an hour of rewritten pictures stays small.

use bytes::{Bytes, BytesMut};

/// A stretch of the MP4 behind its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Copy this from the source.
    Copy {
        /// First byte in the source.
        offset: u64,
        /// Bytes.
        len: u64,
    },
    /// Write these bytes: they stand nowhere in the source (rewritten NAL unit lengths).
    Inline(Bytes),
}

impl Piece {
    /// Bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Copy { len, .. } => *len,
            Self::Inline(bytes) => bytes.len() as u64,
        }
    }

    /// Whether there is no byte; never so in a plan.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The pieces of a plan in their order. Pieces that stand together in the source are one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// For each piece its length, twice, one more for an inline one; then the distance of a copy from the end of the one
    /// before.
    packed: Vec<u8>,
    inline: BytesMut,
    /// The newest piece, which may still grow.
    open: Option<Open>,
    /// Where the newest packed copy ends.
    end: u64,
    pieces: usize,
    len: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Copy { offset: u64, len: u64 },
    Inline { len: u64 },
}

impl Body {
    /// Number of pieces.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.pieces + usize::from(self.open.is_some())
    }

    /// Bytes of all pieces.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that stand nowhere in the source.
    #[must_use]
    pub fn inline_bytes(&self) -> u64 {
        self.inline.len() as u64
    }

    /// The pieces. Inline ones share one buffer, which is copied once.
    pub fn iter(&self) -> impl Iterator<Item = Piece> + use<'_> {
        let inline = Bytes::copy_from_slice(&self.inline);
        Pieces { packed: self.packed.as_slice(), at: 0, inline, end: 0, open: self.open }
    }

    pub(super) fn copy(&mut self, offset: u64, len: u64) {
        self.len = self.len.saturating_add(len);
        match &mut self.open {
            Some(Open::Copy { offset: start, len: so_far })
                if start.wrapping_add(*so_far) == offset =>
            {
                *so_far = so_far.saturating_add(len);
            }
            _ => self.open(Open::Copy { offset, len }),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        let len = bytes.len() as u64;
        self.len = self.len.saturating_add(len);
        self.inline.extend_from_slice(bytes);
        match &mut self.open {
            Some(Open::Inline { len: so_far }) => *so_far = so_far.saturating_add(len),
            _ => self.open(Open::Inline { len }),
        }
    }

    /// Adds all of `other` behind.
    pub(super) fn append(&mut self, other: &Self) {
        other.iter().for_each(|piece| self.push(&piece));
    }

    pub(super) fn push(&mut self, piece: &Piece) {
        match piece {
            Piece::Copy { offset, len } => self.copy(*offset, *len),
            Piece::Inline(bytes) => self.write(bytes),
        }
    }

    fn open(&mut self, next: Open) {
        let Some(done) = self.open.replace(next) else { return };
        self.pieces += 1;
        match done {
            Open::Copy { offset, len } => {
                varint::put(&mut self.packed, len << 1);
                varint::put(&mut self.packed, offset.wrapping_sub(self.end));
                self.end = offset.wrapping_add(len);
            }
            Open::Inline { len } => varint::put(&mut self.packed, len << 1 | 1),
        }
    }
}

impl IntoIterator for Body {
    type Item = Piece;
    type IntoIter = Pieces;

    fn into_iter(self) -> Pieces {
        let Self { packed, inline, open, .. } = self;
        Pieces { packed, at: 0, inline: inline.freeze(), end: 0, open }
    }
}

/// The pieces of a [`Body`] in their order.
#[derive(Clone, Debug)]
pub struct Pieces<P = Vec<u8>> {
    packed: P,
    /// How much of `packed` was read.
    at: usize,
    /// What is left of the inline bytes.
    inline: Bytes,
    /// Where the last copy ended.
    end: u64,
    open: Option<Open>,
}

impl<P: AsRef<[u8]>> Pieces<P> {
    fn number(&mut self) -> Option<u64> {
        let packed = self.packed.as_ref();
        let mut rest = packed.get(self.at..)?;
        let number = varint::take(&mut rest);
        self.at = packed.len() - rest.len();
        number
    }
}

impl<P: AsRef<[u8]>> Iterator for Pieces<P> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let piece = match self.number() {
            Some(told) if told & 1 == 0 => {
                let offset = self.end.wrapping_add(self.number()?);
                Open::Copy { offset, len: told >> 1 }
            }
            Some(told) => Open::Inline { len: told >> 1 },
            None => self.open.take()?,
        };
        Some(match piece {
            Open::Copy { offset, len } => {
                self.end = offset.wrapping_add(len);
                Piece::Copy { offset, len }
            }
            Open::Inline { len } => {
                let len = usize::try_from(len).unwrap_or(usize::MAX).min(self.inline.len());
                Piece::Inline(self.inline.split_to(len))
            }
        })
    }
}

/// Numbers of seven bits a byte, the lowest first.
mod varint {
    pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
        loop {
            let low = u8::try_from(value & 0x7f).unwrap_or(0);
            value >>= 7;
            if value == 0 {
                return out.push(low);
            }
            out.push(low | 0x80);
        }
    }

    pub(super) fn take(packed: &mut &[u8]) -> Option<u64> {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = packed.split_first()?;
            *packed = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            shift = (shift + 7).min(63);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_read_back_and_those_that_stand_together_are_one() {
        let mut body = Body::default();
        assert_eq!((body.pieces(), body.iter().count()), (0, 0));
        for (offset, len) in [(100, 20), (120, 5), (1 << 40, 7), (3, 1)] {
            body.copy(offset, len);
        }
        body.write(&[1, 2]);
        body.write(&[3]);
        body.copy(4, 1);
        let copy = |offset, len| Piece::Copy { offset, len };
        let inline = Piece::Inline(Bytes::from_static(&[1, 2, 3]));
        let expected = [copy(100, 25), copy(1 << 40, 7), copy(3, 1), inline, copy(4, 1)];
        assert_eq!(body.iter().collect::<Vec<_>>(), expected);
        assert_eq!((body.pieces(), body.len(), body.inline_bytes()), (5, 37, 3));
        assert!(body.clone().into_iter().eq(body.iter()));
        let mut twice = Body::default();
        twice.append(&body);
        twice.append(&body);
        assert_eq!((twice.pieces(), twice.len()), (10, 74));
        assert!(twice.iter().skip(5).eq(body.iter()));
    }
}
