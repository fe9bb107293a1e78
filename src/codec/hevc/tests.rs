use bytes::Bytes;
use proptest::prelude::*;
use shiguredo_mp4::Encode;
use shiguredo_mp4::bitstream::h265::{self, LengthSize};

use super::*;
use crate::codec::bits::{BitReader, BitWriter};
use crate::codec::color::ColorInfo;
use crate::codec::fixtures::{fixture, read_box};
use crate::error::ErrorKind;

const MAIN: &[u8] = fixture!("eflv/hevc.hvcC");
const HDR10: &[u8] = fixture!("eflv/hdr10.hvcC");
const FULL_HD: &[u8] = fixture!("codecs/hevc_1080_422.hvcC");
const SD_444: &[u8] = fixture!("codecs/hevc_480_444.hvcC");
const KEY: &[u8] = fixture!("eflv/hevc.key.bin");
const INTER: &[u8] = fixture!("eflv/hevc.inter.bin");
const HDR10_KEY: &[u8] = fixture!("eflv/hdr10.key.bin");

fn config(data: &'static [u8]) -> HevcConfig {
    HevcConfig::parse(data, &Limits::default()).unwrap()
}

fn record(data: &'static [u8]) -> HevcRecord {
    HevcRecord::parse(data, &Limits::default()).unwrap()
}

fn first_of_each(sets: &ParameterSets) -> [&Bytes; 3] {
    let (vps, sps, pps) = (sets.vps().next(), sets.sps().next(), sets.pps().next());
    [vps.unwrap(), sps.unwrap(), pps.unwrap()]
}

/// A record with other parameter sets, in the order given.
fn write_record(nals: &[(u8, &[u8])], length_size_minus_one: u8) -> Bytes {
    let mut data = vec![0; 21];
    data.push(length_size_minus_one);
    data.push(u8::try_from(nals.len()).unwrap());
    for (kind, nal) in nals {
        data.push(*kind);
        data.extend([0, 1]);
        data.extend(u16::try_from(nal.len()).unwrap().to_be_bytes());
        data.extend_from_slice(nal);
    }
    data.into()
}

#[test]
fn c1_16_size_depth_and_colour_are_what_ffprobe_says() {
    let size = |data| {
        let config = config(data);
        (config.width(), config.height(), config.info().chroma_format, config.info().bit_depth_luma)
    };
    assert_eq!(size(MAIN), (320, 180, 1, 8));
    assert_eq!(size(HDR10), (320, 180, 1, 10));
    assert_eq!(size(FULL_HD), (1920, 1080, 2, 10));
    assert_eq!(size(SD_444), (854, 480, 3, 8));
    let info = *config(FULL_HD).info();
    let full = ColorInfo { primaries: 1, transfer: 1, matrix: 1, full_range: true };
    assert_eq!((info.color, info.sample_aspect_ratio), (Some(full), Some((4, 3))));
    assert_eq!(info.frame_rate, Some((30_000, 1001)));
    assert_eq!(config(HDR10).info().color.map(|it| (it.primaries, it.transfer)), Some((9, 16)));
    assert_eq!(config(MAIN).info().frame_rate, Some((15, 1)));
    assert_eq!(config(MAIN).info().max_num_reorder, Some(2));
}

#[test]
fn c2_03_codec_strings_are_those_of_shaka_packager() {
    assert_eq!(config(MAIN).codec_string(), "hvc1.1.6.L60.90");
    assert_eq!(config(HDR10).codec_string(), "hvc1.2.4.L60.90");
    assert_eq!(config(FULL_HD).codec_string(), "hvc1.4.10.L120.9D.8");
    assert_eq!(config(SD_444).codec_string(), "hvc1.4.10.L153.9E.8");
}

#[test]
fn c2_03_profile_space_and_high_tier_have_their_letters() {
    let mut config = config(MAIN);
    config.info.profile_tier_level.profile_space = 2;
    config.info.profile_tier_level.high_tier = true;
    config.info.profile_tier_level.constraints = [0; 6];
    assert_eq!(config.codec_string(), "hvc1.B1.6.H60");
}

