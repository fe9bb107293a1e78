//! One connection on a clock that stands still, over pipes and scripts in memory.

use std::collections::VecDeque;
use std::future::pending;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use ::tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::time::Instant;
use bytes::Bytes;

use super::{Closed, ConnectionConfig, Handler, ServeConfig, Socket, run, serve, serve_with};
use crate::amf::{Value, amf0};
use crate::buf::Writer;
use crate::error::Result;
use crate::rtmp::chunk::{Message, SharedMessage};
use crate::rtmp::session::{ServerSession, SessionEvent};

const CAPTURE: &[u8] = include_bytes!("../../../tests/data/ffmpeg-5.1/publish.c2s");
/// C0, C1 and C2.
const HANDSHAKE: usize = 1 + 1536 + 1536;

/// Takes all in, counts it, and sends `sends` messages of a kilobyte.
#[derive(Default)]
struct Probe {
    media: usize,
    sends: usize,
    playing: Option<u32>,
    closed: Option<String>,
    bytes: (u64, u64),
    /// Between reads, once media has come.
    pause: Duration,
}

impl Handler for Probe {
    fn handle_event(&mut self, session: &mut ServerSession, event: SessionEvent) -> Result<()> {
        match event {
            SessionEvent::Publish { request, .. } => session.accept(request)?,
            SessionEvent::Play { request, stream_id, .. } => {
                session.accept(request)?;
                self.playing = Some(stream_id);
            }
            SessionEvent::Media { .. } => self.media += 1,
            _ => {}
        }
        Ok(())
    }

    fn handle_ready(&mut self, session: &mut ServerSession, budget: usize) -> Result<bool> {
        let Some(id) = self.playing else { return Ok(false) };
        let mut left = budget / 1024 + 1;
        while self.sends > 0 && left > 0 {
            session.send(id, 18, 0, Bytes::from_static(&[0; 1024]))?;
            (self.sends, left) = (self.sends - 1, left - 1);
        }
        Ok(self.sends > 0)
    }

    fn read_pause(&self) -> Duration {
        if self.media > 0 { self.pause } else { Duration::ZERO }
    }

    fn handle_closed(&mut self, closed: &Closed) {
        self.closed = Some(format!("{:?}", closed.reason));
        self.bytes = (closed.bytes_in, closed.bytes_out);
    }
}

