//! What ffmpeg publishes comes out of the MP4, the FLV and HLS: every packet once, in order, at its time.

use std::path::Path;
use std::time::Duration;

use kit::packets::{self, Listing, MILLISECOND};
use kit::source::Film;
use kit::{Process, Server, ServerBuilder, hls::Mirror, http, mp4, process, wait};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
/// Samples in an AAC frame.
const AAC_FRAME: i64 = 1024;

#[test]
fn every_packet_comes_out_of_mp4_flv_and_hls() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path())
        .with("--hls-segment-duration 2s --hls-window 120s --keep-flv")
        .start();
    let films = [
        ("live/thirty-seconds", Film::new(30)),
        ("live/rate-44100", Film { sample_rate: Some(44_100), ..Film::new(14) }),
        ("live/no-sound", Film { sample_rate: None, ..Film::new(8) }),
        ("live/no-picture", Film { video: false, ..Film::new(8) }),
    ];
    std::thread::scope(|scope| {
        let runs = films.map(|(path, film)| {
            let server = &server;
            (path, scope.spawn(move || round_trip(server, path, film)))
        });
        for (path, run) in runs {
            assert!(run.join().is_ok(), "{path}: see above");
        }
    });
    // Whoever knows a stream key may publish: the log names streams by no more than their first letters.
    for (path, _) in films {
        let key = path.strip_prefix("live/").expect("below live");
        assert!(
            !server.process.text().contains(key),
            "the log shows {key} whole\n{}",
            server.process.text()
        );
    }
}

fn round_trip(server: &Server, path: &str, film: Film) {
    let source = film.flv(FILMS);
    let wanted = packets::probe(&source);
    let source = source.to_str().expect("UTF-8");
    let url = server.rtmp_url(path);
    // Twice as fast as it plays: what is in the files is the same.
    let read = ["-nostdin", "-v", "error", "-readrate", "2", "-i", source];
    let publish = [&read[..], &["-c", "copy", "-f", "flv", &url]].concat();
    let mut publisher = Process::start("ffmpeg", publish);
    assert_described(&server.wait_live(path), film);

    let copy = kit::temp_dir();
    let mirror = follow(server, path, copy.path(), &mut publisher);
    publisher.succeed(Duration::from_secs(5));

    let recording = server.wait_mp4(path);
    let (mp4, flv) = (server.file(path, "mp4"), server.file(path, "flv"));
    let duration = recording["duration_s"].as_f64().expect("a duration");
    assert!((duration - f64::from(film.seconds)).abs() < 0.2, "{path}: {recording}");
    assert_eq!(mp4::top_level_boxes(&mp4), ["ftyp", "mdat", "moov"], "{path}: a plain MP4");
    assert_ranges(server, &recording, &mp4);

    check(&format!("{path} MP4"), &wanted, &packets::probe(&mp4), Times::Samples);
    check(&format!("{path} FLV"), &wanted, &packets::probe(&flv), Times::Milliseconds);
    check(&format!("{path} HLS"), &wanted, &of_hls(&mirror), Times::Samples);
    for file in [&mp4, &flv, &mirror.index()] {
        assert_decodes(file);
    }
}

/// Fetches the stream while it is live, until it says that it has ended.
fn follow(server: &Server, path: &str, folder: &Path, publisher: &mut Process) -> Mirror {
    let mut mirror = Mirror::new(server.http, &format!("/{path}"), folder);
    let (look, limit) = (Duration::from_millis(500), Duration::from_secs(60));
    wait::until_every(look, &format!("end marker in the playlists of {path}"), limit, || {
        let published = publisher.exited().is_some();
        let there = mirror.refresh();
        assert!(there || !published, "{path}: the playlists went before they had their end marker");
        mirror.ended().then_some(())
    });
    for (name, rendition) in &mirror.renditions {
        let rounded = rendition.longest.round();
        let target = f64::from(u32::try_from(rendition.target).expect("small"));
        assert!(rounded <= target, "{path} {name}: EXTINF {} over the target", rendition.longest);
    }
    mirror
}