#[test]
fn sps_reading_agrees_with_shiguredo_mp4() {
    for data in [MAIN, HDR10, FULL_HD, SD_444] {
        let config = config(data);
        let own = config.info();
        let sps = config.parameter_sets().sps().next().unwrap();
        let other = h265::parse_sps(sps).unwrap();
        let ptl = own.profile_tier_level;
        assert_eq!(ptl.profile, other.general_profile_idc);
        assert_eq!(ptl.compatibility, other.general_profile_compatibility_flags);
        let constraints = other.general_constraint_indicator_flags.to_be_bytes();
        assert_eq!(ptl.constraints, constraints[2..]);
        assert_eq!(ptl.level, other.general_level_idc);
        assert_eq!(u8::from(ptl.high_tier), other.general_tier_flag);
        assert_eq!(own.max_sub_layers, other.sps_max_sub_layers_minus1 + 1);
        assert_eq!(u8::from(own.temporal_id_nesting), other.sps_temporal_id_nesting_flag);
        assert_eq!(own.chroma_format, other.chroma_format_idc);
        assert_eq!(own.bit_depth_luma, other.bit_depth_luma_minus8 + 8);
        assert_eq!(own.bit_depth_chroma, other.bit_depth_chroma_minus8 + 8);
        assert_eq!((own.width, own.height), (other.width.into(), other.height.into()));
    }
}

#[test]
fn c2_01_records_are_what_ffmpeg_shiguredo_mp4_and_mp4_atom_write_and_read() {
    for data in [MAIN, HDR10, FULL_HD, SD_444] {
        let config = config(data);
        let read: mp4_atom::Hvcc = read_box(b"hvcC", config.record());
        let sets = config.parameter_sets();
        let arrays = if sets.sei().len() > 0 { 4 } else { 3 };
        assert_eq!((read.arrays.len(), read.length_size_minus_one), (arrays, 3));
        assert!(read.arrays.iter().take(3).all(|array| array.completeness));

        let list = |nals: Vec<&Bytes>| nals.into_iter().map(|nal| nal.to_vec()).collect::<Vec<_>>();
        let built = h265::build_hvc1_box(
            &list(sets.vps().collect()),
            &list(sets.sps().collect()),
            &list(sets.pps().collect()),
            &h265::H265SampleEntryConfig {
                length_size: LengthSize::FourBytes,
                avg_frame_rate: 0,
                constant_frame_rate: h265::H265ConstantFrameRate::Unknown,
            },
        )
        .unwrap();
        let without_sei = sets.vps().chain(sets.sps()).chain(sets.pps());
        let own = HevcConfig::from_parameter_sets(without_sei, &Limits::default()).unwrap();
        assert_eq!(own.record(), &built.hvcc_box.encode_to_vec().unwrap()[8..]);
    }
    // Up to the completeness bits and the SEI, it is FFmpeg's box too.
    let own = config(SD_444);
    assert_eq!(own.record()[..22], SD_444[..22]);
    assert_eq!(own.record().len(), SD_444.len());
}

#[test]
fn c2_01_arrays_may_be_unordered_empty_and_hold_other_units() {
    let sets = record(MAIN).sets;
    let [vps, sps, pps] = first_of_each(&sets);
    let aud: &[u8] = &[0x46, 1, 0x50];
    let nals: [(u8, &[u8]); 6] =
        [(0x22, pps), (0x23, aud), (0x21, sps), (0x20, &[]), (0xa0, vps), (0x27, &[])];
    let shuffled = HevcConfig::parse(&write_record(&nals, 3), &Limits::default()).unwrap();
    let own = HevcConfig::from_parameter_sets([vps, sps, pps], &Limits::default()).unwrap();
    assert_eq!(shuffled, own);
    assert_eq!(shuffled.record(), own.record());
}

