//! ffmpeg publishes over TLS with a key, two servers are pushed to, Chromium plays a signed address, and what was recorded goes to a bucket.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kit::packets::{self, Listing};
use kit::receiver::{Answer, Receiver};
use kit::seaweed::{BUCKET, SECRET, Seaweed};
use kit::source::Film;
use kit::targets::{listener, nginx, recorded};
use kit::tls::{Authority, Files};
use kit::wait::free_port;
use kit::{Process, until};
use serde_json::{Value, json};

use super::events::{self, Events};
use crate::common::Server;
use crate::common::api::{call, create, get, signature, signing_key};
use crate::common::assets::{is_uploaded, key, local, played, sha256};

const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(60);
const SECONDS: u32 = 8;

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn start(data: &Path, s3: &Seaweed, tls: &Files, hook: &Receiver, events: &Events) -> Server {
    let upload = format!("s3://{BUCKET}/films?endpoint=http://{}&region=us-east-1", s3.s3);
    let (hook, webhook, tls) = (hook.url("hook"), events.url(), tls.options());
    let mut options = vec!["--require-key", "always", "--on-publish", &hook, "--upload", &upload];
    options.extend(["--webhook", &webhook, "--webhook-secret", events::SECRET]);
    options.extend(["--webhook-backoff", "50ms", "--push-reconnect", "300ms"]);
    options.extend(["--hls-segment-duration", "1s"]);
    options.extend(tls.split(' '));
    let script = Seaweed::environment(SECRET).join(" ") + " \"$@\"";
    Server::start_with(data, &options, &format!("exec {script}"))
}

/// ffmpeg that sends the film to the server over TLS.
struct Encoder<'a> {
    film: &'a Path,
    authority: &'a Path,
    url: String,
}

impl Encoder<'_> {
    fn start(&self, pace: &[&str]) -> Process {
        let trust = ["-tls_verify", "1", "-ca_file", self.authority.to_str().expect("UTF-8")];
        let film = ["-i", self.film.to_str().expect("UTF-8"), "-c", "copy", "-f", "flv"];
        let quiet = ["-nostdin", "-v", "error"];
        Process::start("ffmpeg", [&quiet, pace, &film, &trust, &[&self.url]].concat())
    }
}

/// hls.js in Chromium, which plays two seconds of that address.
fn browser(url: &str) -> Process {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/play.mjs");
    let script = script.to_str().expect("UTF-8");
    Process::start("node", [script, url, "--seconds", "2"])
}

/// The film again and again, so many times.
fn repeated(film: &Listing, times: usize) -> Listing {
    let repeat = |packets: &[packets::Packet]| vec![packets; times].concat();
    Listing { video: repeat(&film.video), audio: repeat(&film.audio), ..film.clone() }
}

/// Asserts that a file holds the first packets of a film that was repeated until its publisher was cut, and then all of the film.
fn assert_cut_and_whole(what: &str, film: &Listing, got: &Listing) {
    let all = repeated(film, 30);
    for (film, all, got) in
        [(&film.video, &all.video, &got.video), (&film.audio, &all.audio, &got.audio)]
    {
        let cut = got
            .len()
            .checked_sub(film.len())
            .unwrap_or_else(|| panic!("{what}: {} packets", got.len()));
        assert!(cut > 0, "{what}: nothing of the first publisher");
        for (wanted, got) in [(&all[..cut], &got[..cut]), (film, &got[cut..])] {
            packets::same_packets(wanted, got).unwrap_or_else(|fault| panic!("{what}: {fault}"));
        }
    }
}

/// Asserts that both files hold the same packets.
fn assert_same(what: &str, wanted: &Listing, got: &Listing) {
    for (wanted, got) in [(&wanted.video, &got.video), (&wanted.audio, &got.audio)] {
        packets::same_packets(wanted, got).unwrap_or_else(|fault| panic!("{what}: {fault}"));
    }
}

/// Bytes of what nginx has recorded.
fn bytes_of(folder: &Path) -> u64 {
    let files = recorded(folder).into_iter().filter_map(|file| file.metadata().ok());
    files.map(|file| file.len()).sum()
}

