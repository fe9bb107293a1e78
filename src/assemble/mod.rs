//! Messages and tags into access units.
//!
//! A message is not a frame: senders put one NAL unit in a message, several frames in one, start codes where lengths
//! belong, or no header at all. What comes out here is one access unit a sample, in one configuration at a time, on a
//! time line that never runs back.

mod audio;
mod clock;
mod video;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::amf::Value;
use crate::error::{ErrorKind, Notice, Tally};
use crate::flv::body::{AudioBody, AudioCodec, PacketType, VideoBody, VideoCodec};
use crate::flv::{Tag, TagKind, parse_metadata};
use crate::limits::Limits;
use crate::media::{AccessUnit, CodecConfig, Track, TrackId};

use audio::AudioAssembly;
use clock::Clock;
use video::VideoAssembly;

/// Ticks a second of all times that come from RTMP and FLV: microseconds, which wire milliseconds fit exactly.
pub const TIMESCALE: u32 = 1_000_000;

/// Units that may wait behind a picture that is still growing.
const MAX_BEHIND: usize = 64;
/// How far the audio may be ahead of a picture that is still growing, in milliseconds.
const MAX_AHEAD_MS: i32 = 250;

/// What the assembler tolerated, repaired or left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoticeKind {
    /// A body whose header cannot be read, left out.
    MalformedBody,
    /// Video of a codec, or in a packet, that is not implemented, left out.
    UnsupportedVideo,
    /// Audio of a codec, or in a packet, that is not implemented, left out.
    UnsupportedAudio,
    /// An empty sequence header, ignored.
    EmptyConfig,
    /// A sequence header that cannot be read, ignored.
    BadConfig,
    /// Frames before any configuration, left out.
    BeforeConfig,
    /// Parameter sets in the stream that are not those of the sequence header.
    InBandConfig,
    /// Start codes where NAL unit lengths belong, rewritten.
    AnnexB,
    /// Start codes inside a NAL unit, split.
    InnerStartCode,
    /// NAL units of no bytes, left out.
    EmptyNal,
    /// A NAL unit length past the end of its message: the rest of the message is left out.
    NalOverrun,
    /// Access unit delimiters, left out: an MP4 sample must not have them.
    Delimiter,
    /// A message without a picture, put ahead of the next one.
    NoPicture,
    /// Pictures that come in several messages, joined.
    SplitPicture,
    /// A part of a picture that was given already, left out.
    LateSlice,
    /// Pictures that had to be copied into a new buffer.
    Rebuilt,
    /// A key-frame flag that the NAL units contradict, ignored.
    KeyFlag,
    /// A composition time past 15 minutes, replaced by the one before.
    CompositionTime,
    /// A decode time not after the one before, moved on.
    NonMonotonic,
    /// A time of one track far off the stream's, moved to where the track was.
    TimeJump,
    /// AAC frames with ADTS headers, taken off.
    Adts,
    /// AAC frames of no bytes, left out.
    EmptyFrame,
}

/// What comes out of an [`Assembler`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A track in a new configuration: before its first unit, and again on a real change, right before the key frame
    /// that it applies from.
    Track(Track),
    /// One access unit.
    Unit(AccessUnit),
    /// The times of all tracks jumped: what follows is a new epoch, with no relation to the times before.
    Discontinuity,
    /// What the encoder says of the stream (`onMetaData`): advice, which need not be true.
    Metadata(Value),
    /// No more units of this track will come.
    EndOfTrack(TrackId),
    /// A deviation that was tolerated, at its first time; [`Assembler::notices`] has the counts.
    Notice(Notice<NoticeKind>),
}

/// Makes access units of the tags of one stream.
///
/// Give tags with [`handle_tag`](Self::handle_tag) and take events with [`poll_event`](Self::poll_event) after each;
/// at the end call [`finish`](Self::finish) and take what is left. Nothing is ever an error: what cannot be used is
/// left out, counted and said once.
///
/// A stream whose messages are whole pictures passes without delay, but for its first picture, which waits for the
/// next message to show that it was whole. Payloads that already are as an MP4 sample has them are shared, not copied.
#[derive(Debug)]
pub struct Assembler {
    limits: Limits,
    video: VideoAssembly,
    audio: AudioAssembly,
    clock: Clock,
    stage: Stage,
    events: VecDeque<Event>,
}

/// A configuration or unit between the two stages: assembled, and not yet timed.
#[derive(Clone, Debug)]
enum Item {
    Track(Track),
    Unit(RawUnit),
}

