//! A remux whose source or target has an address: two passes over ranges, and no file in between but for a pipe.

use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use streamcore::limits::Limits;
use streamcore::remux::{Options, Piece, Plan, Skimmer};
use tokio::runtime::Runtime;

use super::command::refuse_encrypted;
use super::io::{BLOCK, Glance, Window};
use super::part::{Part, bar};
use super::place::Place;
use super::ranges::Ranges;
use super::upload::Upload;
use crate::cli::{Reflink, RemuxArgs};

/// What drives requests while this thread waits.
pub fn runtime() -> anyhow::Result<Arc<Runtime>> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build();
    runtime.map(Arc::new).context("cannot start the runtime")
}

/// Where the FLV comes from.
enum Source {
    /// A file, or what stood in a pipe.
    File(File, u64),
    Far(Box<Ranges>),
}

/// Where an MP4 goes.
enum Target {
    File(Part),
    Far(Box<Upload>),
}

/// Makes the MP4.
pub fn remux(args: &RemuxArgs, input: &Place, output: &Place) -> anyhow::Result<Plan> {
    ensure!(!args.verify, "--verify reads a file back: neither end may have an address");
    ensure!(args.reflink != Reflink::Always, "blocks are shared by two files, not by an address");
    let runtime = runtime()?;
    let mut source =
        Source::open(&runtime, input).with_context(|| format!("cannot open {input}"))?;
    let options = Options::new(args.layout.into(), 4096);
    let plan = source.index(&options);
    let plan = plan.with_context(|| format!("cannot make {output} of {input}"))?;
    refuse_encrypted(&plan, input, output)?;
    let mut target = Target::create(&runtime, output, Some(plan.len()))?;
    let result = source.copy(&plan, &mut target).and_then(|()| target.keep(args.sync));
    result.with_context(|| format!("cannot write {output}"))?;
    Ok(plan)
}

impl Source {
    fn open(runtime: &Arc<Runtime>, input: &Place) -> anyhow::Result<Self> {
        let file = match input {
            Place::Url(url) => {
                return Ok(Self::Far(Box::new(Ranges::open(runtime.clone(), url)?)));
            }
            Place::File(path) => File::open(path)?,
            Place::Pipe => {
                let mut spool = Part::create(&std::env::temp_dir().join("remux.flv"))?;
                io::copy(&mut io::stdin().lock(), &mut spool.file)?;
                spool.file.try_clone()?
            }
        };
        let size = file.metadata()?.len();
        Ok(Self::File(file, size))
    }

    /// First pass: reads what tells what goes where.
    fn index(&mut self, options: &Options) -> anyhow::Result<Plan> {
        let size = match self {
            Self::File(_, size) => *size,
            Self::Far(ranges) => ranges.size(),
        };
        let index_bar = bar(size);
        index_bar.set_message("index");
        let mut skimmer = Skimmer::new(size, &Limits::default());
        let mut glance = Glance::default();
        while let Some(range) = skimmer.poll_read() {
            match self {
                Self::File(file, _) => glance.read(file, &range, &mut skimmer)?,
                Self::Far(ranges) => {
                    let bytes = ranges.read_at(&range).context("cannot read the FLV")?;
                    skimmer.handle_read(&bytes)?;
                }
            }
            index_bar.set_position(skimmer.position());
        }
        index_bar.finish_and_clear();
        Ok(skimmer.finish(options)?)
    }

    /// Second pass: writes index and media.
    fn copy(&mut self, plan: &Plan, target: &mut Target) -> anyhow::Result<()> {
        let copy_bar = bar(plan.body.len());
        copy_bar.set_message("copy ");
        target.write(&plan.head)?;
        for piece in plan.body.iter() {
            match piece {
                Piece::Inline(bytes) => target.write(&bytes)?,
                Piece::Copy { offset, len } => self.range(offset..offset + len, &mut |bytes| {
                    copy_bar.inc(bytes.len() as u64);
                    target.write(bytes)
                })?,
            }
        }
        copy_bar.finish_and_clear();
        Ok(())
    }

    /// Gives a range of the source to `take`, in pieces.
    fn range(
        &mut self,
        range: Range<u64>,
        take: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match self {
            Self::File(file, _) => {
                let each = |bytes: &[u8]| take(bytes).map_err(io::Error::other);
                Ok(Window::new(file).read(range.start, range.end - range.start, each)?)
            }
            Self::Far(ranges) => {
                let Range { mut start, end } = range;
                while start < end {
                    let bytes = ranges.read_at(&(start..start + 1))?;
                    let count = usize::try_from(end - start)
                        .map_or(bytes.len(), |left| left.min(bytes.len()));
                    take(bytes.get(..count).unwrap_or_default())?;
                    start += count as u64;
                }
                Ok(())
            }
        }
    }
}

impl Target {
    /// Begins a file or an object of so many bytes, where they are known.
    fn create(runtime: &Arc<Runtime>, output: &Place, len: Option<u64>) -> anyhow::Result<Self> {
        let far = |url| Upload::create(runtime.clone(), url, len);
        match output {
            Place::File(path) => Part::create(path).map(Self::File),
            Place::Url(url) => far(url)
                .map(|upload| Self::Far(Box::new(upload)))
                .with_context(|| format!("cannot make {output}")),
            Place::Pipe => {
                anyhow::bail!("an index in front needs a file: a pipe takes --fragmented")
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::File(part) => {
                Ok(bytes.chunks(BLOCK).try_for_each(|some| part.file.write_all(some))?)
            }
            Self::Far(upload) => upload.write(bytes),
        }
    }

    /// All is written.
    fn keep(self, sync: bool) -> anyhow::Result<()> {
        match self {
            Self::File(part) => part.keep(sync),
            Self::Far(upload) => upload.keep(),
        }
    }
}
