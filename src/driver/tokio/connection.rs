//! One connection: bytes to the session, its events to the handler, and what both have to send to the peer.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use ::tokio::time::{Instant, Sleep, sleep_until, timeout};
use bytes::Buf;

use super::end::{End, Pace, ServerEnd, seed};
use super::input::{Input, Lent};
use super::outlet::{Line, Outlet};
use super::{ConnectionConfig, Handler};
use crate::buf::Chain;
use crate::error::{Error, Result};
use crate::rtmp::session::{ServerSession, SessionConfig};
use crate::time::Micros;

/// Slices of one vectored write.
pub(super) const SLICES: usize = 128;
/// What is read and thrown away after the end, so that unread input does not turn the last answer into a reset.
const LINGER_BYTES: usize = 1 << 20;
/// How long that may take.
const LINGER: Duration = Duration::from_secs(1);
/// All pauses end at one of so many moments of a pause's length: one wake-up of a thread then serves all connections whose pause ends there,
/// and they still do not all come at once.
const MOMENTS: u32 = 10;
/// From where those moments are counted.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Why a connection ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer closed it.
    Peer,
    /// The session ended it: a refusal that has been told, or its own close.
    Session,
    /// The server stops.
    Stopped,
    /// The peer took nothing of what was to be sent for [`ConnectionConfig::write_timeout`].
    WriteTimeout,
    /// The stream over the socket could not be opened: its handshake failed, or took too long.
    Open(io::Error),
    /// The session or the handler failed: the peer broke the protocol, or a deadline passed.
    Protocol(Error),
    /// The socket failed.
    Io(io::Error),
}

/// The end of a connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct Closed {
    /// Why.
    pub reason: CloseReason,
    /// Bytes read from the peer.
    pub bytes_in: u64,
    /// Bytes written to the peer.
    pub bytes_out: u64,
}

/// Drives one connection until it ends, then calls [`Handler::handle_closed`].
///
/// `stop` asks for a clean end. Memory is bounded by the session's limits, 64 KiB of input that the session does not take yet, and
/// [`ConnectionConfig::write_batch`]. Reading goes on while the peer takes nothing, so its acknowledgements are never stuck.
pub async fn run<S, H>(
    io: S,
    handler: &mut H,
    config: &ConnectionConfig,
    stop: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    let session = Arc::new(config.session.clone());
    run_with((io, Below::default()), handler, (config, session), stop).await;
}

/// What is known of the socket below.
#[derive(Default)]
pub(super) struct Below {
    /// Through it others may write too.
    pub(super) outlet: Option<Outlet>,
    /// Is told when nothing is read for a while.
    pub(super) line: Option<Arc<Line>>,
}

/// The same over a socket.
pub(super) async fn run_with<S, H>(
    (io, below): (S, Below),
    handler: &mut H,
    (config, session): (&ConnectionConfig, Arc<SessionConfig>),
    stop: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    if let Some(outlet) = &below.outlet {
        handler.handle_outlet(outlet);
    }
    let session = ServerSession::new(session, seed(), Micros::ZERO);
    let mut end = ServerEnd { session, handler };
    let closed = drive(io, below, &mut end, Pace::from(config), stop).await;
    handler.handle_closed(&closed);
}

/// Drives either end of a connection until it is over.
pub(super) async fn drive<S, E>(
    io: S,
    below: Below,
    end: &mut E,
    pace: Pace,
    stop: impl Future<Output = ()>,
) -> Closed
where
    S: AsyncRead + AsyncWrite + Unpin,
    E: End,
{
    let mut stop = pin!(stop);
    let mut pump = Pump::new(io, below, end, pace);
    let reason = pump.run(stop.as_mut()).await;
    pump.finish(&reason).await;
    let by_others = pump.below.outlet.as_ref().map_or(0, Outlet::bytes);
    Closed { reason, bytes_in: pump.bytes_in, bytes_out: pump.bytes_out + by_others }
}

struct Pump<'a, S, E> {
    io: S,
    below: Below,
    end: &'a mut E,
    pace: Pace,
    epoch: Instant,
    input: Input,
    output: Chain,
    /// The handler has, or may have, something to send.
    more: bool,
    stopping: bool,
    last_write: Instant,
    /// The stream holds back bytes that it has taken, as a TLS stream does while its socket is full.
    unflushed: bool,
    bytes_in: u64,
    bytes_out: u64,
    /// Something was read, and what came of it is being handled.
    has_read: bool,
    /// Nothing is read before.
    rests_until: Option<Instant>,
}

