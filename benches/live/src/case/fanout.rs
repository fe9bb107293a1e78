//! One publisher, many players.

use super::measure::{Window, join, kib_each, load_health};
use super::{Context, Figure, Goal, figure};
use crate::load::play::{self, Tracker};
use crate::load::{Span, floor, publish};
use crate::media::Rate;
use crate::net::{self, Loopback, MILLI, SECOND};
use crate::server::{Features, Kind, Server};
use crate::stats::Distribution;

/// Players that measure delays, before and again after the others have come.
const MEASURING: usize = 5;
const RAMP: u32 = 250;
/// How long messages are gathered, where they are.
const GATHERED: u64 = 50;

/// Runs the case with `players` in all, of a stream of this rate. Where messages are `gathered`, only ours and the floor do so.
pub fn run(
    context: &Context,
    kind: Kind,
    players: usize,
    (rate, gathered): (Rate, bool),
) -> Result<Vec<Figure>, String> {
    if kind == Kind::Floor {
        return on_floor(context, players, if gathered { GATHERED * MILLI } else { 0 });
    }
    let mut programs = context.programs.clone();
    if gathered {
        programs.ours_args.extend(["--rtmp-latency".into(), format!("{GATHERED}ms")]);
    }
    let script = context.script(rate, true)?;
    let bulk = players.saturating_sub(2 * MEASURING).max(1);
    let mut server = Server::start(kind, &programs, Features::default())?;
    let base = server.usage();
    let (to, now) = (server.rtmp(), net::now());
    let filled = now + 2500 * MILLI + bulk as u64 * SECOND / u64::from(RAMP) + SECOND;
    let from = filled + 2 * SECOND;
    let span = Span::new(from, from + u64::from(context.seconds) * SECOND);
    let publisher = {
        let plan = publish::Plan { to, script, stream: "s".into(), count: 1, ramp: 1, raw: false };
        let span = span.and_on(SECOND);
        std::thread::spawn(move || publish::run(&plan, &span))
    };
    let group = |count, batch, at| {
        let (plan, span) =
            (play::Plan { to, stream: "s".into(), count, ramp: RAMP, batch }, span.clone());
        std::thread::spawn(move || {
            net::sleep_until(at);
            play::run(&plan, &span)
        })
    };
    let begin = now + 2500 * MILLI;
    let threads =
        [group(MEASURING, 0, begin), group(bulk, 5 * MILLI, begin), group(MEASURING, 0, filled)];
    let window = Window::watch(&mut server, &span)?;
    let [early, bulk, late] = threads.map(join);
    let (early, bulk, late) = (early?, bulk?, late?);
    let publisher = join(publisher)?;
    if publisher.live != 1 {
        return Err(format!("the publisher did not stay: {:?}", publisher.failures));
    }
    let mut figures = costs(&window, (early.bytes + bulk.bytes + late.bytes) as f64 / 1e9);
    if gathered {
        figures.iter_mut().filter(|f| f.goal.is_some()).for_each(|f| {
            f.goal = Some(Goal::AtMost(0.65));
        });
    }
    figures.extend(delays(&early, &late, if gathered { 65.0 } else { 10.0 }));
    if rate == Rate::Low {
        // It is there for the number of players, and has no goals of its own but that they all get all of it.
        figures.iter_mut().for_each(|figure| figure.goal = None);
    }
    let groups = [&early, &bulk, &late];
    figures.extend(integrity(&groups, players.max(2 * MEASURING + 1)));
    figures.push(figure("memory for each player, KiB", kib_each(&window, &base, players)));
    let load_cpu = publisher.cpu + groups.iter().map(|g| g.cpu).sum::<u64>();
    figures.extend(load_health(&publisher, load_cpu, &window));
    if let Some(why) = groups.iter().find_map(|g| g.failures.first()) {
        eprintln!("  {}: players ended, first: {why}", kind.name());
    }
    Ok(figures)
}

fn costs(window: &Window, gigabytes: f64) -> Vec<Figure> {
    vec![
        figure("server CPU, % of a core", window.percent()),
        figure("server CPU-s per GB delivered", window.cpu / gigabytes).goal(Goal::NoMoreThanOther),
        figure("GB delivered", gigabytes),
        figure("context switches a second", window.switches),
    ]
}

fn delays(early: &play::Outcome, late: &play::Outcome, goal: f64) -> Vec<Figure> {
    let both = |q: fn(&Distribution) -> f64| (q(&early.delay) + q(&late.delay)) / 2.0;
    vec![
        figure("delay p50, ms", both(|d| d.quantile(0.5))).drawn(),
        figure("delay p99, ms", both(|d| d.quantile(0.99))).goal(Goal::AtMost(goal)),
        figure("delay most, ms", early.delay.max().max(late.delay.max())),
        figure("first picture of a joining player p50, ms", late.first_picture.median())
            .goal(Goal::AtMost(10.0)),
    ]
}

/// Whether all players got all there was, in order and alike.
fn integrity(groups: &[&play::Outcome], expected: usize) -> Vec<Figure> {
    let trackers = || groups.iter().flat_map(|g| g.trackers.iter());
    let sum = |of: fn(&Tracker) -> u64| trackers().map(of).sum::<u64>() as f64;
    let last = trackers().filter_map(Tracker::next_picture);
    let behind = last.clone().max().unwrap_or(0) - last.min().unwrap_or(0);
    let playing: usize = groups.iter().map(|g| g.playing - g.ended.min(g.playing)).sum();
    vec![
        figure("players without a picture or ended", expected as f64 - playing as f64)
            .goal(Goal::AtMost(0.0)),
        figure("messages checked", sum(|t| t.seen)),
        figure("messages missing", sum(|t| t.missing)).goal(Goal::AtMost(0.0)),
        figure("messages repeated or out of order", sum(|t| t.repeated)).goal(Goal::AtMost(0.0)),
        figure("pictures that the last player is behind the first", f64::from(behind)),
    ]
}

fn on_floor(context: &Context, players: usize, gather: u64) -> Result<Vec<Figure>, String> {
    let at = Loopback::free().map_err(|e| e.to_string())?;
    let script = context.script(Rate::TwoMegabits, true)?;
    let from = net::now() + 3 * SECOND;
    let span = Span::new(from, from + u64::from(context.seconds) * SECOND);
    let server = {
        let (span, threads) = (span.clone(), context.floor_threads);
        std::thread::spawn(move || floor::fan_out(at, &script, players, (gather, threads), &span))
    };
    net::sleep_until(net::now() + 200 * MILLI);
    let group = |count, reads_marks| {
        let span = span.clone();
        std::thread::spawn(move || floor::take(at, count, reads_marks, &span))
    };
    let measuring = MEASURING.min(players);
    let (few, bulk) = (group(measuring, true), group(players - measuring, false));
    let (few, bulk, server) = (join(few)?, join(bulk)?, join(server)?);
    let window = Window::of_floor(&server, &span);
    let mut figures = costs(&window, server.bytes as f64 / 1e9);
    figures.retain(|f| !f.name.starts_with("context"));
    figures.push(figure("delay p50, ms", few.1.quantile(0.5)));
    figures.push(figure("delay p99, ms", few.1.quantile(0.99)));
    figures.push(figure(
        "bytes sent that were not taken in time",
        server.bytes.saturating_sub(few.0 + bulk.0) as f64,
    ));
    Ok(figures)
}