#[test]
fn c2_01_record_without_sets_waits_for_those_in_the_stream() {
    let empty = write_record(&[], 1);
    let error = HevcConfig::parse(&empty, &Limits::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let mut record = HevcRecord::parse(&empty, &Limits::default()).unwrap();
    assert_eq!(record.length_size, 2);
    for nal in LengthPrefixed::new(HDR10_KEY, 4) {
        let nal = nal.unwrap();
        assert!(record.config().is_none() || !NalType::of(nal).unwrap().is_parameter_set());
        record.sets.insert(nal, &Limits::default()).unwrap();
    }
    let config = record.config().unwrap();
    assert_eq!((config.width(), config.height(), config.source_length_size()), (320, 180, 2));
    assert_eq!(config.record()[21] & 3, 3);
}

#[test]
fn c1_04_latest_content_of_an_id_wins_and_repeats_change_nothing() {
    let limits = Limits::default();
    let mut sets = record(MAIN).sets;
    let before = sets.clone();
    let sps = sets.sps().next().unwrap().clone();
    assert!(!sets.insert(&sps, &limits).unwrap());
    let padded = Bytes::from([&sps[..], &[0, 0, 0]].concat());
    assert!(!sets.insert(&padded, &limits).unwrap(), "zero bytes at the end are no part of it");
    let other = record(HDR10).sets.sps().next().unwrap().clone();
    assert!(sets.insert(&other, &limits).unwrap());
    assert_eq!(sets.sps().len(), 1);
    assert!(!sets.same_meaning(&before));
}

#[test]
fn b4_06_repeated_record_is_equal_and_changed_one_is_not() {
    assert_eq!(config(MAIN), config(MAIN));
    assert_ne!(config(MAIN), config(HDR10));
}

#[test]
fn d_32_hdr10_metadata_stands_in_the_record_and_in_the_stream() {
    let hdr = config(HDR10).hdr;
    let mastering = hdr.mastering.unwrap();
    assert_eq!(mastering.white_point, (15_635, 16_450));
    assert_eq!((mastering.max_luminance, mastering.min_luminance), (10_000_000, 1));
    assert_eq!(hdr.light.map(|it| (it.max_content, it.max_frame_average)), Some((1000, 400)));
    let in_stream = LengthPrefixed::new(HDR10_KEY, 4)
        .map(|nal| hdr_metadata(nal.unwrap()))
        .find(|found| found.mastering.is_some());
    assert_eq!(in_stream.unwrap().mastering, hdr.mastering);
    assert_eq!(config(MAIN).hdr, HdrMetadata::default());
}

#[test]
fn c2_02_types_of_real_pictures_and_of_the_table() {
    let key = AccessUnitInfo::scan(KEY, 4);
    assert_eq!(key.picture, Some(NalType::IDR_N_LP));
    assert!(key.is_random_access() && key.starts_picture && key.pictures == 1);
    assert_eq!(key.good_bytes, KEY.len());
    let inter = AccessUnitInfo::scan(INTER, 4);
    assert!(!inter.is_random_access() && inter.picture.is_some_and(NalType::is_vcl));
    let irap: Vec<u8> = (0..64).filter(|&it| NalType::new(it).is_irap()).collect();
    assert_eq!(irap, (16..=23).collect::<Vec<u8>>());
    let rasl = [0, 0, 0, 3, 9 << 1, 1, 0x80];
    assert!(AccessUnitInfo::scan(&rasl, 4).is_rasl());
    assert!(NalType::RASL_N.is_sub_layer_non_reference() && NalType::new(6).is_radl());
}

#[test]
fn c1_12_unit_without_picture_is_told() {
    let aud_and_sei = [0, 0, 0, 3, 0x46, 1, 0x50, 0, 0, 0, 3, 0x4e, 1, 0x80];
    let info = AccessUnitInfo::scan(&aud_and_sei, 4);
    assert_eq!((info.picture, info.droppable, info.good_bytes), (None, true, 14));
}

#[test]
fn c1_10_overrun_drops_the_rest_and_zero_lengths_are_passed_over() {
    let data = Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 3, 0x26, 1, 0x80, 0, 0, 1, 0, 2, 1]);
    let info = AccessUnitInfo::scan(&data, 4);
    assert_eq!((info.good_bytes, info.picture), (11, Some(NalType::IDR_W_RADL)));
    assert_eq!(to_sample(&data, 4, |_| true).as_ref(), [0, 0, 0, 3, 0x26, 1, 0x80]);
    let error = LengthPrefixed::new(&data, 4).last().unwrap().unwrap_err();
    assert_eq!((error.field(), error.offset()), ("NALUnitLength", Some(11)));
    assert!(LengthPrefixed::new(&data, 3).next().unwrap().is_err());
}