/// What woke the connection.
enum Wake {
    /// This was read.
    Read(Lent),
    /// So many bytes were taken; are all that were taken so far on their way?
    Wrote(usize, bool),
    /// Others left a rest of what they wrote.
    Rest,
    Ready,
    Timer,
    Stop,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin, E: End> Pump<'a, S, E> {
    fn new(io: S, below: Below, end: &'a mut E, pace: Pace) -> Self {
        let epoch = Instant::now();
        Self {
            io,
            below,
            end,
            pace,
            epoch,
            input: Input::default(),
            output: Chain::new(),
            more: true,
            stopping: false,
            last_write: epoch,
            unflushed: false,
            bytes_in: 0,
            bytes_out: 0,
            has_read: false,
            rests_until: None,
        }
    }

    fn now(&self) -> Micros {
        Micros::ZERO + self.epoch.elapsed()
    }

    async fn run(&mut self, mut stop: Pin<&mut impl Future<Output = ()>>) -> CloseReason {
        let mut timer = pin!(sleep_until(self.epoch));
        loop {
            if let Err(error) = self.advance() {
                return CloseReason::Protocol(error);
            }
            if self.is_idle() && self.end.is_closing() {
                return if self.stopping { CloseReason::Stopped } else { CloseReason::Session };
            }
            match self.wait(timer.as_mut(), stop.as_mut()).await {
                Ok(Wake::Read(read)) if read.bytes().is_empty() => return CloseReason::Peer,
                Ok(Wake::Read(read)) => {
                    self.has_read = true;
                    self.bytes_in += read.bytes().len() as u64;
                    match self.end.handle_input(self.now(), read.bytes()) {
                        Ok(taken) => self.input.keep(read.bytes().get(taken..).unwrap_or_default()),
                        Err(error) => return CloseReason::Protocol(error),
                    }
                }
                Ok(Wake::Rest) => {
                    self.unflushed = true;
                    self.last_write = Instant::now();
                }
                Ok(Wake::Wrote(count, flushed)) => {
                    self.output.advance(count);
                    self.unflushed = !flushed;
                    self.bytes_out += count as u64;
                    self.last_write = Instant::now();
                }
                Ok(Wake::Ready) => self.more = true,
                Ok(Wake::Timer) => {
                    if !self.is_idle() && self.last_write.elapsed() >= self.pace.write_timeout {
                        return CloseReason::WriteTimeout;
                    }
                    let now = self.now();
                    if let Err(error) = self.end.handle_timeout(now) {
                        return CloseReason::Protocol(error);
                    }
                }
                Ok(Wake::Stop) => {
                    self.stopping = true;
                    self.end.handle_stop();
                }
                Err(error) => return CloseReason::Io(error),
            }
        }
    }

    /// Nothing waits for the peer to take it.
    fn is_idle(&self) -> bool {
        self.output.is_empty() && !self.unflushed
    }

    /// Moves input, events and output as far as they go without waiting.
    fn advance(&mut self) -> Result<()> {
        loop {
            let now = self.now();
            let mut moved = false;
            if !self.input.pending().is_empty() {
                let consumed = self.end.handle_input(now, self.input.pending())?;
                self.input.consume(consumed);
                moved = consumed > 0;
            }
            while self.end.handle_event()? {
                // A new player's first pictures go out in one write with the answer to its `play`.
                self.more = true;
                moved = true;
            }
            self.collect()?;
            if !moved || self.input.pending().is_empty() {
                return Ok(());
            }
        }
    }

    /// Puts together what goes out in the next writes.
    fn collect(&mut self) -> Result<()> {
        let idle = self.is_idle();
        while self.output.len() < self.pace.write_batch {
            if let Some(chain) = self.end.poll_output() {
                if self.output.is_empty() {
                    // From here on nothing may overtake it.
                    self.below.outlet.iter().for_each(Outlet::hold);
                }
                self.output.extend(chain);
            } else if self.more && !self.end.is_closing() {
                let budget = self.pace.write_batch - self.output.len();
                self.more = self.end.handle_ready(budget)?;
            } else {
                break;
            }
        }
        if idle && !self.output.is_empty() {
            self.last_write = Instant::now();
        }
        Ok(())
    }

    /// When to read again, where that is not now.
    fn rests_until(&mut self) -> Option<Instant> {
        if std::mem::take(&mut self.has_read) {
            let pause = self.end.read_pause();
            self.rests_until = (!pause.is_zero()).then(|| end_of(pause));
            if self.rests_until.is_some() {
                self.below.line.iter().for_each(|line| line.rest());
            }
        }
        self.rests_until = self.rests_until.filter(|&at| Instant::now() < at);
        self.rests_until
    }

