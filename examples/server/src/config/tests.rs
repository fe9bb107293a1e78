use std::path::Path;
use std::time::Duration;

use super::*;
use crate::recorder::config::Format;

fn read(text: &str, arguments: &[&str]) -> Result<Config, String> {
    use clap::Args as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    std::fs::write(&file, text).unwrap();
    let command = ServeArgs::augment_args(clap::Command::new("streamcore").no_binary_name(true));
    let mut given = Given::of(&command.get_matches_from(arguments));
    given.file = Some(file.clone());
    let folder = folder.path().display().to_string();
    load(&given, None).map_err(|problems| problems.to_string().replace(&format!("{folder}/"), ""))
}

#[test]
fn nothing_is_needed() {
    let config = read("", &[]).unwrap();
    assert_eq!(config.server.rtmp_listen.port(), 1935);
    assert_eq!(config.app("live").record.len(), 1);
    assert!(config.app("live").live);
}

#[test]
fn a_flag_counts_more_than_the_file_and_an_application_more_than_both() {
    let text = "hls_window = \"1m\"\nhttp_listen = \"127.0.0.1:1\"\ncontrol = true\n\
                [applications.dvr]\nhls_window = \"2h\"\nrecord = false\n\
                [applications.other]\nrecord_unique = true\nrecord_format = \"flv\"\n";
    let config = read(text, &[]).unwrap();
    assert!(config.server.control);
    assert_eq!(config.server.http_listen.port(), 1);
    assert_eq!(config.of("live/x").hls.window, Duration::from_secs(60));
    assert_eq!(config.of("dvr/x/y").hls.window, Duration::from_secs(7200));
    assert!(config.app("dvr").record.is_empty());
    assert_eq!(config.app("other").record[0].format, Format::Flv);

    let flags = ["--hls-window", "5s", "--http-listen", "127.0.0.1:2", "--no-record"];
    let config = read(text, &flags).unwrap();
    assert_eq!(config.server.http_listen.port(), 2);
    assert_eq!(config.of("live/x").hls.window, Duration::from_secs(5));
    assert_eq!(config.of("dvr/x").hls.window, Duration::from_secs(7200));
    assert!(config.app("other").record.is_empty());
}

#[test]
fn nginxs_words_are_other_names_and_one_of_both_is_enough() {
    let config = read("hls_fragment = 4\n[applications.x]\nhls_playlist_length = \"2m\"\n", &[]);
    let config = config.unwrap();
    assert_eq!(config.app("x").hls.target_duration, Duration::from_secs(4));
    assert_eq!(config.app("x").hls.window, Duration::from_secs(120));
    let problems = read("hls_fragment = 4\nhls_segment_duration = 4\n", &[]).unwrap_err();
    assert!(problems.contains("is hls_segment_duration by another name"), "{problems}");
}

#[test]
fn recorders_have_tables_of_their_own() {
    let text = "[applications.live]\nexec_record_done = [\"cp\", \"$path\", \"/x y\"]\nrecord_path = \"/r\"\n\
                [applications.live.recorders.sound]\nrecord = [\"audio\", \"manual\"]\n\
                [applications.live.recorders.all]\nrecord_path = \"/a\"\n";
    let config = read(text, &[]).unwrap();
    let names: Vec<_> = config.app("live").record.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["all", "sound"]);
    assert_eq!(config.app("live").record[0].exec_done, ["cp", "$path", "/x y"]);
    assert!(config.app("live").record[1].what.manual);
    let folders = config.record_settings().folders();
    assert_eq!(folders, [Path::new("/a"), Path::new("/r")]);
}

#[test]
fn all_that_is_wrong_is_said_at_once_with_file_line_key_and_what_may_be_meant() {
    let text = "hls_windo = \"1m\"\nhls_window = \"1 week\"\nrtmp_listen = \"here\"\ntakeover = \"never\"\n\
                control = \"yes\"\nmax_connections = -1\nconfig = \"x\"\n\
                [applications.live]\nrtmp_listen = \"127.0.0.1:1\"\nrecrd = 1\nrecord = \"sound\"\n\
                [applications.\"..\"]\n\
                [applications.a.recorders.b]\nhls_window = \"1s\"\n[other]\n";
    let problems = read(text, &[]).unwrap_err();
    for wanted in [
        "x.toml:1: hls_windo: there is no such key; did you mean hls_window?",
        "x.toml:2: hls_window: `week` is not one of ms, s, m, h",
        "x.toml:3: rtmp_listen: `here`: invalid socket address",
        "x.toml:4: takeover: `never` is not one of refuse, reconnecting, always",
        "x.toml:5: control: is neither true nor false",
        "x.toml:6: max_connections: `-1`:",
        "x.toml:7: config: there is no such key",
        "x.toml:9: applications.live.rtmp_listen: is of the whole server",
        "x.toml:10: applications.live.recrd: there is no such key; did you mean record?",
        "x.toml:11: applications.live.record: `sound` is not one of all, audio",
        "x.toml:12: applications...: is no name",
        "x.toml:15: other: there is no such key",
    ] {
        assert!(problems.contains(wanted), "{wanted}\nnot in:\n{problems}");
    }
    // What stands in tables of tables is read once the rest is right.
    let problems = read("[applications.a.recorders.b]\nhls_window = \"1s\"\n", &[]).unwrap_err();
    assert_eq!(problems, "x.toml:2: applications.a.recorders: hls_window: there is no such key");
}

#[test]
fn what_is_no_toml_is_said_with_its_line() {
    let problems = read("a = 1\nb = \n", &[]).unwrap_err();
    assert!(problems.starts_with("x.toml:2: "), "{problems}");
}

#[test]
fn options_that_need_each_other_are_looked_at_when_all_is_put_together() {
    let problems = read("rtmps_listen = \"127.0.0.1:1\"\n", &["--tls-cert", "c"]).unwrap_err();
    assert!(problems.starts_with("x.toml:1: rtmps_listen: needs a certificate"), "{problems}");
    read("rtmps_listen = \"127.0.0.1:1\"\ntls_key = \"k\"", &["--tls-cert", "c"]).unwrap();
}
