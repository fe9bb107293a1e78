//! HLS in a store: a folder that is there, and one that is away for a while.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::path::{Path, PathBuf};

use common::client::{Client, picture, video_header};
use common::{Server, until};
use serde_json::Value;

/// Segments of a second, of which two stay in memory but for the newest six.
const OPTIONS: [&str; 8] = [
    "--no-record",
    "--hls-segment-duration",
    "1s",
    "--hls-store",
    "--hls-store-after",
    "2s",
    "--hls-window",
    "10m",
];

struct Live {
    server: Server,
    publisher: Client,
    sent: u32,
}

impl Live {
    fn start(data: &Path, options: &[&str]) -> Self {
        let server = Server::start(data, &[&OPTIONS[..], options].concat());
        let publisher = publisher(&server, "demo");
        Self { server, publisher, sent: 0 }
    }

    /// So many seconds of 25 pictures, at once.
    fn send(&mut self, seconds: u32, bytes: usize) {
        for n in self.sent..self.sent + 25 * seconds {
            self.publisher.send(9, 1, n * 40, picture(n % 25 == 0, bytes));
        }
        self.sent += 25 * seconds;
    }

    fn store(&self) -> Value {
        self.server.stream("live/demo").map_or(Value::Null, |stream| stream["store"].clone())
    }

    /// Waits until the store has come so far.
    fn wait(&self, what: &str, mut is: impl FnMut(u64, u64, u64) -> bool) -> Value {
        until(what, || {
            let store = self.store();
            let [stored, waiting, missing] = ["stored", "waiting", "missing"]
                .map(|name| store[format!("{name}_segments")].as_u64());
            is(stored?, waiting?, missing?).then_some(store)
        })
    }

    /// Says the end, and waits until the store says it.
    fn finish(self, folder: &Path) -> (Server, String) {
        drop(self.publisher);
        let server = self.server;
        let text = until("the end is stored", || {
            let text = std::fs::read_to_string(folder.join("video.m3u8")).ok()?;
            text.ends_with("#EXT-X-ENDLIST\n").then_some(text)
        });
        (server, text)
    }
}

fn publisher(server: &Server, name: &str) -> Client {
    let mut publisher = Client::publish(server.rtmp, name);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher
}

/// Names of segments in a playlist, in order, and whether each is a gap.
fn segments(text: &str) -> Vec<(String, bool)> {
    let mut gap = false;
    let mut found = Vec::new();
    for line in text.lines() {
        gap |= line == "#EXT-X-GAP";
        if !line.starts_with('#') {
            found.push((line.to_owned(), std::mem::take(&mut gap)));
        }
    }
    found
}

fn folder_of(data: &Path, store: &Value) -> PathBuf {
    data.join("hls").join(store["folder"].as_str().unwrap())
}

