//! What there is to know of a recording that is whole, and who is told of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf as _;
use jiff::Timestamp;
use mp4_atom::{DecodeMaybe as _, Mvhd};
use serde::{Serialize, Serializer};
use streamcore::media::{MediaKind, Track};

use crate::media_info::{self, TrackInfo};
use crate::names;
use crate::recorder::config::{Format, RecordConfig};
use crate::recordings::{Recording, rfc3339};

/// Who is told of each finished recording, on the thread that finished it: what takes long belongs on a thread or task of its
/// own. Told of first are those that a crash left behind, so listeners are given when the finisher is started.
pub type Listener = Box<dyn Fn(&Arc<RecordingDone>) + Send + Sync>;

/// A recording that is whole and has its name: on the disk, as far as its sync is asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordingDone {
    /// The file.
    pub path: PathBuf,
    /// Its path below the folder of recordings, parts divided by `/`: what follows `/recordings/` in its address. `None` for a
    /// file that `record_path` put elsewhere.
    pub key: Option<String>,
    /// Application of the stream.
    pub app: String,
    /// Name of the stream in it.
    pub name: String,
    /// Name of the recorder, where there are several.
    pub recorder: String,
    /// Form of the file.
    pub format: Format,
    /// When it began.
    #[serde(serialize_with = "as_rfc3339")]
    pub started: Timestamp,
    /// Length in seconds.
    #[serde(rename = "duration_s", serialize_with = "as_seconds")]
    pub duration: Duration,
    /// Size of the file.
    pub bytes: u64,
    /// Its tracks, video first.
    pub tracks: Vec<DoneTrack>,
    /// Pictures and sounds that a slow disk made it lose.
    pub lost: u64,
    /// An earlier run began it, and a crash or a stop ended it.
    pub left_over: bool,
    /// How its recorder is set up, where that is known.
    #[serde(skip)]
    pub config: Option<Arc<RecordConfig>>,
    /// The file as a log line may show it: the stream's name is its key.
    #[serde(skip)]
    pub shown: String,
}

/// A track of a finished recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoneTrack {
    /// `video` or `audio`.
    pub kind: &'static str,
    /// RFC 6381 where it is known, else the codec's name.
    pub codec: String,
    /// Pixels; 0 for sound and where not known.
    pub width: u32,
    /// Pixels; 0 for sound and where not known.
    pub height: u32,
    /// Hertz; 0 for pictures and where not known.
    pub sample_rate: u32,
    /// 0 for pictures and where not known.
    pub channels: u32,
}

/// Length and tracks of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    pub duration: Duration,
    pub tracks: Vec<DoneTrack>,
    pub left_over: bool,
}

impl Facts {
    /// Of a file that was left behind, as it reads.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let info = media_info::read(path)?;
        let duration = Duration::try_from_secs_f64(info.duration_s).unwrap_or_default();
        let tracks = info.tracks.iter().filter_map(DoneTrack::read).collect();
        Ok(Self { duration, tracks, left_over: true })
    }

    /// Of a file that was made here.
    pub fn made<'a>(duration: Duration, tracks: impl Iterator<Item = &'a Track>) -> Self {
        let mut tracks: Vec<&Track> = tracks.collect();
        tracks.sort_by_key(|track| track.id);
        let tracks = tracks.into_iter().map(DoneTrack::of).collect();
        Self { duration, tracks, left_over: false }
    }
}

/// The length that an index (`moov`) says.
pub(super) fn length(mut index: &[u8]) -> Option<Duration> {
    // Behind the head of the box itself.
    index.advance(8.min(index.len()));
    let movie = Mvhd::decode_maybe(&mut index).ok()??;
    let seconds = movie.duration as f64 / f64::from(movie.timescale.max(1));
    Duration::try_from_secs_f64(seconds).ok()
}

impl RecordingDone {
    /// Of a recording that has its name.
    pub(super) fn new(recording: &Recording, facts: Facts) -> std::io::Result<Self> {
        let (app, name) = names::split(recording.stream());
        let path = recording.done();
        let bytes = std::fs::metadata(&path)?.len();
        Ok(Self {
            path,
            key: recording.key_when_done(),
            app: app.to_owned(),
            name: name.to_owned(),
            recorder: recording.config().map(|config| config.name.clone()).unwrap_or_default(),
            format: recording.format(),
            started: recording.started(),
            duration: facts.duration,
            bytes,
            tracks: facts.tracks,
            lost: recording.lost(),
            left_over: facts.left_over,
            config: recording.config().cloned(),
            shown: recording.shown(),
        })
    }
}

impl DoneTrack {
    fn of(track: &Track) -> Self {
        let config = &track.config;
        let (width, height) = config.size().unwrap_or_default();
        let kind = match track.id.kind {
            MediaKind::Video => "video",
            MediaKind::Audio => "audio",
        };
        let sample_rate = config.sample_rate().unwrap_or_default();
        let channels = config.channels().unwrap_or_default().into();
        Self { kind, codec: config.codec_string(), width, height, sample_rate, channels }
    }

    fn read(info: &TrackInfo) -> Option<Self> {
        let kind = ["video", "audio"].into_iter().find(|kind| info.kind == *kind)?;
        let TrackInfo { width, height, sample_rate, channels, .. } = *info;
        Some(Self { kind, codec: info.codec.clone(), width, height, sample_rate, channels })
    }
}

fn as_rfc3339<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*time))
}

fn as_seconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_millis() as f64 / 1000.0)
}
