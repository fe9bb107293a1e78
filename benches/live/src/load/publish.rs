//! Publishers that send one script in real time.

use super::{Span, ramp};
use crate::conn::Conn;
use crate::net::{self, Loopback, MILLI, Poll, SECOND};
use crate::script::{Cursor, Script};
use crate::session::{Role, Stage};
use crate::stats::Distribution;
use crate::style::Style;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// A publisher with more than this waiting is held back: its server does not read.
const MAX_PENDING: usize = 4 << 20;
const MAX_LAGS: usize = 2_000_000;

/// A load of publishers.
#[derive(Clone)]
pub struct Plan {
    /// The server.
    pub to: Loopback,
    /// What they send.
    pub script: Arc<Script>,
    /// Name of the stream; with more than one publisher a number is appended.
    pub stream: String,
    /// How many publishers.
    pub count: usize,
    /// How many connect in a second.
    pub ramp: u32,
    /// Whether they speak RTMP, or only send media bytes (to the floor).
    pub raw: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Publishers that were publishing at the end.
    pub live: usize,
    /// Bytes and messages sent while measuring.
    pub bytes: u64,
    /// Messages sent while measuring.
    pub messages: u64,
    /// Bytes sent up to the end of measuring.
    pub total: u64,
    /// How late messages were sent, in milliseconds: above a few, the machine was overloaded.
    pub lag: Distribution,
    /// How often a publisher was held back.
    pub stalled: u64,
    /// Why publishers ended, if any did.
    pub failures: Vec<String>,
    /// CPU time of the load while measuring, in nanoseconds.
    pub cpu: u64,
}

struct Publisher {
    link: Link,
    began: Option<u64>,
    next: Cursor,
}

/// A publisher's connection: a session, or a bare socket to the floor.
enum Link {
    Session(Box<Conn>),
    Raw(super::floor::RawSender),
}

impl Link {
    fn open(plan: &Plan, token: usize, poll: &Poll) -> std::io::Result<Self> {
        if plan.raw {
            return super::floor::RawSender::open(plan.to).map(Self::Raw);
        }
        let stream =
            if plan.count == 1 { plan.stream.clone() } else { format!("{}{token}", plan.stream) };
        let role = Role::Publish { chunk: plan.script.chunk_size() };
        let conn = Conn::open(plan.to, role, Style::Prompt, stream, poll, token)?;
        Ok(Self::Session(Box::new(conn)))
    }

    fn is_ready(&self) -> bool {
        match self {
            Self::Session(conn) => conn.failure().is_none() && conn.stage() == Stage::Running,
            Self::Raw(raw) => raw.is_open(),
        }
    }

    fn pending(&mut self) -> usize {
        match self {
            Self::Session(conn) => conn.pending(),
            Self::Raw(raw) => raw.pending(),
        }
    }

    fn send(&mut self, bytes: &[u8], poll: &Poll) {
        match self {
            Self::Session(conn) => conn.send(bytes, poll),
            Self::Raw(raw) => raw.send(bytes),
        }
    }
}

struct Load<'a> {
    plan: &'a Plan,
    span: &'a Span,
    poll: Poll,
    publishers: Vec<Publisher>,
    due: BinaryHeap<Reverse<(u64, usize)>>,
    lags: Vec<u64>,
    bytes: Vec<u8>,
    outcome: Outcome,
}

