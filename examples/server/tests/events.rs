//! Events of a real stream: in order, signed, until they are taken, over a crash of the server.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::client::{Client, picture, video_header};
use common::{Server, until};
use kit::receiver::{Answer, Receiver, Request};
use serde_json::Value;

fn json(request: &Request) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

/// Types of the events that were taken, each once.
fn types(receiver: &Receiver) -> Vec<String> {
    let mut seen = Vec::new();
    let mut types = Vec::new();
    for event in receiver.requests().iter().map(json) {
        let id = event["id"].clone();
        if !seen.contains(&id) {
            seen.push(id);
            types.push(event["type"].as_str().expect("a type").replace("video.", ""));
        }
    }
    types
}

#[test]
fn events_outlive_a_killed_server_and_come_in_order() {
    let open = Arc::new(AtomicBool::new(false));
    let is_open = open.clone();
    let receiver = Receiver::start(move |_| {
        Answer::status(if is_open.load(Ordering::Relaxed) { 200 } else { 503 })
    });
    let dir = tempfile::tempdir().expect("a folder");
    let url = receiver.url("events");
    let options =
        ["--webhook", &url, "--webhook-secret", "s3cret-word", "--webhook-backoff", "50ms"];
    let mut server = Server::start(dir.path(), &options);
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for n in 0..60 {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
    receiver.wait("a second attempt", |request| {
        json(request)["attempts"].as_array().is_some_and(|list| !list.is_empty())
    });
    until("a file", || {
        server.files("live.mp4").first()?.metadata().ok().filter(|file| file.len() > 10_000)
    });
    let store = rusqlite::Connection::open(dir.path().join("streamcore.db")).expect("a database");
    let count = || store.query_row("SELECT count(*) FROM event", [], |row| row.get::<_, u32>(0));
    until("three events on the disk", || count().ok().filter(|&count| count >= 3));
    drop(store);
    server.signal("KILL");
    server.wait();
    let before = json(&receiver.requests()[0]);
    open.store(true, Ordering::Relaxed);
    let server = Server::start(dir.path(), &options);
    receiver.wait("the recording", |request| json(request)["type"] == "video.asset.ready");
    let mut again = Client::publish(server.rtmp, "demo");
    again.expect("NetStream.Publish.Start");
    receiver.wait("the next publisher", |request| {
        json(request)["type"] == "video.live_stream.connected"
            && json(request)["id"] != before["id"]
    });
    let types = types(&receiver);
    assert_eq!(types[0], "live_stream.connected", "{types:?}");
    for name in ["live_stream.recording", "live_stream.active"] {
        assert!(types[1..3].contains(&name.to_owned()), "{types:?}");
    }
    let came_again =
        receiver.requests().iter().filter(|one| json(one)["id"] == before["id"]).count();
    assert!(came_again >= 2, "the first event was sent until it was taken");
    let asset = receiver.requests().iter().map(json).find(|one| one["type"] == "video.asset.ready");
    let data = asset.expect("a recording")["data"].clone();
    assert_eq!((&data["live_stream_id"], &data["left_over"]), (&"live/demo".into(), &true.into()));
    let request = &receiver.requests()[0];
    let signature = request.header("streamcore-signature").expect("a signature");
    assert!(signature.starts_with("t=") && signature.contains(",v1="), "{signature}");
    assert!(!server.log().contains("s3cret"), "f16: {}", server.log());
}
