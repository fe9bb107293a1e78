//! What README.md tells the reader to type is there. Its Rust is compiled by the documentation tests of the crate.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
/// Programs that the reader has, and uses as their own manuals say.
const OTHERS: &[&str] = &["ffmpeg", "curl"];

#[test]
fn the_two_set_up_commands_are_make_run_and_make_test() {
    let mut targets = BTreeSet::new();
    for line in commands() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("make") => {
                targets.extend(words.filter(|word| !word.contains('=')).map(str::to_owned))
            }
            Some("cargo" | "npm" | "apt" | "apt-get" | "sudo" | "pip") => {
                panic!("a third set-up command: {line}")
            }
            _ => {}
        }
    }
    assert_eq!(targets, BTreeSet::from(["run".to_owned(), "test".to_owned()]));
    let makefile = read("Makefile");
    for target in targets {
        assert!(
            makefile.lines().any(|line| line.starts_with(&format!("{target}:"))),
            "make {target}"
        );
    }
}

#[test]
fn every_command_is_one_that_the_reader_can_type() {
    for line in commands() {
        let program = line.split_whitespace().next().expect("not blank");
        if program == "streamcore" {
            assert_known(&line);
        } else {
            assert!(program == "make" || OTHERS.contains(&program), "{line}");
        }
    }
}

#[test]
fn options_in_running_text_are_known() {
    let text = ["README.md", "docs/architecture.md", "docs/recording.md"].map(read).concat();
    let serve =
        [&["serve"], &["remux"], &["repair"], &["probe"]].map(|command| help(command)).concat();
    // Every second part stands between backticks.
    let options: Vec<&str> =
        text.split('`').skip(1).step_by(2).filter(|code| code.starts_with("--")).collect();
    assert!(!options.is_empty(), "no option is named anywhere: this test has gone blind");
    for option in options.iter().filter_map(|code| code.split([' ', '=']).next()) {
        assert!(serve.contains(option), "{option}: not in `--help`");
    }
}

#[test]
fn the_recorders_of_the_page_on_recording_are_a_configuration() {
    let page = read("docs/recording.md");
    let (_, rest) = page.split_once("```toml\n").expect("an example");
    let (toml, _) = rest.split_once("```").expect("its end");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("streamcore.toml");
    std::fs::write(&file, toml).expect("a file");
    let output = Command::new(BINARY).arg("check-config").arg(&file).output().expect("the program");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    for line in page.lines().filter(|line| line.starts_with("streamcore ")) {
        assert_known(line.split(" - ").next().unwrap_or(line));
    }
}

/// The subcommand of a line exists, and takes the options that the line names.
fn assert_known(line: &str) {
    // What stands three blanks further on is said about the command.
    let command = line.split("   the ").next().unwrap_or(line).replace(['[', ']', '…'], " ");
    let words: Vec<&str> = command.split_whitespace().collect();
    let text = help(&words[1..2]);
    for option in words.iter().filter(|word| word.starts_with("--")) {
        assert!(text.contains(option), "{line}: no {option} in\n{text}");
    }
}

/// What `--help` of a subcommand says.
fn help(subcommand: &[&str]) -> String {
    let output = Command::new(BINARY).args(subcommand).arg("--help").output().expect("the program");
    assert!(output.status.success(), "streamcore {subcommand:?} --help");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Lines to type: those of `sh` blocks, those after a `$` anywhere in a block, and those that begin with the program's name.
fn commands() -> Vec<String> {
    let readme = read("README.md");
    let mut commands = Vec::new();
    let mut language = None;
    for line in readme.lines() {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            language = if language.is_none() { Some(fence.trim().to_owned()) } else { None };
            continue;
        }
        let Some(language) = &language else { continue };
        let typed = match (language.as_str(), line.trim().strip_prefix("$ ")) {
            (_, Some(typed)) => typed,
            ("sh" | "bash" | "console", None) => line,
            ("text", None) if line.starts_with("streamcore ") => line,
            _ => continue,
        };
        let typed = typed.split(" #").next().unwrap_or_default().trim();
        if !typed.is_empty() {
            commands.push(typed.to_owned());
        }
    }
    assert!(!commands.is_empty(), "README.md has no commands");
    commands
}

fn read(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Starts the server with the options of each example, as the reader would, on free ports.
#[test]
fn the_examples_of_the_pages_on_hooks_and_simulcast_start_a_server() {
    let mut started = 0;
    for page in ["docs/hooks.md", "docs/simulcast.md"] {
        let text = read(page);
        for block in text.split("```sh\n").skip(1) {
            let code = block.split("```").next().unwrap_or_default();
            let Some(line) = code.lines().find(|line| line.starts_with("streamcore ")) else {
                continue;
            };
            let line = line.replace("\"$SECRET\"", "some-secret-words");
            assert_known(&line);
            let words: Vec<&str> = line.split_whitespace().skip(2).collect();
            let folder = tempfile::tempdir().expect("a folder");
            drop(common::Server::start(folder.path(), &words));
            started += 1;
        }
    }
    assert!(started >= 4, "{started} examples: this test has gone blind");
}

/// What the page on simulcast has the reader type does what the page says.
#[test]
fn the_example_of_a_target_over_the_api_adds_one() {
    let text = read("docs/simulcast.md");
    let (_, rest) = text.split_once("```sh\ncurl ").expect("an example");
    let example = rest.split("```").next().expect("its end");
    let folder = tempfile::tempdir().expect("a folder");
    let server = common::Server::start(folder.path(), &["--no-record"]);
    let token = common::api::token(&server);
    let example = example
        .replace("http://localhost:8080", &format!("http://{}", server.http))
        .replace("$ID", "live%2Fdemo");
    let script = format!("curl --silent --show-error --fail {example}");
    let output = Command::new("sh").args(["-c", &script]).env("TOKEN", token).output().expect("sh");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let answer: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(answer["data"]["status"], "idle");
    assert!(!told.contains("KEY\""), "{told}");
}
