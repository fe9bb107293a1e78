//! What the kernel alone costs: servers that make the system calls of a relay and nothing else.

use super::{MAX_CONNECTIONS, Span};
use crate::net::{self, Io, Loopback, Poll, SECOND};
use crate::script::{Cursor, Script};
use crate::stamp;
use crate::stats::Distribution;
use crate::wire::chunk::{self, Message, Reader, Time};
use rustix::fd::OwnedFd;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

fn text(e: std::io::Error) -> String {
    e.to_string()
}

/// A connection that carries media bytes only, for a publisher.
pub struct RawSender {
    socket: Option<OwnedFd>,
    rest: Vec<u8>,
}

impl RawSender {
    /// Connects.
    pub fn open(to: Loopback) -> std::io::Result<Self> {
        Ok(Self { socket: Some(net::connect(to, true)?), rest: Vec::new() })
    }

    /// Whether the floor still takes bytes.
    pub fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// Bytes that wait.
    pub fn pending(&self) -> usize {
        self.rest.len()
    }

    /// Sends, after what waits; what the socket does not take waits until the next call.
    pub fn send(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let Some(socket) = &self.socket else { return };
        match net::send(socket, &self.rest) {
            Io::Done(n) => drop(self.rest.drain(..n)),
            Io::Again => {}
            Io::Closed => self.socket = None,
        }
    }
}

/// What a floor did while measuring.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Connections it served.
    pub connections: usize,
    /// Bytes sent or received.
    pub bytes: u64,
    /// System calls that moved them.
    pub calls: u64,
    /// Sends that the socket did not take whole.
    pub short: u64,
    /// CPU time, in nanoseconds.
    pub cpu: u64,
}

/// Sends every connection the same paced messages: one send a message, or one for all messages
/// due within each `gather` nanoseconds. As many `threads` share the connections out among them.
pub fn fan_out(
    at: Loopback,
    script: &Script,
    players: usize,
    (gather, threads): (u64, u32),
    span: &Span,
) -> Result<Outcome, String> {
    let listener = net::listen(at).map_err(text)?;
    let mut sockets = Vec::new();
    while sockets.len() < players.min(MAX_CONNECTIONS) && !span.is_over(net::now()) {
        match net::accept(&listener) {
            Some(socket) => sockets.push(socket),
            None => net::sleep_until(net::now() + net::MILLI),
        }
    }
    let mut hello = Vec::new();
    let announced = u32::try_from(script.chunk_size()).unwrap_or(u32::MAX).to_be_bytes();
    chunk::write(&mut hello, 128, 1, 0, Time::Absolute(0), &announced);
    for socket in &sockets {
        net::send(socket, &hello);
    }
    let (began, mut outcome) = (net::now(), Outcome::default());
    let share = sockets.len().div_ceil(threads.max(1) as usize).max(1);
    let all: Result<Vec<Outcome>, _> = std::thread::scope(|scope| {
        let run = |sockets| scope.spawn(move || send_all(sockets, script, gather, began, span));
        let runs: Vec<_> = sockets.chunks(share).map(run).collect();
        runs.into_iter().map(|run| run.join()).collect()
    });
    for one in all.map_err(|_| "a thread of the floor failed".to_owned())? {
        outcome.connections += one.connections;
        outcome.bytes += one.bytes;
        outcome.calls += one.calls;
        outcome.short += one.short;
        outcome.cpu += one.cpu;
    }
    Ok(outcome)
}

/// Sends these connections what is due, until the span ends.
fn send_all(sockets: &[OwnedFd], script: &Script, gather: u64, began: u64, span: &Span) -> Outcome {
    let mut outcome = Outcome { connections: sockets.len(), ..Outcome::default() };
    let (mut cursor, mut group, mut before) = (Cursor::default(), Vec::new(), None);
    let grid = |due: u64| if gather > 0 { due.div_ceil(gather) * gather } else { due };
    loop {
        let due = began + grid(script.due(cursor));
        net::sleep_until(due.min(span.to));
        let now = net::now();
        if span.is_over(now) {
            break;
        }
        if now >= span.from {
            before.get_or_insert_with(net::thread_cpu);
        }
        group.clear();
        cursor = script.append(cursor, net::now(), &mut group);
        while gather > 0 && began + grid(script.due(cursor)) <= now {
            cursor = script.append(cursor, net::now(), &mut group);
        }
        for socket in sockets {
            let sent = match net::send(socket, &group) {
                Io::Done(n) => n,
                Io::Again | Io::Closed => 0,
            };
            if before.is_some() {
                outcome.calls += 1;
                outcome.bytes += sent as u64;
                outcome.short += u64::from(sent < group.len());
            }
        }
    }
    outcome.cpu = net::thread_cpu() - before.unwrap_or_else(net::thread_cpu);
    outcome
}

/// What the sink does with what it reads.
#[derive(Clone, Debug)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// Appends it to a file for each connection, in blocks of this many bytes (0: as it comes).
    Files {
        /// Folder of the files.
        dir: PathBuf,
        /// Bytes gathered for one write.
        block: usize,
    },
}

