//! Many publishers: relay, HLS, recording.

use super::measure::{Window, join, kib_each, load_health};
use super::{Context, Figure, Goal, figure};
use crate::load::floor::{self, Keep};
use crate::load::{Span, publish};
use crate::media::{self, Rate};
use crate::net::{self, Loopback, SECOND};
use crate::recordings;
use crate::script::Script;
use crate::server::{Features, Kind, Server};
use crate::stats::Distribution;
use std::sync::Arc;
use std::thread::JoinHandle;

const RAMP: u32 = 100;
/// Most recordings that are compared with the source.
const COMPARED: usize = 20;

/// Runs the case with `publishers` at 1 Mbit/s each.
pub fn run(
    context: &Context,
    kind: Kind,
    publishers: usize,
    features: Features,
) -> Result<Vec<Figure>, String> {
    let script = context.script(Rate::OneMegabit, false)?;
    let (now, groups) = (net::now(), publishers as f64 * script.mean_group());
    // The publishers begin their media spread over 2 s.
    let from = now + publishers as u64 * SECOND / u64::from(RAMP) + 5 * SECOND;
    let span = Span::new(from, from + u64::from(context.seconds) * SECOND);
    if kind == Kind::Floor {
        return on_floor(script, publishers, features, &span);
    }
    let mut server = Server::start(kind, &context.programs, features)?;
    let base = server.usage();
    // They go on for a while so that recordings and playlists are looked at while live.
    let publishing = span.and_on(10 * SECOND);
    let load = load(script, server.rtmp(), publishers, false, &publishing);
    let window = Window::watch(&mut server, &span)?;
    let mut checks = Vec::new();
    if features.record {
        checks.extend(recorded(&server, publishers)?);
    }
    if features.hls {
        let found = recordings::playlists(&server, kind, publishers);
        let missing = publishers as f64 - found as f64;
        checks.push(figure("publishers without an HLS playlist", missing).goal(Goal::AtMost(0.0)));
    }
    publishing.stop();
    let sent = join(load)?;
    let goal = match features {
        Features { hls: false, record: false, .. } => 0.065,
        Features { hls: true, record: true, .. } => 0.12,
        _ => 0.08,
    };
    let mut figures = costs(&window, &sent, publishers, goal);
    figures.push(figure("memory for each publisher, KiB", kib_each(&window, &base, publishers)));
    let media = media_kept(kind, features, &sent, groups) / 1024.0 / publishers as f64;
    let beyond = kib_each(&window, &base, publishers) - media;
    figures.push(
        figure("memory for each publisher beyond its media, KiB", beyond).goal(Goal::AtMost(48.0)),
    );
    figures.push(
        figure("publishers that ended", (publishers - sent.live.min(publishers)) as f64)
            .goal(Goal::AtMost(0.0)),
    );
    figures.extend(checks);
    figures.extend(load_health(&sent, sent.cpu, &window));
    if let Some(why) = sent.failures.first() {
        eprintln!("  {}: publishers ended, first: {why}", kind.name());
    }
    Ok(figures)
}

/// Bytes of media that the server keeps. With HLS ours has all that came so far: its window is longer than a run. Without, it has the
/// current groups of pictures. The others keep nothing.
fn media_kept(kind: Kind, features: Features, sent: &publish::Outcome, groups: f64) -> f64 {
    match (kind, features.hls) {
        (Kind::Ours, true) => sent.total as f64,
        (Kind::Ours, false) => groups,
        _ => 0.0,
    }
}

fn load(
    script: Arc<Script>,
    to: Loopback,
    count: usize,
    raw: bool,
    span: &Span,
) -> JoinHandle<Result<publish::Outcome, String>> {
    let plan = publish::Plan { to, script, stream: "p".into(), count, ramp: RAMP, raw };
    let span = span.clone();
    std::thread::spawn(move || publish::run(&plan, &span))
}

fn costs(window: &Window, sent: &publish::Outcome, publishers: usize, goal: f64) -> Vec<Figure> {
    let gigabytes = sent.bytes as f64 / 1e9;
    vec![
        figure("server CPU, % of a core", window.percent()),
        figure("server CPU for each publisher, % of a core", window.percent() / publishers as f64)
            .goal(Goal::AtMost(goal)),
        figure("server CPU-s per GB received", window.cpu / gigabytes),
        figure("context switches a second", window.switches),
    ]
}

/// Compares what has been recorded so far with the source.
fn recorded(server: &Server, publishers: usize) -> Result<Vec<Figure>, String> {
    let source = media::tags(Rate::OneMegabit, super::MEDIA_SECONDS)?;
    let files = recordings::files(server.dir());
    let compared: Vec<_> =
        files.iter().take(COMPARED).map(|f| recordings::compare(f, &source)).collect();
    let wrong: Vec<_> = compared.iter().filter_map(|c| c.as_ref().err()).collect();
    if let Some(why) = wrong.first() {
        eprintln!("  recording: {why}");
    }
    let seconds = compared.iter().flatten().map(|ms| f64::from(*ms) / 1000.0);
    let missing = publishers as f64 - files.len() as f64;
    Ok(vec![
        figure("publishers without a recording", missing).goal(Goal::AtMost(0.0)),
        figure("recordings that differ from the source", wrong.len() as f64)
            .goal(Goal::AtMost(0.0)),
        figure("shortest of the recordings compared, s", Distribution::new(seconds).min()),
    ])
}

fn on_floor(
    script: Arc<Script>,
    publishers: usize,
    features: Features,
    span: &Span,
) -> Result<Vec<Figure>, String> {
    if features.hls {
        return Ok(Vec::new());
    }
    let at = Loopback::free().map_err(|e| e.to_string())?;
    let scratch = recordings::scratch("floor")?;
    let keep = match features.record {
        true => Keep::Files { dir: scratch.path().to_owned(), block: 64 << 10 },
        false => Keep::Nothing,
    };
    let server = {
        let span = span.clone();
        std::thread::spawn(move || floor::sink(at, &keep, &span))
    };
    net::sleep_until(net::now() + SECOND / 5);
    let load = load(script, at, publishers, true, span);
    let (server, sent) = (join(server)?, join(load)?);
    let window = Window::of_floor(&server, span);
    let each =
        figure("server CPU for each publisher, % of a core", window.percent() / publishers as f64);
    let mut figures = vec![figure("server CPU, % of a core", window.percent()), each];
    figures.push(figure("server CPU-s per GB received", window.cpu / (server.bytes as f64 / 1e9)));
    figures.extend(load_health(&sent, sent.cpu, &window));
    Ok(figures)
}
