//! What waits for one player.

use std::collections::VecDeque;

use crate::flv::body::{AudioBody, PacketType, VideoBody};
use crate::flv::{Tag, TagKind};

use super::gop_cache::starts_group;

/// Overflows without the queue once having run empty between them, after which the player is given up.
const HOPELESS_OVERFLOWS: u32 = 8;

/// What a queued item is to a decoder: what may be dropped, and where playing can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemClass {
    /// Metadata: kept, the latest only.
    Metadata,
    /// Decoder configuration of the video: kept, the latest only.
    VideoHeader,
    /// Decoder configuration of the audio: kept, the latest only.
    AudioHeader,
    /// A video frame that decoding can start at.
    KeyFrame,
    /// A video frame that needs others.
    InterFrame,
    /// An audio frame.
    Audio,
    /// A header of a further track: kept as long as frames are.
    TrackHeader,
}

impl ItemClass {
    /// The class of a tag.
    #[must_use]
    pub fn of(tag: &Tag) -> Self {
        match tag.kind {
            TagKind::Script => Self::Metadata,
            TagKind::Audio => match AudioBody::parse(&tag.body) {
                Ok(body) if body.packet == PacketType::SequenceHeader => {
                    if body.track == 0 {
                        Self::AudioHeader
                    } else {
                        Self::TrackHeader
                    }
                }
                _ => Self::Audio,
            },
            TagKind::Video => match VideoBody::parse(&tag.body) {
                Ok(body) if body.packet == PacketType::SequenceHeader => {
                    if body.track == 0 {
                        Self::VideoHeader
                    } else {
                        Self::TrackHeader
                    }
                }
                Ok(body) if body.packet == PacketType::Metadata => Self::TrackHeader,
                Ok(body)
                    if body.packet == PacketType::Frames
                        && body.track == 0
                        && starts_group(&body) =>
                {
                    Self::KeyFrame
                }
                _ => Self::InterFrame,
            },
        }
    }

    const fn is_kept(self) -> bool {
        matches!(self, Self::Metadata | Self::VideoHeader | Self::AudioHeader)
    }
}

/// A queue for one slow reader, bounded by bytes. The publisher never waits for it.
///
/// Where an item does not fit, what is queued is dropped up to the latest key frame, or wholly where that is not
/// enough; inter frames are then left out up to the next key frame. Headers stay.
#[derive(Clone, Debug)]
pub struct PlayerQueue<T> {
    max_bytes: usize,
    bytes: usize,
    items: VecDeque<Item<T>>,
    waits_for_key: bool,
    dropped: u64,
    overflows: u32,
}

#[derive(Clone, Debug)]
struct Item<T> {
    class: ItemClass,
    bytes: usize,
    value: T,
}

impl<T> PlayerQueue<T> {
    /// An empty queue of at most `max_bytes`.
    #[must_use]
    pub const fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            bytes: 0,
            items: VecDeque::new(),
            waits_for_key: false,
            dropped: 0,
            overflows: 0,
        }
    }

    /// Queues `value`, which counts as `bytes`. Returns whether it was queued: a frame may be left out.
    pub fn push(&mut self, class: ItemClass, bytes: usize, value: T) -> bool {
        if self.waits_for_key && class == ItemClass::InterFrame {
            self.dropped += 1;
            return false;
        }
        if self.bytes.saturating_add(bytes) > self.max_bytes {
            self.overflow(class, bytes);
            let inter_frame_without_key = self.waits_for_key && class == ItemClass::InterFrame;
            if inter_frame_without_key || self.bytes.saturating_add(bytes) > self.max_bytes {
                self.waits_for_key |= class == ItemClass::KeyFrame;
                self.dropped += 1;
                return false;
            }
        }
        if class == ItemClass::KeyFrame {
            self.waits_for_key = false;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.items.push_back(Item { class, bytes, value });
        true
    }

    /// The next item to send.
    pub fn pop(&mut self) -> Option<T> {
        let item = self.items.pop_front()?;
        self.bytes = self.bytes.saturating_sub(item.bytes);
        if self.items.is_empty() {
            self.overflows = 0;
        }
        Some(item.value)
    }

    /// Bytes queued.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Items queued.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether video frames are left out up to the next key frame, because frames ahead of them were dropped.
    #[must_use]
    pub const fn waits_for_key(&self) -> bool {
        self.waits_for_key
    }

    /// Items dropped so far.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether the player takes so little that it is better disconnected: the queue overflowed eight times without
    /// once running empty.
    #[must_use]
    pub const fn is_hopeless(&self) -> bool {
        self.overflows >= HOPELESS_OVERFLOWS
    }

    /// Makes room for `bytes` of `class`.
    fn overflow(&mut self, class: ItemClass, bytes: usize) {
        self.overflows = self.overflows.saturating_add(1);
        let has_video = |class| matches!(class, ItemClass::KeyFrame | ItemClass::InterFrame);
        let video = has_video(class) || self.items.iter().any(|item| has_video(item.class));
        if class != ItemClass::KeyFrame {
            let key = self.items.iter().rposition(|item| item.class == ItemClass::KeyFrame);
            if let Some(key) = key {
                self.drop_before(key);
                // Only worth it where it makes room for a while.
                if self.bytes.saturating_add(bytes) <= self.max_bytes / 2 {
                    return;
                }
            }
        }
        self.drop_before(self.items.len());
        self.waits_for_key |= video;
    }

    /// Drops frames before item `end`, and of the headers before it all but the latest of each class.
    fn drop_before(&mut self, end: usize) {
        let mut kept: Vec<Item<T>> = Vec::new();
        for item in self.items.drain(..end) {
            if !item.class.is_kept() {
                self.bytes = self.bytes.saturating_sub(item.bytes);
                self.dropped += 1;
                continue;
            }
            if let Some(older) = kept.iter().position(|other| other.class == item.class) {
                self.bytes = self.bytes.saturating_sub(kept.remove(older).bytes);
                self.dropped += 1;
            }
            kept.push(item);
        }
        kept.into_iter().rev().for_each(|item| self.items.push_front(item));
    }
}
