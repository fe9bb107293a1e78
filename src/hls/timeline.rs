//! From the stream's times to ticks of the output.

use super::dates::Dates;
use crate::media::{AccessUnit, CodecConfig, Track};
use crate::mp4::{AudioClock, media_timescale};
use crate::time::rescale;

/// Microseconds a second.
pub(super) const MICROS: u32 = 1_000_000;

/// Decode times cannot be negative in a fragment; units that come out of order at the start, and negative
/// composition offsets, stay above zero with this lead. In microseconds.
pub(super) const LEAD: i64 = 10_000_000;

/// The offsets of one epoch, the same for all its tracks: what keeps them in step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Epoch {
    /// Output time minus stream time, in microseconds.
    pub(super) offset: i64,
    pub(super) dates: Dates,
}

impl Epoch {
    /// Output time of a point in stream time, in ticks of `timescale`.
    pub(super) fn map(&self, ticks: i64, from: u32, timescale: u32) -> i64 {
        rescale(ticks, from, timescale).saturating_add(rescale(self.offset, MICROS, timescale))
    }

    /// Takes notice of when a unit of the leading rendition came. `is_open` where a segment that is being made has a date.
    pub(super) fn observe(
        &mut self,
        track: &Track,
        unit: &AccessUnit,
        wall: Option<i64>,
        is_open: bool,
    ) {
        let map = |ticks| self.map(ticks, track.timescale, MICROS);
        let (decode, present) = (map(unit.dts), map(unit.pts()));
        if let Some(wall) = wall {
            self.dates.observe(decode, present, wall, is_open);
        }
    }

    /// Wall clock at an output time, in microseconds since 1970.
    pub(super) fn wall_at(&self, ticks: i64, timescale: u32) -> Option<i64> {
        self.dates.at(rescale(ticks, timescale, MICROS))
    }
}

/// Where an access unit goes in the output, in ticks of the track's timescale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) time: i64,
    pub(super) composition_offset: i32,
    /// Known for audio; for video the next frame tells.
    pub(super) duration: Option<u32>,
}

/// The clock of one track.
#[derive(Clone, Debug)]
pub(super) struct TrackClock {
    timescale: u32,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Audio(AudioClock),
    Video { last: Option<i64> },
}

impl TrackClock {
    pub(super) fn new(config: &CodecConfig) -> Self {
        let timescale = media_timescale(config);
        let kind = match config.frame_samples() {
            None => Kind::Video { last: None },
            Some(samples) => Kind::Audio(AudioClock::new(timescale, samples)),
        };
        Self { timescale, kind }
    }

    pub(super) const fn timescale(&self) -> u32 {
        self.timescale
    }

    /// Places the next unit. `end` is where the track has come to: a clock that begins anew does not run back behind it.
    pub(super) fn place(
        &mut self,
        epoch: &Epoch,
        track: &Track,
        unit: &AccessUnit,
        end: i64,
    ) -> Placed {
        let decode = epoch.map(unit.dts, track.timescale, self.timescale).max(0);
        match &mut self.kind {
            Kind::Audio(clock) => {
                let first = clock.next_time().is_none();
                let time = if first { decode.max(end) } else { decode };
                let placement = match track.config.unit_samples(&unit.data) {
                    Some(samples) => clock.place_frame(time, samples),
                    None => clock.place(time),
                };
                let duration = Some(placement.duration);
                Placed { time: placement.time, composition_offset: 0, duration }
            }
            Kind::Video { last } => {
                // Equal or backward times would make a duration of zero or of 2^32.
                let time = decode.max(last.map_or(end, |last| last.saturating_add(1)));
                *last = Some(time);
                let present = epoch.map(unit.pts(), track.timescale, self.timescale);
                let offset = i32::try_from(present.saturating_sub(time)).unwrap_or(0);
                Placed { time, composition_offset: offset, duration: None }
            }
        }
    }
}
