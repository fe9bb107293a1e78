//! Gives the shared library its SONAME: `libstreamcore.so.` and the ABI's major number.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/version.rs");
    let text =
        std::fs::read_to_string("src/version.rs").expect("src/version.rs is part of the package");
    let line = text.lines().find_map(|line| line.strip_prefix("pub const SC_ABI_VERSION: u32 = "));
    let abi = line.expect("src/version.rs names the ABI").trim_end_matches(';');
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if os == "linux" || os == "android" || os.ends_with("bsd") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libstreamcore.so.{abi}");
    }
}
