use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000_000;

fn segments(start: u64, durations: &[u64]) -> Vec<Segment> {
    let mut at = start;
    let next = durations.iter().map(|&duration| {
        let start = at;
        at += duration;
        Segment { start, duration }
    });
    next.collect()
}

fn video(segments: Vec<Segment>) -> AdaptationSet {
    let representation = Representation {
        id: "video".into(),
        codecs: "avc1.64001f".into(),
        bandwidth: 3_000_000,
        properties: Properties::Video {
            size: Some((1280, 720)),
            frame_rate: Some((30_000, 1001)),
            sample_aspect_ratio: None,
        },
        timescale: 90_000,
        presentation_time_offset: 900_000,
        init: "video_init_7.mp4".into(),
        media: Template::Number { prefix: "video_".into(), first: 41, suffix: ".m4s".into() },
        segments,
    };
    set(1, MediaKind::Video, representation)
}

fn audio(segments: Vec<Segment>) -> AdaptationSet {
    let representation = Representation {
        id: "audio".into(),
        codecs: "mp4a.40.2".into(),
        bandwidth: 128_000,
        properties: Properties::Audio { sample_rate: Some(48_000), channels: Some(2) },
        timescale: 48_000,
        presentation_time_offset: 480_000,
        init: "audio_init_7.mp4".into(),
        media: Template::Time { prefix: "audio_".into(), suffix: ".m4s".into() },
        segments,
    };
    set(2, MediaKind::Audio, representation)
}

fn set(id: u32, kind: MediaKind, representation: Representation) -> AdaptationSet {
    AdaptationSet {
        id,
        kind,
        language: None,
        label: None,
        main: true,
        captions: Captions::default(),
        reference: None,
        representations: vec![representation],
    }
}

fn period(id: &str, start: u64, sets: Vec<AdaptationSet>) -> Period {
    Period { id: id.into(), start: Duration::from_secs(start), duration: None, sets }
}

fn live(periods: Vec<Period>) -> Presentation {
    Presentation {
        kind: Kind::Live(Live {
            // 2024-02-29T12:34:56.5Z
            availability_start: 1_709_210_096_500_000,
            publish_time: 1_709_210_096_500_000 + MINUTE,
            update_period: Duration::from_secs(2),
            depth: Some(Duration::from_secs(30)),
            delay: Duration::from_secs(6),
            clocks: vec![Clock::HttpIso("/time".into()), Clock::Direct(0)],
            low_latency: None,
        }),
        base_url: None,
        min_buffer: Duration::from_secs(2),
        max_segment_duration: Duration::from_millis(2500),
        periods,
    }
}

fn two_seconds() -> Vec<Segment> {
    segments(900_000, &[180_000; 4])
}

fn one(text: &str, part: &str) {
    assert_eq!(text.matches(part).count(), 1, "{part} in {text}");
}

#[test]
fn e4_01_times_are_dates_in_utc_and_follow_the_description() {
    let text = live(vec![period("0", 0, vec![video(two_seconds())])]).mpd();
    one(&text, "type=\"dynamic\"");
    one(&text, "availabilityStartTime=\"2024-02-29T12:34:56.500Z\"");
    one(&text, "publishTime=\"2024-02-29T12:35:56.500Z\"");
    let same = live(vec![period("0", 0, vec![video(two_seconds())])]).mpd();
    assert_eq!(text, same, "the same description is the same text");
}

#[test]
fn e4_02_segments_are_listed_and_never_computed_from_a_duration() {
    let text = live(vec![period("0", 0, vec![video(two_seconds()), audio(two_seconds())])]).mpd();
    assert_eq!(text.matches("<SegmentTimeline>").count(), 2);
    assert!(!text.contains(" duration="), "{text}");
}

#[test]
fn e4_03_e4_04_runs_are_exact_and_say_their_start_where_it_does_not_follow() {
    let mut list = segments(900_000, &[180_000, 180_000, 180_000, 179_910]);
    list.extend(segments(1_620_001, &[180_000, 180_000]));
    let text = live(vec![period("0", 0, vec![video(list)])]).mpd();
    let found: Vec<&str> =
        text.lines().map(str::trim).filter(|line| line.starts_with("<S ")).collect();
    let expected = [
        "<S t=\"900000\" d=\"180000\" r=\"2\"/>",
        "<S d=\"179910\"/>",
        "<S t=\"1620001\" d=\"180000\" r=\"1\"/>",
    ];
    assert_eq!(found, expected);
}

