//! Records one stream as FLV: a thread of its own, fed by a bounded queue, so that a slow or broken disk never holds
//! the live stream up.

mod writer;

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use streamcore::flv::{Tag, TagKind};
use streamcore::live::ItemClass;

use crate::finish::Finisher;
use crate::recordings::{Recording, Recordings};
use crate::redact::Redacted;

use writer::FlvWriter;

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

    /// Adds what is wrong. Says whether it is new.
    pub fn add_problem(&self, problem: String) -> bool {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        let new = problems.len() < PROBLEMS && !problems.contains(&problem);
        if new {
            problems.push(problem);
        }
        new
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
    said: bool,
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
        Self { queue, queued_bytes, health, waits_for_key: false, said: false }
    }

    /// Takes a tag. Never waits: what a slow disk cannot take is left out, up to the next key frame.
    pub fn push(&mut self, tag: &Tag) {
        let class = ItemClass::of(tag);
        if self.waits_for_key && class == ItemClass::InterFrame {
            return;
        }
        let bytes = tag.body.len();
        if self.queued_bytes.load(Ordering::Relaxed).saturating_add(bytes) > QUEUE_BYTES {
            self.overflow();
            return;
        }
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        match self.queue.try_send(tag.clone()) {
            Ok(()) => self.waits_for_key &= class != ItemClass::KeyFrame,
            Err(TrySendError::Full(_)) => {
                self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                self.overflow();
            }
            // The worker has given up and said so.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    fn overflow(&mut self) {
        self.waits_for_key = true;
        if !self.said {
            self.said = true;
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

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn tag(timestamp: u32) -> Tag {
        Tag { kind: TagKind::Audio, timestamp, body: Bytes::from_static(&[0xaf, 1, 0x21]) }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_a_problem_of_the_stream_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let recordings = Arc::new(Recordings::open(dir.path()).unwrap());
        let finisher = Finisher::start(recordings.clone(), false).unwrap();
        std::fs::write(dir.path().join("recordings/live"), b"in the way").unwrap();
        let health = Arc::new(Health::default());
        let mut recorder = Recorder::start("live/demo", recordings, finisher, health.clone());
        while health.problems().is_empty() {
            recorder.push(&tag(0));
            std::thread::yield_now();
        }
        recorder.push(&tag(1));
        assert!(!health.is_recording());
        assert!(health.problems()[0].starts_with("recording stopped: "), "{:?}", health.problems());
    }

    #[test]
    fn a_slow_disk_makes_a_gap_and_never_a_wait() {
        let (queue, tags) = sync_channel(4);
        let (queued_bytes, health) = (Arc::default(), Arc::new(Health::default()));
        let mut recorder = Recorder {
            queue,
            queued_bytes,
            health: health.clone(),
            waits_for_key: false,
            said: false,
        };
        (0..100).for_each(|n| recorder.push(&tag(n)));
        drop(recorder);
        assert_eq!(tags.iter().map(|tag| tag.timestamp).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(health.problems(), ["the disk is too slow: the recording has gaps"]);
    }
}
