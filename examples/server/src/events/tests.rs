use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver as Received, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::bus::{Bus, Kind};
use super::journal::{Filter, Journal};
use super::settings::{EventArgs, Secret};
use super::{StreamEvents, Told, sign};
use crate::store::{SCHEMAS, Store};

/// Answers one request after the other with these statuses, then with 200, and gives what came: signature and body.
fn receiver(statuses: &'static [u16]) -> (String, Received<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let statuses = statuses.iter().copied().chain(std::iter::repeat(200));
        for (stream, status) in listener.incoming().zip(statuses) {
            let mut stream = stream.unwrap();
            let (mut bytes, mut block) = (Vec::new(), [0; 4096]);
            let (head, length) = loop {
                let count = stream.read(&mut block).unwrap();
                bytes.extend_from_slice(&block[..count]);
                let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                    continue;
                };
                let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                let length = head.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
                if bytes.len() >= end + 4 + length {
                    break (head, length);
                }
            };
            let body = &bytes[bytes.len() - length..];
            let signature = head.split("streamcore-signature: ").nth(1).unwrap();
            let signature = signature.lines().next().unwrap().trim().to_owned();
            let time = signature.strip_prefix("t=").unwrap().split(',').next().unwrap();
            assert_eq!(signature, sign::sign("s3cret-word", time.parse().unwrap(), body));
            tell.send((signature, serde_json::from_slice(body).unwrap())).unwrap();
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .unwrap();
        }
    });
    (url, told)
}

fn settings(urls: &[&str], types: &[&str]) -> super::settings::Settings {
    let args = EventArgs {
        webhook: urls.iter().map(|url| url.parse().unwrap()).collect(),
        webhook_secret: Some(Secret("s3cret-word".into())),
        webhook_types: types.iter().map(|&name| name.to_owned()).collect(),
        webhook_timeout: Duration::from_secs(5),
        webhook_backoff: Duration::from_millis(5),
        webhook_retry: Duration::from_secs(3600),
        events_kept: 50,
    };
    args.settings(None)
}

fn next(told: &Received<(String, Value)>) -> Value {
    told.recv_timeout(Duration::from_secs(20)).expect("an event").1
}

