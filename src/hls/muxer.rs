//! Tracks and access units in, files by name out.

mod answer;
mod cut;
#[cfg(test)]
mod properties;
mod publish;
mod start;
#[cfg(test)]
mod tests;
mod vod;

use std::time::Duration;

use super::config::{MuxerConfig, PlaylistType, Position, Stats};
use super::file::Text;
use super::mpd::Mpd;
use super::presentation::Presentation;
use super::rendition::{Rendition, Terms};
use super::timeline::Epoch;
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;
use crate::media::{AccessUnit, Track, TrackId};

/// A live HLS stream in memory.
///
/// Announce each track with [`handle_track`](Self::handle_track) before its units, hand over units with
/// [`handle_unit`](Self::handle_unit) in the order of arrival, and answer requests with [`request`](Self::request) at any
/// time; those that have to wait are asked again once [`version`](Self::version) has changed. [`handle_discontinuity`](Self::handle_discontinuity) where all times jump or the publisher is gone and may come
/// back; [`finish`](Self::finish) when it will not.
#[derive(Debug)]
pub struct Muxer {
    config: MuxerConfig,
    limits: Limits,
    renditions: Vec<Rendition>,
    epoch: Epoch,
    /// Units that wait for the start of an epoch; `None` while one runs.
    held: Option<Held>,
    /// Decode time where the present segment begins, in microseconds.
    segment_start: i64,
    /// How often a rendition joined or was interrupted in this epoch.
    joined: u64,
    /// A configuration waits for the next key frame.
    change_due: bool,
    /// Segments or parts were made that no playlist lists yet.
    dirty: bool,
    target: Option<u64>,
    /// What parts of the leading rendition are in microseconds, but for jitter.
    part_nominal: Option<u64>,
    ended: bool,
    /// Nobody has seen the playlists before the end.
    is_unseen: bool,
    multivariant: Option<Text>,
    mpd: Mpd,
    version: u64,
    stats: Stats,
}

#[derive(Debug, Default)]
struct Held {
    /// With the wall clock of each.
    units: Vec<(AccessUnit, Option<i64>)>,
    bytes: usize,
}

/// A target duration of `n` allows segments that round to it: up to this many microseconds more.
const ROUNDING: i64 = 300_000;

impl Muxer {
    /// An empty stream.
    #[must_use]
    pub fn new(config: MuxerConfig, limits: &Limits) -> Self {
        let begun = config.dash.as_ref().and_then(|dash| dash.availability_start);
        Self {
            config,
            limits: limits.clone(),
            renditions: Vec::new(),
            epoch: Epoch::default(),
            held: Some(Held::default()),
            segment_start: 0,
            joined: 0,
            change_due: false,
            dirty: false,
            target: None,
            part_nominal: None,
            ended: false,
            is_unseen: false,
            multivariant: None,
            mpd: Mpd::begun_at(begun),
            version: 0,
            stats: Stats::default(),
        }
    }

    /// Announces a track, or a new configuration of one, which applies from the next key frame.
    ///
    /// Each video track is a variant of its own: players choose between them. All are cut at the key frames of the first, so
    /// these should be at the same times; where they are not, the nearest one is taken.
    ///
    /// Fails with `Unsupported` where the configuration fits no init segment.
    pub fn handle_track(&mut self, track: Track) -> Result<()> {
        self.announce(0, track)
    }

    /// Announces a track of a group: variants have the sound of their own group.
    pub(super) fn announce(&mut self, group: u8, track: Track) -> Result<()> {
        let fits = track.config.fits_mp4();
        let known = self.renditions.iter_mut().find(|rendition| rendition.id() == track.id);
        if let Some(rendition) = known {
            rendition.refused = fits.is_err();
            fits?;
            (rendition.announced, rendition.left) = (true, false);
            // What waits is of the configuration before this one.
            let next = rendition.pending.as_ref().map(|pending| &pending.config);
            if next != Some(&track.config) {
                self.stats.dropped_units += rendition.wait_no_more() as u64;
            }
            let same = rendition.track.config == track.config
                && rendition.track.timescale == track.timescale;
            rendition.pending = (!same).then_some(track);
            return Ok(());
        }
        fits?;
        let mut rendition = Rendition::new(track, group, self.config.first_number())?;
        rendition.awaited = self.held.is_none().then(|| self.newest());
        self.renditions.push(rendition);
        // Video leads, then the tracks in the order of their numbers.
        self.renditions.sort_by_key(Rendition::id);
        Ok(())
    }

