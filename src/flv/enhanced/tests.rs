use bytes::Bytes;
use proptest::prelude::*;

use super::super::body::{AudioBody, AudioCodec, FrameType, PacketType, VideoBody, VideoCodec};
use super::*;
use crate::amf::{Value, amf0, amf3};
use crate::buf::Writer;
use crate::codec::color::{ColorInfo, ContentLight, HdrMetadata, MasteringDisplay};
use crate::error::ErrorKind;
use crate::limits::Limits;

fn all(bytes: &[u8]) -> (Vec<VideoBody>, Option<Error>) {
    VideoBody::parse_all(&Bytes::copy_from_slice(bytes))
}

fn one(bytes: &[u8]) -> VideoBody {
    let (mut bodies, error) = all(bytes);
    assert_eq!((bodies.len(), error), (1, None), "{bytes:?}");
    bodies.remove(0)
}

fn audio(bytes: &[u8]) -> AudioBody {
    AudioBody::parse(&Bytes::copy_from_slice(bytes)).unwrap()
}

#[test]
fn a6_01_the_high_bit_tells_the_header_and_leaves_three_bits_of_frame_type() {
    let body = one(b"\x91hvc1\x00\x00\x21data");
    assert_eq!((body.frame_type, body.packet), (FrameType::Key, PacketType::Frames));
    assert_eq!((body.codec, body.composition_time, body.track), (VideoCodec::Hevc, 33, 0));
    assert_eq!(body.data.as_ref(), b"data");
    // The same codec by the legacy header.
    let body = one(b"\x1c\x01\x00\x00\x21data");
    assert_eq!((body.frame_type, body.packet), (FrameType::Key, PacketType::Frames));
    assert_eq!((body.codec, body.composition_time), (VideoCodec::Hevc, 33));
}

#[test]
fn a6_02_a6_33_sound_format_nine_is_an_extended_header() {
    for (id, codec) in [
        (b"mp4a", AudioCodec::Aac),
        (b"Opus", AudioCodec::Opus),
        (b"fLaC", AudioCodec::Flac),
        (b"ac-3", AudioCodec::Ac3),
        (b"ec-3", AudioCodec::Eac3),
        (b".mp3", AudioCodec::Mp3),
        (b"mp3 ", AudioCodec::Mp3),
        (b"abcd", AudioCodec::FourCc(*b"abcd")),
    ] {
        let body = audio(&[b"\x91", &id[..], b"x"].concat());
        assert_eq!((body.codec, body.format, body.packet), (codec, 9, PacketType::Frames));
        assert_eq!(body.data.as_ref(), b"x");
    }
    assert_eq!(AudioCodec::Mp3.four_cc(), Some(*b".mp3"));
}

#[test]
fn a6_03_packet_types() {
    let packet = |first: u8| one(&[&[first][..], b"av01x"].concat()).packet;
    assert_eq!(packet(0x90), PacketType::SequenceHeader);
    assert_eq!(packet(0x91), PacketType::Frames);
    assert_eq!(packet(0x92), PacketType::EndOfSequence);
    assert_eq!(packet(0x93), PacketType::Frames);
    assert_eq!(packet(0x94), PacketType::Metadata);
    assert_eq!(packet(0x95), PacketType::Other(5));
    assert_eq!(packet(0x98), PacketType::Other(8));
    let packet = |first: u8| audio(&[&[first][..], b"Opusx"].concat()).packet;
    assert_eq!(packet(0x90), PacketType::SequenceHeader);
    assert_eq!(packet(0x92), PacketType::EndOfSequence);
    assert_eq!(packet(0x94), PacketType::MultichannelConfig);
    assert_eq!(packet(0x93), PacketType::Other(3));
}

#[test]
fn a6_04_composition_time_only_where_the_codec_has_one() {
    for (id, timed) in [
        (b"avc1", true),
        (b"hvc1", true),
        (b"vvc1", true),
        (b"av01", false),
        (b"vp08", false),
        (b"vp09", false),
        (b"abcd", false),
    ] {
        let frames = one(&[b"\xa1", &id[..], b"\xff\xff\xfex"].concat());
        let expected = if timed { (-2, 1) } else { (0, 4) };
        assert_eq!((frames.composition_time, frames.data.len()), expected);
        let untimed = one(&[b"\xa3", &id[..], b"\xff\xff\xfex"].concat());
        assert_eq!((untimed.composition_time, untimed.data.len()), (0, 4));
    }
}

