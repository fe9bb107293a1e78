//! `docs/c-api.md` is what the header says. `UPDATE=1 cargo test -p streamcore-ffi --test reference` writes it anew.

mod common;

use std::fmt::Write as _;

use common::declarations::{Item, functions, header, items, opaque, preface};
use common::here;

/// A comment's paragraphs, with C's names linked to where they are explained.
fn section(text: &mut String, item: &Item, name: &str) {
    let _ = writeln!(text, "\n### `{name}`\n\n```c\n{}\n```\n\n{}", item.text, item.doc);
}

/// The name that a declaration gives.
fn name(item: &Item) -> Option<String> {
    let text = item.text.trim_end_matches(';');
    if let Some(define) = text.strip_prefix("#define ") {
        return define.split([' ', '(']).next().map(str::to_owned);
    }
    if let Some((before, _)) = text.split_once("(*") {
        let behind = text.get(before.len() + 2..)?;
        return behind.split(')').next().map(str::to_owned);
    }
    if text.starts_with("typedef") {
        return text.rsplit([' ', '}']).next().map(str::to_owned);
    }
    let before = text.split('(').next()?;
    before.rsplit([' ', '*']).next().map(str::to_owned)
}

/// The handle, the theme or the file that a function belongs to: `sc_flv_reader_new` is of `sc_flv_reader`.
fn group<'a>(name: &str, opaque: &'a [String]) -> Option<&'a str> {
    let of = |handle: &&String| name.starts_with(&format!("{handle}_"));
    opaque.iter().filter(of).max_by_key(|handle| handle.len()).map(String::as_str)
}

fn page() -> String {
    let header = header();
    let items = items(&header);
    let opaque = opaque(&items);
    let named: Vec<(String, &Item)> =
        items.iter().filter_map(|item| Some((name(item)?, item))).collect();
    let functions: Vec<String> =
        functions(&items).into_iter().map(|function| function.name).collect();
    let mut text = String::from(
        "# The C interface\n\nMade from [`streamcore.h`](../include/streamcore.h) by \
         `UPDATE=1 cargo test -p streamcore-ffi --test reference`. Programs: [examples](../examples).\n\n",
    );
    text.push_str(&preface(&header).replace("\n\nMade by cbindgen from ffi/src; do not edit.", ""));
    text.push_str("\n\n| type | functions |\n|---|---|\n");
    for handle in &opaque {
        let own: Vec<String> = functions
            .iter()
            .filter(|name| group(name, &opaque) == Some(handle))
            .map(|name| format!("[`{}`](#{name})", name.trim_start_matches(&format!("{handle}_"))))
            .collect();
        let _ = writeln!(text, "| [`{handle}`](#{handle}-and-its-functions) | {} |", own.join(" "));
    }
    let free: Vec<String> = functions
        .iter()
        .filter(|name| group(name, &opaque).is_none())
        .map(|name| format!("[`{name}`](#{name})"))
        .collect();
    let _ = writeln!(text, "| without a handle | {} |", free.join(" "));
    for handle in &opaque {
        let _ = writeln!(text, "\n## `{handle}` and its functions");
        let own = |entry: &&(String, &Item)| group(&entry.0, &opaque) == Some(handle);
        if let Some((_, item)) = named.iter().find(|(name, _)| name == handle) {
            let _ = writeln!(text, "\n{}", item.doc);
        }
        for (name, item) in named.iter().filter(own).filter(|(name, _)| functions.contains(name)) {
            section(&mut text, item, name);
        }
    }
    let _ = writeln!(text, "\n## Functions without a handle");
    for (name, item) in named.iter().filter(|(name, _)| functions.contains(name)) {
        if group(name, &opaque).is_none() {
            section(&mut text, item, name);
        }
    }
    let _ = writeln!(text, "\n## Structs, numbers and callbacks");
    for (name, item) in &named {
        if !item.text.starts_with('#') && !functions.contains(name) && !opaque.contains(name) {
            section(&mut text, item, name);
        }
    }
    let _ = writeln!(text, "\n## Constants\n\n| name | value | |\n|---|---|---|");
    for (name, item) in named.iter().filter(|(_, item)| item.text.starts_with('#')) {
        let value = item.text.split_once(name.as_str()).map_or("", |(_, value)| value.trim());
        let _ = writeln!(text, "| `{name}` | `{value}` | {} |", item.doc.replace('\n', " "));
    }
    text
}

#[test]
fn the_reference_is_what_the_header_says() {
    let (path, fresh) = (here().join("../docs/c-api.md"), page());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &fresh).expect("docs/ is writable");
    }
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        present == fresh,
        "docs/c-api.md is out of date: UPDATE=1 cargo test -p streamcore-ffi --test reference"
    );
    let items = items(&header());
    for function in functions(&items) {
        assert!(fresh.contains(&format!("\n### `{}`\n", function.name)), "{}", function.name);
    }
}

/// Who reads the header alone finds what may be done with each function.
#[test]
fn every_item_of_the_header_is_explained() {
    let header = header();
    let items = items(&header);
    assert!(items.len() > 150, "{}", items.len());
    for item in &items {
        assert!(
            item.doc.len() > 3 && item.doc.ends_with(['.', ':']),
            "{}: {}",
            item.text,
            item.doc
        );
        assert!(!item.doc.contains("# "), "{}", item.doc);
    }
    // A declaration without a comment is none of them.
    let all = header.lines().filter(|line| line.starts_with("sc_status sc_")).count();
    let told = items.iter().filter(|item| item.text.starts_with("sc_status sc_")).count();
    assert_eq!(all, told);
    let opaque = opaque(&items);
    for item in items
        .iter()
        .filter(|item| opaque.iter().any(|name| item.text.ends_with(&format!(" {name};"))))
    {
        assert!(item.doc.contains("thread"), "{}: which threads may use it?", item.text);
    }
    for function in functions(&items) {
        let doc = &items
            .iter()
            .find(|item| item.text.contains(&format!("{}(", function.name)))
            .expect("an item")
            .doc;
        if function.name.ends_with("_new") || function.name.ends_with("_copy") {
            let says = doc.contains("On success `*out`");
            assert!(says, "{}: whose is what it gives?", function.name);
        }
    }
}
