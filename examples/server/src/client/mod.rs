//! The program as a client of RTMP servers: what `publish` and `record` share.

mod args;
mod publish;
mod record;
mod source;
mod timeline;

use std::fmt;
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use streamcore::driver::tokio::{
    Backoff, ClientClosed, ClientHandler, CloseReason, ConnectConfig, ConnectError, TlsConfig,
    run_client,
};
use streamcore::rtmp::session::{ClientConfig, ClientEvent, RtmpUrl};

pub use args::{ConnectArgs, PublishArgs, RecordArgs};
pub use publish::run as publish;
pub use record::run as record;

/// A connection that lasted so long came to something: the pauses before the next ones start over.
const LASTED: Duration = Duration::from_secs(10);

/// What became of one connection.
enum Outcome {
    /// All that was wanted is done.
    Done,
    /// It ended before that.
    Lost(String),
}

/// What the commands do with their connection.
trait Work: ClientHandler {
    /// Before each connection, to the place that is shown.
    fn begin(&mut self, place: &str);
    /// Whether all that was wanted is done.
    fn is_done(&self) -> bool;
    /// What the server said, where it said anything, in place of the driver's reason.
    fn said(&mut self) -> Option<String>;
    /// Whether media has gone over this connection.
    fn got_somewhere(&self) -> bool;
}

/// Connects, works, and connects again as often as asked.
async fn run_work<W: Work>(
    mut config: ClientConfig,
    args: &ConnectArgs,
    work: &mut W,
) -> anyhow::Result<()> {
    let connect = connect_config(args, &config.url)?;
    let (mut backoff, mut left) = (Backoff::default(), args.reconnect);
    let mut stop = std::pin::pin!(stop_signal());
    loop {
        let place = config.url.to_string();
        work.begin(&place);
        let started = tokio::time::Instant::now();
        let result = run_client(config.clone(), work, &connect, stop.as_mut()).await;
        let asked = result.as_ref().is_ok_and(|closed| closed.next.is_some());
        let reason = match outcome(work, &result) {
            Outcome::Done => return Ok(()),
            Outcome::Lost(reason) => hush(&reason, &config.url),
        };
        if let Ok(ClientClosed { next: Some(next), .. }) = result {
            config = next;
        }
        if work.got_somewhere() {
            left = args.reconnect;
            if started.elapsed() >= LASTED {
                backoff.reset();
            }
        }
        // A server that asks its client to come back is no failure.
        ensure!(left > 0 || asked, "{place}: {reason}");
        left = left.saturating_sub(u32::from(!asked));
        let pause = backoff.pause();
        eprintln!("{place}: {reason}; connecting again in {:.1} s", pause.as_secs_f64());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.as_mut() => return Ok(()),
        }
    }
}

fn outcome<W: Work>(work: &mut W, result: &Result<ClientClosed, ConnectError>) -> Outcome {
    let said = work.said();
    match result {
        Ok(ClientClosed { closed, .. }) if matches!(closed.reason, CloseReason::Stopped) => {
            Outcome::Done
        }
        // What was sent is with the server once the session has ended well, or the server has closed it then.
        Ok(ClientClosed { closed, .. })
            if work.is_done()
                && matches!(closed.reason, CloseReason::Session | CloseReason::Peer) =>
        {
            Outcome::Done
        }
        Ok(ClientClosed { closed, .. }) => {
            let found = match &closed.reason {
                CloseReason::Peer => "the server closed the connection".to_owned(),
                CloseReason::WriteTimeout => "the server takes no more bytes".to_owned(),
                CloseReason::Protocol(error) => error.to_string(),
                CloseReason::Io(error) => format!("the connection broke: {error}"),
                _ => "the session ended".to_owned(),
            };
            Outcome::Lost(said.unwrap_or(found))
        }
        Err(error @ ConnectError::Tls { .. }) => Outcome::Lost(format!(
            "{error} (--tls-ca names whom to trust, --tls-insecure trusts anybody)"
        )),
        Err(error) => Outcome::Lost(error.to_string()),
    }
}

/// Servers put the stream's name into their words, which is the key.
fn hush(text: &str, url: &RtmpUrl) -> String {
    let bare = url.name.split('?').next().unwrap_or_default();
    let names = [url.name.as_str(), bare].into_iter().filter(|name| name.len() > 2);
    names.fold(text.to_owned(), |text, name| text.replace(name, "…"))
}

