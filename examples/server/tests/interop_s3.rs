//! HLS in a bucket of a real S3 server, which checks signatures: stored, read back, away for a while, and with a wrong key.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::client::{Client, picture, video_header};
use kit::{Process, Server, ServerBuilder, http, until};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const WEED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/s3/bin/weed");
const LIMIT: Duration = Duration::from_secs(60);
const KEY: &str = "key-of-the-test";
const SECRET: &str = "secret-of-the-test";
const BUCKET: &str = "media";

/// A port that is free, and so is the one that the S3 server derives from it.
fn free_port() -> u16 {
    until("a free port", LIMIT, || {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let other = port.checked_add(10_000)?;
        TcpListener::bind(("127.0.0.1", other)).ok().map(|_| port)
    })
}

/// SeaweedFS with one bucket and one user.
struct S3 {
    _process: Process,
    s3: SocketAddr,
    filer: SocketAddr,
}

impl S3 {
    fn start(folder: &Path) -> Self {
        let config = folder.join("s3.json");
        let actions = r#"["Admin","Read","Write","List","Tagging"]"#;
        let user = format!(
            r#"{{"name":"test","credentials":[{{"accessKey":"{KEY}","secretKey":"{SECRET}"}}],"actions":{actions}}}"#
        );
        std::fs::write(&config, format!(r#"{{"identities":[{user}]}}"#)).unwrap();
        let [master, volume, filer, s3] = std::array::from_fn(|_| free_port());
        let words = format!(
            "server -ip=127.0.0.1 -ip.bind=127.0.0.1 -dir={} -master.telemetry=false -master.volumeSizeLimitMB=64 -volume.max=20 \
             -master.port={master} -volume.port={volume} -filer -filer.port={filer} -s3 -s3.port={s3} -s3.config={}",
            folder.display(),
            config.display()
        );
        let process = Process::start(WEED, words.split_whitespace());
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let started = Self { _process: process, s3: address(s3), filer: address(filer) };
        until("the bucket", LIMIT, || started.make_bucket());
        until("the S3 server", LIMIT, || TcpStream::connect(started.s3).ok());
        started
    }

    fn make_bucket(&self) -> Option<()> {
        let mut stream = TcpStream::connect(self.filer).ok()?;
        write!(stream, "POST /buckets/{BUCKET}/ HTTP/1.0\r\nContent-Length: 0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.lines().next()?.contains(" 201").then_some(())
    }

    /// A file as it lies in the bucket.
    fn file(&self, path: &str) -> http::Response {
        http::get(self.filer, &format!("/buckets/{BUCKET}/{path}")).unwrap()
    }
}

/// A way to a server that can be cut.
struct Way {
    addr: SocketAddr,
    open: Arc<AtomicBool>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
}

impl Way {
    fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let open = Arc::new(AtomicBool::new(true));
        let sockets = Arc::<Mutex<Vec<TcpStream>>>::default();
        let (is_open, kept) = (open.clone(), sockets.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(target) else { continue };
                if !is_open.load(Ordering::SeqCst) {
                    continue;
                }
                let both = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                kept.lock().unwrap().extend(both);
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                for (mut from, mut to) in [(client, server), back] {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        Self { addr, open, sockets }
    }

    fn set(&self, open: bool) {
        self.open.store(open, Ordering::SeqCst);
        if !open {
            let sockets = std::mem::take(&mut *self.sockets.lock().unwrap());
            sockets.iter().for_each(|socket| _ = socket.shutdown(Shutdown::Both));
        }
    }
}

fn server(data: &Path, way: &Way, secret: &str) -> Server {
    let options = format!(
        "--no-record --hls-segment-duration 1s --hls-store-after 2s --hls-window 10m --hls-reconnect 1ms \
         --hls-store=s3://{BUCKET}/hls/all?endpoint=http://{}&region=us-east-1",
        way.addr
    );
    let key = format!("AWS_ACCESS_KEY_ID={KEY}");
    let secret = format!("AWS_SECRET_ACCESS_KEY={secret}");
    ServerBuilder::new(BINARY, data).with(&options).wrapped(&["env", &key, &secret]).start()
}

fn publisher(server: &Server) -> Client {
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher
}

/// Seconds from `from` to `to`, at once.
fn send(publisher: &mut Client, from: u32, to: u32) {
    for n in 25 * from..25 * to {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
}

/// Waits until the store has come so far.
fn wait(server: &Server, what: &str, mut is: impl FnMut(u64, u64) -> bool) -> Value {
    until(what, LIMIT, || {
        let store = server.stream("live/demo")?["store"].clone();
        is(store["stored_segments"].as_u64()?, store["waiting_segments"].as_u64()?).then_some(store)
    })
}

#[test]
fn a_bucket_takes_hls_goes_away_comes_back_and_gives_it() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let s3 = S3::start(folder.path());
    let way = Way::to(s3.s3);
    let server = server(data.path(), &way, SECRET);
    let mut publisher = publisher(&server);
    send(&mut publisher, 0, 12);
    wait(&server, "all are stored", |stored, _| stored == 11);
    send(&mut publisher, 12, 13);
    let store = wait(&server, "that too", |stored, _| stored == 12);
    let get = |name: &str, headers: &[(&str, &str)]| {
        http::get_with(server.http, &format!("/live/demo/{name}"), headers).unwrap()
    };
    let listed = get("video.m3u8", &[]).text();
    let names: Vec<&str> = listed.lines().filter(|line| !line.starts_with('#')).collect();
    let (oldest, newest) = (names[0], names[11]);
    let in_bucket = format!("hls/all/{}", store["folder"].as_str().unwrap());
    let whole = get(oldest, &[]);
    assert!(whole.status == 200 && whole.body == s3.file(&format!("{in_bucket}/{oldest}")).body);
    let range = get(oldest, &[("Range", "bytes=100-299")]);
    assert!(range.status == 206 && range.body == whole.body[100..300]);

    way.set(false);
    send(&mut publisher, 13, 18);
    let store = wait(&server, "five wait", |_, waiting| waiting == 5);
    let away = until("the error is shown", LIMIT, || {
        let stream = server.stream("live/demo")?;
        (!stream["problems"].as_array()?.is_empty()).then_some(stream["problems"].to_string())
    });
    assert!(away.contains("HLS is not being stored for now"), "{away}");
    assert_eq!(store["missing_segments"], 0);
    assert_eq!(get(newest, &[]).status, 200, "live goes on");
    assert_eq!(get(oldest, &[]).status, 503);
    way.set(true);
    wait(&server, "what waited is stored", |stored, waiting| (stored, waiting) == (17, 0));
    assert!(get(oldest, &[]).body == whole.body);

    drop(publisher);
    let playlist = until("the end is stored", LIMIT, || {
        let file = s3.file(&format!("{in_bucket}/video.m3u8"));
        file.text().ends_with("#EXT-X-ENDLIST\n").then_some(file)
    });
    let text = playlist.text();
    assert!(text.contains("#EXT-X-PLAYLIST-TYPE:VOD\n") && !text.contains("GAP"), "{text}");
    assert_eq!(text.matches("#EXTINF").count(), 18, "{text}");
    assert_eq!(playlist.header("content-type"), Some("application/vnd.apple.mpegurl"));
    assert_eq!(playlist.header("cache-control"), Some("no-cache"));
    let segment = s3.file(&format!("{in_bucket}/{oldest}"));
    assert_eq!(segment.header("content-type"), Some("video/mp4"));
    assert_eq!(segment.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let by_server = store["hls"].as_str().unwrap().replace("index.m3u8", "video.m3u8");
    assert_eq!(http::get(server.http, &by_server).unwrap().text(), text);
}

#[test]
fn a_wrong_key_is_said() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let s3 = S3::start(folder.path());
    let way = Way::to(s3.s3);
    let server = server(data.path(), &way, "wrong");
    let mut publisher = publisher(&server);
    send(&mut publisher, 0, 3);
    // At first the S3 server may not be up.
    until("the refusal", LIMIT, || {
        let error = server.stream("live/demo")?["store"]["error"].as_str()?.to_owned();
        (error.contains("403") || error.contains("SignatureDoesNotMatch")).then_some(())
    });
    assert!(!server.process.text().contains("wrong"), "no secret in the log");
}
