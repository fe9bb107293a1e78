//! Sockets, readiness and clocks: the few Linux calls the load loops use. Loopback only.

use rustix::event::epoll;
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect as sys_connect, sockopt,
};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;
/// Nanoseconds in a millisecond.
pub const MILLI: u64 = 1_000_000;

/// A port of 127.0.0.1: the only kind of address this tool connects to or listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loopback {
    port: u16,
}

impl Loopback {
    /// The given port of 127.0.0.1.
    pub fn new(port: u16) -> Self {
        Self { port }
    }

    /// A port nobody uses at the moment, another one at each call. It is below the range that
    /// Linux gives to outgoing connections, so none of those takes it before the server does.
    pub fn free() -> io::Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap_or(0);
        loop {
            let port = NEXT.fetch_add(1, Ordering::Relaxed).saturating_add(first);
            match std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                Ok(_) => return Ok(Self::new(port)),
                Err(e) if e.kind() == io::ErrorKind::AddrInUse && port < 32_000 => {}
                Err(e) => return Err(e),
            }
        }
    }

    fn address(self) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port)
    }
}

impl std::fmt::Display for Loopback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.address().fmt(f)
    }
}

fn nanos(t: Timespec) -> u64 {
    u64::try_from(t.tv_sec).unwrap_or(0) * SECOND + u64::try_from(t.tv_nsec).unwrap_or(0)
}

/// The monotonic clock in nanoseconds.
pub fn now() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// CPU time this thread has used, user and system together, in nanoseconds.
pub fn thread_cpu() -> u64 {
    nanos(clock_gettime(ClockId::ThreadCPUTime))
}

/// Sleeps until the monotonic clock reads `at` nanoseconds; returns at once when it already does.
pub fn sleep_until(at: u64) {
    let left = at.saturating_sub(now());
    if left > 0 {
        std::thread::sleep(Duration::from_nanos(left));
    }
}

/// What one non-blocking call on a socket did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// That many bytes were moved.
    Done(usize),
    /// Nothing can be moved now.
    Again,
    /// The peer has closed or reset the connection.
    Closed,
}

fn outcome(result: Result<usize, Errno>) -> Io {
    match result {
        Ok(n) => Io::Done(n),
        Err(Errno::AGAIN | Errno::INTR) => Io::Again,
        Err(_) => Io::Closed,
    }
}

/// Sends what the socket takes at once.
pub fn send(socket: impl AsFd, bytes: &[u8]) -> Io {
    outcome(rustix::net::send(socket, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT))
}

/// Receives what is there. An orderly close is [`Io::Closed`].
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> Io {
    let result = rustix::net::recv(socket, buffer, RecvFlags::DONTWAIT).map(|(_, n)| n);
    match outcome(result) {
        Io::Done(0) => Io::Closed,
        other => other,
    }
}

/// Takes up to `buffer.len()` bytes off a TCP socket; the kernel copies them nowhere.
pub fn discard(socket: impl AsFd, buffer: &mut [u8]) -> Io {
    let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
    match outcome(rustix::net::recv(socket, buffer, flags).map(|(_, n)| n)) {
        Io::Done(0) => Io::Closed,
        other => other,
    }
}

fn stream_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?)
}

/// Begins a non-blocking connect. `no_delay` turns Nagle's algorithm off on this end; all other
/// options keep their defaults.
pub fn connect(to: Loopback, no_delay: bool) -> io::Result<OwnedFd> {
    let socket = stream_socket()?;
    if no_delay {
        sockopt::set_tcp_nodelay(&socket, true)?;
    }
    match sys_connect(&socket, &to.address()) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(e) => Err(e.into()),
    }
}

/// Asks the kernel to acknowledge at once what has arrived; it has to be asked again and again.
pub fn quick_ack(socket: impl AsFd) {
    // A refusal only means a later acknowledgement.
    let _ = sockopt::set_tcp_quickack(socket, true);
}

/// Closes with a reset, so that a rate test leaves no connection in TIME_WAIT.
pub fn reset(socket: OwnedFd) {
    // A refusal only means an ordinary close.
    let _ = sockopt::set_socket_linger(&socket, Some(Duration::ZERO));
    drop(socket);
}

/// Listens with a long queue of waiting connections.
pub fn listen(at: Loopback) -> io::Result<OwnedFd> {
    let socket = stream_socket()?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &at.address())?;
    rustix::net::listen(&socket, 4096)?;
    Ok(socket)
}

/// Takes one waiting connection, with Nagle's algorithm off.
pub fn accept(listener: impl AsFd) -> Option<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::accept_with(listener, flags).ok()?;
    sockopt::set_tcp_nodelay(&socket, true).ok()?;
    Some(socket)
}

/// One socket's readiness.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// The number given when the socket was added.
    pub token: usize,
    /// There is something to read, or the peer is gone.
    pub read: bool,
    /// There is room to write.
    pub write: bool,
}

/// A set of sockets waited on together.
pub struct Poll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poll {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, events: Vec::with_capacity(512) })
    }

    /// Adds a socket: always for reading, for writing too if `write`.
    pub fn add(&self, socket: impl AsFd, token: usize, write: bool) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token as u64);
        Ok(epoll::add(&self.epoll, socket, data, interest(write))?)
    }

    /// Changes whether room to write is waited for.
    pub fn change(&self, socket: impl AsFd, token: usize, write: bool) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token as u64);
        Ok(epoll::modify(&self.epoll, socket, data, interest(write))?)
    }

    /// Waits until something is ready or the monotonic clock reads `until`, and replaces what is
    /// in `ready`.
    pub fn wait(&mut self, until: u64, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        self.events.clear();
        let left = Duration::from_nanos(until.saturating_sub(now()));
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, spare, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        ready.extend(self.events.iter().map(|event| {
            let flags = event.flags;
            Ready {
                token: usize::try_from(event.data.u64()).unwrap_or(usize::MAX),
                read: flags.intersects(!epoll::EventFlags::OUT),
                write: flags.contains(epoll::EventFlags::OUT),
            }
        }));
        Ok(())
    }
}

fn interest(write: bool) -> epoll::EventFlags {
    if write { epoll::EventFlags::IN | epoll::EventFlags::OUT } else { epoll::EventFlags::IN }
}

/// Raises the limit of open files to what the system allows, and says what it then is.
pub fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where it is refused the cases that need more files fail by name.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_cross_a_loopback_connection_and_a_reset_is_seen() {
        let at = Loopback::free().unwrap();
        let listener = listen(at).unwrap();
        let mut poll = Poll::new().unwrap();
        poll.add(&listener, 7, false).unwrap();
        let client = connect(at, true).unwrap();
        let mut ready = Vec::new();
        poll.wait(now() + SECOND, &mut ready).unwrap();
        assert_eq!(ready.iter().map(|r| (r.token, r.read)).collect::<Vec<_>>(), [(7, true)]);
        let server = accept(&listener).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(receive(&server, &mut buffer), Io::Again);
        assert_eq!(send(&client, b"abc"), Io::Done(3));
        assert_eq!(receive(&server, &mut buffer), Io::Done(3));
        assert_eq!(&buffer[..3], b"abc");
        assert_eq!(send(&client, b"defg"), Io::Done(4));
        assert_eq!(discard(&server, &mut buffer), Io::Done(4));
        assert_eq!(&buffer[..3], b"abc");
        reset(client);
        assert_eq!(receive(&server, &mut buffer), Io::Closed);
    }
}
