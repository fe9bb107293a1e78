//! Options of recording.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::{Words, duration};
use crate::recorder::config::{Format, RecordConfig, Suffix, What};
use crate::recorder::options::{RecorderOptions, Size, Sync, Time};

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
    #[arg(long, env = "STREAMCORE_RECORD_SYNC", value_name = "TIME", default_value = "2s")]
    record_sync: Sync,
    /// Length after which a recording goes on in a new file, at the next key frame.
    #[arg(long, env = "STREAMCORE_RECORD_INTERVAL", value_name = "TIME", value_parser = duration)]
    record_interval: Option<Duration>,
    /// Size after which a recording goes on in a new file, at the next key frame: for example 500M or 2G.
    #[arg(long, env = "STREAMCORE_RECORD_MAX_SIZE", value_name = "SIZE")]
    record_max_size: Option<Size>,
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
    /// Program to run for each finished recording, its arguments behind it, separated by spaces, or in quotes; no shell is involved. $path,
    /// $filename, $basename, $dirname, $app, $name and $recorder stand for what they say.
    #[arg(long, env = "STREAMCORE_EXEC_RECORD_DONE", value_name = "COMMAND")]
    exec_record_done: Option<Words>,
    /// Record an FLV beside the MP4.
    #[arg(long, env = "STREAMCORE_KEEP_FLV")]
    keep_flv: bool,
}

impl RecordArgs {
    /// The recorders of an application, with those that it gives names to.
    pub fn recorders(&self, named: &BTreeMap<String, RecorderOptions>) -> Vec<Arc<RecordConfig>> {
        let mut named = named.clone();
        let records = !self.no_record && !self.record.is_off();
        if records && self.keep_flv && self.record_format == Format::Mp4 {
            let (record, record_format) = (Some(self.record), Some(Format::Flv));
            let flv = RecorderOptions { record, record_format, ..RecorderOptions::default() };
            named.insert("flv".to_owned(), flv);
        }
        self.options().recorders(&named)
    }

    /// What the command line says.
    fn options(&self) -> RecorderOptions {
        RecorderOptions {
            record: Some(if self.no_record { What::OFF } else { self.record }),
            record_format: Some(self.record_format),
            record_path: self.record_path.clone(),
            record_suffix: self.record_suffix.clone(),
            record_unique: Some(self.record_unique),
            record_max_size: self.record_max_size,
            record_max_frames: self.record_max_frames,
            record_interval: self.record_interval.map(Time),
            record_reconnect: self.record_reconnect.map(Time),
            record_sync: Some(self.record_sync),
            exec_record_done: self.exec_record_done.as_ref().map(|words| words.0.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    use crate::recorder::config::{Naming, RecordConfig};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        record: RecordArgs,
    }

    fn recorders(arguments: &str) -> Vec<Arc<RecordConfig>> {
        let arguments = ["x"].into_iter().chain(arguments.split_whitespace());
        Cli::parse_from(arguments).record.recorders(&BTreeMap::new())
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
}
