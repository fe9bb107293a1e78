//! Streams as encoders send them.

#![expect(clippy::cast_possible_truncation, reason = "test data is small")]

mod advice;
mod enhanced;
mod notices;
mod pictures;
mod times;

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
    // A header that has become wrong.
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
