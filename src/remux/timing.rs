//! From stream times to sample tables and edit lists.

use std::sync::Arc;

use super::TrackReport;
use super::index::{Bounds, Index, IndexedTrack, Unit};
use super::layout::Offsets;
use crate::assemble::TIMESCALE;
use crate::media::{CodecConfig, MediaKind, TrackId};
use crate::mp4::{
    Bitrates, Edit, FileSample, Presented, Samples, TrackClock, VIDEO_TIMESCALE, rates,
};
use crate::time::rescale;

/// A source whose first time is below this keeps its times, in microseconds.
const KEPT_START: i64 = 1_000_000;
/// For want of the last picture's own length, that of one of 25 a second, in microseconds.
const LAST_LENGTH: i64 = 40_000;

/// A track ready to be written.
#[derive(Debug)]
pub(super) struct TimedTrack {
    id: TrackId,
    timescale: u32,
    pub(super) configs: Vec<Arc<CodecConfig>>,
    pub(super) samples: Samples,
    pub(super) edits: Vec<Edit>,
    pub(super) rates: Bitrates,
    /// Presentation time of the first sample, in ticks of the track.
    start: u64,
    presented: Presented,
}

impl TimedTrack {
    pub(super) fn report(&self, movie: u32) -> TrackReport {
        let micros = |ticks, timescale| unsigned(rescale(signed(ticks), timescale, TIMESCALE));
        let presented =
            self.edits.iter().filter(|edit| edit.media_time.is_some()).map(|edit| edit.duration);
        TrackReport {
            id: self.id,
            codec: self.configs.first().map(|config| config.codec_string()).unwrap_or_default(),
            configurations: self.configs.len(),
            samples: self.samples.len(),
            bytes: self.samples.bytes(),
            start: micros(self.start, self.timescale),
            duration: match presented.reduce(u64::saturating_add) {
                Some(presented) => micros(presented, movie),
                None => micros(self.presented.length(), self.timescale),
            },
        }
    }
}

/// Ticks a second of the movie: those of video where there is one.
pub(super) fn movie_timescale(tracks: &[TimedTrack]) -> u32 {
    let video = tracks.iter().find(|track| track.timescale == VIDEO_TIMESCALE);
    video.or(tracks.first()).map_or(TIMESCALE, |track| track.timescale)
}

/// Places all samples of all tracks. Tracks without a sample are left out, video comes first.
pub(super) fn place(index: &Index, offsets: &Offsets) -> Vec<TimedTrack> {
    let shifts = epoch_shifts(&index.epochs);
    let tracks = index.tracks.iter().enumerate().filter(|(_, track)| track.len() > 0);
    let mut timed: Vec<TimedTrack> = tracks
        .filter_map(|(number, track)| time_track(track, &shifts, offsets.of(index, number)))
        .collect();
    timed.sort_by_key(|track| track.id);
    let movie = movie_timescale(&timed);
    for track in &mut timed {
        track.edits = track.presented.edits(track.start, track.timescale, movie);
    }
    timed
}

/// What to add to the stream times of each epoch, in microseconds: an epoch begins where the one before ends.
fn epoch_shifts(epochs: &[Option<Bounds>]) -> Vec<i64> {
    let mut end: Option<i64> = None;
    let shift = |bounds: &Option<Bounds>| {
        let Some(Bounds { first, last, shown }) = *bounds else { return 0 };
        let shift = match end {
            Some(end) => end.saturating_sub(first),
            None if (0..KEPT_START).contains(&shown) => 0,
            None => shown.saturating_neg(),
        };
        end = Some(last.saturating_add(shift).saturating_add(LAST_LENGTH));
        shift
    };
    epochs.iter().map(shift).collect()
}

/// `offset` says where in the MP4's media a unit goes.
fn time_track(
    track: &IndexedTrack,
    shifts: &[i64],
    mut offset: impl FnMut(&Unit) -> u64,
) -> Option<TimedTrack> {
    let mut clock = TrackClock::new(track.configs.first()?);
    let timescale = clock.timescale();
    let is_video = track.id.kind == MediaKind::Video;
    let mut typical = clock.typical();
    let mut now = None;
    let mut begin = 0;
    let (mut samples, mut presented) = (Samples::new(), Presented::default());
    let mut push = |sample: FileSample| {
        presented.push(&sample);
        samples.push(sample);
    };
    // The newest sample, whose length the next one tells.
    let mut last: Option<(i64, FileSample)> = None;
    let mut shift = 0;
    for unit in track.units() {
        if now.replace((unit.epoch, unit.description)) != Some((unit.epoch, unit.description)) {
            shift = usize::try_from(unit.epoch)
                .ok()
                .and_then(|at| shifts.get(at))
                .copied()
                .unwrap_or(0);
            shift = rescale(shift, TIMESCALE, timescale);
            if let Some(config) = track.configs.get(usize::from(unit.description)) {
                clock.restart(config);
            }
        }
        let ticks = |time: i64| rescale(time, TIMESCALE, timescale).saturating_add(shift);
        let time = clock.place(ticks(unit.dts), unit.samples);
        let present = clock.present(time, ticks(unit.dts.saturating_add(unit.pts_offset)));
        match last.take() {
            None => begin = time,
            Some((before, sample)) => {
                let step = u32::try_from(time.saturating_sub(before)).ok();
                push(FileSample { duration: step.unwrap_or(typical), ..sample });
                if is_video {
                    typical = step.filter(|&step| step < timescale).unwrap_or(typical);
                }
            }
        }
        let sample = FileSample {
            offset: offset(&unit),
            size: unit.size,
            duration: typical,
            composition_offset: i32::try_from(present.saturating_sub(time)).unwrap_or(0),
            sync: unit.key,
            description: unit.description,
        };
        last = Some((time, sample));
    }
    if let Some((_, sample)) = last {
        // Sound lasts as long as its last frame does.
        let duration = if is_video { typical } else { clock.typical() };
        push(FileSample { duration, ..sample });
    }
    let (lift, begin) = (presented.lift(), begin.saturating_add(presented.first));
    let samples = lifted(samples, lift);
    Some(TimedTrack {
        id: track.id,
        timescale,
        rates: rates(&samples, timescale),
        configs: track.configs.clone(),
        samples,
        edits: Vec::new(),
        start: unsigned(begin),
        presented: presented.lifted(lift),
    })
}

/// Media times are not negative: all composition offsets move up together.
fn lifted(samples: Samples, lift: i32) -> Samples {
    if lift == 0 {
        return samples;
    }
    let moved = |sample: FileSample| sample.composition_offset.saturating_add(lift);
    samples
        .iter()
        .map(|sample| FileSample { composition_offset: moved(sample), ..sample })
        .collect()
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
