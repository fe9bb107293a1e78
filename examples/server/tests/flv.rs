//! HTTP-FLV and WebSocket-FLV: what players get, who is let in, and what becomes of those who are slow or sent away.

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use common::api::{call, get};
use common::client::{Client, picture, video_header};
use common::flv::{End, Player};
use common::{Server, until};
use kit::flv::{AUDIO, Tag, VIDEO};
use kit::receiver::{Answer, Receiver};
use serde_json::{Value, json};

const DEMO: &str = "/live/demo.flv";

/// Publishes a header and `count` pictures, of which each tenth is a key frame.
fn publish(server: &Server, name: &str, count: u32) -> Client {
    let mut client = Client::publish(server.rtmp, name);
    client.expect("NetStream.Publish.Start");
    client.send(9, 1, 0, video_header());
    send(&mut client, 0..count);
    client
}

fn send(client: &mut Client, numbers: std::ops::Range<u32>) {
    numbers.for_each(|n| client.send(9, 1, n * 40, picture(n % 10 == 0, 3000)));
}

/// Waits until the server has all pictures up to that one.
fn wait_for(server: &Server, count: u32) {
    let bytes = u64::from(count) * 3000;
    until("all pictures", || {
        (server.stream("live/demo")?["bytes_in"].as_u64()? >= bytes).then_some(())
    });
}

fn players(server: &Server) -> Value {
    server.stream("live/demo").map_or(Value::Null, |stream| stream["players"].clone())
}

fn sessions(server: &Server, protocol: &str) -> Vec<Value> {
    let list = get(server, &format!("/api/v1/sessions?role=player&protocol={protocol}"));
    list["data"].as_array().expect("a list").clone()
}

