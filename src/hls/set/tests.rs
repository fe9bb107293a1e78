//! Ladders of renditions: of one encoder, of several, and of publishers who come and go.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::hls::{Answer, DashConfig};
use crate::media::MediaKind;
use crate::mp4::test_tracks::{aac, avc, unit};

const WALL: i64 = 1_700_000_000_000_000;
const SIZES: [(u32, u32); 3] = [(1920, 1080), (1280, 720), (640, 360)];

/// How a source sends: all times in milliseconds.
#[derive(Clone, Copy)]
struct Sends {
    /// Its clock at the zero of the test.
    clock: i64,
    /// How late its units come.
    delay: i64,
    /// Its first key frame, on the test's time.
    phase: i64,
    gop: i64,
    /// From decoding to presentation.
    reorder: i64,
    video: bool,
    sound: bool,
}

const PLAIN: Sends =
    Sends { clock: 0, delay: 0, phase: 0, gop: 2000, reorder: 80, video: true, sound: true };

struct Ladder {
    set: VariantSet,
    sends: Vec<Sends>,
}

fn config(parts: bool) -> MuxerConfig {
    MuxerConfig {
        part_duration: parts.then_some(Duration::from_millis(200)),
        dash: Some(DashConfig::default()),
        window: Duration::from_secs(60),
        ..MuxerConfig::default()
    }
}

impl Ladder {
    fn new(config: MuxerConfig, sends: &[Sends]) -> Self {
        let set = VariantSet::new(3, config, &Limits::default());
        Self { set, sends: sends.to_vec() }
    }

    fn join(&mut self, source: u8) {
        self.set.join(source).unwrap();
        let (width, height) = SIZES[usize::from(source)];
        let sends = self.sends[usize::from(source)];
        if sends.video {
            self.set.handle_track(source, avc(width, height)).unwrap();
        }
        if sends.sound {
            self.set.handle_track(source, aac(48_000)).unwrap();
        }
    }

    /// Sends 25 pictures and as many sounds a second of the given sources, in the order in which they come.
    fn run(&mut self, sources: &[u8], from: i64, to: i64) {
        self.run_and_look(sources, from, to, |_| {});
    }

    /// The same; `look` sees what has become of each unit.
    fn run_and_look(&mut self, sources: &[u8], from: i64, to: i64, look: impl FnMut(&Muxer)) {
        let sources: Vec<(u8, i64)> = sources.iter().map(|&source| (source, from)).collect();
        self.run_each(&sources, to, look);
    }

    /// The same of sources that each begin at a time of their own.
    fn run_each(&mut self, sources: &[(u8, i64)], to: i64, mut look: impl FnMut(&Muxer)) {
        let mut units = Vec::new();
        for &(source, from) in sources {
            let sends = self.sends[usize::from(source)];
            for time in (from..to).step_by(40) {
                let since = time - sends.phase;
                let at = time + sends.clock;
                if sends.video && since >= 0 {
                    let data = Bytes::from(format!("video {source} {time}"));
                    let key = since % sends.gop == 0;
                    let pts = at + sends.reorder;
                    let made = unit(TrackId::VIDEO, pts - sends.reorder, sends.reorder, key, data);
                    units.push((time + sends.delay, source, made));
                }
            }
            for frame in (from * 48 / 1024 + 1)..(to * 48 / 1024) {
                if sends.sound {
                    let time = frame * 1024 / 48;
                    let data = Bytes::from(format!("audio {source}"));
                    let made = unit(TrackId::AUDIO, time + sends.clock, 0, true, data);
                    units.push((time + sends.delay, source, made));
                }
            }
        }
        units.sort_by_key(|(come, source, _)| (*come, *source));
        for (come, source, unit) in units {
            self.set.handle_unit(source, unit, Some(WALL + come * 1000)).unwrap();
            look(self.set.muxer());
        }
    }

    fn text(&self, name: &str) -> String {
        let file = self.set.muxer().file(name).unwrap_or_else(|| panic!("no {name}"));
        String::from_utf8(file.body.to_bytes().to_vec()).unwrap()
    }

