//! What idle connections cost, and what it takes to start.

use super::measure::{Window, join, kib_each};
use super::{Context, Figure, Goal, figure};
use crate::load::{Span, play};
use crate::net::{self, SECOND};
use crate::procfs;
use crate::server::{Features, Kind, Server};
use crate::stats::Distribution;

const RAMP: u32 = 500;

/// `players` wait for a stream that nobody publishes.
pub fn run(context: &Context, kind: Kind, players: usize) -> Result<Vec<Figure>, String> {
    let mut server = Server::start(kind, &context.programs, Features::default())?;
    let (before, sockets) = (server.usage(), procfs::tcp_memory_kib());
    let from = net::now() + players as u64 * SECOND / u64::from(RAMP) + 2 * SECOND;
    let span = Span::new(from, from + u64::from(context.seconds.min(5)) * SECOND);
    let plan = play::Plan {
        to: server.rtmp(),
        stream: "nobody".into(),
        count: players,
        ramp: RAMP,
        batch: 0,
    };
    let load = {
        let span = span.and_on(SECOND);
        std::thread::spawn(move || play::run(&plan, &span))
    };
    let window = Window::watch(&mut server, &span)?;
    let sockets = procfs::tcp_memory_kib().saturating_sub(sockets);
    let load = join(load)?;
    if let Some(why) = load.failures.first() {
        eprintln!("  {}: {} players ended, first: {why}", kind.name(), load.ended);
    }
    Ok(vec![
        figure("memory for each idle player, KiB", kib_each(&window, &before, players))
            .goal(Goal::AtMost(8.0)),
        figure("kernel socket memory of both ends for each, KiB", sockets as f64 / players as f64),
        figure("server CPU, % of a core", window.percent()),
        figure("players that ended", load.ended as f64),
    ])
}

/// Starts the server a few times.
pub fn start(context: &Context, kind: Kind) -> Result<Vec<Figure>, String> {
    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let server = Server::start(kind, &context.programs, Features::default())?;
        ready.push(server.ready_ms());
        net::sleep_until(net::now() + SECOND / 5);
        memory.push(server.usage().rss_kib as f64 / 1024.0);
    }
    let mut figures = vec![
        figure("start to answering a handshake, ms", Distribution::new(ready).median())
            .goal(Goal::AtMost(20.0)),
        figure("idle memory, MiB", Distribution::new(memory).median()).goal(Goal::AtMost(15.0)),
    ];
    if let Some(size) = context.programs.size(kind) {
        figures.push(figure("binary, MiB", size as f64 / 1024.0 / 1024.0).goal(Goal::AtMost(25.0)));
    }
    Ok(figures)
}
