//! Players that come, reach a goal and go: what setting up a session takes, and how many a second.

use crate::conn::{Conn, Marks};
use crate::net::{self, Loopback, MILLI, Poll, SECOND};
use crate::session::Role;
use crate::style::Style;

/// A session that has not reached its goal by then has failed.
const PATIENCE: u64 = 5 * SECOND;

/// When a session is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// `play` has been asked for: what every server reaches, whether or not the stream exists.
    Asked,
    /// A coded picture has arrived whole.
    Picture,
}

/// A series of sessions.
pub struct Plan {
    /// The server.
    pub to: Loopback,
    /// The clients' habits.
    pub style: Style,
    /// The stream they ask for.
    pub stream: String,
    /// When each is done.
    pub goal: Goal,
    /// How many are open at once.
    pub at_once: usize,
    /// How many in all.
    pub count: usize,
    /// The clock reading at which no more are begun.
    pub until: u64,
    /// Wait up to this long, varied, before each: so that sessions do not keep step with the
    /// stream's frames.
    pub pause: u64,
}

/// What came of them.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Of each session that reached its goal.
    pub marks: Vec<Marks>,
    /// Of each that did not: why.
    pub failures: Vec<String>,
    /// From the first connect to the last goal, in nanoseconds.
    pub took: u64,
}

struct Slot {
    conn: Option<Conn>,
    begin_at: u64,
    give_up_at: u64,
}

/// Runs the series.
pub fn run(plan: &Plan) -> Result<Outcome, String> {
    let mut poll = Poll::new().map_err(|e| e.to_string())?;
    let mut outcome = Outcome::default();
    let began = net::now();
    let mut slots: Vec<Slot> = Vec::new();
    slots.resize_with(plan.at_once.max(1), || Slot { conn: None, begin_at: began, give_up_at: 0 });
    let (mut opened, mut noise) = (0, 12345u64);
    let (mut ready, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let now = net::now();
        let may_open = opened < plan.count && now < plan.until;
        let mut wake = now + 100 * MILLI;
        for (token, slot) in slots.iter_mut().enumerate() {
            if slot.conn.is_some() {
                continue;
            }
            if may_open && slot.begin_at <= now && opened < plan.count {
                let (role, stream) = (Role::Play, plan.stream.clone());
                let mut conn = Conn::open(plan.to, role, plan.style, stream, &poll, token)
                    .map_err(|e| format!("connect: {e}"))?;
                conn.flush(&poll);
                (slot.conn, slot.give_up_at) = (Some(conn), now + PATIENCE);
                opened += 1;
            } else if may_open {
                wake = wake.min(slot.begin_at);
            }
        }
        if !may_open && slots.iter().all(|s| s.conn.is_none()) {
            break;
        }
        poll.wait(wake, &mut ready).map_err(|e| e.to_string())?;
        for event in &ready {
            let Some(conn) = slots.get_mut(event.token).and_then(|s| s.conn.as_mut()) else {
                continue;
            };
            if event.write {
                conn.flush(&poll);
            }
            if event.read {
                conn.read(&mut buffer, &poll, &mut |_, _| {});
            }
        }
        let now = net::now();
        for slot in &mut slots {
            let Some(conn) = slot.conn.take_if(|c| is_done(c, plan.goal) || now >= slot.give_up_at)
            else {
                continue;
            };
            match conn.failure() {
                _ if reached(&conn, plan.goal) => outcome.marks.push(conn.marks()),
                Some(why) => outcome.failures.push(why.into()),
                None => outcome.failures.push(format!("stuck at {:?}", conn.stage())),
            }
            conn.reset();
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            slot.begin_at = now + (noise >> 33) % plan.pause.max(1);
        }
    }
    outcome.took = net::now() - began;
    Ok(outcome)
}

fn reached(conn: &Conn, goal: Goal) -> bool {
    match goal {
        Goal::Asked => conn.marks().asked.is_some(),
        Goal::Picture => conn.marks().picture.is_some(),
    }
}

fn is_done(conn: &Conn, goal: Goal) -> bool {
    conn.failure().is_some() || reached(conn, goal)
}
