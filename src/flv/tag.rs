//! One FLV tag, which is also one RTMP media message: the two protocols share their bodies.

use bytes::Bytes;

/// What a tag carries: the FLV tag type, equal to the RTMP message type (FLV 10.1 E.4.1, RTMP 1.0 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TagKind {
    /// Type 8.
    Audio = 8,
    /// Type 9.
    Video = 9,
    /// Type 18: AMF0 script data.
    Script = 18,
}

impl TagKind {
    /// The kind of an FLV tag type or RTMP message type; `None` for those that carry no media.
    #[must_use]
    pub const fn from_type_id(type_id: u8) -> Option<Self> {
        Some(match type_id {
            8 => Self::Audio,
            9 => Self::Video,
            18 => Self::Script,
            _ => return None,
        })
    }

    /// The FLV tag type and RTMP message type.
    #[must_use]
    pub const fn type_id(self) -> u8 {
        self as u8
    }
}

/// One tag: kind, wire timestamp and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What the body is.
    pub kind: TagKind,
    /// Milliseconds, wrapping at 2^32.
    pub timestamp: u32,
    /// The body behind the tag header, shared.
    pub body: Bytes,
}
