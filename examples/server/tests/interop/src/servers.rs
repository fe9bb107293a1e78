//! Servers that `streamcore publish` publishes to.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kit::{Process, until};

use crate::judge::{self, Comparison, Extent};
use crate::lab::{self, LIMIT, Lab, STREAM};
use crate::media::{ENHANCED, H264_AAC, H264_MP3, HEVC_AAC, LONG, Media, SHORT};
use crate::publishers::ffmpeg_arguments;
use crate::row::{Role, Row, Transport};
use crate::tools::{Found, Program, Tools};

/// A server of somebody else that records.
struct Peer {
    process: Process,
    port: u16,
    /// Where the recording will be: the file, or the folder that holds nothing else.
    out: PathBuf,
    end: End,
}

/// When the recording of a server is whole.
#[derive(Clone, Copy)]
enum End {
    /// When the server ends, which it does with the stream.
    OfItself,
    /// When the server has been told to stop.
    Asked,
    /// Some time after the stream: it keeps the file open for a publisher who may come back.
    Later,
}

/// What that is given.
const LATER: Duration = Duration::from_secs(8);

/// How a server is started, with a folder of its own.
type Start = fn(&Lab, &Program, Transport, &Path) -> Peer;

/// All rows.
pub fn rows(tools: &Tools) -> Vec<Row> {
    let mut rows = Vec::new();
    let row = |peer, found, start, transport, media| publish(peer, found, start, transport, media);
    for media in [H264_AAC, H264_MP3] {
        rows.push(row("nginx-rtmp", &tools.nginx, nginx, Transport::Rtmp, media));
        rows.push(row("ffmpeg -listen", &tools.ffmpeg_5, listen, Transport::Rtmp, media));
    }
    for found in [&tools.ffmpeg_8, &tools.ffmpeg_9] {
        for media in [H264_AAC, H264_MP3].into_iter().chain(ENHANCED) {
            rows.push(row("ffmpeg -listen", found, listen, Transport::Rtmp, media));
        }
    }
    for transport in Transport::ALL {
        for media in [H264_AAC, H264_MP3].into_iter().chain(ENHANCED) {
            let found = &tools.node_media_server;
            rows.push(row("node-media-server", found, node_media_server, transport, media));
        }
    }
    rows.push(
        row("nginx-rtmp", &tools.nginx, nginx, Transport::Rtmp, HEVC_AAC)
            .differs("knows no Enhanced RTMP: drops the video"),
    );
    rows.push(record(tools, "nginx-rtmp", &tools.nginx, nginx, Transport::Rtmp));
    for transport in Transport::ALL {
        let found = &tools.node_media_server;
        rows.push(
            record(tools, "node-media-server", found, node_media_server, transport)
                .remark("does not tell players that the stream has ended"),
        );
    }
    rows
}

fn record(tools: &Tools, peer: &str, found: &Found, start: Start, transport: Transport) -> Row {
    let publisher = tools.ffmpeg_8.clone();
    let run = move |lab: &Lab, program: &Program| {
        let folder = kit::temp_dir();
        let peer = start(lab, program, transport, folder.path());
        until("the server listens", LIMIT, || is_listening(peer.port).then_some(()));
        let film = H264_AAC.file(lab.films(), LONG);
        let url = format!("{}://127.0.0.1:{}/{STREAM}", transport.name(), peer.port);
        let publisher = publisher.as_ref().map_err(Clone::clone)?;
        let arguments = ffmpeg_arguments(lab, &film, transport, &[], &url);
        let mut publisher = Process::start(&publisher.path, arguments);
        until("the server records", LIMIT, || only_file(&peer.out).exists().then_some(()));
        let out = folder.path().join("played.flv");
        let out_text = out.to_str().expect("UTF-8");
        let mut client =
            Process::start(lab.program(), ["record", &url, out_text, "--tls-ca", lab.authority()]);
        publisher.succeed(LIMIT);
        lab::end(&mut client);
        let got = lab.tracks(&out).map_err(|fault| format!("{fault}\n{}", client.text()))?;
        Ok(judge::compare(&lab.tracks(&film)?, &got, Extent::ToTheEnd))
    };
    Row::new((peer, found), Role::Source, transport, H264_AAC.codecs, run)
}

