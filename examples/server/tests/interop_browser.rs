//! hls.js in Chromium plays the live stream from the server's own page.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::source::Film;
use kit::{Process, ServerBuilder, process, until};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn hls_js_plays_the_live_stream_and_the_playlists_are_valid() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).start();
    let film = Film::new(30).flv(FILMS);
    let url = server.rtmp_url("live/browser");
    let endless = [
        "-nostdin",
        "-v",
        "error",
        "-re",
        "-stream_loop",
        "-1",
        "-i",
        film.to_str().expect("UTF-8"),
    ];
    let out = ["-t", "120", "-c", "copy", "-f", "flv", &url];
    let publisher = Process::start("ffmpeg", [&endless[..], &out].concat());
    server.wait_live("live/browser");
    // The rules on what a live playlist holds apply to one that has left its beginning behind.
    until("a playlist of four segments", LIMIT, || {
        let playlist = kit::http::get(server.http, "/live/browser/video.m3u8").ok()?;
        (playlist.text().matches("#EXTINF").count() >= 4).then_some(())
    });

    let playlist = server.http_url("live/browser/index.m3u8");
    process::run("node", [script("playlist.mjs").to_str().expect("UTF-8"), &playlist]);

    let page = server.http_url("#/live/browser");
    let seconds = "8";
    let (answer, _) = process::run(
        "node",
        [script("play.mjs").to_str().expect("UTF-8"), &page, "--seconds", seconds],
    );
    let played: Value = serde_json::from_slice(&answer).expect("one line of JSON");
    println!("{played}");
    let number =
        |name: &str| played[name].as_f64().unwrap_or_else(|| panic!("no {name} in {played}"));
    // Pictures come 30 in a second; a slow machine may drop some, and the clock may start late.
    assert!(number("played_s") >= 6.0, "the clock did not advance: {played}");
    assert!(number("decoded_frames") >= 120.0, "{played}");
    assert_eq!((number("width"), number("height")), (640.0, 360.0), "{played}");
    assert!(played["errors"].as_array().is_some_and(Vec::is_empty), "{played}");
    assert!(number("latency_s") < 12.0, "six segments behind: {played}");
    drop(publisher);
}

#[test]
fn a_page_that_plays_to_the_end_says_so_and_waits_for_nothing() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).start();
    let film = Film::new(30).flv(FILMS);
    let film = film.to_str().expect("UTF-8");
    // Sound and picture seldom end together: one stream ends with pictures alone, the other with sound.
    let lengths = [("pictures", "7", "6"), ("sound", "6", "7")];
    let pages = lengths.map(|(name, ..)| server.http_url(&format!("#/live/{name}")));
    let script = script("ended.mjs");
    let script = script.to_str().expect("UTF-8").to_owned();
    let mut watching = Process::start("node", [&[script][..], &pages[..]].concat());
    watching.wait_line("open pages", 0, LIMIT, |line| line == "open");
    let publishers = lengths.map(|(name, video, audio)| {
        let url = server.rtmp_url(&format!("live/{name}"));
        let input = |length| ["-re", "-t", length, "-i", film];
        let maps = ["-map", "0:v", "-map", "1:a", "-c", "copy", "-f", "flv", &url];
        let fixed = ["-nostdin", "-v", "error"];
        Process::start("ffmpeg", [&fixed[..], &input(video), &input(audio), &maps].concat())
    });
    watching.succeed(LIMIT);
    let lines = watching.lines();
    let lines: Vec<&String> = lines.iter().filter(|line| line.starts_with('{')).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        let page: Value = serde_json::from_str(line).expect("a line of JSON");
        println!("{page}");
        assert_eq!(page["ended"], true, "{page}");
        assert_eq!(page["errors"].as_array().map(Vec::len), Some(0), "{page}");
        assert!(page["played_s"].as_f64().is_some_and(|played| played > 3.0), "{page}");
    }
    for mut publisher in publishers {
        publisher.succeed(LIMIT);
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests").join(name)
}