    /// Takes an access unit. `wall` is the time of capture or arrival in microseconds since 1970. The first of an epoch
    /// tie the time line to the wall clock, and where the publisher's clock goes faster or slower the dates of segments follow, by a two-hundredth of
    /// a segment at most.
    ///
    /// A unit that cannot be used is dropped and counted in [`stats`](Self::stats). Fails only with `LimitExceeded`,
    /// where a segment cannot be described by its boxes, and once where an event has as many bytes as it may have: then
    /// it ends.
    pub fn handle_unit(&mut self, unit: AccessUnit, wall: Option<i64>) -> Result<()> {
        let mut taken = self.renditions.iter().filter(|rendition| !rendition.refused);
        let known = taken.any(|rendition| rendition.id() == unit.track);
        if self.ended || !known || unit.data.is_empty() {
            self.stats.dropped_units += 1;
            return Ok(());
        }
        if self.config.playlist_type == PlaylistType::Event && self.is_full() {
            self.finish()?;
            self.stats.dropped_units += 1;
            return Err(Error::limit(Layer::Hls, "bytes of an event"));
        }
        let found = self.renditions.iter_mut().find(|rendition| rendition.id() == unit.track);
        let Some(rendition) = found.filter(|rendition| rendition.is_eac3()) else {
            return self.accept(unit, wall);
        };
        rendition.joiner.handle_unit(unit);
        let samples: Vec<AccessUnit> =
            std::iter::from_fn(|| rendition.joiner.poll_unit()).collect();
        samples.into_iter().try_for_each(|sample| self.accept(sample, wall))
    }

    /// Takes a unit that is a sample.
    fn accept(&mut self, unit: AccessUnit, wall: Option<i64>) -> Result<()> {
        let Some(held) = &mut self.held else {
            self.take(unit, wall)?;
            return self.settle();
        };
        if held.is_early(&unit) {
            self.stats.dropped_units += 1;
            return Ok(());
        }
        held.bytes = held.bytes.saturating_add(unit.data.len());
        held.units.push((unit, wall));
        if self.may_start() { self.start() } else { Ok(()) }
    }

    /// All tracks jumped in time, or the publisher is gone for now: ends the segments and begins a new epoch with the next
    /// unit, behind `EXT-X-DISCONTINUITY`. Numbers go on.
    ///
    /// Fails with `LimitExceeded` where a segment cannot be described by its boxes.
    pub fn handle_discontinuity(&mut self) -> Result<()> {
        self.end_epoch(true)?;
        self.publish();
        Ok(())
    }

    /// The stream is over: ends the segments, and the playlists with `EXT-X-ENDLIST`.
    ///
    /// Fails with `LimitExceeded` where a segment cannot be described by its boxes.
    pub fn finish(&mut self) -> Result<()> {
        self.end_epoch(false)?;
        self.ended = true;
        self.publish();
        Ok(())
    }

    /// A new publisher under the same name: a discontinuity, and tracks that are not announced again are not waited for.
    /// After [`finish`](Self::finish) the playlists go on with their numbers; players that saw the end load them anew.
    ///
    /// Fails with `LimitExceeded` where a segment cannot be described by its boxes.
    pub fn resume(&mut self) -> Result<()> {
        self.end_epoch(true)?;
        self.ended = false;
        self.renditions.iter_mut().for_each(|rendition| rendition.announced = false);
        self.publish();
        Ok(())
    }

    /// The publisher of a group is gone and others go on: gaps stand for its renditions, which players are not told of any more.
    pub(super) fn leave(&mut self, group: u8) -> Result<()> {
        for rendition in self.renditions.iter_mut().filter(|one| one.group == group) {
            (rendition.left, rendition.announced) = (true, false);
            (rendition.pending, rendition.awaited) = (None, None);
        }
        self.interrupt(group);
        self.dirty = true;
        if self.held.is_none() { self.settle() } else { Ok(()) }
    }

    /// What comes next of a group is not the continuation of what is here.
    pub(super) fn interrupt(&mut self, group: u8) {
        self.joined = self.joined.saturating_add(1);
        for rendition in self.renditions.iter_mut().filter(|one| one.group == group) {
            self.stats.dropped_units += rendition.wait_no_more() as u64;
            rendition.seal();
            rendition.since = self.joined;
        }
    }

