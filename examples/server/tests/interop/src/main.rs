//! The interop matrix: each peer in each role, over each transport, with each codec it can, judged by packet lists.
//!
//! `make interop` runs it and writes `docs/interop.md`. Nothing here uses the crate under test, and nothing is installed.

mod judge;
mod lab;
mod media;
mod obs;
mod players;
mod publishers;
mod row;
mod run;
mod servers;
mod table;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use lab::Lab;
use tools::Tools;

/// What the command line says.
struct Options {
    server: PathBuf,
    tools: PathBuf,
    out: Option<PathBuf>,
    only: String,
    jobs: usize,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(fault) => {
            eprintln!(
                "interop: {fault}\nusage: interop --server FILE --tools DIR [--out FILE] [--only TEXT] [--jobs N]"
            );
            return ExitCode::from(2);
        }
    };
    let tools = Tools::find(&options.tools, &options.server);
    for missing in tools.missing() {
        eprintln!("interop: {missing}");
    }
    let lab = match Lab::new(&options.server, &tools) {
        Ok(lab) => lab,
        Err(fault) => {
            eprintln!("interop: {fault}");
            return ExitCode::FAILURE;
        }
    };
    let mut rows = publishers::rows(&tools);
    rows.extend(obs::rows(&tools));
    rows.extend(players::rows(&tools));
    rows.extend(servers::rows(&tools));
    rows.retain(|row| row.name().contains(&options.only));
    let results = run::all(&lab, rows, options.jobs);
    if let Some(out) = &options.out {
        let written = std::fs::write(out, table::page(&results));
        written.unwrap_or_else(|error| panic!("{}: {error}", out.display()));
    }
    let bad = results.iter().filter(|result| !result.is_expected()).count();
    eprintln!("interop: {} rows, {bad} of them not as expected", results.len());
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let beside = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut options = Options {
        server: beside.with_file_name("streamcore"),
        tools: PathBuf::from("target/interop"),
        out: None,
        only: String::new(),
        jobs: 3,
    };
    while let Some(word) = words.next() {
        let value = words.next().ok_or(format!("{word} wants a value"))?;
        match word.as_str() {
            "--server" => options.server = value.into(),
            "--tools" => options.tools = value.into(),
            "--out" => options.out = Some(value.into()),
            "--only" => options.only = value,
            "--jobs" => {
                options.jobs = value.parse().map_err(|_| format!("{value} is no number"))?
            }
            _ => return Err(format!("{word} is not known")),
        }
    }
    Ok(options)
}