#[test]
fn a_broadcast_from_its_key_to_its_bucket_through_all_that_befalls_it() {
    let [data, certificates, far, farther] = std::array::from_fn(|_| kit::temp_dir());
    // The bucket comes up while the film is made.
    let s3 = std::thread::spawn(Seaweed::start);
    let film: PathBuf = Film::new(SECONDS).flv(FILMS);
    let source = packets::probe(&film);
    let tls = Authority::new().issue(certificates.path());
    let hook = Receiver::start(|_| Answer::status(200));
    let events = Events::start(|attempt| {
        [Some(503), None, None, None, Some(500)].get(attempt).copied().flatten()
    });
    let s3 = s3.join().expect("the bucket");
    let server = start(data.path(), &s3, &tls, &hook, &events);

    // A live stream with a key, whose players need a signature, and its two targets.
    let stream = create(
        &server,
        &json!({ "reconnect_window": 60, "playback_policies": ["signed"],
        "new_asset_settings": { "playback_policy": "signed" } }),
    );
    let (id, stream_key) = (text(&stream["id"]), text(&stream["stream_key"]));
    let playback = text(&stream["playback_ids"][0]["id"]);
    let (kid, secret) = signing_key(&server);
    let end = SystemTime::now().duration_since(UNIX_EPOCH).expect("later").as_secs() + 600;
    let signed = format!("?{}", signature((&kid, &secret), playback, end));
    let (to_nginx, to_ffmpeg) = (free_port(), free_port());
    let out = farther.path().join("ffmpeg.flv");
    let mut taker = nginx(far.path(), to_nginx);
    let mut ffmpeg =
        listener(&format!("rtmp://127.0.0.1:{to_ffmpeg}/live/s3cr3t-key"), &out, to_ffmpeg);
    let targets = [to_nginx, to_ffmpeg].map(|port| {
        let body =
            json!({ "url": format!("rtmp://127.0.0.1:{port}/live"), "stream_key": "s3cr3t-key" });
        let path = format!("/api/v1/live-streams/{id}/simulcast-targets");
        let (status, made) = call(&server, "POST", &path, &body);
        assert_eq!(status, 201, "{made}");
        text(&made["data"]["id"]).to_owned()
    });
    let target = |n: usize| {
        get(&server, &format!("/api/v1/live-streams/{id}/simulcast-targets/{}", targets[n]))["data"]
            .clone()
    };
    let broadcasts = |n: usize, attempts: u64| {
        until("a target is sent the stream", LIMIT, || {
            let target = target(n);
            (target["status"] == "broadcasting" && target["attempts"].as_u64()? >= attempts)
                .then_some(())
        });
    };

    // It is published over TLS, and the hook is asked first.
    let url = format!("rtmps://{}/live/{stream_key}", server.rtmps.expect("RTMPS is on"));
    let encoder = Encoder { film: &film, authority: &tls.authority, url };
    let mut publisher = encoder.start(&["-re", "-stream_loop", "-1"]);
    let asked = hook.wait_call("publish");
    assert_eq!(
        (asked.method.as_str(), asked.field("app"), asked.field("addr")),
        ("POST", "live".into(), "127.0.0.1".into())
    );
    broadcasts(0, 1);
    broadcasts(1, 1);

    // Players need the signature.
    let path = |file: &str| format!("/live/{playback}/{file}");
    until("a segment", LIMIT, || {
        let list = server.get(&path(&format!("video.m3u8{signed}")));
        (list.status == 200 && String::from_utf8_lossy(&list.body).contains("#EXTINF"))
            .then_some(())
    });
    let mut chromium =
        browser(&format!("http://{}{}", server.http, path(&format!("index.m3u8{signed}"))));
    for file in
        ["index.m3u8", "video.m3u8", "index.mpd", "index.m3u8?kid=x&expires=9999999999&sig=00"]
    {
        assert_eq!(server.get(&path(file)).status, 403, "{file}");
    }

    // One target is lost and comes back.
    until("nginx has some of it", LIMIT, || (bytes_of(far.path()) > 50_000).then_some(()));
    taker.kill();
    until("it is missed", LIMIT, || (target(0)["status"] == "errored").then_some(()));
    taker = nginx(far.path(), to_nginx);
    broadcasts(0, 2);
    chromium.succeed(LIMIT);
    let shown: Value = serde_json::from_str(&chromium.text()).expect("one line of JSON");
    assert!(
        shown["played_s"].as_f64() >= Some(2.0) && shown["decoded_frames"].as_u64() > Some(20),
        "{shown}"
    );
    // A machine that is busy may stall it, which it gets over.
    let mut errors = shown["errors"].as_array().expect("a list").iter();
    assert!(shown["width"] == 640 && errors.all(|error| error["fatal"] == false), "{shown}");

    // The publisher is cut off and comes back: the same playlist, the same connection to who was not lost.
    let playlist = || {
        String::from_utf8_lossy(&server.get(&path(&format!("video.m3u8{signed}"))).body)
            .into_owned()
    };
    publisher.kill();
    until("it is missed", LIMIT, || {
        server.stream(&format!("live/{playback}")).is_none().then_some(())
    });
    let before = playlist();
    let last = before
        .lines()
        .rfind(|line| line.contains(".m4s") && !line.starts_with('#'))
        .expect("a segment")
        .to_owned();
    let mut publisher = encoder.start(&["-readrate", "3"]);
    until("the playlist goes on", LIMIT, || {
        let after = playlist();
        assert!(!before.contains("#EXT-X-ENDLIST") && after.contains(&last), "{before}\n{after}");
        (after.matches("#EXT-X-DISCONTINUITY\n").count() == 1).then_some(())
    });
    assert_eq!((&target(1)["attempts"], &target(1)["status"]), (&json!(1), &json!("broadcasting")));
    publisher.succeed(LIMIT);
    ffmpeg.wait_exit(LIMIT);
    let asked = hook.requests().iter().filter(|request| request.field("call") == "publish").count();
    assert_eq!(asked, 2, "each publisher is asked about");

    // The recording is in the bucket, whole, and nowhere else; it plays with the signature alone.
    let asset = until("the upload", LIMIT, || {
        let list = get(&server, &format!("/api/v1/assets?live_stream_id={id}"))["data"].clone();
        assert!(list.as_array().expect("a list").len() < 2, "one recording: {list}");
        list.get(0).filter(|asset| is_uploaded(asset)).cloned()
    });
    let film = s3.file(&format!("films/{}", key(&asset))).body;
    assert_eq!((&asset["sha256"], &asset["bytes"]), (&json!(sha256(&film)), &json!(film.len())));
    assert!(!local(data.path(), &asset).exists());
    assert!(played(server.http, &asset, &signed) == film);
    assert_eq!(server.get(text(&asset["url"])).status, 403);
    let mp4 = data.path().join("film.mp4");
    std::fs::write(&mp4, &film).expect("a file");
    let kept = packets::probe(&mp4);
    assert_cut_and_whole("the recording", &source, &kept);
    let length = kept.video.last().expect("pictures").pts - kept.video[0].pts;
    let length = length as f64 / 1e9;
    let told = asset["duration_s"].as_f64().expect("a length");
    assert!((told - length).abs() < 0.5, "{told} s for {length} s");

    // Each target has every packet that was recorded, from when it was there.
    assert_same("ffmpeg", &kept, &packets::probe(&out));
    let files = recorded(far.path());
    assert_eq!(files.len(), 2, "{files:?}");
    let first = packets::run_of(&kept.video, &packets::probe_torn(&files[0]).video);
    assert_eq!(first.expect("a run of the film").start, 0);
    let second = until("the end of nginx's recording", LIMIT, || {
        let got = packets::probe_torn(&files[1]);
        (got.video.last()?.hash == kept.video.last()?.hash).then_some(got)
    });
    let run = packets::run_of(&kept.video, &second.video).expect("a run of the film");
    assert!(run.end == kept.video.len() && kept.video[run.start].key, "{run:?}");
    drop(taker);

    assert_told(&server, &events, id, text(&asset["id"]), &targets);
    let log = server.log();
    assert!(
        ![stream_key, "s3cr3t", events::SECRET, SECRET].iter().any(|one| log.contains(one)),
        "f16: {log}"
    );
}

