//! The store itself: opened by one URL, written with deadlines, read by range.

use std::fmt;
use std::ops::Range;
use std::path::Path as FsPath;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    Attribute, Attributes, ClientOptions, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutOptions, PutPayload, RetryConfig,
};
use tokio::sync::{Semaphore, watch};
use url::Url;

use super::left_over::Ledger;

/// One request to the store, from its first byte to its last.
const REQUEST: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);

/// Settings of the store.
#[derive(Clone, Debug)]
pub struct OriginConfig {
    /// Bytes of segments that wait for the store, of all streams together.
    pub queue_bytes: usize,
    /// How much of each stream stays in memory though it is stored.
    pub memory: Duration,
}

/// Where HLS is kept.
#[derive(Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// Whether objects can say what they are: files cannot.
    has_attributes: bool,
    shown: String,
    config: OriginConfig,
    room: Arc<Semaphore>,
    stored: AtomicU64,
    /// Grows while uploaders run.
    running: watch::Sender<usize>,
    ledger: Ledger,
}

impl fmt::Display for Store {
    /// The address without what is secret in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Store {
    /// Opens `s3://bucket/prefix?endpoint=…&region=…`, `file:///folder` or a folder, which is made; nothing is asked of a bucket yet. What an S3
    /// address does not say is taken from the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL` and so on.
    /// What is open in it is remembered in `db`.
    pub fn open(
        address: &str,
        config: OriginConfig,
        db: crate::store::Store,
    ) -> anyhow::Result<Arc<Self>> {
        let (objects, shown): (Arc<dyn ObjectStore>, _) = match Url::parse(address) {
            Ok(url) if url.scheme() == "s3" => bucket(&url)?,
            Ok(url) if url.scheme() == "file" => match url.to_file_path() {
                Ok(path) => folder(&path)?,
                Err(()) => bail!("`{address}` names no folder"),
            },
            // A drive letter looks like a scheme.
            Ok(url) if url.scheme().len() > 1 => {
                bail!("`{}://` is no store for HLS: a folder, file:// or s3://", url.scheme())
            }
            _ => folder(FsPath::new(address))?,
        };
        // Permits are kibibytes, so that any size fits.
        let room = Semaphore::new((config.queue_bytes / 1024).min(Semaphore::MAX_PERMITS));
        Ok(Arc::new(Self {
            objects,
            has_attributes: shown.starts_with("s3:"),
            ledger: Ledger::new(db, shown.clone()),
            shown,
            config,
            room: Arc::new(room),
            stored: AtomicU64::new(0),
            running: watch::Sender::new(0),
        }))
    }

    /// Its settings.
    pub fn config(&self) -> &OriginConfig {
        &self.config
    }

    /// Room in the queue.
    pub(super) fn room(&self) -> &Arc<Semaphore> {
        &self.room
    }

    /// Objects that were stored so far: tells an object that is refused from a store that is away.
    pub(super) fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// An uploader runs for as long as this is held.
    pub(super) fn begin(self: &Arc<Self>) -> Running {
        self.running.send_modify(|running| *running += 1);
        Running(self.clone())
    }

    /// Waits until everything is stored, or given up.
    pub async fn idle(&self) {
        let _ = self.running.subscribe().wait_for(|&running| running == 0).await;
    }

