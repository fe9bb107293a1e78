//! Where the media goes in the MP4.

use super::body::{Body, Piece};
use super::index::{Index, Place, Unit};
use crate::mp4::Alignment;

/// How the media stands in the MP4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// Whole, but compact where much has to be rewritten.
    #[default]
    Auto,
    /// The source from its first access unit to its last is copied in one piece; what stands between the access units stays
    /// there, and no sample refers to it: some 20 bytes for each. What has to be rewritten goes behind. A system that copies
    /// ranges of files does the work, and one that shares blocks none.
    Whole,
    /// The access units alone, each after the other.
    Compact,
}

/// How to lay out the MP4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Where the media goes.
    pub layout: Layout,
    /// Bytes of a block that file systems share, at least 1: where it is more than 1, a whole copy begins at a block in both
    /// files. 4096 fits most.
    pub block: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { layout: Layout::Auto, block: 4096 }
    }
}

impl Options {
    /// This layout, for blocks of that many bytes.
    #[must_use]
    pub const fn new(layout: Layout, block: u32) -> Self {
        Self { layout, block }
    }

    /// The access units alone.
    pub const COMPACT: Self = Self { layout: Layout::Compact, block: 1 };
}

/// What a layout makes of an index.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) body: Body,
    pub(super) offsets: Offsets,
    pub(super) alignment: Alignment,
}

/// Finds the place of units in the media.
#[derive(Debug)]
pub(super) enum Offsets {
    /// The first byte of the source that is copied, and how many are.
    Whole {
        start: u64,
        len: u64,
    },
    Compact,
}

/// With this share of its bytes rewritten a file is made compact: one in so many.
const REWRITTEN_SHARE: u64 = 16;

pub(super) fn place(index: &Index, options: &Options) -> Placed {
    let bytes: u64 = index.range.map_or(0, |(start, end)| end - start);
    let rewritten = index.rewritten.len();
    let whole = match options.layout {
        Layout::Auto => rewritten <= bytes / REWRITTEN_SHARE,
        Layout::Whole => true,
        Layout::Compact => false,
    };
    match index.range {
        Some((start, end)) if whole => {
            let block = u64::from(options.block.max(1));
            let start = start - start % block;
            let mut body = Body::default();
            body.copy(start, end - start);
            body.append(&index.rewritten);
            let alignment = Alignment { block: options.block, phase: 0 };
            Placed { body, offsets: Offsets::Whole { start, len: end - start }, alignment }
        }
        _ => Placed { body: compact(index), offsets: Offsets::Compact, alignment: Alignment::NONE },
    }
}

impl Offsets {
    /// The place of the units of a track, asked for in their order.
    pub(super) fn of<'a>(
        &self,
        index: &'a Index,
        number: usize,
    ) -> Box<dyn FnMut(&Unit) -> u64 + 'a> {
        match *self {
            Self::Whole { start, len } => Box::new(move |unit| match unit.place {
                Place::Source(offset) => offset.saturating_sub(start),
                Place::Rewritten(offset) => len.saturating_add(offset),
            }),
            Self::Compact => {
                // The units of all tracks in their order up to the next of this one.
                let mut sizes: Vec<_> = index.tracks.iter().map(|track| track.units()).collect();
                let mut order = index.order.iter();
                let mut offset = 0_u64;
                Box::new(move |_| {
                    for &of in order.by_ref() {
                        let unit = sizes.get_mut(usize::from(of)).and_then(Iterator::next);
                        let here = offset;
                        offset = here.saturating_add(unit.map_or(0, |unit| unit.size.into()));
                        if usize::from(of) == number {
                            return here;
                        }
                    }
                    offset
                })
            }
        }
    }
}

/// The units of all tracks in the order they came.
fn compact(index: &Index) -> Body {
    let mut body = Body::default();
    let mut tracks: Vec<_> = index.tracks.iter().map(|track| track.units()).collect();
    let mut rewritten = Cut { pieces: index.rewritten.iter(), rest: None };
    for &number in &index.order {
        let Some(unit) = tracks.get_mut(usize::from(number)).and_then(Iterator::next) else {
            break;
        };
        match unit.place {
            Place::Source(offset) => body.copy(offset, unit.size.into()),
            Place::Rewritten(_) => rewritten.take(unit.size.into(), &mut body),
        }
    }
    body
}

/// Pieces of which any number of bytes can be taken.
struct Cut<I> {
    pieces: I,
    rest: Option<Piece>,
}

impl<I: Iterator<Item = Piece>> Cut<I> {
    fn take(&mut self, mut len: u64, out: &mut Body) {
        while len > 0 {
            let Some(piece) = self.rest.take().or_else(|| self.pieces.next()) else { return };
            let now = piece.len().min(len);
            len -= now;
            match piece {
                Piece::Copy { offset, len: all } => {
                    out.copy(offset, now);
                    let (offset, len) = (offset + now, all - now);
                    self.rest = (len > 0).then_some(Piece::Copy { offset, len });
                }
                Piece::Inline(mut bytes) => {
                    let now = usize::try_from(now).unwrap_or(usize::MAX).min(bytes.len());
                    out.write(&bytes.split_to(now));
                    self.rest = (!bytes.is_empty()).then_some(Piece::Inline(bytes));
                }
            }
        }
    }
}
