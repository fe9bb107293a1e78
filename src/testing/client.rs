//! A client that says what a script tells it to.

use crate::amf::Value;
use crate::buf::Chain;
use crate::error::Result;
use crate::limits::Limits;
use crate::rtmp::chunk::{Message, Reader, Writer, csid};
use crate::rtmp::handshake::ClientHandshake;
use crate::rtmp::message::{Command, Control, type_id};
use crate::time::Micros;

/// A scripted RTMP client: it shakes hands by itself, writes what it is told, and keeps all that it is sent.
#[derive(Debug)]
pub struct Client {
    handshake: ClientHandshake,
    reader: Reader,
    writer: Writer,
    out: Chain,
    /// What waits for the end of the handshake.
    waiting: Chain,
    limits: Limits,
    /// All messages received.
    pub received: Vec<Message>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new(ClientHandshake::new(1))
    }
}

impl Client {
    /// A client with a handshake of its own.
    #[must_use]
    pub fn new(handshake: ClientHandshake) -> Self {
        let limits = Limits::default();
        Self {
            handshake,
            reader: Reader::new(&limits),
            writer: Writer::new(),
            out: Chain::new(),
            waiting: Chain::new(),
            limits,
            received: Vec::new(),
        }
    }

    /// Bytes for the server.
    pub fn poll_output(&mut self) -> Option<Chain> {
        let mut out = std::mem::take(&mut self.out);
        if let Some(bytes) = self.handshake.poll_output() {
            out.push(bytes);
        }
        if self.handshake.is_complete() {
            out.extend_from(&std::mem::take(&mut self.waiting));
        }
        (!out.is_empty()).then_some(out)
    }

    /// Bytes of the server.
    ///
    /// # Errors
    /// What the server did wrong.
    pub fn handle_input(&mut self, now: Micros, mut input: &[u8]) -> Result<()> {
        if !self.handshake.is_complete() {
            let taken = self.handshake.handle_input(input)?;
            input = input.get(taken..).unwrap_or_default();
            if let Some(bytes) = self.handshake.poll_output() {
                self.out.push(bytes);
            }
        }
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

    /// Sends `connect` with these fields.
    pub fn connect(&mut self, fields: &[(&str, Value)]) {
        let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let command = Command::new("connect", 1.0, Value::Object(fields), vec![]);
        self.message(&command.to_message(0));
    }

    /// Connects to an application and creates message stream 1.
    pub fn open(&mut self, app: &str) {
        self.connect(&[
            ("app", app.into()),
            ("tcUrl", format!("rtmp://localhost/{app}").into()),
            ("flashVer", "test".into()),
        ]);
        self.command(0, "createStream", 2.0, &[]);
    }

    /// Opens and asks to publish on message stream 1.
    pub fn publish(&mut self, app: &str, name: &str) {
        self.open(app);
        self.command(1, "publish", 3.0, &[name.into(), "live".into()]);
    }

    /// Opens and asks to play on message stream 1.
    pub fn play(&mut self, app: &str, name: &str) {
        self.open(app);
        self.command(1, "play", 3.0, &[name.into(), (-2000.0).into()]);
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
