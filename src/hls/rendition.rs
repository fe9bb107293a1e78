//! One track as a player sees it: its queue of samples, its segments and its playlist.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::segment::{Init, Sample, Segment, pack};
use super::timeline::{Epoch, MICROS, TrackClock};
use super::window::Window;
use crate::error::Result;
use crate::media::{AccessUnit, CodecConfig, MediaKind, Track, TrackId};
use crate::mp4;
use crate::time::rescale;

/// A point where all renditions go on to the next segment, in ticks of `timescale`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Decode time of the leading rendition's next sample.
    pub(super) decode: i64,
    /// Its presentation time.
    pub(super) present: i64,
    pub(super) timescale: u32,
    /// Whether a new epoch begins here.
    pub(super) discontinuity: bool,
}

/// What segments are closed with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) epoch: Epoch,
    /// Time that a playlist lists, in microseconds.
    pub(super) window: u64,
    /// Segments that a playlist lists at most.
    pub(super) most: usize,
    /// Longest segment in microseconds.
    pub(super) max: i64,
}

/// What has been measured of a rendition's segments.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    /// Highest bits a second of one segment.
    pub(super) peak: u64,
    pub(super) bits: u64,
    pub(super) micros: u64,
    pub(super) samples: u64,
}

#[derive(Debug)]
pub(super) struct Rendition {
    pub(super) track: Track,
    /// A new configuration, which applies from the next epoch.
    pub(super) pending: Option<Track>,
    /// Whether its present configuration fits no segment: its units are dropped.
    pub(super) refused: bool,
    /// Whether the present publisher has announced it.
    pub(super) announced: bool,
    /// Whether it has segments, or samples on the way to one.
    pub(super) started: bool,
    clock: TrackClock,
    pub(super) queue: VecDeque<Sample>,
    pub(super) queued_bytes: usize,
    cuts: VecDeque<Cut>,
    init: Arc<Init>,
    next_init: u64,
    fragments: u32,
    /// Duration of a frame that nothing follows: that of the last one that something did.
    typical: u32,
    /// Decode time of the end of the last segment.
    end: Option<i64>,
    /// The last cut, in ticks.
    boundary: Option<i64>,
    discontinuity: bool,
    pub(super) window: Window,
    pub(super) measured: Measured,
    pub(super) playlist: Bytes,
}

impl Rendition {
    /// A rendition whose init segments are numbered from `first_init` on.
    pub(super) fn new(track: Track, first_init: u64) -> Result<Self> {
        let name = init_name(track.id, first_init);
        let init = Arc::new(Init { name, body: mp4::init_segment(&[&track])? });
        let clock = TrackClock::new(&track.config);
        Ok(Self {
            typical: typical_duration(&track.config),
            track,
            pending: None,
            refused: false,
            announced: true,
            started: false,
            clock,
            queue: VecDeque::new(),
            queued_bytes: 0,
            cuts: VecDeque::new(),
            init,
            next_init: first_init.saturating_add(1),
            fragments: 0,
            end: None,
            boundary: None,
            discontinuity: false,
            window: Window::default(),
            measured: Measured::default(),
            playlist: Bytes::new(),
        })
    }

    pub(super) const fn id(&self) -> TrackId {
        self.track.id
    }

    pub(super) const fn is_video(&self) -> bool {
        matches!(self.track.id.kind, MediaKind::Video)
    }

    pub(super) const fn timescale(&self) -> u32 {
        self.clock.timescale()
    }

    /// Decode time where the next sample would follow without a hole.
    pub(super) fn reached(&self) -> Option<i64> {
        let queued = self
            .queue
            .back()
            .map(|last| last.time.saturating_add(last.duration.unwrap_or(self.typical).into()));
        queued.or(self.end)
    }

    pub(super) fn push(&mut self, epoch: &Epoch, unit: AccessUnit) {
        let end = self.end.unwrap_or(0);
        let placed = self.clock.place(epoch, &self.track, &unit, end);
        if let Some(last) = self.queue.back().filter(|_| self.is_video()) {
            let step = u32::try_from(placed.time.saturating_sub(last.time)).unwrap_or(0);
            if step > 0 && step < self.timescale() {
                self.typical = step;
            }
        }
        self.queued_bytes += unit.data.len();
        self.queue.push_back(Sample {
            time: placed.time,
            composition_offset: placed.composition_offset,
            duration: placed.duration,
            key: unit.key || !self.is_video(),
            data: unit.data,
        });
    }

