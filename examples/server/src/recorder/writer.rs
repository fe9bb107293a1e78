//! Tags to blocks of a file.

use std::fs::File;
use std::io::{self, IoSlice, Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Buf as _;
use streamcore::buf::Chain;
use streamcore::flv::{Tag, TagKind};
use streamcore::limits::Limits;
use streamcore::record::FlvRecorder;

/// Bytes that are written at once.
const BLOCK: usize = 256 << 10;
/// Time after which what there is is written: what a crash may lose.
const BLOCK_TIME: Duration = Duration::from_millis(500);

/// Where a recording goes: a file, or in tests something that fails.
pub trait Sink {
    /// Writes some of `slices` at the end.
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Overwrites bytes written earlier.
    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

impl Sink for File {
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_vectored(slices)
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.write_all(bytes)
    }
}

/// Tags to blocks of a file.
#[derive(Debug)]
pub struct FlvWriter<S> {
    sink: S,
    recorder: FlvRecorder,
    block: Chain,
    /// When the oldest byte of the block came.
    since: Option<Instant>,
    /// Bytes in the file.
    pub written: u64,
    first_ms: Option<u32>,
    last_ms: u32,
}

impl<S: Sink> FlvWriter<S> {
    /// A recording at its start.
    pub fn new(sink: S) -> anyhow::Result<Self> {
        let recorder = FlvRecorder::new(&Limits::default());
        Ok(Self {
            sink,
            recorder,
            block: Chain::new(),
            since: None,
            written: 0,
            first_ms: None,
            last_ms: 0,
        })
    }

    /// Takes a tag, and writes when a block is full.
    pub fn push(&mut self, tag: &Tag) -> anyhow::Result<()> {
        if tag.kind != TagKind::Script {
            self.first_ms.get_or_insert(tag.timestamp);
            self.last_ms = tag.timestamp;
        }
        match self.recorder.handle_tag(tag) {
            Ok(bytes) => self.block.extend(bytes),
            Err(error) => tracing::debug!("a tag is left out of the recording: {error}"),
        }
        self.since.get_or_insert_with(Instant::now);
        if self.block.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    /// Length of the recording so far.
    pub fn millis(&self) -> u64 {
        let length = self.last_ms.wrapping_sub(self.first_ms.unwrap_or(self.last_ms));
        // A timestamp that ran back is no 49 days.
        if length > i32::MAX as u32 { 0 } else { length.into() }
    }

    /// Time until the block has to be written.
    pub fn time_left(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::from_secs(3600), |since| {
            BLOCK_TIME.saturating_sub(now.duration_since(since))
        })
    }

    /// Writes what there is.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.since = None;
        while !self.block.is_empty() {
            let mut slices = [IoSlice::new(&[]); 512];
            let count = self.block.chunks_vectored(&mut slices);
            match self.sink.append(&slices[..count]) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(count) => {
                    self.block.advance(count);
                    self.written += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot write"),
            }
        }
        Ok(())
    }

    /// Ends the recording.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        self.flush()?;
        for patch in self.recorder.finish() {
            self.sink.patch(patch.offset, &patch.bytes).context("cannot write")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    /// A disk of so many bytes.
    struct Disk {
        room: usize,
        writes: Vec<usize>,
    }

    impl Sink for &mut Disk {
        fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: usize = slices.iter().map(|slice| slice.len()).sum();
            let count = all.min(self.room);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= count;
            self.writes.push(count);
            Ok(count)
        }

        fn patch(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
    }

    fn tag(timestamp: u32) -> Tag {
        let mut body = vec![0; 10_000];
        body[..2].copy_from_slice(&[0x27, 1]);
        Tag { kind: TagKind::Video, timestamp, body: Bytes::from(body) }
    }

    #[test]
    fn blocks_are_large_and_never_wait_for_long() {
        let mut disk = Disk { room: usize::MAX, writes: Vec::new() };
        let mut writer = FlvWriter::new(&mut disk).unwrap();
        (0..100).for_each(|n| writer.push(&tag(n * 40)).unwrap());
        assert!(writer.time_left(Instant::now()) <= BLOCK_TIME);
        assert_eq!(writer.time_left(Instant::now() + BLOCK_TIME), Duration::ZERO);
        assert_eq!(writer.millis(), 3960);
        writer.finish().unwrap();
        let written = writer.written;
        assert_eq!(disk.writes.iter().sum::<usize>() as u64, written);
        assert!(disk.writes[..3].iter().all(|&count| count >= BLOCK), "{:?}", disk.writes);
    }

    #[test]
    fn a_full_disk_is_said_once_and_keeps_what_it_has() {
        let mut disk = Disk { room: 300_000, writes: Vec::new() };
        let mut writer = FlvWriter::new(&mut disk).unwrap();
        let error =
            (0..100).find_map(|n| writer.push(&tag(n * 40)).err()).expect("the disk is full");
        assert!(format!("{error:#}").starts_with("cannot write: "), "{error:#}");
        assert_eq!(writer.written, 300_000);
    }
}
