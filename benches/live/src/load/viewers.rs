//! Viewers of low-latency HLS: each holds a request for the next part, takes what is new when the answer comes, and asks on.

use super::http::{Answer, Client};
use super::{Span, ramp};
use crate::net::{self, Loopback, MILLI, Poll};
use crate::stamp;
use std::collections::{HashMap, VecDeque};

/// A load of viewers.
#[derive(Clone)]
pub struct Plan {
    /// The server.
    pub to: Loopback,
    /// Folder of the stream's playlist, `/live/s/`.
    pub folder: String,
    /// Name of the playlist in it.
    pub playlist: String,
    /// How many viewers.
    pub count: usize,
    /// How many connect in a second.
    pub ramp: u32,
}

/// One part, as all viewers saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// When the frame was sent that completed it: the first of the part after it.
    pub complete: Option<u64>,
    /// When each viewer had the playlist that lists it.
    pub told: Vec<u64>,
    /// When each viewer had its last byte.
    pub taken: Vec<u64>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The parts in the order in which they came.
    pub parts: Vec<Part>,
    /// Answers while measuring.
    pub answers: u64,
    /// Bytes of bodies in them.
    pub bytes: u64,
    /// Parts that a viewer was not told of, or not in order.
    pub missed: u64,
    /// Answers that were not 200, or an empty part.
    pub wrong: u64,
    /// Why connections ended, if any did.
    pub failures: Vec<String>,
    /// CPU time of the load while measuring, in nanoseconds.
    pub cpu: u64,
}

struct Viewer {
    client: Client,
    /// The last part that it was told of.
    last: Option<String>,
    /// Parts that it has been told of and not taken.
    wanted: VecDeque<String>,
    /// The request that is under way is for the first of them.
    takes: bool,
    /// Segment and part to ask for next.
    next: (u64, u64),
}

struct Load<'a> {
    plan: &'a Plan,
    span: &'a Span,
    poll: Poll,
    viewers: Vec<Viewer>,
    places: HashMap<String, usize>,
    outcome: Outcome,
}

/// Runs the load until its span ends.
pub fn run(plan: &Plan, span: &Span) -> Result<Outcome, String> {
    let poll = Poll::new().map_err(|e| e.to_string())?;
    let (viewers, places, outcome) = (Vec::new(), HashMap::new(), Outcome::default());
    let mut load = Load { plan, span, poll, viewers, places, outcome };
    let (mut ready, mut buffer) = (Vec::new(), vec![0; 1 << 18]);
    let (began, mut before) = (net::now(), None);
    loop {
        let now = net::now();
        if now >= span.from {
            before.get_or_insert_with(net::thread_cpu);
        }
        if span.is_over(now) {
            break;
        }
        load.open(ramp(plan.count.min(super::MAX_CONNECTIONS), plan.ramp, now - began))?;
        let filling = load.viewers.len() < plan.count;
        let wake = if filling { now + MILLI } else { span.wake(now) };
        load.poll.wait(wake, &mut ready).map_err(|e| e.to_string())?;
        for event in &ready {
            load.react(event, &mut buffer);
        }
    }
    load.outcome.cpu = before.map_or(0, |before| net::thread_cpu() - before);
    let failures = load.viewers.iter().filter_map(|v| v.client.failure().map(Into::into));
    load.outcome.failures.extend(failures);
    Ok(load.outcome)
}

