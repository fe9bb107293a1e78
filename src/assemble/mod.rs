//! Messages and tags into access units.
//!
//! A message is not a frame: senders put one NAL unit in a message, several frames in one, start codes where lengths
//! belong, or no header at all. What comes out here is one access unit a sample, in one configuration at a time, on a
//! time line that never runs back.

mod audio;
mod clock;
mod growing;
mod hevc;
mod pictures;
mod sounds;
mod tracks;
mod video;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::amf::Value;
use crate::error::{Notice, Tally};
use crate::flv::body::{AudioBody, VideoBody};
use crate::flv::{Tag, TagKind, parse_metadata};
use crate::limits::Limits;
use crate::media::{AccessUnit, CodecConfig, Track, TrackId};

use clock::Clock;
use tracks::{AudioTrack, VideoTrack};

/// Ticks a second of all times that come from RTMP and FLV: microseconds, which wire milliseconds fit exactly.
pub const TIMESCALE: u32 = 1_000_000;

/// Units that may wait behind a picture that is still growing.
const MAX_BEHIND: usize = 64;
/// How far the audio may be ahead of a picture that is still growing, in milliseconds.
const MAX_AHEAD_MS: i32 = 250;

/// Of the first byte of a video body: a legacy header, and a codec id that is in use for HEVC without a specification.
const LEGACY_HEVC: u8 = 12;

/// Composition times past this many milliseconds are wrong.
const MAX_COMPOSITION_MS: i32 = 15 * 60 * 1000;

/// What the assembler tolerated, repaired or left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoticeKind {
    /// A body whose header cannot be read, or bytes in it that are no frame, left out.
    MalformedBody,
    /// Video of a codec, or in a packet, that is not known or not that of its track, left out.
    UnsupportedVideo,
    /// Audio of a codec, or in a packet, that is not known or not that of its track, left out.
    UnsupportedAudio,
    /// An empty sequence header, ignored.
    EmptyConfig,
    /// A sequence header that cannot be read, ignored.
    BadConfig,
    /// Frames before any configuration, left out.
    BeforeConfig,
    /// A configuration in the stream that is not that of the sequence header.
    InBandConfig,
    /// Start codes where NAL unit lengths belong, rewritten.
    AnnexB,
    /// Start codes inside a NAL unit, split.
    InnerStartCode,
    /// NAL units of no bytes, left out.
    EmptyNal,
    /// A length of a NAL unit or OBU past the end of its message: the rest of the message is left out.
    NalOverrun,
    /// Access unit delimiters, left out: an MP4 sample must not have them.
    Delimiter,
    /// A message without a picture, put ahead of the next one.
    NoPicture,
    /// Pictures that come in several messages, joined.
    SplitPicture,
    /// A part of a picture that was given already, left out.
    LateSlice,
    /// The two fields of a frame in messages of their own, joined.
    FieldPair,
    /// Pictures that had to be copied into a new buffer.
    Rebuilt,
    /// A key-frame flag that the bitstream contradicts, ignored.
    KeyFlag,
    /// A composition time past 15 minutes, replaced by the one before.
    CompositionTime,
    /// A decode time not after the one before, moved on.
    NonMonotonic,
    /// A time of one track far off the stream's, moved to where the track was.
    TimeJump,
    /// Pictures that need others from before the first key frame, left out.
    BeforeKey,
    /// Tracks past [`Limits::tracks`], left out.
    TooManyTracks,
    /// AAC frames, or a sequence header, with ADTS headers, taken off.
    Adts,
    /// HEVC under the legacy codec id of H.264, or under 12, which no specification has.
    LegacyHevc,
    /// Frames of no bytes, left out.
    EmptyFrame,
}

/// Which pictures of H.264 decoding may start at, and segments be cut at: those that are given as key frames. Pictures of the
/// other codecs say it without doubt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartPoints {
    /// IDR pictures. The default: players that are given a segment alone, and MP4's sync samples, need them.
    #[default]
    Idr,
    /// Intra pictures at a recovery point that is reached at once too (H.264 D.2.8, open groups of pictures): for streams
    /// of which the first picture alone, or none, is an IDR picture. Leading pictures behind one may not decode.
    RecoveryPoints,
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
    start_points: StartPoints,
    video: BTreeMap<u8, VideoTrack>,
    audio: BTreeMap<u8, AudioTrack>,
    clock: Clock,
    stage: Stage,
    events: VecDeque<Event>,
}

/// A configuration or unit between the two stages: assembled, and not yet timed.
#[derive(Clone, Debug)]
enum Item {
    Track(Track),
    Unit(RawUnit),
    /// The place of a picture of this track that may still grow.
    Hold(TrackId),
}

