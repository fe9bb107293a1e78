//! The server is killed at any moment of broadcasts: nothing that it had told of, finished or queued is lost, and nothing is told twice.
//!
//! `STREAMCORE_KILLS=25` kills it as often, with a real S3 server as its bucket, at moments that `STREAMCORE_SEED` makes others
//! (`make soak-scenario`).

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kit::flv::{self, Tag};
use kit::numbers::{Numbers, setting};
use kit::receiver::{Answer, Receiver};
use kit::rtmp::Client;
use kit::seaweed::{BUCKET, SECRET, Seaweed};
use kit::source::Film;
use kit::{Process, Server, ServerBuilder, TempDir, http, packets, until};
use serde_json::{Value, json};

use super::events::{self, Events};
use crate::common;
use crate::common::assets::{key, sha256};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(60);
/// A server lives no longer before it is killed, milliseconds: some broadcasts.
const LIFE: u64 = 4000;

/// Where recordings go.
enum Bucket {
    Folder(TempDir),
    S3(Seaweed),
}

impl Bucket {
    fn url(&self) -> String {
        match self {
            Self::Folder(folder) => folder.path().display().to_string(),
            Self::S3(s3) => format!("s3://{BUCKET}?endpoint=http://{}&region=us-east-1", s3.s3),
        }
    }

    fn object(&self, key: &str) -> Vec<u8> {
        match self {
            Self::Folder(folder) => std::fs::read(folder.path().join(key)).unwrap_or_default(),
            Self::S3(s3) => s3.file(key).body,
        }
    }

    /// How many there are of the stream at this path.
    fn count(&self, path: &str) -> usize {
        match self {
            Self::Folder(folder) => {
                std::fs::read_dir(folder.path().join(path)).map_or(0, Iterator::count)
            }
            Self::S3(s3) => s3.names(path).len(),
        }
    }
}

/// What servers of one data folder are started with, one after the other, and what was made in the first.
struct Stage {
    data: TempDir,
    bucket: Bucket,
    events: Events,
    hook: Receiver,
    /// Of the live stream: its id, its key and the path that it plays at.
    id: String,
    key: String,
    path: String,
    tags: Vec<Tag>,
}

/// What a server said shortly before it was killed.
#[derive(Default)]
struct Said {
    assets: HashSet<String>,
    finished: HashSet<String>,
    events: HashSet<String>,
}

fn list(server: SocketAddr, what: &str) -> Option<Vec<Value>> {
    let answer = http::get(server, &format!("/api/v1/{what}")).ok()?;
    let list: Value = serde_json::from_slice(&answer.body).ok()?;
    list["data"].as_array().cloned()
}

/// All pages of a list.
fn all(server: SocketAddr, what: &str) -> Option<Vec<Value>> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = http::get(server, &format!("/api/v1/{what}?limit=100{cursor}")).ok()?;
        let page: Value = serde_json::from_slice(&answer.body).ok()?;
        all.extend(page["data"].as_array()?.clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Some(all),
        }
    }
}

fn ids(list: Option<Vec<Value>>, name: &str) -> impl Iterator<Item = String> {
    let text = move |item: Value| item[name].as_str().map(str::to_owned);
    list.unwrap_or_default().into_iter().filter_map(text)
}

impl Said {
    /// Looks at what there is. What it does not come to say does not count.
    fn look(&mut self, server: SocketAddr) {
        self.assets.extend(ids(list(server, "assets?limit=100"), "id"));
        self.events.extend(ids(list(server, "events?limit=100"), "id"));
        let done = list(server, "recordings?limit=100").unwrap_or_default().into_iter();
        let done: Vec<_> = done.filter(|one| one["state"] == "done").collect();
        self.finished.extend(ids(Some(done), "mp4"));
    }
}

