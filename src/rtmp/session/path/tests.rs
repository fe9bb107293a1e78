use proptest::prelude::*;

use super::*;

fn parse(app: &str, tc_url: &str, name: &str) -> Result<StreamPath> {
    StreamPath::parse(app, tc_url, name, &Limits::default())
}

fn path(app: &str, name: &str) -> String {
    parse(app, "", name).unwrap().path()
}

#[test]
fn a5_27_app_and_name_split_anywhere_are_one_path() {
    for (app, name) in [
        ("a/b", "c"),
        ("a", "b/c"),
        ("a/b/", "/c/"),
        ("//a//b", "c"),
        ("a/b/_definst_", "c"),
        ("a/_definst_", "b//c"),
        ("", "a/b/c"),
        ("/", "a/b/c"),
    ] {
        let parsed = parse(app, "", name).unwrap();
        assert_eq!((parsed.app.as_str(), parsed.name.as_str()), ("a", "b/c"), "{app} and {name}");
    }
}

#[test]
fn a5_28_a_single_segment_is_a_name_without_an_app() {
    for (app, name) in [("key", ""), ("", "key"), ("key/", "/"), ("/", "key")] {
        let parsed = parse(app, "", name).unwrap();
        assert_eq!(
            (parsed.app.as_str(), parsed.name.as_str(), parsed.path().as_str()),
            ("", "key", "key")
        );
    }
    assert!(parse("", "", "").is_err());
    assert!(parse("/", "rtmp://host", "//").is_err());
}

#[test]
fn a5_03_a_missing_app_comes_from_the_url() {
    for url in [
        "rtmp://host/live",
        "\"rtmp://host:1935/live/\"",
        "rtmps://u:p@host/live?x=1",
        " rtmp://[::1]:1/live",
    ] {
        assert_eq!(parse("", url, "key").unwrap().path(), "live/key", "{url}");
    }
    assert_eq!(parse("live", "rtmp://host/other", "key").unwrap().path(), "live/key");
    assert_eq!(parse("", "no url", "key").unwrap().path(), "key");
}

#[test]
fn a5_29_queries_are_found_in_all_places_and_merged() {
    let query = |app, url, name| {
        let parsed = parse(app, url, name).unwrap();
        assert_eq!(parsed.path(), "live/key");
        parsed.query
    };
    assert_eq!(query("live?user=u", "", "key?token=t"), "user=u&token=t");
    assert_eq!(query("live", "rtmp://h/live?a=1", "key"), "a=1");
    assert_eq!(query("live?a=1", "rtmp://h/live?a=1", "key?b=2&"), "a=1&b=2");
    assert_eq!(query("live/key", "", "?token=t"), "token=t");
    assert_eq!(query("live", "", "key?a=b?c/../d"), "a=b?c/../d");
    assert_eq!(query("live", "", "key"), "");
}

#[test]
fn a5_30_percent_escapes_are_decoded_once_after_splitting() {
    assert_eq!(path("live", "a%20b"), "live/a b");
    assert_eq!(path("live", "%C3%A9"), "live/é");
    assert_eq!(path("live", "100%"), "live/100%");
    assert_eq!(path("live", "a%zz%4"), "live/a%zz%4");
    assert_eq!(path("live", "a%2541"), "live/a%41");
    assert_eq!(path("live", "a%FF"), "live/a%FF", "not UTF-8: as it is");
    assert_eq!(parse("live", "", "a%3Fb").unwrap().query, "");
    assert!(parse("live", "", "a%2Fb").is_err());
}

#[test]
fn a5_31_formats_of_stored_media_are_stripped() {
    for name in ["mp4:key", "flv:key", "mp3:key", "key.flv", "flv:key.flv"] {
        assert_eq!(path("live", name), "live/key", "{name}");
    }
    assert_eq!(path("live", "key.mp4"), "live/key.mp4");
}

#[test]
fn f_08_paths_that_could_leave_a_directory_are_refused() {
    for name in [
        "..", "../x", "a/../b", "a/..", ".", ".git", "a/.b", "%2e%2e", "%2e", "a\\b", "..\\x",
        "a%5cb", "C:", "c:x", "a\0b", "a%00b", "%20",
    ] {
        assert!(parse("live", "", name).is_err(), "{name:?}");
        assert!(parse(name, "", "key").is_err() || name.trim().is_empty(), "{name:?} as app");
    }
}

#[test]
fn f_15_control_characters_are_refused() {
    for name in
        ["a\nb", "a\rb", "a%0Ab", "a\u{7f}", "a\u{85}b", "a\u{2028}b", "\u{1b}[31m", "a\u{fffd}"]
    {
        assert!(parse("live", "", name).is_err(), "{name:?}");
    }
}

#[test]
fn f_09_lengths_are_capped() {
    let longest = "x".repeat(256);
    assert!(parse("live", "", &longest).is_ok());
    assert!(parse(&longest, "", &longest).is_ok());
    let error = parse("live", "", &"x".repeat(257)).unwrap_err();
    assert_eq!(error.kind(), crate::error::ErrorKind::LimitExceeded);
    assert!(parse(&"x".repeat(257), "", "key").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_is_safe_and_canonical(app in "\\PC{0,20}", name in "[a-z./%?:\\\\0-9A-F\n]{0,20}") {
        let Ok(parsed) = parse(&app, "", &name) else { return Ok(()) };
        let path = parsed.path();
        prop_assert!(!path.is_empty() && !parsed.name.is_empty());
        for segment in path.split('/') {
            prop_assert!(!segment.is_empty() && !segment.starts_with('.'));
            prop_assert!(!segment.contains(|c: char| c.is_control() || c == '\\'));
        }
    }
}
