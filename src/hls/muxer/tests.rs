mod answers;
mod dash;
mod dates;
mod parts;
mod playlists;
mod timing;

use std::collections::HashMap;

use bytes::Bytes;

use super::*;
use crate::buf::Chain;
use crate::hls::Cache;
use crate::media::TrackId;
use crate::mp4::test_tracks::{aac, avc, unit};

/// 30 frames and 46.875 frames of sound a second, as a wire in milliseconds has them.
struct Source {
    muxer: Muxer,
    video: i64,
    audio: i64,
    /// Frames from key frame to key frame.
    gop: i64,
    wall: Option<i64>,
    sent: Vec<AccessUnit>,
}

impl Source {
    fn new(gop: i64) -> Self {
        Self::with(MuxerConfig::default(), gop)
    }

    fn with(config: MuxerConfig, gop: i64) -> Self {
        let muxer = Muxer::new(config, &Limits::default());
        Self { muxer, video: 0, audio: 0, gop, wall: None, sent: Vec::new() }
    }

    fn both(mut self) -> Self {
        self.muxer.handle_track(avc(640, 360)).unwrap();
        self.muxer.handle_track(aac(48_000)).unwrap();
        self
    }

    fn send(&mut self, unit: AccessUnit) {
        let wall = self.wall.map(|start| start + unit.pts());
        self.sent.push(unit.clone());
        self.muxer.handle_unit(unit, wall).unwrap();
    }

    fn frame(&mut self, offset: i64) {
        let millis = self.video * 1000 / 30 + offset;
        let data = Bytes::from(format!("video {}", self.video));
        self.send(unit(TrackId::VIDEO, millis, 67, self.video % self.gop == 0, data));
        self.video += 1;
    }

    fn sound(&mut self, offset: i64) {
        let millis = self.audio * 1024 / 48 + offset;
        self.send(unit(
            TrackId::AUDIO,
            millis,
            0,
            true,
            Bytes::from(format!("audio {}", self.audio)),
        ));
        self.audio += 1;
    }

    /// Sends both tracks, interleaved, up to `end` milliseconds.
    fn run(&mut self, end: i64, offset: i64) {
        while self.video * 1000 / 30 < end || self.audio * 1024 / 48 < end {
            if self.video * 1000 / 30 <= self.audio * 1024 / 48 {
                self.frame(offset)
            } else {
                self.sound(offset)
            }
        }
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.muxer.file(name).unwrap().body.to_bytes().to_vec()).unwrap()
    }

    /// Payload parts of every segment that a playlist lists, without the heads.
    fn payload(&self, name: &str) -> Vec<Bytes> {
        let text = self.text(name);
        let names = text.lines().filter(|line| line.ends_with(".m4s"));
        let bodies: Vec<Chain> =
            names.filter_map(|name| Some(self.muxer.file(name)?.body)).collect();
        let parts = bodies.iter().flat_map(Chain::iter);
        parts
            .filter(|part| part.starts_with(b"video") || part.starts_with(b"audio"))
            .cloned()
            .collect()
    }
}

fn extinf(text: &str) -> Vec<f64> {
    text.lines()
        .filter_map(|line| line.strip_prefix("#EXTINF:")?.strip_suffix(',')?.parse().ok())
        .collect()
}

/// Lines that begin so; a line end may be part of it.
fn count(text: &str, tag: &str) -> usize {
    text.split_inclusive('\n').filter(|line| line.starts_with(tag)).count()
}

