//! What a client asks for, in as few writes as there are round trips.

use super::{ClientSession, Phase, Role, Waiting};
use crate::amf::Value;
use crate::rtmp::message::{Command, Control, UserControl};

/// `audioCodecs` and `videoCodecs`: all of them (7.2.1.1).
const ALL_AUDIO: f64 = 4095.0;
const ALL_VIDEO: f64 = 255.0;

impl ClientSession {
    /// Sends the chunk size and `connect` behind the handshake, in one write with C2 where the server's answer came whole.
    pub(super) fn connect(&mut self) {
        self.link.control(&Control::SetChunkSize(self.config.chunk_size()));
        let fields = self.connect_fields();
        let call = self.call("connect", Value::Object(fields), vec![]);
        let deadline = self.now + self.config.limits.command_timeout;
        self.phase = Phase::Connecting(Waiting { deadline, call });
    }

    fn connect_fields(&self) -> Vec<(String, Value)> {
        let config = &self.config;
        let app = config.steps.authorised(&config.url.app);
        let tc_url = config.steps.authorised(&config.url.tc_url());
        let swf_url = config.swf_url.clone().unwrap_or_else(|| config.url.tc_url());
        let mut fields: Vec<(&str, Value)> = vec![
            ("app", app.into()),
            ("type", "nonprivate".into()),
            ("flashVer", config.flash_version.as_str().into()),
            ("swfUrl", swf_url.into()),
            ("tcUrl", tc_url.into()),
        ];
        if let Some(page) = &config.page_url {
            fields.push(("pageUrl", page.as_str().into()));
        }
        if !config.is_publish() {
            let said = [
                ("fpad", false.into()),
                ("capabilities", 239.0.into()),
                ("audioCodecs", ALL_AUDIO.into()),
                ("videoCodecs", ALL_VIDEO.into()),
            ];
            fields.extend(said);
        }
        if config.amf3 {
            fields.push(("objectEncoding", 3.0.into()));
        }
        if !config.four_cc_list.is_empty() {
            let list = config.four_cc_list.iter().map(|id| id.as_str().into()).collect();
            fields.push(("fourCcList", Value::StrictArray(list)));
        }
        let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
        fields.chain(config.capabilities.fields()).collect()
    }

    /// Asks for a message stream, behind what servers want to hear before it.
    pub(super) fn open(&mut self, deadline: crate::time::Micros) {
        self.link.control(&Control::WindowAckSize(self.config.window_ack_size));
        let name = Value::from(self.config.url.name.as_str());
        if self.config.is_publish() {
            self.call("releaseStream", Value::Null, vec![name.clone()]);
            self.call("FCPublish", Value::Null, vec![name]);
        } else if self.config.subscribe {
            self.call("FCSubscribe", Value::Null, vec![name]);
        }
        let call = self.call("createStream", Value::Null, vec![]);
        self.phase = Phase::Opening(Waiting { deadline, call });
    }

    /// Asks to publish or play on a message stream.
    pub(super) fn request(&mut self, deadline: crate::time::Micros, stream_id: u32) {
        let name = Value::from(self.config.url.name.as_str());
        let call = match self.config.role {
            Role::Publish(kind) => {
                self.call_on(stream_id, "publish", Value::Null, vec![name, kind.text().into()])
            }
            Role::Play(range) => {
                let buffer = UserControl::SetBufferLength(stream_id, range.buffer);
                self.link.control(&buffer.into());
                // Milliseconds on the wire, as Flash sent them; RTMP 1.0 7.2.2.1 speaks of seconds.
                let mut arguments = vec![name, (range.start * 1000.0).into()];
                if range.duration >= 0.0 {
                    arguments.push((range.duration * 1000.0).into());
                }
                self.call_on(stream_id, "play", Value::Null, arguments)
            }
        };
        self.phase = Phase::Requesting(Waiting { deadline, call }, stream_id);
    }

    /// Ends the stream from this side: a publisher says FCUnpublish and deleteStream, a player closeStream and
    /// deleteStream. The session is closing then: what is queued goes out first.
    pub fn finish(&mut self) {
        let stream_id = self.stream_id();
        match self.phase {
            Phase::Requesting(..) | Phase::Active(_) => {
                if self.config.is_publish() {
                    let name = Value::from(self.config.url.name.as_str());
                    self.call("FCUnpublish", Value::Null, vec![name]);
                } else {
                    let close = Command::new("closeStream", 0.0, Value::Null, vec![]);
                    self.link.command(stream_id, &close);
                }
                self.call("deleteStream", Value::Null, vec![f64::from(stream_id).into()]);
            }
            _ => {}
        }
        self.aggregate = None;
        self.phase = Phase::Closing;
    }

    fn call(&mut self, name: &str, object: Value, arguments: Vec<Value>) -> u32 {
        self.call_on(0, name, object, arguments)
    }

    fn call_on(&mut self, stream_id: u32, name: &str, object: Value, arguments: Vec<Value>) -> u32 {
        self.calls += 1;
        self.link.command(stream_id, &Command::new(name, self.calls.into(), object, arguments));
        self.calls
    }
}
