//! Where an access unit stands in the source.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Piece;

/// Tags that an access unit may still come from: the assembler holds back fewer.
const TAGS: usize = 192;
/// How far a NAL unit may be from the end of the one before it: start codes, lengths, a delimiter that was left out.
const REACH: usize = 64;
/// Shorter NAL units are not worth a range.
const MIN_RANGE: usize = 64;

/// The bodies of the last tags with their places in the file.
#[derive(Debug, Default)]
pub(super) struct Source {
    tags: VecDeque<Body>,
}

#[derive(Debug)]
struct Body {
    offset: u64,
    bytes: Bytes,
    /// Behind the last NAL unit that was found here.
    cursor: usize,
}

impl Source {
    pub(super) fn remember(&mut self, offset: u64, bytes: Bytes) {
        if self.tags.len() >= TAGS {
            self.tags.pop_front();
        }
        self.tags.push_back(Body { offset, bytes, cursor: 0 });
    }

    /// The pieces that make up `data`: one range where it is a slice of a tag, else a range for each NAL unit that
    /// stands in a tag as it is, and the rest inline.
    pub(super) fn pieces(&mut self, data: &Bytes, give: impl FnMut(Piece)) {
        let mut give = give;
        if let Some(offset) = self.tags.iter().rev().find_map(|body| body.slice_offset(data)) {
            return give(Piece::Copy { offset, len: data.len() as u64 });
        }
        let mut rest = data.clone();
        let mut inline = 0;
        while let Some(nal) = length_prefixed(&rest, inline) {
            let found = if nal.len() < MIN_RANGE { None } else { self.find(&nal) };
            match found {
                Some(offset) => {
                    give(Piece::Inline(rest.slice(..inline + 4)));
                    give(Piece::Copy { offset, len: nal.len() as u64 });
                    rest = rest.slice(inline + 4 + nal.len()..);
                    inline = 0;
                }
                None => inline += 4 + nal.len(),
            }
        }
        if !rest.is_empty() {
            give(Piece::Inline(rest));
        }
    }

    fn find(&mut self, nal: &[u8]) -> Option<u64> {
        self.tags.iter_mut().rev().find_map(|body| {
            let ahead = body.bytes.get(body.cursor..)?;
            let at = (0..=REACH)
                .find(|&at| ahead.get(at..).is_some_and(|rest| rest.starts_with(nal)))?;
            let start = body.cursor + at;
            body.cursor = start + nal.len();
            Some(body.offset + start as u64)
        })
    }
}

/// The NAL unit behind the 4-byte length at `at`.
fn length_prefixed(data: &Bytes, at: usize) -> Option<Bytes> {
    let length = data.get(at..at.checked_add(4)?)?.try_into().ok()?;
    let start = at + 4;
    let end = start.checked_add(usize::try_from(u32::from_be_bytes(length)).ok()?)?;
    (end <= data.len()).then(|| data.slice(start..end))
}

impl Body {
    /// File offset of `data`, if it is a slice of this body. The body is held, so its addresses are its own.
    fn slice_offset(&self, data: &Bytes) -> Option<u64> {
        let start = data.as_ptr().addr().checked_sub(self.bytes.as_ptr().addr())?;
        let end = start.checked_add(data.len())?;
        (end <= self.bytes.len()).then(|| self.offset + start as u64)
    }
}
