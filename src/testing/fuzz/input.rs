//! From bytes to what the targets need.

use bytes::Bytes;

use crate::flv::{Tag, TagKind};
use crate::limits::Limits;
use crate::testing::chop::{Chop, pieces};

/// Limits that a small input can reach.
pub(super) fn limits() -> Limits {
    Limits {
        message_bytes: 1 << 20,
        reassembly_bytes: 2 << 20,
        chunk_streams: 8,
        chunks_per_message: 1 << 12,
        queued_events: 16,
        queued_output_bytes: 16 << 10,
        amf_depth: 16,
        amf_values: 1024,
        gop_bytes: 16 << 10,
        segment_bytes: 64 << 10,
        parameter_set_bytes: 4 << 10,
        ..Limits::default()
    }
}

/// The ways to split an input that the input itself chooses.
pub(super) fn splits(data: &[u8]) -> Vec<Vec<&[u8]>> {
    let seed = data.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let every = usize::try_from(seed >> 56).unwrap_or(0) / 8 + 1;
    vec![pieces(data, Chop::Random(seed)), pieces(data, Chop::Every(every))]
}

/// Big-endian number at the front.
pub(super) fn number(data: &mut &[u8], bytes: usize) -> u64 {
    take(data, bytes).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Up to `count` bytes off the front.
pub(super) fn take<'a>(data: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (head, rest) = data.split_at_checked(count).unwrap_or((data, &[]));
    *data = rest;
    head
}

/// Tags as an FLV file has them behind its header; types, sizes and back pointers need not be right.
pub(super) fn tags(mut data: &[u8]) -> Vec<Tag> {
    let mut tags = Vec::new();
    while data.len() > 11 {
        let kind = match number(&mut data, 1) & 0x1f {
            8 => TagKind::Audio,
            18 => TagKind::Script,
            _ => TagKind::Video,
        };
        let size = usize::try_from(number(&mut data, 3)).unwrap_or(0);
        let low = number(&mut data, 3);
        let timestamp = u32::try_from(number(&mut data, 1) << 24 | low).unwrap_or(0);
        take(&mut data, 3);
        let body = Bytes::copy_from_slice(take(&mut data, size));
        take(&mut data, 4);
        tags.push(Tag { kind, timestamp, body });
    }
    tags
}
