//! A bucket, or a folder.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::local::LocalFileSystem;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::signer::Signer as _;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt as _, RetryConfig};

/// Where recordings go.
#[derive(Debug)]
pub enum Target {
    /// A bucket, and the prefix of its objects.
    Bucket(Box<AmazonS3>, String),
    /// A folder.
    Folder(LocalFileSystem, PathBuf),
}

impl Target {
    /// `s3://BUCKET/PREFIX`, or a folder, which is made.
    pub fn open(url: &str, endpoint: Option<&str>) -> anyhow::Result<Self> {
        let Some(rest) = url.strip_prefix("s3://") else {
            let folder = PathBuf::from(url.strip_prefix("file://").unwrap_or(url));
            ensure!(!url.contains("://") || url.starts_with("file://"), "{url} is no s3:// address");
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make the folder for uploads {}", folder.display()))?;
            return Ok(Self::Folder(LocalFileSystem::new_with_prefix(&folder)?, folder));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        ensure!(!bucket.is_empty(), "{url} names no bucket");
        // This program tries again itself, and says so.
        let retry = RetryConfig {
            max_retries: 2,
            retry_timeout: Duration::from_secs(20),
            ..RetryConfig::default()
        };
        let client = ClientOptions::new()
            .with_connect_timeout(Duration::from_secs(5))
            .with_timeout(Duration::from_secs(300));
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_retry(retry)
            .with_client_options(client);
        if let Some(endpoint) = endpoint {
            builder = builder
                .with_endpoint(endpoint)
                .with_allow_http(endpoint.starts_with("http://"));
        }
        let bucket = builder.build().with_context(|| format!("cannot upload to {url}"))?;
        Ok(Self::Bucket(Box::new(bucket), prefix.trim_matches('/').to_owned()))
    }

    /// The object of a recording.
    pub fn path(&self, key: &str) -> Path {
        let prefix = match self {
            Self::Bucket(_, prefix) => prefix.as_str(),
            Self::Folder(..) => "",
        };
        Path::from_iter(prefix.split('/').chain(key.split('/')).filter(|part| !part.is_empty()))
    }

    /// Reads and deletes alike.
    pub fn objects(&self) -> &dyn ObjectStore {
        match self {
            Self::Bucket(bucket, _) => bucket.as_ref(),
            Self::Folder(folder, _) => folder,
        }
    }

    /// Deletes an object and an upload that has not come to its end; both may be gone.
    pub async fn delete(&self, key: &str, upload: Option<&str>) -> object_store::Result<()> {
        let path = self.path(key);
        if let (Self::Bucket(bucket, _), Some(upload)) = (self, upload) {
            let _ = bucket.abort_multipart(&path, &upload.to_owned()).await;
        }
        match self.objects().delete(&path).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            result => result,
        }
    }

    /// An address that plays an object for some time; a folder has none.
    pub async fn signed(&self, key: &str, time: Duration) -> Option<String> {
        let Self::Bucket(bucket, _) = self else { return None };
        let made = bucket.signed_url(axum::http::Method::GET, &self.path(key), time).await;
        made.ok().map(|url| url.to_string())
    }

    /// One part of an upload to a bucket.
    pub(super) async fn put_part(
        bucket: &AmazonS3,
        path: &Path,
        upload: &str,
        number: usize,
        bytes: Bytes,
    ) -> object_store::Result<PartId> {
        bucket.put_part(path, &upload.to_owned(), number, bytes.into()).await
    }
}
