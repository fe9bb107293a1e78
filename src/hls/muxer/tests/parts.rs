//! Parts: where they are cut, when they are there, what their lines say.

use super::*;

/// A low-latency stream of both tracks, in parts of about 200 ms.
pub(super) fn low() -> Source {
    low_with(60, |_| {})
}

pub(super) fn low_with(gop: i64, change: impl FnOnce(&mut MuxerConfig)) -> Source {
    let mut config =
        MuxerConfig { part_duration: Some(Duration::from_millis(200)), ..MuxerConfig::default() };
    change(&mut config);
    Source::with(config, gop).both()
}

/// Duration, name and independence of every part that a playlist lists.
pub(super) fn parts(text: &str) -> Vec<(f64, String, bool)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-PART:DURATION="));
    let part = |line: &str| {
        let (duration, rest) = line.split_once(",URI=\"").unwrap();
        let (name, rest) = rest.split_once('"').unwrap();
        (duration.parse().unwrap(), name.to_owned(), rest == ",INDEPENDENT=YES")
    };
    lines.map(part).collect()
}

pub(super) fn attribute(text: &str, name: &str) -> f64 {
    let rest = text.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("{name}: {text}")).1;
    rest.split([',', '\n']).next().unwrap().parse().unwrap()
}

fn hint(text: &str) -> &str {
    text.split_once("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"").unwrap().1.split('"').next().unwrap()
}

#[test]
fn e3_03_e3_06_e3_08_a_low_latency_playlist_has_all_its_lines() {
    let mut source = low();
    source.run(4700, 0);
    assert_eq!(
        source.text("video.m3u8"),
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0,HOLD-BACK=6.0,PART-HOLD-BACK=0.645\n\
         #EXT-X-PART-INF:PART-TARGET=0.210\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n\
         #EXT-X-MAP:URI=\"video_init_0.mp4\"\n"
            .to_owned()
            + &(0..2).map(|number| {
                let part = |part: i32| {
                    let independent = if part == 0 { ",INDEPENDENT=YES" } else { "" };
                    format!("#EXT-X-PART:DURATION=0.200000,URI=\"video_{number}_{part}.m4s\"{independent}\n")
                };
                (0..10).map(part).collect::<String>() + &format!("#EXTINF:2.000000,\nvideo_{number}.m4s\n")
            }).collect::<String>()
            + "#EXT-X-PART:DURATION=0.200000,URI=\"video_2_0.m4s\",INDEPENDENT=YES\n\
               #EXT-X-PART:DURATION=0.200000,URI=\"video_2_1.m4s\"\n\
               #EXT-X-PART:DURATION=0.200000,URI=\"video_2_2.m4s\"\n\
               #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"video_2_3.m4s\"\n\
               #EXT-X-RENDITION-REPORT:URI=\"audio.m3u8\",LAST-MSN=2,LAST-PART=2\n"
    );
    let audio = source.text("audio.m3u8");
    // Three times the longest part target of any rendition.
    assert_eq!(attribute(&audio, "PART-TARGET"), 0.215);
    assert_eq!(attribute(&audio, "PART-HOLD-BACK"), 0.645);
    assert!(audio.ends_with("#EXT-X-RENDITION-REPORT:URI=\"video.m3u8\",LAST-MSN=2,LAST-PART=2\n"));
    assert!(audio.contains("#EXT-X-INDEPENDENT-SEGMENTS\n"), "E1-16: sound is");
}

#[test]
fn e3_01_e3_22_parts_keep_the_target_and_say_where_decoding_starts() {
    let mut source = low_with(20, |_| {});
    source.run(3000, 0);
    for second in 4..30 {
        source.run(second * 1000, 0);
        for name in ["video.m3u8", "audio.m3u8"] {
            let text = source.text(name);
            let target = attribute(&text, "PART-TARGET");
            let found = parts(&text);
            for ((duration, part, independent), next) in found.iter().zip(found.iter().skip(1)) {
                let last = next.1.ends_with("_0.m4s");
                assert!(
                    *duration <= target && (last || *duration >= target * 0.85),
                    "{part}: {text}"
                );
                let (body, all) = (source.muxer.file(part).unwrap().body, name == "audio.m3u8");
                let frames = body
                    .iter()
                    .filter_map(|body| std::str::from_utf8(body).ok()?.strip_prefix("video "));
                let key =
                    frames.map(|frame| frame.parse::<i64>().unwrap()).any(|frame| frame % 20 == 0);
                assert_eq!(*independent, key || all, "{part}");
            }
        }
    }
    assert_eq!(source.muxer.stats(), Stats::default());
}

#[test]
fn e3_21_a_part_is_there_within_the_call_that_brings_what_follows_it() {
    let mut source = low();
    source.run(4000, 0);
    // Frames 120 to 125 make the first part of segment 2; 126 ends it.
    while source.video <= 125 {
        source.frame(0);
    }
    let text = source.text("video.m3u8");
    assert_eq!(hint(&text), "video_2_0.m4s");
    assert!(source.muxer.file("video_2_0.m4s").is_none());
    let version = source.muxer.version();
    source.frame(0);
    assert!(source.muxer.file("video_2_0.m4s").is_some() && source.muxer.version() > version);
    assert_eq!(parts(&source.text("video.m3u8")).last().unwrap().1, "video_2_0.m4s");
    // The key frame of the next segment ends the part and the segment at once.
    while source.video < 180 {
        source.frame(0);
    }
    assert_eq!(hint(&source.text("video.m3u8")), "video_2_9.m4s");
    assert!(source.muxer.file("video_2.m4s").is_none());
    source.frame(0);
    let text = source.text("video.m3u8");
    assert!(text.contains("video_2_9.m4s\"\n#EXTINF:2.000000,\nvideo_2.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"video_3_0.m4s\""), "{text}");
}

#[test]
fn e3_21_sound_that_came_is_there_with_the_part_of_video() {
    let mut source = low();
    source.run(10_000, 0);
    // Video is shown 67 ms after its time of decoding: so much later comes the sound that goes with it.
    for step in 0..100 {
        source.run(10_100 + step * 200, 0);
        let end = |id| {
            let presentation = source.muxer.presentation();
            let found = presentation.renditions().find(|one| one.id() == id).unwrap();
            let last = found.segments().last().unwrap();
            let end = last.start() + i64::try_from(last.duration()).unwrap();
            crate::time::rescale(end, last.timescale(), 1000) - 10_000
        };
        assert_eq!(end(TrackId::VIDEO), 10_000 + step * 200);
        // Within a frame of the border, before or behind.
        let apart = end(TrackId::AUDIO) - (10_067 + step * 200);
        assert!((-22..=22).contains(&apart), "{apart} ms at step {step}");
    }
}

#[test]
fn parts_and_segments_are_the_same_buffers() {
    let mut source = low();
    source.run(9000, 0);
    for (name, id) in [("video", TrackId::VIDEO), ("audio", TrackId::AUDIO)] {
        let segment = source.muxer.file(&format!("{name}_1.m4s")).unwrap().body;
        let parts = (0..).map_while(|part| source.muxer.file(&format!("{name}_1_{part}.m4s")));
        let parts: Vec<Bytes> = parts.flat_map(|part| part.body).collect();
        assert_eq!(segment.iter().len(), parts.len() + 1);
        assert_eq!(&segment.iter().next().unwrap()[4..8], b"styp");
        for (of_segment, of_part) in segment.iter().skip(1).zip(&parts) {
            assert_eq!((of_segment.as_ptr(), of_segment.len()), (of_part.as_ptr(), of_part.len()));
        }
        let sent = source.sent.iter().filter(|unit| unit.track == id);
        let sent: Vec<_> = sent.map(|unit| unit.data.as_ptr()).collect();
        let payload = parts.iter().filter(|part| part.starts_with(name.as_bytes()));
        assert!(
            payload.clone().count() >= 60
                && payload.clone().all(|part| sent.contains(&part.as_ptr()))
        );
    }
}

#[test]
fn every_unit_is_in_a_part_once() {
    let mut source = low_with(60, |config| config.window = Duration::from_secs(600));
    source.run(61_000, 5000);
    source.muxer.finish().unwrap();
    for (name, id) in [("video.m3u8", TrackId::VIDEO), ("audio.m3u8", TrackId::AUDIO)] {
        let sent = source.sent.iter().filter(|unit| unit.track == id);
        let sent: Vec<_> = sent.map(|unit| unit.data.as_ptr()).collect();
        assert_eq!(source.payload(name).iter().map(|data| data.as_ptr()).collect::<Vec<_>>(), sent);
    }
    assert_eq!(source.muxer.stats(), Stats::default());
}

#[test]
fn e3_04_what_a_segment_begins_with_stands_before_its_first_part() {
    let mut source = low();
    source.wall = Some(1_700_000_000_000_000);
    source.run(4500, 0);
    source.muxer.handle_track(avc(1280, 720)).unwrap();
    source.run(6300, 0);
    let text = source.text("video.m3u8");
    let begin = "video_2.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"video_init_1.mp4\"\n\
                 #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:26.067Z\n#EXT-X-PART:DURATION=0.200000,URI=\"video_3_0.m4s\"";
    assert!(text.contains(begin), "{text}");
    assert!(
        source
            .text("audio.m3u8")
            .contains("audio_2.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME")
    );
    // It stays as it was when the segment is whole.
    source.run(8500, 0);
    assert!(source.text("video.m3u8").contains(begin));
}

#[test]
fn e3_05_parts_leave_the_playlist_and_stay_to_be_fetched() {
    let mut source = low();
    source.run(21_000, 0);
    let text = source.text("video.m3u8");
    let listed = parts(&text);
    assert_eq!(listed.first().unwrap().1, "video_8_0.m4s");
    assert_eq!(listed.len(), 10 + 10 + 4);
    assert_eq!(extinf(&text).len(), 10);
    for number in 0..8 {
        assert!(source.muxer.file(&format!("video_{number}_3.m4s")).is_some(), "{number}");
    }
}

#[test]
fn e3_23_a_player_that_knows_no_parts_sees_the_same_stream() {
    let (mut low, mut plain) = (low(), Source::new(60).both());
    for second in 1..20 {
        low.run(second * 1000, 0);
        plain.run(second * 1000, 0);
        for name in ["video.m3u8", "audio.m3u8"] {
            let Some(file) = plain.muxer.file(name) else { continue };
            let plain = String::from_utf8(file.body.to_bytes().to_vec()).unwrap();
            let low = low.text(name);
            let unknown = ["#EXT-X-PART", "#EXT-X-SERVER", "#EXT-X-PRELOAD", "#EXT-X-RENDITION"];
            let known = low.lines().filter(|line| !unknown.iter().any(|tag| line.starts_with(tag)));
            let known: Vec<&str> = known.collect();
            let plain = plain.replace("VERSION:6", "VERSION:9");
            assert_eq!(known, plain.lines().collect::<Vec<_>>(), "at {second}");
        }
    }
}

#[test]
fn e3_02_the_part_target_outlives_its_publisher() {
    let mut source = low();
    source.run(5000, 0);
    let target = attribute(&source.text("video.m3u8"), "PART-TARGET");
    source.muxer.resume().unwrap();
    source.muxer.handle_track(avc(640, 360)).unwrap();
    // 24 frames a second: four are shorter than 85 %, five fit.
    for frame in 0..240 {
        let data = Bytes::from(format!("video {frame}"));
        source.send(unit(TrackId::VIDEO, frame * 1000 / 24, 0, frame % 48 == 0, data));
    }
    let text = source.text("video.m3u8");
    assert_eq!(attribute(&text, "PART-TARGET"), target);
    assert!(parts(&text).iter().all(|(duration, ..)| *duration <= target), "{text}");
}

#[test]
fn e3_01_a_frame_longer_than_a_part_is_told_of_and_the_promise_kept() {
    let mut source = low();
    source.run(4100, 0);
    source.video += 15;
    source.run(5900, 0);
    let text = source.text("video.m3u8");
    let target = attribute(&text, "PART-TARGET");
    assert!(parts(&text).iter().all(|(duration, ..)| *duration <= target), "{text}");
    assert!(source.muxer.stats().uneven_parts > 0);
    source.run(6500, 0);
    assert_eq!(extinf(&source.text("video.m3u8"))[2], 2.0, "the segment says how long it is");
}

#[test]
fn e2_05_a_scene_cut_is_used_where_the_next_key_frame_would_come_too_late() {
    let mut source = low();
    source.run(4500, 0);
    // Key frames at 4.0, then a scene cut at 5.5, then 60 frames from there.
    for index in 0..400 {
        let millis = source.video * 1000 / 30;
        let key = source.video >= 165 && (source.video - 165) % 60 == 0;
        let data = Bytes::from(format!("video {index}"));
        source.send(unit(TrackId::VIDEO, millis, 67, key, data));
        source.video += 1;
        while source.audio * 1024 / 48 < millis {
            source.sound(0);
        }
    }
    assert_eq!(extinf(&source.text("video.m3u8"))[..4], [2.0, 2.0, 1.5, 2.0]);
    assert_eq!(source.muxer.stats(), Stats::default());
}

#[test]
fn e2_04_e2_02_a_cut_without_a_key_frame_is_not_independent() {
    let mut source = low();
    source.run(5000, 0);
    source.gop = 100_000;
    source.run(16_000, 0);
    assert!(source.muxer.stats().forced_cuts >= 4);
    let text = source.text("video.m3u8");
    assert!(!text.contains("INDEPENDENT"), "neither segments nor parts: {text}");
    assert!(extinf(&text).iter().all(|duration| duration.round() <= 2.0), "{text}");
}

#[test]
fn sound_alone_has_parts_of_its_own() {
    let config =
        MuxerConfig { part_duration: Some(Duration::from_millis(200)), ..MuxerConfig::default() };
    let mut source = Source::with(config, 60);
    source.muxer.handle_track(aac(48_000)).unwrap();
    (0..400).for_each(|_| source.sound(0));
    let text = source.text("audio.m3u8");
    let found = parts(&text);
    let even = found.iter().filter(|(duration, ..)| *duration == 0.192).count();
    assert!(even >= 20 && found.iter().all(|part| part.2), "{text}");
    assert!(!text.contains("RENDITION-REPORT"));
}

#[test]
fn f_20_e3_20_memory_is_flat_and_one_number_tells_of_every_change() {
    let mut source = low_with(60, |config| config.window = Duration::from_secs(6));
    source.run(40_000, 0);
    let held = source.muxer.held_bytes();
    let mut version = source.muxer.version();
    let mut texts = [source.text("video.m3u8"), source.text("audio.m3u8")];
    for step in 1..600 {
        source.run(40_000 + step * 20, 0);
        let now = [source.text("video.m3u8"), source.text("audio.m3u8")];
        assert!(now == texts || source.muxer.version() > version, "E3-20");
        (texts, version) = (now, source.muxer.version());
        assert!(source.muxer.held_bytes() < held + 5000);
    }
}
