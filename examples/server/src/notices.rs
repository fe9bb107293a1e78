//! What was tolerated in a stream, in words for the one who sends it.

use std::time::Duration;

use streamcore::assemble::NoticeKind;
use streamcore::hls::{Muxer, Stats};

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

/// There is nothing yet to begin with.
pub const NO_KEY_FRAME_YET: &str =
    "pictures before the first key frame are left out: HLS players wait for one";

/// How HLS stood before it was given something.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    forced_cuts: u64,
    dropped_units: u64,
    has_target: bool,
}

impl Before {
    /// How it stands.
    pub fn of(muxer: &Muxer) -> Self {
        let Stats { forced_cuts, dropped_units, .. } = muxer.stats();
        Self { forced_cuts, dropped_units, has_target: muxer.target_duration().is_some() }
    }

    /// What has shown since: that the stream does not fit segments of the length that is `wanted`.
    pub fn problem(self, muxer: &Muxer, wanted: Duration) -> Option<String> {
        let (stats, target) = (muxer.stats(), muxer.target_duration());
        if stats.forced_cuts > self.forced_cuts {
            return Some(format!(
                "no key frame in {} s: HLS players may start or switch with a broken picture; set the encoder's key frame interval",
                target?.as_secs()
            ));
        }
        if self.has_target || stats.forced_cuts > 0 {
            return None;
        }
        if stats.dropped_units > self.dropped_units {
            return Some(NO_KEY_FRAME_YET.to_owned());
        }
        // All are given a quarter of a second and the rounding.
        let long = target.filter(|target| *target > wanted + Duration::from_millis(1250))?;
        Some(format!(
            "key frames are up to {} s apart: HLS segments are so long, not {} s, and players start later; set the encoder's key frame interval",
            long.as_secs(),
            wanted.as_secs_f64()
        ))
    }
}
