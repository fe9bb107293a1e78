//! Numbers of each stream's playlists, which go on after a restart as well: a player that stayed sees a discontinuity, and not a jump in time.
//!
//! What is written to the database are numbers ahead of those in use, so that a write is due once in several segments only, and one that is late by a
//! second does no harm. A start begins where the numbers that were set aside end.

mod counter;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, params};
use streamcore::hls::Position;
use tokio::sync::Notify;

use crate::clock::unix_seconds;
use crate::store::{Schema, Store, StoreError};

pub use counter::Counter;

/// One row a stream.
pub const SCHEMA: Schema = Schema {
    module: "numbering",
    steps: &["
        CREATE TABLE numbering (
            path TEXT NOT NULL,
            is_set INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            discontinuity INTEGER NOT NULL,
            name INTEGER NOT NULL,
            availability_start INTEGER,
            target_duration INTEGER,
            is_live INTEGER NOT NULL,
            changed INTEGER NOT NULL,
            PRIMARY KEY (path, is_set)
        ) STRICT;
    "],
};

/// Least time between two writes.
const EVERY: Duration = Duration::from_millis(250);
/// Streams that nobody published for so long begin anew, in seconds.
const FORGET: i64 = 30 * 24 * 3600;
/// Nobody waits for a stream that was live so long ago, in seconds.
const STALE: i64 = 3600;
/// Streams that are remembered.
const MOST: usize = 20_000;

/// Whose numbers: those of a stream, or of the set of streams that are the variants of this path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub path: String,
    pub is_set: bool,
}

/// What of a stream is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    /// Nothing at or past these numbers was used.
    at: Position,
    /// Players may be there, and its publisher may come back.
    is_live: bool,
    /// Seconds since 1970.
    changed: i64,
    is_written: bool,
}

/// All streams' numbers.
#[derive(Debug)]
pub struct Numbering {
    rows: Mutex<HashMap<Key, Row>>,
    changed: Notify,
    store: Store,
}

impl Numbering {
    /// Reads what is remembered, and writes from now on what changes.
    pub async fn open(store: Store) -> anyhow::Result<Arc<Self>> {
        let oldest = unix_seconds() - FORGET;
        store
            .call(move |db| db.execute("DELETE FROM numbering WHERE changed < ?1", [oldest]))
            .await?;
        let rows = Mutex::new(store.read(rows).await?);
        let this = Arc::new(Self { rows, changed: Notify::new(), store });
        tokio::spawn(this.clone().keep());
        Ok(this)
    }

    /// The streams that were live when the server ended, a short while ago.
    pub fn left_live(&self) -> Vec<Key> {
        let oldest = unix_seconds() - STALE;
        let rows = self.rows();
        let live = rows.iter().filter(|(_, row)| row.is_live && row.changed >= oldest);
        live.map(|(key, _)| key.clone()).collect()
    }

    /// The numbers of a stream.
    pub fn counter(self: &Arc<Self>, path: &str, is_set: bool) -> Counter {
        Counter::new(self.clone(), Key { path: path.to_owned(), is_set })
    }

    /// Writes what is not written yet.
    pub async fn flush(&self) {
        let mut rows: Vec<(Key, Row)> = Vec::new();
        for (key, row) in self.rows().iter_mut().filter(|(_, row)| !row.is_written) {
            row.is_written = true;
            rows.push((key.clone(), *row));
        }
        if rows.is_empty() {
            return;
        }
        let keys: Vec<Key> = rows.iter().map(|(key, _)| key.clone()).collect();
        let written: Result<(), StoreError> = self
            .store
            .call(move |db| rows.iter().try_for_each(|(key, row)| put(db, key, row)))
            .await;
        if let Err(error) = written {
            tracing::warn!("numbers of playlists are not kept for a restart: {error}");
            let mut rows = self.rows();
            for key in keys {
                rows.get_mut(&key).into_iter().for_each(|row| row.is_written = false);
            }
        }
    }

    async fn keep(self: Arc<Self>) {
        loop {
            self.changed.notified().await;
            self.flush().await;
            tokio::time::sleep(EVERY).await;
        }
    }

    fn get(&self, key: &Key) -> Option<Row> {
        self.rows().get(key).copied()
    }

    fn set(&self, key: &Key, at: Position, is_live: bool) {
        let row = Row { at, is_live, changed: unix_seconds(), is_written: false };
        let mut rows = self.rows();
        if rows.len() >= MOST && !rows.contains_key(key) {
            let idle = rows.iter().filter(|(_, row)| !row.is_live);
            let oldest = idle.min_by_key(|(_, row)| row.changed).map(|(key, _)| key.clone());
            if let Some(key) = oldest {
                rows.remove(&key);
            }
        }
        rows.insert(key.clone(), row);
        drop(rows);
        self.changed.notify_one();
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<Key, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rows(db: &Connection) -> rusqlite::Result<HashMap<Key, Row>> {
    let mut found = db.prepare(
        "SELECT path, is_set, sequence, discontinuity, name, availability_start, target_duration, is_live, changed
         FROM numbering ORDER BY changed DESC LIMIT ?1",
    )?;
    let rows = found.query_map([MOST as i64], |row| {
        let key = Key { path: row.get(0)?, is_set: row.get(1)? };
        let number = |at| row.get::<_, i64>(at).map(|number| u64::try_from(number).unwrap_or(0));
        let mut at = Position::default();
        (at.sequence, at.discontinuity, at.name) = (number(2)?, number(3)?, number(4)?);
        at.availability_start = row.get(5)?;
        let target: Option<i64> = row.get(6)?;
        at.target_duration =
            target.and_then(|one| u64::try_from(one).ok()).map(Duration::from_secs);
        let (is_live, changed) = (row.get(7)?, row.get(8)?);
        Ok((key, Row { at, is_live, changed, is_written: true }))
    })?;
    rows.collect()
}

fn put(db: &Connection, key: &Key, row: &Row) -> rusqlite::Result<()> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let at = &row.at;
    let mut put = db.prepare_cached(
        "INSERT OR REPLACE INTO numbering
         (path, is_set, sequence, discontinuity, name, availability_start, target_duration, is_live, changed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    put.execute(params![
        key.path,
        key.is_set,
        number(at.sequence),
        number(at.discontinuity),
        number(at.name),
        at.availability_start,
        at.target_duration.map(|target| number(target.as_secs())),
        row.is_live,
        row.changed,
    ])?;
    Ok(())
}
