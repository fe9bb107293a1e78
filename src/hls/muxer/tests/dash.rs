//! The MPD over the segments of the playlists, and segments that are sent while they are made.

use super::*;
use crate::dash::Clock;
use crate::hls::{Answer, DashConfig};
use crate::time::UtcDate;

const WALL: i64 = 1_700_000_000_000_000;

fn source(part: Option<Duration>) -> Source {
    let config = MuxerConfig {
        part_duration: part,
        window: Duration::from_secs(8),
        dash: Some(DashConfig {
            clocks: vec![Clock::HttpIso("/time".into())],
            ..DashConfig::default()
        }),
        ..MuxerConfig::default()
    };
    let mut source = Source::with(config, 60).both();
    source.wall = Some(WALL);
    source
}

fn parts() -> Source {
    source(Some(Duration::from_millis(200)))
}

/// Start, length and number of the segments of the first representation of that name.
fn timeline(mpd: &str, name: &str) -> Vec<(u64, u64, u64)> {
    let (_, rest) = mpd.split_once(&format!("<Representation id=\"{name}\"")).unwrap();
    let (rest, _) = rest.split_once("</Representation>").unwrap();
    let field = |line: &str, name: &str| -> Option<u64> {
        line.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0.parse().ok()
    };
    let mut number = rest.lines().find_map(|line| field(line, "startNumber")).unwrap();
    let (mut at, mut found) = (0, Vec::new());
    for line in rest.lines().filter(|line| line.trim().starts_with("<S ")) {
        at = field(line, "t").unwrap_or(at);
        let duration = field(line, "d").unwrap();
        for _ in 0..=field(line, "r").unwrap_or(0) {
            found.push((at, duration, number));
            (at, number) = (at + duration, number + 1);
        }
    }
    found
}

#[test]
fn e4_16_e4_03_the_mpd_lists_the_segments_of_the_playlists_at_their_times() {
    let mut source = source(None);
    for seconds in 3..30 {
        source.run(seconds * 1000, 0);
        let Some(mpd) = source.muxer.file("index.mpd") else { continue };
        assert_eq!(mpd.content_type, "application/dash+xml");
        let mpd = String::from_utf8(mpd.body.to_bytes().to_vec()).unwrap();
        for name in ["video", "audio"] {
            let playlist = source.text(&format!("{name}.m3u8"));
            let listed: Vec<&str> =
                playlist.lines().filter(|line| line.ends_with(".m4s")).collect();
            let timeline = timeline(&mpd, name);
            let names: Vec<String> =
                timeline.iter().map(|(_, _, number)| format!("{name}_{number}.m4s")).collect();
            // What the other rendition has not yet is not in the MPD either.
            assert!(listed.starts_with(&names.iter().map(String::as_str).collect::<Vec<_>>()));
            assert!(listed.len() - names.len() <= 1, "{name}: {listed:?} {names:?} {mpd}");
            for ((start, duration, _), name) in timeline.iter().zip(&names) {
                let segment = source.muxer.file(name).unwrap().body.to_bytes();
                let at = segment.windows(4).position(|kind| kind == b"tfdt").unwrap() + 8;
                let decode = u64::from_be_bytes(segment[at..at + 8].try_into().unwrap());
                // Pictures are shown 67 ms after their decode time.
                let shown = if name.starts_with("video") { decode + 6030 } else { decode };
                assert_eq!(*start, shown, "{name}");
                assert!(*duration > 0);
            }
            for (before, after) in timeline.iter().zip(timeline.iter().skip(1)) {
                assert_eq!(before.0 + before.1, after.0, "no gap");
            }
        }
    }
}

