//! Requests that wait, that ask for too much, and that come too late.

use super::parts::{low, low_with, parts};
use super::*;
use crate::hls::{Answer, BadRequest, Wait};

/// What a request comes to, in a word.
fn word(source: &Source, name: &str, query: &str) -> String {
    match source.muxer.request(name, Some(query)) {
        Answer::Ready(_) => "ready".into(),
        Answer::Wait(Wait { version, .. }) => {
            assert_eq!(version, source.muxer.version());
            "wait".into()
        }
        Answer::Growing(_) => "growing".into(),
        Answer::Gone => "gone".into(),
        Answer::BadRequest(reason) => reason.to_string(),
        Answer::NotFound => "not found".into(),
    }
}

fn text(source: &Source, name: &str, query: &str) -> String {
    let Answer::Ready(file) = source.muxer.request(name, Some(query)) else {
        panic!("{name}?{query}: {}", word(source, name, query))
    };
    String::from_utf8(file.body.to_bytes().to_vec()).unwrap()
}

const AHEAD: &str = "that is too far ahead";

/// Segments 0 and 1 whole, and three parts of segment 2.
fn at_three_parts() -> Source {
    let mut source = low();
    source.run(4700, 0);
    assert_eq!(parts(&source.text("video.m3u8")).last().unwrap().1, "video_2_2.m4s");
    source
}

#[test]
fn e3_09_a_segment_is_waited_for_until_it_is_whole() {
    let mut source = at_three_parts();
    assert_eq!(word(&source, "video.m3u8", "_HLS_msn=1"), "ready");
    assert_eq!(word(&source, "video.m3u8", "_HLS_msn=2"), "wait");
    assert_eq!(word(&source, "video.m3u8", "_HLS_msn=3"), "wait");
    let Answer::Wait(wait) = source.muxer.request("video.m3u8", Some("_HLS_msn=2")) else {
        panic!("no wait")
    };
    assert_eq!(wait.limit, Duration::from_secs(6), "E3-14");
    while word(&source, "video.m3u8", "_HLS_msn=2") == "wait" {
        assert!(!source.text("video.m3u8").contains("\nvideo_2.m4s"));
        source.run(source.video * 1000 / 30 + 1, 0);
    }
    assert!(text(&source, "video.m3u8", "_HLS_msn=2").contains("\nvideo_2.m4s"));
}

#[test]
fn e3_07_e3_20_a_part_is_waited_for_in_the_playlist_and_by_its_name() {
    let mut source = at_three_parts();
    for ready in ["_HLS_msn=2&_HLS_part=0", "_HLS_part=2&_HLS_msn=2"] {
        assert_eq!(word(&source, "video.m3u8", ready), "ready", "E3-18");
    }
    let query = "_HLS_msn=2&_HLS_part=3";
    assert_eq!(word(&source, "video.m3u8", query), "wait");
    assert_eq!(word(&source, "video_2_3.m4s", ""), "wait");
    let version = source.muxer.version();
    while source.muxer.version() == version {
        assert_eq!(word(&source, "video.m3u8", query), "wait");
        source.run(source.video * 1000 / 30 + 1, 0);
    }
    // One number tells all who wait; who has waited for something else goes on to wait.
    assert_eq!(word(&source, "video.m3u8", query), "ready");
    assert_eq!(word(&source, "video_2_3.m4s", ""), "ready");
    assert_eq!(word(&source, "video.m3u8", "_HLS_msn=2"), "wait");
}

#[test]
fn e3_11_e3_24_f_20_what_is_too_far_ahead_is_refused_at_once() {
    let source = at_three_parts();
    for (query, answer) in [
        ("_HLS_msn=4", AHEAD),
        ("_HLS_msn=18446744073709551615", AHEAD),
        ("_HLS_msn=4&_HLS_part=0", AHEAD),
        // The limit is 15 parts past the last one.
        ("_HLS_msn=2&_HLS_part=17", "wait"),
        ("_HLS_msn=2&_HLS_part=18", AHEAD),
        ("_HLS_msn=2&_HLS_part=18446744073709551615", AHEAD),
        ("_HLS_msn=3&_HLS_part=0", "wait"),
        ("_HLS_msn=3&_HLS_part=15", AHEAD),
    ] {
        assert_eq!(word(&source, "video.m3u8", query), answer, "{query}");
    }
    for (name, answer) in [
        ("video_2_4.m4s", "not found"),
        ("video_2.m4s", "not found"),
        ("video_3_0.m4s", "not found"),
        ("video_1_10.m4s", "not found"),
        ("video_99999.m4s", "not found"),
    ] {
        assert_eq!(word(&source, name, ""), answer, "{name}");
    }
}

