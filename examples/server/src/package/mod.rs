//! `streamcore package`: an FLV or MP4 into a folder of HLS and DASH that any web server can serve.

mod blocks;
mod flv;
mod folder;
mod media;
mod mp4;
mod outline;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use streamcore::assemble::Event;
use streamcore::limits::Limits;
use streamcore::package::{PackageConfig, PackageReport, Packager};

use crate::cli::PackageArgs;
use folder::Folder;
use media::Media;

/// How far the work is: bytes of the input.
type Progress<'a> = &'a mut dyn FnMut(u64);

/// Runs the command.
pub fn run(args: &PackageArgs) -> anyhow::Result<()> {
    let (input, output) = (args.input.display(), args.output.display());
    let mut source = File::open(&args.input).with_context(|| format!("cannot open {input}"))?;
    let metadata = source.metadata().with_context(|| format!("cannot read {input}"))?;
    ensure!(!metadata.is_dir(), "{input} is a folder");
    let folder = Folder::new(&args.output)?;
    folder.remove_when_interrupted();
    let bar = bar(metadata.len());
    let mut progress = |done| bar.set_position(done);
    let mut result = package(args, &mut source, &folder, false, &mut progress);
    if result.as_ref().is_err_and(|error| error.is::<flv::Lost>()) {
        folder.clear().with_context(|| format!("cannot make {output}"))?;
        result = package(args, &mut source, &folder, true, &mut progress);
    }
    bar.finish_and_clear();
    folder::give_way_to_interrupt();
    let report = result.with_context(|| format!("cannot make {output} of {input}"))?;
    folder.publish().with_context(|| format!("cannot make {output}"))?;
    for (id, error) in &report.left_out {
        eprintln!("{input}: left out: {id}: {error}");
    }
    if args.json { print(&report) } else { Ok(()) }
}

/// Makes the files; with `whole` all of an FLV is read into memory.
fn package(
    args: &PackageArgs,
    source: &mut File,
    folder: &Folder,
    whole: bool,
    progress: Progress<'_>,
) -> anyhow::Result<PackageReport> {
    let mut config = PackageConfig::default();
    config.segment_duration = args.segment_duration;
    config.part_duration = args.part_duration;
    config.dash = args.dash;
    let mut limits = Limits::default();
    limits.segment_bytes = 512 << 20;
    let mut packager = Packager::new(&config, &limits);
    let size = source.metadata().context("cannot read the input")?.len();
    let is_mp4 = is_mp4(source)?;
    let source = &*source;
    let media = Media::new(source);
    let mut sink = |event: Event| -> anyhow::Result<()> {
        packager.handle_event(event)?;
        while let Some(file) = packager.poll_file() {
            folder.write(&file.name, file.body, &media)?;
        }
        Ok(())
    };
    if is_mp4 {
        mp4::feed(source, size, &limits, &mut sink, progress)?;
    } else {
        flv::feed(source, &limits, &media, whole, &mut sink, progress)?;
    }
    let report = packager.finish()?;
    while let Some(file) = packager.poll_file() {
        folder.write(&file.name, file.body, &media)?;
    }
    Ok(report)
}

/// Whether the file begins as an MP4 does: with a box of a known kind.
fn is_mp4(source: &mut File) -> anyhow::Result<bool> {
    let mut head = [0; 8];
    let mut read = 0;
    while read < head.len() {
        match source.read(&mut head[read..]).context("cannot read the input")? {
            0 => break,
            count => read += count,
        }
    }
    source.rewind().context("cannot read the input from its start")?;
    Ok(matches!(&head[4..], b"ftyp" | b"moov" | b"mdat" | b"free" | b"styp" | b"wide" | b"skip"))
}

#[derive(Serialize)]
struct Json<'a> {
    duration_s: f64,
    discontinuities: u64,
    forced_cuts: u64,
    dropped_units: u64,
    tracks: Vec<JsonTrack<'a>>,
    left_out: Vec<JsonLeftOut>,
}

#[derive(Serialize)]
struct JsonTrack<'a> {
    track: String,
    codec: &'a str,
    segments: u64,
    samples: u64,
    bytes: u64,
    peak_bandwidth: u64,
}

#[derive(Serialize)]
struct JsonLeftOut {
    track: String,
    reason: String,
}

fn print(report: &PackageReport) -> anyhow::Result<()> {
    let json = Json {
        duration_s: Duration::from_micros(report.duration).as_secs_f64(),
        discontinuities: report.discontinuities,
        forced_cuts: report.forced_cuts,
        dropped_units: report.dropped_units,
        tracks: report
            .tracks
            .iter()
            .map(|track| JsonTrack {
                track: track.id.to_string(),
                codec: &track.codec,
                segments: track.segments,
                samples: track.samples,
                bytes: track.bytes,
                peak_bandwidth: track.peak_bandwidth,
            })
            .collect(),
        left_out: report
            .left_out
            .iter()
            .map(|(id, error)| JsonLeftOut { track: id.to_string(), reason: error.to_string() })
            .collect(),
    };
    let text = serde_json::to_string_pretty(&json)? + "\n";
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write"),
    }
}

/// Shown on a terminal only; `indicatif` hides it elsewhere.
fn bar(len: u64) -> ProgressBar {
    let bar = ProgressBar::new(len);
    let style =
        ProgressStyle::with_template("{bar:30} {percent:>3} %  {bytes}/{total_bytes}  {eta}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}
