//! What a media file holds, for `probe` and for the check of a finished MP4.

mod flv;
pub mod mp4;
mod tally;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Serialize;

pub use mp4::duration as mp4_duration;
pub use tally::{Tally, frame_rate};

/// What a file holds.
#[derive(Debug, Serialize)]
pub struct FileInfo {
    /// `flv` or `mp4`.
    pub format: &'static str,
    /// Size of the file.
    pub bytes: u64,
    /// From the first presentation to the end of the last.
    pub duration_s: f64,
    /// Of the whole file.
    pub bitrate_kbps: f64,
    /// Whether an MP4's index stands in front of its media, so that it plays from the first byte.
    pub index_first: Option<bool>,
    /// Fragments of an MP4; 0 for other files.
    pub fragments: u64,
    /// The tracks, video first.
    pub tracks: Vec<TrackInfo>,
    /// What is wrong or odd.
    pub problems: Vec<String>,
}

/// What a track holds.
#[derive(Debug, Serialize)]
pub struct TrackInfo {
    /// `video`, `audio` or the handler of another kind.
    pub kind: String,
    /// RFC 6381 where it is known, else the four-character code.
    pub codec: String,
    /// Pixels; 0 where there are none.
    pub width: u32,
    /// Pixels; 0 where there are none.
    pub height: u32,
    /// Pictures a second.
    pub fps: Option<f64>,
    /// Hertz; 0 where there is none.
    pub sample_rate: u32,
    /// 0 where there are none.
    pub channels: u32,
    /// Access units.
    pub samples: u64,
    /// Bytes of all access units.
    pub bytes: u64,
    /// First presentation.
    pub start_s: f64,
    /// From the first presentation to the end of the last.
    pub duration_s: f64,
    /// Of this track.
    pub bitrate_kbps: f64,
    /// Mean distance of key frames.
    pub key_frame_interval_s: Option<f64>,
    /// Smallest distance of key frames.
    pub key_frame_interval_min_s: Option<f64>,
    /// Largest distance of key frames.
    pub key_frame_interval_max_s: Option<f64>,
    /// How the bit rate goes up and down.
    pub bitrate_over_time: Bitrates,
}

/// Bit rates of equal stretches of a track, by decode time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Bitrates {
    /// Length of a stretch; the last one may be shorter.
    pub step_s: u64,
    /// Of each, at most 60.
    pub kbps: Vec<f64>,
}

/// Reads `path`, whichever of the known formats it has.
pub fn read(path: &Path) -> anyhow::Result<FileInfo> {
    let shown = path.display();
    let mut file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    let mut head = [0; 8];
    let known = match file.read_exact(&mut head) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(error).with_context(|| format!("cannot read {shown}")),
    };
    drop(file);
    let info = match &head {
        [b'F', b'L', b'V', ..] if known => flv::read(path),
        [_, _, _, _, b'f' | b's', b't', b'y', b'p'] | [_, _, _, _, b'm', b'o', b'o', b'v']
            if known =>
        {
            mp4::read(path)
        }
        _ => bail!("{shown} is neither an FLV nor an MP4 file"),
    };
    info.with_context(|| format!("cannot read {shown}"))
}

impl FileInfo {
    fn new(
        format: &'static str,
        bytes: u64,
        mut tracks: Vec<TrackInfo>,
        problems: Vec<String>,
    ) -> Self {
        tracks.sort_by_key(|track| track.kind != "video");
        let start = tracks.iter().map(|track| track.start_s).fold(f64::INFINITY, f64::min);
        let end = tracks.iter().map(|track| track.start_s + track.duration_s).fold(0.0, f64::max);
        let duration_s = if tracks.is_empty() { 0.0 } else { (end - start).max(0.0) };
        let bitrate_kbps = kbps(bytes, duration_s);
        Self {
            format,
            bytes,
            duration_s,
            bitrate_kbps,
            index_first: None,
            fragments: 0,
            tracks,
            problems,
        }
    }
}

fn kbps(bytes: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { (bytes as f64 * 8.0 / seconds / 1000.0 * 10.0).round() / 10.0 } else { 0.0 }
}
