//! FLV to MP4 without touching the media: the source is read once for its index, and the MP4 is a head
//! and a list of ranges to copy.
//!
//! [`Skimmer`] says which bytes of a file it wants, which are the heads of tags and pictures: some hundredth of it.
//! [`Remuxer`] takes a stream's bytes in any pieces, all of them. Both end with a [`Plan`]: write its head, then each
//! [`Piece`] of its body, and the file is done. The index stands in front, so players start at once. [`Layout`] says whether
//! the media is one range of the source, or the access units alone.
//!
//! The times of the MP4 are those of the FLV. Where these do not begin within the first second, the earliest picture or
//! sound is at zero. Video keeps its milliseconds; sound runs on sample counts
//! ([`AudioClock`](crate::mp4::AudioClock)), and where sound is missing, the last frame before lasts longer. Edit lists
//! keep the tracks in step.
//!
//! A track that changes its configuration keeps one track with a sample entry for each. ffmpeg and the players built
//! on it cope with that; others may show only the first, and the report says how many there are.

mod body;
mod index;
mod layout;
mod mend;
mod skim;
mod source;
#[cfg(test)]
mod tests;
mod timing;

use bytes::Bytes;

use crate::assemble::{Assembler, Event, NoticeKind};
use crate::error::{Error, ErrorKind, Layer, Notice, Result};
use crate::flv::outline::NalUnits;
use crate::flv::{Reader, ReaderNotice, Tag, TagKind};
use crate::limits::Limits;
use crate::media::TrackId;
use crate::mp4;

pub use body::{Body, Piece, Pieces};
pub use layout::{Layout, Options};
pub use mend::{FlvMender, MendedFlv};
pub use skim::Skimmer;

use index::{Failed, Index, Outcome};
use layout::Offsets;
use source::{Source, TagBody};

/// How to write the MP4.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// `ftyp`, `moov` and the header of `mdat`.
    pub head: Bytes,
    /// What follows, in order.
    pub body: Body,
    /// What was found.
    pub report: Report,
}

