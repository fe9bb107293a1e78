//! Times of a file as they go out: one line that never falls back, over wraps, rounds and joints.

use streamcore::flv::body::{AudioBody, PacketType, VideoBody};
use streamcore::flv::{Tag, TagKind};
use streamcore::time::Unwrap32;

/// A file whose first frame is later than this is moved to start at zero.
const NEAR_ZERO: i64 = 1000;
/// Times that fall back further belong to another recording, put behind the first.
const JOINT: i64 = 1000;
/// A hole that is longer is closed: nobody wants to wait for it.
const HOLE: i64 = 60_000;

/// Milliseconds of each tag since the start.
#[derive(Default)]
pub struct Timeline {
    unwrap: Unwrap32,
    /// What is added to the file's time.
    shift: Option<i64>,
    audio: Track,
    video: Track,
    /// The latest time so far.
    last: i64,
}

#[derive(Default)]
struct Track {
    last: Option<i64>,
    step: i64,
}

impl Track {
    fn end(&self) -> i64 {
        self.last.map_or(0, |last| last + self.step)
    }
}

impl Timeline {
    /// The time of the next tag. Headers and data have the time of the frames around them where their own makes no sense.
    pub fn place(&mut self, tag: &Tag) -> i64 {
        if !is_frame(tag) {
            return self.place_other(tag.timestamp);
        }
        let time = self.unwrap.unwrap(tag.timestamp);
        let shift = match self.shift {
            Some(shift) if self.fits(time + shift) => shift,
            Some(_) => self.end() - time,
            None if time > NEAR_ZERO => -time,
            None => 0,
        };
        self.shift = Some(shift);
        let track = if tag.kind == TagKind::Video { &mut self.video } else { &mut self.audio };
        let placed = track.last.map_or(time + shift, |last| (time + shift).max(last)).max(0);
        if let Some(last) = track.last
            && placed > last
        {
            track.step = (placed - last).min(JOINT);
        }
        track.last = Some(placed);
        self.last = self.last.max(placed);
        placed
    }

    /// A tag that is no frame decides nothing.
    fn place_other(&self, timestamp: u32) -> i64 {
        let mut unwrap = self.unwrap;
        let time = unwrap.unwrap(timestamp);
        let placed = self.shift.map(|shift| time + shift);
        placed.filter(|&placed| self.fits(placed)).unwrap_or(self.last).max(0)
    }

    /// The file starts over.
    pub fn restart(&mut self) {
        self.unwrap = Unwrap32::default();
        // What comes first is moved behind the end, whatever its time.
        self.shift = self.audio.last.or(self.video.last).map(|_| i64::MIN / 4);
    }

    /// Where what comes next would stand.
    pub fn end(&self) -> i64 {
        self.audio.end().max(self.video.end())
    }

    const fn fits(&self, time: i64) -> bool {
        time >= self.last - JOINT && time <= self.last + HOLE
    }
}

/// Whether a tag has a time of its own. Packets that cannot be looked into have.
pub fn is_frame(tag: &Tag) -> bool {
    let packet = match tag.kind {
        TagKind::Video => VideoBody::parse(&tag.body).map(|body| body.packet).ok(),
        TagKind::Audio => AudioBody::parse(&tag.body).map(|body| body.packet).ok(),
        TagKind::Script => return false,
    };
    packet.is_none_or(|packet| packet == PacketType::Frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn video(timestamp: u32) -> Tag {
        Tag { kind: TagKind::Video, timestamp, body: Bytes::from_static(&[0x17, 1, 0, 0, 0, 1]) }
    }

    fn audio(timestamp: u32) -> Tag {
        Tag { kind: TagKind::Audio, timestamp, body: Bytes::from_static(&[0xaf, 1, 7]) }
    }

    fn header(timestamp: u32) -> Tag {
        Tag { kind: TagKind::Video, timestamp, body: Bytes::from_static(&[0x17, 0, 0, 0, 0, 1]) }
    }

    fn places(tags: &[Tag]) -> Vec<i64> {
        let mut line = Timeline::default();
        tags.iter().map(|tag| line.place(tag)).collect()
    }

    #[test]
    fn times_of_a_plain_file_are_its_own() {
        let tags = [header(0), video(0), audio(5), video(40), audio(28), header(35), audio(51)];
        assert_eq!(places(&tags), [0, 0, 5, 40, 28, 35, 51]);
        let tags = [header(7), video(2000), audio(2005), header(0), header(2010)];
        assert_eq!(places(&tags), [0, 0, 5, 5, 10]);
        assert_eq!(places(&[video(80), audio(3)]), [80, 3]);
    }

    #[test]
    fn a3_10_times_go_on_over_a_wrap() {
        let tags = [video(u32::MAX - 39), audio(u32::MAX - 9), video(0), audio(13), video(40)];
        assert_eq!(places(&tags), [0, 30, 40, 53, 80]);
    }

    #[test]
    fn a_joint_and_a_hole_are_closed_and_a_step_back_is_held() {
        assert_eq!(places(&[video(0), video(40), video(30), video(80)]), [0, 40, 40, 80]);
        assert_eq!(places(&[video(5000), video(5040), video(0), video(40)]), [0, 40, 80, 120]);
        assert_eq!(
            places(&[video(0), video(40), video(9_000_000), video(9_000_040)]),
            [0, 40, 80, 120]
        );
    }

    #[test]
    fn rounds_stand_one_behind_the_other() {
        let mut line = Timeline::default();
        let mut all = Vec::new();
        for _ in 0..3 {
            all.extend([audio(0), video(10), audio(23), video(50)].map(|tag| line.place(&tag)));
            line.restart();
        }
        assert_eq!(all, [0, 10, 23, 50, 90, 100, 113, 140, 180, 190, 203, 230]);
    }
}
