//! One stream: from its publisher to HLS, to players over RTMP and of FLV, and to the recorder.

mod aside;
mod live_hls;
mod players;
mod recording;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use live_hls::Hls;
use recording::StreamRecording;
use streamcore::assemble::{Assembler, Event};
use streamcore::error::Result;
use streamcore::flv::Tag;
use streamcore::hls;
use streamcore::limits::Limits;
use streamcore::live::{GopCache, SequenceEnd};
use streamcore::media::MediaKind;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use crate::clock::wall_clock;
use crate::config::AppConfig;
use crate::events::StreamEvents;
use crate::fan::Fan;
use crate::http::Compressed;
use crate::meter::{Meter, Series};
use crate::metrics::Metrics;
use crate::notices::{self, Before};
use crate::numbering::{Counter, Numbering};
use crate::origin::{Known, Store};
use crate::recorder::{Group, Health, Recorders};
use crate::relay::{Relay, Tap};
use crate::services::Services;
use crate::sessions::Sessions;
use crate::stats::{PublisherInfo, Rate, Tracks, Viewers};
use crate::variants::{Member, SetHls};

/// HLS requests of one stream that may wait at once (F-20).
const WAITERS: usize = 20_000;

/// One stream by its path. It is there while it has a publisher, players who wait for one, or HLS that may still be read.
#[derive(Debug)]
pub struct Stream {
    path: String,
    /// Where HLS is kept, if it is.
    store: Option<Arc<Store>>,
    live: Mutex<Live>,
    hls: Mutex<Hls>,
    /// Of streams that are the variants of this one.
    set: Mutex<SetHls>,
    /// Locked ahead of `live` by the publisher, behind it while there is none.
    recording: Mutex<StreamRecording>,
    viewers: Mutex<Viewers>,
    sessions: Sessions,
    metrics: Arc<Metrics>,
    series: Mutex<Series>,
    changes: watch::Sender<()>,
    waiters: Semaphore,
    compressed: Compressed,
    events: StreamEvents,
    relay: Arc<Relay>,
    numbering: Arc<Numbering>,
}

#[derive(Debug)]
struct Live {
    publisher: Option<Publisher>,
    /// Grows with each publisher: says whose end an end is.
    token: u64,
    gop: GopCache,
    fan: Fan,
    /// Servers that it is pushed to.
    taps: Vec<Arc<Tap>>,
    /// How long what a publisher sends may wait to be read while nobody waits for it.
    ingest_latency: Duration,
}

#[derive(Debug)]
struct Publisher {
    /// Grows with each publisher of any stream.
    seq: i64,
    info: PublisherInfo,
    since: Timestamp,
    started: Instant,
    rate: Rate,
    bytes_in: u64,
    /// When something came last.
    heard: Instant,
    tracks: Tracks,
    meter: Meter,
    health: Arc<Health>,
    /// Recorders begin by themselves.
    records: bool,
}

impl Stream {
    /// A stream without a publisher.
    pub fn new(
        path: &str,
        limits: &Limits,
        store: Option<Arc<Store>>,
        services: &Services,
    ) -> Self {
        let live = Live {
            publisher: None,
            token: 0,
            gop: GopCache::new(limits.gop_bytes),
            fan: Fan::default(),
            taps: Vec::new(),
            ingest_latency: Duration::ZERO,
        };
        Self {
            path: path.to_owned(),
            store,
            live: Mutex::new(live),
            hls: Mutex::default(),
            set: Mutex::default(),
            recording: Mutex::default(),
            viewers: Mutex::default(),
            sessions: services.sessions.clone(),
            metrics: services.metrics.clone(),
            series: Mutex::default(),
            changes: watch::Sender::new(()),
            waiters: Semaphore::new(WAITERS),
            compressed: Compressed::default(),
            events: StreamEvents::new(services.told.clone(), path),
            relay: services.relay.clone(),
            numbering: services.numbering.clone(),
        }
    }

