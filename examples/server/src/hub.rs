//! All streams by their path.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use streamcore::live::Takeover;
use tokio::sync::{Semaphore, watch};

use crate::config::{AppConfig, Config, Shared};
use crate::keys::Keys;
use crate::names;
use crate::numbering::Key;
use crate::origin::Store;
use crate::player::Player;
use crate::recorder::{RecordEnv, Recorders};
use crate::recordings::Recordings;
use crate::relay::PushUrl;
use crate::services::Services;
use crate::stats::{PublisherInfo, StreamInfo};
use crate::stream::{Publication, Stream};
use crate::variants::{self, Member};

/// HLS requests that may wait at once (F-20). A player has up to four: for the playlists and the next parts of video and sound.
const WAITERS: usize = 40_000;
/// Paths that are known at once, so that players of made-up names cannot fill the memory.
pub const STREAMS: usize = 10_000;

/// Time that an origin has to bring a stream to a player over HTTP.
const ORIGIN: Duration = Duration::from_secs(10);

/// Where players learn the time.
pub const TIME_URL: &str = "/api/v1/time";

/// Why a publisher is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody publishes under that name.
    Live,
    /// It has changed hands too often in a short time.
    TooOften,
    /// The name is not fit for a URL and a file.
    Name,
    /// Nothing may be published in that application.
    Application,
    /// There are too many streams.
    Full,
}

/// How the server stands to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Serving,
    /// Nobody new is let in, and those who can are asked to go elsewhere.
    Draining,
    /// All are told that it is over.
    Ending,
}

/// All streams.
#[derive(Debug)]
pub struct Hub {
    phase: watch::Sender<Phase>,
    config: Shared,
    record: Arc<RecordEnv>,
    store: Option<Arc<Store>>,
    keys: Arc<Keys>,
    streams: Mutex<HashMap<String, Arc<Stream>>>,
    waiters: Semaphore,
    tls_failures: AtomicU64,
    services: Services,
}

/// Who wants to publish.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer<'a> {
    pub path: &'a str,
    pub address: SocketAddr,
    pub agent: &'a str,
    /// It reconnects on request.
    pub reconnects: bool,
    /// Whose right it publishes by, where that is known.
    pub identity: Option<&'a str>,
}

impl Hub {
    /// No stream yet.
    pub fn new(
        config: Shared,
        record: RecordEnv,
        store: Option<Arc<Store>>,
        keys: Arc<Keys>,
        services: Services,
    ) -> Arc<Self> {
        Arc::new(Self {
            phase: watch::Sender::new(Phase::Serving),
            services,
            config,
            record: Arc::new(record),
            store,
            keys,
            streams: Mutex::default(),
            waiters: Semaphore::new(WAITERS),
            tls_failures: AtomicU64::new(0),
        })
    }

    /// The settings as they are now.
    pub fn config(&self) -> Arc<Config> {
        self.config.get()
    }

    /// Who may, and who is told.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Live streams with keys, and who may publish and play.
    pub fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// How the server stands to its clients, and each change of it.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Goes on to the next phase.
    pub fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Whether somebody publishes.
    pub fn is_live(&self) -> bool {
        self.streams().values().any(|stream| stream.is_live())
    }

    /// The recordings.
    pub fn recordings(&self) -> &Recordings {
        &self.record.recordings
    }

    /// Where HLS is kept, if it is.
    pub fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    /// Ends HLS of all streams, and waits until what is to be stored is.
    pub async fn close_store(&self) {
        let Some(store) = self.store() else { return };
        let streams: Vec<_> = self.streams().values().cloned().collect();
        streams.iter().for_each(|stream| stream.close_store());
        store.idle().await;
    }