#[test]
fn who_goes_back_further_than_memory_is_served_from_the_store() {
    let data = tempfile::tempdir().unwrap();
    let mut live = Live::start(data.path(), &[]);
    live.send(30, 1000);
    live.wait("all are stored", |stored, _, _| stored == 29);
    // What is stored leaves memory with the next segment.
    live.send(1, 1000);
    let store = live.wait("that too", |stored, _, _| stored == 30);
    let folder = folder_of(data.path(), &store);
    let text = String::from_utf8(live.server.get("/live/demo/video.m3u8").body).unwrap();
    let listed = segments(&text);
    assert_eq!(listed.len(), 30, "the window is longer than memory:\n{text}");
    let (oldest, newest) = (&listed[0].0, &listed[29].0);
    let stored = std::fs::read(folder.join(oldest)).unwrap();
    let get = |name: &str, headers: &str| {
        live.server.request("GET", &format!("/live/demo/{name}"), headers)
    };
    // Other bytes in the store show where an answer comes from.
    let marked: Vec<u8> = stored.iter().map(|byte| !byte).collect();
    for name in [oldest, newest] {
        std::fs::write(folder.join(name), &marked).unwrap();
    }
    assert!(get(newest, "").body != marked, "the newest is in memory");
    let answer = get(oldest, "");
    assert!(answer.status == 200 && answer.body == marked, "{}", answer.head);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(answer.header("content-type"), Some("video/mp4"));
    assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("content-length"), Some(&*marked.len().to_string()));
    let etag = answer.header("etag").unwrap();
    let same = get(oldest, &format!("If-None-Match: {etag}\r\n"));
    assert_eq!((same.status, same.body.len()), (304, 0));
    let range = get(oldest, "Range: bytes=10-19\r\n");
    assert_eq!((range.status, &*range.body), (206, &marked[10..20]));
    let said = format!("bytes 10-19/{}", marked.len());
    assert_eq!(range.header("content-range"), Some(&*said));
    assert_eq!(get(oldest, "Range: bytes=-5\r\n").body, marked[marked.len() - 5..]);
    assert_eq!(get(oldest, "Range: bytes=10-19\r\nIf-Range: \"other\"\r\n").status, 200);
    assert_eq!(get(oldest, "Range: bytes=999999999-\r\n").status, 416);
    let head = live.server.request("HEAD", &format!("/live/demo/{oldest}"), "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(&*marked.len().to_string()));
    for absent in ["video_1.m4s", "video_99999999999999.m4s", "..%2Fvideo.m3u8", "audio_1.m4s"] {
        assert_eq!(get(absent, "").status, 404, "{absent}");
    }
}