    pub(super) fn cut(&mut self, cut: Cut) {
        self.cuts.push_back(cut);
    }

    /// Number of the segment that the next sample goes to, once all cuts so far are closed.
    pub(super) fn open_sequence(&self) -> u64 {
        self.window.next_sequence().saturating_add(self.cuts.len() as u64)
    }

    /// Discontinuities up to that segment.
    pub(super) fn open_discontinuities(&self) -> u64 {
        let cuts = self.cuts.iter().filter(|cut| cut.discontinuity).count() as u64;
        let waiting = u64::from(self.discontinuity);
        self.window.discontinuities().saturating_add(cuts).saturating_add(waiting)
    }

    /// Whether an epoch has ended for the others and not yet for this rendition.
    pub(super) fn must_cross(&self) -> bool {
        self.cuts.iter().any(|cut| cut.discontinuity)
    }

    /// Closes the segments whose end is known: a sample behind it has come, or the end is before `given_up`
    /// (microseconds), so that none is waited for. Returns how many samples had no place, or `None` where
    /// nothing was closed.
    pub(super) fn close(&mut self, terms: &Terms, given_up: i64) -> Result<Option<u64>> {
        let mut dropped = None;
        while let Some(cut) = self.cuts.front().copied() {
            let boundary = if self.is_video() { cut.decode } else { cut.present };
            let force = rescale(boundary, cut.timescale, MICROS) <= given_up;
            let boundary = rescale(boundary, cut.timescale, self.timescale());
            let behind = self.queue.iter().position(|sample| sample.time >= boundary);
            if behind.is_none() && !force {
                break;
            }
            // Sound that is ahead of the cut and still in the old configuration stays with it.
            let changes = cut.discontinuity && self.pending.is_some() && !self.is_video();
            let count = behind.filter(|_| !changes).unwrap_or(self.queue.len());
            let newest = self.queue.back().filter(|_| changes).map_or(boundary, |last| last.time);
            let late = self.drop_late(terms, newest.max(boundary), count);
            dropped = Some(dropped.unwrap_or(0) + late as u64);
            if count > late {
                let next = self.queue.get(count - late).map_or(boundary, |sample| sample.time);
                self.pack(terms, count - late, Some(next))?;
            } else {
                let start = self.boundary.unwrap_or(boundary);
                self.push_gap(terms, boundary.saturating_sub(start));
            }
            self.boundary = Some(boundary);
            self.cuts.pop_front();
            if cut.discontinuity {
                self.cross()?;
            }
        }
        Ok(dropped)
    }

    /// Drops those of the next `count` samples that no segment of allowed length can hold if it ends at `end`:
    /// they came when their time was long over.
    fn drop_late(&mut self, terms: &Terms, end: i64, count: usize) -> usize {
        let earliest = end.saturating_sub(rescale(terms.max, MICROS, self.timescale()));
        let late =
            self.queue.iter().take(count).take_while(|sample| sample.time < earliest).count();
        self.queue.drain(..late);
        late
    }

    /// Packs all that is queued, at the end of an epoch. Returns how many samples had no place.
    pub(super) fn flush(&mut self, terms: &Terms) -> Result<u64> {
        let mut dropped = self.close(terms, i64::MAX)?.unwrap_or(0);
        let end = self.queue.back().map_or(0, |last| last.time);
        dropped += self.drop_late(terms, end, self.queue.len()) as u64;
        if !self.queue.is_empty() {
            self.pack(terms, self.queue.len(), None)?;
        }
        Ok(dropped)
    }

    fn pack(&mut self, terms: &Terms, count: usize, next: Option<i64>) -> Result<()> {
        let samples: Vec<Sample> = self.queue.drain(..count).collect();
        // A frame does not last through a hole.
        let second = i64::from(self.timescale());
        let reach = samples.last().map_or(0, |last| last.time.saturating_add(2 * second));
        let next = next.filter(|&next| next <= reach);
        let packed = pack(&samples, next, self.typical, &mut self.fragments)?;
        self.queued_bytes = self.queue.iter().map(|sample| sample.data.len()).sum();
        let start = samples.first().map_or(0, Sample::present);
        let bits = 8 * packed.body.len() as u64;
        let segment =
            self.segment(&terms.epoch, start, packed.duration, samples.len(), Some(packed.body));
        self.measured.add(&segment, bits);
        self.end = Some(packed.end);
        self.window.push(segment, terms.window, terms.most);
        Ok(())
    }

