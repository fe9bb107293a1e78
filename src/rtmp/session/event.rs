use bytes::Bytes;

use super::queue::Payload;
use super::{PublishType, StreamPath};
use crate::rtmp::message::Capabilities;
use crate::rtmp::notice::Notice;

/// Names one `publish` or `play` that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub(super) u32);

impl RequestId {
    /// The request of this number, for interfaces that carry numbers. One that no event named is refused as misuse.
    #[must_use]
    pub const fn from_raw(number: u32) -> Self {
        Self(number)
    }

    /// The number of the request within its session.
    #[must_use]
    pub const fn to_raw(self) -> u32 {
        self.0
    }
}

/// What a client did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The client is connected. Texts have control characters replaced and are cut at 1,024 bytes.
    Connected {
        /// The application without its query, as it came.
        app: String,
        /// `tcUrl`; it may hold secrets.
        tc_url: String,
        /// `flashVer`: the client's name for itself.
        agent: String,
        /// `swfUrl`: the program that asks, where it has an address; else empty.
        swf_url: String,
        /// `pageUrl`: the page that the program stands on; mostly empty.
        page_url: String,
        /// What it says that it can of Enhanced RTMP. Encoders that say nothing publish such codecs all the same.
        capabilities: Capabilities,
    },
    /// The client asks to publish. Media is held back until the request is accepted.
    Publish {
        /// To be accepted or rejected.
        request: RequestId,
        /// The message stream that the media will come on.
        stream_id: u32,
        /// Where to.
        path: StreamPath,
        /// What the client wants the server to do with the stream (7.2.2.6); live where it says nothing.
        kind: PublishType,
    },
    /// The client asks to play.
    Play {
        /// To be accepted or rejected.
        request: RequestId,
        /// The message stream to send on.
        stream_id: u32,
        /// What.
        path: StreamPath,
        /// Where to start (7.2.2.1), as it came, cut to whole numbers: seconds, though ffmpeg sends milliseconds; -2 where the
        /// client says nothing.
        start: i32,
        /// How much to play, in the same unit; -1, for all of it, where the client says nothing.
        duration: i32,
        /// Whether a playlist of earlier requests is to be forgotten. True where the client says nothing.
        reset: bool,
    },
    /// One message of a published stream; those of an aggregate come one by one.
    Media {
        /// The published message stream.
        stream_id: u32,
        /// 8 audio, 9 video, 18 data in AMF0 that starts with its name (`onMetaData`).
        type_id: u8,
        /// Absolute wire time in milliseconds, wrapping at 2^32, not repaired.
        timestamp: u32,
        /// The body; empty for a silent period of audio.
        payload: Bytes,
    },
    /// A published stream ended, or a request to publish was taken back. Once per stream.
    Unpublished {
        /// The message stream.
        stream_id: u32,
    },
    /// The client stopped playing, or took back its request. Once per stream.
    PlayEnded {
        /// The message stream.
        stream_id: u32,
    },
    /// The player paused or goes on. When it goes on, send it headers and a key frame again.
    Paused {
        /// The message stream.
        stream_id: u32,
        /// Whether it is paused now. While it is, what is sent to it is dropped.
        paused: bool,
    },
    /// The player asked for another position: send it headers and a key frame again.
    Seek {
        /// The message stream.
        stream_id: u32,
        /// The position asked for, in milliseconds.
        position: u32,
    },
    /// A deviation that was repaired or ignored; each kind once.
    Notice(Notice),
}

impl Payload for SessionEvent {
    fn payload_bytes(&self) -> usize {
        match self {
            Self::Media { payload, .. } => payload.len(),
            _ => 0,
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// Another client publishes under this name.
    AlreadyPublishing,
    /// The client may not do this.
    Denied,
    /// The name is not allowed, or nothing of this name is there to play.
    NotFound,
    /// There is no room.
    Overloaded,
    /// The client does not play the stream's codec, by [`SessionConfig::player_codecs`](super::SessionConfig).
    Codec,
}

impl Rejection {
    /// The `onStatus` code for a refused publisher: those that ffmpeg and librtmp know (A5-16).
    #[must_use]
    pub const fn publish_code(self) -> &'static str {
        match self {
            Self::AlreadyPublishing | Self::NotFound => "NetStream.Publish.BadName",
            Self::Denied => "NetStream.Publish.Denied",
            Self::Overloaded | Self::Codec => "NetStream.Publish.Rejected",
        }
    }

    /// The `onStatus` code for a refused player.
    #[must_use]
    pub const fn play_code(self) -> &'static str {
        match self {
            Self::NotFound => "NetStream.Play.StreamNotFound",
            Self::AlreadyPublishing | Self::Denied | Self::Overloaded | Self::Codec => {
                "NetStream.Play.Failed"
            }
        }
    }

    /// A sentence for the client's user.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::AlreadyPublishing => "This stream is already being published.",
            Self::Denied => "Not allowed.",
            Self::NotFound => "No such stream.",
            Self::Overloaded => "The server has no room.",
            Self::Codec => "The client does not say that it can play this codec.",
        }
    }
}
