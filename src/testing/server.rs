//! A server that says what a script tells it to, and a client session that visits it.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use super::chop::{Chop, pieces};
use super::script::Script;
use crate::amf::Value;
use crate::buf::Chain;
use crate::error::Result;
use crate::rtmp::handshake::ServerHandshake;
use crate::rtmp::message::Command;
use crate::rtmp::session::{ClientConfig, ClientEvent, ClientSession};
use crate::time::Micros;

/// A scripted RTMP server: it shakes hands by itself, writes what it is told, and keeps all that it is sent.
#[derive(Debug)]
pub struct Server {
    handshake: ServerHandshake,
    script: Script,
    out: Chain,
}

impl Default for Server {
    fn default() -> Self {
        Self { handshake: ServerHandshake::new(3), script: Script::default(), out: Chain::new() }
    }
}

impl Server {
    /// Bytes for the client.
    pub fn poll_output(&mut self) -> Option<Chain> {
        let mut out = std::mem::take(&mut self.out);
        if self.handshake.is_complete() {
            out.extend_from(&std::mem::take(&mut self.script.waiting));
        }
        (!out.is_empty()).then_some(out)
    }

    /// Bytes of the client.
    ///
    /// # Errors
    /// What the client did wrong.
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

    /// Sends `_result` with a value.
    pub fn result(&mut self, transaction_id: f64, object: Value, value: Value) {
        let command = Command::new("_result", transaction_id, object, vec![value]);
        self.message(&command.to_message(0));
    }

    /// Sends `_error` or `onStatus` with an information object of these fields.
    pub fn info(&mut self, stream_id: u32, name: &str, id: f64, fields: &[(&str, Value)]) {
        let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        self.command(stream_id, name, id, &[Value::Object(fields)]);
    }

    /// Sends `onStatus` with a code, on message stream 1.
    pub fn status(&mut self, level: &str, code: &str) {
        self.info(1, "onStatus", 0.0, &[("level", level.into()), ("code", code.into())]);
    }

    /// Takes `connect`.
    pub fn accept(&mut self) {
        let code = Value::from("NetConnection.Connect.Success");
        let info = vec![("level".to_owned(), "status".into()), ("code".to_owned(), code)];
        self.result(1.0, Value::Null, Value::Object(info));
    }

    /// The names of the commands received, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.commands().into_iter().map(|(_, command)| command.name).collect()
    }

    /// The last command of that name.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<(u32, Command)> {
        self.commands().into_iter().rev().find(|(_, command)| command.name == name)
    }
}

impl Deref for Server {
    type Target = Script;

    fn deref(&self) -> &Script {
        &self.script
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Script {
        &mut self.script
    }
}

/// A client session, a scripted server and the pipes between them, on a clock that the test turns.
#[derive(Debug)]
pub struct Visit {
    /// The client's end.
    pub client: ClientSession,
    /// The server's end.
    pub server: Server,
    /// The virtual time.
    pub now: Micros,
    /// All events of the client.
    pub events: Vec<ClientEvent>,
    /// How the client is handed its bytes.
    pub chop: Chop,
    /// Writes of the client, in bytes each.
    pub writes: Vec<usize>,
}

impl Visit {
    /// A visit at time zero, before the first byte.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        Self {
            client: ClientSession::new(config, 5, Micros::ZERO),
            server: Server::default(),
            now: Micros::ZERO,
            events: Vec::new(),
            chop: Chop::Whole,
            writes: Vec::new(),
        }
    }

    /// Moves bytes both ways until nothing moves.
    ///
    /// # Errors
    /// What the client found wrong with its server.
    pub fn run(&mut self) -> Result<()> {
        loop {
            let mut moved = false;
            while let Some(chain) = self.client.poll_output() {
                moved = true;
                self.writes.push(chain.len());
                self.server.handle_input(self.now, &chain.to_bytes())?;
            }
            while let Some(chain) = self.server.poll_output() {
                moved = true;
                let bytes = chain.to_bytes();
                for piece in pieces(&bytes, self.chop) {
                    self.give(piece)?;
                }
            }
            if !moved {
                return Ok(());
            }
        }
    }

    fn give(&mut self, mut rest: &[u8]) -> Result<()> {
        loop {
            let taken = self.client.handle_input(self.now, rest);
            self.events.extend(std::iter::from_fn(|| self.client.poll_event()));
            rest = rest.get(taken?..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            while let Some(chain) = self.client.poll_output() {
                self.server.handle_input(self.now, &chain.to_bytes())?;
            }
        }
    }

    /// Lets time pass, with each timer of the client at its time.
    ///
    /// # Errors
    /// The deadline that passed, with the clock at its time.
    pub fn advance(&mut self, by: Duration) -> Result<()> {
        let end = self.now + by;
        while let Some(at) = self.client.poll_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.client.handle_timeout(self.now)?;
            self.run()?;
        }
        self.now = end;
        Ok(())
    }
}