    /// Streams that were live when the server ended: players wait for their publishers, as after any loss of a connection.
    pub fn restore(&self) {
        let config = self.config();
        let (mut streams, mut waits) = (self.streams(), HashSet::new());
        for Key { path, is_set } in self.services.numbering.left_live() {
            let app = &self.keys.settings(&path, config.of(&path));
            if !app.makes_hls {
                continue;
            }
            let Some(stream) = self.entry(&mut streams, &path) else { return };
            if is_set {
                stream.set().restore(stream.counter(true), app);
            } else {
                stream.restore(app);
                waits.insert(path);
            }
        }
        for path in self.services.told.paths() {
            if !waits.contains(&path)
                && let Some(stream) = self.entry(&mut streams, &path)
            {
                stream.forget();
            }
        }
    }

    /// Bounds the requests that wait.
    pub fn waiters(&self) -> &Semaphore {
        &self.waiters
    }

    /// Counts a TLS connection that did not come about, and gives how many there were.
    pub fn count_tls_failure(&self) -> u64 {
        self.tls_failures.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The stream of that path, where there is one.
    pub fn find(&self, path: &str) -> Option<Arc<Stream>> {
        self.streams().get(path).cloned()
    }

    /// The stream of that path for a player over HTTP; taken from elsewhere, which may take a while, where it is not live here.
    /// A hook may have named the server to take it from.
    pub async fn demand(
        self: &Arc<Self>,
        path: &str,
        origin: Option<&PushUrl>,
    ) -> Option<Arc<Stream>> {
        let live = || self.find(path).is_some_and(|stream| stream.is_live());
        let relay = &self.services.relay;
        if !live()
            && (origin.is_some() || relay.has_origin(path))
            && let Ok(_permit) = self.waiters.try_acquire()
        {
            relay.demand(self, path, origin);
            let deadline = tokio::time::Instant::now() + ORIGIN;
            while !live() && tokio::time::Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        self.find(path)
    }

    /// Live streams behind the one with number `after`, longest live first, at most `limit`.
    pub fn page(&self, after: i64, limit: usize) -> Vec<StreamInfo> {
        let mut live: Vec<_> =
            self.all().into_iter().filter_map(|stream| Some((stream.seq()?, stream))).collect();
        live.retain(|(seq, _)| *seq > after);
        live.sort_by_key(|(seq, _)| *seq);
        let infos = live.into_iter().filter_map(|(_, stream)| stream.info()).take(limit);
        infos.map(|info| self.in_set(info)).collect()
    }

    /// Says of a stream which set it is a variant of.
    pub fn in_set(&self, info: StreamInfo) -> StreamInfo {
        let config = self.config();
        let set = variants::set_of(&info.path, config.of(&info.path));
        let set = set.and_then(|(path, _)| self.find(path)?.set_info());
        StreamInfo { set, ..info }
    }

    /// All streams there are, live or not.
    pub fn all(&self) -> Vec<Arc<Stream>> {
        self.streams().values().cloned().collect()
    }

    /// TLS connections that did not come about.
    pub fn tls_failures(&self) -> u64 {
        self.tls_failures.load(Ordering::Relaxed)
    }

    /// Starts a stream. `None` where the newcomer may take the place of the publisher there is, at its first key frame:
    /// [`take_over`](Self::take_over). Both must have the same right to the name, and it may not happen too often (F-19).
    pub fn publish(&self, newcomer: Newcomer<'_>) -> Result<Option<Publication>, Refusal> {
        let path = newcomer.path;
        if !names::is_publishable(path) {
            return Err(Refusal::Name);
        }
        let config = self.config();
        let app = config.of(path);
        if !app.live {
            return Err(Refusal::Application);
        }
        // The lock keeps the stream from being tidied away between the look-up and its start.
        let mut streams = self.streams();
        let stream = self.entry(&mut streams, path).ok_or(Refusal::Full)?;
        // Who has the key has it back from a connection that is dead and does not know it yet.
        let has_key = newcomer.identity.is_some() && app.takeover != Takeover::Refuse;
        match stream.is_live() {
            true if !stream.is_of(newcomer.identity) => Err(Refusal::Live),
            true if !(has_key || app.takeover.allows(newcomer.reconnects)) => Err(Refusal::Live),
            true if !self.services.takeovers.allow(path, Instant::now()) => Err(Refusal::TooOften),
            true => Ok(None),
            false => {
                let mut begun = self.begin(&stream, app, newcomer)?;
                self.join(&mut streams, &mut begun, app);
                Ok(Some(begun))
            }
        }
    }

    /// Starts a stream in the place of the publisher there is.
    pub fn take_over(&self, newcomer: Newcomer<'_>) -> Result<Publication, Refusal> {
        let mut streams = self.streams();
        let stream = self.entry(&mut streams, newcomer.path).ok_or(Refusal::Full)?;
        stream.give_way();
        let config = self.config();
        let app = config.of(newcomer.path);
        let mut begun = self.begin(&stream, app, newcomer)?;
        self.join(&mut streams, &mut begun, app);
        Ok(begun)
    }

    /// Makes a stream a variant of another, where its name says so.
    fn join(
        &self,
        streams: &mut HashMap<String, Arc<Stream>>,
        begun: &mut Publication,
        app: &AppConfig,
    ) {
        let set = variants::set_of(begun.path(), app).filter(|_| app.makes_hls);
        let entry = set.and_then(|(set, place)| Some((self.entry(streams, set)?, place)));
        if let Some((set, place)) = entry {
            begun.join(Member::join(set, place, app));
        }
    }

    fn begin(
        &self,
        stream: &Arc<Stream>,
        app: &AppConfig,
        newcomer: Newcomer<'_>,
    ) -> Result<Publication, Refusal> {
        let app = &self.keys.settings(newcomer.path, app);
        let recorders = Recorders::start(&self.record, newcomer.path, &app.record)
            .with_window(self.keys.reconnect_window(newcomer.path));
        let (address, agent) = (Some(newcomer.address.to_string()), newcomer.agent.to_owned());
        let identity = newcomer.identity.map(str::to_owned);
        let info = PublisherInfo { address, agent, identity };
        stream.publish(info, app, recorders).ok_or(Refusal::Live)
    }

    /// Adds a player to a stream; where nobody publishes it, the player waits until somebody does.
    pub fn play(&self, path: &str, player: &Arc<Player>) -> Option<Arc<Stream>> {
        if !names::is_safe_path(path) {
            return None;
        }
        let mut streams = self.streams();
        let stream = self.entry(&mut streams, path)?;
        stream.attach(player.clone());
        Some(stream)
    }

    fn entry(&self, streams: &mut HashMap<String, Arc<Stream>>, path: &str) -> Option<Arc<Stream>> {
        if let Some(stream) = streams.get(path) {
            return Some(stream.clone());
        }
        if streams.len() >= STREAMS {
            return None;
        }
        let stream = Stream::new(path, &self.config().limits, self.store.clone(), &self.services);
        let stream = Arc::new(stream);
        streams.insert(path.to_owned(), stream.clone());
        Some(stream)
    }

    /// Lets go, once a second, of what nobody needs any more.
    pub async fn keep_tidy(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            let now = Instant::now();
            let config = self.config();
            self.all().iter().for_each(|stream| stream.sample(now));
            self.streams().retain(|path, stream| {
                let app = &self.keys.settings(path, config.of(path));
                if let Some(time) = app.drop_idle_publisher {
                    stream.drop_idle(now, time);
                }
                !stream.tidy(now, app)
            });
            self.services.web.tidy(now);
        }
    }

    /// Starts or stops the recorder of this name, or without a name the first, of a live stream. Says whether there is one.
    pub fn switch_recorder(&self, path: &str, name: &str, on: bool) -> bool {
        self.find(path).is_some_and(|stream| stream.is_live() && stream.switch_recorder(name, on))
    }

    /// Ends whoever publishes `path`, for good: playlists are closed, and recordings finished.
    pub fn end_publisher(&self, path: &str) {
        if let Some(stream) = self.find(path) {
            stream.end_publisher();
        }
    }

    /// Ends recordings that wait for a publisher who comes back.
    pub fn end_waiting(&self) {
        let streams: Vec<_> = self.streams().values().cloned().collect();
        streams.iter().for_each(|stream| stream.end_waiting(None));
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<String, Arc<Stream>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
