//! `streamcore repair`: a file that a crash cut short, or that is in fragments, into a whole one that can be sought in.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;
use streamcore::limits::Limits;
use streamcore::mp4::index::{Index, IndexReader};
use streamcore::remux::{Body, FlvMender, Piece};

use crate::cli::{Outcome, RemuxArgs, RepairArgs};
use crate::remux::io::{Copier, How, block_size, read_at};
use crate::remux::part::{Part, bar, exit_if_interrupted};
use crate::remux::{self, io::BLOCK, print};

/// What was done, for programs.
#[derive(Debug, Serialize)]
struct Done {
    input: String,
    output: String,
    /// Of the whole file.
    bytes: u64,
    /// Access units, or tags of video and audio.
    samples: u64,
    /// Movie fragments that became one file.
    fragments: u64,
    /// Where the input is cut off, or stops to make sense.
    cut_at: Option<u64>,
    /// Access units that the input names and does not hold.
    lost: u64,
    /// Nothing was wrong.
    was_whole: bool,
}

/// Runs the command.
pub fn run(args: &RepairArgs) -> anyhow::Result<Outcome> {
    let result = repair(args);
    if result.is_err() {
        exit_if_interrupted();
    }
    let done = result?;
    let input = args.input.display();
    if let Some(byte) = done.cut_at {
        eprintln!("{input}: cut off at byte {byte}: all before it is in {}", done.output);
    }
    if done.lost > 0 {
        eprintln!("{input}: {} samples that its index names are not in it", done.lost);
    }
    if done.was_whole {
        eprintln!("{input}: nothing to repair");
    }
    if args.json {
        print(&done)?;
    }
    Ok(Outcome::Whole)
}

fn repair(args: &RepairArgs) -> anyhow::Result<Done> {
    let shown = args.input.display();
    let mut file = File::options()
        .read(true)
        .write(args.in_place)
        .open(&args.input)
        .with_context(|| format!("cannot open {shown}"))?;
    let mut head = Vec::new();
    (&file).take(8).read_to_end(&mut head).with_context(|| format!("cannot read {shown}"))?;
    file.rewind().with_context(|| format!("cannot read {shown}"))?;
    let is_flv = head.starts_with(b"FLV");
    let result = match (&args.output, is_flv) {
        _ if head.is_empty() => bail!("{shown} is empty: there is nothing at byte 0"),
        (None, true) => bail!("an FLV is repaired into another file: name it"),
        (None, false) => {
            ensure!(args.in_place, "name the file to write, or say --in-place");
            mp4_in_place(&mut file, args)
        }
        (Some(output), _) => {
            ensure!(!args.in_place, "either --in-place or a file to write");
            let place = |path: &Path| remux::Place::File(path.to_path_buf());
            remux::not_the_same(&place(&args.input), &place(output))?;
            let wants_mp4 = output.extension().is_some_and(|extension| extension != "flv");
            match (is_flv, wants_mp4) {
                (true, true) => return flv_to_mp4(args, output),
                (true, false) => flv(&file, args, output),
                (false, true) => mp4(&file, args, output),
                (false, false) => bail!("an MP4 is not made an FLV"),
            }
        }
    };
    result.with_context(|| format!("cannot repair {shown}"))
}

fn flv_to_mp4(args: &RepairArgs, output: &Path) -> anyhow::Result<Done> {
    let remux = RemuxArgs::new(args.input.clone(), output.to_path_buf(), args.sync);
    let (plan, _) = remux::command::remux(&remux)?;
    let report = &plan.report;
    Ok(Done {
        input: args.input.display().to_string(),
        output: output.display().to_string(),
        bytes: plan.len(),
        samples: report.tracks.iter().map(|track| track.samples as u64).sum(),
        fragments: 0,
        cut_at: report.cut_at,
        lost: 0,
        was_whole: false,
    })
}

