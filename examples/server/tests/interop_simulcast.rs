//! Streams pushed to nginx-rtmp and ffmpeg and pulled from nginx-rtmp: packet by packet those that were published, whatever becomes
//! of another target.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::packets;
use kit::source::Film;
use kit::targets::{assert_same, listener, nginx, recorded};
use kit::tls::Authority;
use kit::wait::free_port;
use kit::{Process, Server, ServerBuilder, until};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(60);

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn film() -> PathBuf {
    Film::new(8).flv(FILMS)
}

fn publish(film: &Path, url: &str, speed: &str) -> Process {
    Process::start(BINARY, ["publish", text(film), url, "--speed", speed])
}

/// Waits for so many lines of the server's log with that text.
fn wait_lines(server: &Server, text: &str, count: usize) {
    until(text, LIMIT, || {
        let lines = server.process.lines();
        (lines.iter().filter(|line| line.contains(text)).count() >= count).then_some(())
    });
}

#[test]
fn two_targets_get_every_packet_and_one_that_is_lost_costs_the_other_nothing() {
    let (data, folder, other, film) = (kit::temp_dir(), kit::temp_dir(), kit::temp_dir(), film());
    let (first, second) = (free_port(), free_port());
    let key = format!("rtmp://127.0.0.1:{second}/live/s3cr3t-key");
    let out = other.path().join("ffmpeg.flv");
    let (mut nginx_process, mut ffmpeg) =
        (nginx(folder.path(), first), listener(&key, &out, second));
    let options =
        format!("--no-record --push-reconnect 300ms --push rtmp://127.0.0.1:{first} --push {key}");
    let server = ServerBuilder::new(BINARY, data.path()).with(&options).start();
    let mut publisher = publish(&film, &server.rtmp_url("live/show"), "1");
    wait_lines(&server, "push: broadcasting", 2);
    until("a recording", LIMIT, || {
        let bytes = recorded(folder.path()).into_iter().filter_map(|file| file.metadata().ok());
        (bytes.map(|file| file.len()).sum::<u64>() > 100_000).then_some(())
    });
    nginx_process.kill();
    wait_lines(&server, "push: the", 1);
    nginx_process = nginx(folder.path(), first);
    wait_lines(&server, "push: broadcasting", 3);
    publisher.succeed(LIMIT);
    ffmpeg.wait_exit(LIMIT);
    let wanted = packets::probe(&film);
    assert_same("ffmpeg", &wanted, &out);
    // What nginx has of its second life begins at a key frame and ends at the end.
    let files = recorded(folder.path());
    assert_eq!(files.len(), 2, "{files:?}");
    let got = until("the end of the recording", LIMIT, || {
        let got = packets::probe(&files[1]);
        (got.video.last()?.hash == wanted.video.last()?.hash).then_some(got)
    });
    let run = packets::run_of(&wanted.video, &got.video).expect("a run of the film");
    assert!(run.end == wanted.video.len() && wanted.video[run.start].key, "{run:?}");
    let log = server.process.text();
    assert!(!log.contains("s3cr3t"), "f16: {log}");
    drop(nginx_process);
}

#[test]
fn a_stream_is_pushed_whole_to_nginx_and_over_tls_and_to_who_is_fallen_back_on() {
    let (data, far, folder, film) = (kit::temp_dir(), kit::temp_dir(), kit::temp_dir(), film());
    let files = Authority::new().issue(folder.path());
    let other = ServerBuilder::new(BINARY, far.path()).with("--keep-flv");
    let other = other.with(&files.options()).start();
    let port = free_port();
    let _nginx = nginx(folder.path(), port);
    let secure = other.rtmps_url("live/secure").replace("127.0.0.1", "localhost");
    // Nobody listens at the first of the two.
    let fallback = format!("rtmp://127.0.0.1:1/live|{}", other.rtmp_url("live/backup"));
    let options = format!(
        "--no-record --push-reconnect 100ms --push rtmp://127.0.0.1:{port}/live/taken \
         --push {secure} --push {fallback} --relay-ca {}",
        text(&files.authority)
    );
    let server = ServerBuilder::new(BINARY, data.path()).with(&options).start();
    let wanted = packets::probe(&film);
    publish(&film, &server.rtmp_url("live/show"), "2").succeed(LIMIT);
    for name in ["live/secure", "live/backup"] {
        other.wait_mp4(name);
        assert_same(name, &wanted, &other.file(name, "flv"));
    }
    let taken = &recorded(folder.path())[0];
    until("the end of the recording", LIMIT, || {
        (packets::probe(taken).video.len() == wanted.video.len()).then_some(())
    });
    assert_same("nginx", &wanted, taken);
}

#[test]
fn a_stream_is_pulled_while_somebody_plays_it() {
    let (data, folder, film) = (kit::temp_dir(), kit::temp_dir(), film());
    let port = free_port();
    let _nginx = nginx(folder.path(), port);
    let options = format!("--no-record --pull rtmp://127.0.0.1:{port}/live --pull-linger 1s");
    let server = ServerBuilder::new(BINARY, data.path()).with(&options).start();
    let _publisher = publish(&film, &format!("rtmp://127.0.0.1:{port}/live/show"), "1");
    let out = data.path().join("out.flv");
    let url = server.rtmp_url("live/show");
    let mut player = Process::start(BINARY, ["record", &url, text(&out), "--duration", "3"]);
    server.wait_live("live/show");
    player.succeed(LIMIT);
    let (wanted, got) = (packets::probe(&film), packets::probe(&out));
    for (wanted, got) in [(&wanted.video, &got.video), (&wanted.audio, &got.audio)] {
        packets::run_of(wanted, got).unwrap_or_else(|fault| panic!("{fault}"));
    }
    assert!(got.video.len() > 30, "{} pictures", got.video.len());
    wait_lines(&server, "nobody plays it any more", 1);
    server.wait_ended("live/show");
    // A player over HTTP brings it back.
    let playlist = kit::http::get(server.http, "/live/show/index.m3u8").expect("an answer");
    assert_eq!(playlist.status, 200, "{}", playlist.text());
    wait_lines(&server, "pull: playing", 2);
}