#[test]
fn a6_06_metadata_has_any_frame_type() {
    for first in [0x84, 0x94, 0xd4] {
        let body = one(&[&[first][..], b"hvc1x"].concat());
        assert_eq!((body.packet, body.data.as_ref()), (PacketType::Metadata, &b"x"[..]));
    }
}

#[test]
fn a6_07_a_command_is_one_byte_without_a_codec() {
    for (first, command) in [(0xd0, 0), (0xd1, 1)] {
        let body = one(&[first, command]);
        assert_eq!((body.packet, body.data.as_ref()), (PacketType::Command, &[command][..]));
    }
    assert_eq!(one(&[0x57, 0]).packet, PacketType::Command);
}

#[test]
fn a6_11_a6_12_f_14_modifiers_are_skipped_by_their_size_and_the_offset_is_kept() {
    // 3 bytes of offset, then coded frames.
    let body = one(b"\x97\x02\x0b\x17\x16\x01av01x");
    assert_eq!((body.packet, body.nanoseconds), (PacketType::Frames, 726_806));
    // Longer data than the offset needs, and more than it may say.
    assert_eq!(one(b"\x97\x03\x00\x00\x05\xff\x01av01x").nanoseconds, 5);
    assert_eq!(one(b"\x97\x02\xff\xff\xff\x01av01x").nanoseconds, 999_999);
    // Another modifier around it, one of 257 bytes, one too short to be an offset.
    let long = [b"\x97\xff\x01\x00", &[9; 257][..], b"\x57\x02\x00\x00\x07\x07\x00\x01\x01av01x"];
    let body = one(&long.concat());
    assert_eq!((body.packet, body.nanoseconds, body.data.len()), (PacketType::Frames, 7, 1));
    assert_eq!(audio(b"\x97\x02\x00\x00\x09\x01Opusx").nanoseconds, 9);
    // Modifiers without an end.
    let (bodies, error) = all(&[&[0x97][..], &[0, 0, 7].repeat(1000)].concat());
    assert_eq!((bodies.len(), error.unwrap().kind()), (0, ErrorKind::Malformed));
    assert!(all(b"\x97\xff\xff\xff123").1.is_some());
}

#[test]
fn a6_13_multitrack_in_its_three_forms() {
    let one_track = one(b"\x96\x01hvc1\x05\x00\x00\x07data");
    assert_eq!((one_track.track, one_track.composition_time), (5, 7));
    assert_eq!((one_track.packet, one_track.data.as_ref()), (PacketType::Frames, &b"data"[..]));
    let (many, error) =
        all(b"\x96\x11avc1\x00\x00\x00\x05\x00\x00\x01ab\x01\x00\x00\x04\x00\x00\x02c");
    let found: Vec<_> =
        many.iter().map(|body| (body.track, body.composition_time, &body.data[..])).collect();
    assert_eq!((found, error), (vec![(0, 1, &b"ab"[..]), (1, 2, b"c")], None));
    let (many, error) = all(b"\x96\x20av01\x00\x00\x00\x02abvp09\x03\x00\x00\x00");
    let found: Vec<_> = many.iter().map(|body| (body.codec, body.track, body.packet)).collect();
    let header = PacketType::SequenceHeader;
    assert_eq!(found, [(VideoCodec::Av1, 0, header), (VideoCodec::Vp9, 3, header)]);
    assert_eq!(error, None);
    for bad in [&b"\x96\x06avc1\x00x"[..], b"\x96\x07avc1\x00x", b"\x96\x31avc1\x00x", b"\x96"] {
        assert!(matches!(all(bad), (bodies, Some(_)) if bodies.is_empty()), "{bad:?}");
    }
    assert!(AudioBody::parse(&Bytes::from_static(b"\x95\x05Opus\x00x")).is_err());
    assert_eq!(audio(b"\x95\x01Opus\x02x").track, 2);
}

#[test]
fn a6_14_f_14_a_track_past_the_end_keeps_those_before_it() {
    let (bodies, error) = all(b"\x96\x11vp09\x00\x00\x00\x01a\x01\x00\x00\x09bc\x02\x00\x00\x01d");
    assert_eq!((bodies.len(), bodies[0].data.as_ref()), (1, &b"a"[..]));
    assert_eq!(error.unwrap().kind(), ErrorKind::Malformed);
}

