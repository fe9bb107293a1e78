//! `/metrics`: well-formed, of bounded labels, as docs/metrics.md says; and the health of a stream, second by second.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::api::{call, get, token};
use common::client::{Client, picture, video_header};
use common::{Server, until};
use kit::receiver::{Answer, Receiver};
use serde_json::{Value, json};

/// One family of metrics as it was given.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    /// Suffix behind the name, labels, value.
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Reads OpenMetrics strictly: each family described ahead of its samples and in one piece, no series twice, an end.
fn parse(text: &str) -> BTreeMap<String, Family> {
    let mut families = BTreeMap::<String, Family>::new();
    let (mut current, mut series, mut ended) = (String::new(), BTreeSet::new(), false);
    for line in text.lines() {
        assert!(!ended, "behind the end: {line}");
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words.as_slice() {
            ["#", "EOF"] => ended = true,
            ["#", "HELP", name, help] => {
                assert!(!families.contains_key(*name), "{name} twice");
                assert!(help.ends_with('.') && help.len() > 5, "{line}");
                current = (*name).to_owned();
                families.insert(current.clone(), Family::default());
            }
            ["#", "TYPE", name, kind] => {
                assert_eq!(*name, current);
                assert!(["counter", "gauge", "histogram", "info"].contains(kind), "{line}");
                families.get_mut(&current).unwrap().kind = (*kind).to_owned();
            }
            _ => {
                assert!(
                    series.insert(line.rsplit_once(' ').unwrap().0.to_owned()),
                    "twice: {line}"
                );
                families.get_mut(&current).unwrap().samples.push(sample(line, &current));
            }
        }
    }
    assert!(ended, "no end");
    families.values().for_each(check);
    families
}

fn sample(line: &str, family: &str) -> (String, BTreeMap<String, String>, f64) {
    let (name, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = name.split_once('{').map_or((name, ""), |(name, rest)| (name, rest));
    let labels = labels.trim_end_matches('}').split(',').filter(|pair| !pair.is_empty());
    let labels = labels.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap();
        assert!(key.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
        (key.to_owned(), value.to_owned())
    });
    let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} is not of {family}"));
    (suffix.to_owned(), labels.collect(), value.parse().unwrap())
}

fn check(family: &Family) {
    let suffixes: &[&str] = match family.kind.as_str() {
        "counter" => &["_total"],
        "info" => &["_info"],
        "histogram" => &["_bucket", "_sum", "_count"],
        _ => &[""],
    };
    assert!(!family.samples.is_empty() && family.samples.len() < 100, "{family:?}");
    for (suffix, labels, value) in &family.samples {
        assert!(suffixes.contains(&suffix.as_str()), "{family:?}");
        assert!(value.is_finite() && *value >= 0.0 && labels.len() <= 2, "{family:?}");
    }
    if family.kind == "histogram" {
        let buckets: Vec<_> = family.samples.iter().filter(|it| it.0 == "_bucket").collect();
        assert!(buckets.is_sorted_by(|a, b| a.2 <= b.2), "{family:?}");
        assert_eq!(buckets.last().unwrap().1["le"], "+Inf");
        let count = family.samples.iter().find(|it| it.0 == "_count").unwrap();
        assert_eq!(buckets.last().unwrap().2, count.2);
    }
}

fn scrape(server: &Server) -> BTreeMap<String, Family> {
    let bearer = format!("Authorization: Bearer {}\r\n", token(server));
    let answer = server.request("GET", "/metrics", &bearer);
    let kind = answer.header("content-type").unwrap().to_owned();
    assert_eq!((answer.status, kind.starts_with("application/openmetrics-text")), (200, true));
    parse(std::str::from_utf8(&answer.body).unwrap())
}

/// The sum of a family's samples that have all these labels.
fn value(families: &BTreeMap<String, Family>, name: &str, labels: &[(&str, &str)]) -> f64 {
    let family = &families[&format!("streamcore_{name}")];
    let fits = |of: &BTreeMap<String, String>| {
        labels.iter().all(|(key, value)| of.get(*key).is_some_and(|it| it == value))
    };
    let wanted = family
        .samples
        .iter()
        .filter(|(suffix, of, _)| fits(of) && (family.kind != "histogram" || suffix == "_count"));
    wanted.map(|(_, _, value)| value).sum()
}

