//! Files that are not in the folder of recordings: what stream each is of, which its name does not say, is kept until it has a row in the
//! catalogue. So what a crash leaves of them is found wherever it is, whatever the settings say by then.

use std::path::PathBuf;

use rusqlite::Connection;
use tokio::runtime::Handle;

use super::Recording;
use crate::store::{Schema, Store, StoreError};

/// One row a file, by the path that it has once it is whole.
pub const SCHEMA: Schema = Schema {
    module: "elsewhere",
    steps: &["CREATE TABLE elsewhere (
            file TEXT PRIMARY KEY,
            stream TEXT NOT NULL,
            started INTEGER NOT NULL
        ) STRICT"],
};

/// A file that an earlier run made, or began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Once it is whole.
    pub file: PathBuf,
    /// Path of its stream.
    pub stream: String,
    /// Milliseconds since 1970.
    pub started: i64,
}

/// Keeps them.
#[derive(Debug)]
pub struct Elsewhere {
    store: Store,
    runtime: Handle,
}

impl Elsewhere {
    /// In `store`; called inside of the runtime.
    pub fn new(store: Store) -> Self {
        Self { store, runtime: Handle::current() }
    }

    /// Keeps of which stream a file is. Where it is to be sure, waits until that is on the disk; not to be called by a task then.
    pub(super) fn note(&self, recording: &Recording, sure: bool) {
        let row = (
            recording.done().display().to_string(),
            recording.stream.clone(),
            recording.started.as_millisecond(),
        );
        let store = self.store.clone();
        let noted = async move {
            let sql =
                "INSERT OR REPLACE INTO elsewhere (file, stream, started) VALUES (?1, ?2, ?3)";
            if let Err(error) = store.call(move |db| db.execute(sql, row)).await {
                tracing::warn!("a crash may lose sight of a recording: {error}");
            }
        };
        if sure {
            self.runtime.block_on(noted);
        } else {
            self.runtime.spawn(noted);
        }
    }

    /// What an earlier run left.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn left(&self) -> Result<Vec<Left>, StoreError> {
        let read = self.store.read(|db| {
            let mut rows = db.prepare("SELECT file, stream, started FROM elsewhere")?;
            let rows = rows.query_map([], |row| {
                let file = PathBuf::from(row.get::<_, String>(0)?);
                Ok(Left { file, stream: row.get(1)?, started: row.get(2)? })
            })?;
            rows.collect()
        });
        read.await
    }
}

/// There is nothing to find any more: it has a row, or is gone.
pub fn forget(db: &Connection, file: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM elsewhere WHERE file = ?1")?.execute([file]).map(drop)
}
