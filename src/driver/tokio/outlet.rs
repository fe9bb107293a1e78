//! The way out of a connection for those who send the same to many: without waking its task.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use ::tokio::io::ReadBuf;
use ::tokio::net::TcpStream;
use bytes::Buf;

use super::connection::SLICES;
use super::watched::Watched;
use crate::buf::Chain;
use crate::rtmp::chunk::SharedMessage;
use crate::rtmp::message::type_id;

/// Messages that go out together, in one write to each who gets them. Cloning counts references.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    chain: Chain,
}

impl Bundle {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { chain: Chain::new() }
    }

    /// Adds a message of audio or video. Others are not taken, and `false` says so: they go on the chunk stream of the
    /// session's own commands, whose short headers build on what the session sent there before.
    #[must_use]
    pub fn push(&mut self, message: &SharedMessage) -> bool {
        let is_media = matches!(message.type_id(), type_id::AUDIO | type_id::VIDEO);
        if is_media {
            self.chain.extend_from(message.chain());
        }
        is_media
    }

    /// Puts all of it into one buffer, by a copy: a plain send of that costs less than a vectored write, and what many connections get is
    /// copied once for all of them.
    pub fn join(&mut self) {
        self.chain = Chain::from(self.chain.to_bytes());
    }

    /// Bytes on the wire.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.chain.len()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.chain.is_empty()
    }
}

/// What became of a [`Bundle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sent {
    /// It is with the socket. What the socket did not take of it is written ahead of all else by the connection's task.
    Taken,
    /// Nothing was taken: something waits ahead of it. Queue it, and give it to the session in
    /// [`Handler::handle_ready`](super::Handler::handle_ready).
    Busy,
    /// The connection is over.
    Closed,
}

/// Writes to a connection from outside its task, which sleeps meanwhile: for a message to many players this costs little more
/// than the system calls.
///
/// The messages must be made for the session's [`chunk_size`](crate::rtmp::session::ServerSession::chunk_size) and for a message
/// stream that is played there and is not paused. Whoever uses it keeps the order of one player's messages: those that were given
/// to the session come first, and no more is sent here before
/// [`handle_ready`](super::Handler::handle_ready) is called and has nothing more to give.
/// Memory: at most the rest of one bundle is kept.
#[derive(Clone, Debug)]
pub struct Outlet {
    line: Arc<Line>,
}

impl Outlet {
    pub(super) const fn new(line: Arc<Line>) -> Self {
        Self { line }
    }

    /// Writes `bundle` unless something else waits to be written.
    #[must_use]
    pub fn send(&self, bundle: &Bundle) -> Sent {
        let mut side = self.line.lock();
        let Some(socket) = &side.socket else { return Sent::Closed };
        if side.held || !side.rest.is_empty() {
            return Sent::Busy;
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = bundle.chain.chunks_vectored(&mut slices);
        match socket.try_write(slices.get(..count).unwrap_or_default()) {
            Ok(written) => {
                side.bytes += written as u64;
                if written < bundle.len() {
                    side.rest = bundle.chain.clone();
                    side.rest.advance(written);
                    side.waker.take().into_iter().for_each(Waker::wake);
                }
                Sent::Taken
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Sent::Busy,
            // The connection's task meets the same error.
            Err(_) => Sent::Closed,
        }
    }

    /// Lets others write, or not, and has the task of `cx` woken when they leave a rest. Says whether there is one.
    pub(super) fn watch(&self, cx: &Context<'_>, held: bool) -> bool {
        let mut side = self.line.lock();
        side.held = held;
        if !side.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            side.waker = Some(cx.waker().clone());
        }
        !side.rest.is_empty()
    }

    /// From now on only the connection's task writes.
    pub(super) fn hold(&self) {
        self.line.lock().held = true;
    }

    /// Bytes that others wrote.
    pub(super) fn bytes(&self) -> u64 {
        self.line.lock().bytes
    }
}

/// A socket, and what its two writers have to know of each other.
#[derive(Debug)]
pub(super) struct Line {
    side: Mutex<Side>,
}

#[derive(Debug)]
struct Side {
    /// None once the connection is over.
    socket: Option<Watched>,
    /// What is left of a bundle.
    rest: Chain,
    /// The connection's task has, or may have, something to write.
    held: bool,
    bytes: u64,
    waker: Option<Waker>,
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Arc<Self> {
        let socket = Some(Watched::new(stream));
        let side = Side { socket, rest: Chain::new(), held: true, bytes: 0, waker: None };
        Arc::new(Self { side: Mutex::new(side) })
    }

    /// Nothing is read for a while.
    pub(super) fn rest(&self) {
        self.lock().socket.iter_mut().for_each(Watched::rest);
    }

    pub(super) fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.lock().socket {
            Some(socket) => socket.poll_peek(cx, buf),
            None => Poll::Ready(Ok(0)),
        }
    }

    /// Reads; what comes next is acknowledged at once where that is asked for.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        prompt: bool,
    ) -> Poll<io::Result<()>> {
        let mut side = self.lock();
        let Some(socket) = &mut side.socket else { return Poll::Ready(Ok(())) };
        let read = socket.poll_read(cx, buf);
        if prompt && read.is_ready() {
            socket.acknowledge();
        }
        read
    }

    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut side = self.lock();
        ready!(side.poll_rest(cx))?;
        match &mut side.socket {
            Some(socket) => socket.poll_write(cx, slices),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().poll_rest(cx)
    }

    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut side = self.lock();
        ready!(side.poll_rest(cx))?;
        match &mut side.socket {
            Some(socket) => socket.poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// The connection is over: whoever still has an outlet keeps nothing of it alive.
    pub(super) fn close(&self) {
        let mut side = self.lock();
        side.rest = Chain::new();
        side.waker = None;
        side.socket = None;
    }

    fn lock(&self) -> MutexGuard<'_, Side> {
        self.side.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Side {
    /// Writes what is left of a bundle.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let Some(socket) = &mut self.socket else { break };
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.rest.chunks_vectored(&mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            let written = ready!(socket.poll_write(cx, slices))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.rest.advance(written);
            self.bytes += written as u64;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
