//! Figures of a live stream: rates over the last seconds, who watches, and the form in which the API gives them.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use streamcore::media::{AccessUnit, CodecConfig, Track, TrackId};
use utoipa::ToSchema;

use crate::media_info::frame_rate;
use crate::origin::StoreInfo;
use crate::sessions::{Entry, Figures, Via};

/// Time over which the bit rate is taken.
const RATE_WINDOW: Duration = Duration::from_secs(5);
/// Pictures over which the frame rate is taken.
const FRAMES: usize = 120;
/// Time after its last playlist request at which an HLS player counts as gone.
const VIEWER_TIMEOUT: Duration = Duration::from_secs(10);
/// So long a player who was ended over the API is refused.
const KICKED: Duration = Duration::from_secs(60);
/// HLS players of one stream that are counted.
const VIEWERS: usize = 100_000;

/// One live stream, as the API gives it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StreamInfo {
    /// Grows with each publisher.
    #[serde(skip)]
    pub seq: i64,
    /// Id of its live stream, where it has one.
    pub live_stream_id: Option<String>,
    pub app: String,
    pub name: String,
    /// Application and name: what identifies it.
    pub path: String,
    /// When its publisher came.
    #[schema(format = DateTime)]
    pub since: String,
    /// Seconds since then.
    pub uptime_s: f64,
    pub publisher: PublisherInfo,
    pub video: Option<VideoInfo>,
    pub audio: Option<AudioInfo>,
    /// Of the last five seconds.
    pub bitrate_kbps: u64,
    /// All players together.
    pub viewers: usize,
    pub players: PlayersInfo,
    /// HLS requests that are held until there is an answer.
    pub hls_waiting: usize,
    pub bytes_in: u64,
    /// Where HLS plays, on this server; `null` where the settings say that there is none.
    pub hls: Option<String>,
    /// Where DASH plays, on this server; `null` like `hls`.
    pub dash: Option<String>,
    /// Whether it is recorded now.
    pub recording: bool,
    /// What is wrong, in words for the one who publishes.
    pub problems: Vec<String>,
    /// The set that it is a variant of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub set: Option<SetInfo>,
    /// Where HLS is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub store: Option<StoreInfo>,
}

/// Several streams that are one for players.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SetInfo {
    /// Application and name of the set.
    pub path: String,
    /// Where HLS plays, on this server.
    pub hls: String,
    /// Where DASH plays, on this server.
    pub dash: String,
    /// Where HLS of the set is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub store: Option<StoreInfo>,
}

/// Who publishes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublisherInfo {
    /// Address and port, for those who may use the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// Program, as it names itself.
    pub agent: String,
    /// Whose right it publishes by, where that is known.
    #[serde(skip)]
    pub identity: Option<String>,
}

/// Players by protocol.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlayersInfo {
    pub rtmp: usize,
    pub hls: usize,
    pub dash: usize,
    /// FLV over HTTP.
    pub http_flv: usize,
    /// FLV over WebSockets.
    pub ws_flv: usize,
    /// Messages that were left out for RTMP players who were slow, since the stream is there.
    pub rtmp_dropped: u64,
    /// RTMP players who were disconnected because they were too slow for too long.
    pub rtmp_given_up: u64,
    /// Tags that were left out for players of FLV who were slow, since the stream is there.
    pub flv_dropped: u64,
    /// Players of FLV who were disconnected because they were too slow for too long.
    pub flv_given_up: u64,
}

/// The video track.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VideoInfo {
    /// RFC 6381.
    pub codec: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures a second; null while they are too few.
    pub fps: Option<f64>,
}

/// The audio track.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AudioInfo {
    /// RFC 6381.
    pub codec: String,
    /// Hertz.
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

/// HLS and DASH players, told apart by address and program.
#[derive(Debug, Default)]
pub struct Viewers {
    seen: HashMap<u64, Viewer>,
}

#[derive(Debug)]
struct Viewer {
    entry: Entry,
    last: Instant,
    /// When it first asked after it was ended over the API.
    refused: Option<Instant>,
}