#[test]
fn e1_19_a_stream_of_video_and_sound_has_all_its_playlists() {
    let mut source = Source::new(60).both();
    assert!(source.muxer.file("index.m3u8").is_none(), "E1-20");
    source.run(9000, 0);
    let index = source.text("index.m3u8");
    assert!(index.contains("CODECS=\"avc1.64001e,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=30.000,AUDIO=\"audio\",CLOSED-CAPTIONS=NONE\nvideo.m3u8\n"), "{index}");
    assert!(index.contains("TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"audio\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio.m3u8\""), "{index}");
    let video = source.text("video.m3u8");
    assert_eq!(
        video,
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-MAP:URI=\"video_init_0.mp4\"\n\
         #EXTINF:2.000000,\nvideo_0.m4s\n#EXTINF:2.000000,\nvideo_1.m4s\n\
         #EXTINF:2.000000,\nvideo_2.m4s\n#EXTINF:2.000000,\nvideo_3.m4s\n"
    );
    let audio = source.text("audio.m3u8");
    assert!(audio.contains("#EXT-X-MAP:URI=\"audio_init_0.mp4\""));
    assert_eq!(extinf(&audio).len(), 4);
    assert!(source.muxer.file("video_init_0.mp4").unwrap().content_type == "video/mp4", "E1-22");
    assert!(source.muxer.file("audio_0.m4s").unwrap().content_type == "audio/mp4");
    assert_eq!(source.muxer.file("video_0.m4s").unwrap().cache, Cache::Immutable);
    assert_eq!(
        source.muxer.file("video.m3u8").unwrap().cache,
        Cache::Live { max_age_ms: 1000 },
        "E1-24"
    );
    for absent in
        ["video_4.m4s", "video_init_1.mp4", "video", "video_x", "", "../video.m3u8", "video1.m3u8"]
    {
        assert!(source.muxer.file(absent).is_none(), "{absent}");
    }
}

#[test]
fn every_unit_is_in_a_segment_once_by_its_own_buffer() {
    let mut source = Source::with(
        MuxerConfig { window: Duration::from_secs(600), ..MuxerConfig::default() },
        60,
    )
    .both();
    source.run(61_000, 5000);
    source.muxer.finish().unwrap();
    for (name, id) in [("video.m3u8", TrackId::VIDEO), ("audio.m3u8", TrackId::AUDIO)] {
        let sent: Vec<&Bytes> =
            source.sent.iter().filter(|unit| unit.track == id).map(|unit| &unit.data).collect();
        let got = source.payload(name);
        assert_eq!(got.len(), sent.len());
        for (got, sent) in got.iter().zip(sent) {
            assert_eq!((got.as_ptr(), got.len()), (sent.as_ptr(), sent.len()));
        }
    }
    assert_eq!(source.muxer.stats(), Stats::default());
}

#[test]
fn e2_01_sound_is_cut_at_the_presentation_time_of_the_videos_cut() {
    let mut source = Source::new(60).both();
    source.run(9000, 0);
    // Key frames are presented 67 ms late: at 2067, 4067 … ms. A sound frame lasts 21.3 ms.
    let mut end = 0.0;
    for (index, duration) in extinf(&source.text("audio.m3u8")).into_iter().enumerate() {
        end += duration;
        let cut = 2.0 * (index as f64 + 1.0) + 0.067;
        assert!(end >= cut && end < cut + 0.022, "{end} at cut {cut}");
    }
}

#[test]
fn e1_02_target_duration_comes_from_the_first_segment_and_never_changes() {
    for (gop, target) in [(15, 2), (60, 2), (64, 2), (72, 3), (250, 9)] {
        let mut source = Source::new(gop).both();
        let mut seen = HashMap::new();
        for second in 1..60 {
            source.run(second * 1000, 0);
            if let Some(file) = source.muxer.file("video.m3u8") {
                let text = String::from_utf8(file.body.to_bytes().to_vec()).unwrap();
                let line = text
                    .lines()
                    .find(|line| line.starts_with("#EXT-X-TARGETDURATION"))
                    .unwrap()
                    .to_string();
                *seen.entry(line).or_insert(0) += 1;
                assert!(
                    extinf(&text).iter().all(|duration| duration.round() <= f64::from(target)),
                    "{text}"
                );
            }
        }
        assert_eq!(
            seen.into_keys().collect::<Vec<_>>(),
            [format!("#EXT-X-TARGETDURATION:{target}")]
        );
        assert_eq!(source.muxer.stats().forced_cuts, 0);
    }
}

