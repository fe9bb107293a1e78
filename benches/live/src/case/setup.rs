//! Session set-up: what an ordinary player waits for between TCP connect and media.

use super::{Context, Figure, Goal, figure};
use crate::conn::Marks;
use crate::load::sessions::{self, Goal as Until, Plan};
use crate::load::{Span, publish};
use crate::media::Rate;
use crate::net::{self, MILLI, SECOND};
use crate::server::{Features, Kind, Server};
use crate::stats::Distribution;
use crate::style::Style;

/// Sessions one after the other, and 16 at once.
const SHAPES: [(usize, usize); 2] = [(1, 40), (16, 160)];
/// Longest time for each shape.
const LIMIT: u64 = 8 * SECOND;

/// Picks one moment of a session.
type Moment = fn(&Marks) -> Option<u64>;

/// Publishes a stream, lets a group of pictures pass, and lets players come and go.
pub fn run(context: &Context, kind: Kind) -> Result<Vec<Figure>, String> {
    let script = context.script(Rate::TwoMegabits, true)?;
    let mut server = Server::start(kind, &context.programs, Features::default())?;
    let (to, now) = (server.rtmp(), net::now());
    let plan = publish::Plan { to, script, stream: "s".into(), count: 1, ramp: 1, raw: false };
    let span = Span::new(now, now + 120 * SECOND);
    let publisher = std::thread::spawn({
        let span = span.clone();
        move || publish::run(&plan, &span)
    });
    net::sleep_until(now + 3 * SECOND);
    let mut figures = Vec::new();
    let mut failures = Vec::new();
    for style in [Style::Librtmp, Style::Ffmpeg, Style::Prompt] {
        for (at_once, count) in SHAPES {
            let until = net::now() + LIMIT;
            let (goal, pause) = (Until::Picture, if at_once == 1 { 40 * MILLI } else { 0 });
            let plan = Plan { to, style, stream: "s".into(), goal, at_once, count, until, pause };
            let outcome = sessions::run(&plan)?;
            describe(style, at_once, &outcome.marks, &mut figures);
            failures.extend(outcome.failures);
        }
    }
    server.check_alive()?;
    span.stop();
    let publisher = publisher.join().map_err(|_| "the publisher's thread failed")??;
    if publisher.live != 1 {
        return Err(format!("the publisher did not stay: {:?}", publisher.failures));
    }
    figures.push(figure("sessions that failed", failures.len() as f64));
    if let Some(why) = failures.first() {
        eprintln!("  {}: {} sessions failed, first: {why}", kind.name(), failures.len());
    }
    Ok(figures)
}

fn describe(style: Style, at_once: usize, marks: &[Marks], figures: &mut Vec<Figure>) {
    let times =
        |of: fn(&Marks) -> Option<u64>| Distribution::from_nanos(marks.iter().filter_map(of));
    let who = match at_once {
        1 => format!("{}, one at a time", style.name()),
        n => format!("{}, {n} at once", style.name()),
    };
    let media = times(|m| m.media);
    let first = figure(format!("{who}: first media byte p50, ms"), media.median()).drawn();
    let has_goal = at_once == 1 && style != Style::Prompt;
    figures.push(if has_goal { first.goal(Goal::AtMost(5.0)) } else { first });
    figures.push(figure(format!("{who}: first media byte p99, ms"), media.quantile(0.99)));
    if at_once > 1 {
        return;
    }
    let stages: [(&str, Moment); 6] = [
        ("handshake answered", |m| m.handshake),
        ("connect answered", |m| m.connected),
        ("createStream answered", |m| m.asked),
        ("play answered", |m| m.status),
        ("first message byte, headers included", |m| m.message),
        ("first whole picture", |m| m.picture),
    ];
    for (stage, of) in stages {
        figures.push(figure(format!("{who}: {stage} p50, ms"), times(of).median()));
    }
}
