//! Media on their way from file to file.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::ops::Range;

use bytes::{Buf as _, Bytes};
use streamcore::buf::Chain;

use super::blocks::Blocks;
use crate::remux::io::read_at;

/// Units up to this are always read whole.
pub const INSIDE: usize = 640;
/// Bytes that are copied at once: more would not stay in the caches of a core until they are written.
const WINDOW: usize = 128 << 10;
/// Bytes between two pictures that are read in vain rather than passed over with a read of its own.
const GAP: u64 = 16 << 10;
/// Buffers of one vectored write; Linux takes 1024.
const SLICES: usize = 1024;

/// The input, and what of it is in memory.
pub struct Media<'a> {
    source: &'a File,
    pub blocks: RefCell<Blocks>,
    window: RefCell<Vec<u8>>,
}

/// Bytes of a file that is made.
enum Piece {
    Memory(Bytes),
    /// A range of the source.
    Source(Range<u64>),
}

impl<'a> Media<'a> {
    pub fn new(source: &'a File) -> Self {
        Self { source, blocks: RefCell::default(), window: RefCell::default() }
    }

    /// Writes bytes: from memory straight from where they are, and those that were not read from the source.
    pub fn write(&self, body: Chain, target: &mut File) -> io::Result<()> {
        let blocks = self.blocks.borrow();
        let place = |bytes: &Bytes| {
            let offset = (bytes.len() > INSIDE).then(|| blocks.place(bytes)).flatten()?;
            Some(offset..offset + bytes.len() as u64)
        };
        if !body.iter().any(|bytes| place(bytes).is_some()) {
            return write_chain(body, target);
        }
        let piece = |bytes: Bytes| match place(&bytes) {
            Some(range) => Piece::Source(range),
            None => Piece::Memory(bytes),
        };
        let pieces: Vec<Piece> = body.into_iter().map(piece).collect();
        let mut window = self.window.borrow_mut();
        let mut copy =
            Copy { source: self.source, target, window: &mut window, start: 0, ready: Vec::new() };
        let mut rest = pieces.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            match first {
                Piece::Memory(bytes) => copy.add(Ready::Memory(bytes))?,
                Piece::Source(range) => copy.range(range.clone(), row(rest))?,
            }
            rest = behind;
        }
        copy.flush()
    }
}

/// Up to where ranges follow one another closely.
fn row(pieces: &[Piece]) -> u64 {
    let mut ranges = pieces.iter().filter_map(|piece| match piece {
        Piece::Source(range) => Some(range),
        Piece::Memory(_) => None,
    });
    let Some(first) = ranges.next() else { return 0 };
    let mut end = first.end;
    for range in ranges {
        if end - first.start >= WINDOW as u64 || range.start < end || range.start - end > GAP {
            break;
        }
        end = range.end;
    }
    end
}

/// A copy that is under way.
struct Copy<'a> {
    source: &'a File,
    target: &'a mut File,
    /// Bytes of the source from `start` on.
    window: &'a mut Vec<u8>,
    start: u64,
    /// What is to be written next.
    ready: Vec<Ready<'a>>,
}

enum Ready<'a> {
    Memory(&'a Bytes),
    Window(Range<usize>),
}

impl<'a> Copy<'a> {
    fn add(&mut self, ready: Ready<'a>) -> io::Result<()> {
        if self.ready.len() >= SLICES {
            self.flush()?;
        }
        self.ready.push(ready);
        Ok(())
    }

    /// Adds a range of the source, of which bytes up to `row` will be wanted.
    fn range(&mut self, mut range: Range<u64>, row: u64) -> io::Result<()> {
        while range.start < range.end {
            let at = range.start.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
            let Some(at) = at.filter(|&at| at < self.window.len()) else {
                self.fill(range.start..row)?;
                continue;
            };
            let left = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            let end = at.saturating_add(left).min(self.window.len());
            self.add(Ready::Window(at..end))?;
            range.start += (end - at) as u64;
        }
        Ok(())
    }

    fn fill(&mut self, range: Range<u64>) -> io::Result<()> {
        self.flush()?;
        let end = range.end.min(range.start + WINDOW as u64);
        self.start = range.start;
        read_at(self.source, &(range.start..end), 0, self.window)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = Vec::with_capacity(self.ready.len());
        for ready in &self.ready {
            slices.push(IoSlice::new(match ready {
                Ready::Memory(bytes) => bytes,
                Ready::Window(range) => self.window.get(range.clone()).unwrap_or_default(),
            }));
        }
        let mut left = slices.as_mut_slice();
        while !left.is_empty() {
            match self.target.write_vectored(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut left, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        drop(slices);
        self.ready.clear();
        Ok(())
    }
}

/// Writes what is in memory.
fn write_chain(mut body: Chain, target: &mut File) -> io::Result<()> {
    while body.has_remaining() {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = body.chunks_vectored(&mut slices);
        match target.write_vectored(&slices[..filled]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => body.advance(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