#[test]
fn e4_01_the_zero_of_time_never_moves_and_the_text_changes_with_its_time() {
    let mut source = source(None);
    let mut texts: Vec<(String, String)> = Vec::new();
    for step in 0..300 {
        source.run(3000 + step * 100, 0);
        if source.muxer.file("index.mpd").is_none() {
            continue;
        }
        let mpd = source.text("index.mpd");
        let field = |name: &str| {
            let (_, rest) = mpd.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0.to_owned()
        };
        assert_eq!(field("availabilityStartTime"), UtcDate(WALL).to_string());
        texts.push((field("publishTime"), mpd));
    }
    assert!(texts.len() > 200);
    for (before, after) in texts.iter().zip(texts.iter().skip(1)) {
        assert_eq!(before.0 == after.0, before.1 == after.1, "{} {}", before.0, after.0);
        assert!(before.0 <= after.0);
    }
}

#[test]
fn e4_08_e4_15_a_second_publisher_is_a_period_and_the_end_is_static() {
    let mut source = source(None);
    source.run(7000, 0);
    source.muxer.resume().unwrap();
    source.muxer.handle_track(avc(1280, 720)).unwrap();
    source.muxer.handle_track(aac(48_000)).unwrap();
    (source.video, source.audio) = (0, 0);
    // 20 s later on the wall.
    source.wall = Some(WALL + 27_000_000);
    source.run(5000, 0);
    let mpd = source.text("index.mpd");
    assert_eq!(mpd.matches("<Period ").count(), 2, "{mpd}");
    assert!(mpd.contains("start=\"PT27.0"), "by the clock on the wall: {mpd}");
    assert!(mpd.contains("type=\"dynamic\"") && mpd.contains("height=\"720\""));
    source.muxer.finish().unwrap();
    let file = source.muxer.file("index.mpd").unwrap();
    assert_eq!(file.cache, Cache::Ended);
    let mpd = source.text("index.mpd");
    assert!(mpd.contains("type=\"static\" mediaPresentationDuration=\"PT32."), "{mpd}");
    assert_eq!(mpd.matches("<Period ").count(), 2);
}

#[test]
fn e4_10_the_segment_that_is_made_is_listed_and_grows() {
    let mut source = parts();
    // A second into the fourth segment.
    source.run(7000, 0);
    let (plain, low) = (source.text("index.mpd"), source.text("index_ll.mpd"));
    let (whole, all) = (timeline(&plain, "video"), timeline(&low, "video"));
    assert_eq!((whole.len(), all.len()), (3, 4));
    assert_eq!(all.get(..3), Some(&whole[..]));
    let last = all.last().unwrap();
    assert_eq!(
        (last.0, last.1),
        // The longest part is 210 ms.
        (whole[2].0 + whole[2].1, whole[2].1 + 18_900),
        "as long as the one before, and a part"
    );
    assert!(
        low.contains("availabilityTimeOffset=\"1.7") && !plain.contains("availabilityTimeOffset")
    );
    for part in
        ["<Latency target=", "availabilityTimeComplete=\"false\"", "<ProducerReferenceTime "]
    {
        assert!(low.contains(part), "{part}: {low}");
    }

    let name = format!("video_{}.m4s", last.2);
    let Answer::Growing(growing) = source.muxer.request(&name, None) else { panic!("{name}") };
    assert!(growing.next >= 3, "{}", growing.next);
    let mut sent = growing.body.clone();
    let mut next = growing.next;
    for end in (7000..10_000).step_by(50) {
        source.run(end, 0);
        while let Answer::Ready(part) = source.muxer.request(&growing.part_name(next), None) {
            sent.extend_from(&part.body);
            next += 1;
        }
    }
    assert!(matches!(source.muxer.request(&growing.part_name(next), None), Answer::NotFound));
    let file = source.muxer.file(&name).unwrap().body.to_bytes();
    assert_eq!(sent.to_bytes(), file, "D-23: what grew is the segment");
    // D-24: the wall clock stands in front of the first fragment.
    assert_eq!(file.get(28..32), Some(b"prft".as_slice()));
    assert_eq!(file.windows(4).filter(|kind| *kind == b"prft").count(), 1);
}

