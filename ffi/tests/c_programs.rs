//! C programs against the library.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::declarations::{functions, header, items};
use common::misuse::program;
use common::{compile_source, data, here, installed, libraries, pkg_config, run};

/// Compiles `tests/c/NAME.c`, linked to the shared library.
fn compile(name: &str, compiler: &str, flags: &[&str]) -> PathBuf {
    let source = here().join("tests/c").join(format!("{name}.c"));
    compile_source(&source, name, compiler, flags, &pkg_config(&["--cflags", "--libs"]))
}

/// Names of the functions that the header declares.
fn declared() -> Vec<String> {
    let functions = functions(&items(&header()));
    let mut names: Vec<String> = functions.into_iter().map(|function| function.name).collect();
    names.sort();
    names
}

/// A folder of this test program.
fn folder(name: &str) -> PathBuf {
    let folder = installed().join(name);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// The program made from the header that calls every function wrongly.
fn misuse(compiler: &str, flags: &[&str]) -> PathBuf {
    let source = folder("misuse").join("misuse.c");
    std::fs::write(&source, program()).expect("a writable folder");
    let include = format!("-I{}", here().join("tests/c").display());
    let library = [vec![include], pkg_config(&["--cflags", "--libs"])].concat();
    compile_source(&source, "misuse", compiler, flags, &library)
}

fn flv() -> PathBuf {
    data("ffmpeg-5.1/source.flv")
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

/// C's own sanitizers around the plain library; `make sanitize` has the library instrumented too.
#[test]
fn c_programs_do_nothing_undefined() {
    let flags = ["-fsanitize=undefined,address", "-fno-sanitize-recover=all"];
    run(&mut Command::new(compile("callback", "gcc", &flags)));
    run(Command::new(compile("client", "gcc", &flags)).arg(flv()));
    run(Command::new(compile("hls", "gcc", &flags)).arg(flv()));
    run(Command::new(misuse("gcc", &flags)).env("STREAMCORE_FLV", flv()));
}

/// Structs, functions and numbers as `ffi/abi/streamcore.abi` has them: a change there is a break, or a release that says so.
/// `UPDATE=1 cargo test -p streamcore-ffi --test c_programs abi` writes it anew.
#[test]
fn the_binary_interface_is_the_one_that_was_announced() {
    let folder = folder("abi");
    let (source, library) = (folder.join("abi.c"), folder.join("libstreamcore.so"));
    let mut text = String::from("#include \"streamcore.h\"\n");
    for item in items(&header()) {
        let declaration = item.text.trim_end_matches(';');
        let is_function = declared().iter().any(|name| declaration.contains(&format!("{name}(")));
        if is_function {
            text.push_str(declaration);
            text.push_str(" { __builtin_trap(); }\n");
        }
    }
    std::fs::write(&source, text).expect("a writable folder");
    run(Command::new("gcc")
        .args(["-g", "-O0", "-w", "-shared", "-fPIC", "-Wl,-soname,libstreamcore.so.0", "-I"])
        .arg(here().join("../include"))
        .arg(&source)
        .arg("-o")
        .arg(&library));
    let baseline = here().join("abi/streamcore.abi");
    if std::env::var_os("UPDATE").is_some() {
        let options =
            ["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--type-id-style", "hash"];
        run(Command::new("abidw").args(options).arg(&library).arg("--out-file").arg(&baseline));
    }
    // Bits of abidiff's answer: 4 something changed, 8 and it breaks programs.
    let compared = Command::new("abidiff").arg(&baseline).arg(&library).output();
    let compared = compared.expect("abidiff, of apt's abigail-tools");
    let shown = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert_eq!(compared.status.code(), Some(0), "the interface differs from ffi/abi:\n{shown}");
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

/// Whether the name stands in the text as a word.
fn names(text: &str, name: &str) -> bool {
    let goes_on = |next: char| next.is_ascii_alphanumeric() || next == '_';
    text.match_indices(name)
        .any(|(at, _)| !text.get(at + name.len()..).unwrap_or_default().starts_with(goes_on))
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
    let uncalled: Vec<String> = declared().into_iter().filter(|name| !names(&text, name)).collect();
    assert!(uncalled.is_empty(), "no program calls {uncalled:?}");
}

/// The Rust files of the library.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("src/ is there").flatten();
    let paths = entries.map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn every_export_goes_through_the_door() {
    let mut exports = 0;
    for path in sources(&here().join("src")) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for export in text.split("#[unsafe(no_mangle)]").skip(1) {
            exports += 1;
            let body = export.split_once("{\n").expect("a function has a body").1;
            let body = body.split_once("\n}\n").expect("a function ends").0.trim();
            let door = body.starts_with("door!(") || body.starts_with("hall!(");
            assert!(door && body.ends_with(')'), "{}: {export:.120}", path.display());
        }
    }
    assert_eq!(exports, declared().len());
}

#[test]
fn f_26_nulls_and_wrong_handles_give_a_status() {
    for compiler in ["gcc", "clang"] {
        run(&mut Command::new(compile("nulls", compiler, &[])));
        run(Command::new(misuse(compiler, &[])).env("STREAMCORE_FLV", flv()));
    }
}

#[test]
fn f_26_a_callback_into_its_own_call_is_refused() {
    run(&mut Command::new(compile("callback", "gcc", &[])));
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
    run(valgrind().arg(misuse("gcc", &["-O1"])).env("STREAMCORE_FLV", flv()));
    run(valgrind().arg(compile("callback", "gcc", &["-O1"])));
    run(valgrind().arg(compile("hls", "gcc", &["-O1"])).arg(flv()));
    run(valgrind().arg(compile("client", "gcc", &["-O1"])).arg(flv()));
    let recordings = folder("valgrind");
    run(valgrind()
        .arg(compile("record", "gcc", &["-O1"]))
        .arg(flv())
        .args(["crashed.mp4", "whole.mp4"].map(|name| recordings.join(name))));
    let remuxed = tempfile::tempdir_in(&recordings).expect("a folder");
    run(valgrind().arg(compile("remux", "gcc", &["-O1"])).arg(flv()).arg(remuxed.path()));
    let publish = compile("publish", "gcc", &["-O1"]);
    run(valgrind().arg(publish).arg(data("obs-29.0.2/publish.c2s")).arg("65536").arg(out));
}

/// Lines of what ffprobe says of the packets: of the sound, and of the pictures.
fn packets(file: &Path) -> Vec<String> {
    let entries = ["-show_entries", "packet=stream_index,pts_time,size", "-of", "csv=p=0"];
    let listed = run(Command::new("ffprobe").args(["-v", "error"]).args(entries).arg(file));
    let mut lines: Vec<String> =
        String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_publisher_a_server_and_a_player_are_joined_by_their_bytes() {
    let printed = run(Command::new(compile("client", "gcc", &[])).arg(flv()));
    assert!(String::from_utf8_lossy(&printed.stdout).starts_with("sent "));
}

#[test]
fn a_recording_plays_when_it_was_cut_off_and_when_it_is_whole() {
    let folder = folder("record");
    let (crashed, whole) = (folder.join("crashed.mp4"), folder.join("whole.mp4"));
    run(Command::new(compile("record", "clang", &[])).arg(flv()).arg(&crashed).arg(&whole));
    let decode = ["-v", "error", "-xerror", "-err_detect", "explode", "-i"];
    for file in [&crashed, &whole] {
        run(Command::new("ffmpeg").args(decode).arg(file).args(["-f", "null", "-"]));
    }
    assert!(packets(&whole).len() > 100);
    assert_eq!(packets(&crashed).len(), packets(&whole).len());
}

#[test]
fn all_ways_to_remux_give_the_same_file_and_a_package() {
    let folder = tempfile::tempdir_in(installed()).expect("a folder");
    run(Command::new(compile("remux", "gcc", &[])).arg(flv()).arg(folder.path()));
    let made = packets(&folder.path().join("named.mp4"));
    assert_eq!(made.len(), packets(&flv()).len());
    let listed = packets(&folder.path().join("package/index.m3u8"));
    assert_eq!(listed.len(), made.len());
}

#[test]
fn handles_on_threads_of_their_own_make_no_race_under_helgrind() {
    let program = compile("threads", "gcc", &["-O1"]);
    run(Command::new("valgrind")
        .args(["-q", "--tool=helgrind", "--error-exitcode=9"])
        .arg(program)
        .arg(flv()));
}

#[test]
fn the_examples_in_c_and_python_remux_and_probe() {
    let source = here().join("../examples/c/remux.c");
    let library = pkg_config(&["--cflags", "--libs"]);
    let program = compile_source(&source, "remux_example", "gcc", &["-O1"], &library);
    let folder = tempfile::tempdir_in(installed()).expect("a folder");
    let (by_c, by_python) = (folder.path().join("c.mp4"), folder.path().join("python.mp4"));
    let printed = run(Command::new(program).arg(flv()).arg(&by_c));
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.contains("video 0  avc1.") && printed.contains("audio 0  mp4a."), "{printed}");
    let python = || {
        let mut command = Command::new("python3");
        command.arg(here().join("../examples/python/streamcore.py"));
        command.env("LD_LIBRARY_PATH", installed().join("lib")).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    run(python().arg("remux").arg(flv()).arg(&by_python));
    assert_eq!(std::fs::read(&by_c).expect("an MP4"), std::fs::read(&by_python).expect("an MP4"));
    let printed = run(python().arg("probe").arg(&by_python));
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.contains("'format': 'mp4'") && printed.contains("'problems': []"), "{printed}");
    let refused = python().arg("probe").arg("/nonexistent").output().expect("Python runs");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot open /nonexistent"));
}

#[test]
fn an_flv_becomes_hls_and_dash_and_a_cache_for_players() {
    let printed = run(Command::new(compile("hls", "clang", &[])).arg(flv()));
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
