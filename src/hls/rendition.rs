//! One track as a player sees it: its queue of samples, its segments and its playlist.

mod align;
mod close;
mod gaps;
mod wait;

pub(super) use close::Closed;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use super::file::Text;
use super::measured::Measured;
use super::open::Open;
use super::part::PartTarget;
use super::segment::{Init, Sample};
use super::timeline::{Epoch, MICROS, TrackClock};
use super::window::Window;
use crate::codec::captions::Captions;
use crate::error::Result;
use crate::media::{AccessUnit, CodecConfig, MediaKind, Track, TrackId};
use crate::mp4::{self, Eac3Samples};
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
    /// Whether the first part of a segment says when it was made (`prft`).
    pub(super) reference_times: bool,
    /// How far from a cut the key frame of another encoder may be, in microseconds.
    pub(super) reach: i64,
}

#[derive(Debug)]
pub(super) struct Rendition {
    pub(super) track: Track,
    /// What is played together, and comes and goes together.
    pub(super) group: u8,
    /// Whether its publisher is gone while others go on: gaps stand for it.
    pub(super) left: bool,
    /// Output time since when players wait for its first segment before they are told of the stream, in microseconds.
    pub(super) awaited: Option<i64>,
    /// Pictures are of no use before the next key frame.
    pub(super) starving: bool,
    /// Whether its last cut was at a key frame of the same time as the leading rendition's.
    aligned: bool,
    /// A new configuration, which applies from the next epoch.
    pub(super) pending: Option<Track>,
    /// Whether its present configuration fits no segment: its units are dropped.
    pub(super) refused: bool,
    /// Whether the present publisher has announced it.
    pub(super) announced: bool,
    /// Whether it has segments, or samples on the way to one.
    pub(super) started: bool,
    /// How many joined or were interrupted in its epoch before it did: who has the least leads.
    pub(super) since: u64,
    /// Number of the first segment that it might have: gaps before it stand for an earlier muxer's, and for what others have.
    own_first: u64,
    /// E-AC-3 on its way to samples of six blocks.
    pub(super) joiner: Eac3Samples,
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
    /// From this decode time on, samples are of another publisher than the segment that is open.
    sealed: Option<i64>,
    /// In the pending configuration.
    waiting: wait::Waiting,
    /// Longest part, once it is decided.
    pub(super) part_target: Option<PartTarget>,
    /// Where the leading rendition has borders of parts, in ticks, as far as this one has not passed them.
    marks: VecDeque<i64>,
    /// Borders of parts that were made since they were asked for, by presentation time in microseconds.
    new_marks: Vec<i64>,
    /// Latest presentation time of this epoch, in ticks: no later key frame comes before it.
    shown: i64,
    /// Decode time of the last key frame.
    last_key: Option<i64>,
    /// Longest distance of key frames in this epoch.
    key_distance: Option<i64>,
    pub(super) open: Open,
    pub(super) window: Window,
    pub(super) measured: Measured,
    /// Within its pictures, as far as it was seen.
    pub(super) captions: Captions,
    pub(super) playlist: Playlists,
    /// Whether players were told last that what comes next is not known yet.
    pub(super) told_to_wait: bool,
}

/// Its playlist as it is now, written when it is asked for.
#[derive(Debug, Default)]
pub(super) struct Playlists {
    pub(super) full: OnceLock<Text>,
    /// With `EXT-X-SKIP`.
    pub(super) delta: OnceLock<Text>,
}

impl Rendition {
    /// A rendition whose init segments are numbered from `first_init` on.
    pub(super) fn new(track: Track, group: u8, first_init: u64) -> Result<Self> {
        let init = Arc::new(init_of(&track, first_init)?);
        let clock = TrackClock::new(&track.config);
        Ok(Self {
            typical: typical_duration(&track.config),
            track,
            group,
            left: false,
            awaited: None,
            starving: false,
            aligned: true,
            pending: None,
            refused: false,
            announced: true,
            told_to_wait: false,
            started: false,
            since: 0,
            own_first: 0,
            joiner: Eac3Samples::default(),
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
            sealed: None,
            waiting: wait::Waiting::default(),
            part_target: None,
            marks: VecDeque::new(),
            new_marks: Vec::new(),
            shown: i64::MIN,
            last_key: None,
            key_distance: None,
            open: Open::default(),
            window: Window::default(),
            measured: Measured::default(),
            captions: Captions::default(),
            playlist: Playlists::default(),
        })
    }

    pub(super) const fn id(&self) -> TrackId {
        self.track.id
    }

    pub(super) const fn is_video(&self) -> bool {
        matches!(self.track.id.kind, MediaKind::Video)
    }

    /// Whether its units may be parts of samples.
    pub(super) fn is_eac3(&self) -> bool {
        let next = self.pending.as_ref().unwrap_or(&self.track);
        matches!(*next.config, CodecConfig::Eac3(_))
    }