/// A player who was ended over the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kicked;

impl Viewers {
    /// A player asks for something. It becomes a session by `begin` where it is none yet and asks for a playlist; others are
    /// `None`.
    pub fn seen(
        &mut self,
        ip: IpAddr,
        agent: &[u8],
        now: Instant,
        begin: Option<impl FnOnce() -> Entry>,
    ) -> Result<Option<Arc<Figures>>, Kicked> {
        let mut hasher = DefaultHasher::new();
        (ip, agent).hash(&mut hasher);
        let key = hasher.finish();
        if let Some(viewer) = self.seen.get_mut(&key) {
            if viewer.entry.session().is_kicked() {
                let since = *viewer.refused.get_or_insert(now);
                if now.duration_since(since) < KICKED {
                    return Err(Kicked);
                }
                self.seen.remove(&key);
            } else {
                if begin.is_some() {
                    viewer.last = now;
                }
                return Ok(Some(viewer.entry.session().figures.clone()));
            }
        }
        let Some(begin) = begin else { return Ok(None) };
        if self.seen.len() >= VIEWERS {
            self.tidy(now);
        }
        if self.seen.len() >= VIEWERS {
            return Ok(None);
        }
        let entry = begin();
        let figures = entry.session().figures.clone();
        self.seen.insert(key, Viewer { entry, last: now, refused: None });
        Ok(Some(figures))
    }

    /// Lets those go that have not asked of late.
    pub fn tidy(&mut self, now: Instant) {
        self.seen.retain(|_, viewer| match viewer.refused {
            Some(since) => now.duration_since(since) < KICKED,
            None => now.duration_since(viewer.last) < VIEWER_TIMEOUT,
        });
    }

    /// Whether nobody asked of late.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Players of HLS, and of DASH, that asked of late.
    pub fn counts(&mut self, now: Instant) -> (usize, usize) {
        self.tidy(now);
        let watching = self.seen.values().filter(|viewer| !viewer.entry.session().is_kicked());
        let (dash, hls): (Vec<_>, Vec<_>) =
            watching.partition(|viewer| viewer.entry.session().via == Via::Dash);
        (hls.len(), dash.len())
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::sessions::{New, Role, Sessions};

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
    fn viewers_are_distinct_and_leave_and_may_be_sent_away() {
        let start = Instant::now();
        let sessions = Sessions::default();
        let mut viewers = Viewers::default();
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        let begin = |via| {
            let sessions = sessions.clone();
            Some(move || {
                let (stream, agent, figures) = ("live/demo", "", Arc::default());
                let address = SocketAddr::new(ip, 5);
                let new = New { role: Role::Player, via, stream, address, agent, figures };
                sessions.begin(new, |_| {})
            })
        };
        let at = |seconds| start + Duration::from_secs(seconds);
        viewers.seen(ip, b"a", start, begin(Via::Hls)).unwrap();
        viewers.seen(ip, b"a", start, begin(Via::Hls)).unwrap();
        viewers.seen(ip, b"b", at(5), begin(Via::Dash)).unwrap();
        let mut segment =
            |agent: &[u8]| viewers.seen(ip, agent, at(5), begin(Via::Hls).filter(|_| false));
        assert!(segment(b"a").unwrap().is_some() && segment(b"c").unwrap().is_none());
        assert_eq!(viewers.counts(at(6)), (1, 1));
        assert_eq!(viewers.counts(at(11)), (0, 1));
        sessions.page(0, 9, |_| true)[0].kick();
        assert_eq!(viewers.counts(at(11)), (0, 0));
        assert_eq!(viewers.seen(ip, b"b", at(12), begin(Via::Dash)).unwrap_err(), Kicked);
        assert_eq!(viewers.seen(ip, b"b", at(71), begin(Via::Dash)).unwrap_err(), Kicked);
        assert!(viewers.seen(ip, b"b", at(73), begin(Via::Dash)).unwrap().is_some());
    }
}
