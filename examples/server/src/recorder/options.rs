//! A recorder as a configuration file says it, in nginx-rtmp's words. What is not said comes from what is around it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use super::config::{Format, Naming, RecordConfig, Suffix, What};
use crate::cli::duration;

/// Settings of one recorder, all optional; the keys are those of the command line without its dashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecorderOptions {
    /// What is recorded: words in one text or a list, `true` for all, `false` for nothing.
    pub record: Option<What>,
    /// `mp4` or `flv`.
    pub record_format: Option<Format>,
    /// Folder, for files that are named after their stream.
    pub record_path: Option<PathBuf>,
    /// What follows the stream's name in that of a file: a pattern of `strftime`, in UTC.
    pub record_suffix: Option<Suffix>,
    /// The seconds since 1970 follow the stream's name.
    pub record_unique: Option<bool>,
    /// Size after which a file ends at the next key frame: bytes, or a text like `500M`.
    pub record_max_size: Option<Size>,
    /// Pictures after which a file ends at the next key frame.
    pub record_max_frames: Option<u64>,
    /// Length after which a file ends at the next key frame: seconds, or a text like `15m`.
    pub record_interval: Option<Time>,
    /// A publisher who comes back within this time goes on in the same file.
    pub record_reconnect: Option<Time>,
    /// The most that a crash of the machine may lose, at least 500 ms; `off` leaves it to the system.
    pub record_sync: Option<Sync>,
    /// A program and its arguments, run for each finished file.
    pub exec_record_done: Option<Vec<String>>,
}

impl RecorderOptions {
    /// These, and what they do not say from `around`.
    pub fn or(&self, around: &Self) -> Self {
        let (own, around) = (self.clone(), around.clone());
        Self {
            record: own.record.or(around.record),
            record_format: own.record_format.or(around.record_format),
            record_path: own.record_path.or(around.record_path),
            record_suffix: own.record_suffix.or(around.record_suffix),
            record_unique: own.record_unique.or(around.record_unique),
            record_max_size: own.record_max_size.or(around.record_max_size),
            record_max_frames: own.record_max_frames.or(around.record_max_frames),
            record_interval: own.record_interval.or(around.record_interval),
            record_reconnect: own.record_reconnect.or(around.record_reconnect),
            record_sync: own.record_sync.or(around.record_sync),
            exec_record_done: own.exec_record_done.or(around.exec_record_done),
        }
    }

    /// The recorder of this name, with the defaults for what is not said.
    pub fn config(&self, name: &str) -> RecordConfig {
        let default = RecordConfig::default();
        let unique = self.record_unique.unwrap_or(false);
        let named = self.record_path.is_some() || self.record_suffix.is_some() || unique;
        let naming = if named {
            let (path, suffix) = (self.record_path.clone(), self.record_suffix.clone());
            Naming::Named { path, suffix, unique }
        } else {
            Naming::Dated
        };
        RecordConfig {
            name: name.to_owned(),
            what: self.record.unwrap_or(default.what),
            format: self.record_format.unwrap_or(default.format),
            naming,
            max_size: self.record_max_size.map(|size| size.0),
            max_frames: self.record_max_frames,
            interval: self.record_interval.map(|time| time.0),
            reconnect: self.record_reconnect.map_or(default.reconnect, |time| time.0),
            sync: self.record_sync.map_or(default.sync, |sync| sync.0),
            exec_done: self.exec_record_done.clone().unwrap_or_default(),
        }
    }

    /// The recorders of an application: its own, and those that it gives names to, which take from it what they do not say.
    /// Where there are named ones, its own records only if it says `record` itself.
    pub fn recorders(&self, named: &BTreeMap<String, Self>) -> Vec<Arc<RecordConfig>> {
        let own = (named.is_empty() || self.record.is_some()).then(|| self.config(""));
        // A recorder records, whatever its application does for itself.
        let around = Self { record: None, ..self.clone() };
        let named = named.iter().map(|(name, options)| options.or(&around).config(name));
        let all = own.into_iter().chain(named);
        all.filter(|config| !config.what.is_off()).map(Arc::new).collect()
    }
}

/// Bytes, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Duration);

/// The most that a crash may lose; `None` is `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync(pub Option<Duration>);

impl std::str::FromStr for Size {
    type Err = String;

    /// Reads `1000`, `64K`, `500M` or `2G`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a size like 500M or 2G");
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let unit: u64 = match unit {
            "" => 1,
            "k" | "K" => 1 << 10,
            "m" | "M" => 1 << 20,
            "g" | "G" => 1 << 30,
            _ => return Err(wrong()),
        };
        number.checked_mul(unit).filter(|size| *size > 0).map(Self).ok_or_else(wrong)
    }
}

impl std::str::FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        duration(text).map(Self)
    }
}

impl std::str::FromStr for Sync {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let time = duration(text)?;
        if time < Duration::from_millis(500) {
            return Err(format!("`{text}` is less than 500ms"));
        }
        Ok(Self(Some(time)))
    }
}