    /// Ends the sample that is being filled.
    pub(super) fn take_rest(&mut self) -> impl Iterator<Item = AccessUnit> + use<'_> {
        self.joiner.finish();
        std::iter::from_fn(|| self.joiner.poll_unit())
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
        // Between two publishers there is no frame.
        let goes_on = |last: &&Sample| self.sealed.is_none_or(|sealed| last.time >= sealed);
        if let Some(last) = self.queue.back().filter(|_| self.is_video()).filter(goes_on) {
            let step = u32::try_from(placed.time.saturating_sub(last.time)).unwrap_or(0);
            if step > 0 && step < self.timescale() {
                self.typical = step;
            }
        }
        self.captions.look_into(&self.track.config, &unit.data);
        self.queued_bytes = self.queued_bytes.saturating_add(unit.data.len());
        let sample = Sample {
            time: placed.time,
            composition_offset: placed.composition_offset,
            duration: placed.duration,
            key: unit.key || !self.is_video(),
            data: unit.data,
        };
        self.shown = self.shown.max(sample.present());
        if sample.key {
            let distance = self.last_key.map(|last| sample.time.saturating_sub(last));
            self.key_distance = self.key_distance.max(distance);
            self.last_key = Some(sample.time);
        }
        self.queue.push_back(sample);
    }

    pub(super) fn cut(&mut self, cut: Cut) {
        self.cuts.push_back(cut);
    }

    /// Number of the segment that the next sample goes to, once all cuts so far are closed.
    pub(super) fn open_number(&self) -> u64 {
        self.window.next_number().saturating_add(self.cuts.len() as u64)
    }

    /// Discontinuities up to that segment.
    pub(super) fn open_discontinuities(&self) -> u64 {
        let cuts = self.cuts.iter().filter(|cut| cut.discontinuity).count() as u64;
        let waiting = u64::from(self.discontinuity);
        self.window.discontinuities().saturating_add(cuts).saturating_add(waiting)
    }

    /// Whether the segment that is open begins an epoch.
    pub(super) const fn opens_epoch(&self) -> bool {
        self.discontinuity
    }

    /// Decode time where the segment that is open begins.
    pub(super) fn open_start(&self) -> Option<i64> {
        self.open.start().or(self.queue.front().map(|first| first.time))
    }

    /// Bytes of the segment that is open, and of all that is queued.
    pub(super) const fn open_bytes(&self) -> usize {
        self.open.bytes().saturating_add(self.queued_bytes)
    }

    /// Longest distance of key frames in this epoch, in ticks.
    pub(super) const fn key_distance(&self) -> Option<i64> {
        self.key_distance
    }

    /// Latest presentation time of this epoch, in microseconds: no later key frame comes before it.
    pub(super) fn shown(&self) -> i64 {
        rescale(self.shown, self.timescale(), MICROS)
    }

    /// Borders of parts that were made since this was asked last, by presentation time in microseconds.
    pub(super) fn take_marks(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.new_marks)
    }

    /// Tells where the leading rendition has borders of parts.
    pub(super) fn mark(&mut self, marks: &[i64]) {
        let timescale = self.timescale();
        self.marks.extend(marks.iter().map(|&mark| rescale(mark, MICROS, timescale)));
    }

    /// Mean duration of the frames that are queued, in microseconds, or what is believed of them.
    pub(super) fn frame_micros(&self) -> u64 {
        let ticks = match (self.queue.front(), self.queue.back(), self.queue.len()) {
            (Some(first), Some(last), count @ 2..) if self.is_video() => {
                let count = i64::try_from(count - 1).unwrap_or(i64::MAX);
                last.time.saturating_sub(first.time) / count
            }
            _ => self.typical.into(),
        };
        u64::try_from(rescale(ticks, self.timescale(), MICROS)).unwrap_or(0).max(1)
    }

    /// Whether what is queued tells how long frames are.
    pub(super) fn knows_frames(&self, micros: u64) -> bool {
        let spans = |first: &Sample, last: &Sample| {
            let ticks = last.time.saturating_sub(first.time);
            u64::try_from(rescale(ticks, self.timescale(), MICROS)).is_ok_and(|span| span >= micros)
        };
        let queued = self.queue.front().zip(self.queue.back());
        !self.is_video() || !self.cuts.is_empty() || queued.is_some_and(|(a, b)| spans(a, b))
    }

    /// Whether segments wait for their end.
    pub(super) fn has_cuts(&self) -> bool {
        !self.cuts.is_empty()
    }

    /// Whether an epoch has ended for the others and not yet for this rendition.
    pub(super) fn must_cross(&self) -> bool {
        self.cuts.iter().any(|cut| cut.discontinuity)
    }

    /// Whether an epoch has begun for the others, and nothing of this rendition has come yet: it may begin in any configuration.
    pub(super) fn is_fresh(&self) -> bool {
        let nothing = self.open.is_empty() && self.queue.is_empty() && self.cuts.is_empty();
        self.started && self.discontinuity && nothing && self.sealed.is_none()
    }

    /// Whether nobody knows how its segment begins, since who made it before is away or comes back in another configuration.
    pub(super) fn is_awaited(&self) -> bool {
        self.is_fresh() && (!self.announced || self.pending.is_some())
    }

    /// Enters a new epoch: the next segment says so, and a new configuration applies.
    pub(super) fn cross(&mut self) -> Result<()> {
        self.discontinuity = self.started;
        self.starving = false;
        let Some(track) = self.pending.take() else { return Ok(()) };
        self.init = Arc::new(init_of(&track, self.next_init)?);
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
        self.shown = i64::MIN;
        self.sealed = None;
        (self.last_key, self.key_distance) = (None, None);
        self.marks.clear();
    }

    /// Begins with the segment that the others are at.
    pub(super) fn join(&mut self, sequence: u64, discontinuities: u64) {
        self.window = Window::new(sequence, discontinuities);
        self.own_first = sequence;
        self.started = true;
    }

    /// How many segments there were since it began.
    pub(super) fn own_segments(&self) -> u64 {
        self.window.next_number().saturating_sub(self.own_first)
    }

    /// Number in the name of the next init segment.
    pub(super) const fn next_init(&self) -> u64 {
        self.next_init
    }

    pub(super) const fn current_init(&self) -> &Arc<Init> {
        &self.init
    }
}

fn init_of(track: &Track, number: u64) -> Result<Init> {
    let name = format!("{}_init_{number}.mp4", track.id);
    Ok(Init { name, body: mp4::init_segment(&[track])?, track: track.clone() })
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
