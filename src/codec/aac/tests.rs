//! Configurations of real encoders and of the standard's corners.

use super::*;

#[test]
fn ffmpegs_lc_48k_stereo() {
    let config = AacConfig::parse(&[0x11, 0x90, 0x56, 0xe5, 0x00]).unwrap();
    assert_eq!((config.object_type(), config.sample_rate(), config.channels()), (2, 48_000, 2));
    assert_eq!((config.frame_samples(), config.codec_string().as_str()), (1024, "mp4a.40.2"));
}
