//! Chunk reading beside other crates: `make bench-peers`.
//!
//! Criterion times each reader in each round. With `RECORD=FILE` a record is written from the same samples, with ratios
//! that compare within a round; `ROUNDS` and `MEGABYTES` change the size of the run.

use std::cell::RefCell;
use std::env;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode};
use streamcore_peers_bench::capture::{Capture, SET_CHUNK_SIZE};
use streamcore_peers_bench::clock::{CpuTime, cpu_time, throughput};
use streamcore_peers_bench::record::{self, Cell, Entrant, Side, Wire};
use streamcore_peers_bench::{Digest, floors, readers};

const ENTRANTS: [Entrant; 7] = [
    Entrant {
        name: "ours",
        about: "streamcore, this tree",
        make: readers::streamcore,
        side: Side::Ours,
    },
    Entrant {
        name: "rml_rtmp",
        about: "rml_rtmp 0.8.0",
        make: readers::rml_rtmp,
        side: Side::Peer,
    },
    Entrant {
        name: "scuffle",
        about: "scuffle-rtmp 0.2.3",
        make: readers::scuffle,
        side: Side::Peer,
    },
    Entrant { name: "xiu", about: "rtmp 0.6.6", make: readers::xiu, side: Side::Peer },
    Entrant {
        name: "walk",
        about: "floor: from header to header, without payload",
        make: floors::header_walk,
        side: Side::Floor,
    },
    Entrant {
        name: "owned",
        about: "floor: the walk, and each payload copied once into a buffer of its own",
        make: floors::owned,
        side: Side::Floor,
    },
    Entrant {
        name: "memcpy",
        about: "floor: each read copied into the same warm mebibyte",
        make: floors::memcpy,
        side: Side::Floor,
    },
];

/// Chunk sizes with the goals.
const CHUNKS: [(u32, f64); 3] = [(128, 2.0), (4096, 2.0), (65_536, 1.0)];
const READS: [usize; 2] = [4096, 65_536];

fn main() {
    let number =
        |name: &str, default| env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (rounds, bytes) = (number("ROUNDS", 3), number("MEGABYTES", 200) * 1_000_000);
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .without_plots()
        .configure_from_args();
    // A profile is to show what was asked for and nothing beside it.
    let profiles = env::args().any(|argument| argument == "--profile-time");
    let before = record::load();
    let mut cells = Vec::new();
    for (chunk, goal) in CHUNKS {
        let capture = Capture::new(chunk, bytes);
        for read in READS {
            if !profiles {
                compare(&capture, read);
            }
            for wire in [Wire::Memory, Wire::Cache] {
                let mut cell = Cell {
                    wire,
                    chunk,
                    read,
                    goal,
                    bytes: capture.bytes.len(),
                    digest: capture.digest,
                    seconds: vec![Vec::new(); ENTRANTS.len()],
                };
                for round in 0..rounds {
                    run(&mut criterion, &capture, &mut cell, round);
                }
                cells.push(cell);
            }
        }
    }
    criterion.final_summary();
    if cells.iter().any(|cell| cell.seconds.iter().any(|rounds_of| rounds_of.len() != rounds)) {
        return; // A filter was given: there is nothing to compare.
    }
    let title = env::var("TITLE").unwrap_or_default();
    let text = record::markdown(&ENTRANTS, &cells, (&before, &record::load()), &title);
    println!("\n{text}");
    if let Ok(path) = env::var("RECORD") {
        record::write(Path::new(&path), &text).expect(&path);
    }
}

/// All readers read the same, or there is nothing to measure.
fn compare(capture: &Capture, read: usize) {
    for entrant in ENTRANTS.iter().filter(|entrant| entrant.side != Side::Floor) {
        let digest = Digest::of((entrant.make)(), &capture.bytes, read);
        assert_eq!(digest, capture.digest, "{}: other messages than were sent", entrant.name);
    }
}

fn run(criterion: &mut Criterion<CpuTime>, capture: &Capture, cell: &mut Cell, round: usize) {
    let wire = cell.wire.name();
    let name = format!("{wire} chunk {} read {} round {}", cell.chunk, cell.read, round + 1);
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).throughput(throughput(capture.bytes.len()));
    let mut order: Vec<usize> = (0..ENTRANTS.len()).collect();
    order.rotate_left(round % ENTRANTS.len());
    if round % 2 == 1 {
        order.reverse();
    }
    for index in order {
        let entrant = &ENTRANTS[index];
        let samples = RefCell::new(Vec::new());
        group.bench_function(BenchmarkId::from_parameter(entrant.name), |bencher| {
            bencher.iter_custom(|passes| {
                let mut sum = Duration::ZERO;
                for _ in 0..passes {
                    let took =
                        pass(entrant, &capture.bytes, cell.read, cell.wire, samples.borrow().len());
                    samples.borrow_mut().push(took.as_secs_f64());
                    sum += took;
                }
                sum
            });
        });
        let samples = samples.into_inner();
        if !samples.is_empty() {
            cell.seconds[index].push(samples.into_iter().fold(f64::INFINITY, f64::min));
        }
    }
    group.finish();
}

/// Bytes that are brought into the cache at a time: the second-level cache holds them, and the clock's own cost is lost in them.
const WINDOW: usize = 512 << 10;

fn pass(entrant: &Entrant, wire: &[u8], read: usize, lies_in: Wire, number: usize) -> Duration {
    // Where buffers lie within a page can halve the speed of a copy: each pass puts them elsewhere.
    let spacer = vec![0_u8; 16 + number % 64 * 208];
    let mut feed = (entrant.make)();
    let (mut sum, mut took) = (0, Duration::ZERO);
    let mut sink = |_, time, payload: &[u8]| {
        sum += payload.len() ^ time as usize;
        black_box(payload);
    };
    let (first, rest) = wire.split_at(SET_CHUNK_SIZE);
    feed(first, &mut sink);
    let window = match lies_in {
        Wire::Memory => rest.len(),
        Wire::Cache => WINDOW,
    };
    for window in rest.chunks(window) {
        if lies_in == Wire::Cache {
            black_box(window.iter().step_by(64).fold(0_u8, |sum, byte| sum ^ byte));
        }
        let start = cpu_time();
        window.chunks(read).for_each(|piece| feed(piece, &mut sink));
        took += cpu_time().saturating_sub(start);
    }
    black_box((sum, spacer));
    took
}
