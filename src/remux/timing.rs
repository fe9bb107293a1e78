//! From stream times to sample tables and edit lists.

use std::sync::Arc;

use super::TrackReport;
use super::index::{Entry, IndexedTrack};
use crate::media::{CodecConfig, MediaKind, TrackId};
use crate::mp4::{AudioClock, Bitrates, Edit, FileSample, VIDEO_TIMESCALE, media_timescale};
use crate::time::rescale;

const MICROS: u32 = 1_000_000;
/// A source whose first time is below this keeps its times, in microseconds.
const KEPT_START: i64 = 1_000_000;

/// A track ready to be written.
#[derive(Debug)]
pub(super) struct TimedTrack {
    id: TrackId,
    timescale: u32,
    pub(super) configs: Vec<Arc<CodecConfig>>,
    pub(super) samples: Vec<FileSample>,
    pub(super) edits: Vec<Edit>,
    pub(super) rates: Bitrates,
    /// Presentation time of the first sample, in ticks of the track.
    start: u64,
    /// Presented length, in ticks of the track.
    length: u64,
}

impl TimedTrack {
    pub(super) fn report(&self, movie: u32) -> TrackReport {
        let micros = |ticks, timescale| unsigned(rescale(signed(ticks), timescale, MICROS));
        let presented =
            self.edits.iter().filter(|edit| edit.media_time.is_some()).map(|edit| edit.duration);
        TrackReport {
            id: self.id,
            codec: self.configs.first().map(|config| config.codec_string()).unwrap_or_default(),
            configurations: self.configs.len(),
            samples: self.samples.len(),
            bytes: self.samples.iter().fold(0, |sum, sample| sum + u64::from(sample.size)),
            start: micros(self.start, self.timescale),
            duration: match presented.reduce(u64::saturating_add) {
                Some(presented) => micros(presented, movie),
                None => micros(self.length, self.timescale),
            },
        }
    }
}

/// Ticks a second of the movie: those of video where there is one.
pub(super) fn movie_timescale(tracks: &[TimedTrack]) -> u32 {
    let video = tracks.iter().find(|track| track.timescale == VIDEO_TIMESCALE);
    video.or(tracks.first()).map_or(MICROS, |track| track.timescale)
}

/// Places all samples of all tracks. Tracks without a sample are left out, video comes first.
pub(super) fn place(mut tracks: Vec<IndexedTrack>) -> Vec<TimedTrack> {
    tracks.retain(|track| !track.entries.is_empty());
    tracks.sort_by_key(|track| track.id);
    let shifts = epoch_shifts(&tracks);
    let mut timed: Vec<TimedTrack> =
        tracks.into_iter().map(|track| time_track(track, &shifts)).collect();
    let movie = movie_timescale(&timed);
    timed.iter_mut().for_each(|track| track.edit(movie));
    timed
}

/// What to add to the stream times of each epoch, in microseconds: an epoch begins where the one before ends.
fn epoch_shifts(tracks: &[IndexedTrack]) -> Vec<i64> {
    let all =
        || tracks.iter().flat_map(|track| track.entries.iter().map(move |entry| (track, entry)));
    let epochs = all().map(|(_, entry)| entry.epoch).max().unwrap_or(0);
    let mut bounds: Vec<Option<(i64, i64, i64)>> = Vec::new();
    bounds.resize(usize::try_from(epochs).unwrap_or(0).saturating_add(1), None);
    for (track, entry) in all() {
        let dts = rescale(entry.dts, track.timescale, MICROS);
        let pts = rescale(entry.dts.saturating_add(entry.pts_offset), track.timescale, MICROS);
        let Some(bound) = bounds.get_mut(usize::try_from(entry.epoch).unwrap_or(0)) else {
            continue;
        };
        let (first, last, shown) = bound.get_or_insert((dts, dts, pts));
        (*first, *last, *shown) = ((*first).min(dts), (*last).max(dts), (*shown).min(pts));
    }
    let mut shifts = Vec::with_capacity(bounds.len());
    let mut end: Option<i64> = None;
    for bound in bounds {
        let Some((first, last, shown)) = bound else {
            shifts.push(0);
            continue;
        };
        let shift = match end {
            Some(end) => end.saturating_sub(first),
            None if (0..KEPT_START).contains(&shown) => 0,
            None => shown.saturating_neg(),
        };
        shifts.push(shift);
        // One frame of 25 a second, for want of the last one's own length.
        end = Some(last.saturating_add(shift).saturating_add(40_000));
    }
    shifts
}

fn time_track(track: IndexedTrack, shifts: &[i64]) -> TimedTrack {
    let timescale = track.configs.first().map_or(MICROS, |config| media_timescale(config));
    let ticks = |entry: &Entry, time: i64| {
        let shift = shifts.get(usize::try_from(entry.epoch).unwrap_or(0)).copied().unwrap_or(0);
        rescale(time, track.timescale, timescale).saturating_add(rescale(shift, MICROS, timescale))
    };
    let mut clock = Clock::new(&track.configs, timescale);
    let mut times = Vec::with_capacity(track.entries.len());
    let mut last = None;
    for entry in &track.entries {
        let time = clock.place(entry, ticks(entry, entry.dts));
        // Each sample is at least a tick behind the one before.
        let time = last.map_or(time, |last: i64| time.max(last.saturating_add(1)));
        last = Some(time);
        times.push(time);
    }
    let begin = times.first().copied().unwrap_or(0);
    let mut typical = clock.typical();
    let nexts = times.iter().skip(1).map(|time| Some(*time)).chain([None]);
    let mut samples: Vec<FileSample> = Vec::with_capacity(times.len());
    for ((entry, time), next) in track.entries.iter().zip(&times).zip(nexts) {
        let step = next.and_then(|next| u32::try_from(next.saturating_sub(*time)).ok());
        let present =
            clock.present(*time, ticks(entry, entry.dts.saturating_add(entry.pts_offset)));
        samples.push(FileSample {
            offset: entry.offset,
            size: entry.size,
            duration: step.unwrap_or(typical),
            composition_offset: i32::try_from(present.saturating_sub(*time)).unwrap_or(0),
            sync: entry.key,
            description: entry.description,
        });
        if clock.is_video() {
            typical = step.filter(|&step| step < timescale).unwrap_or(typical);
        }
    }
    let rates = rates(&samples, timescale);
    let (id, configs) = (track.id, track.configs);
    let mut timed = TimedTrack {
        id,
        timescale,
        configs,
        samples,
        edits: Vec::new(),
        rates,
        start: 0,
        length: 0,
    };
    timed.present(begin);
    timed
}

