//! Starting, stopping, crashing, and what is served over HTTP.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use common::client::{Client, picture, video_header};
use common::{Server, command, probe, try_probe, until};

/// Runs a program that has to fail, and gives what it says.
fn fails(mut command: Command) -> String {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    text
}

/// A second and a half of pictures, 25 a second from time `from`.
fn send_pictures(client: &mut Client, from: u32, count: u32) {
    for n in from..from + count {
        client.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
}

fn publish(server: &Server, name: &str, count: u32) -> Client {
    let mut client = Client::publish(server.rtmp, name);
    client.expect("NetStream.Publish.Start");
    client.send(9, 1, 0, video_header());
    send_pictures(&mut client, 0, count);
    client
}

#[test]
fn a_port_in_use_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (option, what) in [("--rtmp-listen", "RTMP"), ("--http-listen", "HTTP")] {
        let error = fails(command(dir.path(), &[option, &address]));
        assert!(
            error.contains(&address) && error.contains(what) && error.contains("in use"),
            "{error}"
        );
    }
}

#[test]
fn an_unwritable_folder_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"no folder").unwrap();
    let error = fails(command(&file.join("data"), &[]));
    assert!(error.contains(file.to_str().unwrap()), "{error}");
}

#[test]
fn a_folder_in_use_by_another_server_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Server::start(dir.path(), &[]);
    let error = fails(command(dir.path(), &[]));
    assert!(error.contains(dir.path().to_str().unwrap()) && error.contains("in use"), "{error}");
}

#[test]
fn sigterm_tells_players_and_finishes_recordings() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &[]);
    let mut publisher = publish(&server, "demo", 60);
    let mut player = Client::play(server.rtmp, "demo");
    // The last picture at the player means that all have been taken.
    while player.media().unwrap().timestamp < 59 * 40 {}
    server.signal("TERM");
    player.expect("NetStream.Play.UnpublishNotify");
    assert!(server.wait().success());
    while publisher.message().is_some() {}
    assert!(server.files("flv").is_empty());
    let files = server.files("mp4");
    assert_eq!(files.len(), 1);
    assert_eq!(probe(&files[0])["tracks"][0]["samples"], 60);
    assert!(server.log().contains("stopped"));
}

#[test]
fn d_31_kill_9_loses_little_and_the_next_start_finishes_the_recording() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &[]);
    let _publisher = publish(&server, "demo", 100);
    let file = until("a file", || server.files("live.mp4").pop());
    // Nothing more comes, so time has to write what there is.
    until("all of it", || try_probe(&file).filter(|info| info["tracks"][0]["samples"] == 100));
    server.signal("KILL");
    assert!(!server.wait().success());
    let server = Server::start(dir.path(), &[]);
    server.wait_state("done");
    let files = server.files("mp4");
    assert_eq!(files.len(), 1);
    assert_eq!(probe(&files[0])["tracks"][0]["samples"], 100);
    assert!(server.files("flv").is_empty() && server.files("live.mp4").is_empty());
    assert!(!server.log().contains("live/demo"), "f16");
}

#[test]
fn hls_has_its_headers() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--hls-segment-duration", "1s"]);
    let _publisher = publish(&server, "demo", 100);
    // The first request waits for the first segment.
    let index = server.get("/live/demo/index.m3u8");
    assert_eq!(index.status, 200);
    assert!(index.body.starts_with(b"#EXTM3U\n"), "e1_01");
    let media = server.get("/live/demo/video.m3u8");
    assert_eq!(media.header("content-type"), Some("application/vnd.apple.mpegurl"), "e1_22");
    assert_eq!(media.header("access-control-allow-origin"), Some("*"), "e1_23");
    let text = String::from_utf8(media.body).unwrap();
    let segment = text.lines().find(|line| line.ends_with(".m4s")).unwrap();
    let found = server.get(&format!("/live/demo/{segment}"));
    assert_eq!(found.header("content-type"), Some("video/mp4"));
    assert!(found.header("cache-control").unwrap().contains("immutable"), "e1_24");
    assert_eq!(found.header("content-length"), Some(found.body.len().to_string().as_str()));
    let tag = found.header("etag").unwrap();
    let again = server.request(
        "GET",
        &format!("/live/demo/{segment}"),
        &format!("If-None-Match: {tag}\r\n"),
    );
    assert_eq!((again.status, again.body.len()), (304, 0));
    let head = server.request("HEAD", &format!("/live/demo/{segment}"), "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), found.header("content-length"));
    let options = server.request("OPTIONS", &format!("/live/demo/{segment}"), "");
    assert_eq!(options.status, 204);
    assert!(options.header("access-control-allow-methods").is_some(), "e1_23");
    let none = server.get("/live/demo/video_99999999999.m4s");
    assert_eq!(
        (none.status, none.header("access-control-allow-origin")),
        (404, Some("*")),
        "e1_23"
    );
    assert_eq!(server.get("/live/other/index.m3u8").status, 404);
    assert_eq!(server.request("POST", "/live/demo/index.m3u8", "").status, 405);
    let stream = server.stream("live/demo").unwrap();
    assert_eq!((&stream["players"]["hls"], &stream["viewers"]), (&1.into(), &1.into()));
    assert_eq!(stream["hls"], "/live/demo/index.m3u8");
    assert_eq!(stream["video"]["width"], 64);
}

