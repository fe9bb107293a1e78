//! Decode times in the fragments: gapless, in step over a day, with gaps where something is missing.

use super::*;

/// Decode time, duration and number of samples of the fragments of a segment, by their boxes.
fn fragments(segment: &Chain) -> Vec<(u64, u64, u64)> {
    let field = |head: &Bytes, kind: &[u8; 4], skip: usize| {
        let at = head.windows(4).position(|window| window == kind).unwrap() + 4 + skip;
        u64::from(u32::from_be_bytes(head[at..at + 4].try_into().unwrap()))
    };
    let heads = segment.iter().filter(|part| part.windows(4).any(|kind| kind == b"moof"));
    heads
        .map(|head| {
            let decode = field(head, b"tfdt", 4) << 32 | field(head, b"tfdt", 8);
            let (tfhd, trun, count) =
                (field(head, b"tfhd", 0), field(head, b"trun", 0), field(head, b"trun", 4));
            if tfhd & 8 != 0 {
                return (decode, count * field(head, b"tfhd", 8), count);
            }
            let words = 2 + usize::from(trun & 0x400 != 0) + usize::from(trun & 0x800 != 0);
            let first = 12 + if trun & 4 != 0 { 4 } else { 0 };
            let samples = 0..usize::try_from(count).unwrap();
            (
                decode,
                samples.map(|index| field(head, b"trun", first + index * words * 4)).sum(),
                count,
            )
        })
        .collect()
}

/// Some hours of video at 2 frames a second, and of sound in frames of 64 ms whose clock is off by `ppm` against the wire's.
/// Returns the largest distance of sound from where the wire has it, in microseconds, at the starts of segments.
fn drift(hours: i64, ppm: i64) -> i64 {
    let config = MuxerConfig { window: Duration::from_secs(6), ..MuxerConfig::default() };
    let mut muxer = Muxer::new(config, &Limits::default());
    muxer.handle_track(avc(640, 360)).unwrap();
    muxer.handle_track(aac(16_000)).unwrap();
    let data = Bytes::from_static(b"x");
    let (mut frame, mut sound, mut most) = (0_i64, 0_i64, 0_i64);
    let sound_at = |sound: i64| sound * 64 * (1_000_000 + ppm) / 1_000_000;
    // Next number, end and samples so far.
    let mut seen: HashMap<&str, (u64, u64, i64)> = HashMap::new();
    while frame < hours * 3600 * 2 {
        if frame * 500 <= sound_at(sound) {
            let unit = unit(TrackId::VIDEO, frame * 500, 0, frame % 4 == 0, data.clone());
            muxer.handle_unit(unit, None).unwrap();
            frame += 1;
        } else {
            let unit = unit(TrackId::AUDIO, sound_at(sound), 0, true, data.clone());
            muxer.handle_unit(unit, None).unwrap();
            sound += 1;
            continue;
        }
        for (name, scale) in [("video", 90_000), ("audio", 16_000)] {
            let (mut next, mut end, mut samples) =
                seen.get(name).copied().unwrap_or((0, 10 * scale, 0));
            while let Some(file) = muxer.file(&format!("{name}_{next}.m4s")) {
                let found = fragments(&file.body);
                assert_eq!(found.len(), 1);
                let (decode, duration, count) = found[0];
                assert_eq!(decode, end, "{name} {next}");
                let micros = i64::try_from(decode * 1000 / (scale / 1000)).unwrap() - 10_000_000;
                let wire = if name == "video" { samples * 500 } else { sound_at(samples) };
                most = most.max((micros - wire * 1000).abs());
                (next, end, samples) =
                    (next + 1, decode + duration, samples + i64::try_from(count).unwrap());
            }
            seen.insert(name, (next, end, samples));
        }
    }
    let segments = u64::try_from(hours * 1800).unwrap();
    assert!(seen.values().all(|(next, ..)| *next >= segments - 2), "{seen:?}");
    assert!(muxer.held_bytes() < 1 << 20);
    most
}

#[test]
fn d_03_d_18_a_day_with_50_ppm_of_drift_keeps_sound_in_step_and_decode_times_gapless() {
    for (hours, ppm) in [(24, 50), (3, -50)] {
        let most = drift(hours, ppm);
        assert!(most < 8_000, "{most} us at {ppm} ppm");
    }
}

#[test]
fn d_20_missing_sound_leaves_a_gap_in_the_decode_times() {
    let mut source = Source::new(60).both();
    source.run(3000, 0);
    source.audio += 20;
    source.run(9000, 0);
    let segment = source.muxer.file("audio_1.m4s").unwrap().body;
    let found = fragments(&segment);
    assert_eq!(found.len(), 2);
    let ((first, duration, _), (second, ..)) = (found[0], found[1]);
    assert_eq!(second - (first + duration), 20 * 1024);
    let total = extinf(&source.text("audio.m3u8"))[1];
    assert!((total - 2.0).abs() < 0.03, "{total}");
}