    /// Writes an object: all of it is there afterwards, or nothing. The payload is sent as it lies in memory.
    pub(super) async fn put(
        &self,
        path: &str,
        payload: PutPayload,
        content_type: &'static str,
    ) -> Result<(), String> {
        let mut options = PutOptions::default();
        if self.has_attributes {
            let cache =
                if is_playlist(path) { "no-cache" } else { "public, max-age=31536000, immutable" };
            let said = [(Attribute::ContentType, content_type), (Attribute::CacheControl, cache)];
            options.attributes = Attributes::from_iter(said);
        }
        let path = Path::from(path);
        let put = self.objects.put_opts(&path, payload, options);
        match tokio::time::timeout(REQUEST, put).await {
            Ok(Ok(_)) => {
                self.stored.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err(format!("no answer in {} s", REQUEST.as_secs())),
        }
    }

    /// Which broadcasts are open.
    pub(super) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// A broadcast begins: should it be cut off, the next start closes its playlists.
    pub(super) async fn say_begun(&self, folder: &str) {
        if let Err(error) = self.ledger.begin(folder).await {
            tracing::warn!("a crash would leave a stored broadcast open: {error}");
        }
    }

    /// The playlists of a broadcast say that it is over.
    pub(super) async fn say_ended(&self, folder: &str) {
        if let Err(error) = self.ledger.end(folder).await {
            tracing::debug!("a broadcast that has ended is looked at again: {error}");
        }
    }

    /// A whole file as text. `None` where there is none.
    pub(super) async fn read_text(&self, path: &str) -> Result<Option<String>, String> {
        let path = Path::from(path);
        let read = async { self.objects.get(&path).await?.bytes().await };
        match tokio::time::timeout(REQUEST, read).await {
            Ok(Ok(bytes)) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Ok(Err(object_store::Error::NotFound { .. })) => Ok(None),
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err(format!("no answer in {} s", REQUEST.as_secs())),
        }
    }

    /// Length and tag of a file. `None` where there is none.
    pub async fn find(&self, path: &str) -> Result<Option<ObjectMeta>, String> {
        match self.objects.head(&Path::from(path)).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(words(&error)),
        }
    }

    /// A range of the bytes of a file.
    pub async fn read(&self, path: &str, range: Range<u64>) -> Result<GetResult, String> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let path = Path::from(path);
        let asked = self.objects.get_opts(&path, options);
        match tokio::time::timeout(REQUEST, asked).await {
            Ok(result) => result.map_err(|error| words(&error)),
            Err(_) => Err(format!("no answer in {} s", REQUEST.as_secs())),
        }
    }
}

/// Counts an uploader.
#[derive(Debug)]
pub(super) struct Running(Arc<Store>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

/// Whether a file may change.
pub(super) fn is_playlist(path: &str) -> bool {
    path.ends_with(".m3u8") || path.ends_with(".mpd")
}

fn folder(path: &FsPath) -> anyhow::Result<(Arc<dyn ObjectStore>, String)> {
    std::fs::create_dir_all(path)
        .with_context(|| format!("cannot make the folder {}", path.display()))?;
    let objects = LocalFileSystem::new_with_prefix(path)
        .with_context(|| format!("cannot use the folder {}", path.display()))?;
    Ok((Arc::new(objects), path.display().to_string()))
}

fn bucket(url: &Url) -> anyhow::Result<(Arc<dyn ObjectStore>, String)> {
    let (objects, prefix) = s3(url, REQUEST)?;
    let shown = format!("s3://{}/{prefix}", url.host_str().unwrap_or_default());
    Ok((Arc::new(PrefixStore::new(objects, prefix)), shown))
}

/// The bucket of `s3://bucket/prefix?endpoint=…&region=…`, and the prefix. Nothing is asked of it yet, and nothing is tried twice.
/// `request` is how long one request may take.
pub fn s3(url: &Url, request: Duration) -> anyhow::Result<(AmazonS3, Path)> {
    let Some(bucket) = url.host_str() else {
        bail!("an S3 address names a bucket: s3://bucket/prefix")
    };
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    for (name, value) in url.query_pairs() {
        builder = match &*name {
            "endpoint" => {
                let plain = value.starts_with("http://");
                builder.with_endpoint(value).with_allow_http(plain)
            }
            "region" => builder.with_region(value),
            other => bail!("an S3 address takes endpoint and region, not `{other}`"),
        };
    }
    let plain_http = std::env::var("AWS_ENDPOINT_URL").is_ok_and(|url| url.starts_with("http://"));
    let mut client = ClientOptions::new().with_timeout(request).with_connect_timeout(CONNECT);
    if plain_http || url.query_pairs().any(|(_, value)| value.starts_with("http://")) {
        client = client.with_allow_http(true);
    }
    // The uploader tries again, and says so; the library would not.
    let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let objects = builder.with_client_options(client).with_retry(retry).build();
    let objects = objects.context("the S3 address or the environment is not enough")?;
    let prefix = Path::from_url_path(url.path()).context("the prefix of the bucket")?;
    Ok((objects, prefix))
}

/// An error in one line, without addresses that hold signatures.
pub fn words(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    let text = text.split('?').next().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}
