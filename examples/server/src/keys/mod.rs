//! Live streams, and who may publish and play them.
//!
//! A live stream has keys to publish with and playback ids to play with, and never is one the other (F-17): who knows the address
//! that players use cannot publish. Keys and tokens are random and kept as keyed hashes, so that neither the database nor a
//! log gives one away; they are shown once, when they are made.
//!
//! Everything that requests are judged by is in memory ([`Index`]); what changes is written first.

mod change;
mod index;
mod model;
mod playback;
mod policy;
mod schema;
mod secret;
mod signing;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use change::{ChangeError, New};
pub use index::Index;
pub use model::{AssetSettings, Changes, LatencyMode, LiveStream, PlaybackId, Policy, StreamKey};
pub use playback::Denied;
pub use policy::Require;
pub use schema::SCHEMA;
pub use signing::{Algorithm, SigningKey};

use secret::Secret;

use crate::config::AppConfig;
use crate::store::{Store, StoreError};

/// An id that nothing else has.
pub fn new_id(prefix: &str) -> String {
    secret::text(prefix, 20)
}

/// Live streams with their keys, playback ids, and the keys that sign addresses; and the tokens of the API.
#[derive(Debug)]
pub struct Keys {
    store: Store,
    secret: Secret,
    index: Mutex<Arc<Index>>,
    /// Held while something changes, so that the index in memory follows the order of the database.
    changing: tokio::sync::Mutex<()>,
    /// Id of the key that a live stream was last published with, by the id of the stream.
    used: Mutex<HashMap<String, String>>,
}

/// What a publisher gets for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Id of the live stream.
    pub stream: String,
    /// Path that it goes live under.
    pub path: String,
}

/// Why a publisher is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// No key of this server.
    Unknown,
    /// The key, or its stream, is disabled.
    Disabled,
    /// The name is the path of a live stream with keys: it is published with one of them.
    NeedsKey,
}

impl NoKey {
    /// As a log line says it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Unknown => {
                "not a stream key of this server, which clients on other machines need"
            }
            Self::Disabled => "the stream key, or its live stream, is disabled",
            Self::NeedsKey => "this name belongs to a live stream, which is published with its key",
        }
    }
}

impl Keys {
    /// Reads what there is.
    pub async fn open(store: Store) -> Result<Arc<Self>, StoreError> {
        let (secret, index) =
            store.call(|db| Ok((secret::load(db)?, Arc::new(Index::load(db)?)))).await?;
        let changing = tokio::sync::Mutex::default();
        let (index, used) = (Mutex::new(index), Mutex::default());
        Ok(Arc::new(Self { store, secret, index, changing, used }))
    }

    /// All of it as it is now.
    pub fn index(&self) -> Arc<Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The stream that a name and query publish to: the name is a key, or the query holds one as `key` or `pass`. `Ok(None)` where
    /// no key is needed: `app/name` goes live as it is.
    pub fn publish(
        &self,
        (app, name, query): (&str, &str, &str),
        peer: IpAddr,
        require: Require,
    ) -> Result<Option<Granted>, NoKey> {
        let index = self.index();
        let in_query = policy::parameter(query, &["key", "pass"]);
        for candidate in [Some(name), in_query.as_deref()].into_iter().flatten() {
            let hash = self.secret.hash("stream key", candidate);
            if let Some(key) = index.key(&hash) {
                return match index.stream(&key.stream) {
                    Some(stream) if key.enabled && !stream.disabled => {
                        self.used().insert(stream.id.clone(), key.id.clone());
                        Ok(Some(Granted { stream: stream.id.clone(), path: stream.path.clone() }))
                    }
                    _ => Err(NoKey::Disabled),
                };
            }
        }
        let path = if app.is_empty() { name.to_owned() } else { format!("{app}/{name}") };
        match require.is_free(peer) {
            true if index.is_known(&path) => Err(NoKey::NeedsKey),
            true => Ok(None),
            false => Err(NoKey::Unknown),
        }
    }

    /// The settings of an application with what the live stream at `path` has of its own.
    pub fn settings<'a>(&self, path: &str, app: &'a AppConfig) -> Cow<'a, AppConfig> {
        let index = self.index();
        let Some(stream) = index.at_path(path) else { return Cow::Borrowed(app) };
        let mut app = app.clone();
        if let Some(window) = self.reconnect_window(path) {
            app.hls_reconnect = window;
        }
        if stream.settings.latency_mode == LatencyMode::Standard {
            app.hls.part_duration = None;
        }
        Cow::Owned(app)
    }

    /// The time that the live stream at `path` waits for a publisher who comes back, where it has one of its own.
    pub fn reconnect_window(&self, path: &str) -> Option<Duration> {
        let index = self.index();
        let window = index.at_path(path)?.settings.reconnect_window?;
        Duration::try_from_secs_f64(window).ok()
    }

    /// Whether a live stream was last published with this key.
    pub fn is_used(&self, stream: &str, key: &str) -> bool {
        self.used().get(stream).is_some_and(|used| used == key)
    }

    fn used(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `token` is one of the API.
    pub fn is_api_token(&self, token: &str) -> bool {
        self.index().has_token(&self.secret.hash("api token", token))
    }
}
