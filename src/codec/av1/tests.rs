use proptest::prelude::*;
use shiguredo_mp4::Encode;
use shiguredo_mp4::bitstream::av1 as oracle;

use super::*;
use crate::codec::fixtures::{fixture, read_box};
use crate::error::ErrorKind;

const RECORD: &[u8] = fixture!("eflv/av1.av1C");
const TEN_BIT: &[u8] = fixture!("codecs/av1_10bit.av1C");
const MONO: &[u8] = fixture!("codecs/av1_mono.av1C");
const KEY: &[u8] = fixture!("eflv/av1.key.bin");
const INTER: &[u8] = fixture!("eflv/av1.inter.bin");
const KEY_444: &[u8] = fixture!("eflv/av1_444.key.bin");
const KEY_512: &[u8] = fixture!("eflv/av1_512.key.bin");

fn parse(data: &'static [u8]) -> Av1Config {
    Av1Config::parse(data, &Limits::default()).unwrap()
}

fn in_band(data: &[u8]) -> Av1Config {
    Av1Config::from_temporal_unit(data, &Limits::default()).unwrap().unwrap()
}

fn all() -> [Av1Config; 5] {
    [parse(RECORD), parse(TEN_BIT), parse(MONO), in_band(KEY_444), in_band(KEY_512)]
}

#[test]
fn size_profile_and_depth_are_what_ffprobe_says() {
    let found = all().map(|it| (it.width(), it.height(), it.info().profile, it.info().bit_depth));
    assert_eq!(
        found,
        [(320, 180, 0, 8), (640, 360, 0, 10), (320, 180, 0, 8), (980, 540, 1, 8), (512, 512, 0, 8)]
    );
    let levels = all().map(|it| it.info().level);
    assert_eq!(levels, [0, 1, 0, 4, 1]);
}

#[test]
fn c2_09_codec_strings_have_all_colour_fields_or_none() {
    let strings = all().map(|it| it.codec_string());
    assert_eq!(
        strings,
        [
            "av01.0.00M.08",
            "av01.0.01M.10.0.110.09.16.09.0",
            "av01.0.00M.08.1.110.02.02.02.1",
            "av01.1.04M.08.0.000.01.13.00.1",
            "av01.0.01M.08",
        ]
    );
    let mut high = parse(RECORD);
    (high.info.level, high.info.high_tier) = (13, true);
    assert_eq!(high.codec_string(), "av01.0.13H.08");
}

#[test]
fn sequence_headers_agree_with_shiguredo_mp4_and_its_box_with_the_record() {
    for config in all() {
        let context = oracle::Av1ObuParseContext::ConfigObus;
        let obus = oracle::parse_obus(config.sequence_obu(), context).unwrap();
        let other = oracle::parse_sequence_header(obus[0].payload).unwrap();
        let own = config.info();
        assert_eq!((own.profile, own.level), (other.seq_profile, other.seq_level_idx_0));
        assert_eq!((own.width, own.height), (other.max_frame_width, other.max_frame_height));
        assert_eq!(own.bit_depth > 8, other.high_bitdepth);
        assert_eq!(own.monochrome, other.monochrome);
        let delay = oracle::Av1SampleEntryConfig { initial_presentation_delay_minus_one: None };
        let entry = oracle::build_av01_box(&other, config.sequence_obu(), &delay).unwrap();
        assert_eq!(config.record(), &entry.av1c_box.encode_to_vec().unwrap()[8..]);
        let read: mp4_atom::Av1c = read_box(b"av1C", config.record());
        assert_eq!(read.config_obus, config.sequence_obu().as_ref());
    }
}

#[test]
fn records_of_ffmpeg_are_written_back_byte_for_byte() {
    for data in [RECORD, TEN_BIT, MONO] {
        assert_eq!(parse(data).record(), data);
    }
}

#[test]
fn a6_30_empty_record_takes_the_sequence_header_from_the_first_key_unit() {
    for data in [&[][..], &RECORD[..4]] {
        let error = Av1Config::parse(data, &Limits::default());
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Unsupported);
    }
    assert_eq!((in_band(KEY_512).width(), in_band(KEY).width()), (512, 320));
    assert_eq!(Av1Config::from_temporal_unit(INTER, &Limits::default()), Ok(None));
}

