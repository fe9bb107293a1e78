//! Recordings of streams that are made for the purpose.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proptest::prelude::*;
use streamcore::codec::aac::AacConfig;
use streamcore::media::{CodecConfig, Track};

use super::*;

fn aac() -> Track {
    let config = AacConfig::parse(&Bytes::from_static(&[0x11, 0x90])).unwrap();
    let config = Arc::new(CodecConfig::Aac(config));
    Track { id: TrackId::AUDIO, timescale: 1_000_000, config }
}

fn avc() -> Track {
    static TRACK: LazyLock<Track> = LazyLock::new(|| {
        let track = events("ffmpeg-5.1/source.flv").into_iter().find_map(|event| match event {
            Event::Track(track) if track.id == TrackId::VIDEO => Some(track),
            _ => None,
        });
        track.unwrap()
    });
    TRACK.clone()
}

fn unit(track: TrackId, millis: i64, key: bool, data: &Bytes) -> AccessUnit {
    AccessUnit { track, dts: millis * 1000, pts_offset: 0, key, data: data.clone() }
}

/// Pictures at 25 a second and sound at 48 kHz over these times, in milliseconds, in the order of time.
fn av(video: std::ops::Range<i64>, audio: std::ops::Range<i64>) -> Vec<AccessUnit> {
    let (picture, frame) = (Bytes::from_static(&[0; 300]), Bytes::from_static(&[1; 40]));
    let mut units: Vec<AccessUnit> = video
        .step_by(40)
        .map(|time| unit(TrackId::VIDEO, time, time % 2000 == 0, &picture))
        .collect();
    let first = audio.start;
    let sounds = (0..).map(|n| first + n * 64 / 3).take_while(|time| *time < audio.end);
    units.extend(sounds.map(|time| unit(TrackId::AUDIO, time, true, &frame)));
    units.sort_by_key(|unit| unit.dts);
    units
}

fn record_units(tracks: &[Track], units: Vec<AccessUnit>) -> (Mp4Recorder, File) {
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
    let mut file = File::default();
    for track in tracks {
        assert_eq!(recorder.handle_track(track.clone()), Ok(TrackFit::Taken));
    }
    for unit in units {
        recorder.handle_unit(unit).unwrap();
        file.take(&mut recorder);
    }
    (recorder, file)
}

#[test]
fn a_track_that_comes_late_or_ends_early_keeps_its_place() {
    for (video, audio) in
        [(0..10_000, 3000..10_000), (3000..10_000, 0..10_000), (0..10_000, 0..4000)]
    {
        let units = av(video.clone(), audio.clone());
        // The later one is announced when it comes.
        let late = if video.start > 0 { avc() } else { aac() };
        let early = if video.start > 0 { aac() } else { avc() };
        let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
        let mut file = File::default();
        assert_eq!(recorder.handle_track(early), Ok(TrackFit::Taken));
        for unit in units.clone() {
            if unit.track == late.id {
                assert_eq!(recorder.handle_track(late.clone()), Ok(TrackFit::Taken));
            }
            recorder.handle_unit(unit).unwrap();
            file.take(&mut recorder);
        }
        let samples = read_fragments(&file.bytes);
        let file = file.finish(recorder).bytes;
        let (plain, moov) = (read_plain(&file), moov(&file));
        for (id, video, kind) in [(TrackId::VIDEO, true, b"vide"), (TrackId::AUDIO, false, b"soun")]
        {
            let wanted = of_track(&units, id);
            assert_same("fragments", &wanted, &of_kind(&samples, video), 0.0);
            let (zero, _) = presented(&moov, kind);
            let plain = of_kind(&plain, video);
            assert_same("plain", &wanted, &plain, zero);
            assert_eq!(wanted.len(), plain.len());
        }
        let ends = [presented(&moov, b"vide").1, presented(&moov, b"soun").1];
        for (end, wanted) in ends.iter().zip([video.end, audio.end]) {
            assert!((end - wanted as f64 / 1000.0).abs() < 0.03, "{end} for {wanted} ms");
        }
    }
}

