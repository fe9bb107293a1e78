//! What is set for a live stream has its effect: how long it waits for a publisher who was cut off, and how far behind players are.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use common::api::{self, call, get};
use common::client::{Client, picture, string, video_header};
use common::{Server, until};
use serde_json::{Value, json};
use streamcore::amf::Value as Amf;

struct Live {
    id: String,
    key: String,
    playback: String,
}

fn create(server: &Server, settings: &Value) -> Live {
    let made = api::create(server, settings);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Live {
        id: text(&made["id"]),
        key: text(&made["stream_key"]),
        playback: text(&made["playback_ids"][0]["id"]),
    }
}

/// A publisher that has sent four seconds.
fn publish(server: &Server, key: &str) -> Client {
    let mut publisher = Client::publish(server.rtmp, key);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for n in 0..101 {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
    publisher
}

fn playlist(server: &Server, live: &Live) -> String {
    let path = format!("/live/{}/video.m3u8", live.playback);
    String::from_utf8(server.get(&path).body).unwrap()
}

fn wait_playlist(server: &Server, live: &Live, wanted: impl Fn(&str) -> bool) -> String {
    until("a playlist", || Some(playlist(server, live)).filter(|text| wanted(text)))
}

#[test]
fn a_publisher_that_returns_within_the_window_goes_on_in_the_same_session() {
    let (far, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let other = Server::start(far.path(), &["--no-record"]);
    let server =
        Server::start(dir.path(), &["--hls-reconnect", "1s", "--hls-segment-duration", "1s"]);
    let patient = create(&server, &json!({ "reconnect_window": 300 }));
    let hasty = create(&server, &json!({ "reconnect_window": 0 }));
    let plain = create(&server, &json!({}));
    let of = format!("live-streams/{}", patient.id);
    let body = json!({ "url": format!("rtmp://{}/pushed", other.rtmp) });
    let (_, target) = call(&server, "POST", &format!("/api/v1/{of}/simulcast-targets"), &body);
    let target =
        format!("/api/v1/{of}/simulcast-targets/{}", target["data"]["id"].as_str().unwrap());
    let mut all = [&patient, &hasty, &plain].map(|live| publish(&server, &live.key));
    let before = wait_playlist(&server, &patient, |text| text.matches("#EXTINF").count() >= 3);
    let pushed = format!("pushed/{}", patient.playback);
    let push = other.wait_live(&pushed);
    for n in 101..202 {
        all[0].send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
    let sent = until("the pushed pictures", || {
        get(&server, &target)["data"]["messages_out"].as_u64().filter(|&count| count >= 100)
    });
    until("a recording", || (server.files("live.mp4").len() == 3).then_some(()));
    // All are cut off. Who waits for nobody, or only as long as the server says, has ended.
    drop(all);
    for live in [&hasty, &plain] {
        wait_playlist(&server, live, |text| text.contains("#EXT-X-ENDLIST"));
    }
    until("their recordings", || (server.files("mp4").len() == 2).then_some(()));
    let paused = playlist(&server, &patient);
    assert!(!paused.contains("#EXT-X-ENDLIST"), "{paused}");
    assert_eq!(get(&server, &target)["data"]["status"], "broadcasting");
    // It returns.
    let mut back = publish(&server, &patient.key);
    other.wait_live(&pushed);
    let after = wait_playlist(&server, &patient, |text| {
        text.matches("#EXT-X-DISCONTINUITY\n").count() == 1 && text.matches("#EXTINF").count() >= 6
    });
    let first = |text: &str| text.lines().find(|line| line.ends_with(".m4s")).map(str::to_owned);
    assert_eq!(first(&before), first(&after), "the same playlist");
    until("the same push", || {
        let target = get(&server, &target)["data"].clone();
        assert_eq!((&target["attempts"], &target["status"]), (&json!(1), &json!("broadcasting")));
        (target["messages_out"].as_u64()? >= sent + 50).then_some(())
    });
    assert_eq!(other.stream(&pushed).unwrap()["since"], push["since"]);
    assert_eq!(server.files("live.mp4").len(), 1, "the same recording");
    // The end that it says itself is the end.
    let end = [string("deleteStream"), Amf::Number(4.0), Amf::Null, Amf::Number(1.0)];
    back.command(0, &end);
    until("one recording", || (server.files("mp4").len() == 3).then_some(()));
    let assets = format!("/api/v1/assets?live_stream_id={}", patient.id);
    let assets = until("its row", || {
        let list = get(&server, &assets)["data"].as_array().unwrap().clone();
        (!list.is_empty()).then_some(list)
    });
    assert_eq!(assets.len(), 1);
    assert!(assets[0]["duration_s"].as_f64().unwrap() > 11.5, "{}", assets[0]);
    let events = format!("/api/v1/events?object_id={}", patient.id);
    let events = until("its events", || {
        let list = get(&server, &events)["data"].as_array().unwrap().clone();
        (list[0]["type"] == "video.live_stream.idle").then_some(list)
    });
    let types: Vec<_> = events.iter().rev().map(|it| it["type"].as_str().unwrap()).collect();
    let types: Vec<_> = types.iter().map(|it| it.rsplit('.').next().unwrap()).collect();
    let session = ["connected", "recording", "active", "disconnected"];
    assert_eq!(types, [&["created"][..], &session, &session, &["idle"]].concat());
}

#[test]
fn latency_mode_standard_has_no_parts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record", "--hls-segment-duration", "1s"]);
    let low = create(&server, &json!({ "latency_mode": "low" }));
    let standard = create(&server, &json!({ "latency_mode": "standard" }));
    let _publishers = [&low, &standard].map(|live| publish(&server, &live.key));
    let whole =
        |live: &Live| wait_playlist(&server, live, |text| text.matches("#EXTINF").count() >= 3);
    assert!(whole(&low).contains("#EXT-X-PART:"));
    let standard_list = whole(&standard);
    assert!(!standard_list.contains("#EXT-X-PART"), "{standard_list}");
    // A change holds from the next publisher on.
    let path = format!("/api/v1/live-streams/{}", standard.id);
    let (status, changed) = call(&server, "PATCH", &path, &json!({ "latency_mode": "low" }));
    assert_eq!((status, &changed["data"]["latency_mode"]), (200, &json!("low")));
    assert_eq!(call(&server, "PUT", &format!("{path}/complete"), &Value::Null).0, 200);
    wait_playlist(&server, &standard, |text| text.contains("#EXT-X-ENDLIST"));
    let _again = publish(&server, &standard.key);
    wait_playlist(&server, &standard, |text| text.contains("#EXT-X-PART:"));
}
