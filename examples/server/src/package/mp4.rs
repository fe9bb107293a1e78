//! MP4 in, plain or fragmented: samples in the order of their decode times.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use streamcore::assemble::Event;
use streamcore::limits::Limits;
use streamcore::media::{AccessUnit, CodecConfig, MediaKind, Track, TrackId};
use streamcore::mp4::FileSample;
use streamcore::mp4::index::{Index, IndexReader, IndexedTrack};

use super::Progress;
use super::blocks::{BLOCK, Blocks};

/// Blocks that are kept at hand: the tracks of a file stand up to seconds apart.
const KEPT: usize = 8;

/// Reads all samples of the file.
pub fn feed(
    source: &File,
    size: u64,
    limits: &Limits,
    sink: &mut dyn FnMut(Event) -> anyhow::Result<()>,
    progress: Progress<'_>,
) -> anyhow::Result<()> {
    let index = index(source, size, limits)?;
    let mut media = Media { file: source, blocks: Blocks::default(), kept: VecDeque::new() };
    let mut lanes = lanes(&index)?;
    ensure!(!lanes.is_empty(), "the MP4 has no track of video or audio with samples");
    for lane in &mut lanes {
        lane.announce(&index, &mut media, limits, sink)?;
    }
    let mut done = 0;
    // The sample that is decoded first comes first.
    while let Some(lane) =
        lanes.iter_mut().filter(|lane| lane.next.is_some()).min_by_key(|lane| lane.micros())
    {
        let Some(sample) = lane.next else { break };
        if lane.description != Some(sample.description) {
            lane.announce(&index, &mut media, limits, sink)?;
        }
        let data = media.read(sample.offset, sample.size)?;
        let unit = AccessUnit {
            track: lane.id,
            dts: lane.time,
            pts_offset: sample.composition_offset.into(),
            key: sample.sync || lane.id.kind == MediaKind::Audio,
            data,
        };
        lane.step();
        if lane.usable {
            sink(Event::Unit(unit))?;
        }
        done += u64::from(sample.size);
        progress(done);
    }
    progress(size);
    Ok(())
}

fn index(mut source: &File, size: u64, limits: &Limits) -> anyhow::Result<Index> {
    let mut reader = IndexReader::new(size, limits);
    let mut bytes = Vec::new();
    while let Some(range) = reader.poll_read() {
        source.seek(SeekFrom::Start(range.start)).context("cannot read the MP4")?;
        let len = range.end - range.start;
        bytes.clear();
        let read =
            source.by_ref().take(len).read_to_end(&mut bytes).context("cannot read the MP4")?;
        ensure!(read as u64 == len, "the MP4 is shorter than it was");
        reader.handle_read(&bytes).context("the MP4 is damaged")?;
    }
    reader.finish().context("the MP4 is damaged")
}

/// The samples of one track that are still to come.
struct Lane<'a> {
    track: &'a IndexedTrack,
    id: TrackId,
    samples: Box<dyn Iterator<Item = FileSample> + 'a>,
    next: Option<FileSample>,
    /// Decode time of the next one, in ticks.
    time: i64,
    description: Option<u16>,
    /// Whether the codec is known.
    usable: bool,
}

impl Lane<'_> {
    fn step(&mut self) {
        let duration = self.next.map_or(0, |sample| sample.duration);
        self.time += i64::from(duration);
        self.next = self.samples.next();
    }

    fn micros(&self) -> i128 {
        i128::from(self.time) * 1_000_000 / i128::from(self.track.timescale.max(1))
    }

    /// Tells of the configuration that the next sample needs.
    fn announce(
        &mut self,
        index: &Index,
        media: &mut Media<'_>,
        limits: &Limits,
        sink: &mut dyn FnMut(Event) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Some(next) = self.next else { return Ok(()) };
        self.description = Some(next.description);
        let mut same = self.track.samples.iter().filter(|one| one.description == next.description);
        let first = same.find(|one| one.sync).unwrap_or(next);
        let first = media.read(first.offset, first.size)?;
        let config = match index.config(self.track, next.description, &first, limits) {
            Ok(config) => config,
            Err(error) => {
                self.usable = false;
                let entry = String::from_utf8_lossy(&self.track.codec).into_owned();
                eprintln!("streamcore: {} ({entry}) is left out: {error}", self.id);
                return Ok(());
            }
        };
        self.usable = true;
        let config: Arc<CodecConfig> = Arc::new(config);
        sink(Event::Track(Track { id: self.id, timescale: self.track.timescale, config }))
    }
}

fn lanes(index: &Index) -> anyhow::Result<Vec<Lane<'_>>> {
    let (mut videos, mut sounds) = (0_u8, 0_u8);
    let mut lanes = Vec::new();
    for track in &index.tracks {
        let (kind, number) = match &track.handler {
            b"vide" => (MediaKind::Video, &mut videos),
            b"soun" => (MediaKind::Audio, &mut sounds),
            _ => continue,
        };
        let mut samples = track.samples.iter();
        let next = samples.next();
        if next.is_none() {
            continue;
        }
        let id = TrackId { kind, index: *number };
        let Some(more) = number.checked_add(1) else { bail!("the MP4 has more tracks than 255") };
        *number = more;
        let begin = i64::try_from(track.begin).context("a decode time past all bounds")?;
        lanes.push(Lane {
            track,
            id,
            samples: Box::new(samples),
            next,
            time: begin.saturating_add(track.shift),
            description: None,
            usable: false,
        });
    }
    Ok(lanes)
}

/// The bytes of the samples, as slices of blocks.
struct Media<'a> {
    file: &'a File,
    blocks: Blocks,
    /// Offset and content, newest last.
    kept: VecDeque<(u64, Bytes)>,
}

impl Media<'_> {
    fn read(&mut self, offset: u64, size: u32) -> anyhow::Result<Bytes> {
        let size = size as usize;
        for (start, block) in self.kept.iter().rev() {
            let Some(at) = offset.checked_sub(*start).and_then(|at| usize::try_from(at).ok())
            else {
                continue;
            };
            if at.checked_add(size).is_some_and(|end| end <= block.len()) {
                return Ok(block.slice(at..at + size));
            }
        }
        self.file.seek(SeekFrom::Start(offset)).context("cannot read the MP4")?;
        if size > BLOCK {
            let mut bytes = vec![0; size];
            self.file.read_exact(&mut bytes).context("the MP4 is cut off")?;
            return Ok(bytes.into());
        }
        let mut block = self.blocks.take();
        let mut filled = 0;
        while filled < BLOCK {
            match self.file.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot read the MP4"),
            }
        }
        ensure!(size <= filled, "the MP4 is cut off");
        let block = block.freeze();
        self.kept.push_back((offset, block.slice(..filled)));
        self.blocks.give(block.clone());
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        Ok(block.slice(..size))
    }
}
