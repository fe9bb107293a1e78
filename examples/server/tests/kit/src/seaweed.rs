//! SeaweedFS: a real S3 server, which checks signatures.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::{Process, http, until};

const WEED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../target/tools/s3/bin/weed");
const LIMIT: Duration = Duration::from_secs(60);
const KEY: &str = "key-of-the-test";
/// The secret that it takes.
pub const SECRET: &str = "secret-of-the-test";
/// Its bucket.
pub const BUCKET: &str = "media";

/// The server with one bucket and one user. It is killed when the value is dropped.
pub struct Seaweed {
    _process: Process,
    /// Where it speaks S3.
    pub s3: SocketAddr,
    filer: SocketAddr,
    _folder: TempDir,
}

impl Seaweed {
    /// Starts it on free ports, and makes its bucket.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start() -> Self {
        let folder = crate::temp_dir();
        let config = folder.path().join("s3.json");
        write_users(&config);
        let [master, volume, filer, s3] = std::array::from_fn(|_| free_port());
        let words = format!(
            "server -ip=127.0.0.1 -ip.bind=127.0.0.1 -dir={} -master.telemetry=false -master.volumeSizeLimitMB=64 -volume.max=20 \
             -master.port={master} -volume.port={volume} -filer -filer.port={filer} -s3 -s3.port={s3} -s3.port.iceberg=0 -s3.port.lance=0 -s3.config={}",
            folder.path().display(),
            config.display()
        );
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let process = Process::start(WEED, &words);
        let started =
            Self { _process: process, s3: address(s3), filer: address(filer), _folder: folder };
        until("the bucket", LIMIT, || started.make_bucket());
        started.wait();
        started
    }

    fn wait(&self) {
        until("the S3 server", LIMIT, || TcpStream::connect(self.s3).ok());
    }

    fn make_bucket(&self) -> Option<()> {
        let mut stream = TcpStream::connect(self.filer).ok()?;
        write!(stream, "POST /buckets/{BUCKET}/ HTTP/1.0\r\nContent-Length: 0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.lines().next()?.contains(" 201").then_some(())
    }

    /// A program and its arguments that give the next program what it signs with.
    #[must_use]
    pub fn environment(secret: &str) -> [String; 3] {
        let key = format!("AWS_ACCESS_KEY_ID={KEY}");
        ["env".to_owned(), key, format!("AWS_SECRET_ACCESS_KEY={secret}")]
    }

    /// A file as it lies in the bucket.
    ///
    /// # Panics
    /// When the server is away.
    #[must_use]
    pub fn file(&self, path: &str) -> http::Response {
        http::get(self.filer, &format!("/buckets/{BUCKET}/{path}")).expect("an answer")
    }

    /// Names of what lies in a folder of the bucket; none where there is no such folder.
    ///
    /// # Panics
    /// When the server is away.
    #[must_use]
    pub fn names(&self, folder: &str) -> Vec<String> {
        let path = format!("/buckets/{BUCKET}/{folder}/");
        let json = [("Accept", "application/json")];
        let answer = http::get_with(self.filer, &path, &json).expect("an answer");
        let list: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let entries = list["Entries"].as_array().cloned().unwrap_or_default();
        let full = entries.iter().filter_map(|entry| entry["FullPath"].as_str());
        full.filter_map(|path| path.rsplit('/').next()).map(str::to_owned).collect()
    }
}

fn write_users(config: &Path) {
    let actions = r#"["Admin","Read","Write","List","Tagging"]"#;
    let user = format!(
        r#"{{"name":"test","credentials":[{{"accessKey":"{KEY}","secretKey":"{SECRET}"}}],"actions":{actions}}}"#
    );
    let text = format!(r#"{{"identities":[{user}]}}"#);
    std::fs::write(config, text).expect("its configuration is written");
}

/// A port that is free, and so is the one that the S3 server derives from it. Both lie below those that the system gives to clients: one who
/// tries such a port again and again until somebody listens would at last be given it as its own, be connected to itself, and keep it.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 2500).expect("less than 2500");
    until("a free port", LIMIT, || {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 2500;
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        (is_free(port) && is_free(port + 10_000)).then_some(port)
    })
}