    /// Number, microseconds and first presentation time, in microseconds, of what is listed; gaps have no time.
    fn segments(&self, name: &str) -> Vec<(u64, u64, Option<i64>)> {
        let muxer = self.set.muxer();
        let presentation = muxer.presentation();
        let view = presentation.renditions().find(|one| one.id().to_string() == name).unwrap();
        let micros = |ticks: i64, timescale| rescale(ticks, timescale, MICROS);
        view.segments()
            .filter(|one| one.is_whole())
            .map(|one| {
                let length = micros(i64::try_from(one.duration()).unwrap(), one.timescale());
                let at = micros(one.presentation_start(), one.timescale());
                (one.number(), length.unsigned_abs(), (!one.is_gap()).then_some(at))
            })
            .collect()
    }

    /// Every whole segment begins with a key frame, is no longer than promised, and the same number is about the same time.
    fn is_switchable(&self, names: [&str; 2], apart: i64) {
        let target = self.set.muxer().target_duration().unwrap().as_micros();
        let [first, second] = names.map(|name| self.segments(name));
        assert!(first.len() > 5 && first.len().abs_diff(second.len()) <= 1, "{first:?} {second:?}");
        for (one, other) in first.iter().zip(&second).skip(1) {
            assert_eq!(one.0, other.0);
            let (a, b) = (one.2.unwrap(), other.2.unwrap());
            assert!(a.abs_diff(b) <= apart.unsigned_abs(), "{one:?} {other:?}");
            assert!(u128::from(other.1) < target + 500_000, "{other:?}");
        }
        for name in names {
            // The first of one that joins is cut where the others are, as far as it has come.
            for (number, ..) in self.segments(name).into_iter().skip(2) {
                let body = self.set.muxer().file(&format!("{name}_{number}.m4s")).unwrap().body;
                let first = body.iter().find(|part| part.starts_with(b"video")).unwrap();
                let text = std::str::from_utf8(first).unwrap();
                let fields: Vec<i64> =
                    text.split(' ').skip(1).map(|field| field.parse().unwrap()).collect();
                let sends = self.sends[usize::try_from(fields[0]).unwrap()];
                assert_eq!((fields[1] - sends.phase) % sends.gop, 0, "{name} {number}: {text}");
            }
        }
        assert_eq!(self.set.muxer().stats().dropped_units, 0);
    }
}

#[test]
fn e2_08_variants_of_one_encoder_become_one_playlist_and_one_mpd() {
    for parts in [false, true] {
        // Presets differ in delay and in B-frames; the last of them connects first.
        let sends = [Sends { delay: 700, ..PLAIN }, PLAIN, Sends { reorder: 0, ..PLAIN }];
        // Key frames are presented together.
        let sends = sends.map(|one| Sends { clock: 80 - one.reorder, ..one });
        let mut ladder = Ladder::new(config(parts), &sends);
        [2, 0, 1].into_iter().for_each(|source| ladder.join(source));
        ladder.run(&[0, 1, 2], 0, 15_000);
        let index = ladder.text("index.m3u8");
        let names: Vec<&str> = index.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(names, ["video.m3u8", "video1.m3u8", "video2.m3u8"], "{index}");
        for (group, size) in [("audio", "1920x1080"), ("audio1", "1280x720"), ("audio2", "640x360")]
        {
            assert!(index.contains(&format!("GROUP-ID=\"{group}\",NAME=\"{group}\"")), "{index}");
            let line = index.lines().find(|line| line.contains(size)).unwrap();
            assert!(line.ends_with(&format!("AUDIO=\"{group}\",CLOSED-CAPTIONS=NONE")), "{index}");
        }
        ladder.is_switchable(["video2", "video"], 0);
        ladder.is_switchable(["video2", "video1"], 0);
        let mpd = ladder.text("index.mpd");
        assert_eq!(mpd.matches("<AdaptationSet").count(), 2, "{mpd}");
        assert_eq!(mpd.matches("<Representation").count(), 6, "{mpd}");
        assert_eq!(mpd.matches("<Period").count(), 1, "{mpd}");
        let video = mpd.split_once("contentType=\"video\"").unwrap().1;
        assert!(video.split_once('>').unwrap().0.contains("segmentAlignment=\"true\""), "{mpd}");
    }
}

