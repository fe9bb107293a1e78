//! Publishers and players over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::client::{Client, picture, video_header};
use common::{PATIENCE, Server, capture, probe, until};
use streamcore::rtmp::session::{ServerSession, SessionConfig, SessionEvent};
use streamcore::time::Micros;

/// Sends a capture as its client did, and reads what comes until the end.
fn replay(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.rtmp).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reading = stream.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        let mut answer = Vec::new();
        let _ = reading.read_to_end(&mut answer);
        answer
    });
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    reader.join().unwrap()
}

/// Video and audio messages of a capture that are frames.
fn frames(bytes: &[u8]) -> (u64, u64) {
    let mut session = ServerSession::new(SessionConfig::default(), 1, Micros::ZERO);
    let (mut rest, mut video, mut audio) = (bytes, 0, 0);
    loop {
        let taken = session.handle_input(Micros::ZERO, rest).unwrap();
        rest = &rest[taken..];
        let mut moved = taken > 0;
        while let Some(event) = session.poll_event() {
            moved = true;
            match event {
                SessionEvent::Publish { request, .. } => session.accept(request).unwrap(),
                // The second byte is 0 for a sequence header, 2 for the end of one.
                SessionEvent::Media { type_id, payload, .. } if payload.get(1) == Some(&1) => {
                    match type_id {
                        9 => video += 1,
                        8 => audio += 1,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        while session.poll_output().is_some() {}
        if !moved {
            return (video, audio);
        }
    }
}

#[test]
fn a_replayed_obs_capture_is_recorded_with_all_its_packets() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--keep-flv"]);
    let bytes = capture("obs-29.0.2/publish.c2s");
    let (video, audio) = frames(&bytes);
    assert!(video > 100 && audio > 100, "{video} {audio}");
    replay(&server, &bytes);
    let recording = server.wait_state("done");
    for extension in ["flv", "mp4"] {
        let files = server.files(extension);
        assert_eq!(files.len(), 1);
        let info = probe(&files[0]);
        let samples = |kind: &str| {
            let tracks = info["tracks"].as_array().unwrap();
            tracks.iter().find(|track| track["kind"] == kind).unwrap()["samples"].as_u64().unwrap()
        };
        assert_eq!((samples("video"), samples("audio")), (video, audio), "{extension}");
    }
    let url = recording["mp4"].as_str().unwrap();
    let served = server.get(url);
    assert_eq!(served.body, std::fs::read(&server.files("mp4")[0]).unwrap());
    assert_eq!(served.header("content-type"), Some("video/mp4"));
}

#[test]
fn a5_34_a5_35_a_second_publisher_is_told_bad_name_and_the_first_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let mut first = Client::publish(server.rtmp, "demo");
    first.expect("NetStream.Publish.Start");
    let mut player = Client::play(server.rtmp, "demo");
    player.expect("NetStream.Play.Start");
    first.send(9, 1, 0, video_header());
    first.send(9, 1, 0, picture(true, 1000));
    let mut second = Client::publish(server.rtmp, "demo");
    second.expect("NetStream.Publish.BadName");
    let told = Instant::now();
    while second.message().is_some() {}
    assert!(told.elapsed() < Duration::from_secs(8), "a5_36: the refused connection is closed");
    assert!(server.stream("live/demo").is_some());
    first.send(9, 1, 40, picture(false, 500));
    let times: Vec<u32> = (0..3).map(|_| player.media().unwrap().timestamp).collect();
    assert_eq!(times, [0, 0, 40]);
    let line = server.wait_log("publisher refused");
    assert!(line.contains("live/de…") && !server.log().contains("live/demo"), "f16: {line}");
}

#[test]
fn a_player_gets_headers_and_pictures_at_once_and_is_told_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record"]);
    let mut early = Client::play(server.rtmp, "demo");
    early.expect("NetStream.Play.Start");
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for n in 0..10 {
        publisher.send(9, 1, n * 40, picture(n == 0, 1000));
    }
    // All that was sent has been relayed once the early player has the last of it.
    for n in 0..11_u32 {
        assert_eq!(early.media().unwrap().timestamp, n.saturating_sub(1) * 40);
    }
    let mut late = Client::play(server.rtmp, "demo");
    let messages: Vec<_> = (0..11).map(|_| late.media().unwrap()).collect();
    assert_eq!(messages[0].payload, video_header());
    assert_eq!(messages[1].payload, picture(true, 1000));
    assert_eq!(messages[10].timestamp, 360);
    assert_eq!(server.stream("live/demo").unwrap()["players"]["rtmp"], 2);
    drop(publisher);
    early.expect("NetStream.Play.UnpublishNotify");
    late.expect("NetStream.Play.UnpublishNotify");
    until("end of the stream", || server.stream("live/demo").is_none().then_some(()));
    assert!(server.files("flv").is_empty() && server.files("mp4").is_empty());
}

#[test]
fn f21_a_player_that_stops_reading_slows_nobody_and_is_bounded() {
    const GROUP: u32 = 25;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record", "--hls-window", "2s"]);
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    let mut stalled: Vec<Client> = (0..5).map(|_| Client::play(server.rtmp, "demo")).collect();
    stalled.iter_mut().for_each(|player| player.expect("NetStream.Play.Start"));
    let mut reading = Client::play(server.rtmp, "demo");
    reading.expect("NetStream.Play.Start");
    assert_eq!(reading.media().unwrap().payload, video_header());
    let mut before = None;
    // 60 MB in all, which who does not drop would keep once for all five: far more than a queue holds.
    for group in 0..60 {
        for n in group * GROUP..(group + 1) * GROUP {
            publisher.send(9, 1, n * 40, picture(n % GROUP == 0, 40_000));
        }
        for n in group * GROUP..(group + 1) * GROUP {
            assert_eq!(reading.media().unwrap().timestamp, n * 40);
        }
        before = before.or(server.memory());
    }
    let grown = server.memory().unwrap().saturating_sub(before.unwrap());
    assert!(grown < 40 << 20, "60 MB were sent, {} MB are kept", grown >> 20);
}

#[test]
fn what_is_no_rtmp_is_closed_with_a_line_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--handshake-timeout", "300ms"]);
    let garbage: Vec<u8> =
        (0..4000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let inputs: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        &garbage,
        b"",
        b"\x03half a handshake",
    ];
    for input in inputs {
        let mut stream = TcpStream::connect(server.rtmp).unwrap();
        let peer = stream.local_addr().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(input).unwrap();
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(ended.as_ref().is_ok() || ended.as_ref().is_err_and(reset), "{input:?}: {ended:?}");
        let line = server.wait_log(&format!("peer={peer}"));
        assert!(line.contains("WARN"), "{line}");
    }
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn f08_hostile_names_are_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    // Each is held for some seconds before it is closed.
    std::thread::scope(|scope| {
        for name in ["..", "../../x", "a/../../x", ".hidden", "a\\b", "a\nb", "c:/x"] {
            let address = server.rtmp;
            scope.spawn(move || {
                let mut client = Client::publish(address, name);
                // Refused or ignored, and closed: nothing is published.
                client.send(9, 1, 0, video_header());
                while let Some(message) = client.message() {
                    let started = message.payload.windows(13).any(|part| part == b"Publish.Start");
                    assert!(!started, "{name:?}");
                }
            });
        }
    });
    assert!(server.files("flv").is_empty());
    assert_eq!(server.json("/api/v1/streams")["data"], serde_json::json!([]));
}

