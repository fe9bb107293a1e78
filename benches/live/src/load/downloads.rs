//! Clients that ask for the same file over and over.

use super::Span;
use super::http::{Answer, Client};
use crate::net::{self, Loopback, Poll};
use crate::stats::Distribution;

/// Most answers whose times are kept.
const MAX_TIMES: usize = 2_000_000;

/// What an answer has to be.
#[derive(Clone)]
pub enum Expected {
    /// These bytes. One connection compares them, the others count them.
    Bytes(Vec<u8>),
    /// A playlist, whatever is in it at the moment.
    Playlist,
}

/// A load of clients.
#[derive(Clone)]
pub struct Plan {
    /// The server.
    pub to: Loopback,
    /// What they ask for.
    pub path: String,
    /// How many connections.
    pub count: usize,
    /// What they have to get.
    pub expected: Expected,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Whole answers while measuring.
    pub answers: u64,
    /// Bytes of bodies in them.
    pub bytes: u64,
    /// Answers that were not what was expected.
    pub wrong: u64,
    /// Answers that were compared byte for byte.
    pub compared: u64,
    /// From asking to the last byte, in milliseconds.
    pub time: Distribution,
    /// Why connections ended, if any did.
    pub failures: Vec<String>,
    /// CPU time of the load while measuring, in nanoseconds.
    pub cpu: u64,
}

struct Load<'a> {
    plan: &'a Plan,
    span: &'a Span,
    poll: Poll,
    clients: Vec<(Client, u64)>,
    times: Vec<u64>,
    outcome: Outcome,
}

/// Runs the load until its span ends.
pub fn run(plan: &Plan, span: &Span) -> Result<Outcome, String> {
    let poll = Poll::new().map_err(|e| e.to_string())?;
    let (clients, times, outcome) = (Vec::new(), Vec::new(), Outcome::default());
    let mut load = Load { plan, span, poll, clients, times, outcome };
    for token in 0..plan.count.min(super::MAX_CONNECTIONS) {
        let client = Client::open(plan.to, &load.poll, token);
        load.clients.push((client.map_err(|e| format!("connect: {e}"))?, 0));
        load.ask(token);
    }
    let (mut ready, mut buffer) = (Vec::new(), vec![0; 1 << 20]);
    let mut before = None;
    loop {
        let now = net::now();
        if now >= span.from {
            before.get_or_insert_with(net::thread_cpu);
        }
        if span.is_over(now) {
            break;
        }
        load.poll.wait(span.wake(now), &mut ready).map_err(|e| e.to_string())?;
        for event in &ready {
            load.react(event, &mut buffer);
        }
    }
    let Load { clients, times, mut outcome, .. } = load;
    outcome.cpu = before.map_or(0, |before| net::thread_cpu() - before);
    outcome.time = Distribution::from_nanos(times);
    outcome.failures = clients.iter().filter_map(|c| c.0.failure().map(Into::into)).collect();
    Ok(outcome)
}

impl Load<'_> {
    /// The first connection compares, and of playlists each looks at all.
    fn keeps(&self, token: usize) -> bool {
        token == 0 || matches!(self.plan.expected, Expected::Playlist)
    }

    fn ask(&mut self, token: usize) {
        let keeps = self.keeps(token);
        if let Some((client, asked)) = self.clients.get_mut(token) {
            *asked = net::now();
            client.get(&self.plan.path, keeps, &self.poll);
        }
    }

    fn react(&mut self, event: &net::Ready, buffer: &mut [u8]) {
        let Some((client, asked)) = self.clients.get_mut(event.token) else { return };
        if event.write {
            client.flush(&self.poll);
        }
        let Some(answer) = event.read.then(|| client.read(buffer)).flatten() else { return };
        let (now, asked) = (net::now(), *asked);
        if self.span.measures(now) {
            self.outcome.answers += 1;
            self.outcome.bytes += answer.length;
            if self.times.len() < MAX_TIMES {
                self.times.push(now - asked);
            }
        }
        self.check(event.token, &answer);
        self.ask(event.token);
    }

    fn check(&mut self, token: usize, answer: &Answer) {
        let is_right = answer.status == 200
            && match &self.plan.expected {
                Expected::Bytes(bytes) if token == 0 => answer.body == *bytes,
                Expected::Bytes(bytes) => answer.length == bytes.len() as u64,
                Expected::Playlist => {
                    answer.body.starts_with(b"#EXTM3U") && answer.body.ends_with(b"\n")
                }
            };
        self.outcome.compared += u64::from(self.keeps(token));
        self.outcome.wrong += u64::from(!is_right);
    }
}
