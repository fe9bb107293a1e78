//! Players that take one stream and check what they get.

use super::{Span, ramp};
use crate::conn::Conn;
use crate::net::{self, Loopback, MILLI, Poll};
use crate::session::Role;
use crate::stamp;
use crate::stats::Distribution;
use crate::style::Style;
use crate::wire::VIDEO;
use crate::wire::chunk::Message;

const MAX_DELAYS: usize = 2_000_000;

/// A load of players.
#[derive(Clone)]
pub struct Plan {
    /// The server.
    pub to: Loopback,
    /// The stream they take.
    pub stream: String,
    /// How many players.
    pub count: usize,
    /// How many connect in a second.
    pub ramp: u32,
    /// How long to leave arrived data in the sockets before all are read together, in
    /// nanoseconds; 0 where delays are measured.
    pub batch: u64,
}

/// Counts the messages of one player that are missing or come twice, by the marks in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracker {
    next: [Option<u32>; 2],
    /// Marked messages seen.
    pub seen: u64,
    /// Messages left out after the first of their kind.
    pub missing: u64,
    /// Messages that come again or after a later one of their kind.
    pub repeated: u64,
}

impl Tracker {
    /// Takes the place of one message among those of its kind.
    pub fn take(&mut self, kind: u8, place: u32) {
        self.seen += 1;
        let next = &mut self.next[usize::from(kind == VIDEO)];
        match next.map(|n| place.wrapping_sub(n)) {
            Some(0) | None => {}
            Some(ahead) if ahead < u32::MAX / 2 => self.missing += u64::from(ahead),
            Some(_) => {
                self.repeated += 1;
                return;
            }
        }
        *next = Some(place.wrapping_add(1));
    }

    /// The place after the last video frame seen.
    pub fn next_picture(&self) -> Option<u32> {
        self.next[1]
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Players that got a picture.
    pub playing: usize,
    /// Players whose connection had ended.
    pub ended: usize,
    /// Bytes received while measuring.
    pub bytes: u64,
    /// From sending to the last byte's arrival of each message sent while measuring, in
    /// milliseconds (only where `batch` is 0).
    pub delay: Distribution,
    /// From connect to a whole picture, in milliseconds.
    pub first_picture: Distribution,
    /// What each player's messages say.
    pub trackers: Vec<Tracker>,
    /// Why connections ended, if any did.
    pub failures: Vec<String>,
    /// CPU time of the load while measuring, in nanoseconds.
    pub cpu: u64,
}

struct Load<'a> {
    plan: &'a Plan,
    from: u64,
    poll: Poll,
    players: Vec<(Conn, Tracker)>,
    delays: Vec<u64>,
}

/// Runs the load until its span ends.
pub fn run(plan: &Plan, span: &Span) -> Result<Outcome, String> {
    let poll = Poll::new().map_err(|e| e.to_string())?;
    let mut load = Load { plan, from: span.from, poll, players: Vec::new(), delays: Vec::new() };
    let (mut ready, mut buffer) = (Vec::new(), vec![0; 1 << 18]);
    let began = net::now();
    let mut before = None;
    loop {
        let now = net::now();
        if now >= span.from {
            before.get_or_insert_with(|| (load.received(), net::thread_cpu()));
        }
        if span.is_over(now) {
            break;
        }
        load.open(ramp(plan.count.min(super::MAX_CONNECTIONS), plan.ramp, now - began))?;
        let filling = load.players.len() < plan.count;
        if plan.batch > 0 && !filling && now >= span.from {
            net::sleep_until(now + plan.batch);
        }
        let wake = if filling { now + MILLI } else { span.wake(now) };
        load.poll.wait(wake, &mut ready).map_err(|e| e.to_string())?;
        for event in &ready {
            load.react(event, &mut buffer);
        }
    }
    let (bytes, cpu) = before.unwrap_or((load.received(), net::thread_cpu()));
    let mut outcome = load.finish();
    outcome.bytes -= bytes;
    outcome.cpu = net::thread_cpu() - cpu;
    Ok(outcome)
}

impl Load<'_> {
    fn received(&self) -> u64 {
        self.players.iter().map(|(conn, _)| conn.received()).sum()
    }

    fn open(&mut self, target: usize) -> Result<(), String> {
        while self.players.len() < target {
            let (role, stream) = (Role::Play, self.plan.stream.clone());
            let conn = Conn::open(
                self.plan.to,
                role,
                Style::Librtmp,
                stream,
                &self.poll,
                self.players.len(),
            );
            self.players.push((conn.map_err(|e| format!("connect: {e}"))?, Tracker::default()));
        }
        Ok(())
    }

    fn react(&mut self, event: &net::Ready, buffer: &mut [u8]) {
        let Some((conn, tracker)) = self.players.get_mut(event.token) else { return };
        if event.write {
            conn.flush(&self.poll);
        }
        if !event.read {
            return;
        }
        let (from, measures, delays) = (self.from, self.plan.batch == 0, &mut self.delays);
        let mut on = |m: Message<'_>, at: u64| {
            let Some(stamp) = m.whole.then(|| stamp::read(m.kind, m.head)).flatten() else {
                return;
            };
            tracker.take(m.kind, stamp.place);
            if measures && stamp.sent >= from && delays.len() < MAX_DELAYS {
                delays.push(at.saturating_sub(stamp.sent));
            }
        };
        conn.read(buffer, &self.poll, &mut on);
    }

    fn finish(self) -> Outcome {
        let pictures = || self.players.iter().filter_map(|(conn, _)| conn.marks().picture);
        let failures: Vec<String> =
            self.players.iter().filter_map(|(conn, _)| conn.failure().map(Into::into)).collect();
        Outcome {
            playing: pictures().count(),
            ended: failures.len(),
            bytes: self.received(),
            first_picture: Distribution::from_nanos(pictures()),
            trackers: self.players.iter().map(|(_, tracker)| *tracker).collect(),
            delay: Distribution::from_nanos(self.delays),
            failures,
            cpu: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::AUDIO;

    #[test]
    fn each_kind_has_to_come_whole_and_in_order() {
        let mut tracker = Tracker::default();
        for (kind, place) in [(VIDEO, 60), (AUDIO, 90), (VIDEO, 61), (AUDIO, 91), (VIDEO, 62)] {
            tracker.take(kind, place);
        }
        assert_eq!((tracker.seen, tracker.missing, tracker.repeated), (5, 0, 0));
        tracker.take(VIDEO, 65);
        tracker.take(VIDEO, 64);
        tracker.take(AUDIO, 91);
        tracker.take(VIDEO, 66);
        assert_eq!((tracker.seen, tracker.missing, tracker.repeated), (9, 2, 2));
        assert_eq!(tracker.next_picture(), Some(67));
    }
}
