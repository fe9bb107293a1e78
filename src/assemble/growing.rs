//! A picture whose messages may not all have come.

use bytes::Bytes;

use super::{NoticeKind, RawUnit, Stage};
use crate::buf::Writer;
use crate::codec::h264::slice::Field;
use crate::media::TrackId;

/// What a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Framing {
    /// Not known yet: a picture is held until the next message.
    #[default]
    Unknown,
    /// One message, one picture.
    Whole,
    /// A picture may come in several messages.
    Split,
}

#[derive(Debug)]
pub(super) struct Growing {
    pub(super) wire: u32,
    pub(super) key: bool,
    /// The first field of a frame whose second field may come in a message of its own.
    pub(super) field: Option<Field>,
    composition: i64,
    /// With 4-byte lengths, and so are those that followed.
    first: Bytes,
    more: Vec<Bytes>,
    bytes: usize,
}

impl Growing {
    pub(super) fn new(
        wire: u32,
        composition: i64,
        key: bool,
        prefix: Vec<u8>,
        part: Bytes,
    ) -> Self {
        let bytes = prefix.len() + part.len();
        let (first, more) =
            if prefix.is_empty() { (part, Vec::new()) } else { (prefix.into(), vec![part]) };
        Self { wire, key, field: None, composition, first, more, bytes }
    }

    /// Adds a further message of the picture; false where the picture would outgrow `limit` bytes.
    pub(super) fn push(&mut self, part: Bytes, limit: usize) -> bool {
        let fits = self.bytes.saturating_add(part.len()) <= limit;
        if fits {
            self.bytes += part.len();
            self.more.push(part);
        }
        fits
    }

    pub(super) fn into_unit(self, track: TrackId, stage: &mut Stage) -> RawUnit {
        let Self { wire, key, composition, first, more, bytes, .. } = self;
        let data = if more.is_empty() {
            first
        } else {
            stage.note(NoticeKind::Rebuilt, "ISO/IEC 14496-15 5.3.3.1");
            let mut out = Writer::with_capacity(bytes);
            out.bytes(&first);
            more.iter().for_each(|part| out.bytes(part));
            out.freeze()
        };
        RawUnit { track, wire, behind: 0, composition, key, data }
    }
}
