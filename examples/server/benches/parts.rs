//! How soon a part can be fetched: from the moment when the frame that completes it is given to the socket, to the last byte of the part over HTTP.
//! `make bench-parts`. A real server, an RTMP publisher in real time, and a player that asks for the part that is hinted at and is held.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kit::rtmp::Publisher;
use kit::source::Film;
use kit::{ServerBuilder, flv, http};

const SECONDS: u64 = 60;
/// What the median and the 99th hundredth should be under.
const GOAL: Duration = Duration::from_millis(5);

fn main() {
    // `cargo test --benches` only wants to know whether it starts.
    let seconds = if std::env::args().any(|argument| argument == "--bench") { SECONDS } else { 3 };
    let data = kit::temp_dir();
    let server = ServerBuilder::new(env!("CARGO_BIN_EXE_streamcore"), data.path())
        .with("--no-record")
        .start();
    let films =
        std::env::var("STREAMCORE_FILMS").map_or_else(|_| data.path().to_owned(), PathBuf::from);
    let tags = flv::read(&Film::new(14).flv(films.to_str().expect("UTF-8")));
    let (start, sent, over) = (Instant::now(), AtomicU64::new(0), AtomicBool::new(false));
    let found = std::thread::scope(|scope| {
        scope.spawn(|| publish(&server, &tags, seconds, (start, &sent, &over)));
        let mut found: Vec<Duration> = Vec::new();
        let mut hint = String::new();
        while !over.load(Ordering::Relaxed) {
            let Some(next) = hinted(&server).filter(|next| *next != hint) else { continue };
            let asked = start.elapsed();
            let answer = http::get(server.http, &format!("/live/bench/{next}"));
            let (now, at) = (start.elapsed(), Duration::from_nanos(sent.load(Ordering::Relaxed)));
            // Only a part that was waited for says anything.
            if answer.is_ok_and(|answer| answer.status == 200) && at > asked {
                found.push(now.saturating_sub(at));
            }
            hint = next;
        }
        found
    });
    report(found);
}

/// Sends the film again and again, and says when the last picture was given to the socket.
fn publish(
    server: &kit::Server,
    tags: &[flv::Tag],
    seconds: u64,
    (start, sent, over): (Instant, &AtomicU64, &AtomicBool),
) {
    let mut publisher = Publisher::start(server.rtmp, "live", "bench");
    let length = tags.last().map_or(0, |tag| tag.timestamp) + 33;
    let begun = Instant::now();
    'all: for round in 0.. {
        for tag in tags.iter().filter(|tag| round == 0 || (tag.is_media() && !tag.is_header())) {
            let timestamp = tag.timestamp + round * length;
            let due = Duration::from_millis(timestamp.into());
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
            if tag.kind == flv::VIDEO {
                let now = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
                sent.store(now, Ordering::Relaxed);
            }
            publisher.send(&flv::Tag { timestamp, ..tag.clone() }).expect("the server takes it");
            if due.as_secs() >= seconds {
                break 'all;
            }
        }
    }
    over.store(true, Ordering::Relaxed);
    publisher.finish("bench").expect("the end is said");
}

/// The part of the pictures that is to come next.
fn hinted(server: &kit::Server) -> Option<String> {
    let answer = http::get(server.http, "/live/bench/video.m3u8").ok()?;
    let text = answer.text();
    let rest = text.split_once("PRELOAD-HINT:TYPE=PART,URI=\"")?.1;
    Some(rest.split('"').next()?.to_owned())
}

fn report(mut found: Vec<Duration>) {
    found.sort_unstable();
    let at = |hundredths: usize| found.get(found.len() * hundredths / 100).copied();
    let (Some(median), Some(late), Some(last)) = (at(50), at(99), found.last()) else {
        println!("no part was waited for");
        return;
    };
    println!(
        "{} parts of 200 ms, from the last access unit to the last byte over HTTP",
        found.len()
    );
    println!(
        "p50 {median:.2?}  p90 {:.2?}  p99 {late:.2?}  max {last:.2?}",
        at(90).unwrap_or(late)
    );
    println!("goal: p99 under {GOAL:?}: {}", if late <= GOAL { "met" } else { "not met" });
}
