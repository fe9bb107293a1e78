//! Recordings without a row: a crash came between the file and its row, or the file is older than the catalogue.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::{Asset, Catalogue, Track, row};
use crate::events::Told;
use crate::media_info;
use crate::names;
use crate::recordings::elsewhere::{self, Left};
use crate::recordings::live_of;
use crate::store::StoreError;

impl Catalogue {
    /// Makes the rows of whole files that have none.
    pub async fn scan(self: &Arc<Self>, told: &Told) -> Result<(), StoreError> {
        let known: HashSet<String> = self
            .store
            .read(|db| {
                let mut keys = db.prepare("SELECT key FROM asset")?;
                keys.query_map([], |row| row.get(0))?.collect()
            })
            .await?;
        let catalogue = self.clone();
        let look = move || catalogue.without_rows(&known);
        let found = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        for asset in found {
            self.add_found(asset, told).await?;
        }
        Ok(())
    }

    /// Makes the rows of files that are not in the folder of recordings: those that were whole when the server ended, before anybody
    /// had heard of them.
    pub async fn adopt(&self, left: &[Left], told: &Told) -> Result<(), StoreError> {
        for Left { file, stream, started } in left {
            let (app, name) = names::split(stream);
            let started = jiff::Timestamp::from_millisecond(*started).unwrap_or_default();
            let key = row::key_elsewhere(file, (app, name), started);
            let shown = file.display().to_string();
            // Whatever became of a file that is no more, nobody waits for it.
            let is_gone = !file.exists() && !live_of(file).exists();
            let found =
                file.is_file().then(|| self.of_file(key, (app, name), file, started)).flatten();
            match found {
                Some(asset) => self.add_found(Asset { file: Some(shown), ..asset }, told).await?,
                None if is_gone => {
                    self.store.call(move |db| elsewhere::forget(db, &shown)).await?;
                }
                None => {}
            }
        }
        Ok(())
    }

    async fn add_found(&self, asset: Asset, told: &Told) -> Result<(), StoreError> {
        if self.insert(asset.clone()).await? {
            let file = self.file(&asset).unwrap_or_else(|| asset.key.clone().into());
            told.recorded(&asset.as_done(file), Some(&asset.id), asset.live_stream.as_deref());
        }
        Ok(())
    }

    fn without_rows(&self, known: &HashSet<String>) -> Vec<Asset> {
        let whole = self.recordings.whole().into_iter();
        whole
            .filter(|(key, _, _)| !known.contains(key))
            .filter_map(|(key, file, started)| {
                let path = key.rsplit_once('/').map_or("", |(path, _)| path).to_owned();
                self.of_file(key, names::split(&path), &file, started)
            })
            .collect()
    }

    fn of_file(
        &self,
        key: String,
        (app, name): (&str, &str),
        file: &Path,
        started: jiff::Timestamp,
    ) -> Option<Asset> {
        let info = match media_info::read(file) {
            Ok(info) => info,
            Err(error) => {
                tracing::warn!("a recording that cannot be read gets no row: {error:#}");
                return None;
            }
        };
        let asset = Asset::new(key, (app, name), self.live_stream(app, name), self.uploads);
        let tracks = info.tracks.into_iter().filter(|it| matches!(&*it.kind, "video" | "audio"));
        Some(Asset {
            started: started.as_millisecond(),
            duration: (info.duration_s * 1000.0).round() as i64,
            bytes: i64::try_from(info.bytes).unwrap_or(i64::MAX),
            tracks: tracks
                .map(|track| Track {
                    kind: track.kind,
                    codec: track.codec,
                    width: track.width,
                    height: track.height,
                    sample_rate: track.sample_rate,
                    channels: track.channels,
                })
                .collect(),
            ..asset
        })
    }
}
