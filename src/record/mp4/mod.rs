//! Tracks and access units as an MP4 that is never lost.

mod held;
mod layout;
mod track;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use self::held::Held;
use self::layout::Layout;
use self::track::{MICROS, RecordedTrack};
use super::Patch;
use crate::buf::Chain;
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;
use crate::media::{AccessUnit, MediaKind, Track, TrackId};
use crate::mp4::{self, FileTrack, VIDEO_TIMESCALE};
use crate::time::rescale;

/// Bytes of one fragment, whatever its length.
const MAX_FRAGMENT_BYTES: usize = 16 << 20;

/// How an MP4 is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mp4Config {
    /// Length of a fragment: so much is lost when nothing more is written. A fragment ends earlier, past half of this, at a
    /// key frame. At least 100 ms.
    pub fragment: Duration,
    /// Bytes kept free behind the first index, for tracks that come later: some 700 each, more where a configuration is
    /// large.
    pub room: u32,
}

impl Default for Mp4Config {
    fn default() -> Self {
        Self { fragment: Duration::from_secs(1), room: 4096 }
    }
}

/// Whether a track has its place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum TrackFit {
    /// It has.
    Taken,
    /// It was recorded in another configuration, or there is no room for it: its units are left out until there is a new file.
    NeedsNewFile,
}

/// What is to be done to the file, in this order.
#[derive(Clone, Debug)]
pub enum Mp4Output {
    /// Append these bytes.
    Append(Chain),
    /// Overwrite these.
    Patch(Patch),
}

/// What makes a plain MP4 of the fragments.
#[derive(Clone, Debug)]
pub struct Mp4End {
    /// Append this, and see to it that it is on the disk.
    pub index: Bytes,
    /// Only then overwrite this: before, the file is one in fragments, and behind, a plain one.
    pub patch: Patch,
}

/// Makes an MP4 of the tracks and access units of a live stream: one in fragments, which plays up to where it was written
/// whatever happens, and at the end a plain one with an index, in place and without another look at the media.
///
/// Feed it with [`handle_track`](Self::handle_track) and [`handle_unit`](Self::handle_unit), and do to the file what
/// [`poll_output`](Self::poll_output) says. At the end call [`finish`](Self::finish), poll what is left, then do what
/// [`end`](Self::end) gives.
///
/// Times are those of a remuxed FLV ([`Remuxer`](crate::remux::Remuxer)): a stream that starts within a second of zero
/// keeps its times, any other is moved as a whole so that its earliest picture or sound is at zero. Sound runs on sample counts, edit
/// lists keep the tracks in step. In the fragments, which know no edit lists, decode times stand as they are, moved on together
/// where one would be negative.
///
/// Held in memory are the open fragment, by reference, and some 4 to 9 bytes of index a unit.
#[derive(Debug)]
pub struct Mp4Recorder {
    config: Mp4Config,
    max_tracks: usize,
    tracks: Vec<RecordedTrack>,
    /// Tracks that have no place in this file.
    left_out: Vec<TrackId>,
    state: State,
    /// What to add to stream times, in microseconds.
    offset: i64,
    /// By how much media times are ahead of what they are to be presented as, in microseconds.
    lead: i64,
    /// Where the open fragment begins, in microseconds of media time.
    opened: Option<i64>,
    /// Bytes of the open fragment.
    bytes: usize,
    /// The newest decode time, in microseconds of media time.
    newest: i64,
    layout: Layout,
    out: VecDeque<Mp4Output>,
}

#[derive(Debug)]
enum State {
    /// The first times of an epoch are not known yet.
    Held(Held),
    Running,
    Finished,
}

impl Mp4Recorder {
    /// A recording at its start.
    #[must_use]
    pub fn new(config: Mp4Config, limits: &Limits) -> Self {
        let config =
            Mp4Config { fragment: config.fragment.max(Duration::from_millis(100)), ..config };
        let layout = Layout::new(config.room);
        Self {
            config,
            max_tracks: limits.tracks.saturating_mul(2),
            tracks: Vec::new(),
            left_out: Vec::new(),
            state: State::Held(Held::default()),
            offset: 0,
            lead: 0,
            opened: None,
            bytes: 0,
            newest: 0,
            layout,
            out: VecDeque::new(),
        }
    }

