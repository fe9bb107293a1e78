//! Reading: one buffer for all connections of a thread, so that a connection that is silent holds none.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, ReadBuf};

/// Bytes of one read, at most. A read that fills less tells that the socket is empty: no second one is needed to know it.
const READ: usize = 64 << 10;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What has been read and was not taken.
#[derive(Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    start: usize,
}

impl Input {
    /// What is to be taken before more is read.
    pub(super) fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// `count` bytes of it have been taken.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count);
        if self.start >= self.bytes.len() {
            *self = Self::default();
        }
    }

    /// Keeps what was not taken of a read; nothing is pending before.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        if !rest.is_empty() {
            (self.bytes, self.start) = (rest.to_vec(), 0);
        }
    }
}

/// The thread's buffer with what one read brought. It goes back when this is dropped.
pub(super) struct Lent {
    buf: Vec<u8>,
    filled: usize,
}

impl Lent {
    /// Reads once. Nothing in it is the end of the stream.
    pub(super) fn poll_read<S: AsyncRead>(
        io: Pin<&mut S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Self>> {
        // A thread that ends has given its buffer up.
        let buf = SCRATCH.try_with(Cell::take).unwrap_or_default();
        let mut lent = Self { buf, filled: 0 };
        lent.buf.resize(READ, 0);
        let mut space = ReadBuf::new(&mut lent.buf);
        ready!(io.poll_read(cx, &mut space))?;
        lent.filled = space.filled().len();
        Poll::Ready(Ok(lent))
    }

    /// What came.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buf.get(..self.filled).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buf = std::mem::take(&mut self.buf);
        let _ = SCRATCH.try_with(|scratch| scratch.set(buf));
    }
}
