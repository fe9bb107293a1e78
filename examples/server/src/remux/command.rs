//! The command `streamcore remux`.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use streamcore::remux::{Options, Plan, TrackReport};

use super::io::{How, copy_block, shares_blocks};
use super::part::{Part, bar, exit_if_interrupted};
use super::place::Place;
use crate::cli::{LayoutArg, Outcome, Reflink, RemuxArgs};

/// What was done, for programs.
#[derive(Debug, Serialize)]
struct Done<'a> {
    input: &'a str,
    output: &'a str,
    #[serde(flatten)]
    made: serde_json::Value,
    problems: Vec<Problem>,
    elapsed_s: f64,
}

#[derive(Debug, Serialize)]
struct Made {
    /// Of the MP4.
    bytes: u64,
    duration_s: f64,
    /// The source's media in one piece, with what stands between, or each picture and sound for itself.
    layout: &'static str,
    /// Bytes of the media that stand nowhere in the source.
    rewritten_bytes: u64,
    tracks: Vec<DoneTrack>,
}

#[derive(Debug, Serialize)]
struct DoneTrack {
    track: String,
    codec: String,
    configurations: usize,
    samples: usize,
    bytes: u64,
    start_s: f64,
    duration_s: f64,
}

/// What makes an MP4 impossible, and where in the source it stands.
#[derive(Debug)]
pub struct AtByte {
    pub what: String,
    pub byte: u64,
}

impl fmt::Display for AtByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for AtByte {}

/// What is not in the MP4, or was repaired.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Problem {
    pub what: String,
    /// Offset in the source, where it is known.
    pub byte: Option<u64>,
}

/// Runs the command.
pub fn run(args: &RemuxArgs) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    // An address may hold a secret.
    let shown = |path: &Path| {
        Place::of(path).map_or_else(|_| path.display().to_string(), |place| place.to_string())
    };
    let (input, output) = (shown(&args.input), shown(&args.output));
    let result = if args.fragmented {
        super::fragmented::fragmented(args).map(|(bytes, units, problems)| {
            let made = serde_json::json!({ "bytes": bytes, "samples": units });
            (made, problems)
        })
    } else {
        remux(args).map(|(plan, problems)| (made(&plan), problems))
    };
    if result.is_err() {
        exit_if_interrupted();
    }
    let (made, problems) = match result {
        Ok(done) => done,
        Err(error) => {
            if args.json {
                let own = error.downcast_ref::<streamcore::error::Error>();
                let byte = own.and_then(|error| error.offset());
                let byte = byte.or(error.downcast_ref::<AtByte>().map(|error| error.byte));
                let problem = Problem { what: format!("{error:#}"), byte };
                print(&serde_json::json!({ "input": input, "error": problem }))?;
            }
            return Err(error);
        }
    };
    for problem in &problems {
        eprintln!("{input}: {}", problem.what);
    }
    let outcome = if problems.is_empty() { Outcome::Whole } else { Outcome::Partial };
    // Standard output may be the MP4 itself.
    if args.json && args.output != Path::new("-") {
        print(&Done {
            input: &input,
            output: &output,
            made,
            problems,
            elapsed_s: started.elapsed().as_secs_f64(),
        })?;
    }
    Ok(outcome)
}

/// Makes the MP4. Gives what was done, and what of the source is not in it.
pub fn remux(args: &RemuxArgs) -> anyhow::Result<(Plan, Vec<Problem>)> {
    let (input, output) = (Place::of(&args.input)?, Place::of(&args.output)?);
    ensure!(output != Place::Pipe, "an index in front needs a file: a pipe takes --fragmented");
    super::not_the_same(&input, &output)?;
    let plan = if input.is_far() || output.is_far() {
        super::far::remux(args, &input, &output)?
    } else {
        near(args)?
    };
    let problems = problems(&plan);
    Ok((plan, problems))
}

