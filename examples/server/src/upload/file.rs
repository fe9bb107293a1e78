//! One upload, part by part.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path as FilePath, PathBuf};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{Error, MultipartUpload as _, ObjectStoreExt as _};

use super::target::Target;
use super::verify::{self, Sums};
use crate::catalogue::Asset;
use crate::store::Store;

/// Bytes of a part; S3 takes no less but for the last, and 10 000 parts at most.
const PART: u64 = 8 << 20;
/// Parts of an upload at most.
const PARTS: u64 = 9_000;

/// Uploads `file`, compares what arrived with it, and gives its SHA-256 in hex.
pub async fn upload(
    store: &Store,
    target: &Target,
    asset: &Asset,
    file: &FilePath,
) -> anyhow::Result<String> {
    let length = tokio::fs::metadata(file).await.context("its file cannot be read")?.len();
    let object = target.path(&asset.key);
    let size = match target {
        Target::Bucket(bucket, _) => {
            let upload = Upload { store, bucket, object: &object, asset, file, length };
            upload.run().await?
        }
        Target::Folder(folder, root) => {
            forget_torn(root.join(object.as_ref())).await?;
            let mut upload = folder.put_multipart(&object).await?;
            for number in 0..length.div_ceil(PART) {
                upload.put_part(read(file, number * PART, PART).await?.into()).await?;
            }
            upload.complete().await?;
            PART
        }
    };
    let sums = Sums::of(file.to_owned(), size).await?;
    verify::verify(target.objects(), &object, &sums).await?;
    Ok(sums.sha256)
}

/// What an upload to a bucket works with.
struct Upload<'a> {
    store: &'a Store,
    bucket: &'a AmazonS3,
    object: &'a Path,
    asset: &'a Asset,
    file: &'a FilePath,
    length: u64,
}

impl Upload<'_> {
    /// Uploads what is not there yet, and gives the size of a part.
    async fn run(&self) -> anyhow::Result<u64> {
        let (upload, size, mut parts) = self.begin().await?;
        let count = self.length.div_ceil(size).max(1);
        for number in parts.len() as u64..count {
            let bytes = read(self.file, number * size, size).await?;
            let number = usize::try_from(number)?;
            match Target::put_part(self.bucket, self.object, &upload, number, bytes).await {
                Ok(part) => parts.push(part.content_id),
                Err(error) => return self.failed(error).await,
            }
            self.note(&parts, (parts.len() as u64 * size).min(self.length)).await?;
        }
        let ids = parts.into_iter().map(|content_id| PartId { content_id }).collect();
        match self.bucket.complete_multipart(self.object, &upload, ids).await {
            Ok(_) => Ok(size),
            // A crash may have come between the answer and our note of it: what is there is compared in any case.
            Err(Error::NotFound { .. }) if self.bucket.head(self.object).await.is_ok() => {
                self.forget().await?;
                Ok(size)
            }
            Err(error) => self.failed(error).await,
        }
    }

    /// The upload that goes on, or a new one.
    async fn begin(&self) -> anyhow::Result<(String, u64, Vec<String>)> {
        if let Some(upload) = &self.asset.upload_id {
            let size = u64::try_from(self.asset.part_size)?;
            ensure!(size > 0, "a part of no size");
            return Ok((upload.clone(), size, self.asset.parts.clone()));
        }
        let upload = self.bucket.create_multipart(self.object).await?;
        let size = PART.max(self.length.div_ceil(PARTS));
        let row = (self.asset.id.clone(), upload.clone(), i64::try_from(size)?);
        let sql =
            "UPDATE asset SET upload_id = ?2, part_size = ?3, parts = '[]', sent = 0 WHERE id = ?1";
        self.store.call(move |db| db.execute(sql, row)).await?;
        Ok((upload, size, Vec::new()))
    }

    async fn note(&self, parts: &[String], sent: u64) -> anyhow::Result<()> {
        let row = (self.asset.id.clone(), serde_json::to_string(parts)?, i64::try_from(sent)?);
        let sql = "UPDATE asset SET parts = ?2, sent = ?3 WHERE id = ?1";
        self.store.call(move |db| db.execute(sql, row)).await?;
        Ok(())
    }

    async fn forget(&self) -> anyhow::Result<()> {
        let id = self.asset.id.clone();
        let sql = "UPDATE asset SET upload_id = NULL, parts = '[]', sent = 0 WHERE id = ?1";
        self.store.call(move |db| db.execute(sql, [id])).await?;
        Ok(())
    }

    /// An upload that the bucket knows no more is begun anew by the next attempt.
    async fn failed<T>(&self, error: Error) -> anyhow::Result<T> {
        if matches!(error, Error::NotFound { .. }) {
            self.forget().await?;
        }
        Err(error.into())
    }
}

/// Deletes what an upload to a folder left that did not come to its end: `name#number` beside the file.
async fn forget_torn(file: PathBuf) -> anyhow::Result<()> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Ok(()) };
    let start = format!("{}#", name.to_string_lossy());
    let mut entries = match tokio::fs::read_dir(folder).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(&*start));
        if number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            tokio::fs::remove_file(entry.path()).await?;
        }
    }
    Ok(())
}

/// Bytes of a file, fewer at its end.
async fn read(file: &FilePath, from: u64, most: u64) -> anyhow::Result<Bytes> {
    let file: PathBuf = file.to_owned();
    let read = move || -> std::io::Result<Bytes> {
        let mut file = std::fs::File::open(file)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    };
    tokio::task::spawn_blocking(read).await?.context("its file cannot be read")
}
