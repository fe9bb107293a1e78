//! The server as a child process, a raw HTTP client and an RTMP client on the core's public parts.
#![allow(dead_code, reason = "each test program uses some of it")]

pub mod api;
pub mod assets;
pub mod bad;
pub mod client;
pub mod flv;
pub mod stuck;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Well past what anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "gave up on: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A running server. It is killed when the value is dropped.
pub struct Server {
    child: Child,
    pub rtmp: SocketAddr,
    /// Where it takes RTMP over TLS, if it does.
    pub rtmps: Option<SocketAddr>,
    pub http: SocketAddr,
    pub data: PathBuf,
    /// What it says on standard output at its start.
    pub banner: String,
    log: Arc<Mutex<String>>,
}

pub fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamcore"));
    command.arg("serve").arg("--data-dir").arg(data);
    for option in ["--rtmp-listen", "--http-listen"] {
        if !arguments.contains(&option) {
            command.args([option, "127.0.0.1:0"]);
        }
    }
    command.args(arguments).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

impl Server {
    pub fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::spawn(data, command(data, arguments))
    }

    /// The same as the end of a shell script, which has the command as `"$@"`.
    pub fn start_with(data: &Path, arguments: &[&str], script: &str) -> Self {
        let inner = command(data, arguments);
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(inner.get_program()).args(inner.get_args());
        command.env_remove("RUST_LOG").stdin(Stdio::null());
        Self::spawn(data, command)
    }

    fn spawn(data: &Path, mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (kept, errors) = (log.clone(), child.stderr.take().expect("a pipe"));
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                *kept.lock().expect("the log") += &(line + "\n");
            }
        });
        let mut banner = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        while !banner.contains("recordings") {
            assert_ne!(lines.read_line(&mut banner).expect("the banner"), 0, "no banner: {banner}");
        }
        let port = |scheme: &str| {
            let digits = banner.split_once(scheme)?.1.split_once(':')?.1;
            let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
            Some(SocketAddr::from(([127, 0, 0, 1], digits.parse().ok()?)))
        };
        let rtmps = port("rtmps://");
        let [rtmp, http] = ["rtmp://", "http://"].map(|scheme| port(scheme).expect("an address"));
        Self { child, rtmp, rtmps, http, data: data.to_owned(), banner, log }
    }

    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    pub fn wait_log(&self, text: &str) -> String {
        until(text, || self.log().lines().find(|line| line.contains(text)).map(str::to_owned))
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent =
            Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill runs");
        assert!(sent.success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        until("end of the server", || self.child.try_wait().expect("a child"))
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    }

    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path, "")
    }

    /// One request; `headers` with their line ends.
    pub fn request(&self, method: &str, path: &str, headers: &str) -> Response {
        request(self.http, method, path, headers)
    }

    pub fn json(&self, path: &str) -> Value {
        let response = self.get(path);
        assert_eq!(response.status, 200, "{path}");
        serde_json::from_slice(&response.body).expect("JSON")
    }

    pub fn stream(&self, path: &str) -> Option<Value> {
        let list = self.json("/api/v1/streams?limit=100");
        list["data"].as_array().expect("a list").iter().find(|item| item["path"] == path).cloned()
    }

    pub fn wait_live(&self, path: &str) -> Value {
        until("live", || self.stream(path).filter(|stream| !stream["video"].is_null()))
    }

    pub fn wait_state(&self, state: &str) -> Value {
        until(state, || {
            let list = self.json("/api/v1/recordings?limit=100");
            list["data"]
                .as_array()
                .expect("a list")
                .iter()
                .find(|item| item["state"] == state)
                .cloned()
        })
    }

    /// Recordings with this extension: `mp4` those that are whole, `live.mp4` those that are being recorded.
    pub fn files(&self, extension: &str) -> Vec<PathBuf> {
        let wanted = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let stem = name.strip_suffix(extension).and_then(|stem| stem.strip_suffix('.'));
            stem.is_some_and(|stem| !stem.ends_with(".live"))
        };
        let mut files = Vec::new();
        let mut folders = vec![self.data.join("recordings")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if wanted(&path) {
                    files.push(path);
                }
            }
        }
        files
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("log of the server:\n{}", self.log());
        }
    }
}

/// One request on a connection of its own; `headers` with their line ends.
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &str) -> Response {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n")
        .expect("the request is taken");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an end of the head");
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let status =
        head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).expect("a status");
    Response { status, head, body: bytes[end + 4..].to_vec() }
}

pub struct Response {
    pub status: u16,
    /// Status line and headers in lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Bytes that a real encoder sent, from C0 to its last.
pub fn capture(name: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What `probe --json` says of a file.
pub fn probe(file: &Path) -> Value {
    try_probe(file).unwrap_or_else(|| panic!("{} cannot be read", file.display()))
}

/// The same; `None` where the file cannot be read.
pub fn try_probe(file: &Path) -> Option<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamcore"));
    let output = command.arg("probe").arg(file).arg("--json").output().expect("probe runs");
    output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
}