#[test]
fn a6_29_channel_orders() {
    for (bytes, order) in [
        (&[0, 2][..], ChannelOrder::Unspecified),
        (&[1, 6, 0, 0, 0, 0x3f], ChannelOrder::Native(0x3f)),
        (&[2, 3, 1, 0xfe, 0xff], ChannelOrder::Custom(vec![1, 0xfe, 0xff])),
    ] {
        let config = MultichannelConfig::parse(bytes).unwrap();
        assert_eq!((config.channels, &config.order), (bytes[1], &order));
        assert_eq!(config.write().as_ref(), bytes);
    }
    for bad in [&[][..], &[1, 2, 0], &[2, 3, 1], &[3, 1]] {
        assert!(MultichannelConfig::parse(bad).is_err());
    }
}

fn hdr10() -> ColorMetadata {
    let mastering = MasteringDisplay::from_coordinates(
        (0.708, 0.292),
        (0.17, 0.797),
        (0.131, 0.046),
        (0.3127, 0.329),
        1000.0,
        0.005,
    );
    let light = ContentLight { max_content: 1000, max_frame_average: 400 };
    ColorMetadata {
        color: Some(ColorInfo { primaries: 9, transfer: 16, matrix: 9, full_range: false }),
        hdr: HdrMetadata { mastering: Some(mastering), light: Some(light) },
    }
}

#[test]
fn a6_08_color_info_is_read_as_a_whole_and_taken_back_by_an_empty_one() {
    let limits = Limits::default();
    let written = write_color_info(&hdr10());
    assert_eq!(parse_color_info(&written, &limits), Some(hdr10()));
    let empty = write_color_info(&ColorMetadata::default());
    assert_eq!(parse_color_info(&empty, &limits), Some(ColorMetadata::default()));
    let undefined = b"\x02\x00\x09colorInfo\x06";
    assert_eq!(parse_color_info(undefined, &limits), Some(ColorMetadata::default()));
    assert_eq!(parse_color_info(b"\x02\x00\x01x\x06", &limits), None);
    assert_eq!(parse_color_info(&[], &limits), None);
}

#[test]
fn written_headers_are_read_back() {
    let data = Bytes::from_static(b"data");
    let header = ExHeader::video(PacketType::Frames, true).unwrap();
    for (track, time) in [(0, 0), (0, -40), (7, 0), (7, 40)] {
        for nanoseconds in [0, 333_333] {
            let header = header.with_nanoseconds(nanoseconds);
            let chain = header.packet(*b"hvc1", track, time, data.clone());
            let body = one(&chain.to_bytes());
            assert_eq!((body.track, body.composition_time), (track, time));
            assert_eq!((body.nanoseconds, body.codec), (nanoseconds, VideoCodec::Hevc));
            assert!(body.says_key() && body.data == data);
            assert!(chain.iter().any(|part| part.as_ptr() == data.as_ptr()), "shared");
        }
    }
    let tracks = [(0, *b"avc1", 5, data.clone()), (1, *b"av01", 0, data.clone())];
    for count in [1, 2] {
        let (bodies, error) = all(&header.tracks(&tracks[..count]).unwrap().to_bytes());
        assert_eq!((bodies.len(), error), (count, None));
        assert!(bodies.iter().all(|body| body.data == data));
        assert_eq!(bodies[0].composition_time, 5);
    }
    let header = ExHeader::audio(PacketType::SequenceHeader).unwrap();
    let body = audio(&header.packet(*b"Opus", 3, 0, data.clone()).to_bytes());
    assert_eq!((body.track, body.packet), (3, PacketType::SequenceHeader));
    assert!(ExHeader::audio(PacketType::Metadata).is_err());
    assert!(ExHeader::video(PacketType::MultichannelConfig, false).is_err());
    assert!(header.tracks(&[]).is_err());
}

/// The values of a `colorInfo` packet, in AMF0.
fn color_values() -> (ColorMetadata, Vec<Value>) {
    let color = ColorInfo { primaries: 9, transfer: 16, matrix: 9, full_range: false };
    let light = ContentLight { max_content: 1000, max_frame_average: 400 };
    let hdr = HdrMetadata { mastering: None, light: Some(light) };
    let told = ColorMetadata { color: Some(color), hdr };
    (told, amf0::decode_all(&write_color_info(&told), &Limits::default()).0)
}

