//! C programs against the library.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{compile_source, data, here, installed, libraries, pkg_config, run};

/// Compiles `tests/c/NAME.c`, linked to the shared library.
fn compile(name: &str, compiler: &str, flags: &[&str]) -> PathBuf {
    let source = here().join("tests/c").join(format!("{name}.c"));
    compile_source(&source, name, compiler, flags, &pkg_config(&["--cflags", "--libs"]))
}

/// Names of the functions that the header declares.
fn declared() -> Vec<String> {
    let header = std::fs::read_to_string(here().join("../include/streamcore.h"))
        .expect("the header is there");
    let mut names: Vec<String> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '*', '/', '#']))
        .filter_map(|line| {
            let before = line.split_once('(')?.0;
            let name = before.rsplit([' ', '*']).next()?;
            name.starts_with("sc_").then(|| name.to_owned())
        })
        .collect();
    names.sort();
    names
}

#[test]
fn the_header_compiles_alone_in_every_language_it_is_for() {
    let languages = ["c99", "c11", "c17", "c++17"];
    for compiler in ["gcc", "clang"] {
        for standard in languages {
            let language = if standard.starts_with("c++") { "c++" } else { "c" };
            run(Command::new(compiler)
                .args(["-x", language, &format!("-std={standard}")])
                .args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-I"])
                .arg(here().join("../include"))
                .arg(here().join("tests/c/header.c")));
        }
    }
    run(&mut Command::new(compile("header", "gcc", &[])));
}

#[test]
fn the_installed_library_links_shared_and_static() {
    let source = here().join("tests/c/header.c");
    let shared =
        compile_source(&source, "shared", "gcc", &[], &pkg_config(&["--cflags", "--libs"]));
    run(&mut Command::new(&shared));
    let needed = run(Command::new("readelf").arg("-d").arg(&shared));
    assert!(String::from_utf8_lossy(&needed.stdout).contains("[libstreamcore.so.0]"));

    let archive = installed().join("lib/libstreamcore.a").display().to_string();
    let mut library = pkg_config(&["--cflags", "--libs", "--static"]);
    library
        .iter_mut()
        .filter(|flag| *flag == "-lstreamcore")
        .for_each(|flag| flag.clone_from(&archive));
    let program = compile_source(&source, "static", "gcc", &[], &library);
    run(&mut Command::new(&program));
    let needed = run(Command::new("readelf").arg("-d").arg(&program));
    assert!(!String::from_utf8_lossy(&needed.stdout).contains("libstreamcore"));
}

#[test]
fn exported_symbols_are_the_declared_functions() {
    let listed = run(Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(libraries().join("libstreamcore.so")));
    let listed = String::from_utf8(listed.stdout).expect("nm writes text");
    let mut exported: Vec<&str> =
        listed.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    exported.retain(|name| !name.starts_with("_panic_"));
    exported.sort_unstable();
    assert_eq!(exported, declared());
    assert!(exported.len() > 40, "{exported:?}");
}

#[test]
fn every_function_is_called_by_a_program() {
    let folders = ["tests/c", "../examples/c", "../examples/go/streamcore", "../examples/nginx"];
    let mut text = String::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(here().join(folder)) else { continue };
        for entry in entries.flatten().filter(|entry| entry.path().is_file()) {
            text.push_str(&std::fs::read_to_string(entry.path()).unwrap_or_default());
        }
    }
    let uncalled: Vec<String> =
        declared().into_iter().filter(|name| !text.contains(&format!("{name}("))).collect();
    assert!(uncalled.is_empty(), "no program calls {uncalled:?}");
}

#[test]
fn every_export_goes_through_the_door() {
    let mut exports = 0;
    for entry in std::fs::read_dir(here().join("src")).expect("src/ is there").flatten() {
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        for export in text.split("#[unsafe(no_mangle)]").skip(1) {
            exports += 1;
            let body = export.split_once("{\n").expect("a function has a body").1;
            let body = body.split_once("\n}\n").expect("a function ends").0.trim();
            let door = body.starts_with("door!(") || body.starts_with("hall!(");
            assert!(door && body.ends_with(')'), "{}: {export:.120}", entry.path().display());
        }
    }
    assert_eq!(exports, declared().len());
}

#[test]
fn f_26_nulls_and_wrong_handles_give_a_status() {
    for compiler in ["gcc", "clang"] {
        run(&mut Command::new(compile("nulls", compiler, &[])));
    }
}

#[test]
fn f_26_no_error_and_no_leak_under_valgrind() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("valgrind.flv");
    let valgrind = || {
        let mut command = Command::new("valgrind");
        command.args([
            "-q",
            "--leak-check=full",
            "--show-leak-kinds=all",
            "--errors-for-leak-kinds=definite,indirect,possible",
        ]);
        command.arg("--error-exitcode=9");
        command
    };
    run(valgrind().arg(compile("nulls", "gcc", &["-O1"])));
    run(valgrind().arg(compile("hls", "gcc", &["-O1"])).arg(data("ffmpeg-5.1/source.flv")));
    let publish = compile("publish", "gcc", &["-O1"]);
    run(valgrind().arg(publish).arg(data("obs-29.0.2/publish.c2s")).arg("65536").arg(out));
}

#[test]
fn an_flv_becomes_hls_and_dash_and_a_cache_for_players() {
    let printed =
        run(Command::new(compile("hls", "clang", &[])).arg(data("ffmpeg-5.1/source.flv")));
    let printed = String::from_utf8(printed.stdout).expect("text");
    assert!(printed.contains("track avc1.") && printed.contains("track mp4a.40.2"), "{printed}");
    assert!(printed.contains("tracks 2"), "{printed}");
}

#[test]
fn a_capture_of_obs_becomes_the_same_recording_however_it_is_split() {
    let program = compile("publish", "gcc", &[]);
    let out = |step: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("obs-{step}.flv"));
    let mut recordings = Vec::new();
    for step in ["1", "1000", "65536"] {
        let printed = run(Command::new(&program)
            .arg(data("obs-29.0.2/publish.c2s"))
            .arg(step)
            .arg(out(step)));
        let printed = String::from_utf8(printed.stdout).expect("text");
        // One sequence header each, 131 pictures and 407 frames of sound: what nginx-rtmp recorded of it.
        assert!(printed.contains("publish live/"), "{printed}");
        assert!(
            printed.contains("audio 408 video 132 data 1")
                || printed.contains("audio 408 video 133 data 1"),
            "{printed}"
        );
        recordings.push(std::fs::read(out(step)).expect("a recording"));
    }
    assert!(recordings.windows(2).all(|pair| pair.first() == pair.last()));
    for (stream, count) in [("v", 131), ("a", 407)] {
        let packets = run(Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-select_streams",
                stream,
                "-show_entries",
                "packet=size",
                "-of",
                "csv=p=0",
            ])
            .arg(out("1000")));
        let packets = String::from_utf8(packets.stdout).expect("text");
        assert_eq!(packets.lines().filter(|line| !line.is_empty()).count(), count, "{stream}");
    }
}
