//! What was recorded, as rows that stay: where each recording is, how long it is, and how far its upload has come.
//!
//! A recording becomes a row on the thread that finished it, before anybody else hears of it; what a crash left between the file
//! and its row is found at the next start.

mod poster;
mod retain;
mod row;
mod scan;
mod schema;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::OptionalExtension as _;
use tokio::runtime::Handle;
use tokio::sync::Notify;

pub use retain::Retain;
pub use row::{Asset, AssetState, Track};
pub use schema::SCHEMA;

use crate::events::Told;
use crate::finish::RecordingDone;
use crate::keys::Keys;
use crate::recordings::Recordings;
use crate::store::{Store, StoreError};

/// The catalogue.
#[derive(Debug)]
pub struct Catalogue {
    store: Store,
    recordings: Arc<Recordings>,
    keys: Arc<Keys>,
    /// Where posters are.
    posters: PathBuf,
    /// Whether recordings are to be uploaded.
    uploads: bool,
    /// Something was added or changed.
    changed: Notify,
}

impl Catalogue {
    /// Opens it; rows of recordings that have none yet are made by [`scan`](Self::scan).
    pub fn open(
        store: Store,
        recordings: Arc<Recordings>,
        keys: Arc<Keys>,
        data: &Path,
        uploads: bool,
    ) -> anyhow::Result<Arc<Self>> {
        let posters = data.join("posters");
        std::fs::create_dir_all(&posters)?;
        let changed = Notify::new();
        Ok(Arc::new(Self { store, recordings, keys, posters, uploads, changed }))
    }

    /// Where its rows are.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Wakes whoever waits for something to do.
    pub fn wake(&self) {
        self.changed.notify_one();
    }

    /// Completes when something was added or changed.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Makes the row of a finished recording; called on the thread that finished it, which waits until the row is on the disk.
    /// Gives its id, and whether the row is new.
    pub fn add(&self, runtime: &Handle, done: &RecordingDone) -> Option<(String, bool)> {
        let key = row::key_of(done);
        let asset = Asset::of(done, self.live_stream(&done.app, &done.name), self.uploads);
        let added = async {
            let made = self.insert(asset).await?;
            Ok::<_, StoreError>(self.at(&key).await?.map(|asset| (asset.id, made)))
        };
        match runtime.block_on(added) {
            Ok(added) => added,
            Err(error) => {
                // The next start finds the file.
                tracing::error!(of = done.shown, "no row in the catalogue: {error}");
                None
            }
        }
    }

    /// Makes a row, unless there is one. Says whether it was made.
    async fn insert(&self, asset: Asset) -> Result<bool, StoreError> {
        let made = self.store.call(move |db| row::insert(db, &asset)).await?;
        if made {
            self.wake();
        }
        Ok(made)
    }

    /// Tells what the server did not come to tell before it ended: of recordings that are whole, and that the streams of others have
    /// ended. Called before anything is added.
    pub async fn tell_rest(&self, told: &Told) -> Result<(), StoreError> {
        for (part, first) in [("told = 0", true), ("told = 1", false)] {
            for asset in self.select(format!("{part} AND state <> 'deleting'")).await? {
                let done =
                    asset.as_done(self.file(&asset).unwrap_or_else(|| asset.key.clone().into()));
                let (id, live_stream) = (&asset.id, asset.live_stream.as_deref());
                match first {
                    true => told.recorded(&done, Some(id), live_stream),
                    false => told.was_recorded(&done, id, live_stream),
                }
            }
        }
        Ok(())
    }

    /// Id of the live stream of that application and name.
    pub fn live_stream(&self, app: &str, name: &str) -> Option<String> {
        let path = if app.is_empty() { name.to_owned() } else { format!("{app}/{name}") };
        self.keys.index().at_path(&path).map(|stream| stream.id.clone())
    }

    /// Assets behind the one with number `after`, oldest or newest first, at most `limit`; of one live stream, where one is given.
    pub async fn page(
        &self,
        (after, newest_first): (i64, bool),
        limit: usize,
        stream: Option<String>,
    ) -> Result<Vec<Asset>, StoreError> {
        let from = (after, newest_first);
        self.store.read(move |db| row::page(db, from, limit, stream.as_deref())).await
    }

