//! The wire below the commands: chunks in and out, acknowledgements, the output queue.

use bytes::Bytes;

use super::Notice;
use crate::buf::Chain;
use crate::error::{Error, Layer, Result};
use crate::limits::{Budget, Limits, Share};
use crate::rtmp::chunk::{
    ExtendedTimestampMode, Message, Reader, RepeatAfterFullHeader, SharedMessage, Writer, csid,
};
use crate::rtmp::message::{Command, Control, UserControl, parse_data, type_id};
use crate::rtmp::notice::Notices;

/// Acknowledge no more often than this, however small the window that the peer asks for (A4-13, F-22).
const SMALLEST_ACK_STEP: u64 = 64 << 10;

/// What a link takes of its session's settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire<'a> {
    pub(super) limits: &'a Limits,
    pub(super) repeat_after_full_header: RepeatAfterFullHeader,
    pub(super) extended_timestamps: ExtendedTimestampMode,
    pub(super) repeat_extended_timestamps: bool,
}

/// What is the same at both ends of a connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) reader: Reader,
    writer: Writer,
    out: Chain,
    session_bytes: usize,
    /// What waits to be polled, as other sessions see it.
    share: Share,
    /// Bytes received since the start of the connection, handshake included.
    pub(super) received: u64,
    acknowledged: u64,
    /// Bytes after which the peer wants to be acknowledged; none until it says so, and for a window of 0.
    ack_step: Option<u64>,
    /// The window that the peer was told last.
    pub(super) told_window: Option<u32>,
    /// When the peer was pinged last.
    pub(super) pinged: Option<crate::time::Micros>,
    notices: Notices,
    /// Kinds that were told: some are found by the chunk reader and by the session.
    told: Vec<Notice>,
    /// Commands go out in AMF3.
    pub(super) amf3: bool,
}

impl Link {
    pub(super) fn new(wire: Wire<'_>) -> Self {
        let mut reader = Reader::with_offset(wire.limits, crate::rtmp::handshake::TOTAL as u64);
        reader.set_repeat_after_full_header(wire.repeat_after_full_header);
        reader.set_extended_timestamp_mode(wire.extended_timestamps);
        let mut writer = Writer::new();
        writer.set_repeat_extended_timestamp(wire.repeat_extended_timestamps);
        Self {
            reader,
            writer,
            out: Chain::new(),
            session_bytes: wire.limits.session_bytes,
            share: Share::new(&wire.limits.budget),
            received: 0,
            acknowledged: 0,
            ack_step: None,
            told_window: None,
            pinged: None,
            notices: Notices::default(),
            told: Vec::new(),
            amf3: false,
        }
    }

    pub(super) const fn queued(&self) -> usize {
        self.out.len()
    }

    /// Counts the output, and `events` bytes that wait to be polled, towards the budget.
    pub(super) fn account(&mut self, events: usize) {
        // Past it, more input is not taken: see `is_over`.
        self.share.set(events.saturating_add(self.out.len()));
    }

    /// Whether what waits to be polled must be polled before more is taken.
    pub(super) fn is_over(&self, events: usize) -> bool {
        let queued = events.saturating_add(self.out.len());
        let held = queued.saturating_add(self.reader.reserved_bytes());
        queued > 0 && (held >= self.session_bytes || self.share.budget().is_full())
    }

    /// Refuses a connection that has sent nothing yet where the process holds all it may.
    ///
    /// # Errors
    /// Limit exceeded.
    pub(super) fn admit(&self) -> Result<()> {
        let budget = self.share.budget();
        if self.received == 0 && budget.is_full() {
            return Err(Error::limit(Layer::Session, Budget::FIELD).found(budget.held() as u64));
        }
        Ok(())
    }

    pub(super) fn poll_output(&mut self) -> Option<Chain> {
        (!self.out.is_empty()).then(|| std::mem::take(&mut self.out))
    }

    pub(super) fn note(&mut self, notice: Notice) {
        self.notices.note(notice);
    }

    /// Kinds that came for the first time since the last call.
    pub(super) fn fresh_notices(&mut self) -> Vec<Notice> {
        let mut fresh = Vec::new();
        for notice in self.notices.take().into_iter().chain(self.reader.notices.take()) {
            if !self.told.contains(&notice) {
                self.told.push(notice);
                fresh.push(notice);
            }
        }
        fresh
    }

