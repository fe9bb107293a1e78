//! Box by box through the file.

use std::ops::Range;

use bytes::Bytes;

use super::Index;
use super::fragment;
use super::track::{TrackBuilder, movie};
use crate::buf::Reader;
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;

/// Bytes of the longest box header.
const HEADER: u64 = 16;

/// Finds the samples of an MP4, plain or fragmented, whole or cut.
///
/// Read the range that [`poll_read`](Self::poll_read) names and give it to [`handle_read`](Self::handle_read), until it
/// names none; then call [`finish`](Self::finish). Only box headers and the boxes `moov` and `moof` are asked for.
///
/// What stands behind a place where the file is cut or damaged is left out. Samples that lie past the end of the file are
/// counted and left out.
#[derive(Debug)]
pub struct IndexReader {
    file_len: u64,
    max_box: u64,
    /// Bytes that samples which only a count tells may still have. A cut file names more than it holds.
    budget: u64,
    state: State,
    tracks: Vec<TrackBuilder>,
    timescale: u32,
    /// Place and content of `moov`.
    moov: Option<((u64, u64), Bytes)>,
    placeholder: Option<(u64, u64)>,
    last_free: Option<(u64, u64)>,
    fragments: u64,
    end: u64,
    cut_at: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header { at: u64 },
    Content { kind: [u8; 4], at: u64, body: u64, end: u64 },
    Done,
}

impl IndexReader {
    /// A reader of a file of `file_len` bytes.
    #[must_use]
    pub fn new(file_len: u64, limits: &Limits) -> Self {
        Self {
            file_len,
            max_box: limits.index_bytes as u64,
            budget: file_len.saturating_mul(2).saturating_add(1 << 20),
            state: State::Header { at: 0 },
            tracks: Vec::new(),
            timescale: 0,
            moov: None,
            placeholder: None,
            last_free: None,
            fragments: 0,
            end: 0,
            cut_at: None,
        }
    }

    /// The bytes of the file to read next; `None` at its end.
    #[must_use]
    pub fn poll_read(&self) -> Option<Range<u64>> {
        match self.state {
            State::Header { at } if at < self.file_len => {
                Some(at..at.saturating_add(HEADER).min(self.file_len))
            }
            State::Content { body, end, .. } => Some(body..end),
            State::Header { .. } | State::Done => None,
        }
    }

    /// Takes the bytes that [`poll_read`](Self::poll_read) named.
    ///
    /// # Errors
    ///
    /// Malformed where the file is no MP4 or its `moov` does not hold; limit where `moov` or `moof` is larger than
    /// [`Limits::index_bytes`]; misuse for other bytes than those.
    pub fn handle_read(&mut self, bytes: &[u8]) -> Result<()> {
        let wanted = self.poll_read().map(|range| range.end - range.start);
        if wanted != Some(bytes.len() as u64) {
            return Err(Error::misuse(Layer::Mp4, "other bytes than those wanted"));
        }
        match self.state {
            State::Header { at } => self.header(at, bytes),
            State::Content { kind, at, body, end } => {
                self.state = State::Header { at: end };
                self.content(kind, (at, body, end), bytes)
            }
            State::Done => Ok(()),
        }
    }

    /// Ends the walk.
    ///
    /// # Errors
    ///
    /// Malformed where no whole `moov` was found.
    pub fn finish(self) -> Result<Index> {
        let missing =
            Error::malformed(Layer::Mp4, "no moov: the file was cut before its index was written");
        let (moov, content) = self.moov.ok_or(missing.at(self.cut_at.unwrap_or(self.file_len)))?;
        let tracks: Vec<_> = self.tracks.into_iter().map(TrackBuilder::finish).collect();
        let media = tracks.iter().flat_map(|(_, end)| *end).max().unwrap_or(0);
        Ok(Index {
            tracks: tracks.into_iter().map(|(track, _)| track).collect(),
            timescale: self.timescale,
            fragments: self.fragments,
            end: self.end.max(media),
            cut_at: self.cut_at,
            moov,
            placeholder: self.placeholder,
            content,
        })
    }

    fn stop(&mut self, at: u64) {
        self.cut_at = Some(at);
        self.state = State::Done;
    }

    fn header(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        let mut r = Reader::with_base(Layer::Mp4, bytes, at);
        let (Ok(size), Ok(kind)) = (r.u32("box size"), r.array::<4>("box type")) else {
            self.stop(at);
            return Ok(());
        };
        let (size, header) = match size {
            1 => (r.u64("box size").unwrap_or(0), 16),
            0 => (self.file_len - at, 8),
            size => (u64::from(size), 8),
        };
        let known =
            kind.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ' || *byte == 0xa9);
        if size < header || !known {
            if at == 0 {
                return Err(Error::malformed(Layer::Mp4, "box header")
                    .at(at)
                    .clause("ISO/IEC 14496-12 4.2"));
            }
            self.stop(at);
            return Ok(());
        }
        self.enter(kind, at, at + header, at.saturating_add(size))
    }

    fn enter(&mut self, kind: [u8; 4], at: u64, body: u64, end: u64) -> Result<()> {
        let wanted = match &kind {
            b"moov" => self.moov.is_none(),
            b"moof" => self.moov.is_some(),
            _ => false,
        };
        if end > self.file_len {
            self.stop(at);
        } else if wanted {
            if end - body > self.max_box {
                return Err(Error::limit(Layer::Mp4, "moov or moof").found(end - body).at(at));
            }
            self.state = State::Content { kind, at, body, end };
        } else {
            // A second index is of no use: a new one takes its place.
            if !matches!(&kind, b"moov" | b"mfra") {
                self.end = end;
            }
            self.state = State::Header { at: end };
        }
        self.last_free = Some((at, end - at)).filter(|_| &kind == b"free").or(
            // Kept for the box right behind it.
            self.last_free.filter(|(free, len)| &kind == b"moov" && free + len == at),
        );
        Ok(())
    }

    fn content(
        &mut self,
        kind: [u8; 4],
        (at, body, end): (u64, u64, u64),
        bytes: &[u8],
    ) -> Result<()> {
        let r = Reader::with_base(Layer::Mp4, bytes, body);
        if &kind == b"moov" {
            (self.timescale, self.tracks) = movie(&r, self.file_len)?;
            self.placeholder = self.last_free;
            self.moov = Some(((at, end - at), Bytes::copy_from_slice(bytes)));
        } else if fragment::read(&r, at, &mut self.budget, &mut self.tracks).is_ok() {
            self.fragments += 1;
        } else {
            // A block of it was never written: what is behind it may be no better.
            self.stop(at);
            return Ok(());
        }
        self.end = end;
        Ok(())
    }
}