/// Runs the load until its span ends.
pub fn run(plan: &Plan, span: &Span) -> Result<Outcome, String> {
    let poll = Poll::new().map_err(|e| e.to_string())?;
    let (publishers, due, lags, bytes) = (Vec::new(), BinaryHeap::new(), Vec::new(), Vec::new());
    let mut load =
        Load { plan, span, poll, publishers, due, lags, bytes, outcome: Outcome::default() };
    let (mut ready, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    let began = net::now();
    let mut cpu_before = None;
    loop {
        let now = net::now();
        if now >= span.from {
            cpu_before.get_or_insert_with(net::thread_cpu);
        }
        if span.is_over(now) {
            break;
        }
        load.open(ramp(plan.count.min(super::MAX_CONNECTIONS), plan.ramp, now - began))?;
        load.send_due(now);
        let mut wake = span.wake(now);
        if load.publishers.len() < plan.count {
            wake = wake.min(now + MILLI);
        }
        if let Some(Reverse((at, _))) = load.due.peek() {
            wake = wake.min(*at);
        }
        load.poll.wait(wake, &mut ready).map_err(|e| e.to_string())?;
        for event in &ready {
            load.react(event, &mut buffer);
        }
    }
    let cpu = cpu_before.map_or(0, |before| net::thread_cpu() - before);
    Ok(load.finish(cpu))
}

impl Load<'_> {
    fn open(&mut self, target: usize) -> Result<(), String> {
        while self.publishers.len() < target {
            let token = self.publishers.len();
            let link =
                Link::open(self.plan, token, &self.poll).map_err(|e| format!("connect: {e}"))?;
            self.publishers.push(Publisher { link, began: None, next: Cursor::default() });
            self.begin(token);
        }
        Ok(())
    }

    /// Starts a publisher's media once its session runs, spread over one group of pictures.
    fn begin(&mut self, token: usize) {
        let Some(publisher) = self.publishers.get_mut(token) else { return };
        if publisher.began.is_some() || !publisher.link.is_ready() {
            return;
        }
        let spread = if self.plan.count > 1 { token as u64 * 7919 % 2000 * MILLI } else { 0 };
        let began = net::now() + spread;
        publisher.began = Some(began);
        publisher.link.send(self.plan.script.head(), &self.poll);
        self.due.push(Reverse((began + self.plan.script.due(Cursor::default()), token)));
    }

    fn send_due(&mut self, now: u64) {
        while let Some(Reverse((at, token))) = self.due.peek().copied().filter(|d| d.0.0 <= now) {
            self.due.pop();
            let Some(publisher) = self.publishers.get_mut(token) else { continue };
            if !publisher.link.is_ready() {
                continue;
            }
            if publisher.link.pending() > MAX_PENDING {
                self.outcome.stalled += 1;
                self.due.push(Reverse((now + SECOND / 50, token)));
                continue;
            }
            self.bytes.clear();
            publisher.next = self.plan.script.append(publisher.next, net::now(), &mut self.bytes);
            publisher.link.send(&self.bytes, &self.poll);
            if now < self.span.to {
                self.outcome.total += self.bytes.len() as u64;
            }
            if self.span.measures(now) {
                self.outcome.bytes += self.bytes.len() as u64;
                self.outcome.messages += 1;
                if self.lags.len() < MAX_LAGS {
                    self.lags.push(now - at);
                }
            }
            let began = publisher.began.unwrap_or(now);
            self.due.push(Reverse((began + self.plan.script.due(publisher.next), token)));
        }
    }

    fn react(&mut self, event: &net::Ready, buffer: &mut [u8]) {
        let Some(publisher) = self.publishers.get_mut(event.token) else { return };
        if let Link::Session(conn) = &mut publisher.link {
            if event.write {
                conn.flush(&self.poll);
            }
            if event.read {
                conn.read(buffer, &self.poll, &mut |_, _| {});
            }
        }
        self.begin(event.token);
    }

    fn finish(mut self, cpu: u64) -> Outcome {
        self.outcome.cpu = cpu;
        self.outcome.lag = Distribution::from_nanos(self.lags);
        for publisher in &self.publishers {
            if publisher.link.is_ready() {
                self.outcome.live += 1;
            } else if let Link::Session(conn) = &publisher.link {
                let stage = format!("stuck at {:?}", conn.stage());
                self.outcome.failures.push(conn.failure().map_or(stage, Into::into));
            }
        }
        self.outcome
    }
}