#[test]
fn e4_04_what_slid_out_moves_the_first_time_and_the_first_number() {
    let mut set = video(two_seconds());
    let one_set = |set: &AdaptationSet| live(vec![period("0", 0, vec![set.clone()])]).mpd();
    one(&one_set(&set), "startNumber=\"41\"");
    one(&one_set(&set), "<S t=\"900000\" d=\"180000\" r=\"3\"/>");
    let representation = set.representations.first_mut().unwrap();
    representation.segments.remove(0);
    representation.media =
        Template::Number { prefix: "video_".into(), first: 42, suffix: ".m4s".into() };
    let text = one_set(&set);
    one(&text, "startNumber=\"42\"");
    one(&text, "<S t=\"1080000\" d=\"180000\" r=\"2\"/>");
    one(&text, "presentationTimeOffset=\"900000\"");
    one(&text, "<Period id=\"0\" start=\"PT0.000S\">");
}

#[test]
fn e4_05_e4_06_periods_of_update_depth_and_delay_are_given() {
    let text = live(vec![period("0", 0, vec![video(two_seconds())])]).mpd();
    for part in [
        "minimumUpdatePeriod=\"PT2.000S\"",
        "timeShiftBufferDepth=\"PT30.000S\"",
        "suggestedPresentationDelay=\"PT6.000S\"",
        "maxSegmentDuration=\"PT2.500S\"",
        "minBufferTime=\"PT2.000S\"",
    ] {
        one(&text, part);
    }
}

#[test]
fn e4_07_players_learn_the_time() {
    let text = live(vec![period("0", 0, vec![video(two_seconds())])]).mpd();
    one(&text, "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"/time\"/>");
    one(
        &text,
        "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:direct:2014\" value=\"1970-01-01T00:00:00.000Z\"/>",
    );
    assert!(text.find("<UTCTiming") > text.find("</Period>"), "behind the periods, by the schema");
}

#[test]
fn e4_08_e4_09_each_period_has_its_id_start_offset_and_init() {
    let mut second = video(segments(2_000_000, &[180_000]));
    let representation = second.representations.first_mut().unwrap();
    representation.presentation_time_offset = 2_000_000;
    representation.init = "video_init_8.mp4".into();
    let periods = vec![period("3", 6, vec![video(two_seconds())]), period("4", 20, vec![second])];
    let text = live(periods).mpd();
    one(&text, "<Period id=\"3\" start=\"PT6.000S\">");
    one(&text, "<Period id=\"4\" start=\"PT20.000S\">");
    for (offset, init) in [(900_000, "video_init_7.mp4"), (2_000_000, "video_init_8.mp4")] {
        one(&text, &format!("presentationTimeOffset=\"{offset}\" initialization=\"{init}\""));
    }
}

#[test]
fn e4_10_low_latency_says_when_chunks_come_and_how_late_they_are() {
    let mut presentation = live(vec![period("0", 0, vec![video(two_seconds())])]);
    let set = presentation.periods.first_mut().and_then(|period| period.sets.first_mut()).unwrap();
    set.reference = Some(ReferenceTime { media_time: 900_000, wall: 1_709_210_096_500_000 });
    assert!(!presentation.mpd().contains("availabilityTimeOffset"), "only where chunks are sent");
    if let Kind::Live(live) = &mut presentation.kind {
        live.low_latency = Some(LowLatency {
            target: Duration::from_millis(1500),
            min: Duration::from_millis(750),
            max: Duration::from_millis(6000),
            availability_offset: Duration::from_millis(1800),
        });
    }
    let text = presentation.mpd();
    one(&text, "availabilityTimeOffset=\"1.800\" availabilityTimeComplete=\"false\"");
    one(&text, "<Latency target=\"1500\" min=\"750\" max=\"6000\" referenceId=\"0\"/>");
    one(&text, "<ProducerReferenceTime id=\"0\" inband=\"true\" type=\"encoder\"");
    one(&text, "wallClockTime=\"2024-02-29T12:34:56.500Z\" presentationTime=\"900000\"");
    assert!(text.find("<ServiceDescription") < text.find("<Period"), "by the schema");
}

#[test]
fn e4_12_sets_say_all_that_players_ask_for_and_never_zero() {
    let mut broken = video(two_seconds());
    let representation = broken.representations.first_mut().unwrap();
    representation.bandwidth = 0;
    representation.properties =
        Properties::Video { size: None, frame_rate: Some((0, 1)), sample_aspect_ratio: None };
    let sets = vec![video(two_seconds()), audio(two_seconds())];
    let text = live(vec![period("0", 0, sets)]).mpd();
    for part in [
        "contentType=\"video\" mimeType=\"video/mp4\" segmentAlignment=\"true\" startWithSAP=\"1\"",
        "contentType=\"audio\" mimeType=\"audio/mp4\" segmentAlignment=\"true\" startWithSAP=\"1\"",
        "codecs=\"avc1.64001f\" bandwidth=\"3000000\" width=\"1280\" height=\"720\" \
         frameRate=\"30000/1001\" sar=\"1:1\"",
        "codecs=\"mp4a.40.2\" bandwidth=\"128000\" audioSamplingRate=\"48000\"",
        "audio_channel_configuration:2011\" value=\"2\"",
        "media=\"video_$Number$.m4s\" startNumber=\"41\"",
        "media=\"audio_$Time$.m4s\"",
    ] {
        one(&text, part);
    }
    let text = live(vec![period("0", 0, vec![broken])]).mpd();
    assert!(text.contains("bandwidth=\"1\"") && !text.contains("frameRate"), "{text}");
}

