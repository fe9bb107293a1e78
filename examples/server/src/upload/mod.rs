//! Uploads of finished recordings to a folder or an S3 bucket, and what else the catalogue waits for: posters, deletions, and the
//! rules of what is kept.
//!
//! Every step is written down before the next: an upload that a crash or a restart interrupts goes on behind its last part. The
//! local copy goes only when what is in the bucket has been compared with it, and that is on the disk.

mod file;
mod orphans;
mod target;
mod verify;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use tokio::task::JoinSet;

pub use target::Target;

use crate::catalogue::{Asset, AssetState, Catalogue, Retain};
use crate::events::Told;
use crate::metrics::Metrics;
use crate::store::StoreError;

/// Wait before a second attempt; it doubles with each that fails.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The catalogue is looked at so often even if nothing wakes.
const ROUND: Duration = Duration::from_secs(30);

/// Where finished recordings go.
#[derive(Clone, Debug, Default, Args)]
pub struct UploadArgs {
    /// Upload finished recordings to a folder, or to a bucket by `s3://bucket/prefix?endpoint=https://…&region=…`, with
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. The local copy goes once what arrived was verified.
    #[arg(long, env = "STREAMCORE_UPLOAD", value_name = "URL")]
    pub upload: Option<String>,
    /// Uploads at once.
    #[arg(long, env = "STREAMCORE_UPLOAD_CONCURRENCY", value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u8).range(1..=32))]
    pub upload_concurrency: u8,
    /// Keep the local copy of what was uploaded.
    #[arg(long, env = "STREAMCORE_UPLOAD_KEEP_LOCAL")]
    pub upload_keep_local: bool,
}

/// Does what the catalogue waits for.
#[derive(Debug)]
pub struct Uploader {
    catalogue: Arc<Catalogue>,
    target: Option<Target>,
    at_once: usize,
    keep_local: bool,
    retain: Retain,
    metrics: Arc<Metrics>,
    /// Assets that a task works on.
    busy: Mutex<HashSet<String>>,
}