/// Where decode times come from.
struct Clock<'a> {
    configs: &'a [Arc<CodecConfig>],
    timescale: u32,
    audio: Option<AudioClock>,
    current: Option<(u32, u16)>,
}

impl<'a> Clock<'a> {
    fn new(configs: &'a [Arc<CodecConfig>], timescale: u32) -> Self {
        Self { configs, timescale, audio: None, current: None }
    }

    fn is_video(&self) -> bool {
        self.configs.first().is_some_and(|config| config.kind() == MediaKind::Video)
    }

    /// Duration of a sample that nothing follows.
    fn typical(&self) -> u32 {
        let last = self.current.and_then(|(_, description)| self.frame(description));
        last.unwrap_or(VIDEO_TIMESCALE / 25)
    }

    /// Ticks of one frame of sound.
    fn frame(&self, description: u16) -> Option<u32> {
        let config = self.configs.get(usize::from(description))?;
        self.ticks(config.frame_samples()?, description)
    }

    fn ticks(&self, samples: u32, description: u16) -> Option<u32> {
        let rate = self.configs.get(usize::from(description))?.sample_rate()?;
        u32::try_from(rescale(samples.into(), rate, self.timescale)).ok()
    }

    fn place(&mut self, entry: &Entry, time: i64) -> i64 {
        let now = Some((entry.epoch, entry.description));
        if self.current != now {
            self.current = now;
            let frame = self.frame(entry.description);
            self.audio = frame.map(|frame| AudioClock::new(self.timescale, frame));
        }
        let frame = self.ticks(entry.samples, entry.description);
        let Some(audio) = &mut self.audio else { return time };
        match frame {
            Some(frame) => audio.place_frame(time, frame).time,
            None => audio.place(time).time,
        }
    }

    /// Sound is presented when it is decoded.
    fn present(&self, decode: i64, present: i64) -> i64 {
        if self.is_video() { present } else { decode }
    }
}

impl TimedTrack {
    /// Makes the earliest presentation time of the media no less than zero, and notes where it is.
    fn present(&mut self, begin: i64) {
        let (mut time, mut first, mut end) = (0_i64, i64::MAX, 0_i64);
        for sample in &self.samples {
            let present = time + i64::from(sample.composition_offset);
            first = first.min(present);
            end = end.max(present + i64::from(sample.duration));
            time += i64::from(sample.duration);
        }
        // Media times are not negative: all composition offsets move up together.
        let lift = i32::try_from(first.saturating_neg()).unwrap_or(0).max(0);
        for sample in self.samples.iter_mut().filter(|_| lift > 0) {
            sample.composition_offset = sample.composition_offset.saturating_add(lift);
        }
        self.start = unsigned(begin.saturating_add(first));
        self.length = unsigned(end - first);
    }

    /// Says what is presented when: nothing up to the first picture or sound, then the media from there.
    fn edit(&mut self, movie: u32) {
        let first = self.samples.first().map_or(0, |_| self.first_presented());
        let duration = |ticks: u64| unsigned(rescale(signed(ticks), self.timescale, movie));
        let media = self.samples.iter().fold(0, |sum, sample| sum + u64::from(sample.duration));
        if self.start == 0 && first == 0 && self.length == media {
            return;
        }
        let (start, length) = (duration(self.start), duration(self.length));
        if start > 0 {
            self.edits.push(Edit { duration: start, media_time: None });
        }
        self.edits.push(Edit { duration: length, media_time: Some(first) });
    }

    fn first_presented(&self) -> u64 {
        let mut time = 0_i64;
        let presents = self.samples.iter().map(|sample| {
            let present = time + i64::from(sample.composition_offset);
            time += i64::from(sample.duration);
            present
        });
        unsigned(presents.min().unwrap_or(0))
    }
}

/// Mean over all, and the most within any one second.
fn rates(samples: &[FileSample], timescale: u32) -> Bitrates {
    let (mut window, mut within, mut start, mut end) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut total = 0_u64;
    let mut oldest = samples.iter();
    for sample in samples {
        window += u64::from(sample.size);
        total += u64::from(sample.size);
        end += u64::from(sample.duration);
        while end - start > u64::from(timescale) {
            let Some(first) = oldest.next() else { break };
            start += u64::from(first.duration);
            window -= u64::from(first.size);
        }
        within = within.max(window);
    }
    let bits = |bytes: u64| u32::try_from(bytes.saturating_mul(8)).unwrap_or(u32::MAX);
    let mean = u128::from(total) * 8 * u128::from(timescale) / u128::from(end.max(1));
    let average = u32::try_from(mean).unwrap_or(u32::MAX);
    // Whole frames fill a little less than a second: of an even stream that is less than the mean.
    Bitrates { average, maximum: bits(within).max(average) }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
