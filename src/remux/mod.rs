//! FLV to MP4 without touching the media: the source is read once for its index, and the MP4 is a head
//! and a list of ranges to copy.
//!
//! [`Remuxer`] takes the FLV's bytes in any pieces. [`Remuxer::finish`] gives a [`Plan`]: write its head, then each
//! [`Piece`] of its body, and the file is done. The index stands in front, so players start at once.
//!
//! The times of the MP4 are those of the FLV. Where these do not begin within the first second, the earliest picture or
//! sound is at zero. Video keeps its milliseconds; sound runs on sample counts
//! ([`AudioClock`](crate::mp4::AudioClock)), and where sound is missing, the last frame before lasts longer. Edit lists
//! keep the tracks in step.
//!
//! A track that changes its configuration keeps one track with a sample entry for each. ffmpeg and the players built
//! on it cope with that; others may show only the first, and the report says how many there are.

mod index;
mod source;
#[cfg(test)]
mod tests;
mod timing;

use bytes::Bytes;

use crate::assemble::{Assembler, Event, NoticeKind};
use crate::error::{Error, Layer, Notice, Result};
use crate::flv::{Reader, ReaderNotice};
use crate::limits::Limits;
use crate::media::TrackId;
use crate::mp4;
use index::Index;
use source::Source;

/// A stretch of the MP4 behind its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Copy this from the source.
    Copy {
        /// First byte in the source.
        offset: u64,
        /// Bytes.
        len: u64,
    },
    /// Write these bytes: they stand nowhere in the source (rewritten NAL unit lengths).
    Inline(Bytes),
}

impl Piece {
    /// Bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Copy { len, .. } => *len,
            Self::Inline(bytes) => bytes.len() as u64,
        }
    }

    /// Whether there is no byte; never so in a plan.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How to write the MP4.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// `ftyp`, `moov` and the header of `mdat`.
    pub head: Bytes,
    /// What follows, in order.
    pub body: Vec<Piece>,
    /// What was found.
    pub report: Report,
}

impl Plan {
    /// Bytes of the whole MP4.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.body.iter().fold(self.head.len() as u64, |sum, piece| sum.saturating_add(piece.len()))
    }

    /// Never so: a plan has a head.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.head.is_empty()
    }
}

/// What a remux found in its source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The tracks in the order of the MP4.
    pub tracks: Vec<TrackReport>,
    /// Tracks of a codec that no MP4 takes, which were left out, each with the reason.
    pub left_out: Vec<(TrackId, Error)>,
    /// Presented length in microseconds: from zero to the end of the longest track.
    pub duration: u64,
    /// Whether the source ends in the middle of a tag. All whole tags are in the MP4.
    pub truncated: bool,
    /// Places where all times jumped. What follows them stands right behind what was before.
    pub discontinuities: u32,
    /// Bytes of the MP4's media that stand nowhere in the source.
    pub inline_bytes: u64,
    /// What the FLV reader tolerated.
    pub flv_notices: Vec<Notice<ReaderNotice>>,
    /// What the assembler tolerated, repaired or left out.
    pub notices: Vec<Notice<NoticeKind>>,
}

/// One track of a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrackReport {
    /// Which track.
    pub id: TrackId,
    /// RFC 6381 name of the first configuration.
    pub codec: String,
    /// Configurations, one sample entry for each.
    pub configurations: usize,
    /// Access units.
    pub samples: usize,
    /// Bytes of all access units.
    pub bytes: u64,
    /// Presentation time of the first access unit in microseconds.
    pub start: u64,
    /// Presented length behind that in microseconds.
    pub duration: u64,
}

/// Reads an FLV for its index.
///
/// Give the file with [`handle_input`](Self::handle_input) in pieces of any size, then call
/// [`finish`](Self::finish). Held in memory are the index (some 80 bytes an access unit), the tags that the
/// assembler still works on, and rewritten bytes up to a limit.
#[derive(Debug)]
pub struct Remuxer {
    reader: Reader,
    assembler: Assembler,
    source: Source,
    index: Index,
}

