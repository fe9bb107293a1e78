//! A source that has an address, read by ranges: an object of a store, or what a web server gives.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _, path};
use reqwest::header::{CONTENT_RANGE, ETAG, IF_MATCH, RANGE};
use reqwest::{Client, StatusCode};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use url::Url;

/// Bytes of a request: large, since each costs a round trip. One more is under way while one is used.
const BLOCK: u64 = 4 << 20;
/// Tries of a range at a web server; a store has its own.
const TRIES: u32 = 4;
/// Time for one range of a web server.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What is read. It stays the same for as long as it is read: a changed one is an error.
#[derive(Clone)]
enum Origin {
    Object { store: Arc<AmazonS3>, path: path::Path, etag: Option<String> },
    Web { client: Client, url: Url, etag: Option<String> },
}

/// Reads of a source, mostly from its start to its end.
pub struct Ranges {
    runtime: Arc<Runtime>,
    origin: Origin,
    size: u64,
    /// What was read last, and where it stands.
    block: Bytes,
    start: u64,
    /// What is read ahead.
    ahead: Option<(Range<u64>, JoinHandle<anyhow::Result<Bytes>>)>,
    /// Next byte for [`Read`].
    position: u64,
}

impl Ranges {
    /// Finds out what is there.
    pub fn open(runtime: Arc<Runtime>, url: &Url) -> anyhow::Result<Self> {
        let (origin, size) = runtime.block_on(Origin::open(url))?;
        let block = Bytes::new();
        Ok(Self { runtime, origin, size, block, start: 0, ahead: None, position: 0 })
    }

    /// Bytes of the source.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// At least `range`, and what else is at hand behind it.
    pub fn read_at(&mut self, range: &Range<u64>) -> anyhow::Result<Bytes> {
        ensure!(range.end <= self.size, "it ends at byte {}", self.size);
        loop {
            let here = range.start.checked_sub(self.start).and_then(|skip| {
                let skip = usize::try_from(skip).ok()?;
                (skip <= self.block.len()).then(|| self.block.slice(skip..))
            });
            let wanted = range.end - range.start;
            match here {
                Some(here) if here.len() as u64 >= wanted => return Ok(here),
                Some(here) => {
                    let next = self.fetch(range.start + here.len() as u64)?;
                    self.block = if here.is_empty() { next } else { [here, next].concat().into() };
                }
                None => self.block = self.fetch(range.start)?,
            }
            self.start = range.start;
        }
    }

    /// The block that begins at `start`, and has the next one come.
    fn fetch(&mut self, start: u64) -> anyhow::Result<Bytes> {
        let of = |start: u64| start..self.size.min(start.saturating_add(BLOCK));
        let (range, task) = match self.ahead.take() {
            Some((range, task)) if range.start == start => (range, task),
            other => {
                if let Some((_, task)) = other {
                    task.abort();
                }
                (of(start), self.runtime.spawn(self.origin.clone().get(of(start))))
            }
        };
        let next = of(range.end);
        if !next.is_empty() {
            let task = self.runtime.spawn(self.origin.clone().get(next.clone()));
            self.ahead = Some((next, task));
        }
        let bytes = self.runtime.block_on(task).context("a read was given up")??;
        let wanted = range.end - range.start;
        ensure!(bytes.len() as u64 == wanted, "{} bytes came and not {wanted}", bytes.len());
        Ok(bytes)
    }
}

impl Read for Ranges {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size {
            return Ok(0);
        }
        let bytes = self.read_at(&(self.position..self.position + 1)).map_err(io::Error::other)?;
        let count = bytes.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(&bytes) {
            *to = *from;
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Origin {
    async fn open(url: &Url) -> anyhow::Result<(Self, u64)> {
        if url.scheme() == "s3" {
            let (store, path) = store(url)?;
            let meta = store.head(&path).await?;
            return Ok((Self::Object { store, path, etag: meta.e_tag }, meta.size));
        }
        let client = Client::builder().timeout(TIMEOUT).build()?;
        let mut origin = Self::Web { client, url: url.clone(), etag: None };
        let (etag, size, _) = origin.ask(&(0..1)).await?;
        if let Self::Web { etag: known, .. } = &mut origin {
            // A weak one says nothing of bytes (RFC 9110 8.8.1).
            *known = etag.filter(|etag| !etag.starts_with("W/"));
        }
        Ok((origin, size))
    }

    async fn get(self, range: Range<u64>) -> anyhow::Result<Bytes> {
        match &self {
            Self::Object { store, path, etag } => {
                let range = Some(GetRange::Bounded(range));
                let options = GetOptions { range, if_match: etag.clone(), ..GetOptions::default() };
                Ok(store.get_opts(path, options).await?.bytes().await?)
            }
            Self::Web { .. } => {
                let mut wait = Duration::from_millis(500);
                for _ in 1..TRIES {
                    match self.ask(&range).await {
                        Err(error) if is_passing(&error) => tokio::time::sleep(wait).await,
                        result => return Ok(result?.2),
                    }
                    wait *= 2;
                }
                Ok(self.ask(&range).await?.2)
            }
        }
    }

    /// Asks a web server for a range: its tag, the size of all, and the bytes.
    async fn ask(&self, range: &Range<u64>) -> anyhow::Result<(Option<String>, u64, Bytes)> {
        let Self::Web { client, url, etag } = self else { bail!("it is an object") };
        let mut request = client.get(url.clone());
        request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end - 1));
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, etag);
        }
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        // `bytes 0-0/1234`, and `bytes */0` of what is empty (RFC 9110 14.4).
        let size = text(CONTENT_RANGE).and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        let etag = text(ETAG).map(str::to_owned);
        match (answer.status(), size) {
            (StatusCode::PARTIAL_CONTENT, Some(size)) => {
                let bytes = answer.bytes().await.map_err(reqwest::Error::without_url)?;
                Ok((etag, size, bytes))
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(0)) => Ok((etag, 0, Bytes::new())),
            (StatusCode::PRECONDITION_FAILED, _) => bail!("it has changed while it was read"),
            (status, _) if status.is_success() => {
                bail!("the server gives no ranges of it: fetch the file first")
            }
            (status, _) => {
                answer.error_for_status().map_err(reqwest::Error::without_url)?;
                bail!("the server answers {status}")
            }
        }
    }
}

/// Whether a further try may help.
fn is_passing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<reqwest::Error>().is_some_and(|error| {
        error.status().is_none_or(|status| {
            status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
        })
    })
}

/// The store of an `s3://` address, with the settings of the usual variables (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT` …), and the
/// path in it.
pub fn store(url: &Url) -> anyhow::Result<(Arc<AmazonS3>, path::Path)> {
    let bucket = url.host_str().context("an address of a store is s3://bucket/key")?;
    let path = path::Path::from_url_path(url.path().trim_start_matches('/'))?;
    let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build()?;
    Ok((Arc::new(store), path))
}
