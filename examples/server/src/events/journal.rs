//! Events on the disk: what there was, and what became of it at each receiver.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::bus::{Event, Kind};
use super::settings::{Receiver, Settings};
use crate::metrics::Metrics;
use crate::store::{Schema, Store, StoreError};

/// The tables.
pub const SCHEMA: Schema = Schema {
    module: "events",
    steps: &["CREATE TABLE event (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            type TEXT NOT NULL,
            object TEXT NOT NULL,
            created_ms INTEGER NOT NULL,
            body TEXT NOT NULL
        ) STRICT;
        CREATE TABLE event_delivery (
            seq INTEGER NOT NULL REFERENCES event (seq) ON DELETE CASCADE,
            receiver TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
            since_ms INTEGER NOT NULL,
            next_ms INTEGER NOT NULL DEFAULT 0,
            count INTEGER NOT NULL DEFAULT 0,
            attempts TEXT NOT NULL DEFAULT '[]',
            PRIMARY KEY (receiver, seq)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX event_delivery_of ON event_delivery (seq);
        CREATE INDEX event_delivery_pending ON event_delivery (receiver, seq) WHERE state = 'pending';"],
};

/// Events that are written in one go.
const BATCH: usize = 64;
/// Pause before events are written again that the database did not take.
const AGAIN: Duration = Duration::from_secs(1);

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stored {
    /// Grows with each event.
    pub seq: i64,
    /// The event as it is sent, without its attempts.
    pub event: Value,
    pub deliveries: Vec<Delivery>,
}

/// What became of an event at a receiver.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delivery {
    pub receiver: String,
    /// `pending`, `delivered` or `failed`.
    pub state: String,
    /// How often it was sent.
    pub count: i64,
    /// The latest attempts.
    pub attempts: Value,
}

/// Which events to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Types that begin so.
    pub kind: Option<String>,
    /// About this object.
    pub object: Option<String>,
    /// `pending`, `delivered` or `failed` at some receiver.
    pub state: Option<String>,
    /// Older than this number.
    pub before: Option<i64>,
    /// At most so many; 100 where it is zero.
    pub limit: u32,
}

/// A stream that was live, or waited for its publisher, when the server ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOpen {
    pub path: String,
    pub live_stream: Option<String>,
    pub disconnected: bool,
}

impl LeftOpen {
    fn read(body: &str) -> Option<Self> {
        let event: Value = serde_json::from_str(body).ok()?;
        let (id, path) = (event["data"]["id"].as_str()?, event["data"]["path"].as_str()?);
        Some(Self {
            path: path.to_owned(),
            live_stream: (id != path).then(|| id.to_owned()),
            disconnected: event["type"] == Kind::StreamDisconnected.name(),
        })
    }
}

/// Events that were, and the tasks that send them.
#[derive(Clone, Debug)]
pub struct Journal {
    store: Store,
    settings: Arc<Settings>,
    /// Tells the tasks that there may be something to send.
    changed: watch::Sender<()>,
    metrics: Arc<Metrics>,
}

impl Journal {
    /// Starts to write what comes from the bus, and to send what is not sent yet.
    ///
    /// # Errors
    /// The file with the authority for https cannot be used.
    pub fn start(
        store: Store,
        settings: Settings,
        events: mpsc::Receiver<Arc<Event>>,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Self> {
        let (settings, changed) = (Arc::new(settings), watch::Sender::new(()));
        let journal = Self { store, settings, changed, metrics };
        let Settings { authority, receivers, .. } = &*journal.settings;
        // Without anybody to send to, the certificates of the platform are not read either.
        if authority.is_some() || !receivers.is_empty() {
            let http = crate::hooks::http_client(authority.as_deref())?;
            for receiver in receivers {
                tokio::spawn(super::send::keep_sending(
                    journal.clone(),
                    receiver.clone(),
                    http.clone(),
                    journal.changed.subscribe(),
                ));
            }
        }
        tokio::spawn(write(journal.clone(), events));
        Ok(journal)
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Those that events are sent to, and how many events each has that are pending and that were given up.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn receivers(&self) -> Result<Vec<(Receiver, u64, u64)>, StoreError> {
        let sql = "SELECT receiver, state, count(*) FROM event_delivery
                   WHERE state <> 'delivered' GROUP BY receiver, state";
        let read = self.store.read(move |db| {
            let mut counts = db.prepare_cached(sql)?;
            let counts = counts.query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
            })?;
            counts.collect::<rusqlite::Result<Vec<_>>>()
        });
        let counts = read.await?;
        let count = |id: &str, state: &str| {
            let found = counts.iter().find(|(of, is, _)| of == id && is == state);
            found.map_or(0, |(_, _, count)| u64::try_from(*count).unwrap_or(0))
        };
        let all = self.settings.receivers.iter();
        Ok(all.map(|it| (it.clone(), count(&it.id, "pending"), count(&it.id, "failed"))).collect())
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Events, newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn list(&self, filter: Filter) -> Result<Vec<Stored>, StoreError> {
        self.store.read(move |db| list(db, &filter)).await
    }

    /// One event.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn get(&self, id: String) -> Result<Option<Stored>, StoreError> {
        self.store
            .read(move |db| {
                let sql = "SELECT seq, body FROM event WHERE id = ?1";
                db.query_row(sql, [id], head).optional()?.map(|head| stored(db, head)).transpose()
            })
            .await
    }

