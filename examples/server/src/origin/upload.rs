//! What carries a broadcast to the store: media first, then the playlists that name them, again and again until it is there.

use std::sync::Arc;
use std::time::Duration;

use object_store::PutPayload;
use rand::RngExt as _;
use streamcore::media::TrackId;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::archive::Shared;
use super::index;
use super::store::{Running, Store};
use crate::redact::Redacted;

/// Objects of one stream that are on their way at once.
const PARALLEL: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// An object that is refused so often while the store takes others is left out.
const ATTEMPTS: u32 = 8;
/// How long after its end a broadcast waits for a store that is away.
const PATIENCE: Duration = Duration::from_secs(600);
/// Least time between two versions of a playlist, and the part of its segments' number that it grows with: a long playlist
/// is not written anew every two seconds.
const PLAYLISTS_EVERY: Duration = Duration::from_secs(2);
const SEGMENTS_PER_SECOND: usize = 100;

/// An object.
#[derive(Clone, Debug)]
pub(super) enum What {
    Segment(TrackId, u64),
    Init(TrackId, String),
}

/// An object that is to be stored.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) what: What,
    pub(super) path: String,
    pub(super) payload: PutPayload,
    pub(super) content_type: &'static str,
    /// Its place in the queue, given back when it is done with.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

/// One broadcast's uploader. It ends when nobody can give it jobs any more and all is done.
#[derive(Debug)]
pub(super) struct Uploader {
    store: Arc<Store>,
    shared: Arc<Shared>,
    /// What the playlists in the store say: segments in each, and whether it is over.
    written: Option<(Vec<usize>, bool)>,
    /// When the next version may be written.
    due: Instant,
    /// When to try again, and the pause before that, while the store takes none.
    again: Option<Instant>,
    pause: Duration,
    _running: Running,
}

impl Uploader {
    pub(super) fn start(
        store: Arc<Store>,
        shared: Arc<Shared>,
        jobs: mpsc::UnboundedReceiver<Job>,
    ) {
        let running = store.begin();
        let (due, pause) = (Instant::now(), FIRST_PAUSE);
        let uploader =
            Self { store, shared, written: None, due, again: None, pause, _running: running };
        tokio::spawn(uploader.run(jobs));
    }

    async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        self.store.say_begun(&self.shared.folder).await;
        let mut on_the_way = JoinSet::new();
        let mut closed = None;
        loop {
            let may_take = closed.is_none() && on_the_way.len() < PARALLEL;
            tokio::select! {
                job = jobs.recv(), if may_take => match job {
                    Some(job) => {
                        on_the_way.spawn(store_object(self.store.clone(), self.shared.clone(), job));
                    }
                    None => closed = Some(Instant::now() + PATIENCE),
                },
                Some(_) = on_the_way.join_next(), if !on_the_way.is_empty() => {}
                () = self.shared.changed.notified() => {}
                () = tokio::time::sleep_until(self.when()), if self.is_stale() => self.write().await,
                () = give_up(closed) => {
                    let stream = Redacted(&self.shared.stream);
                    tracing::warn!(%stream, "the HLS store was away for too long after the end: not all is stored");
                    return;
                }
            }
            if closed.is_some() {
                // Whoever could add to it is gone.
                self.shared.progress().ended = true;
                if on_the_way.is_empty() && !self.is_stale() {
                    self.store.say_ended(&self.shared.folder).await;
                    return;
                }
            }
        }
    }

    /// What the playlists should say.
    fn wanted(&self) -> (Vec<usize>, bool) {
        let progress = self.shared.progress();
        (progress.tracks.iter().map(index::Track::settled_count).collect(), progress.ended)
    }

    fn is_stale(&self) -> bool {
        let wanted = self.wanted();
        wanted.0.iter().any(|&count| count > 0) && self.written.as_ref() != Some(&wanted)
    }

    /// When they should be written. The end is said at once.
    fn when(&self) -> Instant {
        let says_end = self.written.as_ref().is_some_and(|(_, ended)| *ended);
        let is_over = self.shared.progress().ended && !says_end;
        self.again.unwrap_or_else(|| if is_over { Instant::now() } else { self.due })
    }

    /// Writes all playlists as they should be now.
    async fn write(&mut self) {
        let wanted = self.wanted();
        let texts = self.texts();
        for (name, content_type, text) in texts {
            let path = format!("{}/{name}", self.shared.folder);
            if let Err(error) = self.store.put(&path, PutPayload::from(text), content_type).await {
                self.shared.failed(&error);
                self.again = Some(Instant::now() + jitter(self.pause));
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                return;
            }
        }
        (self.pause, self.again) = (FIRST_PAUSE, None);
        let longest = wanted.0.iter().max().copied().unwrap_or(0);
        let seconds = u64::try_from(longest / SEGMENTS_PER_SECOND).unwrap_or(u64::MAX);
        self.due = Instant::now() + PLAYLISTS_EVERY.max(Duration::from_secs(seconds));
        self.written = Some(wanted);
    }

    /// Media playlists first, then what names them.
    fn texts(&self) -> Vec<(String, &'static str, String)> {
        const HLS: &str = "application/vnd.apple.mpegurl";
        let progress = self.shared.progress();
        let (target, ended) = (progress.target, progress.ended);
        let mut texts: Vec<_> = progress
            .tracks
            .iter()
            .filter_map(|track| {
                Some((format!("{}.m3u8", track.id), HLS, track.playlist(target, ended)?))
            })
            .collect();
        let multivariant = String::from_utf8_lossy(&progress.multivariant).into_owned();
        if texts.len() == progress.tracks.len() && !multivariant.is_empty() {
            texts.push(("index.m3u8".into(), HLS, multivariant));
            let mpd = index::mpd(&progress.tracks, target);
            texts.extend(mpd.map(|mpd| ("index.mpd".into(), "application/dash+xml", mpd)));
        }
        texts
    }
}

/// Tries until the object is stored, or until it is plain that it never will be.
async fn store_object(store: Arc<Store>, shared: Arc<Shared>, job: Job) {
    let Job { what, path, payload, content_type, room } = job;
    let mut pause = FIRST_PAUSE;
    let (mut attempts, before) = (0, store.stored());
    let stored = loop {
        match store.put(&path, payload.clone(), content_type).await {
            Ok(()) => break true,
            Err(error) => shared.failed(&error),
        }
        attempts += 1;
        if attempts >= ATTEMPTS && store.stored() > before {
            break false;
        }
        tokio::time::sleep(jitter(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    };
    shared.settle(&what, stored);
    drop(room);
}

async fn give_up(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Between half of a pause and all of it, so that streams do not try in step.
fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}
