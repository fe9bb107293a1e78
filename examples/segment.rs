//! Makes an HLS folder of an FLV file: `cargo run --example segment IN.flv FOLDER`.
//!
//! The whole file is listed, as a stream that has ended.

#![expect(clippy::disallowed_methods, reason = "a program, not the library")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use streamcore::assemble::{Assembler, Event};
use streamcore::error::ErrorKind;
use streamcore::flv::Reader;
use streamcore::hls::{Muxer, MuxerConfig};
use streamcore::limits::Limits;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: segment IN.flv FOLDER".into());
    };
    let source = std::fs::read(&input).map_err(|error| format!("{input}: {error}"))?;

    let limits = Limits::default();
    let mut reader = Reader::new(&limits);
    let mut assembler = Assembler::new(&limits);
    let mut config = MuxerConfig::default();
    config.window = Duration::MAX;
    let mut muxer = Muxer::new(config, &limits);

    let mut rest = source.as_slice();
    while !rest.is_empty() {
        let taken = reader.handle_input(rest)?;
        rest = rest.get(taken..).unwrap_or_default();
        while let Some((_, tag)) = reader.poll_tag() {
            assembler.handle_tag(&tag);
            drain(&mut assembler, &mut muxer)?;
        }
    }
    reader.finish();
    while let Some((_, tag)) = reader.poll_tag() {
        assembler.handle_tag(&tag);
    }
    assembler.finish();
    drain(&mut assembler, &mut muxer)?;
    muxer.finish()?;

    save(&muxer, Path::new(&folder), "index.m3u8")
}

fn drain(assembler: &mut Assembler, muxer: &mut Muxer) -> Result<(), Box<dyn Error>> {
    while let Some(event) = assembler.poll_event() {
        match event {
            Event::Track(track) => match muxer.handle_track(track) {
                // Segments do not take every codec; the other tracks go on.
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                result => result?,
            },
            Event::Unit(unit) => muxer.handle_unit(unit, None)?,
            Event::Discontinuity => muxer.handle_discontinuity()?,
            _ => {}
        }
    }
    Ok(())
}

/// Writes a file and, where it is a playlist, all that it names.
fn save(muxer: &Muxer, folder: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    let file =
        muxer.file(name).ok_or(format!("no {name}: no video and no audio that fits segments"))?;
    let bytes = file.body.to_bytes();
    std::fs::write(folder.join(name), &bytes)?;
    let Some(text) = name.strip_suffix(".m3u8").and_then(|_| std::str::from_utf8(&bytes).ok())
    else {
        return Ok(());
    };
    for line in text.lines() {
        let uri = line.split("URI=\"").nth(1).and_then(|rest| rest.split('"').next());
        match uri {
            Some(uri) => save(muxer, folder, uri)?,
            None if line.starts_with('#') || line.is_empty() => {}
            None => save(muxer, folder, line)?,
        }
    }
    Ok(())
}