#[test]
fn e2_02_a_group_of_pictures_longer_than_promised_is_cut_by_force() {
    let mut source = Source::new(60).both();
    source.run(5000, 0);
    source.gop = 100_000;
    source.run(20_000, 0);
    let text = source.text("video.m3u8");
    assert!(extinf(&text).iter().all(|&duration| duration <= 2.31), "{text}");
    assert_eq!(source.muxer.stats().forced_cuts, 6);
    assert_eq!(count(&text, "#EXT-X-INDEPENDENT-SEGMENTS"), 0, "E2-04");
}

#[test]
fn e2_05_a_scene_cut_makes_no_short_segment_and_no_forced_cut() {
    let mut source = Source::new(60).both();
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
    let durations = extinf(&source.text("video.m3u8"));
    assert_eq!(durations.get(..4).unwrap(), [2.0, 2.0, 1.5, 2.0]);
    assert_eq!(source.muxer.stats().forced_cuts, 0);
}

#[test]
fn e1_05_e1_08_the_window_slides_at_the_front_and_keeps_what_it_dropped() {
    let mut source =
        Source::with(MuxerConfig { window: Duration::from_secs(6), ..MuxerConfig::default() }, 60)
            .both();
    source.run(21_000, 0);
    let text = source.text("video.m3u8");
    assert!(
        text.contains("#EXT-X-MEDIA-SEQUENCE:7\n") && text.contains("\nvideo_7.m4s\n"),
        "{text}"
    );
    assert_eq!(extinf(&text).len(), 3);
    assert!(
        source.muxer.file("video_3.m4s").is_some() && source.muxer.file("video_2.m4s").is_none()
    );
    assert!(source.muxer.file("video_init_0.mp4").is_some());
    let held = source.muxer.held_bytes();
    source.run(101_000, 0);
    assert!(source.muxer.held_bytes() < held + 3000, "memory stays flat");
}

#[test]
fn e1_07_b4_08_a_new_configuration_changes_the_map_and_marks_every_rendition() {
    let mut source =
        Source::with(MuxerConfig { window: Duration::from_secs(6), ..MuxerConfig::default() }, 60)
            .both();
    source.run(4500, 0);
    source.muxer.handle_track(avc(1280, 720)).unwrap();
    // Frames of the old configuration before the next key frame belong to it (B4-09).
    source.run(9000, 0);
    let (video, audio) = (source.text("video.m3u8"), source.text("audio.m3u8"));
    let change = "#EXTINF:2.000000,\nvideo_2.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"video_init_1.mp4\"\n";
    assert!(video.contains(change), "{video}");
    assert!(audio.contains("audio_2.m4s\n#EXT-X-DISCONTINUITY\n#EXTINF"), "{audio}");
    assert_eq!(count(&audio, "#EXT-X-MAP"), 1);
    assert!(source.text("index.m3u8").contains("RESOLUTION=1280x720"));
    // The old init segment is there while a segment needs it.
    assert!(source.muxer.file("video_init_0.mp4").is_some());
    source.run(30_000, 0);
    assert!(source.muxer.file("video_init_0.mp4").is_none());
    for name in ["video.m3u8", "audio.m3u8"] {
        let text = source.text(name);
        assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), "{text}");
        assert_eq!(count(&text, "#EXT-X-DISCONTINUITY\n"), 0);
    }
    assert_eq!(source.muxer.stats(), Stats { discontinuities: 1, ..Stats::default() });
}

#[test]
fn b4_06_the_same_configuration_again_changes_nothing() {
    let mut source = Source::new(60).both();
    for second in 1..9 {
        source.muxer.handle_track(avc(640, 360)).unwrap();
        source.muxer.handle_track(aac(48_000)).unwrap();
        source.run(second * 1000, 0);
    }
    assert_eq!(source.muxer.stats(), Stats::default());
    assert_eq!(count(&source.text("video.m3u8"), "#EXT-X-DISCONTINUITY\n"), 0);
}

