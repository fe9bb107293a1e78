//! Whatever comes in, the playlists keep their promises.

use std::collections::HashMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::hls::Answer;
use crate::media::TrackId;
use crate::mp4::test_tracks::{aac, avc, unit};

/// Another video track.
const VARIANT: TrackId = TrackId { index: 1, ..TrackId::VIDEO };

#[derive(Clone, Debug)]
enum Step {
    /// Plain units of both tracks for some frames.
    Plain {
        frames: u8,
        gop: u8,
    },
    Video {
        ahead: i32,
        offset: i16,
        key: bool,
    },
    /// Of another video track, where there is one.
    Variant {
        ahead: i32,
        offset: i16,
        key: bool,
    },
    Audio {
        ahead: i32,
    },
    Configure {
        track: u8,
    },
    Discontinuity,
    Resume,
    Finish,
}

fn step() -> impl Strategy<Value = Step> {
    let ahead = prop_oneof![8 => 0..200_i32, 1 => -5000..5000_i32, 1 => -100_000..100_000_i32, 1 => any::<i32>()];
    prop_oneof![
        8 => (0..120_u8, 1..90_u8).prop_map(|(frames, gop)| Step::Plain { frames, gop }),
        4 => (ahead.clone(), any::<i16>(), any::<bool>())
            .prop_map(|(ahead, offset, key)| Step::Video { ahead, offset, key }),
        2 => (ahead.clone(), any::<i16>(), any::<bool>())
            .prop_map(|(ahead, offset, key)| Step::Variant { ahead, offset, key }),
        4 => ahead.prop_map(|ahead| Step::Audio { ahead }),
        2 => (0..6_u8).prop_map(|track| Step::Configure { track }),
        1 => Just(Step::Discontinuity),
        1 => Just(Step::Resume),
        1 => Just(Step::Finish),
    ]
}

#[derive(Default)]
struct Wire {
    video: i64,
    audio: i64,
    frames: i64,
    variant: i64,
}

fn apply(muxer: &mut Muxer, wire: &mut Wire, step: &Step) {
    let data = Bytes::from_static(b"unit");
    let mut send = |id, millis, offset, key| {
        muxer.handle_unit(unit(id, millis, offset, key, data.clone()), Some(0)).unwrap()
    };
    match *step {
        Step::Plain { frames, gop } => {
            for _ in 0..frames {
                wire.video += 33;
                let key = wire.frames % i64::from(gop) == 0;
                send(TrackId::VIDEO, wire.video, 66, key);
                wire.variant += 33;
                send(VARIANT, wire.variant, 33, key);
                wire.frames += 1;
                // No more than two, wherever a jump took the other track.
                for _ in 0..2 {
                    if wire.audio < wire.video || wire.frames % 2 == 0 {
                        wire.audio += 21;
                        send(TrackId::AUDIO, wire.audio, 0, true);
                    }
                }
            }
        }
        Step::Video { ahead, offset, key } => {
            wire.video += i64::from(ahead);
            send(TrackId::VIDEO, wire.video, offset.into(), key);
        }
        Step::Variant { ahead, offset, key } => {
            wire.variant += i64::from(ahead);
            send(VARIANT, wire.variant, offset.into(), key);
        }
        Step::Audio { ahead } => {
            wire.audio += i64::from(ahead);
            send(TrackId::AUDIO, wire.audio, 0, true);
        }
        Step::Configure { track } => {
            let variant = |width, height| Track { id: VARIANT, ..avc(width, height) };
            let video = [avc(640, 360), avc(1280, 720), variant(320, 180), variant(160, 90)];
            let tracks = video.into_iter().chain([aac(48_000), aac(44_100)]);
            let tracks: Vec<Track> = tracks.collect();
            muxer.handle_track(tracks[usize::from(track)].clone()).unwrap();
        }
        Step::Discontinuity => muxer.handle_discontinuity().unwrap(),
        Step::Resume => muxer.resume().unwrap(),
        Step::Finish => muxer.finish().unwrap(),
    }
}

/// What all playlists ever said, by rendition and number: the segment's lines and its discontinuity number.
#[derive(Default)]
struct Said {
    segments: HashMap<(TrackId, u64), (String, u64)>,
    target: Option<u64>,
    sequences: HashMap<TrackId, (u64, u64)>,
    /// The line of every part, and the target of its rendition.
    parts: HashMap<String, String>,
    part_targets: HashMap<TrackId, f64>,
    /// Parts that were hinted at and have not come yet: the number of the segment and of the part.
    hints: HashMap<TrackId, (u64, usize)>,
    version: u64,
    texts: HashMap<TrackId, String>,
    /// The leading video has just jumped within a group of pictures.
    jumped: bool,
}

impl Said {
    fn expect(&mut self, step: &Step) {
        self.jumped = matches!(step, Step::Video { ahead, .. } if ahead.unsigned_abs() > 500);
    }

