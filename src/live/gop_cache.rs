//! What a player who joins is sent first.

use std::collections::{BTreeMap, VecDeque};

use crate::codec::h264::nal::{LengthPrefixed, NalType, is_first_slice, is_intra_slice};
use crate::flv::body::{AudioBody, AudioCodec, PacketType, VideoBody, VideoCodec};
use crate::flv::{Tag, TagKind, is_metadata};

/// Audio that is kept while there is no video, in milliseconds.
const AUDIO_TAIL_MS: u32 = 1000;
/// What a tag costs beside its body, so that many small tags are bounded too.
const TAG_BYTES: usize = 64;

/// Headers that are kept, of all tracks.
const MAX_HEADERS: usize = 64;

/// Sequence headers, colour and channel orders by track: video first, then by number, the sequence header first.
type Headers = BTreeMap<(Kind, u8, Packet), Tag>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Video,
    Audio,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Packet {
    Config,
    About,
}

/// Keeps metadata, sequence headers and the current group of pictures of one stream, for players who join.
///
/// Feed it every tag with [`handle_tag`](Self::handle_tag). A group that outgrows the bound is dropped whole: a player
/// who joins then waits for the next key frame, behind the headers. Of several video tracks the one of the lowest number
/// leads. A stream without video keeps its last second.
#[derive(Clone, Debug)]
pub struct GopCache {
    max_bytes: usize,
    metadata: Option<Tag>,
    /// In force at the start of the group; a change within the group stands in it.
    headers: Headers,
    newest: Headers,
    /// The video track whose key frames start groups.
    lead: Option<u8>,
    group: VecDeque<Tag>,
    bytes: usize,
    has_video: bool,
    /// A group has begun and is whole so far.
    in_group: bool,
}