#[test]
fn c1_02_sample_shares_the_message_unless_something_changes() {
    let data = Bytes::from_static(KEY);
    let sample = to_sample(&data, 4, |kind| !is_droppable(kind));
    assert_eq!(sample.as_ptr(), data.as_ptr());
    let short = Bytes::from_static(&[0, 3, 0x46, 1, 0x50, 0, 3, 0x26, 1, 0x80]);
    let sample = to_sample(&short, 2, |kind| !is_droppable(kind));
    assert_eq!(sample.as_ref(), [0, 0, 0, 3, 0x26, 1, 0x80]);
}

#[test]
fn c1_09_start_codes_in_place_of_a_record_are_read() {
    let sets = record(MAIN).sets;
    let mut data = Vec::new();
    for nal in sets.vps().chain(sets.sps()).chain(sets.pps()) {
        data.extend([0, 0, 0, 1]);
        data.extend_from_slice(nal);
    }
    let found = HevcConfig::parse(&data, &Limits::default()).unwrap();
    assert!(found.parameter_sets().sps().eq(sets.sps()));
    let other = h265::parse_annexb_nal_units(&data).unwrap();
    assert_eq!(annex_b(&data).count(), other.len());
}

#[test]
fn c1_09_start_codes_in_an_access_unit_are_told_from_lengths() {
    let mut data = Vec::new();
    for nal in LengthPrefixed::new(KEY, 4) {
        data.extend([0, 0, 0, 1]);
        data.extend_from_slice(nal.unwrap());
    }
    assert!(is_annex_b(&data, 4) && !is_annex_b(KEY, 4));
    assert_eq!(annex_b_to_sample(&data, |_| true), KEY);
    // A unit of 260 bytes: its length looks like a start code.
    let ambiguous = [&[0, 0, 1, 4, 0x02, 1][..], &[0xff; 258]].concat();
    assert!(!is_annex_b(&ambiguous, 4));
}

#[test]
fn b4_19_hevc_record_under_the_codec_id_of_h264_is_told() {
    for record in [MAIN, HDR10, FULL_HD, SD_444] {
        assert!(is_record(record) && is_record(config(record).record()));
    }
    // The avcC of an H.264 track of the same sender.
    let avc = [
        0x01, 0x64, 0x00, 0x0c, 0xff, 0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41,
        0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x01, 0xe0,
    ];
    assert!(!is_record(&avc) && !is_record(&[]) && !is_record(&MAIN[..22]));
}

#[test]
fn c2_02_rasl_pictures_of_the_starting_cra_are_dropped_and_later_ones_kept() {
    let unit = |number| AccessUnitInfo {
        picture: Some(NalType::new(number)),
        ..AccessUnitInfo::default()
    };
    let mut access = RandomAccess::default();
    let (trail, radl, rasl, bla, cra) = (1, 7, 9, 16, 21);
    let order = [trail, rasl, cra, rasl, radl, trail, cra, rasl, bla, rasl, trail];
    let kept = order.map(|number| access.admit(&unit(number)));
    let (no, yes) = (false, true);
    assert_eq!(kept, [no, no, yes, no, yes, yes, yes, yes, yes, no, yes]);
    assert!(RandomAccess::default().admit(&AccessUnitInfo::default()));
}

/// The SPS of a stream with HRD parameters, with the bitstream restriction that stands behind them.
fn sps_with_segmentation(segmentation: u32) -> Vec<u8> {
    let sps = record(FULL_HD).sets.sps().next().unwrap().clone();
    let mut bits = BitReader::escaped(&sps, "");
    let mut out = BitWriter::default();
    // The flag of the restriction is bit 434, counted without emulation prevention.
    for _ in 0..434 {
        out.bits(1, u32::from(bits.flag("").unwrap()));
    }
    out.bits(1, 1u8);
    out.bits(3, 0u8);
    let code = segmentation + 1;
    out.bits(2 * code.ilog2() + 1, code);
    out.bits(8, 0b1111_0100u8); // four codes of 0, no extension, stop bit
    let mut nal = Vec::new();
    for byte in out.freeze() {
        if byte <= 3 && nal.ends_with(&[0, 0]) {
            nal.push(3);
        }
        nal.push(byte);
    }
    nal
}

