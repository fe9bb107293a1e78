//! Enhanced RTMP: tracks, codecs, and configuration from the stream.

use super::*;
use crate::codec::color::{ColorInfo, ContentLight, HdrMetadata};
use crate::flv::body::PacketType;
use crate::flv::enhanced::{ColorMetadata, ExHeader, write_color_info};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/", $name))
    };
}

const HVCC: &[u8] = fixture!("eflv/hevc.hvcC");
const HEVC_KEY: &[u8] = fixture!("eflv/hevc.key.bin");
const HEVC_INTER: &[u8] = fixture!("eflv/hevc.inter.bin");
const AV1C: &[u8] = fixture!("eflv/av1.av1C");
const AV1_KEY: &[u8] = fixture!("eflv/av1.key.bin");
const AV1_INTER: &[u8] = fixture!("eflv/av1.inter.bin");
const VP9_KEY: &[u8] = fixture!("eflv/vp9.key.bin");
const VP9_INTER: &[u8] = fixture!("eflv/vp9.inter.bin");
const VP8_KEY: &[u8] = fixture!("codecs/vp8.key.bin");
const OPUS_HEAD: &[u8] = fixture!("eflv/opus.head");
const OPUS: &[u8] = fixture!("eflv/opus.packet.bin");
const MP3S: &[u8] = fixture!("eflv/mp3.frames.bin");
const AC3: &[u8] = fixture!("eflv/ac3.frame.bin");

fn ex(kind: TagKind, packet: PacketType, key: bool, track: u8, id: &[u8; 4], data: &[u8]) -> Tag {
    let header = match kind {
        TagKind::Video => ExHeader::video(packet, key).unwrap(),
        _ => ExHeader::audio(packet).unwrap(),
    };
    let chain = header.packet(*id, track, 0, Bytes::copy_from_slice(data));
    Tag { kind, timestamp: 0, body: chain.to_bytes() }
}

fn start(id: &[u8; 4], data: &[u8]) -> Tag {
    ex(TagKind::Video, PacketType::SequenceHeader, true, 0, id, data)
}

fn frames(timestamp: u32, key: bool, id: &[u8; 4], data: &[u8]) -> Tag {
    Tag { timestamp, ..ex(TagKind::Video, PacketType::Frames, key, 0, id, data) }
}

fn sound(timestamp: u32, id: &[u8; 4], data: &[u8]) -> Tag {
    Tag { timestamp, ..ex(TagKind::Audio, PacketType::Frames, true, 0, id, data) }
}

/// Codec strings of the tracks in order.
fn codecs(events: &[Event]) -> Vec<String> {
    let codec = |event: &Event| match event {
        Event::Track(track) => Some(format!("{} {}", track.id, track.config.codec_string())),
        _ => None,
    };
    events.iter().filter_map(codec).collect()
}

#[test]
fn a6_16_a6_34_legacy_and_extended_tags_of_one_number_are_one_track() {
    let multitrack = ExHeader::video(PacketType::Frames, false).unwrap();
    let body = [&[0xa6, 0x01][..], b"avc1", &[0, 0, 0, 0], &avcc(&[INTER])].concat();
    let tags = [
        header(),
        video(0, &[IDR]),
        Tag {
            kind: TagKind::Video,
            timestamp: 40,
            body: multitrack.packet(*b"avc1", 0, 0, avcc(&[INTER]).into()).to_bytes(),
        },
        Tag { kind: TagKind::Video, timestamp: 80, body: body.into() },
        start(b"avc1", &record(4, &[SPS], &[PPS])),
        video(120, &[INTER_2]),
    ];
    let (events, notices) = run(&tags);
    assert_eq!((shape(&events).as_str(), notices), ("TVVVV", vec![]));
    assert_eq!(times(&events, MediaKind::Video), [0, 40, 80, 120]);
}

#[test]
fn a6_15_video_and_audio_number_their_tracks_apart() {
    let second = |time, packet, data: &[u8]| Tag {
        timestamp: time,
        ..ex(TagKind::Audio, packet, true, 1, b"Opus", data)
    };
    let video_header = ex(TagKind::Video, PacketType::SequenceHeader, true, 1, b"av01", AV1C);
    let picture = ex(TagKind::Video, PacketType::Frames, true, 1, b"av01", AV1_KEY);
    let tags = [
        audio_header(LC_48K),
        second(0, PacketType::SequenceHeader, OPUS_HEAD),
        video_header,
        picture,
        audio(0, &[1, 2]),
        second(0, PacketType::Frames, OPUS),
        audio(21, &[3, 4]),
        second(20, PacketType::Frames, OPUS),
    ];
    let (events, notices) = run(&tags);
    assert_eq!(codecs(&events), ["audio mp4a.40.2", "audio1 Opus", "video1 av01.0.00M.08"]);
    assert_eq!(notices, []);
    let of = |index| {
        let units = units(&events, MediaKind::Audio).into_iter();
        units.filter(move |unit| unit.track.index == index).map(|unit| unit.dts).collect::<Vec<_>>()
    };
    assert_eq!((of(0), of(1)), (vec![0, 21_000], vec![0, 20_000]));
}

