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
