//! Aggregate messages (RTMP 1.0 7.1.6): FLV tags with their back pointers in one message.

use bytes::Bytes;

use super::type_id;
use crate::rtmp::chunk::Message;

/// Bytes of an FLV tag header.
const TAG_HEADER: usize = 11;
/// Bytes of the back pointer behind each tag.
const BACK_POINTER: usize = 4;

/// One message of an aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateTag {
    /// Message type id of the tag.
    pub type_id: u8,
    /// Absolute time in milliseconds: the aggregate's time plus the tag's distance from the first tag.
    pub timestamp: u32,
    /// The tag's body, shared with the aggregate.
    pub payload: Bytes,
}

/// Gives the tags of an aggregate message, one at a time. A tag that is cut short ends it.
#[derive(Clone, Debug)]
pub struct Aggregate {
    rest: Bytes,
    timestamp: u32,
    first: Option<u32>,
    truncated: bool,
}

impl Aggregate {
    /// Splits a message of type 22. Payload is shared. The stream ids within are ignored: the message's own counts.
    #[must_use]
    pub fn new(message: &Message) -> Self {
        Self {
            rest: message.payload.clone(),
            timestamp: message.timestamp,
            first: None,
            truncated: false,
        }
    }

    /// Whether it ended in the middle of a tag, or at an aggregate within the aggregate.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    fn split(&mut self) -> Option<AggregateTag> {
        let &[kind, s0, s1, s2, t0, t1, t2, t3, ..] = self.rest.first_chunk::<TAG_HEADER>()?;
        let size = u32::from_be_bytes([0, s0, s1, s2]) as usize;
        let time = u32::from_be_bytes([t3, t0, t1, t2]);
        // The upper bits of the type are flags in FLV.
        let type_id = kind & 0x1f;
        if type_id == type_id::AGGREGATE || self.rest.len() - TAG_HEADER < size {
            return None;
        }
        let mut tag = self.rest.split_to(TAG_HEADER + size);
        let payload = tag.split_off(TAG_HEADER);
        // The last back pointer may be missing.
        self.rest = self.rest.split_off(self.rest.len().min(BACK_POINTER));
        let first = *self.first.get_or_insert(time);
        let timestamp = self.timestamp.wrapping_add(time.wrapping_sub(first));
        Some(AggregateTag { type_id, timestamp, payload })
    }
}

impl Iterator for Aggregate {
    type Item = AggregateTag;

    fn next(&mut self) -> Option<AggregateTag> {
        if self.rest.is_empty() {
            return None;
        }
        let tag = self.split();
        if tag.is_none() {
            self.truncated = true;
            self.rest = Bytes::new();
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: u8, time: u32, body: &[u8]) -> Vec<u8> {
        let [_, s @ ..] = u32::try_from(body.len()).unwrap().to_be_bytes();
        let [t3, t @ ..] = time.to_be_bytes();
        let back = u32::try_from(body.len() + 11).unwrap().to_be_bytes();
        [&[kind][..], &s, &t, &[t3, 7, 7, 7], body, &back].concat()
    }

    fn aggregate(timestamp: u32, payload: Vec<u8>) -> Aggregate {
        Aggregate::new(&Message { type_id: 22, stream_id: 1, timestamp, payload: payload.into() })
    }

    #[test]
    fn a4_19_tags_are_timed_from_the_aggregate() {
        let body = [tag(8, 500, b"a"), tag(9, 0x0100_0000, b"video"), tag(9, 490, b"")].concat();
        let mut split = aggregate(1000, body);
        let tags: Vec<_> =
            split.by_ref().map(|tag| (tag.type_id, tag.timestamp, tag.payload.to_vec())).collect();
        let expected = [
            (8, 1000, b"a".to_vec()),
            (9, 1000 + 0x0100_0000 - 500, b"video".to_vec()),
            (9, 990, Vec::new()),
        ];
        assert_eq!(tags, expected);
        assert!(!split.is_truncated());
    }

    #[test]
    fn a4_19_complete_tags_of_a_truncated_aggregate_are_kept() {
        let whole = [tag(8, 0, b"one"), tag(9, 1, b"two")].concat();
        for len in 0..whole.len() {
            let mut split = aggregate(0, whole[..len].to_vec());
            let count = split.by_ref().count();
            assert_eq!(count, usize::from(len >= 14) + usize::from(len >= 32), "{len} bytes");
            let ends_well = matches!(len, 0 | 14..=18 | 32..);
            assert_eq!(split.is_truncated(), !ends_well, "{len} bytes");
        }
    }

    #[test]
    fn a4_19_nested_aggregate_ends_the_split() {
        let mut split = aggregate(0, [tag(8, 0, b"x"), tag(22, 0, &tag(8, 0, b"y"))].concat());
        assert_eq!(split.by_ref().count(), 1);
        assert!(split.is_truncated());
    }
}
