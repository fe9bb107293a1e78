//! DASH: the text of an MPD from a plain description (ISO/IEC 23009-1).
//!
//! [`Presentation`] says what there is: periods, the tracks of each, and the segments of each track on its own timescale.
//! [`Presentation::mpd`] writes it. Nothing is held here and nothing is guessed: describe the presentation anew when it
//! changes. [`Periods`] makes periods of lists of segments that slide, and [`hls::Muxer`](crate::hls::Muxer) does all of that over
//! the segments that HLS lists.
//!
//! Times follow one rule. The period begins at `start` on the presentation's time line; what stands at
//! `presentation_time_offset` on the media time line of a representation is presented there. Segments are listed with their own
//! media times, which are those in their `tfdt`, so nothing is rounded.

mod manifest;
mod periods;
#[cfg(test)]
mod tests;
mod timeline;
mod xml;

pub use periods::{ListedSegment, Periods, Rendition};

use std::time::Duration;

use crate::codec::captions::Captions;
use crate::media::MediaKind;

/// All that an MPD says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presentation {
    /// Whether it goes on.
    pub kind: Kind,
    /// What all URLs in it are relative to; `None` for the URL of the MPD itself.
    pub base_url: Option<String>,
    /// How much a player should have before it begins.
    pub min_buffer: Duration,
    /// No segment is longer.
    pub max_segment_duration: Duration,
    /// In the order of time. Periods without a segment are left out.
    pub periods: Vec<Period>,
}

/// Live, or whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `type="dynamic"`: segments are added, and old ones go.
    Live(Live),
    /// `type="static"`: it does not change again.
    Static {
        /// Where the presentation ends on its time line: `mediaPresentationDuration`.
        duration: Duration,
    },
}

/// What a live presentation says of its clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Wall clock at the zero of the presentation's time line, microseconds since 1970. It is the same for all MPDs of one
    /// URL (5.3.1.2).
    pub availability_start: i64,
    /// When this text became what it is, microseconds since 1970: the same text has the same time.
    pub publish_time: i64,
    /// After that the MPD may say more: no more than the length of a segment.
    pub update_period: Duration,
    /// How far back segments can be fetched; `None` where nothing goes.
    pub depth: Option<Duration>,
    /// How far behind the live edge players should stay: two or three segments.
    pub delay: Duration,
    /// Where players learn the time, the best first.
    pub clocks: Vec<Clock>,
    /// Segments may be fetched while they are made.
    pub low_latency: Option<LowLatency>,
}

/// Where a player learns what time it is (5.8.4.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The body of this URL is the time in the form of ISO 8601 (`urn:mpeg:dash:utc:http-iso:2014`).
    HttpIso(String),
    /// The `Date` header of this URL (`urn:mpeg:dash:utc:http-head:2014`).
    HttpHead(String),
    /// It is this, in microseconds since 1970 (`urn:mpeg:dash:utc:direct:2014`): wrong by the time on the way.
    Direct(i64),
}

/// What low latency needs (annex K).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LowLatency {
    /// The latency to aim at.
    pub target: Duration,
    /// Players go no nearer.
    pub min: Duration,
    /// Players that are further behind jump.
    pub max: Duration,
    /// How long before its end a segment can be asked for: its length less that of a chunk.
    pub availability_offset: Duration,
}

/// A stretch of one time line with one set of configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Unique, and the same in all MPDs that have the period.
    pub id: String,
    /// Where it begins on the presentation's time line.
    pub start: Duration,
    /// Its length, where it does not reach to the next period.
    pub duration: Option<Duration>,
    /// One for video, one for each language or kind of sound. Sets without a segment are left out.
    pub sets: Vec<AdaptationSet>,
}

/// Representations that a player may switch between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdaptationSet {
    /// Unique within the period, and the same in every period for the same set.
    pub id: u32,
    /// Video or sound.
    pub kind: MediaKind,
    /// Language (RFC 5646), where known.
    pub language: Option<String>,
    /// What people should read.
    pub label: Option<String>,
    /// Whether this is the one to play, of those of its kind.
    pub main: bool,
    /// Closed captions within the pictures.
    pub captions: Captions,
    /// Media time and wall clock of one moment, where fragments carry `prft`.
    pub reference: Option<ReferenceTime>,
    /// At least one, all of the same timescale or each of its own.
    pub representations: Vec<Representation>,
}

/// A moment on both clocks (5.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferenceTime {
    /// In ticks of the set's first representation, on its media time line.
    pub media_time: u64,
    /// Microseconds since 1970.
    pub wall: i64,
}

/// One track as its segments carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Representation {
    /// Unique within the period.
    pub id: String,
    /// RFC 6381, as [`CodecConfig::codec_string`](crate::media::CodecConfig::codec_string) gives it.
    pub codecs: String,
    /// Bits a second that suffice to play it. Zero, which breaks players, is written as 1.
    pub bandwidth: u64,
    /// Pictures or sound.
    pub properties: Properties,
    /// Ticks a second of all times here.
    pub timescale: u32,
    /// Media time of the period's start, in ticks.
    pub presentation_time_offset: u64,
    /// URL of the init segment.
    pub init: String,
    /// URL of the segments.
    pub media: Template,
    /// In the order of time. With [`Template::Number`] each has the number after the one before.
    pub segments: Vec<Segment>,
}

/// What a player needs to know before it fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Properties {
    /// Of pictures.
    Video {
        /// Pixels, width and height.
        size: Option<(u32, u32)>,
        /// Pictures a second as numerator and denominator.
        frame_rate: Option<(u32, u32)>,
        /// Of a pixel, width to height.
        sample_aspect_ratio: Option<(u16, u16)>,
    },
    /// Of sound.
    Audio {
        /// Hz.
        sample_rate: Option<u32>,
        /// Number of channels.
        channels: Option<u16>,
    },
}

/// How the URL of a segment is made (5.3.9.4.4): what stands before and after the identifier. `$` in them is escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Template {
    /// By number.
    Number {
        /// Before the number.
        prefix: String,
        /// Number of the first segment that is listed.
        first: u64,
        /// After the number.
        suffix: String,
    },
    /// By the media time of the segment.
    Time {
        /// Before the time.
        prefix: String,
        /// After the time.
        suffix: String,
    },
}

/// One segment on the media time line, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Earliest presentation time.
    pub start: u64,
    /// Length; never zero.
    pub duration: u64,
}
