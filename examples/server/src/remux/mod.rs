//! `streamcore remux`: an FLV into an MP4 whose index stands in front; also what makes MP4s of recordings.

pub mod command;
mod far;
mod fragmented;
pub mod io;
mod kernel;
pub mod part;
mod place;
mod ranges;
mod upload;

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use anyhow::ensure;
use streamcore::limits::Limits;
use streamcore::remux::{Options, Piece, Plan, Skimmer};

pub use command::{print, run};
use io::{BLOCK, Copier, Glance, How, Window};
pub use place::Place;

use crate::media_info::mp4;

/// Reads between two looks at the progress.
const READS: u32 = 256;

/// First pass: reads of the FLV what tells what goes where.
pub fn index(
    source: &File,
    size: u64,
    options: &Options,
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<Plan> {
    let mut skimmer = Skimmer::new(size, &Limits::default());
    let mut glance = Glance::default();
    let mut reads = 0_u32;
    while let Some(range) = skimmer.poll_read() {
        glance.read(source, &range, &mut skimmer)?;
        reads = reads.wrapping_add(1);
        if reads.is_multiple_of(READS) {
            progress(skimmer.position());
        }
    }
    Ok(skimmer.finish(options)?)
}

/// Second pass: writes the index and copies the media behind it.
pub fn write(
    plan: &Plan,
    source: &File,
    target: &File,
    how: How,
    progress: &mut dyn FnMut(u64),
) -> std::io::Result<()> {
    let mut copier = Copier::new(source, target, how, plan.len());
    copier.write(&plan.head)?;
    let mut done = 0;
    for piece in plan.body.iter() {
        match piece {
            Piece::Copy { offset, len } => copier.copy(offset..offset + len, &mut |count| {
                done += count;
                progress(done);
            })?,
            Piece::Inline(bytes) => copier.write(&bytes)?,
        }
    }
    copier.flush()
}

/// Third pass: reads the MP4 back. Another reader finds the same samples by its index, and the media are the source's.
pub fn verify(
    plan: &Plan,
    source: &File,
    part: &Path,
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<()> {
    let read = mp4::Mp4::open(part)?;
    ensure!(read.index_first, "the index is not in front");
    let expected: Vec<u64> = plan.report.tracks.iter().map(|track| track.samples as u64).collect();
    read.check(&expected)?;
    let mut target = BufReader::with_capacity(BLOCK, File::open(part)?);
    let mut source = Window::new(source);
    let mut copy = Vec::new();
    let mut same = |target: &mut BufReader<File>, bytes: &[u8]| -> std::io::Result<()> {
        copy.resize(bytes.len(), 0);
        target.read_exact(&mut copy)?;
        if copy == bytes { Ok(()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
    };
    same(&mut target, &plan.head)?;
    let mut done = 0;
    for piece in plan.body.iter() {
        match piece {
            Piece::Copy { offset, len } => source.read(offset, len, |bytes| {
                done += bytes.len() as u64;
                progress(done);
                same(&mut target, bytes)
            })?,
            Piece::Inline(bytes) => same(&mut target, &bytes)?,
        }
    }
    ensure!(target.read(&mut [0])? == 0, "there are bytes behind the media");
    Ok(())
}

/// Makes sure that a command does not write over what it reads.
pub fn not_the_same(input: &Place, output: &Place) -> anyhow::Result<()> {
    let same = match (input, output) {
        (Place::File(a), Place::File(b)) => {
            matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
        }
        (Place::Url(a), Place::Url(b)) => a == b,
        _ => false,
    };
    ensure!(!same, "{input} and {output} are the same file");
    Ok(())
}
