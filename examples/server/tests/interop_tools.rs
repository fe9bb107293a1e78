//! `streamcore remux` and `streamcore probe` on files that other programs made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::packets::{self, MILLISECOND};
use kit::source::Film;
use kit::{Process, mp4, process};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn remux_keeps_every_packet_of_flv_files() {
    let folder = kit::temp_dir();
    let films = [
        Film::new(8).flv(FILMS),
        Film { sample_rate: Some(44_100), ..Film::new(14) }.flv(FILMS),
        data("ffmpeg-5.1/source.flv"),
        data("obs-29.0.2/recorded-by-nginx.flv"),
    ];
    for film in &films {
        let made = folder.path().join("made.mp4");
        let [from, to] = [film, &made].map(|file| file.to_str().expect("UTF-8"));
        Process::start(BINARY, ["remux", from, to]).succeed(LIMIT);
        mp4::assert_index_in_front(&made);
        let (wanted, got) = (packets::probe(film), packets::probe(&made));
        let ok =
            |result: Result<(), String>| result.unwrap_or_else(|fault| panic!("{from}: {fault}"));
        ok(packets::same_packets(&wanted.video, &got.video));
        ok(packets::same_packets(&wanted.audio, &got.audio));
        ok(packets::same_times(&wanted.video, &got.video, MILLISECOND));
        ok(packets::same_start_offset(&wanted, &got));
        assert!(
            wanted.video.len() > 100 && wanted.audio.len() > 100,
            "{from}: next to nothing was compared"
        );
        let (_, errors) = process::run(
            "ffmpeg",
            ["-v", "error", "-xerror", "-err_detect", "explode", "-i", to, "-f", "null", "-"],
        );
        assert_eq!(errors, "", "decoding the MP4 of {from}");
        std::fs::remove_file(&made).expect("the MP4");
    }
}

#[test]
fn remux_of_what_is_no_flv_says_so_and_leaves_nothing_behind() {
    let folder = kit::temp_dir();
    let (bad, made) = (folder.path().join("bad.flv"), folder.path().join("made.mp4"));
    std::fs::write(&bad, "This is a text.").expect("a file");
    let words = ["remux", bad.to_str().expect("UTF-8"), made.to_str().expect("UTF-8")];
    let mut remux = Process::start(BINARY, words);
    assert!(!remux.wait_exit(LIMIT).success());
    let lines = remux.lines();
    assert!(lines.len() == 1 && lines[0].contains("bad.flv"), "{lines:?}");
    let left: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .expect("the folder")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert_eq!(left, [bad]);
}

#[test]
fn probe_counts_what_ffprobe_counts() {
    let film = Film::new(8).flv(FILMS);
    let wanted = packets::probe(&film);
    let (json, _) = process::run(BINARY, ["probe", "--json", film.to_str().expect("UTF-8")]);
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    let track = |kind: &str| {
        let tracks = json["tracks"].as_array().into_iter().flatten();
        tracks
            .clone()
            .find(|track| track["kind"] == kind)
            .unwrap_or_else(|| panic!("no {kind} in {json}"))
    };
    for (kind, packets) in [("video", &wanted.video), ("audio", &wanted.audio)] {
        let bytes: u64 = packets.iter().map(|packet| packet.size).sum();
        let count = u64::try_from(packets.len()).expect("fits");
        assert_eq!(track(kind)["samples"].as_u64(), Some(count), "{json}");
        assert_eq!(track(kind)["bytes"].as_u64(), Some(bytes), "{json}");
    }
    assert_eq!(track("video")["width"], 640);
    assert_eq!(track("audio")["sample_rate"], 48_000);
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name)
}