    pub(super) fn notice_count(&self, notice: Notice) -> u32 {
        self.notices.count(notice).saturating_add(self.reader.notices.count(notice))
    }

    /// Obeys a message of types 1 to 6, and gives the user control event that it may be.
    pub(super) fn handle_control(&mut self, message: &Message) -> Option<UserControl> {
        let Some(control) = Control::parse(message.type_id, &message.payload) else {
            // The chunk reader has noted it for the two that it obeys itself.
            if message.type_id > type_id::ABORT {
                self.note(Notice::ControlMessageShort);
            }
            return None;
        };
        match control {
            Control::WindowAckSize(window) => self.set_peer_window(window),
            Control::SetPeerBandwidth(window, _)
                if window > 0 && self.told_window != Some(window) =>
            {
                self.control(&Control::WindowAckSize(window));
            }
            Control::User(UserControl::PingRequest(clock)) => {
                self.control(&UserControl::PingResponse(clock).into());
            }
            Control::User(UserControl::Unknown(_)) => self.note(Notice::UnknownUserControl),
            Control::User(event) => return Some(event),
            _ => {}
        }
        None
    }

    /// Brings a data message to the form that starts with its name; none where it is empty or cannot be read.
    pub(super) fn named_data(&mut self, message: Message) -> Option<Message> {
        if message.payload.is_empty() {
            return None;
        }
        let Some(data) = parse_data(message.type_id, &message.payload) else {
            self.note(Notice::UndecodableData);
            return None;
        };
        if data.unnamed {
            self.note(Notice::DataWithoutName);
        }
        if data.stray_zero {
            self.note(Notice::LeadingZero);
        }
        Some(Message { type_id: type_id::DATA, payload: data.payload, ..message })
    }

    /// Reads a command; none where it is empty or cannot be read.
    pub(super) fn parse_command(&mut self, message: &Message, limits: &Limits) -> Option<Command> {
        if message.payload.is_empty() {
            return None;
        }
        match Command::parse(message.type_id, &message.payload, limits) {
            Ok((command, stray_zero)) => {
                if stray_zero {
                    self.note(Notice::LeadingZero);
                }
                Some(command)
            }
            Err(_) => {
                self.note(Notice::UndecodableCommand);
                None
            }
        }
    }

    pub(super) fn raw(&mut self, bytes: Bytes) {
        self.out.push(bytes);
    }

    pub(super) fn control(&mut self, control: &Control) {
        match control {
            Control::SetChunkSize(size) => {
                self.write(csid::CONTROL, &control.to_message());
                self.writer.set_chunk_size(*size);
            }
            Control::WindowAckSize(window) => {
                self.told_window = Some(*window);
                self.write(csid::CONTROL, &control.to_message());
            }
            _ => self.write(csid::CONTROL, &control.to_message()),
        }
    }

    pub(super) fn command(&mut self, stream_id: u32, command: &Command) {
        let message = if self.amf3 {
            command.to_amf3_message(stream_id)
        } else {
            command.to_message(stream_id)
        };
        self.write(csid::of(20, stream_id), &message);
    }

    fn write(&mut self, csid: u32, message: &Message) {
        // Own messages are short and on valid chunk streams.
        let written = self.writer.write(csid, message, &mut self.out);
        debug_assert!(written.is_ok(), "{written:?}");
    }

    pub(super) fn send(&mut self, message: &Message) -> Result<()> {
        self.writer.write(csid::of(message.type_id, message.stream_id), message, &mut self.out)
    }

    pub(super) fn send_shared(&mut self, message: &SharedMessage) -> Result<()> {
        self.writer.write_shared(message, &mut self.out)
    }

    fn set_peer_window(&mut self, window: u32) {
        let step = u64::from(window / 2).max(SMALLEST_ACK_STEP);
        self.ack_step = (window > 0).then_some(step);
    }

    /// Acknowledges all bytes since the start, modulo 2^32, where it is time to.
    pub(super) fn acknowledge(&mut self) {
        if self.ack_step.is_some_and(|step| self.received - self.acknowledged >= step) {
            self.acknowledged = self.received;
            let low = u32::try_from(self.received & 0xffff_ffff).unwrap_or(0);
            self.control(&Control::Acknowledgement(low));
        }
    }
}
