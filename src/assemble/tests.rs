//! Streams as encoders send them.

#![expect(clippy::cast_possible_truncation, reason = "test data is small")]

use bytes::Bytes;

use super::*;
use crate::media::MediaKind;

const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00,
    0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2d, 0x96,
];
const OTHER_SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x16, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x5a, 0x80, 0x80, 0x80, 0xa0, 0x00,
    0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x03, 0x03, 0xd1, 0xe2, 0xc5, 0xd4,
];
const PPS: &[u8] = &[0x68, 0xef, 0xbc, 0xb0];
const IDR: &[u8] = &[0x65, 0x88, 1, 2, 3];
const IDR_2: &[u8] = &[0x65, 0x48, 4, 5, 6];
const INTER: &[u8] = &[0x41, 0x9a, 7, 8];
const INTER_2: &[u8] = &[0x41, 0x5a, 9];
const SEI: &[u8] = &[0x06, 5, 1, 0xff, 0x80];
const AUD: &[u8] = &[0x09, 0xf0];
const LC_48K: &[u8] = &[0x11, 0x90];

fn avcc(nals: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for nal in nals {
        out.extend((nal.len() as u32).to_be_bytes());
        out.extend_from_slice(nal);
    }
    out
}

fn annex_b(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect()
}

fn record(length_size: u8, sps: &[&[u8]], pps: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![1, 0x64, 0, 0x1e, 0xfc | (length_size - 1), 0xe0 | sps.len() as u8];
    for (at, set) in sps.iter().chain(pps).enumerate() {
        if at == sps.len() {
            out.push(pps.len() as u8);
        }
        out.extend((set.len() as u16).to_be_bytes());
        out.extend_from_slice(set);
    }
    if pps.is_empty() {
        out.push(0);
    }
    out
}

fn tag(kind: TagKind, timestamp: u32, head: &[u8], payload: &[u8]) -> Tag {
    Tag { kind, timestamp, body: [head, payload].concat().into() }
}

fn video_header(record: &[u8]) -> Tag {
    tag(TagKind::Video, 0, &[0x17, 0, 0, 0, 0], record)
}

fn header() -> Tag {
    video_header(&record(4, &[SPS], &[PPS]))
}

/// A video message whose flag is what its NAL units say.
fn message(timestamp: u32, composition: i32, payload: &[u8], key: bool) -> Tag {
    let [_, a, b, c] = composition.to_be_bytes();
    tag(TagKind::Video, timestamp, &[if key { 0x17 } else { 0x27 }, 1, a, b, c], payload)
}

fn video(timestamp: u32, nals: &[&[u8]]) -> Tag {
    let key = nals.iter().any(|nal| nal[0] & 31 == 5);
    message(timestamp, 0, &avcc(nals), key)
}

fn audio_header(asc: &[u8]) -> Tag {
    tag(TagKind::Audio, 0, &[0xaf, 0], asc)
}

fn audio(timestamp: u32, payload: &[u8]) -> Tag {
    tag(TagKind::Audio, timestamp, &[0xaf, 1], payload)
}

fn poll(assembler: &mut Assembler) -> Vec<Event> {
    std::iter::from_fn(|| assembler.poll_event()).collect()
}

/// All events of a stream, but for notices; and the notices with their counts.
fn run(tags: &[Tag]) -> (Vec<Event>, Vec<(NoticeKind, u64)>) {
    let mut assembler = Assembler::new(&Limits::default());
    let mut events = Vec::new();
    for tag in tags {
        assembler.handle_tag(tag);
        events.extend(poll(&mut assembler));
    }
    assembler.finish();
    events.extend(poll(&mut assembler));
    let said: Vec<NoticeKind> = events
        .iter()
        .filter_map(
            |event| if let Event::Notice(notice) = event { Some(notice.kind) } else { None },
        )
        .collect();
    let notices: Vec<_> =
        assembler.notices().iter().map(|notice| (notice.kind, notice.count)).collect();
    assert_eq!(said, notices.iter().map(|&(kind, _)| kind).collect::<Vec<_>>(), "each said once");
    events.retain(|event| !matches!(event, Event::Notice(_) | Event::EndOfTrack(_)));
    (events, notices)
}

