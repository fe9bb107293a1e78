//! Every seed and every input that once failed, through the function of its fuzz target. With `CORPUS=DIR` the inputs that
//! fuzzing has gathered there, too: `scripts/fuzz-coverage` counts what they reach.

#![expect(clippy::disallowed_methods, reason = "reads the inputs")]

use std::fs;
use std::path::{Path, PathBuf};

use streamcore::testing::fuzz::TARGETS;

/// Bytes of all seeds.
const MOST: u64 = 1 << 20;
/// Targets of other packages, which replay their inputs themselves: of the C library, in `ffi/testing/tests/`.
const ELSEWHERE: [&str; 1] = ["c_library"];

#[test]
fn seeds_hold_what_the_targets_check() {
    for target in TARGETS {
        let seeds = inputs("seeds", target.name);
        assert!(!seeds.is_empty(), "{} has no seed", target.name);
        for seed in seeds {
            replay(target.run, &seed);
        }
    }
}

#[test]
fn what_failed_once_does_not_fail_again() {
    for target in TARGETS {
        for input in inputs("regressions", target.name) {
            replay(target.run, &input);
        }
    }
}

#[test]
fn what_fuzzing_has_gathered_does_not_fail() {
    let Some(corpus) = std::env::var_os("CORPUS").map(PathBuf::from) else { return };
    for target in TARGETS {
        for input in files(&corpus.join(target.name)) {
            replay(target.run, &input);
        }
    }
}

#[test]
fn nothing_is_a_case_of_its_own() {
    for target in TARGETS {
        (target.run)(&[]);
        for byte in 0..=u8::MAX {
            (target.run)(&[byte]);
            (target.run)(&[byte; 64]);
        }
    }
}

#[test]
fn every_target_has_its_program_and_every_input_its_target() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let programs = fs::read_dir(root().join("fuzz_targets")).expect("the programs").count();
    assert_eq!(programs, TARGETS.len() + ELSEWHERE.len());
    for name in ELSEWHERE {
        assert!(manifest.contains(&format!("\nname = \"{name}\"\n")), "{name}");
        assert!(root().join(format!("fuzz_targets/{name}.rs")).exists(), "{name}");
    }
    for target in TARGETS {
        let name = target.name;
        let program = fs::read_to_string(root().join(format!("fuzz_targets/{name}.rs")));
        assert!(program.expect(name).contains(&format!("fuzz::{name}(data)")), "{name}");
        assert!(manifest.contains(&format!("\nname = \"{name}\"\n")), "{name}");
    }
    for folder in ["seeds", "regressions"] {
        for entry in fs::read_dir(root().join(folder)).expect(folder) {
            let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
            let known = name.starts_with('.')
                || ELSEWHERE.contains(&name.as_str())
                || TARGETS.iter().any(|target| target.name == name);
            assert!(known, "{folder}/{name} belongs to no target");
        }
    }
}

#[test]
fn seeds_are_small() {
    let files = TARGETS.iter().flat_map(|target| inputs("seeds", target.name));
    let bytes: u64 = files.map(|file| fs::metadata(file).expect("a file").len()).sum();
    assert!(bytes < MOST, "{bytes} bytes of seeds");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn inputs(folder: &str, target: &str) -> Vec<PathBuf> {
    files(&root().join(folder).join(target))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// A failure names the input: the panic itself does not.
fn replay(run: fn(&[u8]), file: &Path) {
    let data = fs::read(file).expect("an input");
    let result = std::panic::catch_unwind(|| run(&data));
    assert!(result.is_ok(), "{} fails", file.display());
}
