use proptest::prelude::*;
use shiguredo_mp4::bitstream::vp9 as oracle;

use super::*;
use crate::codec::fixtures::{fixture, read_box};

const RECORD: &[u8] = fixture!("eflv/vp9.vpcC");
const KEY: &[u8] = fixture!("eflv/vp9.key.bin");
const INTER: &[u8] = fixture!("eflv/vp9.inter.bin");
const SUPERFRAME: &[u8] = fixture!("codecs/vp9_superframe.bin");
const PROFILES: [(&[u8], &[u8]); 4] = [
    (fixture!("codecs/vp9_p0.key.bin"), fixture!("codecs/vp9_p0.vpcC")),
    (fixture!("codecs/vp9_p1.key.bin"), fixture!("codecs/vp9_p1.vpcC")),
    (fixture!("codecs/vp9_p2.key.bin"), fixture!("codecs/vp9_p2.vpcC")),
    (fixture!("codecs/vp9_p3.key.bin"), fixture!("codecs/vp9_p3.vpcC")),
];

#[test]
fn a6_32_record_of_ffmpeg_gets_its_size_from_the_key_frame() {
    let config = Vp9Config::parse(RECORD, &Limits::default()).unwrap();
    assert_eq!((config.record().as_ref(), config.size()), (RECORD, None));
    assert_eq!(config.codec_string(), "vp09.00.11.08");
    assert_eq!(config.with_key_frame(KEY).unwrap().size(), Some((320, 180)));
}

#[test]
fn a6_32_empty_record_is_made_from_the_key_frame() {
    let config = Vp9Config::from_key_frame(KEY, Some((15, 1))).unwrap();
    assert_eq!(config.size(), Some((320, 180)));
    let told = Vp9Config::parse(RECORD, &Limits::default()).unwrap();
    let (own, told) = (*config.info(), *told.info());
    assert_eq!((own.profile, own.level, own.bit_depth), (told.profile, told.level, told.bit_depth));
}

#[test]
fn c2_10_key_frames_of_all_profiles_make_the_records_that_ffmpeg_writes() {
    for (profile, (key, told)) in PROFILES.into_iter().enumerate() {
        let config = Vp9Config::from_key_frame(key, Some((25, 1))).unwrap();
        let (own, told) = (*config.info(), VpRecord::parse(told).unwrap());
        assert_eq!(usize::from(own.profile), profile);
        assert_eq!(config.size(), Some((642, 362)));
        assert_eq!((own.level, own.bit_depth), (told.level, told.bit_depth));
        assert_eq!(own.chroma_subsampling, told.chroma_subsampling);
        assert_eq!(own.color.matrix, told.color.matrix);
        let read: mp4_atom::VpcC = read_box(b"vpcC", config.record());
        assert_eq!(
            (read.profile, read.bit_depth, read.level),
            (own.profile, own.bit_depth, own.level)
        );
    }
}

#[test]
fn codec_strings_have_all_optional_fields_or_none() {
    let of = |(key, _): (&[u8], &[u8])| {
        Vp9Config::from_key_frame(key, Some((25, 1))).unwrap().codec_string()
    };
    assert_eq!(
        PROFILES.map(of),
        [
            "vp09.00.21.08.01.01.01.01.00",
            "vp09.01.21.08.03.01.01.01.00",
            "vp09.02.21.10.01.01.01.01.00",
            "vp09.03.21.10.02.01.01.01.00",
        ]
    );
}

#[test]
fn key_frame_headers_agree_with_shiguredo_mp4() {
    for key in [KEY, PROFILES[0].0, PROFILES[1].0, PROFILES[2].0, PROFILES[3].0] {
        let own = KeyFrame::parse(key).unwrap();
        let other = oracle::parse_frame_header(key).unwrap();
        assert_eq!((own.profile, own.bit_depth), (other.profile, other.bit_depth));
        assert_eq!(own.shown, other.show_frame);
        let (width, height) = (own.width, own.height);
        assert_eq!(other.frame_size, oracle::Vp9FrameSize::Resolved { width, height });
        assert!(is_key_frame(key));
    }
    assert!(!is_key_frame(INTER) && KeyFrame::parse(INTER).is_err());
}

#[test]
fn c2_10_frame_that_shows_an_existing_one_is_no_key_frame() {
    // Marker, profile 0, show_existing_frame, index 0: frame_type is not there.
    assert!(!is_key_frame(&[0b1000_1000]));
    // Profile 3 has a reserved bit before it, which must be 0.
    assert!(!is_key_frame(&[0b1011_1000]));
    assert!(is_key_frame(&[0b1011_0001]));
    assert!(!is_key_frame(&[0x00]) && !is_key_frame(&[]));
}

#[test]
fn c2_10_superframe_is_one_unit_of_several_frames() {
    let parts: Vec<&[u8]> = frames(SUPERFRAME).collect();
    assert_eq!(parts.len(), 2);
    // Two bytes of marker and two sizes of two bytes make the index.
    assert_eq!(parts.iter().map(|part| part.len()).sum::<usize>(), SUPERFRAME.len() - 6);
    assert!(parts.iter().all(|part| oracle::parse_frame_header(part).is_ok()));
    assert_eq!(frames(KEY).collect::<Vec<_>>(), [KEY]);
    let mut lying = SUPERFRAME.to_vec();
    let at = lying.len() - 4;
    lying[at] = 0xff;
    assert_eq!(frames(&lying).count(), 1);
}

#[test]
fn levels_follow_picture_and_rate() {
    assert_eq!(level(1920, 1080, (30, 1)), 40);
    assert_eq!(level(1920, 1080, (60_000, 1001)), 41);
    assert_eq!(level(3840, 2160, (60, 1)), 51);
    assert_eq!(level(65_536, 65_536, (u32::MAX, 0)), 62);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..48)) {
        prop_assert!(frames(&data).map(<[u8]>::len).sum::<usize>() <= data.len());
        if let Ok(config) = Vp9Config::from_key_frame(&data, None) {
            prop_assert!(is_key_frame(&data));
            let again = Vp9Config::parse(config.record(), &Limits::default()).unwrap();
            prop_assert_eq!(again.with_key_frame(&data).unwrap(), config);
        }
    }

    #[test]
    fn broken_key_frames_agree_with_shiguredo_mp4(
        base in prop::sample::select(vec![0usize, 1, 2, 3]),
        edits in prop::collection::vec((0usize..10, any::<u8>()), 0..3),
    ) {
        let mut data = PROFILES[base].0.to_vec();
        for (at, value) in edits {
            data[at] = value;
        }
        if let (Ok(own), Ok(other)) = (KeyFrame::parse(&data), oracle::parse_frame_header(&data)) {
            let (width, height) = (own.width, own.height);
            prop_assert_eq!(other.frame_size, oracle::Vp9FrameSize::Resolved { width, height });
        }
    }
}
