//! File operations of a remux: reads of what an engine asks for, and copies of ranges.

use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;

use anyhow::Context as _;
use streamcore::remux::Skimmer;

use super::kernel::{KernelCopy, reserve};

/// Bytes that are read and written at once where the kernel does not copy: larger blocks do not stay in the cache of a core.
pub const BLOCK: usize = 256 << 10;
/// Bytes that are copied between two looks at the progress.
const STEP: u64 = 64 << 20;
/// Shorter ranges are gathered in memory: a system call for each would cost more.
const LONG: u64 = 1 << 20;

/// How ranges are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By the kernel, which shares the blocks where the file system can.
    Kernel,
    /// Through memory: all bytes are written anew.
    Memory,
}

/// Reads at least `range` and at most `most` bytes at its start; fewer at the end of the file.
pub fn read_at(
    file: &File,
    range: &Range<u64>,
    most: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    let least = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    buffer.resize(least.max(most), 0);
    let mut filled = 0;
    while filled < least {
        match pread(file, buffer.get_mut(filled..).unwrap_or_default(), range.start + filled as u64)
        {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(())
}

/// Bytes that are read at once for the index at first, and the least and the most: what stands between two pictures.
const GLANCE: usize = 1536;
const GLANCES: std::ops::RangeInclusive<usize> = 512..=16 << 10;
/// A read that did not reach makes those behind it so much longer, and one that did a byte shorter: in the end one of so many
/// does not. A further read costs as much as a kilobyte that is read in vain.
const LONGER: usize = 24;

/// Reads of a file for its index, mostly as long as what the skimmer looks at.
pub struct Glance {
    bytes: usize,
    buffer: Vec<u8>,
}

impl Default for Glance {
    fn default() -> Self {
        Self { bytes: GLANCE, buffer: Vec::new() }
    }
}

impl Glance {
    /// Reads what the skimmer wants next, and gives it.
    pub fn read(
        &mut self,
        file: &File,
        range: &Range<u64>,
        skimmer: &mut Skimmer,
    ) -> anyhow::Result<()> {
        read_at(file, range, self.bytes, &mut self.buffer).context("cannot read the FLV")?;
        skimmer.handle_read(&self.buffer)?;
        let reached = skimmer.looked_at() <= self.bytes;
        let bytes = if reached { self.bytes - 1 } else { self.bytes + LONGER };
        self.bytes = bytes.clamp(*GLANCES.start(), *GLANCES.end());
        Ok(())
    }
}

/// Reads at a place of a file.
#[cfg(unix)]
pub fn pread(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Reads at a place of a file.
#[cfg(not(unix))]
pub fn pread(mut file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read(buffer)
}

/// Bytes to which the media of a large file are aligned.
const COPY_BLOCK: u32 = 64 << 10;
/// From so many bytes on.
const LARGE: u64 = 64 << 20;

/// What the media have to be aligned to in both files: a block, so that it can be shared; and in a large file what the kernel copies at once, which
/// it holds in one piece of the page cache where it begins at such a place, and in many small ones, at nearly twice the cost, where it does not.
pub fn copy_block(file: &File, size: u64) -> u32 {
    let block = block_size(file);
    if size >= LARGE { block.max(COPY_BLOCK) } else { block }
}

/// Bytes of a block of the file system that holds `file`: what has to be aligned for blocks to be shared.
#[cfg(unix)]
pub fn block_size(file: &File) -> u32 {
    let block = rustix::fs::fstatvfs(file).map_or(4096, |stat| stat.f_bsize);
    u32::try_from(block).unwrap_or(4096).clamp(512, 64 << 10)
}

/// Bytes of a block of the file system that holds `file`.
#[cfg(not(unix))]
pub fn block_size(_: &File) -> u32 {
    4096
}

/// Whether `target`, which is empty, can share the blocks of `source`.
#[cfg(target_os = "linux")]
pub fn shares_blocks(source: &File, target: &File) -> io::Result<bool> {
    let shared = rustix::fs::ioctl_ficlone(target, source).is_ok();
    target.set_len(0)?;
    Ok(shared)
}

/// Whether `target`, which is empty, can share the blocks of `source`.
#[cfg(not(target_os = "linux"))]
pub fn shares_blocks(_: &File, _: &File) -> io::Result<bool> {
    Ok(false)
}

/// Writes a file from its start: bytes, and ranges of another file.
pub struct Copier<'a> {
    source: &'a File,
    target: &'a File,
    /// `None` where all goes through memory.
    kernel: Option<KernelCopy>,
    /// What is still to be written.
    pending: Vec<u8>,
    window: Window<'a>,
}

impl<'a> Copier<'a> {
    /// A copier to the end of `target`, which is empty and will have so many bytes.
    pub fn new(source: &'a File, target: &'a File, how: How, bytes: u64) -> Self {
        reserve(target, bytes);
        let kernel = (how == How::Kernel).then(|| KernelCopy::new(target));
        let pending = Vec::with_capacity(BLOCK);
        Self { source, target, kernel, pending, window: Window::new(source) }
    }

    /// Writes bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.pending.len() + bytes.len() > BLOCK {
            self.flush()?;
        }
        if bytes.len() >= BLOCK {
            return self.target.write_all(bytes);
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    /// Copies a range of the source; `done` is told of each part that was copied.
    pub fn copy(&mut self, range: Range<u64>, done: &mut dyn FnMut(u64)) -> io::Result<()> {
        let Range { mut start, end } = range;
        if self.kernel.is_some() && end - start >= LONG {
            self.flush()?;
            while let Some(kernel) = self.kernel.as_ref().filter(|_| start < end) {
                let step = STEP.min(end - start);
                let Some(count) = kernel.copy(self.source, start, self.target, step)? else {
                    // Another file system, or one that cannot: from here on through memory.
                    self.kernel = None;
                    break;
                };
                start += count;
                done(count);
            }
        }
        let (target, pending) = (&mut self.target, &mut self.pending);
        self.window.read(start, end - start, |bytes| {
            // What is large enough to go by itself still goes behind what waits.
            let large = bytes.len() >= BLOCK / 2;
            if large || pending.len() + bytes.len() > BLOCK {
                target.write_all(pending)?;
                pending.clear();
            }
            done(bytes.len() as u64);
            if large {
                return target.write_all(bytes);
            }
            pending.extend_from_slice(bytes);
            Ok(())
        })
    }

    /// Writes what is still to be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.target.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

/// Reads ranges that mostly follow each other, in blocks.
pub struct Window<'a> {
    file: &'a File,
    block: Vec<u8>,
    start: u64,
}

impl<'a> Window<'a> {
    /// A window at the start of `file`.
    pub fn new(file: &'a File) -> Self {
        Self { file, block: Vec::new(), start: 0 }
    }

    /// Gives the range to `take`, in one or more pieces.
    pub fn read(
        &mut self,
        mut offset: u64,
        mut len: u64,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        while len > 0 {
            let skip = offset.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
            let here = skip.and_then(|skip| self.block.get(skip..)).unwrap_or_default();
            if here.is_empty() {
                self.fill(offset)?;
                continue;
            }
            let count = usize::try_from(len).map_or(here.len(), |len| len.min(here.len()));
            take(here.get(..count).unwrap_or_default())?;
            offset += count as u64;
            len -= count as u64;
        }
        Ok(())
    }

    fn fill(&mut self, offset: u64) -> io::Result<()> {
        self.start = offset;
        read_at(self.file, &(offset..offset + 1), BLOCK, &mut self.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes and ranges of all sizes around those of blocks, in both ways.
    #[test]
    fn what_is_written_and_copied_stands_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let path = dir.path().join("source");
        std::fs::write(&path, &bytes).unwrap();
        let source = File::open(&path).unwrap();
        let sizes = [1, 4096, BLOCK / 2 - 1, BLOCK / 2, BLOCK - 4096, BLOCK, BLOCK + 1, 2 << 20];
        for how in [How::Kernel, How::Memory] {
            for (head, size) in sizes.into_iter().flat_map(|a| sizes.map(|b| (a, b))) {
                let target = dir.path().join("target");
                let file = File::create(&target).unwrap();
                let mut copier = Copier::new(&source, &file, how, 1 << 20);
                let (mut wanted, mut copied) = (Vec::new(), 0);
                for start in [0, 7, 5_000_000, 5_000_000 + size] {
                    let inline = &bytes[1000..1000 + head];
                    copier.write(inline).unwrap();
                    wanted.extend_from_slice(inline);
                    let range = start as u64..(start + size) as u64;
                    copier.copy(range, &mut |count| copied += count).unwrap();
                    wanted.extend_from_slice(&bytes[start..start + size]);
                }
                copier.flush().unwrap();
                assert_eq!(copied, 4 * size as u64, "{how:?}: {head} and {size}");
                let same = std::fs::read(&target).unwrap() == wanted;
                assert!(same, "{how:?}: {head} bytes and ranges of {size}");
            }
        }
    }
}
