//! Two publishers of one name, of whom the second takes the place of the first; and what is said of names.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use common::client::{Client, picture, video_header};
use common::{Server, until};
use streamcore::amf::Value;

/// What a client says that reconnects on request (Enhanced RTMP v2, `capsEx`).
const RECONNECTS: &[(&str, Value)] = &[("capsEx", Value::Number(1.0))];

fn first_publisher(server: &Server) -> (Client, Client) {
    let mut first = Client::publish(server.rtmp, "demo");
    first.expect("NetStream.Publish.Start");
    first.send(9, 1, 5000, video_header());
    first.send(9, 1, 5000, picture(true, 1000));
    server.wait_live("live/demo");
    let mut player = Client::play(server.rtmp, "demo");
    player.expect("NetStream.Play.Start");
    for _ in 0..2 {
        assert_eq!(player.media().unwrap().timestamp, 5000);
    }
    (first, player)
}

#[test]
fn a6_25_a_client_that_reconnects_takes_over_at_its_key_frame_and_players_see_no_end() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let (mut first, mut player) = first_publisher(&server);
    let mut second = Client::publish_with(server.rtmp, "demo", RECONNECTS);
    second.expect("NetStream.Publish.Start");
    // Headers and pictures before its key frame: the first publisher is still the one.
    second.send(9, 1, 0, video_header());
    second.send(9, 1, 0, picture(false, 700));
    server.wait_log("about to take over");
    first.send(9, 1, 5040, picture(false, 500));
    assert_eq!(player.media().unwrap().timestamp, 5040);
    second.send(9, 1, 40, picture(true, 900));
    server.wait_log("took over");
    let key = picture(true, 900);
    let (header, picture_) = (player.media().unwrap(), player.media().unwrap());
    assert_eq!((header.timestamp, header.payload), (40, video_header()));
    assert_eq!((picture_.timestamp, picture_.payload), (40, key));
    // The first is not heard any more, and told so by the end of its connection.
    first.send(9, 1, 5080, picture(true, 600));
    while first.message().is_some() {}
    second.send(9, 1, 80, picture(false, 400));
    let next = player.media().unwrap();
    assert_eq!((next.timestamp, next.payload.len()), (80, 400));
    assert!(server.stream("live/demo").is_some());
    // One playlist goes on behind a discontinuity.
    drop(second);
    let list = || {
        let playlist = server.get("/live/demo/video.m3u8");
        let text = String::from_utf8(playlist.body).unwrap();
        Some(text).filter(|text| text.matches("#EXTINF").count() >= 2)
    };
    let playlist = until("segments of both publishers", list);
    assert_eq!(playlist.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{playlist}");
    assert!(!server.log().contains("live/demo"), "f16: {}", server.log());
}

#[test]
fn who_sends_nothing_any_more_loses_its_place_where_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--drop-idle-publisher", "1s"]);
    let (mut first, mut player) = first_publisher(&server);
    player.expect("NetStream.Play.UnpublishNotify");
    server.wait_log("nothing came from the publisher");
    assert!(server.stream("live/demo").is_none());
    let mut second = Client::publish(server.rtmp, "demo");
    second.expect("NetStream.Publish.Start");
    second.send(9, 1, 0, video_header());
    second.send(9, 1, 0, picture(true, 800));
    server.wait_live("live/demo");
    // What comes late is not heard, and is the end of that connection.
    first.send(9, 1, 5040, picture(true, 900));
    while first.message().is_some() {}
    second.send(9, 1, 40, picture(false, 700));
    assert!(server.stream("live/demo").is_some());
}

#[test]
fn a5_34_f_19_who_takes_over_is_a_named_policy() {
    let dir = tempfile::tempdir().unwrap();
    // By default nobody but a client that says so.
    let server = Server::start(dir.path(), &[]);
    let (_first, _player) = first_publisher(&server);
    let mut second = Client::publish(server.rtmp, "demo");
    second.expect("NetStream.Publish.BadName");
    drop((server, second));
    // Nobody.
    let server = Server::start(dir.path(), &["--takeover", "refuse"]);
    let (_first, _player) = first_publisher(&server);
    let mut second = Client::publish_with(server.rtmp, "demo", RECONNECTS);
    second.expect("NetStream.Publish.BadName");
    drop((server, second));
    // Anybody who knows the name.
    let server = Server::start(dir.path(), &["--takeover", "always"]);
    let (mut first, mut player) = first_publisher(&server);
    let mut second = Client::publish(server.rtmp, "demo");
    second.expect("NetStream.Publish.Start");
    second.send(9, 1, 0, video_header());
    second.send(9, 1, 0, picture(true, 900));
    assert_eq!(player.media().unwrap().timestamp, 0);
    first.send(9, 1, 5040, picture(true, 600));
    while first.message().is_some() {}
}

#[test]
fn a6_25_a_newcomer_that_leaves_before_its_key_frame_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let (mut first, mut player) = first_publisher(&server);
    let mut second = Client::publish_with(server.rtmp, "demo", RECONNECTS);
    second.expect("NetStream.Publish.Start");
    second.send(9, 1, 0, video_header());
    drop(second);
    for time in [5040, 5080] {
        first.send(9, 1, time, picture(false, 500));
        assert_eq!(player.media().unwrap().timestamp, time);
    }
}

#[test]
fn f_16_the_log_shows_no_key_token_or_password() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--log-level", "trace"]);
    let secrets = ["s3cr3tkey", "t0k3nvalue", "us3rinf0", "sh0"];
    let url = Value::String("rtmp://user:us3rinf0%2F@localhost/live?token=t0k3nvalue".into());
    let fields = [("tcUrl", url), ("app", Value::String("live?token=t0k3nvalue".into()))];
    let mut publisher = Client::publish_with(server.rtmp, "s3cr3tkey?token=t0k3nvalue", &fields);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher.send(9, 1, 0, picture(true, 1000));
    server.wait_live("live/s3cr3tkey");
    let mut second = Client::publish_with(server.rtmp, "s3cr3tkey?token=t0k3nvalue", &fields);
    second.expect("NetStream.Publish.BadName");
    let mut player = Client::play(server.rtmp, "s3cr3tkey?token=t0k3nvalue");
    player.expect("NetStream.Play.Start");
    // A short key, and one that tries to write a line of its own.
    let mut short = Client::publish(server.rtmp, "sh0");
    short.expect("NetStream.Publish.Start");
    let mut hostile = Client::publish(server.rtmp, "x\nERROR forged line");
    hostile.expect("NetStream.Publish.BadName");
    drop((publisher, player, short));
    server.wait_log("recording finished");
    let log = server.log();
    assert!(log.lines().count() > 8, "{log}");
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} in:\n{log}");
    }
    assert!(!log.lines().any(|line| line.starts_with("ERROR forged")), "{log}");
}