#[test]
fn b4_08_a_change_of_sound_waits_for_the_next_key_frame() {
    let mut source = Source::new(60).both();
    source.run(4500, 0);
    source.muxer.handle_track(aac(44_100)).unwrap();
    source.run(12_000, 0);
    let (video, audio) = (source.text("video.m3u8"), source.text("audio.m3u8"));
    for text in [&video, &audio] {
        assert_eq!(count(text, "#EXT-X-DISCONTINUITY"), 2, "{text}");
    }
    assert!(
        audio.contains("audio_2.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"audio_init_1.mp4\"\n"),
        "{audio}"
    );
    assert!(video.contains("video_2.m4s\n#EXT-X-DISCONTINUITY\n#EXTINF"), "{video}");
}

#[test]
fn e1_06_e1_10_a_second_publisher_goes_on_with_the_numbers_behind_a_discontinuity() {
    let mut source =
        Source::with(MuxerConfig { window: Duration::from_secs(60), ..MuxerConfig::default() }, 60)
            .both();
    source.wall = Some(1_700_000_000_000_000);
    source.run(5000, 100_000);
    source.muxer.finish().unwrap();
    let text = source.text("video.m3u8");
    assert!(text.ends_with("video_2.m4s\n#EXT-X-ENDLIST\n"), "{text}");
    assert_eq!(source.muxer.file("video.m3u8").unwrap().cache, Cache::Ended);
    source.frame(0);
    assert_eq!(source.muxer.stats().dropped_units, 1, "after the end");

    source.muxer.resume().unwrap();
    (source.video, source.audio) = (0, 0);
    let mut source = source.both();
    source.run(5000, 0);
    for name in ["video", "audio"] {
        let text = source.text(&format!("{name}.m3u8"));
        assert!(
            text.contains(&format!("{name}_2.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME")),
            "{text}"
        );
        assert!(!text.contains("ENDLIST"));
        assert_eq!(count(&text, "#EXT-X-MAP"), 1, "E2-10");
        assert_eq!(extinf(&text).len(), 5);
    }
}

#[test]
fn e1_15_the_date_comes_from_the_first_unit_of_the_epoch() {
    let mut source = Source::new(60).both();
    source.wall = Some(1_700_000_000_000_000);
    source.run(7000, 0);
    let text = source.text("video.m3u8");
    // The first key frame is presented at 67 ms.
    assert!(
        text.contains(
            "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.067Z\n#EXTINF:2.000000,\nvideo_0.m4s"
        ),
        "{text}"
    );
    assert!(
        text.contains(
            "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:24.067Z\n#EXTINF:2.000000,\nvideo_2.m4s"
        ),
        "{text}"
    );
    assert!(source.text("audio.m3u8").contains("2023-11-14T22:13:20.000Z"));
}

#[test]
fn b4_20_e2_06_sound_alone_is_cut_by_time() {
    let mut source = Source::new(60);
    source.muxer.handle_track(aac(48_000)).unwrap();
    (0..400).for_each(|_| source.sound(0));
    let text = source.text("audio.m3u8");
    assert!(extinf(&text).iter().all(|&duration| (duration - 2.0).abs() < 0.06), "{text}");
    let index = source.text("index.m3u8");
    assert!(
        index.contains("CODECS=\"mp4a.40.2\",CLOSED-CAPTIONS=NONE\naudio.m3u8\n")
            && !index.contains("RESOLUTION"),
        "{index}"
    );
}

#[test]
fn b4_20_video_alone_needs_no_sound() {
    let mut source = Source::new(60);
    source.muxer.handle_track(avc(640, 360)).unwrap();
    (0..200).for_each(|_| source.frame(0));
    assert_eq!(extinf(&source.text("video.m3u8")), [2.0, 2.0, 2.0]);
    assert!(!source.text("index.m3u8").contains("AUDIO"));
}

#[test]
fn e2_06_video_that_comes_late_leads_from_a_new_epoch_on() {
    let mut source = Source::new(60);
    source.muxer.handle_track(aac(48_000)).unwrap();
    (0..300).for_each(|_| source.sound(0));
    source.muxer.handle_track(avc(640, 360)).unwrap();
    source.video = 210;
    source.gop = 30;
    source.run(16_000, 0);
    let (video, audio) = (source.text("video.m3u8"), source.text("audio.m3u8"));
    let first = video.lines().find(|line| line.ends_with(".m4s")).unwrap();
    let after = audio.split("#EXT-X-DISCONTINUITY\n").nth(1).unwrap();
    assert!(after.contains(&first.replace("video", "audio")), "{video}{audio}");
    assert!(video.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), "{video}");
    assert_eq!(extinf(&video).len() + 4, extinf(&audio).len(), "{video}{audio}");
}

