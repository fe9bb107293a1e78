//! Makes MP4s of finished recordings, one at a time, and of those that an earlier run left behind.

use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context as _;
use tokio::sync::watch;

use crate::recordings::{Recording, Recordings, State};
use crate::remux;

/// A recording that is made or finished: a stop waits until there is none.
#[derive(Debug)]
pub struct Work {
    open: watch::Sender<usize>,
}

impl Work {
    fn new(open: &watch::Sender<usize>) -> Self {
        open.send_modify(|count| *count += 1);
        Self { open: open.clone() }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.open.send_modify(|count| *count -= 1);
    }
}

/// A recording to finish.
type Job = (Arc<Recording>, Work);

/// The door to the thread that finishes recordings.
#[derive(Clone, Debug)]
pub struct Finisher {
    recordings: Arc<Recordings>,
    queue: Arc<Mutex<Sender<Job>>>,
    open: watch::Sender<usize>,
}

impl Finisher {
    /// Starts the thread. `keep_flv` keeps the FLV beside its MP4.
    pub fn start(recordings: Arc<Recordings>, keep_flv: bool) -> anyhow::Result<Self> {
        let (queue, jobs) = channel();
        let worker = recordings.clone();
        std::thread::Builder::new()
            .name("finish".into())
            .spawn(move || work(&jobs, &worker, keep_flv))
            .context("cannot start the thread that finishes recordings")?;
        Ok(Self { recordings, queue: Arc::new(Mutex::new(queue)), open: watch::Sender::new(0) })
    }

    /// Says that a recording is being made, which is to be given to [`submit`](Self::submit).
    pub fn begin(&self) -> Work {
        Work::new(&self.open)
    }

    /// Makes the MP4 of `recording`, whose FLV is complete, when its turn comes.
    pub fn submit(&self, recording: Arc<Recording>, work: Work) {
        recording.set_state(State::Remuxing, None);
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        // The thread ends only with the program.
        let _ = queue.send((recording, work));
    }

    /// Submits what an earlier run left behind.
    pub fn submit_left_over(&self) {
        for recording in self.recordings.left_over() {
            tracing::info!(file = recording.shown(), "finishing a recording that was left behind");
            let work = self.begin();
            self.submit(recording, work);
        }
    }

    /// Completes when there is nothing left to do.
    pub async fn idle(&self) {
        let _ = self.open.subscribe().wait_for(|&count| count == 0).await;
    }
}

fn work(jobs: &Receiver<Job>, recordings: &Recordings, keep_flv: bool) {
    while let Ok((recording, work)) = jobs.recv() {
        let started = Instant::now();
        match finish(&recording, keep_flv) {
            Ok(()) => {
                recordings.finished(&recording);
                let took_ms = started.elapsed().as_millis() as u64;
                tracing::info!(of = recording.shown(), took_ms, "recording finished");
            }
            Err(error) => {
                let _ = fs::remove_file(recording.part());
                tracing::error!(
                    file = recording.shown(),
                    "cannot make an MP4, the FLV stays: {error:#}"
                );
                recording.set_state(State::Failed, Some(format!("{error:#}")));
            }
        }
        drop(work);
    }
}

/// Writes the MP4 under a temporary name, makes sure that it is whole, gives it its name, and lets the FLV go, unless it
/// holds a track that the MP4 does not.
fn finish(recording: &Recording, keep_flv: bool) -> anyhow::Result<()> {
    let (flv, mp4) = (recording.flv(), recording.mp4());
    let left_out = remux::remux_file(&flv, &recording.part(), &mut |_, _| {})?;
    fs::rename(recording.part(), &mp4).context("cannot give the MP4 its name")?;
    sync_folder(&mp4);
    for track in &left_out {
        tracing::warn!(of = recording.shown(), "the FLV stays, the MP4 is without {track}");
    }
    if !keep_flv && left_out.is_empty() {
        fs::remove_file(&flv).context("cannot remove the FLV")?;
    }
    Ok(())
}

/// Makes the new name last through a power cut before the FLV is removed; not every system can.
pub fn sync_folder(file: &Path) {
    if let Some(folder) = file.parent() {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}
