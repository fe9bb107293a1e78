//! The index of an MP4 that is there: of a plain file, of a fragmented one, of one that a crash cut short; and a plain
//! index made of it.
//!
//! [`IndexReader`] says which bytes of the file it wants ([`poll_read`](IndexReader::poll_read)) and takes them
//! ([`handle_read`](IndexReader::handle_read)) until it wants no more; the payload is never read. [`IndexReader::finish`]
//! gives an [`Index`]: all samples of all tracks. With it a fragmented file becomes a plain one without copying its media
//! ([`Index::in_place`]), or a new file with the index in front of one range to copy ([`Index::in_front`]).

mod config;
mod fragment;
mod plain;
mod plan;
#[cfg(test)]
mod tests;
mod track;
mod walk;

use bytes::Bytes;

pub use plan::{InFront, InPlace};
pub use walk::IndexReader;

use super::samples::Samples;

/// What an MP4 holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Index {
    /// The tracks in the order of the file, also those without a sample.
    pub tracks: Vec<IndexedTrack>,
    /// Ticks a second of the movie.
    pub timescale: u32,
    /// Movie fragments; none in a plain file.
    pub fragments: u64,
    /// Offset behind the last byte of the file that is of use: the last whole box, or the last whole sample of a cut one.
    pub end: u64,
    /// Where the file is cut off or stops to be an MP4; `None` for one that is whole.
    pub cut_at: Option<u64>,
    /// Offset and length of the `moov` that was read, with its header.
    pub moov: (u64, u64),
    /// Offset and length of a `free` box right in front of it.
    placeholder: Option<(u64, u64)>,
    /// Content of `moov`.
    content: Bytes,
}

/// One track of an [`Index`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IndexedTrack {
    /// `track_ID`.
    pub id: u32,
    /// `vide`, `soun`, or the handler of another kind.
    pub handler: [u8; 4],
    /// Type of the first sample entry.
    pub codec: [u8; 4],
    /// Ticks a second of the media.
    pub timescale: u32,
    /// Decode time of the first sample, in ticks.
    pub begin: u64,
    /// Presentation time of the media's zero, in ticks: what the edit list moves the track by.
    pub shift: i64,
    /// First media time that the edit list presents, in ticks.
    pub first_presented: Option<u64>,
    /// Offsets count from the start of the file.
    pub samples: Samples,
    /// Samples that the file names and does not hold.
    pub lost: u64,
}
