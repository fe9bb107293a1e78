//! FLV in: read in blocks, of which tags are slices.

use std::fs::File;
use std::io::{self, Read as _};

use anyhow::Context as _;
use streamcore::assemble::{Assembler, Event};
use streamcore::flv::Reader;
use streamcore::limits::Limits;

use super::Progress;
use super::blocks::Blocks;

type Sink<'a> = &'a mut dyn FnMut(Event) -> anyhow::Result<()>;

/// Reads the file to its end.
pub fn feed(
    source: &mut File,
    limits: &Limits,
    sink: Sink<'_>,
    progress: Progress<'_>,
) -> anyhow::Result<()> {
    let (mut reader, mut assembler) = (Reader::new(limits), Assembler::new(limits));
    let mut blocks = Blocks::default();
    let mut done = 0;
    loop {
        let mut block = blocks.take();
        let count = match source.read(&mut block) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            result => result.context("cannot read the FLV")?,
        };
        let block = block.freeze();
        let mut input = block.slice(..count);
        let ended = input.is_empty();
        while !input.is_empty() {
            let taken = reader.handle_shared(&input).context("the FLV is damaged")?;
            input = input.slice(taken..);
            drain(&mut reader, &mut assembler, sink)?;
        }
        drop(input);
        blocks.give(block);
        if ended {
            break;
        }
        done += count as u64;
        progress(done);
    }
    // While tags wait, the reader is not yet at its end.
    loop {
        reader.finish();
        if !drain(&mut reader, &mut assembler, sink)? {
            break;
        }
    }
    assembler.finish();
    events(&mut assembler, sink)
}

/// Says whether there were tags.
fn drain(reader: &mut Reader, assembler: &mut Assembler, sink: Sink<'_>) -> anyhow::Result<bool> {
    let mut any = false;
    while let Some((_, tag)) = reader.poll_tag() {
        any = true;
        assembler.handle_tag(&tag);
        events(assembler, sink)?;
    }
    Ok(any)
}

fn events(assembler: &mut Assembler, sink: Sink<'_>) -> anyhow::Result<()> {
    while let Some(event) = assembler.poll_event() {
        sink(event)?;
    }
    Ok(())
}
