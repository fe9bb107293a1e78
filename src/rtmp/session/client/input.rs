//! Bytes in: handshake, then messages to where they belong.

use super::{Active, ClientEvent, ClientSession, Phase};
use crate::amf::amf0;
use crate::error::Result;
use crate::rtmp::chunk::Message;
use crate::rtmp::message::{Aggregate, UserControl, type_id};
use crate::rtmp::notice::Notice;
use crate::time::Micros;

impl ClientSession {
    /// Takes bytes of the server and says how many. Less than all means that a queue is full: poll, then give the rest
    /// again. Once the session is closing, input is taken and ignored.
    ///
    /// # Errors
    /// What the server did wrong. The session has ended.
    pub fn handle_input(&mut self, now: Micros, input: &[u8]) -> Result<usize> {
        self.now = now;
        if !input.is_empty() {
            self.heard = now;
        }
        let mut rest = input;
        let outcome = self.consume(now, &mut rest);
        self.flush_notices();
        let consumed = input.len() - rest.len();
        self.link.received = self.link.received.saturating_add(consumed as u64);
        self.stalled = consumed < input.len();
        if let Err(error) = outcome {
            self.phase = Phase::Closing;
            return Err(error);
        }
        if !matches!(self.phase, Phase::Handshake(_) | Phase::Closing) {
            self.link.acknowledge();
        }
        self.link.account(self.events.bytes());
        Ok(consumed)
    }

    /// Whether [`handle_input`](Self::handle_input) would take bytes now.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        !self.is_output_full() && !self.is_held() && !self.link.is_over(self.events.bytes())
    }

    pub(super) fn is_output_full(&self) -> bool {
        self.link.queued() >= self.config.limits.queued_output_bytes
    }

    /// Whether the caller is to poll events before more input is taken.
    pub(super) fn is_held(&self) -> bool {
        self.aggregate.is_some() || self.events.len() >= self.config.limits.queued_events
    }

    fn consume(&mut self, now: Micros, rest: &mut &[u8]) -> Result<()> {
        self.link.admit()?;
        if let Phase::Handshake(state) = &mut self.phase {
            let taken = state.handshake.handle_input(rest)?;
            *rest = rest.get(taken..).unwrap_or_default();
            if let Some(answer) = state.handshake.poll_output() {
                self.link.raw(answer);
            }
            if let Some(notice) = state.handshake.poll_notice() {
                self.link.note(notice);
            }
            if !state.handshake.is_complete() {
                return Ok(());
            }
            self.flush_notices();
            self.connect();
        }
        loop {
            if self.is_closing() {
                *rest = &[];
                return Ok(());
            }
            self.split_aggregate();
            if !self.wants_input() {
                return Ok(());
            }
            let polled = self.link.reader.poll_message(now, rest);
            // Before the message's own events, so that their order does not depend on how the input was split.
            self.flush_notices();
            let Some(message) = polled? else { return Ok(()) };
            self.handle_message(message);
        }
    }

    fn handle_message(&mut self, message: Message) {
        match message.type_id {
            type_id::SET_CHUNK_SIZE..=type_id::SET_PEER_BANDWIDTH => self.handle_control(&message),
            type_id::AUDIO | type_id::VIDEO => self.handle_media(message),
            type_id::DATA | type_id::DATA_AMF3 => self.handle_data(message),
            type_id::COMMAND | type_id::COMMAND_AMF3 => {
                let command = self.link.parse_command(&message, &self.config.limits);
                self.flush_notices();
                if let Some(command) = command {
                    self.handle_command(&command);
                }
            }
            type_id::AGGREGATE => self.aggregate = Some(Aggregate::new(&message)),
            type_id::SHARED_OBJECT | type_id::SHARED_OBJECT_AMF3 => {}
            _ => self.note(Notice::UnknownMessageType),
        }
    }

    /// Turns tags of an aggregate into events while there is room for them.
    pub(super) fn split_aggregate(&mut self) {
        while let Some(mut aggregate) = self.aggregate.take() {
            if self.events.len() >= self.config.limits.queued_events {
                self.aggregate = Some(aggregate);
                return;
            }
            let Some(tag) = aggregate.next() else {
                if aggregate.is_truncated() {
                    self.note(Notice::AggregateTruncated);
                }
                return;
            };
            self.aggregate = Some(aggregate);
            let (type_id, timestamp, payload) = (tag.type_id, tag.timestamp, tag.payload);
            let message = Message { type_id, stream_id: self.stream_id(), timestamp, payload };
            match type_id {
                type_id::AUDIO | type_id::VIDEO => self.handle_media(message),
                type_id::DATA | type_id::DATA_AMF3 => self.handle_data(message),
                _ => self.note(Notice::UnknownMessageType),
            }
        }
    }

    fn handle_control(&mut self, message: &Message) {
        let event = self.link.handle_control(message);
        self.flush_notices();
        match event {
            Some(UserControl::StreamBegin(id)) => self.push(ClientEvent::StreamBegin(id)),
            Some(UserControl::StreamEof(id)) => {
                self.push(ClientEvent::StreamEof(id));
                if id == self.stream_id() {
                    self.end_play();
                }
            }
            _ => {}
        }
    }

    fn handle_data(&mut self, message: Message) {
        let named = self.link.named_data(message);
        self.flush_notices();
        let Some(message) = named else { return };
        // What servers say of the stream in data messages is not of the stream.
        if is_named(&message.payload, "|RtmpSampleAccess") {
            return;
        }
        if is_named(&message.payload, "onStatus") || is_named(&message.payload, "onPlayStatus") {
            let (values, _) = amf0::decode_all(&message.payload, &self.config.limits);
            if let Some(info) = values.get(1..).unwrap_or_default().iter().find(|v| !v.is_null()) {
                self.handle_status(info);
            }
            return;
        }
        self.handle_media(message);
    }

    fn handle_media(&mut self, message: Message) {
        if self.config.is_publish() {
            return self.note(Notice::MediaWithoutPublish);
        }
        match &self.phase {
            // Media says as well as a status that the server plays.
            Phase::Requesting(..) | Phase::Active(Active { ended: true, .. }) => self.start(),
            Phase::Active(_) => {}
            _ => return self.note(Notice::MediaWithoutPublish),
        }
        if message.stream_id != self.stream_id() {
            self.note(Notice::UnknownMessageStream);
        }
        let Message { type_id: kind, timestamp, payload, .. } = message;
        self.push(ClientEvent::Media { kind, timestamp, payload });
    }

    /// The message stream, 0 where there is none.
    pub(super) const fn stream_id(&self) -> u32 {
        match &self.phase {
            Phase::Requesting(_, stream_id) | Phase::Active(Active { stream_id, .. }) => *stream_id,
            _ => 0,
        }
    }

    pub(super) const fn is_publishing(&self) -> bool {
        matches!(self.phase, Phase::Active(_)) && self.config.is_publish()
    }
}

/// Whether an AMF0 body starts with this name.
pub(super) fn is_named(body: &[u8], name: &str) -> bool {
    let behind = body.strip_prefix(&[2, 0]).and_then(|rest| rest.split_first());
    behind.is_some_and(|(&len, rest)| {
        usize::from(len) == name.len() && rest.starts_with(name.as_bytes())
    })
}
