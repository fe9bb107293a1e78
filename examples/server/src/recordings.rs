//! The recordings: what is on disk, and what is being made of it right now.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::Serialize;

use crate::names;
use crate::redact::Redacted;

/// Recordings that a listing shows at most.
const LISTED: usize = 1000;
/// Folders below each other in which recordings are looked for.
const DEPTH: usize = 32;
/// Start of a recording as its file's name: no colons, which some systems refuse.
const NAME_FORMAT: &str = "%Y-%m-%dT%H-%M-%S.%3fZ";

/// Where a recording stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The publisher is live.
    Recording,
    /// The MP4 is being made.
    Remuxing,
    /// The MP4 is there.
    Done,
    /// There is an FLV and no MP4 could be made of it.
    Failed,
}

/// A recording that this process makes or has tried to finish.
#[derive(Debug)]
pub struct Recording {
    /// Path of the file below the folder of recordings, without its extension.
    stem: String,
    file: PathBuf,
    started: Timestamp,
    bytes: AtomicU64,
    millis: AtomicU64,
    state: Mutex<(State, Option<String>)>,
}

impl Recording {
    /// The FLV.
    pub fn flv(&self) -> PathBuf {
        with_extension(&self.file, "flv")
    }

    /// The MP4.
    pub fn mp4(&self) -> PathBuf {
        with_extension(&self.file, "mp4")
    }

    /// The MP4 while it is written.
    pub fn part(&self) -> PathBuf {
        with_extension(&self.file, "mp4.part")
    }

    /// The FLV as a log line may show it: the stream's name is its key.
    pub fn shown(&self) -> String {
        let (path, name) = self.stem.rsplit_once('/').unwrap_or(("", &self.stem));
        let root = self.file.ancestors().nth(self.stem.split('/').count()).unwrap_or(Path::new(""));
        format!("{}/{}/{name}.flv", root.display(), Redacted(path))
    }

    /// Says how much has been written so far.
    pub fn progress(&self, bytes: u64, millis: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.millis.store(millis, Ordering::Relaxed);
    }

    /// Moves on to `state`; an error that is already known is kept.
    pub fn set_state(&self, state: State, error: Option<String>) {
        let mut current = lock(&self.state);
        current.0 = state;
        if error.is_some() {
            current.1 = error;
        }
    }
}

/// One line of the listing.
#[derive(Debug, Serialize)]
pub struct Item {
    app: String,
    name: String,
    started: String,
    duration_s: Option<f64>,
    bytes: u64,
    state: State,
    mp4: Option<String>,
    flv: Option<String>,
    error: Option<String>,
}

/// Duration of a file, as long as its size and time stay the same.
type Durations = HashMap<PathBuf, (u64, Option<SystemTime>, Option<f64>)>;

/// The folder of recordings.
#[derive(Debug)]
pub struct Recordings {
    root: PathBuf,
    /// Held for as long as the program runs: two servers would finish each other's recordings.
    _lock: File,
    active: Mutex<HashMap<String, Arc<Recording>>>,
    durations: Mutex<Durations>,
}

