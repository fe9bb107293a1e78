//! Time lines: repair, epochs, order.

use super::*;

/// Inter frames (behind a first key frame) and audio frames with these times, in this order.
fn timeline(frames: &[(char, u32)]) -> (Vec<Event>, Vec<(NoticeKind, u64)>) {
    let frame = |&(kind, time): &(char, u32)| {
        if kind == 'v' { video(time, &[INTER]) } else { audio(time, &[1, 2]) }
    };
    let tags: Vec<Tag> =
        [header(), audio_header(LC_48K)].into_iter().chain(frames.iter().map(frame)).collect();
    let (mut events, notices) = run(&tags);
    events.drain(..2);
    (events, notices)
}

/// Ten frames of each track from these times on, 40 ms apart, interleaved.
fn interleaved(video: u32, audio: u32) -> Vec<(char, u32)> {
    (0..10)
        .flat_map(|n| [('v', video.wrapping_add(n * 40)), ('a', audio.wrapping_add(n * 40))])
        .collect()
}

#[test]
fn b3_01_tracks_need_not_be_in_order_with_each_other() {
    let (events, notices) =
        timeline(&[('a', 100), ('v', 0), ('a', 121), ('v', 40), ('a', 142), ('v', 80)]);
    assert_eq!(times(&events, MediaKind::Video), [0, 40, 80]);
    assert_eq!(times(&events, MediaKind::Audio), [100, 121, 142]);
    assert_eq!(notices, []);
}

#[test]
fn b3_02_small_steps_back_are_moved_on() {
    let (events, notices) = timeline(&[('v', 0), ('v', 40), ('v', 35), ('v', 80)]);
    let units = units(&events, MediaKind::Video);
    assert_eq!(units.iter().map(|unit| unit.dts).collect::<Vec<_>>(), [0, 40_000, 40_100, 80_000]);
    assert_eq!(units[2].pts(), 35_000);
    assert_eq!(notices, [(NoticeKind::NonMonotonic, 1)]);
}

#[test]
fn b3_05_b3_15_gaps_are_kept() {
    let (events, notices) =
        timeline(&[('v', 0), ('a', 0), ('a', 900), ('v', 900), ('v', 9900), ('a', 9900)]);
    assert_eq!(times(&events, MediaKind::Video), [0, 900, 9900]);
    assert_eq!((shape(&events).as_str(), notices), ("VAAVVA", vec![]));
    // Video pauses for a minute while the audio goes on.
    let audio: Vec<_> = (0..3000).map(|n| ('a', n * 21)).collect();
    let (events, notices) =
        timeline(&[&[('v', 0), ('v', 40)], &audio[..], &[('v', 62_980)]].concat());
    assert_eq!(times(&events, MediaKind::Video), [0, 40, 62_980]);
    assert_eq!(notices, []);
}

#[test]
fn b3_07_a_restart_of_all_tracks_is_a_new_epoch() {
    for (from, to) in [(3_600_000, 0), (0, 3_600_000), (1000, 0x9000_0000), (0xf000_0000, 0)] {
        let (events, notices) =
            timeline(&[interleaved(from, from), interleaved(to, to + 7)].concat());
        assert_eq!(shape(&events).matches('D').count(), 1, "{from} to {to}");
        assert_eq!(shape(&events), format!("{}D{}", "VA".repeat(10), "VA".repeat(10)));
        assert_eq!(notices, []);
        let video = times(&events, MediaKind::Video);
        assert_eq!(video[19] - video[10], 360);
        assert_eq!(times(&events, MediaKind::Audio)[10] - video[10], 7);
    }
}

#[test]
fn b3_07_a_single_track_that_jumps_alone_is_a_new_epoch_at_once() {
    let (events, _) = timeline(&[('v', 50_000), ('v', 50_040), ('v', 0), ('v', 40)]);
    assert_eq!(shape(&events), "VVDVV");
    assert_eq!(times(&events, MediaKind::Video), [50_000, 50_040, 0, 40]);
}

#[test]
fn b3_07_one_track_of_two_that_jumps_is_repaired() {
    let mut frames = interleaved(100_000, 100_000);
    frames.extend(interleaved(3, 100_400));
    frames.extend(interleaved(403, 100_800));
    let (events, notices) = timeline(&frames);
    assert!(!shape(&events).contains('D'));
    let expected: Vec<i64> = (0..30).map(|n| 100_000 + 40 * n).collect();
    assert_eq!(times(&events, MediaKind::Video), expected);
    assert_eq!(times(&events, MediaKind::Audio), expected);
    assert_eq!(notices, [(NoticeKind::TimeJump, 1)]);
    // b3_06: when it returns to the line of the other, the repair ends.
    frames.extend(interleaved(101_200, 101_200));
    let (events, _) = timeline(&frames);
    assert_eq!(times(&events, MediaKind::Video)[30..], times(&events, MediaKind::Audio)[30..]);
}

#[test]
fn b3_07_one_wild_time_is_an_outlier() {
    let mut frames = interleaved(1000, 1000);
    frames.insert(10, ('v', 0x7000_0000));
    let (events, notices) = timeline(&frames);
    assert!(!shape(&events).contains('D'));
    assert_eq!(units(&events, MediaKind::Video).len(), 11);
    assert_eq!(*times(&events, MediaKind::Video).last().unwrap(), 1360);
    assert_eq!(notices, [(NoticeKind::TimeJump, 1)]);
}

