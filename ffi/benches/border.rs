//! What the C interface costs: one publish, from the bytes of the connection to HLS in memory, through `libstreamcore.so` and through
//! the Rust crate, in one process and in turn. `make bench-border` builds the library and runs it.

use std::ffi::c_void;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use core_crate::assemble::{Assembler, Event};
use core_crate::flv::{Tag, TagKind};
use core_crate::hls::{Muxer, MuxerConfig};
use core_crate::limits::Limits;
use core_crate::rtmp::session::{ServerSession, SessionConfig, SessionEvent};
use core_crate::time::Micros;
use criterion::{Criterion, Throughput};
use libloading::Library;

/// Bytes that a socket gives at once.
const BLOCK: usize = 64 << 10;
/// Captures that make one round of the comparison.
const ROUND: usize = 4;
/// Rounds of each, in turn.
const ROUNDS: usize = 401;

type Status = i32;

#[repr(C)]
#[derive(Clone, Copy)]
struct Iovec {
    data: *const u8,
    len: usize,
}

/// `sc_tag`.
#[repr(C)]
struct CTag {
    struct_size: usize,
    kind: u8,
    timestamp: u32,
    data: *const u8,
    size: usize,
    buf: *const c_void,
}

/// `sc_session_event`.
#[repr(C)]
struct CEvent {
    struct_size: usize,
    event: u32,
    request: u32,
    stream_id: u32,
    kind: u8,
    paused: bool,
    timestamp: u32,
    position: u32,
    data: *const u8,
    size: usize,
    buf: *const c_void,
    texts: [*const c_void; 7],
}

/// `sc_media_event`, whose unit is handed on as it is.
#[repr(C)]
struct CMedia {
    struct_size: usize,
    event: u32,
    track: *const c_void,
    unit: [u64; 7],
    kind: u8,
    index: u8,
    texts: [*const c_void; 2],
}

type Handle = *mut c_void;

/// The functions of the library that the work needs.
struct C {
    session_new: unsafe extern "C" fn(u32, *const c_void, u64, *mut Handle, *mut c_void) -> Status,
    session_input: unsafe extern "C" fn(Handle, u64, *const u8, usize, *mut usize) -> Status,
    session_event: unsafe extern "C" fn(Handle, *mut CEvent) -> Status,
    session_accept: unsafe extern "C" fn(Handle, u32) -> Status,
    session_output: unsafe extern "C" fn(Handle, *mut Iovec, usize, *mut usize) -> Status,
    session_sent: unsafe extern "C" fn(Handle, usize) -> Status,
    session_free: unsafe extern "C" fn(*mut Handle) -> Status,
    assembler_new: unsafe extern "C" fn(u32, *mut Handle, *mut c_void) -> Status,
    assembler_tag: unsafe extern "C" fn(Handle, *const CTag) -> Status,
    assembler_event: unsafe extern "C" fn(Handle, *mut CMedia) -> Status,
    assembler_free: unsafe extern "C" fn(*mut Handle) -> Status,
    muxer_new: unsafe extern "C" fn(u32, *const c_void, *mut Handle, *mut c_void) -> Status,
    muxer_track: unsafe extern "C" fn(Handle, *const c_void) -> Status,
    muxer_unit: unsafe extern "C" fn(Handle, *const c_void, i64) -> Status,
    muxer_pull: unsafe extern "C" fn(Handle, Handle, i64, *mut c_void) -> Status,
    muxer_held: unsafe extern "C" fn(Handle, *mut usize) -> Status,
    muxer_free: unsafe extern "C" fn(*mut Handle) -> Status,
    _library: Library,
}

impl C {
    fn load(path: &Path) -> Self {
        macro_rules! get {
            ($library:ident, $name:literal) => {
                // SAFETY: the type is the header's, and the library is kept.
                unsafe { *$library.get($name).expect("a function of the header") }
            };
        }
        // SAFETY: it runs nothing when it is loaded.
        let library =
            unsafe { Library::new(path) }.expect("cargo build --release -p streamcore-ffi");
        Self {
            session_new: get!(library, b"sc_server_session_new"),
            session_input: get!(library, b"sc_server_session_handle_input"),
            session_event: get!(library, b"sc_server_session_poll_event"),
            session_accept: get!(library, b"sc_server_session_accept"),
            session_output: get!(library, b"sc_server_session_output"),
            session_sent: get!(library, b"sc_server_session_sent"),
            session_free: get!(library, b"sc_server_session_free"),
            assembler_new: get!(library, b"sc_assembler_new"),
            assembler_tag: get!(library, b"sc_assembler_handle_tag"),
            assembler_event: get!(library, b"sc_assembler_poll_event"),
            assembler_free: get!(library, b"sc_assembler_free"),
            muxer_new: get!(library, b"sc_muxer_new"),
            muxer_track: get!(library, b"sc_muxer_handle_track"),
            muxer_unit: get!(library, b"sc_muxer_handle_unit"),
            muxer_pull: get!(library, b"sc_muxer_pull"),
            muxer_held: get!(library, b"sc_muxer_held_bytes"),
            muxer_free: get!(library, b"sc_muxer_free"),
            _library: library,
        }
    }
}

