//! Configurations of real encoders and of the standard's corners.

use proptest::prelude::*;

use super::adts::{AdtsHeader, starts_with_sync};
use super::*;

/// What tells one configuration from another: object type, core rate, output rate, channels, frame samples.
fn meaning(asc: &[u8]) -> (u8, u32, u32, u16, u32) {
    let c = AacConfig::parse(asc).unwrap();
    (c.object_type, c.sample_rate, c.output_sample_rate, c.channels, c.frame_samples)
}

/// Fields of (bits, value), padded with zero bits.
fn bits(fields: &[(u32, u64)]) -> Vec<u8> {
    let bits: Vec<bool> = fields
        .iter()
        .flat_map(|&(n, value)| (0..n).rev().map(move |bit| value >> bit & 1 == 1))
        .collect();
    let byte = |bits: &[bool]| {
        bits.iter().enumerate().fold(0, |v, (at, &bit)| v | u8::from(bit) << (7 - at))
    };
    bits.chunks(8).map(byte).collect()
}

#[test]
fn lc_of_ffmpeg_and_obs() {
    // ffmpeg says behind the configuration that there is no SBR.
    let config = AacConfig::parse(&[0x11, 0x90, 0x56, 0xe5, 0x00]).unwrap();
    assert_eq!(meaning(&[0x11, 0x90, 0x56, 0xe5, 0x00]), (2, 48_000, 48_000, 2, 1024));
    assert_eq!((config.asc().len(), config.codec_string().as_str()), (5, "mp4a.40.2"));
    assert_eq!(meaning(&[0x12, 0x08]), (2, 44_100, 44_100, 1, 1024));
}

#[test]
fn c3_01_escaped_type_explicit_rate_and_reserved_index() {
    let eld = bits(&[(5, 31), (6, 7), (4, 15), (24, 47_952), (4, 2), (1, 1), (15, 0)]);
    assert_eq!(meaning(&eld), (39, 47_952, 47_952, 2, 480));
    for index in [13, 14] {
        let error = AacConfig::parse(&bits(&[(5, 2), (4, index), (4, 2), (3, 0)])).unwrap_err();
        assert_eq!(error.field(), "samplingFrequencyIndex");
    }
    assert!(AacConfig::parse(&bits(&[(5, 2), (4, 15), (24, 0), (4, 2), (3, 0)])).is_err());
}

#[test]
fn c3_02_sbr_and_ps_explicit() {
    let he = bits(&[(5, 5), (4, 6), (4, 2), (4, 3), (5, 2), (3, 0)]);
    assert_eq!(meaning(&he), (5, 24_000, 48_000, 2, 1024));
    let he_v2 = bits(&[(5, 29), (4, 7), (4, 1), (4, 4), (5, 2), (3, 0)]);
    assert_eq!(meaning(&he_v2), (29, 22_050, 44_100, 2, 1024));
}

#[test]
fn c3_03_codec_strings_name_the_object_type_as_it_is_signalled() {
    let of = |asc: &[u8]| AacConfig::parse(asc).unwrap().codec_string();
    let plain = |object_type| bits(&[(5, object_type), (4, 3), (4, 2), (3, 0)]);
    assert_eq!(of(&plain(2)), "mp4a.40.2");
    assert_eq!(of(&plain(1)), "mp4a.40.1");
    // Told explicitly, and behind the configuration of the core.
    assert_eq!(of(&bits(&[(5, 5), (4, 6), (4, 2), (4, 3), (5, 2), (3, 0)])), "mp4a.40.5");
    assert_eq!(of(&bits(&[(5, 29), (4, 7), (4, 1), (4, 4), (5, 2), (3, 0)])), "mp4a.40.29");
    let core = [(5, 2), (4, 6), (4, 1), (3, 0), (11, 0x2b7), (5, 5), (1, 1), (4, 3)];
    assert_eq!(of(&bits(&core)), "mp4a.40.5");
    assert_eq!(of(&bits(&[&core[..], &[(11, 0x548), (1, 1)]].concat())), "mp4a.40.29");
    // Main with SBR is HE-AAC: browsers refuse `mp4a.40.1` for it.
    let main = bits(&[(5, 5), (4, 6), (4, 2), (4, 3), (5, 1), (3, 0)]);
    assert_eq!(of(&main), "mp4a.40.5");
    // Low delay, and its enhanced form.
    assert_eq!(of(&plain(23)), "mp4a.40.23");
    assert_eq!(of(&bits(&[(5, 31), (6, 7), (4, 3), (4, 2), (1, 0), (15, 0)])), "mp4a.40.39");
}

