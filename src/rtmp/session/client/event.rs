use bytes::Bytes;

use crate::rtmp::message::Capabilities;
use crate::rtmp::notice::Notice;
use crate::rtmp::session::queue::Payload;

/// What a server did. Texts have control characters replaced and are cut at 1,024 bytes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The server has taken `connect`.
    Connected(ServerProperties),
    /// The server takes media: send metadata, headers and frames.
    Publishing,
    /// The server has begun to play, or goes on after an [`Ended`](Self::Ended).
    Playing,
    /// One message of the stream that is played; those of an aggregate come one by one.
    Media {
        /// 8 audio, 9 video, 18 data in AMF0 that starts with its name (`onMetaData`).
        kind: u8,
        /// Absolute wire time in milliseconds, wrapping at 2^32, not repaired.
        timestamp: u32,
        /// The body; empty for a silent period of audio.
        payload: Bytes,
    },
    /// An `onStatus` that means none of the other events.
    Status(Status),
    /// Stream Begin of a message stream; some servers send it for message stream 0.
    StreamBegin(u32),
    /// Stream EOF of a message stream.
    StreamEof(u32),
    /// The server asks the client to connect anew when it suits it, and goes on until then
    /// (`NetConnection.Connect.ReconnectRequest` of Enhanced RTMP). [`next_config`](super::ClientSession::next_config) says
    /// how.
    ReconnectRequest {
        /// The `tcUrl` to connect to, where it is another one; absolute or relative.
        tc_url: Option<String>,
        /// The server's words.
        description: String,
    },
    /// The server sends the client on to another one (`ex.redirect` with code 302); the session is closing.
    /// [`next_config`](super::ClientSession::next_config) says how to connect there; none past
    /// [`Limits::redirects`](crate::limits::Limits::redirects).
    Redirect {
        /// Where to, in the server's words.
        url: String,
    },
    /// The server wants user and password, which are there: connect anew with
    /// [`next_config`](super::ClientSession::next_config). The session is closing. Comes at most twice in a row.
    Authenticate,
    /// The server refused; the session is closing.
    Rejected {
        /// The code, such as `NetStream.Publish.BadName`; empty where there is none.
        code: String,
        /// The server's words.
        description: String,
    },
    /// The stream has ended. A player may stay: the server says [`Playing`](Self::Playing) where it goes on. Where
    /// the server ended the connection, the session is closing.
    Ended,
    /// A deviation that was repaired or ignored; each kind once.
    Notice(Notice),
}

impl Payload for ClientEvent {
    fn payload_bytes(&self) -> usize {
        match self {
            Self::Media { payload, .. } => payload.len(),
            _ => 0,
        }
    }
}

/// What a server says of itself when it takes `connect`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ServerProperties {
    /// `fmsVer`: the server's name and version; empty where it has none.
    pub version: String,
    /// What it can do beyond RTMP 1.0.
    pub capabilities: Capabilities,
    /// Whether it agreed to AMF3.
    pub amf3: bool,
}

/// The information object of an `onStatus`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// `status`, `warning` or `error`.
    pub level: String,
    /// The code, such as `NetStream.Play.Reset`.
    pub code: String,
    /// The server's words.
    pub description: String,
}
