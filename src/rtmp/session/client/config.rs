use std::time::Duration;

use super::super::link::Wire;
use super::steps::Steps;
use super::{MovePolicy, RtmpUrl};
use crate::limits::Limits;
use crate::rtmp::chunk::{ExtendedTimestampMode, MAX_CHUNK_SIZE, RepeatAfterFullHeader};
use crate::rtmp::message::Capabilities;

/// FourCCs of the codecs whose bodies this crate knows.
const KNOWN: [&str; 11] =
    ["avc1", "hvc1", "av01", "vp09", "vp08", "mp4a", "Opus", "fLaC", "ac-3", "ec-3", ".mp3"];

/// What a client wants of the server.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Role {
    /// To publish.
    Publish(PublishType),
    /// To play.
    Play(PlayRange),
}

/// The type of `publish` (7.2.2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PublishType {
    /// Not recorded by the server, unless it does so by itself.
    #[default]
    Live,
    /// Recorded to a new file.
    Record,
    /// Recorded behind what the file holds.
    Append,
}

impl PublishType {
    /// The type of that name, which is in any case; live for what is none.
    pub(in crate::rtmp::session) fn of(text: &str) -> Self {
        let types = [Self::Record, Self::Append];
        types.into_iter().find(|kind| kind.text().eq_ignore_ascii_case(text)).unwrap_or_default()
    }

    /// The type's name on the wire.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Record => "record",
            Self::Append => "append",
        }
    }
}

/// The part of a stream that `play` asks for (7.2.2.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlayRange {
    /// Seconds from the start of a recorded stream; -1 for a live one only, and -2 (the default) for a live one or else a
    /// recorded one.
    pub start: f64,
    /// Seconds to play; -1 (the default) for all.
    pub duration: f64,
    /// Milliseconds that the client says it buffers. Default 3,000.
    pub buffer: u32,
}

impl Default for PlayRange {
    fn default() -> Self {
        Self { start: -2.0, duration: -1.0, buffer: 3000 }
    }
}

/// How a client session behaves, and what it asks for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Caps and deadlines.
    pub limits: Limits,
    /// Where to connect and what to ask for.
    pub url: RtmpUrl,
    /// Publish or play.
    pub role: Role,
    /// `flashVer`: the client's name for itself. Servers want it to begin as Flash's did: `FMLE/3.0` for publishers.
    pub flash_version: String,
    /// `swfUrl`; `tcUrl` where there is none.
    pub swf_url: Option<String>,
    /// `pageUrl`; left out where there is none.
    pub page_url: Option<String>,
    /// Whether FCSubscribe goes out before `play`, which some content networks ask for.
    pub subscribe: bool,
    /// Whether to ask for AMF3 (`objectEncoding` 3). What comes is read in both encodings.
    pub amf3: bool,
    /// `fourCcList`: the codecs that this side can take, each by its FourCC, or `*` for all; left out where it is empty.
    /// Default: those that this crate knows.
    pub four_cc_list: Vec<String>,
    /// What else this side can of Enhanced RTMP v2: `videoFourCcInfoMap`, `audioFourCcInfoMap`, `capsEx` and
    /// `videoFunction`. Default [`Capabilities::forwarding`]; [`Capabilities::default`] says nothing.
    pub capabilities: Capabilities,
    /// Bytes of payload in the chunks that this side sends, 128..=0xFFFFFF (clamped). Default 65,536.
    pub chunk_size: u32,
    /// Bytes after which the server is to acknowledge. Acknowledgements are not enforced.
    pub window_ack_size: u32,
    /// Time without a byte of the server after which a player gives it up. Servers ping once a minute; default 150 s.
    pub silence_timeout: Duration,
    /// Reading type-3 chunks that start a message right behind a full header.
    pub repeat_after_full_header: RepeatAfterFullHeader,
    /// Reading type-3 chunks behind an extended timestamp.
    pub extended_timestamps: ExtendedTimestampMode,
    /// Whether type-3 chunks that this side sends repeat an extended timestamp, as RTMP 1.0 says.
    pub repeat_extended_timestamps: bool,
    /// Where servers may send this client on to.
    pub moves: MovePolicy,
    /// How far the server has sent this client on.
    pub(super) steps: Steps,
}

impl ClientConfig {
    /// A live publisher.
    #[must_use]
    pub fn publish(url: RtmpUrl) -> Self {
        let version = format!("FMLE/3.0 (compatible; streamcore/{})", env!("CARGO_PKG_VERSION"));
        Self::new(url, Role::Publish(PublishType::Live), version)
    }

    /// A player of whatever is there.
    #[must_use]
    pub fn play(url: RtmpUrl) -> Self {
        Self::new(url, Role::Play(PlayRange::default()), "LNX 9,0,124,2".to_owned())
    }

    fn new(url: RtmpUrl, role: Role, flash_version: String) -> Self {
        Self {
            limits: Limits::default(),
            url,
            role,
            flash_version,
            swf_url: None,
            page_url: None,
            subscribe: false,
            amf3: false,
            four_cc_list: KNOWN.map(str::to_owned).to_vec(),
            capabilities: Capabilities::forwarding(),
            chunk_size: 65_536,
            window_ack_size: 2_500_000,
            silence_timeout: Duration::from_secs(150),
            repeat_after_full_header: RepeatAfterFullHeader::default(),
            extended_timestamps: ExtendedTimestampMode::default(),
            repeat_extended_timestamps: true,
            moves: MovePolicy::default(),
            steps: Steps::default(),
        }
    }

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

    pub(super) const fn is_publish(&self) -> bool {
        matches!(self.role, Role::Publish(_))
    }
}