    /// Makes `info` the publisher, unless there is one: a stream has one publisher, and who comes second is told so.
    pub fn publish(
        self: &Arc<Self>,
        info: PublisherInfo,
        config: &AppConfig,
        recorders: Recorders,
    ) -> Option<Publication> {
        let (mut recording, mut live) = self.recording_and_live();
        if live.publisher.is_some() {
            return None;
        }
        let now = Instant::now();
        let address = info.address.as_deref().unwrap_or_default();
        self.events.connected(address, &info.agent, info.identity.as_deref());
        let records = recorders.is_on();
        let health = recording.start(recorders, now);
        live.token += 1;
        live.fan.set_latency(config.rtmp_latency);
        live.ingest_latency = config.ingest_latency;
        static PUBLISHERS: AtomicI64 = AtomicI64::new(1);
        live.publisher = Some(Publisher {
            seq: PUBLISHERS.fetch_add(1, Ordering::Relaxed),
            info,
            since: Timestamp::now(),
            started: now,
            rate: Rate::new(now),
            bytes_in: 0,
            heard: now,
            tracks: Tracks::default(),
            meter: Meter::new(now),
            health,
            records,
        });
        let token = live.token;
        live.taps.iter().for_each(|tap| tap.next_epoch());
        recording.token = token;
        // Still under the locks: an earlier publisher's end must not come between.
        self.hls().start(self, config, token);
        drop((live, recording));
        self.relay.live(&self.path, self);
        Some(Publication {
            stream: self.clone(),
            token,
            assembler: Assembler::new(&config.limits),
            member: None,
            cut_off: true,
        })
    }

    /// Answers for a file of the stream's HLS, by its name without the stream's path, and the query of the request.
    pub fn hls_answer(&self, name: &str, query: Option<&str>) -> hls::Answer {
        let hls = self.hls();
        let own = hls.muxer.as_ref().filter(|_| hls.ended.is_none() || !self.set().is_there());
        if let Some(muxer) = own {
            return muxer.request(name, query);
        }
        drop(hls);
        self.set().answer(name, query).unwrap_or(hls::Answer::NotFound)
    }

    /// Whether who publishes has no HLS, by the settings.
    pub fn is_without_hls(&self) -> bool {
        self.is_live() && self.hls().is_off
    }

    /// Holds players, after a restart, until the publisher is back.
    pub fn restore(&self, config: &AppConfig) {
        self.hls().restore(self.counter(false), config);
    }

    /// Nobody waits for it after a restart.
    pub fn forget(&self) {
        self.events.idle();
    }

    /// Where HLS is kept, if it is.
    pub const fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    /// The numbers of its playlists, or of those of its set.
    pub fn counter(&self, is_set: bool) -> Counter {
        self.numbering.counter(&self.path, is_set)
    }

    /// The stored file of this name, which is not in memory any more.
    pub fn find_stored(&self, name: &str) -> Option<Known> {
        let own = self.hls().archive.as_ref().and_then(|archive| archive.find(name));
        own.or_else(|| self.set().find_stored(name))
    }

    /// Ends HLS, and lets what is to be stored be the last.
    pub fn close_store(&self) {
        self.hls().close_store();
        self.set().close_store();
    }

