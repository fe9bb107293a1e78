//! What changes live streams and what opens them.

use std::sync::{Arc, PoisonError};

use rusqlite::Connection;

use super::model::{Changes, LiveStream, Policy, Settings};
use super::playback::now;
use super::signing::{Algorithm, Material};
use super::{Index, Keys, secret};
use crate::names;
use crate::store::StoreError;

/// Live streams of one server, those that were deleted among them.
const STREAMS: usize = 10_000;
/// Keys, and playback ids, of one live stream; and keys that sign.
const EACH: usize = 100;

/// Why nothing was changed.
#[derive(Debug)]
pub enum ChangeError {
    /// There is nothing with that id.
    NotFound,
    /// What was asked for cannot be, and why.
    Invalid(String),
    /// There are as many as may be.
    TooMany(&'static str),
    /// It could not be written.
    Store(StoreError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A live stream to make.
#[derive(Clone, Debug, Default)]
pub struct New {
    /// Application that it goes live in; `live` where it is missing.
    pub app: Option<String>,
    /// Policy of each playback id; one that is public where there is none.
    pub policies: Vec<Policy>,
    pub changes: Changes,
}

type Changed<T> = Result<T, ChangeError>;

impl Keys {
    /// Makes a live stream, and gives it with its key, which nothing shows again.
    pub async fn create(self: &Arc<Self>, new: New) -> Changed<(Arc<LiveStream>, String)> {
        if self.index().count() >= STREAMS {
            return Err(ChangeError::TooMany("live streams"));
        }
        let settings = settings(&Settings::default(), new.changes)?;
        let mut policies = new.policies;
        if policies.is_empty() {
            policies.push(Policy::Public);
        }
        if policies.len() > EACH {
            return Err(ChangeError::TooMany("playback ids"));
        }
        let ids: Vec<_> = policies.into_iter().map(|policy| (playback_id(), policy)).collect();
        let app = new.app.as_deref().unwrap_or("live");
        let first = ids.first().map(|(id, _)| id.as_str()).unwrap_or_default();
        let path = format!("{app}/{first}");
        if app.contains('/') || app.len() > 64 || !names::is_publishable(&path) {
            return Err(ChangeError::Invalid(
                "app is not fit for the name of an application".into(),
            ));
        }
        let id = secret::text("ls_", 20);
        let (key, row) = self.new_key(&id);
        let made = id.clone();
        self.change(move |db| {
            db.execute(
                "INSERT INTO live_stream (id, path, created, settings) VALUES (?1, ?2, ?3, ?4)",
                (&id, path, now() as i64, settings),
            )?;
            for (playback, policy) in &ids {
                add_playback_id(db, &id, playback, *policy)?;
            }
            row.insert(db)
        })
        .await?;
        Ok((self.found(&made)?, key))
    }

    /// Changes settings of a live stream.
    pub async fn update(self: &Arc<Self>, id: &str, changes: Changes) -> Changed<Arc<LiveStream>> {
        let settings = settings(&self.found(id)?.settings, changes)?;
        let of = id.to_owned();
        self.change(move |db| {
            db.execute("UPDATE live_stream SET settings = ?2 WHERE id = ?1", (of, settings))
        })
        .await?;
        self.found(id)
    }

    /// Deletes a live stream: none of its keys and playback ids opens anything any more.
    pub async fn delete(self: &Arc<Self>, id: &str) -> Changed<Arc<LiveStream>> {
        let stream = self.found(id)?;
        let of = id.to_owned();
        self.change(move |db| {
            db.execute("DELETE FROM stream_key WHERE stream = ?1", [&of])?;
            db.execute("UPDATE live_stream SET deleted = 1 WHERE id = ?1", [&of])
        })
        .await?;
        Ok(stream)
    }

    /// Lets nobody publish a live stream, or lets them again.
    pub async fn set_disabled(
        self: &Arc<Self>,
        id: &str,
        disabled: bool,
    ) -> Changed<Arc<LiveStream>> {
        self.found(id)?;
        let of = id.to_owned();
        self.change(move |db| {
            db.execute("UPDATE live_stream SET disabled = ?2 WHERE id = ?1", (of, disabled))
        })
        .await?;
        self.found(id)
    }

    /// Makes a further key, in the place of all others where `alone`.
    pub async fn add_key(
        self: &Arc<Self>,
        id: &str,
        alone: bool,
    ) -> Changed<(Arc<LiveStream>, String)> {
        if !alone && self.found(id)?.keys.len() >= EACH {
            return Err(ChangeError::TooMany("keys of a live stream"));
        }
        self.found(id)?;
        let (key, row) = self.new_key(id);
        let of = id.to_owned();
        self.change(move |db| {
            if alone {
                db.execute("DELETE FROM stream_key WHERE stream = ?1", [&of])?;
            }
            row.insert(db)
        })
        .await?;
        Ok((self.found(id)?, key))
    }

    /// Disables a key of a live stream, or enables it.
    pub async fn set_key_enabled(
        self: &Arc<Self>,
        id: &str,
        key: &str,
        enabled: bool,
    ) -> Changed<Arc<LiveStream>> {
        let row = (key.to_owned(), id.to_owned(), enabled);
        self.change_one(move |db| {
            db.execute("UPDATE stream_key SET enabled = ?3 WHERE id = ?1 AND stream = ?2", row)
        })
        .await?;
        self.found(id)
    }

    /// Revokes a key of a live stream.
    pub async fn remove_key(self: &Arc<Self>, id: &str, key: &str) -> Changed<Arc<LiveStream>> {
        let row = (key.to_owned(), id.to_owned());
        self.change_one(move |db| {
            db.execute("DELETE FROM stream_key WHERE id = ?1 AND stream = ?2", row)
        })
        .await?;
        self.found(id)
    }

    /// Makes a further playback id, and gives it.
    pub async fn add_playback_id(self: &Arc<Self>, id: &str, policy: Policy) -> Changed<String> {
        if self.found(id)?.playback_ids.len() >= EACH {
            return Err(ChangeError::TooMany("playback ids of a live stream"));
        }
        let made = playback_id();
        let (of, row) = (id.to_owned(), made.clone());
        self.change(move |db| add_playback_id(db, &of, &row, policy)).await?;
        Ok(made)
    }

    /// Takes a playback id away.
    pub async fn remove_playback_id(self: &Arc<Self>, id: &str, playback: &str) -> Changed<()> {
        self.found(id)?;
        let row = (playback.to_owned(), id.to_owned());
        self.change_one(move |db| {
            db.execute("DELETE FROM playback_id WHERE id = ?1 AND stream = ?2", row)
        })
        .await
    }

    /// Makes a key that signs addresses, and gives its id; of an HMAC key also the secret, which nothing shows again.
    pub async fn add_signing_key(
        self: &Arc<Self>,
        algorithm: Algorithm,
        public: Option<String>,
    ) -> Changed<(String, Option<String>)> {
        if self.index().signing_keys(0, EACH).len() >= EACH {
            return Err(ChangeError::TooMany("signing keys"));
        }
        let secret = (algorithm == Algorithm::Hmac).then(|| secret::text("", 52));
        let material = match (&secret, public) {
            (Some(secret), None) => secret.clone(),
            (None, Some(public)) => public,
            (Some(_), Some(_)) => {
                return Err(ChangeError::Invalid("an HMAC key has no public_key".into()));
            }
            (None, None) => return Err(ChangeError::Invalid("public_key is missing".into())),
        };
        Material::read(algorithm, material.as_bytes()).map_err(ChangeError::Invalid)?;
        let id = secret::text("sk_", 20);
        let row = (id.clone(), algorithm.text(), material.into_bytes(), now() as i64);
        self.change(move |db| {
            db.execute(
                "INSERT INTO signing_key (id, algorithm, material, created) VALUES (?1, ?2, ?3, ?4)",
                row,
            )
        })
        .await?;
        Ok((id, secret))
    }

    /// Takes away a key that signs addresses: what it signed opens nothing any more.
    pub async fn remove_signing_key(self: &Arc<Self>, id: &str) -> Changed<()> {
        let id = id.to_owned();
        self.change_one(move |db| db.execute("DELETE FROM signing_key WHERE id = ?1", [id])).await
    }

    /// Makes a token of the API, which nothing shows again.
    pub async fn add_api_token(self: &Arc<Self>) -> Changed<String> {
        let token = secret::text("tok_", 32);
        let row = (secret::text("ti_", 16), self.secret.hash("api token", &token), now() as i64);
        self.change(move |db| {
            db.execute("INSERT INTO api_token (id, hash, created) VALUES (?1, ?2, ?3)", row)
        })
        .await?;
        Ok(token)
    }

    fn found(&self, id: &str) -> Changed<Arc<LiveStream>> {
        self.index().stream(id).cloned().ok_or(ChangeError::NotFound)
    }

    fn new_key(&self, stream: &str) -> (String, KeyRow) {
        let key = secret::text("", 32);
        let hint = key.chars().skip(28).collect();
        let hash = self.secret.hash("stream key", &key);
        (key, KeyRow { id: secret::text("key_", 16), stream: stream.to_owned(), hash, hint })
    }

    /// The same as [`change`](Self::change) for a row that may not be there.
    async fn change_one(
        self: &Arc<Self>,
        act: impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Changed<()> {
        match self.change(act).await? {
            0 => Err(ChangeError::NotFound),
            _ => Ok(()),
        }
    }

    /// Writes, and then changes what is in memory. Goes on to its end even if nobody waits for it any more.
    async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let keys = self.clone();
        let work = tokio::spawn(async move {
            let _one_by_one = keys.changing.lock().await;
            let both = keys.store.call(|db| Ok((act(db)?, Arc::new(Index::load(db)?)))).await;
            let (value, index) = both?;
            *keys.index.lock().unwrap_or_else(PoisonError::into_inner) = index;
            Ok(value)
        });
        work.await.map_err(|_| StoreError::Panicked)?
    }
}

/// A key as it is kept.
struct KeyRow {
    id: String,
    stream: String,
    hash: secret::Hash,
    hint: String,
}

impl KeyRow {
    fn insert(&self, db: &Connection) -> rusqlite::Result<()> {
        db.execute(
            "INSERT INTO stream_key (id, stream, hash, hint, created) VALUES (?1, ?2, ?3, ?4, ?5)",
            (&self.id, &self.stream, self.hash, &self.hint, now() as i64),
        )
        .map(drop)
    }
}

fn playback_id() -> String {
    secret::text("", secret::PLAYBACK_ID)
}

fn add_playback_id(
    db: &Connection,
    stream: &str,
    id: &str,
    policy: Policy,
) -> rusqlite::Result<()> {
    let policy = match policy {
        Policy::Public => "public",
        Policy::Signed => "signed",
    };
    db.execute(
        "INSERT INTO playback_id (id, stream, policy) VALUES (?1, ?2, ?3)",
        (id, stream, policy),
    )
    .map(drop)
}

/// The settings with `changes`, as they are kept.
fn settings(settings: &Settings, changes: Changes) -> Changed<String> {
    let settings = settings.with(changes).map_err(ChangeError::Invalid)?;
    serde_json::to_string(&settings).map_err(|error| ChangeError::Invalid(error.to_string()))
}
