//! Low-Latency HLS as players and validators see it: a live run through a change of resolution, a lost connection and the end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kit::flv::{self, Tag};
use kit::rtmp::Publisher;
use kit::source::Film;
use kit::{Process, Server, ServerBuilder, http, process, until};
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

/// A run that has all that can disturb one, at its own pace: a change of resolution, then a broken connection, then the end. As many rounds
/// as the soak's seconds hold, of 28 s each, or one of 10 s. Gives how many there were.
fn disturbed_run(server: &Server, name: &str) -> u32 {
    let length: u16 = if soak().is_some() { 14 } else { 5 };
    let round = 2 * u64::from(length);
    let film = Film::new(length.into()).flv(FILMS);
    let (large, small) = (flv::read(&film), flv::read(&smaller(&film)));
    let pace = |publisher: &mut Publisher, tags: &[Tag]| {
        publisher.send_paced(tags, 1, || true).expect("the server takes it");
    };
    let start = Instant::now();
    let mut rounds = 0;
    loop {
        let mut publisher = Publisher::start(server.rtmp, "live", name);
        pace(&mut publisher, &large);
        pace(&mut publisher, &later(&small, u32::from(length) * 1000));
        // The connection breaks in the middle of a group of pictures.
        drop(publisher);
        server.wait_ended(&format!("live/{name}"));
        rounds += 1;
        if start.elapsed().as_secs() + round + u64::from(length) > soak().unwrap_or(0) {
            break;
        }
    }
    let mut publisher = Publisher::start(server.rtmp, "live", name);
    pace(&mut publisher, &large);
    publisher.finish(name).expect("the end is said");
    rounds
}

/// How long the run is to last: five minutes by `make soak-llhls`.
fn soak() -> Option<u64> {
    std::env::var("STREAMCORE_SOAK").ok().map(|seconds| seconds.parse().expect("seconds"))
}

/// Follows a stream to its end, and has each playlist read by another reader too. What was seen.
fn follow(playlist: &str) -> Value {
    let kept = kit::temp_dir();
    let limit = LIMIT + Duration::from_secs(soak().unwrap_or(0));
    let (folder, seconds) = (kept.path().to_str().expect("UTF-8"), limit.as_secs().to_string());
    let words = [&script("follow.mjs"), playlist, "--keep", folder, "--deadline", &seconds];
    let mut follower = Process::start("node", words);
    follower.wait_exit(limit + Duration::from_secs(10));
    let said = follower.text();
    let line = said.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{said}"));
    let seen: Value = serde_json::from_str(line).expect("JSON");
    println!("{seen}");
    assert!(seen["faults"].as_array().is_some_and(Vec::is_empty), "{seen:#}");
    let mut read = 0;
    for entry in std::fs::read_dir(kept.path()).expect("the folder") {
        let text = std::fs::read_to_string(entry.expect("a file").path()).expect("UTF-8");
        let playlist = broadcast_hls::MediaPlaylist::parse(&text);
        let playlist = playlist.unwrap_or_else(|error| panic!("broadcast-hls: {error}: {text}"));
        assert!(playlist.extra_tags.is_empty(), "{:?}: {text}", playlist.extra_tags);
        read += 1;
    }
    assert_eq!(Some(read), seen["playlists"].as_u64(), "broadcast-hls reads all of them");
    seen
}

/// Plays the run by four players at once, or by those that `STREAMCORE_PLAYERS` names; `file` among them plays as long an MP4 of the same film. Each has to
/// come through without a fatal error, and to the end.
fn play_all(base: &str, deadline: u64) {
    let deadline = deadline.to_string();
    let names = std::env::var("STREAMCORE_PLAYERS").ok().filter(|names| !names.is_empty());
    let names = names.unwrap_or_else(|| "hls.js,shaka-hls,shaka-dash,dash.js".into());
    let folder = kit::temp_dir();
    let file = folder.path().join("film.mp4");
    if names.split(',').any(|name| name == "file") {
        let (film, seconds) = (Film::new(14).flv(FILMS), soak().unwrap_or(0));
        let words = format!(
            "-nostdin -v error -stream_loop -1 -i {} -t {seconds} -c copy {}",
            film.display(),
            file.display()
        );
        process::run("ffmpeg", words.split(' '));
    }
    let file = file.to_str().expect("UTF-8");
    let words =
        [&*script("soak.mjs"), base, "--deadline", &deadline, "--only", &names, "--file", file];
    let mut players = Process::start("node", words);
    players.wait_exit(LIMIT + Duration::from_secs(soak().unwrap_or(0) + 60));
    let said = players.text();
    let line = said.lines().find(|line| line.starts_with('[')).unwrap_or_else(|| panic!("{said}"));
    let seen: Vec<Value> = serde_json::from_str(line).expect("JSON");
    assert_eq!(seen.len(), names.split(',').count(), "{said}");
    seen.iter().for_each(|player| println!("{player}"));
    for player in &seen {
        let errors = player["errors"].as_array().expect("a list");
        assert!(errors.iter().all(|error| error["fatal"] == false), "{player}");
        assert!(player["at_end"] == true, "{player}");
    }
}

