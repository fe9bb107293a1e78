//! HTTP-FLV in ffmpeg, and both HTTP-FLV and WebSocket-FLV in Chromium by mpegts.js.

use std::path::Path;
use std::time::Duration;

use kit::packets;
use kit::rtmp::Publisher;
use kit::source::Film;
use kit::{Process, ServerBuilder, flv, process, until};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");

#[test]
fn ffmpeg_and_curl_get_over_http_what_was_published() {
    let (data, out) = (kit::temp_dir(), kit::temp_dir());
    let server = ServerBuilder::new(BINARY, data.path()).start();
    let film = Film::new(8).flv(FILMS);
    let source = flv::read(&film);
    let (early, late) = source.split_at(source.len() / 4);
    let mut publisher = Publisher::start(server.rtmp, "live", "film");
    publisher.send_paced(early, 4, || true).expect("the server reads");
    server.wait_live("live/film");
    let file = out.path().join("played.flv");
    let (url, played) = (server.http_url("live/film.flv"), file.to_str().expect("UTF-8"));
    let mut player = Process::start(
        "ffmpeg",
        ["-nostdin", "-v", "error", "-i", &url, "-c", "copy", "-f", "flv", played],
    );
    let second = out.path().join("http2.flv");
    let saved = second.to_str().expect("UTF-8");
    let mut http2 = Process::start("curl", ["-sSf", "--http2-prior-knowledge", "-o", saved, &url]);
    until("two players", Duration::from_secs(20), || {
        (server.stream("live/film")?["players"]["http_flv"] == 2).then_some(())
    });
    publisher.send_paced(late, 4, || true).expect("the server reads");
    publisher.finish("film").expect("the server reads");
    player.succeed(Duration::from_secs(20));
    http2.succeed(Duration::from_secs(20));
    let media =
        |tags: Vec<flv::Tag>| tags.into_iter().filter(flv::Tag::is_media).collect::<Vec<_>>();
    let (source, got) = (media(source), media(flv::read(&second)));
    assert!(
        got.len() > source.len() / 2 && source.ends_with(&got),
        "over HTTP/2: {} of {}",
        got.len(),
        source.len()
    );
    let (wanted, got) = (packets::probe(&film), packets::probe(&file));
    for (wanted, got) in [(&wanted.video, &got.video), (&wanted.audio, &got.audio)] {
        let run = packets::run_of(wanted, got).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(run.end, wanted.len(), "it ended early");
        assert!(run.start < wanted.len() / 3, "it began at {}", run.start);
        packets::same_times(&wanted[run], got, packets::MILLISECOND)
            .unwrap_or_else(|fault| panic!("{fault}"));
    }
}

#[test]
fn mpegts_js_plays_flv_over_http_and_over_a_websocket() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).start();
    let film = Film::new(30).flv(FILMS);
    let (film, target) = (film.to_str().expect("UTF-8"), server.rtmp_url("live/browser"));
    let endless = ["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", film];
    let to = ["-t", "120", "-c", "copy", "-f", "flv", &target];
    let publisher = Process::start("ffmpeg", [&endless[..], &to].concat());
    server.wait_live("live/browser");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/play.mjs");
    let script = script.to_str().expect("UTF-8");
    let http = server.http_url("live/browser.flv");
    for url in [http.replace("http://", "ws://"), http] {
        let (answer, _) = process::run("node", [script, &url, "--seconds", "3"]);
        let played: Value = serde_json::from_slice(&answer).expect("one line of JSON");
        println!("{played}");
        assert_eq!(played["engine"], "mpegts.js");
        assert!(played["played_s"].as_f64().is_some_and(|seconds| seconds >= 3.0), "{played}");
        assert!(played["decoded_frames"].as_u64().is_some_and(|frames| frames >= 60), "{played}");
        assert!(played["decoded_audio_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{played}");
        assert_eq!((&played["width"], &played["height"]), (&640.into(), &360.into()));
        assert!(played["errors"].as_array().is_some_and(Vec::is_empty), "{played}");
    }
    drop(publisher);
}