impl Stage {
    fn new(bucket: Bucket, film: Film) -> Self {
        let data = kit::temp_dir();
        // One attempt in seven is refused.
        let events = Events::start(|attempt| (attempt % 7 == 3).then_some(503));
        let hook = Receiver::start(|_| Answer::status(200));
        let first = common::Server::start(data.path(), &[]);
        let made = common::api::create(&first, &json!({ "reconnect_window": 1 }));
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let (id, key) = (text(&made["id"]), text(&made["stream_key"]));
        let path = format!("live/{}", text(&made["playback_ids"][0]["id"]));
        Self { data, bucket, events, hook, id, key, path, tags: flv::read(&film.flv(FILMS)) }
    }

    fn builder(&self) -> ServerBuilder {
        let options = format!(
            "--webhook {} --webhook-secret {} --webhook-backoff 20ms --on-publish {} --upload {}",
            self.events.url(),
            events::SECRET,
            self.hook.url("hook"),
            self.bucket.url()
        );
        let environment = Seaweed::environment(SECRET);
        ServerBuilder::new(BINARY, self.data.path())
            .with(&options)
            .wrapped(&environment.each_ref().map(String::as_str))
    }

    /// Starts a server, broadcasts, and kills it at `moment`, counted from its start.
    fn kill_at(&self, moment: Duration, said: &mut Said, ended: &AtomicU32) {
        let began = Instant::now();
        let server = self.builder().spawn();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while let Some(whole) = self.broadcast(&server, &stop) {
                    ended.fetch_add(u32::from(whole), Ordering::Relaxed);
                }
            });
            std::thread::sleep(moment.saturating_sub(began.elapsed()));
            if let Some(web) = address(&server, "http://") {
                said.look(web);
            }
            server.signal("KILL");
            stop.store(true, Ordering::Relaxed);
        });
    }

    /// One broadcast whose publisher is cut off in the middle, and comes back. Says whether it came to its end; `None` once the server is gone.
    fn broadcast(&self, server: &Process, stop: &AtomicBool) -> Option<bool> {
        let rtmp = loop {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            match address(server, "rtmp://") {
                Some(rtmp) => break rtmp,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        let half = self.tags.partition_point(|tag| tag.timestamp < 700);
        for part in [&self.tags[..half], &self.tags[..half * 2]] {
            let mut client = Client::connect(rtmp, "live").ok()?;
            if client.publish(&self.key).ok()? != "NetStream.Publish.Start" {
                return Some(false);
            }
            let mut publisher = client.into_publisher();
            publisher.send_paced(part, 1, || !stop.load(Ordering::Relaxed)).ok()?;
            if part.len() > half {
                publisher.finish(&self.key).ok()?;
            }
        }
        Some(true)
    }

    /// Lets a server do what is left, and looks at all that there is. Gives how many recordings there are.
    fn settle(&self, said: &Said, kills: usize) -> usize {
        let server = self.builder().start();
        let assets = until("all is told and uploaded", LIMIT, || self.settled(&server));
        let (ids, urls): (HashSet<_>, HashSet<_>) = assets
            .iter()
            .map(|asset| ["id", "url"].map(|name| asset[name].as_str().expect("a text").to_owned()))
            .map(|[id, url]| (id, url))
            .unzip();
        assert!(said.assets.is_subset(&ids), "rows are lost: {:?}", said.assets.difference(&ids));
        assert!(
            said.finished.is_subset(&urls),
            "recordings are lost: {:?}",
            said.finished.difference(&urls)
        );
        let scratch = self.data.path().join("object.mp4");
        for asset in &assets {
            let object = self.bucket.object(&key(asset));
            assert_eq!(asset["sha256"], sha256(&object), "{asset}");
            assert_eq!(asset["live_stream_id"], self.id, "{asset}");
            std::fs::write(&scratch, object).expect("a file");
            assert!(!packets::probe(&scratch).video.is_empty(), "{asset}");
        }
        assert_eq!(self.bucket.count(&self.path), assets.len(), "one object a recording");
        let left: Vec<PathBuf> =
            ["mp4", "live.mp4"].into_iter().flat_map(|end| server.files(&self.path, end)).collect();
        assert!(left.is_empty(), "{left:?}");
        self.assert_told(&server, said, &assets, kills);
        assets.len()
    }

    /// The recordings, once there is nothing to do any more.
    fn settled(&self, server: &Server) -> Option<Vec<Value>> {
        let assets = all(server.http, "assets")?;
        let recordings = server.recordings();
        assert!(recordings.iter().all(|one| one["state"] != "failed"), "{recordings:?}");
        let rests = |asset: &Value| asset["state"] == "uploaded" && asset["local"] == false;
        let whole = assets.iter().all(rests) && recordings.iter().all(|one| one["state"] == "done");
        let taken = self.events.taken();
        let last = events::types(&taken, &self.id);
        let told = assets.iter().all(|asset| {
            events::types(&taken, asset["id"].as_str().unwrap_or_default())
                .contains(&"live_stream_completed")
        });
        let waits = list(server.http, "events?state=pending")?;
        (whole && told && waits.is_empty() && last.last() == Some(&"idle")).then_some(assets)
    }

    /// Each event was taken, in order, and again at most where a kill came between its delivery and the note of it.
    fn assert_told(&self, server: &Server, said: &Said, assets: &[Value], kills: usize) {
        let listed: Vec<_> =
            all(server.http, "events").expect("a list").into_iter().rev().collect();
        let mut taken = self.events.taken();
        let before = taken.len();
        taken.dedup_by(|one, last| one["id"] == last["id"]);
        assert!(
            before - taken.len() <= kills,
            "{} came twice in {kills} kills",
            before - taken.len()
        );
        let ids = |events: &[Value]| {
            events
                .iter()
                .map(|event| event["id"].as_str().expect("an id").to_owned())
                .collect::<Vec<_>>()
        };
        let known: HashSet<String> = ids(&listed).into_iter().collect();
        assert!(
            said.events.is_subset(&known),
            "events are lost: {:?}",
            said.events.difference(&known)
        );
        // The first server had nobody to tell: it made the live stream.
        let listed: Vec<_> = listed
            .into_iter()
            .filter(|event| event["type"] != "video.live_stream.created")
            .collect();
        assert_eq!(ids(&taken), ids(&listed), "each once, in order");
        for asset in assets {
            let id = asset["id"].as_str().expect("an id");
            assert_eq!(events::types(&taken, id), ["ready", "live_stream_completed"], "{asset}");
        }
        // What may follow what.
        let of = events::types(&taken, &self.id);
        for (step, next) in of.iter().zip(&of[1..]) {
            let may = match *step {
                "connected" => vec!["recording", "active", "disconnected"],
                "recording" => vec!["active", "disconnected"],
                "active" => vec!["disconnected"],
                "disconnected" => vec!["connected", "idle"],
                _ => vec!["connected"],
            };
            assert!(may.contains(next), "{next} behind {step}: {of:?}");
        }
    }
}

/// Where the server listens, once it has said so.
fn address(server: &Process, scheme: &str) -> Option<SocketAddr> {
    let line = server
        .lines()
        .into_iter()
        .find(|line| line.trim_start().starts_with(['p', 'w']) && line.contains(scheme))?;
    Some(SocketAddr::from(([127, 0, 0, 1], kit::server::port(&line, scheme))))
}

#[test]
fn d_31_a_server_killed_at_any_moment_of_a_broadcast_loses_no_recording_upload_or_event() {
    let kills = setting("STREAMCORE_KILLS");
    let bucket = match kills {
        Some(_) => Bucket::S3(Seaweed::start()),
        None => Bucket::Folder(kit::temp_dir()),
    };
    let kills = kills.unwrap_or(2);
    let stage = Stage::new(bucket, Film { kilobits: 6000, ..Film::new(8) });
    let (mut numbers, mut said, ended) = (Numbers::new(), Said::default(), AtomicU32::new(0));
    for _ in 0..kills {
        stage.kill_at(Duration::from_millis(numbers.below(LIFE)), &mut said, &ended);
    }
    let kills = usize::try_from(kills).expect("some");
    let assets = stage.settle(&said, kills);
    // One line, which scripts/soak-scenario reads.
    println!(
        "kills: {kills}, broadcasts that ended: {}, recordings: {assets}, events: {}",
        ended.load(Ordering::Relaxed),
        stage.events.taken().len()
    );
}
