//! The servers that are measured: their configuration, their start and their end.

use crate::net::{self, Io, Loopback, MILLI, SECOND};
use crate::procfs::{self, Usage};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// C0 and C1: version 3, the time zero, and bytes that need not be random.
const HELLO: [u8; 1537] = {
    let mut hello = [0; 1537];
    hello[0] = 3;
    hello
};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// This project's.
    Ours,
    /// nginx with the RTMP module.
    Nginx,
    /// SRS with its defaults.
    Srs,
    /// No server: what the kernel alone costs.
    Floor,
}

impl Kind {
    /// The name used on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Nginx => "nginx",
            Self::Srs => "srs",
            Self::Floor => "floor",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::Ours, Self::Nginx, Self::Srs, Self::Floor];
        let found = all.into_iter().find(|k| k.name() == name);
        found.ok_or_else(|| format!("no server {name}: ours, nginx, srs or floor"))
    }
}

/// Where the programs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    /// Our binary.
    pub ours: PathBuf,
    /// More arguments for ours.
    pub ours_args: Vec<String>,
    /// nginx.
    pub nginx: PathBuf,
    /// nginx's RTMP module.
    pub nginx_module: PathBuf,
    /// SRS.
    pub srs: PathBuf,
}

impl Programs {
    /// What a server says of its version, on one line.
    pub fn version(&self, kind: Kind) -> String {
        let (program, flag) = match kind {
            Kind::Ours => (&self.ours, "--version"),
            Kind::Nginx => (&self.nginx, "-v"),
            Kind::Srs => (&self.srs, "-v"),
            Kind::Floor => return "system calls only".into(),
        };
        let Ok(output) = Command::new(program).arg(flag).output() else {
            return "not found".into();
        };
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text).lines().next().unwrap_or("unknown").to_owned()
    }
}

impl Programs {
    /// Size of the program's file in bytes, where it is one file.
    pub fn size(&self, kind: Kind) -> Option<u64> {
        let path = match kind {
            Kind::Ours => &self.ours,
            Kind::Srs => &self.srs,
            Kind::Nginx | Kind::Floor => return None,
        };
        Some(fs::metadata(path).ok()?.len())
    }
}

/// What the server does besides relaying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// HLS is on.
    pub hls: bool,
    /// Recording is on: the others write FLV, ours MP4 unless its arguments say otherwise.
    pub record: bool,
    /// Files are given out over HTTP, of nginx those in its folder `www`, of ours low-latency HLS.
    pub http: bool,
}

/// A running server with a scratch folder of its own; both are gone when it is dropped.
pub struct Server {
    child: Child,
    rtmp: Loopback,
    http: Loopback,
    dir: Scratch,
    ready_ms: f64,
}

impl Server {
    /// Starts a server and waits until it accepts connections.
    pub fn start(kind: Kind, programs: &Programs, features: Features) -> Result<Self, String> {
        let text = |e: std::io::Error| e.to_string();
        let dir = Scratch::new(kind.name()).map_err(text)?;
        let (rtmp, http) = (Loopback::free().map_err(text)?, Loopback::free().map_err(text)?);
        let mut command = match kind {
            Kind::Ours => ours(programs, rtmp, http, dir.path(), features),
            Kind::Nginx => nginx(programs, (rtmp, http), dir.path(), features).map_err(text)?,
            Kind::Srs => srs(programs, rtmp, dir.path(), features).map_err(text)?,
            Kind::Floor => return Err("the floor has no program".into()),
        };
        let log = fs::File::create(dir.path().join("server.log")).map_err(text)?;
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(text)?).stderr(log);
        let began = net::now();
        let child = command.spawn().map_err(|e| format!("{}: {e}", kind.name()))?;
        let mut server = Self { child, rtmp, http, dir, ready_ms: 0.0 };
        server.await_port(began + 10 * SECOND)?;
        server.ready_ms = (net::now() - began) as f64 / 1e6;
        Ok(server)
    }

    /// Waits until the beginning of a handshake is answered.
    fn await_port(&mut self, until: u64) -> Result<(), String> {
        while net::now() < until {
            if let Ok(socket) = net::connect(self.rtmp, true) {
                // A port is open before anybody sees to it: who answers has begun.
                let mut answer = net::receive(&socket, &mut [0]);
                if answer == Io::Again {
                    net::send(&socket, &HELLO);
                }
                while answer == Io::Again && net::now() < until {
                    net::sleep_until(net::now() + MILLI / 4);
                    answer = net::receive(&socket, &mut [0]);
                }
                net::reset(socket);
                if matches!(answer, Io::Done(_)) {
                    return Ok(());
                }
            }
            self.check_alive()?;
            net::sleep_until(net::now() + MILLI / 4);
        }
        Err(format!("the server did not answer within 10 s: {}", self.log_tail()))
    }

    /// An error that says how and with which last words, if the server has ended by itself.
    pub fn check_alive(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            other => {
                Err(format!("the server ended during the run ({other:?}): {}", self.log_tail()))
            }
        }
    }

    /// The last lines the server wrote.
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.dir.path().join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    /// Where it takes RTMP.
    pub fn rtmp(&self) -> Loopback {
        self.rtmp
    }

    /// Where it takes HTTP, where it does.
    pub fn http(&self) -> Loopback {
        self.http
    }

    /// From starting the program to the first connection it accepted, in milliseconds.
    pub fn ready_ms(&self) -> f64 {
        self.ready_ms
    }

    /// What it and its children have used so far.
    pub fn usage(&self) -> Usage {
        procfs::usage(self.child.id())
    }

    /// Its scratch folder: recordings and segments are in here.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let started = procfs::tree(self.child.id());
        signal(self.child.id(), Signal::TERM);
        let until = net::now() + 5 * SECOND;
        while net::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            net::sleep_until(net::now() + 5 * MILLI);
        }
        for pid in started.into_iter().rev() {
            signal(pid, Signal::KILL);
        }
        // It has been killed: this only takes its exit status.
        let _ = self.child.wait();
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // A process that has ended meanwhile needs no signal.
        let _ = kill_process(pid, signal);
    }
}