#[test]
fn segmentation_behind_hrd_parameters_is_read_and_told_with_the_parallelism() {
    let sps = sps_with_segmentation(100);
    assert_eq!(SpsInfo::parse(&sps).unwrap().min_spatial_segmentation, 100);
    let sets = record(FULL_HD).sets;
    let [vps, _, slices] = first_of_each(&sets);
    let other = record(SD_444).sets;
    let [_, _, wavefronts] = first_of_each(&other);
    for (pps, parallelism) in [(slices, 1), (wavefronts, 3)] {
        let nals = [vps.as_ref(), sps.as_slice(), pps.as_ref()];
        let config = HevcConfig::from_parameter_sets(nals, &Limits::default()).unwrap();
        assert_eq!(config.record()[13..16], [0xf0, 100, 0xfc | parallelism]);
    }
}

#[test]
fn c1_18_sps_cut_behind_the_depths_keeps_size_and_profile() {
    let sps = record(FULL_HD).sets.sps().next().unwrap().clone();
    let whole = SpsInfo::parse(&sps).unwrap();
    let mut shortest = sps.len();
    for length in (0..sps.len()).rev() {
        match SpsInfo::parse(&sps[..length]) {
            Ok(cut) => {
                assert_eq!((cut.width, cut.height), (1920, 1080));
                assert_eq!(cut.profile_tier_level, whole.profile_tier_level);
                shortest = length;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Malformed),
        }
    }
    assert!(shortest < 30, "{shortest}");
}

