//! The command line: every option is also an environment variable.

mod app;
mod record;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{
    ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
};
use tracing_subscriber::EnvFilter;

use crate::catalogue::Retain;
use crate::config::{self, Given, Problems};
use crate::keys::Require;
use crate::net::NetArgs;
use crate::upload::UploadArgs;

pub use app::size;
pub use app::{AppArgs, PlaylistType, TakeoverArg};
pub use record::RecordArgs;

/// A live-streaming server: RTMP in; web page, HLS, recordings and MP4 out.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Without a command: serve.
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes RTMP publishers in and gives the page, HLS and recordings out (the default).
    Serve(Box<ServeArgs>),
    /// Says what is wrong with a configuration, or prints what it comes to.
    CheckConfig(config::CheckArgs),
    /// Turns the `rtmp` block of an nginx configuration into ours, and lists what could not be carried over.
    ConfigFromNginx(crate::nginx::NginxArgs),
    /// Turns an FLV into an MP4 with its index in front, without re-encoding.
    Remux(RemuxArgs),
    /// Makes a folder of HLS and DASH of an FLV or MP4, which any web server can serve, without re-encoding.
    Package(PackageArgs),
    /// Makes a whole file of a cut FLV, or of an MP4 in fragments or without its index.
    Repair(RepairArgs),
    /// Says what an FLV or MP4 file holds.
    Probe(ProbeArgs),
    /// Sends an FLV to an RTMP server, in real time.
    Publish(crate::client::PublishArgs),
    /// Plays a stream of an RTMP server and records it as FLV.
    Record(crate::client::RecordArgs),
}

/// Options of `serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Configuration, TOML: each option is a key there, with underscores. What is given here or in the environment counts more.
    #[arg(long, short, env = "STREAMCORE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address for RTMP publishers and players; port 0 picks a free one.
    #[arg(
        long,
        env = "STREAMCORE_RTMP_LISTEN",
        value_name = "ADDR",
        default_value = "0.0.0.0:1935"
    )]
    pub rtmp_listen: SocketAddr,
    /// Address for RTMP over TLS (RTMPS), mostly port 443 or 1936; port 0 picks a free one.
    #[arg(long, visible_alias = "rtmps", env = "STREAMCORE_RTMPS_LISTEN", value_name = "ADDR")]
    pub rtmps_listen: Option<SocketAddr>,
    /// Certificate chain for RTMPS and HTTPS, PEM. It is read anew when the file changes, and at SIGHUP.
    #[arg(long, env = "STREAMCORE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of that certificate, PEM.
    #[arg(long, env = "STREAMCORE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Address for the page, HLS, recordings and the API; port 0 picks a free one.
    #[arg(
        long,
        env = "STREAMCORE_HTTP_LISTEN",
        value_name = "ADDR",
        default_value = "0.0.0.0:8080"
    )]
    pub http_listen: SocketAddr,
    /// Folder for everything that is kept; recordings go to its folder `recordings`.
    #[arg(long, env = "STREAMCORE_DATA_DIR", value_name = "DIR", default_value = "./data")]
    pub data_dir: PathBuf,
    /// Keep HLS and DASH for going back further than memory reaches, and for later: in a folder, or in a bucket by
    /// `s3://bucket/prefix?endpoint=https://…&region=…`, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Without a value: in the folder `hls` of the
    /// data folder.
    #[arg(long, env = "STREAMCORE_HLS_STORE", value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub hls_store: Option<String>,
    /// With a store: how much of a stream stays in memory; older segments are read from the store.
    #[arg(long, env = "STREAMCORE_HLS_STORE_AFTER", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub hls_store_after: Duration,
    /// Memory for segments of all streams that wait for the store. What has no room is not stored: a gap.
    #[arg(long, env = "STREAMCORE_HLS_STORE_QUEUE", value_name = "SIZE", default_value = "256MiB", value_parser = size)]
    pub hls_store_queue: usize,
    /// What is done with connections of either kind.
    #[command(flatten)]
    pub net: NetArgs,
    /// What each application may have its own of.
    #[command(flatten)]
    pub hooks: crate::hooks::HookArgs,
    #[command(flatten)]
    pub events: crate::events::EventArgs,
    #[command(flatten)]
    pub relay: crate::relay::RelayServerArgs,
    #[command(flatten)]
    pub app: AppArgs,
    /// Give each live stream series of its own in /metrics, named by its path, for up to 1000 streams.
    #[arg(long, env = "STREAMCORE_METRICS_STREAMS")]
    pub metrics_streams: bool,
    /// Let whoever reaches the HTTP port start and stop recorders: /control/record/start?app=live&name=demo, as nginx-rtmp.
    #[arg(long, env = "STREAMCORE_CONTROL")]
    pub control: bool,
    /// Who needs a stream key to publish. Keys are made over the API.
    #[arg(long, env = "STREAMCORE_REQUIRE_KEY", value_enum, default_value_t = Require::Remote)]
    pub require_key: Require,
    /// Who needs a token to use the API.
    #[arg(long, env = "STREAMCORE_REQUIRE_TOKEN", value_enum, default_value_t = Require::Remote)]
    pub require_token: Require,
    #[command(flatten)]
    pub upload: UploadArgs,
    #[command(flatten)]
    pub retain: Retain,
    /// How long live streams may go on after SIGTERM, while nobody new is let in; clients that reconnect on request are asked to go.
    /// Without it streams end at once.
    #[arg(long, env = "STREAMCORE_DRAIN_TIMEOUT", value_name = "TIME", value_parser = duration)]
    pub drain_timeout: Option<Duration>,
    /// How long a stop waits for recordings to be finished; what is left is finished at the next start.
    #[arg(long, env = "STREAMCORE_STOP_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub stop_timeout: Duration,
    /// Connections at once on the RTMP port, and as many on the RTMPS port; more are refused.
    #[arg(long, env = "STREAMCORE_MAX_CONNECTIONS", value_name = "N", default_value_t = 4096)]
    pub max_connections: usize,
    /// Time from connecting to the end of the RTMP handshake; a TLS handshake before it has as much.
    #[arg(long, env = "STREAMCORE_HANDSHAKE_TIMEOUT", value_name = "TIME", default_value = "8s", value_parser = duration, hide = true)]
    pub handshake_timeout: Duration,
    /// Form of the log lines, which go to standard error.
    #[arg(long, env = "STREAMCORE_LOG", value_enum, default_value_t = LogFormat::Text)]
    pub log: LogFormat,
    /// What is logged: a level or a filter such as `info,streamcore=debug`; `RUST_LOG` does the same.
    #[arg(long, env = "STREAMCORE_LOG_LEVEL", value_name = "FILTER")]
    pub log_level: Option<String>,
}

