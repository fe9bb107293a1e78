//! Streams to other servers and from them: `push` to any number of targets, each by itself, and `pull` while somebody plays.
//!
//! A target has a task while its stream is live. It takes the stream's tags from a [`Tap`], whose queue is bounded, so that a target
//! that reads slowly or not at all costs its own frames and nobody else's.

mod pull;
mod push;
mod settings;
mod tap;
mod target;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use streamcore::driver::tokio::{ConnectConfig, TlsConfig};

use crate::config::{AppConfig, Shared};
use crate::events::{Bus, Kind};
use crate::stream::Stream;

pub use settings::{PushUrl, RelayArgs, RelayServerArgs};
pub use tap::Tap;
pub use target::Target;
#[expect(unused_imports, reason = "the API lists targets")]
pub use target::TargetInfo;

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
    targets: Mutex<HashMap<String, Vec<Arc<Target>>>>,
    pulls: pull::Pulls,
}

impl Relay {
    /// Nothing is relayed yet.
    ///
    /// # Errors
    /// The file with the authority for RTMPS cannot be used.
    pub fn new(config: Shared, bus: Bus) -> anyhow::Result<Arc<Self>> {
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
            targets: Mutex::default(),
            pulls: pull::Pulls::default(),
        }))
    }

    /// The settings of the application of the stream `path`.
    fn app(&self, path: &str) -> Arc<AppConfig> {
        self.config.get().of(path).clone()
    }

    /// A stream has a publisher: its targets begin, those of its application among them.
    pub fn live(self: &Arc<Self>, path: &str, stream: &Arc<Stream>) {
        for url in &self.app(path).relay.push {
            let known = |target: &Arc<Target>| target.is_of(url);
            let mut targets = self.targets();
            if targets.get(path).is_none_or(|targets| !targets.iter().any(known)) {
                let _ = self.insert(&mut targets, path, url, false);
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
        targets.retain(|target| !target.is_for_once());
        if targets.is_empty() {
            all.remove(path);
        }
    }

    /// Adds a target to the stream `path`, live or not. One that is `once` goes with the publisher there is.
    ///
    /// # Errors
    /// There are too many.
    pub fn add(
        self: &Arc<Self>,
        path: &str,
        url: &PushUrl,
        once: bool,
        stream: Option<&Arc<Stream>>,
    ) -> Result<Arc<Target>, AddError> {
        let target = self.insert(&mut self.targets(), path, url, once)?;
        if let Some(stream) = stream {
            target.live(self, stream);
        }
        Ok(target)
    }

    fn insert(
        &self,
        all: &mut HashMap<String, Vec<Arc<Target>>>,
        path: &str,
        url: &PushUrl,
        once: bool,
    ) -> Result<Arc<Target>, AddError> {
        if !all.contains_key(path) && all.len() >= STREAMS {
            return Err(AddError::TooMany);
        }
        let targets = all.entry(path.to_owned()).or_default();
        if targets.len() >= TARGETS {
            return Err(AddError::TooMany);
        }
        let bytes = self.config.get().limits.player_queue_bytes;
        let target = Target::new(path, url, once, bytes, self.bus.clone());
        targets.push(target.clone());
        target.tell(Kind::TargetCreated);
        Ok(target)
    }

    /// Targets of the stream `path`.
    pub fn list(&self, path: &str) -> Vec<Arc<Target>> {
        self.targets().get(path).cloned().unwrap_or_default()
    }

    /// One target, by its id.
    pub fn find(&self, path: &str, id: &str) -> Option<Arc<Target>> {
        self.list(path).into_iter().find(|target| target.id() == id)
    }

    /// Removes a target. Says whether there was one.
    #[expect(dead_code, reason = "the API removes targets")]
    pub fn remove(&self, path: &str, id: &str) -> bool {
        let Some(target) = self.find(path, id) else { return false };
        if let Some(targets) = self.targets().get_mut(path) {
            targets.retain(|other| !Arc::ptr_eq(other, &target));
        }
        target.remove();
        target.tell(Kind::TargetDeleted);
        true
    }

    fn targets(&self) -> MutexGuard<'_, HashMap<String, Vec<Arc<Target>>>> {
        lock(&self.targets)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