#[test]
fn a_broadcast_that_is_over_plays_from_its_folder_by_any_server() {
    let data = tempfile::tempdir().unwrap();
    let mut live = Live::start(data.path(), &["--hls-reconnect", "1ms"]);
    live.send(5, 1000);
    let store = live.wait("some are stored", |stored, _, _| stored >= 3);
    let folder = folder_of(data.path(), &store);
    // While it goes on the playlist grows.
    let growing = until("a playlist", || std::fs::read_to_string(folder.join("video.m3u8")).ok());
    assert!(growing.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n") && !growing.contains("ENDLIST"));
    let (server, text) = live.finish(&folder);
    assert!(text.contains("#EXT-X-PLAYLIST-TYPE:VOD\n"), "{text}");
    assert_eq!(segments(&text).len(), 5, "{text}");
    for (name, gap) in segments(&text) {
        assert!(!gap && folder.join(&name).is_file(), "{name}");
    }
    let mpd = until("the MPD", || {
        let mpd = std::fs::read_to_string(folder.join("index.mpd")).ok()?;
        mpd.contains("mediaPresentationDuration=\"PT5.000S\"").then_some(mpd)
    });
    assert!(mpd.contains("type=\"static\""), "{mpd}");
    drop(server);
    // Another server, which knows nothing of the broadcast but its folder.
    let server = Server::start(data.path(), &OPTIONS);
    let base = store["hls"].as_str().unwrap().strip_suffix("index.m3u8").unwrap().to_owned();
    let index = server.get(&format!("{base}index.m3u8"));
    assert_eq!((index.status, index.header("cache-control")), (200, Some("no-cache")));
    assert!(String::from_utf8(index.body).unwrap().contains("video.m3u8"));
    let video = server.request("GET", &format!("{base}video.m3u8"), "Accept-Encoding: gzip\r\n");
    assert_eq!(video.header("content-encoding"), Some("gzip"));
    assert_eq!(video.header("vary"), Some("accept-encoding"));
    let etag = video.header("etag").unwrap();
    let headers = format!("Accept-Encoding: gzip\r\nIf-None-Match: {etag}\r\n");
    assert_eq!(server.request("GET", &format!("{base}video.m3u8"), &headers).status, 304);
    assert_eq!(
        server.get(&format!("{base}index.mpd")).header("content-type"),
        Some("application/dash+xml")
    );
    let (name, _) = &segments(&text)[2];
    let range = server.request("GET", &format!("{base}{name}"), "Range: bytes=0-7\r\n");
    assert_eq!((range.status, &range.body[4..]), (206, &b"styp"[..]));
    assert_eq!(range.header("cache-control"), Some("public, max-age=31536000, immutable"));
    for absent in ["video_1.m4s", "other.txt", "%2e%2e/index.m3u8"] {
        assert_eq!(server.get(&format!("{base}{absent}")).status, 404, "{absent}");
    }
}

#[test]
fn e2_08_a_set_is_stored_as_one_and_each_of_its_streams_names_it() {
    let data = tempfile::tempdir().unwrap();
    let options = ["--hls-variant", "_hi,_lo", "--hls-reconnect", "1ms"];
    let server = Server::start(data.path(), &[&OPTIONS[..], &options].concat());
    let mut publishers = ["show_hi", "show_lo"].map(|name| publisher(&server, name));
    let mut send = |from: u32, to: u32| {
        for n in from * 25..to * 25 {
            let key = n.is_multiple_of(25);
            for publisher in &mut publishers {
                publisher.send(9, 1, n * 40, picture(key, 1000));
            }
            // Neither is far ahead of the other, whoever is served first.
            if key {
                publishers.iter_mut().for_each(Client::sync);
            }
        }
    };
    let set = |name: &str| server.stream(name).map_or(Value::Null, |stream| stream["set"].clone());
    send(0, 13);
    let stored = |count: u64| {
        until("both are stored", || {
            let set = set("live/show_hi");
            (set["store"]["stored_segments"].as_u64()? >= count).then_some(set)
        })
    };
    stored(2 * 11);
    // What is stored leaves memory with the next segment.
    send(13, 14);
    let said = stored(2 * 12);
    let other = set("live/show_lo");
    assert_eq!(said["path"], other["path"]);
    assert_eq!(said["store"]["folder"], other["store"]["folder"]);
    assert_eq!(
        (&said["path"], &said["hls"]),
        (&"live/show".into(), &"/live/show/index.m3u8".into())
    );
    assert_eq!(said["dash"], "/live/show/index.mpd");
    assert_eq!(said["store"]["missing_segments"], 0, "{said}");
    let live = server.json("/api/v1/streams")["data"].clone();
    let paths: Vec<&str> =
        live.as_array().unwrap().iter().filter_map(|one| one["path"].as_str()).collect();
    assert_eq!(paths, ["live/show_hi", "live/show_lo"], "a set is no stream of its own");
    assert!(live[0]["store"]["folder"].is_string(), "its streams are stored too: {live}");
    // The set's own files, of either variant, from where they are.
    let folder = folder_of(data.path(), &said["store"]);
    for track in ["video", "video1"] {
        let text = String::from_utf8(server.get(&format!("/live/show/{track}.m3u8")).body).unwrap();
        let (oldest, _) = &segments(&text)[0];
        // Other bytes in the store show where an answer comes from.
        let marked: Vec<u8> =
            std::fs::read(folder.join(oldest)).unwrap().iter().map(|byte| !byte).collect();
        std::fs::write(folder.join(oldest), &marked).unwrap();
        assert!(server.get(&format!("/live/show/{oldest}")).body == marked, "{track}");
    }
    drop(publishers);
    for track in ["video", "video1"] {
        let text = until("the end is stored", || {
            let text = std::fs::read_to_string(folder.join(format!("{track}.m3u8"))).ok()?;
            text.ends_with("#EXT-X-ENDLIST\n").then_some(text)
        });
        let listed = segments(&text);
        // A connection that is cut off may take the last pictures with it.
        assert!(listed.len() >= 13, "{text}");
        assert!(listed.iter().all(|(name, gap)| !gap && folder.join(name).is_file()), "{text}");
    }
    let base = said["store"]["hls"].as_str().unwrap();
    until("both in the index", || {
        let index = String::from_utf8(server.get(base).body).unwrap();
        (index.matches("#EXT-X-STREAM-INF").count() == 2).then_some(())
    });
    let mpd = until("the MPD", || {
        let mpd = std::fs::read_to_string(folder.join("index.mpd")).ok()?;
        mpd.contains("mediaPresentationDuration=\"PT1").then_some(mpd)
    });
    assert_eq!(mpd.matches("<Representation ").count(), 2, "{mpd}");
}

#[test]
fn a_store_that_is_away_holds_nothing_up_and_leaves_gaps() {
    let data = tempfile::tempdir().unwrap();
    // A file where a folder has to be.
    std::fs::create_dir(data.path().join("hls")).unwrap();
    let obstacle = data.path().join("hls/live");
    std::fs::write(&obstacle, "").unwrap();
    let mut live =
        Live::start(data.path(), &["--hls-store-queue", "1MiB", "--hls-reconnect", "1ms"]);
    live.send(11, 10_000);
    let store = live.wait("the queue is full", |_, waiting, missing| waiting + missing == 10);
    let (waiting, missing) = (&store["waiting_segments"], &store["missing_segments"]);
    assert_eq!((waiting.as_u64(), missing.as_u64()), (Some(4), Some(6)), "{store}");
    live.server.wait_log("HLS is not being stored for now");
    live.server.wait_log("the queue to the HLS store is full");
    let problems = live.server.stream("live/demo").unwrap()["problems"].to_string();
    assert!(
        problems.contains("4 segments wait") && problems.contains("6 HLS segments were not"),
        "{problems}"
    );
    let text = String::from_utf8(live.server.get("/live/demo/video.m3u8").body).unwrap();
    assert_eq!(segments(&text).len(), 10, "live goes on:\n{text}");
    for (name, _) in segments(&text) {
        assert_eq!(live.server.get(&format!("/live/demo/{name}")).status, 200, "{name}");
    }
    std::fs::remove_file(&obstacle).unwrap();
    let store =
        live.wait("what waited is stored", |stored, waiting, _| (stored, waiting) == (4, 0));
    assert_eq!(store["error"], Value::Null);
    live.server.wait_log("HLS is stored again");
    live.send(2, 10_000);
    live.wait("what came later is stored", |stored, _, _| stored == 6);
    let folder = folder_of(data.path(), &store);
    let (_server, text) = live.finish(&folder);
    let listed = segments(&text);
    let gaps: Vec<bool> = listed.iter().map(|(_, gap)| *gap).collect();
    let expected = [vec![false; 4], vec![true; 6], vec![false; 3]].concat();
    assert_eq!(gaps, expected, "{text}");
    for (name, gap) in listed {
        assert_eq!(folder.join(&name).is_file(), !gap, "{name}");
    }
}

#[test]
fn a_stop_stores_what_is_left_and_the_end() {
    let data = tempfile::tempdir().unwrap();
    let mut live = Live::start(data.path(), &[]);
    live.send(4, 1000);
    let store = live.wait("some are stored", |stored, _, _| stored >= 2);
    let folder = folder_of(data.path(), &store);
    live.server.signal("TERM");
    assert!(live.server.wait().success());
    let text = std::fs::read_to_string(folder.join("video.m3u8")).unwrap();
    assert!(text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
    let listed = segments(&text);
    assert_eq!(listed.len(), 4, "{text}");
    assert!(listed.iter().all(|(name, gap)| !gap && folder.join(name).is_file()), "{text}");
}

#[test]
fn an_address_that_is_no_store_is_said_at_the_start() {
    for (address, error) in [
        ("--hls-store=ftp://host/x", "`ftp://` is no store for HLS"),
        ("--hls-store=s3:///x", "names a bucket"),
        ("--hls-store=s3://bucket/x?secret=1", "takes endpoint and region, not `secret`"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let output = common::command(data.path(), &[address]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(error), "{said}");
    }
}