impl GopCache {
    /// An empty cache whose group takes at most `max_bytes`, the tags' own memory included.
    #[must_use]
    pub const fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            metadata: None,
            headers: BTreeMap::new(),
            newest: BTreeMap::new(),
            lead: None,
            group: VecDeque::new(),
            bytes: 0,
            has_video: false,
            in_group: false,
        }
    }

    /// Takes in the next tag of the stream.
    pub fn handle_tag(&mut self, tag: &Tag) {
        match tag.kind {
            TagKind::Script if is_metadata(tag) => self.metadata = Some(tag.clone()),
            TagKind::Script => self.keep(tag),
            TagKind::Video => self.handle_video(tag),
            TagKind::Audio => self.handle_audio(tag),
        }
    }

    /// Metadata, video headers, audio headers, then the current group from its key frame, in the order of the stream.
    /// All ahead of the group have the time of its first tag.
    pub fn tags(&self) -> impl Iterator<Item = Tag> + '_ {
        let start = self.group.front().map(|tag| tag.timestamp);
        let metadata = self.metadata.iter();
        metadata
            .chain(self.headers.values())
            .cloned()
            .map(move |tag| Tag { timestamp: start.unwrap_or(tag.timestamp), ..tag })
            .chain(self.group.iter().cloned())
    }

    /// Bytes that the current group takes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all: the stream has ended.
    pub fn clear(&mut self) {
        *self = Self::new(self.max_bytes);
    }

    fn handle_video(&mut self, tag: &Tag) {
        let Ok(body) = VideoBody::parse(&tag.body) else { return };
        self.has_video = true;
        match body.packet {
            PacketType::SequenceHeader => {
                self.keep_header((Kind::Video, body.track, Packet::Config), tag);
            }
            PacketType::Metadata => self.keep_header((Kind::Video, body.track, Packet::About), tag),
            PacketType::Frames if self.leads(body.track) && starts_group(&body) => {
                self.start_group(tag.timestamp);
                self.headers.clone_from(&self.newest);
                self.keep(tag);
            }
            _ => self.keep(tag),
        }
    }

    fn handle_audio(&mut self, tag: &Tag) {
        let body = AudioBody::parse(&tag.body);
        let header = body.ok().and_then(|body| match body.packet {
            PacketType::SequenceHeader if body.codec == AudioCodec::Aac && body.data.len() < 2 => {
                None
            }
            PacketType::SequenceHeader => Some((Kind::Audio, body.track, Packet::Config)),
            PacketType::MultichannelConfig => Some((Kind::Audio, body.track, Packet::About)),
            _ => None,
        });
        if let Some(header) = header {
            self.keep_header(header, tag);
        } else if self.has_video {
            self.keep(tag);
        } else {
            self.in_group = true;
            self.keep(tag);
            self.trim_audio(tag.timestamp);
        }
    }

    /// Whether the key frames of this track start groups: it has the lowest number so far.
    fn leads(&mut self, track: u8) -> bool {
        let lead = self.lead.map_or(track, |lead| lead.min(track));
        self.lead = Some(lead);
        lead == track
    }

    fn keep_header(&mut self, key: (Kind, u8, Packet), tag: &Tag) {
        let known = self.newest.get(&key);
        if known.is_none() && self.newest.len() >= MAX_HEADERS {
            return self.keep(tag);
        }
        if known.is_none_or(|known| known.body != tag.body) {
            self.keep(tag);
        }
        self.newest.insert(key, tag.clone());
        if !self.in_group {
            self.headers.insert(key, tag.clone());
        }
    }

    /// Adds to the group, where there is one.
    fn keep(&mut self, tag: &Tag) {
        if !self.in_group {
            return;
        }
        self.bytes = self.bytes.saturating_add(tag.body.len()).saturating_add(TAG_BYTES);
        if self.group.len() == self.group.capacity() {
            // By a quarter: by twice, half of it would stand empty in each of many streams.
            self.group.reserve_exact((self.group.len() / 4).max(16));
        }
        self.group.push_back(tag.clone());
        if self.bytes > self.max_bytes {
            self.drop_group();
            self.headers.clone_from(&self.newest);
        }
    }

    /// Starts a group with what came ahead of its key frame in messages of their own: delimiter, SEI, parameter sets.
    fn start_group(&mut self, timestamp: u32) {
        let ahead = |tag: &&Tag| tag.kind == TagKind::Video && tag.timestamp == timestamp;
        let ahead: Vec<Tag> = self.group.iter().rev().take_while(ahead).cloned().collect();
        self.drop_group();
        self.in_group = true;
        ahead.iter().rev().for_each(|tag| self.keep(tag));
    }

    fn drop_group(&mut self) {
        self.group.clear();
        self.bytes = 0;
        self.in_group = false;
    }

    /// Keeps the last second of a stream without video.
    fn trim_audio(&mut self, now: u32) {
        while let Some(oldest) = self.group.front() {
            let age = now.wrapping_sub(oldest.timestamp).cast_signed();
            if (0..=AUDIO_TAIL_MS.cast_signed()).contains(&age) {
                break;
            }
            self.bytes = self.bytes.saturating_sub(oldest.body.len() + TAG_BYTES);
            self.group.pop_front();
        }
        // A header within the tail may have slid out of it.
        self.headers.clone_from(&self.newest);
    }
}

/// Whether decoding can start at a body of coded frames. For H.264 the NAL units tell, and the flag only where they
/// cannot be walked.
pub(crate) fn starts_group(body: &VideoBody) -> bool {
    if body.codec != VideoCodec::Avc {
        return body.says_key();
    }
    for nal in LengthPrefixed::new(&body.data, 4) {
        let Ok(nal) = nal else { return body.says_key() };
        match NalType::of(nal) {
            Some(NalType::IDR) => return is_first_slice(nal),
            Some(other) if other.is_vcl() => {
                return body.says_key() && is_first_slice(nal) && is_intra_slice(nal);
            }
            _ => {}
        }
    }
    false
}
