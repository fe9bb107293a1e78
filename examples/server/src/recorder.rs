//! Records one stream, by each of its application's recorders: the stream's end of all files.

pub mod config;
mod disk;
pub mod file;
mod flv;
mod gate;
mod health;
mod mp4;
pub mod options;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use streamcore::assemble::Event;
use streamcore::flv::Tag;
use streamcore::media::{Track, TrackId};

use crate::finish::Finisher;
use crate::recordings::Recordings;

use config::{Format, RecordConfig, What};
pub use disk::Disk;
use file::{OutFile, Plan};
use flv::FlvTake;
pub use health::Health;
use mp4::Mp4Take;

/// After a disk has failed, the next file is tried so much later.
const RETRY: Duration = Duration::from_secs(10);

/// What all recorders need.
#[derive(Debug)]
pub struct RecordEnv {
    pub disk: Disk,
    pub recordings: Arc<Recordings>,
    pub finisher: Finisher,
}

/// Gives the tags of a joining player: headers and the current group of pictures.
pub type Group<'a> = &'a dyn Fn() -> Vec<Tag>;

/// The recorders of one stream. Their files are finished when it is dropped.
#[derive(Debug)]
pub struct Recorders {
    list: Vec<Recorder>,
    health: Arc<Health>,
    /// How long all wait for a publisher who comes back, where that is set for the stream.
    window: Option<Duration>,
}

impl Recorders {
    /// The recorders for the stream `path`. A file is made with its first pictures or sounds.
    pub fn start(env: &Arc<RecordEnv>, path: &str, configs: &[Arc<RecordConfig>]) -> Self {
        let health = Arc::new(Health::default());
        // Files that begin together have one name.
        let started = Timestamp::now();
        let recorder =
            |config: &Arc<RecordConfig>| Recorder::new(env, config, path, &health, started);
        let wanted = configs.iter().filter(|config| !config.what.is_off());
        Self { list: wanted.map(recorder).collect(), health, window: None }
    }

    /// All wait so long for a publisher who comes back, whatever their own settings say.
    #[must_use]
    pub fn with_window(self, window: Option<Duration>) -> Self {
        Self { window, ..self }
    }

    /// Whether one of them records without being told to.
    pub fn is_on(&self) -> bool {
        self.list.iter().any(|recorder| recorder.on)
    }

    /// What is wrong, and whether something is recorded.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Takes a tag, before what the assembler makes of it.
    pub fn handle_tag(&mut self, tag: &Tag, group: Group<'_>) {
        for recorder in &mut self.list {
            recorder.handle_tag(tag, group);
        }
    }

    /// Takes what the assembler made of a tag.
    pub fn handle_event(&mut self, event: &Event, group: Group<'_>) {
        for recorder in &mut self.list {
            recorder.handle_event(event, group);
        }
    }

    /// Gives what has come to the disk where the publisher has been silent since the last call: once a second or so.
    pub fn tick(&mut self) {
        for recorder in &mut self.list {
            match &mut recorder.take {
                Take::Mp4(take) => take.tick(),
                Take::Flv(take) => take.tick(),
            }
        }
    }

    /// The publisher has gone and may come back.
    pub fn pause(&mut self) {
        self.list.iter_mut().for_each(Recorder::pause);
    }

    /// Ends those that wait no longer for a publisher who has been gone for so long. Says whether any is left.
    pub fn expire(&mut self, gone: Duration) -> bool {
        let window = self.window;
        self.list.retain(|recorder| window.unwrap_or(recorder.files.config.reconnect) > gone);
        !self.list.is_empty()
    }

    /// Another publisher goes on with what waits here, and with `fresh` recorders for the others.
    pub fn resume(mut self, fresh: Self) -> Self {
        self.health.forget_problems();
        self.window = fresh.window;
        for mut recorder in fresh.list {
            let same =
                |waiting: &Recorder| Arc::ptr_eq(&waiting.files.config, &recorder.files.config);
            if !self.list.iter().any(same) {
                recorder.files.health = self.health.clone();
                self.list.push(recorder);
            }
        }
        self
    }

