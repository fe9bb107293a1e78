//! One broadcast of a stream on its way to the store: from the muxer to the index, and from memory to the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use streamcore::buf::Chain;
use streamcore::dash::ListedSegment;
use streamcore::hls::{Answer, File, Muxer, RenditionView, SegmentView};
use streamcore::media::TrackId;
use streamcore::time::rescale;
use tokio::sync::{Notify, mpsc};

use super::index::{self, Entry, Init, Known, State, Track};
use super::store::Store;
use super::upload::{Job, Uploader, What};
use crate::names;
use crate::redact::Redacted;

/// Segments of one track in one folder. A stream that never ends begins another then: after a day of segments of two seconds.
const SEGMENTS: usize = 43_200;
/// The newest segments stay in memory whatever is stored: playlists list the parts of some.
const IN_MEMORY: u64 = 6;

/// How the store fares, as the API gives it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct StoreInfo {
    /// The folder of this broadcast in the store.
    pub folder: String,
    /// The stored multivariant playlist by this server.
    pub hls: String,
    pub stored_segments: u64,
    pub stored_bytes: u64,
    /// Segments that are not stored yet.
    pub waiting_segments: u64,
    /// Segments that are gaps in the stored playlists: the store was away for too long.
    pub missing_segments: u64,
    /// Why the store takes nothing at present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the muxer's side and the uploader share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Path of the stream, and its folder in the store.
    pub(super) stream: String,
    pub(super) folder: String,
    state: Mutex<Progress>,
    /// There is something new to put into playlists.
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) tracks: Vec<Track>,
    pub(super) target: Duration,
    pub(super) multivariant: Bytes,
    pub(super) ended: bool,
    stored: u64,
    stored_bytes: u64,
    waiting: u64,
    missing: u64,
    error: Option<String>,
    /// Whether it was said that segments are not stored.
    told: bool,
}

impl Shared {
    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt failed. The first of a row is logged.
    pub(super) fn failed(&self, error: &str) {
        let mut progress = self.progress();
        if progress.error.is_none() {
            tracing::warn!(stream = %Redacted(&self.stream), "HLS is not being stored for now: {error}");
        }
        progress.error = Some(error.to_owned());
    }

    /// An object is stored, or given up.
    pub(super) fn settle(&self, what: &What, stored: bool) {
        let mut progress = self.progress();
        let progress = &mut *progress;
        let state = if stored { State::Stored } else { State::Missing };
        if stored && progress.error.take().is_some() {
            tracing::info!(stream = %Redacted(&self.stream), "HLS is stored again");
            progress.told = false;
        }
        match what {
            What::Segment(id, number) => {
                let track = progress.tracks.iter_mut().find(|track| track.id == *id);
                let Some(entry) = track.and_then(|track| track.entry(*number)) else { return };
                entry.state = state;
                progress.waiting = progress.waiting.saturating_sub(1);
                if stored {
                    progress.stored += 1;
                    progress.stored_bytes += entry.bytes;
                } else {
                    progress.missing += 1;
                }
            }
            What::Init(id, name) => {
                let track = progress.tracks.iter_mut().find(|track| track.id == *id);
                if let Some(init) = track.and_then(|track| track.inits.get_mut(name)) {
                    init.state = state;
                }
            }
        }
        self.changed.notify_one();
    }

    fn find(&self, name: &str) -> Option<Known> {
        let progress = self.progress();
        progress.tracks.iter().find_map(|track| {
            let (etag, bytes) = track.find(name)?;
            let path = format!("{}/{name}", self.folder);
            Some(Known { path, content_type: track.content_type(), etag, bytes })
        })
    }
}

/// One stream's way to the store.
#[derive(Debug)]
pub struct Archive {
    store: Arc<Store>,
    shared: Arc<Shared>,
    /// The folder before this one, for players that go back so far.
    before: Option<Arc<Shared>>,
    jobs: mpsc::UnboundedSender<Job>,
    /// The first segment of each track that is still in memory.
    in_memory: HashMap<TrackId, u64>,
}

impl Archive {
    /// Begins a broadcast, in a folder named by the time.
    pub fn begin(store: &Arc<Store>, stream: &str) -> Self {
        let (shared, jobs) = open(store, stream);
        Self { store: store.clone(), shared, before: None, jobs, in_memory: HashMap::new() }
    }

