//! The recordings: what is on disk, and what is being made of it right now.

pub mod elsewhere;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::Serialize;

use crate::catalogue::{Asset, AssetState};
use crate::names;
use crate::recorder::config::{Format, Naming, RecordConfig, RecordSettings};
use crate::recorder::file::Plan;
use crate::redact::Redacted;
use elsewhere::{Elsewhere, Left};

/// Recordings that a listing shows at most.
pub const LISTED: usize = 1000;
/// Folders below each other in which recordings are looked for.
const DEPTH: usize = 32;
/// Start of a recording as its file's name: no colons, which some systems refuse.
const NAME_FORMAT: &str = "%Y-%m-%dT%H-%M-%S.%3fZ";

/// Between the name of a file that is being recorded and its extension. It goes when the file is whole.
const LIVE: &str = ".live";

/// Where a recording stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RecordingState)]
pub enum State {
    /// The publisher is live.
    Recording,
    /// The file is being made whole.
    Finishing,
    /// The file is whole.
    Done,
    /// The file could not be made whole. It plays as it is.
    Failed,
}

/// A recording that this process makes or has tried to finish.
#[derive(Debug)]
pub struct Recording {
    /// Path of the stream.
    stream: String,
    /// Path of the file below the folder of recordings, without its extension; `None` for one that is elsewhere.
    stem: Option<String>,
    /// The same as a path of the system.
    file: PathBuf,
    format: Format,
    config: Option<Arc<RecordConfig>>,
    started: Timestamp,
    bytes: AtomicU64,
    millis: AtomicU64,
    /// Units or tags that a slow disk made it lose.
    lost: AtomicU64,
    state: Mutex<(State, Option<String>)>,
}

impl Recording {
    /// The file while it is recorded.
    pub fn live(&self) -> PathBuf {
        with_extension(&self.file, &format!("{}.{}", &LIVE[1..], self.format.extension()))
    }

    /// The file once it is whole.
    pub fn done(&self) -> PathBuf {
        with_extension(&self.file, self.format.extension())
    }

    /// Its form.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Path of the stream.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// How its recorder is set up, where that is known.
    pub fn config(&self) -> Option<&Arc<RecordConfig>> {
        self.config.as_ref()
    }

    /// When it began.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// Units or tags that a slow disk made it lose.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Path of the whole file below the folder of recordings; `None` for one that is elsewhere.
    pub fn key_when_done(&self) -> Option<String> {
        Some(format!("{}.{}", self.stem.as_ref()?, self.format.extension()))
    }

    /// The file as a log line may show it: the stream's name is its key.
    pub fn shown(&self) -> String {
        let extension = self.format.extension();
        match &self.stem {
            Some(stem) if started_in(stem).is_some() => {
                let (path, name) = stem.rsplit_once('/').unwrap_or(("", stem));
                let depth = stem.split('/').count();
                let root = self.file.ancestors().nth(depth).unwrap_or(Path::new(""));
                format!("{}/{}/{name}.{extension}", root.display(), Redacted(path))
            }
            _ => {
                let name = self.file.file_name().unwrap_or_default().to_string_lossy();
                let folder = self.file.parent().unwrap_or(Path::new(""));
                format!("{}/{}.{extension}", folder.display(), Redacted(&name))
            }
        }
    }

    /// Says how much has been written so far.
    pub fn progress(&self, bytes: u64, millis: u64, lost: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.millis.store(millis, Ordering::Relaxed);
        self.lost.store(lost, Ordering::Relaxed);
    }

