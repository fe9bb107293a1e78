//! Parameter sets and records of real encoders, and what is wrong with those of others.

#![expect(clippy::cast_possible_truncation, reason = "test data is small")]

use proptest::prelude::*;

use super::*;

/// ffmpeg 5.1 with libx264, High profile, 640x360 at 30 fps.
const FFMPEG: &[u8] = &[
    0x01, 0x64, 0x00, 0x1e, 0xff, 0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0,
    0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16,
    0x2d, 0x96, 0x01, 0x00, 0x04, 0x68, 0xef, 0xbc, 0xb0, 0xfd, 0xf8, 0xf8, 0x00,
];
/// OBS 29.0.2, Baseline profile, 640x360 at 15 fps.
const OBS: &[u8] = &[
    0x01, 0x42, 0xc0, 0x16, 0xff, 0xe1, 0x00, 0x1c, 0x67, 0x42, 0xc0, 0x16, 0xda, 0x02, 0x80, 0xbf,
    0xe5, 0xc0, 0x5a, 0x80, 0x80, 0x80, 0xa0, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x03, 0x03,
    0xd1, 0xe2, 0xc5, 0xd4, 0x01, 0x00, 0x04, 0x68, 0xce, 0x3c, 0x80,
];

fn limits() -> Limits {
    Limits::default()
}

fn parse(record: &[u8]) -> Result<AvcConfig> {
    AvcConfig::parse(record, &limits())
}

fn sps() -> Vec<u8> {
    FFMPEG[8..34].to_vec()
}

fn pps() -> Vec<u8> {
    FFMPEG[37..41].to_vec()
}

/// A record with these sets, lengths of `length_size` bytes and no High-profile part.
fn record(length_size: u8, sps: &[&[u8]], pps: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![1, 0x64, 0, 0x1e, 0xfc | (length_size - 1), 0xe0 | sps.len() as u8];
    let put = |out: &mut Vec<u8>, set: &[u8]| {
        out.extend((set.len() as u16).to_be_bytes());
        out.extend(set);
    };
    sps.iter().for_each(|set| put(&mut out, set));
    out.push(pps.len() as u8);
    pps.iter().for_each(|set| put(&mut out, set));
    out
}

/// Bits of Exp-Golomb codes and fixed fields, for parameter sets made by hand.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn u(mut self, bits: u32, value: u64) -> Self {
        self.0.extend((0..bits).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn ue(self, value: u64) -> Self {
        let bits = 64 - (value + 1).leading_zeros();
        self.u(bits - 1, 0).u(bits, value + 1)
    }

    /// A NAL unit with stop bit and emulation prevention.
    fn nal(self, header: &[u8]) -> Vec<u8> {
        let mut out = header.to_vec();
        let mut zeros = 0;
        for byte in self.u(1, 1).0.chunks(8) {
            let value = byte
                .iter()
                .enumerate()
                .fold(0, |value, (at, &bit)| value | u8::from(bit) << (7 - at));
            if zeros >= 2 && value <= 3 {
                out.push(3);
                zeros = 0;
            }
            zeros = if value == 0 { zeros + 1 } else { 0 };
            out.push(value);
        }
        out
    }
}

/// A Main-profile SPS up to the VUI flag: 1920x1088 coded, as frames or fields.
fn main_1080(frames: bool, crop_bottom: u64) -> Bits {
    let bits = Bits::default().ue(0).ue(0).ue(0).ue(0).ue(4).u(1, 0).ue(119);
    let bits = if frames { bits.ue(67).u(1, 1) } else { bits.ue(33).u(1, 0).u(1, 0) };
    bits.u(1, 1).u(1, 1).ue(0).ue(0).ue(0).ue(crop_bottom)
}

const MAIN: [u8; 4] = [0x67, 77, 0, 40];

