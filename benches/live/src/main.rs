//! Benchmark of live servers: starts them, loads them on the loopback interface only, reads what
//! they use from /proc, and writes tables and plots. See `benches/live/README.md`.

mod case;
mod cli;
mod conn;
mod load;
mod media;
mod net;
mod procfs;
mod recordings;
mod report;
mod script;
mod server;
mod session;
mod stamp;
mod stats;
mod style;
mod wire;

use case::Context;
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
    net::raise_file_limit();
    let context = Context { programs: options.programs.clone(), seconds: options.seconds };
    for case in &options.cases {
        let mut table = Table::default();
        for round in 0..options.rounds {
            let mut servers = options.servers.clone();
            if round % 2 == 1 {
                servers.reverse();
            }
            servers.retain(|kind| *kind != Kind::Floor || case.has_floor());
            for kind in servers {
                eprintln!(
                    "{} · round {} of {} · {}",
                    case.slug(),
                    round + 1,
                    options.rounds,
                    kind.name()
                );
                match case.run(&context, kind) {
                    Ok(figures) => table.add(kind, figures),
                    Err(why) => eprintln!("  {}: {why}", kind.name()),
                }
            }
        }
        println!("## {}\n\n{}", case.title(), table.markdown(&options.servers));
    }
    Ok(())
}
