//! Renditions: a ladder that one ffmpeg publishes under several names, and the tracks of one multitrack publish, as players see them.

use std::path::Path;
use std::time::Duration;

use kit::rtmp::Publisher;
use kit::{Process, Server, ServerBuilder, flv, http, process, until};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const LIMIT: Duration = Duration::from_secs(60);

fn script(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

/// Three sizes of one source with sound, in real time, by one program.
fn ladder(server: &Server) -> Process {
    let mut words =
        "-nostdin -v error -re -f lavfi -i testsrc2=s=640x360:r=25 -f lavfi -i sine=r=48000 \
         -filter_complex [0:v]split=3[a][b][c];[b]scale=320:180[d];[c]scale=160:90[e] -t 600"
            .to_owned();
    for (pad, name) in [("[a]", "demo_360"), ("[d]", "demo_180"), ("[e]", "demo_90")] {
        words += &format!(
            " -map {pad} -map 1:a -c:v libx264 -preset ultrafast -g 50 -keyint_min 50 -sc_threshold 0 -c:a aac -b:a 96k \
             -f flv {}",
            server.rtmp_url(&format!("live/{name}"))
        );
    }
    Process::start("ffmpeg", words.split_whitespace())
}

fn start(data: &Path) -> Server {
    ServerBuilder::new(BINARY, data).with("--no-record --hls-variant _360,_180,_90").start()
}

/// The manifest once it lists so many renditions.
fn listed(server: &Server, name: &str, mark: &str, count: usize) -> String {
    until(name, LIMIT, || {
        let answer = http::get(server.http, name).ok()?;
        let text = answer.text();
        (answer.status == 200 && text.matches(mark).count() == count).then_some(text)
    })
}

fn play(script_name: &str, arguments: &[&str]) -> Value {
    let (answer, _) = process::run("node", [&[&*script(script_name)][..], arguments].concat());
    let seen: Value = serde_json::from_slice(&answer).expect("one line of JSON");
    println!("{seen}");
    let errors = seen["errors"].as_array().expect("a list");
    assert!(errors.iter().all(|error| error["fatal"] != true), "{seen}");
    seen
}

#[test]
fn e2_08_a_ladder_of_one_encoder_is_one_stream_for_players() {
    let data = kit::temp_dir();
    let server = start(data.path());
    let publisher = ladder(&server);
    let index = listed(&server, "/live/demo/index.m3u8", "#EXT-X-STREAM-INF", 3);
    for size in ["RESOLUTION=640x360", "RESOLUTION=320x180", "RESOLUTION=160x90"] {
        assert!(index.contains(size), "{index}");
    }
    listed(&server, "/live/demo/index.mpd", "contentType=\"video\"", 1);
    // The same segments: number by number the same lengths.
    let lengths = |name: &str| {
        let text = http::get(server.http, &format!("/live/demo/{name}")).expect("an answer").text();
        let lines: Vec<&str> = text.lines().collect();
        let pairs = lines.windows(2).filter(|two| two[0].starts_with("#EXTINF"));
        let pairs: Vec<(String, String)> = pairs
            .map(|two| {
                (two[0].to_owned(), two[1].rsplit('_').next().unwrap_or_default().to_owned())
            })
            .collect();
        pairs
    };
    until("three segments", LIMIT, || (lengths("video2.m3u8").len() > 3).then_some(()));
    let all = ["video.m3u8", "video1.m3u8", "video2.m3u8"].map(lengths);
    let common = |one: &[(String, String)]| {
        one.iter().filter(|pair| all.iter().all(|list| list.contains(pair))).count()
    };
    assert!(common(&all[0]) >= 3, "{all:?}");
    let playlist = server.http_url("live/demo/index.m3u8");
    let manifest = server.http_url("live/demo/index.mpd");
    let (_, _) = process::run("ffprobe", ["-v", "error", "-show_programs", &playlist]);
    let seen = play("levels.mjs", &[&playlist, "--player", "hls.js", "--deadline", "120"]);
    assert_eq!(seen["shown"], serde_json::json!([90, 180, 360]), "{seen}");
    play(
        "play-dash.mjs",
        &[&manifest, "--player", "dashjs", "--seconds", "5", "--deadline", "120"],
    );
    drop(publisher);
}

#[test]
fn e2_08_the_tracks_of_a_multitrack_publish_are_variants() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record").start();
    let film =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/eflv/multi_h264_aac.flv");
    let mut publisher = Publisher::start(server.rtmp, "live", "multi");
    publisher.send_paced(&flv::read(&film), 4, || true).expect("the server takes it");
    publisher.finish("multi").expect("the end is said");
    let index = listed(&server, "/live/multi/index.m3u8", "#EXT-X-STREAM-INF", 2);
    assert!(index.contains("\nvideo.m3u8\n") && index.contains("\nvideo1.m3u8\n"), "{index}");
    assert_eq!(index.matches("TYPE=AUDIO").count(), 2, "{index}");
    let mpd = listed(&server, "/live/multi/index.mpd", "contentType=\"video\"", 1);
    assert_eq!(mpd.matches("<Representation id=\"video").count(), 2, "{mpd}");
    let playlist = server.http_url("live/multi/index.m3u8");
    let wanted = "stream=codec_type";
    let probe = ["-v", "error", "-show_entries", wanted, "-of", "json", &playlist];
    let (probed, _) = process::run("ffprobe", probe);
    let probed: Value = serde_json::from_slice(&probed).expect("JSON");
    let streams = probed["streams"].as_array().expect("a list");
    let count = |kind: &str| streams.iter().filter(|one| one["codec_type"] == kind).count();
    assert_eq!((count("video"), count("audio")), (2, 2), "{probed}");
}
