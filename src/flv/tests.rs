//! Files as they should not be, and bodies of every kind.

#![expect(clippy::cast_possible_truncation, reason = "test data is small")]

use bytes::Bytes;
use proptest::prelude::*;

use super::body::{AudioBody, AudioCodec, FrameType, PacketType, VideoBody, VideoCodec};
use super::*;
use crate::error::ErrorKind;
use crate::limits::Limits;

fn tag(kind: TagKind, timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind, timestamp, body: Bytes::copy_from_slice(body) }
}

fn three() -> Vec<Tag> {
    vec![
        tag(TagKind::Script, 0, b"\x02\x00\x0aonMetaData"),
        tag(TagKind::Video, 0x0123_4567, &[0x17, 1, 0, 0, 0, 9, 9, 9]),
        tag(TagKind::Audio, 0xffff_ffff, &[0xaf, 1, 7, 7, 7]),
    ]
}

fn file(tags: &[Tag]) -> Vec<u8> {
    let mut writer = Writer::new();
    let mut out = writer.header(true, true).to_vec();
    tags.iter().for_each(|tag| out.extend(writer.tag(tag).unwrap().to_bytes()));
    assert_eq!(writer.offset(), out.len() as u64);
    out
}

struct Found {
    tags: Vec<Tag>,
    offsets: Vec<u64>,
    truncated: bool,
    notices: Vec<(ReaderNotice, u64)>,
    result: Result<(), crate::error::Error>,
}

fn read_with(limits: &Limits, file: &[u8], piece: usize) -> Found {
    let mut reader = Reader::new(limits);
    let mut found =
        Found { tags: vec![], offsets: vec![], truncated: false, notices: vec![], result: Ok(()) };
    let take = |reader: &mut Reader, found: &mut Found| {
        while let Some((offset, tag)) = reader.poll_tag() {
            found.offsets.push(offset);
            found.tags.push(tag);
        }
    };
    'file: for mut piece in file.chunks(piece.max(1)) {
        while !piece.is_empty() {
            match reader.handle_input(piece) {
                Ok(used) => piece = &piece[used..],
                Err(error) => {
                    found.result = Err(error);
                    break 'file;
                }
            }
            take(&mut reader, &mut found);
        }
    }
    loop {
        found.truncated = reader.finish();
        let before = found.tags.len();
        take(&mut reader, &mut found);
        if found.tags.len() == before {
            break;
        }
    }
    found.notices = reader.notices().iter().map(|notice| (notice.kind, notice.count)).collect();
    found
}

/// Reads whole, by bytes and in odd pieces: all must agree.
fn read(file: &[u8]) -> Found {
    let whole = read_with(&Limits::default(), file, usize::MAX);
    for piece in [1, 7, 64] {
        let split = read_with(&Limits::default(), file, piece);
        assert_eq!(
            (&split.tags, &split.offsets),
            (&whole.tags, &whole.offsets),
            "pieces of {piece}"
        );
        assert_eq!(
            (split.truncated, &split.notices),
            (whole.truncated, &whole.notices),
            "pieces of {piece}"
        );
    }
    whole
}

#[test]
fn what_is_written_is_read_with_offsets() {
    let bytes = file(&three());
    let found = read(&bytes);
    assert_eq!(found.tags, three());
    assert!(!found.truncated && found.notices.is_empty());
    for (offset, tag) in found.offsets.iter().zip(&found.tags) {
        let start = *offset as usize;
        assert_eq!(&bytes[start..start + tag.body.len()], tag.body);
    }
}

#[test]
fn b1_01_flags_may_lie_and_versions_up_to_4_are_read() {
    let mut bytes = file(&three());
    (bytes[3], bytes[4]) = (4, 0);
    assert_eq!(read(&bytes).tags, three());
    bytes[3] = 5;
    assert_eq!(read(&bytes).result.unwrap_err().kind(), ErrorKind::Unsupported);
    let error = read(b"RIFF....AVI LIST").result.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Malformed, "signature"));
}

#[test]
fn b1_02_data_offset_is_followed_and_never_below_9() {
    let bytes = file(&three());
    let mut longer = [&bytes[..9], &[0xee; 20], &bytes[9..]].concat();
    longer[8] = 29;
    let found = read(&longer);
    assert_eq!((found.tags, found.notices), (three(), vec![(ReaderNotice::DataOffset, 1)]));
    let mut shorter = bytes;
    shorter[8] = 5;
    assert_eq!(read(&shorter).tags, three());
}

#[test]
fn b1_03_first_previous_tag_size_may_be_anything() {
    let mut bytes = file(&three());
    bytes[12] = 77;
    let found = read(&bytes);
    assert_eq!(
        (found.tags, found.notices),
        (three(), vec![(ReaderNotice::FirstPreviousTagSize, 1)])
    );
}