/// How access units go from the assembler to the muxer.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// The muxer takes what is there (`sc_muxer_pull`), as the example servers do it.
    Pull,
    /// Through the hands of the caller, one by one.
    Each,
}

/// The state at the end of a publish through C; freed when it is dropped.
struct ThroughC<'a> {
    c: &'a C,
    session: Handle,
    assembler: Handle,
    muxer: Handle,
    units: usize,
}

impl Drop for ThroughC<'_> {
    fn drop(&mut self) {
        // SAFETY: the handles are live and go with this value.
        unsafe {
            (self.c.session_free)(&raw mut self.session);
            (self.c.assembler_free)(&raw mut self.assembler);
            (self.c.muxer_free)(&raw mut self.muxer);
        }
    }
}

fn through_c<'a>(c: &'a C, capture: &[u8], way: Way) -> ThroughC<'a> {
    let null = std::ptr::null_mut();
    let mut state = ThroughC { c, session: null, assembler: null, muxer: null, units: 0 };
    // SAFETY: all pointers are to live values of this function, and the calls keep the header's order.
    unsafe {
        assert_eq!((c.session_new)(0, null, 0, &raw mut state.session, null), 0);
        assert_eq!((c.assembler_new)(0, &raw mut state.assembler, null), 0);
        assert_eq!((c.muxer_new)(0, null, &raw mut state.muxer, null), 0);
        let mut event: CEvent = std::mem::zeroed();
        let mut tag: CTag = std::mem::zeroed();
        event.struct_size = size_of::<CEvent>();
        tag.struct_size = size_of::<CTag>();
        let mut pieces = [Iovec { data: std::ptr::null(), len: 0 }; 16];
        for block in capture.chunks(BLOCK) {
            let mut at = 0;
            while at < block.len() {
                let rest = block.get(at..).unwrap_or_default();
                let (mut taken, mut count) = (0, 0);
                (c.session_input)(state.session, 1, rest.as_ptr(), rest.len(), &raw mut taken);
                at += taken;
                while (c.session_event)(state.session, &raw mut event) == 0 {
                    match event.event {
                        2 => assert_eq!((c.session_accept)(state.session, event.request), 0),
                        4 => {
                            (tag.kind, tag.timestamp, tag.buf) =
                                (event.kind, event.timestamp, event.buf);
                            (c.assembler_tag)(state.assembler, &raw const tag);
                            state.take(way);
                        }
                        _ => {}
                    }
                }
                while (c.session_output)(state.session, pieces.as_mut_ptr(), 16, &raw mut count)
                    == 0
                {
                    let size = pieces.iter().take(count).map(|piece| piece.len).sum();
                    (c.session_sent)(state.session, size);
                }
            }
        }
    }
    state
}

impl ThroughC<'_> {
    /// Gives what the assembler has to the muxer.
    ///
    /// # Safety
    /// The handles are live.
    unsafe fn take(&mut self, way: Way) {
        let c = self.c;
        // SAFETY: as the function's; the event is this function's.
        unsafe {
            if way == Way::Pull {
                while (c.muxer_pull)(self.muxer, self.assembler, i64::MIN, std::ptr::null_mut())
                    == 0
                {}
                return;
            }
            let mut media: CMedia = std::mem::zeroed();
            media.struct_size = size_of::<CMedia>();
            while (c.assembler_event)(self.assembler, &raw mut media) == 0 {
                if media.event == 1 {
                    (c.muxer_track)(self.muxer, media.track);
                } else if media.event == 2 {
                    self.units += 1;
                    (c.muxer_unit)(self.muxer, (&raw const media.unit).cast(), i64::MIN);
                }
            }
        }
    }

    fn held_bytes(&self) -> usize {
        let mut held = 0;
        // SAFETY: a live handle, and a place of this function's.
        assert_eq!(unsafe { (self.c.muxer_held)(self.muxer, &raw mut held) }, 0);
        held
    }
}

/// The state at the end of a publish through Rust.
struct ThroughRust {
    session: ServerSession,
    assembler: Assembler,
    muxer: Muxer,
    units: usize,
}

fn through_rust(capture: &[u8]) -> ThroughRust {
    let limits = Limits::default();
    let mut state = ThroughRust {
        session: ServerSession::new(SessionConfig::default(), 0, Micros(0)),
        assembler: Assembler::new(&limits),
        muxer: Muxer::new(MuxerConfig::default(), &limits),
        units: 0,
    };
    for block in capture.chunks(BLOCK) {
        let mut at = 0;
        while at < block.len() {
            let rest = block.get(at..).unwrap_or_default();
            at += state.session.handle_input(Micros(1), rest).expect("a good capture");
            while let Some(event) = state.session.poll_event() {
                match event {
                    SessionEvent::Publish { request, .. } => {
                        state.session.accept(request).expect("an open request");
                    }
                    SessionEvent::Media { type_id, timestamp, payload, .. } => {
                        let Some(kind) = TagKind::from_type_id(type_id) else { continue };
                        state.assembler.handle_tag(&Tag { kind, timestamp, body: payload });
                        state.events();
                    }
                    _ => {}
                }
            }
            while let Some(output) = state.session.poll_output() {
                black_box(output.len());
            }
        }
    }
    state
}