#[test]
fn a6_13_tracks_are_bounded() {
    let tags: Vec<Tag> = (0..40)
        .map(|track| ex(TagKind::Video, PacketType::Frames, true, track, b"av01", AV1_KEY))
        .collect();
    let (events, notices) = run(&tags);
    assert_eq!(codecs(&events).len(), Limits::default().tracks);
    assert!(notices.contains(&(NoticeKind::TooManyTracks, 24)), "{notices:?}");
}

#[test]
fn a6_17_a_track_changes_its_codec_by_a_new_sequence_start() {
    let tags = [
        header(),
        video(0, &[IDR]),
        start(b"av01", AV1C),
        // Late frames of the codec before.
        video(20, &[INTER]),
        frames(40, true, b"av01", AV1_KEY),
        start(b"av01", AV1C),
        frames(80, false, b"av01", AV1_INTER),
        start(b"hvc1", HVCC),
        frames(120, true, b"hvc1", HEVC_KEY),
    ];
    let (events, notices) = run(&tags);
    assert_eq!(
        codecs(&events),
        ["video avc1.64001e", "video av01.0.00M.08", "video hvc1.1.6.L60.90"]
    );
    assert_eq!(units(&events, MediaKind::Video).len(), 4);
    assert_eq!(notices, [(NoticeKind::UnsupportedVideo, 1)]);
}

#[test]
fn a6_30_c2_06_av1_is_configured_by_its_first_key_unit() {
    for empty in [false, true] {
        let header = empty.then(|| start(b"av01", &[]));
        let tags = [
            frames(0, false, b"av01", AV1_INTER),
            frames(40, true, b"av01", AV1_KEY),
            frames(80, false, b"av01", AV1_INTER),
        ];
        let (events, notices) = run(&header.into_iter().chain(tags).collect::<Vec<_>>());
        assert_eq!(codecs(&events), ["video av01.0.00M.08"]);
        let units = units(&events, MediaKind::Video);
        assert_eq!((units.len(), units[0].key, units[0].dts), (2, true, 40_000));
        assert!(AV1_KEY.ends_with(&units[0].data) && units[0].data.len() == AV1_KEY.len() - 2);
        assert!(notices.contains(&(NoticeKind::InBandConfig, 1)), "{notices:?}");
        assert!(notices.contains(&(NoticeKind::BeforeKey, 1)), "{notices:?}");
        assert_eq!(notices.contains(&(NoticeKind::EmptyConfig, 1)), empty);
    }
}

#[test]
fn a6_32_vp9_and_vp8_without_a_record_are_configured_by_the_key_frame() {
    let tags = [
        frames(0, false, b"vp09", VP9_INTER),
        frames(40, true, b"vp09", VP9_KEY),
        frames(80, false, b"vp09", VP9_INTER),
        frames(120, true, b"vp09", VP9_KEY),
    ];
    let (events, notices) = run(&tags);
    assert_eq!(codecs(&events), ["video vp09.00.11.08"]);
    assert_eq!(units(&events, MediaKind::Video).len(), 3);
    assert_eq!(notices, [(NoticeKind::BeforeKey, 1)]);
    let (events, notices) = run(&[start(b"vp08", &[]), frames(0, true, b"vp08", VP8_KEY)]);
    assert_eq!(codecs(&events), ["video vp08.00.00.08"]);
    assert_eq!(notices, [(NoticeKind::EmptyConfig, 1)]);
    let Event::Track(track) = &events[0] else { panic!("{events:?}") };
    assert_eq!(track.config.size(), Some((642, 362)));
}

