//! The layers of `docs/architecture.md` hold: no module names one that it must not know.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A module and what it may use beside itself.
const LAYERS: &[(&[&str], &[&str])] = &[
    (L0, L0),
    (L1, &["error", "limits", "time", "buf", "media", "codec", "amf"]),
    (&["flv", "mp4"], &["error", "limits", "time", "buf", "media", "codec", "amf"]),
    (&["dash"], &["error", "limits", "time", "buf", "media", "codec", "mp4"]),
    (&["rtmp"], &["error", "limits", "time", "buf", "amf"]),
    (&["assemble"], &["error", "limits", "time", "buf", "media", "codec", "amf", "flv", "rtmp"]),
    (
        &["hls", "record", "live"],
        &["error", "limits", "time", "buf", "media", "codec", "amf", "flv", "mp4", "dash"],
    ),
    (
        &["package"],
        &["error", "limits", "time", "buf", "media", "codec", "mp4", "assemble", "hls", "dash"],
    ),
    (
        &["remux"],
        &["error", "limits", "time", "buf", "media", "codec", "amf", "flv", "mp4", "assemble"],
    ),
];
const L0: &[&str] = &["error", "limits", "time", "buf"];
const L1: &[&str] = &["media", "codec", "amf"];
/// What may use everything.
const TOP: &[&str] = &["driver", "testing", "lib"];

#[test]
fn no_module_uses_one_above_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    let mut edges = 0;
    for file in rust_files(&source) {
        let path = file.strip_prefix(&source).expect("below src").to_path_buf();
        let text = fs::read_to_string(&file).expect("a source file in UTF-8");
        let module = module_of(&path);
        for used in uses(&path, &text) {
            edges += 1;
            if !allowed(&module, &used) {
                faults.push(format!("src/{}: {module} must not use {used}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(edges > 10, "only {edges} edges found: the check has gone blind");
}

#[test]
fn every_module_has_its_layer() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&source) {
        let module = module_of(file.strip_prefix(&source).expect("below src"));
        let known = TOP.contains(&module.as_str()) || layer_of(&module).is_some();
        assert!(known, "{module} stands in no layer: docs/architecture.md and this test say which");
    }
}

#[test]
fn planted_edges_are_caught() {
    let planted = [
        ("rtmp/session.rs", "use crate::media::Track;", "media"),
        ("rtmp/mod.rs", "use crate::{buf::Chain, flv::Tag};", "flv"),
        ("rtmp/chunk/reader.rs", "use super::super::super::flv;", "flv"),
        ("codec/h264.rs", "fn f(x: crate::flv::Tag) {}", "flv"),
        (
            "hls/segment.rs",
            "use crate::{\n    error::{Error, Result},\n    rtmp::chunk,\n};",
            "rtmp",
        ),
        ("record.rs", "use super::assemble::Event;", "assemble"),
        ("error.rs", "pub use crate::media::Track;", "media"),
    ];
    for (path, text, bad) in planted {
        let used = uses(Path::new(path), text);
        assert!(used.contains(bad), "{path}: {text}: {used:?}");
        assert!(!allowed(&module_of(Path::new(path)), bad), "{path}: {text}");
    }
}

#[test]
fn what_is_no_edge_is_left_alone() {
    let harmless = [
        ("rtmp/mod.rs", "//! See [`media`](crate::media)."),
        ("rtmp/session.rs", "use super::chunk::media;"),
        ("rtmp/chunk.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::flv::Tag;\n}"),
        ("rtmp/chunk/tests.rs", "use crate::flv::Tag;"),
        ("rtmp/mod.rs", "use crate::buf::{Chain, media};"),
    ];
    for (path, text) in harmless {
        let used = uses(Path::new(path), text);
        assert!(used.iter().all(|used| allowed("rtmp", used)), "{path}: {text}: {used:?}");
    }
}

fn layer_of(module: &str) -> Option<&'static [&'static str]> {
    LAYERS.iter().find(|(modules, _)| modules.contains(&module)).map(|(_, allowed)| *allowed)
}

fn allowed(module: &str, used: &str) -> bool {
    module == used
        || TOP.contains(&module)
        || layer_of(module).is_some_and(|allowed| allowed.contains(&used))
}

/// Top module of a file below `src`.
fn module_of(path: &Path) -> String {
    let first = path.iter().next().expect("not empty").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// Top modules of the crate that a file's code names, tests left out.
fn uses(path: &Path, text: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    if path.iter().any(|part| part == "tests.rs" || part == "tests") {
        return used;
    }
    let code = code_of(text);
    for (at, _) in code.match_indices("crate::") {
        used.extend(heads(&code[at + "crate::".len()..]));
    }
    // `super` climbs to the root of the crate after as many steps as the module is deep.
    let folders = path.iter().count() - 1;
    let depth = folders + usize::from(!path.ends_with("mod.rs"));
    let climb = "super::".repeat(depth);
    for (at, _) in code.match_indices(&climb) {
        if depth > 0 && !code[..at].ends_with("super::") {
            let names = heads(&code[at + climb.len()..]);
            used.extend(names.into_iter().filter(|name| layer_of(name).is_some()));
        }
    }
    used
}

/// Code without comments and without the tests at its end.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let tests_follow = lines
            .peek()
            .is_some_and(|next| next.trim_start().starts_with("mod ") && next.ends_with('{'));
        if line.trim() == "#[cfg(test)]" && tests_follow {
            break;
        }
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

/// First names of a path, or of each path in a group: `a` of `a::b`, `a` and `c` of `{a::b, c}`.
fn heads(path: &str) -> BTreeSet<String> {
    let Some(group) = path.strip_prefix('{') else { return [name(path)].into() };
    let mut names = BTreeSet::new();
    let (mut depth, mut start) = (0, true);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            _ if start && !character.is_whitespace() => {
                names.insert(name(&group[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

fn name(path: &str) -> String {
    path.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("the sources").map(|entry| entry.expect("an entry").path());
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