    /// Takes a track, or a new configuration of one, before its first unit.
    ///
    /// # Errors
    ///
    /// Unsupported for a codec that fits no MP4, limit for more than twice [`Limits::tracks`]: the units of the track are
    /// left out. Misuse once finished.
    pub fn handle_track(&mut self, track: Track) -> Result<TrackFit> {
        if matches!(self.state, State::Finished) {
            return Err(Error::misuse(Layer::Record, "track after the end"));
        }
        let id = track.id;
        let fit = self.take_track(track);
        self.left_out.retain(|left| *left != id);
        if fit != Ok(TrackFit::Taken) {
            self.left_out.push(id);
        }
        fit
    }

    fn take_track(&mut self, track: Track) -> Result<TrackFit> {
        track.config.fits_mp4()?;
        let held = self.is_held(track.id);
        if let Some(known) = self.tracks.iter_mut().find(|known| known.track.id == track.id) {
            if known.track.config == track.config {
                known.track = track;
            } else if known.is_new() && !held {
                *known = RecordedTrack::new(track);
            } else {
                return Ok(TrackFit::NeedsNewFile);
            }
            return Ok(TrackFit::Taken);
        }
        if self.tracks.len() >= self.max_tracks {
            return Err(Error::limit(Layer::Record, "tracks").found(self.tracks.len() as u64));
        }
        let mut all: Vec<&Track> = self.tracks.iter().map(|known| &known.track).collect();
        all.push(&track);
        if !self.layout.has_room(&all)? {
            return Ok(TrackFit::NeedsNewFile);
        }
        self.tracks.push(RecordedTrack::new(track));
        Ok(TrackFit::Taken)
    }

    /// Takes the next access unit. Those of tracks without a place in the file are left out.
    ///
    /// # Errors
    ///
    /// Limit where a value does not fit the file; misuse once finished.
    pub fn handle_unit(&mut self, unit: AccessUnit) -> Result<()> {
        if unit.data.is_empty() || self.left_out.contains(&unit.track) {
            return Ok(());
        }
        if !self.tracks.iter().any(|known| known.track.id == unit.track) {
            return Ok(());
        }
        match &mut self.state {
            State::Finished => Err(Error::misuse(Layer::Record, "unit after the end")),
            State::Running => self.place(unit),
            State::Held(held) => {
                held.push(unit, &self.tracks);
                if held.is_enough(self.config.fragment) { self.release() } else { Ok(()) }
            }
        }
    }

    /// The times of all tracks jump, or another publisher goes on: what follows stands right behind what was before.
    ///
    /// # Errors
    ///
    /// Limit where a value does not fit the file.
    pub fn handle_discontinuity(&mut self) -> Result<()> {
        self.release()?;
        if matches!(self.state, State::Running) {
            self.state = State::Held(Held::default());
        }
        Ok(())
    }

    /// What to do to the file next.
    pub fn poll_output(&mut self) -> Option<Mp4Output> {
        self.out.pop_front()
    }

    /// Gives out all that came, while nothing follows: the newest units are taken to be of usual length until the next
    /// ones tell.
    ///
    /// # Errors
    ///
    /// Limit where a value does not fit the file.
    pub fn flush(&mut self) -> Result<()> {
        self.release()?;
        self.tracks.iter_mut().for_each(RecordedTrack::flush);
        self.cut(None)
    }

    /// Ends the recording: all that is left goes to the output.
    ///
    /// # Errors
    ///
    /// Limit where a value does not fit the file.
    pub fn finish(&mut self) -> Result<()> {
        self.release()?;
        self.state = State::Finished;
        self.tracks.iter_mut().for_each(RecordedTrack::finish);
        self.cut(None)?;
        self.tracks.iter_mut().for_each(RecordedTrack::settle);
        Ok(())
    }

    /// What makes a plain MP4 of all that was given out, once that was written; `None` where nothing was. The work grows with the
    /// number of units, not with their bytes.
    ///
    /// # Errors
    ///
    /// Misuse before [`finish`](Self::finish); limit where a value does not fit the file.
    pub fn end(&self) -> Result<Option<Mp4End>> {
        if !matches!(self.state, State::Finished) {
            return Err(Error::misuse(Layer::Record, "end before the finish"));
        }
        let mut tracks: Vec<&RecordedTrack> =
            self.tracks.iter().filter(|track| !track.index.is_empty()).collect();
        tracks.sort_by_key(|track| track.track.id);
        let video = tracks.iter().find(|track| track.timescale() == VIDEO_TIMESCALE);
        let Some(leading) = video.or(tracks.first()) else { return Ok(None) };
        let movie = leading.timescale();
        let ends: Vec<_> = tracks.iter().map(|track| track.end(self.lead, movie)).collect();
        let configs: Vec<_> = tracks.iter().map(|track| [&*track.track.config]).collect();
        let files: Vec<FileTrack<'_>> = (ends.iter().zip(&configs))
            .map(|(end, configs)| FileTrack {
                configs,
                edits: &end.edits,
                samples: &end.samples,
                rates: end.rates,
            })
            .collect();
        let at = self.layout.len();
        let index = mp4::closing_index(movie, &files, at)?;
        let patch = Patch { offset: mp4::PLACEHOLDER_AT, bytes: mp4::closing_header(at) };
        Ok(Some(Mp4End { index, patch }))
    }

