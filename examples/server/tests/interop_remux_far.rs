//! `streamcore remux` from and to addresses: a store, a web server, pipes.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use kit::packets::{self, Listing, MILLISECOND};
use kit::source::Film;
use kit::store::Store;
use kit::{mp4, process, until};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(60);

/// A film of some 12 MB: several ranges in, and two parts out.
fn film() -> PathBuf {
    Film { kilobits: 8000, ..Film::new(14) }.flv(FILMS)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn command(store: &Store, words: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("remux").args(words).envs(store.variables());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(store: &Store, words: &[&str]) -> Output {
    command(store, words).output().expect("the program runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim_end().to_owned()
}

/// Whether a file holds the packets of the film at their times.
fn assert_film(name: &str, made: &Path) {
    static FILM: OnceLock<Listing> = OnceLock::new();
    let (wanted, got) = (FILM.get_or_init(|| packets::probe(&film())), packets::probe(made));
    let ok = |result: Result<(), String>| result.unwrap_or_else(|fault| panic!("{name}: {fault}"));
    ok(packets::same_packets(&wanted.video, &got.video));
    ok(packets::same_packets(&wanted.audio, &got.audio));
    ok(packets::same_times(&wanted.video, &got.video, MILLISECOND));
    ok(packets::same_start_offset(wanted, &got));
}

#[test]
fn every_way_between_files_stores_and_the_web_gives_the_same_packets() {
    let (store, folder) = (Store::start(), kit::temp_dir());
    let flv = fs::read(film()).expect("a film");
    assert!(flv.len() > 10 << 20, "{} bytes are no film of several parts", flv.len());
    store.put("in/film.flv", flv.clone());
    let (near_in, near_out) = (film(), folder.path().join("made.mp4"));
    let (far_in, far_out, web) =
        (Store::url("in/film.flv"), Store::url("out/made film.mp4"), store.web("in/film.flv"));
    let all = [&["--json"][..], &["--json", "--layout", "compact"], &["--fragmented"]];
    for (input, output, ways) in [
        (text(&near_in), &far_out[..], &all[1..]),
        (&far_in, text(&near_out), &all[1..2]),
        (&far_in, &far_out, &all[..]),
        (&web, text(&near_out), &all[..1]),
        (&web, &far_out, &all[2..]),
    ] {
        for options in ways {
            let name = format!("{input} to {output} {options:?}");
            let done = run(&store, &[*options, &[input, output]].concat());
            assert!(done.status.success(), "{name}: {}", said(&done));
            if let Some(made) = store.take("out/made%20film.mp4") {
                fs::write(&near_out, made).expect("a file");
            }
            assert_film(&name, &near_out);
            if options.contains(&"--json") {
                mp4::assert_index_in_front(&near_out);
                let json: Value = serde_json::from_slice(&done.stdout).expect("JSON");
                let len = fs::metadata(&near_out).expect("the MP4").len();
                assert_eq!(json["bytes"].as_u64(), Some(len), "{name}");
            }
            fs::remove_file(&near_out).expect("the MP4");
        }
    }
    assert!(store.uploads().is_empty(), "{:?}", store.uploads());
    assert!(store.count("partNumber=2") > 2, "no object was sent in parts");
    // Two passes of 4 MiB a request, and not a request for each tag.
    assert!(store.count("GET ") < 200, "{} requests", store.count("GET "));
}

#[test]
fn a_pipe_leads_to_a_store_and_a_store_to_a_pipe() {
    let (store, folder) = (Store::start(), kit::temp_dir());
    let flv = fs::read(film()).expect("a film");
    store.put("film.flv", flv.clone());
    let made = folder.path().join("made.mp4");
    for options in [&[][..], &["--fragmented"]] {
        let out = Store::url("made.mp4");
        let mut child = command(&store, &[options, &["-", &out]].concat())
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(&flv).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", said(&output));
        fs::write(&made, store.take("made.mp4").expect("an object")).expect("a file");
        assert_film(&format!("{options:?}"), &made);
    }
    let output = run(&store, &["--fragmented", &Store::url("film.flv"), "-"]);
    fs::write(&made, &output.stdout).expect("a file");
    assert_film("to a pipe", &made);
}

#[test]
fn a_store_that_stumbles_is_asked_again() {
    let (store, folder) = (Store::start(), kit::temp_dir());
    let made = folder.path().join("made.mp4");
    store.put("film.flv", fs::read(film()).expect("a film"));
    for input in [Store::url("film.flv"), store.web("film.flv")] {
        // The first request of a web server is not repeated: it tells whether there is anything.
        let mut child = command(&store, &[&input, text(&made)]).spawn().expect("the program runs");
        let asked = store.count("GET ");
        until("a first range", LIMIT, || (store.count("GET ") > asked).then_some(()));
        store.stumble(2);
        let status = child.wait().expect("it ends");
        assert!(status.success(), "{input}");
        assert_film(&input, &made);
        store.stumble(0);
    }
}

#[test]
fn what_is_wrong_at_an_address_is_one_line_and_leaves_no_object() {
    let (store, folder) = (Store::start(), kit::temp_dir());
    let made = folder.path().join("made.mp4");
    let flv = fs::read(film()).expect("a film");
    store.put("text.flv", b"This is a text.".to_vec());
    store.put("empty.flv", Vec::new());
    store.put("film.flv", flv);
    let out = Store::url("made.mp4");
    let (near, web) = (text(&made).to_owned(), |key: &str| store.web(key));
    for (input, output, line) in [
        (Store::url("text.flv"), &out, "signature at byte 0"),
        (web("text.flv"), &near, "signature at byte 0"),
        (web("empty.flv"), &near, "empty file at byte 0"),
        (Store::url("empty.flv"), &out, "empty file at byte 0"),
        (web("none.flv") + "?secret=abc", &near, "404"),
        (Store::url("none.flv"), &near, "not found"),
        (web("film.flv"), &web("made.mp4"), "an output is a file, a pipe or s3://bucket/key"),
        (Store::url("made.mp4"), &out, "the same file"),
        ("gs://films/film.flv".into(), &near, "not one of s3://"),
        ("http://127.0.0.1:1/film.flv".into(), &near, "cannot open http://127.0.0.1:1/film.flv"),
    ] {
        let output = run(&store, &["--json", &input, output]);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{input}: {told}");
        assert!(told.to_lowercase().contains(line), "{input}: {told}");
        assert!(
            !told.contains("secret") && !String::from_utf8_lossy(&output.stdout).contains("secret")
        );
        assert!(told.lines().count() == 1 || input.contains("none.flv"), "{told}");
    }
    store.give_ranges(false);
    let output = run(&store, &[&store.web("film.flv"), &near]);
    assert!(said(&output).contains("gives no ranges"), "{}", said(&output));
    assert!(!made.exists() && store.uploads().is_empty());
    assert_eq!(store.keys(), ["empty.flv", "film.flv", "text.flv"]);
}

#[test]
#[cfg(unix)]
fn an_interrupted_upload_leaves_neither_an_object_nor_parts() {
    let store = Store::start();
    let flv = fs::read(film()).expect("a film");
    for signal in ["INT", "TERM"] {
        let words = ["--fragmented", "-", &Store::url("made.mp4")];
        let mut child = command(&store, &words).stdin(Stdio::piped()).spawn().expect("it runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        // Twice the film is more than a part; without an end the command waits for more.
        stdin.write_all(&flv).and_then(|()| stdin.write_all(&flv[13..])).expect("it reads");
        until("a part", LIMIT, || (store.uploads() == [1]).then_some(()));
        process::run("kill", ["-s", signal, &child.id().to_string()]);
        let status = until("the end", LIMIT, || child.try_wait().expect("a child"));
        drop(stdin);
        assert_eq!(status.code(), Some(130), "{signal}");
        assert!(store.keys().is_empty() && store.uploads().is_empty(), "{signal}");
    }
}