#[test]
fn e2_08_other_encoders_are_cut_at_their_nearest_key_frame() {
    for parts in [false, true] {
        for phase in [280, 760, 960, 1040, 1480, 1720] {
            let sends = [PLAIN, Sends { phase, ..PLAIN }];
            let mut ladder = Ladder::new(config(parts), &sends);
            [0, 1].into_iter().for_each(|source| ladder.join(source));
            ladder.run(&[0, 1], 0, 20_000);
            ladder.is_switchable(["video", "video1"], 1_000_000);
            let mpd = ladder.text("index.mpd");
            let video = mpd.split_once("contentType=\"video\"").unwrap().1;
            let aligned = video.split_once('>').unwrap().0;
            assert!(aligned.contains("segmentAlignment=\"false\""), "{phase}: {mpd}");
        }
    }
}

#[test]
fn e2_08_where_no_key_frame_is_near_the_promise_is_kept_all_the_same() {
    for parts in [false, true] {
        let sends = [PLAIN, Sends { gop: 8000, ..PLAIN }];
        let mut ladder = Ladder::new(config(parts), &sends);
        [0, 1].into_iter().for_each(|source| ladder.join(source));
        ladder.run(&[0, 1], 0, 21_000);
        let (first, second) = (ladder.segments("video"), ladder.segments("video1"));
        assert_eq!(first[..8], second[..8], "the cuts are the same");
    }
}

#[test]
fn e2_08_a_clock_of_its_own_is_placed_when_it_came() {
    let sends = [PLAIN, Sends { clock: 7_000_000, ..PLAIN }];
    let mut ladder = Ladder::new(config(true), &sends);
    ladder.join(0);
    ladder.run(&[0], 0, 1000);
    ladder.join(1);
    ladder.run(&[0, 1], 1000, 16_000);
    let index = ladder.text("index.m3u8");
    assert_eq!(index.matches("STREAM-INF").count(), 2, "{index}");
    let (first, second) = (ladder.segments("video"), ladder.segments("video1"));
    let at = |list: &[(u64, u64, Option<i64>)], number| {
        list.iter().find(|one| one.0 == number).unwrap().2.unwrap()
    };
    let number = first.last().unwrap().0 - 2;
    assert_eq!(first[1].0, second[0].0, "it begins with a segment of the others");
    assert!(at(&first, number).abs_diff(at(&second, number)) <= 40_000, "{first:?} {second:?}");
    assert!(!ladder.text("video1.m3u8").contains("EXT-X-GAP"));
}

#[test]
fn e2_08_parts_of_a_variant_that_lags_come_one_by_one() {
    // Also where it is behind by more than a segment, and where its key frames are elsewhere.
    // Between the cut and the key frame that it falls on, nothing is known.
    for (delay, phase, most) in [(1500, 0, 2), (2500, 0, 2), (2500, 400, 4)] {
        let mut ladder = Ladder::new(config(true), &[PLAIN, Sends { delay, phase, ..PLAIN }]);
        ladder.join(0);
        ladder.join(1);
        let mut seen = [0, 0];
        ladder.run_and_look(&[0, 1], 0, 16_000, |muxer| {
            let presentation = muxer.presentation();
            for view in presentation.renditions().filter(|one| one.id().index == 1) {
                let parts: usize = view.segments().map(|one| one.parts().len()).sum();
                let before = std::mem::replace(
                    &mut seen[usize::from(view.id().kind == MediaKind::Video)],
                    parts,
                );
                // It begins with those that came while nothing was known of it. A segment may end with a short part behind an even one.
                assert!(
                    before < 12 || parts - before <= most,
                    "{} {delay} {phase}: {parts}",
                    view.id()
                );
            }
        });
        assert!(seen.iter().all(|&parts| parts > 50), "{seen:?}");
    }
}