fn flv(source: &File, args: &RepairArgs, output: &Path) -> anyhow::Result<Done> {
    let size = source.metadata()?.len();
    let mut mender = FlvMender::new(&Limits::default());
    let read_bar = bar(size);
    let (mut at, mut block) = (0, Vec::new());
    while at < size {
        let end = size.min(at + BLOCK as u64);
        read_at(source, &(at..end), 0, &mut block)?;
        mender.handle_input(&block)?;
        at = end;
        read_bar.set_position(at);
    }
    read_bar.finish_and_clear();
    let mended = mender.finish()?;
    let part = Part::create(output)?;
    let copy_bar = bar(mended.body.len());
    copy(source, &part.file, &mended.head, &mended.body, &mut |done| copy_bar.inc(done))?;
    copy_bar.finish_and_clear();
    part.keep(args.sync)?;
    let bytes = mended.head.len() as u64 + mended.body.len();
    Ok(Done {
        input: args.input.display().to_string(),
        output: output.display().to_string(),
        bytes,
        samples: mended.tags,
        fragments: 0,
        cut_at: mended.cut_at,
        lost: 0,
        was_whole: mended.cut_at.is_none() && mended.left_out == 0,
    })
}

fn copy(
    source: &File,
    target: &File,
    head: &[u8],
    body: &Body,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    let bytes = head.len() as u64 + body.len();
    let mut copier = Copier::new(source, target, How::Kernel, bytes);
    copier.write(head)?;
    for piece in body.iter() {
        match piece {
            Piece::Copy { offset, len } => copier.copy(offset..offset + len, progress)?,
            Piece::Inline(bytes) => copier.write(&bytes)?,
        }
    }
    copier.flush()
}

/// Reads the index of an MP4.
pub fn index(file: &File) -> anyhow::Result<Index> {
    let mut reader = IndexReader::new(file.metadata()?.len(), &Limits::default());
    let mut bytes = Vec::new();
    while let Some(range) = reader.poll_read() {
        read_at(file, &range, 0, &mut bytes)?;
        reader.handle_read(&bytes)?;
    }
    Ok(reader.finish()?)
}

fn mp4(source: &File, args: &RepairArgs, output: &Path) -> anyhow::Result<Done> {
    let index = index(source)?;
    let part = Part::create(output)?;
    let plan = index.in_front(block_size(&part.file))?;
    let bytes = plan.head.len() as u64 + (plan.source.end - plan.source.start);
    let mut copier = Copier::new(source, &part.file, How::Kernel, bytes);
    copier.write(&plan.head)?;
    let copy_bar = bar(plan.source.end - plan.source.start);
    copier.copy(plan.source, &mut |done| copy_bar.inc(done))?;
    copier.flush()?;
    copy_bar.finish_and_clear();
    part.keep(args.sync)?;
    Ok(done_mp4(&index, args, output, bytes, false))
}

/// Writes the index behind the media, has both on the disk, and then makes it the one that counts.
fn mp4_in_place(file: &mut File, args: &RepairArgs) -> anyhow::Result<Done> {
    let index = index(file)?;
    let bytes = file.metadata()?.len();
    if index.is_plain() && index.cut_at.is_none() {
        return Ok(done_mp4(&index, args, &args.input, bytes, true));
    }
    ensure!(
        index.fragments > 0,
        "the media is cut, and its index is in front: name a file to write"
    );
    let plan = index.in_place()?;
    file.set_len(plan.at)?;
    file.seek(SeekFrom::Start(plan.at))?;
    file.write_all(&plan.moov)?;
    file.sync_data()?;
    file.seek(SeekFrom::Start(plan.header_at))?;
    file.write_all(&plan.header)?;
    file.sync_data()?;
    let bytes = plan.at + plan.moov.len() as u64;
    Ok(done_mp4(&index, args, &args.input, bytes, false))
}

fn done_mp4(index: &Index, args: &RepairArgs, output: &Path, bytes: u64, was_whole: bool) -> Done {
    Done {
        input: args.input.display().to_string(),
        output: output.display().to_string(),
        bytes,
        samples: index.tracks.iter().map(|track| track.samples.len() as u64).sum(),
        fragments: index.fragments,
        cut_at: index.cut_at,
        lost: index.tracks.iter().map(|track| track.lost).sum(),
        was_whole,
    }
}
