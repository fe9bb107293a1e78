//! Whether what is in the bucket is what is on the disk.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

/// Sums of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    pub bytes: u64,
    /// In hex.
    pub sha256: String,
    /// What S3 says of an object in parts: MD5 of the MD5 sums of its parts, and their number.
    etag: String,
}

impl Sums {
    /// Of a file in parts of `part` bytes.
    pub async fn of(file: PathBuf, part: u64) -> anyhow::Result<Self> {
        let sums = move || Self::read(std::fs::File::open(file)?, part);
        tokio::task::spawn_blocking(sums).await?.context("its file cannot be read")
    }

    fn read(mut file: impl std::io::Read, part: u64) -> std::io::Result<Self> {
        let mut sha = hmac_sha256::Hash::new();
        let (mut bytes, mut sums, mut count) = (0, md5::Context::new(), 0_u64);
        loop {
            let mut block = Vec::new();
            let read = file.by_ref().take(part).read_to_end(&mut block)?;
            if read == 0 && count > 0 {
                break;
            }
            sha.update(&block);
            sums.consume(md5::compute(&block).0);
            (bytes, count) = (bytes + read as u64, count + 1);
            if (read as u64) < part {
                break;
            }
        }
        let etag = format!("{:x}-{count}", sums.finalize());
        Ok(Self { bytes, sha256: hex(&sha.finalize()), etag })
    }
}

/// Compares an object with `sums`: by its size, and by its tag, or, where that is made in another way, byte by byte.
pub async fn verify(objects: &dyn ObjectStore, path: &Path, sums: &Sums) -> anyhow::Result<()> {
    let found = objects.head(path).await.context("what was uploaded is not there")?;
    ensure!(found.size == sums.bytes, "{} bytes arrived of {}", found.size, sums.bytes);
    if found.e_tag.as_deref().is_some_and(|tag| tag.trim_matches('"') == sums.etag) {
        return Ok(());
    }
    let mut sha = hmac_sha256::Hash::new();
    let mut from = 0;
    while from < found.size {
        let to = found.size.min(from + (8 << 20));
        sha.update(objects.get_range(path, from..to).await?);
        from = to;
    }
    ensure!(hex(&sha.finalize()) == sums.sha256, "what arrived is not what was sent");
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[test]
    fn sums_are_those_of_s3() {
        // Of the AWS command line for 5 bytes in parts of 4.
        let sums = Sums::read(&b"hello"[..], 4).unwrap();
        let parts = [md5::compute("hell").0, md5::compute("o").0].concat();
        assert_eq!(sums.etag, format!("{:x}-2", md5::compute(parts)));
        assert_eq!(sums.bytes, 5);
        assert!(sums.sha256.starts_with("2cf24dba5fb0a30e26e83b2ac5b9e29e"));
        // Where the last part is a whole one, none follows.
        assert!(Sums::read(&b"hellhell"[..], 4).unwrap().etag.ends_with("-2"));
    }

    #[tokio::test]
    async fn what_differs_is_found() {
        let (objects, path) = (InMemory::new(), Path::from("x"));
        let sums = Sums::read(&b"hello"[..], 4).unwrap();
        assert!(verify(&objects, &path, &sums).await.is_err());
        for (bytes, same) in [("hello", true), ("hallo", false), ("hell", false)] {
            objects.put(&path, bytes.into()).await.unwrap();
            assert_eq!(verify(&objects, &path, &sums).await.is_ok(), same, "{bytes}");
        }
    }
}
