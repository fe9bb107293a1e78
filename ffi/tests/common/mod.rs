//! Compiles C programs against the library that this test run built, and runs them.

#![expect(dead_code, reason = "each test program uses some of what is here")]

pub(crate) mod declarations;
pub(crate) mod misuse;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The package's folder.
pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder with `libstreamcore.so` and `libstreamcore.a`, two above this test program. `cargo test` does not make them by
/// itself: no Rust program can link them.
pub(crate) fn libraries() -> &'static Path {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    ONCE.get_or_init(|| {
        // `make sanitize` has built one of its own.
        if let Some(folder) = std::env::var_os("STREAMCORE_LIBRARIES") {
            return folder.into();
        }
        let program = std::env::current_exe().expect("a test knows its own path");
        let folder = program.parent().and_then(Path::parent).expect("target/debug/deps");
        let target = folder.parent().expect("target");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        run(Command::new(cargo)
            .args([
                "build",
                "--quiet",
                "--locked",
                "--offline",
                "-p",
                "streamcore-ffi",
                "--target-dir",
            ])
            .arg(target)
            .current_dir(here()));
        assert!(
            folder.join("libstreamcore.so").exists(),
            "no libstreamcore.so in {}",
            folder.display()
        );
        folder.to_owned()
    })
}

/// Runs a command that must succeed, and gives what it printed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().expect("a program that scripts/setup-tests installs");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// The library installed for these tests, as `make install` does it.
pub(crate) fn installed() -> &'static Path {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    ONCE.get_or_init(|| {
        let prefix =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("prefix-{}", std::process::id()));
        run(Command::new(here().join("../scripts/install-c"))
            .env("DESTDIR", "")
            .arg(&prefix)
            .arg(libraries()));
        prefix
    })
}

/// What `pkg-config` says of the installed library.
pub(crate) fn pkg_config(arguments: &[&str]) -> Vec<String> {
    let folder = installed().join("lib/pkgconfig");
    let output = run(Command::new("pkg-config")
        .env("PKG_CONFIG_PATH", folder)
        .args(arguments)
        .arg("streamcore"));
    String::from_utf8(output.stdout).expect("text").split_whitespace().map(str::to_owned).collect()
}

/// Compiles a C source with warnings as errors, as a user would: with what `pkg-config` says.
pub(crate) fn compile_source(
    source: &Path,
    name: &str,
    compiler: &str,
    flags: &[&str],
    library: &[String],
) -> PathBuf {
    // What `make sanitize` asks for; it is gcc's, since clang's own parts of it are a package of their own.
    let sanitized = std::env::var("STREAMCORE_CFLAGS").unwrap_or_default();
    let compiler = if sanitized.is_empty() { compiler } else { "gcc" };
    let label = format!("{name}-{compiler}{}", flags.concat().replace(['=', '+', ','], "_"));
    let program = installed().join(label);
    run(Command::new(compiler)
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-pedantic",
            "-Werror",
            "-g",
            "-D_POSIX_C_SOURCE=200809L",
        ])
        .args(flags)
        .args(sanitized.split_whitespace())
        .arg(source)
        .arg("-o")
        .arg(&program)
        .args(library)
        .arg(format!("-Wl,-rpath,{}", installed().join("lib").display()))
        .arg("-pthread"));
    program
}

/// A file of the crate's test data.
pub(crate) fn data(name: &str) -> PathBuf {
    here().join("../tests/data").join(name)
}