/// A folder in memory where there is one, removed when dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new folder of this process.
    pub fn new(name: &str) -> std::io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = root.join(format!("streamcore-bench-{}-{name}", std::process::id()));
        for sub in ["hls", "rec", "www"] {
            fs::create_dir_all(path.join(sub))?;
        }
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A command whose process is told to end when this one dies, where `setpriv` is to be had.
fn command(program: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.exists() {
        return Command::new(program);
    }
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

/// Ours makes HLS in memory; where another makes none, neither does ours.
fn ours(
    programs: &Programs,
    rtmp: Loopback,
    http: Loopback,
    dir: &Path,
    features: Features,
) -> Command {
    let mut command = command(&programs.ours);
    command.args(["serve", "--rtmp-listen", &rtmp.to_string(), "--http-listen", &http.to_string()]);
    command.args(["--max-connections", "30000"]).arg("--data-dir").arg(dir.join("rec"));
    if !features.record {
        command.arg("--no-record");
    }
    match features {
        Features { hls: false, http: false, .. } => drop(command.arg("--hls=false")),
        // Everything at once, parts and DASH among it.
        Features { hls: true, record: true, .. } | Features { http: true, .. } => {}
        // Segments alone, as of the others.
        Features { hls: true, .. } => drop(command.args(["--hls-part-duration", "off"])),
    }
    command.args(&programs.ours_args);
    command
}

fn nginx(
    programs: &Programs,
    (rtmp, http): (Loopback, Loopback),
    dir: &Path,
    features: Features,
) -> std::io::Result<Command> {
    let (module, at) = (programs.nginx_module.display(), dir.display());
    let user = if rustix::process::getuid().is_root() { "user root;" } else { "" };
    let hls = if features.hls {
        format!("hls on; hls_path {at}/hls; hls_fragment 2s; hls_playlist_length 12s;")
    } else {
        String::new()
    };
    let record =
        if features.record { format!("record all; record_path {at}/rec;") } else { String::new() };
    let web = if features.http {
        format!(
            "http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;\n\
             server {{ listen {http}; root {at}/www; }} }}\n"
        )
    } else {
        String::new()
    };
    let text = format!(
        "load_module {module}; worker_processes 1; daemon off; {user}\n\
         pid {at}/nginx.pid; error_log {at}/error.log error;\n\
         events {{ worker_connections 16384; }}\n\
         rtmp {{ access_log off; server {{ listen {rtmp}; chunk_size 4096;\n\
         application live {{ live on; {hls} {record} }} }} }}\n{web}"
    );
    fs::write(dir.join("nginx.conf"), text)?;
    let mut command = command(&programs.nginx);
    command.arg("-p").arg(dir).arg("-c").arg(dir.join("nginx.conf"));
    Ok(command)
}

fn srs(
    programs: &Programs,
    rtmp: Loopback,
    dir: &Path,
    features: Features,
) -> std::io::Result<Command> {
    let at = dir.display();
    let hls = if features.hls {
        format!("hls {{ enabled on; hls_path {at}/hls; hls_fragment 2; hls_window 12; }}")
    } else {
        String::new()
    };
    let record = if features.record {
        format!(
            "dvr {{ enabled on; dvr_path {at}/rec/[app]/[stream].[timestamp].flv; dvr_plan session; }}"
        )
    } else {
        String::new()
    };
    let text = format!(
        "listen {rtmp}; max_connections 16000; daemon off; pid {at}/srs.pid; in_docker off;\n\
         srs_log_tank file; srs_log_level error; srs_log_level_v2 error; srs_log_file {at}/srs.log;\n\
         http_api {{ enabled off; }} http_server {{ enabled off; }} stats {{ network 0; }}\n\
         heartbeat {{ enabled off; }} query_latest_version off;\n\
         vhost __defaultVhost__ {{ {hls} {record} }}\n"
    );
    fs::write(dir.join("srs.conf"), text)?;
    let mut command = command(&programs.srs);
    command.arg("-c").arg(dir.join("srs.conf"));
    Ok(command)
}