fn number(seen: &Value, name: &str) -> u64 {
    seen[name].as_u64().unwrap_or_else(|| panic!("{name}: {seen}"))
}

#[test]
fn soak_every_playlist_of_a_disturbed_run_is_good_and_every_segment_is_its_parts() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record").start();
    let playlist = server.http_url("live/run/index.m3u8");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| disturbed_run(&server, "run"));
        server.wait_live("live/run");
        let base = server.http_url("live/run/");
        let players = soak().map(|seconds| scope.spawn(move || play_all(&base, seconds + 60)));
        let seen = follow(&playlist);
        let rounds = u64::from(run.join().expect("see above"));
        players.into_iter().for_each(|players| players.join().expect("see above"));
        assert_eq!(number(&seen, "ended"), 2, "video and sound: {seen}");
        // Both renditions: each time a new size of pictures, and a new publisher. Sound keeps its init segment.
        assert_eq!(number(&seen, "discontinuities"), 4 * rounds, "{seen}");
        assert_eq!(number(&seen, "maps"), 2 + 2 * rounds, "{seen}");
        // Fifteen seconds at least, in parts of 200 ms, twice.
        assert!(number(&seen, "parts") > 120 && number(&seen, "segments") >= 14, "{seen}");
        assert!(number(&seen, "playlists") > 100, "{seen}");
        // What is older than twelve seconds is left out.
        let deltas = if soak().is_some() { 50 } else { 1 };
        assert!(number(&seen, "deltas") >= deltas, "{seen}");
        assert!(number(&seen, "hints") > 70, "{seen}");
        // Only while nobody published: once for each lost connection and rendition.
        assert_eq!(number(&seen, "unhinted"), 2 * rounds, "{seen}");
    });
}

#[test]
fn soak_every_playlist_of_a_disturbed_set_is_good() {
    let data = kit::temp_dir();
    let server =
        ServerBuilder::new(BINARY, data.path()).with("--no-record --hls-variant _hi,_lo").start();
    std::thread::scope(|scope| {
        let runs = ["set_hi", "set_lo"].map(|name| {
            let server = &server;
            scope.spawn(move || disturbed_run(server, name))
        });
        let index = until("both are offered", LIMIT, || {
            let answer = http::get(server.http, "/live/set/index.m3u8").ok()?;
            (answer.text().matches("#EXT-X-STREAM-INF").count() == 2).then(|| answer.text())
        });
        assert_eq!(index.matches("TYPE=AUDIO").count(), 2, "{index}");
        let base = server.http_url("live/set/");
        let players = soak().map(|seconds| scope.spawn(move || play_all(&base, seconds + 60)));
        let seen = follow(&server.http_url("live/set/index.m3u8"));
        players.into_iter().for_each(|players| players.join().expect("see above"));
        let rounds = runs.map(|run| run.join().expect("see above"));
        assert!(rounds.iter().all(|&count| count >= 1), "{rounds:?}");
        assert_eq!(number(&seen, "ended"), 4, "two of video, two of sound: {seen}");
        assert!(number(&seen, "discontinuities") >= 4, "{seen}");
        assert!(number(&seen, "parts") > 200 && number(&seen, "segments") >= 24, "{seen}");
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
    let (answer, _) = process::run("node", [&*script("play.mjs"), &page, "--seconds", "10"]);
    let played: Value = serde_json::from_slice(&answer).expect("one line of JSON");
    println!("{played}");
    assert!(played["errors"].as_array().is_some_and(Vec::is_empty), "{played}");
    assert!(played["played_s"].as_f64().is_some_and(|played| played >= 9.0), "{played}");
    // By the stream's own dates. A second and a fifth on a machine with nothing else to do; this one may be busy.
    assert!(played["wall_latency_s"].as_f64().is_some_and(|late| late < 2.5), "{played}");
    let shaka = ["--seconds", "5", "--player", "shaka"];
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
