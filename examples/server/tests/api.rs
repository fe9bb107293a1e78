//! What the API says of streams, sessions and the server, and what it ends.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use common::api::{call, get};
use common::client::{Client, picture, video_header};
use common::{Server, until};
use serde_json::{Value, json};

fn publish(server: &Server, name: &str) -> Client {
    let mut publisher = Client::publish(server.rtmp, name);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for n in 0..100 {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
    server.wait_live(&format!("live/{name}"));
    publisher
}

fn sessions(server: &Server, query: &str) -> Vec<Value> {
    get(server, &format!("/api/v1/sessions{query}"))["data"].as_array().unwrap().clone()
}

fn kick(server: &Server, session: &Value) {
    let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(call(server, "DELETE", &path, &Value::Null).0, 204);
    assert_eq!(call(server, "GET", &path, &Value::Null).0, 404);
    assert_eq!(call(server, "DELETE", &path, &Value::Null).0, 404);
}

#[test]
fn publishers_and_players_of_each_protocol_are_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record"]);
    let _publisher = publish(&server, "demo");
    let mut player = Client::play(server.rtmp, "demo");
    assert!(player.media().is_some());
    assert_eq!(server.get("/live/demo/index.m3u8").status, 200);
    assert_eq!(server.request("GET", "/live/demo/index.mpd", "User-Agent: x\r\n").status, 200);
    let list = sessions(&server, "");
    let kinds: Vec<_> =
        list.iter().map(|it| (it["role"].clone(), it["protocol"].clone())).collect();
    let wanted = ["rtmp", "rtmp", "hls", "dash"].map(|it| (json!("player"), json!(it)));
    assert_eq!(kinds[0], (json!("publisher"), json!("rtmp")));
    assert_eq!(kinds[1..], wanted[1..]);
    for session in &list {
        assert_eq!(session["stream"], "live/demo");
        assert!(session["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{session}");
    }
    // What the publisher sent: the header, and a hundred pictures.
    let sent = video_header().len() + 100 * 1000;
    let of = |role: &str| sessions(&server, &format!("?role={role}"));
    until("all bytes", || (of("publisher")[0]["bytes"] == sent).then_some(()));
    assert_eq!(of("publisher")[0]["messages"], 101);
    assert!(sessions(&server, "?protocol=hls")[0]["bytes"].as_u64().unwrap() > 100);
    assert!(sessions(&server, "?protocol=rtmp&role=player")[0]["bytes"].as_u64().unwrap() > 1000);
    assert_eq!(sessions(&server, "?stream=live/other").len(), 0);
    // By pages of one.
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = get(&server, &format!("/api/v1/sessions?limit=1{cursor}"));
        seen.push(page["data"][0]["id"].clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, list.iter().map(|it| it["id"].clone()).collect::<Vec<_>>());
    drop(player);
    until("the player's end", || (of("player").len() == 2).then_some(()));
}

#[test]
fn a_session_that_is_ended_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record", "--hls-reconnect", "60s"]);
    let mut publisher = publish(&server, "demo");
    let mut player = Client::play(server.rtmp, "demo");
    assert!(player.media().is_some());
    kick(&server, &sessions(&server, "?role=player")[0]);
    while player.message().is_some() {}
    // A player over HTTP has no connection: it is refused. Another is not.
    let ask = |agent: &str| {
        let agent = format!("User-Agent: {agent}\r\n");
        server.request("GET", "/live/demo/video.m3u8", &agent).status
    };
    assert_eq!((ask("one"), ask("two")), (200, 200));
    let list = sessions(&server, "?protocol=hls");
    kick(&server, list.iter().find(|it| it["agent"] == "one").unwrap());
    assert_eq!((ask("one"), ask("two")), (403, 200));
    assert_eq!(server.stream("live/demo").unwrap()["players"]["hls"], 1);
    // A publisher's stream ends with it, and is not waited for.
    kick(&server, &sessions(&server, "?role=publisher")[0]);
    while publisher.message().is_some() {}
    let ended = || {
        let playlist = server.request("GET", "/live/demo/video.m3u8", "User-Agent: two\r\n").body;
        String::from_utf8(playlist).unwrap().contains("#EXT-X-ENDLIST").then_some(())
    };
    until("the end of the playlist", ended);
    assert!(server.stream("live/demo").is_none());
    // Its place is free at once.
    publish(&server, "demo");
}

