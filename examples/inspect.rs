//! Lists what an FLV file holds: `cargo run --example inspect FILE.flv [--units]`.
//!
//! Tags as they stand in the file, tracks and access units as the assembler makes them.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program, not the library")]

use std::collections::BTreeMap;
use std::error::Error;

use streamcore::assemble::{Assembler, Event};
use streamcore::flv::{Reader, Tag};
use streamcore::limits::Limits;
use streamcore::media::{CodecConfig, TrackId};

#[derive(Default)]
struct Tally {
    units: u64,
    keys: u64,
    bytes: u64,
    first: Option<i64>,
    last: i64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(input) = arguments.next() else {
        return Err("usage: inspect FILE.flv [--units]".into());
    };
    let list = arguments.next().is_some_and(|option| option == "--units");
    let source = std::fs::read(&input).map_err(|error| format!("{input}: {error}"))?;

    let limits = Limits::default();
    let mut reader = Reader::new(&limits);
    let mut assembler = Assembler::new(&limits);
    let mut tallies = BTreeMap::new();
    let mut tags = BTreeMap::new();
    let mut rest = source.as_slice();
    let mut truncated = false;
    loop {
        if rest.is_empty() {
            truncated = reader.finish();
        } else {
            let taken = reader.handle_input(rest)?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        let mut more = !rest.is_empty();
        while let Some((offset, tag)) = reader.poll_tag() {
            more = true;
            count(&mut tags, &tag);
            if list {
                println!(
                    "tag   {offset:>10} {:?} {} ms, {} bytes",
                    tag.kind,
                    tag.timestamp,
                    tag.body.len()
                );
            }
            assembler.handle_tag(&tag);
            drain(&mut assembler, &mut tallies, list);
        }
        if !more {
            break;
        }
    }
    assembler.finish();
    drain(&mut assembler, &mut tallies, list);

    for (kind, (count, bytes)) in tags {
        println!("tags  {kind}: {count}, {bytes} bytes");
    }
    for (id, tally) in tallies {
        let Tally { units, keys, bytes, first, last } = tally;
        let (first, last) = (first.unwrap_or(0), last);
        println!("{id}: {units} access units, {keys} key, {bytes} bytes, dts {first} to {last} us");
    }
    if truncated {
        println!("the file ends in the middle of a tag");
    }
    Ok(())
}

fn count(tags: &mut BTreeMap<String, (u64, usize)>, tag: &Tag) {
    let (count, bytes) = tags.entry(format!("{:?}", tag.kind)).or_default();
    *count += 1;
    *bytes += tag.body.len();
}

fn drain(assembler: &mut Assembler, tallies: &mut BTreeMap<TrackId, Tally>, list: bool) {
    while let Some(event) = assembler.poll_event() {
        match event {
            Event::Track(track) => {
                println!(
                    "track {}: {}, {}",
                    track.id,
                    track.config.codec_string(),
                    describe(&track.config)
                );
            }
            Event::Unit(unit) => {
                let tally = tallies.entry(unit.track).or_default();
                tally.units += 1;
                tally.keys += u64::from(unit.key);
                tally.bytes += unit.data.len() as u64;
                tally.first.get_or_insert(unit.dts);
                tally.last = unit.dts;
                if list {
                    let key = if unit.key { " key" } else { "" };
                    let (dts, pts, len) = (unit.dts, unit.pts(), unit.data.len());
                    println!("unit  {} dts {dts} pts {pts} us, {len} bytes{key}", unit.track);
                }
            }
            Event::Discontinuity => println!("all times jump"),
            Event::Notice(notice) => println!("note  {:?} {}", notice.kind, notice.clause),
            _ => {}
        }
    }
}

fn describe(config: &CodecConfig) -> String {
    match (config.size(), config.sample_rate(), config.channels()) {
        (Some((width, height)), ..) => format!("{width} x {height}"),
        (_, Some(rate), Some(channels)) => format!("{rate} Hz, {channels} channels"),
        _ => String::from("carried as it is"),
    }
}