#[test]
fn e3_10_malformed_directives_are_told_so() {
    let source = at_three_parts();
    for query in ["_HLS_part=1", "_HLS_msn=x", "_HLS_msn=2&_HLS_part=-1", "_HLS_msn=1&_HLS_msn=2"] {
        let answer = source.muxer.request("video.m3u8", Some(query));
        assert!(matches!(answer, Answer::BadRequest(_)), "{query}: {answer:?}");
    }
    // Of what is no media playlist nobody waits for anything.
    assert_eq!(word(&source, "index.m3u8", "_HLS_msn=99"), "ready");
    assert_eq!(word(&source, "video_1.m4s", "_HLS_msn=99&_HLS_part=x"), "ready");
    // Nor where no parts are made.
    let mut plain = Source::new(60).both();
    plain.run(5000, 0);
    assert_eq!(word(&plain, "video.m3u8", "_HLS_msn=99&_HLS_part=1"), "ready");
    assert_eq!(word(&plain, "video.m3u8", "_HLS_part=1"), "ready");
}

#[test]
fn e3_12_what_is_there_or_older_than_the_window_is_answered_at_once() {
    let mut source = low_with(60, |config| config.window = Duration::from_secs(6));
    source.run(60_500, 0);
    let now = source.text("video.m3u8");
    for query in
        ["_HLS_msn=0", "_HLS_msn=3&_HLS_part=2", "_HLS_msn=29", "_HLS_msn=28&_HLS_part=999"]
    {
        assert_eq!(text(&source, "video.m3u8", query), now, "{query}");
    }
}

#[test]
fn e3_13_a_part_past_the_end_of_a_segment_is_the_first_of_the_next() {
    let mut source = low();
    source.run(5900, 0);
    // Segment 2 has nine parts now and will have ten.
    assert_eq!(word(&source, "video.m3u8", "_HLS_msn=2&_HLS_part=10"), "wait");
    source.run(6050, 0);
    assert!(source.text("video.m3u8").contains("\nvideo_2.m4s"));
    assert_eq!(word(&source, "video.m3u8", "_HLS_msn=2&_HLS_part=9"), "ready");
    assert_eq!(word(&source, "video.m3u8", "_HLS_msn=2&_HLS_part=10"), "wait");
    source.run(6300, 0);
    assert!(text(&source, "video.m3u8", "_HLS_msn=2&_HLS_part=10").contains("video_3_0.m4s"));
}

#[test]
fn e3_14_e3_06_the_end_answers_all_who_wait() {
    let mut source = at_three_parts();
    let waiting = ["_HLS_msn=2", "_HLS_msn=2&_HLS_part=7", "_HLS_msn=3&_HLS_part=0"];
    assert!(waiting.iter().all(|query| word(&source, "video.m3u8", query) == "wait"));
    let version = source.muxer.version();
    source.muxer.finish().unwrap();
    assert!(source.muxer.version() > version && source.muxer.is_ended());
    for query in waiting.into_iter().chain(["_HLS_msn=9999", "_HLS_part=1", "_HLS_skip=YES"]) {
        let text = text(&source, "video.m3u8", query);
        assert!(text.ends_with("#EXT-X-ENDLIST\n") && !text.contains("PRELOAD"), "{query}");
        assert!(!text.contains("EXT-X-SKIP"), "{query}");
    }
    assert_eq!(source.muxer.file("video.m3u8").unwrap().cache, Cache::Ended);
    // The hinted part came with the end; what would have followed does not.
    assert_eq!(word(&source, "video_2_3.m4s", ""), "ready");
    assert_eq!(word(&source, "video_2_4.m4s", ""), "not found", "E3-07");
    assert_eq!(word(&source, "video_3_0.m4s", ""), "not found", "E3-07");
}

#[test]
fn e1_20_players_wait_for_the_first_segments() {
    let mut source = low();
    for name in ["index.m3u8", "video.m3u8", "audio.m3u8"] {
        assert_eq!(word(&source, name, "_HLS_msn=0&_HLS_part=0"), "wait", "{name}");
    }
    assert_eq!(word(&source, "other.m3u8", ""), "not found");
    source.run(1900, 0);
    assert_eq!(word(&source, "index.m3u8", ""), "wait");
    assert_eq!(word(&source, "video1.m3u8", ""), "not found");
    source.run(2300, 0);
    assert_eq!(word(&source, "index.m3u8", ""), "ready");
    let mut none = low();
    none.muxer.finish().unwrap();
    assert_eq!(word(&none, "index.m3u8", ""), "not found");
    assert_eq!(word(&none, "video.m3u8", ""), "not found");
}

#[test]
fn e1_18_readiness_can_wait_for_more_segments() {
    let mut source = low_with(60, |config| config.first_segments = 3);
    source.run(5900, 0);
    assert_eq!(word(&source, "index.m3u8", ""), "wait");
    assert_eq!(word(&source, "video.m3u8", ""), "wait");
    source.run(6300, 0);
    let text = source.text("video.m3u8");
    assert_eq!(extinf(&text).len(), 3);
    assert!(!text.contains("EXT-X-GAP"), "E1-17: no gaps in front");
    // A stream that ends before is shown all the same.
    let mut short = low_with(60, |config| config.first_segments = 3);
    short.run(3000, 0);
    short.muxer.finish().unwrap();
    assert_eq!(word(&short, "index.m3u8", ""), "ready");
}