impl Recordings {
    /// Opens the folder `recordings` of `data`, made where it is missing, and makes sure that it can be written to.
    pub fn open(data: &Path) -> anyhow::Result<Self> {
        let root = data.join("recordings");
        let writable = || -> io::Result<()> {
            fs::create_dir_all(&root)?;
            let probe = root.join(format!(".write-test-{}", std::process::id()));
            File::create(&probe)?;
            fs::remove_file(&probe)
        };
        writable()
            .with_context(|| format!("cannot write to the data folder {}", root.display()))?;
        let lock = File::create(root.join(".lock")).context("cannot lock the data folder")?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            bail!("the data folder {} is in use by another server", data.display());
        }
        Ok(Self { root, _lock: lock, active: Mutex::default(), durations: Mutex::default() })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Starts a recording of the stream `path` at `started`: makes its FLV, under a name that no other has.
    pub fn start(&self, path: &str, started: Timestamp) -> io::Result<(Arc<Recording>, File)> {
        let folder = names::below(&self.root, path).ok_or(io::ErrorKind::InvalidFilename)?;
        fs::create_dir_all(&folder)?;
        let base = started.strftime(NAME_FORMAT).to_string();
        for attempt in 1..1000 {
            let name = if attempt == 1 { base.clone() } else { format!("{base}-{attempt}") };
            let recording = self.recording(format!("{path}/{name}"), folder.join(&name), started);
            if recording.mp4().exists() {
                continue;
            }
            match OpenOptions::new().write(true).create_new(true).open(recording.flv()) {
                Ok(file) => {
                    lock(&self.active).insert(recording.stem.clone(), recording.clone());
                    return Ok((recording, file));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn recording(&self, stem: String, file: PathBuf, started: Timestamp) -> Arc<Recording> {
        Arc::new(Recording {
            stem,
            file,
            started,
            bytes: AtomicU64::new(0),
            millis: AtomicU64::new(0),
            state: Mutex::new((State::Recording, None)),
        })
    }

    /// What an earlier run left behind: FLVs without an MP4. Half-written MP4s are removed.
    pub fn left_over(&self) -> Vec<Arc<Recording>> {
        let mut found = Vec::new();
        for (relative, path) in walk(&self.root) {
            if relative.ends_with(".mp4.part") {
                let _ = fs::remove_file(&path);
            } else if let Some(stem) = relative.strip_suffix(".flv") {
                let file = without_extension(&path);
                if !with_extension(&file, "mp4").exists() {
                    let recording = self.recording(stem.to_owned(), file, started_of(stem, &path));
                    recording.progress(fs::metadata(&path).map_or(0, |meta| meta.len()), 0);
                    recording.set_state(State::Remuxing, None);
                    lock(&self.active).insert(stem.to_owned(), recording.clone());
                    found.push(recording);
                }
            }
        }
        found
    }

    /// The recording needs no further work here: from now on the disk says what there is.
    pub fn finished(&self, recording: &Recording) {
        lock(&self.active).remove(&recording.stem);
    }

    /// All recordings, newest first.
    pub fn list(&self) -> Vec<Item> {
        let mut items = HashMap::<String, (Timestamp, Item)>::new();
        for (relative, path) in walk(&self.root) {
            let Some((stem, is_mp4)) = (relative.strip_suffix(".mp4").map(|stem| (stem, true)))
                .or_else(|| relative.strip_suffix(".flv").map(|stem| (stem, false)))
            else {
                continue;
            };
            let Ok(meta) = fs::metadata(&path) else { continue };
            let (_, item) = items.entry(stem.to_owned()).or_insert_with(|| {
                let started = started_of(stem, &path);
                (started, Item::new(stem, started))
            });
            let url = format!("/recordings{}", names::url_path(&relative));
            if is_mp4 {
                item.state = State::Done;
                item.bytes = meta.len();
                item.duration_s = self.duration(&path, &meta);
                item.mp4 = Some(url);
            } else {
                item.bytes = item.bytes.max(meta.len());
                item.flv = Some(url);
            }
        }
        for recording in lock(&self.active).values() {
            let (_, item) = items.entry(recording.stem.clone()).or_insert_with(|| {
                (recording.started, Item::new(&recording.stem, recording.started))
            });
            item.overlay(recording);
        }
        let mut items: Vec<_> = items.into_iter().collect();
        items.sort_by(|(a_stem, (a, _)), (b_stem, (b, _))| {
            b.cmp(a).then_with(|| b_stem.cmp(a_stem))
        });
        items.into_iter().map(|(_, (_, item))| item).take(LISTED).collect()
    }

    fn duration(&self, path: &Path, meta: &fs::Metadata) -> Option<f64> {
        let (len, modified) = (meta.len(), meta.modified().ok());
        let mut durations = lock(&self.durations);
        if let Some(&(_, _, duration)) =
            durations.get(path).filter(|known| (known.0, known.1) == (len, modified))
        {
            return duration;
        }
        let duration = crate::media_info::mp4_duration(path).ok().flatten();
        let duration = duration.map(|seconds| (seconds * 1000.0).round() / 1000.0);
        durations.insert(path.to_owned(), (len, modified, duration));
        duration
    }

    /// The file of a recording that a URL names below `/recordings/`: an MP4 or an FLV, nothing hidden or half-written,
    /// nothing outside of the folder even by a link.
    pub fn file(&self, path: &str) -> Option<PathBuf> {
        let file = names::below(&self.root, path)?;
        let known = matches!(file.extension()?.to_str()?, "mp4" | "flv");
        let inside = file.canonicalize().ok()?.starts_with(self.root.canonicalize().ok()?);
        (known && inside && file.is_file()).then_some(file)
    }
}

impl Item {
    fn new(stem: &str, started: Timestamp) -> Self {
        let path = stem.rsplit_once('/').map_or("", |(path, _)| path);
        let (app, name) = names::split(path);
        Self {
            app: app.to_owned(),
            name: name.to_owned(),
            started: rfc3339(started),
            duration_s: None,
            bytes: 0,
            state: State::Failed,
            mp4: None,
            flv: None,
            error: None,
        }
    }

    fn overlay(&mut self, recording: &Recording) {
        let (state, error) = lock(&recording.state).clone();
        self.state = state;
        self.error = error;
        self.bytes = self.bytes.max(recording.bytes.load(Ordering::Relaxed));
        let millis = recording.millis.load(Ordering::Relaxed);
        if self.duration_s.is_none() && millis > 0 {
            self.duration_s = Some(millis as f64 / 1000.0);
        }
    }
}

/// A time as the API gives it: RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// When a recording started: its name says so; the file's time where it was renamed.
fn started_of(stem: &str, path: &Path) -> Timestamp {
    let name = stem.rsplit('/').next().unwrap_or_default();
    let text = name.split_inclusive('Z').next().unwrap_or_default();
    jiff::civil::DateTime::strptime("%Y-%m-%dT%H-%M-%S%.fZ", text)
        .ok()
        .and_then(|time| jiff::tz::TimeZone::UTC.to_timestamp(time).ok())
        .or_else(|| Timestamp::try_from(fs::metadata(path).ok()?.modified().ok()?).ok())
        .unwrap_or_default()
}

/// All regular files below `root` whose names are safe, with their path relative to it. Links are not followed.
fn walk(root: &Path) -> Vec<(String, PathBuf)> {
    let mut files = Vec::new();
    let mut folders = vec![(String::new(), root.to_path_buf(), 0)];
    while let Some((prefix, folder, depth)) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
                continue;
            };
            if !names::is_safe_part(&name) {
                continue;
            }
            let relative = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            if kind.is_dir() && depth < DEPTH {
                folders.push((relative, entry.path(), depth + 1));
            } else if kind.is_file() {
                files.push((relative, entry.path()));
            }
        }
    }
    files
}

// `Path::with_extension` would take the milliseconds of the name for an extension.
fn with_extension(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

fn without_extension(path: &Path) -> PathBuf {
    path.with_extension("")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
