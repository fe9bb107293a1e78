//! A stream as FLV files: tags in blocks, and where one file ends and the next begins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streamcore::buf::Chain;
use streamcore::flv::{Tag, TagKind};
use streamcore::limits::Limits;
use streamcore::live::ItemClass;
use streamcore::record::FlvRecorder;

use super::config::{Format, Pictures, What};
use super::file::OutFile;
use super::gate::Gate;
use super::{Files, Group, Health, Tracks};
use crate::finish::Ending;

/// Bytes that are given to the disk at once.
const BLOCK: usize = 256 << 10;
/// Time after which what there is is given.
const BLOCK_TIME: Duration = Duration::from_millis(500);

/// The FLV files of one recorder.
#[derive(Debug)]
pub(super) struct FlvTake {
    what: What,
    current: Option<FlvFile>,
    gate: Gate,
    /// The stream has pictures.
    video: bool,
    /// What came ahead of the first picture or sound; `None` behind it.
    early: Option<Vec<Tag>>,
}

/// Script tags that are kept from ahead of the first picture or sound.
const EARLY: usize = 16;

#[derive(Debug)]
struct FlvFile {
    recorder: FlvRecorder,
    out: OutFile,
    block: Chain,
    /// When the oldest byte of the block came.
    since: Option<Instant>,
    frames: u64,
    /// What came since the last tick.
    tags: u64,
    health: Arc<Health>,
    what: What,
    /// Those of the stream.
    tracks: Arc<Tracks>,
}

impl FlvTake {
    pub(super) fn new(what: What) -> Self {
        Self { what, current: None, gate: Gate::default(), video: false, early: Some(Vec::new()) }
    }

    /// One that takes everything, beside an MP4 that cannot.
    pub(super) fn beside(files: &mut Files, group: Group<'_>) -> Self {
        let mut take = Self { early: None, ..Self::new(What::ALL) };
        take.begin(files, &group());
        take
    }

    /// Takes a tag, into a new file where that is due.
    pub(super) fn handle_tag(&mut self, tag: &Tag, files: &mut Files, on: bool, group: Group<'_>) {
        let class = ItemClass::of(tag);
        self.video |= matches!(class, ItemClass::KeyFrame | ItemClass::InterFrame)
            && self.what.pictures != Pictures::None;
        if let Some(failed) = self.current.take_if(|file| file.out.has_failed()) {
            failed.finish();
            files.has_failed();
        }
        let cuts = class == ItemClass::KeyFrame || !self.video && class == ItemClass::Audio;
        if let Some(full) = self.current.take_if(|file| cuts && file.is_full(files)) {
            full.finish();
        }
        match &mut self.early {
            Some(early) if tag.kind == TagKind::Script => {
                if early.len() < EARLY {
                    early.push(tag.clone());
                }
            }
            early => {
                let early = early.take();
                if self.current.is_some() {
                    self.append(tag);
                } else if on && tag.kind != TagKind::Script && files.may_begin() {
                    let start = early.map(|mut early| {
                        early.push(tag.clone());
                        early
                    });
                    // In mid-stream a group begins the file, and holds this tag already.
                    self.begin(files, &start.unwrap_or_else(group));
                }
            }
        }
    }

    fn begin(&mut self, files: &mut Files, start: &[Tag]) {
        self.current = Some(FlvFile {
            recorder: FlvRecorder::new(&Limits::default()),
            out: files.next(Format::Flv),
            block: Chain::new(),
            since: None,
            frames: 0,
            tags: 0,
            health: files.health.clone(),
            what: self.what,
            tracks: files.tracks.clone(),
        });
        start.iter().for_each(|tag| self.append(tag));
    }

    /// Takes a tag into the file that is being written.
    pub(super) fn append(&mut self, tag: &Tag) {
        let class = ItemClass::of(tag);
        let picture = matches!(class, ItemClass::KeyFrame | ItemClass::InterFrame);
        let wanted = match tag.kind {
            TagKind::Script => true,
            TagKind::Audio => self.what.audio,
            TagKind::Video => match self.what.pictures {
                Pictures::All => true,
                Pictures::Keys => class != ItemClass::InterFrame,
                Pictures::None => false,
            },
        };
        let Some(file) = self.current.as_mut().filter(|_| wanted) else { return };
        let key = picture.then_some(class == ItemClass::KeyFrame);
        if self.gate.admits(tag.body.len(), key, &file.out, &file.health) {
            file.frames += u64::from(if self.video { picture } else { class == ItemClass::Audio });
            file.take(tag);
        }
    }

    /// The publisher has gone and may come back.
    pub(super) fn pause(&mut self) {
        if let Some(file) = &mut self.current {
            file.recorder.handle_discontinuity();
            file.flush();
        }
        if self.video {
            self.gate.wait_for_key();
        }
    }

    /// Writes what there is where nothing has come since the last time.
    pub(super) fn tick(&mut self) {
        if let Some(file) = &mut self.current
            && std::mem::take(&mut file.tags) == 0
        {
            file.flush();
        }
    }

    /// Ends what is being written.
    pub(super) fn finish(&mut self) {
        if let Some(file) = self.current.take() {
            file.finish();
        }
    }
}

impl FlvFile {
    fn is_full(&self, files: &Files) -> bool {
        let length = Duration::from_millis(self.recorder.millis().into());
        files.is_full(length, self.recorder.len(), self.frames)
    }

    fn take(&mut self, tag: &Tag) {
        self.tags += 1;
        match self.recorder.handle_tag(tag) {
            Ok(bytes) => self.block.extend(bytes),
            Err(error) => tracing::debug!("a tag is left out of the recording: {error}"),
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        if self.block.len() >= BLOCK || since.elapsed() >= BLOCK_TIME {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.since = None;
        if !self.block.is_empty() {
            self.out.append(std::mem::take(&mut self.block), self.recorder.millis().into());
        }
    }

    fn finish(mut self) {
        self.flush();
        let mut patches = self.recorder.finish();
        if self.out.is_empty() && self.frames > 0 {
            // What was held until now: the file is that patch.
            let start = patches.remove(0);
            self.out.append(start.bytes.into(), self.recorder.millis().into());
        }
        let tracks = self.tracks.recorded(self.what);
        self.out.finish(Ending::Flv { patches, millis: self.recorder.millis(), tracks });
    }
}