    /// Takes in what the muxer has made, and lets go of what is stored and old. To be called after each change.
    pub fn follow(&mut self, muxer: &mut Muxer) {
        let full = |track: &Track| track.entries.len() >= SEGMENTS;
        if self.shared.progress().tracks.iter().any(full) {
            self.shared.progress().ended = true;
            let (shared, jobs) = open(&self.store, &self.shared.stream);
            self.before = Some(std::mem::replace(&mut self.shared, shared));
            self.jobs = jobs;
        }
        let shared = self.shared.clone();
        let mut progress = shared.progress();
        progress.target = muxer.target_duration().unwrap_or_default();
        let was_ended = std::mem::replace(&mut progress.ended, muxer.is_ended());
        let mut new = false;
        for view in muxer.presentation().renditions() {
            new |= self.take(&mut progress, muxer, &view);
        }
        if new || was_ended != muxer.is_ended() {
            if let Answer::Ready(file) = muxer.request("index.m3u8", None) {
                progress.multivariant = file.body.to_bytes();
            }
            self.shared.changed.notify_one();
            self.release(&progress, muxer);
        }
    }

    /// New segments of a track.
    fn take(&self, progress: &mut Progress, muxer: &Muxer, view: &RenditionView<'_>) -> bool {
        let id = view.id();
        let at = progress.tracks.iter().position(|track| track.id == id).unwrap_or_else(|| {
            progress.tracks.push(Track::new(id, view.group()));
            progress.tracks.len() - 1
        });
        let next = progress.tracks[at].next();
        if view.next_number() <= next {
            return false;
        }
        // What is missing at the front is no part of this broadcast.
        let is_new = progress.tracks[at].entries.is_empty();
        let segments = view
            .segments()
            .filter(|one| one.is_whole() && one.number() >= next)
            .skip_while(|one| is_new && one.is_gap());
        for segment in segments {
            fill(&mut progress.tracks, at, segment.number());
            self.take_init(&mut progress.tracks[at], muxer, segment.init_name());
            self.take_segment(progress, at, muxer, &segment);
        }
        let track = &mut progress.tracks[at];
        (track.bandwidth, track.frame_rate) = (view.peak_bandwidth(), view.frame_rate());
        track.captions = view.captions();
        true
    }

    fn take_init(&self, track: &mut Track, muxer: &Muxer, name: &str) {
        if track.inits.contains_key(name) {
            return;
        }
        let Answer::Ready(file) = muxer.request(name, None) else { return };
        let init =
            Init { state: State::Waiting, etag: file.etag.clone(), bytes: file.body.len() as u64 };
        track.inits.insert(name.to_owned(), init);
        self.send(What::Init(track.id, name.to_owned()), name, file, None);
    }

    fn take_segment(
        &self,
        progress: &mut Progress,
        at: usize,
        muxer: &Muxer,
        segment: &SegmentView<'_>,
    ) {
        let track = &mut progress.tracks[at];
        let listed = listed(segment);
        let (id, number, name) = (track.id, listed.number, segment.name());
        let file = match muxer.request(&name, None) {
            Answer::Ready(file) if !listed.gap => file,
            _ => {
                let gap = ListedSegment { gap: true, ..listed };
                track.entries.push(Entry {
                    listed: gap,
                    state: State::Stored,
                    etag: String::new(),
                    bytes: 0,
                });
                return;
            }
        };
        let bytes = file.body.len();
        let permits = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let room = self.store.room().clone().try_acquire_many_owned(permits).ok();
        let state = if room.is_some() { State::Waiting } else { State::Missing };
        let etag = file.etag.clone();
        track.entries.push(Entry { listed, state, etag, bytes: bytes as u64 });
        let Some(room) = room else {
            progress.missing += 1;
            if !std::mem::replace(&mut progress.told, true) {
                tracing::warn!(stream = %Redacted(&self.shared.stream),
                    "the queue to the HLS store is full: segments are not stored, and are gaps in the stored playlist");
            }
            return;
        };
        progress.waiting += 1;
        self.send(What::Segment(id, number), &name, file, Some(room));
    }

    fn send(
        &self,
        what: What,
        name: &str,
        file: File,
        room: Option<tokio::sync::OwnedSemaphorePermit>,
    ) {
        let path = format!("{}/{name}", self.shared.folder);
        let File { content_type, body, .. } = file;
        let payload = payload(body);
        // Nobody takes it only where the runtime ends.
        let _ = self.jobs.send(Job { what, path, payload, content_type, room });
    }