    /// One asset by its id.
    pub async fn get(&self, id: &str) -> Result<Option<Asset>, StoreError> {
        let id = id.to_owned();
        self.store
            .read(move |db| {
                let sql = format!("SELECT {} FROM asset WHERE id = ?1", row::COLUMNS);
                db.query_row(&sql, [id], row::read).optional()
            })
            .await
    }

    /// One asset by the path of its file below the folder of recordings.
    pub async fn at(&self, key: &str) -> Result<Option<Asset>, StoreError> {
        let key = key.to_owned();
        self.store
            .read(move |db| {
                let sql = format!("SELECT {} FROM asset WHERE key = ?1", row::COLUMNS);
                db.query_row(&sql, [key], row::read).optional()
            })
            .await
    }

    /// Assets for which an SQL condition holds, oldest first.
    pub async fn select(&self, which: String) -> Result<Vec<Asset>, StoreError> {
        let sql =
            format!("SELECT {} FROM asset WHERE {which} ORDER BY seq LIMIT 1000", row::COLUMNS);
        self.store.read(move |db| db.prepare(&sql)?.query_map([], row::read)?.collect()).await
    }

    /// How many assets there are in each state, and their bytes.
    pub async fn states(&self) -> Result<Vec<(AssetState, i64, i64)>, StoreError> {
        let sql = "SELECT state, count(*), sum(bytes) FROM asset GROUP BY state";
        let read = self.store.read(move |db| {
            let mut rows = db.prepare_cached(sql)?;
            let rows = rows.query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        let found = read.await?;
        let of = |state: AssetState| {
            let row = found.iter().find(|(text, ..)| text == state.text());
            row.map_or((state, 0, 0), |(_, count, bytes)| (state, *count, *bytes))
        };
        Ok(AssetState::ALL.map(|(state, _)| of(state)).to_vec())
    }

    /// Assets whose file is not below the folder of recordings: newest first, at most `limit`.
    pub async fn elsewhere(&self, limit: usize) -> Result<Vec<Asset>, StoreError> {
        let sql = format!(
            "SELECT {} FROM asset WHERE state <> 'deleting' AND (NOT local OR file IS NOT NULL)
             ORDER BY started DESC LIMIT ?1",
            row::COLUMNS
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.store.read(move |db| db.prepare(&sql)?.query_map([limit], row::read)?.collect()).await
    }

    /// The file of an asset, where it is on this machine.
    pub fn file(&self, asset: &Asset) -> Option<PathBuf> {
        match &asset.file {
            Some(file) => Some(PathBuf::from(file)).filter(|file| file.is_file()),
            None => self.recordings.file(&asset.key),
        }
    }

    /// The picture of an asset.
    pub fn poster(&self, asset: &Asset) -> PathBuf {
        self.posters.join(format!("{}.jpg", asset.id))
    }

    /// Takes the file of an asset away, which is in the bucket.
    pub async fn drop_file(&self, asset: &Asset) -> Result<(), StoreError> {
        if let Some(file) = self.file(asset)
            && let Err(error) = tokio::fs::remove_file(&file).await
        {
            tracing::warn!(asset = asset.id, "the local copy stays: {error}");
            return Ok(());
        }
        let id = asset.id.clone();
        self.store
            .call(move |db| db.execute("UPDATE asset SET local = 0 WHERE id = ?1", [id]))
            .await?;
        Ok(())
    }

    /// Marks an asset to be deleted, which the uploader does with its object. False where there is none.
    pub async fn delete(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        let sql = "UPDATE asset SET state = 'deleting' WHERE id = ?1 AND state <> 'deleting'";
        let found = self.store.call(move |db| db.execute(sql, [id])).await?;
        self.wake();
        Ok(found > 0)
    }

    /// Removes what is left of an asset on this machine, and its row.
    pub async fn forget(&self, asset: &Asset) -> Result<(), StoreError> {
        if let Some(file) = self.file(asset)
            && let Err(error) = tokio::fs::remove_file(&file).await
        {
            tracing::warn!(asset = asset.id, "the file stays: {error}");
            return Ok(());
        }
        let _ = tokio::fs::remove_file(self.poster(asset)).await;
        let id = asset.id.clone();
        self.store.call(move |db| db.execute("DELETE FROM asset WHERE id = ?1", [id])).await?;
        Ok(())
    }
}
