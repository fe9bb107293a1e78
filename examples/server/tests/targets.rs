//! Simulcast targets over the API: added, paused, resumed and removed while streams are live, and after a restart.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use common::api::{call, call_with, get, token};
use common::client::{Client, picture, video_header};
use common::{Server, until};
use kit::wait::free_port;
use serde_json::{Value, json};

/// A publisher that has sent a group of pictures.
fn publish(server: &Server, name: &str) -> Client {
    let mut publisher = Client::publish(server.rtmp, name);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for n in 0..30 {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
    publisher
}

fn add(server: &Server, of: &str, body: &Value) -> Value {
    let path = format!("/api/v1/{of}/simulcast-targets");
    let (status, answer) = call(server, "POST", &path, body);
    assert_eq!(status, 201, "{answer}");
    answer["data"].clone()
}

/// Address of a target of a stream.
fn address(of: &str, target: &Value) -> String {
    format!("/api/v1/{of}/simulcast-targets/{}", target["id"].as_str().unwrap())
}

fn wait_status(server: &Server, address: &str, status: &str) -> Value {
    until(status, || {
        let target = get(server, address)["data"].clone();
        (target["status"] == status).then_some(target)
    })
}

fn gone(server: &Server, path: &str) {
    until("the end of the push", || server.stream(path).is_none().then_some(()));
}

#[test]
fn targets_are_added_paused_resumed_and_removed_while_a_stream_is_live() {
    let (far, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let other = Server::start(far.path(), &["--no-record", "--hls-reconnect", "1s"]);
    let server = Server::start(dir.path(), &["--no-record"]);
    let mut publisher = publish(&server, "demo");
    server.wait_live("live/demo");
    let of = "live-streams/live%2Fdemo";
    let url = format!("rtmp://{}/live", other.rtmp);
    let (one, two) = (json!({ "url": url, "stream_key": "s3cretone" }), format!("{url}/s3crettwo"));
    let one = add(&server, of, &one);
    let two = add(&server, of, &json!({ "url": two, "passthrough": "mine" }));
    let (one, two) = (address(of, &one), address(of, &two));
    let first = wait_status(&server, &one, "broadcasting");
    assert_eq!(wait_status(&server, &two, "broadcasting")["passthrough"], "mine");
    other.wait_live("live/s3cretone");
    let kept = other.wait_live("live/s3crettwo");
    assert!(first["url"].as_str().unwrap().ends_with("/live/s3…"), "{first}");
    assert_eq!((&first["origin"], &first["stream"]), (&json!("api"), &json!("live/demo")));
    let sent = |address: &str| get(&server, address)["data"]["bytes_out"].as_u64().unwrap();
    for n in 30..60 {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
    until("the pictures", || (sent(&one) > 25_000).then_some(()));
    // One is paused; the other does not notice.
    let (status, paused) = call(&server, "PUT", &format!("{one}/pause"), &Value::Null);
    assert_eq!((status, &paused["data"]["paused"]), (200, &json!(true)));
    gone(&other, "live/s3cretone");
    wait_status(&server, &one, "idle");
    let before = sent(&two);
    publisher.send(9, 1, 3000, picture(true, 5000));
    until("the other goes on", || (sent(&two) >= before + 5000).then_some(()));
    assert_eq!(other.stream("live/s3crettwo").unwrap()["since"], kept["since"]);
    assert_eq!(call(&server, "PUT", &format!("{one}/resume"), &Value::Null).0, 200);
    assert_eq!(wait_status(&server, &one, "broadcasting")["attempts"], 2);
    other.wait_live("live/s3cretone");
    // Removed: its connection ends, and nothing is left of it.
    assert_eq!(call(&server, "DELETE", &one, &Value::Null).0, 204);
    gone(&other, "live/s3cretone");
    for (method, path) in
        [("GET", one.clone()), ("DELETE", one.clone()), ("PUT", format!("{one}/pause"))]
    {
        assert_eq!(call(&server, method, &path, &Value::Null).0, 404, "{method}");
    }
    let list = get(&server, "/api/v1/simulcast-targets?status=broadcasting");
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let events = get(&server, "/api/v1/events?type=video.live_stream.simulcast_target");
    let types = events.to_string();
    for kind in ["created", "starting", "broadcasting", "idle", "deleted"] {
        assert!(types.contains(&format!("simulcast_target.{kind}")), "{kind}: {types}");
    }
    for text in [list.to_string(), types, server.log()] {
        assert!(!text.contains("s3cretone") && !text.contains("s3crettwo"), "f16: {text}");
    }
}

#[test]
fn targets_of_streams_and_applications_outlive_a_restart() {
    let (far, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let other = Server::start(far.path(), &["--no-record", "--hls-reconnect", "1s"]);
    let push = format!("rtmp://{}/config", other.rtmp);
    let options = ["--no-record", "--push", &push];
    let first = Server::start(dir.path(), &options);
    let token = token(&first);
    let (_, made) = call(&first, "POST", "/api/v1/live-streams", &json!({}));
    let (key, id) =
        (made["data"]["stream_key"].as_str().unwrap(), made["data"]["id"].as_str().unwrap());
    let playback = made["data"]["playback_ids"][0]["id"].as_str().unwrap();
    let of = format!("live-streams/{id}");
    let url = |name: &str| json!({ "url": format!("rtmp://{}/{name}", other.rtmp) });
    let own = add(&first, &of, &url("own"));
    let held =
        add(&first, &of, &json!({ "url": format!("rtmp://{}/held", other.rtmp), "paused": true }));
    let all = add(&first, "applications/live", &url("app"));
    drop(first);
    // Killed.
    let server = Server::start(dir.path(), &options);
    let call = |method: &str, path: &str| call_with(&server, &token, method, path, &Value::Null);
    let mut publisher = Client::publish(server.rtmp, key);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher.send(9, 1, 0, picture(true, 1000));
    let plain = publish(&server, "plain");
    for path in [
        format!("own/{playback}"),
        format!("app/{playback}"),
        format!("config/{playback}"),
        "app/plain".into(),
    ] {
        other.wait_live(&path);
    }
    let (_, shown) = call("GET", &address(&of, &held));
    assert_eq!(
        (&shown["data"]["status"], &shown["data"]["paused"]),
        (&json!("idle"), &json!(true))
    );
    assert!(other.stream(&format!("held/{playback}")).is_none());
    // What is of the application or of the configuration is not taken from one stream, but may be paused there.
    let (_, list) = call("GET", &format!("/api/v1/{of}/simulcast-targets"));
    let find = |origin: &str| {
        let list = list["data"].as_array().unwrap();
        list.iter().find(|target| target["origin"] == origin).cloned().unwrap()
    };
    for origin in ["application", "configuration"] {
        assert_eq!(call("DELETE", &address(&of, &find(origin))).0, 409, "{origin}");
    }
    assert_eq!(find("application")["application_target_id"], all["id"]);
    assert_eq!(call("PUT", &format!("{}/pause", address(&of, &find("application")))).0, 200);
    gone(&other, &format!("app/{playback}"));
    assert!(other.stream("app/plain").is_some());
    // All of the application's go at once.
    let rule = address("applications/live", &all);
    assert_eq!(call("GET", &rule).1["data"]["targets"].as_array().unwrap().len(), 2);
    assert_eq!(call("PUT", &format!("{rule}/pause")).1["data"]["paused"], true);
    gone(&other, "app/plain");
    assert_eq!(call("PUT", &format!("{rule}/resume")).0, 200);
    other.wait_live("app/plain");
    assert_eq!(call("DELETE", &rule).0, 204);
    gone(&other, "app/plain");
    assert!(other.stream(&format!("own/{playback}")).is_some());
    // A deleted live stream takes its targets with it.
    assert_eq!(call("DELETE", &format!("/api/v1/{of}")).0, 204);
    gone(&other, &format!("own/{playback}"));
    let database = rusqlite::Connection::open(dir.path().join("streamcore.db")).unwrap();
    let count = "SELECT count(*) FROM simulcast_target";
    assert_eq!(database.query_row(count, [], |row| row.get::<_, u32>(0)).unwrap(), 0);
    assert_eq!(call("GET", &address(&of, &own)).0, 404);
    drop(plain);
}

#[test]
fn a_target_that_is_lost_says_so_and_another_server_takes_its_place() {
    let (far, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let other = Server::start(far.path(), &["--no-record", "--require-key", "always"]);
    let backup = tempfile::tempdir().unwrap();
    let backup = Server::start(backup.path(), &["--no-record"]);
    let server = Server::start(dir.path(), &["--no-record", "--push-reconnect", "20ms"]);
    let of = "live-streams/live%2Fdemo";
    let nobody = format!("rtmp://127.0.0.1:{}/live", free_port());
    // Before the stream is live.
    let with_backup =
        json!({ "url": nobody, "backup_url": format!("rtmp://{}/live/spare", backup.rtmp) });
    let with_backup = address(of, &add(&server, of, &with_backup));
    let lost = address(of, &add(&server, of, &json!({ "url": format!("{nobody}/s3cretkey") })));
    let refused = json!({ "url": format!("rtmp://{}/live/wr0ngkey", other.rtmp) });
    let refused = address(of, &add(&server, of, &refused));
    assert_eq!(get(&server, &lost)["data"]["status"], "idle");
    let _publisher = publish(&server, "demo");
    backup.wait_live("live/spare");
    assert_eq!(wait_status(&server, &with_backup, "broadcasting")["on_backup"], true);
    let said = wait_status(&server, &lost, "errored");
    assert_eq!(said["error_severity"], "normal");
    assert!(said["retry_at"].is_string() && said["error"].as_str().unwrap().len() > 5, "{said}");
    // Eight refusals in a row are enough; to pause and resume it is to try again.
    let fatal = || {
        let target = get(&server, &refused)["data"].clone();
        (target["error_severity"] == "fatal").then_some(target)
    };
    let target = until("a fatal error", fatal);
    assert_eq!((&target["attempts"], &target["status"]), (&json!(8), &json!("errored")));
    assert!(target["error"].as_str().unwrap().contains("refuses"), "{target}");
    for action in ["pause", "resume"] {
        assert_eq!(call(&server, "PUT", &format!("{refused}/{action}"), &Value::Null).0, 200);
        if action == "pause" {
            wait_status(&server, &refused, "idle");
        }
    }
    until("another attempt", || {
        (get(&server, &refused)["data"]["attempts"].as_u64()? > 8).then_some(())
    });
    let all = get(&server, "/api/v1/simulcast-targets").to_string();
    for text in [all, server.log()] {
        assert!(!text.contains("s3cretkey") && !text.contains("wr0ngkey"), "f16: {text}");
    }
    let nonsense = [
        json!({ "url": "http://a/b" }),
        json!({ "url": "rtmp://a/b c" }),
        json!({ "url": "" }),
        json!({ "url": "rtmp://a/b|rtmp://c/d" }),
    ];
    for body in nonsense {
        let (status, answer) =
            call(&server, "POST", &format!("/api/v1/{of}/simulcast-targets"), &body);
        assert_eq!(status, 400, "{body}: {answer}");
    }
}
