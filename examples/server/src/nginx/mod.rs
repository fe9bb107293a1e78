//! `streamcore config-from-nginx`: the `rtmp` block of an nginx configuration as ours, and a list of what it cannot say.

mod convert;
mod parse;
mod reasons;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::cli::Outcome;

/// Options of `config-from-nginx`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Exit status: 0 all was carried over, 2 something was not, 1 the file cannot be read."
)]
pub struct NginxArgs {
    /// nginx's configuration, with its includes.
    pub file: PathBuf,
    /// The file to write; without it, standard output.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Writes the configuration; what could not be carried over goes to standard error and into it as comments.
pub fn run(args: &NginxArgs) -> anyhow::Result<Outcome> {
    let converted = convert::convert(&parse::read(&args.file)?)?;
    let text = converted.text();
    match &args.output {
        Some(file) => {
            std::fs::write(file, text)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        None => print!("{text}"),
    }
    for note in &converted.missing {
        eprintln!("{note}");
    }
    Ok(if converted.missing.is_empty() { Outcome::Whole } else { Outcome::Partial })
}
