//! What a player gets for a name.

use std::borrow::Cow;

use bytes::Bytes;

use crate::buf::Chain;

/// How long an answer may be kept (rfc8216bis B.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cache {
    /// The name never stands for other bytes: keep it as long as liked.
    Immutable,
    /// A live playlist: keep it for at most this many milliseconds, half a target duration.
    Live {
        /// Milliseconds.
        max_age_ms: u32,
    },
    /// An answer to a request that says which segment or part it waits for: nothing newer is asked for under that address.
    /// Keep it for at most this many milliseconds.
    Blocking {
        /// Milliseconds.
        max_age_ms: u32,
    },
    /// A playlist that does not change again (the stream ended), but may if the stream is resumed.
    Ended,
}

impl Cache {
    /// The value of a `Cache-Control` header.
    #[must_use]
    pub fn header(self) -> Cow<'static, str> {
        match self {
            Self::Immutable => Cow::Borrowed("public, max-age=31536000, immutable"),
            // Whole seconds are all that the header can say.
            Self::Live { max_age_ms: age @ 1000.. }
            | Self::Blocking { max_age_ms: age @ 1000.. } => {
                Cow::Owned(format!("public, max-age={}", age / 1000))
            }
            Self::Live { .. } | Self::Blocking { .. } | Self::Ended => Cow::Borrowed("no-cache"),
        }
    }
}

/// One answer: a playlist, an init segment, a media segment or a part of one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct File {
    /// Value of the `Content-Type` header.
    pub content_type: &'static str,
    /// How long it may be kept.
    pub cache: Cache,
    /// Value of the `ETag` header, quotes included. Equal tags mean equal bytes.
    pub etag: String,
    /// The bytes, shared with the muxer.
    pub body: Chain,
}

/// A playlist's text and its tag, made once and shared.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    pub(super) text: Bytes,
    etag: String,
}

impl Text {
    pub(super) fn new(text: String) -> Self {
        let etag = format!("\"{:016x}\"", fnv1a(text.as_bytes()));
        Self { text: text.into(), etag }
    }

    pub(super) fn file(&self, cache: Cache) -> File {
        File {
            content_type: "application/vnd.apple.mpegurl",
            cache,
            etag: self.etag.clone(),
            body: self.text.clone().into(),
        }
    }
}

impl File {
    /// An init or media segment; `head` are the bytes that tell it from others of the same name.
    pub(super) fn media(content_type: &'static str, head: &[u8], body: Chain) -> Self {
        let etag = format!("\"{:016x}-{:x}\"", fnv1a(head), body.len());
        Self { content_type, cache: Cache::Immutable, etag, body }
    }
}

/// FNV-1a over `bytes`, 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e1_24_what_caches_are_told() {
        let header = |cache: Cache| cache.header().into_owned();
        assert_eq!(header(Cache::Immutable), "public, max-age=31536000, immutable");
        assert_eq!(header(Cache::Live { max_age_ms: 1500 }), "public, max-age=1");
        assert_eq!(header(Cache::Live { max_age_ms: 500 }), "no-cache");
        assert_eq!(header(Cache::Blocking { max_age_ms: 12_000 }), "public, max-age=12");
        assert_eq!(header(Cache::Ended), "no-cache");
    }
}
