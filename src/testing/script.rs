//! One end of a connection that says what a script tells it to.

use crate::amf::Value;
use crate::buf::Chain;
use crate::error::Result;
use crate::limits::Limits;
use crate::rtmp::chunk::{Message, Reader, Writer, csid};
use crate::rtmp::message::{Command, Control, type_id};
use crate::time::Micros;

/// What a scripted client and a scripted server share: they write what they are told, and keep all that they are sent.
#[derive(Debug)]
pub struct Script {
    reader: Reader,
    writer: Writer,
    /// What waits for the end of the handshake, or to be taken.
    pub(super) waiting: Chain,
    limits: Limits,
    /// All messages received.
    pub received: Vec<Message>,
}

impl Default for Script {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            reader: Reader::new(&limits),
            writer: Writer::new(),
            waiting: Chain::new(),
            limits,
            received: Vec::new(),
        }
    }
}

impl Script {
    /// Bytes behind the handshake.
    pub(super) fn read(&mut self, now: Micros, mut input: &[u8]) -> Result<()> {
        while let Some(message) = self.reader.poll_message(now, &mut input)? {
            self.received.push(message);
        }
        Ok(())
    }

    /// Sends a message on the chunk stream of its type.
    pub fn message(&mut self, message: &Message) {
        self.message_on(csid::of(message.type_id, message.stream_id), message);
    }

    /// Sends a message on any chunk stream.
    pub fn message_on(&mut self, csid: u32, message: &Message) {
        let _ = self.writer.write(csid, message, &mut self.waiting);
    }

    /// Sends bytes as they are, behind the handshake.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.waiting.push(bytes.to_vec().into());
    }

    /// Sends a control message; Set Chunk Size is obeyed at once.
    pub fn control(&mut self, control: &Control) {
        self.message(&control.to_message());
        if let Control::SetChunkSize(size) = control {
            self.writer.set_chunk_size(*size);
        }
    }

    /// Sends a command.
    pub fn command(
        &mut self,
        stream_id: u32,
        name: &str,
        transaction_id: f64,
        arguments: &[Value],
    ) {
        let command = Command::new(name, transaction_id, Value::Null, arguments.to_vec());
        self.message(&command.to_message(stream_id));
    }

    /// The commands received, with their message streams.
    #[must_use]
    pub fn commands(&self) -> Vec<(u32, Command)> {
        let is_command = |kind| matches!(kind, type_id::COMMAND | type_id::COMMAND_AMF3);
        let commands = self.received.iter().filter(|message| is_command(message.type_id));
        let parse = |message: &Message| {
            let (command, _) =
                Command::parse(message.type_id, &message.payload, &self.limits).ok()?;
            Some((message.stream_id, command))
        };
        commands.filter_map(parse).collect()
    }

    /// The codes of `onStatus`, `_error` and other answers with an information object, in order.
    #[must_use]
    pub fn codes(&self) -> Vec<String> {
        let code = |(_, command): &(u32, Command)| {
            let info = command.arguments.first()?;
            Some(info.field("code")?.as_str()?.to_owned())
        };
        self.commands().iter().filter_map(code).collect()
    }

    /// The control messages received.
    #[must_use]
    pub fn controls(&self) -> Vec<Control> {
        self.received
            .iter()
            .filter_map(|message| Control::parse(message.type_id, &message.payload))
            .collect()
    }
}
