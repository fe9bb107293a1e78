//! A bucket that is away, a hook that hangs and a target that never reads, all at once: a stream that is live does not notice, memory is
//! bounded, and the API and the page say what is wrong.
//!
//! `STREAMCORE_AWAY=600` keeps the bucket away for ten minutes, and then gives it back (`make soak-trouble`).
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use common::api::{call, get};
use common::assets::{is_uploaded, key, sha256};
use common::client::{Client, picture, video_header};
use common::flv::Player;
use common::stuck::stuck;
use common::{PATIENCE, Server, until};
use kit::Process;
use kit::numbers::setting;
use kit::receiver::{Answer, Receiver};
use kit::seaweed::{BUCKET, SECRET, Seaweed};
use kit::wait::free_port;
use kit::way::Way;
use serde_json::json;

/// Pictures of a second.
const RATE: u32 = 25;
const BYTES: usize = 20_000;

fn start(data: &Path, bucket: SocketAddr, hook: &Receiver) -> Server {
    let upload = format!("s3://{BUCKET}/films?endpoint=http://{bucket}&region=us-east-1");
    let hook = hook.url("hook");
    let mut options = vec!["--upload", &upload, "--on-publish", &hook, "--notify-timeout", "500ms"];
    // Nobody else looks at the stream: what its player is sent is all that is kept of it.
    options.extend(["--hls-window", "4s", "--hls-segment-duration", "1s", "--push-timeout", "1h"]);
    let script = Seaweed::environment(SECRET).join(" ") + " \"$@\"";
    Server::start_with(data, &options, &format!("exec {script}"))
}

/// A stream that is live, and its player, who takes each picture before the next is sent.
struct Live {
    publisher: Client,
    player: Player,
    sent: u32,
}

impl Live {
    fn start(server: &Server, name: &str) -> Self {
        let mut publisher = Client::publish(server.rtmp, name);
        publisher.expect("NetStream.Publish.Start");
        publisher.send(9, 1, 0, video_header());
        publisher.send(9, 1, 0, picture(true, BYTES));
        let mut player = Player::open(server.http, &format!("/live/{name}.flv"), false);
        player.flags();
        while player.tag().unwrap().body.len() < BYTES {}
        Self { publisher, player, sent: 0 }
    }

    /// One picture more, which the player gets.
    fn step(&mut self) {
        self.sent += 1;
        let time = self.sent * 1000 / RATE;
        self.publisher.send(9, 1, time, picture(self.sent.is_multiple_of(RATE), BYTES));
        let got = self.player.tag().unwrap();
        assert_eq!((got.timestamp, got.body.len()), (time, BYTES), "the player misses nothing");
    }
}

/// A recording of two seconds.
fn record(server: &Server, name: &str) {
    let mut publisher = Client::publish(server.rtmp, name);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for n in 0..2 * RATE {
        publisher.send(9, 1, n * 1000 / RATE, picture(n.is_multiple_of(RATE), BYTES));
    }
}

#[test]
fn f_21_a_bucket_away_a_hook_that_hangs_and_a_stuck_target_are_said_and_not_felt() {
    let away = setting("STREAMCORE_AWAY").map(Duration::from_secs);
    let s3 = away.map(|_| Seaweed::start());
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let way = Way::to(s3.as_ref().map_or(nobody, |s3| s3.s3));
    way.set(false);
    // All but the first publishers wait for an answer that never comes.
    let hook = Receiver::start(|request| {
        while request.field("name") == "hung" {
            std::thread::park();
        }
        Answer::status(200)
    });
    let data = kit::temp_dir();
    let server = start(data.path(), way.addr, &hook);
    record(&server, "film");
    let (address, told) = stuck();
    let mut live = Live::start(&server, "show");
    let body = json!({ "url": format!("rtmp://{address}/live"), "stream_key": "s3cretkey" });
    let path = "/api/v1/live-streams/live%2Fshow/simulcast-targets";
    assert_eq!(call(&server, "POST", path, &body).0, 201);
    let _kept = told.recv_timeout(PATIENCE).unwrap();

    // Well past what may wait for the target.
    let target = || get(&server, path)["data"][0].clone();
    until("the target is behind", || {
        (0..500).for_each(|_| live.step());
        (target()["dropped"].as_u64()? > 0).then_some(())
    });
    let page = page(
        &server,
        &[
            "live/film is not uploaded",
            "takes less of live/show than it is sent",
            "The hook publish gets no answer from http",
        ],
    );
    let before = server.memory().unwrap();
    let (began, mut page, mut films, mut most) = (Instant::now(), Some(page), 1, before);
    let mut hung = Vec::new();
    while page.is_some() || away.is_some_and(|away| began.elapsed() < away) {
        live.step();
        std::thread::sleep(Duration::from_secs(1) / RATE);
        if live.sent.is_multiple_of(RATE) && page.is_some() {
            hung.push(Client::publish(server.rtmp, "hung"));
        }
        if live.sent.is_multiple_of(RATE * 60) {
            record(&server, "film");
            films += 1;
        }
        most = most.max(server.memory().unwrap());
        if let Some(shown) = page.as_mut()
            && let Some(status) = shown.exited()
        {
            assert!(status.success(), "{}", shown.text());
            page = None;
        }
    }
    assert!(most - before < 64 << 20, "{} MB more are kept", (most - before) >> 20);

    // What the API says of it.
    let target = target();
    assert_eq!(target["status"], "broadcasting", "{target}");
    let most_queued =
        get(&server, "/api/v1/server")["details"]["limits"]["player_queue_bytes"].as_u64();
    assert!(target["queued_bytes"].as_u64() <= most_queued, "{target}");
    let films_of = || get(&server, "/api/v1/assets?limit=100")["data"].as_array().unwrap().clone();
    let waiting = films_of();
    assert_eq!(waiting.len(), films);
    for film in &waiting {
        let upload = &film["upload"];
        assert!(
            film["local"] == true
                && upload["error"].is_string()
                && upload["failed_attempts"].as_u64() > Some(0),
            "{film}"
        );
    }
    let stream = server.stream("live/show").unwrap();
    assert_eq!(stream["problems"], json!([]), "{stream}");
    assert!(!server.log().contains("s3cretkey"), "f16");
    if let Some(s3) = s3 {
        way.set(true);
        // Its back-off is five minutes by then.
        let limit = Duration::from_secs(330);
        kit::until("the uploads", limit, || films_of().iter().all(is_uploaded).then_some(()));
        for film in films_of() {
            assert_eq!(film["sha256"], sha256(&s3.file(&format!("films/{}", key(&film))).body));
        }
        println!(
            "away {} s: {} pictures, {films} recordings waited, {} MB more at most",
            began.elapsed().as_secs(),
            live.sent,
            (most - before) >> 20
        );
    }
}

/// The dashboard in Chromium, which ends well once it has shown all of `texts` as what is wrong.
fn page(server: &Server, texts: &[&str]) -> Process {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/wrong.mjs");
    let url = format!("http://{}/", server.http);
    let wanted = texts.iter().flat_map(|text| ["--dashboard", text]);
    let arguments: Vec<&str> = [script.to_str().unwrap(), &url].into_iter().chain(wanted).collect();
    Process::start("node", arguments)
}
