//! Recordings without a row: a crash came between the file and its row, or the file is older than the catalogue.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::{Asset, Catalogue, Track};
use crate::media_info;
use crate::names;
use crate::store::StoreError;

impl Catalogue {
    /// Makes the rows of whole files that have none.
    pub async fn scan(self: &Arc<Self>) -> Result<(), StoreError> {
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
            self.insert(asset).await?;
        }
        Ok(())
    }

    fn without_rows(&self, known: &HashSet<String>) -> Vec<Asset> {
        let whole = self.recordings.whole().into_iter();
        whole
            .filter(|(key, _, _)| !known.contains(key))
            .filter_map(|(key, file, started)| self.of_file(key, &file, started))
            .collect()
    }

    fn of_file(&self, key: String, file: &Path, started: jiff::Timestamp) -> Option<Asset> {
        let info = match media_info::read(file) {
            Ok(info) => info,
            Err(error) => {
                tracing::warn!("a recording that cannot be read gets no row: {error:#}");
                return None;
            }
        };
        let path = key.rsplit_once('/').map_or("", |(path, _)| path).to_owned();
        let (app, name) = names::split(&path);
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
