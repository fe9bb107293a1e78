//! `streamcore remux` and `streamcore repair` beside ffprobe, ffmpeg and Chromium, and on files that are not as they should be.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kit::packets::{self, Listing, MILLISECOND};
use kit::source::Film;
use kit::{Process, mp4, process, until};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(60);

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name)
}

fn sources() -> [PathBuf; 3] {
    [
        Film::new(8).flv(FILMS),
        data("ffmpeg-5.1/source.flv"),
        data("obs-29.0.2/recorded-by-nginx.flv"),
    ]
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn streamcore<'a>(words: impl IntoIterator<Item = &'a str>) -> Output {
    Command::new(BINARY).args(words).stdin(Stdio::null()).output().expect("the program runs")
}

/// Standard error.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim_end().to_owned()
}

fn decodes(path: &Path) {
    let (_, errors) = process::run(
        "ffmpeg",
        ["-v", "error", "-xerror", "-err_detect", "explode", "-i", text(path), "-f", "null", "-"],
    );
    assert_eq!(errors, "", "decoding {}", path.display());
}

fn assert_same(name: &str, wanted: &Listing, got: &Listing) {
    let ok = |result: Result<(), String>| result.unwrap_or_else(|fault| panic!("{name}: {fault}"));
    ok(packets::same_packets(&wanted.video, &got.video));
    ok(packets::same_packets(&wanted.audio, &got.audio));
    ok(packets::same_times(&wanted.video, &got.video, MILLISECOND));
    ok(packets::same_start_offset(wanted, got));
    assert!(wanted.video.len() > 20 && wanted.audio.len() > 20, "{name}: next to nothing");
}

/// Start and duration in seconds as ffprobe has them.
fn span(path: &Path) -> (f64, f64) {
    let words = ["-v", "error", "-show_entries", "format=start_time,duration", "-of", "json"];
    let (json, _) = process::run("ffprobe", [&words[..], &[text(path)]].concat());
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    let number = |key: &str| json["format"][key].as_str().and_then(|text| text.parse().ok());
    (number("start_time").expect("a start"), number("duration").expect("a duration"))
}

/// First and last presentation time in seconds.
fn presented(listing: &Listing) -> (f64, f64) {
    let times = || listing.video.iter().chain(&listing.audio).map(|packet| packet.pts);
    let seconds = |time: Option<i64>| time.expect("a packet") as f64 / 1e9;
    (seconds(times().min()), seconds(times().max()))
}

#[test]
fn d_26_every_layout_keeps_packets_times_and_lengths() {
    let folder = kit::temp_dir();
    let made = folder.path().join("made.mp4");
    for source in &sources() {
        let wanted = packets::probe(source);
        for options in [&["--layout", "whole"][..], &["--layout", "compact"], &["--fragmented"]] {
            let words = [&["remux"], options, &[text(source), text(&made)]].concat();
            let output = streamcore(words);
            assert!(output.status.success(), "{options:?}: {}", said(&output));
            let name = format!("{} {options:?}", source.display());
            assert_same(&name, &wanted, &packets::probe(&made));
            decodes(&made);
            if !options.contains(&"--fragmented") {
                mp4::assert_index_in_front(&made);
                let ((start, length), (from, end)) = (span(&made), presented(&wanted));
                assert!((start - from).abs() < 0.001, "{name}: starts at {start}, not {from}");
                // A movie's length counts from zero, and the last packet has one.
                let beyond = length - end;
                assert!((0.0..0.06).contains(&beyond), "{name}: {beyond} s behind {end}");
            }
        }
    }
}

