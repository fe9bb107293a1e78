//! Records one stream as FLV: a thread of its own, fed by a bounded queue, so that a slow or broken disk never holds
//! the live stream up.

use std::fs::File;
use std::io::{self, IoSlice, Seek as _, SeekFrom, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Buf as _;
use jiff::Timestamp;
use streamcore::buf::Chain;
use streamcore::flv::{Tag, TagKind};
use streamcore::limits::Limits;
use streamcore::live::ItemClass;
use streamcore::record::FlvRecorder;

use crate::finish::Finisher;
use crate::recordings::{Recording, Recordings};
use crate::redact::Redacted;

/// Bytes that are written at once.
const BLOCK: usize = 256 << 10;
/// Time after which what there is is written: what a crash may lose.
const BLOCK_TIME: Duration = Duration::from_millis(500);
/// Tags and bytes that wait for a slow disk.
const QUEUE_TAGS: usize = 16 << 10;
const QUEUE_BYTES: usize = 64 << 20;
/// Different problems of a stream that are kept.
const PROBLEMS: usize = 20;

/// What is wrong with a stream, and whether it is recorded.
#[derive(Debug, Default)]
pub struct Health {
    recording: AtomicBool,
    problems: Mutex<Vec<String>>,
}

impl Health {
    /// Whether a recording is being written.
    pub fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed)
    }

    /// What is wrong, each thing once.
    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds what is wrong.
    pub fn add_problem(&self, problem: String) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.len() < PROBLEMS && !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}

/// The stream's end of the queue. The recording is finished when it is dropped.
#[derive(Debug)]
pub struct Recorder {
    queue: SyncSender<Tag>,
    queued_bytes: Arc<AtomicUsize>,
    health: Arc<Health>,
    /// Pictures are left out until the next key frame: the queue was full.
    waits_for_key: bool,
}

impl Recorder {
    /// Starts to record the stream `path`. The file is made with the first picture or sound.
    pub fn start(
        path: &str,
        recordings: Arc<Recordings>,
        finisher: Finisher,
        health: Arc<Health>,
    ) -> Self {
        let (queue, tags) = sync_channel(QUEUE_TAGS);
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let worker = Worker {
            path: path.to_owned(),
            recordings,
            finisher,
            health: health.clone(),
            queued_bytes: queued_bytes.clone(),
        };
        let spawned =
            std::thread::Builder::new().name("record".into()).spawn(move || worker.run(&tags));
        if let Err(error) = spawned {
            tracing::error!("cannot record: no thread to be had: {error}");
            health.add_problem(format!("not recorded: {error}"));
        }
        Self { queue, queued_bytes, health, waits_for_key: false }
    }

    /// Takes a tag. Never waits: what a slow disk cannot take is left out, up to the next key frame.
    pub fn push(&mut self, tag: &Tag) {
        if self.waits_for_key
            && !matches!(ItemClass::of(tag), ItemClass::KeyFrame)
            && tag.kind != TagKind::Script
        {
            return;
        }
        let bytes = tag.body.len();
        if self.queued_bytes.load(Ordering::Relaxed).saturating_add(bytes) > QUEUE_BYTES {
            self.overflow();
            return;
        }
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        match self.queue.try_send(tag.clone()) {
            Ok(()) => self.waits_for_key = false,
            Err(TrySendError::Full(_)) => {
                self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                self.overflow();
            }
            // The worker has given up and said so.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    fn overflow(&mut self) {
        if !self.waits_for_key {
            self.waits_for_key = true;
            tracing::warn!("the disk is too slow: the recording has a gap");
            self.health.add_problem("the disk is too slow: the recording has gaps".into());
        }
    }
}

/// The thread that writes.
struct Worker {
    path: String,
    recordings: Arc<Recordings>,
    finisher: Finisher,
    health: Arc<Health>,
    queued_bytes: Arc<AtomicUsize>,
}

impl Worker {
    fn run(self, tags: &Receiver<Tag>) {
        // Script data that comes ahead of the first picture or sound.
        let mut early: Vec<Tag> = Vec::new();
        let mut first = None;
        while let Ok(tag) = tags.recv() {
            self.queued_bytes.fetch_sub(tag.body.len(), Ordering::Relaxed);
            if tag.kind != TagKind::Script {
                first = Some(tag);
                break;
            }
            if early.len() < 16 {
                early.push(tag);
            }
        }
        let Some(first) = first else { return };
        early.push(first);
        let work = self.finisher.begin();
        match self.recordings.start(&self.path, Timestamp::now()) {
            Ok((recording, file)) => {
                self.health.recording.store(true, Ordering::Relaxed);
                let result = self.write(file, &recording, early, tags);
                self.health.recording.store(false, Ordering::Relaxed);
                if let Err(error) = result {
                    self.fail(&recording.shown(), &error);
                }
                self.finisher.submit(recording, work);
            }
            Err(error) => {
                let folder =
                    format!("{}/{}", self.recordings.root().display(), Redacted(&self.path));
                self.fail(&folder, &error.into());
            }
        }
    }

    fn fail(&self, file: &str, error: &anyhow::Error) {
        tracing::error!(file, "recording stopped, the live stream goes on: {error:#}");
        self.health.add_problem(format!("recording stopped: {error:#}"));
    }

    fn write(
        &self,
        file: File,
        recording: &Recording,
        early: Vec<Tag>,
        tags: &Receiver<Tag>,
    ) -> anyhow::Result<()> {
        let mut writer = FlvWriter::new(file)?;
        for tag in early {
            writer.push(&tag)?;
        }
        loop {
            let left = writer.time_left(Instant::now());
            match tags.recv_timeout(left) {
                Ok(tag) => {
                    self.queued_bytes.fetch_sub(tag.body.len(), Ordering::Relaxed);
                    writer.push(&tag)?;
                }
                Err(RecvTimeoutError::Timeout) => writer.flush()?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
            recording.progress(writer.written, writer.millis());
        }
        writer.finish()?;
        recording.progress(writer.written, writer.millis());
        Ok(())
    }
}

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
struct FlvWriter<S> {
    sink: S,
    recorder: FlvRecorder,
    block: Chain,
    /// When the oldest byte of the block came.
    since: Option<Instant>,
    written: u64,
    first_ms: Option<u32>,
    last_ms: u32,
}

impl<S: Sink> FlvWriter<S> {
    fn new(sink: S) -> anyhow::Result<Self> {
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

    fn push(&mut self, tag: &Tag) -> anyhow::Result<()> {
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
    fn millis(&self) -> u64 {
        let length = self.last_ms.wrapping_sub(self.first_ms.unwrap_or(self.last_ms));
        // A timestamp that ran back is no 49 days.
        if length > i32::MAX as u32 { 0 } else { length.into() }
    }

    /// Time until the block has to be written.
    fn time_left(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::from_secs(3600), |since| {
            BLOCK_TIME.saturating_sub(now.duration_since(since))
        })
    }

    fn flush(&mut self) -> anyhow::Result<()> {
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

    fn finish(&mut self) -> anyhow::Result<()> {
        self.flush()?;
        for patch in self.recorder.finish() {
            self.sink.patch(patch.offset, &patch.bytes).context("cannot write")?;
        }
        Ok(())
    }
}
