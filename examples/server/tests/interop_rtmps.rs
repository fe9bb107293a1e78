//! ffmpeg publishes over TLS, ffmpeg and librtmp play.

use std::path::Path;
use std::time::Duration;

use kit::packets;
use kit::source::Film;
use kit::tls::Authority;
use kit::{Process, ServerBuilder, until};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(40);
const QUIET: [&str; 3] = ["-nostdin", "-v", "error"];

#[test]
fn a5_40_what_is_published_over_tls_is_recorded_and_played_over_tls_and_without() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let files = Authority::new().issue(folder.path());
    let server = ServerBuilder::new(BINARY, data.path()).with("--keep-flv");
    let server = server.with(&files.options()).start();
    let film = Film::new(8).flv(FILMS);
    let (secure, plain) = (server.rtmps_url("live/secure"), server.rtmp_url("live/secure"));
    let trust = ["-tls_verify", "1", "-ca_file", files.authority.to_str().expect("UTF-8")];

    let source = ["-re", "-i", film.to_str().expect("UTF-8"), "-c", "copy", "-f", "flv"];
    let arguments = [&QUIET[..], &source, &trust, &[&secure]].concat();
    let mut publisher = Process::start("ffmpeg", arguments);
    server.wait_live("live/secure");
    let outputs = ["secure.flv", "plain.flv", "librtmp.flv"].map(|name| folder.path().join(name));
    let copy = ["-c", "copy", "-f", "flv"];
    let play = |options: &[&str], url: &str, to: &Path| {
        let to = [to.to_str().expect("UTF-8")];
        Process::start("ffmpeg", [&QUIET[..], options, &["-i", url], &copy, &to].concat())
    };
    let librtmp = ["--quiet", "--live", "-r", &secure, "-o", outputs[2].to_str().expect("UTF-8")];
    let mut players = [
        play(&trust, &secure, &outputs[0]),
        play(&[], &plain, &outputs[1]),
        Process::start("rtmpdump", librtmp),
    ];
    until("three players", LIMIT, || {
        (server.stream("live/secure")?["players"]["rtmp"] == 3).then_some(())
    });
    publisher.succeed(LIMIT);

    let wanted = packets::probe(&film);
    for (player, output) in players.iter_mut().zip(&outputs) {
        player.wait_exit(LIMIT);
        let (got, what) = (packets::probe(output), output.display());
        for (wanted, got) in [(&wanted.video, &got.video), (&wanted.audio, &got.audio)] {
            let run = packets::run_of(wanted, got)
                .unwrap_or_else(|fault| panic!("{what}: {fault}\n{}", player.text()));
            assert_eq!(run.end, wanted.len(), "{what} ended early");
            packets::same_times(&wanted[run], got, packets::MILLISECOND)
                .unwrap_or_else(|fault| panic!("{what}: {fault}"));
        }
    }
    server.wait_mp4("live/secure");
    let got = packets::probe(&server.file("live/secure", "flv"));
    for (wanted, got) in [(&wanted.video, &got.video), (&wanted.audio, &got.audio)] {
        packets::same_packets(wanted, got).unwrap_or_else(|fault| panic!("recording: {fault}"));
        packets::same_times(wanted, got, 0).unwrap_or_else(|fault| panic!("recording: {fault}"));
    }
}

#[test]
fn ffmpeg_refuses_a_certificate_that_it_does_not_trust_and_the_log_says_so() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let files = Authority::new().issue(folder.path());
    let server = ServerBuilder::new(BINARY, data.path()).with(&files.options()).start();
    let other = kit::temp_dir();
    let stranger = Authority::new().issue(other.path());
    let trust = ["-tls_verify", "1", "-ca_file", stranger.authority.to_str().expect("UTF-8")];
    let (film, url) = (Film::new(8).flv(FILMS), server.rtmps_url("live/secure"));
    let source = ["-i", film.to_str().expect("UTF-8"), "-c", "copy", "-f", "flv"];
    let arguments = [&QUIET[..], &source, &trust, &[&url]].concat();
    assert!(!Process::start("ffmpeg", arguments).wait_exit(LIMIT).success());
    let hint = |line: &str| line.contains("WARN") && line.contains("trust the certificate");
    server.process.wait_line("a hint at the certificate", 0, LIMIT, hint);
}
