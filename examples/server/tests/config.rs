//! The configuration file: what is wrong with it is said, and it is read anew while a stream is live.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::client::{Client, picture, video_header};
use common::{Server, command, until};

fn check(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamcore"));
    command.arg("check-config").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn write(folder: &Path, content: &str) -> String {
    let file = folder.join("streamcore.toml");
    fs::write(&file, content).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn check_config_says_all_that_is_wrong_and_prints_what_a_right_one_comes_to() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        write(folder.path(), "hls_windo = \"1m\"\n[applications.live]\nrecord = \"sound\"\n");
    let output = check(&[&file]);
    assert_eq!(output.status.code(), Some(2));
    let errors = text(&output.stderr);
    assert!(
        errors.contains(":1: hls_windo: there is no such key; did you mean hls_window?"),
        "{errors}"
    );
    assert!(errors.contains(":3: applications.live.record: `sound` is not one of"), "{errors}");

    let content = "http_listen = \"127.0.0.1:80\"\n[applications.\"my app\"]\nrecord_unique = true\n\
                   [applications.\"my app\".recorders.sound]\nrecord = \"audio\"\n";
    let file = write(folder.path(), content);
    let output = check(&[&file]);
    assert!(
        output.status.success()
            && text(&output.stdout).ends_with("no faults; applications: my app\n")
    );
    let printed = text(&check(&[&file, "--print"]).stdout);
    for line in
        ["http_listen = \"127.0.0.1:80\"", "hls_window = \"30s\"", "[applications.\"my app\"]"]
    {
        assert!(printed.lines().any(|printed| printed == line), "{line}\n{printed}");
    }
    // What is printed is a configuration, and comes to the same.
    let again = write(folder.path(), &printed);
    let output = check(&[&again, "--print"]);
    assert_eq!(text(&output.stdout), printed, "{}", text(&output.stderr));
}

#[test]
fn serve_with_a_wrong_file_says_so_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "\nport = 1935\n");
    let output = command(folder.path(), &["--config", &file]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr), format!("streamcore: {file}:2: port: there is no such key\n"));
    let missing = folder.path().join("missing.toml");
    let output = command(folder.path(), &["--config", missing.to_str().unwrap()]).output().unwrap();
    assert!(text(&output.stderr).contains("missing.toml: the configuration cannot be read"));
}

#[cfg(unix)]
#[test]
fn sighup_reads_the_file_anew_and_live_streams_do_not_notice() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "record = \"off\"\nmax_connections = 100\n");
    let server = Server::start(folder.path(), &["--config", &file]);
    let mut publisher = Client::publish(server.rtmp, "first");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher.send(9, 1, 0, picture(true, 1000));
    server.wait_live("live/first");
    let mut player = Client::play(server.rtmp, "first");
    player.expect("NetStream.Play.Start");
    (0..2).for_each(|_| assert!(player.media().is_some()));

    write(
        folder.path(),
        "record = \"all\"\nmax_connections = 90\n[applications.live]\nlive = false\n",
    );
    server.signal("HUP");
    server.wait_log("configuration read anew");
    server.wait_log("max_connections has changed: that needs a restart");
    // The stream goes on, unrecorded; a new one is not allowed there any more, and one elsewhere is recorded.
    publisher.send(9, 1, 40, picture(false, 500));
    assert_eq!(player.media().unwrap().timestamp, 40);
    Client::publish(server.rtmp, "second").expect("NetStream.Publish.");
    server.wait_log("nothing may be published in this application");

    // A file that is broken changes nothing.
    write(folder.path(), "record = \"off\"\n[applications.live]\nliv = true\n");
    server.signal("HUP");
    server.wait_log(":3: applications.live.liv: there is no such key; did you mean live?");
    server.wait_log("the configuration stays as it was");
    publisher.send(9, 1, 80, picture(false, 600));
    assert_eq!(player.media().unwrap().timestamp, 80);

    write(folder.path(), "record = \"all\"\n");
    server.signal("HUP");
    until("both were read", || (server.log().matches("read anew").count() == 2).then_some(()));
    assert!(server.files("live.mp4").is_empty());
    let mut third = Client::publish(server.rtmp, "third");
    third.expect("NetStream.Publish.Start");
    third.send(9, 1, 0, video_header());
    for time in [0, 2000] {
        third.send(9, 1, time, picture(true, 1000));
    }
    until("a recording", || (!server.files("live.mp4").is_empty()).then_some(()));
    assert!(server.stream("live/first").is_some());
}

#[test]
fn the_documented_example_is_one_and_the_shipped_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let example = page.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
    let shipped = root.join("examples/server/dist/streamcore.toml");
    assert_eq!(example, fs::read_to_string(&shipped).unwrap());
    let output = check(&[shipped.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    // Its lines without a value are right as well.
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        &example
            .replace("\n# rtmps", "\nrtmps")
            .replace("\n# https", "\nhttps")
            .replace("\n# tls", "\ntls"),
    );
    let output = check(&[&file]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    // What the page says of faults.
    let file = write(
        folder.path(),
        "\n\nhls_windo = \"1m\"\n\n\n\n\n[applications.live]\ntakeover = \"never\"\n",
    );
    let told = text(&check(&[&file]).stderr).replace(&file, "streamcore.toml");
    assert!(!told.is_empty() && page.contains(&told), "{told}");
}
