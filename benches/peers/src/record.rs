//! The record of a run, in Markdown.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::{Digest, Feed};

/// What is measured.
pub struct Entrant {
    /// Its name in tables.
    pub name: &'static str,
    /// Name and version, for the head of the record.
    pub about: &'static str,
    /// Makes one at the start of a stream.
    pub make: fn() -> Feed,
    /// Which side it is on.
    pub side: Side,
}

/// Which side an entrant is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This project.
    Ours,
    /// A reader to be compared with.
    Peer,
    /// A bound.
    Floor,
}

/// Where the wire lies when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// In memory: more than the caches hold.
    Memory,
    /// In the cache, as bytes are that a read from a socket has just written: brought there while the clock stands.
    Cache,
}

impl Wire {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cache => "cache",
        }
    }
}

/// One comparison.
pub struct Cell {
    /// Where the wire lies.
    pub wire: Wire,
    /// Bytes of payload in a chunk.
    pub chunk: u32,
    /// Bytes of a read.
    pub read: usize,
    /// How many times the best peer is aimed at.
    pub goal: f64,
    /// Bytes of the capture.
    pub bytes: usize,
    /// What is in it.
    pub digest: Digest,
    /// Seconds of the fastest pass, by entrant and round.
    pub seconds: Vec<Vec<f64>>,
}

impl Cell {
    /// Best peer of a round, in seconds.
    fn best(&self, entrants: &[Entrant], round: usize) -> f64 {
        let peers = entrants.iter().zip(&self.seconds).filter(|(e, _)| e.side == Side::Peer);
        peers.map(|(_, rounds)| rounds[round]).fold(f64::INFINITY, f64::min)
    }

    /// How many times the best peer of the same round, by round.
    #[must_use]
    pub fn ratios(&self, entrants: &[Entrant]) -> Vec<f64> {
        let ours = entrants.iter().position(|e| e.side == Side::Ours).expect("ours is in the run");
        let rounds = self.seconds[ours].iter().enumerate();
        rounds.map(|(round, seconds)| self.best(entrants, round) / seconds).collect()
    }
}

/// The middle value.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The record's text.
#[must_use]
pub fn markdown(entrants: &[Entrant], cells: &[Cell], loads: (&str, &str), title: &str) -> String {
    let mut out = format!("# Chunk readers, {title}\n\n");
    let rounds = cells.first().and_then(|cell| cell.seconds.first()).map_or(0, Vec::len);
    let _ = writeln!(out, "- machine: {}", machine());
    let _ = writeln!(out, "- load average before and after: {} · {}", loads.0, loads.1);
    for entrant in entrants {
        let _ = writeln!(out, "- {}: {}", entrant.name, entrant.about);
    }
    let _ = writeln!(
        out,
        "- one thread, its CPU time; {rounds} rounds, in each all after one another in changing order; of each the fastest of 10 passes or more, since what else the machine does only adds\n\
         - GB of wire a second, median of the rounds; the ratio is the median of the ratios of each round [least–most]\n\
         - wire in memory: the whole capture lies in memory, more than the caches hold, so that no reader can be faster than memory is; in the cache: half a mebibyte at a time is brought there while the clock stands, as bytes are that a read from a socket has just written\n\
         - every reader gave the same messages: types, times and payload, compared by hash before the first round\n"
    );
    let names: Vec<_> = entrants.iter().map(|entrant| entrant.name).collect();
    let _ = writeln!(
        out,
        "| wire in | chunk | read | {} | ours / best peer | goal |",
        names.join(" | ")
    );
    let _ = writeln!(out, "|{}", "---|".repeat(names.len() + 5));
    for cell in cells {
        let _ = write!(out, "| {} | {} | {} ", cell.wire.name(), cell.chunk, cell.read);
        for seconds in &cell.seconds {
            let rate = cell.bytes as f64 / median(seconds) / 1e9;
            let _ = write!(out, "| {rate:.2} ");
        }
        let ratios = cell.ratios(entrants);
        let (low, high) =
            ratios.iter().fold((f64::MAX, 0.0_f64), |(l, h), r| (l.min(*r), h.max(*r)));
        let ratio = median(&ratios);
        let met = if ratio >= cell.goal { "met" } else { "**not met**" };
        let goal = cell.goal;
        let _ = writeln!(out, "| **{ratio:.2}** [{low:.2}–{high:.2}] | ≥ {goal}: {met} |");
    }
    let _ = writeln!(out, "\nThe captures:\n");
    let mut last = 0;
    for cell in cells.iter().filter(|cell| std::mem::replace(&mut last, cell.chunk) != cell.chunk) {
        let Digest { messages, payload, .. } = cell.digest;
        let _ = writeln!(
            out,
            "- chunks of {}: {} bytes of wire, {messages} messages, {payload} bytes of payload",
            cell.chunk, cell.bytes
        );
    }
    out
}

/// Load average of one, five and fifteen minutes.
#[must_use]
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn machine() -> String {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = text("/proc/cpuinfo");
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(": ").map_or("?", |(_, value)| value).to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = text("/proc/sys/kernel/osrelease");
    let family = format!("family {} model {}", field("cpu family"), field("model\t"));
    format!("{} ({family}), {cores} cores, Linux {}", field("model name"), kernel.trim())
}

/// Writes the record.
///
/// # Errors
/// What the file system says.
pub fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::write(path, text)
}
