//! Who publishes, where two want to.

use super::GopCache;
use crate::flv::body::{PacketType, VideoBody};
use crate::flv::{Tag, TagKind};

use super::gop_cache::starts_group;

/// Sound without video that is heard before a publisher without video takes over, in milliseconds.
const SOUND_ALONE_MS: u32 = 1000;

/// What happens to a publisher who asks for a name that is being published. Whoever asks must have the same right to the
/// name as who has it: this decides between equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Takeover {
    /// It is refused. A publisher whose connection is half open keeps the name until its silence is noticed.
    Refuse,
    /// It is refused, but for a client that said in `connect` that it reconnects on request (Enhanced RTMP v2, `capsEx`):
    /// such a client opens its new connection before it leaves the old one. The default: no encoder of today is
    /// put off its stream by another with the same key.
    #[default]
    Reconnecting,
    /// It takes the name.
    Always,
}

impl Takeover {
    /// Whether the newcomer may take the name. `reconnects` is whether it said so.
    #[must_use]
    pub const fn allows(self, reconnects: bool) -> bool {
        match self {
            Self::Refuse => false,
            Self::Reconnecting => reconnects,
            Self::Always => true,
        }
    }
}

/// A publisher that is to take over, up to its first key frame: until then the one before it goes on, and players see no
/// gap.
///
/// Give it the tags of the newcomer. When it gives tags, the newcomer publishes from there on, and these are its first:
/// metadata, headers and the key frame. Nothing else of what came before is kept.
#[derive(Clone, Debug)]
pub struct Handover {
    cache: GopCache,
    has_video: bool,
    first_sound: Option<u32>,
}

impl Handover {
    /// A newcomer that has sent nothing. What it is to be given is bounded by `max_bytes`.
    #[must_use]
    pub const fn new(max_bytes: usize) -> Self {
        Self { cache: GopCache::new(max_bytes), has_video: false, first_sound: None }
    }

    /// Takes the newcomer's next tag, and gives its first tags once it is to take over: at its first key frame, or after a
    /// second of sound without video.
    pub fn handle_tag(&mut self, tag: &Tag) -> Option<Vec<Tag>> {
        self.cache.handle_tag(tag);
        let ready = match tag.kind {
            TagKind::Video => {
                self.has_video = true;
                VideoBody::parse(&tag.body)
                    .is_ok_and(|body| body.packet == PacketType::Frames && starts_group(&body))
            }
            TagKind::Audio => {
                let first = *self.first_sound.get_or_insert(tag.timestamp);
                let heard = tag.timestamp.wrapping_sub(first).cast_signed();
                !self.has_video && heard >= SOUND_ALONE_MS.cast_signed()
            }
            TagKind::Script => false,
        };
        ready.then(|| self.cache.tags().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: TagKind, timestamp: u32, body: &'static [u8]) -> Tag {
        Tag { kind, timestamp, body: bytes::Bytes::from_static(body) }
    }

    const VIDEO_HEADER: &[u8] = &[0x17, 0, 0, 0, 0, 1];
    const AUDIO_HEADER: &[u8] = &[0xaf, 0, 0x11, 0x90];
    const KEY: &[u8] = &[0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88];
    const INTER: &[u8] = &[0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 0x9a];

    #[test]
    fn a5_34_a6_25_who_may_take_over_is_a_named_policy() {
        assert_eq!(Takeover::default(), Takeover::Reconnecting);
        let allowed = |policy: Takeover| [policy.allows(false), policy.allows(true)];
        assert_eq!(allowed(Takeover::Refuse), [false, false]);
        assert_eq!(allowed(Takeover::Reconnecting), [false, true]);
        assert_eq!(allowed(Takeover::Always), [true, true]);
    }

    #[test]
    fn a6_25_a_newcomer_takes_over_at_its_first_key_frame_with_its_headers() {
        let mut handover = Handover::new(1 << 20);
        for early in [
            tag(TagKind::Video, 0, VIDEO_HEADER),
            tag(TagKind::Audio, 0, AUDIO_HEADER),
            tag(TagKind::Video, 10, INTER),
            tag(TagKind::Audio, 12, &[0xaf, 1, 9]),
            tag(TagKind::Audio, 5000, &[0xaf, 1, 9]),
        ] {
            assert_eq!(handover.handle_tag(&early), None, "{early:?}");
        }
        let key = tag(TagKind::Video, 5040, KEY);
        let first = handover.handle_tag(&key).unwrap();
        let bodies: Vec<&[u8]> = first.iter().map(|tag| tag.body.as_ref()).collect();
        assert_eq!(bodies, [VIDEO_HEADER, AUDIO_HEADER, KEY]);
        assert!(first.iter().all(|tag| tag.timestamp == 5040), "its own time line begins here");
    }

    #[test]
    fn a6_25_sound_alone_takes_over_after_a_second() {
        let mut handover = Handover::new(1 << 20);
        assert_eq!(handover.handle_tag(&tag(TagKind::Audio, 700, AUDIO_HEADER)), None);
        let sound = |time| tag(TagKind::Audio, time, &[0xaf, 1, 9]);
        let mut times = (0..100).map(|n| 700 + n * 21);
        let (at, first) = times
            .find_map(|time| handover.handle_tag(&sound(time)).map(|first| (time, first)))
            .unwrap();
        assert_eq!((at, first[0].body.as_ref()), (700 + 48 * 21, AUDIO_HEADER));
    }
}