#[test]
fn e1_14_names_never_stand_for_other_bytes_after_a_restart_and_numbers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let files = || {
        let server = Server::start(dir.path(), &["--hls-segment-duration", "1s", "--no-record"]);
        let _publisher = publish(&server, "demo", 100);
        assert_eq!(server.get("/live/demo/index.m3u8").status, 200);
        let text = until("three segments", || {
            let text = String::from_utf8(server.get("/live/demo/video.m3u8").body).unwrap();
            (text.matches("#EXTINF").count() >= 3).then_some(text)
        });
        let number = |tag: &str| -> u64 {
            let rest = text.split_once(tag).expect(&text).1;
            rest.lines().next().unwrap().parse().unwrap()
        };
        let numbers = [number("-MEDIA-SEQUENCE:"), number("-DISCONTINUITY-SEQUENCE:")];
        let names = text.lines().filter(|line| line.contains("init") || line.ends_with(".m4s"));
        (names.map(str::to_owned).collect::<Vec<_>>(), numbers)
    };
    let (before, first) = files();
    let (after, next) = files();
    assert_eq!(first, [0, 0], "{before:?}");
    // Past all that was listed, and by little: a number is a segment's time to players.
    assert!((4..=11).contains(&next[0]) && next[1] <= 1, "{next:?} {after:?}");
    assert!(
        before.len() > 2 && before.iter().all(|name| !after.contains(name)),
        "{before:?} {after:?}"
    );
}

#[test]
fn recordings_are_served_with_ranges_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("recordings/live/demo");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.mp4"), b"0123456789").unwrap();
    fs::write(folder.join("b.mp4.part"), b"half").unwrap();
    fs::write(dir.path().join("secret.mp4"), b"secret").unwrap();
    let server = Server::start(dir.path(), &[]);
    let whole = server.get("/recordings/live/demo/a.mp4");
    assert_eq!((whole.status, whole.body.as_slice()), (200, b"0123456789".as_slice()));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let range = |range: &str| {
        server.request("GET", "/recordings/live/demo/a.mp4", &format!("Range: {range}\r\n"))
    };
    let part = range("bytes=2-4");
    assert_eq!((part.status, part.body.as_slice()), (206, b"234".as_slice()));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(range("bytes=-3").body, b"789");
    assert_eq!(range("bytes=7-").body, b"789");
    let beyond = range("bytes=10-");
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */10")));
    let head = server.request("HEAD", "/recordings/live/demo/a.mp4", "");
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("10"), 0));
    for path in [
        "/recordings/",
        "/recordings/live",
        "/recordings/live/demo/",
        "/recordings/live/demo/b.mp4",
        "/recordings/live/demo/b.mp4.part",
        "/recordings/../secret.mp4",
        "/recordings/%2e%2e/secret.mp4",
        "/recordings/live/demo/../../../secret.mp4",
        "/recordings/live/demo/..%2f..%2f..%2fsecret.mp4",
        "/recordings//etc/passwd",
        "/../secret.mp4",
        "/secret.mp4",
    ] {
        let response = server.get(path);
        assert!([400, 404].contains(&response.status), "f08: {path}: {}", response.status);
    }
}

#[test]
fn the_page_is_there_with_its_policy() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let page = server.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let tag = page.header("etag").unwrap();
    assert_eq!(server.request("GET", "/", &format!("If-None-Match: {tag}\r\n")).status, 304);
    assert_eq!(server.get("/healthz").body, b"ok\n");
    let about = server.json("/api/v1/server");
    assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(about["rtmp_port"], server.rtmp.port());
}

#[test]
fn remux_writes_its_output_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/ffmpeg-5.1/source.flv");
    let output = dir.path().join("out.mp4");
    let remux = |input: &Path, output: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_streamcore"));
        command.arg("remux").args([input, output]);
        command
    };
    assert!(remux(&source, &output).status().unwrap().success());
    let (flv, mp4) = (probe(&source), probe(&output));
    assert_eq!(mp4["index_first"], true);
    for track in 0..2 {
        for field in ["kind", "codec", "samples", "bytes", "width", "sample_rate"] {
            assert_eq!(flv["tracks"][track][field], mp4["tracks"][track][field], "{field}");
        }
    }
    let bad = dir.path().join("bad.flv");
    fs::write(&bad, b"FLV\x01\x05\0\0\0\x09\0\0\0\0").unwrap();
    let error = fails(remux(&bad, &dir.path().join("bad.mp4")));
    assert!(error.contains("bad.flv"), "{error}");
    let error = fails(remux(&output, &output));
    assert!(error.contains("same file"), "{error}");
    let mut names: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["bad.flv", "out.mp4"]);
}
