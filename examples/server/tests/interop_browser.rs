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

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests").join(name)
}
