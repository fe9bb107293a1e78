//! A client of HTTP/1.1: connections that are kept, one request at a time on each.

use crate::net::{self, Io, Loopback, Poll, SECOND};
use rustix::fd::OwnedFd;
use std::io;

/// What is read at once while the head of an answer has not come.
const HEAD: usize = 8 << 10;

/// The answer to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Bytes of the body.
    pub length: u64,
    /// The body, where it was asked for.
    pub body: Vec<u8>,
}

/// How far an answer has come.
enum Stage {
    /// Nothing was asked for.
    Idle,
    /// The head is not whole.
    Head(Vec<u8>),
    /// So many bytes of the body are still to come.
    Body(Answer, u64),
}

/// A connection.
pub struct Client {
    socket: Option<OwnedFd>,
    token: usize,
    request: Vec<u8>,
    written: usize,
    awaits_room: bool,
    stage: Stage,
    keeps: bool,
    failure: Option<String>,
}

impl Client {
    /// Begins to connect, and waits on `poll` under `token`.
    pub fn open(to: Loopback, poll: &Poll, token: usize) -> io::Result<Self> {
        let socket = net::connect(to, true)?;
        poll.add(&socket, token, true)?;
        Ok(Self {
            socket: Some(socket),
            token,
            request: Vec::new(),
            written: 0,
            awaits_room: true,
            stage: Stage::Idle,
            keeps: false,
            failure: None,
        })
    }

    /// Asks for `path`, once the answer before is there; keeps the body, or only counts its bytes.
    pub fn get(&mut self, path: &str, keeps: bool, poll: &Poll) {
        self.request.clear();
        self.request.extend_from_slice(b"GET ");
        self.request.extend_from_slice(path.as_bytes());
        self.request.extend_from_slice(b" HTTP/1.1\r\nHost: localhost\r\n\r\n");
        (self.written, self.keeps, self.stage) = (0, keeps, Stage::Head(Vec::new()));
        self.flush(poll);
    }

    /// Why the connection ended, if it did.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn fail(&mut self, why: impl Into<String>) {
        self.failure.get_or_insert(why.into());
        self.socket = None;
    }

    /// Writes what is left of the request.
    pub fn flush(&mut self, poll: &Poll) {
        let Some(socket) = &self.socket else { return };
        let rest = self.request.get(self.written..).unwrap_or_default();
        if !rest.is_empty() {
            match net::send(socket, rest) {
                Io::Done(n) => self.written += n,
                Io::Again => {}
                Io::Closed => return self.fail("send failed"),
            }
        }
        let awaits_room = self.written < self.request.len();
        if awaits_room != self.awaits_room {
            self.awaits_room = awaits_room;
            if poll.change(socket, self.token, awaits_room).is_err() {
                self.fail("epoll refused the socket");
            }
        }
    }

    /// Reads what is there: the answer, once it is whole.
    pub fn read(&mut self, buffer: &mut [u8]) -> Option<Answer> {
        loop {
            let socket = self.socket.as_ref()?;
            let counts = !self.keeps;
            let read = match &self.stage {
                Stage::Body(_, left) => {
                    let most = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    let space = buffer.get_mut(..most)?;
                    if counts { net::discard(socket, space) } else { net::receive(socket, space) }
                }
                _ => net::receive(socket, buffer.get_mut(..HEAD)?),
            };
            match read {
                Io::Done(n) => self.take(n, buffer),
                Io::Again => return None,
                Io::Closed => self.fail("closed by the server"),
            }
            if matches!(self.stage, Stage::Body(_, 0)) {
                let Stage::Body(answer, _) = std::mem::replace(&mut self.stage, Stage::Idle) else {
                    return None;
                };
                return Some(answer);
            }
        }
    }

    fn take(&mut self, count: usize, buffer: &[u8]) {
        let came = buffer.get(..count).unwrap_or_default();
        match &mut self.stage {
            Stage::Idle => self.fail("an answer that nobody asked for"),
            Stage::Head(head) => {
                head.extend_from_slice(came);
                let Some(end) = head.windows(4).position(|w| w == b"\r\n\r\n") else { return };
                let body = head.split_off(end + 4);
                match read_head(head) {
                    Some((status, length)) if body.len() as u64 <= length => {
                        let left = length - body.len() as u64;
                        let body = if self.keeps { body } else { Vec::new() };
                        self.stage = Stage::Body(Answer { status, length, body }, left);
                    }
                    _ => {
                        let head = String::from_utf8_lossy(head).into_owned();
                        self.fail(format!("an answer without a length: {head}"));
                    }
                }
            }
            Stage::Body(answer, left) => {
                *left = left.saturating_sub(count as u64);
                if self.keeps {
                    answer.body.extend_from_slice(came);
                }
            }
        }
    }
}

/// Status and length of the body.
fn read_head(head: &[u8]) -> Option<(u16, u64)> {
    let text = std::str::from_utf8(head).ok()?;
    let status = text.split_whitespace().nth(1)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    Some((status, length))
}

/// One answer, waited for at most five seconds.
pub fn fetch(at: Loopback, path: &str) -> Result<Answer, String> {
    let mut poll = Poll::new().map_err(|e| e.to_string())?;
    let mut client = Client::open(at, &poll, 0).map_err(|e| e.to_string())?;
    client.get(path, true, &poll);
    let until = net::now() + 5 * SECOND;
    let (mut ready, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    while net::now() < until {
        poll.wait(until, &mut ready).map_err(|e| e.to_string())?;
        for event in &ready {
            if event.write {
                client.flush(&poll);
            }
            if let Some(answer) = client.read(&mut buffer) {
                return Ok(answer);
            }
        }
        if let Some(why) = client.failure() {
            return Err(format!("{path}: {why}"));
        }
    }
    Err(format!("{path}: no answer within 5 s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_counted() {
        let at = Loopback::free().unwrap();
        let listener = net::listen(at).unwrap();
        let mut poll = Poll::new().unwrap();
        let mut client = Client::open(at, &poll, 3).unwrap();
        let (mut ready, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        poll.wait(net::now() + SECOND, &mut ready).unwrap();
        let server = net::accept(&listener).unwrap();
        for keeps in [true, false] {
            client.get("/a", keeps, &poll);
            poll.wait(net::now() + SECOND, &mut ready).unwrap();
            let mut got = [0; 256];
            let Io::Done(n) = net::receive(&server, &mut got) else { panic!("no request") };
            assert!(got[..n].starts_with(b"GET /a HTTP/1.1\r\n"));
            net::send(&server, b"HTTP/1.1 200 OK\r\ncontent-Length: 6\r\n\r\nab");
            poll.wait(net::now() + SECOND, &mut ready).unwrap();
            assert_eq!(client.read(&mut buffer), None);
            net::send(&server, b"cdef");
            poll.wait(net::now() + SECOND, &mut ready).unwrap();
            let body = if keeps { b"abcdef".to_vec() } else { Vec::new() };
            assert_eq!(client.read(&mut buffer), Some(Answer { status: 200, length: 6, body }));
        }
        drop(server);
        poll.wait(net::now() + SECOND, &mut ready).unwrap();
        assert_eq!(client.read(&mut buffer), None);
        assert_eq!(client.failure(), Some("closed by the server"));
    }
}