#[test]
fn b4_06_c2_11_same_sequence_header_is_equal_and_another_is_not() {
    // FFmpeg's record is of before the first frame: its header says other coding tools than the stream's.
    assert_ne!(in_band(KEY).sequence_obu(), parse(RECORD).sequence_obu());
    assert_eq!(in_band(KEY), parse(RECORD));
    assert_ne!(in_band(KEY), in_band(KEY_512));
}

#[test]
fn a6_31_sample_has_no_delimiters_and_no_padding_and_shares_the_message() {
    let unit = Bytes::from_static(KEY);
    let sample = to_sample(&unit);
    assert_eq!(sample, KEY[2..]);
    assert_eq!(sample.as_ptr(), unit[2..].as_ptr());

    let mut padded = BytesMut::from(KEY);
    padded.put_u8(15 << 3 | 2);
    put_leb128(&mut padded, 3 << 20);
    padded.put_bytes(0, 3 << 20);
    let padded = padded.freeze();
    assert!(TemporalUnitInfo::scan(&padded).rewrite);
    assert_eq!(to_sample(&padded), KEY[2..]);

    let without_delimiter = Bytes::from_static(&KEY[2..]);
    assert_eq!(to_sample(&without_delimiter), KEY[2..]);
    assert!(!TemporalUnitInfo::scan(&without_delimiter).rewrite);
}

#[test]
fn a6_31_padding_between_units_is_cut_out() {
    let padding = [15 << 3 | 2, 2, 0, 0x80];
    let first = Obus::new(&KEY[2..]).next().unwrap().unwrap().whole.len();
    let unit = [&KEY[..2 + first], &padding, &KEY[2 + first..]].concat();
    assert_eq!(to_sample(&unit.into()), KEY[2..]);
}

#[test]
fn c2_07_an_added_size_counts_for_the_limit() {
    let obu = Obus::new(&RECORD[4..]).next().unwrap().unwrap();
    let unsized_record = [&RECORD[..4], &[obu.header[0] & !2], obu.payload].concat();
    let limits =
        |bytes| Limits { parameter_set_bytes: obu.payload.len() + bytes, ..Limits::default() };
    assert!(Av1Config::parse(&unsized_record, &limits(1)).is_err());
    let config = Av1Config::parse(&unsized_record, &limits(2)).unwrap();
    assert_eq!(Av1Config::parse(config.record(), &limits(2)), Ok(config));
}

#[test]
fn c2_07_missing_sizes_are_added() {
    let obus: Vec<Obu<'_>> = Obus::new(KEY).collect::<Result<_>>().unwrap();
    let last = obus.last().unwrap();
    let head = KEY.len() - last.whole.len();
    let unit = [&KEY[..head], &[last.header[0] & !2], last.payload].concat();
    assert!(TemporalUnitInfo::scan(&unit).rewrite);
    assert_eq!(to_sample(&unit.into()), KEY[2..]);
}

