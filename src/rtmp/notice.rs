use std::fmt;

/// A deviation from the specification that was repaired or ignored. A session tells each kind once and counts the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum Notice {
    /// C2 (or S2) is not the echo that the simple handshake asks for.
    HandshakeEchoMismatch,
    /// C1 names a version but carries no valid digest: the simple handshake was used.
    HandshakeNoDigest,
    /// The first chunk of a chunk stream had no message stream id (chunk type 1).
    ChunkStreamWithoutFullHeader,
    /// A new message header came while a message of the same chunk stream was not complete: the part was dropped.
    PartialMessageDropped,
    /// The peer does not repeat the extended timestamp in type-3 chunks.
    ExtendedTimestampNotRepeated,
    /// Set Chunk Size was larger than 0xFFFFFF, the largest message.
    ChunkSizeClamped,
    /// Set Chunk Size was under 128.
    ChunkSizeSmall,
    /// A protocol control message was shorter than its fields: ignored.
    ControlMessageShort,
    /// A message of a type that is not known or not used here: ignored.
    UnknownMessageType,
    /// A user control event that is not known: ignored.
    UnknownUserControl,
    /// A command message that could not be decoded: ignored.
    UndecodableCommand,
    /// A data message that could not be decoded: ignored.
    UndecodableData,
    /// A data message without a name: taken as `onMetaData`.
    DataWithoutName,
    /// A command that is not known: answered with an empty result.
    UnknownCommand,
    /// A command before `connect`: ignored.
    CommandBeforeConnect,
    /// A stray byte zero stood before a command or data message.
    LeadingZero,
    /// A message named a message stream that `createStream` did not make.
    UnknownMessageStream,
    /// Media that belongs to no published stream: ignored.
    MediaWithoutPublish,
    /// An aggregate message ended in the middle of a tag, or held another aggregate: the rest was ignored.
    AggregateTruncated,
    /// A stream name or application name that is refused.
    NameRefused,
}

impl Notice {
    /// Number of kinds.
    pub(crate) const COUNT: usize = 20;

    /// The clause of RTMP 1.0 that the peer deviates from.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::HandshakeEchoMismatch | Self::HandshakeNoDigest => "RTMP 1.0 5.2.4",
            Self::ChunkStreamWithoutFullHeader => "RTMP 1.0 5.3.1.2.2",
            Self::PartialMessageDropped => "RTMP 1.0 5.3.1.2.4",
            Self::ExtendedTimestampNotRepeated => "RTMP 1.0 5.3.1.3",
            Self::ChunkSizeClamped | Self::ChunkSizeSmall => "RTMP 1.0 5.4.1",
            Self::ControlMessageShort => "RTMP 1.0 5.4",
            Self::UnknownMessageType => "RTMP 1.0 7.1",
            Self::UnknownUserControl => "RTMP 1.0 7.1.7",
            Self::UndecodableCommand | Self::LeadingZero => "RTMP 1.0 7.1.1",
            Self::UndecodableData | Self::DataWithoutName => "RTMP 1.0 7.1.2",
            Self::UnknownCommand => "RTMP 1.0 7.2",
            Self::CommandBeforeConnect => "RTMP 1.0 7.2.1.1",
            Self::UnknownMessageStream => "RTMP 1.0 7.2.1.3",
            Self::MediaWithoutPublish => "RTMP 1.0 7.2.2.6",
            Self::AggregateTruncated => "RTMP 1.0 7.1.6",
            Self::NameRefused => "RTMP 1.0 7.2.2",
        }
    }

    /// What was found and done about it, in a phrase.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::HandshakeEchoMismatch => "the handshake echo differs from what was sent",
            Self::HandshakeNoDigest => "a client version without a digest: simple handshake used",
            Self::ChunkStreamWithoutFullHeader => "a chunk stream starts without a full header",
            Self::PartialMessageDropped => "an incomplete message was dropped for a new one",
            Self::ExtendedTimestampNotRepeated => {
                "extended timestamps are not repeated in type-3 chunks"
            }
            Self::ChunkSizeClamped => "chunk size over 0xFFFFFF taken as 0xFFFFFF",
            Self::ChunkSizeSmall => "chunk size under 128",
            Self::ControlMessageShort => "a short control message was ignored",
            Self::UnknownMessageType => "a message of an unknown type was ignored",
            Self::UnknownUserControl => "an unknown user control event was ignored",
            Self::UndecodableCommand => "a command that cannot be decoded was ignored",
            Self::UndecodableData => "a data message that cannot be decoded was ignored",
            Self::DataWithoutName => "a data message without a name was taken as onMetaData",
            Self::UnknownCommand => "an unknown command was answered with an empty result",
            Self::CommandBeforeConnect => "a command before connect was ignored",
            Self::LeadingZero => "a stray zero byte before a message body was skipped",
            Self::UnknownMessageStream => "a message stream that was not created is used",
            Self::MediaWithoutPublish => "media without publish was ignored",
            Self::AggregateTruncated => "the rest of a damaged aggregate message was ignored",
            Self::NameRefused => "an application or stream name was refused",
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.text(), self.clause())
    }
}

/// Counts notices and gives out each kind once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    counts: [u32; Notice::COUNT],
    fresh: Vec<Notice>,
}

impl Notices {
    pub(crate) fn note(&mut self, notice: Notice) {
        if let Some(count) = self.counts.get_mut(notice as usize) {
            *count = count.saturating_add(1);
            if *count == 1 {
                self.fresh.push(notice);
            }
        }
    }

    pub(crate) fn count(&self, notice: Notice) -> u32 {
        self.counts.get(notice as usize).copied().unwrap_or(0)
    }

    /// Kinds that came for the first time since the last call.
    pub(crate) fn take(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once_and_counted() {
        let mut notices = Notices::default();
        notices.note(Notice::NameRefused);
        notices.note(Notice::NameRefused);
        assert_eq!(notices.take(), [Notice::NameRefused]);
        assert_eq!((notices.take().len(), notices.count(Notice::NameRefused)), (0, 2));
        assert_eq!(Notice::NameRefused as usize + 1, Notice::COUNT);
        assert_eq!(Notice::ChunkSizeSmall.to_string(), "chunk size under 128 [RTMP 1.0 5.4.1]");
    }
}
