//! Keys, playback ids, signed addresses and the API around them, against the running program.

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use common::api::{call, create, raw, signature, signing_key, token};
use common::client::{Client, picture, video_header};
use common::{Server, until};
use serde_json::{Value, json};

fn send(client: &mut Client) {
    client.send(9, 1, 0, video_header());
    for n in 0..100 {
        client.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn f_17_a_key_publishes_what_plays_under_another_name() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--require-key", "always"]);
    let stream = create(&server, &json!({ "reconnect_window": 5, "latency_mode": "low" }));
    let (key, playback) = (text(&stream["stream_key"]), text(&stream["playback_ids"][0]["id"]));
    let address = format!("/api/v1/live-streams/{}", text(&stream["id"]));
    assert_eq!(call(&server, "GET", &address, &Value::Null).1["data"]["status"], "idle");
    let mut publisher = Client::publish(server.rtmp, key);
    publisher.expect("NetStream.Publish.Start");
    send(&mut publisher);
    assert_eq!(server.get(&format!("/live/{playback}/index.m3u8")).status, 200);
    assert_eq!(server.get(&format!("/live/{key}/index.m3u8")).status, 404);
    let shown = call(&server, "GET", &address, &Value::Null).1["data"].clone();
    assert_eq!((&shown["status"], &shown["stream_key"]), (&json!("active"), &Value::Null));
    // Nobody who watches is told the key, and what they are told publishes nothing.
    let list = server.get("/api/v1/streams").body;
    assert!(!String::from_utf8_lossy(&list).contains(key));
    for name in [playback, "demo"] {
        Client::publish(server.rtmp, name).expect("NetStream.Publish.Denied");
    }
    assert!(!server.log().contains(key), "f16");
    let mut player = Client::play(server.rtmp, playback);
    assert!(player.media().is_some());
    // A key that is revoked ends its publisher; the stream is there to be published with another.
    let (status, reset) =
        call(&server, "POST", &format!("{address}/reset-stream-key"), &Value::Null);
    assert_eq!(status, 201);
    player.expect("NetStream.Play.UnpublishNotify");
    Client::publish(server.rtmp, key).expect("NetStream.Publish.Denied");
    let fresh = text(&reset["data"]["stream_key"]);
    Client::publish(server.rtmp, fresh).expect("NetStream.Publish.Start");
}

#[test]
fn f_19_a_key_takes_its_stream_back_from_a_stale_connection_and_nobody_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--require-key", "always"]);
    let stream = create(&server, &json!({}));
    let (key, playback) = (text(&stream["stream_key"]), text(&stream["playback_ids"][0]["id"]));
    let mut stale = Client::publish(server.rtmp, key);
    stale.expect("NetStream.Publish.Start");
    send(&mut stale);
    let mut player = Client::play(server.rtmp, playback);
    assert!(player.media().is_some());
    // A key of another stream publishes that one, and no key nothing.
    let other = create(&server, &json!({}));
    let mut other = Client::publish(server.rtmp, text(&other["stream_key"]));
    other.expect("NetStream.Publish.Start");
    Client::publish(server.rtmp, playback).expect("NetStream.Publish.Denied");
    let mut back = Client::publish(server.rtmp, key);
    back.expect("NetStream.Publish.Start");
    back.send(9, 1, 0, video_header());
    back.send(9, 1, 9000, picture(true, 900));
    // The player sees no end, and what the stale connection sends is its own end.
    until("the picture of who came back", || {
        let message = player.media().expect("the player is not ended");
        (message.payload.len() == 900).then_some(())
    });
    stale.send(9, 1, 5080, picture(true, 600));
    while stale.message().is_some() {}
}

#[test]
fn signed_addresses_play_and_others_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--hls-segment-duration", "1s"]);
    let stream = create(
        &server,
        &json!({ "playback_policies": ["signed"], "new_asset_settings": { "playback_policy": "signed" } }),
    );
    let (key, playback) = (text(&stream["stream_key"]), text(&stream["playback_ids"][0]["id"]));
    let (kid, secret) = signing_key(&server);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let sign = |id: &str, end: u64| signature((&kid, &secret), id, end);
    let mut publisher = Client::publish(server.rtmp, key);
    publisher.expect("NetStream.Publish.Start");
    send(&mut publisher);
    let good = sign(playback, now + 600);
    let get = |file: &str| server.get(&format!("/live/{playback}/{file}"));
    for query in [
        "",
        "?sig=x",
        &format!("?{}", sign("other", now + 600)),
        &format!("?{}", sign(playback, now - 60)),
    ] {
        for file in ["index.m3u8", "index.mpd", "video.m3u8"] {
            assert_eq!(get(&format!("{file}{query}")).status, 403, "{file}{query}");
        }
    }
    // Each address that a playlist names has the signature, too, and needs it.
    let index = String::from_utf8(get(&format!("index.m3u8?{good}")).body).unwrap();
    let media = index.lines().find(|line| line.starts_with("video.m3u8")).unwrap();
    let media = String::from_utf8(get(media).body).unwrap();
    let segment =
        media.lines().find(|line| line.contains(".m4s") && !line.starts_with('#')).unwrap();
    assert_eq!(get(segment).status, 200);
    assert_eq!(get(segment.split('?').next().unwrap()).status, 403);
    assert_eq!(get(&format!("index.mpd?{good}")).status, 200);
    let mut player = Client::play(server.rtmp, &format!("{playback}?{good}"));
    assert!(player.media().is_some());
    Client::play(server.rtmp, playback).expect("NetStream.Play.Failed");
    // The recording is guarded in the same way.
    drop(publisher);
    let asset = until("an asset", || {
        let (_, list) = call(&server, "GET", "/api/v1/assets", &Value::Null);
        list["data"][0].as_object().cloned()
    });
    assert_eq!(asset["live_stream_id"], stream["id"]);
    let url = text(&asset["url"]);
    assert_eq!(server.get(url).status, 403);
    assert_eq!(server.get(&format!("{url}?{good}")).status, 200);
}

