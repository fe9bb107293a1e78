//! What players are not sent.

use crate::flv::body::{PacketType, VideoBody, VideoCodec};
use crate::flv::{Tag, TagKind};

/// Bytes of the longest packet that ends sequences: of many tracks at once.
const MAX_END_BYTES: usize = 4096;

/// Whether players are sent the packet that ends a sequence of pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SequenceEnd {
    /// Not that of HEVC, at which players that know HEVC by its legacy codec id stop (mpegts.js). The default: no player
    /// needs it, since RTMP tells the end of the stream.
    #[default]
    NotOfHevc,
    /// Always.
    Always,
}

impl SequenceEnd {
    /// Whether a tag is to be sent to players. Recordings keep all.
    #[must_use]
    pub fn passes(self, tag: &Tag) -> bool {
        let is_end = || {
            let (bodies, _) = VideoBody::parse_all(&tag.body);
            let ends = |body: &VideoBody| {
                body.packet == PacketType::EndOfSequence && body.codec == VideoCodec::Hevc
            };
            !bodies.is_empty() && bodies.iter().all(ends)
        };
        // The packet has no payload: what is longer is none.
        self == Self::Always
            || tag.kind != TagKind::Video
            || tag.body.len() > MAX_END_BYTES
            || !is_end()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::flv::enhanced::ExHeader;

    fn passes(body: impl Into<Bytes>) -> [bool; 2] {
        let tag = Tag { kind: TagKind::Video, timestamp: 0, body: body.into() };
        [SequenceEnd::default().passes(&tag), SequenceEnd::Always.passes(&tag)]
    }

    #[test]
    fn a6_35_the_end_of_an_hevc_sequence_is_kept_from_players_by_the_named_policy() {
        let ex = |packet, id: &[u8; 4], track| {
            let header = ExHeader::video(packet, false).unwrap();
            passes(header.packet(*id, track, 0, Bytes::new()).to_bytes())
        };
        for track in [0, 3] {
            assert_eq!(ex(PacketType::EndOfSequence, b"hvc1", track), [false, true]);
        }
        assert_eq!(passes(&b"\x1c\x02\x00\x00\x00"[..]), [false, true]);
        let two = b"\x96\x22hvc1\x00\x00\x00\x00hvc1\x01\x00\x00\x00";
        assert_eq!(passes(&two[..]), [false, true]);
        // Other codecs, other packets, and other codecs beside it.
        assert_eq!(ex(PacketType::EndOfSequence, b"av01", 0), [true, true]);
        assert_eq!(ex(PacketType::SequenceHeader, b"hvc1", 0), [true, true]);
        assert_eq!(ex(PacketType::Frames, b"hvc1", 0), [true, true]);
        assert_eq!(passes(&b"\x17\x02\x00\x00\x00"[..]), [true, true]);
        let mixed = b"\x96\x22hvc1\x00\x00\x00\x00av01\x01\x00\x00\x00";
        assert_eq!(passes(&mixed[..]), [true, true]);
        assert_eq!(passes(Bytes::new()), [true, true]);
        let body = Bytes::from_static(b"\x92Opus");
        let sound = Tag { kind: TagKind::Audio, timestamp: 0, body };
        assert!(SequenceEnd::default().passes(&sound));
    }
}
