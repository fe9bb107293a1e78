//! Picks the page that is embedded: the built one where there is one, else the plain one.

use std::path::Path;

fn main() {
    let manifest = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let web = Path::new(&manifest).join("web");
    let built = web.join("dist").join("index.html");
    let plain = web.join("fallback.html");
    // A path that does not exist makes cargo run this script every time: watch the folders instead.
    println!("cargo::rerun-if-changed={}", plain.display());
    let watched = if built.exists() { built.clone() } else { web };
    println!("cargo::rerun-if-changed={}", watched.display());
    let page = if built.exists() { built } else { plain };
    println!("cargo::rustc-env=STREAMCORE_PAGE={}", page.display());
}