#[test]
fn f_14_a_program_config_element_is_bounded_by_the_bits_that_are_there() {
    // All counts at their largest, and nothing behind them.
    let counts = [(4, 15), (4, 15), (4, 15), (2, 3), (3, 7), (4, 15), (3, 7)];
    let head = [(5, 2), (4, 3), (4, 0), (3, 0), (10, 0)];
    let config = bits(&[&head[..], &counts].concat());
    assert!(AacConfig::parse(&config).is_err());
    // With elements, and a comment that is longer than what is left.
    let mut long = [&head[..], &counts].concat();
    long.extend([(4, 0), (4, 0), (3, 0)]);
    long.extend(std::iter::repeat_n((5, 16), 45));
    long.extend(std::iter::repeat_n((8, 255), 20));
    assert!(AacConfig::parse(&bits(&long)).is_err());
}

#[test]
fn c3_02_sbr_and_ps_by_the_backward_compatible_extension() {
    let core = [(5, 2), (4, 6), (4, 1), (3, 0)];
    let sbr = [&core[..], &[(11, 0x2b7), (5, 5), (1, 1), (4, 3)]].concat();
    assert_eq!(meaning(&bits(&sbr)), (5, 24_000, 48_000, 1, 1024));
    let ps = [&sbr[..], &[(11, 0x548), (1, 1)]].concat();
    assert_eq!(meaning(&bits(&ps)), (29, 24_000, 48_000, 2, 1024));
    let absent = [&core[..], &[(11, 0x2b7), (5, 5), (1, 0)]].concat();
    assert_eq!(meaning(&bits(&absent)), (2, 24_000, 24_000, 1, 1024));
}

#[test]
fn c3_04_960_samples_and_low_delay() {
    assert_eq!(
        meaning(&bits(&[(5, 2), (4, 3), (4, 2), (1, 1), (2, 0)])),
        (2, 48_000, 48_000, 2, 960)
    );
    let ld = |short| bits(&[(5, 23), (4, 3), (4, 2), (1, short), (1, 0), (1, 1), (3, 0), (1, 0)]);
    assert_eq!(meaning(&ld(0)).4, 512);
    assert_eq!(meaning(&ld(1)).4, 480);
}

#[test]
fn c3_05_channels_of_configurations_and_of_a_program_config_element() {
    for (configuration, channels) in [(1, 1), (2, 2), (6, 6), (7, 8), (11, 7), (12, 8), (14, 8)] {
        assert_eq!(meaning(&bits(&[(5, 2), (4, 3), (4, configuration), (3, 0)])).3, channels);
    }
    for reserved in [8, 9, 10, 15] {
        assert!(AacConfig::parse(&bits(&[(5, 2), (4, 3), (4, reserved), (3, 0)])).is_err());
    }
    // Front: one single and one pair; back: one pair; one LFE. 5.1 in 6 channels. A comment of two bytes.
    let element = [
        (5, 2),
        (4, 3),
        (4, 0),
        (3, 0),
        (4, 0),
        (2, 1),
        (4, 3),
        (4, 2),
        (4, 0),
        (4, 1),
        (2, 1),
        (3, 0),
        (4, 0),
        (3, 0),
        (1, 0),
        (4, 0),
        (1, 1),
        (4, 0),
        (1, 1),
        (4, 1),
        (4, 0),
        (3, 0),
        (8, 2),
        (16, 0x4142),
    ];
    let asc = bits(&element);
    assert_eq!(meaning(&asc).3, 6);
    assert_eq!(AacConfig::parse(&asc).unwrap().asc().as_ref(), asc, "copied intact");
    assert!(AacConfig::parse(&asc[..6]).is_err());
}

#[test]
fn c3_06_one_byte_is_an_error_and_junk_behind_is_cut() {
    assert!(AacConfig::parse(&[]).is_err());
    assert!(AacConfig::parse(&[0x11]).is_err());
    for junk in [&[0][..], &[0, 0, 0], &[0xde, 0xad, 0xbe, 0xef], &[0x56, 0xe0, 0, 0]] {
        let config = AacConfig::parse(&[&[0x11, 0x90][..], junk].concat()).unwrap();
        assert_eq!(config.asc().as_ref(), [0x11, 0x90], "{junk:x?}");
    }
    let plain = AacConfig::parse(&[0x11, 0x90]).unwrap();
    let said = AacConfig::parse(&[0x11, 0x90, 0x56, 0xe5, 0x00]).unwrap();
    assert!(plain.means_the_same(&said) && plain != said);
    assert!(!plain.means_the_same(&AacConfig::parse(&[0x12, 0x10]).unwrap()));
}

#[test]
fn object_types_that_are_no_aac_are_unsupported() {
    let error = AacConfig::parse(&bits(&[(5, 8), (4, 3), (4, 2), (8, 0)])).unwrap_err();
    assert_eq!(error.kind(), crate::error::ErrorKind::Unsupported);
}