#[test]
fn players_get_the_stream_from_its_last_key_frame_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record"]);
    let mut publisher = publish(&server, "demo", 25);
    wait_for(&server, 25);
    let both = [(false, "http-flv"), (true, "ws-flv")];
    let mut players = both.map(|(socket, protocol)| {
        let player = Player::open(server.http, DEMO, socket);
        let session = until("a session", || sessions(&server, protocol).into_iter().next());
        assert_eq!((&session["stream"], &session["agent"]), (&json!("live/demo"), &json!("probe")));
        player
    });
    let shown = self::players(&server);
    assert_eq!(
        (&shown["http_flv"], &shown["ws_flv"], &shown["rtmp"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(server.stream("live/demo").unwrap()["viewers"], 2);
    let totals = get(&server, "/api/v1/server")["details"]["totals"]["players"].clone();
    assert_eq!((&totals["http-flv"], &totals["ws-flv"]), (&json!(1), &json!(1)));
    for line in [
        "content-type: video/x-flv",
        "transfer-encoding: chunked",
        "access-control-allow-origin: *",
        "cache-control: no-store",
    ] {
        assert!(players[0].head.contains(line), "{line}: {}", players[0].head);
    }
    assert_eq!((players[0].status(), players[1].status()), (200, 101));
    send(&mut publisher, 25..60);
    drop(publisher);
    let tag = |timestamp, body: Bytes| Tag { kind: VIDEO, timestamp, body: body.to_vec() };
    let wanted: Vec<Tag> = std::iter::once(tag(800, video_header()))
        .chain((20..60).map(|n| tag(n * 40, picture(n % 10 == 0, 3000))))
        .collect();
    for player in &mut players {
        assert_eq!(player.flags(), (false, true), "pictures and no sound");
        let (tags, end) = player.rest();
        assert_eq!(end, End::Whole);
        assert_eq!(tags.len(), wanted.len());
        assert!(tags == wanted, "other tags: {tags:?}");
    }
    // Each message of a WebSocket is one tag behind the header of the file.
    let sizes = [13].into_iter().chain(wanted.iter().map(|tag| tag.body.len() + 15));
    assert!(players[1].pieces.iter().copied().eq(sizes), "{:?}", players[1].pieces);
    until("no session", || {
        both.iter().all(|(_, one)| sessions(&server, one).is_empty()).then_some(())
    });
    let sent = get(&server, "/api/v1/server")["details"]["totals"]["bytes_out"].as_u64().unwrap();
    assert!(sent > 2 * 40 * 3000, "{sent}");
}

#[test]
fn extended_codecs_and_sound_pass_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record"]);
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    // VP9 and Opus of Enhanced RTMP: sequence starts, then coded frames (packet types 0 and 1).
    let body = |head: &[u8], size: usize| {
        let mut body = head.to_vec();
        body.resize(head.len() + size, 0x5a);
        Bytes::from(body)
    };
    let sent = [
        (VIDEO, 0, body(b"\x90vp09\x01\0\0\0\0\x0a\x82\x02\x02\x02\0\0", 0)),
        (AUDIO, 0, body(b"\x90OpusOpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0", 0)),
        (VIDEO, 0, body(b"\x91vp09", 500)),
        (AUDIO, 5, body(b"\x91Opus", 90)),
        (VIDEO, 40, body(b"\xa1vp09", 400)),
    ];
    for (kind, timestamp, body) in &sent {
        publisher.send(*kind, 1, *timestamp, body.clone());
    }
    let bytes: usize = sent.iter().map(|(_, _, body)| body.len()).sum();
    until("all of it", || (server.stream("live/demo")?["bytes_in"] == bytes).then_some(()));
    let mut player = Player::open(server.http, DEMO, false);
    drop(publisher);
    assert_eq!(player.flags(), (true, true));
    let (tags, _) = player.rest();
    let got: Vec<_> =
        tags.into_iter().map(|tag| (tag.kind, tag.timestamp, Bytes::from(tag.body))).collect();
    assert_eq!(got, sent);
}

#[test]
fn what_is_not_live_is_not_found_and_other_methods_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record"]);
    for path in [DEMO, "/live/.flv", "/live/%2e%2e/demo.flv", "/live/..%2fdemo.flv", "/demo.flv"] {
        for socket in [false, true] {
            assert_eq!(Player::open(server.http, path, socket).status(), 404, "{path}");
        }
    }
    let publisher = publish(&server, "demo", 1);
    server.wait_live("live/demo");
    let head = server.request("HEAD", DEMO, "");
    assert_eq!((head.status, head.header("content-type")), (200, Some("video/x-flv")));
    assert_eq!(server.request("OPTIONS", DEMO, "").status, 204);
    assert_eq!(server.request("POST", DEMO, "").status, 405);
    // A hand-shake without its key.
    let half = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    assert_eq!(server.request("GET", DEMO, half).status, 400);
    assert_eq!(players(&server)["http_flv"], 0);
    drop(publisher);
}

#[test]
fn signed_addresses_play_flv_and_others_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record"]);
    let made = |path: &str, body: &Value| call(&server, "POST", path, body).1["data"].clone();
    let stream = made("/api/v1/live-streams", &json!({ "playback_policies": ["signed"] }));
    let signer = made("/api/v1/signing-keys", &json!({ "algorithm": "HMAC" }));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (key, playback) = (text(&stream["stream_key"]), text(&stream["playback_ids"][0]["id"]));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let sign = |end: u64| {
        let mac = hmac_sha256::HMAC::mac(format!("{playback}\n{end}"), text(&signer["secret"]));
        let sig: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("kid={}&expires={end}&sig={sig}", text(&signer["id"]))
    };
    let publisher = publish(&server, &key, 3);
    let path = text(&get(&server, "/api/v1/streams")["data"][0]["path"]);
    server.wait_live(&path);
    let (good, late) = (sign(now + 600), sign(now - 60));
    for socket in [false, true] {
        let status = |name: &str, query: &str| {
            Player::open(server.http, &format!("/live/{name}.flv{query}"), socket).status()
        };
        assert_eq!(status(&playback, ""), 403);
        assert_eq!(status(&playback, "?sig=x"), 403);
        assert_eq!(status(&playback, &format!("?{late}")), 403);
        assert_eq!(status(&key, &format!("?{good}")), 404, "a key is no name");
        assert_eq!(status(&playback, &format!("?{good}")), if socket { 101 } else { 200 });
    }
    assert!(!server.log().contains(&key) && !server.log().contains("sig="), "f16");
    drop(publisher);
}