fn units(events: &[Event], kind: MediaKind) -> Vec<&AccessUnit> {
    events
        .iter()
        .filter_map(|event| if let Event::Unit(unit) = event { Some(unit) } else { None })
        .filter(|unit| unit.track.kind == kind)
        .collect()
}

fn pictures(events: &[Event]) -> Vec<Vec<u8>> {
    units(events, MediaKind::Video).iter().map(|unit| unit.data.to_vec()).collect()
}

/// Decode times in milliseconds.
fn times(events: &[Event], kind: MediaKind) -> Vec<i64> {
    units(events, kind).iter().map(|unit| unit.dts.div_euclid(1000)).collect()
}

/// A letter an event: T for tracks, V and A for units, D for discontinuities.
fn shape(events: &[Event]) -> String {
    let letter = |event: &Event| match event {
        Event::Track(_) => 'T',
        Event::Unit(unit) if unit.track.kind == MediaKind::Video => 'V',
        Event::Unit(_) => 'A',
        Event::Discontinuity => 'D',
        _ => '?',
    };
    events.iter().map(letter).collect()
}

#[test]
fn whole_pictures_pass_at_once_and_shared() {
    let mut assembler = Assembler::new(&Limits::default());
    for tag in [header(), audio_header(LC_48K), video(0, &[SEI, IDR])] {
        assembler.handle_tag(&tag);
    }
    assert_eq!(shape(&poll(&mut assembler)), "TT", "the first picture waits");
    assembler.handle_tag(&audio(5, &[1, 2]));
    assert_eq!(shape(&poll(&mut assembler)), "", "and what is behind it");
    assembler.handle_tag(&video(33, &[INTER]));
    assert_eq!(shape(&poll(&mut assembler)), "VAV");
    let next = video(66, &[INTER]);
    assembler.handle_tag(&next);
    let events = poll(&mut assembler);
    assert_eq!(shape(&events), "V");
    assert_eq!(units(&events, MediaKind::Video)[0].data.as_ptr(), next.body[5..].as_ptr());
    assert_eq!(assembler.notices(), []);
}

#[test]
fn a_first_picture_does_not_wait_for_ever() {
    let (mut assembler, mut seen) = (Assembler::new(&Limits::default()), String::new());
    for tag in
        [header(), audio_header(LC_48K), video(0, &[IDR]), audio(250, &[1]), audio(251, &[1])]
    {
        assembler.handle_tag(&tag);
        seen.push_str(&shape(&poll(&mut assembler)));
    }
    assert_eq!(seen, "TTVAA");
}

#[test]
fn b3_03_one_nal_unit_a_message_is_joined_into_pictures() {
    let mut tags = vec![header()];
    for frame in 0..4 {
        let time = frame * 40;
        let (first, second) = if frame == 0 { (IDR, IDR_2) } else { (INTER, INTER_2) };
        for nal in [AUD, SEI, first, second] {
            tags.push(message(time, 80, &avcc(&[nal]), nal[0] == 0x65));
        }
    }
    let (events, notices) = run(&tags);
    let expected =
        [avcc(&[SEI, IDR, IDR_2])].into_iter().chain((0..3).map(|_| avcc(&[SEI, INTER, INTER_2])));
    assert_eq!(pictures(&events), expected.collect::<Vec<_>>());
    assert_eq!(times(&events, MediaKind::Video), [0, 40, 80, 120]);
    assert!(units(&events, MediaKind::Video).iter().all(|unit| unit.pts_offset == 80_000));
    assert!(
        notices.contains(&(NoticeKind::SplitPicture, 4))
            && notices.contains(&(NoticeKind::Rebuilt, 4))
    );
}

