//! What is true of every file of the project.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file.
const LONGEST: usize = 600;
/// What belongs to a machine and not to the project. Written in halves, so that this file passes its own test.
const FOREIGN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tm", "p/"),
    concat!("/ho", "me/"),
    concat!("deb.deb", "ian.org"),
    concat!("regis", "try.npmjs"),
    concat!("index.cra", "tes.io"),
    concat!("static.cra", "tes.io"),
];
/// What says that something was left for later, or hushed.
const UNFINISHED: &[&str] = &[
    concat!("#[ign", "ore"),
    concat!("tod", "o!("),
    concat!("unimple", "mented!("),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
];

#[test]
fn source_files_are_short() {
    let long: Vec<String> = files(&["rs", "ts", "mjs", "css"])
        .iter()
        // Made of the API's description, and read by nobody.
        .filter(|file| !file.ends_with("web/src/schema.ts"))
        .map(|file| (file, read(file).lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "past {LONGEST} lines a file wants splitting:\n{}", long.join("\n"));
}

#[test]
fn nothing_is_left_unfinished_or_hushed() {
    assert_free_of(UNFINISHED, &["rs", "ts", "mjs"]);
}

#[test]
fn the_project_speaks_of_itself_alone() {
    assert_free_of(
        FOREIGN,
        &["rs", "ts", "mjs", "md", "toml", "yml", "json", "html", "css", "svg", "", "sh"],
    );
}

#[test]
fn f_07_neither_crate_nor_program_runs_another_program() {
    let words = [
        concat!("std::proc", "ess::Command"),
        concat!("tokio::proc", "ess"),
        concat!("libc::sys", "tem"),
    ];
    let inside = |file: &&PathBuf| {
        let path = file.to_string_lossy().replace('\\', "/");
        let root = env!("CARGO_MANIFEST_DIR").replace('\\', "/");
        let path = path.trim_start_matches(&root).to_owned();
        path.starts_with("/src/") || path.starts_with("/examples/server/src/")
    };
    let sources: Vec<PathBuf> = files(&["rs"]).iter().filter(inside).cloned().collect();
    assert!(sources.len() > 100, "{}", sources.len());
    for file in sources {
        let text = read(&file);
        let found = words.iter().find(|word| text.contains(**word));
        assert_eq!(found, None, "{}", file.display());
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut checked = 0;
    for file in files(&["md"]) {
        for target in links(&read(&file)) {
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let path = target.split('#').next().unwrap_or_default();
            let there = file.parent().expect("a folder").join(path);
            assert!(there.exists(), "{}: {target} is not there", file.display());
            checked += 1;
        }
    }
    assert!(checked > 3, "only {checked} links found");
}

#[test]
fn links_are_found_in_text_but_not_in_code() {
    let text = "[a](b.md) and ![c](d.png)\n```rust\n[x](y)\n```\n`[1](2)` [e](f#g)";
    assert_eq!(links(text), ["b.md", "d.png", "f#g"]);
}

fn assert_free_of(words: &[&str], extensions: &[&str]) {
    let mut found = Vec::new();
    for file in files(extensions) {
        for (number, line) in (1..).zip(read(&file).lines()) {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{number}: {}", file.display(), line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Targets of links and pictures in Markdown.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        // Every second part stands between backticks.
        for part in line.split('`').step_by(2) {
            let targets = part.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            found.extend(targets.map(str::to_owned));
        }
    }
    found
}

/// Files of the project with one of the extensions; what is built or fetched is left out.
fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")), extensions, &mut found);
    assert!(!found.is_empty());
    found
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() {
            let foreign = [
                "target",
                "node_modules",
                "dist",
                "data",
                ".git",
                "seeds",
                "regressions",
                "corpus",
                "artifacts",
            ]
            .contains(&name.as_ref());
            // `tests/data` holds captures, and the page that says where they come from.
            if !foreign || path.ends_with("tests/data") {
                collect(&path, extensions, found);
            }
        } else {
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            let text = !name.starts_with(".git") && !name.starts_with("LICENSE");
            if text && extensions.contains(&extension.as_ref()) {
                found.push(path);
            }
        }
    }
}

fn read(file: &Path) -> String {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()));
    text.expect("text in UTF-8")
}
