//! Broadcasts that a crash left open in the store: the next start closes their playlists.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use object_store::PutPayload;
use rusqlite::params;

use super::store::Store;
use crate::redact::Redacted;
use crate::store::{self, Schema, StoreError};

/// Folders whose end is not stored yet.
pub const SCHEMA: Schema = Schema {
    module: "origin",
    steps: &["
        CREATE TABLE open_broadcast (
            store TEXT NOT NULL,
            folder TEXT NOT NULL,
            PRIMARY KEY (store, folder)
        ) STRICT;
    "],
};

/// The pause before another look at a store that is away.
const AGAIN: Duration = Duration::from_secs(5);
const ENDED: &str = "#EXT-X-ENDLIST";

/// Knows which folders are open.
#[derive(Debug)]
pub(super) struct Ledger {
    db: store::Store,
    store: String,
}

impl Ledger {
    pub(super) const fn new(db: store::Store, store: String) -> Self {
        Self { db, store }
    }

    /// A broadcast begins in this folder.
    pub(super) async fn begin(&self, folder: &str) -> Result<(), StoreError> {
        let (store, folder) = (self.store.clone(), folder.to_owned());
        let sql = "INSERT OR IGNORE INTO open_broadcast (store, folder) VALUES (?1, ?2)";
        self.db.call(move |db| db.execute(sql, params![store, folder]).map(drop)).await
    }

    /// Its playlists say that it is over.
    pub(super) async fn end(&self, folder: &str) -> Result<(), StoreError> {
        let (store, folder) = (self.store.clone(), folder.to_owned());
        let sql = "DELETE FROM open_broadcast WHERE store = ?1 AND folder = ?2";
        self.db.call(move |db| db.execute(sql, params![store, folder]).map(drop)).await
    }

    async fn open(&self) -> Result<Vec<String>, StoreError> {
        let store = self.store.clone();
        let read = move |db: &rusqlite::Connection| {
            let mut found = db.prepare("SELECT folder FROM open_broadcast WHERE store = ?1")?;
            let rows = found.query_map([store], |row| row.get(0))?;
            rows.collect()
        };
        self.db.read(read).await
    }
}

/// Closes what an earlier run left open: what is listed is all there is of it. To be called before any broadcast begins; tries until the store takes it.
pub async fn close_left_over(store: Arc<Store>, open: Vec<String>) {
    for folder in open {
        while let Err(error) = close(&store, &folder).await {
            tracing::debug!(folder = %Redacted(&folder), "a broadcast that was cut off is not closed yet: {error}");
            tokio::time::sleep(AGAIN).await;
        }
        tracing::info!(folder = %Redacted(&folder), "the playlists of a broadcast that was cut off are closed");
        store.say_ended(&folder).await;
    }
}

/// The folders that an earlier run left open.
pub async fn left_over(store: &Store) -> Vec<String> {
    store.ledger().open().await.unwrap_or_default()
}

async fn close(store: &Store, folder: &str) -> Result<(), String> {
    let read = async |name: &str| store.read_text(&format!("{folder}/{name}")).await;
    let mut names: BTreeSet<String> = ["video.m3u8", "audio.m3u8"].map(str::to_owned).into();
    names.extend(media_playlists(&read("index.m3u8").await?.unwrap_or_default()));
    for name in names {
        let Some(text) = read(&name).await? else { continue };
        if let Some(closed) = closed(&text) {
            let path = format!("{folder}/{name}");
            store.put(&path, PutPayload::from(closed), "application/vnd.apple.mpegurl").await?;
        }
    }
    Ok(())
}

/// Names of media playlists in a multivariant one.
fn media_playlists(text: &str) -> impl Iterator<Item = String> {
    let in_tag = |line: &str| Some(line.split_once("URI=\"")?.1.split_once('"')?.0.to_owned());
    text.lines().filter_map(move |line| match line.strip_prefix('#') {
        Some(tag) => in_tag(tag),
        None => Some(line.to_owned()).filter(|name| !name.is_empty()),
    })
}

/// A playlist of type `EVENT` as the `VOD` that it has become. `None` of one that says its end already.
fn closed(text: &str) -> Option<String> {
    if text.lines().any(|line| line == ENDED) {
        return None;
    }
    let text = text.replace("#EXT-X-PLAYLIST-TYPE:EVENT\n", "#EXT-X-PLAYLIST-TYPE:VOD\n");
    Some(format!("{text}{ENDED}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_becomes_a_vod_once() {
        let open = "#EXTM3U\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF:2.0,\nvideo_1.m4s\n";
        let whole =
            "#EXTM3U\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:2.0,\nvideo_1.m4s\n#EXT-X-ENDLIST\n";
        assert_eq!((closed(open).as_deref(), closed(whole)), (Some(whole), None));
        let index = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"audio1.m3u8\"\n#EXT-X-STREAM-INF:A=1\nvideo1.m3u8\n";
        assert_eq!(media_playlists(index).collect::<Vec<_>>(), ["audio1.m3u8", "video1.m3u8"]);
    }
}
