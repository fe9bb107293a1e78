//! An FLV that a crash left: what is whole of it, finished.

use super::index::{FlvIndex, Place, Role};
use crate::amf::Value;
use crate::error::Result;
use crate::flv::{Reader, Tag, parse_metadata};
use crate::limits::Limits;
use crate::record::Patch;

/// Bytes of the file header and the first `PreviousTagSize`.
const HEADER: u64 = 13;

/// Finishes a file of a [`FlvRecorder`](super::FlvRecorder) that was not finished.
///
/// Give the file with [`handle_input`](Self::handle_input) in pieces of any size, then cut it to the length that
/// [`finish`](Self::finish) gives and apply its patches.
#[derive(Debug)]
pub struct FlvRepair {
    limits: Limits,
    reader: Reader,
    index: FlvIndex,
    /// The first tag, where it is metadata.
    metadata: Option<(Tag, Value)>,
    place: Option<Place>,
    tags: u64,
    /// Behind the last whole tag.
    end: u64,
    len: u64,
}

impl FlvRepair {
    /// At the start of a file.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            reader: Reader::new(limits),
            index: FlvIndex::default(),
            metadata: None,
            place: None,
            tags: 0,
            end: 0,
            len: 0,
        }
    }

    /// Takes the next bytes of the file, all of them.
    ///
    /// # Errors
    ///
    /// Malformed where the file is no FLV.
    pub fn handle_input(&mut self, mut input: &[u8]) -> Result<()> {
        self.len = self.len.saturating_add(input.len() as u64);
        loop {
            let taken = self.reader.handle_input(input)?;
            input = input.get(taken..).unwrap_or_default();
            if self.take_tags() == 0 && input.is_empty() {
                return Ok(());
            }
        }
    }

    /// The length of what is whole, and what to fill in; `None` where there is no media.
    #[must_use]
    pub fn finish(mut self) -> Option<(u64, Vec<Patch>)> {
        while {
            self.reader.finish();
            self.take_tags() > 0
        } {}
        let media =
            self.tags > u64::from(self.metadata.is_some()) + u64::from(self.place.is_some());
        // The size behind the last tag may be missing.
        let end = self.end.min(self.len);
        media.then(|| (end, self.index.patches(self.place.as_ref(), end)))
    }

    fn take_tags(&mut self) -> usize {
        let mut count = 0;
        while let Some((body, tag)) = self.reader.poll_tag() {
            count += 1;
            self.take(&tag, body);
        }
        count
    }

    fn take(&mut self, tag: &Tag, body: u64) {
        let offset = body.saturating_sub(11);
        self.tags += 1;
        self.end = body.saturating_add(tag.body.len() as u64).saturating_add(4);
        match (&self.metadata, self.tags) {
            (_, 1) if offset == HEADER => {
                let told = parse_metadata(&tag.body, &self.limits);
                self.metadata = told.map(|told| (tag.clone(), told));
            }
            (Some((metadata, told)), 2) => {
                let fields = told.fields().unwrap_or_default();
                self.place = Place::found(HEADER, metadata, fields, tag);
            }
            _ => {}
        }
        self.index.note(tag, Role::of(tag), offset);
    }
}
