//! `streamcore`: a live-streaming server and its tools.

mod access;
mod api;
mod by_id;
mod catalogue;
mod cli;
mod client;
mod clock;
mod config;
mod events;
mod fan;
mod finish;
mod hooks;
mod http;
mod hub;
mod keys;
mod media_info;
mod meter;
mod metrics;
mod names;
mod net;
mod nginx;
mod notices;
mod numbering;
mod origin;
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
mod sessions;
mod stats;
mod store;
mod stream;
mod systemd;
mod upload;
mod variants;
mod welcome;

fn main() -> std::process::ExitCode {
    cli::run()
}
