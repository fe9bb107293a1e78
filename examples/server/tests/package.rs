//! `streamcore package` at a terminal: how far it is, and that nothing that looks whole is left when it is interrupted.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");

/// A file that takes a while: a capture many times over.
fn source(folder: &Path, times: usize) -> PathBuf {
    let capture = fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/data/obs-29.0.2/recorded-by-nginx.flv"),
    )
    .unwrap();
    let mut all = capture.clone();
    // Its head is nine bytes and an empty size.
    (1..times).for_each(|_| all.extend_from_slice(&capture[13..]));
    let path = folder.join("in.flv");
    fs::write(&path, all).unwrap();
    path
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

/// Names in the folder that are not the input's.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "in.flv").collect()
}

#[test]
fn an_interrupted_package_leaves_nothing_behind() {
    for name in ["INT", "TERM"] {
        let dir = tempfile::tempdir().unwrap();
        let source = source(dir.path(), 80);
        let mut command = Command::new(BINARY);
        command.arg("package").arg(&source).arg(dir.path().join("out"));
        command.stderr(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        let start = Instant::now();
        // It runs for a moment at a time, so that it cannot be through before this sees that it has begun.
        let begun = || {
            let hidden = names(dir.path()).into_iter().find(|name| name.starts_with(".out."));
            hidden.is_some_and(|hidden| fs::read_dir(dir.path().join(hidden)).unwrap().count() > 2)
        };
        loop {
            signal(&child, "STOP");
            if begun() {
                break;
            }
            signal(&child, "CONT");
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "no segment: {:?}",
                names(dir.path())
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(
            !names(dir.path()).contains(&"out".to_owned()),
            "the name comes with the whole folder"
        );
        signal(&child, name);
        signal(&child, "CONT");
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        assert_eq!(names(dir.path()), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn at_a_terminal_it_shows_how_far_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let source = source(dir.path(), 20);
    let line =
        format!("{BINARY} package {} {}", source.display(), dir.path().join("out").display());
    // A terminal of its own.
    let said =
        Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output();
    let said = String::from_utf8_lossy(&said.expect("script of bsdutils").stdout).into_owned();
    assert!(said.contains('%') && said.contains("MiB"), "{said:?}");
    let made = names(&dir.path().join("out"));
    assert!(made.contains(&"index.m3u8".to_owned()) && made.len() > 10, "{made:?}");
}
