//! Settings of a muxer, and what it counts.

use std::time::Duration;

use crate::dash::Clock;

/// How a stream is cut and how much of it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MuxerConfig {
    /// A segment ends at the first key frame after this time. Default 2 s.
    pub target_duration: Duration,
    /// The longest segment, which the playlist promises for its whole life as `EXT-X-TARGETDURATION`.
    ///
    /// `None`, the default, takes it from the first segment: its length with a margin of a quarter second, and no
    /// less than the target. Set it where the distance of key frames varies: without a key frame in time a
    /// segment is cut before any frame.
    pub max_segment_duration: Option<Duration>,
    /// Low latency: about how long a part is that players may fetch before its segment is whole (rfc8216bis, Low-Latency
    /// HLS). `None`, the default, makes none.
    ///
    /// Parts hold whole frames: what the playlist promises as `EXT-X-PART-INF` is the number of frames nearest to this time,
    /// with a margin of a twentieth for timestamps that jitter, decided by the first segment. Players stay three times that behind
    /// the end; 200 ms are usual.
    pub part_duration: Option<Duration>,
    /// What becomes of segments that are older than the window.
    pub playlist_type: PlaylistType,
    /// Time that a playlist lists, three segments at least. Default 30 s. About twice that is held in memory.
    pub window: Duration,
    /// Segments that there are before players are told of the stream, at least one. Default 1. Apple's players are said to
    /// want more of a low-latency stream before they play it; each costs its duration at the start.
    pub first_segments: usize,
    /// Bytes of all segments that are held. Past it the window gets shorter; an event ends. Default 512 MiB.
    pub max_bytes: usize,
    /// How long the first track waits for the other one to be announced. Default: the target duration.
    pub track_wait: Option<Duration>,
    /// Whether the multivariant playlist offers sound without pictures as a variant of its own, the last, for connections that
    /// carry no more. Default false: sound alone is offered where there is nothing else.
    pub audio_variant: bool,
    /// `EXT-X-MEDIA-SEQUENCE` of the first segment. Default 0.
    ///
    /// Where a muxer takes over the URLs of an earlier one this must be past all numbers of that one (RFC 8216 6.2.2), and not by much: players
    /// take each missing number for a segment's time that passed. [`Muxer::position`](super::Muxer::position) says where one has come to.
    pub first_sequence: u64,
    /// Number in the names of the first segment and of the first init segment. `None`, the default: the same as
    /// [`first_sequence`](Self::first_sequence).
    ///
    /// Files are announced as immutable, so where a muxer takes over the URLs of an earlier one this must be past all
    /// names of that one. Milliseconds since 1970 are, without anything being remembered.
    pub first_name: Option<u64>,
    /// Discontinuities before the first segment (`EXT-X-DISCONTINUITY-SEQUENCE`). Default 0.
    ///
    /// Where a muxer takes over the URLs of an earlier one this must be past all discontinuities of that one: a player that stayed
    /// sees by it that the times of the new segments are others. Keep it small: players keep lists by it, and a number like the time of
    /// day makes them stand still.
    pub first_discontinuity: u64,
    /// Whether players of an earlier muxer of the same URLs may have stayed. Then the first segment is a gap (`EXT-X-GAP`), in the last epoch that they know and
    /// of the target duration, and a discontinuity stands behind it: hls.js (1.7.4) goes on only from a segment of an epoch that it knows. A track that comes later has that one too, and a gap for each segment that it missed. Default false.
    pub goes_on: bool,
    /// DASH over the same files: `index.mpd`. `None`, the default, makes none.
    pub dash: Option<DashConfig>,
}

/// What an MPD says beside what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DashConfig {
    /// Where players learn the time, the best first. Without one they take their own clock to be right.
    pub clocks: Vec<Clock>,
    /// `MPD@availabilityStartTime`, microseconds since 1970: what an earlier muxer of the same URLs said (ISO/IEC 23009-1 5.3.1.2 has it never
    /// change). `None`, the default, takes the wall clock of the first segment.
    pub availability_start: Option<i64>,
}

/// Where the numbers of a muxer's playlists have come to. Another muxer that begins there may take over its URLs: players who stayed go on behind a
/// discontinuity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Position {
    /// For [`MuxerConfig::first_sequence`]: no playlist has named a segment of this number, nor a part of one.
    pub sequence: u64,
    /// For [`MuxerConfig::first_discontinuity`] of a muxer that [goes on](MuxerConfig::goes_on): the discontinuities so far. For another, one more.
    pub discontinuity: u64,
    /// For [`MuxerConfig::first_name`]: past all numbers in names.
    pub name: u64,
    /// For [`DashConfig::availability_start`].
    pub availability_start: Option<i64>,
    /// What `EXT-X-TARGETDURATION` says, for [`MuxerConfig::max_segment_duration`].
    pub target_duration: Option<Duration>,
}

impl MuxerConfig {
    /// Number in the names of the first segment.
    pub(super) fn first_number(&self) -> u64 {
        self.first_name.unwrap_or(self.first_sequence)
    }

    /// Media sequence number of the segment that has this number in its name.
    pub(super) fn sequence_of(&self, number: u64) -> u64 {
        self.first_sequence.saturating_add(number.saturating_sub(self.first_number()))
    }

    /// Number in the name of the segment of this media sequence number; before the first one, none that there is.
    pub(super) fn number_of(&self, sequence: u64) -> Option<u64> {
        let since = sequence.checked_sub(self.first_sequence)?;
        Some(self.first_number().saturating_add(since))
    }
}

/// What a playlist promises of its segments (RFC 8216 4.3.3.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlaylistType {
    /// Segments slide out of the window. The default.
    #[default]
    Live,
    /// Nothing is removed: `EVENT`, and `VOD` after the end. Where `max_bytes` is reached the stream ends for players.
    Event,
}

impl Default for MuxerConfig {
    fn default() -> Self {
        Self {
            target_duration: Duration::from_secs(2),
            max_segment_duration: None,
            part_duration: None,
            playlist_type: PlaylistType::Live,
            window: Duration::from_secs(30),
            first_segments: 1,
            max_bytes: 512 << 20,
            track_wait: None,
            audio_variant: false,
            first_sequence: 0,
            first_name: None,
            first_discontinuity: 0,
            goes_on: false,
            dash: None,
        }
    }
}

/// What happened so far that a good stream does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Segments that begin without a key frame, because none came in time.
    pub forced_cuts: u64,
    /// Access units that no segment holds: before the first key frame, of unknown tracks, after the end.
    pub dropped_units: u64,
    /// Discontinuities.
    pub discontinuities: u64,
    /// Parts shorter than 85 % of what the playlist promises, with another behind them in their segment, or longer: frames of
    /// uneven durations did not fit.
    pub uneven_parts: u64,
}
