//! Pictures in several messages, fields, start points.

use super::*;
use crate::codec::bits::BitWriter;
use crate::flv::body::PacketType;
use crate::flv::enhanced::{ColorMetadata, ExHeader, write_color_info};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/eflv/", $name))
    };
}

const HVCC: &[u8] = fixture!("hevc.hvcC");
const HEVC_KEY: &[u8] = fixture!("hevc.key.bin");
const HEVC_INTER: &[u8] = fixture!("hevc.inter.bin");
const HDR10_HVCC: &[u8] = fixture!("hdr10.hvcC");
const HDR10_KEY: &[u8] = fixture!("hdr10.key.bin");

fn hevc(timestamp: u32, packet: PacketType, key: bool, data: &[u8]) -> Tag {
    let header = ExHeader::video(packet, key).unwrap();
    let body = header.packet(*b"hvc1", 0, 0, Bytes::copy_from_slice(data)).to_bytes();
    Tag { kind: TagKind::Video, timestamp, body }
}

fn hevc_header(record: &[u8]) -> Tag {
    hevc(0, PacketType::SequenceHeader, true, record)
}

pub(super) fn hevc_nal(timestamp: u32, nal: &[u8]) -> Tag {
    let key = matches!(nal[0] >> 1 & 0x3f, 16..=23);
    hevc(timestamp, PacketType::Frames, key, &avcc(&[nal]))
}

/// The NAL units of a sample with 4-byte lengths.
fn nals(sample: &[u8]) -> Vec<&[u8]> {
    crate::codec::h264::nal::LengthPrefixed::new(sample, 4).map(|nal| nal.unwrap()).collect()
}

/// The rest of a picture: as the first slice, but not the first.
fn further_slice(slice: &[u8]) -> Vec<u8> {
    let mut further = slice.to_vec();
    further[2] &= 0x7f;
    further
}

const HEVC_AUD: &[u8] = &[0x46, 1, 0x50];
const HEVC_PREFIX_SEI: &[u8] = &[0x4e, 1, 5, 1, 0xff, 0x80];
const HEVC_SUFFIX_SEI: &[u8] = &[0x50, 1, 132, 1, 0xff, 0x80];

