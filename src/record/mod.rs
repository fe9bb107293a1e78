//! Recording: a live stream as a file that plays at every moment, and from its start when it is finished.
//!
//! [`Mp4Recorder`] takes tracks and access units: an MP4 in fragments while it grows, and a plain one with an index when it
//! ends, in place. [`FlvRecorder`] takes tags, of any codec, and leaves them as they are.

mod flv;
mod mp4;

use bytes::Bytes;

pub use flv::{FlvRecorder, FlvRepair};
pub use mp4::{Mp4Config, Mp4End, Mp4Output, Mp4Recorder, TrackFit};

/// Bytes to write at a place of the file that was written before, or behind its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Offset from the start of the file, in bytes.
    pub offset: u64,
    /// What to write there.
    pub bytes: Bytes,
}