#[test]
fn b1_04_previous_tag_sizes_of_broken_writers() {
    for wrong in [0, 1, 10, 1 << 20] {
        let mut bytes = file(&[])[..13].to_vec();
        for tag in three() {
            let one = file(&[tag]);
            bytes.extend(&one[13..one.len() - 4]);
            bytes.extend(u32::to_be_bytes(wrong));
        }
        let found = read(&bytes);
        assert_eq!(found.tags, three(), "{wrong}");
        assert_eq!(found.notices, [(ReaderNotice::PreviousTagSize, 3)]);
    }
}

#[test]
fn b1_05_unknown_and_encrypted_tags_are_left_out() {
    let plain = file(&three());
    for (type_byte, notice) in [
        (21, ReaderNotice::UnknownTag),
        (0x29, ReaderNotice::Encrypted),
        (0x32, ReaderNotice::Encrypted),
    ] {
        let mut odd = file(&[tag(TagKind::Video, 3, &[1, 2, 3, 4])])[13..].to_vec();
        odd[0] = type_byte;
        let found = read(&[&plain[..], &odd, &plain[13..]].concat());
        assert_eq!(found.tags, [three(), three()].concat());
        assert_eq!(found.notices, [(notice, 1)]);
    }
}

#[test]
fn b1_06_amf3_script_tags_are_read_behind_their_switch() {
    let mut bytes = file(&[tag(TagKind::Script, 5, &[0, 2, 0, 1, b'x'])]);
    bytes[13] = 15;
    let found = read(&bytes);
    assert_eq!(found.tags, [tag(TagKind::Script, 5, &[2, 0, 1, b'x'])]);
    assert_eq!(found.offsets, [25]);
}

#[test]
fn b1_07_stream_id_is_ignored() {
    let mut bytes = file(&three());
    bytes[13 + 10] = 5;
    assert_eq!(read(&bytes).tags, three());
}

#[test]
fn b1_08_empty_tags_are_passed_over() {
    let found = read(&file(&[
        tag(TagKind::Video, 1, &[]),
        three()[2].clone(),
        tag(TagKind::Audio, 1, &[]),
    ]));
    assert_eq!(found.tags, three()[2..]);
    assert!(!found.truncated && found.notices.is_empty());
}

#[test]
fn b1_09_a_file_cut_anywhere_gives_its_whole_tags() {
    let bytes = file(&three());
    let ends: Vec<usize> = (0..=3).map(|count| file(&three()[..count]).len()).collect();
    for cut in 0..bytes.len() {
        let found = read(&bytes[..cut]);
        // A body is whole without the size behind it.
        let whole = ends[1..].iter().filter(|&&end| end - 4 <= cut).count();
        assert_eq!(found.tags, three()[..whole], "cut at {cut}");
        let clean =
            ends.contains(&cut) || ends[1..].iter().any(|&end| (end - 4..end).contains(&cut));
        assert_eq!(found.truncated, !clean, "cut at {cut}");
    }
}

#[test]
fn b1_10_garbage_between_tags_is_passed_over() {
    let plain = file(&three());
    let garbage: [&[u8]; 5] = [
        &[0xff; 50],
        &[0; 3],
        b"HTTP/1.1 200 OK\r\n",
        &[9, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1],
        &[8; 30],
    ];
    for garbage in garbage {
        let found = read(&[&plain[..], garbage, &plain[13..]].concat());
        assert_eq!(found.tags, [three(), three()].concat(), "{garbage:x?}");
        assert!(found.notices.iter().any(|&(kind, _)| kind == ReaderNotice::Garbage));
    }
}

#[test]
fn b1_10_a_tag_cut_by_a_crash_before_the_next_one() {
    let plain = file(&three());
    let cut = &file(&[tag(TagKind::Video, 7, &[0x27; 500])])[13..300];
    let found = read(&[&plain[..], cut, &plain[13..]].concat());
    assert_eq!(found.tags, [three(), three()].concat());
}

#[test]
fn b1_10_a_file_of_garbage_is_given_up() {
    let mut reader = Reader::new(&Limits::default());
    reader.handle_input(&file(&three())).unwrap();
    let megabyte = vec![0xee; 1 << 20];
    let error = (0..40).find_map(|_| reader.handle_input(&megabyte).err()).unwrap();
    assert_eq!(error.field(), "no tag found");
    assert!(reader.handle_input(&megabyte).is_err(), "the error stays");
    assert_eq!(std::iter::from_fn(|| reader.poll_tag()).count(), 3);
}

