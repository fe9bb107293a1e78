//! Peers that play from the server.

use std::path::Path;
use std::process::Command;

use kit::Process;

use crate::judge::{self, Extent};
use crate::lab::{self, LIMIT, Lab, STREAM, url};
use crate::media::{ENHANCED, H264_AAC, H264_MP3, HEVC_AAC, LONG, Media};
use crate::publishers::{ANNOUNCE, ffmpeg_arguments};
use crate::row::{Role, Row, Transport};
use crate::tools::{Found, Program, Tools};

const DUMP: &str = "what its reader of RTMP gives; nothing is decoded";

/// How a player is started: with the address, to write what it gets to a file.
type Start = fn(&Lab, &Program, Transport, &str, &Path) -> Process;

/// All rows.
pub fn rows(tools: &Tools) -> Vec<Row> {
    let mut rows = Vec::new();
    for transport in Transport::ALL {
        let row = |peer, found, start, media| play(tools, peer, found, start, transport, media);
        for media in [H264_AAC, H264_MP3] {
            rows.push(row("ffmpeg", &tools.ffmpeg_5, ffmpeg, media));
        }
        for found in [&tools.ffmpeg_8, &tools.ffmpeg_9] {
            for media in [H264_AAC, H264_MP3].into_iter().chain(ENHANCED) {
                rows.push(row("ffmpeg", found, ffmpeg, media));
            }
            rows.push(
                row("ffmpeg", found, announcing, HEVC_AAC)
                    .remark("announces its codecs in `connect`"),
            );
        }
        rows.push(
            row("ffmpeg", &tools.ffmpeg_5, ffmpeg, HEVC_AAC)
                .differs("knows no Enhanced RTMP: takes the video for VP6 and gives up"),
        );
        for media in [H264_AAC, HEVC_AAC] {
            rows.push(row("rtmpdump", &tools.rtmpdump, rtmpdump, media));
            rows.push(row("mpv", &tools.mpv, mpv, media).remark(DUMP));
            rows.push(row("VLC", &tools.vlc, vlc, media).remark(DUMP));
            rows.push(row("streamcore record", &tools.streamcore, record, media));
        }
    }
    rows
}

fn play(
    tools: &Tools,
    peer: &'static str,
    found: &Found,
    start: Start,
    transport: Transport,
    media: Media,
) -> Row {
    let publisher = tools.ffmpeg_8.clone();
    let run = move |lab: &Lab, program: &Program| {
        let publisher = publisher.as_ref().map_err(Clone::clone)?;
        let (data, folder) = (kit::temp_dir(), kit::temp_dir());
        open_to_all(folder.path());
        let server = lab.serve(data.path());
        let out = folder.path().join("played.flv");
        let film = media.file(lab.films(), LONG);
        let publish = || {
            let url = server.rtmp_url(STREAM);
            let arguments = ffmpeg_arguments(lab, &film, Transport::Rtmp, &[], &url);
            Process::start(&publisher.path, arguments)
        };
        let play = || start(lab, program, transport, &url(&server, transport), &out);
        // Both ways of coming: while the stream runs, and before it.
        let (mut publisher, mut player, extent) = if media == H264_AAC {
            let publisher = publish();
            server.wait_live(STREAM);
            (publisher, play(), Extent::ToTheEnd)
        } else {
            let player = play();
            server.process.wait_line("a player", 0, LIMIT, |line| line.contains("playing"));
            (publish(), player, Extent::Whole)
        };
        publisher.succeed(LIMIT);
        lab::end(&mut player);
        let got = lab.tracks(&out).map_err(|fault| format!("{fault}\n{}", player.text()))?;
        Ok(judge::compare(&lab.tracks(&film)?, &got, extent))
    };
    Row::new((peer, found), Role::Player, transport, media.codecs, run)
}

/// VLC does not run as root.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let all = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder, all).expect("a folder of one's own");
}

fn ffmpeg(lab: &Lab, program: &Program, transport: Transport, url: &str, out: &Path) -> Process {
    play_by_ffmpeg(lab, program, transport, &[], url, out)
}

fn announcing(
    lab: &Lab,
    program: &Program,
    transport: Transport,
    url: &str,
    out: &Path,
) -> Process {
    play_by_ffmpeg(lab, program, transport, &ANNOUNCE, url, out)
}

fn play_by_ffmpeg(
    lab: &Lab,
    program: &Program,
    transport: Transport,
    options: &[&str],
    url: &str,
    out: &Path,
) -> Process {
    let mut all = vec!["-nostdin", "-v", "error"];
    if transport == Transport::Rtmps {
        all.extend(["-tls_verify", "1", "-ca_file", lab.authority()]);
    }
    all.extend(options);
    all.extend(["-i", url, "-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", "flv"]);
    all.push(out.to_str().expect("UTF-8"));
    Process::start(&program.path, all)
}

fn rtmpdump(_: &Lab, program: &Program, _: Transport, url: &str, out: &Path) -> Process {
    let out = out.to_str().expect("UTF-8");
    Process::start(&program.path, ["--quiet", "--live", "-r", url, "-o", out])
}

fn mpv(_: &Lab, program: &Program, _: Transport, url: &str, out: &Path) -> Process {
    let dump = format!("--stream-dump={}", out.display());
    Process::start(&program.path, ["--no-config", "--really-quiet", &dump, url])
}

fn vlc(_: &Lab, program: &Program, _: Transport, url: &str, out: &Path) -> Process {
    let home = out.parent().expect("in a folder");
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", &program.path]);
        command
    } else {
        Command::new(&program.path)
    };
    let dump = format!("--demuxdump-file={}", out.display());
    command.args(["-q", "--demux=dump", &dump, url, "vlc://quit"]).env("HOME", home);
    Process::spawn(command)
}

fn record(lab: &Lab, program: &Program, _: Transport, url: &str, out: &Path) -> Process {
    let out = out.to_str().expect("UTF-8");
    Process::start(&program.path, ["record", url, out, "--tls-ca", lab.authority()])
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