#[test]
fn d_02_a_stream_that_begins_far_from_zero_is_moved_as_a_whole() {
    let start = 4_294_962_000;
    let mut units = av(start..start + 4000, start + 30..start + 4000);
    for unit in units.iter_mut().filter(|unit| unit.track == TrackId::VIDEO) {
        unit.pts_offset = 80_000;
    }
    let (recorder, file) = record_units(&[avc(), aac()], units.clone());
    // The earliest presentation is the sound's; the first picture is decoded before it.
    let shift = -(start + 30) as f64 / 1000.0;
    let samples = read_fragments(&file.bytes);
    for video in [true, false] {
        let id = if video { TrackId::VIDEO } else { TrackId::AUDIO };
        // No decode time is negative: all are 30 ms later.
        assert_same("moved", &of_track(&units, id), &of_kind(&samples, video), -shift - 0.03);
    }
    let file = file.finish(recorder).bytes;
    let (plain, moov) = (read_plain(&file), moov(&file));
    for (video, kind) in [(true, b"vide"), (false, b"soun")] {
        let id = if video { TrackId::VIDEO } else { TrackId::AUDIO };
        let zero = presented(&moov, kind).0;
        assert_same("plain", &of_track(&units, id), &of_kind(&plain, video), zero - shift);
    }
}

#[test]
fn b4_07_d_30_another_configuration_needs_a_new_file() {
    let (mut recorder, mut file) = record_units(&[avc(), aac()], av(0..3000, 0..3000));
    let mut other = aac();
    other.config =
        Arc::new(CodecConfig::Aac(AacConfig::parse(&Bytes::from_static(&[0x12, 0x10])).unwrap()));
    assert_eq!(recorder.handle_track(aac()), Ok(TrackFit::Taken));
    assert_eq!(recorder.handle_track(other), Ok(TrackFit::NeedsNewFile));
    for unit in av(3000..5000, 3000..5000) {
        recorder.handle_unit(unit).unwrap();
    }
    file.take(&mut recorder);
    let samples = read_plain(&file.finish(recorder).bytes);
    assert_eq!(of_kind(&samples, true).len(), 125, "the other track goes on");
    assert_eq!(
        of_kind(&samples, false).len(),
        of_track(&av(0..3000, 0..3000), TrackId::AUDIO).len()
    );
}

#[test]
fn another_publisher_goes_on_right_behind_the_first() {
    let (mut recorder, mut file) = record_units(&[avc(), aac()], av(0..2000, 0..2000));
    recorder.handle_discontinuity().unwrap();
    for unit in av(900_000..902_000, 900_010..902_000) {
        recorder.handle_unit(unit).unwrap();
    }
    file.take(&mut recorder);
    assert!((3.9..4.2).contains(&recorder.duration().as_secs_f64()), "{:?}", recorder.duration());
    let samples = read_plain(&file.finish(recorder).bytes);
    let (video, audio) = (of_kind(&samples, true), of_kind(&samples, false));
    assert_eq!(video.len(), 100);
    // What belongs together in the second part stays together.
    let second = |samples: &[Read], n: usize| samples[n].pts;
    let off = second(&audio, 94) - second(&video, 50);
    assert!((off - 0.01).abs() < 0.002, "{off}");
}

#[test]
fn d_25_a_file_past_4_gib_has_64_bit_offsets() {
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
    assert_eq!(recorder.handle_track(avc()), Ok(TrackFit::Taken));
    // The same bytes again and again: nothing is written.
    let picture = Bytes::from(vec![0; 15 << 20]);
    let mut offsets = Vec::new();
    for n in 0..400 {
        recorder.handle_unit(unit(TrackId::VIDEO, n * 40, n == 0, &picture)).unwrap();
        while let Some(output) = recorder.poll_output() {
            if let Mp4Output::Append(chain) = output {
                let pictures = chain.iter().filter(|bytes| bytes.len() == picture.len()).count();
                offsets.push(recorder.len() - pictures as u64 * picture.len() as u64);
            }
        }
    }
    recorder.finish().unwrap();
    let end = recorder.end().unwrap().unwrap();
    let Any::Moov(moov) = Any::decode(&mut &end.index[..]).unwrap() else { panic!("moov") };
    let stbl = &moov.trak[0].mdia.minf.stbl;
    assert!(stbl.stco.is_none() && recorder.len() > 1 << 32);
    let chunks = &stbl.co64.as_ref().unwrap().entries;
    let (last, before) = chunks.split_last().unwrap();
    assert!(before == offsets && *last > 6_000_000_000, "{chunks:?}");
    assert_eq!(&end.patch.bytes[..8], b"\0\0\0\x01mdat");
    assert_eq!(end.patch.bytes[8..], (recorder.len() - 28).to_be_bytes());
}