    fn check(&mut self, muxer: &Muxer) {
        for rendition in &muxer.renditions {
            let id = rendition.id();
            let Some(file) = muxer.file(&format!("{id}.m3u8")) else { continue };
            let text = String::from_utf8(file.body.to_bytes().to_vec()).unwrap();
            self.check_text(id, &text, muxer);
            self.check_parts(id, &text, muxer);
            let before = self.texts.insert(id, text.clone());
            assert!(before.as_ref() == Some(&text) || self.version != muxer.version(), "E3-20");
        }
        self.version = muxer.version();
    }

    fn check_parts(&mut self, id: TrackId, text: &str, muxer: &Muxer) {
        let field = |line: &str, start: &str| {
            let rest = line.split_once(start).unwrap_or_else(|| panic!("{line}")).1;
            rest.split([',', '"']).next().unwrap().to_string()
        };
        let Some(target) = text.lines().find(|line| line.starts_with("#EXT-X-PART-INF")) else {
            assert!(!text.contains("EXT-X-PART"), "{text}");
            return;
        };
        let target: f64 = field(target, "PART-TARGET=").parse().unwrap();
        assert_eq!(*self.part_targets.entry(id).or_insert(target), target, "E3-02");
        for line in text.lines() {
            if line.starts_with("#EXT-X-PART:") {
                let (name, duration) = (field(line, "URI=\""), field(line, "DURATION="));
                assert!(duration.parse::<f64>().unwrap() <= target, "E3-01: {line}");
                assert!(muxer.file(&name).is_some(), "{name}");
                let said = self.parts.entry(name).or_insert_with(|| line.to_string());
                assert_eq!(said, line, "a part stays as it is");
            }
            if line.starts_with("#EXT-X-PRELOAD-HINT") {
                let name = field(line, "URI=\"");
                let mut numbers =
                    name.split(['_', '.']).skip(1).map(|number| number.parse::<u64>().unwrap_or(0));
                let (number, part) =
                    (numbers.next().unwrap(), usize::try_from(numbers.next().unwrap()).unwrap());
                let hinted = self.hints.insert(id, (number, part));
                // Where the others are cut because the leading video jumped, a variant may have come to a key frame, and begins with it.
                let cut_short = id == VARIANT && self.jumped;
                if let Some((number, part)) = hinted.filter(|_| !cut_short)
                    && part > 0
                    && let Some(whole) = muxer.file(&format!("{id}_{number}.m4s"))
                {
                    assert!(
                        muxer.file(&format!("{id}_{number}_{part}.m4s")).is_some(),
                        "E3-06: {id} {number} {part} {} {text}",
                        whole.body.len()
                    );
                }
                assert!(!self.parts.contains_key(&name), "E3-06: {name}");
                assert!(matches!(muxer.request(&name, None), Answer::Wait(_)), "E3-07: {name}");
            }
        }
        // While nobody publishes nothing is on its way, and before a rendition has come back nobody knows what.
        let here = muxer.renditions.iter().any(|one| one.id() == id && !one.is_awaited());
        let hints = !text.contains("ENDLIST") && muxer.held.is_none() && here;
        // What was announced is told with the next unit.
        if !muxer.has_stale_hints() {
            assert_eq!(text.contains("PRELOAD-HINT"), hints, "E3-06: {text}");
        }
        for segment in muxer
            .presentation()
            .renditions()
            .find(|one| one.id() == id)
            .into_iter()
            .flat_map(|one| one.segments())
        {
            let parts: Vec<Bytes> = segment
                .parts()
                .map(|part| muxer.file(&part.name()).unwrap().body.to_bytes())
                .collect();
            if let Some(file) = muxer.file(&segment.name()) {
                assert_eq!(&file.body.to_bytes()[24..], parts.concat(), "a segment is its parts");
            }
        }
    }

    fn check_text(&mut self, id: TrackId, text: &str, muxer: &Muxer) {
        let value = |tag: &str| -> u64 {
            text.lines()
                .find_map(|line| line.strip_prefix(tag)?.parse().ok())
                .unwrap_or_else(|| panic!("{tag}: {text}"))
        };
        let target = value("#EXT-X-TARGETDURATION:");
        assert_eq!(*self.target.get_or_insert(target), target, "E1-02");
        let (first, mut epoch) =
            (value("#EXT-X-MEDIA-SEQUENCE:"), value("#EXT-X-DISCONTINUITY-SEQUENCE:"));
        let before = self.sequences.insert(id, (first, epoch)).unwrap_or((0, 0));
        assert!(before.0 <= first && before.1 <= epoch, "E1-06: {text}");
        let (mut number, mut lines, mut map, mut gap) = (first, String::new(), false, false);
        for line in text.lines().skip(5) {
            match line {
                "#EXT-X-DISCONTINUITY" => epoch += 1,
                "#EXT-X-GAP" => gap = true,
                "#EXT-X-ENDLIST" => {}
                _ if line.starts_with("#EXT-X-MAP") => {
                    let name = line.split('"').nth(1).unwrap();
                    assert!(muxer.file(name).is_some(), "{name}");
                    map = true;
                }
                _ if line.starts_with("#EXTINF") => {
                    let seconds: f64 = line[8..line.len() - 1].parse().unwrap();
                    assert!(seconds > 0.0 && seconds.round() <= target as f64, "{id}: {text}");
                    lines = line.to_string();
                }
                _ if line.starts_with('#') => {}
                name => {
                    assert!(map, "E1-13: {text}");
                    assert_eq!(muxer.file(name).is_none(), gap, "{name}");
                    let said = (format!("{lines}{name}"), epoch);
                    let known =
                        self.segments.insert((id, number), said.clone()).unwrap_or(said.clone());
                    assert_eq!(known, said, "E1-05: what a number stands for never changes");
                    (number, gap) = (number + 1, false);
                }
            }
        }
    }