#[test]
fn a6_36_metadata_frames_in_amf3_are_read_in_every_form() {
    let (told, values) = color_values();
    let mut switched = Writer::default();
    values.iter().for_each(|value| amf0::encode_amf3(&mut switched, value));
    let (mut all_switched, mut bare) = (Writer::default(), Writer::default());
    for value in &values {
        all_switched.u8(0x11);
        amf3::encode(&mut all_switched, value);
        amf3::encode(&mut bare, value);
    }
    for form in [switched.as_slice(), all_switched.as_slice(), &write_color_info(&told)] {
        assert_eq!(parse_color_info(form, &Limits::default()), Some(told), "{form:?}");
        let selector = [&[0][..], form].concat();
        assert_eq!(parse_color_info(&selector, &Limits::default()), Some(told), "{form:?}");
    }
    assert_eq!(parse_color_info(bare.as_slice(), &Limits::default()), Some(told));
    // Any cut is no panic, and at most the name without its object: nothing is said.
    for end in 0..bare.as_slice().len() {
        let found = parse_color_info(&bare.as_slice()[..end], &Limits::default());
        assert!(found.is_none_or(|found| found == ColorMetadata::default()), "{end}");
    }
}

fn track() -> impl Strategy<Value = (u8, [u8; 4], i32, Bytes)> {
    let id = prop::sample::select(vec![*b"avc1", *b"hvc1", *b"vvc1", *b"av01", *b"vp09"]);
    let data = prop::collection::vec(any::<u8>(), 0..60).prop_map(Bytes::from);
    (any::<u8>(), id, -(1 << 23)..1 << 23, data)
}

proptest! {
    #[test]
    fn a6_13_every_packet_reads_as_written(
        (number, id, time, data) in track(), key: bool, nanoseconds in 0_u32..1_000_000,
    ) {
        let header = ExHeader::video(PacketType::Frames, key).unwrap().with_nanoseconds(nanoseconds);
        let body = VideoBody::parse(&header.packet(id, number, time, data.clone()).to_bytes()).unwrap();
        let timed = matches!(&id, b"avc1" | b"hvc1" | b"vvc1");
        prop_assert_eq!((body.says_key(), body.nanoseconds, body.track), (key, nanoseconds, number));
        prop_assert_eq!((body.codec.four_cc(), body.packet), (Some(id), PacketType::Frames));
        prop_assert_eq!((body.composition_time, body.data), (if timed { time } else { 0 }, data));
    }

    #[test]
    fn a6_13_every_multitrack_body_reads_as_written(tracks in prop::collection::vec(track(), 1..6)) {
        let header = ExHeader::video(PacketType::Frames, true).unwrap();
        let (bodies, error) = VideoBody::parse_all(&header.tracks(&tracks).unwrap().to_bytes());
        prop_assert_eq!(error, None);
        let timed = |id: &[u8; 4]| matches!(id, b"avc1" | b"hvc1" | b"vvc1");
        let found: Vec<_> = bodies.into_iter().map(|body| (body.track, body.codec.four_cc().unwrap(), body.composition_time, body.data)).collect();
        let expected: Vec<_> = tracks.into_iter().map(|(number, id, time, data)| {
            (number, id, if timed(&id) { time } else { 0 }, data)
        }).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn f_30_any_bytes_give_bodies_within_them(
        first in prop::sample::select(vec![0x90_u8, 0x91, 0x95, 0x96, 0x97, 0xa6, 0xd4]),
        rest in prop::collection::vec(prop_oneof![0_u8..8, any::<u8>()], 0..300),
    ) {
        let body = Bytes::from([&[first][..], &rest].concat());
        let (videos, _) = VideoBody::parse_all(&body);
        let (audios, _) = AudioBody::parse_all(&body);
        let parts = videos.iter().map(|video| &video.data).chain(audios.iter().map(|audio| &audio.data));
        let total: usize = parts.map(Bytes::len).sum();
        prop_assert!(total <= 2 * body.len());
        prop_assert!(videos.iter().all(|video| video.nanoseconds < 1_000_000));
    }
}