fn of_hls(mirror: &Mirror) -> Listing {
    let mut all = Listing::default();
    for name in mirror.renditions.keys() {
        let listing = packets::probe(&mirror.joined(name));
        all.video.extend(listing.video);
        all.audio.extend(listing.audio);
        all.sample_rate = all.sample_rate.max(listing.sample_rate);
    }
    all
}

/// What the times of a format can say.
#[derive(PartialEq)]
enum Times {
    Milliseconds,
    Samples,
}

fn check(what: &str, wanted: &Listing, got: &Listing, times: Times) {
    let half_sample = 500_000_000 / wanted.sample_rate.max(8000);
    let (video, audio) = match times {
        Times::Milliseconds => (0, 0),
        // The source itself says audio times in whole milliseconds.
        Times::Samples => (MILLISECOND, MILLISECOND + half_sample),
    };
    let ok = |part: &str, result: Result<(), String>| {
        result.unwrap_or_else(|fault| panic!("{what}, {part}: {fault}"));
    };
    ok("video", packets::same_packets(&wanted.video, &got.video));
    ok("audio", packets::same_packets(&wanted.audio, &got.audio));
    ok("video times", packets::same_times(&wanted.video, &got.video, video));
    ok("audio times", packets::same_times(&wanted.audio, &got.audio, audio));
    ok("start offset", packets::same_start_offset(wanted, got));
    if times == Times::Samples && !got.audio.is_empty() {
        assert_eq!(got.sample_rate, wanted.sample_rate, "{what}");
        ok("audio grid", packets::on_sample_grid(&got.audio, got.sample_rate, AAC_FRAME));
    }
}

fn assert_decodes(file: &Path) {
    let file = file.to_str().expect("UTF-8");
    let strict = ["-nostdin", "-v", "error", "-xerror", "-err_detect", "explode"];
    let rest = ["-allowed_extensions", "ALL", "-i", file, "-f", "null", "-"];
    let rest = if file.ends_with(".m3u8") { &rest[..] } else { &rest[2..] };
    let (_, errors) = process::run("ffmpeg", [&strict[..], rest].concat());
    assert_eq!(errors, "", "decoding {file}");
}

fn assert_described(stream: &serde_json::Value, film: Film) {
    assert_eq!(stream["video"].is_object(), film.video, "{stream}");
    assert_eq!(stream["audio"].is_object(), film.sample_rate.is_some(), "{stream}");
    if film.video {
        let video = &stream["video"];
        assert_eq!(
            (video["width"].as_u64(), video["height"].as_u64()),
            (Some(640), Some(360)),
            "{stream}"
        );
        assert!(
            video["codec"].as_str().is_some_and(|codec| codec.starts_with("avc1.")),
            "{stream}"
        );
    }
    if let Some(rate) = film.sample_rate {
        let audio = &stream["audio"];
        assert_eq!(audio["sample_rate"].as_u64(), Some(u64::from(rate)), "{stream}");
        assert_eq!(audio["codec"], "mp4a.40.2", "{stream}");
    }
}

/// The MP4 is served whole and in ranges.
fn assert_ranges(server: &Server, recording: &serde_json::Value, file: &Path) {
    let link = recording["mp4"].as_str().expect("a link");
    let bytes = std::fs::read(file).expect("the MP4");
    let whole = http::get(server.http, link).expect("an answer");
    assert!(whole.status == 200 && whole.body == bytes, "{link}: {}", whole.status);
    let part = http::get_with(server.http, link, &[("Range", "bytes=100-299")]).expect("an answer");
    assert_eq!((part.status, part.body.as_slice()), (206, &bytes[100..300]), "{link}");
    let end = http::get_with(server.http, link, &[("Range", "bytes=-10")]).expect("an answer");
    assert_eq!((end.status, end.body.as_slice()), (206, &bytes[bytes.len() - 10..]), "{link}");
    let past = format!("bytes={}-", bytes.len());
    let past = http::get_with(server.http, link, &[("Range", &past)]).expect("an answer");
    assert_eq!(past.status, 416, "{link}");
}