/// An ADTS frame of LC, 44.1 kHz, stereo.
fn adts(payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u64 + 7;
    let header = [
        (12, 0xfff),
        (4, 1),
        (2, 1),
        (4, 4),
        (1, 0),
        (3, 2),
        (4, 0),
        (13, length),
        (11, 0x7ff),
        (2, 0),
    ];
    [bits(&header), payload.to_vec()].concat()
}

#[test]
fn c3_08_adts_header_to_configuration() {
    let frame = adts(&[1, 2, 3]);
    let header = AdtsHeader::parse(&frame).unwrap();
    assert_eq!(
        (header.object_type, header.sample_rate, header.channel_configuration),
        (2, 44_100, 2)
    );
    assert_eq!((header.header_bytes, header.frame_bytes, header.blocks), (7, 10, 1));
    assert_eq!(header.block_ranges(&frame).unwrap(), [7..10; 1]);
    assert_eq!(header.block_ranges(&frame[..9]), None);
    assert_eq!(header.config().unwrap().asc().as_ref(), [0x12, 0x10]);
}

#[test]
fn c3_08_checksum_and_several_blocks() {
    let header = |absent, length, blocks| {
        bits(&[
            (12, 0xfff),
            (4, absent),
            (2, 1),
            (4, 3),
            (1, 0),
            (3, 2),
            (4, 0),
            (13, length),
            (11, 0x7ff),
            (2, blocks),
        ])
    };
    let one = [header(0, 12, 0), vec![0xcc, 0xcc, 1, 2, 3]].concat();
    let parsed = AdtsHeader::parse(&one).unwrap();
    assert_eq!(
        (parsed.header_bytes, parsed.block_ranges(&one).unwrap()),
        (9, Vec::from([9..12; 1]))
    );
    // Two blocks of 3 and 2 bytes, each with its checksum; the second starts 5 bytes behind the first.
    let two = [header(0, 20, 1), vec![0, 5, 0xcc, 0xcc, 1, 2, 3, 9, 9, 4, 5, 9, 9]].concat();
    let parsed = AdtsHeader::parse(&two).unwrap();
    assert_eq!(parsed.block_ranges(&two).unwrap(), [11..14, 16..18]);
    // Without a checksum nothing tells where the second begins.
    let blind = [header(1, 10, 1), vec![1, 2, 3]].concat();
    assert_eq!(AdtsHeader::parse(&blind).unwrap().block_ranges(&blind), None);
}

#[test]
fn c3_08_faults_in_adts_headers() {
    assert!(!starts_with_sync(&[0xff, 0xfb]), "MP3 is layer 3");
    assert!(starts_with_sync(&[0xff, 0xf9]), "MPEG-2");
    let mut frame = adts(&[1]);
    frame[2] |= 0x3c;
    assert_eq!(AdtsHeader::parse(&frame).unwrap_err().field(), "sampling_frequency_index");
    let short = bits(&[
        (12, 0xfff),
        (4, 1),
        (2, 1),
        (4, 4),
        (1, 0),
        (3, 2),
        (4, 0),
        (13, 6),
        (11, 0),
        (2, 0),
    ]);
    assert_eq!(AdtsHeader::parse(&short).unwrap_err().field(), "aac_frame_length");
    let no_channels = bits(&[
        (12, 0xfff),
        (4, 1),
        (2, 1),
        (4, 4),
        (1, 0),
        (3, 0),
        (4, 0),
        (13, 7),
        (11, 0),
        (2, 0),
    ]);
    let error = AdtsHeader::parse(&no_channels).unwrap().config().unwrap_err();
    assert_eq!(error.kind(), crate::error::ErrorKind::Unsupported);
}

proptest! {
    #[test]
    fn a_written_configuration_is_read_back(
        object_type in 1_u8..5,
        rate in prop_oneof![prop::sample::select(&asc::SAMPLE_RATES[..]), 1_u32..1 << 24],
        configuration in 1_u8..8,
    ) {
        let config = AacConfig::new(object_type, rate, configuration).unwrap();
        prop_assert_eq!((config.object_type(), config.sample_rate()), (object_type, rate));
        prop_assert_eq!(&AacConfig::parse(config.asc()).unwrap(), &config);
    }

    #[test]
    fn anything_is_read_without_panic(data in prop::collection::vec(any::<u8>(), 0..48)) {
        if let Ok(config) = AacConfig::parse(&data) {
            prop_assert!(data.starts_with(config.asc()));
            prop_assert!(AacConfig::parse(config.asc()).unwrap().means_the_same(&config));
        }
        let adts = [&[0xff, 0xf1][..], &data].concat();
        if let Ok(header) = AdtsHeader::parse(&adts) {
            let _ = (header.config(), header.block_ranges(&adts));
        }
    }
}
