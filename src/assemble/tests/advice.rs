//! What is said beside the media, and counts for nothing.

use super::*;
use crate::amf::Value;
use crate::flv::write_metadata;
use crate::rtmp::chunk::{Message, Reader};
use crate::time::Micros;

fn metadata(fields: &[(&str, Value)]) -> Tag {
    let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Tag { kind: TagKind::Script, timestamp: 0, body: write_metadata(fields) }
}

fn media(events: &[Event]) -> Vec<Event> {
    let is_media = |event: &&Event| matches!(event, Event::Track(_) | Event::Unit(_));
    events.iter().filter(is_media).cloned().collect()
}

#[test]
fn a5_39_tracks_are_what_the_packets_are_whatever_metadata_says() {
    let stream = [
        header(),
        audio_header(LC_48K),
        video(0, &[IDR]),
        audio(0, &[1, 2]),
        video(40, &[INTER]),
        audio(21, &[1, 2]),
    ];
    let plain = media(&run(&stream).0);
    assert_eq!(plain.len(), 6);
    let lies: [&[(&str, Value)]; 6] = [
        &[],
        &[("videocodecid", 2.0.into()), ("audiocodecid", 2.0.into())],
        &[("videocodecid", "hvc1".into()), ("width", 1.0.into()), ("framerate", f64::NAN.into())],
        &[("audiocodecid", 0.0.into()), ("hasAudio", false.into())],
        &[("videocodecid", Value::Object(vec![])), ("audiosamplerate", (-1.0).into())],
        &[("duration", f64::INFINITY.into()), ("stereo", 3.0.into())],
    ];
    for lie in lies {
        // First, late, and again and again.
        let first = [&[metadata(lie)][..], &stream].concat();
        let late = [&stream[..3], &[metadata(lie)], &stream[3..]].concat();
        let often: Vec<Tag> = stream.iter().flat_map(|tag| [metadata(lie), tag.clone()]).collect();
        for tags in [first, late, often] {
            assert_eq!(media(&run(&tags).0), plain, "{lie:?}");
        }
    }
}

#[test]
fn a5_39_sound_that_is_said_and_never_comes_is_no_track() {
    let said = metadata(&[("audiocodecid", 10.0.into()), ("stereo", true.into())]);
    let (events, notices) = run(&[said, header(), video(0, &[IDR]), video(40, &[INTER])]);
    assert_eq!((shape(&events).replace('?', ""), notices), ("TVV".to_owned(), vec![]));
}

#[test]
fn b4_05_rate_and_channels_of_the_tag_mean_nothing_for_aac() {
    let of = |first: u8| {
        let tags = [
            tag(TagKind::Audio, 0, &[first, 0], LC_48K),
            tag(TagKind::Audio, 0, &[first, 1], &[1, 2]),
            tag(TagKind::Audio, 21, &[first, 1], &[3, 4]),
        ];
        run(&tags)
    };
    let expected = of(0xaf);
    let Event::Track(track) = &expected.0[0] else { panic!("{expected:?}") };
    assert_eq!((track.config.sample_rate(), track.config.channels()), (Some(48_000), Some(2)));
    for flags in 0..16 {
        assert_eq!(of(0xa0 | flags), expected, "flags {flags}");
    }
}

#[test]
fn b3_06_repair_of_one_track_does_not_touch_the_other() {
    // The sound jumps an hour, jitters, and stands still; the pictures come as they should.
    let sound = |n: u32| match n {
        0..20 => n * 40,
        20..30 => n * 40 + 3_600_000,
        30..40 => n * 40 + 3_600_000 - n % 3 * 7,
        _ => 39 * 40 + 3_600_000,
    };
    let stream = |sound: &dyn Fn(u32) -> u32| {
        let mut tags = vec![header(), audio_header(LC_48K)];
        for n in 0..50 {
            tags.push(video(n * 40, &[if n == 0 { IDR } else { INTER }]));
            tags.push(audio(sound(n), &[1, 2]));
        }
        run(&tags)
    };
    let (events, notices) = stream(&sound);
    assert!(!shape(&events).contains('D'));
    assert_eq!(times(&events, MediaKind::Video), (0..50).map(|n| n * 40).collect::<Vec<_>>());
    assert!(notices.iter().any(|&(kind, _)| kind == NoticeKind::TimeJump), "{notices:?}");
    let sounds = units(&events, MediaKind::Audio);
    assert!(sounds.windows(2).all(|pair| pair[0].dts < pair[1].dts));
    let drift = sounds.last().unwrap().dts - 49 * 40_000;
    assert!(drift.abs() <= 500_000, "{drift}");
    // And the other way round.
    let mut tags = vec![header(), audio_header(LC_48K)];
    for n in 0..50 {
        tags.push(video(sound(n), &[if n == 0 { IDR } else { INTER }]));
        tags.push(audio(n * 40, &[1, 2]));
    }
    let (events, _) = run(&tags);
    assert_eq!(times(&events, MediaKind::Audio), (0..50).map(|n| n * 40).collect::<Vec<_>>());
}

