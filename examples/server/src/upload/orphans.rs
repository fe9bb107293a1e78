//! Uploads that a crash cut off before they were noted: the bucket keeps their parts, and bills them, until they are aborted.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::http::Method;
use object_store::aws::AmazonS3;
use object_store::multipart::MultipartStore as _;
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer as _};
use serde::Deserialize;

use super::Uploader;
use super::target::Target;
use crate::catalogue::AssetState;

/// Pages of a thousand uploads that are looked at.
const PAGES: usize = 10;
/// One request.
const REQUEST: Duration = Duration::from_secs(30);

/// `ListMultipartUploadsResult`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Listed {
    #[serde(rename = "Upload")]
    uploads: Vec<Listing>,
    is_truncated: bool,
    next_key_marker: String,
    next_upload_id_marker: String,
}

/// One upload that has not come to its end.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Listing {
    key: String,
    upload_id: String,
}

impl Uploader {
    /// Aborts uploads of what is still to be uploaded that are not the noted ones. Others in the bucket may be another's.
    pub(super) async fn abort_orphans(&self) -> anyhow::Result<()> {
        let Some(Target::Bucket(bucket, prefix)) = &self.target else { return Ok(()) };
        let mut ours = HashMap::new();
        for state in [AssetState::Waiting, AssetState::Uploading] {
            for asset in self.in_state(state).await? {
                let path = self.target.as_ref().map(|target| target.path(&asset.key));
                ours.extend(path.map(|path| (path.to_string(), asset.upload_id)));
            }
        }
        if ours.is_empty() {
            return Ok(());
        }
        for upload in list(bucket, prefix).await? {
            let noted = ours.get(&upload.key);
            if noted.is_some_and(|noted| noted.as_ref() != Some(&upload.upload_id)) {
                bucket.abort_multipart(&Path::from(upload.key), &upload.upload_id).await?;
                tracing::info!("an upload that was cut off before it was noted is aborted");
            }
        }
        Ok(())
    }
}

/// Uploads below `prefix` that have not come to their end. The library has no call for it.
async fn list(bucket: &AmazonS3, prefix: &str) -> anyhow::Result<Vec<Listing>> {
    let http = crate::hooks::http_client(None)?;
    let (mut found, mut key, mut id) = (Vec::new(), String::new(), String::new());
    for _ in 0..PAGES {
        let mut query = vec![("uploads", String::new()), ("prefix", prefix.to_owned())];
        if !key.is_empty() {
            query.extend([("key-marker", key), ("upload-id-marker", id)]);
        }
        let options = SignedUrlOptions::default().with_query(query);
        let root = Path::default();
        let url = bucket.signed_url_opts(Method::GET, &root, REQUEST, &options).await?;
        let response = http.get(url).timeout(REQUEST).send().await;
        let response = response.map_err(|error| error.without_url())?;
        let status = response.status();
        ensure!(status.is_success(), "the bucket does not list its uploads: {status}");
        let text = response.text().await.map_err(|error| error.without_url())?;
        let page: Listed = quick_xml::de::from_str(&text).context("a list of uploads")?;
        found.extend(page.uploads);
        if !page.is_truncated {
            break;
        }
        (key, id) = (page.next_key_marker, page.next_upload_id_marker);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_uploads_is_read() {
        let text = "<?xml version=\"1.0\"?><ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Bucket>b</Bucket><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>\
            <Upload><Key>a/b &amp; c</Key><UploadId>1</UploadId><Initiated>x</Initiated></Upload>\
            <Upload><Key>d</Key><UploadId>2</UploadId></Upload></ListMultipartUploadsResult>";
        let listed: Listed = quick_xml::de::from_str(text).unwrap();
        assert!(listed.is_truncated && listed.next_key_marker == "k");
        let both: Vec<_> = listed.uploads.iter().map(|it| (&*it.key, &*it.upload_id)).collect();
        assert_eq!(both, [("a/b & c", "1"), ("d", "2")]);
        let none: Listed = quick_xml::de::from_str("<ListMultipartUploadsResult/>").unwrap();
        assert!(none.uploads.is_empty() && !none.is_truncated);
    }
}
