//! `streamcore check-config`: what is wrong with a configuration, or what it comes to.

use std::path::PathBuf;

use clap::Args;

use super::{Config, Given, Problems, load, show};

/// Options of `check-config`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The configuration; without one, the environment and the defaults alone.
    #[arg(env = "STREAMCORE_CONFIG")]
    file: Option<PathBuf>,
    /// Print every key with the value that counts, as TOML.
    #[arg(long)]
    print: bool,
}

/// Reads the configuration as `serve` would.
///
/// # Errors
/// All that is wrong with it.
pub fn run(args: CheckArgs) -> Result<(), Problems> {
    let mut given = Given::of_environment()?;
    given.file = args.file;
    let config = load(&given, None)?;
    if args.print {
        print!("{}", show::print(&config));
    } else {
        println!("{}", summary(&config, &given));
    }
    Ok(())
}

fn summary(config: &Config, given: &Given) -> String {
    let file = match &given.file {
        Some(file) => format!("{}: ", file.display()),
        None => String::new(),
    };
    let names: Vec<&str> = config.app_values.keys().map(String::as_str).collect();
    match names.as_slice() {
        [] => format!("{file}no faults"),
        names => format!("{file}no faults; applications: {}", names.join(", ")),
    }
}