#[test]
fn a2_12_the_deltas_of_an_old_librtmp_run_ahead_and_are_put_right() {
    // It sent a type-3 header where two times are equal, which adds the last delta once more: the reader's clock runs ahead
    // by 40 ms each time, until a full header takes it back.
    let header_0 = |time: u32, len: u8| {
        let [_, a, b, c] = time.to_be_bytes();
        vec![4, a, b, c, 0, 0, len, 9, 1, 0, 0, 0]
    };
    let body = |nal: &[u8], key: bool| message(0, 0, &avcc(&[nal]), key).body;
    let (first, frame) = (body(IDR, true), body(INTER, false));
    let len = u8::try_from(frame.len()).unwrap();
    let mut wire = header_0(1000, u8::try_from(first.len()).unwrap());
    wire.extend_from_slice(&first);
    for n in 0..6 {
        // 40 ms on, then another message of that same time.
        let type_1 = [&[0x44, 0, 0, 40, 0, 0, len, 9][..], &frame].concat();
        wire.extend(if n == 0 { type_1 } else { [&[0x84, 0, 0, 40][..], &frame].concat() });
        wire.extend([&[0xc4][..], &frame].concat());
    }
    let back_at = 1000 + 7 * 40;
    for n in 0..12 {
        wire.extend([&header_0(back_at + n * 40, len)[..], &frame].concat());
    }
    let mut reader = Reader::new(&Limits::default());
    let (mut rest, mut tags, mut wire_times) = (&wire[..], vec![header()], Vec::new());
    while let Some(message) = reader.poll_message(Micros::ZERO, &mut rest).unwrap() {
        wire_times.push(message.timestamp);
        let Message { timestamp, payload: body, .. } = message;
        tags.push(Tag { kind: TagKind::Video, timestamp, body });
    }
    assert_eq!(
        wire_times[..5],
        [1000, 1040, 1080, 1120, 1160],
        "ahead of 1000, 1040, 1040, 1080, 1080"
    );
    let (events, notices) = run(&tags);
    let units = units(&events, MediaKind::Video);
    assert_eq!((units.len(), shape(&events).contains('D')), (25, false), "nothing is lost");
    assert!(units.windows(2).all(|pair| pair[0].dts < pair[1].dts));
    assert_eq!(units.last().unwrap().dts, i64::from(back_at + 11 * 40) * 1000, "right again");
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].0, NoticeKind::NonMonotonic);
}

#[test]
fn c3_15_a_configuration_that_changes_in_adts_is_a_change_of_the_track() {
    // Rate index 3 (48 kHz) or 4 (44.1 kHz), one or two channels.
    let frame = |rate: u8, channels: u8| {
        vec![0xff, 0xf1, 0x40 | rate << 2, channels << 6, 1, 0x3f, 0xfc, 0x21, 0x10]
    };
    let stereo = |at| audio(at, &frame(3, 2));
    let tags = [
        stereo(0),
        stereo(21),
        audio(42, &frame(4, 2)),
        audio(65, &frame(4, 2)),
        audio(88, &frame(4, 1)),
        stereo(111),
    ];
    let (events, notices) = run(&tags);
    assert_eq!(shape(&events), "TAATAATATA");
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Track(track) => {
                Some((track.config.sample_rate().unwrap(), track.config.channels().unwrap()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(told, [(48_000, 2), (44_100, 2), (44_100, 1), (48_000, 2)]);
    assert_eq!(notices, [(NoticeKind::Adts, 6)]);
}