#[test]
fn e4_13_each_set_has_its_own_timescale_and_edges() {
    let sound = segments(480_000, &[96_256, 95_232, 96_256]);
    let text = live(vec![period("0", 0, vec![video(two_seconds()), audio(sound)])]).mpd();
    one(&text, "timescale=\"90000\" presentationTimeOffset=\"900000\"");
    one(&text, "timescale=\"48000\" presentationTimeOffset=\"480000\"");
    one(&text, "<S t=\"480000\" d=\"96256\"/>");
}

#[test]
fn e4_14_names_are_escaped_for_xml_and_for_templates() {
    let mut set = video(two_seconds());
    (set.label, set.language) = (Some("a<b> & \"c\"\u{1}".into()), Some("e'n\t".into()));
    let representation = set.representations.first_mut().unwrap();
    representation.init = "i.mp4?key=\"<&>\"".into();
    representation.media =
        Template::Number { prefix: "s$1_".into(), first: 0, suffix: ".m4s?a=1&b='2'".into() };
    let mut presentation = live(vec![period("0", 0, vec![set])]);
    presentation.base_url = Some("https://cdn.example/a?b=1&c=<2>/".into());
    let text = presentation.mpd();
    one(&text, "<BaseURL>https://cdn.example/a?b=1&amp;c=&lt;2&gt;/</BaseURL>");
    one(&text, "media=\"s$$1_$Number$.m4s?a=1&amp;b=&apos;2&apos;\"");
    one(&text, "initialization=\"i.mp4?key=&quot;&lt;&amp;&gt;&quot;\"");
    one(&text, "<Label>a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}</Label>");
    one(&text, "lang=\"e&apos;n&#9;\"");
}

#[test]
fn e4_15_the_end_is_static_with_a_duration_and_nothing_of_the_clock() {
    let mut presentation = live(vec![period("0", 0, vec![video(two_seconds())])]);
    presentation.kind = Kind::Static { duration: Duration::from_micros(8_000_500) };
    let text = presentation.mpd();
    one(&text, "type=\"static\" mediaPresentationDuration=\"PT8.000500S\"");
    for gone in
        ["minimumUpdatePeriod", "availabilityStartTime", "timeShift", "UTCTiming", "publish"]
    {
        assert!(!text.contains(gone), "{gone}");
    }
}

#[test]
fn what_has_no_segment_is_left_out() {
    let periods = vec![
        period("0", 0, vec![video(Vec::new())]),
        period("1", 8, vec![video(two_seconds()), audio(Vec::new())]),
    ];
    let text = live(periods).mpd();
    assert!(text.matches("<Period").count() == 1 && !text.contains("audio"), "{text}");
}

proptest! {
    /// The runs say the same segments.
    #[test]
    fn e4_03_runs_unroll_to_what_they_were_made_of(
        steps in prop::collection::vec((0..2_u64, 1..4_u64), 1..100),
        start in 0..1_u64 << 40,
    ) {
        let mut at = start;
        let mut list = Vec::new();
        for (gap, duration) in steps {
            list.push(Segment { start: at + gap, duration });
            at += gap + duration;
        }
        let runs = timeline::runs(&list);
        prop_assert!(runs.first().is_some_and(|run| run.told), "E4-04: the first says its time");
        let (mut unrolled, mut next) = (Vec::new(), 0);
        for run in runs {
            prop_assert!(run.told || run.start == next);
            for _ in 0..=run.repeats {
                let start = if unrolled.is_empty() || run.told { next.max(run.start) } else { next };
                unrolled.push(Segment { start, duration: run.duration });
                next = start + run.duration;
            }
        }
        prop_assert_eq!(unrolled, list);
    }

    /// No text can close an attribute or open an element.
    #[test]
    fn e4_14_any_text_leaves_the_document_as_it_is(text in "\\PC*|[<>&\"'\\$\\x00-\\x20]*") {
        let mut set = video(two_seconds());
        set.label = Some(text.clone());
        if let Some(one) = set.representations.first_mut() {
            (one.id, one.init) = (text.clone(), text);
        }
        let found = live(vec![period("0", 0, vec![set])]).mpd();
        let plain = live(vec![period("0", 0, vec![video(two_seconds())])]).mpd();
        // The label is an element more.
        prop_assert_eq!(found.matches('<').count(), plain.matches('<').count() + 2);
        prop_assert_eq!(found.matches('"').count(), plain.matches('"').count());
        let bare = |c: char| c < ' ' && c != '\n';
        prop_assert!(!found.contains(bare));
    }
}
