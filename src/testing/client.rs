//! A client that says what a script tells it to.

use std::ops::{Deref, DerefMut};

use super::script::Script;
use crate::amf::Value;
use crate::buf::Chain;
use crate::error::Result;
use crate::rtmp::handshake::ClientHandshake;
use crate::rtmp::message::Command;
use crate::time::Micros;

/// A scripted RTMP client: it shakes hands by itself, writes what it is told, and keeps all that it is sent.
#[derive(Debug)]
pub struct Client {
    handshake: ClientHandshake,
    script: Script,
    out: Chain,
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
        Self { handshake, script: Script::default(), out: Chain::new() }
    }

    /// Bytes for the server.
    pub fn poll_output(&mut self) -> Option<Chain> {
        let mut out = std::mem::take(&mut self.out);
        if let Some(bytes) = self.handshake.poll_output() {
            out.push(bytes);
        }
        if self.handshake.is_complete() {
            out.extend_from(&std::mem::take(&mut self.script.waiting));
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
        self.script.read(now, input)
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
}

impl Deref for Client {
    type Target = Script;

    fn deref(&self) -> &Script {
        &self.script
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Script {
        &mut self.script
    }
}
