//! What is recorded, how and where: the words of nginx-rtmp.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use streamcore::media::{MediaKind, TrackId};

use crate::names;

/// Part of what a crash of the machine may lose that a fragment, and the wait for the disk, may each take.
const SHARE: f64 = 0.4;

/// The form of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// MP4 in fragments while live, plain and with an index when the stream ends.
    #[default]
    Mp4,
    /// FLV, of any codec.
    Flv,
}

impl Format {
    /// Extension of its files.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Flv => "flv",
        }
    }
}

/// Which pictures are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pictures {
    All,
    Keys,
    None,
}

/// What is recorded: `all`, `audio`, `video`, `keyframes` or `off`, and `manual`, which waits to be started; several words
/// are separated by spaces or commas. `true` is `all`, `false` is `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct What {
    pub audio: bool,
    pub pictures: Pictures,
    pub manual: bool,
}

impl What {
    /// Sound and pictures.
    pub const ALL: Self = Self { audio: true, pictures: Pictures::All, manual: false };
    /// Nothing.
    pub const OFF: Self = Self { audio: false, pictures: Pictures::None, manual: false };

    /// Whether there is nothing to record.
    pub fn is_off(self) -> bool {
        !self.audio && self.pictures == Pictures::None
    }

    /// Whether anything of a track is recorded.
    pub fn takes(self, id: TrackId) -> bool {
        match id.kind {
            MediaKind::Audio => self.audio,
            MediaKind::Video => self.pictures != Pictures::None,
        }
    }
}

impl std::str::FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut what = Self { audio: false, pictures: Pictures::None, manual: false };
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        for word in words {
            match word {
                "all" | "true" => (what.audio, what.pictures) = (true, Pictures::All),
                "audio" => what.audio = true,
                "video" => what.pictures = Pictures::All,
                "keyframes" if what.pictures == Pictures::None => what.pictures = Pictures::Keys,
                "keyframes" | "off" | "false" => {}
                "manual" => what.manual = true,
                _ => {
                    return Err(format!(
                        "`{word}` is not one of all, audio, video, keyframes, off, manual"
                    ));
                }
            }
        }
        // As in nginx-rtmp, a recorder that is only `manual` takes all once it is started.
        if what.manual && what.is_off() {
            (what.audio, what.pictures) = (true, Pictures::All);
        }
        Ok(what)
    }
}

/// The end of a file's name: a pattern of `strftime` in UTC that makes one part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suffix(String);

impl Suffix {
    /// The suffix at a time.
    pub fn at(&self, time: Timestamp) -> Option<String> {
        let text = strtime::format(&self.0, &time.to_zoned(TimeZone::UTC)).ok()?;
        let known = [".mp4", ".flv"].iter().find_map(|extension| text.strip_suffix(extension));
        Some(known.unwrap_or(&text).to_owned())
    }
}

impl std::str::FromStr for Suffix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let suffix = Self(text.to_owned());
        let made = suffix.at(Timestamp::UNIX_EPOCH);
        let made = made.ok_or_else(|| format!("`{text}` is no pattern of strftime"))?;
        let name = format!("x{made}");
        names::is_safe_part(&name).then_some(suffix).ok_or_else(|| {
            format!("`{text}` makes `{made}`, which is not fit for the end of a file's name")
        })
    }
}

/// How files are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// In the folder of recordings, a folder for each stream, and in it the start of the recording.
    #[default]
    Dated,
    /// As nginx-rtmp does: the stream's name, with `unique` a dash and the seconds since 1970, and the suffix.
    Named {
        /// `None` for a folder for each application in that of recordings.
        path: Option<PathBuf>,
        suffix: Option<Suffix>,
        unique: bool,
    },
}

/// One recorder of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordConfig {
    /// Its name, where there are several; `$recorder` of `exec_done`.
    pub name: String,
    pub what: What,
    pub format: Format,
    pub naming: Naming,
    /// Bytes after which a file ends, at the next key frame.
    pub max_size: Option<u64>,
    /// Pictures (without any: sounds) after which a file ends, at the next key frame.
    pub max_frames: Option<u64>,
    /// Length after which a file ends, at the next key frame.
    pub interval: Option<Duration>,
    /// A publisher who comes back within this time goes on in the same file.
    pub reconnect: Duration,
    /// The most that a crash of the machine may lose; `None` leaves it to the system.
    pub sync: Option<Duration>,
    /// A program and its arguments, run for each finished file.
    pub exec_done: Vec<String>,
}