#[test]
fn metrics_are_well_formed_and_count_what_happens() {
    let hooks = Receiver::start(|request| {
        Answer::status(if request.field("name") == "bad" { 403 } else { 200 })
    });
    let dir = tempfile::tempdir().unwrap();
    let (hook, event) = (hooks.url("hook"), hooks.url("event"));
    let options = [
        "--on-publish",
        &hook,
        "--webhook",
        &event,
        "--webhook-secret",
        "s3cret-word",
        "--push",
        "rtmp://127.0.0.1:9/live",
    ];
    let server = Server::start(dir.path(), &options);
    assert_eq!(server.get("/metrics").status, 401);
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for n in 0..100 {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
    let mut player = Client::play(server.rtmp, "demo");
    assert!(player.media().is_some());
    Client::publish(server.rtmp, "bad").expect("NetStream.Publish.Denied");
    until("a playlist", || (server.get("/live/demo/video.m3u8").status == 200).then_some(()));
    until("the pictures", || (value(&scrape(&server), "pictures", &[]) == 100.0).then_some(()));
    let rtmp = ("protocol", "rtmp");
    let all = scrape(&server);
    for (name, labels, wanted) in [
        ("streams", &[][..], 1.0),
        ("key_frames", &[], 4.0),
        ("players", &[rtmp], 1.0),
        ("players", &[("protocol", "hls")], 1.0),
        ("publishers", &[rtmp], 1.0),
        ("received_messages", &[rtmp], 101.0),
        ("received_bytes", &[rtmp], (video_header().len() + 100_000) as f64),
        ("refused", &[("action", "publish")], 1.0),
        ("hooks", &[("result", "ok")], 1.0),
        ("hooks", &[("result", "refused")], 1.0),
        ("hook_duration_seconds", &[], 2.0),
        ("recordings_active", &[], 1.0),
        ("simulcast_targets", &[], 1.0),
        ("build", &[("version", env!("CARGO_PKG_VERSION"))], 1.0),
    ] {
        assert_eq!(value(&all, name, labels), wanted, "{name} {labels:?}");
    }
    assert!(value(&all, "sent_bytes", &[rtmp]) > 1000.0);
    until("events", || {
        (value(&scrape(&server), "event_deliveries", &[("result", "ok")]) >= 3.0).then_some(())
    });
    drop(publisher);
    // The row in the catalogue is ready a moment after the file is whole.
    let all = until("the recording", || {
        let all = scrape(&server);
        let done = value(&all, "recordings", &[]) == 1.0
            && value(&all, "assets", &[("state", "ready")]) == 1.0;
        done.then_some(all)
    });
    assert!(value(&all, "recorded_bytes", &[]) > 100_000.0);
    assert_eq!((value(&all, "streams", &[]), value(&all, "publishers", &[])), (0.0, 0.0));
    // What has ended still counts.
    assert_eq!(value(&all, "received_messages", &[rtmp]), 101.0);
    // No name of a stream, no address of a target.
    let text = format!("{all:?}");
    assert!(!text.contains("demo") && !text.contains("127.0.0.1"), "{text}");
}

#[test]
fn the_table_of_metrics_is_the_one_that_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--metrics-streams", "--no-record"]);
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher.send(9, 1, 0, picture(true, 1000));
    server.wait_live("live/demo");
    let all = scrape(&server);
    assert_eq!(value(&all, "stream_viewers", &[("stream", "live/demo")]), 0.0);
    let served: BTreeSet<(String, String, String)> = all
        .iter()
        .map(|(name, family)| {
            let labels: BTreeSet<&str> = family
                .samples
                .iter()
                .flat_map(|(_, labels, _)| labels.keys().map(String::as_str))
                .filter(|label| *label != "le")
                .collect();
            let labels = labels.into_iter().collect::<Vec<_>>().join(", ");
            (name.replacen("streamcore_", "", 1), family.kind.clone(), labels)
        })
        .collect();
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let rows = docs.lines().filter_map(|line| line.strip_prefix("| `"));
    let told: BTreeSet<(String, String, String)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            (cells[0].trim_end_matches('`').into(), cells[1].into(), cells[2].replace('`', ""))
        })
        .collect();
    assert_eq!(told, served);
}

#[test]
fn the_health_of_a_stream_is_told_second_by_second() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--no-record", "--hls-reconnect", "1s"]);
    assert_eq!(server.get("/api/v1/streams/live%2Fdemo/health").status, 404);
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    let _player = Client::play(server.rtmp, "demo");
    let mut n = 0;
    let samples = until("samples", || {
        // As they come, whenever that is.
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
        n += 1;
        let health = server.json("/api/v1/streams/live%2Fdemo/health")["data"].clone();
        let samples = health["samples"].as_array().unwrap().clone();
        let last = samples.last().filter(|it| it["key_frame_interval_s"] == 1.0)?;
        assert_eq!((&health["live"], &health["interval_s"]), (&json!(true), &json!(1)));
        (last["fps"].as_f64()? > 0.0 && samples.len() >= 2).then_some(samples)
    });
    let last = samples.last().unwrap();
    assert_eq!((&last["viewers"], &last["av_skew_ms"]), (&json!(1), &Value::Null));
    assert!(last["bitrate_kbps"].as_f64().unwrap() > 0.0, "{last}");
    assert!(last["jitter_ms"].as_f64().unwrap() >= 0.0, "{last}");
    let times: Vec<i64> = samples.iter().map(|it| it["time_ms"].as_i64().unwrap()).collect();
    assert!(times.is_sorted() && times[0] < times[1], "{times:?}");
    let newer = format!("/api/v1/streams/live%2Fdemo/health?since_ms={}", times[times.len() - 2]);
    let newer = server.json(&newer)["data"]["samples"].as_array().unwrap().clone();
    assert_eq!(newer[0], *last);
    assert_eq!(server.get("/api/v1/streams/live%2Fdemo/health?since_ms=x").status, 400);
    drop(publisher);
    let over = get(&server, "/api/v1/streams/live%2Fdemo/health");
    assert!(over["data"]["samples"].as_array().unwrap().len() >= samples.len());
    assert_eq!(call(&server, "GET", "/api/v1/streams/live%2Fx/health", &Value::Null).0, 404);
}
