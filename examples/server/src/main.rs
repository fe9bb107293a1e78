//! `streamcore`: a live-streaming server and its tools.

mod access;
mod cli;
mod client;
mod events;
mod finish;
mod hooks;
mod http;
mod hub;
mod media_info;
mod names;
mod notices;
mod package;
mod player;
mod probe;
mod recorder;
mod recordings;
mod redact;
mod relay;
mod remux;
mod repair;
mod rtmp;
mod rtmps;
mod serve;
mod services;
mod stats;
mod store;
mod stream;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    cli::Cli::parse().run()
}