/// Where both ends are files, or what stood in a pipe: the kernel copies.
fn near(args: &RemuxArgs) -> anyhow::Result<Plan> {
    let (input, output) = (args.input.display(), args.output.display());
    let source = open(&args.input, &args.output).with_context(|| format!("cannot open {input}"))?;
    let size = source.metadata().with_context(|| format!("cannot read {input}"))?.len();
    let part = Part::create(&args.output)?;
    let how = how(args.reflink, &source, &part.file)
        .with_context(|| format!("cannot make {output} of {input}"))?;

    let options = Options::new(args.layout.into(), copy_block(&part.file, size));
    let index_bar = bar(size);
    index_bar.set_message("index");
    let plan = super::index(&source, size, &options, &mut |done| index_bar.set_position(done));
    index_bar.finish_and_clear();
    let plan = plan.with_context(|| format!("cannot make {output} of {input}"))?;
    refuse_encrypted(&plan, &input, &output)?;

    let copy_bar = bar(plan.body.len());
    copy_bar.set_message("copy ");
    let written =
        super::write(&plan, &source, &part.file, how, &mut |done| copy_bar.set_position(done));
    copy_bar.finish_and_clear();
    written.with_context(|| format!("cannot write {output}"))?;
    if args.verify {
        super::verify(&plan, &source, part.path(), &mut |_| {})
            .with_context(|| format!("{output} was not written as it should be"))?;
    }
    part.keep(args.sync)?;
    Ok(plan)
}

/// Media that nobody can read is not made an MP4.
pub fn refuse_encrypted(
    plan: &Plan,
    input: &dyn fmt::Display,
    output: &dyn fmt::Display,
) -> anyhow::Result<()> {
    match plan.report.encrypted_at {
        Some(byte) => {
            let what = format!("cannot make {output} of {input}: encrypted tag at byte {byte}");
            Err(AtByte { what, byte }.into())
        }
        None => Ok(()),
    }
}

/// The FLV: a file, or what stands in a pipe, put down beside the output without a name.
fn open(input: &Path, output: &Path) -> anyhow::Result<File> {
    if input != Path::new("-") {
        return Ok(File::open(input)?);
    }
    let mut spool = Part::create(&output.with_extension("flv"))?;
    io::copy(&mut io::stdin().lock(), &mut spool.file)?;
    Ok(spool.file.try_clone()?)
}

fn how(reflink: Reflink, source: &File, target: &File) -> anyhow::Result<How> {
    match reflink {
        Reflink::Auto => Ok(How::Kernel),
        Reflink::Never => Ok(How::Memory),
        Reflink::Always => {
            let shares = shares_blocks(source, target)?;
            ensure!(shares, "the file system cannot share blocks between the two");
            Ok(How::Kernel)
        }
    }
}

/// What of the source is not in the MP4.
fn problems(plan: &Plan) -> Vec<Problem> {
    let report = &plan.report;
    let left_out = report.left_out.iter().map(|(id, error)| Problem {
        what: format!("left out: {id}: {error}"),
        byte: error.offset(),
    });
    let cut = report.cut_at.map(|byte| Problem {
        what: format!("cut off at byte {byte}: all before it is in the MP4"),
        byte: Some(byte),
    });
    cut.into_iter().chain(left_out).collect()
}

fn made(plan: &Plan) -> serde_json::Value {
    let seconds = |micros: u64| micros as f64 / 1e6;
    let report = &plan.report;
    let track = |track: &TrackReport| DoneTrack {
        track: track.id.to_string(),
        codec: track.codec.clone(),
        configurations: track.configurations,
        samples: track.samples,
        bytes: track.bytes,
        start_s: seconds(track.start),
        duration_s: seconds(track.duration),
    };
    let made = Made {
        bytes: plan.len(),
        duration_s: seconds(report.duration),
        layout: if report.whole { "whole" } else { "compact" },
        rewritten_bytes: report.inline_bytes,
        tracks: report.tracks.iter().map(track).collect(),
    };
    serde_json::to_value(made).unwrap_or_default()
}

/// One line on standard output.
pub fn print(value: &impl Serialize) -> anyhow::Result<()> {
    let line = serde_json::to_string(value)? + "\n";
    io::stdout().lock().write_all(line.as_bytes()).context("cannot write")
}

impl From<LayoutArg> for streamcore::remux::Layout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::Auto => Self::Auto,
            LayoutArg::Whole => Self::Whole,
            LayoutArg::Compact => Self::Compact,
        }
    }
}