impl Uploader {
    /// With the target of `args`, where there is one.
    pub fn new(
        catalogue: Arc<Catalogue>,
        args: &UploadArgs,
        retain: Retain,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Arc<Self>> {
        let target = args.upload.as_deref().map(Target::open).transpose()?;
        Ok(Arc::new(Self {
            catalogue,
            target,
            at_once: usize::from(args.upload_concurrency.max(1)),
            keep_local: args.upload_keep_local,
            retain,
            metrics,
            busy: Mutex::default(),
        }))
    }

    /// The catalogue.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Where a player finds an asset that was uploaded, for an hour.
    pub async fn address(&self, asset: &Asset) -> Option<String> {
        let target = self.target.as_ref().filter(|_| asset.state == AssetState::Uploaded)?;
        target.signed(&asset.key, Duration::from_secs(3600)).await
    }

    /// The file of an asset in the folder that it was uploaded to.
    pub fn uploaded_file(&self, asset: &Asset) -> Option<PathBuf> {
        let target = self.target.as_ref().filter(|_| asset.state == AssetState::Uploaded)?;
        target.file(&asset.key)
    }

    /// Works until it is dropped. What is interrupted goes on with the next start.
    pub async fn run(self: Arc<Self>, told: Arc<Told>) {
        if let Err(error) = self.begin(&told).await {
            tracing::error!("uploads: {error}");
        }
        // A bucket that does not say has them all the same, which harms nobody but its owner's bill.
        if let Err(error) = self.abort_orphans().await {
            tracing::warn!("uploads that were cut off are not looked for: {error:#}");
        }
        let mut tasks = JoinSet::new();
        loop {
            let wait = match self.round(&mut tasks).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!("uploads: {error}");
                    ROUND
                }
            };
            tokio::select! {
                () = self.catalogue.changed() => {}
                Some(_) = tasks.join_next() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// What an earlier run left, and what it did not know that is to be uploaded.
    async fn begin(&self, told: &Told) -> Result<(), StoreError> {
        self.catalogue.scan(told).await?;
        let (from, to) = match self.target {
            // What waits for its next attempt does not wait on: what made the last one fail may just have been put right.
            Some(_) => ("'ready', 'waiting', 'uploading'", "waiting"),
            None => ("'waiting', 'uploading'", "ready"),
        };
        let sql =
            format!("UPDATE asset SET state = '{to}', due = 0 WHERE local AND state IN ({from})");
        self.catalogue.store().call(move |db| db.execute(&sql, [])).await?;
        if !self.keep_local {
            for asset in self.in_state(AssetState::Uploaded).await?.iter().filter(|it| it.local) {
                self.catalogue.drop_file(asset).await?;
            }
        }
        Ok(())
    }

    /// Starts what is due, and says how long there is nothing more.
    async fn round(self: &Arc<Self>, tasks: &mut JoinSet<()>) -> Result<Duration, StoreError> {
        self.posters().await?;
        self.catalogue.retain(&self.retain, now()).await?;
        for asset in self.in_state(AssetState::Deleting).await? {
            self.delete(&asset).await?;
        }
        if self.target.is_none() {
            return Ok(ROUND);
        }
        let mut wait = ROUND;
        for asset in self.in_state(AssetState::Waiting).await? {
            let later = u64::try_from(asset.due - now()).unwrap_or(0);
            if later > 0 {
                wait = wait.min(Duration::from_millis(later));
            } else if tasks.len() < self.at_once && self.take(&asset.id) {
                let uploader = self.clone();
                tasks.spawn(async move { uploader.work(asset).await });
            }
        }
        Ok(wait)
    }

    fn take(&self, id: &str) -> bool {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned())
    }

    fn give_back(&self, id: &str) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    async fn work(&self, asset: Asset) {
        let started = Instant::now();
        let result = self.upload(&asset).await;
        let bytes = result.as_ref().ok().map(|()| u64::try_from(asset.bytes).unwrap_or(0));
        self.metrics.upload(bytes, started.elapsed());
        if let Err(error) = result {
            let attempts = asset.attempts + 1;
            let wait = FIRST_WAIT.saturating_mul(1 << attempts.min(16)).min(LONGEST_WAIT);
            let text = words(&error);
            tracing::warn!(
                asset = asset.id,
                attempts,
                wait_s = wait.as_secs(),
                "upload failed: {text}"
            );
            let due = now() + i64::try_from(wait.as_millis()).unwrap_or(0);
            let row = (asset.id.clone(), text, attempts, due);
            let sql = "UPDATE asset SET state = 'waiting', error = ?2, attempts = ?3, due = ?4
                       WHERE id = ?1 AND state = 'uploading'";
            let _ = self.catalogue.store().call(move |db| db.execute(sql, row)).await;
        }
        self.give_back(&asset.id);
    }

    /// One attempt, from where the last one ended.
    async fn upload(&self, asset: &Asset) -> anyhow::Result<()> {
        let Some(target) = &self.target else { return Ok(()) };
        let store = self.catalogue.store();
        let id = asset.id.clone();
        let sql = "UPDATE asset SET state = 'uploading' WHERE id = ?1 AND state = 'waiting'";
        if store.call(move |db| db.execute(sql, [id])).await? == 0 {
            return Ok(());
        }
        let path = self.catalogue.file(asset);
        let path = path.ok_or_else(|| anyhow::anyhow!("its file is gone"))?;
        let sha256 = file::upload(store, target, asset, &path).await?;
        let row = (asset.id.clone(), sha256);
        let sql = "UPDATE asset SET state = 'uploaded', sha256 = ?2, error = NULL, attempts = 0,
                   upload_id = NULL, parts = '[]', sent = bytes WHERE id = ?1 AND state = 'uploading'";
        if store.call(move |db| db.execute(sql, row)).await? == 0 {
            return Ok(());
        }
        tracing::info!(asset = asset.id, bytes = asset.bytes, "uploaded and verified");
        if !self.keep_local {
            self.catalogue.drop_file(asset).await?;
        }
        Ok(())
    }

    /// Deletes the object, and then all else.
    async fn delete(&self, asset: &Asset) -> Result<(), StoreError> {
        if !self.take(&asset.id) {
            // Its upload comes to an end first.
            return Ok(());
        }
        let gone = match &self.target {
            Some(target) => target.delete(&asset.key, asset.upload_id.as_deref()).await,
            None => Ok(()),
        };
        let result = match gone {
            Ok(()) => self.catalogue.forget(asset).await,
            Err(error) => {
                tracing::warn!(asset = asset.id, "not deleted yet: {error:#}");
                Ok(())
            }
        };
        self.give_back(&asset.id);
        result
    }

    async fn posters(&self) -> Result<(), StoreError> {
        let without = self.select("poster IS NULL AND local AND state <> 'deleting'").await?;
        for asset in without {
            self.catalogue.make_poster(&asset).await?;
        }
        Ok(())
    }

    async fn in_state(&self, state: AssetState) -> Result<Vec<Asset>, StoreError> {
        self.select(&format!("state = '{}'", state.text())).await
    }

    async fn select(&self, which: &str) -> Result<Vec<Asset>, StoreError> {
        self.catalogue.select(which.to_owned()).await
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// Why an upload failed. What the library says of a bucket is long, and differs from one object to the next.
fn words(error: &anyhow::Error) -> String {
    match error.downcast_ref::<object_store::Error>() {
        Some(of_store) => crate::origin::words(of_store),
        None => format!("{error:#}"),
    }
}