    async fn wait(
        &mut self,
        mut timer: Pin<&mut Sleep>,
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> io::Result<Wake> {
        let idle = self.is_idle();
        let write_deadline = (!idle).then(|| self.last_write + self.pace.write_timeout);
        let session_deadline =
            self.end.poll_timeout().and_then(|at| self.epoch.checked_add(at.since(Micros::ZERO)));
        let rests_until = self.rests_until();
        let deadline = [write_deadline, session_deadline, rests_until].into_iter().flatten().min();
        // A later deadline does not move the timer: it fires early once and is set anew then.
        if let Some(deadline) = deadline.filter(|&at| at < timer.deadline() || timer.is_elapsed()) {
            timer.as_mut().reset(deadline);
        }
        let held = !idle || self.more || self.end.is_closing();
        let work = poll_fn(|cx| {
            let rest = self.below.outlet.as_ref().is_some_and(|outlet| outlet.watch(cx, held));
            if rest && idle {
                return Poll::Ready(Ok(Wake::Rest));
            }
            let io = Pin::new(&mut self.io);
            if let Poll::Ready(wrote) = poll_out(io, cx, &self.output, self.unflushed) {
                return Poll::Ready(wrote);
            }
            // Input that the session does not take yet must be taken first.
            if rests_until.is_some() || !self.input.pending().is_empty() {
                return Poll::Pending;
            }
            Lent::poll_read(Pin::new(&mut self.io), cx).map_ok(Wake::Read)
        });
        ::tokio::select! {
            biased;
            wake = work => wake,
            () = self.end.ready(), if idle && !self.more => Ok(Wake::Ready),
            () = timer, if deadline.is_some() => Ok(Wake::Timer),
            () = stop, if !self.stopping => Ok(Wake::Stop),
        }
    }

    /// Writes what is left and ends the connection so that the peer gets it.
    async fn finish(&mut self, reason: &CloseReason) {
        self.below.outlet.iter().for_each(Outlet::hold);
        if matches!(reason, CloseReason::Peer | CloseReason::Io(_) | CloseReason::WriteTimeout) {
            return;
        }
        while let Some(chain) = self.end.poll_output() {
            self.output.extend(chain);
        }
        let (io, output) = (&mut self.io, &mut self.output);
        let flush = async {
            while !output.is_empty() {
                match poll_fn(|cx| poll_out(Pin::new(&mut *io), cx, output, false)).await {
                    Ok(Wake::Wrote(count, _)) => output.advance(count),
                    _ => return false,
                }
            }
            io.shutdown().await.is_ok()
        };
        if timeout(self.pace.close_timeout, flush).await != Ok(true) {
            return;
        }
        let linger = async {
            let (mut left, mut space) = (LINGER_BYTES, vec![0; 16 << 10]);
            while left > 0 {
                match self.io.read(&mut space).await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => left = left.saturating_sub(count),
                }
            }
        };
        let _ = timeout(LINGER, linger).await;
    }
}

/// When a pause that begins now is over: at the last of the moments at which pauses end within its time.
fn end_of(pause: Duration) -> Instant {
    let now = Instant::now();
    let step = (pause / MOMENTS).as_micros().max(1);
    let since = (now + pause).saturating_duration_since(*EPOCH).as_micros();
    let over = u64::try_from(since % step).unwrap_or(0);
    now + pause.saturating_sub(Duration::from_micros(over))
}

/// Writes `output`; pending where there is nothing to write. Once all of it is taken the stream is flushed, then or, where it was left
/// `unflushed`, later.
fn poll_out<S: AsyncWrite + Unpin>(
    io: Pin<&mut S>,
    cx: &mut Context<'_>,
    output: &Chain,
    unflushed: bool,
) -> Poll<io::Result<Wake>> {
    let io = Pin::into_inner(io);
    if !output.is_empty() {
        let count = ready!(poll_write(Pin::new(&mut *io), cx, output))?;
        let flushed = count == output.len() && poll_flush(io, cx)?;
        return Poll::Ready(Ok(Wake::Wrote(count, flushed)));
    }
    if unflushed && poll_flush(io, cx)? {
        return Poll::Ready(Ok(Wake::Wrote(0, true)));
    }
    Poll::Pending
}

/// Whether nothing is held back.
fn poll_flush<S: AsyncWrite + Unpin>(io: &mut S, cx: &mut Context<'_>) -> io::Result<bool> {
    match Pin::new(io).poll_flush(cx) {
        Poll::Ready(flushed) => flushed.map(|()| true),
        Poll::Pending => Ok(false),
    }
}

fn poll_write<S: AsyncWrite>(
    io: Pin<&mut S>,
    cx: &mut Context<'_>,
    output: &Chain,
) -> Poll<io::Result<usize>> {
    let written = if io.is_write_vectored() {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = output.chunks_vectored(&mut slices);
        io.poll_write_vectored(cx, slices.get(..count).unwrap_or_default())
    } else {
        io.poll_write(cx, output.chunk())
    };
    match written {
        Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        written => written,
    }
}