#[test]
fn a6_23_b4_19_hevc_under_legacy_ids() {
    for id in [0x1c_u8, 0x17] {
        let tags = [
            tag(TagKind::Video, 0, &[id, 0, 0, 0, 0], HVCC),
            tag(TagKind::Video, 0, &[id, 1, 0, 0, 133], HEVC_KEY),
            tag(TagKind::Video, 40, &[id + 0x10, 1, 0, 0, 0], HEVC_INTER),
        ];
        let (events, notices) = run(&tags);
        assert_eq!(codecs(&events), ["video hvc1.1.6.L60.90"]);
        // Each message of id 12, and the header of id 7.
        let count = if id == 0x1c { 3 } else { 1 };
        assert_eq!(notices, [(NoticeKind::LegacyHevc, count)]);
        let units = units(&events, MediaKind::Video);
        assert_eq!((units.len(), units[0].key, units[0].pts()), (2, true, 133_000));
    }
}

#[test]
fn c1_11_hevc_delimiters_are_cut_off_without_a_copy() {
    let message = [&avcc(&[&[0x46, 1, 0x50]]), HEVC_KEY].concat();
    let tag = frames(0, true, b"hvc1", &message);
    let (events, notices) = run(&[start(b"hvc1", HVCC), tag.clone()]);
    let unit = units(&events, MediaKind::Video)[0];
    assert_eq!((unit.data.as_ref(), notices), (HEVC_KEY, vec![(NoticeKind::Delimiter, 1)]));
    assert!(tag.body.as_ptr_range().contains(&unit.data.as_ptr()));
}

#[test]
fn c2_01_hevc_parameter_sets_in_the_stream_complete_an_empty_record() {
    let limits = Limits::default();
    let config = crate::codec::hevc::HevcConfig::parse(HVCC, &limits).unwrap();
    let sets = config.parameter_sets();
    let nals: Vec<&[u8]> =
        sets.vps().chain(sets.sps()).chain(sets.pps()).map(|nal| &nal[..]).collect();
    let mut key = avcc(&nals);
    key.extend_from_slice(HEVC_KEY);
    let tags = [
        frames(0, false, b"hvc1", HEVC_INTER),
        frames(40, true, b"hvc1", &key),
        start(b"hvc1", HVCC),
    ];
    let (events, notices) = run(&tags);
    assert_eq!(codecs(&events), ["video hvc1.1.6.L60.90"]);
    assert_eq!(units(&events, MediaKind::Video)[0].data, key);
    assert_eq!(notices, [(NoticeKind::BeforeKey, 1), (NoticeKind::InBandConfig, 1)]);
    // Parameter sets in a message of their own go ahead of the picture.
    let tags = [frames(0, true, b"hvc1", &avcc(&nals)), frames(0, true, b"hvc1", HEVC_KEY)];
    let (events, _) = run(&tags);
    assert_eq!(units(&events, MediaKind::Video)[0].data, key);
}

#[test]
fn a6_08_a6_09_colour_fills_in_what_the_stream_does_not_say_from_the_next_key_frame() {
    let color = ColorInfo { primaries: 9, transfer: 16, matrix: 9, full_range: false };
    let light = Some(ContentLight { max_content: 1000, max_frame_average: 400 });
    let told = ColorMetadata { color: Some(color), hdr: HdrMetadata { mastering: None, light } };
    let metadata =
        |told| ex(TagKind::Video, PacketType::Metadata, true, 0, b"hvc1", &write_color_info(&told));
    let tags = [
        start(b"hvc1", HVCC),
        metadata(told),
        frames(0, true, b"hvc1", HEVC_KEY),
        metadata(told),
        frames(40, true, b"hvc1", HEVC_KEY),
        metadata(ColorMetadata::default()),
        frames(80, false, b"hvc1", HEVC_INTER),
        frames(120, true, b"hvc1", HEVC_KEY),
    ];
    let (events, notices) = run(&tags);
    assert_eq!((shape(&events).as_str(), notices), ("TVVVTV", vec![]));
    let configs: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Track(track) => Some((track.config.color(), track.config.hdr().light)),
            _ => None,
        })
        .collect();
    assert_eq!(configs[0].1, light);
    assert_eq!(configs[1].1, None);
}

#[test]
fn a6_12_nanoseconds_move_the_presentation_time_alone() {
    let header = ExHeader::video(PacketType::Frames, true).unwrap().with_nanoseconds(333_333);
    let body = header.packet(*b"av01", 0, 0, AV1_KEY.into()).to_bytes();
    let audio = ExHeader::audio(PacketType::Frames).unwrap().with_nanoseconds(5_999);
    let sound = audio.packet(*b"Opus", 0, 0, OPUS.into()).to_bytes();
    let (events, _) = run(&[
        Tag { kind: TagKind::Video, timestamp: 7, body },
        Tag { kind: TagKind::Audio, timestamp: 8, body: sound },
    ]);
    let unit = units(&events, MediaKind::Video)[0];
    assert_eq!((unit.dts, unit.pts()), (7_000, 7_333));
    let unit = units(&events, MediaKind::Audio)[0];
    assert_eq!((unit.dts, unit.pts()), (8_000, 8_005));
}

