//! `include/streamcore.h` is what the sources say. `UPDATE=1 cargo test -p streamcore-ffi --test header` writes it anew.

use std::path::Path;

fn generated() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config =
        cbindgen::Config::from_file(here.join("cbindgen.toml")).expect("cbindgen.toml is readable");
    let bindings = cbindgen::Builder::new()
        .with_crate(here)
        .with_config(config)
        .generate()
        .expect("the sources are readable");
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).expect("a header is text");
    // `# Safety` sections are for those who read the Rust: the text above them says it for C.
    let mut out = String::new();
    let mut skipping = false;
    for line in text.lines() {
        let bare = line.trim_start();
        if bare == "* # Safety" {
            skipping = true;
            while out.ends_with("*\n") {
                let end = out.trim_end_matches('\n').rfind('\n').map_or(0, |at| at + 1);
                out.truncate(end);
            }
        }
        if skipping && bare.starts_with("*/") {
            skipping = false;
        }
        if !skipping {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

#[test]
fn the_header_is_what_the_sources_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/streamcore.h");
    let fresh = generated();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &fresh).expect("include/ is writable");
    }
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        present == fresh,
        "include/streamcore.h is out of date: UPDATE=1 cargo test -p streamcore-ffi --test header"
    );
}

/// cargo-c takes the version from its own table.
#[test]
fn packagers_get_the_version_of_the_package() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let text = std::fs::read_to_string(manifest).expect("the package has a manifest");
    let table = text.split("[package.metadata.capi.library]").nth(1).expect("the table of cargo-c");
    assert!(table.contains(&format!("\nversion = \"{}\"\n", env!("CARGO_PKG_VERSION"))));
}
