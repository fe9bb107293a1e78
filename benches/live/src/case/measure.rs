//! What a server uses over a span of time, and the figures every load case gives.

use super::{Figure, figure};
use crate::load::{Span, floor, publish};
use crate::net::{self, SECOND};
use crate::procfs::Usage;
use crate::server::Server;
use std::thread::JoinHandle;

/// What was used over a span.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// CPU time in seconds.
    pub cpu: f64,
    /// Length of the span in seconds.
    pub seconds: f64,
    /// Context switches in a second.
    pub switches: f64,
    /// Private memory at its end, in KiB.
    pub private_kib: u64,
}

impl Window {
    /// Watches a server from the span's beginning to its end. A server that does not live to see
    /// it is an error: its figures would mean nothing.
    pub fn watch(server: &mut Server, span: &Span) -> Result<Self, String> {
        net::sleep_until(span.from);
        let (before, began) = (server.usage(), net::now());
        net::sleep_until(span.to);
        let (after, ended) = (server.usage(), net::now());
        server.check_alive()?;
        let seconds = (ended - began) as f64 / SECOND as f64;
        Ok(Self {
            cpu: after.cpu - before.cpu,
            seconds,
            switches: after.switches.saturating_sub(before.switches) as f64 / seconds,
            private_kib: after.private_kib,
        })
    }

    /// The same for a floor, which measures itself.
    pub fn of_floor(outcome: &floor::Outcome, span: &Span) -> Self {
        let seconds = (span.to - span.from) as f64 / SECOND as f64;
        Self { cpu: outcome.cpu as f64 / SECOND as f64, seconds, ..Self::default() }
    }

    /// CPU in percent of a core.
    pub fn percent(&self) -> f64 {
        100.0 * self.cpu / self.seconds
    }
}

/// Private memory a server has gained since `before`, for each of `count` connections.
pub fn kib_each(window: &Window, before: &Usage, count: usize) -> f64 {
    (window.private_kib as f64 - before.private_kib as f64) / count as f64
}

/// What says whether the load itself kept up: figures of an overloaded machine mean little.
pub fn load_health(publisher: &publish::Outcome, load_cpu_ns: u64, window: &Window) -> Vec<Figure> {
    let load = 100.0 * load_cpu_ns as f64 / SECOND as f64 / window.seconds;
    vec![
        figure("publishers late by p99, ms", publisher.lag.quantile(0.99)),
        figure("publishers held back, times", publisher.stalled as f64),
        figure("load generator, % of a core", load),
    ]
}

/// What a load's thread gave.
pub fn join<T>(thread: JoinHandle<Result<T, String>>) -> Result<T, String> {
    thread.join().map_err(|_| "a load's thread failed".to_owned())?
}
