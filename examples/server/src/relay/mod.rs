//! Streams to other servers and from them: `push` to any number of targets, each by itself, and `pull` while somebody plays.
//!
//! A target has a task while its stream is live. It takes the stream's tags from a [`Tap`], whose queue is bounded, so that a target
//! that reads slowly or not at all costs its own frames and nobody else's.

mod manage;
mod pull;
mod push;
mod saved;
mod settings;
mod tap;
mod target;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use streamcore::driver::tokio::{ConnectConfig, TlsConfig};

use crate::config::{AppConfig, Shared};
use crate::events::{Bus, Kind};
use crate::keys::Keys;
use crate::sessions::Sums;
use crate::store::Store;
use crate::stream::Stream;

pub use manage::{ManageError, Wish};
pub use saved::{SCHEMA, Saved};
pub use settings::{PushUrl, RelayArgs, RelayServerArgs};
pub use tap::Tap;
pub use target::{Status, Target, TargetInfo};

use target::{NewTarget, Origin};

/// Targets of one stream.
const TARGETS: usize = 64;
/// Streams with targets.
const STREAMS: usize = 10_000;

/// Why a target cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddError {
    /// There are as many as may be.
    TooMany,
}

/// All targets and pulls.
#[derive(Debug)]
pub struct Relay {
    config: Shared,
    connect: ConnectConfig,
    bus: Bus,
    store: Store,
    keys: Arc<Keys>,
    targets: Mutex<HashMap<String, Vec<Arc<Target>>>>,
    pulls: pull::Pulls,
    /// Targets of whole applications that were added over the API.
    rules: Mutex<Vec<Arc<Saved>>>,
    /// Held while something is added or changed over the API.
    changing: tokio::sync::Mutex<()>,
    /// What targets came to that are gone.
    gone: Mutex<Sums>,
}

impl Relay {
    /// Nothing is relayed yet.
    ///
    /// # Errors
    /// The file with the authority for RTMPS cannot be used.
    pub fn new(
        config: Shared,
        bus: Bus,
        store: Store,
        keys: Arc<Keys>,
    ) -> anyhow::Result<Arc<Self>> {
        use anyhow::Context as _;
        let mut connect = ConnectConfig::default();
        let server = config.get().server.relay.clone();
        if let Some(file) = &server.relay_ca {
            let shown = file.display();
            let pem = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
            let tls = TlsConfig::new(Some(&pem)).with_context(|| format!("cannot use {shown}"))?;
            connect.tls = Some(tls);
        }
        connect.write_timeout = server.push_timeout;
        Ok(Arc::new(Self {
            config,
            connect,
            bus,
            store,
            keys,
            targets: Mutex::default(),
            pulls: pull::Pulls::default(),
            rules: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            gone: Mutex::default(),
        }))
    }

    /// The settings of the application of the stream `path`.
    fn app(&self, path: &str) -> Arc<AppConfig> {
        self.config.get().of(path).clone()
    }

    /// A stream has a publisher: its targets begin, those of its application among them.
    pub fn live(self: &Arc<Self>, path: &str, stream: &Arc<Stream>) {
        for new in self.wanted_of(path) {
            let known = |target: &Arc<Target>| target.is_of(&new);
            let mut targets = self.targets();
            if targets.get(path).is_none_or(|targets| !targets.iter().any(known)) {
                let _ = self.make(&mut targets, path, new);
            }
        }
        let targets = self.targets().get(path).cloned().unwrap_or_default();
        for target in targets {
            target.live(self, stream);
        }
    }

    /// A stream has ended: its targets send what waits, and end. Those that were for one publisher go.
    pub fn idle(&self, path: &str) {
        let mut all = self.targets();
        let Some(targets) = all.get_mut(path) else { return };
        targets.iter().for_each(|target| target.idle());
        for target in targets.iter().filter(|target| target.is_for_once()) {
            lock(&self.gone).add(target.sums());
        }
        targets.retain(|target| !target.is_for_once());
        if targets.is_empty() {
            all.remove(path);
        }
    }

    /// Adds a target to the stream `path` that goes with the publisher there is.
    ///
    /// # Errors
    /// There are too many.
    pub fn add(
        self: &Arc<Self>,
        path: &str,
        url: PushUrl,
        stream: Option<&Arc<Stream>>,
    ) -> Result<Arc<Target>, AddError> {
        let new = NewTarget::new(url, Origin::Hook);
        let target = self.make(&mut self.targets(), path, new)?;
        if let Some(stream) = stream {
            target.live(self, stream);
        }
        Ok(target)
    }

    /// Makes a target, and tells of it.
    fn make(
        &self,
        all: &mut HashMap<String, Vec<Arc<Target>>>,
        path: &str,
        new: NewTarget,
    ) -> Result<Arc<Target>, AddError> {
        let target = self.insert(all, path, new)?;
        target.tell(Kind::TargetCreated);
        Ok(target)
    }

    fn insert(
        &self,
        all: &mut HashMap<String, Vec<Arc<Target>>>,
        path: &str,
        new: NewTarget,
    ) -> Result<Arc<Target>, AddError> {
        if !self.has_room(all, path) {
            return Err(AddError::TooMany);
        }
        let targets = all.entry(path.to_owned()).or_default();
        let bytes = self.config.get().limits.player_queue_bytes;
        let live_stream = self.keys.index().at_path(path).map(|stream| stream.id.clone());
        let target = Target::new((path, live_stream), new, bytes, self.bus.clone());
        targets.push(target.clone());
        Ok(target)
    }

    /// What all targets came to since the start; attempts are counted as sessions.
    pub fn sums(&self) -> Sums {
        let mut sums = *lock(&self.gone);
        self.all().iter().for_each(|target| sums.add(target.sums()));
        sums
    }

    fn has_room(&self, all: &HashMap<String, Vec<Arc<Target>>>, path: &str) -> bool {
        all.get(path).map_or(all.len() < STREAMS, |targets| targets.len() < TARGETS)
    }

    /// Targets of the stream `path`.
    pub fn list(&self, path: &str) -> Vec<Arc<Target>> {
        self.targets().get(path).cloned().unwrap_or_default()
    }

    /// One target, by its id.
    pub fn find(&self, path: &str, id: &str) -> Option<Arc<Target>> {
        self.list(path).into_iter().find(|target| target.id() == id)
    }

    fn targets(&self) -> MutexGuard<'_, HashMap<String, Vec<Arc<Target>>>> {
        lock(&self.targets)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