#[test]
fn b3_09_sound_that_comes_late_joins_with_the_same_numbers() {
    let mut source = Source::new(60);
    source.muxer.handle_track(avc(640, 360)).unwrap();
    (0..200).for_each(|_| source.frame(0));
    source.muxer.handle_track(aac(48_000)).unwrap();
    source.audio = 320;
    source.run(14_000, 0);
    let (video, audio) = (source.text("video.m3u8"), source.text("audio.m3u8"));
    assert!(audio.contains("#EXT-X-MEDIA-SEQUENCE:3\n"), "{audio}");
    assert!(video.contains("video_6.m4s") == audio.contains("audio_6.m4s"), "{video}{audio}");
    assert!(source.text("index.m3u8").contains("mp4a.40.2"));
}

#[test]
fn e1_17_a_stalled_track_gets_gaps_so_that_the_numbers_go_together() {
    let mut source =
        Source::with(MuxerConfig { window: Duration::from_secs(60), ..MuxerConfig::default() }, 60)
            .both();
    source.run(5000, 0);
    // Video stops for 12 seconds, sound goes on; then both.
    while source.audio * 1024 / 48 < 17_000 {
        source.sound(0);
    }
    source.video = 510;
    source.gop = 510;
    source.frame(0);
    source.gop = 60;
    source.run(24_000, 0);
    let (video, audio) = (source.text("video.m3u8"), source.text("audio.m3u8"));
    assert!(count(&video, "#EXT-X-GAP") >= 3, "{video}");
    assert_eq!(count(&audio, "#EXT-X-GAP"), 0, "{audio}");
    for text in [&video, &audio] {
        assert!(extinf(text).iter().all(|duration| duration.round() <= 2.0), "{text}");
    }
    let last = |text: &str| text.lines().last().unwrap().split('_').nth(1).unwrap().to_string();
    assert_eq!(last(&video), last(&audio));
    let sound = source.sent.iter().filter(|unit| unit.track == TrackId::AUDIO).count();
    assert!(
        sound - source.payload("audio.m3u8").len() < 200,
        "nothing lost but what is not yet cut"
    );
    // And the other way round: sound stops.
    let audio_before = extinf(&audio).len();
    for _ in 0..300 {
        source.frame(0);
    }
    assert!(extinf(&source.text("audio.m3u8")).len() >= audio_before + 4);
    assert!(count(&source.text("audio.m3u8"), "#EXT-X-GAP") >= 2);
}

#[test]
fn e1_02_sound_that_outlives_the_video_ends_in_segments_no_longer_than_promised() {
    let config = MuxerConfig { window: Duration::from_secs(60), ..MuxerConfig::default() };
    let mut source = Source::with(config, 60).both();
    source.run(5000, 0);
    // Too short for a stall, too long for one segment.
    while source.audio * 1024 / 48 < 7400 {
        source.sound(0);
    }
    source.muxer.finish().unwrap();
    for name in ["video.m3u8", "audio.m3u8"] {
        let text = source.text(name);
        assert!(extinf(&text).iter().all(|duration| duration.round() <= 2.0), "{text}");
    }
    let sound = source.sent.iter().filter(|unit| unit.track == TrackId::AUDIO).count();
    assert_eq!(source.payload("audio.m3u8").len(), sound);
}

#[test]
fn f_30_a_jump_of_hours_makes_no_row_of_segments() {
    let mut source = Source::with(
        MuxerConfig { window: Duration::from_secs(600), ..MuxerConfig::default() },
        60,
    )
    .both();
    source.run(5000, 0);
    source.run(8000, 40 * 3_600_000);
    source.audio += 48 * 3600 * 3;
    source.sound(40 * 3_600_000);
    source.run(12_000, 40 * 3_600_000);
    source.run(14_000, 0);
    source.muxer.finish().unwrap();
    for name in ["video.m3u8", "audio.m3u8"] {
        let text = source.text(name);
        assert!(extinf(&text).len() < 16, "{text}");
    }
}

