//! All that requests are judged by, in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use super::model::{LiveStream, PlaybackId, Policy, StreamKey};
use super::secret::{Hash, same};
use super::signing::SigningKey;

/// All live streams and what opens them, at one moment.
#[derive(Debug, Default)]
pub struct Index {
    /// In the order in which they were made; those that were deleted too.
    streams: BTreeMap<i64, Arc<LiveStream>>,
    ids: HashMap<String, i64>,
    paths: HashMap<String, i64>,
    keys: HashMap<Hash, StreamKey>,
    playback: HashMap<String, (i64, Policy)>,
    signing: BTreeMap<i64, Arc<SigningKey>>,
    tokens: HashSet<Hash>,
}

impl Index {
    /// Reads all of it.
    pub(super) fn load(db: &Connection) -> rusqlite::Result<Self> {
        let mut index = Self::default();
        let mut streams = BTreeMap::new();
        each(
            db,
            "SELECT seq, id, path, created, disabled, deleted, settings FROM live_stream",
            |row| {
                let stream = stream(row)?;
                index.ids.insert(stream.id.clone(), stream.seq);
                index.paths.insert(stream.path.clone(), stream.seq);
                streams.insert(stream.seq, stream);
                Ok(())
            },
        )?;
        each(
            db,
            "SELECT id, stream, hash, hint, created, enabled FROM stream_key ORDER BY rowid",
            |row| {
                let key = key(row)?;
                let stream = index.ids.get(&key.stream).and_then(|seq| streams.get_mut(seq));
                let Some(stream) = stream else { return Ok(()) };
                stream.keys.push(key.clone());
                index.keys.insert(row.get(2)?, key);
                Ok(())
            },
        )?;
        each(db, "SELECT id, stream, policy FROM playback_id ORDER BY rowid", |row| {
            let (id, stream): (String, String) = (row.get(0)?, row.get(1)?);
            let policy = match row.get::<_, String>(2)?.as_str() {
                "public" => Policy::Public,
                _ => Policy::Signed,
            };
            let Some(&seq) = index.ids.get(&stream) else { return Ok(()) };
            if let Some(stream) = streams.get_mut(&seq) {
                stream.playback_ids.push(PlaybackId { id: id.clone(), policy });
                index.playback.insert(id, (seq, policy));
            }
            Ok(())
        })?;
        each(db, "SELECT seq, id, algorithm, material, created FROM signing_key", |row| {
            // A key that this program cannot read opens nothing.
            if let Some(key) = SigningKey::read(row)? {
                index.signing.insert(row.get(0)?, Arc::new(key));
            }
            Ok(())
        })?;
        each(db, "SELECT hash FROM api_token", |row| {
            index.tokens.insert(row.get(0)?);
            Ok(())
        })?;
        index.streams = streams.into_iter().map(|(seq, stream)| (seq, Arc::new(stream))).collect();
        Ok(index)
    }

    /// A live stream that is there, by its id.
    pub fn stream(&self, id: &str) -> Option<&Arc<LiveStream>> {
        self.streams.get(self.ids.get(id)?).filter(|stream| !stream.deleted)
    }

    /// Live streams behind the one with number `after`, at most `limit`.
    pub fn page(&self, after: i64, limit: usize) -> Vec<Arc<LiveStream>> {
        let behind = self.streams.range(after.saturating_add(1)..).map(|(_, stream)| stream);
        behind.filter(|stream| !stream.deleted).take(limit).cloned().collect()
    }

    /// Live streams, those that were deleted among them.
    pub fn count(&self) -> usize {
        self.streams.len()
    }

    /// The stream that goes live, or once went, under this path.
    pub fn at_path(&self, path: &str) -> Option<&Arc<LiveStream>> {
        self.streams.get(self.paths.get(path)?)
    }

    /// Whether a live stream has this path, or had it.
    pub fn is_known(&self, path: &str) -> bool {
        self.paths.contains_key(path)
    }

    /// The stream of a playback id and its policy, where it is there or was.
    pub fn playback(&self, id: &str) -> Option<(&Arc<LiveStream>, Policy)> {
        let &(seq, policy) = self.playback.get(id)?;
        Some((self.streams.get(&seq)?, policy))
    }

    /// The key with this hash.
    pub(super) fn key(&self, hash: &Hash) -> Option<&StreamKey> {
        let (known, key) = self.keys.get_key_value(hash)?;
        same(known, hash).then_some(key)
    }

    /// Whether this is the hash of a token of the API.
    pub(super) fn has_token(&self, hash: &Hash) -> bool {
        self.tokens.get(hash).is_some_and(|known| same(known, hash))
    }

    /// Whether there is any token of the API.
    pub fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// A key that signs addresses.
    pub fn signing_key(&self, id: &str) -> Option<&Arc<SigningKey>> {
        self.signing.values().find(|key| key.id == id)
    }

    /// Keys that sign addresses, behind the one with number `after`, at most `limit`, with their numbers.
    pub fn signing_keys(&self, after: i64, limit: usize) -> Vec<(i64, Arc<SigningKey>)> {
        let behind = self.signing.range(after.saturating_add(1)..);
        behind.take(limit).map(|(seq, key)| (*seq, key.clone())).collect()
    }
}

fn each(
    db: &Connection,
    sql: &str,
    mut act: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        act(row)?;
    }
    Ok(())
}

fn stream(row: &Row<'_>) -> rusqlite::Result<LiveStream> {
    let settings: String = row.get(6)?;
    let settings = serde_json::from_str(&settings)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(6, Type::Text, error.into()))?;
    Ok(LiveStream {
        seq: row.get(0)?,
        id: row.get(1)?,
        path: row.get(2)?,
        created: row.get(3)?,
        disabled: row.get(4)?,
        deleted: row.get(5)?,
        settings,
        keys: Vec::new(),
        playback_ids: Vec::new(),
    })
}

fn key(row: &Row<'_>) -> rusqlite::Result<StreamKey> {
    Ok(StreamKey {
        id: row.get(0)?,
        stream: row.get(1)?,
        hint: row.get(3)?,
        created_at: row.get(4)?,
        enabled: row.get(5)?,
    })
}