#[test]
fn errors_name_field_byte_and_clause() {
    let limits = Limits::default();
    let error = HevcRecord::parse(&write_record(&[], 2), &limits).unwrap_err();
    let text =
        "codec: malformed: lengthSizeMinusOne (found 2) at byte 21 [ISO/IEC 14496-15 8.3.2.1]";
    assert_eq!(error.to_string(), text);
    let error = HevcRecord::parse(&MAIN[..60], &limits).unwrap_err();
    assert_eq!((error.field(), error.offset()), ("nalUnit", Some(57)));
    let limits = Limits { parameter_set_bytes: 60, ..Limits::default() };
    let error = HevcRecord::parse(MAIN, &limits).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

/// Reads a record as the strictest of browsers do: every reserved bit, every array and every length as the clause has it,
/// all three kinds of sets complete and in order, and not a byte behind them.
fn strictly(record: &[u8]) -> Option<()> {
    let check = |holds: bool| holds.then_some(());
    let (head, mut rest) = record.split_first_chunk::<23>()?;
    check(head[0] == 1)?;
    check(head[13] & 0xf0 == 0xf0 && head[15] & 0xfc == 0xfc && head[16] & 0xfc == 0xfc)?;
    check(head[17] & 0xf8 == 0xf8 && head[18] & 0xf8 == 0xf8)?;
    check(head[21] & 3 == 3 && (1..=7).contains(&(head[21] >> 3 & 7)))?;
    let mut kinds = Vec::new();
    for _ in 0..head[22] {
        let (array, behind) = rest.split_first_chunk::<3>()?;
        let kind = array[0] & 0x3f;
        // Complete, but for SEI, of which the stream may have more; the reserved bit is 0.
        check(array[0] & 0x40 == 0 && (array[0] & 0x80 != 0) == (kind != 39))?;
        check(!kinds.contains(&kind))?;
        kinds.push(kind);
        rest = behind;
        let count = u16::from_be_bytes([array[1], array[2]]);
        check(count > 0)?;
        for _ in 0..count {
            let (length, behind) = rest.split_first_chunk::<2>()?;
            let (nal, behind) = behind.split_at_checked(u16::from_be_bytes(*length).into())?;
            check(nal.len() > 2 && nal[0] >> 1 & 0x3f == kind && nal[0] & 0x80 == 0)?;
            check(nal.last() != Some(&0))?;
            rest = behind;
        }
    }
    check(rest.is_empty() && matches!(kinds[..], [32, 33, 34] | [32, 33, 34, 39]))
}

#[test]
fn c2_05_records_pass_a_strict_reader_whatever_they_came_as() {
    let limits = Limits::default();
    for data in [MAIN, HDR10, FULL_HD, SD_444] {
        assert_eq!(strictly(config(data).record()), Some(()));
    }
    // Planted faults: reserved bits, an incomplete array, another length size, a byte behind the arrays.
    let good = config(MAIN).record().to_vec();
    for (at, bits) in [(13, 0x10), (15, 0x80), (18, 0x08), (21, 2), (22, 1), (23, 0x80), (23, 1)] {
        let mut bad = good.clone();
        bad[at] ^= bits;
        assert_eq!(strictly(&bad), None, "byte {at}");
    }
    assert_eq!(strictly(&[&good[..], &[0]].concat()), None);
    let config = config(MAIN);
    let [vps, sps, pps] = first_of_each(config.parameter_sets());
    let padded = [&pps[..], &[0, 0]].concat();
    let slice = [0x02, 1, 0x80];
    let odd: [&[(u8, &[u8])]; 4] = [
        // Out of order, twice, flags of completeness and reserved bits of all kinds, other units among them.
        &[(34, pps), (0x60 | 1, &slice), (33, sps), (32, vps), (34, &padded)],
        &[(0xff, vps), (0, sps), (34, pps), (39, &[0x4e, 1, 5, 1, 0xff, 0x80])],
        &[(32, vps), (32, vps), (33, sps), (33, sps), (34, pps)],
        &[
            (32, vps),
            (33, sps),
            (34, pps),
            (35, &[0x46, 1, 0x50]),
            (40, &[0x50, 1, 132, 1, 9, 0x80]),
        ],
    ];
    for (at, nals) in odd.into_iter().enumerate() {
        for length_size in [0, 1, 3] {
            let came = write_record(nals, length_size);
            assert_eq!(strictly(&came), None, "{at}: the reader is strict");
            let ours = HevcConfig::parse(&came, &limits).unwrap();
            assert_eq!(strictly(ours.record()), Some(()), "{at}");
        }
    }
    let annex_b = [&[0, 0, 1], &pps[..], &[0, 0, 0, 1], sps, &[0, 0, 1], vps].concat();
    assert_eq!(strictly(HevcConfig::parse(&annex_b, &limits).unwrap().record()), Some(()));
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let base = prop::sample::select(vec![MAIN, HDR10, FULL_HD, SD_444]);
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (base, edits, 0usize..160).prop_map(|(base, edits, length)| {
        let mut data = base[..length.min(base.len())].to_vec();
        for (at, value) in edits {
            if !data.is_empty() {
                let at = at.index(data.len());
                data[at] = value;
            }
        }
        data
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(data in mutated()) {
        let limits = Limits::default();
        if let Ok(config) = HevcConfig::parse(&data, &limits) {
            let again = HevcConfig::parse(config.record(), &limits).unwrap();
            prop_assert_eq!(again.record(), config.record());
            prop_assert_eq!(again.codec_string(), config.codec_string());
            prop_assert_eq!(again, config);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        data in prop::collection::vec(any::<u8>(), 0..200), size in 0u8..6,
    ) {
        let data = Bytes::from(data);
        HevcRecord::parse(&data, &Limits::default()).ok();
        let info = AccessUnitInfo::scan(&data, size);
        prop_assert!(info.good_bytes <= data.len());
        let sample = to_sample(&data, size, |_| true);
        prop_assert!(sample.len() <= 4 * data.len());
        prop_assert!(annex_b(&data).map(<[u8]>::len).sum::<usize>() <= data.len());
        let hdr = hdr_metadata(&data);
        prop_assert!(hdr.mastering.is_none() || data.len() >= 26);
    }

    #[test]
    fn arbitrary_payload_behind_a_sps_header_never_panics(
        data in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let own = SpsInfo::parse(&[&[0x42, 1], data.as_slice()].concat());
        if let Ok(info) = own {
            prop_assert!((1..=65535).contains(&info.width) && (1..=65535).contains(&info.height));
        }
    }
}
