//! A bucket, or a folder.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::local::LocalFileSystem;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::signer::Signer as _;
use object_store::{ObjectStore, ObjectStoreExt as _};
use url::Url;

/// One request to a bucket, from its first byte to its last: a part of 8 MiB at 224 kbit/s.
const REQUEST: Duration = Duration::from_secs(300);

/// Where recordings go.
#[derive(Debug)]
pub enum Target {
    /// A bucket, and the prefix of its objects.
    Bucket(Box<AmazonS3>, String),
    /// A folder.
    Folder(LocalFileSystem, PathBuf),
}

impl Target {
    /// `s3://bucket/prefix?endpoint=…&region=…`, `file:///folder` or a folder, which is made.
    pub fn open(address: &str) -> anyhow::Result<Self> {
        if address.starts_with("s3://") {
            let url = Url::parse(address).with_context(|| format!("{address} is no address"))?;
            let (bucket, prefix) = crate::origin::s3(&url, REQUEST)?;
            return Ok(Self::Bucket(Box::new(bucket), prefix.to_string()));
        }
        let folder = match address.contains("://") {
            true => Self::of_url(address)?,
            false => PathBuf::from(address),
        };
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder for uploads {}", folder.display()))?;
        // The local copy goes afterwards.
        let objects = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
        Ok(Self::Folder(objects, folder))
    }

    fn of_url(address: &str) -> anyhow::Result<PathBuf> {
        let url = Url::parse(address).with_context(|| format!("{address} is no address"))?;
        let known = url.scheme() == "file";
        ensure!(known, "{address} is no store for recordings: a folder, file:// or s3://");
        url.to_file_path().map_err(|()| anyhow::anyhow!("{address} is no folder of this machine"))
    }

    /// The object of a recording.
    pub fn path(&self, key: &str) -> Path {
        let prefix = match self {
            Self::Bucket(_, prefix) => prefix.as_str(),
            Self::Folder(..) => "",
        };
        Path::from_iter(prefix.split('/').chain(key.split('/')).filter(|part| !part.is_empty()))
    }

    /// The file of a recording in a folder; a bucket has none.
    pub fn file(&self, key: &str) -> Option<PathBuf> {
        let Self::Folder(_, root) = self else { return None };
        crate::names::below(root, key)
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
