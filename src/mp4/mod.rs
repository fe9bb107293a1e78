//! MP4: init segments and fragments (CMAF), plain files with the index in front, and a strict reader of both.
//!
//! Only boxes are written here. The payload stays in the caller's buffers: a fragment is a small head followed by
//! references to the access units, a plain file a head followed by ranges of the source.

mod boxes;
mod clock;
mod entry;
mod file;
mod fragment;
pub mod index;
mod init;
mod movie;
mod place;
mod present;
mod read;
mod samples;
mod table;
#[cfg(test)]
pub(crate) mod test_tracks;
#[cfg(test)]
mod tests;
mod verify;

pub use clock::{AudioClock, Placement};
pub use entry::Bitrates;
pub use file::{Alignment, FileTrack, file_head};
pub use fragment::{Run, Sample, fragment_head};
pub use init::init_segment;
pub use movie::Edit;
pub use place::TrackClock;
pub use present::{Presented, rates};
pub use samples::{FileSample, Iter as SampleIter, Samples};
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
