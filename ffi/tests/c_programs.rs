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

    // The archive alone, with what it needs shared; and a program that needs nothing.
    let archive = installed().join("lib/libstreamcore.a").display().to_string();
    let library = pkg_config(&["--cflags", "--libs", "--static"]);
    let mut alone = library.clone();
    alone
        .iter_mut()
        .filter(|flag| *flag == "-lstreamcore")
        .for_each(|flag| flag.clone_from(&archive));
    for compiler in ["gcc", "clang"] {
        for (name, flags, library) in
            [("archive", &[][..], &alone), ("static", &["-static"][..], &library)]
        {
            let program = compile_source(&source, name, compiler, flags, library);
            run(&mut Command::new(&program));
            let needed = run(Command::new("readelf").arg("-d").arg(&program));
            let needed = String::from_utf8_lossy(&needed.stdout).into_owned();
            assert!(!needed.contains("libstreamcore"), "{needed}");
            assert_eq!(needed.contains("libc.so"), name == "archive", "{needed}");
        }
    }
}

/// The files that packagers get, in a folder that is not the prefix.
#[test]
fn an_installation_for_a_package_names_its_prefix_alone() {
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    run(Command::new(here().join("../scripts/install-c"))
        .env("DESTDIR", root.path())
        .arg("/usr")
        .arg(libraries()));
    let usr = root.path().join("usr");
    let mut found: Vec<String> = ["include", "lib", "lib/pkgconfig"]
        .iter()
        .flat_map(|folder| {
            let entries = std::fs::read_dir(usr.join(folder)).expect(folder).flatten();
            entries.map(move |entry| format!("{folder}/{}", entry.file_name().display()))
        })
        .collect();
    found.sort();
    let version = env!("CARGO_PKG_VERSION");
    let real = format!("libstreamcore.so.{version}");
    let shared = format!("lib/{real}");
    let wanted = [
        "include/streamcore.h",
        "lib/libstreamcore.a",
        "lib/libstreamcore.so",
        "lib/libstreamcore.so.0",
        &shared,
        "lib/pkgconfig",
        "lib/pkgconfig/streamcore.pc",
    ];
    assert_eq!(found, wanted);
    let link = |name: &str| std::fs::read_link(usr.join("lib").join(name)).expect(name);
    assert_eq!(link("libstreamcore.so"), Path::new("libstreamcore.so.0"));
    assert_eq!(link("libstreamcore.so.0"), Path::new(&real));
    let named = run(Command::new("readelf").arg("-d").arg(usr.join(shared)));
    assert!(String::from_utf8_lossy(&named.stdout).contains("soname: [libstreamcore.so.0]"));
    let pc = std::fs::read_to_string(usr.join("lib/pkgconfig/streamcore.pc")).expect("text");
    assert!(
        pc.starts_with("prefix=/usr\n") && pc.contains(&format!("\nVersion: {version}\n")),
        "{pc}"
    );
    assert!(!pc.contains(&root.path().display().to_string()), "{pc}");
    let same = |path: &Path| std::fs::read(path).expect("a header");
    assert_eq!(
        same(&usr.join("include/streamcore.h")),
        same(&here().join("../include/streamcore.h"))
    );
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

/// NULL, freed and wrong handles, structs of every wrong size and of the smallest right one, another ABI, text that is not UTF-8.
#[test]
fn f_26_what_is_wrong_comes_to_a_status_and_a_message() {
    let bad = |compiler: &str, flags: &[&str]| {
        let mut command = Command::new(compile("bad", compiler, flags));
        command.env("STREAMCORE_FLV", flv()).arg(folder("bad").join("nothing"));
        command
    };
    run(&mut bad("clang", &[]));
    run(&mut bad("gcc", &["-fsanitize=undefined,address", "-fno-sanitize-recover=all"]));
    let source = std::fs::read_to_string(here().join("tests/c/bad.c")).expect("the program");
    for item in items(&header()).iter().filter(|item| item.text.contains("size_t struct_size;")) {
        let name =
            item.text.strip_prefix("typedef struct ").and_then(|text| text.split(' ').next());
        let name = name.expect("a struct has a name");
        assert!(source.contains(&format!("SIZES({name},")), "{name} of a wrong size");
    }
    for function in functions(&items(&header())) {
        if function.parameters.iter().any(|parameter| parameter.name == "abi") {
            let name = function.name;
            assert!(source.contains(&format!("{name}(abi,")), "{name} with another ABI");
        }
    }
}

/// The library with two functions that panic on purpose, as the package in `ffi/testing` makes it.
#[test]
fn f_26_a_panic_poisons_its_handle_alone_and_the_program_goes_on() {
    let folder = libraries();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    if std::env::var_os("STREAMCORE_LIBRARIES").is_none() {
        let target = folder.parent().expect("target");
        run(Command::new(cargo)
            .args(["rustc", "--quiet", "--locked", "--offline", "-p", "streamcore-ffi-testing"])
            .args(["--crate-type", "cdylib", "--target-dir"])
            .arg(target)
            .current_dir(here()));
    }
    let mut library = pkg_config(&["--cflags", "--libs"]);
    library.iter_mut().filter(|flag| *flag == "-lstreamcore").for_each(|flag| {
        *flag = "-lstreamcore_c".into();
    });
    library.extend([format!("-L{}", folder.display()), format!("-Wl,-rpath,{}", folder.display())]);
    for (compiler, flags) in [("clang", &[][..]), ("gcc", &["-fsanitize=undefined,address"])] {
        let source = here().join("tests/c/panic.c");
        let program = compile_source(&source, "panic", compiler, flags, &library);
        let output = run(&mut Command::new(program));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "goes on\n");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(told.matches("panicked at").count(), 2, "{told}");
    }
    // The library of users has no such functions: `exported_symbols_are_the_declared_functions`.
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
    let bad = folder("valgrind").join("nothing");
    run(valgrind().arg(compile("bad", "gcc", &["-O1"])).arg(bad).env("STREAMCORE_FLV", flv()));
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