    /// Lets go of the bytes of what is stored and no longer near the end.
    fn release(&mut self, progress: &Progress, muxer: &mut Muxer) {
        let memory = u64::try_from(self.store.config().memory.as_micros()).unwrap_or(u64::MAX);
        for track in &progress.tracks {
            let Some(first) = track.entries.first().map(|entry| entry.listed.number) else {
                continue;
            };
            let from = self.in_memory.entry(track.id).or_insert(first);
            *from = (*from).max(first);
            let last = track.next().saturating_sub(IN_MEMORY);
            let begin = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
            let held = track.entries.get(begin..).unwrap_or_default();
            let mut behind: u64 = held.iter().map(|entry| index::micros(&entry.listed)).sum();
            for entry in held {
                behind = behind.saturating_sub(index::micros(&entry.listed));
                if behind < memory || entry.listed.number >= last || entry.state == State::Waiting {
                    break;
                }
                if entry.state == State::Stored {
                    muxer.take_segment(track.id, entry.listed.number);
                }
                *from += 1;
            }
        }
    }

    /// The stored file of this name, for those who ask for what is not in memory any more.
    pub fn find(&self, name: &str) -> Option<Known> {
        self.shared.find(name).or_else(|| self.before.as_ref()?.find(name))
    }

    /// How the store fares.
    pub fn info(&self) -> StoreInfo {
        let progress = self.shared.progress();
        StoreInfo {
            folder: self.shared.folder.clone(),
            hls: format!("{}/index.m3u8", names::url_path(&self.shared.folder)),
            stored_segments: progress.stored,
            stored_bytes: progress.stored_bytes,
            waiting_segments: progress.waiting,
            missing_segments: progress.missing,
            error: progress.error.clone(),
        }
    }
}

impl StoreInfo {
    /// What is wrong, in words.
    pub fn problems(&self) -> impl Iterator<Item = String> {
        let away = self.error.as_ref().map(|error| {
            format!(
                "HLS is not being stored for now, {} segments wait: {error}",
                self.waiting_segments
            )
        });
        let missing = (self.missing_segments > 0).then(|| {
            format!(
                "{} HLS segments were not stored: the stored playlist has gaps",
                self.missing_segments
            )
        });
        away.into_iter().chain(missing)
    }
}

fn open(store: &Arc<Store>, stream: &str) -> (Arc<Shared>, mpsc::UnboundedSender<Job>) {
    let date = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S.%3fZ");
    let shared = Arc::new(Shared {
        stream: stream.to_owned(),
        folder: format!("{stream}/{date}"),
        state: Mutex::default(),
        changed: Notify::new(),
    });
    // What is in it is bounded by the room that segments need.
    let (jobs, queue) = mpsc::unbounded_channel();
    Uploader::start(store.clone(), shared.clone(), queue);
    (shared, jobs)
}

/// The buffers as they are: nothing is joined or copied.
pub(super) fn payload(body: Chain) -> object_store::PutPayload {
    body.into_iter().collect()
}

/// A track that was away for some segments has gaps there, as long as those of the first track.
fn fill(tracks: &mut [Track], at: usize, number: u64) {
    let Some((lead, track)) = tracks
        .split_first_mut()
        .and_then(|(lead, rest)| Some((&*lead, rest.get_mut(at.checked_sub(1)?)?)))
    else {
        return;
    };
    let Some(last) = track.entries.last().map(|last| last.listed.clone()) else { return };
    let first = lead.entries.first().map_or(0, |first| first.listed.number);
    for missing in last.number.saturating_add(1)..number {
        let index = usize::try_from(missing.saturating_sub(first)).unwrap_or(usize::MAX);
        let Some(like) = lead.entries.get(index).map(|entry| &entry.listed) else { return };
        let ticks = |value: u64| {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            u64::try_from(rescale(value, like.timescale, last.timescale)).unwrap_or(0)
        };
        let listed = ListedSegment {
            number: missing,
            epoch: like.epoch,
            start: ticks(like.start),
            duration: ticks(like.duration),
            presentation_end: ticks(like.presentation_end),
            wall: like.wall,
            gap: true,
            ..last.clone()
        };
        track.entries.push(Entry { listed, state: State::Stored, etag: String::new(), bytes: 0 });
    }
}

fn listed(segment: &SegmentView<'_>) -> ListedSegment {
    ListedSegment {
        number: segment.number(),
        epoch: segment.epoch(),
        config: segment.track().config.clone(),
        init: segment.init_name().to_owned(),
        timescale: segment.timescale(),
        start: u64::try_from(segment.presentation_start()).unwrap_or(0),
        duration: segment.duration(),
        presentation_end: u64::try_from(segment.presentation_end()).unwrap_or(0),
        wall: segment.wall(),
        gap: segment.is_gap(),
    }
}
