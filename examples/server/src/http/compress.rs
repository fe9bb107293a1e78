//! Playlists by gzip, compressed once for each change.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderValue;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use streamcore::hls::File;

/// Below this a playlist is not worth it.
const LEAST: usize = 600;
/// Above this it takes long enough to do it elsewhere.
const LARGE: usize = 64 << 10;
/// Playlists that are kept: those of all renditions, whole and as updates, now and before the last change.
const KEPT: usize = 32;

/// Whether the client takes gzip (RFC 9110 12.5.3).
pub fn is_wanted(header: Option<&HeaderValue>) -> bool {
    let text = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

/// Whether it is worth it.
pub fn pays(file: &File) -> bool {
    file.body.len() >= LEAST
}

/// Compressed playlists by the tag of the plain one.
#[derive(Debug, Default)]
pub struct Compressed {
    kept: Mutex<HashMap<String, Bytes>>,
}

impl Compressed {
    /// The playlist as gzip.
    pub async fn get(&self, file: &File) -> Bytes {
        if let Some(found) = self.kept().get(&file.etag) {
            return found.clone();
        }
        let text = file.body.to_bytes();
        let compressed = if text.len() < LARGE {
            gzip(&text)
        } else {
            let plain = text.clone();
            tokio::task::spawn_blocking(move || gzip(&plain)).await.unwrap_or_default()
        };
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(file.etag.clone(), compressed.clone());
        compressed
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, Bytes>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Some text, compressed.
pub fn gzip(text: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::fast());
    // Writing to memory cannot fail.
    let written = encoder.write_all(text).and_then(|()| encoder.finish());
    written.unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e1_22_gzip_is_for_those_who_ask() {
        let wanted = |text: &str| is_wanted(Some(&HeaderValue::try_from(text).unwrap()));
        assert!(wanted("gzip") && wanted("br, GZip;q=0.5") && wanted("deflate,gzip"));
        assert!(!wanted("br") && !wanted("gzip;q=0") && !wanted("gzip; q=0.0") && !wanted(""));
        assert!(!is_wanted(None));
    }
}