    fn key(&self) -> (PathBuf, Format) {
        (self.file.clone(), self.format)
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

/// A recording, or what is being recorded.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Recording)]
pub struct Item {
    /// Application and name of its stream.
    app: String,
    name: String,
    #[schema(format = DateTime)]
    started: String,
    /// Null where the file does not say.
    duration_s: Option<f64>,
    bytes: u64,
    state: State,
    /// Where its MP4 plays, on this server.
    mp4: Option<String>,
    /// Where its FLV plays, on this server.
    flv: Option<String>,
    /// Pictures and sounds that a slow disk made it lose.
    lost: u64,
    /// Whether a file of it was uploaded, and is no longer on this machine.
    uploaded: bool,
    /// What went wrong.
    error: Option<String>,
    /// Whether its state is that of a recording of this process.
    #[serde(skip)]
    active: bool,
}

/// Duration of a file, as long as its size and time stay the same.
type Durations = HashMap<PathBuf, (u64, Option<SystemTime>, Option<f64>)>;

/// The folder of recordings.
#[derive(Debug)]
pub struct Recordings {
    root: PathBuf,
    /// Held for as long as the program runs: two servers would finish each other's recordings.
    _lock: File,
    /// By the path of the file without its extension, and the extension.
    active: Mutex<HashMap<(PathBuf, Format), Arc<Recording>>>,
    durations: Mutex<Durations>,
    /// Where files are noted that are not in the folder.
    elsewhere: OnceLock<Elsewhere>,
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
        let (active, durations, elsewhere) = Default::default();
        Ok(Self { root, _lock: lock, active, durations, elsewhere })
    }

    /// Notes from now on which files are not in the folder.
    pub fn note_elsewhere(&self, elsewhere: Elsewhere) {
        let _ = self.elsewhere.set(elsewhere);
    }

    /// A file is about to have its last name.
    pub fn ends(&self, recording: &Recording) {
        self.note(recording, true);
    }

    fn note(&self, recording: &Recording, sure: bool) {
        if let Some(elsewhere) = self.elsewhere.get().filter(|_| recording.stem.is_none()) {
            elsewhere.note(recording, sure);
        }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the file of a recording, under a name that no other has.
    pub fn create(&self, plan: &Plan) -> io::Result<(Arc<Recording>, File)> {
        let (folder, base) = self.name(plan).ok_or(io::ErrorKind::InvalidFilename)?;
        fs::create_dir_all(&folder)?;
        for attempt in 1..1000 {
            let name = if attempt == 1 { base.clone() } else { format!("{base}-{attempt}") };
            let recording = self.recording(folder.join(&name), plan.format, &plan.stream);
            let recording =
                Recording { config: Some(plan.config.clone()), started: plan.started, ..recording };
            if recording.done().exists() {
                continue;
            }
            match OpenOptions::new().write(true).create_new(true).open(recording.live()) {
                Ok(file) => {
                    // Another server that records to the same folder leaves it alone; not every file system can.
                    let _ = file.try_lock();
                    self.note(&recording, false);
                    let recording = Arc::new(recording);
                    lock(&self.active).insert(recording.key(), recording.clone());
                    return Ok((recording, file));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Folder and name of a recording's file, without its extension; `None` where they are not safe.
    fn name(&self, plan: &Plan) -> Option<(PathBuf, String)> {
        if !names::is_safe_path(&plan.stream) {
            return None;
        }
        let (path, suffix, unique) = match &plan.config.naming {
            Naming::Dated => {
                let folder = names::below(&self.root, &plan.stream)?;
                return Some((folder, plan.started.strftime(NAME_FORMAT).to_string()));
            }
            Naming::Named { path, suffix, unique } => (path, suffix, *unique),
        };
        let (app, name) = names::split(&plan.stream);
        let folder = match path {
            Some(path) => path.clone(),
            None if app.is_empty() => self.root.clone(),
            None => names::below(&self.root, app)?,
        };
        let file = names::below(&folder, name)?;
        let mut base = file.file_name()?.to_str()?.to_owned();
        if unique {
            base.push_str(&format!("-{}", plan.started.as_second()));
        }
        base.push_str(
            &suffix.as_ref().and_then(|suffix| suffix.at(plan.started)).unwrap_or_default(),
        );
        // Room for what tells it from others, and for the extension.
        let fits = names::is_safe_part(&base) && base.len() <= 230;
        fits.then_some((file.parent()?.to_owned(), base))
    }

    fn recording(&self, file: PathBuf, format: Format, stream: &str) -> Recording {
        let below = file.strip_prefix(&self.root).ok().and_then(Path::to_str);
        Recording {
            stream: stream.to_owned(),
            stem: below.map(str::to_owned),
            file,
            format,
            config: None,
            started: Timestamp::now(),
            bytes: AtomicU64::new(0),
            millis: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            state: Mutex::new((State::Recording, None)),
        }
    }

    /// What an earlier run left behind: files that are not whole, where it noted them, in the folder of recordings, and in those of the
    /// settings.
    pub fn left_over(&self, settings: &RecordSettings, noted: &[Left]) -> Vec<Arc<Recording>> {
        let mut found = Vec::new();
        for left in noted {
            let Some((name, format, _)) = left.file.to_str().and_then(parts) else { continue };
            let recording = self.recording(PathBuf::from(name), format, &left.stream);
            let started = Timestamp::from_millisecond(left.started).unwrap_or_default();
            let path = recording.live();
            let mut configs = settings.of(&left.stream).iter();
            let config = configs.find(|config| config.makes(format, &path, false)).cloned();
            if path.is_file() {
                found.extend(self.take_up(Recording { started, config, ..recording }));
            }
        }
        let folders = settings.folders();
        let all = [&self.root].into_iter().chain(&folders);
        for (relative, path) in all.flat_map(|folder| walk(folder)) {
            let Some((stem, format, true)) = parts(&relative) else { continue };
            let Some(name) = Path::new(stem).file_name() else { continue };
            let file = path.with_file_name(name);
            // In the folder of recordings the name of the stream is that of its folder.
            let stream = stem.rsplit_once('/').filter(|_| started_in(stem).is_some());
            let recording = self.recording(file, format, stream.map_or(stem, |(path, _)| path));
            let mut configs = settings.of(&recording.stream).iter();
            let dated = started_in(stem).is_some();
            let config = configs.find(|config| config.makes(format, &path, dated)).cloned();
            let started = started_of(stem, &path);
            found.extend(self.take_up(Recording { started, config, ..recording }));
        }
        found
    }

    /// One that was left behind is to be finished, unless it is known.
    fn take_up(&self, recording: Recording) -> Option<Arc<Recording>> {
        let mut active = lock(&self.active);
        if active.contains_key(&recording.key()) {
            return None;
        }
        recording.progress(fs::metadata(recording.live()).map_or(0, |meta| meta.len()), 0, 0);
        recording.set_state(State::Finishing, None);
        let recording = Arc::new(recording);
        active.insert(recording.key(), recording.clone());
        Some(recording)
    }

    /// The recording needs no further work here: from now on the disk says what there is.
    pub fn finished(&self, recording: &Recording) {
        lock(&self.active).remove(&recording.key());
    }

    /// Whole files, each with its path below the folder and its start.
    pub fn whole(&self) -> Vec<(String, PathBuf, Timestamp)> {
        let active = lock(&self.active);
        let is_active = |path: &Path| active.values().any(|recording| recording.done() == path);
        let files = walk(&self.root).into_iter().filter(|(_, path)| !is_active(path));
        files
            .filter_map(|(relative, path)| {
                let (stem, _, live) = parts(&relative)?;
                let started = started_of(stem, &path);
                (!live).then_some((relative, path, started))
            })
            .collect()
    }

    /// All recordings, newest first: those in the folder, and `elsewhere`.
    pub fn list(&self, elsewhere: &[Asset]) -> Vec<Item> {
        let mut items = HashMap::<String, (Timestamp, Item)>::new();
        // What was active before the look at the files or after it: one that is made whole meanwhile is in the first alone.
        let mut active = lock(&self.active).clone();
        for (relative, path) in walk(&self.root) {
            let Some((stem, format, live)) = parts(&relative) else { continue };
            let Ok(meta) = fs::metadata(&path) else { continue };
            let (_, item) = items.entry(stem.to_owned()).or_insert_with(|| {
                let started = started_of(stem, &path);
                (started, Item::new(stem, started))
            });
            let url = format!("/recordings{}", names::url_path(&relative));
            item.bytes = item.bytes.max(meta.len());
            match format {
                Format::Mp4 => item.mp4 = Some(url),
                Format::Flv => item.flv = Some(url),
            }
            if !live {
                item.state = State::Done;
            }
            if format == Format::Mp4 && !live {
                item.bytes = meta.len();
                item.duration_s = self.duration(&path, &meta);
            }
        }
        active.extend(lock(&self.active).iter().map(|(key, it)| (key.clone(), it.clone())));
        for recording in active.values() {
            let Some(stem) = &recording.stem else { continue };
            let (_, item) = items
                .entry(stem.clone())
                .or_insert_with(|| (recording.started, Item::new(stem, recording.started)));
            item.overlay(recording);
        }
        for asset in elsewhere {
            let Some((stem, format, false)) = parts(&asset.key) else { continue };
            let started = Timestamp::from_millisecond(asset.started).unwrap_or_default();
            let (_, item) =
                items.entry(stem.to_owned()).or_insert_with(|| (started, Item::new(stem, started)));
            item.add(asset, format);
        }
        let mut items: Vec<_> = items.into_iter().collect();
        items.sort_by(|(a_stem, (a, _)), (b_stem, (b, _))| {
            b.cmp(a).then_with(|| b_stem.cmp(a_stem))
        });
        items.into_iter().map(|(_, (_, item))| item).take(LISTED).collect()
    }

    /// How many recordings are being written, are being made whole, and could not be; and the frames that those lost.
    pub fn figures(&self) -> (usize, usize, usize, u64) {
        let active: Vec<_> = lock(&self.active).values().cloned().collect();
        let count = |state| active.iter().filter(|it| lock(&it.state).0 == state).count();
        let lost = active.iter().map(|recording| recording.lost()).sum();
        (count(State::Recording), count(State::Finishing), count(State::Failed), lost)
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

    /// The file of a recording that a URL names below `/recordings/`: an MP4 or an FLV, nothing hidden, nothing outside of the
    /// folder even by a link.
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
            lost: 0,
            uploaded: false,
            error: None,
            active: false,
        }
    }

    /// A file of it is not in the folder.
    fn add(&mut self, asset: &Asset, format: Format) {
        let url = format!("/recordings{}", names::url_path(&asset.key));
        match format {
            Format::Mp4 => self.mp4 = Some(url),
            Format::Flv => self.flv = Some(url),
        }
        self.state = State::Done;
        self.bytes = self.bytes.max(u64::try_from(asset.bytes).unwrap_or_default());
        self.duration_s = self.duration_s.or(Some(asset.duration as f64 / 1000.0));
        self.uploaded |= asset.state == AssetState::Uploaded;
    }

    fn overlay(&mut self, recording: &Recording) {
        let (state, error) = lock(&recording.state).clone();
        // Of an MP4 and an FLV beside it, the one with more ahead of it says how far they are.
        let rank = |state| match state {
            State::Recording => 3,
            State::Finishing => 2,
            State::Failed => 1,
            State::Done => 0,
        };
        if !std::mem::replace(&mut self.active, true) || rank(state) > rank(self.state) {
            self.state = state;
        }
        self.error = error.or(self.error.take());
        self.lost += recording.lost.load(Ordering::Relaxed);
        if recording.format == Format::Mp4 && matches!(state, State::Recording | State::Finishing) {
            // What is written by fragments plays, but a player would see its end as it is now, and its name will change.
            self.mp4 = None;
        }
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

/// When a recording started: its name says so; the file's time where it was named otherwise.
fn started_of(stem: &str, path: &Path) -> Timestamp {
    started_in(stem)
        .or_else(|| Timestamp::try_from(fs::metadata(path).ok()?.modified().ok()?).ok())
        .unwrap_or_default()
}

/// The start that a name of this program says.
fn started_in(stem: &str) -> Option<Timestamp> {
    let name = stem.rsplit('/').next().unwrap_or_default();
    let text = name.split_inclusive('Z').next().unwrap_or_default();
    let time = jiff::civil::DateTime::strptime("%Y-%m-%dT%H-%M-%S%.fZ", text).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(time).ok()
}

/// Whether a name holds its start to the millisecond, so that it never stands for another file.
pub fn is_dated(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| started_in(name).is_some())
}

/// Whether the file is still being recorded.
pub fn is_live(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.and_then(parts).is_some_and(|(_, _, live)| live)
}

/// The file while it was recorded, by what it is once it is whole.
pub fn live_of(done: &Path) -> PathBuf {
    let extension = done.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    done.with_extension(format!("{}.{extension}", &LIVE[1..]))
}

/// The stem of a recording's file, its form, and whether it is not whole yet; `None` for other files.
fn parts(name: &str) -> Option<(&str, Format, bool)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let format =
        [Format::Mp4, Format::Flv].into_iter().find(|form| form.extension() == extension)?;
    Some(match stem.strip_suffix(LIVE) {
        Some(stem) => (stem, format, true),
        None => (stem, format, false),
    })
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