    /// Starts or stops the recorder of this name, the only or first one where it is empty. Says whether there is one.
    pub fn switch(&mut self, name: &str, on: bool) -> bool {
        let named =
            |recorder: &&mut Recorder| name.is_empty() || recorder.files.config.name == name;
        let found = self.list.iter_mut().find(named);
        found.map(|recorder| recorder.switch(on)).is_some()
    }
}

/// The tracks of a stream as they are now.
#[derive(Debug, Default)]
struct Tracks(Mutex<BTreeMap<TrackId, Track>>);

impl Tracks {
    fn set(&self, track: &Track) {
        let mut tracks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tracks.insert(track.id, track.clone());
    }

    /// Those that a recorder takes.
    fn recorded(&self, what: What) -> Vec<Track> {
        let tracks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tracks.values().filter(|track| what.takes(track.id)).cloned().collect()
    }
}

/// Makes the files of one recorder.
#[derive(Debug)]
struct Files {
    env: Arc<RecordEnv>,
    config: Arc<RecordConfig>,
    stream: String,
    health: Arc<Health>,
    tracks: Arc<Tracks>,
    /// When the next file began; `None` for now.
    started: Option<Timestamp>,
    /// The disk has failed: no file until then.
    not_before: Option<Instant>,
}

impl Files {
    fn next(&mut self, format: Format) -> OutFile {
        let plan = Plan {
            stream: self.stream.clone(),
            started: self.started.take().unwrap_or_else(Timestamp::now),
            config: self.config.clone(),
            format,
        };
        OutFile::new(&self.env, plan, &self.health)
    }

    fn may_begin(&mut self) -> bool {
        self.not_before = self.not_before.filter(|time| *time > Instant::now());
        self.not_before.is_none()
    }

    fn has_failed(&mut self) {
        self.not_before = Some(Instant::now() + RETRY);
    }

    /// Whether a file that has come to this is to end at the next key frame.
    fn is_full(&self, length: Duration, bytes: u64, frames: u64) -> bool {
        let config = &self.config;
        config.interval.is_some_and(|most| length >= most)
            || config.max_size.is_some_and(|most| bytes >= most)
            || config.max_frames.is_some_and(|most| frames >= most)
    }
}

#[derive(Debug)]
struct Recorder {
    files: Files,
    on: bool,
    take: Take,
}

#[derive(Debug)]
enum Take {
    Mp4(Box<Mp4Take>),
    Flv(Box<FlvTake>),
}

impl Recorder {
    fn new(
        env: &Arc<RecordEnv>,
        config: &Arc<RecordConfig>,
        stream: &str,
        health: &Arc<Health>,
        started: Timestamp,
    ) -> Self {
        let files = Files {
            env: env.clone(),
            config: config.clone(),
            stream: stream.to_owned(),
            health: health.clone(),
            tracks: Arc::default(),
            started: (!config.what.manual).then_some(started),
            not_before: None,
        };
        let take = match config.format {
            Format::Mp4 => Take::Mp4(Box::default()),
            Format::Flv => Take::Flv(Box::new(FlvTake::new(config.what))),
        };
        Self { files, on: !config.what.manual, take }
    }

    fn handle_tag(&mut self, tag: &Tag, group: Group<'_>) {
        match &mut self.take {
            Take::Mp4(take) => take.handle_tag(tag),
            Take::Flv(take) => take.handle_tag(tag, &mut self.files, self.on, group),
        }
    }

    fn handle_event(&mut self, event: &Event, group: Group<'_>) {
        if let Event::Track(track) = event {
            self.files.tracks.set(track);
        }
        if let Take::Mp4(take) = &mut self.take {
            take.handle_event(event, &mut self.files, self.on, group);
        }
    }

    fn pause(&mut self) {
        match &mut self.take {
            Take::Mp4(take) => take.pause(),
            Take::Flv(take) => take.pause(),
        }
    }

    fn switch(&mut self, on: bool) {
        if self.on && !on {
            self.finish();
        }
        self.on = on;
    }

    fn finish(&mut self) {
        match &mut self.take {
            Take::Mp4(take) => take.finish(&self.files),
            Take::Flv(take) => take.finish(),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}
