//! Figures of a live stream: rates over the last seconds, who watches, and the form in which the API gives them.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::Serialize;
use streamcore::media::{AccessUnit, CodecConfig, Track, TrackId};

use crate::media_info::frame_rate;
use crate::origin::StoreInfo;

/// Time over which the bit rate is taken.
const RATE_WINDOW: Duration = Duration::from_secs(5);
/// Pictures over which the frame rate is taken.
const FRAMES: usize = 120;
/// Time after its last playlist request at which an HLS player counts as gone.
const VIEWER_TIMEOUT: Duration = Duration::from_secs(10);
/// HLS players of one stream that are counted.
const VIEWERS: usize = 100_000;

/// One live stream, as the API gives it.
#[derive(Debug, Serialize)]
pub struct StreamInfo {
    pub app: String,
    pub name: String,
    pub path: String,
    pub since: String,
    pub uptime_s: f64,
    pub publisher: PublisherInfo,
    pub video: Option<VideoInfo>,
    pub audio: Option<AudioInfo>,
    pub bitrate_kbps: u64,
    pub viewers: usize,
    pub players: PlayersInfo,
    /// HLS requests that are held until there is an answer.
    pub hls_waiting: usize,
    pub bytes_in: u64,
    pub hls: String,
    pub dash: String,
    pub recording: bool,
    pub problems: Vec<String>,
    /// The set that it is a variant of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<SetInfo>,
    /// Where HLS is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreInfo>,
}

/// Several streams that are one for players.
#[derive(Clone, Debug, Serialize)]
pub struct SetInfo {
    pub path: String,
    pub hls: String,
    pub dash: String,
    /// Where HLS of the set is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreInfo>,
}

/// Who publishes.
#[derive(Clone, Debug, Serialize)]
pub struct PublisherInfo {
    pub address: String,
    pub agent: String,
    /// Whose right it publishes by, where that is known.
    #[serde(skip)]
    pub identity: Option<String>,
}

/// Players by protocol.
#[derive(Debug, Serialize)]
pub struct PlayersInfo {
    pub rtmp: usize,
    pub hls: usize,
    /// Messages that were left out for RTMP players who were slow, since the stream is there.
    pub rtmp_dropped: u64,
    /// RTMP players who were disconnected because they were too slow for too long.
    pub rtmp_given_up: u64,
}

/// The video track.
#[derive(Clone, Debug, Serialize)]
pub struct VideoInfo {
    pub codec: String,
    pub width: u32,
    pub height: u32,
    pub fps: Option<f64>,
}

/// The audio track.
#[derive(Clone, Debug, Serialize)]
pub struct AudioInfo {
    pub codec: String,
    pub sample_rate: u32,
    pub channels: u32,
}

/// Bytes a second over the last seconds.
#[derive(Debug)]
pub struct Rate {
    started: Instant,
    window: VecDeque<(Instant, u64)>,
    in_window: u64,
}

impl Rate {
    /// Starts to count.
    pub fn new(now: Instant) -> Self {
        Self { started: now, window: VecDeque::new(), in_window: 0 }
    }

    /// Counts `bytes`.
    pub fn add(&mut self, now: Instant, bytes: u64) {
        // A few entries a second are enough and keep the window short.
        match self.window.back_mut().filter(|last| now.duration_since(last.0) < RATE_WINDOW / 25) {
            Some(last) => last.1 += bytes,
            None => self.window.push_back((now, bytes)),
        }
        self.in_window += bytes;
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        while let Some(&(at, bytes)) =
            self.window.front().filter(|first| now.duration_since(first.0) > RATE_WINDOW)
        {
            debug_assert!(at <= now);
            self.in_window -= bytes;
            self.window.pop_front();
        }
    }

    /// Kilobits a second.
    pub fn kbps(&mut self, now: Instant) -> u64 {
        self.forget(now);
        let span = now.duration_since(self.started).clamp(Duration::from_millis(200), RATE_WINDOW);
        (self.in_window as f64 * 8.0 / 1000.0 / span.as_secs_f64()).round() as u64
    }
}

