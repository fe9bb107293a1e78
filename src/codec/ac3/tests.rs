use proptest::prelude::*;

use super::*;
use crate::codec::fixtures::{fixture, read_box};
use crate::error::ErrorKind;

const MONO: &[u8] = fixture!("eflv/ac3.frame.bin");
const SURROUND: &[u8] = fixture!("codecs/ac3_51_44100.bin");
const SURROUND_BOX: &[u8] = fixture!("codecs/ac3_51_44100.dac3");
const STEREO: &[u8] = fixture!("codecs/ac3_20_32000.bin");
const STEREO_BOX: &[u8] = fixture!("codecs/ac3_20_32000.dac3");
const EAC3: &[u8] = fixture!("eflv/eac3.frame.bin");

#[test]
fn a6_27_c3_14_configuration_comes_from_the_sync_frame() {
    let of = |data| {
        let config = Ac3Config::from_frame(data).unwrap();
        (config.sample_rate(), config.channels(), config.bitrate(), config.lfe())
    };
    // As ffprobe says.
    assert_eq!(of(MONO), (48_000, 1, 96, false));
    assert_eq!(of(SURROUND), (44_100, 6, 384, true));
    assert_eq!(of(STEREO), (32_000, 2, 96, false));
}

#[test]
fn c3_14_boxes_are_what_ffmpeg_writes_and_mp4_atom_reads() {
    let mono: &[u8] = &[0x10, 0x08, 0xc0];
    for (frame, told) in [(MONO, mono), (SURROUND, SURROUND_BOX), (STEREO, STEREO_BOX)] {
        let config = Ac3Config::from_frame(frame).unwrap();
        assert_eq!(config.record(), told);
        assert_eq!(Ac3Config::parse(told).unwrap(), config);
        let read: mp4_atom::Ac3SpecificBox = read_box(b"dac3", config.record());
        assert_eq!(
            (read.bsid, read.acmod, read.lfeon),
            (config.bsid(), config.acmod(), config.lfe())
        );
    }
}

#[test]
fn frames_are_walked_with_the_uneven_sizes_of_44_khz() {
    let sizes = |data| frames(data).map(<[u8]>::len).collect::<Vec<_>>();
    assert_eq!(sizes(MONO), [MONO.len()]);
    assert_eq!(sizes(SURROUND), [1670, 1672, 58]);
    assert_eq!(sizes(STEREO), [576, 576, 48]);
    assert_eq!(Ac3Config::from_frame(MONO).unwrap().frame_samples(), 1536);
}

#[test]
fn the_two_formats_are_told_apart() {
    assert_eq!((is_eac3(MONO), is_eac3(EAC3), is_eac3(&[0; 8])), (Some(false), Some(true), None));
    assert_eq!(Ac3Config::from_frame(EAC3).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn errors_name_field_byte_and_clause() {
    let error = Ac3Config::from_frame(&MONO[..5]).unwrap_err().to_string();
    assert_eq!(error, "codec: malformed: bsid at byte 5 [TS 102 366 4.3.1]");
    let error = Ac3Config::from_frame(&[0x0b, 0x77, 0, 0, 0xc0, 0x40]).unwrap_err();
    assert_eq!((error.field(), error.offset()), ("fscod", Some(4)));
    assert_eq!(Ac3Config::from_frame(b"xx").unwrap_err().field(), "syncword");
    assert!(Ac3Config::parse(&[0x10, 0x08]).is_err() && Ac3Config::parse(&[0xff; 3]).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_what_reads_is_written_back(
        data in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        let frame = [&[0x0b, 0x77], data.as_slice()].concat();
        prop_assert!(frames(&frame).map(<[u8]>::len).sum::<usize>() <= frame.len());
        for config in [Ac3Config::from_frame(&frame), Ac3Config::parse(&data)].into_iter().flatten() {
            prop_assert_eq!(Ac3Config::parse(config.record()).unwrap(), config);
        }
    }
}
