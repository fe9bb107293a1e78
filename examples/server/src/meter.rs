//! How a stream fares, second by second: what a graph is drawn from.

use std::collections::VecDeque;
use std::time::Instant;

use serde::Serialize;
use streamcore::media::{AccessUnit, Track, TrackId};
use utoipa::ToSchema;

/// Samples that are kept: ten minutes.
pub const KEPT: usize = 600;

/// One second of a live stream.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = HealthSample)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// Payload that came, in kilobits a second.
    pub bitrate_kbps: f64,
    /// Pictures that came, a second.
    pub fps: f64,
    /// Seconds between the last two key frames, by their timestamps; null before the second.
    pub key_frame_interval_s: Option<f64>,
    /// How unevenly pictures come, beside their timestamps: the smoothed difference of RFC 3550 6.4.1, in milliseconds.
    pub jitter_ms: f64,
    /// How far pictures are ahead of the sound that comes with them, in milliseconds, on average; null without both.
    pub av_skew_ms: Option<f64>,
    /// Players, of whatever protocol.
    pub viewers: usize,
    /// Messages that were left out for slow players.
    pub dropped: u64,
}

/// Measures what a publisher sends between two samples.
#[derive(Debug)]
pub struct Meter {
    since: Instant,
    bytes: u64,
    pictures: u32,
    /// Times of the latest units, in seconds.
    video: Option<f64>,
    audio: Option<f64>,
    key: Option<f64>,
    key_interval: Option<f64>,
    /// When the last picture came.
    came: Option<Instant>,
    jitter: f64,
    skew: (f64, u32),
    /// Units a second of both tracks.
    scales: (f64, f64),
}

impl Meter {
    /// Nothing has come.
    pub const fn new(now: Instant) -> Self {
        Self {
            since: now,
            bytes: 0,
            pictures: 0,
            video: None,
            audio: None,
            key: None,
            key_interval: None,
            came: None,
            jitter: 0.0,
            skew: (0.0, 0),
            scales: (1000.0, 1000.0),
        }
    }

    /// Takes a new or changed track.
    pub fn track(&mut self, track: &Track) {
        let scale = f64::from(track.timescale.max(1));
        match track.id {
            TrackId::VIDEO => (self.scales.0, self.video, self.key) = (scale, None, None),
            TrackId::AUDIO => (self.scales.1, self.audio) = (scale, None),
            _ => {}
        }
    }

    /// Counts what came.
    pub const fn bytes(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Takes a unit that came now.
    pub fn unit(&mut self, unit: &AccessUnit, now: Instant) {
        match unit.track {
            TrackId::VIDEO => self.picture(unit.dts as f64 / self.scales.0, unit.key, now),
            TrackId::AUDIO => self.audio = Some(unit.dts as f64 / self.scales.1),
            _ => return,
        }
        if let (Some(video), Some(audio)) = (self.video, self.audio) {
            self.skew = (self.skew.0 + video - audio, self.skew.1 + 1);
        }
    }

    fn picture(&mut self, time: f64, key: bool, now: Instant) {
        self.pictures += 1;
        if let (Some(last), Some(came)) = (self.video, self.came)
            && time >= last
        {
            let uneven = (now.duration_since(came).as_secs_f64() - (time - last)).abs();
            self.jitter += (uneven - self.jitter) / 16.0;
        }
        (self.video, self.came) = (Some(time), Some(now));
        if key {
            self.key_interval =
                self.key.map(|last| time - last).filter(|&it| it > 0.0).or(self.key_interval);
            self.key = Some(time);
        }
    }

    /// What came since the last sample, which begins anew.
    pub fn sample(&mut self, now: Instant, viewers: usize, dropped: u64) -> Sample {
        let seconds = now.duration_since(self.since).as_secs_f64().max(0.001);
        let milli = |seconds: f64| (seconds * 1e6).round() / 1e3;
        let sample = Sample {
            time_ms: jiff::Timestamp::now().as_millisecond(),
            bitrate_kbps: (self.bytes as f64 * 0.008 / seconds).round(),
            fps: (f64::from(self.pictures) / seconds * 100.0).round() / 100.0,
            key_frame_interval_s: self.key_interval.map(|it| (it * 1e3).round() / 1e3),
            jitter_ms: milli(self.jitter),
            av_skew_ms: (self.skew.1 > 0).then(|| milli(self.skew.0 / f64::from(self.skew.1))),
            viewers,
            dropped,
        };
        (self.since, self.bytes, self.pictures, self.skew) = (now, 0, 0, (0.0, 0));
        sample
    }
}

/// The latest samples of a stream, whoever published it.
#[derive(Debug, Default)]
pub struct Series(VecDeque<Sample>);

impl Series {
    /// Adds one; the oldest goes where there are too many.
    pub fn push(&mut self, sample: Sample) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// Those that are newer, oldest first.
    pub fn since(&self, time_ms: i64) -> Vec<Sample> {
        self.0.iter().filter(|sample| sample.time_ms > time_ms).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn unit(track: TrackId, dts: i64, key: bool) -> AccessUnit {
        AccessUnit { track, dts, pts_offset: 0, key, data: bytes::Bytes::new() }
    }

    #[test]
    fn a_second_of_a_stream_is_measured() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        // 25 pictures a second, each 20 ms ahead of its sound; a key frame each second.
        for n in 0..=50_i64 {
            let now = start + Duration::from_millis(n.unsigned_abs() * 40);
            meter.unit(&unit(TrackId::AUDIO, n * 40, true), now);
            meter.unit(&unit(TrackId::VIDEO, n * 40 + 20, n % 25 == 0), now);
            meter.bytes(1000);
        }
        let sample = meter.sample(start + Duration::from_secs(2), 3, 4);
        assert_eq!((sample.bitrate_kbps, sample.fps), (204.0, 25.5));
        assert_eq!((sample.key_frame_interval_s, sample.jitter_ms), (Some(1.0), 0.0));
        let skew = sample.av_skew_ms.unwrap();
        assert!((-20.0..=20.0).contains(&skew), "{skew}");
        assert_eq!((sample.viewers, sample.dropped), (3, 4));
        // A picture that comes 160 ms late.
        let late = start + Duration::from_millis(51 * 40 + 160);
        meter.unit(&unit(TrackId::VIDEO, 51 * 40 + 20, false), late);
        let sample = meter.sample(start + Duration::from_secs(3), 0, 0);
        assert_eq!((sample.fps, sample.jitter_ms), (1.0, 10.0));
        assert_eq!(sample.bitrate_kbps, 0.0);
    }

    #[test]
    fn a_series_is_bounded() {
        let mut series = Series::default();
        let mut meter = Meter::new(Instant::now());
        for time_ms in 1..=700 {
            let sample = meter.sample(Instant::now(), 0, 0);
            series.push(Sample { time_ms, ..sample });
        }
        assert_eq!((series.since(0).len(), series.since(698).len()), (KEPT, 2));
        assert_eq!(series.since(0)[0].time_ms, 101);
    }
}
