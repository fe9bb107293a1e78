//! The socket of a connection, which acknowledges at once while the connection is set up.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::net::TcpStream;

use super::outlet::{Line, Outlet};

/// Reads that are acknowledged at once: more than any client needs up to its first media.
const READS: u8 = 24;

/// The TCP connection of a peer.
///
/// Its first reads are acknowledged at once. A client with Nagle's algorithm on keeps its second small write, mostly `connect` behind
/// C2, until the first one is acknowledged. Where this side has nothing to say to the first, Linux waits 40 ms with the
/// acknowledgement, and every session begins that much later. The setting does not last (tcp(7)), so it is made anew with each read.
#[derive(Debug)]
pub struct Socket {
    line: Arc<Line>,
    left: u8,
}

impl Socket {
    /// Small answers must not wait for the peer's delayed acknowledgement of earlier ones either: no Nagle's algorithm here.
    pub(super) fn new(stream: TcpStream) -> Self {
        let _ = stream.set_nodelay(true);
        Self { line: Line::new(stream), left: READS }
    }

    /// Waits for the peer's first bytes and copies them to `buf`, where they can be looked at; they stay to be read.
    /// Gives how many there were; 0 at the end of the connection.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.line.poll_peek(cx, buf)).await
    }

    /// The way out for others than the connection's task.
    pub(super) fn outlet(&self) -> Outlet {
        Outlet::new(self.line.clone())
    }

    /// What is told when nothing is read for a while.
    pub(super) const fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.line.close();
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let prompt = self.left > 0;
        let read = self.line.poll_read(cx, buf, prompt);
        if prompt && read.is_ready() {
            self.left -= 1;
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.line.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.line.poll_write(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line.poll_shutdown(cx)
    }
}
