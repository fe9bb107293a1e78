//! One track of a recording: its open fragment and the index of what was written.

use std::borrow::Cow;

use bytes::Bytes;

use crate::media::{AccessUnit, MediaKind, Track, TrackId};
use crate::mp4::{Bitrates, Edit, FileSample, Presented, Sample, Samples, TrackClock, rates};
use crate::time::rescale;

pub(super) const MICROS: u32 = 1_000_000;

/// A unit on the file's time line, in ticks of the track.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) id: TrackId,
    pub(super) time: i64,
    composition_offset: i32,
    sync: bool,
    data: Bytes,
}

/// A track as the final index has it.
#[derive(Debug)]
pub(super) struct End<'a> {
    pub(super) samples: Cow<'a, Samples>,
    pub(super) edits: Vec<Edit>,
    pub(super) rates: Bitrates,
}

#[derive(Debug)]
pub(super) struct RecordedTrack {
    pub(super) track: Track,
    /// Its number in the file, from 1, once it has samples in a fragment.
    pub(super) number: u32,
    clock: TrackClock,
    /// The newest unit, whose length the next one tells.
    last: Option<Placed>,
    /// Units of the open fragment whose length is known.
    pub(super) samples: Vec<Sample>,
    pub(super) data: Vec<Bytes>,
    /// Decode time of the first of them.
    pub(super) start: i64,
    /// Decode time of the first sample of all.
    begin: Option<i64>,
    /// Length of a unit that nothing follows.
    typical: u32,
    /// The sample that was written last, with its decode time: the next one tells how long it really is.
    unsettled: Option<(FileSample, i64)>,
    pub(super) index: Samples,
}

impl RecordedTrack {
    pub(super) fn new(track: Track) -> Self {
        let clock = TrackClock::new(&track.config);
        Self {
            typical: clock.typical(),
            track,
            number: 0,
            clock,
            last: None,
            samples: Vec::new(),
            data: Vec::new(),
            start: 0,
            begin: None,
            unsettled: None,
            index: Samples::new(),
        }
    }

    pub(super) const fn timescale(&self) -> u32 {
        self.clock.timescale()
    }

    /// Whether it has no unit yet.
    pub(super) const fn is_new(&self) -> bool {
        self.begin.is_none()
    }

    /// A new epoch begins.
    pub(super) fn restart(&mut self) {
        self.clock.restart(&self.track.config);
    }

    /// Finds the place of a unit; `offset` is what to add to its times, in microseconds.
    pub(super) fn place(&mut self, unit: AccessUnit, offset: i64) -> Placed {
        let (from, to) = (self.track.timescale, self.timescale());
        let ticks = |time| rescale(time, from, to).saturating_add(rescale(offset, MICROS, to));
        let samples = self.track.config.unit_samples(&unit.data);
        // What comes late at the start of a file has no time before it.
        let time = self.clock.place(ticks(unit.dts).max(0), samples);
        let present = self.clock.present(time, ticks(unit.pts()));
        self.begin.get_or_insert(time);
        Placed {
            id: unit.track,
            time,
            composition_offset: i32::try_from(present.saturating_sub(time)).unwrap_or(0),
            sync: unit.key || unit.track.kind == MediaKind::Audio,
            data: unit.data,
        }
    }

    /// The next unit is at `time`: so long is the newest one.
    pub(super) fn follow(&mut self, time: i64) {
        if let Some(last) = self.last.take() {
            let step = u32::try_from(time.saturating_sub(last.time)).unwrap_or(u32::MAX);
            if last.id.kind == MediaKind::Video && step < self.timescale() {
                self.typical = step;
            }
            self.close(last, step);
        }
    }

    pub(super) fn open(&mut self, placed: Placed) {
        self.last = Some(placed);
    }

    /// Writes the newest unit where none has followed it for `patience`, so that it is not lost. `now` is where the next
    /// fragment begins; both in microseconds.
    pub(super) fn give_up(&mut self, now: i64, patience: i64) {
        let now = rescale(now, MICROS, self.timescale());
        let patience = rescale(patience, MICROS, self.timescale());
        let Some(last) = self.last.take_if(|last| now.saturating_sub(last.time) >= patience) else {
            return;
        };
        let shown = u32::try_from(now.saturating_sub(last.time)).unwrap_or(u32::MAX);
        let length = if last.id.kind == MediaKind::Video { shown } else { self.typical };
        self.close(last, length);
    }

    /// Writes the newest unit as one of usual length.
    pub(super) fn flush(&mut self) {
        if let Some(last) = self.last.take() {
            self.close(last, self.typical);
        }
    }

    /// Nothing follows.
    pub(super) fn finish(&mut self) {
        if let Some(last) = self.last.take() {
            self.close(last, self.typical);
        } else if let Some((sample, _)) = &mut self.unsettled {
            // It was given up: its length was that of the fragment.
            sample.duration = self.typical;
        }
    }

    fn close(&mut self, placed: Placed, duration: u32) {
        if self.samples.is_empty() {
            self.start = placed.time;
        }
        self.samples.push(Sample {
            duration,
            size: u32::try_from(placed.data.len()).unwrap_or(u32::MAX),
            composition_offset: placed.composition_offset,
            sync: placed.sync,
        });
        self.data.push(placed.data);
    }

    /// Bytes of the newest unit, which goes to the next fragment.
    pub(super) fn open_bytes(&self) -> usize {
        self.last.as_ref().map_or(0, |last| last.data.len())
    }

    /// The open fragment has been written, its first byte at `offset`.
    pub(super) fn written(&mut self, mut offset: u64) {
        let mut time = self.start;
        for sample in std::mem::take(&mut self.samples) {
            self.index_before(time);
            let Sample { duration, size, composition_offset, sync } = sample;
            let sample =
                FileSample { offset, size, duration, composition_offset, sync, description: 0 };
            self.unsettled = Some((sample, time));
            offset = offset.saturating_add(size.into());
            time = time.saturating_add(duration.into());
        }
        self.data.clear();
    }

    /// A sample follows at `time`: the one before lasts until then.
    fn index_before(&mut self, time: i64) {
        if let Some((sample, since)) = self.unsettled.take() {
            let duration = u32::try_from(time.saturating_sub(since)).unwrap_or(sample.duration);
            self.index.push(FileSample { duration, ..sample });
        }
    }

    /// No sample follows.
    pub(super) fn settle(&mut self) {
        if let Some((sample, _)) = self.unsettled.take() {
            self.index.push(sample);
        }
    }

    /// What the index needs; `lead` in microseconds, `movie` in ticks a second.
    pub(super) fn end(&self, lead: i64, movie: u32) -> End<'_> {
        let timescale = self.timescale();
        let presented = Presented::of(&self.index);
        let begin = self.begin.unwrap_or(0).saturating_sub(rescale(lead, MICROS, timescale));
        let start = u64::try_from(begin.saturating_add(presented.first)).unwrap_or(0);
        let lift = presented.lift();
        let samples = match lift {
            0 => Cow::Borrowed(&self.index),
            lift => Cow::Owned(
                (self.index.iter())
                    .map(|sample| FileSample {
                        composition_offset: sample.composition_offset.saturating_add(lift),
                        ..sample
                    })
                    .collect(),
            ),
        };
        End {
            samples,
            edits: presented.edits(start, timescale, movie),
            rates: rates(&self.index, timescale),
        }
    }
}
