//! Marks in published media that players read back: when a message was sent, and its place in
//! the order of its kind.
//!
//! In a video frame the mark is an SEI message of user data before the coded picture (H.264,
//! D.1.7), in an audio frame it takes the place of the first payload bytes. Clock and place are
//! written in bytes of 0x40 to 0x4f, so that no start code can arise.

use crate::wire::flv::{Tag, is_avc_frame};
use crate::wire::{AUDIO, VIDEO};

const ID: &[u8; 16] = b"bench-stamp-0001";
const CLOCK: usize = 16;
const PLACE: usize = 8;
/// Bytes that [`fn@write`] fills.
pub const LEN: usize = CLOCK + PLACE;
/// NAL length, NAL header, payload type and payload size before the user data.
const SEI_HEAD: [u8; 7] = [0, 0, 0, 44, 6, 5, 40];
const VIDEO_AT: usize = 5 + SEI_HEAD.len() + ID.len();
const AUDIO_AT: usize = 2 + ID.len();

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Monotonic clock when the message was sent, in nanoseconds.
    pub sent: u64,
    /// How many messages of its kind were sent before it.
    pub place: u32,
}

/// Makes room for a mark in a frame: the offset to write it at, or `None` where none fits.
pub fn make_room(tag: &mut Tag) -> Option<usize> {
    let empty = [0x40; LEN];
    if is_avc_frame(tag.kind, &tag.data) && tag.data.len() > 5 {
        let sei = [&SEI_HEAD[..], ID, &empty, &[0x80]].concat();
        tag.data.splice(5..5, sei);
        return Some(VIDEO_AT);
    }
    if tag.kind == AUDIO && tag.data.len() >= AUDIO_AT + LEN {
        tag.data.get_mut(2..AUDIO_AT)?.copy_from_slice(ID);
        return Some(AUDIO_AT);
    }
    None
}

/// Writes a mark into room that [`make_room`] made; `room` holds at least [`LEN`] bytes.
pub fn write(room: &mut [u8], stamp: Stamp) {
    let clock = (0..CLOCK).map(|i| stamp.sent >> (60 - 4 * i));
    let place = (0..PLACE).map(|i| u64::from(stamp.place) >> (28 - 4 * i));
    for (byte, nibble) in room.iter_mut().zip(clock.chain(place)) {
        *byte = 0x40 | (nibble & 0xf) as u8;
    }
}

/// Finds a mark in the first bytes of a message.
pub fn read(kind: u8, head: &[u8]) -> Option<Stamp> {
    let at = match kind {
        VIDEO => VIDEO_AT,
        AUDIO => AUDIO_AT,
        _ => return None,
    };
    if head.get(at - ID.len()..at)? != ID {
        return None;
    }
    decode(head.get(at..at + LEN)?)
}

/// Finds the first mark in bytes of any kind, such as a part of a segment.
pub fn first_in(bytes: &[u8]) -> Option<Stamp> {
    let at = bytes.windows(ID.len()).position(|window| window == ID)? + ID.len();
    decode(bytes.get(at..at + LEN)?)
}

fn decode(mark: &[u8]) -> Option<Stamp> {
    let nibbles = |bytes: &[u8]| bytes.iter().fold(0u64, |n, b| n << 4 | u64::from(b & 0xf));
    let (clock, place) = mark.split_at_checked(CLOCK)?;
    Some(Stamp { sent: nibbles(clock), place: nibbles(place) as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::chunk::MEDIA_HEAD;

    #[test]
    fn what_was_written_is_read_from_the_head_of_a_message() {
        for (kind, data) in
            [(VIDEO, vec![0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65]), (AUDIO, vec![0xaf; 60])]
        {
            let mut tag = Tag { kind, timestamp: 0, data };
            let at = make_room(&mut tag).unwrap();
            let stamp = Stamp { sent: 0x0123_4567_89ab_cdef, place: 0xfedc_ba98 };
            write(&mut tag.data[at..], stamp);
            let head = &tag.data[..tag.data.len().min(MEDIA_HEAD)];
            assert_eq!(read(kind, head), Some(stamp));
            assert_eq!(first_in(&tag.data), Some(stamp));
            assert_eq!(read(kind, &head[..head.len() / 2]), None);
        }
    }

    #[test]
    fn headers_and_short_frames_are_left_alone() {
        for (kind, data) in [(VIDEO, vec![0x17, 0, 0, 0, 0, 1]), (AUDIO, vec![0xaf, 1, 2, 3])] {
            let mut tag = Tag { kind, timestamp: 0, data };
            let before = tag.clone();
            assert_eq!(make_room(&mut tag), None);
            assert_eq!(tag, before);
        }
    }
}