/// Gives what was written down, one piece a read, and notes the size of each write.
#[derive(Default)]
struct Script {
    reads: VecDeque<&'static [u8]>,
    writes: Vec<usize>,
    /// Nothing is taken once this many writes were.
    blocked_after: Option<usize>,
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(piece) = self.reads.pop_front() else { return Poll::Ready(Ok(())) };
        let (now, later) = piece.split_at(piece.len().min(buf.remaining()));
        buf.put_slice(now);
        if !later.is_empty() {
            self.reads.push_front(later);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.blocked_after.is_some_and(|count| self.writes.len() >= count) {
            return Poll::Pending;
        }
        let count = bufs.iter().map(|buf| buf.len()).sum();
        self.writes.push(count);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A pipe that takes all it is given and passes it on only while it is flushed, as a TLS stream does when its socket is full.
struct HoldsBack {
    pipe: DuplexStream,
    held: VecDeque<u8>,
}

impl AsyncRead for HoldsBack {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for HoldsBack {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.held.extend(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { pipe, held } = &mut *self;
        while !held.is_empty() {
            let count = std::task::ready!(Pin::new(&mut *pipe).poll_write(cx, held.as_slices().0))?;
            held.drain(..count);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

/// A pipe whose reads that bring something are counted.
struct Counted<'a> {
    pipe: DuplexStream,
    reads: &'a AtomicUsize,
}

impl AsyncRead for Counted<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(Pin::new(&mut self.pipe).poll_read(cx, buf))?;
        self.reads.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

/// The capture in pieces of `size` bytes behind its handshake.
fn pieces(size: usize) -> VecDeque<&'static [u8]> {
    let (c0c1, rest) = CAPTURE.split_at(1537);
    let (c2, rest) = rest.split_at(1536);
    [c0c1, c2].into_iter().chain(rest.chunks(size)).collect()
}

#[::tokio::test(start_paused = true)]
async fn what_one_read_asks_is_answered_with_one_write() {
    // All commands of the client in one read: their answers are one write.
    let mut script = Script { reads: pieces(CAPTURE.len()), ..Script::default() };
    script.reads.truncate(2);
    let commands = &CAPTURE[HANDSHAKE..HANDSHAKE + 600];
    script.reads.push_back(commands);
    let mut probe = Probe::default();
    run(&mut script, &mut probe, &ConnectionConfig::default(), pending()).await;
    assert_eq!(script.writes[0], 3073, "S0, S1 and S2");
    assert_eq!(script.writes.len(), 2, "{:?}", script.writes);
    assert_eq!(probe.closed.as_deref(), Some("Peer"));
}

#[::tokio::test(start_paused = true)]
async fn media_does_not_depend_on_the_size_of_reads() {
    let mut counts = Vec::new();
    for size in [1000, 7777, CAPTURE.len()] {
        let mut script = Script { reads: pieces(size), ..Script::default() };
        let mut probe = Probe::default();
        run(&mut script, &mut probe, &ConnectionConfig::default(), pending()).await;
        assert_eq!(probe.bytes.0, CAPTURE.len() as u64);
        counts.push(probe.media);
    }
    assert!(counts[0] > 100 && counts.iter().all(|&count| count == counts[0]), "{counts:?}");
}

#[::tokio::test(start_paused = true)]
async fn a_pause_between_reads_takes_at_once_what_came_in_it() {
    const PIECES: usize = 40;
    let (server, mut client) = duplex(CAPTURE.len());
    let pause = Duration::from_millis(50);
    let mut probe = Probe { pause, ..Probe::default() };
    let reads = AtomicUsize::new(0);
    let mut server = Counted { pipe: server, reads: &reads };
    let peer = async {
        let (first, rest) = CAPTURE.split_at(CAPTURE.len() / 4);
        client.write_all(first).await.unwrap();
        ::tokio::time::sleep(Duration::from_secs(1)).await;
        let before = reads.load(Ordering::Relaxed);
        for piece in rest.chunks(rest.len().div_ceil(PIECES)) {
            client.write_all(piece).await.unwrap();
            ::tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // It is closed in the middle of a pause: what came in it is read all the same.
        client.shutdown().await.unwrap();
        before
    };
    let config = ConnectionConfig::default();
    let ((), before) = ::tokio::join!(run(&mut server, &mut probe, &config, pending()), peer);
    assert_eq!(probe.bytes.0, CAPTURE.len() as u64);
    assert_eq!(probe.closed.as_deref(), Some("Peer"));
    let mut at_once = Probe::default();
    let mut script = Script { reads: pieces(CAPTURE.len()), ..Script::default() };
    run(&mut script, &mut at_once, &config, pending()).await;
    assert_eq!(probe.media, at_once.media);
    let reads = reads.load(Ordering::Relaxed) - before;
    assert!((8..=12).contains(&reads), "{reads} reads of {PIECES} pieces in 400 ms");
}

#[::tokio::test(start_paused = true)]
async fn f01_silence_ends_with_the_handshake_timeout() {
    let (server, mut client) = duplex(4096);
    let mut config = ConnectionConfig::default();
    config.session.limits.handshake_timeout = Duration::from_secs(5);
    let start = Instant::now();
    let mut probe = Probe::default();
    let wait = async {
        client.write_all(&[3, 0, 0]).await.unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap()
    };
    let ((), read) = ::tokio::join!(run(server, &mut probe, &config, pending()), wait);
    assert_eq!(read, 0);
    assert!(start.elapsed() >= Duration::from_secs(5) && start.elapsed() < Duration::from_secs(8));
    assert!(probe.closed.unwrap().starts_with("Protocol"));
}

/// What a player sends up to `play`, and then `pings` messages that ask for nothing.
pub(super) fn player(pings: usize) -> Vec<u8> {
    let text = |text: &str| Value::String(text.into());
    let app = vec![("app".to_owned(), text("live"))];
    let commands = [
        (0, vec![text("connect"), Value::Number(1.0), Value::Object(app)]),
        (0, vec![text("createStream"), Value::Number(2.0), Value::Null]),
        (1, vec![text("play"), Value::Number(3.0), Value::Null, text("demo")]),
    ];
    let mut bytes = CAPTURE[..HANDSHAKE].to_vec();
    let mut send = |type_id, stream_id, payload| {
        let message = Message { type_id, stream_id, timestamp: 0, payload };
        bytes.extend_from_slice(&SharedMessage::new(&message, 128).chain().to_bytes());
    };
    for (stream_id, values) in commands {
        let mut body = Writer::default();
        amf0::encode_all(&mut body, &values);
        send(20, stream_id, body.freeze());
    }
    (0..pings).for_each(|_| send(3, 0, Bytes::from_static(&[0; 4])));
    bytes
}

#[::tokio::test(start_paused = true)]
async fn f21_a_player_that_takes_nothing_is_still_read_and_then_given_up() {
    let bytes = player(5000);
    let sent: &'static [u8] = bytes.leak();
    let (head, rest) = sent.split_at(HANDSHAKE);
    let mut script = Script { blocked_after: Some(1), ..Script::default() };
    script.reads.push_back(head);
    script.reads.extend(rest.chunks(1000));
    let mut probe = Probe { sends: 1_000_000, ..Probe::default() };
    run(&mut script, &mut probe, &ConnectionConfig::default(), pending()).await;
    assert_eq!((probe.bytes.0, probe.closed.as_deref()), (sent.len() as u64, Some("Peer")));
    assert!(probe.sends > 999_000, "what waits is bounded: {}", probe.sends);

    let (server, mut client) = duplex(100_000);
    let mut probe = Probe { sends: 1_000_000, ..Probe::default() };
    let config = ConnectionConfig::default();
    let start = Instant::now();
    client.write_all(sent.get(..10_000).unwrap()).await.unwrap();
    run(server, &mut probe, &config, pending()).await;
    assert_eq!(probe.closed.as_deref(), Some("WriteTimeout"));
    assert!(start.elapsed() >= config.write_timeout);
    drop(client);
}

#[::tokio::test(start_paused = true)]
async fn what_the_stream_holds_back_is_flushed() {
    let (pipe, mut client) = duplex(1000);
    let server = HoldsBack { pipe, held: VecDeque::new() };
    let (mut probe, config) = (Probe::default(), ConnectionConfig::default());
    let talk = async {
        client.write_all(&CAPTURE[..1537]).await.unwrap();
        let mut answer = vec![0; 3073];
        client.read_exact(&mut answer).await.unwrap();
        drop(client);
    };
    let ((), ()) = ::tokio::join!(run(server, &mut probe, &config, pending()), talk);
    assert_eq!((probe.bytes, probe.closed.as_deref()), ((1537, 3073), Some("Peer")));

    // A peer that takes nothing of what is held back is given up like one that takes nothing of a socket.
    let (pipe, mut client) = duplex(2000);
    let server = HoldsBack { pipe, held: VecDeque::new() };
    let mut config =
        ConnectionConfig { write_timeout: Duration::from_secs(3), ..ConnectionConfig::default() };
    config.session.limits.handshake_timeout = Duration::from_secs(600);
    client.write_all(&CAPTURE[..1537]).await.unwrap();
    let (mut probe, start) = (Probe::default(), Instant::now());
    run(server, &mut probe, &config, pending()).await;
    assert_eq!(probe.closed.as_deref(), Some("WriteTimeout"));
    assert_eq!(start.elapsed().as_secs(), 3);
    drop(client);
}

#[::tokio::test(start_paused = true)]
async fn a_stop_ends_the_session_and_says_so() {
    let (server, mut client) = duplex(1 << 20);
    let mut probe = Probe::default();
    let config = ConnectionConfig::default();
    let stop = ::tokio::time::sleep(Duration::from_millis(100));
    let talk = async {
        client.write_all(&CAPTURE[..20_000]).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let ((), answer) = ::tokio::join!(run(server, &mut probe, &config, stop), talk);
    assert!(answer.len() > 3073);
    assert_eq!(probe.closed.as_deref(), Some("Stopped"));
}

#[::tokio::test]
async fn f25_connections_past_the_cap_are_closed_and_a_stop_ends_the_rest() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = ServeConfig { max_connections: 1, ..ServeConfig::default() };
    let (stop, stopped) = ::tokio::sync::oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap_or_default() };
    let server = ::tokio::spawn(serve(listener, config, |_| Probe::default(), stopped));
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(&CAPTURE[..1537]).await.unwrap();
    let mut answer = vec![0; 3073];
    first.read_exact(&mut answer).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(second.read(&mut answer).await.unwrap_or(0), 0);
    stop.send(()).unwrap();
    server.await.unwrap();
    assert_eq!(first.read(&mut answer).await.unwrap_or(0), 0);
}

#[::tokio::test]
async fn f_01_opening_a_connection_has_a_deadline_and_holds_up_no_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = ServeConfig::default();
    config.connection.session.limits.handshake_timeout = Duration::from_millis(300);
    let (stop, stopped) = ::tokio::sync::oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap_or_default() };
    // What does not begin with 3 is never opened.
    let open = |socket: Socket| async move {
        let mut first = [0];
        socket.peek(&mut first).await?;
        if first != [3] {
            pending::<()>().await;
        }
        Ok(socket)
    };
    let server = ::tokio::spawn(serve_with(listener, config, |_| Probe::default(), open, stopped));
    let start = Instant::now();
    let mut stuck = TcpStream::connect(address).await.unwrap();
    stuck.write_all(&[0x16]).await.unwrap();
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(&CAPTURE[..1537]).await.unwrap();
    let mut answer = vec![0; 3073];
    other.read_exact(&mut answer).await.unwrap();
    assert_eq!(stuck.read(&mut answer).await.unwrap_or(0), 0);
    assert!(start.elapsed() >= Duration::from_millis(300));
    stop.send(()).unwrap();
    server.await.unwrap();
}