#[test]
fn records_of_ffmpeg_and_obs_are_read_and_written_alike() {
    let config = parse(FFMPEG).unwrap();
    assert_eq!(config.record().as_ref(), FFMPEG);
    assert_eq!(config.codec_string(), "avc1.64001e");
    let info = config.info();
    assert_eq!((info.width, info.height, info.frame_rate), (640, 360, Some((60, 2))));
    assert_eq!((info.chroma_format, info.bit_depth_luma, info.reorder_frames), (1, 8, 2));

    let config = parse(OBS).unwrap();
    assert_eq!(config.record().as_ref(), OBS, "Baseline has no High-profile part");
    assert_eq!((config.info().width, config.info().height), (640, 360));
    assert_eq!(config.info().frame_rate, Some((30, 2)));
}

#[test]
fn c1_01_reserved_bits_may_be_zero_and_lengths_of_3_bytes_are_refused() {
    let mut bytes = FFMPEG.to_vec();
    (bytes[4], bytes[5]) = (0x03, 0x01);
    assert_eq!(parse(&bytes).unwrap(), parse(FFMPEG).unwrap());
    bytes[4] = 0xfe;
    assert_eq!(parse(&bytes).unwrap_err().field(), "lengthSizeMinusOne");
    for size in [1, 2, 4] {
        let bytes = record(size, &[&sps()], &[&pps()]);
        assert_eq!(AvcRecord::parse(&bytes).unwrap().length_size, size);
        assert_eq!(parse(&bytes).unwrap().record()[4], 0xff, "c1_02: written with 4-byte lengths");
    }
}

#[test]
fn c1_03_records_without_sets_are_read_and_make_no_configuration() {
    let empty = record(4, &[], &[]);
    assert_eq!(AvcRecord::parse(&empty).unwrap().sps.len(), 0);
    assert_eq!(parse(&empty).unwrap_err().field(), "no SPS");
    assert_eq!(parse(&record(4, &[&sps()], &[])).unwrap_err().field(), "no PPS");
    assert!(parse(&[]).is_err());
}

#[test]
fn c1_04_sets_are_kept_by_id_and_the_latest_wins() {
    let other_pps = Bits::default().ue(1).ue(0).u(12, 0xaaa).nal(&[0x68]);
    let changed_pps = Bits::default().ue(0).ue(0).u(12, 0x555).nal(&[0x68]);
    let config = parse(&record(4, &[&sps(), &sps()], &[&other_pps, &pps(), &pps()])).unwrap();
    assert_eq!(config.sps(), [sps()]);
    assert_eq!(config.pps(), [pps(), other_pps.clone()]);

    let mut sets = ParameterSets::default();
    for (set, changes) in [(&sps(), true), (&pps(), true), (&pps(), false), (&changed_pps, true)] {
        assert_eq!(sets.insert(set, &limits()).unwrap(), changes);
    }
    assert_eq!(sets.config().unwrap().pps(), [changed_pps]);
}

#[test]
fn c1_05_high_profile_part_is_optional_and_written() {
    let bytes = record(4, &[&sps()], &[&pps()]);
    assert_eq!(parse(&bytes).unwrap().record().as_ref(), FFMPEG);
    let mut longer = FFMPEG.to_vec();
    longer.extend([0xde, 0xad, 0xbe, 0xef]);
    assert_eq!(parse(&longer).unwrap().record().as_ref(), FFMPEG);
}

#[test]
fn c1_05_sps_extensions_are_kept() {
    let mut bytes = FFMPEG[..FFMPEG.len() - 1].to_vec();
    bytes.extend([1, 0, 2, 0x6d, 0x80]);
    assert_eq!(parse(&bytes).unwrap().record().as_ref(), bytes);
}

#[test]
fn c1_06_emulation_prevention_is_undone_before_parsing() {
    // The timing information of both real sets is full of zero bytes.
    assert!(sps().windows(3).any(|w| w == [0, 0, 3]));
    assert_eq!(SpsInfo::parse(&sps()).unwrap().frame_rate, Some((60, 2)));
}

#[test]
fn c1_07_profile_and_level_are_the_ones_of_the_sps() {
    let mut bytes = FFMPEG.to_vec();
    bytes[1..4].copy_from_slice(&[66, 0xc0, 10]);
    let config = parse(&bytes).unwrap();
    assert_eq!(config.codec_string(), "avc1.64001e");
    assert_eq!(config.record().as_ref(), FFMPEG);
}