/// Form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Options of `remux`.
#[derive(Clone, Debug, Args)]
#[command(after_help = STATUS)]
pub struct RemuxArgs {
    /// The FLV to read: a file, `-` for standard input, s3://bucket/key, or http(s)://….
    pub input: PathBuf,
    /// The MP4 to write: a file or s3://bucket/key, which has this name only once it is whole. With `--fragmented`, `-` is
    /// standard output.
    pub output: PathBuf,
    /// Write fragments of a second, as the FLV is read, in place of one index in front.
    #[arg(long, conflicts_with_all = ["layout", "reflink", "verify"])]
    pub fragmented: bool,
    /// How the media stands in the MP4: the FLV's bytes in one piece, its tag headers unused (fast, 0.2 % larger), or the
    /// pictures and sounds alone. Auto is whole, unless much has to be rewritten.
    #[arg(long, value_enum, default_value_t = LayoutArg::Auto)]
    pub layout: LayoutArg,
    /// Whether the MP4 shares the FLV's blocks on the disk: where the file system can (Btrfs, XFS), or else it is an error,
    /// or not.
    #[arg(long, value_enum, default_value_t = Reflink::Auto)]
    pub reflink: Reflink,
    /// Read the MP4 back and compare it with the FLV.
    #[arg(long)]
    pub verify: bool,
    /// Write the MP4 through to the disk before it gets its name.
    #[arg(long)]
    pub sync: bool,
    /// Print what was done, or what is wrong, as one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl RemuxArgs {
    /// All else as it is without an option.
    pub fn new(input: PathBuf, output: PathBuf, sync: bool) -> Self {
        let (layout, reflink) = (LayoutArg::Auto, Reflink::Auto);
        Self { input, output, fragmented: false, layout, reflink, verify: false, sync, json: false }
    }
}

/// Options of `repair`.
#[derive(Clone, Debug, Args)]
pub struct RepairArgs {
    /// An FLV that is cut or damaged; or an MP4 in fragments, or cut: a recording that a crash ended.
    pub input: PathBuf,
    /// The file to write: a whole FLV, or an MP4 with its index in front. It has this name only once it is whole.
    pub output: Option<PathBuf>,
    /// Write the index of an MP4 behind its media, in the file itself: nothing is copied.
    #[arg(long)]
    pub in_place: bool,
    /// Write the file through to the disk before it gets its name.
    #[arg(long)]
    pub sync: bool,
    /// Print what was done as one JSON object.
    #[arg(long)]
    pub json: bool,
}

const STATUS: &str = "Exit status: 0 all is in the MP4; 2 the MP4 is written, and a line on standard error says what is not \
in it; 1 nothing is written.

Stores are found by AWS_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the other usual variables; \
AWS_SKIP_SIGNATURE=true reads what is public.";

/// How the media stands in an MP4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LayoutArg {
    Auto,
    Whole,
    Compact,
}

/// Whether two files may share blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reflink {
    Auto,
    Always,
    Never,
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All was done.
    Whole,
    /// What could be done was: a line said what is missing.
    Partial,
}

