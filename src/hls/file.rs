//! What a player gets for a name.

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
    /// A playlist that does not change again (the stream ended), but may if the stream is resumed.
    Ended,
}

impl Cache {
    /// The value of a `Cache-Control` header.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::Immutable => "public, max-age=31536000, immutable",
            // Whole seconds are all that the header can say; half of two seconds is one.
            Self::Live { max_age_ms: 2000.. } => "public, max-age=1",
            Self::Live { .. } | Self::Ended => "no-cache",
        }
    }
}

/// One answer: a playlist, an init segment or a media segment.
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

impl File {
    pub(super) fn playlist(text: &Bytes, cache: Cache) -> Self {
        Self {
            content_type: "application/vnd.apple.mpegurl",
            cache,
            etag: format!("\"{:016x}\"", fnv1a(text)),
            body: text.clone().into(),
        }
    }

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