    /// Whether players can begin: every rendition has a segment, so that the codecs and the rates are known.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.multivariant.is_some()
    }

    /// Counts of what a good stream does not have.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// Where the numbers have come to, for a later muxer under the same URLs. Cheap enough to be asked for with each change.
    #[must_use]
    pub fn position(&self) -> Position {
        let started = || self.renditions.iter().filter(|rendition| rendition.started);
        let number = started().map(|one| one.open_number().saturating_add(1)).max();
        let discontinuity = started().map(|one| one.open_discontinuities()).max();
        let inits = self.renditions.iter().map(Rendition::next_init).max();
        let first = self.config.first_number();
        let given = self.config.dash.as_ref().and_then(|dash| dash.availability_start);
        Position {
            sequence: number.map_or(self.config.first_sequence, |at| self.config.sequence_of(at)),
            discontinuity: discontinuity.unwrap_or(self.config.first_discontinuity),
            name: number.max(inits).unwrap_or(first),
            availability_start: self.mpd.availability_start().or(given),
            target_duration: self.target_duration(),
        }
    }

    /// Grows with everything that can change an answer: a part, a segment, the end. Who waits is woken by this alone.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The longest segment that there will be, once the first one is whole.
    #[must_use]
    pub fn target_duration(&self) -> Option<Duration> {
        self.target.map(Duration::from_secs)
    }

    /// Whether the stream is over.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// What the stream consists of, for other manifests over the same files.
    #[must_use]
    pub const fn presentation(&self) -> Presentation<'_> {
        Presentation::new(self)
    }

    /// Bytes of all segments that are held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.renditions
            .iter()
            .map(|rendition| rendition.window.bytes().saturating_add(rendition.open_bytes()))
            .sum()
    }

    /// Ticks a second of the times of a track's units.
    pub(super) fn timescale_of(&self, id: TrackId) -> Option<u32> {
        let rendition = self.renditions.iter().find(|rendition| rendition.id() == id)?;
        Some(rendition.pending.as_ref().unwrap_or(&rendition.track).timescale)
    }

    pub(super) const fn config(&self) -> &MuxerConfig {
        &self.config
    }

    fn is_full(&self) -> bool {
        self.held_bytes() >= self.config.max_bytes
    }

    /// The rendition whose key frames cut all: the first video, or else the first audio. Who joins or comes back goes with those that are there,
    /// so that nobody is cut elsewhere than at key frames because of it.
    fn lead_index(&self) -> Option<usize> {
        let started = self.renditions.iter().enumerate().filter(|(_, one)| one.started);
        let first = started.min_by_key(|(_, one)| {
            (one.left, one.left || one.is_sealed(), !one.is_video(), one.since)
        });
        first.map(|(index, _)| index)
    }

    fn target_micros(&self) -> i64 {
        i64::try_from(self.config.target_duration.as_micros()).unwrap_or(i64::MAX).max(1)
    }

    /// Longest segment in microseconds.
    fn max_micros(&self) -> i64 {
        let decided = self.target.or(self.config.max_segment_duration.map(ceil_seconds));
        let seconds = decided.unwrap_or_else(|| ceil_seconds(self.config.target_duration).max(10));
        i64::try_from(seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000)
            .saturating_add(ROUNDING)
    }

    fn terms(&self) -> Terms {
        let (epoch, max) = (self.epoch, self.max_micros());
        // Only low-latency players ask for it.
        let reference_times = self.config.dash.is_some() && self.config.part_duration.is_some();
        let reach = self.target_micros() / 2;
        if self.config.playlist_type == PlaylistType::Event {
            return Terms {
                epoch,
                window: u64::MAX,
                most: usize::MAX,
                max,
                reference_times,
                reach,
            };
        }
        let window = u64::try_from(self.config.window.as_micros()).unwrap_or(u64::MAX);
        // Segments may be a quarter as long as they should be, on average.
        let even = window / self.target_micros().unsigned_abs();
        let most = usize::try_from(even).unwrap_or(usize::MAX).saturating_mul(4).saturating_add(16);
        Terms { epoch, window, most, max, reference_times, reach }
    }
}

/// Whole seconds that hold `duration`, at least one.
fn ceil_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0)).max(1)
}