#[test]
fn e2_08_who_leaves_is_gaps_and_goes_on_when_back() {
    for lead in [0, 1_u8] {
        let sends = [PLAIN, PLAIN];
        let mut ladder = Ladder::new(config(true), &sends);
        [0, 1].into_iter().for_each(|source| ladder.join(source));
        ladder.run(&[0, 1], 0, 7000);
        ladder.set.leave(lead).unwrap();
        let stays = 1 - lead;
        ladder.run(&[stays], 7000, 13_000);
        let names = ["video", "video1"];
        let (left, there) = (names[usize::from(lead)], names[usize::from(stays)]);
        let index = ladder.text("index.m3u8");
        let listed: Vec<&str> = index.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(listed, [format!("{there}.m3u8")], "{index}");
        assert!(ladder.text(&format!("{left}.m3u8")).contains("EXT-X-GAP"));
        // It starts anew, with a clock from zero.
        ladder.sends[usize::from(lead)].clock = -13_000;
        ladder.join(lead);
        ladder.run(&[0, 1], 13_000, 21_000);
        assert_eq!(ladder.text("index.m3u8").matches("STREAM-INF").count(), 2);
        let (one, other) = (ladder.segments(left), ladder.segments(there));
        assert_eq!(one.len(), other.len(), "{one:?} {other:?}");
        let last = one.len() - 1;
        assert_eq!(one[last], other[last]);
        assert!(!ladder.text(&format!("{there}.m3u8")).contains("EXT-X-DISCONTINUITY\n"));
        assert!(!ladder.text(&format!("{there}.m3u8")).contains("EXT-X-GAP"));
    }
}

#[test]
fn e2_08_who_left_before_the_end_is_offered_at_the_end() {
    for lead in [0, 1_u8] {
        let mut ladder = Ladder::new(config(true), &[PLAIN, PLAIN]);
        [0, 1].into_iter().for_each(|source| ladder.join(source));
        ladder.run(&[0, 1], 0, 9000);
        ladder.set.leave(lead).unwrap();
        ladder.run(&[1 - lead], 9000, 11_000);
        ladder.set.leave(1 - lead).unwrap();
        ladder.set.finish().unwrap();
        let index = ladder.text("index.m3u8");
        let names: Vec<&str> = index.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(names, ["video.m3u8", "video1.m3u8"], "{index}");
        for name in names {
            assert!(ladder.text(name).ends_with("#EXT-X-ENDLIST\n"), "{name}");
        }
    }
}

#[test]
fn e2_08_sound_alone_is_a_variant_where_it_is_wanted() {
    let sends = [PLAIN, Sends { video: false, ..PLAIN }];
    let mut ladder = Ladder::new(config(false), &sends);
    [0, 1].into_iter().for_each(|source| ladder.join(source));
    ladder.run(&[0, 1], 0, 9000);
    let index = ladder.text("index.m3u8");
    let names: Vec<&str> = index.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(names, ["video.m3u8", "audio1.m3u8"], "{index}");
    let alone = index.lines().rev().nth(1).unwrap();
    assert!(alone.contains("CODECS=\"mp4a.40.2\"") && !alone.contains("AUDIO="), "{alone}");
    assert!(!alone.contains("RESOLUTION"), "E1-21: {alone}");

    let config = MuxerConfig { audio_variant: true, ..config(false) };
    let mut ladder = Ladder::new(config, &[PLAIN]);
    ladder.join(0);
    ladder.run(&[0], 0, 9000);
    let index = ladder.text("index.m3u8");
    let names: Vec<&str> = index.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(names, ["video.m3u8", "audio.m3u8"], "{index}");
}

#[test]
fn e1_06_e1_07_numbers_begin_where_they_are_told_to() {
    let config = MuxerConfig { first_sequence: 7000, first_discontinuity: 70, ..config(true) };
    let mut ladder = Ladder::new(config, &[PLAIN, PLAIN]);
    ladder.join(0);
    ladder.run(&[0], 0, 1000);
    ladder.join(1);
    ladder.run(&[0, 1], 1000, 7000);
    for (name, first) in [("video.m3u8", 7000), ("video1.m3u8", 7001)] {
        let text = ladder.text(name);
        let number = format!("#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:70\n");
        assert!(text.contains(&number), "{text}");
    }
}

