//! Records an FLV file as if it were live: `cargo run --example record IN.flv OUT.mp4 [--cut SECONDS]`.
//!
//! With `--cut` the recording is left as a killed program leaves it.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program, not the library")]

use std::error::Error;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use streamcore::assemble::{Assembler, Event};
use streamcore::flv::Reader;
use streamcore::limits::Limits;
use streamcore::record::{Mp4Config, Mp4Output, Mp4Recorder, TrackFit};

type Done<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Done {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: record IN.flv OUT.mp4 [--cut SECONDS]".into());
    };
    let cut = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--cut"), Some(seconds)) => Some(Duration::from_secs_f64(seconds.parse()?)),
        _ => None,
    };

    let limits = Limits::default();
    let mut source = File::open(&input).map_err(|error| format!("{input}: {error}"))?;
    let mut target = File::create(&output)?;
    let (mut reader, mut assembler) = (Reader::new(&limits), Assembler::new(&limits));
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &limits);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = source.read(&mut buffer)?;
        let Some(mut bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        while !bytes.is_empty() {
            let taken = reader.handle_input(bytes)?;
            bytes = bytes.get(taken..).unwrap_or_default();
            while let Some((_, tag)) = reader.poll_tag() {
                assembler.handle_tag(&tag);
                record(&mut assembler, &mut recorder)?;
                write(&mut recorder, &mut target)?;
            }
        }
        if cut.is_some_and(|cut| recorder.duration() >= cut) {
            return Ok(());
        }
    }
    assembler.finish();
    record(&mut assembler, &mut recorder)?;

    recorder.finish()?;
    write(&mut recorder, &mut target)?;
    let memory = recorder.index_memory();
    let Some(end) = recorder.end()? else { return Err(format!("{input}: no media").into()) };
    target.write_all(&end.index)?;
    target.sync_data()?;
    target.seek(SeekFrom::Start(end.patch.offset))?;
    target.write_all(&end.patch.bytes)?;
    target.sync_data()?;
    println!(
        "{:?}, {memory} bytes of index held, {} written",
        recorder.duration(),
        end.index.len()
    );
    Ok(())
}

fn record(assembler: &mut Assembler, recorder: &mut Mp4Recorder) -> Done {
    while let Some(event) = assembler.poll_event() {
        match event {
            Event::Track(track) => {
                let name = track.id;
                match recorder.handle_track(track) {
                    Ok(TrackFit::Taken) => {}
                    Ok(TrackFit::NeedsNewFile) => println!("{name}: left out from here on"),
                    Err(error) => println!("{name}: left out: {error}"),
                }
            }
            Event::Unit(unit) => recorder.handle_unit(unit)?,
            Event::Discontinuity => recorder.handle_discontinuity()?,
            _ => {}
        }
    }
    Ok(())
}

fn write(recorder: &mut Mp4Recorder, target: &mut File) -> Done {
    while let Some(output) = recorder.poll_output() {
        match output {
            Mp4Output::Append(chain) => {
                target.seek(SeekFrom::End(0))?;
                chain.iter().try_for_each(|bytes| target.write_all(bytes))?;
            }
            Mp4Output::Patch(patch) => {
                target.seek(SeekFrom::Start(patch.offset))?;
                target.write_all(&patch.bytes)?;
            }
        }
    }
    Ok(())
}