#[test]
fn streams_are_listed_by_pages_and_shown_by_path_or_id() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record"]);
    let names = ["a", "b", "c"];
    let _publishers = names.map(|name| publish(&server, name));
    let first = server.json("/api/v1/streams?limit=2");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = server.json(&format!("/api/v1/streams?limit=2&cursor={cursor}"));
    let both = [&first["data"], &second["data"]].map(|list| list.as_array().unwrap().clone());
    let paths: Vec<_> = both.concat().iter().map(|it| it["path"].clone()).collect();
    assert_eq!(paths, ["live/a", "live/b", "live/c"]);
    assert_eq!(second["next_cursor"], Value::Null);
    let one = server.json("/api/v1/streams/live%2Fb");
    assert_eq!((&one["data"]["name"], &one["data"]["video"]["width"]), (&json!("b"), &json!(64)));
    // Who publishes, and from where, is for those who manage the server.
    assert_eq!(one["data"]["publisher"]["address"], Value::Null);
    let known = get(&server, "/api/v1/streams/live%2Fb");
    assert!(known["data"]["publisher"]["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    for id in ["live%2Fx", "..", "%00", "live/b/x"] {
        assert_eq!(server.get(&format!("/api/v1/streams/{id}")).status, 404, "{id}");
    }
    let (_, made) = call(&server, "POST", "/api/v1/live-streams", &json!({}));
    let (key, id) = (&made["data"]["stream_key"], made["data"]["id"].as_str().unwrap());
    let mut keyed = Client::publish(server.rtmp, key.as_str().unwrap());
    keyed.expect("NetStream.Publish.Start");
    let one = server.json(&format!("/api/v1/streams/{id}"));
    assert_eq!(one["data"]["live_stream_id"], id);
    let stream = one["data"]["path"].as_str().unwrap();
    let listed = sessions(&server, &format!("?stream={stream}"));
    assert_eq!(listed[0]["live_stream_id"], id);
    assert!(!get(&server, "/api/v1/sessions").to_string().contains(key.as_str().unwrap()), "f16");
}

#[test]
fn the_server_says_more_to_who_has_a_token() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["--no-record", "--require-key", "never", "--rtmp-listen", "0.0.0.0:0"];
    let server = Server::start(dir.path(), &options);
    let mut player = Client::play(server.rtmp, "demo");
    player.expect("NetStream.Play.Start");
    let _publisher = publish(&server, "demo");
    assert!(player.media().is_some());
    let open = server.json("/api/v1/server");
    assert_eq!((&open["manages"], &open["details"]), (&json!(false), &Value::Null));
    let details = until("the totals", || {
        let all = get(&server, "/api/v1/server");
        assert_eq!(all["manages"], true);
        let details = all["details"].clone();
        (details["totals"]["bytes_in"].as_u64()? > 100_000).then_some(details)
    });
    let totals = &details["totals"];
    assert_eq!((&totals["streams"], &totals["players"]["rtmp"]), (&json!(1), &json!(1)));
    assert_eq!(totals["sessions"], 2);
    assert!(totals["bytes_out"].as_u64().unwrap() > 1000, "{totals}");
    assert_eq!(details["limits"]["rtmp_connections"], 4096);
    let warnings = details["warnings"].to_string();
    assert!(warnings.contains("require_key is never") && warnings.contains("RTMPS is off"));
    for path in ["/api/v1/server", "/api/v1/streams", "/api/v1/recordings"] {
        let wrong = server.request("GET", path, "Authorization: Bearer x\r\n");
        assert_eq!(wrong.status, 401, "{path}");
        assert_eq!(wrong.header("content-type"), Some("application/problem+json"), "{path}");
    }
    assert_eq!(server.get("/api/v1/sessions").status, 401);
    let posted = server.request("POST", "/api/v1/streams", "Content-Length: 0\r\n");
    assert_eq!(posted.status, 405);
}

#[test]
fn the_description_is_the_one_that_the_client_was_made_of() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record"]);
    let served = server.json("/api/v1/openapi.json");
    // Generators take the ids for names.
    let paths = served["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let ids: Vec<_> = operations.map(|it| it["operationId"].as_str().unwrap()).collect();
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
    let served = serde_json::to_string_pretty(&served).unwrap() + "\n";
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/openapi.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &served).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap();
    // `UPDATE=1`, and then `npm run client` in the folder of the page.
    assert!(kept == served, "web/openapi.json is not what the server says");
}

#[test]
fn a_recording_in_another_folder_is_listed_played_and_deleted() {
    let (dir, films) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = films.path().to_str().unwrap();
    let server = Server::start(dir.path(), &["--record-path", folder, "--record-unique"]);
    drop(publish(&server, "demo"));
    let asset = until("its row", || {
        get(&server, "/api/v1/assets")["data"].as_array().unwrap().first().cloned()
    });
    let file = std::fs::read_dir(films.path()).unwrap().next().unwrap().unwrap().path();
    let film = std::fs::read(&file).unwrap();
    assert_eq!((&asset["name"], &asset["bytes"]), (&json!("demo"), &json!(film.len())));
    let url = asset["url"].as_str().unwrap();
    assert!(server.get(url).body == film);
    let range = server.request("GET", url, "Range: bytes=0-9\r\n");
    assert_eq!((range.status, range.body.as_slice()), (206, &film[..10]));
    let listed = server.json("/api/v1/recordings")["data"][0].clone();
    assert_eq!((&listed["mp4"], &listed["state"]), (&asset["url"], &json!("done")), "{listed}");
    let event = until("its event", || {
        let events = get(&server, "/api/v1/events?type=video.asset.ready");
        events["data"].as_array().unwrap().first().cloned()
    });
    assert_eq!(event["object"]["id"], asset["id"]);
    let path = format!("/api/v1/assets/{}", asset["id"].as_str().unwrap());
    assert_eq!(call(&server, "DELETE", &path, &Value::Null).0, 204);
    until("its end", || (!file.exists()).then_some(()));
    until("the row's end", || (call(&server, "GET", &path, &Value::Null).0 == 404).then_some(()));
    assert_eq!(server.get(url).status, 404);
}
