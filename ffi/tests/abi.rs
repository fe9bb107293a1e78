//! The binary interface that was announced, `ffi/abi/streamcore.abi`, against the header, and breaks of it that must be found.

mod common;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::declarations::{functions, header, items};
use common::{here, run};

/// A library that has the structs, functions and numbers of a header, and does nothing.
fn library(folder: &Path, header: &str, soname: &str) -> PathBuf {
    std::fs::write(folder.join("streamcore.h"), header).expect("a writable folder");
    let items = items(header);
    let functions = functions(&items);
    let mut text = String::from("#include \"streamcore.h\"\nenum sc_numbers {\n");
    for item in &items {
        // Numbers of two words are masks and limits of 64 bits, which no enumeration holds; those of the release change with it.
        let define = item.text.strip_prefix("#define ").and_then(|text| text.split_once(' '));
        if let Some((name, value)) = define
            && value.trim().parse::<i32>().is_ok()
            && !name.starts_with("SC_VERSION_")
        {
            let _ = writeln!(text, "    number_of_{name} = {name},");
        }
    }
    text.push_str("};\nenum sc_numbers sc_numbers_of_the_header(void) { __builtin_trap(); }\n");
    for item in &items {
        let declaration = item.text.trim_end_matches(';');
        if functions.iter().any(|function| declaration.contains(&format!("{}(", function.name))) {
            text.push_str(declaration);
            text.push_str(" { __builtin_trap(); }\n");
        }
    }
    let (source, library) = (folder.join("abi.c"), folder.join("libstreamcore.so"));
    std::fs::write(&source, text).expect("a writable folder");
    run(Command::new("gcc")
        .args(["-g", "-O0", "-w", "-shared", "-fPIC", "-I"])
        .arg(folder)
        .arg(format!("-Wl,-soname,{soname}"))
        .arg(&source)
        .arg("-o")
        .arg(&library));
    library
}

/// Bits of abidiff's answer: 4 something changed, 8 and it breaks programs for certain; and what it says.
fn compare(library: &Path) -> (i32, String) {
    let baseline = here().join("abi/streamcore.abi");
    let compared = Command::new("abidiff").arg(&baseline).arg(library).output();
    let compared = compared.expect("abidiff, of apt's abigail-tools");
    let code = compared.status.code().expect("abidiff ends by itself");
    assert!(code & 3 == 0, "{}", String::from_utf8_lossy(&compared.stderr));
    (code, String::from_utf8_lossy(&compared.stdout).into_owned())
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// A change is a break, or a release that says so: `UPDATE=1 cargo test -p streamcore-ffi --test abi` writes it anew.
#[test]
fn the_binary_interface_is_the_one_that_was_announced() {
    let folder = folder();
    let library = library(folder.path(), &header(), "libstreamcore.so.0");
    if std::env::var_os("UPDATE").is_some() {
        let options =
            ["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--type-id-style", "hash"];
        let baseline = here().join("abi/streamcore.abi");
        run(Command::new("abidw").args(options).arg(&library).arg("--out-file").arg(&baseline));
        // Where it was made is nobody's business.
        let text = std::fs::read_to_string(&baseline).expect("the baseline");
        let text = text.replace(&format!("{}/", folder.path().display()), "");
        std::fs::write(&baseline, text).expect("the baseline");
    }
    let (code, shown) = compare(&library);
    assert_eq!(code, 0, "the interface differs from ffi/abi:\n{shown}");
}

/// The check above fails where it has to: each of these compiles, and would break programs that are there.
#[test]
fn a_planted_break_of_the_binary_interface_is_found() {
    let header = header();
    let planted = |what: &str, from: &str, to: &str, soname: &str, told: &str| {
        assert!(header.contains(from), "{what}: the header has no {from}");
        let folder = folder();
        let library = library(folder.path(), &header.replacen(from, to, 1), soname);
        let (code, shown) = compare(&library);
        assert!(code & 4 != 0, "{what} is not found: {code}\n{shown}");
        assert!(shown.contains(told), "{what}: nothing of {told} in\n{shown}");
        code
    };
    let same = "libstreamcore.so.0";
    let tag = "typedef struct sc_tag {";
    let at = header.find(tag).expect("sc_tag");
    let (_, fields) = header.split_at(at);
    let fields = fields.split_inclusive("} sc_tag;").next().expect("the end of sc_tag");
    let without = fields.replacen("    uint32_t timestamp;\n", "", 1);
    let longer = fields.replacen("    uint32_t timestamp;\n", "    uint64_t timestamp;\n", 1);
    assert!(without != fields && longer != fields, "{fields}");
    planted("a field that is gone", fields, &without, same, "timestamp");
    planted("a field of another size", fields, &longer, same, "timestamp");
    let accept =
        "sc_status sc_server_session_accept(struct sc_server_session *session, uint32_t request);";
    let wide = accept.replace("uint32_t", "uint64_t");
    planted("a parameter of another size", accept, &wide, same, "sc_server_session_accept");
    let renamed = accept.replace("_accept", "_admit");
    let code =
        planted("a function that is gone", accept, &renamed, same, "sc_server_session_accept");
    assert!(code & 8 != 0, "a function that is gone breaks programs: {code}");
    let status = "#define SC_ERR_NULL -32";
    planted("a number of another meaning", status, "#define SC_ERR_NULL -31", same, "SC_ERR_NULL");
    let free = "typedef void (*sc_free_fn)(void *opaque);";
    planted(
        "a callback of another form",
        free,
        "typedef int (*sc_free_fn)(void *opaque, int);",
        same,
        "sc_free_fn",
    );
    let code = planted("another library's name", tag, tag, "libstreamcore.so.1", "SONAME");
    assert!(code & 8 != 0, "{code}");
}

/// What is added breaks nothing, and is to be announced all the same.
#[test]
fn a_function_that_was_not_announced_is_found() {
    let folder = folder();
    let more = "\n/** More. */\nsc_status sc_more(void);\n#ifdef __cplusplus\n}  // extern \"C\"";
    let end = "#ifdef __cplusplus\n}  // extern \"C\"";
    assert!(header().contains(end));
    let changed = header().replacen(end, more.trim_start(), 1);
    let library = library(folder.path(), &format!("\n{changed}"), "libstreamcore.so.0");
    let (code, shown) = compare(&library);
    assert!(code == 4 && shown.contains("sc_more"), "{code}\n{shown}");
}