/// The URL, with the application where one is named.
fn parse_url(args: &ConnectArgs) -> anyhow::Result<RtmpUrl> {
    // The text may hold a key: only the reason is shown.
    let mut url = RtmpUrl::parse(&args.url)
        .map_err(|error| anyhow::anyhow!("not a URL of an RTMP server: {}", error.field()))?;
    if let Some(app) = &args.app {
        let path =
            if url.name.is_empty() { url.app.clone() } else { format!("{}/{}", url.app, url.name) };
        let app = app.trim_matches('/');
        let name = path.strip_prefix(app).and_then(|rest| rest.strip_prefix('/'));
        url.name = name
            .with_context(|| format!("the path of the URL does not begin with {app}/"))?
            .to_owned();
        url.app = app.to_owned();
    }
    Ok(url)
}

fn connect_config(args: &ConnectArgs, url: &RtmpUrl) -> anyhow::Result<ConnectConfig> {
    let mut config = ConnectConfig::default();
    config.connect_timeout = args.connect_timeout;
    if args.tls_insecure {
        config.tls = Some(TlsConfig::insecure()?);
    } else if let Some(file) = &args.tls_ca {
        let shown = file.display();
        let pem = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
        config.tls =
            Some(TlsConfig::new(Some(&pem)).with_context(|| format!("cannot use {shown}"))?);
    } else if url.tls {
        config.tls = Some(TlsConfig::new(None)?);
    }
    Ok(config)
}

/// Completes at the first Ctrl-C or SIGTERM; a second one ends the program at once.
async fn stop_signal() {
    crate::serve::signal().await;
    tokio::spawn(async {
        crate::serve::signal().await;
        std::process::exit(130);
    });
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// What an event means for whoever reads the terminal, where it ends the session.
fn last_words(event: &ClientEvent) -> Option<String> {
    Some(match event {
        ClientEvent::Rejected { code, description } => {
            let words = [code.as_str(), description.as_str()];
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            format!(
                "the server refuses: {}",
                if words.is_empty() { "no reason given".into() } else { words.join(": ") }
            )
        }
        ClientEvent::Redirect { .. } => "the server sends on to another one".to_owned(),
        ClientEvent::Authenticate => "the server wants user and password".to_owned(),
        ClientEvent::ReconnectRequest { .. } => "the server asks to connect again".to_owned(),
        _ => return None,
    })
}

/// Says on request what is of interest only when something is wrong.
fn remark(verbose: bool, event: &ClientEvent) {
    if !verbose {
        return;
    }
    match event {
        ClientEvent::Connected(server) => eprintln!("connected: {}", server.version),
        // The code alone: the description may name the stream.
        ClientEvent::Status(status) => eprintln!("the server says {}", status.code),
        ClientEvent::Redirect { url } => match RtmpUrl::parse(url) {
            Ok(url) => eprintln!("the server sends on to {url}"),
            Err(_) => eprintln!("the server sends on"),
        },
        ClientEvent::Authenticate => eprintln!("the server asks for the password"),
        ClientEvent::Notice(notice) => eprintln!("tolerated: {notice}"),
        _ => {}
    }
}

/// Media time and bytes that went over the connection, on a terminal only.
struct Progress {
    bar: ProgressBar,
    bytes: u64,
}

impl Progress {
    fn new(verb: &'static str) -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::no_length()
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(verb);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, bytes: 0 }
    }

    /// Media up to `millis` since the start, and so many bytes more.
    fn add(&mut self, millis: i64, bytes: usize) {
        self.bytes += bytes as u64;
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{}  {}", Clock(millis), Size(self.bytes)));
        }
    }

    /// A line above the figures.
    fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Milliseconds as `1:02:03.4`.
struct Clock(i64);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.max(0) / 100;
        let (hours, minutes) = (tenths / 36_000, tenths / 600 % 60);
        write!(f, "{hours}:{minutes:02}:{:02}.{}", tenths / 10 % 60, tenths % 10)
    }
}

/// Bytes as `12.3 MB`.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MB", self.0 as f64 / 1e6)
    }
}

/// A file as messages name it.
fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

#[cfg(test)]
mod tests;
