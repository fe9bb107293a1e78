//! How much is kept: the oldest go first.

use std::time::Duration;

use clap::Args;

use super::row::{Asset, COLUMNS, read};
use super::{AssetState, Catalogue};
use crate::cli::{long_duration, size};
use crate::store::StoreError;

/// How much of the recordings is kept, in the bucket too. Without any, all are.
#[derive(Clone, Debug, Default, Args)]
pub struct Retain {
    /// Delete recordings that began longer ago than this, for example 30d or 12h.
    #[arg(long, env = "STREAMCORE_RETAIN_AGE", value_name = "TIME", value_parser = long_duration)]
    pub retain_age: Option<Duration>,
    /// Keep so many recordings; the oldest are deleted.
    #[arg(long, env = "STREAMCORE_RETAIN_COUNT", value_name = "N")]
    pub retain_count: Option<usize>,
    /// Keep so much of recordings, for example 100GB; the oldest are deleted.
    #[arg(long, env = "STREAMCORE_RETAIN_BYTES", value_name = "SIZE", value_parser = size)]
    pub retain_bytes: Option<usize>,
}

impl Retain {
    /// Which of `assets`, newest first, are not kept at `now` (milliseconds since 1970).
    pub(super) fn surplus<'a>(&self, assets: &'a [Asset], now: i64) -> Vec<&'a Asset> {
        let oldest = self.retain_age.map(|age| now - i64::try_from(age.as_millis()).unwrap_or(now));
        let (mut count, mut bytes) = (0_usize, 0_usize);
        let past = |asset: &&Asset| {
            count += 1;
            bytes = bytes.saturating_add(usize::try_from(asset.bytes).unwrap_or(usize::MAX));
            oldest.is_some_and(|oldest| asset.started < oldest)
                || self.retain_count.is_some_and(|most| count > most)
                || self.retain_bytes.is_some_and(|most| bytes > most)
        };
        assets.iter().filter(past).collect()
    }

    fn is_set(&self) -> bool {
        self.retain_age.is_some() || self.retain_count.is_some() || self.retain_bytes.is_some()
    }
}

impl Catalogue {
    /// Marks what is not kept. What still waits for its upload is left alone: it is nowhere else.
    pub async fn retain(&self, rules: &Retain, now: i64) -> Result<(), StoreError> {
        if !rules.is_set() {
            return Ok(());
        }
        let sql =
            format!("SELECT {COLUMNS} FROM asset WHERE state <> 'deleting' ORDER BY started DESC");
        let assets: Vec<Asset> =
            self.store.read(move |db| db.prepare(&sql)?.query_map([], read)?.collect()).await?;
        for asset in rules.surplus(&assets, now) {
            if !matches!(asset.state, AssetState::Waiting | AssetState::Uploading) {
                tracing::info!(asset = asset.id, "deleted, as the rules for recordings say");
                self.delete(&asset.id).await?;
            }
        }
        Ok(())
    }
}
