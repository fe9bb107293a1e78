//! Picks the pages that are embedded: the built ones where they are there, else the plain one.

use std::path::Path;

fn main() {
    let manifest = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let web = Path::new(&manifest).join("web");
    let plain = web.join("fallback.html");
    // A path that does not exist makes cargo run this script every time: watch the folders instead.
    println!("cargo::rerun-if-changed={}", plain.display());
    let names = [("STREAMCORE_PAGE", "index.html"), ("STREAMCORE_DASHBOARD", "dashboard.html")];
    for (variable, name) in names {
        let built = web.join("dist").join(name);
        let watched = if built.exists() { built.clone() } else { web.clone() };
        println!("cargo::rerun-if-changed={}", watched.display());
        let page = if built.exists() { &built } else { &plain };
        println!("cargo::rustc-env={variable}={}", page.display());
    }
}
