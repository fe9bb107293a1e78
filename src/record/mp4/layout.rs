//! Where things stand in the file.

use std::collections::VecDeque;

use super::Mp4Output;
use super::track::RecordedTrack;
use crate::buf::Chain;
use crate::error::{Error, Layer, Result};
use crate::media::Track;
use crate::mp4::{self, RECORDING_INDEX_AT, Run};
use crate::record::Patch;

#[derive(Debug)]
pub(super) struct Layout {
    room: u32,
    /// Bytes of the index without samples and the room behind it, once written.
    region: Option<u64>,
    /// Tracks that the index says.
    indexed: u32,
    fragments: u32,
    len: u64,
}

impl Layout {
    pub(super) const fn new(room: u32) -> Self {
        Self { room, region: None, indexed: 0, fragments: 0, len: 0 }
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the index can say all these.
    pub(super) fn has_room(&self, tracks: &[&Track]) -> Result<bool> {
        // A configuration that no sample entry can say is an error here, and not in the middle of a fragment.
        let fits = mp4::recording_index(tracks, self.region)?;
        Ok(fits.is_some())
    }

    /// Gives the open fragments of all tracks out.
    pub(super) fn write(
        &mut self,
        tracks: &mut [RecordedTrack],
        out: &mut VecDeque<Mp4Output>,
    ) -> Result<()> {
        if tracks.iter().all(|track| track.samples.is_empty()) {
            return Ok(());
        }
        let mut chain = Chain::new();
        self.index(tracks, &mut chain, out)?;
        let mut runs = Vec::with_capacity(tracks.len());
        for track in tracks.iter().filter(|track| !track.samples.is_empty()) {
            let decode_time = u64::try_from(track.start).unwrap_or(0);
            runs.push(Run { track: track.number, decode_time, samples: &track.samples });
        }
        let sequence = self.fragments.saturating_add(1);
        let head = mp4::fragment_head(false, sequence, &runs)?;
        self.fragments = sequence;
        self.len = self.len.saturating_add(head.len() as u64);
        chain.push(head);
        for track in tracks.iter_mut().filter(|track| !track.samples.is_empty()) {
            let bytes: u64 = track.data.iter().map(|data| data.len() as u64).sum();
            chain.extend(track.data.drain(..));
            track.written(self.len);
            self.len = self.len.saturating_add(bytes);
        }
        out.push_back(Mp4Output::Append(chain));
        Ok(())
    }

    /// Writes the start of the file, or says anew which tracks there are.
    fn index(
        &mut self,
        tracks: &mut [RecordedTrack],
        chain: &mut Chain,
        out: &mut VecDeque<Mp4Output>,
    ) -> Result<()> {
        let before = self.indexed;
        for track in tracks.iter_mut().filter(|track| !track.samples.is_empty()) {
            if track.number == 0 {
                self.indexed += 1;
                track.number = self.indexed;
            }
        }
        if self.indexed == before {
            return Ok(());
        }
        let mut numbered: Vec<&RecordedTrack> =
            tracks.iter().filter(|track| track.number > 0).collect();
        numbered.sort_by_key(|track| track.number);
        let numbered: Vec<&Track> = numbered.iter().map(|track| &track.track).collect();
        let full = Error::limit(Layer::Record, "room for the index");
        if let Some(region) = self.region {
            let bytes = mp4::recording_index(&numbered, Some(region))?.ok_or(full)?;
            out.push_back(Mp4Output::Patch(Patch { offset: RECORDING_INDEX_AT, bytes }));
            return Ok(());
        }
        // Room for those that are known and have not come yet, and for more.
        let known: Vec<&Track> = tracks.iter().map(|track| &track.track).collect();
        let index = mp4::recording_index(&known, None)?.ok_or(full)?;
        let region = (index.len() as u64).saturating_add(u64::from(self.room.max(8)));
        let start = mp4::recording_start()?;
        let index = mp4::recording_index(&numbered, Some(region))?.ok_or(full)?;
        self.region = Some(region);
        self.len = (start.len() as u64).saturating_add(index.len() as u64);
        chain.push(start);
        chain.push(index);
        Ok(())
    }
}