#[test]
fn b3_03_slices_in_messages_of_their_own_with_audio_between() {
    let mut tags = vec![header(), audio_header(LC_48K)];
    for frame in 0..3_u32 {
        let (first, second) = if frame == 0 { (IDR, IDR_2) } else { (INTER, INTER_2) };
        tags.extend([
            video(frame * 40, &[first]),
            audio(frame * 40 + 9, &[1]),
            video(frame * 40, &[second]),
        ]);
    }
    let (events, _) = run(&tags);
    assert_eq!(shape(&events), "TTVAVAVA", "in the order of their beginnings");
    assert_eq!(pictures(&events)[1], avcc(&[INTER, INTER_2]));
}

#[test]
fn b3_04_pictures_of_one_time_stay_apart() {
    let tags =
        [header(), video(0, &[IDR]), video(0, &[INTER]), video(1, &[INTER]), video(1, &[INTER])];
    let (events, notices) = run(&tags);
    let dts: Vec<i64> = units(&events, MediaKind::Video).iter().map(|unit| unit.dts).collect();
    assert_eq!(dts, [0, 100, 1000, 1100]);
    assert_eq!(notices, [(NoticeKind::NonMonotonic, 2)]);
    assert!(
        units(&events, MediaKind::Video).iter().all(|unit| unit.pts() % 1000 == 0),
        "presented when it said"
    );
}

#[test]
fn a_split_that_starts_late_loses_one_slice_and_no_more() {
    let tags = [
        header(),
        video(0, &[IDR]),
        video(40, &[INTER]),
        video(40, &[INTER_2]),
        video(80, &[INTER]),
        video(80, &[INTER_2]),
    ];
    let (events, notices) = run(&tags);
    assert_eq!(pictures(&events), [avcc(&[IDR]), avcc(&[INTER]), avcc(&[INTER, INTER_2])]);
    assert!(notices.contains(&(NoticeKind::LateSlice, 1)));
}

#[test]
fn c1_12_messages_without_a_picture_go_ahead_of_the_next() {
    let tags =
        [header(), video(0, &[SEI]), video(0, &[IDR]), video(40, &[AUD]), video(40, &[INTER])];
    let (events, notices) = run(&tags);
    assert_eq!(pictures(&events), [avcc(&[SEI, IDR]), avcc(&[INTER])]);
    assert!(notices.contains(&(NoticeKind::NoPicture, 2)));
}

#[test]
fn c1_11_delimiters_are_cut_off_without_a_copy() {
    let delimited = video(0, &[AUD, SEI, IDR]);
    let (events, notices) = run(&[header(), delimited.clone()]);
    let unit = units(&events, MediaKind::Video)[0];
    assert_eq!(unit.data, avcc(&[SEI, IDR]));
    assert_eq!(unit.data.as_ptr(), delimited.body[5 + 6..].as_ptr());
    assert_eq!(notices, [(NoticeKind::Delimiter, 1)]);
}

#[test]
fn c1_09_annex_b_is_rewritten_and_ambiguous_lengths_are_lengths() {
    let (events, notices) = run(&[header(), message(0, 0, &annex_b(&[AUD, SEI, IDR]), true)]);
    assert_eq!(pictures(&events), [avcc(&[SEI, IDR])]);
    assert!(notices.contains(&(NoticeKind::AnnexB, 1)));
    // A unit of 256 to 511 bytes has a length that looks like a start code.
    let long = [IDR, &[0xaa; 300]].concat();
    let (events, notices) = run(&[header(), video(0, &[&long])]);
    assert_eq!((pictures(&events), notices), (vec![avcc(&[&long])], vec![]));
}