impl Plan {
    /// Bytes of the whole MP4.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.body.len().saturating_add(self.head.len() as u64)
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
    /// Where the source ends in the middle of a tag, the offset of that tag. All whole tags are in the MP4.
    pub cut_at: Option<u64>,
    /// Offset of the first encrypted tag. Those are not in the MP4.
    pub encrypted_at: Option<u64>,
    /// Places where all times jumped. What follows them stands right behind what was before.
    pub discontinuities: u32,
    /// Whether the media is one range of the source ([`Layout::Whole`]).
    pub whole: bool,
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

/// Reads an FLV for its index, all its bytes in their order.
///
/// Give the file with [`handle_input`](Self::handle_input) in pieces of any size, then call
/// [`finish`](Self::finish). Held in memory are the index (some 10 bytes an access unit), the tags that the
/// assembler still works on, and rewritten bytes up to a limit. For a file that can be read anywhere there is
/// [`Skimmer`].
#[derive(Debug)]
pub struct Remuxer {
    reader: Reader,
    assembler: Assembler,
    source: Source,
    index: Index,
    /// How the NAL units of the first video track are, where they stand behind lengths of 4 bytes.
    nals: Option<NalUnits>,
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
            nals: None,
        }
    }

    /// Takes the next bytes of the file, all of them.
    ///
    /// # Errors
    ///
    /// Malformed where the file is no FLV; limit where more has to be rewritten than
    /// [`Limits::reassembly_bytes`] allows.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<()> {
        self.read(input).map_err(failure)
    }

    /// Ends the file and gives the plan of a compact MP4.
    ///
    /// # Errors
    ///
    /// Unsupported where no access unit of a codec that fits an MP4 was found; limit where a value does not fit the MP4.
    pub fn finish(self) -> Result<Plan> {
        self.finish_with(&Options::COMPACT)
    }

    /// Ends the file and gives the plan of an MP4 with this layout.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn finish_with(mut self, options: &Options) -> Result<Plan> {
        let cut_at = self.end().map_err(failure)?;
        self.plan(options, cut_at)
    }

    fn read(&mut self, mut input: &[u8]) -> Outcome<()> {
        loop {
            let taken = self.reader.handle_input(input).map_err(Failed::Error)?;
            input = input.get(taken..).unwrap_or_default();
            let tags = self.take_tags()?;
            if input.is_empty() {
                return Ok(());
            }
            if taken == 0 && tags == 0 {
                return Err(Failed::Error(internal("reader takes nothing")));
            }
        }
    }

    /// Takes what the reader and the assembler still hold. Returns where the file was cut.
    fn end(&mut self) -> Outcome<Option<u64>> {
        // While tags wait, the reader is not yet at its end: the last answer counts.
        let truncated = loop {
            let truncated = self.reader.finish();
            if self.take_tags()? == 0 {
                break truncated;
            }
        };
        self.assembler.finish();
        self.take_events(self.reader.good())?;
        Ok(truncated.then(|| self.reader.good()))
    }

    fn plan(self, options: &Options, cut_at: Option<u64>) -> Result<Plan> {
        let placed = layout::place(&self.index, options);
        let timed = timing::place(&self.index, &placed.offsets);
        let encrypted_at = self.reader.encrypted_at();
        if timed.is_empty() {
            return Err(self.nothing(cut_at));
        }
        let timescale = timing::movie_timescale(&timed);
        let configs: Vec<Vec<_>> = timed
            .iter()
            .map(|track| track.configs.iter().map(|config| &**config).collect())
            .collect();
        let file: Vec<mp4::FileTrack<'_>> = timed
            .iter()
            .zip(&configs)
            .map(|(track, configs)| mp4::FileTrack {
                configs,
                edits: &track.edits,
                samples: &track.samples,
                rates: track.rates,
            })
            .collect();
        let head = mp4::file_head(timescale, &file, placed.body.len(), placed.alignment)?;
        let tracks: Vec<TrackReport> = timed.iter().map(|track| track.report(timescale)).collect();
        let ends = tracks.iter().map(|track| track.start.saturating_add(track.duration));
        let report = Report {
            duration: ends.max().unwrap_or(0),
            tracks,
            discontinuities: self.index.discontinuities(),
            whole: matches!(placed.offsets, Offsets::Whole { .. }),
            inline_bytes: placed.body.inline_bytes(),
            left_out: self.index.refused,
            cut_at,
            encrypted_at,
            flv_notices: self.reader.notices().to_vec(),
            notices: self.assembler.notices().to_vec(),
        };
        Ok(Plan { head, body: placed.body, report })
    }

    /// Why there is nothing to write.
    fn nothing(&self, cut_at: Option<u64>) -> Error {
        if let Some((_, error)) = self.index.refused.first() {
            return *error;
        }
        if let Some(offset) = self.reader.encrypted_at() {
            return Error::unsupported(Layer::Flv, "encrypted tag")
                .at(offset)
                .clause("FLV 10.1 E.4.1");
        }
        let found = Error::unsupported(Layer::Remux, "no video and no audio that fits an MP4");
        match cut_at {
            Some(offset) => Error::malformed(Layer::Flv, "no whole picture or sound").at(offset),
            None => found.at(self.reader.good()),
        }
    }

    /// Returns how many there were.
    fn take_tags(&mut self) -> Outcome<usize> {
        let mut count = 0;
        while let Some((offset, tag)) = self.reader.poll_tag() {
            let body = TagBody::whole(offset, tag.body.clone());
            self.take_tag(body, &tag)?;
            count += 1;
        }
        Ok(count)
    }

    fn take_tag(&mut self, body: TagBody, tag: &Tag) -> Outcome<()> {
        let offset = body.offset;
        if let (TagKind::Video, Some(told)) = (tag.kind, NalUnits::told(&tag.body)) {
            self.nals = told;
        }
        self.source.remember(body);
        self.assembler.handle_tag(tag);
        self.take_events(offset)
    }

    fn take_events(&mut self, offset: u64) -> Outcome<()> {
        while let Some(event) = self.assembler.poll_event() {
            match event {
                Event::Track(track) => self.index.configure(track, offset),
                Event::Unit(unit) => self.index.add(&unit, &mut self.source)?,
                Event::Discontinuity => self.index.begin_epoch(),
                _ => {}
            }
        }
        Ok(())
    }
}

fn internal(field: &'static str) -> Error {
    Error::new(ErrorKind::Internal, Layer::Remux, field)
}

fn failure(failed: Failed) -> Error {
    match failed {
        Failed::Error(error) => error,
        Failed::Lost => internal("bytes of an access unit"),
    }
}
