use proptest::prelude::*;

use super::*;
use crate::codec::fixtures::{fixture, read_box};
use crate::error::ErrorKind;

const HEAD_MONO: &[u8] = fixture!("eflv/opus.head");
const PACKET_20_MS: &[u8] = fixture!("eflv/opus.packet.bin");
const HEAD_5_1: &[u8] = fixture!("codecs/opus_51.head");
const DOPS_5_1: &[u8] = fixture!("codecs/opus_51.dOps");
const PACKET_5_1: &[u8] = fixture!("codecs/opus_51.packet.bin");
const PACKET_60_MS: &[u8] = fixture!("codecs/opus_60ms.packet.bin");

fn parse(data: &[u8]) -> Result<OpusConfig> {
    OpusConfig::parse(data, &Limits::default())
}

#[test]
fn c3_10_little_endian_head_becomes_big_endian_dops() {
    let mono = parse(HEAD_MONO).unwrap();
    assert_eq!((mono.channels(), mono.sample_rate(), mono.pre_skip()), (1, 48_000, 312));
    assert_eq!(mono.head(), HEAD_MONO);
    let read: mp4_atom::Dops = read_box(b"dOps", mono.record());
    assert_eq!(
        (read.output_channel_count, read.pre_skip, read.input_sample_rate),
        (1, 312, 48_000)
    );

    let surround = parse(HEAD_5_1).unwrap();
    assert_eq!(surround.record(), DOPS_5_1, "what FFmpeg writes of the same stream");
    assert_eq!(surround.head(), HEAD_5_1);
    assert_eq!(OpusConfig::parse_dops(DOPS_5_1).unwrap(), surround);
    let read: mp4_atom::Dops = read_box(b"dOps", surround.record());
    assert_eq!(read.channel_mapping.unwrap().channel_mapping, [0, 4, 1, 2, 3, 5]);
}

#[test]
fn a6_26_stream_without_header_is_mono_or_stereo_by_its_first_packet() {
    assert_eq!(OpusConfig::from_packet(PACKET_20_MS).unwrap(), parse(HEAD_MONO).unwrap());
    assert_eq!(OpusConfig::from_packet(PACKET_60_MS).unwrap().channels(), 2);
    assert_eq!(OpusConfig::from_packet(&[]).unwrap_err().field(), "TOC");
    assert!(parse(&[]).is_err());
}

#[test]
fn a6_26_multistream_packet_lasts_as_its_first_stream() {
    assert_eq!(parse(HEAD_5_1).unwrap().mapping().map(|it| (it.streams, it.coupled)), Some((4, 2)));
    assert_eq!(packet_samples(PACKET_5_1).unwrap(), 960);
}

#[test]
fn c3_10_durations_of_every_configuration() {
    assert_eq!(packet_samples(PACKET_20_MS).unwrap(), 960);
    assert_eq!(packet_samples(PACKET_60_MS).unwrap(), 2880);
    // RFC 6716 table 2, in tenths of a millisecond.
    let table = [100, 200, 400, 600]
        .repeat(3)
        .into_iter()
        .chain([100, 200].repeat(2))
        .chain([25, 50, 100, 200].repeat(4));
    for (config, tenths) in (0u8..32).zip(table) {
        let samples = tenths * 48 / 10;
        assert_eq!(packet_samples(&[config << 3]).unwrap(), samples, "{config}");
        assert_eq!(packet_samples(&[config << 3 | 1]).unwrap(), 2 * samples);
        assert_eq!(packet_samples(&[config << 3 | 6]).unwrap(), 2 * samples);
    }
    assert_eq!(packet_samples(&[0x83, 48]).unwrap(), 5760);
    for broken in [&[][..], &[0x83], &[0x83, 0], &[0x83, 49], &[0x9b, 7]] {
        assert_eq!(packet_samples(broken).unwrap_err().kind(), ErrorKind::Malformed);
    }
}

#[test]
fn c3_12_roll_distance_is_80_ms_and_never_0() {
    let found = [120, 480, 960, 1920, 2880, 3840, 5760, 0].map(roll_distance);
    assert_eq!(found, [-32, -8, -4, -2, -2, -1, -1, -3840]);
}

#[test]
fn c3_11_codec_string_is_the_sample_entry() {
    assert_eq!(parse(HEAD_MONO).unwrap().codec_string(), "Opus");
}

#[test]
fn errors_name_field_byte_and_clause() {
    let error = parse(&HEAD_MONO[..15]).unwrap_err();
    let text = "codec: malformed: input sample rate at byte 12 [RFC 7845 5.1]";
    assert_eq!(error.to_string(), text);
    for (at, value, kind) in [
        (0, b'o', ErrorKind::Malformed),
        (8, 0x10, ErrorKind::Unsupported),
        (9, 0, ErrorKind::Malformed),
        (9, 3, ErrorKind::Malformed),
        (18, 1, ErrorKind::Malformed),
    ] {
        let mut data = HEAD_MONO.to_vec();
        data[at] = value;
        assert_eq!(parse(&data).unwrap_err().kind(), kind, "{at}");
    }
    let mut surround = HEAD_5_1.to_vec();
    surround[21] = 6;
    assert_eq!(parse(&surround).unwrap_err().field(), "channel mapping");
}

proptest! {
    #[test]
    fn heads_read_back_equal(
        channels in 1u8..=8,
        fields in any::<(u16, u32, i16)>(),
        family in prop::sample::select(vec![1u8, 2, 255]),
    ) {
        let (pre_skip, rate, gain) = fields;
        let table = (0..channels).collect();
        let mapping = ChannelMapping { family, streams: channels, coupled: 0, table };
        for mapping in [Some(mapping), None] {
            let channels = if mapping.is_some() { channels } else { 1 + channels % 2 };
            let config = OpusConfig::new(channels, pre_skip, rate, gain, mapping);
            prop_assert_eq!(&parse(&config.head()).unwrap(), &config);
            prop_assert_eq!(OpusConfig::parse_dops(config.record()).unwrap(), config);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..300)) {
        for data in [data.clone(), [b"OpusHead", data.as_slice()].concat()] {
            if let Ok(config) = parse(&data) {
                prop_assert!(config.head().len() <= data.len());
            }
            OpusConfig::parse_dops(&data).ok();
        }
        if let Ok(samples) = packet_samples(&data) {
            prop_assert!((120..=5760).contains(&samples));
        }
    }
}