struct Sunk {
    socket: Option<OwnedFd>,
    file: Option<File>,
    held: Vec<u8>,
}

/// Accepts connections and reads everything.
pub fn sink(at: Loopback, keep: &Keep, span: &Span) -> Result<Outcome, String> {
    let listener = net::listen(at).map_err(text)?;
    let mut poll = Poll::new().map_err(text)?;
    poll.add(&listener, usize::MAX, false).map_err(text)?;
    let (mut sunk, mut ready, mut buffer): (Vec<Sunk>, _, _) =
        (Vec::new(), Vec::new(), vec![0; 1 << 18]);
    let mut outcome = Outcome::default();
    let mut before = None;
    loop {
        let now = net::now();
        if now >= span.from {
            before.get_or_insert_with(net::thread_cpu);
        }
        if span.is_over(now) {
            break;
        }
        poll.wait(span.wake(now), &mut ready).map_err(text)?;
        for event in &ready {
            if event.token == usize::MAX {
                accept_all(&listener, &poll, keep, &mut sunk).map_err(text)?;
                continue;
            }
            let Some(one) = sunk.get_mut(event.token) else { continue };
            let got = one.read(&mut buffer, keep).map_err(text)?;
            if before.is_some() {
                outcome.bytes += got as u64;
                outcome.calls += 1;
            }
        }
    }
    outcome.connections = sunk.len();
    outcome.cpu = net::thread_cpu() - before.unwrap_or_else(net::thread_cpu);
    Ok(outcome)
}

fn accept_all(
    listener: &OwnedFd,
    poll: &Poll,
    keep: &Keep,
    sunk: &mut Vec<Sunk>,
) -> std::io::Result<()> {
    while let Some(socket) = net::accept(listener) {
        poll.add(&socket, sunk.len(), false)?;
        let file = match keep {
            Keep::Nothing => None,
            Keep::Files { dir, .. } => Some(File::create(dir.join(format!("{}.bin", sunk.len())))?),
        };
        sunk.push(Sunk { socket: Some(socket), file, held: Vec::new() });
    }
    Ok(())
}

impl Sunk {
    fn read(&mut self, buffer: &mut [u8], keep: &Keep) -> std::io::Result<usize> {
        let Some(socket) = &self.socket else { return Ok(0) };
        let got = match net::receive(socket, buffer) {
            Io::Done(n) => n,
            Io::Again => return Ok(0),
            Io::Closed => {
                self.socket = None;
                return Ok(0);
            }
        };
        let bytes = buffer.get(..got).unwrap_or_default();
        match (&mut self.file, keep) {
            (Some(file), Keep::Files { block: 0, .. }) => file.write_all(bytes)?,
            (Some(file), Keep::Files { block, .. }) => {
                self.held.extend_from_slice(bytes);
                if self.held.len() >= *block {
                    file.write_all(&self.held)?;
                    self.held.clear();
                }
            }
            _ => {}
        }
        Ok(got)
    }
}

/// Players of [`fan_out`]: a few that read the marks, the others only take bytes off the socket.
/// Gives the bytes taken while measuring and the delays of the marked messages in milliseconds.
pub fn take(
    at: Loopback,
    players: usize,
    reads_marks: bool,
    span: &Span,
) -> Result<(u64, Distribution), String> {
    let mut poll = Poll::new().map_err(text)?;
    let mut conns = Vec::new();
    for token in 0..players.min(MAX_CONNECTIONS) {
        let socket = net::connect(at, true).map_err(text)?;
        poll.add(&socket, token, false).map_err(text)?;
        conns.push((socket, Reader::default()));
    }
    let (mut ready, mut buffer, mut delays) = (Vec::new(), vec![0; 1 << 18], Vec::new());
    let mut bytes = 0;
    loop {
        let now = net::now();
        if span.is_over(now) {
            return Ok((bytes, Distribution::from_nanos(delays)));
        }
        if !reads_marks && now >= span.from {
            net::sleep_until(now + SECOND / 200);
        }
        poll.wait(span.wake(now), &mut ready).map_err(text)?;
        for event in &ready {
            let Some((socket, reader)) = conns.get_mut(event.token) else { continue };
            let call = if reads_marks { net::receive } else { net::discard };
            let Io::Done(got) = call(&*socket, &mut buffer) else { continue };
            let at = net::now();
            bytes += if at >= span.from { got as u64 } else { 0 };
            if reads_marks {
                let mut on = |m: Message<'_>| {
                    let stamp = m.whole.then(|| stamp::read(m.kind, m.head)).flatten();
                    if let Some(stamp) = stamp.filter(|s| s.sent >= span.from) {
                        delays.push(at.saturating_sub(stamp.sent));
                    }
                };
                reader.input(buffer.get(..got).unwrap_or_default(), &mut on)?;
            }
        }
    }
}