#[test]
fn a3_10_times_go_on_across_2_to_the_32() {
    let (events, notices) = timeline(&interleaved(0xffff_ff80, 0xffff_ffa0));
    let first = i64::from(0xffff_ff80_u32);
    assert_eq!(
        times(&events, MediaKind::Video),
        (0..10).map(|n| first + 40 * n).collect::<Vec<_>>()
    );
    assert_eq!(times(&events, MediaKind::Audio)[0] - first, 32);
    assert_eq!(notices, []);
    // The second track starts behind the wrap.
    let (events, _) = timeline(&[('v', 0xffff_fff0), ('a', 5), ('v', 24)]);
    assert_eq!(times(&events, MediaKind::Audio)[0] - times(&events, MediaKind::Video)[0], 21);
}

#[test]
fn a3_12_a_stream_may_start_anywhere() {
    let (events, notices) = timeline(&interleaved(2_000_000_000, 2_000_000_010));
    assert_eq!(times(&events, MediaKind::Video)[0], 2_000_000_000);
    assert_eq!(notices, []);
}

#[test]
fn a3_13_headers_do_not_move_the_clock() {
    let tags = [
        header(),
        video(90_000, &[IDR]),
        header(),
        audio_header(LC_48K),
        audio(90_010, &[1]),
        video(90_040, &[INTER]),
    ];
    let (events, notices) = run(&tags);
    assert_eq!(times(&events, MediaKind::Video), [90_000, 90_040]);
    assert_eq!(notices, []);
}

#[test]
fn b3_11_b3_12_composition_times() {
    let frame = |time, composition| message(time, composition, &avcc(&[INTER]), false);
    let (events, notices) =
        run(&[header(), frame(0, 80), frame(40, -40), frame(80, 7_000_000), frame(120, 0)]);
    let offsets: Vec<i64> =
        units(&events, MediaKind::Video).iter().map(|unit| unit.pts_offset).collect();
    assert_eq!(offsets, [80_000, -40_000, -40_000, 0]);
    assert_eq!(notices, [(NoticeKind::CompositionTime, 1)]);
}

#[test]
fn b3_13_a_burst_on_one_time_keeps_its_order() {
    let burst: Vec<_> =
        (0..30).map(|n| ('v', if n < 25 { 5000 } else { 5000 + (n - 24) * 40 })).collect();
    let (events, _) = timeline(&burst);
    let units = units(&events, MediaKind::Video);
    assert!(units.windows(2).all(|pair| pair[0].dts < pair[1].dts));
    assert_eq!(units.last().unwrap().dts, 5_200_000, "back on time as soon as the sender is");
}

#[test]
fn b4_20_audio_alone_and_video_alone() {
    let (events, _) = run(&[audio_header(LC_48K), audio(0, &[1]), audio(21, &[1])]);
    assert_eq!(shape(&events), "TAA");
    let mut assembler = Assembler::new(&Limits::default());
    [header(), video(0, &[IDR])].iter().for_each(|tag| assembler.handle_tag(tag));
    assembler.finish();
    assert!(poll(&mut assembler).ends_with(&[Event::EndOfTrack(TrackId::VIDEO)]));
}

#[test]
fn what_waits_is_bounded() {
    let mut assembler = Assembler::new(&Limits::default());
    assembler.handle_tag(&header());
    // Messages without a picture.
    let sei = message(0, 0, &avcc(&[&[6; 1000]]), false);
    (0..1000).for_each(|_| assembler.handle_tag(&sei));
    assembler.handle_tag(&video(0, &[IDR]));
    // Slices without end of one picture.
    let slice = message(0, 0, &avcc(&[&[0x41; 100_000]]), false);
    (0..200).for_each(|_| assembler.handle_tag(&slice));
    // Sound behind it that stands still.
    assembler.handle_tag(&audio_header(LC_48K));
    (0..100).for_each(|_| assembler.handle_tag(&audio(0, &[1])));
    let events = poll(&mut assembler);
    let picture = units(&events, MediaKind::Video)[0].data.len();
    assert!(picture < Limits::default().message_bytes + (64 << 10), "{picture}");
    assert!(units(&events, MediaKind::Audio).len() > 30);
}

proptest::proptest! {
    #[test]
    fn anything_is_taken_and_times_of_a_track_rise(
        tags in proptest::collection::vec(
            (0_u8..3, proptest::prelude::any::<u32>(), 0_u8..4, proptest::collection::vec(proptest::prelude::any::<u8>(), 0..24)),
            0..60,
        ),
    ) {
        let mut assembler = Assembler::new(&Limits::default());
        assembler.handle_tag(&header());
        assembler.handle_tag(&audio_header(LC_48K));
        let mut last = [None; 2];
        for (kind, time, form, bytes) in tags {
            let time = if form == 0 { time } else { time % 5000 };
            assembler.handle_tag(&match (kind, form) {
                (0, 1) => video(time, &[INTER]),
                (0, 2) => video(time, &[INTER_2, &[&[9_u8][..], &bytes].concat()]),
                (0, _) => message(time, 0, &bytes, false),
                (1, _) => audio(time, &bytes),
                _ => Tag { kind: TagKind::Script, timestamp: time, body: Bytes::from(bytes) },
            });
            for event in poll(&mut assembler) {
                match event {
                    Event::Discontinuity => last = [None; 2],
                    Event::Unit(unit) => {
                        let slot = &mut last[usize::from(unit.track.kind == MediaKind::Audio)];
                        proptest::prop_assert!(slot.is_none_or(|last| last < unit.dts));
                        *slot = Some(unit.dts);
                    }
                    _ => {}
                }
            }
        }
    }
}
