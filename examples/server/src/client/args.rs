//! Options of `publish` and `record`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::duration;

/// Options of `publish`.
#[derive(Clone, Debug, Args)]
pub struct PublishArgs {
    /// The FLV to send; - reads it from standard input.
    pub file: PathBuf,
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// Start over at the end, until it is stopped.
    #[arg(long = "loop")]
    pub rounds: bool,
    /// Times as fast as real time; 0 is as fast as the server takes it.
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
}

/// Options of `record`.
#[derive(Clone, Debug, Args)]
pub struct RecordArgs {
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// The FLV to write; it can be played while it grows.
    pub output: PathBuf,
    /// Stop after so much of the stream, for example 90s or 2m.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Replace a file that is there.
    #[arg(long)]
    pub overwrite: bool,
}

/// Options of the commands that are clients of a server.
#[derive(Clone, Debug, Args)]
pub struct ConnectArgs {
    /// rtmp:// or rtmps://[USER:PASSWORD@]HOST[:PORT]/APP/NAME. Of three or more parts the first two are the application.
    pub url: String,
    /// The application, where it is another part of the path: `--app a` with rtmp://host/a/b/c makes the name b/c.
    #[arg(long, value_name = "APP")]
    pub app: Option<String>,
    /// Times in a row to connect again when the connection is lost or refused, with growing pauses.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub reconnect: u32,
    /// Time to find the server and to open the connection.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub connect_timeout: Duration,
    /// Certificates in PEM of authorities to trust beside those of this machine (rtmps://).
    #[arg(long, value_name = "FILE", conflicts_with = "tls_insecure")]
    pub tls_ca: Option<PathBuf>,
    /// Trust any certificate (rtmps://): whoever stands between can read and change what is sent.
    #[arg(long)]
    pub tls_insecure: bool,
    /// Say what the server says, and what was tolerated in it.
    #[arg(short, long)]
    pub verbose: bool,
}

/// Reads a factor from 0 to 1000.
fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if (0.0..=1000.0).contains(&speed) {
        Ok(speed)
    } else {
        Err("it is not between 0 and 1000".into())
    }
}
