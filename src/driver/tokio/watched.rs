//! A TCP connection that the runtime watches, or that is asked now and then instead.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{Shutdown, TcpStream as Plain};
use std::pin::Pin;
use std::task::{Context, Poll};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::net::TcpStream;

/// Rests in a row after which there was something to read, before the runtime is no longer asked to watch.
const RESTS: u8 = 8;

/// The connection.
///
/// Each packet that comes wakes a thread of the runtime, also where nobody wants to read before some time has passed: the runtime's set
/// of sockets cannot be told to be silent about one for a while. A connection that is read after a pause, again and again, is therefore
/// taken out of that set, and put back with the first read or write that has to wait.
#[derive(Debug)]
pub(super) struct Watched {
    state: State,
    /// Rests in a row after which there was something to read.
    rests: u8,
}

#[derive(Debug)]
enum State {
    /// The runtime tells when it can be read and written.
    Watched(TcpStream),
    /// Whoever reads or writes finds out.
    Alone(Plain),
    /// It could not be put back, or is over.
    Closed,
}

impl Watched {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self { state: State::Watched(stream), rests: 0 }
    }

    /// Nothing is read for a while.
    pub(super) fn rest(&mut self) {
        self.rests = self.rests.saturating_add(1);
        if self.rests < RESTS {
            return;
        }
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Watched(stream) => stream.into_std().map_or(State::Closed, State::Alone),
            other => other,
        };
    }

    /// Has the runtime watch it again: something has to wait for it.
    fn watch(&mut self) -> io::Result<()> {
        self.rests = 0;
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Alone(stream) => State::Watched(TcpStream::from_std(stream)?),
            other => other,
        };
        Ok(())
    }

    /// Does `act` at once where nobody watches, and gives `None` where the runtime has to be asked.
    fn alone<T>(&mut self, mut act: impl FnMut(&Plain) -> io::Result<T>) -> Option<io::Result<T>> {
        let State::Alone(stream) = &self.state else { return None };
        loop {
            match act(stream) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                done => return Some(done),
            }
        }
        self.watch().err().map(Err)
    }

    pub(super) fn poll_peek(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(done) = self.alone(|stream| stream.peek(buf)) {
            return Poll::Ready(done);
        }
        match &self.state {
            State::Watched(stream) => stream.poll_peek(cx, &mut ReadBuf::new(buf)),
            _ => Poll::Ready(Ok(0)),
        }
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(done) = self.alone(|mut stream| stream.read(buf.initialize_unfilled())) {
            return Poll::Ready(done.map(|count| buf.advance(count)));
        }
        match &mut self.state {
            State::Watched(stream) => {
                let read = Pin::new(stream).poll_read(cx, buf);
                if read.is_pending() {
                    self.rests = 0;
                }
                read
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(done) = self.alone(|mut stream| stream.write_vectored(slices)) {
            return Poll::Ready(done);
        }
        match &mut self.state {
            State::Watched(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            _ => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Writes what the socket takes at once. Of one piece that is a plain send, which the kernel has less to do for.
    pub(super) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (&self.state, slices) {
            (State::Watched(stream), [piece]) => stream.try_write(piece),
            (State::Watched(stream), _) => stream.try_write_vectored(slices),
            (State::Alone(stream), _) => {
                let mut stream = stream;
                stream.write_vectored(slices)
            }
            (State::Closed, _) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Watched(stream) => Pin::new(stream).poll_shutdown(cx),
            State::Alone(stream) => Poll::Ready(stream.shutdown(Shutdown::Write)),
            State::Closed => Poll::Ready(Ok(())),
        }
    }

    /// Has what comes acknowledged at once, for a while.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn acknowledge(&self) {
        if let State::Watched(stream) = &self.state {
            let _ = stream.set_quickack(true);
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) const fn acknowledge(&self) {}
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
    use ::tokio::net::TcpListener;
    use ::tokio::task::yield_now;

    use super::*;

    async fn pair() -> (TcpStream, Watched) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (peer, Watched::new(listener.accept().await.unwrap().0))
    }

    /// What the peer sent has come.
    async fn arrived(watched: &Watched) {
        loop {
            let count = match &watched.state {
                State::Watched(stream) => stream.peek(&mut [0]).await.unwrap(),
                State::Alone(stream) => stream.peek(&mut [0]).unwrap_or(0),
                State::Closed => panic!("it is open"),
            };
            if count > 0 {
                return;
            }
            yield_now().await;
        }
    }

    async fn read(watched: &mut Watched) -> Vec<u8> {
        let mut space = [0; 64];
        let mut buf = ReadBuf::new(&mut space);
        poll_fn(|cx| watched.poll_read(cx, &mut buf)).await.unwrap();
        buf.filled().to_vec()
    }

    /// A connection that nobody watches any more.
    async fn alone() -> (TcpStream, Watched) {
        let (mut peer, mut watched) = pair().await;
        for round in 0..RESTS {
            assert!(matches!(watched.state, State::Watched(_)), "{round}");
            peer.write_all(&[round]).await.unwrap();
            arrived(&watched).await;
            assert_eq!(read(&mut watched).await, [round]);
            watched.rest();
        }
        assert!(matches!(watched.state, State::Alone(_)));
        (peer, watched)
    }

    #[::tokio::test]
    async fn what_comes_in_a_rest_is_read_without_being_watched() {
        let (mut peer, mut watched) = alone().await;
        for piece in [b"abc", b"def"] {
            peer.write_all(piece).await.unwrap();
            arrived(&watched).await;
            assert_eq!(read(&mut watched).await, piece);
            watched.rest();
            assert!(matches!(watched.state, State::Alone(_)));
        }
        assert_eq!(watched.try_write(&[IoSlice::new(b"answer")]).unwrap(), 6);
        let mut answer = [0; 6];
        peer.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
        drop(peer);
        assert_eq!(read(&mut watched).await, b"");
    }

    #[::tokio::test]
    async fn who_has_to_wait_for_it_has_it_watched_again() {
        let (mut peer, mut watched) = alone().await;
        let late = async {
            yield_now().await;
            peer.write_all(b"late").await.unwrap();
        };
        let (came, ()) = ::tokio::join!(read(&mut watched), late);
        assert_eq!(came, b"late");
        assert!(matches!(watched.state, State::Watched(_)));

        let (mut peer, mut watched) = alone().await;
        let piece = [7; 1 << 16];
        let mut written = 0;
        // Until the socket is full.
        while let Poll::Ready(count) =
            poll_fn(|cx| Poll::Ready(watched.poll_write(cx, &[IoSlice::new(&piece)]))).await
        {
            written += count.unwrap();
        }
        assert!(matches!(watched.state, State::Watched(_)));
        let more = poll_fn(|cx| watched.poll_write(cx, &[IoSlice::new(b"end")]));
        let mut all = vec![0; written + 3];
        let (more, taken) = ::tokio::join!(more, peer.read_exact(&mut all));
        assert_eq!((more.unwrap(), taken.unwrap()), (3, written + 3));
        assert!(all.ends_with(b"\x07end"));
    }
}
