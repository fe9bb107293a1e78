//! The programs in `examples/`, run as a user runs them, on real input.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these tests run programs and read their files"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::SystemTime;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/ffmpeg-5.1/source.flv");

/// A folder for one test, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// When the newest file below this path was written.
fn written(path: &Path) -> SystemTime {
    let own = fs::metadata(path).and_then(|about| about.modified()).unwrap();
    let Ok(entries) = fs::read_dir(path) else { return own };
    entries.map(|entry| written(&entry.unwrap().path())).fold(own, SystemTime::max)
}

/// The program of an example. `cargo test` has made it beside this test; where it was told to make this test alone, the program is made here, which takes
/// minutes: with other features than the workspace's all dependencies are made anew.
fn example(name: &str) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples").join(name);
    let sources = ["src", &format!("examples/{name}.rs")].map(|path| written(&here.join(path)));
    let is_new = fs::metadata(&program)
        .and_then(|about| about.modified())
        .is_ok_and(|made| sources.into_iter().all(|source| source <= made));
    if !is_new {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--all-features", "--example", name]);
        assert!(cargo.current_dir(here).status().unwrap().success());
    }
    Command::new(program)
}

fn run(name: &str, arguments: &[&str]) -> Output {
    let output = example(name).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Segments that a playlist names, each with its length in bytes.
fn segments(folder: &Path, playlist: &str) -> Vec<u64> {
    let text = fs::read_to_string(folder.join(playlist)).unwrap();
    assert!(text.starts_with("#EXTM3U\n") && text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
    let names = text.lines().filter(|line| !line.starts_with('#'));
    names.map(|name| fs::metadata(folder.join(name)).unwrap().len()).collect()
}

#[test]
fn remux_writes_an_mp4_that_another_reader_takes() {
    let folder = folder("example-remux");
    let out = folder.join("out.mp4");
    run("remux", &[SOURCE, out.to_str().unwrap()]);
    let file = fs::File::open(&out).unwrap();
    let size = file.metadata().unwrap().len();
    let reader = mp4::Mp4Reader::read_header(BufReader::new(file), size).unwrap();
    let mut counts: Vec<u32> = reader.tracks().values().map(mp4::Mp4Track::sample_count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [600, 939]);
    let bytes = fs::read(&out).unwrap();
    let place = |name: &[u8]| bytes.windows(4).position(|window| window == name).unwrap();
    assert!(place(b"moov") < place(b"mdat"));
}

#[test]
fn inspect_counts_the_units_of_each_track() {
    let output = run("inspect", &[SOURCE]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("600") && text.contains("939") && text.contains("avc1.64001e"), "{text}");
}

#[test]
fn segment_lists_the_whole_file() {
    let folder = folder("example-segment");
    run("segment", &[SOURCE, folder.to_str().unwrap()]);
    assert_eq!(segments(&folder, "video.m3u8").len(), 10);
    assert_eq!(segments(&folder, "audio.m3u8").len(), 10);
}

#[test]
fn ingest_to_hls_takes_what_obs_sends() {
    let folder = folder("example-ingest");
    let mut command = example("ingest_to_hls");
    command.args(["127.0.0.1:0", folder.to_str().unwrap()]).stdout(Stdio::piped());
    let mut program = Program(command.spawn().unwrap());
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.next().unwrap();
    let address =
        address.strip_prefix("publish to rtmp://").unwrap().strip_suffix("/live/NAME").unwrap();

    let mut socket = TcpStream::connect(address).unwrap();
    let mut answers = socket.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while answers.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
    socket.write_all(include_bytes!("data/obs-29.0.2/publish.c2s")).unwrap();
    assert!(program.0.wait().unwrap().success());
    reader.join().unwrap();

    // 131 pictures and 407 audio frames are what ffprobe counts in a recording of this capture.
    let rest: Vec<String> = lines.collect();
    assert!(rest.iter().any(|line| line.starts_with("538 units in")), "{rest:?}");
    let payload: u64 =
        segments(&folder, "video.m3u8").iter().chain(&segments(&folder, "audio.m3u8")).sum();
    assert!((600_000..700_000).contains(&payload), "{payload}");
    assert!(fs::read_to_string(folder.join("index.m3u8")).unwrap().contains("mp4a.40.2"));
}

/// A child that does not outlive its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