#[test]
fn a5_20_a_name_can_be_published_again_and_hls_numbers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--hls-segment-duration", "1s", "--keep-flv"]);
    let publish = |from: u32| {
        let mut client = Client::publish(server.rtmp, "demo");
        client.expect("NetStream.Publish.Start");
        client.send(9, 1, from, video_header());
        for n in 0..100 {
            client.send(9, 1, from + n * 40, picture(n % 25 == 0, 800));
        }
        client.send(8, 1, from, Bytes::new());
        server.wait_live("live/demo");
    };
    let numbers = |text: &str| -> Vec<u64> {
        let names = text.lines().filter_map(|line| line.strip_suffix(".m4s")?.rsplit('_').next());
        names.map(|number| number.parse().unwrap()).collect()
    };
    let playlist = || String::from_utf8(server.get("/live/demo/video.m3u8").body).unwrap();
    publish(0);
    let first = until("an ended playlist", || {
        Some(playlist()).filter(|text| text.contains("#EXT-X-ENDLIST"))
    });
    publish(5_000_000);
    let second = until("a resumed playlist", || {
        let text = playlist();
        let grown = numbers(&text).len() > numbers(&first).len();
        (grown && text.contains("#EXT-X-ENDLIST")).then_some(text)
    });
    assert!(numbers(&second).starts_with(&numbers(&first)), "e1_06: {first}\n{second}");
    assert!(numbers(&second).windows(2).all(|two| two[1] == two[0] + 1), "{second}");
    assert_eq!(second.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{second}");
    until("two recordings", || (server.files("mp4").len() == 2).then_some(()));
}

#[test]
fn an_application_without_hls_relays_and_records() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("streamcore.toml");
    std::fs::write(&file, "hls = true\n[applications.live]\nhls = false\n").unwrap();
    let server = Server::start(dir.path(), &["--config", file.to_str().unwrap()]);
    let mut publisher = Client::publish(server.rtmp, "plain");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher.send(9, 1, 0, picture(true, 500));
    let shown = server.wait_live("live/plain");
    assert!(shown["hls"].is_null() && shown["dash"].is_null(), "{shown}");
    for name in ["index.m3u8", "index.mpd"] {
        let answer = server.get(&format!("/live/plain/{name}"));
        assert_eq!(answer.status, 404);
        assert_eq!(answer.body, b"HLS and DASH are off for this application\n");
    }
    assert!(server.get("/live/other/index.m3u8").body.starts_with(b"not found"));

    let mut player = Client::play(server.rtmp, "plain");
    assert_eq!(player.media().unwrap().payload, video_header());
    assert_eq!(player.media().unwrap().payload, picture(true, 500));
    for n in 1..25 {
        publisher.send(9, 1, n * 40, picture(n == 12, 100));
        assert_eq!(player.media().unwrap().timestamp, n * 40);
    }
    drop(publisher);
    let recording = server.wait_state("done");
    assert_eq!(recording["name"], "plain");
    // Who comes back goes on.
    let mut publisher = Client::publish(server.rtmp, "plain");
    publisher.expect("NetStream.Publish.Start");
}
