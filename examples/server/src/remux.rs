//! `streamcore remux`: an FLV into an MP4 whose index stands in front; also what makes MP4s of recordings.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use streamcore::limits::Limits;
use streamcore::remux::{Piece, Plan, Remuxer};

use crate::cli::RemuxArgs;
use crate::finish::sync_folder;
use crate::media_info::mp4;

/// Bytes that are read and written at once.
const BLOCK: usize = 1 << 20;

/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED_STATUS: i32 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How far the work is: bytes done and bytes in all, over its three passes.
type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Runs the command.
pub fn run(args: &RemuxArgs) -> anyhow::Result<()> {
    let (input, output) = (args.input.display(), args.output.display());
    ensure!(!is_same_file(&args.input, &args.output), "{input} and {output} are the same file");
    let part = part_name(&args.output)?;
    let guard = RemoveOnDrop(part.clone());
    remove_when_interrupted(part.clone());
    let bar = bar();
    let result = remux_file(&args.input, &part, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    if result.is_err() && INTERRUPTED.load(Ordering::SeqCst) {
        // The file was taken away on purpose: that is no error to tell.
        std::process::exit(INTERRUPTED_STATUS);
    }
    for track in result.with_context(|| format!("cannot make {output} of {input}"))? {
        eprintln!("{input}: left out: {track}");
    }
    fs::rename(&part, &args.output).with_context(|| format!("cannot write {output}"))?;
    std::mem::forget(guard);
    sync_folder(&args.output);
    Ok(())
}

/// Makes the MP4 `part` of the FLV `input`, writes it through to the disk and makes sure that it holds every byte of the
/// source's media. Gives a line for each track that an MP4 cannot take: those are in the source alone. Errors do not name
/// the files: their names may be secrets.
pub fn remux_file(
    input: &Path,
    part: &Path,
    progress: Progress<'_>,
) -> anyhow::Result<Vec<String>> {
    let mut source = File::open(input).context("cannot open the FLV")?;
    let size = source.metadata().context("cannot read the FLV")?.len();
    let all = size.saturating_mul(3);
    let plan = index(&mut source, &mut |done| progress(done, all))?;
    let mut file = File::create(part).context("cannot make the MP4")?;
    write(&plan, &mut source, &mut file, &mut |done| progress(size + done, all))
        .context("cannot write the MP4")?;
    file.sync_all().context("cannot write the MP4")?;
    drop(file);
    verify(&plan, &mut source, part, &mut |done| progress(2 * size + done, all))
        .context("the MP4 that was written is not whole")?;
    Ok(plan.report.left_out.iter().map(|(id, error)| format!("{id}: {error}")).collect())
}

/// First pass: reads the FLV and finds out what goes where.
fn index(source: &mut File, progress: &mut dyn FnMut(u64)) -> anyhow::Result<Plan> {
    let mut remuxer = Remuxer::new(&Limits::default());
    let mut block = vec![0; BLOCK];
    let mut done = 0;
    loop {
        let count = match source.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("cannot read the FLV"),
        };
        remuxer.handle_input(&block[..count]).context("the FLV is damaged")?;
        done += count as u64;
        progress(done);
    }
    remuxer.finish().context("the FLV cannot be turned into an MP4")
}

/// Second pass: copies the media behind the index.
fn write(
    plan: &Plan,
    source: &mut File,
    target: &mut File,
    progress: &mut dyn FnMut(u64),
) -> io::Result<()> {
    target.write_all(&plan.head)?;
    let mut source = Window::new(source);
    let mut out = io::BufWriter::with_capacity(BLOCK, target);
    let mut done = 0;
    for piece in &plan.body {
        match piece {
            Piece::Copy { offset, len } => {
                source.read(*offset, *len, |bytes| out.write_all(bytes))?;
                done += len;
            }
            Piece::Inline(bytes) => out.write_all(bytes)?,
        }
        progress(done);
    }
    out.flush()
}

/// Third pass: reads the MP4 back. Another reader finds the same samples by its index, and the media are the source's.
fn verify(
    plan: &Plan,
    source: &mut File,
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
    let mut same = |target: &mut BufReader<File>, bytes: &[u8]| -> io::Result<()> {
        copy.resize(bytes.len(), 0);
        target.read_exact(&mut copy)?;
        if copy == bytes { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    };
    same(&mut target, &plan.head)?;
    let mut done = 0;
    for piece in &plan.body {
        match piece {
            Piece::Copy { offset, len } => {
                source.read(*offset, *len, |bytes| same(&mut target, bytes))?;
                done += len;
            }
            Piece::Inline(bytes) => same(&mut target, bytes)?,
        }
        progress(done);
    }
    ensure!(target.read(&mut [0])? == 0, "there are bytes behind the media");
    Ok(())
}

/// Reads ranges that mostly follow each other, in large blocks.
struct Window<'a> {
    file: &'a mut File,
    block: Vec<u8>,
    start: u64,
}

impl<'a> Window<'a> {
    fn new(file: &'a mut File) -> Self {
        Self { file, block: Vec::new(), start: 0 }
    }

    /// Gives the range to `take`, in one or more pieces.
    fn read(
        &mut self,
        mut offset: u64,
        mut len: u64,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        while len > 0 {
            let skip = offset.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
            let here = skip.and_then(|skip| self.block.get(skip..)).unwrap_or_default();
            if here.is_empty() {
                self.fill(offset)?;
                continue;
            }
            let count = usize::try_from(len).map_or(here.len(), |len| len.min(here.len()));
            take(&here[..count])?;
            offset += count as u64;
            len -= count as u64;
        }
        Ok(())
    }

    fn fill(&mut self, offset: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        self.start = offset;
        self.block.clear();
        Read::by_ref(self.file).take(BLOCK as u64).read_to_end(&mut self.block)?;
        if self.block.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// The temporary name: beside the final one, so that the rename stays within a file system.
fn part_name(output: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = output.file_name() else { bail!("{} is no name of a file", output.display()) };
    let mut name = name.to_owned();
    name.push(format!(".{}.part", std::process::id()));
    Ok(output.with_file_name(name))
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

struct RemoveOnDrop(PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Ctrl-C and SIGTERM remove what was written so far and end the program.
fn remove_when_interrupted(part: PathBuf) {
    let spawned = std::thread::Builder::new().name("signals".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            runtime.block_on(crate::serve::signal());
            INTERRUPTED.store(true, Ordering::SeqCst);
            let _ = fs::remove_file(&part);
            std::process::exit(INTERRUPTED_STATUS);
        }
    });
    // Without it only the temporary file is left behind.
    drop(spawned);
}

/// Shown on a terminal only; `indicatif` hides it elsewhere.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style =
        ProgressStyle::with_template("{bar:30} {percent:>3} %  {bytes}/{total_bytes}  {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