impl Item {
    const fn bytes(&self) -> usize {
        match self {
            Self::Track(_) => 0,
            Self::Unit(unit) => unit.data.len(),
        }
    }
}

#[derive(Clone, Debug)]
struct RawUnit {
    track: TrackId,
    /// Wire time in milliseconds.
    wire: u32,
    /// Time behind the message's, in microseconds: for the second and further frames of one message.
    behind: i64,
    /// Composition time in milliseconds.
    composition: i32,
    key: bool,
    data: Bytes,
}

/// What the first stage gives to the second.
#[derive(Debug, Default)]
struct Stage {
    items: VecDeque<Item>,
    notices: Tally<NoticeKind>,
    fresh: Vec<Notice<NoticeKind>>,
}

impl Stage {
    fn note(&mut self, kind: NoticeKind, clause: &'static str) {
        self.fresh.extend(self.notices.count(kind, clause));
    }
}

impl Assembler {
    /// An assembler at the start of a stream.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            video: VideoAssembly::new(limits),
            audio: AudioAssembly::default(),
            clock: Clock::default(),
            stage: Stage::default(),
            events: VecDeque::new(),
        }
    }

    /// Takes the next tag or message of the stream.
    pub fn handle_tag(&mut self, tag: &Tag) {
        match tag.kind {
            TagKind::Video => self.handle_video(tag),
            TagKind::Audio => self.handle_audio(tag),
            TagKind::Script => {
                let metadata = parse_metadata(&tag.body, &self.limits);
                self.events.extend(metadata.map(Event::Metadata));
            }
        }
        self.run();
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Ends the stream: gives what was held, and the end of each track.
    pub fn finish(&mut self) {
        self.video.release(&mut self.stage);
        self.run();
        let mut out = Vec::new();
        self.clock.finish(&mut |event| out.push(event), &mut self.stage);
        self.events.extend(out);
        self.say();
        for (id, known) in
            [(TrackId::VIDEO, self.video.has_config()), (TrackId::AUDIO, self.audio.has_config())]
        {
            if known {
                self.events.push_back(Event::EndOfTrack(id));
            }
        }
    }

    /// What was tolerated so far, each kind with its count.
    #[must_use]
    pub fn notices(&self) -> &[Notice<NoticeKind>] {
        self.stage.notices.as_slice()
    }

    fn handle_video(&mut self, tag: &Tag) {
        match VideoBody::parse(&tag.body) {
            Ok(body) if body.packet == PacketType::Command => {}
            Ok(body) if body.track != 0 => self.stage.note(NoticeKind::UnsupportedVideo, ""),
            Ok(body) if body.codec == VideoCodec::Avc => {
                self.video.handle(&body, tag.timestamp, &mut self.stage);
            }
            Err(error) if error.kind() != ErrorKind::Unsupported => {
                self.stage.note(NoticeKind::MalformedBody, "FLV 10.1 E.4.3.1");
            }
            _ => self.stage.note(NoticeKind::UnsupportedVideo, ""),
        }
    }

    fn handle_audio(&mut self, tag: &Tag) {
        match AudioBody::parse(&tag.body) {
            Ok(body) if body.track == 0 && body.codec == AudioCodec::Aac => {
                self.audio.handle(&body, tag.timestamp, &mut self.stage);
                if let Some(wire) = self.video.growing_since() {
                    let ahead = tag.timestamp.wrapping_sub(wire).cast_signed();
                    if ahead > MAX_AHEAD_MS || self.stage.items.len() > MAX_BEHIND {
                        self.video.release(&mut self.stage);
                    }
                }
            }
            Err(error) if error.kind() != ErrorKind::Unsupported => {
                self.stage.note(NoticeKind::MalformedBody, "FLV 10.1 E.4.2.1");
            }
            _ => self.stage.note(NoticeKind::UnsupportedAudio, ""),
        }
    }

    /// Times what the first stage gave, unless it waits behind a picture that may still grow.
    fn run(&mut self) {
        for item in self.video.take_ready(&mut self.stage) {
            let events = &mut self.events;
            self.clock.handle(item, &mut |event| events.push_back(event), &mut self.stage);
        }
        self.say();
    }

    fn say(&mut self) {
        self.events.extend(self.stage.fresh.drain(..).map(Event::Notice));
    }
}

fn track(id: TrackId, config: &Arc<CodecConfig>) -> Track {
    Track { id, timescale: TIMESCALE, config: Arc::clone(config) }
}