    /// Wakes whenever an answer may be another.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The right to wait for an answer, while there are not too many who do.
    pub fn may_wait(&self) -> Option<SemaphorePermit<'_>> {
        self.waiters.try_acquire().ok()
    }

    /// Playlists as they were compressed.
    pub fn compressed(&self) -> &Compressed {
        &self.compressed
    }

    /// Whether there is a publisher.
    pub fn is_live(&self) -> bool {
        self.live().publisher.is_some()
    }

    /// Ends HLS whose publisher did not come back, and lets it go some time after its end. Says whether nothing is left to
    /// keep the stream for.
    pub fn tidy(&self, now: Instant, config: &AppConfig) -> bool {
        let past = |since: Option<Instant>, time: Duration| {
            since.is_some_and(|since| now.saturating_duration_since(since) >= time)
        };
        lock(&self.viewers).tidy(now);
        let mut hls = self.hls();
        let gives_up = past(hls.lost, config.hls_reconnect);
        if gives_up {
            hls.end(now);
        } else if past(hls.ended, config.hls_linger) {
            *hls = Hls::default();
        }
        // Who was cut off may come back without HLS, too.
        let mut is_kept = hls.muxer.is_some() || hls.lost.is_some();
        drop(hls);
        let mut set = self.set();
        let set_ended = set.tidy(now, config);
        is_kept |= set.is_there();
        drop(set);
        if gives_up || set_ended {
            self.changes.send_replace(());
        }
        if gives_up {
            self.events.idle();
            self.relay.idle(&self.path);
        }
        self.end_waiting(Some(now));
        let mut recording = self.recording();
        recording.recorders.as_mut().map(Recorders::tick);
        let records = recording.recorders.is_some();
        drop(recording);
        let live = self.live();
        !is_kept && !records && live.publisher.is_none() && live.fan.is_empty()
    }

    /// Puts a tag in line for players. False where another publisher has taken the place of the one with `token`.
    fn relay(&self, token: u64, tag: &Tag) -> bool {
        let mut live = self.live();
        if live.token != token {
            return false;
        }
        // Some players stop at it.
        if !SequenceEnd::default().passes(tag) {
            return true;
        }
        live.gop.handle_tag(tag);
        live.fan.send(tag);
        live.taps.iter().for_each(|tap| tap.push(tag));
        if let Some(publisher) = &mut live.publisher {
            let bytes = tag.body.len() as u64;
            publisher.bytes_in += bytes;
            publisher.meter.bytes(bytes);
            publisher.heard = Instant::now();
            publisher.rate.add(publisher.heard, bytes);
        }
        true
    }

    fn handle_event(&self, token: u64, event: Event) {
        match event {
            Event::Track(track) => {
                self.publisher_with(token, |publisher| {
                    publisher.tracks.set(&track);
                    publisher.meter.track(&track);
                });
                self.hls_with(token, |muxer| muxer.handle_track(track));
            }
            Event::Unit(unit) => {
                match unit.track.kind {
                    MediaKind::Video => self.metrics.picture(unit.key),
                    MediaKind::Audio => self.metrics.sound(),
                }
                self.publisher_with(token, |publisher| {
                    publisher.tracks.unit(&unit);
                    publisher.meter.unit(&unit, Instant::now());
                    self.events.media(publisher.records || publisher.health.is_recording());
                });
                self.hls_with(token, |muxer| muxer.handle_unit(unit, wall_clock()));
            }
            Event::Discontinuity => self.hls_with(token, hls::Muxer::handle_discontinuity),
            Event::Notice(notice) => {
                notices::text(notice.kind).into_iter().for_each(|text| self.tell(token, text));
            }
            _ => {}
        }
    }

    /// The publisher, unless another has taken its place.
    fn publisher_with(&self, token: u64, act: impl FnOnce(&mut Publisher)) {
        let mut live = self.live();
        let current = live.token == token;
        if let Some(publisher) = live.publisher.as_mut().filter(|_| current) {
            act(publisher);
        }
    }

    /// A stream that HLS cannot carry is still recorded and played by RTMP.
    fn hls_with(&self, token: u64, act: impl FnOnce(&mut hls::Muxer) -> Result<()>) {
        let mut hls = self.hls();
        if hls.token != token {
            return;
        }
        let hls_state = &mut *hls;
        let Some(muxer) = &mut hls_state.muxer else { return };
        let (version, before) = (muxer.version(), Before::of(muxer));
        let result = act(muxer);
        let changed = muxer.version() != version;
        let problem = before.problem(muxer, hls_state.wanted);
        if changed {
            hls_state.follow();
        }
        drop(hls);
        if changed {
            // One word to all who wait (E3-20).
            self.changes.send_replace(());
        }
        if let Err(error) = result {
            self.tell(token, &format!("not all of it is in HLS: {error}"));
        }
        if let Some(problem) = problem {
            self.tell(token, &problem);
        }
    }

    /// Ends the publisher there is for one who takes its place: players and playlists go on.
    pub fn give_way(&self) {
        let (mut recording, mut live) = self.recording_and_live();
        if live.publisher.take().is_some() {
            live.token += 1;
            live.gop.clear();
            self.events.disconnected();
            let now = Instant::now();
            recording.pause(now, true);
            recording.token = live.token;
            self.hls().pause(now);
        }
    }

    /// Starts or stops a recorder. Says whether there is one of this name.
    pub fn switch_recorder(&self, name: &str, on: bool) -> bool {
        let mut recording = self.recording();
        recording.recorders.as_mut().is_some_and(|recorders| recorders.switch(name, on))
    }

    fn record(&self, token: u64, act: impl FnOnce(&mut Recorders, Group<'_>)) {
        let mut recording = self.recording();
        let current = recording.token == token;
        if let Some(recorders) = recording.recorders.as_mut().filter(|_| current) {
            act(recorders, &|| self.group());
        }
    }

    /// Headers and the current group of pictures.
    fn group(&self) -> Vec<Tag> {
        self.live().gop.tags().collect()
    }

    /// Ends recorders that wait for a publisher who comes back; with a time, those that have waited for long enough.
    pub fn end_waiting(&self, now: Option<Instant>) {
        self.recording().expire(now);
    }

    /// Ends whoever publishes, or was cut off and may come back. Its connection learns so with its next message.
    pub fn end_publisher(&self) {
        let (mut recording, mut live) = self.recording_and_live();
        (live.token, recording.token) = (live.token + 1, live.token + 1);
        self.close(recording, live, false);
    }

    /// The publisher with `token` has ended, or was cut off and may come back. Whoever came after it is not touched.
    fn end(&self, token: u64, may_return: bool) {
        let (recording, live) = self.recording_and_live();
        if live.token == token {
            self.close(recording, live, may_return);
        }
    }

    fn close(
        &self,
        mut recording: MutexGuard<'_, StreamRecording>,
        mut live: MutexGuard<'_, Live>,
        may_return: bool,
    ) {
        // Before any of its recordings can be whole.
        self.events.disconnected();
        if !may_return {
            self.events.idle();
        }
        // Both wait from the same moment on.
        let now = Instant::now();
        recording.pause(now, may_return);
        live.publisher = None;
        live.gop.clear();
        live.fan.end();
        let mut hls = self.hls();
        if may_return {
            hls.pause(now)
        } else {
            hls.end(now)
        }
        drop(hls);
        drop(live);
        if !may_return {
            self.relay.idle(&self.path);
        }
        self.changes.send_replace(());
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        lock(&self.live)
    }

    /// Both in the order in which they are always taken: a recorder that begins asks for the group of pictures.
    fn recording_and_live(&self) -> (MutexGuard<'_, StreamRecording>, MutexGuard<'_, Live>) {
        let recording = self.recording();
        (recording, self.live())
    }

    fn recording(&self) -> MutexGuard<'_, StreamRecording> {
        lock(&self.recording)
    }

    /// The set of streams that are the variants of this one.
    pub fn set(&self) -> MutexGuard<'_, SetHls> {
        lock(&self.set)
    }

    /// Lets those who wait look again.
    pub fn wake(&self) {
        self.changes.send_replace(());
    }

    fn hls(&self) -> MutexGuard<'_, Hls> {
        lock(&self.hls)
    }
}

