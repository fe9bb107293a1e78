//! One file that is being recorded: its end at the stream, and its end at the disk.

use std::fs::File;
use std::io::{self, IoSlice, Seek as _, SeekFrom, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Buf as _;
use jiff::Timestamp;
use streamcore::buf::Chain;
use streamcore::record::Patch;

use super::RecordEnv;
use super::config::{Format, RecordConfig};
use super::disk::What;
use super::health::Health;
use crate::finish::{Ending, Work};
use crate::recordings::Recording;

/// What a file is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Path of the stream.
    pub stream: String,
    pub started: Timestamp,
    pub config: Arc<RecordConfig>,
    pub format: Format,
}

/// The stream's end.
#[derive(Debug)]
pub struct OutFile {
    env: Arc<RecordEnv>,
    lane: usize,
    state: Arc<FileState>,
    /// From the first byte on.
    work: Option<Work>,
}

impl OutFile {
    /// A file that is made with its first bytes.
    pub fn new(env: &Arc<RecordEnv>, plan: Plan, health: &Arc<Health>) -> Self {
        let state = FileState {
            env: env.clone(),
            plan,
            health: health.clone(),
            queued: AtomicUsize::new(0),
            millis: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            syncing: AtomicBool::new(false),
            place: Mutex::new(Place::Nowhere),
        };
        Self { env: env.clone(), lane: env.disk.lane(), state: Arc::new(state), work: None }
    }

    /// Whether so many more bytes may wait for the disk.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.env.disk.has_room(&self.state, bytes)
    }

    /// Whether the disk has failed: what is still given is thrown away.
    pub fn has_failed(&self) -> bool {
        self.state.failed.load(Ordering::Relaxed)
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.work.is_none()
    }

    /// Units or tags that a slow disk made the recording lose.
    pub fn lose(&self) {
        self.state.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Appends; `millis` is the length of the recording with it.
    pub fn append(&mut self, chain: Chain, millis: u64) {
        let first = self.work.is_none();
        self.work.get_or_insert_with(|| self.env.finisher.begin());
        self.state.millis.store(millis, Ordering::Relaxed);
        self.env.disk.push(self.lane, &self.state, What::Append(chain), first);
    }

    /// Overwrites.
    pub fn patch(&mut self, patch: Patch) {
        self.env.disk.push(self.lane, &self.state, What::Patch(patch), false);
    }

    /// No more comes. A file that was never written to is none.
    pub fn finish(self, ending: Ending) {
        if let Some(work) = self.work {
            self.env.disk.push(self.lane, &self.state, What::Finish(ending, work), false);
        }
    }
}

/// The disk's end.
#[derive(Debug)]
pub(super) struct FileState {
    env: Arc<RecordEnv>,
    plan: Plan,
    health: Arc<Health>,
    pub(super) queued: AtomicUsize,
    millis: AtomicU64,
    lost: AtomicU64,
    failed: AtomicBool,
    /// Waits to be synced.
    syncing: AtomicBool,
    place: Mutex<Place>,
}

#[derive(Debug)]
enum Place {
    /// No byte has come.
    Nowhere,
    Open(Open),
    /// The disk failed: all that was whole is in the file, where there is one.
    Failed(Option<Arc<Recording>>),
    Closed,
}

#[derive(Debug)]
struct Open {
    recording: Arc<Recording>,
    file: Arc<File>,
    written: u64,
}

impl FileState {
    pub(super) fn is_open(&self) -> bool {
        matches!(*self.place(), Place::Open(_))
    }

    pub(super) fn append(&self, chain: Chain) {
        let mut place = self.place();
        if let Place::Nowhere = *place {
            *place = self.create();
        }
        let Place::Open(open) = &mut *place else { return };
        let before = open.written;
        let result = write(&open.file, chain, &mut open.written);
        let millis = self.millis.load(Ordering::Relaxed);
        open.recording.progress(open.written, millis, self.lost.load(Ordering::Relaxed));
        if let Err(error) = result {
            // Half a block is of no use, and may stand in the way of an index.
            let _ = open.file.set_len(before);
            self.fail(&mut place, &error);
        }
    }

