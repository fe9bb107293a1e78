//! The command line.

use crate::case::Case;
use crate::server::{Kind, Programs};
use std::path::PathBuf;

/// How the tool is used.
pub const USAGE: &str = "\
usage: streamcore-bench CASE[,CASE...] [options]

cases (N is the size and may be left out)
  setup            TCP connect to media of a live stream, ordinary players
  connrate[:16]    sessions set up in a second, N at once
  fanout[:500]     1 publisher at 2 Mbit/s, N players: CPU, delay, integrity
  gather[:500]     the same, gathered for 50 ms by ours
  low[:5000]       the same at 300 kbit/s
  ingest[:300]     N publishers at 1 Mbit/s
  hls[:300]        the same with HLS
  rec[:300]        the same with recording, ours as MP4, compared with the source
  all[:300]        the same with HLS and recording
  idle[:1000]      memory of N players of a stream nobody publishes
  segments[:64]    a segment of 1 MB over HTTP, N connections (ours and nginx)
  playlists[:64]   a playlist over HTTP, N connections (ours and nginx)
  llhls[:1000]     N viewers who wait for each part of a stream (ours)
  start            time to accepting, idle memory, size

options
  --servers LIST   ours,nginx (default), srs, floor (system calls without a server, where
                   the case has one); ours is compared with the second
  --only LIST      these cases and no others, as they are called in records: fanout-500
  --rounds N       interleaved rounds, 1 to 20 (default 3)
  --secs N         measured seconds of a run, 1 to 120 (default 10)
  --ours PATH      our binary (default target/release/streamcore)
  --ours-args ARGS more arguments for it, separated by spaces
  --nginx PATH     nginx (default: from PATH)
  --nginx-module PATH
                   its RTMP module (default /usr/lib/nginx/modules/ngx_rtmp_module.so)
  --srs PATH       SRS
  --floor-threads N
                   threads that the floor of the fan-out writes from, 1 to 64 (default 1)
  --record DIR     folder of the written record (default benches/record)
  --no-record      print the table only
  --netns          in a network namespace of its own (needs unshare and ip)
";

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Cases, in order.
    pub cases: Vec<Case>,
    /// Servers, in order; the second is the one ours is compared with.
    pub servers: Vec<Kind>,
    /// Interleaved rounds.
    pub rounds: u32,
    /// Measured seconds of a run.
    pub seconds: u32,
    /// Where the servers are.
    pub programs: Programs,
    /// Threads that the floor of the fan-out writes from.
    pub floor_threads: u32,
    /// Where the record goes, if one is written.
    pub record: Option<PathBuf>,
    /// Whether a network namespace of its own is asked for.
    pub namespace: bool,
}

impl Options {
    fn new() -> Self {
        let programs = Programs {
            ours: "target/release/streamcore".into(),
            ours_args: Vec::new(),
            nginx: "nginx".into(),
            nginx_module: "/usr/lib/nginx/modules/ngx_rtmp_module.so".into(),
            srs: "srs".into(),
        };
        Self {
            cases: Vec::new(),
            servers: vec![Kind::Ours, Kind::Nginx],
            rounds: 3,
            seconds: 10,
            programs,
            floor_threads: 1,
            record: Some("benches/record".into()),
            namespace: false,
        }
    }

    /// Reads the arguments after the program's name.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut options, mut only) = (Self::new(), Vec::new());
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--help" | "-h" => return Err("Benchmark of live servers.".into()),
                "--no-record" => options.record = None,
                "--netns" => options.namespace = true,
                "--only" => {
                    let value = arguments.next().ok_or("--only needs a value")?;
                    only = list::<Case>(&value)?;
                }
                flag if flag.starts_with("--") => {
                    let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
                    options.set(flag, &value)?;
                }
                cases => options.cases.extend(list::<Case>(cases)?),
            }
        }
        if !only.is_empty() {
            options.cases = only;
        }
        if options.cases.is_empty() {
            return Err("no case given".into());
        }
        Ok(options)
    }

    fn set(&mut self, flag: &str, value: &str) -> Result<(), String> {
        match flag {
            "--servers" => self.servers = list(value)?,
            "--rounds" => self.rounds = number(flag, value, 20)?,
            "--secs" => self.seconds = number(flag, value, 120)?,
            "--floor-threads" => self.floor_threads = number(flag, value, 64)?,
            "--ours" => self.programs.ours = value.into(),
            "--ours-args" => {
                self.programs.ours_args = value.split_whitespace().map(Into::into).collect()
            }
            "--nginx" => self.programs.nginx = value.into(),
            "--nginx-module" => self.programs.nginx_module = value.into(),
            "--srs" => self.programs.srs = value.into(),
            "--record" => self.record = Some(value.into()),
            _ => return Err(format!("no option {flag}")),
        }
        Ok(())
    }
}

fn list<T: std::str::FromStr<Err = String>>(text: &str) -> Result<Vec<T>, String> {
    text.split(',').map(str::parse).collect()
}

fn number(flag: &str, text: &str, most: u32) -> Result<u32, String> {
    let value = text.parse().ok().filter(|n| (1..=most).contains(n));
    value.ok_or_else(|| format!("{flag} takes a number from 1 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, String> {
        Options::parse(text.split_whitespace().map(Into::into))
    }

    #[test]
    fn options_are_read_and_bounded() {
        let options = parse(
            "setup --servers nginx,srs --rounds 5 --srs /opt/srs --no-record --floor-threads 2",
        )
        .unwrap();
        assert_eq!(options.floor_threads, 2);
        assert_eq!(options.cases, [Case::Setup]);
        assert_eq!(options.servers, [Kind::Nginx, Kind::Srs]);
        assert_eq!((options.rounds, options.record), (5, None));
        assert_eq!(options.programs.srs, PathBuf::from("/opt/srs"));
        let options = parse("setup,all:100 --only fanout-500,gather").unwrap();
        assert_eq!(options.cases, [Case::FanOut(500), Case::Gather(500)]);
        for wrong in [
            "",
            "nothing",
            "setup --rounds 21",
            "setup --rounds",
            "setup --servers x",
            "setup --to 1",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
