//! Where an access unit stands in the source.

use std::collections::VecDeque;

use bytes::Bytes;

use super::body::Body;

/// Tags that an access unit may still come from: the assembler holds back fewer.
const TAGS: usize = 192;
/// Bytes of them, but for the last few.
const BYTES: usize = 16 << 20;
const FEW: usize = 8;
/// How far a NAL unit may be from the end of the one before it: start codes, lengths, a delimiter that was left out.
const REACH: usize = 64;
/// Shorter NAL units are not worth a range.
const MIN_RANGE: usize = 64;

/// The bodies of the last tags with their places in the file.
#[derive(Debug, Default)]
pub(super) struct Source {
    tags: VecDeque<TagBody>,
    bytes: usize,
}

/// A tag's body, or what was read of it.
#[derive(Debug)]
pub(super) struct TagBody {
    /// Of the first byte, in the file.
    pub(super) offset: u64,
    pub(super) bytes: Bytes,
    /// Where `bytes` leaves something out: the place of each part in `bytes`, and its distance from the start of the body in
    /// the file. What is left out stands at the end of a part. None: `bytes` is the body.
    pub(super) parts: Vec<(usize, u64)>,
    /// Behind the last NAL unit that was found here.
    pub(super) cursor: usize,
}

impl TagBody {
    /// A body that was read whole.
    pub(super) fn whole(offset: u64, bytes: Bytes) -> Self {
        Self { offset, bytes, parts: Vec::new(), cursor: 0 }
    }
}

/// An access unit that was left out in part does not stand where it should: the source has to be read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost;

impl Source {
    pub(super) fn remember(&mut self, body: TagBody) {
        self.bytes += body.bytes.len();
        self.tags.push_back(body);
        while self.tags.len() > TAGS || (self.bytes > BYTES && self.tags.len() > FEW) {
            self.bytes -= self.tags.pop_front().map_or(0, |body| body.bytes.len());
        }
    }

    /// Offset and length of the one range of the file that is `data`; `None` where it was rewritten.
    pub(super) fn range(&self, data: &Bytes) -> Option<(u64, u64)> {
        self.tags.iter().rev().find_map(|body| body.range(data))
    }

    /// Adds the pieces that make up `data`: a range for each NAL unit that stands in a tag as it is, and the rest inline.
    /// Returns how many bytes they are.
    pub(super) fn pieces(
        &mut self,
        data: &Bytes,
        out: &mut Body,
    ) -> std::result::Result<u64, Lost> {
        let before = out.len();
        let mut rest = data.clone();
        let mut inline = 0;
        while let Some(nal) = length_prefixed(&rest, inline) {
            let found = if nal.len() < MIN_RANGE { None } else { self.find(&nal) };
            match found {
                Some((offset, len)) => {
                    let at = rest.get(..inline).unwrap_or_default();
                    out.write(at);
                    out.write(&u32::try_from(len).map_err(|_| Lost)?.to_be_bytes());
                    out.copy(offset, len);
                    rest = rest.slice(inline + 4 + nal.len()..);
                    inline = 0;
                }
                None if nal.len() >= MIN_RANGE && self.leaves_out() => return Err(Lost),
                None => inline += 4 + nal.len(),
            }
        }
        if !rest.is_empty() {
            if rest.len() >= MIN_RANGE && self.leaves_out() {
                return Err(Lost);
            }
            out.write(&rest);
        }
        Ok(out.len() - before)
    }

    /// Whether a body was not read whole.
    fn leaves_out(&self) -> bool {
        self.tags.iter().any(|body| !body.parts.is_empty())
    }

    fn find(&mut self, nal: &[u8]) -> Option<(u64, u64)> {
        self.tags.iter_mut().rev().find_map(|body| {
            let ahead = body.bytes.get(body.cursor..)?;
            let at = (0..=REACH)
                .find(|&at| ahead.get(at..).is_some_and(|rest| rest.starts_with(nal)))?;
            let start = body.cursor + at;
            let found = body.place(start, start + nal.len())?;
            body.cursor = start + nal.len();
            Some(found)
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

impl TagBody {
    /// Place of `data` in the file, if it is a slice of this body. The body is held, so its addresses are its own.
    fn range(&self, data: &Bytes) -> Option<(u64, u64)> {
        let start = data.as_ptr().addr().checked_sub(self.bytes.as_ptr().addr())?;
        let end = start.checked_add(data.len())?;
        if end <= self.bytes.len() { self.place(start, end) } else { None }
    }

    /// Offset and length in the file of a range of `bytes`, with what is left out of it.
    fn place(&self, start: usize, end: usize) -> Option<(u64, u64)> {
        let from = self.distance(start)?;
        Some((self.offset + from, self.distance(end)?.checked_sub(from)?))
    }

    fn distance(&self, position: usize) -> Option<u64> {
        let part = self.parts.partition_point(|(at, _)| *at <= position).checked_sub(1);
        let (at, distance) = part.and_then(|part| self.parts.get(part)).copied().unwrap_or((0, 0));
        Some(distance + position.checked_sub(at)? as u64)
    }
}