#[test]
fn a6_26_opus_without_a_header() {
    let (events, notices) = run(&[sound(0, b"Opus", OPUS), sound(20, b"Opus", OPUS)]);
    assert_eq!(
        (codecs(&events), units(&events, MediaKind::Audio).len()),
        (vec!["audio Opus".to_owned()], 2)
    );
    assert_eq!(notices, [(NoticeKind::InBandConfig, 1)]);
    let Event::Track(track) = &events[0] else { panic!("{events:?}") };
    assert_eq!(track.config.unit_samples(OPUS), Some(960));
}

#[test]
fn b4_16_several_mp3_frames_in_a_message_are_taken_apart() {
    for head in [&[0x2e_u8][..], b"\x91.mp3", &[0xe0]] {
        let (events, notices) = run(&[tag(TagKind::Audio, 100, head, MP3S)]);
        assert_eq!((codecs(&events), notices), (vec!["audio mp4a.40.34".to_owned()], vec![]));
        let units = units(&events, MediaKind::Audio);
        assert_eq!(
            units.iter().map(|unit| unit.dts).collect::<Vec<_>>(),
            [100_000, 126_122, 152_244]
        );
        assert_eq!(units.iter().map(|unit| unit.data.len()).sum::<usize>(), MP3S.len());
    }
    let (events, notices) = run(&[tag(TagKind::Audio, 0, &[0x2e], &[1, 2, 3])]);
    assert_eq!((events, notices), (vec![], vec![(NoticeKind::MalformedBody, 1)]));
}

#[test]
fn a6_27_ac3_frames_carry_their_configuration() {
    let header = ex(TagKind::Audio, PacketType::SequenceHeader, true, 0, b"ac-3", &[]);
    let two = [AC3, AC3].concat();
    let (events, notices) = run(&[header, sound(0, b"ac-3", &two), sound(64, b"ac-3", &[1, 2])]);
    assert_eq!(
        (codecs(&events), shape(&events)),
        (vec!["audio ac-3".to_owned()], "TAA".to_owned())
    );
    assert_eq!(times(&events, MediaKind::Audio), [0, 32]);
    assert_eq!(notices, [(NoticeKind::MalformedBody, 1)]);
}

#[test]
fn b4_13_b4_14_codecs_without_a_module_are_carried_opaque() {
    let tags = [
        tag(TagKind::Video, 0, &[0x14, 0x21, 2, 3], &[]),
        tag(TagKind::Audio, 0, &[0xb2, 1, 2], &[]),
        tag(TagKind::Video, 40, &[0x24, 0x21, 4], &[]),
        tag(TagKind::Video, 40, &[0x1f, 4], &[]),
        tag(TagKind::Audio, 40, &[0xd2, 1, 2], &[]),
    ];
    let (events, notices) = run(&tags);
    assert_eq!(codecs(&events), ["video VP6", "audio Speex"]);
    let units = units(&events, MediaKind::Video);
    assert_eq!((units[0].data.as_ref(), units[0].key, units[1].key), (&[2, 3][..], true, false));
    let expected = [(NoticeKind::UnsupportedVideo, 1), (NoticeKind::UnsupportedAudio, 1)];
    assert_eq!(notices, expected);
    for event in &events {
        if let Event::Track(track) = event {
            assert!(track.config.fits_mp4().is_err());
        }
    }
}

#[test]
fn b4_14_vp6_without_a_bitstream_behind_its_adjustment_is_no_picture() {
    let tags = [
        tag(TagKind::Video, 0, &[0x14, 0x21], &[]),
        tag(TagKind::Video, 40, &[0x14, 0x21, 4], &[]),
    ];
    let (events, notices) = run(&tags);
    assert_eq!((shape(&events), notices), ("TV".to_owned(), vec![(NoticeKind::EmptyFrame, 1)]));
}

#[test]
fn a6_05_an_unknown_four_cc_is_carried_and_the_stream_goes_on() {
    let tags = [start(b"abcd", b"config"), frames(0, true, b"abcd", b"x"), sound(0, b"Opus", OPUS)];
    let (events, notices) = run(&tags);
    assert_eq!(shape(&events), "TVTA");
    assert_eq!(notices, [(NoticeKind::InBandConfig, 1)]);
}
