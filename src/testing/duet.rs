//! A client session and a server session joined by pipes that delay and chop, on a virtual clock.

use std::collections::VecDeque;
use std::time::Duration;

use super::chop::{Chop, pieces};
use crate::error::Result;
use crate::rtmp::session::{
    ClientConfig, ClientEvent, ClientSession, Rejection, ServerSession, SessionConfig, SessionEvent,
};
use crate::time::Micros;

/// Both ends of a connection, and the pipes between them.
#[derive(Debug)]
pub struct Duet {
    /// The client's end.
    pub client: ClientSession,
    /// The server's end.
    pub server: ServerSession,
    /// The virtual time.
    pub now: Micros,
    /// Time that a byte is on its way.
    pub delay: Duration,
    /// Time between one piece and the next.
    pub gap: Duration,
    /// How both pipes hand on their bytes.
    pub chop: Chop,
    /// Whether requests are accepted as they come, or refused.
    pub answer: std::result::Result<(), Rejection>,
    /// All events of the client.
    pub heard: Vec<ClientEvent>,
    /// All events of the server.
    pub events: Vec<SessionEvent>,
    up: Pipe,
    down: Pipe,
}

/// Bytes on their way, each piece with the time of its arrival.
#[derive(Debug, Default)]
struct Pipe {
    pieces: VecDeque<(Micros, Vec<u8>)>,
    last: Micros,
}

impl Pipe {
    fn send(&mut self, bytes: &[u8], chop: Chop, at: Micros, gap: Duration) {
        for piece in pieces(bytes, chop) {
            self.last = at.max(self.last + gap);
            self.pieces.push_back((self.last, piece.to_vec()));
        }
    }

    fn arrived(&mut self, now: Micros) -> Option<Vec<u8>> {
        let due = self.pieces.front().is_some_and(|(at, _)| *at <= now);
        if due { self.pieces.pop_front().map(|(_, piece)| piece) } else { None }
    }
}

impl Duet {
    /// Both at time zero, with pipes that pass all on at once.
    #[must_use]
    pub fn new(client: ClientConfig, server: SessionConfig) -> Self {
        Self {
            client: ClientSession::new(client, 5, Micros::ZERO),
            server: ServerSession::new(server, 6, Micros::ZERO),
            now: Micros::ZERO,
            delay: Duration::ZERO,
            gap: Duration::ZERO,
            chop: Chop::Whole,
            answer: Ok(()),
            heard: Vec::new(),
            events: Vec::new(),
            up: Pipe::default(),
            down: Pipe::default(),
        }
    }

    /// Moves bytes both ways until none is on its way, with the timers that fall into that time.
    ///
    /// # Errors
    /// What one end found wrong with the other.
    pub fn run(&mut self) -> Result<()> {
        loop {
            while self.step()? {}
            let arrivals =
                [&self.up, &self.down].map(|pipe| pipe.pieces.front().map(|(at, _)| *at));
            match arrivals.into_iter().flatten().min() {
                Some(at) => self.turn_to(at)?,
                None => return Ok(()),
            }
        }
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn advance(&mut self, by: Duration) -> Result<()> {
        let end = self.now + by;
        let due = |duet: &Self| {
            let timers = [duet.client.poll_timeout(), duet.server.poll_timeout()];
            timers.into_iter().flatten().min().filter(|&at| at <= end)
        };
        while let Some(at) = due(self) {
            self.turn_to(at.max(self.now))?;
            self.run()?;
        }
        self.turn_to(end.max(self.now))
    }

    fn turn_to(&mut self, at: Micros) -> Result<()> {
        self.now = at.max(self.now);
        self.client.handle_timeout(self.now)?;
        self.server.handle_timeout(self.now)
    }

    fn step(&mut self) -> Result<bool> {
        let mut moved = false;
        let (at, gap, chop) = (self.now + self.delay, self.gap, self.chop);
        while let Some(chain) = self.client.poll_output() {
            self.up.send(&chain.to_bytes(), chop, at, gap);
            moved = true;
        }
        while let Some(chain) = self.server.poll_output() {
            self.down.send(&chain.to_bytes(), chop, at, gap);
            moved = true;
        }
        while let Some(piece) = self.up.arrived(self.now) {
            let taken = self.server.handle_input(self.now, &piece)?;
            self.serve();
            moved = true;
            if taken < piece.len() {
                let rest = piece.get(taken..).unwrap_or_default().to_vec();
                self.up.pieces.push_front((self.now, rest));
                break;
            }
        }
        while let Some(piece) = self.down.arrived(self.now) {
            let taken = self.client.handle_input(self.now, &piece)?;
            self.heard.extend(std::iter::from_fn(|| self.client.poll_event()));
            moved = true;
            if taken < piece.len() {
                let rest = piece.get(taken..).unwrap_or_default().to_vec();
                self.down.pieces.push_front((self.now, rest));
                break;
            }
        }
        Ok(moved)
    }

    /// Takes the server's events and answers requests.
    fn serve(&mut self) {
        while let Some(event) = self.server.poll_event() {
            if let SessionEvent::Publish { request, .. } | SessionEvent::Play { request, .. } =
                &event
            {
                let _ = match self.answer {
                    Ok(()) => self.server.accept(*request),
                    Err(reason) => self.server.reject(*request, reason),
                };
            }
            self.events.push(event);
        }
    }
}