async fn wait_for(journal: &Journal, filter: &Filter, count: usize) -> Vec<super::journal::Stored> {
    for _ in 0..2000 {
        let events = journal.list(filter.clone()).await.unwrap();
        if events.len() == count {
            return events;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not {count} events of {filter:?}");
}

fn all() -> Filter {
    Filter::default()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_in_order_signed_and_again_until_they_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (url, told) = receiver(&[500, 302]);
    let (bus, queue) = Bus::new();
    let store = Store::open(dir.path(), SCHEMAS).unwrap();
    let journal = Journal::start(store, settings(&[&url], &[]), queue, Default::default()).unwrap();
    let stream = StreamEvents::new(Told::new(bus), "live/demo");
    stream.connected("192.0.2.1:1", "OBS", None);
    stream.media(true);
    stream.media(true);
    stream.media(false);
    stream.disconnected();
    stream.disconnected();
    stream.idle();
    stream.idle();
    let came: Vec<Value> = (0..7).map(|_| next(&told)).collect();
    let types: Vec<&str> = came.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let [connected, recording, active] = ["connected", "recording", "active"];
    let wanted = [connected, connected, connected, recording, active, "disconnected", "idle"];
    assert_eq!(types, wanted.map(|name| format!("video.live_stream.{name}")));
    assert!(came[..3].iter().all(|event| event["id"] == came[0]["id"]), "one event, one id");
    assert_eq!(came[0]["attempts"], json!([]));
    let codes: Vec<_> = came[2]["attempts"].as_array().unwrap().iter().collect();
    assert_eq!(
        codes.iter().map(|one| &one["response_status_code"]).collect::<Vec<_>>(),
        [500, 302]
    );
    assert_eq!(came[0]["object"], json!({ "type": "live", "id": "live/demo" }));
    assert_eq!(came[0]["data"]["publisher"]["agent"], "OBS");
    let delivered = Filter { state: Some("delivered".into()), ..all() };
    let events = wait_for(&journal, &delivered, 5).await;
    assert_eq!((events[4].deliveries[0].count, &events[4].event["id"]), (3, &came[0]["id"]));
    let id = came[6]["id"].as_str().unwrap().to_owned();
    assert!(journal.replay(id.clone(), None).await.unwrap());
    assert_eq!(next(&told)["id"], id.as_str());
    assert!(!journal.replay("nothing".into(), None).await.unwrap());
    assert_eq!(journal.get(id).await.unwrap().unwrap().event["type"], "video.live_stream.idle");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_is_sent_after_another_start() {
    let dir = tempfile::tempdir().unwrap();
    let (url, told) = receiver(&[]);
    let receivers = settings(&[&url, "http://127.0.0.1:1/"], &["video.asset"]);
    // Written, and nobody there to send it.
    let (bus, queue) = Bus::new();
    let store = Store::open(dir.path(), SCHEMAS).unwrap();
    let deaf =
        super::settings::Settings { backoff: Duration::from_secs(3600), ..receivers.clone() };
    let deaf = Journal::start(store.clone(), deaf, queue, Default::default()).unwrap();
    bus.emit(Kind::StreamIdle, "live/demo", json!({}));
    bus.emit(Kind::AssetReady, "file", json!({ "n": 1 }));
    wait_for(&deaf, &all(), 2).await;
    assert_eq!(next(&told)["data"]["n"], 1);
    let pending = Filter { state: Some("pending".into()), ..all() };
    let left = wait_for(&deaf, &pending, 1).await;
    assert_eq!(left[0].deliveries.len(), 2, "for those who want it alone");
    // The other receiver is there at the next start.
    drop((deaf, bus, store));
    let (other, told) = receiver(&[]);
    let port = other.split(':').nth(2).unwrap().split('/').next().unwrap().to_owned();
    let mut moved = receivers;
    moved.receivers[1].url = format!("http://127.0.0.1:{port}/").parse().unwrap();
    let store = Store::open(dir.path(), SCHEMAS).unwrap();
    let wanted = left[0].event["id"].clone();
    store.call(|db| db.execute("UPDATE event_delivery SET next_ms = 0", [])).await.unwrap();
    let (_bus, queue) = Bus::new();
    let _journal = Journal::start(store, moved, queue, Default::default()).unwrap();
    assert_eq!(next(&told)["id"], wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_kept_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let (bus, queue) = Bus::new();
    let store = Store::open(dir.path(), SCHEMAS).unwrap();
    let journal =
        Journal::start(store, settings(&["http://127.0.0.1:1/"], &[]), queue, Default::default())
            .unwrap();
    for n in 0..120 {
        bus.emit(Kind::StreamIdle, &n.to_string(), json!({}));
    }
    let newest = async || journal.list(Filter { limit: 1, ..all() }).await.unwrap();
    while newest().await.first().is_none_or(|event| event.seq < 120) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let events = wait_for(&journal, &all(), 50).await;
    assert_eq!((events[0].seq, events[49].seq), (120, 71));
    let older = journal.list(Filter { before: Some(75), limit: 2, ..all() }).await.unwrap();
    assert_eq!(older.iter().map(|event| event.seq).collect::<Vec<_>>(), [74, 73]);
    let one = journal.list(Filter { object: Some("100".into()), ..all() }).await.unwrap();
    assert_eq!(one.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_takes_is_given_up_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (bus, queue) = Bus::new();
    let store = Store::open(dir.path(), SCHEMAS).unwrap();
    let mut settings = settings(&["http://127.0.0.1:1/"], &[]);
    settings.retry = Duration::from_millis(100);
    let journal = Journal::start(store, settings, queue, Default::default()).unwrap();
    bus.emit(Kind::StreamIdle, "live/demo", json!({}));
    let failed = Filter { state: Some("failed".into()), ..all() };
    let events = wait_for(&journal, &failed, 1).await;
    assert!(events[0].deliveries[0].count >= 1);
}