#[test]
fn c1_10_inner_start_codes_empty_units_and_overruns() {
    let inner = [SPS, &[0, 0, 0, 1], PPS, &[0, 0, 1], IDR].concat();
    let (events, notices) = run(&[header(), message(0, 0, &avcc(&[&inner]), true)]);
    assert_eq!(pictures(&events), [avcc(&[SPS, PPS, IDR])]);
    assert!(notices.contains(&(NoticeKind::InnerStartCode, 1)));

    let (events, notices) = run(&[header(), message(0, 0, &avcc(&[&[], IDR, &[]]), true)]);
    assert_eq!(pictures(&events), [avcc(&[IDR])]);
    assert!(
        notices.contains(&(NoticeKind::EmptyNal, 2))
            && !notices.iter().any(|n| n.0 == NoticeKind::Rebuilt)
    );

    let overrun = [avcc(&[IDR]), vec![0, 0, 9, 9, 0x65, 0x48]].concat();
    let (events, notices) = run(&[header(), message(0, 0, &overrun, true), video(40, &[INTER])]);
    assert_eq!(pictures(&events), [avcc(&[IDR]), avcc(&[INTER])]);
    assert_eq!(notices, [(NoticeKind::NalOverrun, 1)]);
}

#[test]
fn b4_18_a_message_of_garbage_is_left_out() {
    let garbage = message(40, 0, &[0x7f, 1, 2, 3, 4, 5, 6], false);
    let (events, notices) = run(&[header(), video(0, &[IDR]), garbage, video(80, &[INTER])]);
    assert_eq!(pictures(&events), [avcc(&[IDR]), avcc(&[INTER])]);
    assert!(notices.contains(&(NoticeKind::NalOverrun, 1)));
}

#[test]
fn c1_01_c1_02_short_lengths_are_rewritten() {
    let payload = [&[0, 5][..], IDR].concat();
    let (events, _) =
        run(&[video_header(&record(2, &[SPS], &[PPS])), message(0, 0, &payload, true)]);
    assert_eq!(pictures(&events), [avcc(&[IDR])]);
    let Some(Event::Track(track)) = events.first() else { panic!("{events:?}") };
    let CodecConfig::Avc(config) = &*track.config else { panic!("{track:?}") };
    assert_eq!(config.record()[4], 0xff);
}

#[test]
fn c1_03_missing_and_empty_headers_wait_for_sets_in_the_stream() {
    let with_sets = video(40, &[SPS, PPS, IDR]);
    for first in [video_header(&[]), video_header(&record(4, &[], &[])), video(0, &[INTER])] {
        let (events, notices) = run(&[first, video(20, &[INTER]), with_sets.clone()]);
        assert_eq!(shape(&events), "TV");
        assert_eq!(pictures(&events), [avcc(&[SPS, PPS, IDR])]);
        assert!(notices.iter().any(|&(kind, _)| kind == NoticeKind::BeforeConfig));
    }
}

#[test]
fn b4_06_repeated_headers_change_nothing() {
    let longer = [record(4, &[SPS], &[PPS]), vec![0xfd, 0xf8, 0xf8, 0]].concat();
    let tags = [
        header(),
        audio_header(LC_48K),
        video(0, &[IDR]),
        header(),
        audio_header(LC_48K),
        audio_header(&[0x11, 0x90, 0x56, 0xe5, 0]),
        video_header(&longer),
        video(40, &[IDR]),
    ];
    let (events, notices) = run(&tags);
    assert_eq!((shape(&events).as_str(), notices), ("TTVV", vec![]));
}

#[test]
fn b4_07_b4_09_a_new_header_applies_from_the_next_key_frame() {
    let tags = [
        header(),
        video(0, &[IDR]),
        video_header(&record(4, &[OTHER_SPS], &[PPS])),
        video(40, &[INTER]),
        video(80, &[IDR]),
    ];
    let (events, _) = run(&tags);
    assert_eq!(shape(&events), "TVVTV");
    // Changed and changed back before any key frame: nothing changed.
    let tags = [&tags[..4], &[header(), video(80, &[IDR])]].concat();
    assert_eq!(shape(&run(&tags).0), "TVVV");
}

#[test]
fn b4_08_an_audio_change_applies_at_once() {
    let tags = [audio_header(LC_48K), audio(0, &[1]), audio_header(&[0x12, 0x10]), audio(21, &[1])];
    assert_eq!(shape(&run(&tags).0), "TATA");
}

