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

/// Packets of one kind in a list that ffprobe made.
fn packets(source: &Path, kind: &str) -> u64 {
    let list = std::fs::read_to_string(source.with_extension("packets")).expect("a list");
    list.lines().filter(|line| line.starts_with(kind)).count() as u64
}

#[test]
fn e4_16_the_mpd_names_segments_that_a_raw_media_source_takes_whole() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let folder = kit::temp_dir();
    let mut words = vec![script("append.mjs").to_str().expect("UTF-8").to_owned()];
    let mut wanted = Vec::new();
    for name in [
        "ffmpeg-8.1/h264-aac-bframes",
        "eflv/h264_flac",
        "eflv/h264_opus",
        "eflv/vp9_opus",
        "eflv/av1_opus",
    ] {
        let source = captures.join(name).with_extension("flv");
        let out = folder.path().join(name.replace('/', "-"));
        let package = ["package", "--segment-duration=2s"].map(Path::new);
        process::run(BINARY, [&package[..], &[&source, &out]].concat());
        let (listed, _) = process::run("node", [&script("mpd.mjs"), &out.join("index.mpd")]);
        let listed: Value = serde_json::from_slice(&listed).expect("one line of JSON");
        assert_eq!(listed["warnings"], serde_json::json!([]), "{name}: {listed}");
        for kind in ["video", "audio"] {
            let track = &listed[kind][0];
            let file = |address: &Value| {
                let address = address.as_str().expect("an address");
                let file = out.join(address.rsplit('/').next().unwrap_or_default());
                file.to_str().expect("UTF-8").to_owned()
            };
            let segments = track["segments"].as_array().expect("a list");
            if !wanted.is_empty() {
                words.push("--".into());
            }
            let codecs = track["codecs"].as_str().expect("codecs");
            words.push(format!("{kind}/mp4; codecs=\"{codecs}\""));
            words.push(file(&segments[0]["init"]));
            words.extend(segments.iter().map(|segment| file(&segment["uri"])));
            wanted.push((name, kind, segments.len() as u64 + 1, packets(&source, kind)));
        }
    }
    let (answers, _) = process::run("node", words);
    let answers = String::from_utf8(answers).expect("JSON");
    assert_eq!(answers.lines().count(), wanted.len(), "{answers}");
    for ((name, kind, files, packets), answer) in wanted.into_iter().zip(answers.lines()) {
        let seen: Value = serde_json::from_str(answer).expect("JSON");
        assert_eq!(seen["appended"].as_u64(), Some(files), "{name} {kind}: {seen}");
        let ranges = seen["buffered"].as_array().map(Vec::len);
        assert_eq!(ranges, Some(1), "{name} {kind}: no hole: {seen}");
        match kind {
            "video" => assert_eq!(seen["frames"].as_u64(), Some(packets), "{name}: {seen}"),
            _ => assert!(seen["audio_bytes"].as_u64() > Some(0), "{name}: {seen}"),
        }
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests").join(name)
}