#[test]
fn c1_08_trailing_zeros_of_sets_are_cut() {
    let (mut sps, mut pps) = (sps(), pps());
    sps.extend([0, 0, 0]);
    pps.push(0);
    assert_eq!(parse(&record(4, &[&sps], &[&pps])).unwrap().record().as_ref(), FFMPEG);
}

#[test]
fn c1_09_record_of_annex_b_sets() {
    let bytes = [&[0, 0, 0, 1][..], &sps(), &[0, 0, 1], &pps()].concat();
    assert_eq!(parse(&bytes).unwrap().record().as_ref(), FFMPEG);
}

#[test]
fn records_cut_short_are_read_up_to_the_cut() {
    for cut in 0..FFMPEG.len() {
        match AvcRecord::parse(&FFMPEG[..cut]) {
            Ok(record) => assert_eq!(record.sps.len(), usize::from(cut >= 34), "{cut}"),
            Err(_) => assert!(cut < 5, "{cut}"),
        }
    }
}

#[test]
fn c1_16_size_is_cropped_for_frames_and_fields() {
    let frames = SpsInfo::parse(&main_1080(true, 4).u(1, 0).nal(&MAIN)).unwrap();
    assert_eq!((frames.width, frames.height, frames.interlaced), (1920, 1080, false));
    let fields = SpsInfo::parse(&main_1080(false, 2).u(1, 0).nal(&MAIN)).unwrap();
    assert_eq!((fields.width, fields.height, fields.interlaced), (1920, 1080, true));
    assert!(SpsInfo::parse(&main_1080(true, 544).u(1, 0).nal(&MAIN)).is_err(), "nothing left");
    assert!(
        SpsInfo::parse(&main_1080(true, 600).u(1, 0).nal(&MAIN)).is_err(),
        "less than nothing left"
    );
}

#[test]
fn c1_16_sample_aspect_ratio_by_index_and_extended() {
    let vui = |bits: Bits| bits.u(1, 1).u(1, 1);
    let by_index = vui(main_1080(true, 4)).u(8, 14).u(16, 0).nal(&MAIN);
    assert_eq!(SpsInfo::parse(&by_index).unwrap().sample_aspect_ratio, Some((4, 3)));
    let extended = vui(main_1080(true, 4)).u(8, 255).u(16, 64).u(16, 45).u(16, 0).nal(&MAIN);
    assert_eq!(SpsInfo::parse(&extended).unwrap().sample_aspect_ratio, Some((64, 45)));
    let zero = vui(main_1080(true, 4)).u(8, 255).u(16, 0).u(16, 45).u(16, 0).nal(&MAIN);
    assert_eq!(SpsInfo::parse(&zero).unwrap().sample_aspect_ratio, None);
}

#[test]
fn c1_17_absurd_frame_rates_are_none() {
    let rate = |units: u64, scale: u64| {
        let nal = main_1080(true, 4)
            .u(1, 1)
            .u(4, 0)
            .u(1, 1)
            .u(32, units)
            .u(32, scale)
            .u(16, 0)
            .nal(&MAIN);
        SpsInfo::parse(&nal).unwrap().frame_rate
    };
    assert_eq!(rate(1001, 60_000), Some((60_000, 2002)));
    for (units, scale) in [(0, 60), (1, 0), (1, 0xffff_ffff), (0xffff_ffff, 1), (0, 0)] {
        assert_eq!(rate(units, scale), None, "{scale}/{units}");
    }
}

#[test]
fn c1_18_a_broken_vui_leaves_what_was_before_it() {
    // Aspect ratio and timing are good; the HRD parameters say 33 schedules.
    let good =
        main_1080(true, 4).u(1, 1).u(1, 1).u(8, 1).u(3, 0).u(1, 1).u(32, 1).u(32, 50).u(1, 1);
    let broken = SpsInfo::parse(&good.u(1, 1).ue(4000).nal(&MAIN)).unwrap();
    assert_eq!((broken.width, broken.height), (1920, 1080));
    assert_eq!(broken.sample_aspect_ratio, Some((1, 1)));
    assert_eq!(broken.frame_rate, Some((50, 2)));
}