#[test]
fn c1_13_sets_in_the_stream_equal_and_changed() {
    let same = video(40, &[SPS, PPS, IDR]);
    let (events, notices) = run(&[header(), video(0, &[IDR]), same]);
    assert_eq!((shape(&events).as_str(), notices), ("TVV", vec![]), "kept as they are");
    let changed = video(40, &[OTHER_SPS, PPS, IDR]);
    let (events, notices) = run(&[header(), video(0, &[IDR]), changed, video(80, &[INTER])]);
    assert_eq!(shape(&events), "TVTVV");
    assert_eq!(notices, [(NoticeKind::InBandConfig, 1)]);
}

#[test]
fn b4_01_adts_without_a_header() {
    let frame = |payload: &[u8]| {
        let length = payload.len() + 7;
        let bits = [
            0xff,
            0xf1,
            0x4c,
            0x80 | (length >> 11) as u8,
            (length >> 3) as u8,
            (length << 5) as u8 | 0x1f,
            0xfc,
        ];
        [&bits, payload].concat()
    };
    let two = [frame(&[3, 3]), frame(&[4])].concat();
    let (events, notices) = run(&[audio(0, &frame(&[1, 2])), audio(21, &two)]);
    assert_eq!(shape(&events), "TAAA");
    let audio = units(&events, MediaKind::Audio);
    assert_eq!(
        audio.iter().map(|unit| unit.data.as_ref()).collect::<Vec<_>>(),
        [&[1, 2][..], &[3, 3], &[4]]
    );
    assert_eq!(audio.iter().map(|unit| unit.dts).collect::<Vec<_>>(), [0, 21_000, 42_333]);
    assert_eq!(notices, [(NoticeKind::Adts, 2)]);
    // Behind a sequence header, which stands.
    let (events, _) = run(&[audio_header(LC_48K), self::audio(0, &frame(&[1, 2]))]);
    assert_eq!(shape(&events), "TA");
    // c3_15: a header that has become wrong.
    let (events, _) = run(&[audio_header(&[0x12, 0x10]), self::audio(0, &frame(&[1, 2]))]);
    assert_eq!(shape(&events), "TTA");
}

#[test]
fn b4_02_b4_03_b4_04_audio_without_header_empty_header_empty_frame() {
    let tags = [
        audio(0, &[1, 2]),
        audio_header(&[]),
        audio(21, &[1, 2]),
        audio_header(&[0x11]),
        audio_header(LC_48K),
        audio(43, &[]),
        audio(64, &[1, 2]),
    ];
    let (events, notices) = run(&tags);
    assert_eq!((shape(&events).as_str(), times(&events, MediaKind::Audio)), ("TA", vec![64]));
    assert_eq!(
        notices,
        [
            (NoticeKind::BeforeConfig, 2),
            (NoticeKind::EmptyConfig, 1),
            (NoticeKind::BadConfig, 1),
            (NoticeKind::EmptyFrame, 1)
        ]
    );
}

#[test]
fn b4_10_b4_12_end_of_sequence_and_commands_are_no_pictures() {
    let end = tag(TagKind::Video, 40, &[0x17, 2, 0, 0, 0], &[]);
    let command = tag(TagKind::Video, 50, &[0x57, 0], &[]);
    let (events, notices) =
        run(&[header(), video(0, &[IDR]), end, command, header(), video(80, &[IDR])]);
    assert_eq!((shape(&events).as_str(), notices), ("TVV", vec![]));
}

#[test]
fn b4_11_nal_units_tell_the_key_frame() {
    let tags =
        [header(), message(0, 0, &avcc(&[IDR]), false), message(40, 0, &avcc(&[INTER]), true)];
    let (events, notices) = run(&tags);
    assert_eq!(
        units(&events, MediaKind::Video).iter().map(|unit| unit.key).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(notices, [(NoticeKind::KeyFlag, 2)]);
}

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