#[test]
fn b1_11_extended_timestamp_is_the_upper_byte() {
    let bytes = file(&[tag(TagKind::Audio, 0x8912_3456, &[1])]);
    assert_eq!(bytes[17..21], [0x12, 0x34, 0x56, 0x89]);
    assert_eq!(read(&bytes).tags[0].timestamp, 0x8912_3456);
}

#[test]
fn b1_12_bodies_of_16_mib_are_refused() {
    let mut writer = Writer::new();
    let mut large = tag(TagKind::Video, 0, &[]);
    large.body = vec![0; 1 << 24].into();
    assert_eq!(writer.tag(&large).unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert_eq!(writer.offset(), 0);
    large.body.truncate((1 << 24) - 1);
    let chain = writer.tag(&large).unwrap();
    assert_eq!(chain.iter().nth(1).unwrap().as_ptr(), large.body.as_ptr(), "shared");
}

#[test]
fn tags_past_the_limit_are_left_out_and_never_buffered() {
    let limits = Limits { message_bytes: 100, ..Limits::default() };
    let bytes = file(&[three()[1].clone(), tag(TagKind::Video, 1, &[3; 5000]), three()[2].clone()]);
    for piece in [1, 64, usize::MAX] {
        let found = read_with(&limits, &bytes, piece);
        assert_eq!(found.tags, three()[1..]);
        assert_eq!(found.notices, [(ReaderNotice::TooLarge, 1)]);
    }
}

#[test]
fn a_full_queue_takes_no_more_input() {
    let limits = Limits { queued_events: 2, ..Limits::default() };
    let bytes = file(&three());
    let mut reader = Reader::new(&limits);
    let used = reader.handle_input(&bytes).unwrap();
    assert_eq!(used, file(&three()[..2]).len());
    assert_eq!(reader.handle_input(&bytes[used..]).unwrap(), 0);
    assert!(reader.poll_tag().is_some());
    assert_eq!(reader.handle_input(&bytes[used..]).unwrap(), bytes.len() - used);
}

fn video(bytes: &[u8]) -> VideoBody {
    VideoBody::parse(&Bytes::copy_from_slice(bytes)).unwrap()
}

fn audio(bytes: &[u8]) -> AudioBody {
    AudioBody::parse(&Bytes::copy_from_slice(bytes)).unwrap()
}

#[test]
fn b3_10_composition_time_is_signed() {
    for (bytes, time) in [([0, 0, 67], 67), ([0xff, 0xff, 0xdf], -33), ([0x80, 0, 0], -(1 << 23))] {
        let body = video(&[&[0x27, 1][..], &bytes, &[9]].concat());
        assert_eq!((body.composition_time, body.packet), (time, PacketType::Frames));
        assert_eq!((body.data.as_ref(), body.frame_type), (&[9][..], FrameType::Inter));
    }
}

#[test]
fn b4_10_b4_12_end_of_sequence_and_commands() {
    assert_eq!(video(&[0x17, 2, 0, 0, 0]).packet, PacketType::EndOfSequence);
    assert_eq!(video(&[0x57, 0]).frame_type, FrameType::Command);
    assert!(!video(&[0x57]).says_key());
    assert!(video(&[0x47, 1, 0, 0, 0]).says_key());
}

#[test]
fn b4_13_other_codecs_are_opaque_and_named() {
    for (id, codec) in [
        (2, VideoCodec::SorensonH263),
        (3, VideoCodec::Screen),
        (4, VideoCodec::Vp6),
        (5, VideoCodec::Vp6Alpha),
        (6, VideoCodec::Screen2),
        (9, VideoCodec::Other(9)),
    ] {
        let body = video(&[0x10 | id, 1, 2, 3]);
        assert_eq!((body.codec, body.data.as_ref()), (codec, &[1, 2, 3][..]));
    }
    for (format, codec) in [
        (0, AudioCodec::Pcm),
        (1, AudioCodec::Adpcm),
        (2, AudioCodec::Mp3),
        (6, AudioCodec::Nellymoser),
        (7, AudioCodec::G711ALaw),
        (8, AudioCodec::G711MuLaw),
        (11, AudioCodec::Speex),
        (14, AudioCodec::Mp3At8Khz),
        (13, AudioCodec::Other(13)),
    ] {
        let body = audio(&[format << 4 | 0x0f, 1, 2]);
        assert_eq!((body.codec, body.data.as_ref()), (codec, &[1, 2][..]));
    }
}

#[test]
fn b4_15_rates_that_the_format_fixes() {
    let rate = |byte| (audio(&[byte]).sample_rate, audio(&[byte]).stereo);
    assert_eq!(rate(0xbf), (16_000, false));
    assert_eq!(rate(0x5f), (8_000, false));
    assert_eq!(rate(0x7e).0, 8_000);
    assert_eq!(rate(0x2b), (22_050, true));
}

#[test]
fn extended_headers_of_avc_and_aac_and_of_others() {
    let body = video(&[0x91, b'a', b'v', b'c', b'1', 0xff, 0xff, 0xff, 5]);
    assert_eq!(
        (body.codec, body.composition_time, body.data.as_ref()),
        (VideoCodec::Avc, -1, &[5][..])
    );
    let body = video(&[0xa3, b'a', b'v', b'c', b'1', 5]);
    assert_eq!(
        (body.packet, body.composition_time, body.data.as_ref()),
        (PacketType::Frames, 0, &[5][..])
    );
    let body = video(&[0x90, b'h', b'v', b'c', b'1', 5]);
    assert_eq!((body.codec, body.packet), (VideoCodec::Hevc, PacketType::SequenceHeader));
    let body = audio(&[0x91, b'm', b'p', b'4', b'a', 5]);
    assert_eq!(
        (body.codec, body.packet, body.data.as_ref()),
        (AudioCodec::Aac, PacketType::Frames, &[5][..])
    );
    assert_eq!(audio(&[0x90, b'O', b'p', b'u', b's']).codec, AudioCodec::Opus);
}

#[test]
fn short_bodies_are_malformed() {
    for bytes in [
        &[][..],
        &[0x17],
        &[0x17, 1, 0, 0],
        &[0x90, b'a', b'v', b'c'],
        &[0x91, b'a', b'v', b'c', b'1', 0],
    ] {
        let error = VideoBody::parse(&Bytes::copy_from_slice(bytes)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }
    for bytes in [&[][..], &[0xaf], &[0x90, 1]] {
        assert!(AudioBody::parse(&Bytes::copy_from_slice(bytes)).is_err());
    }
}

fn any_tag() -> impl Strategy<Value = Tag> {
    let kind = prop::sample::select(vec![TagKind::Audio, TagKind::Video, TagKind::Script]);
    let body = prop::collection::vec(any::<u8>(), 1..80);
    (kind, any::<u32>(), body).prop_map(|(kind, timestamp, body)| Tag {
        kind,
        timestamp,
        body: body.into(),
    })
}

#[test]
fn bodies_of_a_shared_input_are_slices_of_it() {
    let tags = three();
    let input = Bytes::from(file(&tags));
    let mut reader = Reader::new(&Limits::default());
    // The last tag lies across two buffers.
    for piece in [input.slice(..input.len() - 7), input.slice(input.len() - 7..)] {
        assert_eq!(reader.handle_shared(&piece).unwrap(), piece.len());
    }
    let found: Vec<(u64, Tag)> = std::iter::from_fn(|| reader.poll_tag()).collect();
    assert!(found.iter().map(|(_, tag)| tag).eq(&tags));
    let memory = input.as_ptr_range();
    let shared = found.iter().map(|(_, tag)| memory.contains(&tag.body.as_ptr()));
    assert_eq!(shared.collect::<Vec<_>>(), [true, true, false]);
}

proptest! {
    #[test]
    fn any_tags_survive_any_split_of_shared_input(
        tags in prop::collection::vec(any_tag(), 0..12),
        piece in 1_usize..200,
    ) {
        let input = Bytes::from(file(&tags));
        let mut reader = Reader::new(&Limits::default());
        for at in (0..input.len()).step_by(piece) {
            let piece = input.slice(at..(at + piece).min(input.len()));
            prop_assert_eq!(reader.handle_shared(&piece).unwrap(), piece.len());
        }
        let found: Vec<Tag> = std::iter::from_fn(|| reader.poll_tag()).map(|(_, tag)| tag).collect();
        prop_assert_eq!(found, read_with(&Limits::default(), &input, usize::MAX).tags);
    }

    #[test]
    fn any_tags_survive_any_split(tags in prop::collection::vec(any_tag(), 0..12), piece in 1_usize..200) {
        let found = read_with(&Limits::default(), &file(&tags), piece);
        prop_assert_eq!(found.tags, tags);
        prop_assert!(!found.truncated && found.notices.is_empty());
    }

    #[test]
    fn damaged_files_read_alike_however_split(
        tags in prop::collection::vec(any_tag(), 1..8),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        piece in 1_usize..64,
    ) {
        let mut bytes = file(&tags);
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let limits = Limits { message_bytes: 1000, ..Limits::default() };
        let whole = read_with(&limits, &bytes, usize::MAX);
        let split = read_with(&limits, &bytes, piece);
        prop_assert_eq!(whole.tags, split.tags);
        prop_assert_eq!(whole.offsets, split.offsets);
        prop_assert_eq!(whole.result, split.result);
        prop_assert_eq!(whole.truncated, split.truncated);
    }
}
