//! The threads that write all recordings of the process, in blocks: a slow or broken disk never holds a stream up.
//!
//! A thread is woken for the first and the last block of a file, and where much has gathered; otherwise it looks four times a
//! second. Another thread sees that what was written reaches the disk in time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use streamcore::buf::Chain;
use streamcore::record::Patch;

use super::file::FileState;
use crate::finish::{Ending, Work};

/// Threads that write; a file stays with one of them.
const LANES: usize = 2;
/// How often a thread looks for what has come.
const TICK: Duration = Duration::from_millis(250);
/// Bytes that wake a thread at once.
const PRESSING: usize = 4 << 20;
/// Bytes that may wait for a slow disk, of one file and of all.
const FILE_BYTES: usize = 64 << 20;
const ALL_BYTES: usize = 512 << 20;

/// What to do to a file, in order.
#[derive(Debug)]
pub(super) enum What {
    Append(Chain),
    Patch(Patch),
    Finish(Ending, Work),
}

#[derive(Debug)]
struct Job {
    file: Arc<FileState>,
    what: What,
    bytes: usize,
}

/// The door to the threads.
#[derive(Clone, Debug)]
pub struct Disk {
    lanes: Arc<[Lane]>,
    next: Arc<AtomicUsize>,
    queued: Arc<AtomicUsize>,
    /// Stands for a disk that takes nothing.
    #[cfg(test)]
    held: Arc<std::sync::atomic::AtomicBool>,
}

#[derive(Debug, Default)]
struct Lane {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: Vec<Job>,
    bytes: usize,
    pressing: bool,
}

impl Disk {
    /// Starts the threads.
    pub fn start() -> anyhow::Result<Self> {
        let disk = Self {
            lanes: (0..LANES).map(|_| Lane::default()).collect(),
            next: Arc::default(),
            queued: Arc::default(),
            #[cfg(test)]
            held: Arc::default(),
        };
        let syncer = Arc::new(Syncer::default());
        for lane in 0..LANES {
            let (disk, syncer) = (disk.clone(), syncer.clone());
            spawn("record", move || disk.run(lane, &syncer))?;
        }
        spawn("sync", move || syncer.run())?;
        Ok(disk)
    }

    /// Which thread a new file goes to.
    pub(super) fn lane(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) % LANES
    }

    /// Whether so many more bytes of `file` may wait.
    pub(super) fn has_room(&self, file: &FileState, bytes: usize) -> bool {
        let fits = |queued: &AtomicUsize, most| {
            queued.load(Ordering::Relaxed).saturating_add(bytes) <= most
        };
        fits(&file.queued, FILE_BYTES) && fits(&self.queued, ALL_BYTES)
    }

    /// Queues what to do to a file. Never waits.
    pub(super) fn push(&self, lane: usize, file: &Arc<FileState>, what: What, first: bool) {
        let bytes = match &what {
            What::Append(chain) => chain.len(),
            What::Patch(patch) => patch.bytes.len(),
            What::Finish(..) => 0,
        };
        file.queued.fetch_add(bytes, Ordering::Relaxed);
        self.queued.fetch_add(bytes, Ordering::Relaxed);
        let pressing = first || matches!(what, What::Finish(..));
        let Some(lane) = self.lanes.get(lane) else { return };
        let mut queue = lock(&lane.queue);
        queue.jobs.push(Job { file: file.clone(), what, bytes });
        queue.bytes += bytes;
        if pressing || queue.bytes >= PRESSING {
            queue.pressing = true;
            drop(queue);
            lane.wake.notify_one();
        }
    }

    #[cfg(test)]
    pub(super) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    fn run(&self, lane: usize, syncer: &Syncer) {
        let Some(lane) = self.lanes.get(lane) else { return };
        // Files that are being written: without any, nothing can come unsaid.
        let mut open = 0_usize;
        loop {
            for job in lane.take(open > 0) {
                #[cfg(test)]
                while self.held.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                let before = job.file.is_open();
                match job.what {
                    What::Append(chain) => {
                        job.file.append(chain);
                        syncer.watch(&job.file);
                    }
                    What::Patch(patch) => job.file.patch(&patch),
                    What::Finish(ending, work) => job.file.finish(ending, work),
                }
                match (before, job.file.is_open()) {
                    (false, true) => open += 1,
                    (true, false) => open = open.saturating_sub(1),
                    _ => {}
                }
                job.file.queued.fetch_sub(job.bytes, Ordering::Relaxed);
                self.queued.fetch_sub(job.bytes, Ordering::Relaxed);
            }
        }
    }
}

impl Lane {
    /// All that has come, once it is worth to look.
    fn take(&self, ticking: bool) -> Vec<Job> {
        let queue = lock(&self.queue);
        let idle = |queue: &mut Queue| !queue.pressing;
        let mut queue = if ticking {
            let waited = self.wake.wait_timeout_while(queue, TICK, idle);
            waited.unwrap_or_else(PoisonError::into_inner).0
        } else {
            self.wake.wait_while(queue, idle).unwrap_or_else(PoisonError::into_inner)
        };
        (queue.bytes, queue.pressing) = (0, false);
        std::mem::take(&mut queue.jobs)
    }
}

/// Sees that what was written is on the disk in time.
#[derive(Debug, Default)]
struct Syncer {
    files: Mutex<Vec<(Instant, Arc<FileState>)>>,
    wake: Condvar,
}

impl Syncer {
    /// The file was written to.
    fn watch(&self, file: &Arc<FileState>) {
        let Some(after) = file.begin_sync() else { return };
        let mut files = lock(&self.files);
        files.push((Instant::now() + after, file.clone()));
        if files.len() == 1 {
            drop(files);
            self.wake.notify_one();
        }
    }

    fn run(&self) {
        loop {
            let files = lock(&self.files);
            let files = self.wake.wait_while(files, |files| files.is_empty());
            let mut files = files.unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let first = files.iter().map(|(due, _)| *due).min().unwrap_or(now);
            let due: Vec<_> = files.extract_if(.., |(due, _)| *due <= now).collect();
            drop(files);
            if due.is_empty() {
                // What comes meanwhile is due no earlier than by a tick.
                std::thread::sleep(first.saturating_duration_since(now).min(TICK / 2));
            }
            for (due, file) in due {
                file.sync(due);
            }
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map(drop)
        .context("cannot start a thread that writes recordings")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
