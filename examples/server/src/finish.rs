//! Makes whole files of recordings that have ended, and of those that an earlier run left behind.

mod done;
mod exec;
mod repair;

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use streamcore::media::Track;
use streamcore::record::{Mp4Recorder, Patch};
use tokio::sync::watch;

use crate::recorder::config::RecordSettings;
use crate::recorder::file::overwrite;
use crate::recordings::elsewhere::Left;
use crate::recordings::{Recording, Recordings, State};

use done::Facts;
pub use done::{DoneTrack, Listener, RecordingDone};
pub use exec::run as exec_done;

/// Recordings that are finished at once: mostly they wait for the disk.
const THREADS: usize = 4;

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

/// What makes a file whole.
#[derive(Debug)]
pub enum Ending {
    /// The index of the recorder, which was finished.
    Mp4(Box<Mp4Recorder>),
    /// What an FLV says of itself, its length and its tracks.
    Flv { patches: Vec<Patch>, millis: u32, tracks: Vec<Track> },
    /// What is found in the file: it was left behind, or the disk failed.
    LeftOver,
}

/// A recording to finish.
#[derive(Debug)]
struct Job {
    recording: Arc<Recording>,
    ending: Ending,
    file: Option<Arc<File>>,
    _work: Work,
}

/// The door to the threads that finish recordings.
#[derive(Clone, Debug)]
pub struct Finisher {
    recordings: Arc<Recordings>,
    queue: Arc<Mutex<Sender<Job>>>,
    open: watch::Sender<usize>,
}

impl Finisher {
    /// Starts the threads. Each of `listeners` is told of each recording that is finished.
    pub fn start(recordings: Arc<Recordings>, listeners: Vec<Listener>) -> anyhow::Result<Self> {
        let (queue, jobs) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let listeners = Arc::new(listeners);
        for _ in 0..THREADS {
            let (recordings, jobs, listeners) =
                (recordings.clone(), jobs.clone(), listeners.clone());
            std::thread::Builder::new()
                .name("finish".into())
                .spawn(move || work(&jobs, &recordings, &listeners))
                .context("cannot start a thread that finishes recordings")?;
        }
        Ok(Self { recordings, queue: Arc::new(Mutex::new(queue)), open: watch::Sender::new(0) })
    }

    /// Says that a recording is being made, which is to be given to [`submit`](Self::submit).
    pub fn begin(&self) -> Work {
        Work::new(&self.open)
    }

    /// Makes `recording` whole when its turn comes; `file` is what it was written through.
    pub fn submit(
        &self,
        recording: Arc<Recording>,
        ending: Ending,
        file: Option<Arc<File>>,
        work: Work,
    ) {
        recording.set_state(State::Finishing, None);
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        // The threads end only with the program.
        let _ = queue.send(Job { recording, ending, file, _work: work });
    }

    /// Submits what an earlier run left behind.
    pub fn submit_left_over(&self, settings: &RecordSettings, noted: &[Left]) {
        for recording in self.recordings.left_over(settings, noted) {
            tracing::info!(file = recording.shown(), "finishing a recording that was left behind");
            self.submit(recording, Ending::LeftOver, None, self.begin());
        }
    }

    /// Completes when there is nothing left to do.
    pub async fn idle(&self) {
        let _ = self.open.subscribe().wait_for(|&count| count == 0).await;
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, recordings: &Recordings, listeners: &[Listener]) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let recording = &job.recording;
        let started = Instant::now();
        match finish(recordings, recording, &job) {
            Ok(Some(facts)) => {
                recordings.finished(recording);
                let took_ms = started.elapsed().as_millis() as u64;
                tracing::info!(of = recording.shown(), took_ms, "recording finished");
                tell(recording, facts, listeners);
            }
            Ok(None) => recordings.finished(recording),
            Err(error) => {
                tracing::error!(
                    file = recording.shown(),
                    "not finished, it plays as it is, and the next start tries again: {error:#}"
                );
                recording.set_state(State::Failed, Some(format!("not finished: {error:#}")));
            }
        }
    }
}

fn tell(recording: &Recording, facts: Facts, listeners: &[Listener]) {
    match RecordingDone::new(recording, facts) {
        Ok(done) => {
            let done = Arc::new(done);
            listeners.iter().for_each(|listener| listener(&done));
        }
        // Somebody took it away at once.
        Err(error) => tracing::warn!(of = recording.shown(), "it is not there any more: {error}"),
    }
}

/// Makes the file whole and gives it its name. Says what is in it; `None` where that is nothing.
fn finish(
    recordings: &Recordings,
    recording: &Recording,
    job: &Job,
) -> anyhow::Result<Option<Facts>> {
    let live = recording.live();
    let found = match (&job.ending, &job.file) {
        (Ending::Mp4(recorder), Some(file)) => {
            end(recorder, file)?.map(|duration| Facts::made(duration, recorder.tracks()))
        }
        (Ending::Flv { patches, millis, tracks }, Some(file)) => {
            patches.iter().try_for_each(|patch| overwrite(file, patch))?;
            file.sync_data().context("cannot write")?;
            Some(Facts::made(Duration::from_millis((*millis).into()), tracks.iter()))
        }
        // What cannot be told of a file is no reason not to finish it.
        _ => repair::repair(&live, recording.format())?
            .then(|| Facts::read(&live).unwrap_or_default()),
    };
    if found.is_none() {
        fs::remove_file(&live).context("cannot remove a file without media")?;
        return Ok(None);
    }
    recordings.ends(recording);
    fs::rename(&live, recording.done()).context("cannot give the file its name")?;
    sync_folder(&live);
    Ok(found)
}

/// Makes a plain MP4 of the fragments. Until the index is on the disk it does not count. Gives its length.
fn end(recorder: &Mp4Recorder, mut file: &File) -> anyhow::Result<Option<Duration>> {
    let Some(end) = recorder.end().context("no index can be made")? else { return Ok(None) };
    let mut append = || -> std::io::Result<()> {
        file.seek(SeekFrom::Start(recorder.len()))?;
        file.write_all(&end.index)?;
        file.sync_data()
    };
    if let Err(error) = append() {
        // What is there of the index is of no use.
        let _ = file.set_len(recorder.len());
        return Err(error).context("cannot write the index");
    }
    overwrite(file, &end.patch)?;
    file.sync_data().context("cannot write")?;
    Ok(Some(done::length(&end.index).unwrap_or_else(|| recorder.duration())))
}

/// Makes the new name last through a power cut; not every system can.
pub fn sync_folder(file: &Path) {
    if let Some(folder) = file.parent() {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}