#[test]
fn e1_14_a_variant_that_is_late_after_a_restart_is_waited_for_and_then_there_is_none() {
    let config = MuxerConfig { goes_on: true, first_sequence: 20, ..config(true) };
    let mut ladder = Ladder::new(config, &[PLAIN; 3]);
    let asked = |ladder: &Ladder, name: &str| ladder.set.muxer().request(name, None);
    let waits = |ladder: &Ladder, name: &str| matches!(asked(ladder, name), Answer::Wait(_));
    assert!(waits(&ladder, "video1.m3u8") && waits(&ladder, "video.m3u8"));
    ladder.join(0);
    ladder.run(&[0], 0, 5000);
    // One is there and played, and who was on another is held until that one is back.
    assert!(matches!(asked(&ladder, "video.m3u8"), Answer::Ready(_)));
    assert!(waits(&ladder, "video1.m3u8") && waits(&ladder, "audio2.m3u8"));
    assert!(matches!(asked(&ladder, "other.m3u8"), Answer::NotFound));
    ladder.join(1);
    ladder.run(&[0, 1], 5000, 11_000);
    // A player of it knows the epoch of the first gap, and the discontinuity behind it tells how the times go on.
    let [first, second] = ["video.m3u8", "video1.m3u8"].map(|name| ladder.text(name));
    let begins = "#EXT-X-MEDIA-SEQUENCE:20\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n";
    assert!(first.contains(begins) && second.contains(begins), "{first} {second}");
    assert_eq!([&first, &second].map(|text| text.matches("#EXT-X-GAP\n").count()), [1, 4]);
    let numbers = ["video", "video1"].map(|name| ladder.segments(name));
    let length =
        |list: &[(u64, u64, Option<i64>)]| list.iter().map(|one| one.1).collect::<Vec<_>>();
    assert_eq!(length(&numbers[0])[..3], length(&numbers[1])[..3], "{numbers:?}");
    for text in [first, second] {
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("#EXT-X-P")).collect();
        let gap = lines.iter().position(|line| *line == "#EXT-X-GAP").unwrap();
        assert_eq!(lines[gap + 3], "#EXT-X-DISCONTINUITY", "{text}");
        assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{text}");
    }
    // Who does not come back is not waited for for ever: players go to another.
    assert!(matches!(asked(&ladder, "video2.m3u8"), Answer::NotFound));
    // Without an earlier muxer there is nothing to come back.
    let mut first = Ladder::new(self::config(true), &[PLAIN; 3]);
    first.join(0);
    first.run(&[0], 0, 5000);
    assert!(matches!(asked(&first, "video1.m3u8"), Answer::NotFound));
}

#[test]
fn e2_08_who_joins_late_and_lags_has_the_numbers_of_its_times_and_disturbs_nobody() {
    let variants = [(false, false), (true, false), (true, true)];
    let cases = variants.iter().flat_map(|&set| [1500, 2600].map(|delay| (set, delay)));
    for (late, ((parts, goes_on), delay)) in cases.flat_map(|case| [(0, case), (1, case)]) {
        let config = MuxerConfig { goes_on, first_sequence: 20, ..config(parts) };
        let mut ladder = Ladder::new(config, &[PLAIN; 2]);
        let early = 1 - late;
        ladder.sends[usize::from(late)].delay = delay;
        ladder.join(early);
        ladder.run(&[early], 0, 1200);
        ladder.join(late);
        // What it sends is of the same times as the other's, and comes when those are over.
        ladder.run_each(&[(early, 1200), (late, 0)], 14_000, |_| {});
        for names in [["video", "video1"], ["audio", "audio1"]] {
            let there = |source: u8| {
                let all = ladder.segments(names[usize::from(source)]);
                all.into_iter().filter(|one| one.2.is_some()).collect::<Vec<_>>()
            };
            let (first, second) = (there(early), there(late));
            assert!(second.len() >= 4, "{second:?}");
            assert_eq!(first[..second.len()], second[..]);
            let even = |one: &(u64, u64, Option<i64>)| one.1.abs_diff(2_000_000) < 80_000;
            assert!(first.iter().all(even), "{first:?}");
        }
        assert_eq!(ladder.set.muxer().stats().dropped_units, 0);
    }
}

#[test]
fn e2_08_all_publishers_may_go_and_come_back() {
    let mut ladder = Ladder::new(config(false), &[PLAIN, PLAIN]);
    [0, 1].into_iter().for_each(|source| ladder.join(source));
    ladder.run(&[0, 1], 0, 7000);
    [0, 1].into_iter().for_each(|source| ladder.set.leave(source).unwrap());
    [1, 0].into_iter().for_each(|source| ladder.join(source));
    ladder.run(&[0, 1], 0, 9000);
    for name in ["video.m3u8", "video1.m3u8", "audio.m3u8", "audio1.m3u8"] {
        let text = ladder.text(name);
        assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{text}");
    }
    ladder.set.finish().unwrap();
    assert!(ladder.text("video1.m3u8").ends_with("#EXT-X-ENDLIST\n"));
    assert!(ladder.set.join(9).is_err());
}

