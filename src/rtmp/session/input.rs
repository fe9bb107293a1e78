//! Bytes in: handshake, then messages to where they belong.

use super::{Connecting, Notice, Phase, ServerSession, SessionEvent};
use crate::error::Result;
use crate::rtmp::chunk::Message;
use crate::rtmp::message::{Aggregate, type_id};
use crate::time::Micros;

impl ServerSession {
    /// Takes bytes of the peer and says how many. Less than all means that a queue is full, or that media waits for a
    /// request to be answered: poll, answer, then give the rest again.
    /// Once the session is closing, input is taken and ignored.
    ///
    /// # Errors
    /// What the peer did wrong. The session has ended.
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
            self.start_closing();
            return Err(error);
        }
        if !matches!(self.phase, Phase::Handshake(_)) {
            self.link.acknowledge();
        }
        self.link.account(self.events.bytes());
        Ok(consumed)
    }

    fn consume(&mut self, now: Micros, rest: &mut &[u8]) -> Result<()> {
        self.link.admit()?;
        if let Phase::Handshake(state) = &mut self.phase {
            let taken = state.handshake.handle_input(rest)?;
            *rest = rest.get(taken..).unwrap_or_default();
            if let Some(answer) = state.handshake.poll_output() {
                self.link.raw(answer);
            }
            while let Some(notice) = state.handshake.poll_notice() {
                self.link.note(notice);
            }
            if !state.handshake.is_complete() {
                return Ok(());
            }
            self.flush_notices();
            self.phase = Phase::Connecting(Connecting {
                deadline: now + self.config.limits.command_timeout,
            });
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
            self.handle_message(message)?;
        }
    }

    /// Whether [`handle_input`](Self::handle_input) would take bytes now: no queue is full and no request waits.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        !self.is_output_full() && !self.is_held() && !self.link.is_over(self.events.bytes())
    }

    pub(super) fn is_output_full(&self) -> bool {
        self.link.queued() >= self.config.limits.queued_output_bytes
    }

    /// Whether the caller is to poll events or answer a request before more input is taken.
    pub(super) fn is_held(&self) -> bool {
        let held = match &self.phase {
            Phase::Connected(connected) => {
                connected.aggregate.is_some() || connected.streams.is_any_requested()
            }
            _ => false,
        };
        held || self.is_full()
    }

    fn is_full(&self) -> bool {
        self.events.len() >= self.config.limits.queued_events
    }

    fn handle_message(&mut self, message: Message) -> Result<()> {
        match message.type_id {
            type_id::SET_CHUNK_SIZE..=type_id::SET_PEER_BANDWIDTH => self.handle_control(&message),
            type_id::AUDIO | type_id::VIDEO => self.handle_media(message),
            type_id::DATA | type_id::DATA_AMF3 => self.handle_data(message),
            type_id::COMMAND | type_id::COMMAND_AMF3 => {
                return self.handle_command_message(&message);
            }
            type_id::AGGREGATE => {
                let aggregate = Aggregate::new(&message);
                match &mut self.phase {
                    Phase::Connected(connected) => {
                        connected.aggregate = Some((message.stream_id, aggregate))
                    }
                    _ => self.note(Notice::MediaWithoutPublish),
                }
            }
            type_id::SHARED_OBJECT | type_id::SHARED_OBJECT_AMF3 => {}
            _ => self.note(Notice::UnknownMessageType),
        }
        Ok(())
    }

    /// Turns tags of an aggregate into events while there is room for them.
    pub(super) fn split_aggregate(&mut self) {
        loop {
            let Phase::Connected(connected) = &mut self.phase else { return };
            let Some((stream_id, mut aggregate)) = connected.aggregate.take() else { return };
            if self.is_full() {
                self.put_back(stream_id, aggregate);
                return;
            }
            let tag = aggregate.next();
            if let Some(tag) = tag {
                self.put_back(stream_id, aggregate);
                let message = Message {
                    type_id: tag.type_id,
                    stream_id,
                    timestamp: tag.timestamp,
                    payload: tag.payload,
                };
                match message.type_id {
                    type_id::AUDIO | type_id::VIDEO => self.handle_media(message),
                    type_id::DATA | type_id::DATA_AMF3 => self.handle_data(message),
                    _ => self.note(Notice::UnknownMessageType),
                }
            } else if aggregate.is_truncated() {
                self.note(Notice::AggregateTruncated);
            }
        }
    }

    fn put_back(&mut self, stream_id: u32, aggregate: Aggregate) {
        if let Phase::Connected(connected) = &mut self.phase {
            connected.aggregate = Some((stream_id, aggregate));
        }
    }

    fn handle_control(&mut self, message: &Message) {
        self.link.handle_control(message);
        self.flush_notices();
    }

    fn handle_data(&mut self, message: Message) {
        let named = self.link.named_data(message);
        self.flush_notices();
        if let Some(message) = named {
            self.handle_media(message);
        }
    }

    fn handle_media(&mut self, message: Message) {
        let Phase::Connected(connected) = &mut self.phase else {
            self.note(Notice::MediaWithoutPublish);
            return;
        };
        let mut stream_id = message.stream_id;
        let known =
            connected.streams.find(stream_id).is_some_and(|stream| stream.state.is_publish());
        if !known {
            // Some encoders send media on message stream 0 or on one of their own.
            let Some(only) = connected.streams.only_publisher() else {
                self.note(Notice::MediaWithoutPublish);
                return;
            };
            stream_id = only;
        }
        let Message { type_id, timestamp, payload, .. } = message;
        self.events.push_back(SessionEvent::Media { stream_id, type_id, timestamp, payload });
        if !known {
            self.note(Notice::UnknownMessageStream);
        }
    }

    fn handle_command_message(&mut self, message: &Message) -> Result<()> {
        let command = self.link.parse_command(message, &self.config.limits);
        self.flush_notices();
        let Some(command) = command else { return Ok(()) };
        // Who agreed on AMF3 and sends it is answered in it.
        self.link.amf3 = message.type_id == type_id::COMMAND_AMF3
            && matches!(&self.phase, Phase::Connected(connected) if connected.amf3);
        self.handle_command(message.stream_id, command)
    }
}