#[test]
fn e1_24_directed_answers_may_be_kept_longer() {
    let source = at_three_parts();
    let cache = |query| match source.muxer.request("video.m3u8", Some(query)) {
        Answer::Ready(file) => file.cache,
        _ => panic!("{query}"),
    };
    assert_eq!(cache(""), Cache::Live { max_age_ms: 1000 });
    assert_eq!(cache("_HLS_skip=YES"), Cache::Live { max_age_ms: 1000 });
    assert_eq!(cache("_HLS_msn=2&_HLS_part=1"), Cache::Blocking { max_age_ms: 12_000 });
    assert_eq!(source.muxer.file("video_2_1.m4s").unwrap().cache, Cache::Immutable);
}

#[test]
fn what_slid_out_is_gone() {
    let mut source = low_with(60, |config| {
        config.window = Duration::from_secs(6);
        config.first_sequence = 5;
    });
    source.run(60_500, 0);
    for name in ["video_5.m4s", "video_6_3.m4s", "audio_7.m4s"] {
        assert_eq!(word(&source, name, ""), "gone", "{name}");
    }
    assert_eq!(word(&source, "video_4.m4s", ""), "not found", "there never was one");
}

#[test]
fn e3_15_e3_16_a_delta_update_and_what_was_known_make_the_whole() {
    let mut source = low_with(60, |config| config.window = Duration::from_secs(60));
    source.run(8000, 0);
    // Nothing is old enough yet: the whole playlist.
    assert_eq!(text(&source, "video.m3u8", "_HLS_skip=YES"), source.text("video.m3u8"));
    source.run(20_000, 0);
    source.muxer.handle_track(avc(1280, 720)).unwrap();
    source.run(40_700, 0);
    for query in ["_HLS_skip=YES", "_HLS_skip=v2", "_HLS_msn=20&_HLS_part=2&_HLS_skip=YES"] {
        let (full, delta) = (source.text("video.m3u8"), text(&source, "video.m3u8", query));
        let lines: Vec<&str> = delta.lines().collect();
        let at = lines.iter().position(|line| line.starts_with("#EXT-X-SKIP")).unwrap();
        assert_eq!(count(&delta, "#EXT-X-SKIP"), 1);
        assert!(lines[..at].iter().any(|line| line.starts_with("#EXT-X-MEDIA-SEQUENCE:0")));
        assert!(lines.contains(&"#EXT-X-VERSION:9"));
        let skipped: usize = lines[at].split_once('=').unwrap().1.parse().unwrap();
        // 40.6 s are listed; what ends more than 12 s before the end is left out.
        assert_eq!((skipped, extinf(&full).len()), (14, 20));
        let rest: Vec<&str> = full.lines().skip_while(|line| !line.contains("EXTINF")).collect();
        let of = |text: &str| {
            text.lines()
                .filter(|line| line.ends_with(".m4s"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&full)[skipped..], of(&delta), "{rest:?}");
        assert!(delta.contains("#EXT-X-MAP:URI=\"video_init_1.mp4\"\n"), "E3-16");
        assert_eq!(parts(&full), parts(&delta));
    }
    assert_eq!(text(&source, "video.m3u8", "_HLS_skip=NO"), source.text("video.m3u8"));
    assert_eq!(count(&source.text("video.m3u8"), "#EXT-X-SKIP"), 0);
    // No parts, no offer of delta updates.
    let mut plain =
        Source::with(MuxerConfig { window: Duration::from_secs(60), ..MuxerConfig::default() }, 60)
            .both();
    plain.run(40_700, 0);
    assert_eq!(text(&plain, "video.m3u8", "_HLS_skip=YES"), plain.text("video.m3u8"));
}

#[test]
fn e3_17_tokens_go_on_to_the_files_and_directives_do_not() {
    let source = at_three_parts();
    let index = text(&source, "index.m3u8", "token=a%2Fb&_HLS_msn=1");
    assert!(index.contains("URI=\"audio.m3u8?token=a%2Fb\"\n"), "{index}");
    assert!(index.ends_with("\nvideo.m3u8?token=a%2Fb\n"), "{index}");
    let video = text(&source, "video.m3u8", "_HLS_msn=2&_HLS_part=1&token=a%2Fb&_HLS_skip=YES");
    assert!(!video.contains("_HLS_"), "{video}");
    for line in video.lines().filter(|line| line.contains("URI=") || !line.starts_with('#')) {
        assert_eq!(line.matches("?token=a%2Fb").count(), 1, "{line}");
    }
    assert_eq!(
        source.muxer.request("video.m3u8", Some(&"a".repeat(600))).clone_reason(),
        Some(BadRequest::QueryTooLong)
    );
}

impl Answer {
    fn clone_reason(&self) -> Option<BadRequest> {
        match self {
            Self::BadRequest(reason) => Some(*reason),
            _ => None,
        }
    }
}
