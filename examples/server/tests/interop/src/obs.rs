//! OBS Studio with a profile of its own on a screen that nobody sees.

use std::fs;
use std::path::Path;
use std::process::Command;

use kit::flv::{self, Tag};
use kit::relay::{self, From, Relay};
use kit::{Process, Server, Value, rtmp, until};

use crate::judge::Comparison;
use crate::lab::{self, LIMIT, Lab, STREAM};
use crate::row::{Role, Row, Transport};
use crate::tools::{Found, Program, Tools};

/// Seconds of stream.
const SECONDS: f64 = 5.0;

/// All rows.
pub fn rows(tools: &Tools) -> Vec<Row> {
    let both: Found = tools.xvfb.clone().and(tools.obs.clone());
    let row = |transport, run: fn(&Lab, &str, &str) -> Comparison| {
        let screen = tools.xvfb.clone();
        let run = move |lab: &Lab, program: &Program| {
            Ok(run(lab, &program.path, &screen.as_ref().map_err(Clone::clone)?.path))
        };
        Row::new(("OBS Studio", &both), Role::Publisher, transport, "H.264 + AAC", run)
    };
    vec![
        row(Transport::Rtmp, plain).remark("judged by the messages on the wire"),
        row(Transport::Rtmps, secure).remark(
            "nobody else knows what was sent: judged by the times; it verifies the certificate",
        ),
    ]
}

fn plain(lab: &Lab, obs: &str, xvfb: &str) -> Comparison {
    let (data, home) = (kit::temp_dir(), kit::temp_dir());
    let server = lab.serve(data.path());
    let relay = Relay::start(server.rtmp);
    stream(&server, home.path(), &format!("rtmp://{}", relay.addr()), Command::new(obs), xvfb);
    let bytes = relay::bytes_of(&relay.finish(), From::Client);
    let sent: Vec<Tag> = rtmp::messages_of_capture(&bytes)
        .into_iter()
        .map(|message| Tag {
            kind: message.type_id,
            timestamp: message.timestamp,
            body: message.payload,
        })
        .collect();
    compare(&sent, &flv::read(&lab::recorded(&server)))
}

fn secure(lab: &Lab, obs: &str, xvfb: &str) -> Comparison {
    let (data, home) = (kit::temp_dir(), kit::temp_dir());
    let server = lab.serve(data.path());
    let port = server.rtmps.expect("RTMPS is on").port();
    // OBS trusts what lies in one folder of the system. In a name space of its own another one lies there.
    let trusted = home.path().join("trusted");
    fs::create_dir(&trusted).expect("a folder");
    fs::copy(lab.authority(), trusted.join("authority.pem")).expect("a copy");
    let script = format!("mount --bind {} /etc/ssl/certs && exec {obs} \"$@\"", trusted.display());
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", &script, "obs"]);
    stream(&server, home.path(), &format!("rtmps://localhost:{port}"), command, xvfb);
    continuous(&flv::read(&lab::recorded(&server)))
}

/// Lets OBS stream for some seconds.
fn stream(server: &Server, home: &Path, address: &str, mut obs: Command, xvfb: &str) {
    write_profile(home, address);
    let options = ["-displayfd", "1", "-screen", "0", "1280x720x24", "-nolisten", "tcp"];
    let screen = Process::start(xvfb, options);
    let display = screen.wait_line("a display", 0, LIMIT, |line| line.parse::<u32>().is_ok());
    obs.args(["--multi", "--disable-updater", "--disable-missing-files-check"])
        .args(["--profile", "matrix", "--collection", "matrix", "--startstreaming"])
        .env("DISPLAY", format!(":{display}"))
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join(".config"))
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .env("QT_QPA_PLATFORM", "xcb");
    let mut obs = Process::spawn(obs);
    // Its encoders start some seconds after it has said that it publishes.
    let uptime = |stream: &Value| stream["uptime_s"].as_f64().unwrap_or(0.0);
    let start = uptime(&server.wait_live(STREAM));
    until("some seconds of OBS", LIMIT, || {
        (uptime(&server.stream(STREAM)?) > start + SECONDS).then_some(())
    });
    // It has no other way to be told to stop from outside.
    obs.kill();
    server.wait_ended(STREAM);
}

/// Where nobody knows what was sent: as many messages as the time wants, and none missing between them.
fn continuous(recorded: &[Tag]) -> Comparison {
    let mut result = Comparison::default();
    // Milliseconds of a picture and of an audio frame, rounded up.
    for (kind, step) in [(flv::VIDEO, 34), (flv::AUDIO, 22)] {
        let got = media(recorded, kind);
        result.received.push(got.len());
        let times: Vec<u32> = got.iter().map(|tag| tag.timestamp).collect();
        let gap = times.windows(2).find(|pair| pair[1].wrapping_sub(pair[0]) > step);
        let fault = match gap {
            Some(gap) => Some(format!("a gap in type {kind}: {gap:?}")),
            None if got.len() < 100 => Some(format!("{} messages of type {kind}", got.len())),
            None => None,
        };
        result.fault = result.fault.take().or(fault);
    }
    result
}

/// Compares all media.
fn compare(sent: &[Tag], recorded: &[Tag]) -> Comparison {
    let mut result = Comparison::default();
    for kind in [flv::VIDEO, flv::AUDIO] {
        equal(&mut result, kind, &media(sent, kind), &media(recorded, kind));
    }
    result
}

fn media(tags: &[Tag], kind: u8) -> Vec<Tag> {
    tags.iter().filter(|tag| tag.kind == kind && tag.is_media()).cloned().collect()
}

/// Compares bytes, and times from the first on.
fn equal(result: &mut Comparison, kind: u8, sent: &[Tag], got: &[Tag]) {
    result.sent.push(sent.len());
    result.received.push(got.len());
    let start = |tags: &[Tag]| tags.first().map_or(0, |tag| tag.timestamp);
    let starts = (start(sent), start(got));
    let differs = |(sent, got): (&Tag, &Tag)| {
        sent.body != got.body || sent.timestamp - starts.0 != got.timestamp - starts.1
    };
    let fault = if sent.is_empty() {
        Some(format!("nothing of type {kind} in common"))
    } else if sent.len() != got.len() {
        Some(format!("{} messages of type {kind}, sent {}", got.len(), sent.len()))
    } else {
        let first = sent.iter().zip(got).position(differs);
        first.map(|index| format!("message {index} of type {kind} differs"))
    };
    result.fault = result.fault.take().or(fault);
}

fn write_profile(home: &Path, address: &str) {
    let root = home.join(".config/obs-studio");
    let (app, key) = STREAM.split_once('/').expect("app/name");
    let service = include_str!("../obs/service.json");
    let service = service.replace("SERVER", &format!("{address}/{app}")).replace("KEY", key);
    let files = [
        ("global.ini", include_str!("../obs/global.ini")),
        ("basic/profiles/matrix/basic.ini", include_str!("../obs/basic.ini")),
        ("basic/profiles/matrix/service.json", &service),
        ("basic/scenes/matrix.json", include_str!("../obs/scene.json")),
    ];
    for (name, text) in files {
        let file = root.join(name);
        let folder = file.parent().expect("in a folder");
        fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}