#[test]
fn pipes_lead_in_and_out() {
    let folder = kit::temp_dir();
    let (source, made) = (Film::new(8).flv(FILMS), folder.path().join("made.mp4"));
    let bytes = fs::read(&source).expect("a capture");
    let wanted = packets::probe(&source);
    for (words, out) in
        [(vec!["remux", "-", text(&made)], false), (vec!["remux", "--fragmented", "-", "-"], true)]
    {
        let mut child = Command::new(BINARY)
            .args(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        let fed = bytes.clone();
        let feeder = std::thread::spawn(move || stdin.write_all(&fed));
        let output = child.wait_with_output().expect("it ends");
        feeder.join().expect("a thread").expect("all was taken");
        assert!(output.status.success(), "{words:?}");
        if out {
            fs::write(&made, &output.stdout).expect("a file");
        }
        assert_same(&format!("{words:?}"), &wanted, &packets::probe(&made));
        fs::remove_file(&made).expect("the MP4");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
    let to_pipe = streamcore(["remux", text(&source), "-"]);
    assert!(!to_pipe.status.success() && said(&to_pipe).contains("--fragmented"));
}

/// An FLV of these tags.
fn flv(tags: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    for (kind, body) in tags {
        let size = u32::try_from(body.len()).expect("small");
        out.push(*kind);
        out.extend(&size.to_be_bytes()[1..]);
        out.extend([0; 7]);
        out.extend(*body);
        out.extend((size + 11).to_be_bytes());
    }
    out
}

/// Where the first tag begins that is not whole.
fn end_of_whole_tags(flv: &[u8]) -> u64 {
    let mut at = 13;
    loop {
        let Some([_, a, b, c]) = flv.get(at..at + 4) else { return at as u64 };
        let next = at + 11 + u32::from_be_bytes([0, *a, *b, *c]) as usize + 4;
        if next > flv.len() {
            return at as u64;
        }
        at = next;
    }
}

#[test]
fn b1_05_b1_09_b4_13_what_cannot_be_remuxed_is_one_line_with_its_place() {
    let folder = kit::temp_dir();
    let (bad, made) = (folder.path().join("bad.flv"), folder.path().join("made.mp4"));
    let capture = fs::read(data("ffmpeg-5.1/source.flv")).expect("a capture");
    let script = [2, 0, 3, b'a', b'b', b'c'];
    let vvc = flv(&[(9, b"\x90vvc1\x01\x02\x03"), (9, b"\x93vvc1\0\0\0\x01\x02")]);
    let cut = &capture[..1_000_000];
    let cut_at = end_of_whole_tags(cut);
    // Content, exit status, what the line says, the byte that it names.
    let cases: [(Vec<u8>, i32, &str, u64); 10] = [
        (Vec::new(), 1, "empty file", 0),
        (b"FLV\x01".to_vec(), 1, "", 0),
        (b"This is a text.".to_vec(), 1, "signature", 0),
        (b"\0\0\0\x14ftypisom\0\0\x02\0isom".to_vec(), 1, "signature", 0),
        (flv(&[(18, &script), (0x28, &[1, 2, 3, 4])]), 1, "encrypted tag", 34),
        (flv(&[(9, &[0x12, 1, 2, 3])]), 1, "Sorenson H.263", 24),
        (flv(&[(8, &[0xb2, 1, 2, 3])]), 1, "Speex", 24),
        // Where its first picture stands.
        (vvc, 1, "VVC", 47),
        (flv(&[(18, &script)]), 1, "", 34),
        (cut.to_vec(), 2, "cut off", cut_at),
    ];
    let ways = [&["remux", "--json"][..], &["remux", "--json", "--fragmented"]];
    let all = cases.iter().flat_map(|case| ways.map(|words| (case, words)));
    for ((content, status, line, byte), words) in all {
        fs::write(&bad, content).expect("a file");
        let output = streamcore([words, &[text(&bad), text(&made)]].concat());
        let told = said(&output);
        assert_eq!(output.status.code(), Some(*status), "{told}");
        assert!(
            told.contains(line) && told.contains("bad.flv") && told.lines().count() == 1,
            "{line} {words:?}: {told}"
        );
        let place = format!("at byte {byte}");
        let named =
            told.split(&place).nth(1).is_some_and(|rest| !rest.starts_with(char::is_numeric));
        assert!(named, "{line} {words:?}: {told}");
        let json: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        let place =
            if *status == 1 { &json["error"]["byte"] } else { &json["problems"][0]["byte"] };
        assert_eq!(place.as_u64(), Some(*byte), "{json}");
        assert_eq!(made.exists(), *status == 2, "{told}");
        assert!(fs::read(&bad).expect("the input") == *content, "the input was touched");
        let _ = fs::remove_file(&made);
        let left: Vec<_> = fs::read_dir(folder.path()).expect("the folder").flatten().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
    let same = streamcore(["remux", text(&bad), text(&bad)]);
    assert!(!same.status.success() && said(&same).contains("the same file"));
}

#[test]
#[cfg(target_os = "linux")]
fn blocks_that_cannot_be_shared_are_told_or_copied() {
    // Files in memory share nothing.
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let (source, made) = (folder.path().join("film.flv"), folder.path().join("made.mp4"));
    fs::copy(Film::new(8).flv(FILMS), &source).expect("a film");
    let words = |mode| ["remux", "--verify", "--reflink", mode, text(&source), text(&made)];
    let refused = streamcore(words("always"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("cannot share blocks") && !made.exists(), "{}", said(&refused));
    for mode in ["auto", "never"] {
        let output = streamcore(words(mode));
        assert!(output.status.success(), "{mode}: {}", said(&output));
    }
}

/// Makes a file system that shares blocks, remuxes a film in it, and tells how many bytes of it the MP4 took. Exit status 77 where
/// this user may make none.
const SHARING: &str = r#"
    truncate -s 512M disk.img && mkfs.xfs -q -m reflink=1 disk.img && mkdir disk && mount -o loop disk.img disk || exit 77
    used() { sync -f disk && df --output=used -B1 disk | tail -n 1; }
    set -e
    cp film.flv disk/film.flv
    before=$(used)
    "$0" remux --verify --reflink always disk/film.flv disk/made.mp4
    echo $(($(used) - before))
    "$0" remux --verify --reflink never disk/film.flv disk/other.mp4
    echo $(($(used) - before))
    cp --reflink=never disk/made.mp4 disk/other.mp4 .
    umount disk
"#;

#[test]
#[cfg(target_os = "linux")]
fn where_blocks_can_be_shared_nothing_is_copied() {
    let folder = kit::temp_dir();
    let film = Film { kilobits: 8000, ..Film::new(14) }.flv(FILMS);
    fs::copy(&film, folder.path().join("film.flv")).expect("a film");
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", SHARING, BINARY]).current_dir(folder.path());
    let output = command.output().expect("unshare");
    if matches!(output.status.code(), Some(77 | 1)) && output.stdout.is_empty() {
        println!("skipped: this user may not mount a file system of its own: {}", said(&output));
        return;
    }
    assert!(output.status.success(), "{}", said(&output));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let took: Vec<u64> = told.lines().map(|line| line.trim().parse().expect("bytes")).collect();
    let [shared, both] = took[..] else { panic!("{told}") };
    let size = fs::metadata(&film).expect("the film").len();
    println!("{size} bytes: the MP4 took {shared}, one that was copied {}", both - shared);
    assert!(size > 10 << 20 && shared < size / 10, "{shared} of {size} bytes were written");
    assert!(both - shared > size * 9 / 10, "{both} {shared}: what is copied is counted");
    for made in ["made.mp4", "other.mp4"] {
        let made = folder.path().join(made);
        assert_same("shared", &packets::probe(&film), &packets::probe(&made));
        decodes(&made);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_shows_how_far_it_is_how_fast_and_how_long_it_takes() {
    let folder = kit::temp_dir();
    let made = folder.path().join("made.mp4");
    let film = Film::new(8).flv(FILMS);
    // `script` gives the command a terminal.
    for options in ["", "--layout compact"] {
        let line = format!("{BINARY} remux {options} {} {}", text(&film), text(&made));
        let (shown, _) = process::run("script", ["-qec", &line, "/dev/null"]);
        let shown = String::from_utf8_lossy(&shown).into_owned();
        assert!(
            shown.contains(" %") && shown.contains("/s") && shown.contains(" left"),
            "{shown:?}"
        );
        assert!(made.exists(), "{shown:?}");
    }
    let output = streamcore(["remux", text(&film), text(&made)]);
    assert!(output.stdout.is_empty() && said(&output).is_empty(), "{}", said(&output));
}

#[test]
#[cfg(unix)]
fn an_interrupted_remux_leaves_nothing_behind() {
    let folder = kit::temp_dir();
    let made = folder.path().join("made.mp4");
    let files = || fs::read_dir(folder.path()).expect("the folder").flatten().count();
    for signal in ["INT", "TERM"] {
        for options in [&["--fragmented"][..], &[]] {
            let mut command = Command::new(BINARY);
            command.arg("remux").args(options).args(["-", text(&made)]);
            // Without an end the command waits for more.
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
            let mut child = command.spawn().expect("the program runs");
            let mut stdin = child.stdin.take().expect("a pipe");
            stdin.write_all(&flv(&[(18, &[2, 0, 1, b'a'])])).expect("it reads");
            until("a temporary file", LIMIT, || (files() > 0).then_some(()));
            until("its handler", LIMIT, || handles(child.id(), signal).then_some(()));
            process::run("kill", ["-s", signal, &child.id().to_string()]);
            let status = until("the end", LIMIT, || child.try_wait().expect("a child"));
            drop(stdin);
            assert_eq!((status.code(), files()), (Some(130), 0), "{signal} {options:?}");
        }
    }
}

/// Whether a process takes a signal itself.
#[cfg(unix)]
fn handles(id: u32, signal: &str) -> bool {
    let number = if signal == "INT" { 2 } else { 15 };
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}

/// Makes a fragmented MP4 of a film.
fn fragmented(source: &Path, target: &Path, flags: &str) {
    let words = ["-v", "error", "-y", "-i", text(source), "-c", "copy", "-movflags", flags];
    process::run("ffmpeg", [&words[..], &[text(target)]].concat());
}

#[test]
fn d_31_fragments_cut_anywhere_become_a_plain_file_that_ffmpeg_decodes() {
    let folder = kit::temp_dir();
    let path = |name: &str| folder.path().join(name);
    let film = Film::new(8).flv(FILMS);
    for flags in ["frag_keyframe+empty_moov+default_base_moof", "frag_keyframe", "dash"] {
        fragmented(&film, &path("whole.mp4"), flags);
        let whole = fs::read(path("whole.mp4")).expect("an MP4");
        let wanted = packets::probe(&path("whole.mp4"));
        for keep in [whole.len(), whole.len() * 3 / 4, whole.len() / 2] {
            let cut = path("cut.mp4");
            fs::write(&cut, &whole[..keep]).expect("a file");
            let output = streamcore(["repair", text(&cut), text(&path("front.mp4"))]);
            assert!(output.status.success(), "{flags}: {}", said(&output));
            assert_eq!(
                said(&output).contains("cut off at byte"),
                keep < whole.len(),
                "{}",
                said(&output)
            );
            let output = streamcore(["repair", "--in-place", text(&cut)]);
            assert!(output.status.success(), "{flags}: {}", said(&output));
            mp4::assert_index_in_front(&path("front.mp4"));
            let in_place = mp4::top_level_boxes(&cut);
            assert_eq!(in_place.last().map(String::as_str), Some("moov"), "{in_place:?}");
            assert!(!in_place.iter().any(|kind| kind == "moof"), "{in_place:?}");
            for made in [path("front.mp4"), cut] {
                let got = packets::probe(&made);
                for (wanted, got) in [(&wanted.video, &got.video), (&wanted.audio, &got.audio)] {
                    assert!(got.len() > 50 && (keep < whole.len() || got.len() == wanted.len()));
                    packets::same_packets(&wanted[..got.len()], got).expect("the same packets");
                    packets::same_times(&wanted[..got.len()], got, MILLISECOND)
                        .expect("the same times");
                }
                decodes(&made);
            }
        }
        // What is whole stays as it is.
        let output = streamcore(["repair", "--in-place", text(&path("cut.mp4"))]);
        assert!(output.status.success() && said(&output).contains("nothing to repair"));
    }
}

#[test]
fn b1_09_a_cut_flv_becomes_a_whole_one() {
    let folder = kit::temp_dir();
    let path = |name: &str| folder.path().join(name);
    let film = Film::new(8).flv(FILMS);
    let whole = fs::read(&film).expect("a film");
    fs::write(path("cut.flv"), &whole[..whole.len() * 2 / 3]).expect("a file");
    let output = streamcore(["repair", text(&path("cut.flv")), text(&path("made.flv"))]);
    assert!(
        output.status.success() && said(&output).contains("cut off at byte"),
        "{}",
        said(&output)
    );
    let (wanted, got) = (packets::probe(&film), packets::probe(&path("made.flv")));
    assert!(got.video.len() > 100 && got.audio.len() > 100);
    packets::same_packets(&wanted.video[..got.video.len()], &got.video).expect("the same packets");
    packets::same_packets(&wanted.audio[..got.audio.len()], &got.audio).expect("the same packets");
    // The metadata tells the length: 8 seconds were cut to two thirds.
    let (_, length) = span(&path("made.flv"));
    assert!((4.5..6.5).contains(&length), "{length}");
    let output = streamcore(["repair", text(&path("cut.flv")), text(&path("made.mp4"))]);
    assert!(output.status.success(), "{}", said(&output));
    let mp4 = packets::probe(&path("made.mp4"));
    assert_eq!((mp4.video.len(), mp4.audio.len()), (got.video.len(), got.audio.len()));
}

#[test]
fn repair_says_what_it_cannot_do() {
    let folder = kit::temp_dir();
    let path = |name: &str| folder.path().join(name);
    // An MP4 that was killed before its index was written.
    fs::write(path("bad.mp4"), b"\0\0\0\x14ftypisom\0\0\x02\0isom\0\0\x10\0mdat\x01\x02\x03")
        .expect("a file");
    fs::write(path("empty.mp4"), b"").expect("a file");
    for (name, line) in
        [("bad.mp4", "no moov"), ("empty.mp4", "empty"), ("none.mp4", "cannot open")]
    {
        let output = streamcore(["repair", text(&path(name)), text(&path("made.mp4"))]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let told = said(&output);
        assert!(told.contains(line) && told.lines().count() == 1, "{told}");
        assert!(!path("made.mp4").exists());
    }
}

#[test]
fn probe_tells_of_fragments_of_cuts_and_of_rates() {
    let folder = kit::temp_dir();
    let path = |name: &str| folder.path().join(name);
    let film = Film::new(8).flv(FILMS);
    fragmented(&film, &path("whole.mp4"), "frag_keyframe+empty_moov+default_base_moof");
    let whole = fs::read(path("whole.mp4")).expect("an MP4");
    fs::write(path("cut.mp4"), &whole[..whole.len() * 2 / 3]).expect("a file");
    let probe = |name: &str| -> Value {
        let output = streamcore(["probe", "--json", text(&path(name))]);
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let (one, other) = (probe("whole.mp4"), probe("cut.mp4"));
    let wanted = packets::probe(&path("whole.mp4"));
    assert!(one["fragments"].as_u64().is_some_and(|count| count > 2), "{one}");
    assert_eq!(one["tracks"][0]["samples"].as_u64(), Some(wanted.video.len() as u64), "{one}");
    let rates = one["tracks"][0]["bitrate_over_time"]["kbps"].as_array().map(Vec::len);
    assert!(rates.is_some_and(|count| (8..=9).contains(&count)), "{one}");
    let problems = other["problems"].to_string();
    assert!(
        problems.contains("is cut off") && problems.contains("samples are not in the file"),
        "{problems}"
    );
    assert!(other["tracks"][0]["samples"].as_u64() < one["tracks"][0]["samples"].as_u64());
    let (table, _) = process::run(BINARY, ["probe", text(&path("whole.mp4"))]);
    let table = String::from_utf8(table).expect("text");
    assert!(table.contains("fragments") && table.contains("kbit/s over time: "), "{table}");
}

#[test]
fn chromium_plays_the_body_of_an_flv_as_media_of_an_mp4() {
    let folder = kit::temp_dir();
    let path = |name: &str| folder.path().join(name);
    let film = Film::new(14).flv(FILMS);
    Process::start(BINARY, ["remux", "--layout", "whole", text(&film), text(&path("made.mp4"))])
        .succeed(LIMIT);
    fs::write(path("page.html"), "<!doctype html><video src=made.mp4 muted autoplay></video>")
        .expect("a page");
    let play = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/play.mjs");
    let page = format!("file://{}", text(&path("page.html")));
    let (answer, _) = process::run("node", [text(&play), &page, "--seconds", "6"]);
    let played: Value = serde_json::from_slice(&answer).expect("one line of JSON");
    let number = |name: &str| played[name].as_f64().unwrap_or_default();
    assert!(number("played_s") >= 5.0 && number("decoded_frames") >= 90.0, "{played}");
    assert_eq!((number("width"), number("height")), (640.0, 360.0), "{played}");
    assert!(played["errors"].as_array().is_some_and(Vec::is_empty), "{played}");
}