#[test]
fn b3_07_all_times_jump_back_behind_a_discontinuity() {
    let mut source = Source::new(60).both();
    source.run(5000, 3_600_000);
    source.muxer.handle_discontinuity().unwrap();
    (source.video, source.audio) = (0, 0);
    source.run(5000, 0);
    let (video, audio) = (source.text("video.m3u8"), source.text("audio.m3u8"));
    for text in [&video, &audio] {
        assert_eq!(count(text, "#EXT-X-DISCONTINUITY"), 2, "{text}");
    }
    assert_eq!(source.muxer.stats(), Stats { discontinuities: 1, ..Stats::default() });
}

#[test]
fn pictures_without_a_key_frame_fill_no_memory() {
    let mut source = Source::new(i64::MAX);
    source.muxer.handle_track(avc(640, 360)).unwrap();
    // The first of all would be a key frame.
    source.video = 1;
    (0..1000).for_each(|_| source.frame(0));
    assert_eq!(source.muxer.stats().dropped_units, 1000);
    assert!(source.muxer.held.as_ref().is_some_and(|held| held.units.is_empty()));
    assert!(!source.muxer.is_ready());
}

#[test]
fn b3_08_sound_before_the_first_key_frame_is_kept_and_video_is_not() {
    let mut source = Source::new(60).both();
    source.video = 45;
    source.audio = 70;
    source.run(9000, 0);
    let dropped = source.muxer.stats().dropped_units;
    assert_eq!(dropped, 15);
    assert_eq!(source.payload("video.m3u8").first().unwrap(), "video 60");
    assert_eq!(source.payload("audio.m3u8").first().unwrap(), "audio 70");
}

#[test]
fn e2_09_a_stream_shorter_than_a_segment_is_listed_at_its_end() {
    let mut source = Source::new(60).both();
    source.run(700, 0);
    source.muxer.finish().unwrap();
    assert_eq!(
        extinf(&source.text("video.m3u8")),
        [0.699],
        "the last frame lasts as long as the one before"
    );
    assert!(source.muxer.is_ready());
    let mut empty = Source::new(60).both();
    empty.muxer.finish().unwrap();
    assert!(empty.muxer.file("index.m3u8").is_none() && empty.muxer.file("video.m3u8").is_none());
}

#[test]
fn e2_03_a_segment_is_cut_at_its_limit_of_bytes() {
    let limits = Limits { segment_bytes: 10_000, ..Limits::default() };
    let mut muxer = Muxer::new(MuxerConfig::default(), &limits);
    muxer.handle_track(avc(640, 360)).unwrap();
    let data = Bytes::from(vec![0; 1000]);
    for index in 0..100 {
        muxer
            .handle_unit(unit(TrackId::VIDEO, index * 33, 0, index % 60 == 0, data.clone()), None)
            .unwrap();
    }
    let longest = (0..)
        .map_while(|number| muxer.file(&format!("video_{number}.m4s")))
        .map(|file| file.body.len());
    assert!(longest.max().unwrap() < 12_000);
    assert!(muxer.stats().forced_cuts > 5);
}

#[test]
fn memory_is_bounded_by_bytes_too() {
    let config = MuxerConfig { max_bytes: 1 << 20, ..MuxerConfig::default() };
    let mut muxer = Muxer::new(config, &Limits::default());
    muxer.handle_track(avc(640, 360)).unwrap();
    let data = Bytes::from(vec![0; 4000]);
    for index in 0..3000 {
        muxer
            .handle_unit(unit(TrackId::VIDEO, index * 33, 0, index % 60 == 0, data.clone()), None)
            .unwrap();
        assert!(muxer.held_bytes() < (1 << 20) + (300 << 10));
    }
    let text = muxer.file("video.m3u8").unwrap().body.to_bytes();
    assert!(count(std::str::from_utf8(&text).unwrap(), "#EXTINF") >= 3);
}