/// Options of `package`.
#[derive(Clone, Debug, Args)]
pub struct PackageArgs {
    /// The FLV or MP4 to read.
    pub input: PathBuf,
    /// The folder to make: it has this name only once it is whole. It must not be there, or be empty.
    pub output: PathBuf,
    /// A segment ends at the first key frame after this time, for example 4s.
    #[arg(long, value_name = "TIME", default_value = "6s", value_parser = duration)]
    pub segment_duration: Duration,
    /// Make segments of fragments of about this length, for example 500ms, in place of one fragment each.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub part_duration: Option<Duration>,
    /// Write `index.mpd` for DASH players beside `index.m3u8` (the default).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true",
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub dash: bool,
    /// Say what was made as JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// Options of `probe`.
#[derive(Clone, Debug, Args)]
pub struct ProbeArgs {
    /// An FLV or MP4 file.
    pub file: PathBuf,
    /// JSON for programs in place of the table for people.
    #[arg(long)]
    pub json: bool,
}

/// Runs what the command line says. An error is a line on standard error and exit status 1; one of the command line or the
/// configuration is exit status 2.
pub fn run() -> ExitCode {
    let matches = Cli::command().get_matches();
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.run(&matches),
        Err(error) => error.format(&mut Cli::command()).exit(),
    }
}

impl Cli {
    fn run(self, matches: &ArgMatches) -> ExitCode {
        let result = match self.command.unwrap_or(Command::Serve(Box::new(self.serve))) {
            Command::Serve(_) => {
                let given = Given::of(matches.subcommand_matches("serve").unwrap_or(matches));
                match config::load(&given, None) {
                    Ok(config) => {
                        start_log(&config.server);
                        crate::serve::run(given, config).map(|()| Outcome::Whole)
                    }
                    Err(problems) => return wrong(&problems),
                }
            }
            Command::CheckConfig(args) => match config::check(args) {
                Ok(()) => Ok(Outcome::Whole),
                Err(problems) => return wrong(&problems),
            },
            Command::ConfigFromNginx(args) => crate::nginx::run(&args),
            Command::Remux(args) => crate::remux::run(&args),
            Command::Package(args) => crate::package::run(&args).map(|()| Outcome::Whole),
            Command::Repair(args) => crate::repair::run(&args),
            Command::Probe(args) => crate::probe::run(&args).map(|()| Outcome::Whole),
            Command::Publish(args) => crate::client::publish(&args).map(|()| Outcome::Whole),
            Command::Record(args) => crate::client::record(&args).map(|()| Outcome::Whole),
        };
        match result {
            Ok(Outcome::Whole) => ExitCode::SUCCESS,
            Ok(Outcome::Partial) => ExitCode::from(2),
            Err(error) => {
                eprintln!("streamcore: {error:#}");
                ExitCode::FAILURE
            }
        }
    }
}

fn wrong(problems: &Problems) -> ExitCode {
    for problem in &problems.0 {
        eprintln!("streamcore: {problem}");
    }
    ExitCode::from(2)
}

fn start_log(args: &ServeArgs) {
    let filter = args
        .log_level
        .clone()
        .or_else(|| std::env::var(EnvFilter::DEFAULT_ENV).ok())
        .unwrap_or_else(|| "info".into());
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_target(false)
        .with_ansi(
            std::io::stderr().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty()),
        )
        .with_writer(std::io::stderr);
    match args.log {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// A program and its arguments, or several words: separated by spaces, in quotes where they hold some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl std::str::FromStr for Words {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        shlex::split(text)
            .map(Self)
            .ok_or_else(|| format!("`{text}` has a quote that does not end"))
    }
}

/// Reads a time of hours or days, for example `12h` or `30d`.
pub fn long_duration(text: &str) -> Result<Duration, String> {
    let days =
        |number: &str| number.trim().parse::<u32>().ok().filter(|days| (1..=36_500).contains(days));
    match text.trim().strip_suffix('d') {
        Some(number) => days(number)
            .map(|days| Duration::from_secs(u64::from(days) * 86_400))
            .ok_or_else(|| format!("`{text}` is not between 1d and 36500d")),
        None => duration(text),
    }
}

/// Reads `2s`, `1500ms`, `1m`, `0.5s` or a bare number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 =
        number.trim().parse().map_err(|_| format!("`{text}` is not a time like 2s or 500ms"))?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(format!("`{unit}` is not one of ms, s, m, h")),
    };
    if !(0.001..=86_400.0).contains(&seconds) {
        return Err(format!("`{text}` is not between 1ms and 24h"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_have_units_and_bounds() {
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1500ms"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        for bad in ["", "s", "-1s", "2 weeks", "NaN", "inf", "0", "1e9"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn serve_is_the_default() {
        let cli = Cli::parse_from(["streamcore", "--rtmp-listen", "127.0.0.1:0", "--no-record"]);
        assert!(cli.command.is_none());
        assert!(cli.serve.app.record.recorders(&BTreeMap::new()).is_empty());
        assert_eq!(cli.serve.rtmp_listen.port(), 0);
        let cli = Cli::parse_from(["streamcore", "serve"]);
        let Some(Command::Serve(args)) = cli.command else { panic!("not serve") };
        assert_eq!(args.app.record.recorders(&BTreeMap::new()).len(), 1);
    }
}