#[test]
fn hooks_are_asked_about_flv_players_and_told_of_their_end() {
    let receiver = Receiver::start(|request| match request.field("key").as_str() {
        "good" => Answer::status(200),
        _ => Answer::status(403),
    });
    let dir = tempfile::tempdir().unwrap();
    let url = receiver.url("hook");
    let server =
        Server::start(dir.path(), &["--no-record", "--on-play", &url, "--on-play-done", &url]);
    let publisher = publish(&server, "demo", 3);
    server.wait_live("live/demo");
    for socket in [false, true] {
        assert_eq!(Player::open(server.http, DEMO, socket).status(), 403);
        let mut player = Player::open(server.http, &format!("{DEMO}?key=good"), socket);
        player.flags();
        drop(player);
    }
    let both = |call: &str| {
        let asked = receiver.requests();
        let of = asked.iter().filter(|one| one.field("call") == call && one.field("key") == "good");
        of.inspect(|one| {
            assert_eq!((one.field("app"), one.field("name")), ("live".into(), "demo".into()))
        })
        .count()
            == 2
    };
    assert!(both("play"));
    until("play_done", || both("play_done").then_some(()));
    assert_eq!(players(&server)["http_flv"], 0);
    drop(publisher);
}

#[test]
fn a_session_is_ended_over_the_api() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record"]);
    let publisher = publish(&server, "demo", 3);
    server.wait_live("live/demo");
    for (socket, protocol) in [(false, "http-flv"), (true, "ws-flv")] {
        let mut player = Player::open(server.http, DEMO, socket);
        let session = until("a session", || sessions(&server, protocol).into_iter().next());
        let address = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
        player.flags();
        assert_eq!(call(&server, "DELETE", &address, &Value::Null).0, 204);
        assert_eq!(player.rest().1, End::Cut, "{protocol}");
        assert!(sessions(&server, protocol).is_empty());
    }
    assert_eq!(server.stream("live/demo").unwrap()["viewers"], 0);
    drop(publisher);
}

#[test]
fn f_21_a_player_of_flv_that_reads_nothing_is_cut_off_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["--no-record", "--hls-window", "3s", "--hls-segment-duration", "1s"];
    let server = Server::start(dir.path(), &options);
    let mut publisher = publish(&server, "demo", 1);
    server.wait_live("live/demo");
    let mut sleepers = [false, true].map(|socket| Player::open(server.http, DEMO, socket));
    let big = [true, false].map(|key| picture(key, 1 << 20));
    let mut sent = 0;
    until("two players given up", || {
        for _ in 0..10 {
            sent += 1;
            publisher.send(9, 1, sent * 1000, big[usize::from(sent % 5 != 0)].clone());
        }
        (players(&server)["flv_given_up"] == 2).then_some(())
    });
    let shown = players(&server);
    assert!(shown["flv_dropped"].as_u64().unwrap() > 0 && shown["rtmp_dropped"] == 0, "{shown}");
    until("nobody left", || {
        (players(&server)["http_flv"] == 0 && players(&server)["ws_flv"] == 0).then_some(())
    });
    for sleeper in &mut sleepers {
        sleeper.flags();
        assert_eq!(sleeper.rest().1, End::Cut);
    }
    assert!(sessions(&server, "http-flv").is_empty() && sessions(&server, "ws-flv").is_empty());
}

#[test]
fn a_websocket_is_counted_as_a_connection_until_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record"]);
    let publisher = publish(&server, "demo", 3);
    server.wait_live("live/demo");
    let limited = tempfile::tempdir().unwrap();
    let pull = format!("rtmp://{}/live", server.rtmp);
    let small = Server::start(
        limited.path(),
        &["--no-record", "--pull", &pull, "--max-http-connections", "1"],
    );
    // It is taken from the other server, for a player of FLV as for any.
    let mut player = Player::open(small.http, DEMO, true);
    assert_eq!((player.status(), player.flags()), (101, (false, true)));
    let answers = || {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(small.http).unwrap();
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).is_ok() && answer.contains("ok")
    };
    assert!(!answers());
    drop(player);
    until("room", || answers().then_some(()));
    drop(publisher);
}