#[test]
fn the_first_start_prints_a_key_and_a_token_and_no_other_does() {
    let dir = tempfile::tempdir().unwrap();
    let first = Server::start(dir.path(), &[]);
    let line = first.banner.lines().find(|line| line.contains("with the stream key")).unwrap();
    let key = line.split_whitespace().last().unwrap().to_owned();
    let bearer = format!("Authorization: Bearer {}\r\n", token(&first));
    drop(first);
    let second = Server::start(dir.path(), &["--require-key", "always"]);
    assert!(!second.banner.contains(&key) && !second.banner.contains("api token"));
    assert_eq!(second.request("GET", "/api/v1/live-streams", &bearer).status, 200);
    Client::publish(second.rtmp, &key).expect("NetStream.Publish.Start");
}

#[test]
fn f_18_wrong_tokens_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let good = token(&server);
    let ask = |headers: &str| server.request("GET", "/api/v1/live-streams", headers);
    // The host that these tests name is none of this machine's names.
    for headers in [
        String::new(),
        "Authorization: Bearer x\r\n".into(),
        format!("Authorization: Bearer {good}x\r\n"),
        format!("Authorization: Basic {good}\r\n"),
        "Authorization: Bearer \r\n".into(),
        "X-Forwarded-For: 127.0.0.1\r\n".into(),
    ] {
        let answer = ask(&headers);
        assert_eq!(answer.status, 401, "{headers}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.header("www-authenticate"), Some("bearer"));
        let problem: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem["status"], 401);
    }
    assert_eq!(ask(&format!("Authorization: Bearer {good}\r\n")).status, 200);
}

#[test]
fn oversize_bodies_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let body = json!({ "passthrough": "x".repeat(66_000) });
    let (status, problem) = call(&server, "POST", "/api/v1/live-streams", &body);
    assert_eq!((status, &problem["status"]), (413, &json!(413)));
}

#[test]
fn f_08_path_tricks_in_ids_and_names_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    for id in ["..", "%2e%2e", "..%2f..%2fstreamcore.db", "%00", "%ff", "a%0ab", "'%20or%201=1"] {
        for path in
            [format!("/api/v1/live-streams/{id}"), format!("/api/v1/assets/{id}/poster.jpg")]
        {
            let (status, _) = call(&server, "GET", &path, &Value::Null);
            assert_eq!(status, 404, "{path}");
        }
    }
    for app in ["..", "a/b", "api", "recordings", ".x", "a\\b", "a\nb", "", &"a".repeat(100)] {
        let (status, _) = call(&server, "POST", "/api/v1/live-streams", &json!({ "app": app }));
        assert_eq!(status, 400, "{app:?}");
    }
}

#[test]
fn hostile_headers_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let bearer = format!("Authorization: Bearer {}\r\n", token(&server));
    let many = "X-Many: x\r\n".repeat(200);
    for (what, headers, body) in [
        ("many", many.as_str(), ""),
        ("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n", ""),
        ("both framings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", ""),
    ] {
        let answer =
            server.request("GET", "/api/v1/live-streams", &format!("{bearer}{headers}{body}"));
        assert!((400..=431).contains(&answer.status), "{what}: {}", answer.status);
    }
    // One that does not end is answered or cut off.
    let mut endless = TcpStream::connect(server.http).unwrap();
    let head = "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ".to_owned() + &"x".repeat(1 << 20);
    let _ = endless.write_all(head.as_bytes());
    let mut answer = Vec::new();
    let _ = endless.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"));
    let text = raw(&server, "POST", "/api/v1/live-streams", &bearer, "{\"app\":");
    assert_eq!(text.status, 400);
    assert_eq!(text.header("content-type"), Some("application/problem+json"));
    assert_eq!(server.get("/healthz").status, 200);
}