impl Default for RecordConfig {
    fn default() -> Self {
        Self {
            name: String::new(),
            what: What::ALL,
            format: Format::default(),
            naming: Naming::default(),
            max_size: None,
            max_frames: None,
            interval: None,
            reconnect: Duration::ZERO,
            sync: Some(Duration::from_secs(2)),
            exec_done: Vec::new(),
        }
    }
}

impl RecordConfig {
    /// Whether a file of this form at `path` may be one of its own; `dated` is one that is named by its start.
    pub fn makes(&self, format: Format, path: &Path, dated: bool) -> bool {
        let is_here = match &self.naming {
            Naming::Dated => dated,
            Naming::Named { path: Some(folder), .. } => path.starts_with(folder),
            Naming::Named { path: None, .. } => !dated,
        };
        is_here && self.format == format
    }

    /// Length of an MP4's fragment.
    pub fn fragment(&self) -> Duration {
        let second = Duration::from_secs(1);
        self.sync.map_or(second, |sync| sync.mul_f64(SHARE).min(second))
    }

    /// Time after which what was written is to be on the disk.
    pub fn sync_after(&self) -> Option<Duration> {
        self.sync.map(|sync| sync.mul_f64(SHARE))
    }
}

/// The recorders of all applications.
#[derive(Clone, Debug, Default)]
pub struct RecordSettings {
    /// Of applications that are not named.
    pub default: Vec<Arc<RecordConfig>>,
    /// By application.
    pub apps: HashMap<String, Vec<Arc<RecordConfig>>>,
}

impl RecordSettings {
    /// The recorders for the stream `path`.
    pub fn of(&self, path: &str) -> &[Arc<RecordConfig>] {
        let (app, _) = names::split(path);
        self.apps.get(app).unwrap_or(&self.default)
    }

    /// Folders that files go to, beside that of recordings.
    pub fn folders(&self) -> Vec<PathBuf> {
        let all = self.default.iter().chain(self.apps.values().flatten());
        let mut folders: Vec<PathBuf> = all
            .filter_map(|config| match &config.naming {
                Naming::Named { path, .. } => path.clone(),
                Naming::Dated => None,
            })
            .collect();
        folders.sort();
        folders.dedup();
        folders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_nginx_rtmp() {
        let what = |text: &str| text.parse::<What>().unwrap();
        assert_eq!(what("all"), What::ALL);
        assert_eq!(what("true"), What::ALL);
        assert!(what("off").is_off() && what("false").is_off() && what("").is_off());
        assert_eq!(what("audio").pictures, Pictures::None);
        assert_eq!(what("audio,keyframes"), What { pictures: Pictures::Keys, ..What::ALL });
        assert_eq!(what("keyframes all").pictures, Pictures::All);
        assert_eq!(what("manual"), What { manual: true, ..What::ALL });
        assert!(!what("video manual").audio);
        assert!("sound".parse::<What>().unwrap_err().contains("keyframes"));
    }

    #[test]
    fn f_08_suffixes_are_patterns_of_time_and_never_a_way_elsewhere() {
        let at = "2026-11-23T21:09:00Z".parse().unwrap();
        let suffix = |text: &str| text.parse::<Suffix>().map(|suffix| suffix.at(at).unwrap());
        assert_eq!(suffix("-%d-%b-%y-%H%M%S.flv").unwrap(), "-23-Nov-26-210900");
        assert_eq!(suffix(".mp4").unwrap(), "");
        assert_eq!(suffix("_%s").unwrap(), "_1795468140");
        for bad in ["/../x", "-%D", "\\x", "%", "%!", "-\n", "-%Y%m%d/%H"] {
            assert!(suffix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_crash_may_lose_is_shared_between_fragment_and_disk() {
        let config = RecordConfig::default();
        let sync = config.sync.unwrap();
        assert!(config.fragment() + config.sync_after().unwrap() < sync);
        assert_eq!(RecordConfig { sync: None, ..config }.fragment(), Duration::from_secs(1));
    }
}