    pub(super) fn patch(&self, patch: &Patch) {
        let mut place = self.place();
        let Place::Open(open) = &mut *place else { return };
        if let Err(error) = overwrite(&open.file, patch) {
            self.fail(&mut place, &error);
        }
    }

    /// When to sync what was written; `None` where that is not wanted, or already to be done.
    pub(super) fn begin_sync(&self) -> Option<Duration> {
        let after = self.plan.config.sync_after()?;
        (!self.syncing.swap(true, Ordering::Relaxed)).then_some(after)
    }

    /// Sees that all that was written is on the disk; that was to be at `due`.
    pub(super) fn sync(&self, due: Instant) {
        // From now on, what is written waits for the next time.
        self.syncing.store(false, Ordering::Relaxed);
        let file = match &*self.place() {
            Place::Open(open) => open.file.clone(),
            _ => return,
        };
        if let Err(error) = file.sync_data() {
            let mut place = self.place();
            if matches!(*place, Place::Open(_)) {
                self.fail(&mut place, &anyhow::Error::from(error).context("cannot sync"));
            }
        }
        let late = Instant::now().saturating_duration_since(due);
        if self.plan.config.sync.is_some_and(|sync| late > sync) {
            self.health.add_problem(
                "the disk is slow to sync: a power cut may lose more than it should".into(),
            );
        }
    }

    pub(super) fn finish(&self, ending: Ending, work: Work) {
        let mut place = self.place();
        let lost = self.lost.load(Ordering::Relaxed);
        match std::mem::replace(&mut *place, Place::Closed) {
            Place::Open(open) => {
                self.health.end();
                if lost > 0 {
                    tracing::warn!(of = open.recording.shown(), lost, "the recording has gaps");
                }
                // A sync that is on its way may hold it for a moment: it does no harm.
                self.env.finisher.submit(open.recording, ending, Some(open.file), work);
            }
            Place::Failed(Some(recording)) => {
                self.env.finisher.submit(recording, Ending::LeftOver, None, work);
            }
            Place::Nowhere | Place::Failed(None) | Place::Closed => {}
        }
    }

    fn create(&self) -> Place {
        match self.env.recordings.create(&self.plan) {
            Ok((recording, file)) => {
                self.health.begin();
                Place::Open(Open { recording, file: Arc::new(file), written: 0 })
            }
            Err(error) => {
                let folder = self.env.recordings.root().display().to_string();
                self.say(&folder, &anyhow::Error::from(error).context("cannot make a file"));
                self.failed.store(true, Ordering::Relaxed);
                Place::Failed(None)
            }
        }
    }

    fn fail(&self, place: &mut Place, error: &anyhow::Error) {
        self.failed.store(true, Ordering::Relaxed);
        if let Place::Open(open) = std::mem::replace(place, Place::Failed(None)) {
            self.say(&open.recording.shown(), error);
            self.health.end();
            *place = Place::Failed(Some(open.recording));
        }
    }

    fn say(&self, file: &str, error: &anyhow::Error) {
        tracing::error!(file, "recording stopped, the live stream goes on: {error:#}");
        self.health.add_problem(format!("recording stopped: {error:#}"));
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(mut file: &File, mut chain: Chain, written: &mut u64) -> anyhow::Result<()> {
    while !chain.is_empty() {
        let mut slices = [IoSlice::new(&[]); 512];
        let count = chain.chunks_vectored(&mut slices);
        match file.write_vectored(&slices[..count]) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero)).context("cannot write"),
            Ok(count) => {
                chain.advance(count);
                *written += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("cannot write"),
        }
    }
    Ok(())
}

/// Overwrites, and goes back to the end.
pub fn overwrite(mut file: &File, patch: &Patch) -> anyhow::Result<()> {
    let mut write = || -> io::Result<()> {
        file.seek(SeekFrom::Start(patch.offset))?;
        file.write_all(&patch.bytes)?;
        file.seek(SeekFrom::End(0)).map(drop)
    };
    write().context("cannot write")
}