impl Load<'_> {
    fn open(&mut self, target: usize) -> Result<(), String> {
        while self.viewers.len() < target {
            let client = Client::open(self.plan.to, &self.poll, self.viewers.len());
            let mut client = client.map_err(|e| format!("connect: {e}"))?;
            client.get(&self.path(&self.plan.playlist), true, &self.poll);
            let wanted = VecDeque::new();
            self.viewers.push(Viewer { client, last: None, wanted, takes: false, next: (0, 0) });
        }
        Ok(())
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.plan.folder)
    }

    fn react(&mut self, event: &net::Ready, buffer: &mut [u8]) {
        let Some(viewer) = self.viewers.get_mut(event.token) else { return };
        if event.write {
            viewer.client.flush(&self.poll);
        }
        let Some(answer) = event.read.then(|| viewer.client.read(buffer)).flatten() else { return };
        let now = net::now();
        if self.span.measures(now) {
            self.outcome.answers += 1;
            self.outcome.bytes += answer.length;
        }
        let is_right = answer.status == 200 && answer.length > 0;
        self.outcome.wrong += u64::from(!is_right);
        if viewer.takes {
            self.took(event.token, &answer, now);
        } else {
            self.told(event.token, &answer, now);
        }
        self.ask(event.token);
    }

    /// A playlist has come.
    fn told(&mut self, token: usize, answer: &Answer, now: u64) {
        let Some(viewer) = self.viewers.get_mut(token) else { return };
        let text = String::from_utf8_lossy(&answer.body);
        let (parts, next) = read_playlist(&text);
        viewer.next = next;
        let known = viewer.last.as_ref().map(|last| parts.iter().position(|part| part == last));
        // The first playlist shows where to begin: at its last part.
        let new = match known {
            Some(Some(at)) => at + 1,
            Some(None) => {
                self.outcome.missed += 1;
                0
            }
            None => parts.len().saturating_sub(1),
        };
        for part in parts.get(new..).unwrap_or_default() {
            let place = *self.places.entry((*part).to_owned()).or_insert_with(|| {
                self.outcome.parts.push(Part::default());
                self.outcome.parts.len() - 1
            });
            if let Some(part) = self.outcome.parts.get_mut(place) {
                part.told.push(now);
            }
            viewer.wanted.push_back((*part).to_owned());
        }
        viewer.last = parts.last().map(|part| (*part).to_owned()).or(viewer.last.take());
    }

    /// A part has come.
    fn took(&mut self, token: usize, answer: &Answer, now: u64) {
        let Some(name) = self.viewers.get_mut(token).and_then(|v| v.wanted.pop_front()) else {
            return;
        };
        let Some(place) = self.places.get(&name).copied() else { return };
        if let Some(part) = self.outcome.parts.get_mut(place) {
            part.taken.push(now);
        }
        // The first viewer looks into them.
        let sent = if token == 0 { stamp::first_in(&answer.body).map(|s| s.sent) } else { None };
        if let Some(before) = place.checked_sub(1).and_then(|at| self.outcome.parts.get_mut(at)) {
            before.complete = before.complete.or(sent);
        }
    }

    /// What is asked for next: a part, or the playlist that lists the one after the last.
    fn ask(&mut self, token: usize) {
        let Some(viewer) = self.viewers.get(token) else { return };
        let (path, takes) = match viewer.wanted.front() {
            Some(part) => (self.path(part), true),
            None => {
                let (segment, part) = viewer.next;
                let name = &self.plan.playlist;
                (self.path(&format!("{name}?_HLS_msn={segment}&_HLS_part={part}")), false)
            }
        };
        let Some(viewer) = self.viewers.get_mut(token) else { return };
        viewer.takes = takes;
        viewer.client.get(&path, token == 0 || !takes, &self.poll);
    }
}

/// The parts that a playlist lists, and the segment and part after the last of them.
fn read_playlist(text: &str) -> (Vec<&str>, (u64, u64)) {
    let (mut parts, mut segment, mut part) = (Vec::new(), 0, 0);
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
            segment = number.trim().parse().unwrap_or(0);
        } else if let Some(attributes) = line.strip_prefix("#EXT-X-PART:") {
            let uri = attributes.split_once("URI=\"").and_then(|(_, rest)| rest.split_once('"'));
            parts.extend(uri.map(|(uri, _)| uri));
            part += 1;
        } else if !line.is_empty() && !line.starts_with('#') {
            (segment, part) = (segment + 1, 0);
        }
    }
    (parts, (segment, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_is_behind_the_last_part_or_the_last_segment() {
        let text = "#EXTM3U\n#EXT-X-PART-INF:PART-TARGET=0.2\n#EXT-X-MEDIA-SEQUENCE:7\n\
                    #EXTINF:2.0,\na.m4s\n#EXT-X-PART:DURATION=0.2,URI=\"b.0.m4s\",INDEPENDENT=YES\n\
                    #EXT-X-PART:DURATION=0.2,URI=\"b.1.m4s\"\n";
        assert_eq!(read_playlist(text), (vec!["b.0.m4s", "b.1.m4s"], (8, 2)));
        let whole = format!("{text}#EXTINF:0.4,\nb.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"c\"\n");
        assert_eq!(read_playlist(&whole), (vec!["b.0.m4s", "b.1.m4s"], (9, 0)));
    }
}
