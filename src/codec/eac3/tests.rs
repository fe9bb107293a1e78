use proptest::prelude::*;

use super::*;
use crate::codec::fixtures::{fixture, read_box};

const MONO: &[u8] = fixture!("eflv/eac3.frame.bin");
const SURROUND: &[u8] = fixture!("codecs/eac3_51.bin");
const SURROUND_BOX: &[u8] = fixture!("codecs/eac3_51.dec3");
const AC3: &[u8] = fixture!("eflv/ac3.frame.bin");

/// A frame of `words` 16-bit words: 48 kHz, `bsid` 16, without metadata.
fn frame(stream_type: u8, id: u8, blocks: u8, acmod: u8, chanmap: Option<u16>) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.bits(16, 0x0b77u32);
    bits.bits(2, stream_type);
    bits.bits(3, id);
    bits.bits(11, 15u8); // 32 bytes
    bits.bits(2, 0u8);
    bits.bits(2, blocks);
    bits.bits(3, acmod);
    bits.bits(1, u8::from(stream_type == 0));
    bits.bits(5, 16u8);
    bits.bits(6, 0u8);
    if stream_type == 1 {
        bits.bits(1, chanmap.is_some());
        if let Some(map) = chanmap {
            bits.bits(16, map);
        }
    }
    bits.bits(2, 0u8); // mixmdate, infomdate
    if stream_type == 0 && blocks != 3 {
        bits.bits(1, 0u8);
    }
    let mut data = bits.freeze().to_vec();
    data.resize(32, 0);
    data
}

#[test]
fn a6_27_c3_14_configuration_comes_from_the_first_unit() {
    // As ffprobe says.
    let mono = Eac3Config::from_unit(MONO).unwrap();
    assert_eq!((mono.sample_rate(), mono.channels(), mono.data_rate()), (48_000, 1, 96));
    let surround = Eac3Config::from_unit(&SURROUND[..1024]).unwrap();
    assert_eq!((surround.channels(), surround.data_rate()), (6, 256));
    assert_eq!((surround.frame_samples(), surround.substreams().len()), (1536, 1));
    assert_eq!(surround.codec_string(), "ec-3");
}

#[test]
fn c3_14_boxes_are_what_ffmpeg_writes_and_mp4_atom_reads() {
    let mono: &[u8] = &[0x03, 0x00, 0x20, 0x02, 0x00];
    for (unit, told) in [(MONO, mono), (&SURROUND[..1024], SURROUND_BOX)] {
        let config = Eac3Config::from_unit(unit).unwrap();
        assert_eq!(config.record(), told);
        assert_eq!(Eac3Config::parse(told).unwrap(), config);
        let read: mp4_atom::Ec3SpecificBox = read_box(b"dec3", config.record());
        assert_eq!((read.data_rate, read.substreams.len()), (config.data_rate(), 1));
        assert_eq!(read.substreams[0].acmod, config.substreams()[0].acmod);
    }
}

#[test]
fn frames_are_walked() {
    let sizes: Vec<usize> = frames(SURROUND).map(|(_, frame)| frame.len()).collect();
    assert_eq!(sizes, [1024, 76]);
    assert_eq!((unit_samples(MONO), unit_samples(SURROUND), unit_samples(b"")), (1536, 3072, 0));
}

#[test]
fn dependent_substream_adds_its_channels() {
    // 5.1, and a dependent stream whose map has Ls, Rs (already there) and the pair Lrs/Rrs.
    let map = 1 << (15 - 3) | 1 << (15 - 4) | 1 << (15 - 6);
    let unit = [frame(0, 0, 3, 7, None), frame(1, 0, 3, 6, Some(map))].concat();
    let config = Eac3Config::from_unit(&unit).unwrap();
    assert_eq!((config.channels(), config.frame_samples()), (8, 1536));
    let substream = config.substreams()[0];
    assert_eq!((substream.dependents, substream.locations), (1, 0b10));
    let read: mp4_atom::Ec3SpecificBox = read_box(b"dec3", config.record());
    assert_eq!((read.substreams[0].num_dep_sub, read.substreams[0].chan_loc), (1, Some(0b10)));
    assert_eq!(Eac3Config::parse(config.record()).unwrap(), config);
    assert!(Eac3Config::from_unit(&unit[32..]).is_err(), "a dependent stream alone is none");
}