fn publish(peer: &str, found: &Found, start: Start, transport: Transport, media: Media) -> Row {
    let run = move |lab: &Lab, program: &Program| {
        let folder = kit::temp_dir();
        let mut peer = start(lab, program, transport, folder.path());
        until("the server listens", LIMIT, || is_listening(peer.port).then_some(()));
        let film = media.file(lab.films(), SHORT);
        let url = format!("{}://127.0.0.1:{}/{STREAM}", transport.name(), peer.port);
        let file = film.to_str().expect("UTF-8");
        let trust = ["--tls-ca", lab.authority()];
        let trust = if transport == Transport::Rtmps { &trust[..] } else { &[] };
        let mut client = Process::start(lab.program(), [&["publish", file, &url], trust].concat());
        client.succeed(LIMIT);
        let compare = || -> Result<Comparison, String> {
            let got = lab.tracks(&only_file(&peer.out))?;
            Ok(judge::compare(&lab.tracks(&film)?, &got, Extent::Whole))
        };
        match peer.end {
            End::OfItself => lab::end(&mut peer.process),
            End::Asked => {
                peer.process.signal("QUIT");
                peer.process.wait_exit(LIMIT);
            }
            End::Later => {
                let written = || compare().is_ok_and(|result| result.fault.is_none());
                let deadline = Instant::now() + LATER;
                while !written() && Instant::now() < deadline {}
            }
        }
        compare().map_err(|fault| format!("{fault}\n{}", peer.process.text()))
    };
    Row::new((peer, found), Role::Server, transport, media.codecs, run)
}

fn listen(_: &Lab, program: &Program, _: Transport, folder: &Path) -> Peer {
    let (port, out) = (free_port(), folder.join("out.flv"));
    let url = format!("rtmp://127.0.0.1:{port}/{STREAM}");
    let out_text = out.to_str().expect("UTF-8");
    let quiet = ["-nostdin", "-v", "error", "-listen", "1", "-i", &url];
    let copy = ["-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", "flv", out_text];
    let process = Process::start(&program.path, quiet.iter().chain(&copy));
    Peer { process, port, out, end: End::OfItself }
}

fn nginx(_: &Lab, program: &Program, _: Transport, folder: &Path) -> Peer {
    let (port, out) = (free_port(), folder.join("recorded"));
    fs::create_dir(&out).expect("a folder");
    let (root, kept) = (folder.display(), out.display());
    let text = format!(
        "daemon off;\nmaster_process off;\nerror_log stderr;\npid {root}/nginx.pid;\n\
         load_module modules/ngx_rtmp_module.so;\nevents {{}}\n\
         rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; record all; record_path {kept}; }} }} }}\n"
    );
    let config = folder.join("nginx.conf");
    fs::write(&config, text).expect("the configuration is written");
    let config = config.to_str().expect("UTF-8");
    let process = Process::start(&program.path, ["-e", "stderr", "-c", config]);
    Peer { process, port, out, end: End::Asked }
}

fn node_media_server(lab: &Lab, program: &Program, transport: Transport, folder: &Path) -> Peer {
    let ports = [free_port(), free_port(), free_port()];
    let (key, certificate) = lab.key_and_certificate();
    let (kept, data) = (folder.join("recorded"), folder.join("data"));
    let text = format!(
        r#"{{"bind":"127.0.0.1","rtmp":{{"port":{}}},"rtmps":{{"port":{},"key":"{key}","cert":"{certificate}"}},"http":{{"port":{}}},
            "store":{{"path":"{}"}},"auth":{{"play":false,"publish":false}},"webadmin":{{"enable":false}},"record":{{"auto":true,"path":"{}"}}}}"#,
        ports[0],
        ports[1],
        ports[2],
        data.display(),
        kept.display(),
    );
    let config = folder.join("config.json");
    fs::write(&config, text).expect("the configuration is written");
    let config = config.to_str().expect("UTF-8");
    let process = Process::start("node", [&program.path, "-c", config]);
    let port = if transport == Transport::Rtmps { ports[1] } else { ports[0] };
    Peer { process, port, out: kept, end: End::Later }
}

/// A port that nobody has at the moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Whether somebody listens there. A connection would tell too, but some servers take only one.
fn is_listening(port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let wanted = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1).is_some_and(|local| local.ends_with(&wanted)) && fields.get(3) == Some(&"0A")
    })
}

/// The file itself, or the only one below a folder.
fn only_file(path: &Path) -> PathBuf {
    if !path.is_dir() {
        return path.to_owned();
    }
    let entries = fs::read_dir(path).expect("a folder").flatten();
    let first = entries.map(|entry| entry.path()).next();
    first.map_or_else(|| path.join("nothing was recorded"), |entry| only_file(&entry))
}