    /// Bytes of the file so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.layout.len()
    }

    /// Whether nothing was given out yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Length of the recording so far, the open fragment included.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.newest.saturating_sub(self.lead)).unwrap_or(0))
    }

    /// The tracks in this file, each in its configuration: what a file that follows begins with.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().map(|track| &track.track)
    }

    /// Bytes of memory that the index takes.
    #[must_use]
    pub fn index_memory(&self) -> usize {
        self.tracks.iter().map(|track| track.index.memory()).sum()
    }

    fn is_held(&self, id: TrackId) -> bool {
        matches!(&self.state, State::Held(held) if held.has(id))
    }

    /// The first times of the epoch are known: places what was held.
    fn release(&mut self) -> Result<()> {
        let held = match &mut self.state {
            State::Held(held) => std::mem::take(held),
            State::Running | State::Finished => return Ok(()),
        };
        let Some(first) = held.first() else { return Ok(()) };
        self.state = State::Running;
        if self.opened.is_none() && self.layout.is_empty() && self.bytes == 0 {
            (self.offset, self.lead) = first.start();
        } else {
            // One picture of 25 a second, for want of the last one's own length.
            self.offset = self.newest.saturating_add(40_000).saturating_sub(first.dts);
            self.tracks.iter_mut().for_each(RecordedTrack::restart);
        }
        held.into_units().try_for_each(|unit| self.place(unit))
    }

    fn place(&mut self, unit: AccessUnit) -> Result<()> {
        let leads = self.leads(unit.track);
        let (offset, size, key) = (self.offset, unit.data.len(), unit.key);
        let known = self.tracks.iter_mut().find(|known| known.track.id == unit.track);
        let Some(track) = known else { return Ok(()) };
        let placed = track.place(unit, offset);
        let now = rescale(placed.time, track.timescale(), MICROS);
        track.follow(placed.time);
        if self.is_due(now, leads, key) {
            self.cut(Some(now))?;
        }
        let known = self.tracks.iter_mut().find(|known| known.track.id == placed.id);
        if let Some(track) = known {
            track.open(placed);
        }
        self.opened.get_or_insert(now);
        self.newest = self.newest.max(now);
        self.bytes = self.bytes.saturating_add(size);
        Ok(())
    }

    /// Whether the track is the one whose key frames and times cut.
    fn leads(&self, id: TrackId) -> bool {
        let videos = self.tracks.iter().filter(|known| known.track.id.kind == MediaKind::Video);
        let lead = videos.map(|known| known.track.id).min();
        lead.or_else(|| self.tracks.first().map(|known| known.track.id)) == Some(id)
    }

    fn is_due(&self, now: i64, leads: bool, key: bool) -> bool {
        let Some(opened) = self.opened else { return false };
        let length = i64::try_from(self.config.fragment.as_micros()).unwrap_or(i64::MAX);
        let passed = now.saturating_sub(opened);
        // Another track cuts where the leading one has stopped.
        let wanted = match (leads, key) {
            (true, true) => length / 2,
            (true, false) => length,
            (false, _) => length.saturating_add(length / 2),
        };
        passed >= wanted || self.bytes >= MAX_FRAGMENT_BYTES
    }

    /// Gives the open fragment out. `now` is where the next begins.
    fn cut(&mut self, now: Option<i64>) -> Result<()> {
        let length = i64::try_from(self.config.fragment.as_micros()).unwrap_or(i64::MAX);
        if let Some(now) = now {
            self.tracks.iter_mut().for_each(|track| track.give_up(now, length));
        }
        self.opened = now;
        self.bytes = self.tracks.iter().map(RecordedTrack::open_bytes).sum();
        self.layout.write(&mut self.tracks, &mut self.out)
    }
}
