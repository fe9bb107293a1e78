//! `docs/edge-cases.md` says which of the known cases are covered, by the names of the tests.
//!
//! A test that carries IDs at the start of its name (`a2_14_…`, `d_18_…`, `a1_04_a1_16_…`) asserts what the case asks for.
//! `UPDATE=1 cargo test --test edge_cases` writes the page anew.

#![expect(clippy::disallowed_methods, reason = "reads the tests and writes the page")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const LIST: &str = "docs/edge-cases.txt";
const PAGE: &str = "docs/edge-cases.md";

#[test]
fn the_page_is_what_the_tests_say() {
    let page = page();
    let file = root().join(PAGE);
    if std::env::var("UPDATE").is_ok() {
        fs::write(&file, &page).expect("the page is written");
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    let differs = written.lines().zip(page.lines()).find(|(old, new)| old != new);
    assert!(
        written == page,
        "{PAGE} is out of date; UPDATE=1 cargo test --test edge_cases writes it anew: {differs:?}"
    );
}

#[test]
fn every_id_in_the_name_of_a_test_is_in_the_list() {
    let cases = cases();
    for (id, tests) in tests() {
        assert!(cases.iter().any(|case| case.id == id), "{id} is no case: {tests:?}");
    }
}

#[test]
fn no_id_stands_twice() {
    let mut ids: Vec<String> = cases().into_iter().map(|case| case.id).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn ids_are_read_off_the_start_of_a_name_alone() {
    assert_eq!(ids("a2_14_interleaved"), ["A2-14"]);
    assert_eq!(ids("a1_04_a1_16_f_01_deadline"), ["A1-04", "A1-16", "F-01"]);
    assert_eq!(ids("d_18_drift_of_f_30"), ["D-18"]);
    for name in ["about_a2_14_x", "a2_1_x", "a22_14_x", "g_01_x", "d_18", "f16_values"] {
        assert!(ids(name).is_empty(), "{name}");
    }
}

#[test]
fn only_tests_count() {
    let text = "#[test]\nfn a() {}\nfn b() {}\n#[tokio::test(start_paused = true)]\n#[cfg(unix)]\nasync fn c() {}\n\
                #[test]\n/// Says so.\nfn d(x in 0..4) {}\n// #[test]\nfn e() {}\n";
    assert_eq!(test_names(text), ["a", "c", "d"]);
}

struct Case {
    id: String,
    title: String,
    /// `not followed: …` or `partly: …`.
    remark: String,
}

/// The list, with the title of its section for each case.
fn cases() -> Vec<Case> {
    let text = fs::read_to_string(root().join(LIST)).expect(LIST);
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let case = |line: &str| {
        let (id, rest) = line.split_once(' ').expect("an ID and a title");
        let (title, remark) = rest.split_once(" | ").unwrap_or((rest, ""));
        let known = ["not followed: ", "partly: "];
        assert!(remark.is_empty() || known.iter().any(|start| remark.starts_with(start)), "{line}");
        Case { id: id.to_owned(), title: title.to_owned(), remark: remark.to_owned() }
    };
    lines.map(case).collect()
}

/// Headings of the list: the letter and what it stands for.
fn sections() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join(LIST)).expect(LIST);
    let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
    let split = |heading: &str| heading.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
    headings.filter_map(split).collect()
}

/// What the page says of a case.
fn state(case: &Case, tested: bool) -> &str {
    match case.remark.as_str() {
        "" if tested => "covered",
        "" => "planned",
        remark => remark,
    }
}

fn page() -> String {
    let (cases, tests) = (cases(), tests());
    let mut tables = String::new();
    let mut summary = String::from(
        "| Section | Cases | Covered | Partly | Planned | Not followed | Coverage |\n|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for (letter, title) in sections() {
        let heading =
            format!("\n## {letter} {title}\n\n| ID | Case | State | Tests |\n|---|---|---|---|\n");
        tables.push_str(&heading);
        let mut states = Vec::new();
        for case in cases.iter().filter(|case| case.id.starts_with(&letter)) {
            let found = tests.get(&case.id).map(Vec::as_slice).unwrap_or_default();
            let state = state(case, !found.is_empty());
            let links: Vec<String> =
                found.iter().map(|(name, file)| format!("[`{name}`](../{file})")).collect();
            let Case { id, title, .. } = case;
            let _ = writeln!(tables, "| {id} | {title} | {state} | {} |", links.join("<br>"));
            states.push(state);
        }
        let count = |start| states.iter().filter(|state| state.starts_with(start)).count();
        let (covered, refused) = (count("covered"), count("not followed"));
        let _ = writeln!(
            summary,
            "| {letter} {title} | {} | {covered} | {} | {} | {refused} | {} % |",
            states.len(),
            count("partly"),
            count("planned"),
            100 * covered / (states.len() - refused).max(1)
        );
    }
    format!(
        "# Edge cases\n\n\
         What real encoders, players, servers and attackers are known to do, by ID. A case is covered where a test carries its ID at\n\
         the start of its name and asserts the behaviour. The list is [edge-cases.txt](edge-cases.txt); this page is made from it\n\
         and from the names of the tests by `UPDATE=1 cargo test --test edge_cases`.\n\n\
         Coverage is the part of the followed cases that is covered; those that are covered partly do not count.\n\n{summary}{tables}"
    )
}

/// The tests of each ID: name and file, in the order of the files.
fn tests() -> BTreeMap<String, Vec<(String, String)>> {
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for folder in ["src", "tests", "ffi", "examples"] {
        for file in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&file).expect("a source file");
            let path = file
                .strip_prefix(root())
                .expect("below the root")
                .to_string_lossy()
                .replace('\\', "/");
            for name in test_names(&text) {
                for id in ids(name) {
                    found.entry(id).or_default().push((name.to_owned(), path.clone()));
                }
            }
        }
    }
    found
}

/// Functions behind an attribute that makes them tests.
fn test_names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            let declared = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            if let Some(rest) = declared.filter(|_| is_test) {
                names.extend(rest.split(['(', '<']).next());
            }
            is_test = false;
        }
    }
    names
}

/// `a1_04_a1_16_text` is A1-04 and A1-16.
fn ids(name: &str) -> Vec<String> {
    let mut parts = name.split('_').peekable();
    let mut ids = Vec::new();
    while let (Some(section), Some(number)) = (parts.next(), parts.next()) {
        let section = section.to_uppercase();
        let mut letters = section.chars();
        let known = matches!(
            (letters.next(), letters.next(), letters.next()),
            (Some('A'..='C' | 'E'), Some('1'..='9'), None) | (Some('D' | 'F'), None, None)
        );
        let number_fits = number.len() == 2 && number.chars().all(|digit| digit.is_ascii_digit());
        if !known || !number_fits || parts.peek().is_none() {
            break;
        }
        ids.push(format!("{section}-{number}"));
    }
    ids
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "node_modules", "data"].contains(&name.as_str()) {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
