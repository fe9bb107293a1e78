use std::time::Duration;

use super::link::Wire;
use crate::limits::Limits;
use crate::rtmp::chunk::{ExtendedTimestampMode, MAX_CHUNK_SIZE, RepeatAfterFullHeader};
use crate::rtmp::handshake::EchoPolicy;
use crate::rtmp::message::Capabilities;

/// How a session behaves.
///
/// Where clients differ from the specification, or the specification from itself, a named policy says what is done. Each
/// has the default that serves most users:
///
/// | policy | question | default |
/// |---|---|---|
/// | [`EchoPolicy`] | C2 that does not echo S1 (A1-12) | tolerated |
/// | [`RepeatAfterFullHeader`] | type 3 that starts a message right behind type 0 (A2-10) | the delta, unless that makes a jump |
/// | [`ExtendedTimestampMode`] | extended timestamp repeated in type 3, or not (A3-04) | told by a look ahead |
/// | `repeat_extended_timestamps` | the same, as sent to players (A3-07) | repeated |
/// | [`ObjectEncoding`] | AMF3 asked for in `connect` (A5-05) | agreed |
/// | [`PlayerCodecs`] | players that did not name a codec (A6-21) | sent it |
///
/// Beside the session: [`live::Takeover`](crate::live::Takeover) for a second publisher of one name (A5-34, A6-25), and
/// [`assemble::StartPoints`](crate::assemble::StartPoints) for pictures that decoding may start at (C1-14).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionConfig {
    /// Caps and deadlines.
    pub limits: Limits,
    /// Bytes of payload in the chunks that this side sends, 128..=0xFFFFFF (clamped). The default of 65,536 holds most
    /// frames whole; the peer's own size is not touched by it.
    pub chunk_size: u32,
    /// Bytes after which the peer is to acknowledge. Acknowledgements are not enforced.
    pub window_ack_size: u32,
    /// Time without a byte of a player after which it is pinged, and then again until it is given up.
    pub ping_interval: Duration,
    /// Time that a player has to answer a ping with any byte.
    pub ping_timeout: Duration,
    /// Time to write the last output and close, once the session is closing.
    pub linger: Duration,
    /// Whether a client's C2 has to echo S1.
    pub echo: EchoPolicy,
    /// Reading type-3 chunks that start a message right behind a full header.
    pub repeat_after_full_header: RepeatAfterFullHeader,
    /// Reading type-3 chunks behind an extended timestamp.
    pub extended_timestamps: ExtendedTimestampMode,
    /// Whether type-3 chunks that this side sends repeat an extended timestamp. RTMP 1.0 says so; players on librtmp
    /// past 4 h 39 min do not expect it.
    pub repeat_extended_timestamps: bool,
    /// The `fmsVer` of the answer to `connect`.
    pub server_version: String,
    /// What this side says of Enhanced RTMP, to clients that say something of it themselves. The default is
    /// [`Capabilities::forwarding`].
    pub capabilities: Capabilities,
    /// The `objectEncoding` that is agreed with a client that asks for AMF3.
    pub object_encoding: ObjectEncoding,
    /// Which codecs of Enhanced RTMP players are sent.
    pub player_codecs: PlayerCodecs,
}

/// What a client that asks for AMF3 (`objectEncoding` 3) is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectEncoding {
    /// Always 0, AMF0. Messages in AMF3 are read all the same.
    Amf0,
    /// What it asks for. Commands of type 17 are then answered in AMF3, those of type 20 in AMF0: the default, since some
    /// clients fail when they are given less than they asked for.
    #[default]
    AsAsked,
}

/// Which codecs a player may be sent that legacy RTMP does not have. The session does not look into media: ask
/// [`ServerSession::may_play_video`](super::ServerSession::may_play_video) and
/// [`may_play_audio`](super::ServerSession::may_play_audio), and refuse with
/// [`Rejection::Codec`](super::Rejection::Codec).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlayerCodecs {
    /// All: a player that cannot play one fails by itself. The default, since players read more than they say: ffmpeg names
    /// no codec unless it is told to.
    #[default]
    Any,
    /// All to a player that names no codec, else those that it names.
    NotDeclined,
    /// Those that it names.
    Named,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            chunk_size: 65_536,
            window_ack_size: 2_500_000,
            ping_interval: Duration::from_secs(60),
            ping_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            echo: EchoPolicy::default(),
            repeat_after_full_header: RepeatAfterFullHeader::default(),
            extended_timestamps: ExtendedTimestampMode::default(),
            repeat_extended_timestamps: true,
            server_version: "FMS/3,5,7,7009".to_owned(),
            capabilities: Capabilities::forwarding(),
            object_encoding: ObjectEncoding::default(),
            player_codecs: PlayerCodecs::default(),
        }
    }
}

impl SessionConfig {
    pub(super) const fn wire(&self) -> Wire<'_> {
        Wire {
            limits: &self.limits,
            repeat_after_full_header: self.repeat_after_full_header,
            extended_timestamps: self.extended_timestamps,
            repeat_extended_timestamps: self.repeat_extended_timestamps,
        }
    }

    /// The chunk size within its range.
    pub(super) fn chunk_size(&self) -> u32 {
        self.chunk_size.clamp(128, MAX_CHUNK_SIZE)
    }
}