#[test]
fn d_01_thirty_hours_past_32_bits_of_ticks() {
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
    let mut file = File::default();
    for track in [avc(), aac()] {
        assert_eq!(recorder.handle_track(track), Ok(TrackFit::Taken));
    }
    let data = Bytes::from_static(&[7; 16]);
    // A picture each two seconds: sound would be six million frames.
    for n in 0..54_000_i64 {
        recorder.handle_unit(unit(TrackId::VIDEO, n * 2000, true, &data)).unwrap();
        if n % 27_000 < 500 {
            recorder.handle_unit(unit(TrackId::AUDIO, n * 2000, true, &data)).unwrap();
        }
        file.take(&mut recorder);
    }
    let memory = recorder.index_memory();
    assert!(memory < 54_000 * 20, "{memory} bytes of index");
    let last = read_fragments(&file.bytes).into_iter().rfind(|sample| sample.video).unwrap();
    assert!((last.dts - 107_996.0).abs() < 2.1, "{}", last.dts);
    let file = file.finish(recorder).bytes;
    let moov = moov(&file);
    let seconds = moov.mvhd.duration as f64 / f64::from(moov.mvhd.timescale);
    assert!((seconds - 108_000.0).abs() < 2.1, "{seconds}");
    assert!(moov.mvhd.duration > u64::from(u32::MAX));
    assert_eq!(of_kind(&read_plain(&file), true).len(), 54_000);
}

#[test]
fn nothing_recorded_is_no_file_and_misuse_is_told() {
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
    assert!(recorder.end().is_err());
    recorder.handle_unit(av(0..40, 0..1).remove(0)).unwrap();
    recorder.finish().unwrap();
    assert!(recorder.poll_output().is_none() && recorder.is_empty());
    assert!(recorder.end().unwrap().is_none());
    assert!(recorder.handle_track(aac()).is_err());
    assert_eq!(recorder.duration(), Duration::ZERO);
}

#[derive(Clone, Debug)]
enum Step {
    Unit { video: bool, after: i64, offset: i64, size: usize, key: bool },
    Flush,
    Discontinuity,
}

fn step() -> impl Strategy<Value = Step> {
    let unit = (any::<bool>(), -300..2500_i64, -200..400_i64, 1..40_usize, any::<bool>());
    prop_oneof![
        30 => unit.prop_map(|(video, after, offset, size, key)| Step::Unit { video, after, offset, size, key }),
        1 => Just(Step::Flush),
        1 => Just(Step::Discontinuity),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the times and the order of the units: each is once in the fragments and once in the plain file.
    #[test]
    fn every_unit_is_recorded_once(steps in prop::collection::vec(step(), 1..120)) {
        let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
        let mut file = File::default();
        let (mut given, mut now) = ([Vec::new(), Vec::new()], 5_000_000_i64);
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Unit { video, after, offset, size, key } => {
                    let track = if video { avc() } else { aac() };
                    prop_assert_eq!(recorder.handle_track(track.clone()), Ok(TrackFit::Taken));
                    now += after * 1000;
                    let data = Bytes::from([&(number as u32).to_be_bytes()[..], &vec![7; size]].concat());
                    given[usize::from(video)].push(data.to_vec());
                    let pts_offset = if video { offset * 1000 } else { 0 };
                    let unit = AccessUnit { track: track.id, dts: now, pts_offset, key, data };
                    recorder.handle_unit(unit).unwrap();
                }
                Step::Flush => recorder.flush().unwrap(),
                Step::Discontinuity => {
                    recorder.handle_discontinuity().unwrap();
                    now -= 1_000_000;
                }
            }
            file.take(&mut recorder);
        }
        recorder.finish().unwrap();
        file.take(&mut recorder);
        let end = recorder.end().unwrap();
        prop_assert_eq!(end.is_some(), given.iter().any(|units| !units.is_empty()));
        let Some(end) = end else { return Ok(()) };
        let kinds = [(b"soun", &given[0]), (b"vide", &given[1])];
        for (handler, units) in kinds {
            prop_assert_eq!(&payloads(&file.bytes, handler), units);
        }
        file.bytes.extend_from_slice(&end.index);
        file.patch(end.patch.offset, &end.patch.bytes);
        prop_assert!(index(&file.bytes).is_plain());
        for (handler, units) in kinds {
            prop_assert_eq!(&payloads(&file.bytes, handler), units);
        }
        for sample in read_plain(&file.bytes) {
            prop_assert!(sample.pts >= 0.0 && sample.duration > 0.0);
        }
    }
}