    /// Streams that the last of their events does not call idle: each with its path, the id of its live stream, and whether it was
    /// said to be disconnected.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn left_open(&self) -> Result<Vec<LeftOpen>, StoreError> {
        let steps = [
            Kind::StreamConnected,
            Kind::StreamRecording,
            Kind::StreamActive,
            Kind::StreamDisconnected,
            Kind::StreamIdle,
        ];
        let steps = steps.map(|kind| format!("'{}'", kind.name())).join(", ");
        let sql = format!(
            "SELECT body FROM event WHERE seq IN (
                SELECT max(seq) FROM event WHERE type IN ({steps}) GROUP BY object)
             AND type <> '{}' ORDER BY seq",
            Kind::StreamIdle.name()
        );
        let bodies: Vec<String> = self
            .store
            .read(move |db| db.prepare(&sql)?.query_map([], |row| row.get(0))?.collect())
            .await?;
        Ok(bodies.iter().filter_map(|body| LeftOpen::read(body)).collect())
    }

    /// Sends an event again, to one receiver or to all that it was for. Says whether there is such a thing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn replay(&self, id: String, receiver: Option<String>) -> Result<bool, StoreError> {
        let changed = self.store.call(move |db| {
            db.execute(
                "UPDATE event_delivery SET state = 'pending', since_ms = ?1, next_ms = 0
                 WHERE seq = (SELECT seq FROM event WHERE id = ?2) AND (?3 IS NULL OR receiver = ?3)",
                params![now_ms(), id, receiver],
            )
        });
        let found = changed.await? > 0;
        self.changed.send_replace(());
        Ok(found)
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

async fn write(journal: Journal, mut events: mpsc::Receiver<Arc<Event>>) {
    let mut batch = Vec::new();
    while events.recv_many(&mut batch, BATCH).await > 0 {
        loop {
            let (events, settings) = (std::mem::take(&mut batch), journal.settings.clone());
            let kept = events.clone();
            match journal.store.call(move |db| insert(db, &events, &settings)).await {
                Ok(()) => break,
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::error!("events wait: {error}");
                    batch = kept;
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
        journal.changed.send_replace(());
    }
}

fn insert(db: &Connection, events: &[Arc<Event>], settings: &Settings) -> rusqlite::Result<()> {
    for event in events {
        let (kind, created) = (event.kind.name(), event.created.as_millisecond());
        db.prepare_cached(
            "INSERT INTO event (id, type, object, created_ms, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            event.id,
            kind,
            event.object,
            created,
            event.body().to_string()
        ])?;
        let seq = db.last_insert_rowid();
        if let Some(told) = event.kind.told() {
            // What is written with the event is not told again by the next start.
            db.prepare_cached("UPDATE asset SET told = max(told, ?1) WHERE id = ?2")?
                .execute(params![told, event.object])?;
        }
        for receiver in settings.receivers.iter().filter(|receiver| receiver.wants(kind)) {
            db.prepare_cached(
                "INSERT INTO event_delivery (seq, receiver, since_ms) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![seq, receiver.id, created])?;
        }
    }
    let kept = i64::from(settings.kept);
    db.prepare_cached("DELETE FROM event WHERE seq <= (SELECT max(seq) FROM event) - ?1")?
        .execute([kept])?;
    Ok(())
}

fn head(row: &Row<'_>) -> rusqlite::Result<(i64, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn stored(db: &Connection, (seq, body): (i64, String)) -> rusqlite::Result<Stored> {
    let mut deliveries = db.prepare_cached(
        "SELECT receiver, state, count, attempts FROM event_delivery WHERE seq = ?1 ORDER BY receiver",
    )?;
    let deliveries = deliveries.query_map([seq], |row| {
        let attempts: String = row.get(3)?;
        Ok(Delivery {
            receiver: row.get(0)?,
            state: row.get(1)?,
            count: row.get(2)?,
            attempts: serde_json::from_str(&attempts).unwrap_or_default(),
        })
    })?;
    let deliveries = deliveries.collect::<rusqlite::Result<_>>()?;
    Ok(Stored { seq, event: serde_json::from_str(&body).unwrap_or_default(), deliveries })
}

fn list(db: &Connection, filter: &Filter) -> rusqlite::Result<Vec<Stored>> {
    let mut heads = db.prepare_cached(
        "SELECT seq, body FROM event
         WHERE (?1 IS NULL OR substr(type, 1, length(?1)) = ?1)
           AND (?2 IS NULL OR object = ?2)
           AND (?3 IS NULL OR EXISTS (
                SELECT 1 FROM event_delivery WHERE seq = event.seq AND state = ?3))
           AND (?4 IS NULL OR seq < ?4)
         ORDER BY seq DESC LIMIT ?5",
    )?;
    let limit = if filter.limit == 0 { 100 } else { filter.limit };
    let Filter { kind, object, state, before, .. } = filter;
    let heads = heads.query_map(params![kind, object, state, before, limit], head)?;
    let heads: Vec<_> = heads.collect::<rusqlite::Result<_>>()?;
    heads.into_iter().map(|head| stored(db, head)).collect()
}
