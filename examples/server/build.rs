//! Packs the pages that are embedded: the built ones where they are there, else the plain one. And has the linker write a smaller program, where the
//! machine's loader reads it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::{Compression, GzBuilder};

fn main() {
    let manifest = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets OUT_DIR"));
    let web = Path::new(&manifest).join("web");
    let plain = web.join("fallback.html");
    // A path that does not exist makes cargo run this script every time: watch the folders instead.
    println!("cargo::rerun-if-changed={}", plain.display());
    let names = [("STREAMCORE_PAGE", "index.html"), ("STREAMCORE_DASHBOARD", "dashboard.html")];
    for (variable, name) in names {
        let built = web.join("dist").join(name);
        let watched = if built.exists() { built.clone() } else { web.clone() };
        println!("cargo::rerun-if-changed={}", watched.display());
        let page = std::fs::read(if built.exists() { &built } else { &plain }).expect("a page");
        let packed = out.join(name).with_extension("html.gz");
        std::fs::write(&packed, gzip(&page)).expect("a place for a packed page");
        println!("cargo::rustc-env={variable}={}", packed.display());
    }
    if packs_relocations() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The same bytes for the same page.
fn gzip(page: &[u8]) -> Vec<u8> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    writer.write_all(page).expect("memory");
    writer.finish().expect("memory")
}

/// Whether addresses within the program may stand packed (`DT_RELR`), a million bytes less: the loader reads that since glibc 2.36. A program that is built for
/// another machine keeps the form that all loaders read.
fn packs_relocations() -> bool {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let here = variable("HOST") == variable("TARGET") && variable("CARGO_CFG_TARGET_ENV") == "gnu";
    let linux = variable("CARGO_CFG_TARGET_OS") == "linux" && variable("PROFILE") == "release";
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let said = said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
    let version = said.unwrap_or_default();
    let mut numbers = version.trim().trim_start_matches("glibc ").split('.');
    let mut number = || numbers.next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
    here && linux && (number(), number()) >= (2, 36)
}
