//! Targets that were added over the API, on the disk: they go on after a restart.

use rusqlite::{Connection, Row};

use super::PushUrl;
use crate::store::{Schema, Store, StoreError};

/// The table. URLs hold keys, which have to be sent as they are: the file is its owner's alone.
pub const SCHEMA: Schema = Schema {
    module: "relay",
    steps: &["CREATE TABLE simulcast_target (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            scope TEXT NOT NULL CHECK (scope IN ('stream', 'application')),
            name TEXT NOT NULL,
            url TEXT NOT NULL,
            paused INTEGER NOT NULL DEFAULT 0,
            passthrough TEXT,
            created INTEGER NOT NULL
        ) STRICT"],
};

/// What a target is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The stream of this path.
    Stream(String),
    /// Each stream of this application.
    App(String),
}

impl Scope {
    const fn parts(&self) -> (&'static str, &String) {
        match self {
            Self::Stream(path) => ("stream", path),
            Self::App(name) => ("application", name),
        }
    }
}

/// A target as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Grows with each.
    pub seq: i64,
    pub id: String,
    pub scope: Scope,
    pub url: PushUrl,
    pub paused: bool,
    /// Anything of the caller's own.
    pub passthrough: Option<String>,
    /// Seconds since 1970.
    pub created: i64,
}

/// All that were added, in order. One that this program cannot read is left alone.
pub(super) async fn load(store: &Store) -> Result<Vec<Saved>, StoreError> {
    let sql = "SELECT seq, id, scope, name, url, paused, passthrough, created
               FROM simulcast_target ORDER BY seq";
    let rows = store
        .read(move |db| db.prepare(sql)?.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>())
        .await?;
    Ok(rows.into_iter().flatten().collect())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<Saved>> {
    let (scope, name, url): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let Ok(url) = url.parse() else { return Ok(None) };
    Ok(Some(Saved {
        seq: row.get(0)?,
        id: row.get(1)?,
        scope: if scope == "application" { Scope::App(name) } else { Scope::Stream(name) },
        url,
        paused: row.get(5)?,
        passthrough: row.get(6)?,
        created: row.get(7)?,
    }))
}

/// Keeps a target, and gives its number.
pub(super) async fn insert(store: &Store, saved: &Saved) -> Result<i64, StoreError> {
    let (scope, name) = saved.scope.parts();
    let row = (
        saved.id.clone(),
        scope,
        name.clone(),
        saved.url.secret(),
        saved.paused,
        saved.passthrough.clone(),
        saved.created,
    );
    store
        .call(move |db: &Connection| {
            db.execute(
                "INSERT INTO simulcast_target (id, scope, name, url, paused, passthrough, created)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                row,
            )?;
            Ok(db.last_insert_rowid())
        })
        .await
}

/// Forgets a target.
pub(super) async fn remove(store: &Store, id: &str) -> Result<(), StoreError> {
    let id = id.to_owned();
    store
        .call(move |db| db.execute("DELETE FROM simulcast_target WHERE id = ?1", [id]))
        .await
        .map(drop)
}

/// Keeps whether it is paused.
pub(super) async fn pause(store: &Store, id: &str, paused: bool) -> Result<(), StoreError> {
    let row = (id.to_owned(), paused);
    let sql = "UPDATE simulcast_target SET paused = ?2 WHERE id = ?1";
    store.call(move |db| db.execute(sql, row)).await.map(drop)
}