#[test]
fn c1_18_truncated_anywhere_in_the_vui() {
    let whole = sps();
    let good = SpsInfo::parse(&whole).unwrap();
    // The VUI starts in the 13th byte.
    for cut in 14..whole.len() {
        let info = SpsInfo::parse(&whole[..cut]).unwrap();
        assert_eq!(
            (info.width, info.height, info.profile),
            (good.width, good.height, good.profile),
            "{cut}"
        );
    }
    let longer = [&whole[..], &[0x12, 0x34, 0x80]].concat();
    assert_eq!(SpsInfo::parse(&longer).unwrap(), good);
}

#[test]
fn c1_18_a_level_too_low_for_the_size_is_no_fault() {
    let info = SpsInfo::parse(&main_1080(true, 4).u(1, 0).nal(&[0x67, 77, 0, 10])).unwrap();
    assert_eq!((info.width, info.height, info.level), (1920, 1080, 10));
}

#[test]
fn c1_19_long_exp_golomb_codes_and_huge_sizes_are_errors() {
    for bits in [
        Bits::default().u(40, 0),
        Bits::default()
            .ue(0)
            .ue(0)
            .ue(0)
            .ue(0)
            .ue(4)
            .u(1, 0)
            .ue(0xffff_fffe)
            .ue(0xffff_fffe)
            .u(2, 3)
            .u(2, 0),
        Bits::default().ue(0).ue(0).ue(1).u(1, 0).u(2, 3).ue(255),
        Bits::default().ue(32),
    ] {
        assert!(SpsInfo::parse(&bits.nal(&MAIN)).is_err());
    }
    for short in [&[][..], &[0x67], &[0x67, 100], &[0x67, 100, 0, 30], &[0, 0, 0, 0]] {
        assert!(SpsInfo::parse(short).is_err());
    }
}

#[test]
fn c1_20_reorder_depth_given_or_inferred() {
    assert_eq!(SpsInfo::parse(&sps()).unwrap().reorder_frames, 2);
    let main = SpsInfo::parse(&main_1080(true, 4).u(1, 0).nal(&MAIN)).unwrap();
    assert_eq!(main.reorder_frames, 4, "level 4 holds four frames of 1080p");
    let baseline = SpsInfo::parse(&main_1080(true, 4).u(1, 0).nal(&[0x67, 66, 0, 40])).unwrap();
    assert_eq!(baseline.reorder_frames, 0);
}

#[test]
fn parameter_sets_are_bounded() {
    let tight = Limits { parameter_set_bytes: 29, ..limits() };
    let error = AvcConfig::parse(FFMPEG, &tight).unwrap_err();
    assert_eq!(error.kind(), crate::error::ErrorKind::LimitExceeded);
}

proptest! {
    #[test]
    fn anything_is_read_without_panic(data in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = parse(&data);
        let _ = SpsInfo::parse(&[&[0x67][..], &data].concat());
        let _ = sps::pps_id(&[&[0x68][..], &data].concat());
        let _ = nal::is_intra_slice(&data);
    }

    #[test]
    fn mutations_of_a_real_set_are_read_without_panic(at in 1_usize..26, byte: u8, cut in 1_usize..27) {
        let mut set = sps();
        set[at] = byte;
        set.truncate(cut);
        let _ = SpsInfo::parse(&set);
    }

    #[test]
    fn a_written_record_is_read_back(ids in prop::collection::btree_set(0_u64..256, 1..8)) {
        let pps: Vec<Vec<u8>> = ids.iter().map(|&id| Bits::default().ue(id).ue(0).u(9, 0x155).nal(&[0x68])).collect();
        let pps: Vec<&[u8]> = pps.iter().map(Vec::as_slice).collect();
        let sps = sps();
        let config = AvcConfig::from_parameter_sets([sps.as_slice()], pps.iter().copied(), &limits()).unwrap();
        prop_assert_eq!(config.pps(), pps);
        prop_assert_eq!(parse(config.record()).unwrap(), config);
    }
}
