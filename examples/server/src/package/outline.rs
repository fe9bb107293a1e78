//! Reads of an FLV what its packets are found by, to where it stands in a block.

use std::fs::File;
use std::io;
use std::ops::Range;

use bytes::BytesMut;
use streamcore::flv::{Outline, Outlook};
use streamcore::limits::Limits;

use super::blocks::BLOCK;
use crate::remux::io::pread;

/// Bytes that are read at once at first, and the least and the most: what stands between two pictures.
const GLANCE: usize = 1536;
const GLANCES: std::ops::RangeInclusive<usize> = 512..=16 << 10;
/// A read that did not reach makes those behind it so much longer, and one that did a byte shorter: a further read costs as
/// much as a kilobyte that is read in vain.
const LONGER: usize = 24;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// Whole tags up to here, without the insides of their pictures.
    Outline(usize),
    /// All bytes up to here.
    Whole(usize),
}

/// Fills blocks.
#[derive(Debug)]
pub struct Filler<'a> {
    file: &'a File,
    pub outline: Outline,
    glance: usize,
    /// Bytes of the block that were read last and in a row.
    read: Range<usize>,
}

impl<'a> Filler<'a> {
    pub const fn new(file: &'a File, limits: &Limits) -> Self {
        Self { file, outline: Outline::new(limits), glance: GLANCE, read: 0..0 }
    }

    /// Fills a block with all bytes from `at` on. Fewer than it has room for: the file ends.
    pub fn whole(&self, at: u64, block: &mut [u8]) -> io::Result<Filled> {
        let mut filled = 0;
        while let Some(count) = self.read_some(at, block, filled)? {
            filled += count;
        }
        Ok(Filled::Whole(filled))
    }

    /// Fills a block with the tags from `at` on, where they are as they should be, and with all bytes where they are not.
    pub fn fill(&mut self, at: u64, block: &mut BytesMut) -> io::Result<Filled> {
        let mut tag = 0;
        will_need(self.file, at + BLOCK as u64);
        self.outline.begin();
        self.read = 0..0;
        loop {
            match self.outline.look(block, tag, &self.read) {
                Outlook::Tag(end) => tag = end,
                Outlook::Read(range) if self.reach(at, block, range.clone())? => {}
                Outlook::Past(end) if tag == 0 => block.resize(end, 0),
                _ => break,
            }
        }
        if tag == 0 { self.whole(at, block) } else { Ok(Filled::Outline(tag)) }
    }

    /// Reads at least a range, and says whether the file has it.
    fn reach(&mut self, at: u64, block: &mut [u8], range: Range<usize>) -> io::Result<bool> {
        let goes_on = self.read.start <= range.start && range.start <= self.read.end;
        if !goes_on {
            self.read = range.start..range.start;
        }
        let step =
            if goes_on && !self.read.is_empty() { self.glance + LONGER } else { self.glance - 1 };
        self.glance = step.clamp(*GLANCES.start(), *GLANCES.end());
        let most = range.end.max(self.read.end + self.glance).min(block.len());
        let Some(room) = block.get_mut(..most) else { return Ok(false) };
        while self.read.end < range.end {
            match self.read_some(at, room, self.read.end)? {
                Some(count) => self.read.end += count,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Reads into a block behind what is filled; `None` at its end or that of the file.
    fn read_some(&self, at: u64, block: &mut [u8], filled: usize) -> io::Result<Option<usize>> {
        let room = block.get_mut(filled..).unwrap_or_default();
        loop {
            match pread(self.file, room, at + filled as u64) {
                Ok(count) => return Ok((count > 0).then_some(count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Has the system read the next block from the disk in one go: it would not by itself, where little of it is asked for.
#[cfg(target_os = "linux")]
fn will_need(file: &File, at: u64) {
    let len = std::num::NonZeroU64::new(BLOCK as u64);
    // Only advice: where it is not taken, each read waits for its own.
    let _ = rustix::fs::fadvise(file, at, len, rustix::fs::Advice::WillNeed);
}

#[cfg(not(target_os = "linux"))]
fn will_need(_: &File, _: u64) {}
