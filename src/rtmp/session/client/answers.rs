//! What servers answer: in time, late, in odd shapes, or not at all.

use super::super::commands::to_id;
use super::super::connect::clean;
use super::{Active, ClientEvent, ClientSession, Phase, ServerProperties, Status, Waiting};
use crate::amf::Value;
use crate::rtmp::message::{Capabilities, Command};
use crate::rtmp::notice::Notice;

/// The code of `ex` that says that a refusal is a redirection.
const REDIRECT: f64 = 302.0;

impl ClientSession {
    pub(super) fn handle_command(&mut self, command: &Command) {
        match command.name.as_str() {
            "_result" => self.handle_result(command),
            "_error" => self.handle_error(command),
            "onStatus" => {
                let info = command.arguments.first().unwrap_or(&command.object);
                self.handle_status(info);
            }
            "close" => self.end_with(ClientEvent::Ended),
            // What servers tell and nobody asked for.
            "onBWDone" | "onFCPublish" | "onFCUnpublish" | "onFCSubscribe" | "onFCUnsubscribe"
            | "_onbwdone" => {}
            name => {
                if name != "_onbwcheck" {
                    self.note(Notice::UnknownCommand);
                }
                // A transaction id of 0 asks for no answer (7.2.1.2).
                if command.transaction_id != 0.0 {
                    let id = command.transaction_id;
                    let answer = Command::new("_result", id, Value::Null, vec![Value::Null]);
                    self.link.command(0, &answer);
                }
            }
        }
    }

    fn handle_result(&mut self, command: &Command) {
        let is_answer = |waiting: &Waiting| is_id(command.transaction_id, waiting.call);
        match &self.phase {
            // Nothing else is asked before: whatever id the answer has, it is the answer.
            Phase::Connecting(waiting) => {
                let deadline = waiting.deadline;
                let info = command.arguments.first().unwrap_or(&Value::Null);
                let code = text(info, "code");
                if text(info, "level") == "error" || !matches!(code.as_str(), "" | CONNECTED) {
                    return self.refused(info);
                }
                let server = properties(command, info);
                self.link.amf3 = self.config.amf3 && server.amf3;
                self.push(ClientEvent::Connected(server));
                self.open(deadline);
            }
            Phase::Opening(waiting) => {
                let number = command.arguments.first().and_then(Value::as_f64);
                // An id that no call had, with a number: the answer of a server that counts by itself.
                let known = (1..=waiting.call).any(|call| is_id(command.transaction_id, call));
                if is_answer(waiting) || (!known && number.is_some()) {
                    let deadline = waiting.deadline;
                    let id = number.and_then(to_id);
                    if id.is_none() {
                        self.note(Notice::UnknownMessageStream);
                    }
                    self.request(deadline, id.unwrap_or(1));
                }
            }
            // Some servers answer `publish` and send no status.
            Phase::Requesting(waiting, _) if is_answer(waiting) && self.config.is_publish() => {
                self.start();
            }
            _ => {}
        }
    }

    fn handle_error(&mut self, command: &Command) {
        let is_answer = |waiting: &Waiting| is_id(command.transaction_id, waiting.call);
        let fatal = match &self.phase {
            Phase::Connecting(_) => true,
            Phase::Opening(waiting) | Phase::Requesting(waiting, _) => is_answer(waiting),
            _ => false,
        };
        // The others were said for servers that want to hear them; most do not know them.
        if fatal {
            let info = command.arguments.iter().find(|value| value.fields().is_some());
            self.refused(info.unwrap_or(&Value::Null));
        }
    }

    /// Obeys an information object, wherever it came.
    pub(super) fn handle_status(&mut self, info: &Value) {
        let status = Status {
            level: text(info, "level"),
            code: text(info, "code"),
            description: text(info, "description"),
        };
        let publish = self.config.is_publish();
        match status.code.as_str() {
            "NetStream.Publish.Start" if publish => self.start(),
            "NetStream.Play.Start" if !publish => self.start(),
            // The publisher is back, or was there all along.
            "NetStream.Play.PublishNotify" if !publish && self.has_ended() => self.start(),
            "NetStream.Play.UnpublishNotify"
            | "NetStream.Play.Stop"
            | "NetStream.Play.Complete"
                if !publish =>
            {
                self.end_play();
            }
            "NetConnection.Connect.Closed" | "NetConnection.Connect.AppShutdown" => {
                self.end_with(ClientEvent::Ended);
            }
            "NetConnection.Connect.ReconnectRequest" => self.reconnect_requested(info, status),
            code if status.level == "error" || is_refusal(code) => self.refused(info),
            _ => self.push(ClientEvent::Status(status)),
        }
    }