    /// Says that nothing came for a time, so that the numbers of all renditions go together.
    pub(super) fn push_gap(&mut self, terms: &Terms, duration: i64) {
        // Never nothing, and never more than the playlist promises.
        let max = rescale(terms.max, MICROS, self.timescale());
        let duration = duration.clamp(i64::from(self.typical).min(max), max);
        let start = self.boundary.or(self.end).unwrap_or(0);
        let segment = self.segment(&terms.epoch, start, duration.unsigned_abs(), 0, None);
        self.end = self.end.max(Some(start.saturating_add(duration)));
        self.window.push(segment, terms.window, terms.most);
    }

    fn segment(
        &mut self,
        epoch: &Epoch,
        start: i64,
        duration: u64,
        samples: usize,
        body: Option<crate::buf::Chain>,
    ) -> Segment {
        let sequence = self.window.next_sequence();
        Segment {
            name: format!("{}_{sequence}.m4s", self.track.id),
            init: Arc::clone(&self.init),
            wall: epoch.wall_at(start, self.timescale()),
            duration,
            timescale: self.timescale(),
            discontinuity: std::mem::take(&mut self.discontinuity),
            samples,
            body,
        }
    }

    /// Enters a new epoch: the next segment says so, and a new configuration applies.
    pub(super) fn cross(&mut self) -> Result<()> {
        self.discontinuity = self.started;
        let Some(track) = self.pending.take() else { return Ok(()) };
        let name = init_name(track.id, self.next_init);
        self.init = Arc::new(Init { name, body: mp4::init_segment(&[&track])? });
        self.next_init = self.next_init.saturating_add(1);
        // Video goes on with its clock; the rate of sound may be another.
        if !self.is_video() {
            let before = self.timescale();
            self.clock = TrackClock::new(&track.config);
            self.end = self.end.map(|end| rescale(end, before, self.timescale()));
            self.boundary = self.boundary.map(|end| rescale(end, before, self.timescale()));
        }
        self.typical = typical_duration(&track.config);
        self.track = track;
        Ok(())
    }

    /// Forgets the past of the clock: the next unit sets the time anew, at `start` microseconds or later.
    pub(super) fn restart_clock(&mut self, start: i64) {
        self.clock = TrackClock::new(&self.track.config);
        self.end = Some(rescale(start, MICROS, self.timescale()));
        self.boundary = self.end;
    }

    /// Begins with the segment that the others are at.
    pub(super) fn join(&mut self, sequence: u64, discontinuities: u64) {
        self.window = Window::new(sequence, discontinuities);
        self.started = true;
    }

    pub(super) const fn current_init(&self) -> &Arc<Init> {
        &self.init
    }
}

impl Measured {
    fn add(&mut self, segment: &Segment, bits: u64) {
        let micros = segment.micros();
        self.bits = self.bits.saturating_add(bits);
        self.micros = self.micros.saturating_add(micros);
        self.samples = self.samples.saturating_add(segment.samples as u64);
        // A last remainder of a few frames says nothing about the rate.
        if micros >= 500_000 || self.peak == 0 {
            self.peak = self.peak.max(rate(bits, micros));
        }
    }

    pub(super) fn average(&self) -> u64 {
        rate(self.bits, self.micros)
    }
}

/// Units a second.
pub(super) fn rate(count: u64, micros: u64) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000 / u128::from(micros.max(1))).unwrap_or(u64::MAX)
}

fn init_name(id: TrackId, number: u64) -> String {
    format!("{id}_init_{number}.mp4")
}

fn typical_duration(config: &CodecConfig) -> u32 {
    if let Some(samples) = config.frame_samples() {
        return samples;
    }
    let (num, den) = config.frame_rate().unwrap_or((25, 1));
    let ticks = u64::from(mp4::VIDEO_TIMESCALE) * u64::from(den) / u64::from(num.max(1));
    // Timing fields may hold anything; a frame of 1 to 1000 a second is believed.
    u32::try_from(ticks).ok().filter(|ticks| (90..=90_000).contains(ticks)).unwrap_or(3600)
}
