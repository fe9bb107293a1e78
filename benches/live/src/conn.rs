//! A session on a socket, with the moments at which it came further.

use crate::net::{self, Io, Loopback, Poll};
use crate::session::{Role, Session, Stage};
use crate::style::Style;
use crate::wire::chunk::Message;
use crate::wire::flv::{is_avc_frame, is_config};
use crate::wire::{AUDIO, VIDEO};
use rustix::fd::OwnedFd;
use std::io;

/// Moments of a session, in nanoseconds after its connect began; `None` until reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// S0, S1 and S2 had arrived.
    pub handshake: Option<u64>,
    /// The answer to `connect` had arrived.
    pub connected: Option<u64>,
    /// The answer to `createStream` had arrived and `play` or `publish` was asked for.
    pub asked: Option<u64>,
    /// The status that says the stream starts had arrived.
    pub status: Option<u64>,
    /// The first bytes of an audio or video message had arrived, codec configuration included.
    pub message: Option<u64>,
    /// The first bytes of coded audio or video had arrived.
    pub media: Option<u64>,
    /// A coded picture had arrived whole.
    pub picture: Option<u64>,
}

impl Marks {
    fn stage(&mut self, stage: Stage, at: u64) {
        let reached = [
            (Stage::Connect, &mut self.handshake),
            (Stage::Create, &mut self.connected),
            (Stage::Asked, &mut self.asked),
            (Stage::Running, &mut self.status),
        ];
        for (_, mark) in reached.into_iter().filter(|(s, _)| stage >= *s) {
            mark.get_or_insert(at);
        }
    }

    fn message(&mut self, m: &Message<'_>, at: u64) {
        if !matches!(m.kind, AUDIO | VIDEO) {
            return;
        }
        self.message.get_or_insert(at);
        if !is_config(m.kind, m.head) {
            self.media.get_or_insert(at);
        }
        if m.whole && is_avc_frame(m.kind, m.head) {
            self.picture.get_or_insert(at);
        }
    }
}

/// A client's connection.
pub struct Conn {
    socket: Option<OwnedFd>,
    session: Session,
    token: usize,
    opened: u64,
    written: usize,
    awaits_room: bool,
    marks: Marks,
    failure: Option<String>,
}

impl Conn {
    /// Begins to connect, and waits on `poll` under `token`.
    pub fn open(
        to: Loopback,
        role: Role,
        style: Style,
        stream: String,
        poll: &Poll,
        token: usize,
    ) -> io::Result<Self> {
        let session = Session::new(role, style, &to.to_string(), "live", stream);
        let opened = net::now();
        let socket = net::connect(to, style.no_delay())?;
        poll.add(&socket, token, true)?;
        let marks = Marks::default();
        Ok(Self {
            socket: Some(socket),
            session,
            token,
            opened,
            written: 0,
            awaits_room: true,
            marks,
            failure: None,
        })
    }

    /// How far the session has come.
    pub fn stage(&self) -> Stage {
        self.session.stage()
    }

    /// When what was reached.
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// Why the connection ended, if it did.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.session.received()
    }

    /// Bytes that wait for room in the socket.
    pub fn pending(&mut self) -> usize {
        let queued: usize = self.session.writes().iter().map(Vec::len).sum();
        queued - self.written
    }

    /// Closes with a reset.
    pub fn reset(mut self) {
        if let Some(socket) = self.socket.take() {
            net::reset(socket);
        }
    }

    fn fail(&mut self, why: String) {
        self.failure.get_or_insert(why);
        self.socket = None;
    }

    /// Writes what is queued, one call for each write of the client's style, and waits for room
    /// where the socket takes no more.
    pub fn flush(&mut self, poll: &Poll) {
        let Some(socket) = &self.socket else { return };
        let writes = self.session.writes();
        while let Some(front) = writes.front() {
            match net::send(socket, front.get(self.written..).unwrap_or_default()) {
                Io::Done(n) => self.written += n,
                Io::Again => break,
                Io::Closed => return self.fail("send failed".into()),
            }
            if self.written == front.len() {
                writes.pop_front();
                self.written = 0;
            }
        }
        let awaits_room = !writes.is_empty();
        if awaits_room != self.awaits_room {
            self.awaits_room = awaits_room;
            if poll.change(socket, self.token, awaits_room).is_err() {
                self.fail("epoll refused the socket".into());
            }
        }
    }

    /// Sends a publisher's bytes, after what waits.
    pub fn send(&mut self, bytes: &[u8], poll: &Poll) {
        self.session.writes().push_back(bytes.to_vec());
        self.flush(poll);
    }

    /// Reads all that is there; `on` sees the media messages and when they were read.
    pub fn read(&mut self, buffer: &mut [u8], poll: &Poll, on: &mut impl FnMut(Message<'_>, u64)) {
        loop {
            let Some(socket) = &self.socket else { return };
            if self.session.style().quick_ack() {
                net::quick_ack(socket);
            }
            let len = match net::receive(socket, buffer) {
                Io::Done(len) => len,
                Io::Again => return,
                Io::Closed => return self.fail("closed by the server".into()),
            };
            let at = net::now();
            let after = at - self.opened;
            let marks = &mut self.marks;
            let mut both = |m: Message<'_>| {
                marks.message(&m, after);
                on(m, at);
            };
            if let Err(why) = self.session.input(buffer.get(..len).unwrap_or_default(), &mut both) {
                return self.fail(why);
            }
            self.marks.stage(self.session.stage(), after);
            if !self.session.writes().is_empty() {
                self.flush(poll);
            }
            if len < buffer.len() {
                return;
            }
        }
    }
}