#[test]
fn unit_of_one_block_frames_is_counted_once_a_substream() {
    let first = [frame(0, 0, 0, 2, None), frame(0, 1, 0, 1, None)].concat();
    let unit = first.repeat(6);
    let config = Eac3Config::from_unit(&unit).unwrap();
    assert_eq!((config.substreams().len(), config.frame_samples()), (2, 1536));
    assert_eq!(unit_samples(&unit), 1536);
    assert_eq!(unit_samples(&first), 256);
    // 12 frames of 32 bytes in 32 ms.
    assert_eq!(config.data_rate(), 96);
    let read: mp4_atom::Ec3SpecificBox = read_box(b"dec3", config.record());
    assert_eq!(read.substreams.len(), 2);
}

#[test]
fn first_substream_may_have_any_number() {
    let unit = [frame(0, 3, 1, 2, None), frame(0, 3, 1, 2, None)].concat();
    let config = Eac3Config::from_unit(&unit).unwrap();
    assert_eq!(
        (config.substreams().len(), config.frame_samples(), config.channels()),
        (1, 1024, 3)
    );
    assert_eq!(unit_samples(&unit), 1024);
}

#[test]
fn half_rates_have_their_code_in_place_of_the_blocks() {
    let mut data = frame(0, 0, 3, 2, None);
    data[4] = data[4] & 0x0f | 0b1101 << 4;
    let header = FrameHeader::parse(&data).unwrap();
    assert_eq!((header.sample_rate, header.samples), (22_050, 1536));
    data[4] |= 0xf0;
    assert_eq!(FrameHeader::parse(&data).unwrap_err().field(), "fscod2");
}

#[test]
fn joint_object_coding_is_told_in_the_box() {
    let mut bits = BitWriter::default();
    bits.bits(16, 0x0b77u32);
    bits.bits(5, 0u8);
    bits.bits(11, 15u8);
    bits.bits(8, 0b0011_1111u8); // 48 kHz, 6 blocks, 5.1
    bits.bits(5, 16u8);
    bits.bits(6, 0u8);
    bits.bits(2, 0u8); // mixmdate, infomdate
    bits.bits(1, 1u8); // addbsie
    bits.bits(6, 1u8); // two bytes
    bits.bits(8, 1u8);
    bits.bits(8, 16u8);
    let mut data = bits.freeze().to_vec();
    data.resize(32, 0);
    let config = Eac3Config::from_unit(&data).unwrap();
    assert_eq!(config.joint_objects(), Some(16));
    assert_eq!(config.record()[5..], [1, 16]);
    assert_eq!(Eac3Config::parse(config.record()).unwrap(), config);
}

#[test]
fn errors_name_field_byte_and_clause() {
    let error = Eac3Config::from_unit(&MONO[..5]).unwrap_err().to_string();
    assert_eq!(error, "codec: malformed: bsid at byte 5 [TS 102 366 E.1.2.2]");
    assert!(Eac3Config::from_unit(AC3).is_err());
    assert!(Eac3Config::parse(&SURROUND_BOX[..4]).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_what_reads_is_written_back(
        data in prop::collection::vec(any::<u8>(), 0..48), tail in any::<bool>(),
    ) {
        let head = if tail { frame(0, 0, 3, 7, None) } else { vec![0x0b, 0x77] };
        let unit = [head, vec![0x0b, 0x77], data.clone()].concat();
        prop_assert!(frames(&unit).map(|(_, frame)| frame.len()).sum::<usize>() <= unit.len());
        if let Ok(config) = Eac3Config::from_unit(&unit) {
            let again = Eac3Config::parse(config.record()).unwrap();
            prop_assert_eq!(again.record(), config.record());
            prop_assert_eq!(again.channels(), config.channels());
        }
        if let Ok(config) = Eac3Config::parse(&data) {
            prop_assert_eq!(Eac3Config::parse(config.record()).unwrap(), config);
        }
    }
}
