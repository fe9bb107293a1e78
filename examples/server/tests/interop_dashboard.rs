//! The dashboard in Chromium against the program itself: every button that changes something, what axe-core finds, and what a phone shows.

mod common;

use std::path::Path;
use std::process::Command;

use common::api::{get, token};
use common::{Server, until};
use kit::Process;
use kit::receiver::{Answer, Receiver};
use kit::source::Film;
use serde_json::Value;

const FILMS: &str = env!("CARGO_TARGET_TMPDIR");

/// Where pictures of it go, for the documentation; none without it.
const PICTURES: &str = "DASHBOARD_PICTURES";

#[test]
fn the_dashboard_manages_what_the_api_does_and_is_accessible() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|_| Answer::status(200));
    let url = receiver.url("events");
    let options = ["--require-token", "always", "--on-play-done", "http://127.0.0.1:1/hook"];
    let events = ["--webhook", &url, "--webhook-secret", "s3cret-word"];
    let server = Server::start(dir.path(), &[&options[..], &events].concat());
    let film = Film::new(30).flv(FILMS);
    let film = film.to_str().expect("UTF-8");
    // One recording that is finished.
    let publish = |name: &str, options: &[&str]| {
        let url = format!("rtmp://{}/live/{name}", server.rtmp);
        let fixed = ["-nostdin", "-v", "error"];
        Process::start("ffmpeg", [&fixed, options, &["-c", "copy", "-f", "flv", &url]].concat())
    };
    publish("rehearsal", &["-i", film, "-t", "4"]).succeed(common::PATIENCE);
    until("an asset", || get(&server, "/api/v1/assets")["data"][0].as_object().cloned());
    let publisher = publish("show", &["-re", "-stream_loop", "-1", "-i", film, "-t", "120"]);
    server.wait_live("live/show");
    let mut player = common::flv::Player::open(server.http, "/live/show.flv", false);
    std::thread::spawn(move || (player.flags(), player.rest()));

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/dashboard.mjs");
    let (page, secret) = (format!("http://{}/dashboard", server.http), token(&server));
    let mut command = Command::new("node");
    command.arg(script).arg(page).args(["--token", &secret, "--stream", "live/show"]);
    // Nobody listens there.
    command.args(["--target", "rtmp://127.0.0.1:1/app"]);
    if let Some(folder) = std::env::var_os(PICTURES) {
        command.arg("--screenshots").arg(folder);
    }
    let output = command.output().expect("node runs");
    let said: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert!(output.status.success(), "{said:#}");

    // What the page did is what the server has.
    let streams = get(&server, "/api/v1/live-streams");
    let made =
        streams["data"].as_array().unwrap().iter().find(|one| one["passthrough"] == "made here");
    let keys = made.unwrap()["stream_keys"].as_array().unwrap();
    let second = said["second_key"].as_str().unwrap();
    assert_eq!(keys.len(), 1, "the first key was replaced");
    assert!(second.ends_with(keys[0]["hint"].as_str().unwrap()) && said["first_key"] != second);
    assert_eq!(get(&server, "/api/v1/assets")["data"].as_array().unwrap().len(), 0);
    assert_eq!(get(&server, "/api/v1/simulcast-targets")["data"].as_array().unwrap().len(), 0);
    assert_eq!(get(&server, "/api/v1/sessions?role=player")["data"].as_array().unwrap().len(), 0);
    assert_eq!(get(&server, "/api/v1/signing-keys")["data"].as_array().unwrap().len(), 1);
    let ids = made.unwrap()["playback_ids"].as_array().unwrap();
    assert_eq!((ids.len(), &ids[0]["policy"]), (1, &"public".into()), "the signed one was removed");
    // One event came twice, under one id: it was sent again by hand.
    let type_of = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    let came = receiver.requests().iter().map(|one| type_of(&one.body)).collect::<Vec<_>>();
    let ready: Vec<&Value> = came.iter().filter(|one| one["type"] == "video.asset.ready").collect();
    assert!(ready.len() == 2 && ready[0]["id"] == ready[1]["id"], "{ready:#?}");
    assert!(said["play"].as_str().unwrap().starts_with("/#recording="));
    drop(publisher);
}