/// The right to feed a stream: the stream ends when it is dropped.
#[derive(Debug)]
pub struct Publication {
    stream: Arc<Stream>,
    token: u64,
    assembler: Assembler,
    /// Its place among the variants of another stream.
    member: Option<Member>,
    /// The publisher has not said that it ends.
    cut_off: bool,
}

impl Publication {
    /// Makes the stream a variant of another, too.
    pub fn join(&mut self, member: Member) {
        self.member = Some(member);
    }

    /// Path of the stream.
    pub fn path(&self) -> &str {
        &self.stream.path
    }

    /// Takes one tag of the publisher. False where another has taken its place: it is not heard any more.
    /// Players get it with the next [`flush`](Self::flush), so that what came in one read goes out in one write.
    pub fn handle_tag(&mut self, tag: &Tag) -> bool {
        if !self.stream.relay(self.token, tag) {
            return false;
        }
        self.stream.record(self.token, |recorders, group| recorders.handle_tag(tag, group));
        self.assembler.handle_tag(tag);
        self.drain();
        true
    }

    /// How long nothing needs to be read of the publisher.
    pub fn read_pause(&self) -> Duration {
        // The watchers of a set are those of another stream.
        if self.member.is_some() { Duration::ZERO } else { self.stream.read_pause() }
    }

    /// Sends what was taken on its way to players.
    pub fn flush(&self) {
        self.stream.live().fan.flush();
    }

    /// The publisher says that the stream is over. Dropped without this, it may come back.
    pub fn end(mut self) {
        self.cut_off = false;
    }

    fn drain(&mut self) {
        while let Some(event) = self.assembler.poll_event() {
            self.stream
                .record(self.token, |recorders, group| recorders.handle_event(&event, group));
            if let Some(member) = &self.member {
                member.handle_event(&event);
            }
            self.stream.handle_event(self.token, event);
        }
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        self.assembler.finish();
        self.drain();
        if let Some(mut member) = self.member.take() {
            member.cut_off = self.cut_off;
        }
        self.stream.end(self.token, self.cut_off);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
