//! Both pages in Chromium say in words what is wrong: streams that HLS can make little of, a bucket that is away, a hook that hangs, a
//! target that takes a stream and never reads it. A good stream goes on beside them.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use common::api::{call, get, token};
use common::bad::Bad;
use common::client::{Client, picture, video_header};
use common::stuck::stuck;
use common::{Server, until};
use serde_json::{Value, json};
use streamcore::amf;

/// Where pictures of it go; none without it.
const PICTURES: &str = "WRONG_PICTURES";

/// What signs requests to the bucket comes from the environment.
const WITH_KEYS: &str = "AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b exec \"$@\"";

fn start(folder: &Path, hook: &str) -> Server {
    let config = folder.join("streamcore.toml");
    let text =
        format!("[applications.guarded]\non_publish = [\"{hook}\"]\nnotify_timeout = \"300ms\"\n");
    std::fs::write(&config, text).unwrap();
    // Nobody listens there.
    let bucket = "s3://media/films?endpoint=http://127.0.0.1:1&region=us-east-1";
    let options = ["--config", config.to_str().unwrap(), "--upload", bucket];
    let more = ["--require-token", "always", "--push-timeout", "60s"];
    Server::start_with(&folder.join("data"), &[&options[..], &more].concat(), WITH_KEYS)
}

fn publish(server: &Server, name: &str) -> Client {
    let mut client = Client::publish(server.rtmp, name);
    client.expect("NetStream.Publish.Start");
    client
}

/// What a page is to say: texts of the dashboard, and of the watch page.
fn see(server: &Server, dashboard: &[String], page: &[String]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/wrong.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(format!("http://{}/", server.http)).args(["--token", &token(server)]);
    for text in dashboard {
        command.args(["--dashboard", text]);
    }
    for text in page {
        command.args(["--page", text]);
    }
    if let Some(folder) = std::env::var_os(PICTURES) {
        command.arg("--screenshots").arg(folder);
    }
    let output = command.output().expect("node runs");
    let said: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert!(output.status.success(), "{said:#}");
    said
}

#[test]
fn both_pages_say_in_words_what_is_wrong_and_a_good_stream_goes_on() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = format!("http://{}/auth", silent.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &hook);

    // A recording for the bucket.
    let mut rehearsal = publish(&server, "rehearsal");
    rehearsal.send(9, 1, 0, video_header());
    (0..50).for_each(|n| rehearsal.send(9, 1, n * 40, picture(n % 25 == 0, 1000)));
    server.wait_live("live/rehearsal");
    drop(rehearsal);

    // A target that reads nothing of a good stream.
    let (target, told) = stuck();
    let mut good = publish(&server, "good");
    good.send(9, 1, 0, video_header());
    good.send(9, 1, 0, picture(true, 100_000));
    server.wait_live("live/good");
    let url = format!("rtmp://{target}/live");
    let path = "/api/v1/live-streams/live%2Fgood/simulcast-targets";
    assert_eq!(call(&server, "POST", path, &json!({ "url": url, "stream_key": "s3cret" })).0, 201);
    let _kept = told.recv_timeout(common::PATIENCE).expect("the target is connected");
    server.wait_log("push: broadcasting");

    // A hook that hangs: it is not let in.
    let app = [("app", amf::Value::String("guarded".into()))];
    let mut guarded = Client::publish_with(server.rtmp, "show", &app);
    guarded.expect("error");

    let mut bad = Vec::new();
    for what in Bad::ALL {
        let mut client = publish(&server, &format!("{what:?}").to_lowercase());
        what.send(&mut client);
        bad.push((what, client));
    }
    // All go on while the page looks: 10 MB a second of the good one.
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    let feeder = std::thread::spawn(move || {
        for n in 1.. {
            good.send(9, 1, n * 40, picture(n % 25 == 0, 100_000));
            if n % 50 == 0 {
                bad.iter_mut().for_each(|(what, client)| what.go_on(client, 60_000 + n * 40));
            }
            if is_over.recv_timeout(Duration::from_millis(10)) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
    });
    until("the upload failed", || {
        let assets = get(&server, "/api/v1/assets?newest_first=true");
        assets["data"].as_array()?.iter().find(|one| !one["upload"]["error"].is_null()).map(drop)
    });

    let of_streams = Bad::ALL
        .map(|what| format!("live/{}: {}", format!("{what:?}").to_lowercase(), what.words()));
    let mut dashboard = of_streams.to_vec();
    dashboard.extend([
        format!("The hook publish gets no answer from {hook}, once in the last minute: no answer in time"),
        "not uploaded, after ".to_owned(),
        format!("{url}/s3… takes less of live/good than it is sent"),
    ]);
    let before = server.stream("live/good").unwrap();
    let page = Bad::ALL.map(|what| what.words().to_owned());
    let said = see(&server, &dashboard, &page);
    assert!(!said.to_string().contains("s3cret"), "{said:#}");

    // The good one went on, and is played.
    let now = server.stream("live/good").unwrap();
    assert_eq!((&now["problems"], &now["since"]), (&json!([]), &before["since"]));
    assert!(now["bytes_in"].as_u64().unwrap() > before["bytes_in"].as_u64().unwrap(), "{now}");
    let mut player = Client::play(server.rtmp, "good");
    player.expect("NetStream.Play.Start");
    assert!(player.media().is_some());
    drop(over);
    feeder.join().expect("all are taken");
}
