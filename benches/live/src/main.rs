//! Benchmark of live servers: starts them, loads them on the loopback interface only, reads what
//! they use from /proc, and writes tables and plots. See `benches/live/README.md`.

mod case;
mod chart;
mod cli;
mod conn;
mod load;
mod media;
mod namespace;
mod net;
mod procfs;
mod record;
mod recordings;
mod report;
mod script;
mod server;
mod session;
mod stamp;
mod stats;
mod style;
mod wire;

use case::{Case, Context};
use cli::Options;
use report::Table;
use server::Kind;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}\n\n{}", cli::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("streamcore-bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    if options.namespace && namespace::enter()? {
        return Ok(());
    }
    net::raise_file_limit();
    let load_before = procfs::load_average();
    let context = Context {
        programs: options.programs.clone(),
        seconds: options.seconds,
        floor_threads: options.floor_threads,
    };
    let mut tables = Vec::new();
    for case in &options.cases {
        let table = rounds(*case, options, &context);
        println!("## {}\n\n{}", case.title(), table.markdown(&options.servers));
        tables.push((*case, table));
    }
    if let Some(dir) = &options.record {
        let path = record::write(dir, options, &tables, &load_before)?;
        println!("written: {}", path.display());
    }
    Ok(())
}

/// Runs a case against all servers, round by round, the order reversed in every other round.
fn rounds(case: Case, options: &Options, context: &Context) -> Table {
    let mut table = Table::default();
    for round in 0..options.rounds {
        let mut servers = options.servers.clone();
        servers.retain(|kind| *kind != Kind::Floor || case.has_floor());
        if round % 2 == 1 {
            servers.reverse();
        }
        for kind in servers {
            let (slug, of) = (case.slug(), options.rounds);
            eprintln!("{slug} · round {} of {of} · {}", round + 1, kind.name());
            match case.run(context, kind) {
                Ok(figures) => table.add(kind, figures),
                Err(why) => eprintln!("  {}: {why}", kind.name()),
            }
        }
    }
    table
}