#[test]
fn e2_08_who_comes_back_after_the_others_in_another_configuration_has_no_gap() {
    for late in [0, 1] {
        let mut ladder = Ladder::new(config(true), &[PLAIN; 2]);
        [0, 1].iter().for_each(|&source| ladder.join(source));
        ladder.run(&[0, 1], 0, 8000);
        [0, 1].iter().for_each(|&source| ladder.set.leave(source).unwrap());
        // Both come back with larger pictures, one of them when the other has sent its first already.
        let back = |ladder: &mut Ladder, source: u8| {
            ladder.set.join(source).unwrap();
            ladder.set.handle_track(source, avc(1280, 960)).unwrap();
            ladder.set.handle_track(source, aac(48_000)).unwrap();
        };
        let early = 1 - late;
        back(&mut ladder, early);
        ladder.run(&[early], 10_000, 10_200);
        let playlist = ladder.text(["video.m3u8", "video1.m3u8"][usize::from(late)]);
        assert!(!playlist.contains("PRELOAD-HINT"), "of which map? {playlist}");
        back(&mut ladder, late);
        ladder.sends[usize::from(late)].phase = 10_200;
        ladder.run(&[0, 1], 10_200, 20_000);
        let [first, second] = ["video", "video1"].map(|name| ladder.segments(name));
        assert!(first.iter().chain(&second).all(|(.., at)| at.is_some()), "{first:?} {second:?}");
        assert_eq!(ladder.set.muxer().stats().dropped_units, 0);
        let again = ["video.m3u8", "video1.m3u8"].map(|name| {
            let text = ladder.text(name);
            assert_eq!(text.matches("EXT-X-MAP").count(), 2, "{text}");
            text.matches("#EXT-X-DISCONTINUITY\n").count()
        });
        assert_eq!(again, [1, 1]);
        let mpd = ladder.text("index.mpd");
        let last = mpd.rsplit("<Period ").next().unwrap();
        assert!(
            last.starts_with("id=\"4\"") && last.matches("<Representation ").count() == 4,
            "{mpd}"
        );
    }
}

#[test]
fn e2_08_video_tracks_of_one_publisher_are_variants_with_the_same_sound() {
    let mut muxer = Muxer::new(config(true), &Limits::default());
    let second = TrackId { index: 1, ..TrackId::VIDEO };
    muxer.handle_track(Track { id: second, ..avc(640, 360) }).unwrap();
    muxer.handle_track(avc(1280, 720)).unwrap();
    muxer.handle_track(aac(48_000)).unwrap();
    for n in 0..400_i64 {
        let data = Bytes::from_static(b"unit");
        for id in [TrackId::VIDEO, second] {
            muxer.handle_unit(unit(id, n * 40, 0, n % 50 == 0, data.clone()), Some(WALL)).unwrap();
        }
        for frame in (n * 1920 / 1024)..((n + 1) * 1920 / 1024) {
            let sound = unit(TrackId::AUDIO, frame * 1024 / 48, 0, true, data.clone());
            muxer.handle_unit(sound, Some(WALL)).unwrap();
        }
    }
    let text =
        |name: &str| String::from_utf8(muxer.file(name).unwrap().body.to_bytes().to_vec()).unwrap();
    let index = text("index.m3u8");
    assert_eq!(index.matches("AUDIO=\"audio\",CLOSED-CAPTIONS=NONE\nvideo").count(), 2, "{index}");
    assert_eq!(index.matches("TYPE=AUDIO").count(), 1, "{index}");
    let (one, other) = (text("video.m3u8"), text("video1.m3u8"));
    let plain = |text: &str| -> Vec<String> {
        let kept = text.lines().filter(|line| !line.starts_with("#EXT-X-RENDITION-REPORT"));
        kept.map(|line| line.replace("video1_", "video_")).collect()
    };
    assert_eq!(plain(&one), plain(&other), "every line, every part, is the same");
}
