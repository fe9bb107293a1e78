//! Events of a real stream: in order, signed, until they are taken, over a crash of the server.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::api::{call, get};
use common::client::{Client, picture, video_header};
use common::{Server, until};
use kit::receiver::{Answer, Receiver, Request};
use serde_json::{Value, json};

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
    assert_eq!(types[1..3], ["live_stream.recording", "live_stream.active"], "{types:?}");
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

#[test]
fn events_are_listed_shown_and_sent_again_over_the_api() {
    let open = Arc::new(AtomicBool::new(false));
    let is_open = open.clone();
    let receiver = Receiver::start(move |_| {
        Answer::status(if is_open.load(Ordering::Relaxed) { 200 } else { 503 })
    });
    let dir = tempfile::tempdir().expect("a folder");
    let url = receiver.url("events?token=s3cret");
    let options =
        ["--webhook", &url, "--webhook-secret", "s3cret-word", "--webhook-backoff", "50ms"];
    let server = Server::start(dir.path(), &options);
    let (status, made) = call(&server, "POST", "/api/v1/live-streams", &json!({}));
    assert_eq!(status, 201);
    let (id, key) = (&made["data"]["id"], made["data"]["stream_key"].as_str().expect("a key"));
    let mut publisher = Client::publish(server.rtmp, key);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for n in 0..30 {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
    let path = format!("/api/v1/events?object_id={}", id.as_str().expect("an id"));
    let list = until("the events of the stream", || {
        let list = get(&server, &path)["data"].as_array().expect("a list").clone();
        (list.len() == 4).then_some(list)
    });
    // Newest first.
    let types: Vec<_> = list.iter().rev().map(|event| event["type"].clone()).collect();
    let wanted = ["created", "connected", "recording", "active"];
    assert_eq!(types, wanted.map(|name| format!("video.live_stream.{name}")));
    // By pages, by type, and by what became of them.
    let page = get(&server, &format!("{path}&limit=3"));
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let rest = get(&server, &format!("{path}&limit=3&cursor={cursor}"));
    assert_eq!((&rest["data"][0]["id"], &rest["next_cursor"]), (&list[3]["id"], &Value::Null));
    let of = |query: &str| get(&server, &format!("{path}{query}"))["data"].as_array().map(Vec::len);
    assert_eq!((of("&type=video.live_stream.rec"), of("&type=video.asset")), (Some(1), Some(0)));
    assert_eq!((of("&state=pending"), of("&state=delivered")), (Some(4), Some(0)));
    let address = format!("/api/v1/events/{}", list[3]["id"].as_str().expect("an id"));
    let delivery = until("a second attempt", || {
        let delivery = get(&server, &address)["data"]["deliveries"][0].clone();
        (delivery["count"].as_u64()? >= 2).then_some(delivery)
    });
    assert_eq!(delivery["state"], "pending");
    assert_eq!(delivery["attempts"][0]["response_status_code"], 503);
    open.store(true, Ordering::Relaxed);
    until("all are taken", || (of("&state=delivered") == Some(4)).then_some(()));
    let webhook = get(&server, "/api/v1/webhooks")["data"][0].clone();
    assert_eq!((&webhook["id"], &webhook["failed"]), (&delivery["webhook_id"], &json!(0)));
    // Once more, by hand.
    let came = || receiver.requests().iter().filter(|one| json(one)["id"] == list[3]["id"]).count();
    let before = came();
    let again = |body: &Value| call(&server, "POST", &format!("{address}/replay"), body).0;
    assert_eq!(again(&json!({ "webhook_id": "x" })), 409);
    assert_eq!(again(&json!({ "webhook_id": webhook["id"] })), 202);
    until("it came again", || (came() == before + 1).then_some(()));
    assert_eq!(again(&json!({})), 202);
    until("and again", || (came() == before + 2).then_some(()));
    let (status, _) = call(&server, "POST", "/api/v1/events/x/replay", &json!({}));
    assert_eq!(status, 404);
    // The recording's event names it as the API does.
    drop(publisher);
    let (_, _) = call(
        &server,
        "PUT",
        &format!("/api/v1/live-streams/{}/complete", id.as_str().expect("an id")),
        &Value::Null,
    );
    let ready = until("the recording", || {
        get(&server, "/api/v1/events?type=video.asset.ready")["data"].get(0).cloned()
    });
    let asset = get(&server, "/api/v1/assets")["data"][0].clone();
    assert_eq!((&ready["object"]["id"], &ready["data"]["live_stream_id"]), (&asset["id"], id));
    let shown = get(&server, "/api/v1/events?limit=100").to_string() + &server.log();
    assert!(!shown.contains("s3cret") && !shown.contains(key), "f16: {shown}");
}
