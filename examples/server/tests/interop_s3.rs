//! HLS in a bucket of a real S3 server, which checks signatures: stored, read back, away for a while, and with a wrong key.

mod common;

use std::path::Path;
use std::time::Duration;

use common::client::{Client, picture, video_header};
use kit::seaweed::{BUCKET, SECRET, Seaweed};
use kit::way::Way;
use kit::{Server, ServerBuilder, http, until};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const LIMIT: Duration = Duration::from_secs(60);

fn server(data: &Path, way: &Way, secret: &str) -> Server {
    let options = format!(
        "--no-record --hls-segment-duration 1s --hls-store-after 2s --hls-window 10m --hls-reconnect 1ms \
         --hls-store=s3://{BUCKET}/hls/all?endpoint=http://{}&region=us-east-1",
        way.addr
    );
    let environment = Seaweed::environment(secret);
    ServerBuilder::new(BINARY, data)
        .with(&options)
        .wrapped(&environment.each_ref().map(String::as_str))
        .start()
}

fn publisher(server: &Server) -> Client {
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher
}

/// Seconds from `from` to `to`, at once.
fn send(publisher: &mut Client, from: u32, to: u32) {
    for n in 25 * from..25 * to {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
}

/// Waits until the store has come so far.
fn wait(server: &Server, what: &str, mut is: impl FnMut(u64, u64) -> bool) -> Value {
    until(what, LIMIT, || {
        let store = server.stream("live/demo")?["store"].clone();
        is(store["stored_segments"].as_u64()?, store["waiting_segments"].as_u64()?).then_some(store)
    })
}

#[test]
fn a_bucket_takes_hls_goes_away_comes_back_and_gives_it() {
    let data = kit::temp_dir();
    let s3 = Seaweed::start();
    let way = Way::to(s3.s3);
    let server = server(data.path(), &way, SECRET);
    let mut publisher = publisher(&server);
    send(&mut publisher, 0, 12);
    wait(&server, "all are stored", |stored, _| stored == 11);
    send(&mut publisher, 12, 13);
    let store = wait(&server, "that too", |stored, _| stored == 12);
    let get = |name: &str, headers: &[(&str, &str)]| {
        http::get_with(server.http, &format!("/live/demo/{name}"), headers).unwrap()
    };
    let listed = get("video.m3u8", &[]).text();
    let names: Vec<&str> = listed.lines().filter(|line| !line.starts_with('#')).collect();
    let (oldest, newest) = (names[0], names[11]);
    let in_bucket = format!("hls/all/{}", store["folder"].as_str().unwrap());
    let whole = get(oldest, &[]);
    assert!(whole.status == 200 && whole.body == s3.file(&format!("{in_bucket}/{oldest}")).body);
    let range = get(oldest, &[("Range", "bytes=100-299")]);
    assert!(range.status == 206 && range.body == whole.body[100..300]);

    way.set(false);
    send(&mut publisher, 13, 18);
    let store = wait(&server, "five wait", |_, waiting| waiting == 5);
    let away = until("the error is shown", LIMIT, || {
        let stream = server.stream("live/demo")?;
        (!stream["problems"].as_array()?.is_empty()).then_some(stream["problems"].to_string())
    });
    assert!(away.contains("HLS is not being stored for now"), "{away}");
    assert_eq!(store["missing_segments"], 0);
    assert_eq!(get(newest, &[]).status, 200, "live goes on");
    assert_eq!(get(oldest, &[]).status, 503);
    way.set(true);
    wait(&server, "what waited is stored", |stored, waiting| (stored, waiting) == (17, 0));
    assert!(get(oldest, &[]).body == whole.body);

    drop(publisher);
    let playlist = until("the end is stored", LIMIT, || {
        let file = s3.file(&format!("{in_bucket}/video.m3u8"));
        file.text().ends_with("#EXT-X-ENDLIST\n").then_some(file)
    });
    let text = playlist.text();
    assert!(text.contains("#EXT-X-PLAYLIST-TYPE:VOD\n") && !text.contains("GAP"), "{text}");
    assert_eq!(text.matches("#EXTINF").count(), 18, "{text}");
    assert_eq!(playlist.header("content-type"), Some("application/vnd.apple.mpegurl"));
    assert_eq!(playlist.header("cache-control"), Some("no-cache"));
    let segment = s3.file(&format!("{in_bucket}/{oldest}"));
    assert_eq!(segment.header("content-type"), Some("video/mp4"));
    assert_eq!(segment.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let by_server = store["hls"].as_str().unwrap().replace("index.m3u8", "video.m3u8");
    assert_eq!(http::get(server.http, &by_server).unwrap().text(), text);
}

#[test]
fn a_wrong_key_is_said() {
    let data = kit::temp_dir();
    let s3 = Seaweed::start();
    let way = Way::to(s3.s3);
    let server = server(data.path(), &way, "wrong");
    let mut publisher = publisher(&server);
    send(&mut publisher, 0, 3);
    // At first the S3 server may not be up.
    until("the refusal", LIMIT, || {
        let error = server.stream("live/demo")?["store"]["error"].as_str()?.to_owned();
        (error.contains("403") || error.contains("SignatureDoesNotMatch")).then_some(())
    });
    assert!(!server.process.text().contains("wrong"), "no secret in the log");
}
