//! What was tolerated in a stream, in words for the one who sends it.

use streamcore::assemble::NoticeKind;

/// What to tell; `None` for repairs that take nothing away.
pub fn text(kind: NoticeKind) -> Option<&'static str> {
    Some(match kind {
        NoticeKind::MalformedBody => "messages that cannot be read are left out",
        NoticeKind::UnsupportedVideo => {
            "the video's codec is not supported: it is recorded, and left out of HLS and MP4"
        }
        NoticeKind::UnsupportedAudio => {
            "the audio's codec is not supported: it is recorded, and left out of HLS and MP4"
        }
        NoticeKind::BadConfig => "a codec configuration that cannot be read is left out",
        NoticeKind::BeforeConfig => "frames before the codec configuration are left out",
        NoticeKind::BeforeKey => "pictures before the first key frame are left out",
        NoticeKind::TooManyTracks => "there are too many tracks: some are left out",
        NoticeKind::NalOverrun => "damaged pictures are cut",
        NoticeKind::CompositionTime => "presentation times make no sense and are repaired",
        NoticeKind::NonMonotonic => "times do not increase and are repaired",
        NoticeKind::TimeJump => "the times of one track jump and are repaired",
        _ => return None,
    })
}

/// What HLS makes of a stream that does not fit it.
pub mod problems {
    use std::time::Duration;

    /// There is nothing yet to begin with.
    pub const NO_KEY_FRAME_YET: &str =
        "pictures before the first key frame are left out: HLS players wait for one";

    /// Segments are cut where no decoder can start.
    pub fn no_key_frames(longest: Duration) -> String {
        format!(
            "no key frame in {} s: HLS players may start or switch with a broken picture; set the encoder's key frame interval",
            longest.as_secs()
        )
    }

    /// Whether segments are longer than asked for, by more than the quarter second and the rounding that all are given.
    pub fn is_long(target: Duration, wanted: Duration) -> bool {
        target > wanted + Duration::from_millis(1250)
    }

    /// Segments are as long as groups of pictures.
    pub fn long_groups(target: Duration, wanted: Duration) -> String {
        format!(
            "key frames are up to {} s apart: HLS segments are so long, not {} s, and players start later; set the encoder's key frame interval",
            target.as_secs(),
            wanted.as_secs_f64()
        )
    }
}
