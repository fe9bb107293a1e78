//! A stop that lets live streams go on for a while.
#![cfg(unix)]

mod common;

use std::net::TcpStream;

use common::client::{Client, picture, video_header};
use common::{Server, until};
use streamcore::amf::Value;

/// What a client says that reconnects on request (Enhanced RTMP v2, `capsEx`).
const RECONNECTS: &[(&str, Value)] = &[("capsEx", Value::Number(1.0))];

fn publish(server: &Server, name: &str, fields: &[(&str, Value)]) -> Client {
    let mut publisher = Client::publish_with(server.rtmp, name, fields);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher.send(9, 1, 0, picture(true, 1000));
    server.wait_live(&format!("live/{name}"));
    publisher
}

#[test]
fn who_can_is_asked_to_reconnect_and_the_others_go_on_until_they_end() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &["--drain-timeout", "60s"]);
    let mut able = publish(&server, "able", RECONNECTS);
    let mut other = publish(&server, "other", &[]);
    let mut player = Client::play(server.rtmp, "other");
    player.expect("NetStream.Play.Start");
    (0..2).for_each(|_| assert!(player.media().is_some()));
    server.signal("TERM");
    able.expect("NetConnection.Connect.ReconnectRequest");
    // Nobody new comes in over RTMP; over HTTP they do, and balancers are told.
    until("a closed port", || TcpStream::connect(server.rtmp).is_err().then_some(()));
    assert_eq!(server.get("/healthz").status, 503);
    assert_eq!(server.get("/api/v1/streams").status, 200);
    drop(able);
    other.send(9, 1, 2000, picture(true, 700));
    assert_eq!(player.media().unwrap().timestamp, 2000);
    // The last publisher ends, and with it the server.
    drop(other);
    assert!(server.wait().success());
    assert_eq!(server.files("mp4").len(), 2, "{}", server.log());
    while player.message().is_some() {}
}

#[test]
fn when_the_time_is_over_or_at_a_second_signal_all_are_told() {
    let data = tempfile::tempdir().unwrap();
    for (time, signals) in [("1s", 1), ("60s", 2)] {
        let mut server = Server::start(data.path(), &["--drain-timeout", time]);
        let _publisher = publish(&server, "demo", &[]);
        let mut player = Client::play(server.rtmp, "demo");
        player.expect("NetStream.Play.Start");
        server.signal("TERM");
        server.wait_log("nobody new is let in");
        (1..signals).for_each(|_| server.signal("TERM"));
        player.expect("NetStream.Play.UnpublishNotify");
        assert!(server.wait().success());
        assert!(server.files("live.mp4").is_empty(), "{}", server.log());
    }
}
