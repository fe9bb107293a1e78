//! Files over HTTP: segments in bulk, playlists, and viewers who wait for parts.

use super::measure::{Window, join};
use super::{Context, Figure, Goal, figure};
use crate::load::downloads::{self, Expected};
use crate::load::http::fetch;
use crate::load::{Span, publish, viewers};
use crate::media::Rate;
use crate::net::{self, Loopback, MILLI, SECOND};
use crate::script::Script;
use crate::server::{Features, Kind, Server};
use crate::stats::Distribution;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Segments of 4 s at 2 Mbit/s are close to 1 MB. None leaves the window during a run.
const SEGMENTS: [&str; 4] = ["--hls-segment-duration", "4s", "--hls-window", "300s"];
/// Until the second of them is whole.
const FILLS: u64 = 11 * SECOND;
/// Viewers who connect in a second.
const RAMP: u32 = 500;
const FOLDER: &str = "/live/s/";
const PLAYLIST: &str = "video.m3u8";

/// A publisher of the stream `s` at 2 Mbit/s, until its span is over.
fn publisher(
    script: Arc<Script>,
    to: Loopback,
    span: &Span,
) -> JoinHandle<Result<publish::Outcome, String>> {
    let plan = publish::Plan { to, script, stream: "s".into(), count: 1, ramp: 1, raw: false };
    let span = span.clone();
    std::thread::spawn(move || publish::run(&plan, &span))
}

/// `clients` ask for the same segment over and over.
pub fn segments(context: &Context, kind: Kind, clients: usize) -> Result<Vec<Figure>, String> {
    let run = Downloads::run(context, kind, clients, true)?;
    let gigabytes = run.load.bytes as f64 / 1e9;
    let mut figures = vec![
        figure("server CPU-s per GB sent", run.window.cpu / gigabytes).goal(Goal::AtMost(0.33)),
        figure("GB a second", gigabytes / run.window.seconds).drawn(),
    ];
    figures.extend(run.figures(kind));
    Ok(figures)
}

/// `clients` ask for the same playlist over and over.
pub fn playlists(context: &Context, kind: Kind, clients: usize) -> Result<Vec<Figure>, String> {
    let run = Downloads::run(context, kind, clients, false)?;
    let each = run.load.answers as f64 / run.window.cpu;
    let mut figures = vec![
        figure("playlists for each CPU-s", each).goal(Goal::AtLeast(60_000.0)),
        figure("playlists a second", run.load.answers as f64 / run.window.seconds).drawn(),
    ];
    figures.extend(run.figures(kind));
    Ok(figures)
}

/// Clients of one file.
struct Downloads {
    window: Window,
    load: downloads::Outcome,
    /// Bytes of the file when the load began.
    size: usize,
}

impl Downloads {
    /// Ours sends a live stream's segment or playlist from memory, nginx a file of the same kind with `sendfile`.
    fn run(context: &Context, kind: Kind, count: usize, segment: bool) -> Result<Self, String> {
        if kind != Kind::Ours && kind != Kind::Nginx {
            return Err("has no case of HTTP".into());
        }
        // Before the clock runs: it may have to be made.
        let script = context.script(Rate::TwoMegabits, true)?;
        let mut programs = context.programs.clone();
        programs.ours_args.extend(SEGMENTS.map(Into::into));
        let features = Features { http: true, ..Features::default() };
        let mut server = Server::start(kind, &programs, features)?;
        let (to, now) = (server.http(), net::now());
        let live = Span::new(now, now + 120 * SECOND);
        let publisher = publisher(script, server.rtmp(), &live);
        let (path, bytes) = match kind {
            Kind::Ours => {
                net::sleep_until(now + FILLS);
                newest(to, segment)?
            }
            _ => file(&server, segment)?,
        };
        let from = net::now() + SECOND;
        let span = Span::new(from, from + u64::from(context.seconds) * SECOND);
        let size = bytes.len();
        let expected = if segment { Expected::Bytes(bytes) } else { Expected::Playlist };
        let plan = downloads::Plan { to, path, count, expected };
        let load = {
            let span = span.clone();
            std::thread::spawn(move || downloads::run(&plan, &span))
        };
        let window = Window::watch(&mut server, &span)?;
        let load = join(load)?;
        live.stop();
        if join(publisher)?.live != 1 && kind == Kind::Ours {
            return Err("the publisher did not stay".into());
        }
        Ok(Self { window, load, size })
    }

    fn figures(&self, kind: Kind) -> Vec<Figure> {
        let Self { window, load, size } = self;
        if let Some(why) = load.failures.first() {
            eprintln!("  {}: {} clients ended, first: {why}", kind.name(), load.failures.len());
        }
        vec![
            figure("bytes of the file", *size as f64),
            figure("server CPU, % of a core", window.percent()),
            figure("server CPU for each answer, µs", 1e6 * window.cpu / load.answers as f64),
            figure("answer p50, ms", load.time.median()),
            figure("answer p99, ms", load.time.quantile(0.99)),
            figure("answers compared byte for byte or read", load.compared as f64),
            figure("answers that are wrong", load.wrong as f64).goal(Goal::AtMost(0.0)),
            figure("clients that ended", load.failures.len() as f64).goal(Goal::AtMost(0.0)),
            figure("load generator, % of a core", load_percent(load.cpu, window)),
        ]
    }
}

fn load_percent(cpu: u64, window: &Window) -> f64 {
    100.0 * cpu as f64 / SECOND as f64 / window.seconds
}

