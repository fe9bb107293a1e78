//! Makes an MP4 of an FLV file: `cargo run --example remux IN.flv OUT.mp4`.
//!
//! The file is read twice: once in pieces for its index, once by the ranges that the plan names.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program, not the library")]

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};

use streamcore::limits::Limits;
use streamcore::mp4;
use streamcore::remux::{Options, Piece, Skimmer};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: remux IN.flv OUT.mp4".into());
    };

    let mut source = File::open(&input).map_err(|error| format!("{input}: {error}"))?;
    let mut skimmer = Skimmer::new(source.metadata()?.len(), &Limits::default());
    let mut buffer = Vec::new();
    while let Some(range) = skimmer.poll_read() {
        buffer.clear();
        source.seek(SeekFrom::Start(range.start))?;
        (&source).take((range.end - range.start).max(4096)).read_to_end(&mut buffer)?;
        skimmer.handle_read(&buffer)?;
    }
    let plan = skimmer.finish(&Options::default())?;

    let mut target = BufWriter::with_capacity(256 << 10, File::create(&output)?);
    target.write_all(&plan.head)?;
    for piece in plan.body.iter() {
        match piece {
            Piece::Copy { offset, len } => {
                source.seek(SeekFrom::Start(offset))?;
                std::io::copy(&mut (&source).take(len), &mut target)?;
            }
            Piece::Inline(bytes) => target.write_all(&bytes)?,
        }
    }
    target.flush()?;

    mp4::verify(&plan.head, std::fs::metadata(&output)?.len())?;
    for track in &plan.report.tracks {
        let (samples, bytes) = (track.samples, track.bytes);
        let (start, end) = (seconds(track.start), seconds(track.start + track.duration));
        println!(
            "{} {}: {samples} samples, {bytes} bytes, {start} to {end} s",
            track.id, track.codec
        );
    }
    for notice in &plan.report.notices {
        println!("{:?} x {}", notice.kind, notice.count);
    }
    Ok(())
}

fn seconds(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros / 1000 % 1000)
}