/// A value of a configuration file, as the command line would have it.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a text, a number, true, false or a list of texts")]
enum Word {
    Text(String),
    Switch(bool),
    Whole(u64),
    Number(f64),
    List(Vec<String>),
}

fn read<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: std::str::FromStr<Err = String>,
    D: Deserializer<'de>,
{
    let text = match Word::deserialize(from)? {
        Word::Text(text) => text,
        Word::Switch(on) => on.to_string(),
        Word::Whole(number) => number.to_string(),
        Word::Number(number) => number.to_string(),
        Word::List(words) => words.join(" "),
    };
    text.parse().map_err(de::Error::custom)
}

/// What the command line reads, a configuration file reads alike.
macro_rules! read_as_text {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                read(from)
            }
        }
    )*};
}

read_as_text!(What, Suffix, Size, Time, Sync);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::config::Pictures;

    #[derive(Debug, Deserialize)]
    struct App {
        record: RecorderOptions,
        #[serde(default)]
        recorder: BTreeMap<String, RecorderOptions>,
    }

    fn recorders(text: &str) -> Vec<Arc<RecordConfig>> {
        let app: App = toml::from_str(text).unwrap();
        app.record.recorders(&app.recorder)
    }

    #[test]
    fn an_application_without_a_word_records_everything() {
        assert_eq!(recorders("[record]"), [Arc::new(RecordConfig::default())]);
        assert!(recorders("[record]\nrecord = \"off\"").is_empty());
        assert!(recorders("[record]\nrecord = false").is_empty());
    }

    #[test]
    fn recorders_have_names_and_take_what_they_do_not_say_from_the_application() {
        let all = recorders(
            "[record]\nrecord_path = '/r'\nrecord_max_size = '2G'\nrecord_interval = 3600\n\
             [recorder.sound]\nrecord = ['audio', 'manual']\nrecord_suffix = '-%Y.mp4'\n\
             [recorder.all]\nrecord_format = 'flv'\nrecord_sync = 'off'\nrecord_max_size = 5000000\n\
             exec_record_done = ['cp', '$path', '/x y']",
        );
        let [flv, sound] = &all[..] else { panic!("{all:?}") };
        assert_eq!((flv.name.as_str(), flv.format, flv.sync), ("all", Format::Flv, None));
        assert_eq!((flv.what, flv.max_size), (What::ALL, Some(5_000_000)));
        assert_eq!(flv.exec_done, ["cp", "$path", "/x y"]);
        assert_eq!(flv.interval, Some(Duration::from_secs(3600)));
        assert_eq!((sound.name.as_str(), sound.what.pictures), ("sound", Pictures::None));
        assert!(sound.what.manual && sound.what.audio);
        assert_eq!((sound.max_size, sound.sync), (Some(2 << 30), Some(Duration::from_secs(2))));
        let (path, suffix) = (Some(PathBuf::from("/r")), Some("-%Y".parse().unwrap()));
        let Naming::Named { path: p, suffix: s, unique: false } = &sound.naming else { panic!() };
        assert_eq!(*p, path);
        let at = jiff::Timestamp::UNIX_EPOCH;
        let suffix: &Suffix = suffix.as_ref().unwrap();
        assert_eq!(s.as_ref().unwrap().at(at), suffix.at(at));
        // With a word of its own the application records beside them.
        let all = recorders("[record]\nrecord = 'all'\n[recorder.keys]\nrecord = 'keyframes'");
        assert_eq!(all.iter().map(|one| &one.name[..]).collect::<Vec<_>>(), ["", "keys"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (line, wanted) in [
            ("record = 'sound'", "`sound` is not one of all, audio, video, keyframes, off, manual"),
            ("record = 3", "`3` is not one of"),
            ("record_suffix = '/../%d'", "not fit for the end of a file's name"),
            ("record_max_size = '2 apples'", "`2 apples` is not a size like 500M or 2G"),
            ("record_max_size = 0", "`0` is not a size"),
            ("record_max_frames = -1", "-1"),
            ("record_interval = '2 weeks'", "not one of ms, s, m, h"),
            ("record_sync = '1ms'", "less than 500ms"),
            ("record_format = 'mkv'", "expected `mp4` or `flv`"),
            ("exec_record_done = 'rm -rf /'", "expected a sequence"),
            ("record_unique = 'yes'", "expected a boolean"),
            ("record_pth = '/r'", "unknown field `record_pth`"),
        ] {
            let error = toml::from_str::<App>(&format!("[record]\n{line}")).unwrap_err();
            let told = error.to_string();
            assert!(told.contains(wanted) && told.contains("line 2"), "{line}: {told}");
        }
    }

    #[test]
    fn sizes_and_times_are_bounded() {
        assert_eq!(("12".parse(), "3k".parse()), (Ok(Size(12)), Ok(Size(3072))));
        assert_eq!("off".parse(), Ok(Sync(None)));
        for bad in ["", "x", "-1", "1T", "0", "99999999999999999999", "18446744073709551615G"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
        assert!("100ms".parse::<Sync>().is_err() && "2 weeks".parse::<Sync>().is_err());
    }
}