/// Each event was taken once, in order, whatever the receiver failed at.
fn assert_told(server: &Server, events: &Events, id: &str, asset: &str, targets: &[String; 2]) {
    let done = |events: &[Value]| {
        let idle = |target: &String| events::types(events, target).last() == Some(&"idle");
        events::types(events, asset).len() == 2 && targets.iter().all(idle)
    };
    until("the last events", LIMIT, || done(&events.taken()).then_some(()));
    let taken = events.taken();
    assert_eq!(events.failed(), 2);
    let listed = get(server, "/api/v1/events?limit=100")["data"].clone();
    let listed: Vec<_> = listed.as_array().expect("a list").iter().rev().collect();
    let ids = |all: Vec<&Value>| all.iter().map(|event| event["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(taken.iter().collect()), ids(listed), "each once, in order");
    let session = ["connected", "recording", "active", "disconnected"];
    let wanted = [&["created"][..], &session, &session, &["idle"]].concat();
    assert_eq!(events::types(&taken, id), wanted);
    assert_eq!(events::types(&taken, asset), ["ready", "live_stream_completed"]);
    let sends = ["created", "starting", "broadcasting"];
    assert_eq!(events::types(&taken, &targets[1]), [&sends[..], &["idle"]].concat());
    let lost = events::types(&taken, &targets[0]);
    assert!(lost.starts_with(&[&sends[..], &["errored", "starting"]].concat()), "{lost:?}");
    assert!(lost.ends_with(&["starting", "broadcasting", "idle"]), "{lost:?}");
    // The recording comes behind the end of its stream.
    let place = |name: &str| taken.iter().position(|event| event["type"] == name).expect(name);
    assert!(place("video.live_stream.idle") < place("video.asset.ready"));
    let ready = &taken[place("video.asset.ready")]["data"];
    assert_eq!((&ready["id"], &ready["live_stream_id"]), (&json!(asset), &json!(id)));
    for event in taken.iter().filter(|event| event["object"]["type"] == "simulcast_target") {
        assert_eq!(event["data"]["live_stream_id"], id, "{event}");
    }
}
