//! What is sent.

use std::path::{Path, PathBuf};

use kit::source::Film;

/// Seconds of film for those who get all of it.
pub const SHORT: u32 = 4;
/// Seconds of film for those who come while it runs.
pub const LONG: u32 = 8;

/// A file, by what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// For the table.
    pub codecs: &'static str,
    /// Name below `tests/data/eflv`; empty for a film that is made.
    file: &'static str,
}

const fn media(codecs: &'static str, file: &'static str) -> Media {
    Media { codecs, file }
}

/// What every peer can.
pub const H264_AAC: Media = media("H.264 + AAC", "");
/// What older peers can too.
pub const H264_MP3: Media = media("H.264 + MP3", "h264_mp3");
/// What Enhanced RTMP is mostly used for.
pub const HEVC_AAC: Media = media("HEVC + AAC", "hevc_aac");
/// Announced by the name `av01`.
pub const AV1_OPUS: Media = media("AV1 + Opus", "av1_opus");

/// What peers can that know Enhanced RTMP v2.
pub const ENHANCED: [Media; 9] = [
    HEVC_AAC,
    AV1_OPUS,
    media("VP9 + Opus", "vp9_opus"),
    media("H.264 + Opus", "h264_opus"),
    media("H.264 + FLAC", "h264_flac"),
    media("H.264 + AC-3", "h264_ac3"),
    media("H.264 + E-AC-3", "h264_eac3"),
    media("multitrack: 2 H.264 + 2 AAC", "multi_h264_aac"),
    media("multitrack: HEVC + AV1 + AAC + Opus", "multi_hevc_av1_aac_opus"),
];

impl Media {
    /// The file; the film is made in `folder`, so many seconds long.
    pub fn file(self, folder: &Path, seconds: u32) -> PathBuf {
        if self.file.is_empty() {
            return Film::new(seconds).flv(folder.to_str().expect("UTF-8"));
        }
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../tests/data/eflv");
        data.join(self.file).with_extension("flv")
    }
}
