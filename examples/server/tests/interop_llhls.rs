//! Low-Latency HLS as players and validators see it: a live run through a change of resolution, a lost connection and the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::flv::{self, Tag};
use kit::rtmp::Publisher;
use kit::source::Film;
use kit::{Process, Server, ServerBuilder, process};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(90);

/// A film in pictures of another size.
fn smaller(film: &Path) -> PathBuf {
    let out = film.with_extension("small.flv");
    if !out.exists() {
        let made = tempfile::Builder::new().suffix(".flv").tempfile_in(FILMS).expect("a file");
        let made = made.into_temp_path();
        let codec = "-vf scale=320:180 -c:v libx264 -preset veryfast -g 60 -keyint_min 60 -sc_threshold 0 -c:a copy -f flv";
        let arguments = ["-nostdin", "-v", "error", "-y", "-i", film.to_str().expect("UTF-8")];
        let arguments = arguments.into_iter().chain(codec.split(' '));
        process::run("ffmpeg", arguments.chain([made.to_str().expect("UTF-8")]));
        made.persist(&out).expect("a name");
    }
    out
}

/// The tags of a film, later by `offset` milliseconds.
fn later(tags: &[Tag], offset: u32) -> Vec<Tag> {
    let shifted = |tag: &Tag| Tag { timestamp: tag.timestamp + offset, ..tag.clone() };
    tags.iter().map(shifted).collect()
}

/// A run that has all that can disturb one, at its own pace: a change of resolution, then a broken connection, then the end.
fn disturbed_run(server: &Server, name: &str) {
    let film = Film::new(14).flv(FILMS);
    let (large, small) = (flv::read(&film), flv::read(&smaller(&film)));
    let mut publisher = Publisher::start(server.rtmp, "live", name);
    let pace = |publisher: &mut Publisher, tags: &[Tag]| {
        publisher.send_paced(tags, 1, || true).expect("the server takes it");
    };
    pace(&mut publisher, &large);
    pace(&mut publisher, &later(&small, 14_000));
    // The connection breaks in the middle of a group of pictures.
    drop(publisher);
    server.wait_ended(&format!("live/{name}"));
    let mut publisher = Publisher::start(server.rtmp, "live", name);
    pace(&mut publisher, &large);
    publisher.finish(name).expect("the end is said");
}

#[test]
fn every_playlist_of_a_disturbed_run_is_good_and_every_segment_is_its_parts() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record").start();
    let playlist = server.http_url("live/run/index.m3u8");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| disturbed_run(&server, "run"));
        server.wait_live("live/run");
        let mut follower = Process::start("node", [&script("follow.mjs"), &playlist]);
        follower.wait_exit(LIMIT);
        run.join().expect("see above");
        let said = follower.text();
        let line =
            said.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{said}"));
        let seen: Value = serde_json::from_str(line).expect("JSON");
        println!("{seen}");
        assert!(seen["faults"].as_array().is_some_and(Vec::is_empty), "{seen:#}");
        let number = |name: &str| seen[name].as_u64().unwrap_or_else(|| panic!("{name}: {seen}"));
        assert_eq!(number("ended"), 2, "video and sound: {seen}");
        // Both renditions: a new size of pictures, and a new publisher. Sound keeps its init segment.
        assert_eq!(number("discontinuities"), 4, "{seen}");
        assert_eq!(number("maps"), 2 + 1 + 1, "{seen}");
        // Some 42 s in parts of 200 ms, twice.
        assert!(number("parts") > 350 && number("segments") >= 38, "{seen}");
        assert!(number("playlists") > 300 && number("deltas") > 50, "{seen}");
    });
}

#[test]
fn hls_js_and_shaka_play_close_to_live_and_ffmpeg_reads_along() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record").start();
    let film = Film::new(14).flv(FILMS);
    let url = server.rtmp_url("live/low");
    let words = format!(
        "-nostdin -v error -re -stream_loop -1 -i {} -t 120 -c copy -f flv {url}",
        film.display()
    );
    let publisher = Process::start("ffmpeg", words.split(' '));
    server.wait_live("live/low");
    let playlist = server.http_url("live/low/index.m3u8");
    let (_, _) = process::run("ffprobe", ["-v", "error", "-show_streams", &playlist]);
    let page = server.http_url("#/live/low");
    let (answer, _) = process::run("node", [&*script("play.mjs"), &page, "--seconds", "20"]);
    let played: Value = serde_json::from_slice(&answer).expect("one line of JSON");
    println!("{played}");
    assert!(played["errors"].as_array().is_some_and(Vec::is_empty), "{played}");
    assert!(played["played_s"].as_f64().is_some_and(|played| played >= 19.0), "{played}");
    // By the stream's own dates. A second and a fifth on a machine with nothing else to do; this one may be busy.
    assert!(played["wall_latency_s"].as_f64().is_some_and(|late| late < 2.5), "{played}");
    let shaka = ["--seconds", "10", "--player", "shaka"];
    let (answer, _) =
        process::run("node", [&[&*script("play.mjs"), &playlist][..], &shaka].concat());
    let played: Value = serde_json::from_slice(&answer).expect("one line of JSON");
    println!("{played}");
    assert!(played["errors"].as_array().is_some_and(Vec::is_empty), "{played}");
    assert!(played["wall_latency_s"].as_f64().is_some_and(|late| late < 3.0), "{played}");
    let copy = data.path().join("copy.mp4");
    let copy = copy.to_str().expect("UTF-8");
    process::run(
        "ffmpeg",
        ["-nostdin", "-v", "error", "-xerror", "-i", &playlist, "-c", "copy", "-t", "6", copy],
    );
    drop(publisher);
}

fn script(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests").join(name);
    path.to_str().expect("UTF-8").to_owned()
}
