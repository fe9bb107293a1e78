//! One run that validators go through from beginning to end: ffmpeg publishes, is killed and comes back, is killed and comes back with
//! pictures of another size, and says the end. `make soak-llhls` makes it five minutes long, with four players along.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use broadcast_hls::{MasterPlaylist, MediaPlaylist};
use kit::source::Film;
use kit::{Process, Server, ServerBuilder, process, until};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const STREAM: &str = "live/run";
/// Around a disturbance players may stand still, and then hurry.
const DISTURBED: u64 = 15_000;

/// Length of the long run in seconds, where it is asked for.
fn soak() -> Option<u32> {
    std::env::var("STREAMCORE_SOAK_SECONDS").ok()?.parse().ok()
}

/// Length of each of the three publications in seconds.
fn phase() -> u32 {
    soak().unwrap_or(36) / 3
}

/// The film in pictures of another size.
fn smaller(film: &Path) -> PathBuf {
    let out = film.with_extension("small.flv");
    if !out.exists() {
        let made = tempfile::Builder::new().suffix(".flv").tempfile_in(FILMS).unwrap();
        let made = made.into_temp_path();
        let words = "-vf scale=320:180 -c:v libx264 -preset veryfast -g 60 -keyint_min 60 -sc_threshold 0 -c:a copy -f flv";
        let arguments = ["-nostdin", "-v", "error", "-y", "-i", film.to_str().unwrap()];
        process::run(
            "ffmpeg",
            arguments.into_iter().chain(words.split(' ')).chain([made.to_str().unwrap()]),
        );
        made.persist(&out).unwrap();
    }
    out
}

fn ffmpeg(server: &Server, film: &Path, more: &str) -> Process {
    let url = server.rtmp_url(STREAM);
    let words = format!("-nostdin -v error -re -i {} {more}-c copy -f flv {url}", film.display());
    Process::start("ffmpeg", words.split(' '))
}

/// Publishes by a program that is killed in the middle; gives the moment, in milliseconds since 1970.
fn cut_off(server: &Server, film: &Path) -> u64 {
    let mut publisher = ffmpeg(server, film, "");
    let long = f64::from(phase());
    until("the publisher was on for long enough", Duration::from_secs(600), || {
        let stream = server.stream(STREAM)?;
        (stream["uptime_s"].as_f64()? >= long).then_some(())
    });
    publisher.kill();
    server.wait_ended(STREAM);
    now()
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

fn script(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests").join(name);
    path.to_str().unwrap().to_owned()
}

fn last_json(text: &str, opens: char) -> Value {
    let line = text.lines().rfind(|line| line.starts_with(opens));
    serde_json::from_str(line.unwrap_or_else(|| panic!("{text}"))).unwrap()
}

/// All that was kept of the playlists, by a reader that is not the validator's.
fn read_again(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            let read = MediaPlaylist::parse(&text);
            let read = read.unwrap_or_else(|error| panic!("{}: {error}\n{text}", file.display()));
            assert!(read.extra_tags.is_empty(), "{:?}", read.extra_tags);
        })
        .count()
}

/// Whether a time is near one of the disturbances, or while playback begins or ends.
fn is_excused(at: u64, player: &Value, disturbances: &[u64], end: u64) -> bool {
    let started = player["started"].as_u64().unwrap();
    let near = |from: u64, long: u64| (from.saturating_sub(1000)..from + long).contains(&at);
    near(started, 8000)
        || near(end - 3000, 60_000)
        || disturbances.iter().any(|&one| near(one, DISTURBED))
}

/// What holds for the player of the watch page.
fn judge(player: &Value) {
    let fatal = player["errors"].as_array().unwrap().iter().filter(|error| error["fatal"] == true);
    assert_eq!(fatal.count(), 0, "{player}");
    assert_eq!(player["sizes"].to_string(), r#"["640x360","320x180"]"#, "{player}");
    let least = f64::from(3 * phase()) - 20.0;
    assert!(player["played_s"].as_f64().unwrap() > least, "{player}");
}

/// Says how it went.
fn tell(player: &Value, disturbances: &[u64], end: u64) {
    let name = player["name"].as_str().unwrap();
    let outside = |list: &str, field: &str| -> u64 {
        let all = player[list].as_array().unwrap().iter();
        all.filter(|one| !is_excused(one[field].as_u64().unwrap(), player, disturbances, end))
            .map(|one| one["count"].as_u64().unwrap_or(1))
            .sum()
    };
    println!(
        "{name}: ended {}, sizes {}, played {} s, {} frames, dropped {} ({} outside of disturbances), stalls {} ({} outside), behind live {}, errors {}",
        player["ended"],
        player["sizes"],
        player["played_s"],
        player["decoded_frames"],
        player["dropped_frames"],
        outside("drops", "at"),
        player["stalls"].as_array().unwrap().len(),
        outside("stalls", "from"),
        player["latency_s"],
        player["errors"]
    );
}

#[test]
fn validators_go_through_a_run_with_a_reconnect_a_new_size_and_an_end() {
    let data = kit::temp_dir();
    let kept = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record").start();
    let film = Film::new(14).flv(FILMS);
    let small = smaller(&film);
    let limit = Duration::from_secs(u64::from(3 * phase()) + 60);
    let deadline = limit.as_secs().to_string();
    let base = server.http_url(&format!("{STREAM}/"));
    let playlist = format!("{base}index.m3u8");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            let cuts = [cut_off(&server, &film), cut_off(&server, &film)];
            let mut publisher = ffmpeg(&server, &small, &format!("-t {} ", phase()));
            publisher.succeed(limit);
            (cuts, now())
        });
        server.wait_live(STREAM);
        let keep = kept.path().to_str().unwrap();
        let mut follower = Process::start(
            "node",
            [&*script("follow.mjs"), &playlist, "--deadline", &deadline, "--keep", keep],
        );
        let mut players = soak().map(|_| {
            Process::start("node", [&*script("soak.mjs"), &base, "--deadline", &deadline])
        });
        let (cuts, end) = run.join().unwrap();
        let index = kit::http::get(server.http, &format!("/{STREAM}/index.m3u8")).unwrap().text();
        MasterPlaylist::parse(&index).unwrap();
        follower.wait_exit(limit);
        let seen = last_json(&follower.text(), '{');
        println!("playlists: {seen}");
        assert!(seen["faults"].as_array().is_some_and(Vec::is_empty), "{seen:#}");
        // Video and sound, each with two discontinuities.
        assert_eq!((seen["ended"].as_u64(), seen["discontinuities"].as_u64()), (Some(2), Some(4)));
        println!("read by broadcast-hls too: {}", read_again(kept.path()));
        let Some(players) = &mut players else { return };
        players.wait_exit(limit);
        let played = last_json(&players.text(), '[');
        let played = played.as_array().unwrap();
        played.iter().for_each(|player| tell(player, &cuts, end));
        judge(played.iter().find(|player| player["name"] == "hls.js").unwrap());
    });
}