fn first_slice(sample: &'static [u8]) -> &'static [u8] {
    nals(sample).into_iter().find(|nal| nal[0] >> 1 & 0x3f < 32).unwrap()
}

#[test]
fn b3_03_b3_04_hevc_of_one_nal_unit_a_message_is_joined_into_pictures() {
    let (key, inter) = (first_slice(HEVC_KEY), first_slice(HEVC_INTER));
    let mut tags = vec![hevc_header(HVCC)];
    let mut expected = Vec::new();
    for frame in 0..4_u32 {
        let first = if frame == 0 { key } else { inter };
        let second = further_slice(first);
        let units = [HEVC_AUD, HEVC_PREFIX_SEI, first, &second, HEVC_SUFFIX_SEI];
        tags.extend(units.map(|nal| hevc_nal(frame * 40, nal)));
        expected.push(avcc(&units[1..]));
    }
    let (events, notices) = run(&tags);
    assert_eq!(pictures(&events), expected);
    assert_eq!(times(&events, MediaKind::Video), [0, 40, 80, 120]);
    let keys: Vec<bool> = units(&events, MediaKind::Video).iter().map(|unit| unit.key).collect();
    assert_eq!(keys, [true, false, false, false]);
    assert!(notices.contains(&(NoticeKind::SplitPicture, 8)), "{notices:?}");
    // Pictures of one time stay apart.
    let tags = [hevc_header(HVCC), hevc_nal(0, key), hevc_nal(0, inter), hevc_nal(0, inter)];
    assert_eq!(pictures(&run(&tags).0), [avcc(&[key]), avcc(&[inter]), avcc(&[inter])]);
}

#[test]
fn b3_03_the_rest_of_an_hevc_picture_that_is_left_out_is_left_out_too() {
    let (key, inter) = (first_slice(HEVC_KEY), first_slice(HEVC_INTER));
    let (rest, key_rest) = (further_slice(inter), further_slice(key));
    let tags = [
        hevc_header(HVCC),
        hevc_nal(0, inter),
        hevc_nal(0, &rest),
        hevc_nal(40, key),
        hevc_nal(40, &key_rest),
        // A slice of a picture that has no beginning.
        hevc_nal(80, &rest),
        hevc_nal(120, inter),
    ];
    let (events, notices) = run(&tags);
    assert_eq!(pictures(&events), [avcc(&[key, &key_rest]), avcc(&[inter])]);
    assert_eq!(
        notices,
        [
            (NoticeKind::BeforeKey, 2),
            (NoticeKind::SplitPicture, 1),
            (NoticeKind::Rebuilt, 1),
            (NoticeKind::LateSlice, 1)
        ]
    );
}

#[test]
fn b3_03_whole_hevc_pictures_pass_at_once_and_shared_behind_the_first() {
    let mut assembler = Assembler::new(&Limits::default());
    let whole = |time, key| {
        let data = if key { HEVC_KEY } else { HEVC_INTER };
        hevc(time, PacketType::Frames, key, data)
    };
    [hevc_header(HVCC), whole(0, true)].iter().for_each(|tag| assembler.handle_tag(tag));
    assert_eq!(shape(&poll(&mut assembler)), "", "the first waits");
    assembler.handle_tag(&whole(40, false));
    assert_eq!(shape(&poll(&mut assembler)), "TVV");
    let next = whole(80, false);
    assembler.handle_tag(&next);
    let events = poll(&mut assembler);
    assert_eq!(shape(&events), "V");
    let data = &units(&events, MediaKind::Video)[0].data;
    assert!(next.body.as_ptr_range().contains(&data.as_ptr()));
    assert_eq!(assembler.notices(), []);
}

#[test]
fn b4_09_a_new_hevc_header_does_not_change_the_picture_before_it() {
    let (key, rest) = (first_slice(HEVC_KEY), further_slice(first_slice(HEVC_KEY)));
    let tags = [
        hevc_header(HVCC),
        hevc_nal(0, key),
        hevc_nal(0, &rest),
        hevc_header(HDR10_HVCC),
        hevc(40, PacketType::Frames, true, HDR10_KEY),
    ];
    let (events, _) = run(&tags);
    assert_eq!(shape(&events), "TVTV");
    assert_eq!(pictures(&events)[0], avcc(&[key, &rest]));
}

#[test]
fn a6_10_dolby_vision_stays_in_the_bitstream_and_metadata_does_not_override_it() {
    // The dynamic metadata of Dolby Vision is a NAL unit of type 62 behind the slices.
    let rpu = [0x7c, 1, 0x19, 8, 9, 0x80];
    let sample = [HDR10_KEY, &avcc(&[&rpu])].concat();
    let told =
        crate::codec::color::ColorInfo { primaries: 1, transfer: 1, matrix: 1, full_range: true };
    let told = ColorMetadata { color: Some(told), ..ColorMetadata::default() };
    let metadata = write_color_info(&told);
    let frame = hevc(0, PacketType::Frames, true, &sample);
    let tags =
        [hevc_header(HDR10_HVCC), hevc(0, PacketType::Metadata, true, &metadata), frame.clone()];
    let (events, notices) = run(&tags);
    assert_eq!((shape(&events).as_str(), notices), ("TV", vec![]));
    let Event::Track(track) = &events[0] else { panic!("{events:?}") };
    let color = track.config.color().unwrap();
    assert_eq!((color.primaries, color.transfer, color.matrix), (9, 16, 9), "as the stream says");
    let unit = units(&events, MediaKind::Video)[0];
    assert_eq!(unit.data, sample, "untouched");
    assert!(frame.body.as_ptr_range().contains(&unit.data.as_ptr()));
}

fn ue(bits: &mut BitWriter, value: u32) {
    let len = 32 - (value + 1).leading_zeros();
    bits.bits(len - 1, 0u32);
    bits.bits(len, value + 1);
}

/// An SPS of Main profile that allows fields, with 4 bits of frame number.
fn interlaced_sps() -> Vec<u8> {
    let mut bits = BitWriter::default();
    [0, 0, 2, 1].into_iter().for_each(|value| ue(&mut bits, value));
    bits.bits(1, 0u32);
    [39, 14].into_iter().for_each(|value| ue(&mut bits, value));
    // Fields, no MBAFF, direct 8x8, no cropping, no VUI, stop bit.
    bits.bits(6, 0b00_1001_u32);
    [&[0x67, 77, 0, 30][..], &bits.freeze()].concat()
}

const INTERLACED_PPS: &[u8] = &[0x68, 0xce, 0x38, 0x80];

/// A field: NAL header, number of its frame, parity.
fn field(header: u8, frame_num: u32, bottom: bool) -> Vec<u8> {
    let mut bits = BitWriter::default();
    [0, if header == 0x65 { 7 } else { 5 }, 0].into_iter().for_each(|value| ue(&mut bits, value));
    bits.bits(4, frame_num % 16);
    bits.bits(2, 2 + u32::from(bottom));
    bits.bits(1, 1u32);
    [&[header][..], &bits.freeze(), &[0xaa, 0x80]].concat()
}

fn interlaced_header() -> Tag {
    let sps = interlaced_sps();
    let mut body = record(4, &[&sps], &[INTERLACED_PPS]);
    body[1] = 77;
    video_header(&body)
}

#[test]
fn c1_21_fields_in_messages_of_their_own_are_one_sample() {
    for later in [0, 20] {
        let mut tags = vec![interlaced_header()];
        let mut expected = Vec::new();
        for frame in 0..4_u32 {
            let first = field(if frame == 0 { 0x65 } else { 0x41 }, frame, false);
            let second = field(0x41, frame, true);
            tags.push(video(frame * 40, &[&first]));
            tags.push(video(frame * 40 + later, &[&second]));
            expected.push(avcc(&[&first, &second]));
        }
        let (events, notices) = run(&tags);
        assert_eq!(pictures(&events), expected, "{later} ms later");
        assert_eq!(times(&events, MediaKind::Video), [0, 40, 80, 120]);
        let keys: Vec<bool> =
            units(&events, MediaKind::Video).iter().map(|unit| unit.key).collect();
        assert_eq!(keys, [true, false, false, false]);
        assert_eq!(notices, [(NoticeKind::FieldPair, 4), (NoticeKind::Rebuilt, 4)]);
    }
}

/// Two frames whose fields come in messages of their own.
pub(super) fn fields_apart() -> Vec<Tag> {
    let field = |n: u32| field(if n == 0 { 0x65 } else { 0x41 }, n / 2, n % 2 == 1);
    let fields = (0..4).map(|n| video(n * 20, &[&field(n)]));
    std::iter::once(interlaced_header()).chain(fields).collect()
}

#[test]
fn c1_21_both_fields_in_one_message_pass_shared_and_at_once() {
    let frame = |time, number, key| {
        let first = field(if key { 0x65 } else { 0x41 }, number, false);
        video(time, &[&first, &field(0x41, number, true)])
    };
    let mut assembler = Assembler::new(&Limits::default());
    for tag in [interlaced_header(), frame(0, 0, true), frame(40, 1, false)] {
        assembler.handle_tag(&tag);
    }
    assert_eq!(shape(&poll(&mut assembler)), "TVV");
    assert_eq!(assembler.notices(), []);
}

#[test]
fn c1_21_fields_without_a_partner_and_frames_between_them_stay_apart() {
    let top = |number| field(0x41, number, false);
    let bottom = |number| field(0x41, number, true);
    let idr = field(0x65, 0, false);
    let alone = [&idr, &top(1), &bottom(2), &bottom(2), &top(3)].map(Vec::clone);
    let mut tags = vec![interlaced_header()];
    tags.extend((0..).zip(&alone).map(|(at, nal)| video(at * 20, &[nal])));
    // Of one number, and too far apart.
    tags.push(video(400, &[&bottom(3)]));
    let (events, notices) = run(&tags);
    assert_eq!(units(&events, MediaKind::Video).len(), 6);
    assert_eq!(notices, []);
}

#[test]
fn c1_21_a_delimiter_and_sei_between_two_fields_do_not_part_them() {
    let (first, second) = (field(0x65, 0, false), field(0x41, 0, true));
    let tags = [
        interlaced_header(),
        video(0, &[&first]),
        video(20, &[AUD]),
        video(20, &[SEI]),
        video(20, &[&second]),
        video(40, &[&field(0x41, 1, false), &field(0x41, 1, true)]),
    ];
    let (events, _) = run(&tags);
    assert_eq!(pictures(&events)[0], avcc(&[&first, SEI, &second]));
    assert_eq!(times(&events, MediaKind::Video), [0, 40]);
}

#[test]
fn c1_22_partitions_and_extensions_pass_through() {
    // Data partitions A, B and C; prefix NAL unit, coded slices of SVC and MVC, an SPS of a subset.
    let partitions: [&[u8]; 3] = [&[0x42, 0x9a, 7], &[0x43, 1, 2], &[0x44, 1, 2]];
    let (prefix, extension, depth) =
        (&[0x6e, 0x40, 0, 0x40][..], &[0x74, 0x40, 0, 7, 1][..], &[0x75, 1][..]);
    let subset = &[0x6f, 0x80, 1, 2][..];
    let tags = [
        header(),
        video(0, &[prefix, IDR, subset, extension]),
        video(40, &partitions),
        video(80, &[INTER, extension, depth]),
    ];
    let (events, notices) = run(&tags);
    let expected = [
        avcc(&[prefix, IDR, subset, extension]),
        avcc(&partitions),
        avcc(&[INTER, extension, depth]),
    ];
    assert_eq!((pictures(&events), notices), (expected.to_vec(), vec![]));
}

#[test]
fn c1_14_recovery_points_start_decoding_by_the_named_policy_alone() {
    // A recovery point at once, and an intra slice that is no IDR picture.
    let recovery = &[0x06, 6, 1, 0xc4, 0x80][..];
    let late = &[0x06, 6, 2, 0b0001_0110, 0x40, 0x80][..];
    let intra = &[0x41, 0x88, 7, 8][..];
    let tags = [
        header(),
        video(0, &[IDR]),
        message(40, 0, &avcc(&[recovery, intra]), true),
        message(80, 0, &avcc(&[late, intra]), true),
        message(120, 0, &avcc(&[recovery, INTER]), true),
        message(160, 0, &avcc(&[intra]), true),
    ];
    let keys = |policy: Option<StartPoints>| {
        let mut assembler = Assembler::new(&Limits::default());
        policy.into_iter().for_each(|policy| assembler.set_start_points(policy));
        tags.iter().for_each(|tag| assembler.handle_tag(tag));
        assembler.finish();
        let events = poll(&mut assembler);
        units(&events, MediaKind::Video).iter().map(|unit| unit.key).collect::<Vec<_>>()
    };
    let idr_alone = [true, false, false, false, false];
    assert_eq!(
        (keys(None), keys(Some(StartPoints::Idr))),
        (idr_alone.to_vec(), idr_alone.to_vec())
    );
    let with_recovery = [true, true, false, false, false];
    assert_eq!(keys(Some(StartPoints::RecoveryPoints)), with_recovery);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn b3_03_c1_21_any_order_of_nal_units_gives_whole_samples_in_rising_times(
        is_hevc in proptest::prelude::any::<bool>(),
        steps in proptest::collection::vec((0_usize..12, 0_u32..4), 0..60),
    ) {
        let (key, inter) = (first_slice(HEVC_KEY), first_slice(HEVC_INTER));
        let (key_rest, inter_rest) = (further_slice(key), further_slice(inter));
        let of_hevc: [&[u8]; 8] = [
            key, &key_rest, inter, &inter_rest, HEVC_AUD, HEVC_PREFIX_SEI, HEVC_SUFFIX_SEI, &[0x12, 1, 0xd0, 0x80],
        ];
        let fields: Vec<Vec<u8>> = (0..8_u32)
            .map(|n| field(if n == 0 { 0x65 } else { 0x41 }, n / 2 % 3, n % 2 == 1))
            .collect();
        let mut time = 0;
        let mut tags = vec![if is_hevc { hevc_header(HVCC) } else { interlaced_header() }];
        for (what, step) in steps {
            time += [0, 20, 40, 3][step as usize];
            tags.push(match (is_hevc, what) {
                (true, 0..8) => hevc_nal(time, of_hevc[what]),
                (true, 8) => hevc_header(HDR10_HVCC),
                (true, _) => hevc(time, PacketType::Frames, what == 9, if what == 9 { HEVC_KEY } else { HEVC_INTER }),
                (false, 0..8) => video(time, &[&fields[what]]),
                (false, 8) => interlaced_header(),
                (false, 9) => video(time, &[SEI]),
                (false, _) => video(time, &[AUD, &fields[2], &fields[3]]),
            });
        }
        let messages = tags.iter().filter(|tag| tag.body.len() > 12).count();
        let (events, _) = run(&tags);
        let units = units(&events, MediaKind::Video);
        proptest::prop_assert!(units.len() <= messages);
        proptest::prop_assert!(units.windows(2).all(|pair| pair[0].dts < pair[1].dts));
        for unit in units {
            let count = nals(&unit.data).len();
            let walked: usize = nals(&unit.data).iter().map(|nal| nal.len() + 4).sum();
            proptest::prop_assert!(count > 0 && walked == unit.data.len());
        }
    }
}