    /// The same number has the same discontinuity number in all renditions.
    fn agree(&self) {
        for ((id, number), (_, epoch)) in &self.segments {
            let other = if *id == TrackId::VIDEO { TrackId::AUDIO } else { TrackId::VIDEO };
            if let Some((_, there)) = self.segments.get(&(other, *number)) {
                assert_eq!(epoch, there, "B4-08: {id} {number}");
            }
        }
    }
}

/// Applies steps to a muxer with parts of 200 ms, and looks at all playlists after each.
fn apply_all(steps: &[Step], tracks: &[Track]) -> Muxer {
    let config = MuxerConfig {
        window: Duration::from_secs(8),
        part_duration: Some(Duration::from_millis(200)),
        ..MuxerConfig::default()
    };
    let mut muxer = Muxer::new(config, &Limits::default());
    let (mut wire, mut said) = (Wire::default(), Said::default());
    tracks.iter().for_each(|track| muxer.handle_track(track.clone()).unwrap());
    for step in steps {
        apply(&mut muxer, &mut wire, step);
        said.check(&muxer);
    }
    muxer
}

/// A variant had its parts up to a key frame when the leading one jumped ahead and was cut near there: the part that was hinted at comes first.
#[test]
fn e3_06_a_variant_is_not_cut_before_a_part_that_was_hinted_at() {
    let steps = [
        Step::Plain { frames: 8, gop: 1 },
        Step::Configure { track: 2 },
        Step::Configure { track: 0 },
        Step::Plain { frames: 102, gop: 18 },
        Step::Video { ahead: 2674, offset: 0, key: false },
    ];
    let muxer = apply_all(&steps, &[]);
    assert!(muxer.file("video1_1.m4s").is_some(), "it was cut");
}

/// Of video nothing is there behind a jump when its next configuration is announced: what begins then is not known any more.
#[test]
fn e3_06_a_hint_goes_with_a_new_configuration_and_not_with_its_first_picture() {
    let steps = [
        Step::Configure { track: 2 },
        Step::Plain { frames: 1, gop: 1 },
        Step::Variant { ahead: 30_255, offset: 0, key: false },
    ];
    let mut muxer = apply_all(&steps, &[avc(640, 360), aac(48_000)]);
    let hints = |muxer: &Muxer| {
        let text = muxer.file("video.m3u8").unwrap().body.to_bytes();
        text.windows(12).filter(|&at| at == b"PRELOAD-HINT").count()
    };
    assert_eq!(hints(&muxer), 1);
    let before = muxer.version();
    muxer.handle_track(avc(1280, 720)).unwrap();
    let sound = unit(TrackId::AUDIO, 54, 0, true, Bytes::from_static(b"unit"));
    muxer.handle_unit(sound, Some(0)).unwrap();
    assert_eq!(hints(&muxer), 0);
    assert!(muxer.version() > before, "who waits is told");
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn e1_02_e1_05_e1_07_b4_08_playlists_keep_their_promises(
        both in any::<bool>(),
        low in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..20),
    ) {
        let part_duration = low.then_some(Duration::from_millis(200));
        let config = MuxerConfig { window: Duration::from_secs(8), part_duration, ..MuxerConfig::default() };
        let mut muxer = Muxer::new(config, &Limits::default());
        let (mut wire, mut said) = (Wire::default(), Said::default());
        if both {
            muxer.handle_track(avc(640, 360)).unwrap();
            muxer.handle_track(aac(48_000)).unwrap();
        }
        for step in &steps {
            said.expect(step);
            apply(&mut muxer, &mut wire, step);
            said.check(&muxer);
            let has_units = both && matches!(*step, Step::Plain { frames, .. } if frames > 0);
            if has_units && muxer.held.is_none() && !muxer.is_ended() {
                assert!(!muxer.has_stale_hints(), "E3-06");
            }
            for rendition in &muxer.renditions {
                assert!(rendition.window.fetchable().count() <= 66);
            }
        }
        said.agree();
    }
}
