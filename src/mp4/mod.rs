//! MP4: init segments and fragments (CMAF), plain files with the index in front, and a strict reader of both.
//!
//! Only boxes are written here. The payload stays in the caller's buffers: a fragment is a small head followed by
//! references to the access units, a plain file a head followed by ranges of the source.

mod boxes;
mod clock;
mod eac3;
mod entry;
mod file;
mod fragment;
mod group;
pub mod index;
mod init;
mod movie;
mod place;
mod present;
mod read;
mod recording;
mod samples;
mod segment;
mod table;
#[cfg(test)]
pub(crate) mod test_tracks;
#[cfg(test)]
mod tests;
mod verify;

pub use clock::{AudioClock, Placement};
pub use eac3::Eac3Samples;
pub use entry::Bitrates;
pub use file::{Alignment, FileTrack, file_head};
pub use fragment::{FragmentOptions, Run, Sample, fragment_head, fragment_head_with};
pub use group::roll_distance;
pub use init::{InitTrack, init_segment, init_segment_with};
pub use movie::Edit;
pub use place::TrackClock;
pub use present::{Presented, rates};
pub use recording::{
    PLACEHOLDER_AT, PLACEHOLDER_LEN, RECORDING_INDEX_AT, closing_header, closing_index,
    recording_index, recording_start,
};
pub use samples::{FileSample, Iter as SampleIter, Samples};
pub use segment::{
    EventMessage, ProducerReference, ReferenceMoment, SegmentIndex, SegmentReference, SegmentType,
    event_message, producer_reference, segment_index, segment_type,
};
pub use verify::{Summary, TrackSummary, verify};

use crate::media::CodecConfig;

/// Timescale of every video track, in ticks a second: a whole multiple of milliseconds and of the usual frame rates.
pub const VIDEO_TIMESCALE: u32 = 90_000;

/// Ticks a second of a track with this configuration: [`VIDEO_TIMESCALE`], and for audio its (core) sampling rate
/// (48000 for Opus), so that a frame lasts a whole number of ticks.
#[must_use]
pub fn media_timescale(config: &CodecConfig) -> u32 {
    config.sample_rate().unwrap_or(VIDEO_TIMESCALE)
}
