//! Players that stay on the page while the server is killed and started again.

use std::path::Path;
use std::time::Duration;

use kit::source::Film;
use kit::{Process, Server, ServerBuilder};
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