impl Remuxer {
    /// A remuxer at the start of a file.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            reader: Reader::new(limits),
            assembler: Assembler::new(limits),
            source: Source::default(),
            index: Index::new(limits),
        }
    }

    /// Takes the next bytes of the file, all of them.
    ///
    /// # Errors
    ///
    /// Malformed where the file is no FLV; limit where more has to be rewritten than
    /// [`Limits::reassembly_bytes`] allows.
    pub fn handle_input(&mut self, mut input: &[u8]) -> Result<()> {
        loop {
            let taken = self.reader.handle_input(input)?;
            input = input.get(taken..).unwrap_or_default();
            let tags = self.take_tags()?;
            if input.is_empty() {
                return Ok(());
            }
            if taken == 0 && tags == 0 {
                return Err(Error::new(
                    crate::error::ErrorKind::Internal,
                    Layer::Remux,
                    "reader takes nothing",
                ));
            }
        }
    }

    /// Ends the file and gives the plan.
    ///
    /// # Errors
    ///
    /// Unsupported where no access unit of a codec that fits an MP4 was found; limit where a value does not fit the MP4.
    pub fn finish(mut self) -> Result<Plan> {
        // While tags wait, the reader is not yet at its end: the last answer counts.
        let truncated = loop {
            let truncated = self.reader.finish();
            if self.take_tags()? == 0 {
                break truncated;
            }
        };
        self.assembler.finish();
        self.take_events()?;
        let discontinuities = self.index.epochs();
        let left_out = self.index.refused().to_vec();
        let (inline_bytes, payload) = (self.index.inline_bytes(), self.index.payload());
        let (tracks, body) = self.index.into_parts();
        let timed = timing::place(tracks);
        if timed.is_empty() {
            let nothing =
                Error::unsupported(Layer::Remux, "no video and no audio that fits an MP4");
            return Err(left_out.first().map_or(nothing, |(_, error)| *error));
        }
        let timescale = timing::movie_timescale(&timed);
        let configs: Vec<Vec<_>> = timed
            .iter()
            .map(|track| track.configs.iter().map(|config| &**config).collect())
            .collect();
        let samples: Vec<mp4::Samples> =
            timed.iter().map(|track| track.samples.iter().copied().collect()).collect();
        let tracks: Vec<mp4::FileTrack<'_>> = timed
            .iter()
            .zip(&configs)
            .zip(&samples)
            .map(|((track, configs), samples)| mp4::FileTrack {
                configs,
                edits: &track.edits,
                samples,
                rates: track.rates,
            })
            .collect();
        let head = mp4::file_head(timescale, &tracks, payload, mp4::Alignment::NONE)?;
        let tracks: Vec<TrackReport> = timed.iter().map(|track| track.report(timescale)).collect();
        let report = Report {
            duration: tracks
                .iter()
                .map(|track| track.start.saturating_add(track.duration))
                .max()
                .unwrap_or(0),
            tracks,
            left_out,
            truncated,
            discontinuities,
            inline_bytes,
            flv_notices: self.reader.notices().to_vec(),
            notices: self.assembler.notices().to_vec(),
        };
        Ok(Plan { head, body, report })
    }

    /// Returns how many there were.
    fn take_tags(&mut self) -> Result<usize> {
        let mut count = 0;
        while let Some((offset, tag)) = self.reader.poll_tag() {
            self.source.remember(offset, tag.body.clone());
            self.assembler.handle_tag(&tag);
            self.take_events()?;
            count += 1;
        }
        Ok(count)
    }

    fn take_events(&mut self) -> Result<()> {
        while let Some(event) = self.assembler.poll_event() {
            match event {
                Event::Track(track) => self.index.configure(track),
                Event::Unit(unit) => self.index.add(&unit, &mut self.source)?,
                Event::Discontinuity => self.index.begin_epoch(),
                _ => {}
            }
        }
        Ok(())
    }
}
