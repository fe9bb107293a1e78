//! Players that stay on the page while the server is killed and started again.

use std::path::Path;
use std::time::Duration;

use kit::source::Film;
use kit::{Process, Server, ServerBuilder, http, until};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(90);

fn publish(server: &Server, name: &str, film: Film) -> Process {
    let words = format!(
        "-nostdin -v error -re -stream_loop -1 -i {} -t 180 -c copy -f flv {}",
        film.flv(FILMS).display(),
        server.rtmp_url(&format!("live/{name}"))
    );
    Process::start("ffmpeg", words.split(' '))
}

/// A small picture with sound, in real time, by an encoder of its own.
fn encode(server: &Server, name: &str, size: &str) -> Process {
    let words = format!(
        "-nostdin -v error -re -f lavfi -i testsrc2=s={size}:r=25 -f lavfi -i sine=r=48000 -t 180 -c:v libx264 \
         -preset ultrafast -tune zerolatency -g 50 -keyint_min 50 -sc_threshold 0 -c:a aac -b:a 96k -f flv {}",
        server.rtmp_url(&format!("live/{name}"))
    );
    Process::start("ffmpeg", words.split_whitespace())
}

fn viewer(server: &Server, manifest: &str, options: &[&str]) -> Process {
    let address = server.http_url(manifest);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/stay.mjs");
    let words = [script.to_str().expect("UTF-8"), &address];
    let viewer = Process::start("node", [&words[..], options].concat());
    viewer.wait_line("it plays", 0, LIMIT, |line| line == "playing");
    viewer
}

fn said(mut viewer: Process) -> Value {
    viewer.wait_exit(LIMIT);
    let said = viewer.text();
    let line = said.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{said}"));
    println!("{line}");
    serde_json::from_str(line).expect("JSON")
}

/// Another server in the place of one that was killed.
fn again(mut server: Server, data: &Path, options: &str) -> Server {
    let (rtmp, http) = (server.rtmp, server.http);
    server.process.kill();
    drop(server);
    let same = format!("{options} --rtmp-listen {rtmp} --http-listen {http}");
    ServerBuilder::new(BINARY, data).with(&same).start()
}

/// One player of one manifest, through a crash of the server.
fn stay(player: &str, manifest: &str) -> Value {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record").start();
    let publisher = publish(&server, "stay", Film::new(14));
    server.wait_live("live/stay");
    let viewer = viewer(&server, &format!("live/stay/{manifest}"), &["--player", player]);
    let server = again(server, data.path(), "--no-record");
    drop(publisher);
    let _publisher = publish(&server, "stay", Film::new(14));
    said(viewer)
}

#[test]
fn e1_14_hls_js_stays_through_a_crash_and_a_restart() {
    let seen = stay("hls.js", "index.m3u8");
    assert_eq!((&seen["went_on"], &seen["fatal"]), (&true.into(), &0.into()), "{seen}");
    // One discontinuity, and numbers that grow by few segments.
    assert_eq!(seen["epochs"].as_array().map(Vec::len), Some(2), "{seen}");
    assert!(seen["largest_step"].as_u64().is_some_and(|step| step <= 12), "{seen}");
    assert_eq!(seen["smallest_step"], 0, "{seen}");
}

#[test]
fn e1_14_e2_08_who_plays_the_lowest_of_a_set_stays_where_that_one_comes_back_late_and_lags() {
    let (data, options) = (kit::temp_dir(), "--no-record --hls-variant _hi,_lo");
    let server = ServerBuilder::new(BINARY, data.path()).with(options).start();
    let first = [("set_hi", "320x180"), ("set_lo", "160x90")];
    let first = first.map(|(name, size)| encode(&server, name, size));
    let listed = |server: &Server, name: &str, what: &str, count: usize| {
        until(what, LIMIT, || {
            let answer = http::get(server.http, name).ok()?;
            (answer.text().matches(what).count() >= count).then_some(())
        });
    };
    listed(&server, "/live/set/index.m3u8", "#EXT-X-STREAM-INF", 2);
    let viewer = viewer(&server, "live/set/index.m3u8", &["--lowest"]);
    let server = again(server, data.path(), options);
    drop(first);
    // Both have clocks from zero, and what the second sends is over a segment behind what the first does.
    let _high = encode(&server, "set_hi", "320x180");
    listed(&server, "/live/set/video.m3u8", "#EXTINF", 2);
    let _low = encode(&server, "set_lo", "160x90");
    let seen = said(viewer);
    assert_eq!((&seen["went_on"], &seen["fatal"]), (&true.into(), &0.into()), "{seen}");
    assert_eq!(seen["levels"], serde_json::json!([0]), "{seen}");
    assert_eq!(seen["epochs"].as_array().map(Vec::len), Some(2), "{seen}");
}
