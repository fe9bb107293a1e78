use proptest::prelude::*;

use super::*;
use crate::codec::fixtures::{fixture, read_box};

const BARE: &[u8] = fixture!("eflv/flac.streaminfo");
const BARE_LAST: &[u8] = fixture!("eflv/flac.last.streaminfo");
const FRAME: &[u8] = fixture!("eflv/flac.frame.bin");
const LAST_FRAME: &[u8] = fixture!("eflv/flac.last.frame.bin");
const SURROUND: &[u8] = fixture!("codecs/flac_96k.head.bin");
const SURROUND_FRAME: &[u8] = fixture!("codecs/flac_96k.frame.bin");

fn parse(data: &[u8]) -> FlacConfig {
    FlacConfig::parse(data, &Limits::default()).unwrap()
}

#[test]
fn a6_27_every_form_of_streaminfo_is_the_same() {
    let bare = parse(BARE);
    let header: &[u8] = &[0x80, 0, 0, 34];
    let not_last: &[u8] = &[0, 0, 0, 34];
    let comment: &[u8] = &[0x84, 0, 0, 2, 1, 2];
    for form in [
        [header, BARE].concat(),
        [b"fLaC", header, BARE].concat(),
        [b"fLaC".as_slice(), BARE].concat(),
        [b"fLaC", not_last, BARE, comment].concat(),
        [&[0, 0, 0, 0], header, BARE].concat(),
        [&[0, 0, 0, 0], not_last, BARE, comment].concat(),
    ] {
        let found = parse(&form);
        assert_eq!(found, bare);
        assert_eq!(found.record(), bare.record());
    }
    assert_eq!(bare.head(), [b"fLaC", header, BARE].concat());
}

#[test]
fn rates_and_channels_are_what_ffprobe_says() {
    let of = |config: &FlacConfig| {
        (config.sample_rate(), config.channels(), config.info().bits_per_sample)
    };
    assert_eq!(of(&parse(BARE)), (48_000, 1, 16));
    assert_eq!(parse(BARE).frame_samples(), Some(4608));
    assert_eq!(of(&parse(SURROUND)), (96_000, 6, 24));
    assert_eq!(parse(SURROUND).codec_string(), "fLaC");
}

#[test]
fn b4_06_repeated_header_with_length_and_checksum_is_equal() {
    assert_ne!(BARE, BARE_LAST);
    assert_eq!(parse(BARE), parse(BARE_LAST));
    assert_ne!(parse(BARE), parse(SURROUND));
}

#[test]
fn c3_13_box_holds_the_real_rate() {
    for data in [BARE, SURROUND] {
        let config = parse(data);
        let read: mp4_atom::Dfla = read_box(b"dfLa", config.record());
        let [mp4_atom::FlacMetadataBlock::StreamInfo { sample_rate, num_channels_minus_one, .. }] =
            read.blocks.as_slice()
        else {
            panic!("{read:?}");
        };
        assert_eq!(*sample_rate, config.sample_rate());
        assert_eq!(u16::from(*num_channels_minus_one) + 1, config.channels());
    }
    // FFmpeg's box of the same stream.
    let told = [&[0, 0, 0, 0, 0x80, 0, 0, 34], BARE].concat();
    assert_eq!(parse(BARE).record(), &told);
}

#[test]
fn frames_last_what_their_headers_say() {
    assert_eq!(frame_samples(FRAME).unwrap(), 4608);
    // 192000 samples in all: 41 blocks of 4608 and a rest.
    assert_eq!(frame_samples(LAST_FRAME).unwrap(), 192_000 - 41 * 4608);
    assert_eq!(frame_samples(SURROUND_FRAME).unwrap(), 8192);
    for (code, samples) in [(1, 192), (2, 576), (5, 4608), (8, 256), (15, 32_768)] {
        assert_eq!(frame_samples(&[0xff, 0xf8, code << 4, 0, 0]).unwrap(), samples);
    }
    // Coded numbers of 1, 2 and 7 bytes in front of an 8 and a 16 bit size.
    assert_eq!(frame_samples(&[0xff, 0xf8, 0x60, 0, 0x10, 9]).unwrap(), 10);
    assert_eq!(frame_samples(&[0xff, 0xf9, 0x70, 0, 0xc2, 0x80, 1, 0]).unwrap(), 257);
    let seven = [0xff, 0xf9, 0x70, 0, 0xfe, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xff, 0xff];
    assert_eq!(frame_samples(&seven).unwrap(), 65_536);
}

#[test]
fn errors_name_field_byte_and_clause() {
    let error = FlacConfig::parse(&SURROUND[..40], &Limits::default()).unwrap_err();
    let text = "codec: malformed: STREAMINFO (found 32) at byte 8 [RFC 9639 8.2]";
    assert_eq!(error.to_string(), text);
    let error = FlacConfig::parse(&[0; 34], &Limits::default()).unwrap_err();
    assert_eq!((error.field(), error.offset()), ("sample_rate", Some(10)));
    assert_eq!(frame_samples(&[0xff, 0xf8, 0]).unwrap_err().field(), "sample rate bits");
    assert_eq!(frame_samples(&[0xff, 0xf8, 0, 0]).unwrap_err().field(), "block size bits");
    assert_eq!(frame_samples(&[0xff, 0xf8, 0x60, 0, 0x80, 0]).unwrap_err().field(), "coded number");
    assert_eq!(frame_samples(b"fLaC").unwrap_err().field(), "sync code");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_what_reads_is_written_back(
        data in prop::collection::vec(any::<u8>(), 0..64), magic in any::<bool>(),
    ) {
        let data = if magic { [b"fLaC", data.as_slice()].concat() } else { data };
        if let Ok(config) = FlacConfig::parse(&data, &Limits::default()) {
            prop_assert_eq!(&parse(config.record()), &config);
            let (again, from_head) = (parse(config.record()), parse(&config.head()));
            prop_assert_eq!(again.record(), config.record());
            prop_assert_eq!(from_head.record(), config.record());
        }
        if let Ok(samples) = frame_samples(&data) {
            prop_assert!((1..=65_536).contains(&samples));
        }
    }
}
