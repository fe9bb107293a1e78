//! Sessions set up in a second, and what they leave behind.

use super::measure::Window;
use super::{Context, Figure, Goal, figure};
use crate::load::Span;
use crate::load::sessions::{self, Goal as Until, Plan};
use crate::net::{self, SECOND};
use crate::server::{Features, Kind, Server};
use crate::stats::Distribution;
use crate::style::Style;

/// Most sessions of one client kind in a run.
const MOST: usize = 20_000;

/// `at_once` players connect, ask for a stream nobody publishes, and go; again and again.
pub fn run(context: &Context, kind: Kind, at_once: usize) -> Result<Vec<Figure>, String> {
    let mut server = Server::start(kind, &context.programs, Features::default())?;
    let before = server.usage();
    let mut figures = Vec::new();
    let mut done = 0;
    for style in [Style::Librtmp, Style::Ffmpeg, Style::Prompt] {
        let now = net::now();
        let until = now + u64::from(context.seconds) * SECOND;
        let plan = Plan {
            to: server.rtmp(),
            style,
            stream: "nobody".into(),
            goal: Until::Asked,
            at_once,
            count: MOST,
            until,
            pause: 0,
        };
        let cpu = server.usage().cpu;
        let outcome = sessions::run(&plan)?;
        let cpu = server.usage().cpu - cpu;
        let count = outcome.marks.len();
        done += count;
        let took = Distribution::from_nanos(outcome.marks.iter().filter_map(|m| m.asked));
        let who = format!("{}, {at_once} at once", style.name());
        let ordinary = style == Style::Librtmp;
        let with = |f: Figure, goal| if ordinary { f.goal(goal) } else { f };
        let rate = count as f64 / (outcome.took as f64 / SECOND as f64);
        figures
            .push(with(figure(format!("{who}: sessions a second"), rate), Goal::AtLeast(5000.0)));
        figures
            .push(with(figure(format!("{who}: set up p50, ms"), took.median()), Goal::AtMost(2.0)));
        figures.push(figure(format!("{who}: set up p99, ms"), took.quantile(0.99)));
        figures.push(figure(format!("{who}: server CPU for each, µs"), 1e6 * cpu / count as f64));
        figures.push(figure(format!("{who}: failed"), outcome.failures.len() as f64));
        if let Some(why) = outcome.failures.first() {
            eprintln!("  {}: {} failed, first: {why}", kind.name(), outcome.failures.len());
        }
    }
    let now = net::now();
    let rest = Window::watch(&mut server, &Span::new(now + SECOND, now + 2 * SECOND))?;
    let grown = rest.private_kib as f64 - before.private_kib as f64;
    figures.push(figure("memory gained by all sessions, 1 s after, MiB", grown / 1024.0));
    figures.push(figure("sessions in all", done as f64));
    Ok(figures)
}