/// What the tracks are.
#[derive(Debug, Default)]
pub struct Tracks {
    video: Option<VideoInfo>,
    audio: Option<AudioInfo>,
    frames: VecDeque<i64>,
    timescale: u32,
}

impl Tracks {
    /// Takes a new or changed configuration.
    pub fn set(&mut self, track: &Track) {
        match track.id {
            TrackId::VIDEO => {
                self.video = Some(video_of(&track.config));
                self.frames.clear();
                self.timescale = track.timescale;
            }
            TrackId::AUDIO => self.audio = Some(audio_of(&track.config)),
            _ => {}
        }
    }

    /// Takes the time of a unit.
    pub fn unit(&mut self, unit: &AccessUnit) {
        if unit.track == TrackId::VIDEO {
            if self.frames.back().is_some_and(|&last| unit.dts <= last) {
                self.frames.clear();
            }
            if self.frames.len() == FRAMES {
                self.frames.pop_front();
            }
            self.frames.push_back(unit.dts);
        }
    }

    /// The video track.
    pub fn video(&self) -> Option<VideoInfo> {
        let mut video = self.video.clone()?;
        if let (Some(first), Some(last)) = (self.frames.front(), self.frames.back())
            && last > first
        {
            let seconds = (last - first) as f64 / f64::from(self.timescale.max(1));
            video.fps = Some(frame_rate((self.frames.len() - 1) as f64 / seconds));
        }
        Some(video)
    }

    /// The audio track.
    pub fn audio(&self) -> Option<AudioInfo> {
        self.audio.clone()
    }
}

/// What a video configuration says.
pub fn video_of(config: &CodecConfig) -> VideoInfo {
    let (width, height) = config.size().unwrap_or_default();
    VideoInfo { codec: config.codec_string(), width, height, fps: None }
}

/// What an audio configuration says.
pub fn audio_of(config: &CodecConfig) -> AudioInfo {
    AudioInfo {
        codec: config.codec_string(),
        sample_rate: config.sample_rate().unwrap_or_default(),
        channels: config.channels().unwrap_or_default().into(),
    }
}

/// HLS players, told apart by address and program.
#[derive(Debug, Default)]
pub struct Viewers {
    seen: HashMap<u64, Instant>,
}

impl Viewers {
    /// A player asked for a playlist.
    pub fn seen(&mut self, ip: IpAddr, agent: &[u8], now: Instant) {
        let mut hasher = DefaultHasher::new();
        (ip, agent).hash(&mut hasher);
        if self.seen.len() >= VIEWERS {
            self.count(now);
        }
        if self.seen.len() < VIEWERS {
            self.seen.insert(hasher.finish(), now);
        }
    }

    /// Players that asked of late.
    pub fn count(&mut self, now: Instant) -> usize {
        self.seen.retain(|_, last| now.duration_since(*last) < VIEWER_TIMEOUT);
        self.seen.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        let at = |millis| start + Duration::from_millis(millis);
        for n in 0..300 {
            rate.add(at(n * 100), 12_500);
        }
        let kbps = rate.kbps(at(30_000));
        assert!((960..=1040).contains(&kbps), "{kbps}");
        assert!(rate.window.len() < 60);
        assert_eq!(rate.kbps(at(60_000)), 0);
    }

    #[test]
    fn viewers_are_distinct_and_leave() {
        let start = Instant::now();
        let mut viewers = Viewers::default();
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        viewers.seen(ip, b"a", start);
        viewers.seen(ip, b"a", start);
        viewers.seen(ip, b"b", start + Duration::from_secs(5));
        assert_eq!(viewers.count(start + Duration::from_secs(6)), 2);
        assert_eq!(viewers.count(start + Duration::from_secs(11)), 1);
    }
}