/// Path and bytes of the newest whole segment, or of the playlist.
fn newest(at: Loopback, segment: bool) -> Result<(String, Vec<u8>), String> {
    let playlist = format!("{FOLDER}{PLAYLIST}");
    let answer = fetch(at, &playlist)?;
    if answer.status != 200 {
        return Err(format!("{playlist}: {}", answer.status));
    }
    if !segment {
        return Ok((playlist, answer.body));
    }
    let text = String::from_utf8_lossy(&answer.body);
    let mut names = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let path = format!("{FOLDER}{}", names.next_back().ok_or("the playlist lists no segment")?);
    let answer = fetch(at, &path)?;
    match answer.status {
        200 => Ok((path, answer.body)),
        status => Err(format!("{path}: {status}")),
    }
}

/// A file that nginx gives out: 1 MB of noise, or a playlist as long as one of ours.
fn file(server: &Server, segment: bool) -> Result<(String, Vec<u8>), String> {
    let mut noise = 12345u64;
    let bytes: Vec<u8> = if segment {
        let next = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (noise >> 56) as u8
        };
        std::iter::repeat_with(next).take(1_000_000).collect()
    } else {
        let line = "#EXTINF:4.00000,\nvideo-1764374400123.m4s\n";
        format!("#EXTM3U\n#EXT-X-VERSION:7\n{}", line.repeat(60)).into_bytes()
    };
    let name = if segment { "segment.m4s" } else { "index.m3u8" };
    let path = server.dir().join("www").join(name);
    std::fs::write(&path, &bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok((format!("/{name}"), bytes))
}

/// `count` viewers wait for each part of one stream, and take it. Only ours has parts.
pub fn viewers(context: &Context, kind: Kind, count: usize) -> Result<Vec<Figure>, String> {
    if kind != Kind::Ours {
        return Ok(Vec::new());
    }
    let script = context.script(Rate::TwoMegabits, true)?;
    let mut server =
        Server::start(kind, &context.programs, Features { http: true, ..Features::default() })?;
    let base = server.usage();
    let now = net::now();
    let live = Span::new(now, now + 120 * SECOND);
    let publisher = publisher(script, server.rtmp(), &live);
    let begin = now + 5 * SECOND;
    let from = begin + count as u64 * SECOND / u64::from(RAMP) + 2 * SECOND;
    let span = Span::new(from, from + u64::from(context.seconds) * SECOND);
    let (folder, playlist) = (FOLDER.into(), PLAYLIST.into());
    let plan = viewers::Plan { to: server.http(), folder, playlist, count, ramp: RAMP };
    let load = {
        let span = span.and_on(SECOND);
        std::thread::spawn(move || {
            net::sleep_until(begin);
            viewers::run(&plan, &span)
        })
    };
    let window = Window::watch(&mut server, &span)?;
    let load = join(load)?;
    live.stop();
    let sent = join(publisher)?;
    if let Some(why) = load.failures.first() {
        eprintln!("  {} viewers ended, first: {why}", load.failures.len());
    }
    let mut figures = vec![
        figure("server CPU, % of a core", window.percent()).goal(Goal::AtMost(35.0)),
        figure("answers a second", load.answers as f64 / window.seconds),
        figure("GB a second", load.bytes as f64 / 1e9 / window.seconds),
    ];
    figures.extend(waits(&load, &span, count)?);
    let kib = (window.private_kib as f64 - base.private_kib as f64) / count as f64;
    figures.extend([
        figure("answers that are wrong", load.wrong as f64).goal(Goal::AtMost(0.0)),
        figure("viewers that ended", load.failures.len() as f64).goal(Goal::AtMost(0.0)),
        figure("memory for each viewer, the stream's media shared out, KiB", kib),
        figure("load generator, % of a core", load_percent(load.cpu + sent.cpu, &window)),
    ]);
    Ok(figures)
}

/// How long after a part was complete the viewers knew of it and had it.
fn waits(load: &viewers::Outcome, span: &Span, count: usize) -> Result<Vec<Figure>, String> {
    let last = span.to.saturating_sub(500 * MILLI);
    let measured: Vec<_> = load
        .parts
        .iter()
        .filter_map(|part| Some((part.complete?, part)))
        .filter(|(complete, _)| (span.from..last).contains(complete))
        .collect();
    if measured.is_empty() {
        return Err("the viewers got no part in time: the machine is overloaded".into());
    }
    let each = |of: fn(&viewers::Part) -> &Vec<u64>| {
        let waits = |(complete, part): &(u64, &viewers::Part)| {
            let complete = *complete;
            of(part).iter().map(move |at| at.saturating_sub(complete)).collect::<Vec<_>>()
        };
        measured.iter().map(waits).collect::<Vec<_>>()
    };
    let (told, taken) = (each(|part| &part.told), each(|part| &part.taken));
    let all = |waits: &[Vec<u64>]| Distribution::from_nanos(waits.iter().flatten().copied());
    let most = |waits: &[Vec<u64>]| {
        Distribution::from_nanos(waits.iter().filter_map(|one| one.iter().max().copied()))
    };
    let short = measured.iter().map(|(_, part)| count.saturating_sub(part.taken.len()));
    Ok(vec![
        figure("part to playlist with the last waiter p50, ms", most(&told).median()).drawn(),
        figure("part to playlist with the last waiter p99, ms", most(&told).quantile(0.99))
            .goal(Goal::AtMost(30.0)),
        figure("part to playlist, all waiters, p50, ms", all(&told).median()),
        figure("part to its last byte with the last viewer p99, ms", most(&taken).quantile(0.99)),
        figure("part to its last byte, all viewers, p50, ms", all(&taken).median()),
        figure("parts measured", measured.len() as f64),
        figure("parts that a viewer did not get", short.sum::<usize>() as f64)
            .goal(Goal::AtMost(0.0)),
        figure("parts missing in a playlist", load.missed as f64).goal(Goal::AtMost(0.0)),
    ])
}
