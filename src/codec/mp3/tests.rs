use proptest::prelude::*;

use super::*;
use crate::codec::fixtures::fixture;

const ONE: &[u8] = fixture!("eflv/mp3.frame.bin");
const THREE: &[u8] = fixture!("eflv/mp3.frames.bin");
const STEREO_48: &[u8] = fixture!("codecs/mp3_48k.bin");
const MPEG_2: &[u8] = fixture!("codecs/mp3_22k.bin");
const MPEG_25: &[u8] = fixture!("codecs/mp3_8k.bin");
const LAYER_2: &[u8] = fixture!("codecs/mp2_48k.bin");

#[test]
fn b4_16_rate_and_channels_come_from_the_frame_as_ffprobe_says() {
    let of = |data| {
        let config = Mp3Config::from_frame(data).unwrap();
        (config.sample_rate(), config.channels(), config.frame_samples(), config.layer())
    };
    assert_eq!(of(ONE), (44_100, 1, 1152, 3));
    assert_eq!(of(STEREO_48), (48_000, 2, 1152, 3));
    assert_eq!(of(MPEG_2), (22_050, 1, 576, 3));
    assert_eq!(of(MPEG_25), (8_000, 1, 576, 3));
    assert_eq!(of(LAYER_2), (48_000, 2, 1152, 2));
}

#[test]
fn b4_16_several_frames_in_one_tag_are_split() {
    let sizes = |data| frames(data).map(|(_, frame)| frame.len()).collect::<Vec<_>>();
    assert_eq!(sizes(ONE), [ONE.len()]);
    assert_eq!(sizes(THREE), [208, 209, 209]);
    assert_eq!(sizes(STEREO_48), [960, 960, 80]);
    assert_eq!(sizes(MPEG_2), [208, 209, 83]);
    assert_eq!(sizes(MPEG_25), [216, 184]);
    assert_eq!(sizes(LAYER_2), [1152, 1152, 96]);
    let junk = [ONE, b"junk"].concat();
    assert_eq!(sizes(&junk), [ONE.len()]);
}

#[test]
fn b4_17_codec_string_and_object_type_of_each_generation() {
    let of = |data| {
        let config = Mp3Config::from_frame(data).unwrap();
        (config.codec_string(), config.object_type_indication())
    };
    assert_eq!(of(ONE), ("mp4a.40.34".to_owned(), 0x6b));
    assert_eq!(of(MPEG_2), ("mp4a.40.34".to_owned(), 0x69));
    assert_eq!(of(LAYER_2), ("mp4a.40.33".to_owned(), 0x6b));
}

#[test]
fn free_format_reaches_to_the_end_and_layer_1_counts_in_fours() {
    let free = [0xff, 0xfb, 0x00, 0x00, 1, 2, 3];
    let found: Vec<_> = frames(&free).collect();
    assert_eq!((found.len(), found[0].0.bytes, found[0].1), (1, None, free.as_slice()));
    let header = FrameHeader::parse(&[0xff, 0xff, 0x12, 0xc0]).unwrap();
    // 32 kbit/s at 44.1 kHz: 8 slots of 4 bytes and one of padding.
    assert_eq!((header.layer, header.samples, header.bytes), (1, 384, Some(36)));
}

#[test]
fn errors_name_field_byte_and_clause() {
    for (data, field) in [
        ([0xff, 0x1b, 0x90, 0], "syncword"),
        ([0xff, 0xeb, 0x90, 0], "ID"),
        ([0xff, 0xf9, 0x90, 0], "layer"),
        ([0xff, 0xfb, 0xf0, 0], "bitrate_index"),
        ([0xff, 0xfb, 0x9c, 0], "sampling_frequency"),
    ] {
        assert_eq!(FrameHeader::parse(&data).unwrap_err().field(), field);
    }
    let error = FrameHeader::parse(&[0xff, 0xfb]).unwrap_err().to_string();
    assert_eq!(error, "codec: malformed: header at byte 2 [ISO/IEC 11172-3 2.4.1.3]");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        data in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xff), Just(0xfb)], 0..64),
    ) {
        let total: usize = frames(&data).map(|(_, frame)| frame.len()).sum();
        prop_assert!(total <= data.len());
    }
}
