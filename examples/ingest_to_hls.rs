//! RTMP in, a folder of HLS out: sockets of the standard library, one thread, and the core.
//!
//! ```text
//! cargo run --example ingest_to_hls -- 127.0.0.1:1935 hls &
//! ffmpeg -re -i film.mp4 -c copy -f flv rtmp://127.0.0.1:1935/live/demo
//! ```
//!
//! It takes one publisher, writes `index.m3u8` and what it names while the stream is live, and ends with it.
#![expect(clippy::print_stdout, reason = "a program says what it does")]
#![expect(
    clippy::disallowed_methods,
    reason = "the program around the core does the I/O and reads the clock"
)]

use std::collections::HashSet;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Instant;
use std::{env, fs};

use streamcore::assemble::{Assembler, Event};
use streamcore::error::ErrorKind;
use streamcore::flv::{Tag, TagKind};
use streamcore::hls::{Muxer, MuxerConfig};
use streamcore::limits::Limits;
use streamcore::rtmp::session::{Rejection, ServerSession, SessionConfig, SessionEvent};
use streamcore::time::Micros;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(address), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: ingest_to_hls ADDRESS FOLDER".into());
    };
    let listener = TcpListener::bind(&address)?;
    println!("publish to rtmp://{}/live/NAME", listener.local_addr()?);
    let (socket, peer) = listener.accept()?;
    println!("{peer} connected");
    let mut output = Output::new(folder)?;
    publish(socket, &mut output)?;
    output.muxer.finish()?;
    output.write_files()?;
    println!("{} units in, {} files out", output.units, output.written.len());
    Ok(())
}

/// Runs one connection until the publisher ends it.
fn publish(mut socket: TcpStream, output: &mut Output) -> Result<()> {
    socket.set_nodelay(true)?;
    let started = Instant::now();
    let now = || Micros(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
    let mut session = ServerSession::new(SessionConfig::default(), 1, now());
    let mut buffer = vec![0; 64 << 10];
    loop {
        let wait = session.poll_timeout().map(|at| at.since(now()));
        socket.set_read_timeout(wait.map(|wait| wait.max(std::time::Duration::from_millis(1))))?;
        let count = match socket.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                0
            }
            Err(error) => return Err(error.into()),
        };
        session.handle_timeout(now())?;
        let mut input = buffer.get(..count).unwrap_or_default();
        // A full queue makes the session take less than all: serve its events, then give it the rest.
        loop {
            let taken = session.handle_input(now(), input)?;
            input = input.get(taken..).unwrap_or_default();
            if serve_events(&mut session, output)? {
                return Ok(());
            }
            while let Some(chain) = session.poll_output() {
                chain.into_iter().try_for_each(|part| socket.write_all(&part))?;
            }
            if session.is_closing() {
                return Ok(());
            }
            if input.is_empty() {
                break;
            }
        }
    }
}

/// True once the publisher has ended the stream.
fn serve_events(session: &mut ServerSession, output: &mut Output) -> Result<bool> {
    while let Some(event) = session.poll_event() {
        match event {
            SessionEvent::Publish { request, path, .. } => {
                println!("publishing {}", path.path());
                session.accept(request)?;
            }
            SessionEvent::Play { request, .. } => session.reject(request, Rejection::NotFound)?,
            SessionEvent::Media { type_id, timestamp, payload, .. } => {
                if let Some(kind) = TagKind::from_type_id(type_id) {
                    output.handle_tag(&Tag { kind, timestamp, body: payload })?;
                }
            }
            SessionEvent::Unpublished { .. } => return Ok(true),
            SessionEvent::Notice(notice) => println!("notice: {notice:?}"),
            _ => {}
        }
    }
    Ok(false)
}

/// The media half: tags in, files out.
struct Output {
    folder: String,
    assembler: Assembler,
    muxer: Muxer,
    units: u64,
    written: HashSet<String>,
}

impl Output {
    fn new(folder: String) -> Result<Self> {
        fs::create_dir_all(&folder)?;
        let limits = Limits::default();
        let muxer = Muxer::new(MuxerConfig::default(), &limits);
        Ok(Self {
            folder,
            assembler: Assembler::new(&limits),
            muxer,
            units: 0,
            written: HashSet::new(),
        })
    }

    fn handle_tag(&mut self, tag: &Tag) -> Result<()> {
        self.assembler.handle_tag(tag);
        while let Some(event) = self.assembler.poll_event() {
            match event {
                Event::Track(track) => match self.muxer.handle_track(track) {
                    // Segments do not take every codec; the other tracks go on.
                    Err(error) if error.kind() == ErrorKind::Unsupported => {}
                    result => result?,
                },
                Event::Unit(unit) => {
                    let key = unit.key;
                    self.units += 1;
                    self.muxer.handle_unit(unit, None)?;
                    if key {
                        self.write_files()?;
                    }
                }
                Event::Discontinuity => self.muxer.handle_discontinuity()?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes the segments that are new, then the playlists that name them: never the other way round.
    fn write_files(&mut self) -> Result<()> {
        for playlist in ["video.m3u8", "audio.m3u8"] {
            let Some(file) = self.muxer.file(playlist) else { continue };
            let text = file.body.to_bytes();
            for line in String::from_utf8_lossy(&text).lines() {
                let map =
                    line.strip_prefix("#EXT-X-MAP:URI=\"").and_then(|rest| rest.strip_suffix('"'));
                let Some(name) = map.or((!line.starts_with('#')).then_some(line)) else { continue };
                if self.written.insert(name.to_owned())
                    && let Some(file) = self.muxer.file(name)
                {
                    fs::write(Path::new(&self.folder).join(name), file.body.to_bytes())?;
                }
            }
            fs::write(Path::new(&self.folder).join(playlist), &text)?;
        }
        if let Some(file) = self.muxer.file("index.m3u8") {
            fs::write(Path::new(&self.folder).join("index.m3u8"), file.body.to_bytes())?;
        }
        Ok(())
    }
}