impl ThroughRust {
    fn events(&mut self) {
        while let Some(event) = self.assembler.poll_event() {
            match event {
                Event::Track(track) => drop(self.muxer.handle_track(track)),
                Event::Unit(unit) => {
                    self.units += 1;
                    let _ = self.muxer.handle_unit(unit, None);
                }
                _ => {}
            }
        }
    }
}

/// Bytes that the process has allocated.
fn allocated() -> usize {
    // SAFETY: it only reads.
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}

/// What a value holds.
fn held<T>(make: impl Fn() -> T) -> usize {
    drop(make());
    let before = allocated();
    let values: Vec<T> = (0..16).map(|_| make()).collect();
    let held = allocated().saturating_sub(before);
    drop(values);
    held / 16
}

fn time(work: impl Fn()) -> Duration {
    let start = Instant::now();
    (0..ROUND).for_each(|_| work());
    start.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Times in microseconds of what is measured in turn, so that what else the machine does meets all.
fn times<const N: usize>(works: [&dyn Fn(); N]) -> [Vec<f64>; N] {
    let mut times = [const { Vec::new() }; N];
    for round in 0..ROUNDS {
        for at in 0..N {
            // From a different one each time.
            let at = (at + round) % N;
            let (Some(work), Some(times)) = (works.get(at), times.get_mut(at)) else { continue };
            times.push(time(work).as_secs_f64() / ROUND as f64 * 1e6);
        }
    }
    times
}

/// The median of the ratios of neighbours.
fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
}

fn capture() -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/obs-29.0.2/publish.c2s");
    std::fs::read(file).expect("the capture")
}

fn library() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows its own path");
    let folder = program.parent().and_then(Path::parent).expect("target/release/deps");
    folder.join("libstreamcore.so")
}

#[expect(clippy::print_stdout, reason = "a program")]
fn main() {
    let (c, capture) = (C::load(&library()), capture());
    let by_c = |way| drop(black_box(through_c(&c, &capture, way)));
    let by_rust = || drop(black_box(through_rust(&capture)));
    // One side alone, for a counter of instructions around it.
    match std::env::var("ONLY").as_deref() {
        Ok("c") => return (0..ROUND).for_each(|_| by_c(Way::Pull)),
        Ok("each") => return (0..ROUND).for_each(|_| by_c(Way::Each)),
        Ok("rust") => return (0..ROUND).for_each(|_| by_rust()),
        _ => {}
    }
    let (pulled, each, rust) = (
        through_c(&c, &capture, Way::Pull).held_bytes(),
        through_c(&c, &capture, Way::Each),
        through_rust(&capture),
    );
    assert!(rust.units > 500, "{}", rust.units);
    assert_eq!((each.units, each.held_bytes()), (rust.units, rust.muxer.held_bytes()));
    assert_eq!(pulled, rust.muxer.held_bytes());
    let held_c = held(|| through_c(&c, &capture, Way::Pull));
    let held_rust = held(|| through_rust(&capture));
    let [pull, each, rust_times] = times([&|| by_c(Way::Pull), &|| by_c(Way::Each), &|| by_rust()]);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "One publish of OBS, {} bytes, {} access units, to HLS in memory; {ROUNDS} rounds of {ROUND} in turn.\n",
        capture.len(),
        rust.units
    );
    let _ = writeln!(text, "| | through Rust | through C | C / Rust |\n|---|--:|--:|--:|");
    for (name, ours) in [("the muxer pulls", &pull), ("unit by unit", &each)] {
        let _ = writeln!(
            text,
            "| time, µs, {name} (medians; median of the ratios of neighbours) | {:.1} | {:.1} | {:.4} |",
            median(rust_times.clone()),
            median(ours.clone()),
            ratio(ours, &rust_times)
        );
    }
    let _ = writeln!(
        text,
        "| memory held at the end, bytes | {held_rust} | {held_c} | {:.4} |",
        held_c as f64 / held_rust as f64
    );
    println!("{text}");
    if let Some(file) = std::env::var_os("RECORD") {
        std::fs::write(file, &text).expect("a writable file");
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("publish");
    group.throughput(Throughput::Bytes(capture.len() as u64));
    group.bench_function("rust", |bencher| bencher.iter(|| through_rust(&capture)));
    group.bench_function("c", |bencher| bencher.iter(|| through_c(&c, &capture, Way::Pull)));
    group.finish();
    criterion.final_summary();
}