#[test]
fn c2_07_f_14_leb128_is_at_most_8_bytes_and_32_bits() {
    assert_eq!(leb128(&[0xe5, 0x8e, 0x26, 9]), Some((624_485, 3)));
    assert_eq!(leb128(&[0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0]), Some((1, 8)));
    assert_eq!(leb128(&[0x80; 9]), None);
    assert_eq!(leb128(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Some((u32::MAX, 5)));
    assert_eq!(leb128(&[0xff, 0xff, 0xff, 0xff, 0x10]), None);
    assert_eq!(leb128(&[0x80]), None);
    let other = oracle::decode_leb128(&[0xe5, 0x8e, 0x26]).unwrap();
    assert_eq!(other, (624_485, 3));
}

#[test]
fn c2_08_key_units_are_shown_key_frames_only() {
    for key in [KEY, KEY_444, KEY_512] {
        let info = TemporalUnitInfo::scan(key);
        assert!(info.is_sync() && info.frame && info.good_bytes == key.len());
    }
    let inter = TemporalUnitInfo::scan(INTER);
    assert!(inter.frame && !inter.key_frame);
    // show_existing_frame, hidden key frame, S-frame; and a shown key frame.
    for (first, key) in [(0x80, false), (0x00, false), (0x70, false), (0x10, true)] {
        assert_eq!(TemporalUnitInfo::scan(&[0x32, 1, first]).key_frame, key, "{first:x}");
    }
}

#[test]
fn c2_06_key_frame_without_sequence_header_gets_it_from_the_configuration() {
    let config = in_band(KEY);
    let sequence = config.sequence_obu().len();
    assert_eq!(KEY[2..2 + sequence], config.sequence_obu()[..]);
    let bare = Bytes::from_static(&KEY[2 + sequence..]);
    let info = TemporalUnitInfo::scan(&bare);
    assert!(info.key_frame && !info.is_sync());
    assert_eq!(config.key_sample(&bare), KEY[2..]);
    assert_eq!(config.key_sample(&Bytes::from_static(KEY)), KEY[2..]);
}

#[test]
fn d_32_hdr_metadata_beside_the_sequence_header_is_kept() {
    let light = [0x2a, 5, 1, 0x03, 0xe8, 0x01, 0x90];
    let other_metadata = [0x2a, 2, 4, 0];
    let data = [RECORD, &other_metadata, &light].concat();
    let config = Av1Config::parse(&data, &Limits::default()).unwrap();
    let found = config.hdr().light.map(|it| (it.max_content, it.max_frame_average));
    assert_eq!(found, Some((1000, 400)));
    assert_eq!(config.record(), &[RECORD, &light].concat());
    assert_ne!(config, parse(RECORD));
}

#[test]
fn errors_name_field_byte_and_clause() {
    let error = Obus::new(&[0x12, 0, 0x32, 9, 1]).last().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "codec: malformed: obu_size (found 9) at byte 2 [AV1 5.3]");
    let limits = Limits { parameter_set_bytes: 8, ..Limits::default() };
    let error = Av1Config::parse(RECORD, &limits).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    let error = Av1Config::parse(&RECORD[..3], &limits).unwrap_err();
    assert_eq!((error.kind(), error.offset()), (ErrorKind::Malformed, Some(3)));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_units_agree_with_shiguredo_mp4(
        data in prop::collection::vec(prop_oneof![any::<u8>(), 0u8..24], 0..96),
    ) {
        let data = Bytes::from(data);
        let obus: Result<Vec<Obu<'_>>> = Obus::new(&data).collect();
        if let Ok(other) = oracle::parse_obus(&data, oracle::Av1ObuParseContext::Sample) {
            let own = obus.unwrap();
            prop_assert_eq!(own.len(), other.len());
            for (own, other) in own.iter().zip(&other) {
                prop_assert_eq!(own.payload, other.payload);
            }
        }
        let info = TemporalUnitInfo::scan(&data);
        prop_assert!(info.good_bytes <= data.len());
        let sample = to_sample(&data);
        prop_assert!(sample.len() <= data.len() + 5);
        prop_assert!(!TemporalUnitInfo::scan(&sample).rewrite);
        prop_assert_eq!(to_sample(&sample), sample);
    }

    #[test]
    fn what_is_written_reads_back_equal(
        base in prop::sample::select(vec![RECORD, TEN_BIT, MONO]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut data = base.to_vec();
        for (at, value) in edits {
            let at = at.index(data.len());
            data[at] = value;
        }
        if let Ok(config) = Av1Config::parse(&data, &Limits::default()) {
            let again = Av1Config::parse(config.record(), &Limits::default()).unwrap();
            prop_assert_eq!(again.record(), config.record());
            prop_assert_eq!(again.sequence_obu(), config.sequence_obu());
            prop_assert_eq!(again, config);
        }
    }

    #[test]
    fn arbitrary_sequence_headers_never_panic(
        data in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let own = SequenceHeader::parse(&data);
        if let (Ok(own), Ok(other)) = (own, oracle::parse_sequence_header(&data)) {
            prop_assert_eq!((own.width, own.height), (other.max_frame_width, other.max_frame_height));
            prop_assert_eq!(own.chroma_sample_position, other.chroma_sample_position);
        }
    }
}