impl Item {
    const fn bytes(&self) -> usize {
        match self {
            Self::Track(_) | Self::Hold(_) => 0,
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
    /// Presentation time minus decode time in microseconds.
    composition: i64,
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

    /// Takes the first item, unless it is held.
    fn take_ready(&mut self) -> Option<Item> {
        let ready = !matches!(self.items.front()?, Item::Hold(_));
        if ready { self.items.pop_front() } else { None }
    }

    /// Takes the place of a held picture out, and all behind it.
    fn split_at_hold(&mut self, id: TrackId) -> VecDeque<Item> {
        let hold = |item: &Item| matches!(item, Item::Hold(held) if *held == id);
        // Mostly nothing is behind it.
        if self.items.back().is_some_and(hold) {
            self.items.pop_back();
            return VecDeque::new();
        }
        let place = self.items.iter().position(hold).unwrap_or(self.items.len());
        let mut behind = self.items.split_off(place);
        behind.pop_front();
        behind
    }
}

/// Composition times of one track: one that cannot be is replaced by the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Composition {
    last: i32,
}

impl Composition {
    /// Presentation time of a body minus its decode time, in microseconds.
    fn micros(&mut self, body: &VideoBody, stage: &mut Stage) -> i64 {
        if body.composition_time.unsigned_abs() > MAX_COMPOSITION_MS.unsigned_abs() {
            stage.note(NoticeKind::CompositionTime, "FLV 10.1 E.4.3.1");
        } else {
            self.last = body.composition_time;
        }
        i64::from(self.last) * 1000 + i64::from(body.nanoseconds / 1000)
    }
}

impl Assembler {
    /// An assembler at the start of a stream.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            start_points: StartPoints::default(),
            video: BTreeMap::new(),
            audio: BTreeMap::new(),
            clock: Clock::default(),
            stage: Stage::default(),
            events: VecDeque::new(),
        }
    }

    /// Which pictures of H.264 are key frames: set it before the first tag.
    pub const fn set_start_points(&mut self, start_points: StartPoints) {
        self.start_points = start_points;
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
        self.release_all();
        self.run();
        let mut out = Vec::new();
        self.clock.finish(&mut |event| out.push(event), &mut self.stage);
        self.events.extend(out);
        self.say();
        let video = self.video.values().filter(|track| track.has_config()).map(VideoTrack::id);
        let audio = self.audio.values().filter(|track| track.has_config()).map(AudioTrack::id);
        self.events.extend(video.chain(audio).map(Event::EndOfTrack));
    }

    /// Whether NAL units are searched for start codes to their ends. Elsewhere only the first bytes of slices count, and the rest need not be there: see [`Outline`](crate::flv::Outline).
    #[must_use]
    pub fn reads_whole(&self) -> bool {
        self.video.values().any(VideoTrack::reads_whole)
    }

    /// What was tolerated so far, each kind with its count.
    #[must_use]
    pub fn notices(&self) -> &[Notice<NoticeKind>] {
        self.stage.notices.as_slice()
    }

    fn handle_video(&mut self, tag: &Tag) {
        if tag.body.first().is_some_and(|first| first & 0x8f == LEGACY_HEVC) {
            self.stage.note(NoticeKind::LegacyHevc, "FLV 10.1 E.4.3.1");
        }
        let (limits, points, stage) = (&self.limits, self.start_points, &mut self.stage);
        let error = VideoBody::each(&tag.body, |body| {
            if let Some(track) = tracks::video(&mut self.video, body, points, limits, stage) {
                track.handle(body, tag.timestamp, stage);
            }
        });
        if error.is_some() {
            self.stage.note(NoticeKind::MalformedBody, "FLV 10.1 E.4.3.1");
        }
        self.bound(tag.timestamp);
    }

    fn handle_audio(&mut self, tag: &Tag) {
        let (limits, stage) = (&self.limits, &mut self.stage);
        let error = AudioBody::each(&tag.body, |body| {
            if let Some(track) = tracks::audio(&mut self.audio, body, limits, stage) {
                track.handle(body, tag.timestamp, stage);
            }
        });
        if error.is_some() {
            self.stage.note(NoticeKind::MalformedBody, "FLV 10.1 E.4.2.1");
        }
        self.bound(tag.timestamp);
    }

    /// Gives pictures that may still grow, where too much waits behind one.
    fn bound(&mut self, wire: u32) {
        let late = |since: u32| wire.wrapping_sub(since).cast_signed() > MAX_AHEAD_MS;
        let full = self.stage.items.len() > MAX_BEHIND;
        for track in self.video.values_mut() {
            if track.growing_since().is_some_and(|since| full || late(since)) {
                track.release(&mut self.stage);
            }
        }
    }

    fn release_all(&mut self) {
        for track in self.video.values_mut() {
            track.release(&mut self.stage);
        }
    }

    /// Times what the first stage gave, unless it waits behind a picture that may still grow.
    fn run(&mut self) {
        while let Some(item) = self.stage.take_ready() {
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
