//! Where the access units of a track go on the time line of a file.

use super::clock::AudioClock;
use super::{VIDEO_TIMESCALE, media_timescale};
use crate::media::CodecConfig;
use crate::time::rescale;

/// Places the access units of one track: pictures at their times, sound on sample counts ([`AudioClock`]). No two of them
/// are at the same time, and none runs back.
#[derive(Clone, Debug)]
pub struct TrackClock {
    timescale: u32,
    rate: u32,
    /// Ticks of a usual frame of sound.
    frame: Option<u32>,
    audio: Option<AudioClock>,
    last: Option<i64>,
}

impl TrackClock {
    /// A clock for a track of this configuration, in ticks of its [`media_timescale`].
    #[must_use]
    pub fn new(config: &CodecConfig) -> Self {
        let timescale = media_timescale(config);
        let mut clock = Self { timescale, rate: timescale, frame: None, audio: None, last: None };
        clock.restart(config);
        clock
    }

    /// Begins anew behind what was placed: at a jump of all times, or with another configuration of the same track.
    pub fn restart(&mut self, config: &CodecConfig) {
        self.rate = config.sample_rate().unwrap_or(self.timescale);
        self.frame = config.frame_samples().map(|samples| self.ticks(samples));
        self.audio = self.frame.map(|frame| AudioClock::new(self.timescale, frame));
    }

    /// Ticks a second.
    #[must_use]
    pub const fn timescale(&self) -> u32 {
        self.timescale
    }

    /// Ticks of a unit that nothing follows, while nothing is known of the track: a frame of sound, a picture of 25 a second.
    #[must_use]
    pub fn typical(&self) -> u32 {
        self.frame.unwrap_or(VIDEO_TIMESCALE / 25)
    }

    /// Decode time of the unit that came with `time`; `samples` is its length at the configuration's rate, for sound.
    pub fn place(&mut self, time: i64, samples: Option<u32>) -> i64 {
        let frame = samples.map(|samples| self.ticks(samples));
        let time = match (&mut self.audio, frame) {
            (Some(audio), Some(frame)) => audio.place_frame(time, frame).time,
            (Some(audio), None) => audio.place(time).time,
            (None, _) => time,
        };
        let time = self.last.map_or(time, |last| time.max(last.saturating_add(1)));
        self.last = Some(time);
        time
    }

    /// Sound is presented when it is decoded, pictures when they say.
    #[must_use]
    pub const fn present(&self, decode: i64, present: i64) -> i64 {
        if self.audio.is_some() { decode } else { present }
    }

    fn ticks(&self, samples: u32) -> u32 {
        u32::try_from(rescale(samples.into(), self.rate, self.timescale)).unwrap_or(u32::MAX)
    }
}
