//! Options of recording.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::duration;
use crate::recorder::config::{Format, Naming, RecordConfig, Suffix, What};

/// Options of recording.
#[derive(Clone, Debug, Args)]
pub struct RecordArgs {
    /// What of each stream is recorded: `all` (the default), `audio`, `video`, `keyframes` or `off`, several with commas
    /// between them.
    #[arg(long, env = "STREAMCORE_RECORD", value_name = "WHAT", num_args = 0..=1, require_equals = true,
          default_value = "all", default_missing_value = "all", overrides_with = "no_record")]
    record: What,
    /// Record nothing.
    #[arg(long, overrides_with = "record")]
    no_record: bool,
    /// Form of the recordings. An MP4 plays at every moment while it grows, and has its index when the stream ends.
    #[arg(
        long,
        env = "STREAMCORE_RECORD_FORMAT",
        value_name = "FORM",
        value_enum,
        default_value_t
    )]
    record_format: Format,
    /// The most of a recording that a crash of the machine may lose; `off` leaves it to the system when data reach the disk.
    #[arg(long, env = "STREAMCORE_RECORD_SYNC", value_name = "TIME", default_value = "2s", value_parser = sync)]
    record_sync: Sync,
    /// Length after which a recording goes on in a new file, at the next key frame.
    #[arg(long, env = "STREAMCORE_RECORD_INTERVAL", value_name = "TIME", value_parser = duration)]
    record_interval: Option<Duration>,
    /// Size after which a recording goes on in a new file, at the next key frame: for example 500M or 2G.
    #[arg(long, env = "STREAMCORE_RECORD_MAX_SIZE", value_name = "SIZE", value_parser = size)]
    record_max_size: Option<u64>,
    /// Pictures after which a recording goes on in a new file, at the next key frame.
    #[arg(long, env = "STREAMCORE_RECORD_MAX_FRAMES", value_name = "N")]
    record_max_frames: Option<u64>,
    /// Folder for recordings that are named after their stream, in place of one for each stream.
    #[arg(long, env = "STREAMCORE_RECORD_PATH", value_name = "DIR")]
    record_path: Option<PathBuf>,
    /// What follows the stream's name in that of a recording: a pattern of strftime (UTC), for example -%Y%m%d-%H%M%S.
    #[arg(
        long,
        env = "STREAMCORE_RECORD_SUFFIX",
        value_name = "PATTERN",
        allow_hyphen_values = true
    )]
    record_suffix: Option<Suffix>,
    /// Put the seconds since 1970 behind the stream's name in that of a recording.
    #[arg(long, env = "STREAMCORE_RECORD_UNIQUE")]
    record_unique: bool,
    /// A publisher who comes back within this time goes on in the same file.
    #[arg(long, env = "STREAMCORE_RECORD_RECONNECT", value_name = "TIME", value_parser = duration)]
    record_reconnect: Option<Duration>,
    /// Program to run for each finished recording, its arguments behind it, separated by spaces; no shell is involved. $path,
    /// $filename, $basename, $dirname, $app, $name and $recorder stand for what they say.
    #[arg(long, env = "STREAMCORE_EXEC_RECORD_DONE", value_name = "COMMAND")]
    exec_record_done: Option<String>,
    /// Record an FLV beside the MP4.
    #[arg(long, env = "STREAMCORE_KEEP_FLV")]
    keep_flv: bool,
}

impl RecordArgs {
    /// The recorder of this name, and the one of FLV beside it.
    pub fn recorders(&self, name: &str) -> Vec<Arc<RecordConfig>> {
        if self.no_record || self.record.is_off() {
            return Vec::new();
        }
        let named =
            self.record_path.is_some() || self.record_suffix.is_some() || self.record_unique;
        let config = RecordConfig {
            name: name.to_owned(),
            what: self.record,
            format: self.record_format,
            naming: if named {
                Naming::Named {
                    path: self.record_path.clone(),
                    suffix: self.record_suffix.clone(),
                    unique: self.record_unique,
                }
            } else {
                Naming::Dated
            },
            max_size: self.record_max_size,
            max_frames: self.record_max_frames,
            interval: self.record_interval,
            reconnect: self.record_reconnect.unwrap_or_default(),
            sync: self.record_sync.0,
            exec_done: (self.exec_record_done.iter())
                .flat_map(|command| command.split_whitespace().map(str::to_owned))
                .collect(),
        };
        let flv = (self.keep_flv && config.format == Format::Mp4).then(|| {
            let flv = RecordConfig { name: "flv".into(), format: Format::Flv, ..config.clone() };
            Arc::new(flv)
        });
        [Some(Arc::new(config)), flv].into_iter().flatten().collect()
    }
}

/// `None` is `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sync(Option<Duration>);

fn sync(text: &str) -> Result<Sync, String> {
    if text == "off" {
        return Ok(Sync(None));
    }
    let time = duration(text)?;
    if time < Duration::from_millis(500) {
        return Err(format!("`{text}` is less than 500ms"));
    }
    Ok(Sync(Some(time)))
}

/// Reads `1000`, `64K`, `500M` or `2G`.
fn size(text: &str) -> Result<u64, String> {
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
    number.checked_mul(unit).filter(|size| *size > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        record: RecordArgs,
    }

    fn recorders(arguments: &str) -> Vec<Arc<RecordConfig>> {
        let arguments = ["x"].into_iter().chain(arguments.split_whitespace());
        Cli::parse_from(arguments).record.recorders("")
    }

    #[test]
    fn everything_is_recorded_as_mp4_unless_told_otherwise() {
        let all = recorders("");
        assert_eq!(all.len(), 1);
        assert_eq!(*all[0], RecordConfig::default());
        assert!(recorders("--no-record").is_empty());
        assert!(recorders("--record=off").is_empty());
        assert!(recorders("--record=false").is_empty());
        assert_eq!(recorders("--record")[0].what, What::ALL);
        assert_eq!(recorders("--keep-flv")[1].format, Format::Flv);
    }

    #[test]
    fn names_and_bounds_are_taken_over() {
        let all = recorders(
            "--record-path /r --record-suffix -%Y --record-interval 1h --record-max-size 2G \
             --record-sync off --exec-record-done=true",
        );
        let config = &all[0];
        let suffix = Some("-%Y".parse().unwrap());
        let path = Some(PathBuf::from("/r"));
        assert_eq!(config.naming, Naming::Named { path, suffix, unique: false });
        assert_eq!((config.max_size, config.sync), (Some(2 << 30), None));
        assert_eq!(config.exec_done, ["true"]);
    }

    #[test]
    fn sizes_and_times_are_bounded() {
        assert_eq!((size("12"), size("3k")), (Ok(12), Ok(3072)));
        assert_eq!(sync("off"), Ok(Sync(None)));
        for bad in ["", "x", "-1", "1T", "0", "99999999999999999999", "18446744073709551615G"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert!(sync("100ms").is_err() && sync("2 weeks").is_err());
    }
}
