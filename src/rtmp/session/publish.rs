//! Publishing: requests, their answers, and the ways in which clients stop.

use super::stream::StreamState;
use super::{
    Notice, Phase, PublishType, Rejection, RequestId, ServerSession, SessionEvent, StreamPath,
    replies,
};
use crate::amf::Value;
use crate::error::{Error, Layer, Result};
use crate::rtmp::message::{Command, UserControl};

impl ServerSession {
    /// Lets a publisher or player begin.
    ///
    /// # Errors
    /// Misuse where the request is not open: it was answered, or the client took it back.
    pub fn accept(&mut self, request: RequestId) -> Result<()> {
        let connected = self.connected()?;
        let Some(stream) = connected.streams.by_request(request) else {
            return Err(closed_request());
        };
        let stream_id = stream.id;
        match std::mem::replace(&mut stream.state, StreamState::Idle) {
            StreamState::PublishRequested { name, .. } => {
                let fc_publish = std::mem::take(&mut connected.fc_publish);
                stream.state = StreamState::Publishing { name: name.clone() };
                if fc_publish {
                    let told = replies::fc("onFCPublish", "NetStream.Publish.Start", &name);
                    self.link.command(0, &told);
                }
                let code = "NetStream.Publish.Start";
                self.link
                    .command(stream_id, &replies::status("status", code, "Publishing.", &name));
            }
            StreamState::PlayRequested { name, .. } => {
                stream.state = StreamState::Playing { paused: false };
                self.start_play(stream_id, &name);
            }
            other => stream.state = other,
        }
        Ok(())
    }

    /// Refuses a publisher or player with the status codes that clients know. The session is closing then: clients
    /// that are refused wait for that (A5-36).
    ///
    /// # Errors
    /// Misuse where the request is not open.
    pub fn reject(&mut self, request: RequestId, reason: Rejection) -> Result<()> {
        let connected = self.connected()?;
        let Some(stream) = connected.streams.by_request(request) else {
            return Err(closed_request());
        };
        let stream_id = stream.id;
        match std::mem::replace(&mut stream.state, StreamState::Idle) {
            StreamState::PublishRequested { name, .. } => {
                self.refuse_publish(stream_id, reason, &name)
            }
            StreamState::PlayRequested { name, .. } => self.refuse_play(stream_id, reason, &name),
            other => stream.state = other,
        }
        self.end_all_streams();
        self.start_closing();
        Ok(())
    }

    fn refuse_publish(&mut self, stream_id: u32, reason: Rejection, name: &str) {
        let status = replies::status("error", reason.publish_code(), reason.text(), name);
        self.link.command(stream_id, &status);
    }

    pub(super) fn publish(&mut self, stream_id: u32, command: &Command) {
        let name = match command.arguments.first() {
            Some(Value::String(name)) => name.clone(),
            // publish(false) stops, and so does one without a name (A5-18).
            _ => {
                if !self.close_stream(stream_id) {
                    self.refuse_name(stream_id, true, "");
                }
                return;
            }
        };
        let cap = self.config.limits.message_streams;
        let Phase::Connected(connected) = &mut self.phase else { return };
        let unknown = connected.streams.find(stream_id).is_none();
        if name.is_empty()
            && connected.streams.find(stream_id).is_some_and(|stream| stream.state.is_publish())
        {
            self.close_stream(stream_id);
            return;
        }
        let parsed =
            StreamPath::parse(&connected.app, &connected.tc_url, &name, &self.config.limits);
        let Ok(path) = parsed else { return self.refuse_name(stream_id, true, &name) };
        if connected.streams.open(stream_id, cap).is_none() {
            return self.refuse_name(stream_id, true, &name);
        }
        if unknown {
            self.note(Notice::UnknownMessageStream);
        }
        // A second publish on the same message stream takes the place of the first.
        self.close_stream(stream_id);
        let request = self.request();
        self.set_state(stream_id, StreamState::PublishRequested { request, name });
        let kind = command.arguments.get(1).and_then(Value::as_str).map(PublishType::of);
        let kind = kind.unwrap_or_default();
        self.events.push_back(SessionEvent::Publish { request, stream_id, path, kind });
    }

    /// Refuses a name that cannot be one.
    pub(super) fn refuse_name(&mut self, stream_id: u32, publish: bool, name: &str) {
        self.note(Notice::NameRefused);
        if publish {
            self.refuse_publish(stream_id, Rejection::NotFound, name);
        } else {
            self.refuse_play(stream_id, Rejection::NotFound, name);
        }
        self.end_all_streams();
        self.start_closing();
    }

    pub(super) fn set_state(&mut self, stream_id: u32, state: StreamState) {
        let Phase::Connected(connected) = &mut self.phase else { return };
        if let Some(stream) = connected.streams.find_mut(stream_id) {
            stream.state = state;
        }
        connected.deadline = None;
    }

    pub(super) fn fc_publish(&mut self, command: &Command) {
        if let Phase::Connected(connected) = &mut self.phase {
            connected.fc_publish = true;
        }
        self.answer(command, Value::Undefined);
    }

    /// FCUnpublish names a stream; with one publisher the name does not matter.
    pub(super) fn fc_unpublish(&mut self, command: &Command) {
        let named = command.arguments.first().and_then(Value::as_str);
        let Phase::Connected(connected) = &self.phase else { return };
        let is_named = |state: &StreamState| match state {
            StreamState::PublishRequested { name, .. } | StreamState::Publishing { name } => {
                Some(name.as_str()) == named
            }
            _ => false,
        };
        let found =
            connected.streams.iter().find(|stream| is_named(&stream.state)).map(|stream| stream.id);
        let found = found.or_else(|| connected.streams.only_publisher());
        if let Some(stream_id) = found {
            self.close_stream(stream_id);
        }
        self.answer(command, Value::Undefined);
    }

    /// Ends what a message stream does, once; false where it did nothing.
    pub(super) fn close_stream(&mut self, stream_id: u32) -> bool {
        let Phase::Connected(connected) = &mut self.phase else { return false };
        let Some(stream) = connected.streams.find_mut(stream_id) else { return false };
        match std::mem::replace(&mut stream.state, StreamState::Idle) {
            StreamState::Idle => return false,
            StreamState::PublishRequested { .. } => {
                self.events.push_back(SessionEvent::Unpublished { stream_id });
            }
            StreamState::Publishing { name } => {
                let code = "NetStream.Unpublish.Success";
                self.link.command(
                    stream_id,
                    &replies::status("status", code, "Stopped publishing.", &name),
                );
                self.events.push_back(SessionEvent::Unpublished { stream_id });
            }
            StreamState::PlayRequested { .. } | StreamState::Playing { .. } => {
                self.link.control(&UserControl::StreamEof(stream_id).into());
                self.events.push_back(SessionEvent::PlayEnded { stream_id });
            }
            StreamState::PlayEnded => {}
        }
        self.rearm();
        true
    }

    /// Gives a connection without streams its time to ask for one.
    pub(super) fn rearm(&mut self) {
        let deadline = self.now + self.config.limits.command_timeout;
        if let Phase::Connected(connected) = &mut self.phase
            && !connected.streams.is_any_active()
        {
            connected.deadline = Some(deadline);
        }
    }

    /// Ends all streams of a connection that closes.
    pub(super) fn end_all_streams(&mut self) {
        let Phase::Connected(connected) = &self.phase else { return };
        let ids: Vec<u32> = connected.streams.iter().map(|stream| stream.id).collect();
        for id in ids {
            self.close_stream(id);
        }
    }
}

const fn closed_request() -> Error {
    Error::misuse(Layer::Session, "request that is not open")
}