#[test]
fn e4_14_a_query_goes_to_every_address_escaped() {
    let mut source = source(None);
    source.run(5000, 0);
    let Answer::Ready(file) = source.muxer.request("index.mpd", Some("token=a$b&user='x'")) else {
        panic!("no MPD")
    };
    let mpd = String::from_utf8(file.body.to_bytes().to_vec()).unwrap();
    assert_eq!(mpd.matches("?token=a$$b&amp;user=&apos;x&apos;\"").count(), 4, "{mpd}");
}

#[test]
fn without_dash_there_is_none_and_without_a_clock_only_at_the_end() {
    let mut none = Source::new(60).both();
    none.wall = Some(WALL);
    none.run(5000, 0);
    assert!(matches!(none.muxer.request("index.mpd", None), Answer::NotFound));
    let mut source = source(None);
    source.wall = None;
    source.run(5000, 0);
    assert!(matches!(source.muxer.request("index.mpd", None), Answer::Wait(_)));
    assert!(matches!(source.muxer.request("index_ll.mpd", None), Answer::NotFound));
    source.muxer.finish().unwrap();
    assert!(source.text("index.mpd").contains("type=\"static\""));
}

#[test]
fn c3_14_eac3_of_fewer_blocks_is_cut_in_samples_of_six() {
    use crate::codec::eac3::Eac3Config;
    use crate::media::{CodecConfig, Track};
    use std::sync::Arc;
    const FRAMES: &[u8] = include_bytes!("../../../../tests/data/codecs/eac3_2_blocks.bin");
    let frame = |n: usize| Bytes::from_static(&FRAMES[n % 6 * 4096..][..4096]);
    let config = CodecConfig::Eac3(Eac3Config::from_unit(&frame(0)).unwrap());
    let track = Track { id: TrackId::AUDIO, timescale: 1_000_000, config: Arc::new(config) };
    let mut muxer = Muxer::new(MuxerConfig::default(), &Limits::default());
    muxer.handle_track(track).unwrap();
    for n in 0..400_u16 {
        let dts = i64::from(n) * 32_000 / 3;
        let data = frame(usize::from(n));
        let unit = AccessUnit { track: TrackId::AUDIO, dts, pts_offset: 0, key: true, data };
        muxer.handle_unit(unit, None).unwrap();
    }
    muxer.finish().unwrap();
    let renditions: Vec<_> = muxer.presentation().renditions().collect();
    let segments = renditions[0].segments();
    let all: Vec<(usize, u64)> = segments
        .flat_map(|segment| segment.parts())
        .map(|part| (part.samples(), part.duration()))
        .collect();
    let samples: usize = all.iter().map(|part| part.0).sum();
    let ticks: u64 = all.iter().map(|part| part.1).sum();
    // 133 whole ones, and one that the end left short.
    assert_eq!((samples, ticks), (134, 400 * 512), "{all:?}");
}

/// A picture that is shown after others which never came: a player that ends before it does not come to the end of the media.
#[test]
fn e4_15_the_presentation_ends_with_the_picture_that_is_shown_last() {
    let mut source = source(None);
    source.run(4000, 0);
    // A frame for three frames later.
    source.send(unit(TrackId::VIDEO, 4000, 167, false, Bytes::from_static(b"video ahead")));
    source.muxer.finish().unwrap();
    let view = source.muxer.presentation();
    let end = view.renditions().flat_map(|one| {
        one.segments().map(move |segment| {
            u64::try_from(segment.presentation_end()).unwrap() * 1000 / u64::from(one.timescale())
        })
    });
    // The time line begins at ten seconds.
    let end = end.max().unwrap() - 10_000;
    assert!((4195..4205).contains(&end), "{end}");
    let mpd = source.text("index.mpd");
    let (_, told) = mpd.split_once("mediaPresentationDuration=\"PT").unwrap();
    let seconds: f64 = told.split_once('S').unwrap().0.parse().unwrap();
    assert!((seconds * 1000.0 - end as f64).abs() < 2.0, "{end} ms: {mpd}");
}