    /// The server takes or sends media.
    pub(super) fn start(&mut self) {
        let event =
            if self.config.is_publish() { ClientEvent::Publishing } else { ClientEvent::Playing };
        match &mut self.phase {
            Phase::Requesting(_, stream_id) => {
                let stream_id = *stream_id;
                self.phase = Phase::Active(Active { stream_id, ended: false });
                self.push(event);
            }
            Phase::Active(active) if active.ended => {
                active.ended = false;
                self.push(event);
            }
            _ => {}
        }
    }

    const fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Active(Active { ended: true, .. }))
    }

    /// What is played has ended; servers say so in two or three ways one after the other.
    pub(super) fn end_play(&mut self) {
        if let Phase::Active(active) = &mut self.phase
            && !self.config.is_publish()
            && !std::mem::replace(&mut active.ended, true)
        {
            self.push(ClientEvent::Ended);
        }
    }

    fn reconnect_requested(&mut self, info: &Value, status: Status) {
        let tc_url = Some(text(info, "tcUrl")).filter(|url| !url.is_empty());
        self.next = self.config.reconnected(tc_url.as_deref()).map(Box::new);
        let description = status.description;
        self.push(ClientEvent::ReconnectRequest { tc_url, description });
    }

    /// The server refuses, sends the client on, or asks who it is.
    fn refused(&mut self, info: &Value) {
        let (code, description) = (text(info, "code"), text(info, "description"));
        if let Some(url) = redirection(info)
            && let Some(next) = self.config.redirected(&url)
        {
            self.next = Some(Box::new(next));
            return self.end_with(ClientEvent::Redirect { url });
        }
        if let Some(next) = self.config.authorised(&description, self.seed) {
            self.next = Some(Box::new(next));
            return self.end_with(ClientEvent::Authenticate);
        }
        self.end_with(ClientEvent::Rejected { code, description });
    }
}

const CONNECTED: &str = "NetConnection.Connect.Success";

/// Codes that refuse whatever their level says: those that librtmp knows (A5-16).
fn is_refusal(code: &str) -> bool {
    matches!(
        code,
        "NetStream.Failed"
            | "NetStream.Play.Failed"
            | "NetStream.Play.StreamNotFound"
            | "NetConnection.Connect.InvalidApp"
            | "NetConnection.Connect.Rejected"
            | "NetConnection.Connect.Failed"
            | "NetStream.Publish.Rejected"
            | "NetStream.Publish.Denied"
            | "NetStream.Publish.BadName"
    )
}

/// Where `ex` sends the client on to: `redirect2` is a whole URL where there is one, `redirect` a `tcUrl` (A5-33).
fn redirection(info: &Value) -> Option<String> {
    let ex = info.field("ex")?;
    let is_redirect = ex.field("code").and_then(Value::as_f64) == Some(REDIRECT);
    let url = ["redirect2", "redirect"].into_iter().map(|key| text(ex, key));
    url.into_iter().find(|url| !url.is_empty()).filter(|_| is_redirect)
}

fn properties(command: &Command, info: &Value) -> ServerProperties {
    let capabilities = Capabilities::parse(&command.object).merged(Capabilities::parse(info));
    let encoding = info.field("objectEncoding").or_else(|| command.object.field("objectEncoding"));
    ServerProperties {
        version: text(&command.object, "fmsVer"),
        capabilities,
        amf3: encoding.and_then(Value::as_f64) == Some(3.0),
    }
}

fn text(object: &Value, key: &str) -> String {
    object.field(key).and_then(Value::as_str).map(clean).unwrap_or_default()
}

/// Whether a transaction id is that of a call. Ids are small whole numbers, which compare exactly.
fn is_id(id: f64, call: u32) -> bool {
    id == f64::from(call)
}
