//! The server as a child process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::{Process, http, until};

/// The program is up, or has failed, well before.
const START: Duration = Duration::from_secs(20);

/// How to start the server.
pub struct ServerBuilder {
    binary: String,
    data: PathBuf,
    arguments: Vec<String>,
    wrapper: Vec<String>,
}

impl ServerBuilder {
    /// `binary` is `env!("CARGO_BIN_EXE_streamcore")`; recordings go below `data`.
    pub fn new(binary: &str, data: &Path) -> Self {
        Self {
            binary: binary.to_owned(),
            data: data.to_owned(),
            arguments: Vec::new(),
            wrapper: Vec::new(),
        }
    }

    /// Adds arguments after `serve`, separated by spaces.
    #[must_use]
    pub fn with(mut self, arguments: &str) -> Self {
        self.arguments.extend(arguments.split_whitespace().map(str::to_owned));
        self
    }

    /// Starts the server by a program that ends in `exec "$@"`.
    #[must_use]
    pub fn wrapped(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Starts the program on free ports unless arguments say otherwise, and waits for nothing.
    pub fn spawn(&self) -> Process {
        let mut words = self.wrapper.clone();
        words.extend([self.binary.clone(), "serve".to_owned(), "--data-dir".to_owned()]);
        words.push(self.data.to_str().expect("a path in UTF-8").to_owned());
        for option in ["--rtmp-listen", "--http-listen"] {
            if !self.arguments.iter().any(|argument| argument == option) {
                words.extend([option.to_owned(), "127.0.0.1:0".to_owned()]);
            }
        }
        words.extend(self.arguments.iter().cloned());
        let (program, arguments) = words.split_first().expect("a program");
        let mut command = Command::new(program);
        command.args(arguments).env("NO_COLOR", "1").env_remove("RUST_LOG");
        Process::spawn(command)
    }

    /// Starts the program and waits until it has said where it listens.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(&self) -> Server {
        let process = self.spawn();
        // Lines of the log may hold addresses, too.
        let line = |what: &str| {
            process.wait_line(what, 0, START, |line| line.trim_start().starts_with(what))
        };
        let (publish, watch) = (line("publish "), line("watch "));
        let server = Server {
            rtmp: loopback(port(&publish, "rtmp://")),
            rtmps: process
                .lines()
                .iter()
                .find(|line| line.contains("rtmps://"))
                .map(|line| loopback(port(line, "rtmps://"))),
            http: loopback(port(&watch, "http://")),
            data: self.data.clone(),
            process,
        };
        until("answer of /healthz", START, || {
            http::get(server.http, "/healthz").ok().filter(|response| response.status == 200)
        });
        server
    }
}

/// A running server; it is killed when the value is dropped.
pub struct Server {
    /// The program.
    pub process: Process,
    /// Where it takes RTMP.
    pub rtmp: SocketAddr,
    /// Where it takes RTMP over TLS, when it was told to.
    pub rtmps: Option<SocketAddr>,
    /// Where it answers HTTP.
    pub http: SocketAddr,
    data: PathBuf,
}

impl Server {
    /// Address of a stream for RTMP programs.
    pub fn rtmp_url(&self, path: &str) -> String {
        format!("rtmp://{}/{path}", self.rtmp)
    }

    /// Address of a stream for RTMP programs, over TLS.
    ///
    /// # Panics
    /// When the server was not told to listen for it.
    pub fn rtmps_url(&self, path: &str) -> String {
        format!("rtmps://{}/{path}", self.rtmps.expect("RTMPS is on"))
    }

    /// Address of a page or a stream.
    pub fn http_url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.http)
    }

    /// `data/recordings`.
    pub fn recordings_folder(&self) -> PathBuf {
        self.data.join("recordings")
    }

    /// Live streams as the interface tells them.
    pub fn streams(&self) -> Vec<Value> {
        self.list("streams")
    }

    /// Recordings as the interface tells them.
    pub fn recordings(&self) -> Vec<Value> {
        self.list("recordings")
    }

    /// The live stream of that name, `app/name`.
    pub fn stream(&self, path: &str) -> Option<Value> {
        self.streams().into_iter().find(|stream| stream["path"] == path)
    }

    /// Waits until the stream is live and its tracks are known.
    pub fn wait_live(&self, path: &str) -> Value {
        until(&format!("{path} is live"), START, || {
            self.stream(path)
                .filter(|stream| !(stream["video"].is_null() && stream["audio"].is_null()))
        })
    }

    /// Waits until the stream is no longer live.
    pub fn wait_ended(&self, path: &str) {
        until(&format!("end of {path}"), START, || self.stream(path).is_none().then_some(()));
    }

    /// Waits until the newest recording of `app/name` is an MP4, and gives it.
    ///
    /// # Panics
    /// When it is said to have failed, or does not come.
    pub fn wait_mp4(&self, path: &str) -> Value {
        until(&format!("MP4 of {path}"), Duration::from_secs(60), || {
            let recording =
                self.recordings().into_iter().find(|recording| path_of(recording) == path)?;
            assert_ne!(recording["state"], "failed", "{recording}");
            (recording["state"] == "done" && recording["mp4"].is_string()).then_some(recording)
        })
    }

    /// Files of a stream's recordings with that extension, oldest first: `mp4` those that are whole, `live.mp4` those that
    /// are being recorded.
    pub fn files(&self, path: &str, extension: &str) -> Vec<PathBuf> {
        let folder = self.recordings_folder().join(path);
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|file| has_extension(file, extension))
            .collect();
        files.sort();
        files
    }

    /// The only file of a stream's recordings with that extension.
    ///
    /// # Panics
    /// When there are none or several.
    pub fn file(&self, path: &str, extension: &str) -> PathBuf {
        let files = self.files(path, extension);
        assert_eq!(files.len(), 1, "{extension} files of {path}: {files:?}");
        files.into_iter().next().expect("one")
    }

    /// All pages of a list.
    fn list(&self, what: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/{what}?limit=100{cursor}");
            let response =
                http::get(self.http, &path).unwrap_or_else(|error| panic!("{path}: {error}"));
            let text = response.text();
            assert_eq!(response.status, 200, "{path}: {text}");
            let json: Value = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{path}: {error}: {text}"));
            let page = json["data"].as_array();
            all.extend(page.unwrap_or_else(|| panic!("{path} has no list: {text}")).clone());
            match json["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }
}

/// `app/name` of an item of the interface.
pub fn path_of(item: &Value) -> String {
    format!(
        "{}/{}",
        item["app"].as_str().unwrap_or_default(),
        item["name"].as_str().unwrap_or_default()
    )
}

fn has_extension(file: &Path, extension: &str) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.strip_suffix(extension).and_then(|stem| stem.strip_suffix('.'));
    stem.is_some_and(|stem| !stem.ends_with(".live"))
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Port of the first address with that scheme.
///
/// # Panics
/// When there is none.
pub fn port(line: &str, scheme: &str) -> u16 {
    let port = line.split_once(scheme).and_then(|(_, rest)| {
        let authority = rest.split(|c: char| c == '/' || c.is_whitespace()).next()?;
        authority.rsplit_once(':')?.1.parse().ok()
    });
    port.unwrap_or_else(|| panic!("no port in {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::port;

    #[test]
    fn ports_of_the_banner_are_read() {
        assert_eq!(
            port("  publish     rtmp://localhost:41935/live      stream key: any", "rtmp://"),
            41935
        );
        assert_eq!(port("  watch       http://localhost:8080/", "http://"), 8080);
    }
}
