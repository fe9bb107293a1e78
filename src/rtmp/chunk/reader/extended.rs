//! Whether a type-3 chunk repeats the extended timestamp.
//!
//! RTMP 1.0 (2012) says that it does; the draft of 2009 did not, and both kinds of sender exist. The next four bytes
//! are compared with the value that a repeating sender would write. Once a peer has shown its way often enough, the
//! comparison is no longer made: payload that happens to look like the value is then safe, and so is a repeated value
//! that is not the expected one.

use super::stream::ChunkStream;
use crate::rtmp::notice::{Notice, Notices};

/// How extended timestamps in type-3 chunks are recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExtendedTimestampMode {
    /// By comparison with the value expected, until the peer has shown its way.
    #[default]
    Detect,
    /// They are always there, as RTMP 1.0 says.
    Repeated,
    /// They are never there.
    NotRepeated,
}

/// Type-3 chunks that must agree before their way is taken as the peer's.
const AGREEING: u8 = 8;

/// What stands behind the basic header of a type-3 chunk.
pub(super) enum Peek {
    /// Too few bytes to say.
    More,
    Absent,
    Present(u32),
}

#[derive(Debug, Default)]
pub(super) struct Extended {
    /// Chunks that continue a message and chunks that start one: old librtmp repeats in the second kind only.
    continuing: Habit,
    starting: Habit,
}

#[derive(Debug, Default)]
struct Habit {
    mode: ExtendedTimestampMode,
    repeated: u8,
    plain: u8,
}

impl Extended {
    pub(super) const fn set_mode(&mut self, mode: ExtendedTimestampMode) {
        self.continuing.mode = mode;
        self.starting.mode = mode;
    }

    pub(super) fn peek(&self, stream: &ChunkStream, rest: &[u8]) -> Peek {
        let starts = stream.partial.is_none();
        let habit = if starts { &self.starting } else { &self.continuing };
        let whole = rest.first_chunk().copied().map(u32::from_be_bytes);
        match habit.mode {
            ExtendedTimestampMode::NotRepeated => return Peek::Absent,
            ExtendedTimestampMode::Repeated => return whole.map_or(Peek::More, Peek::Present),
            ExtendedTimestampMode::Detect => {}
        }
        let expected =
            [stream.field, stream.timestamp, stream.timestamp.wrapping_add(stream.field)];
        // Only a sender that starts a message can mean the time to come.
        let expected = if starts {
            &expected[..]
        } else {
            expected.first_chunk::<2>().map_or(&[][..], |two| &two[..])
        };
        match whole {
            Some(value) if expected.contains(&value) => Peek::Present(value),
            Some(_) => Peek::Absent,
            // The first byte that differs settles it: a message must not wait for bytes that may never come.
            None if expected.iter().any(|value| value.to_be_bytes().starts_with(rest)) => {
                Peek::More
            }
            None => Peek::Absent,
        }
    }

    /// Remembers what a type-3 chunk of `stream` did.
    pub(super) fn learn(
        &mut self,
        stream: Option<&ChunkStream>,
        value: Option<u32>,
        notices: &mut Notices,
    ) {
        let Some(stream) = stream.filter(|stream| stream.extended) else { return };
        let habit =
            if stream.partial.is_none() { &mut self.starting } else { &mut self.continuing };
        if habit.mode != ExtendedTimestampMode::Detect {
            return;
        }
        let (same, other) = match value {
            Some(_) => (&mut habit.repeated, &mut habit.plain),
            None => (&mut habit.plain, &mut habit.repeated),
        };
        *same += 1;
        *other = 0;
        if *same == AGREEING {
            habit.mode = match value {
                Some(_) => ExtendedTimestampMode::Repeated,
                None => ExtendedTimestampMode::NotRepeated,
            };
            if value.is_none() {
                notices.note(Notice::ExtendedTimestampNotRepeated);
            }
        }
    }
}
