//! `connect`: what the client says of itself, and what is agreed.

use super::config::{ObjectEncoding, PlayerCodecs};
use super::stream::Streams;
use super::{Connected, Phase, ServerSession, SessionEvent, replies};
use crate::amf::Value;
use crate::error::Result;
use crate::rtmp::message::{Capabilities, CodecSupport, Command, Control, ExtendedCaps, LimitType};

/// Bytes of a text that goes into an event.
const TEXT_BYTES: usize = 1024;

impl ServerSession {
    /// Answers `connect`; all of it leaves in one write (A5-09).
    pub(super) fn connect(&mut self, command: &Command) {
        let [app, tc_url, agent, swf_url, page_url] =
            ["app", "tcUrl", "flashVer", "swfUrl", "pageUrl"]
                .map(|key| text_of(&command.object, key));
        let capabilities = Capabilities::parse(&command.object);
        let asked = command.object.field("objectEncoding").and_then(Value::as_f64);
        let amf3 = asked == Some(3.0) && self.config.object_encoding == ObjectEncoding::AsAsked;
        self.link.control(&Control::WindowAckSize(self.config.window_ack_size));
        self.link
            .control(&Control::SetPeerBandwidth(self.config.window_ack_size, LimitType::Dynamic));
        self.link.control(&Control::SetChunkSize(self.config.chunk_size()));
        // Old clients, some with readers of fixed size, are not given what they do not know.
        let ours = capabilities.is_enhanced().then_some(&self.config.capabilities);
        let encoding = if amf3 { 3.0 } else { 0.0 };
        let version = &self.config.server_version;
        let answer = replies::connected(command.transaction_id, version, encoding, ours);
        self.link.command(0, &answer);
        let shown = app.split('?').next().unwrap_or_default();
        self.events.push_back(SessionEvent::Connected {
            app: clean(shown),
            tc_url: clean(&tc_url),
            agent: clean(&agent),
            swf_url: clean(&swf_url),
            page_url: clean(&page_url),
            capabilities: capabilities.clone(),
        });
        let deadline = match &self.phase {
            Phase::Connecting(state) => Some(state.deadline),
            _ => None,
        };
        self.phase = Phase::Connected(Connected {
            app,
            tc_url,
            capabilities,
            amf3,
            streams: Streams::default(),
            deadline,
            aggregate: None,
            fc_publish: false,
        });
    }

    /// What the client said of itself in `connect`; `None` before it did, and once the session is closing.
    #[must_use]
    pub const fn capabilities(&self) -> Option<&Capabilities> {
        match &self.phase {
            Phase::Connected(connected) => Some(&connected.capabilities),
            _ => None,
        }
    }

    /// Asks the client to connect anew, to `tc_url` (absolute, or relative to the URL it came with) or to where it is
    /// connected now: before a restart, or to move it (Enhanced RTMP v2, "Reconnect Request"). False where the client
    /// did not say that it can, and nothing was sent.
    ///
    /// The client goes on until its next key frame, so this session takes what it sends until it leaves.
    ///
    /// # Errors
    /// Misuse before `connect` and after close.
    pub fn request_reconnect(&mut self, tc_url: Option<&str>, description: &str) -> Result<bool> {
        let able = self.connected()?.capabilities.extended().has(ExtendedCaps::RECONNECT);
        if able {
            self.link.command(0, &replies::reconnect(tc_url, description));
        }
        Ok(able)
    }

    /// Whether video of this FourCC may be sent to the client, by [`SessionConfig::player_codecs`](super::SessionConfig).
    #[must_use]
    pub fn may_play_video(&self, four_cc: [u8; 4]) -> bool {
        self.may_play(four_cc == *b"avc1", |capabilities| capabilities.video(four_cc))
    }

    /// Whether audio of this FourCC may be sent to the client, by [`SessionConfig::player_codecs`](super::SessionConfig).
    #[must_use]
    pub fn may_play_audio(&self, four_cc: [u8; 4]) -> bool {
        let legacy = matches!(&four_cc, b"mp4a" | b".mp3");
        self.may_play(legacy, |capabilities| capabilities.audio(four_cc))
    }

    /// Codecs that legacy headers have need no word of the client.
    fn may_play(&self, legacy: bool, support: impl Fn(&Capabilities) -> CodecSupport) -> bool {
        let Some(capabilities) = self.capabilities() else { return false };
        let wanted = CodecSupport::DECODE.and(CodecSupport::FORWARD);
        let named = support(capabilities).any_of(wanted);
        legacy
            || match self.config.player_codecs {
                PlayerCodecs::Any => true,
                PlayerCodecs::NotDeclined => named || !capabilities.names_codecs(),
                PlayerCodecs::Named => named,
            }
    }
}

/// A text of the command object; its key in any case.
fn text_of(object: &Value, key: &str) -> String {
    let any_case = || {
        let fields = object.fields().unwrap_or_default().iter().rev();
        fields.clone().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    };
    let value = object.field(key).or_else(any_case);
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A text of the peer for people to read.
pub(super) fn clean(text: &str) -> String {
    let mut end = text.len().min(TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let cut = text.get(..end).unwrap_or_default();
    cut.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
