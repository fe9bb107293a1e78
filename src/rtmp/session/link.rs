//! The wire below the commands: chunks in and out, acknowledgements, the output queue.

use bytes::Bytes;

use super::{Notice, SessionConfig};
use crate::buf::Chain;
use crate::error::Result;
use crate::rtmp::chunk::{Message, Reader, SharedMessage, Writer, csid};
use crate::rtmp::message::{Command, Control};

/// Acknowledge no more often than this, however small the window that the peer asks for (A4-13, F-22).
const SMALLEST_ACK_STEP: u64 = 64 << 10;

#[derive(Debug)]
pub(super) struct Link {
    pub(super) reader: Reader,
    writer: Writer,
    out: Chain,
    /// Bytes received since the start of the connection, handshake included.
    pub(super) received: u64,
    acknowledged: u64,
    /// Bytes after which the peer wants to be acknowledged; none until it says so, and for a window of 0.
    ack_step: Option<u64>,
    /// The window that the peer was told last.
    pub(super) told_window: Option<u32>,
    /// When the peer was pinged last.
    pub(super) pinged: Option<crate::time::Micros>,
    /// Commands go out in AMF3.
    pub(super) amf3: bool,
}

impl Link {
    pub(super) fn new(config: &SessionConfig) -> Self {
        let mut reader = Reader::with_offset(&config.limits, crate::rtmp::handshake::TOTAL as u64);
        reader.set_repeat_after_full_header(config.repeat_after_full_header);
        reader.set_extended_timestamp_mode(config.extended_timestamps);
        let mut writer = Writer::new();
        writer.set_repeat_extended_timestamp(config.repeat_extended_timestamps);
        Self {
            reader,
            writer,
            out: Chain::new(),
            received: 0,
            acknowledged: 0,
            ack_step: None,
            told_window: None,
            pinged: None,
            amf3: false,
        }
    }

    pub(super) const fn queued(&self) -> usize {
        self.out.len()
    }

    pub(super) fn poll_output(&mut self) -> Option<Chain> {
        (!self.out.is_empty()).then(|| std::mem::take(&mut self.out))
    }

    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        self.reader.notices.take()
    }

    pub(super) fn notice_count(&self, notice: Notice) -> u32 {
        self.reader.notices.count(notice)
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

    pub(super) fn set_peer_window(&mut self, window: u32) {
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
