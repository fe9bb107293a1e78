//! Under a service manager: sockets that it hands over, what it is told, and a server without rights.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

use common::{PATIENCE, request, until};

/// A child that does not outlive the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
}

#[test]
fn sockets_are_taken_over_by_their_names_and_the_manager_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (http, rtmp) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (http_address, rtmp_address) = (http.local_addr().unwrap(), rtmp.local_addr().unwrap());
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    // The shell puts both where systemd does: at 3 and 4.
    let script = "exec 3<&0 4<&1 </dev/null >&2; LISTEN_PID=$$ WATCHDOG_PID=$$ exec \"$@\"";
    let child = Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_streamcore"), "serve", "--data-dir"])
        .arg(folder.path().join("data"))
        .env("LISTEN_FDS", "2")
        .env("LISTEN_FDNAMES", "http:rtmp")
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "200000")
        .stdin(Stdio::from(OwnedFd::from(http)))
        .stdout(Stdio::from(OwnedFd::from(rtmp)))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let told = |wanted: &str| {
        let mut bytes = [0; 512];
        until(wanted, || {
            let count = manager.recv(&mut bytes).unwrap();
            let text = std::str::from_utf8(&bytes[..count]).unwrap();
            text.lines().any(|line| line == wanted).then_some(())
        });
    };
    told("READY=1");
    told("WATCHDOG=1");
    told("WATCHDOG=1");
    let server = request(http_address, "GET", "/api/v1/server", "");
    let server: serde_json::Value = serde_json::from_slice(&server.body).unwrap();
    assert_eq!(server["rtmp_port"], rtmp_address.port());
    signal(&child.0, "TERM");
    told("STOPPING=1");
    assert!(until("the end", || child.0.try_wait().unwrap()).success());
}

#[test]
fn without_rights_it_serves_and_records() {
    use common::Server;
    use common::client::{Client, picture, video_header};
    let data = tempfile::tempdir().unwrap();
    // Whoever runs the tests without rights is such a user already.
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let script = if root {
        std::os::unix::fs::chown(data.path(), Some(65534), Some(65534)).unwrap();
        "exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all \"$@\""
    } else {
        "exec \"$@\""
    };
    let server = Server::start_with(data.path(), &[], script);
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for time in [0, 2000, 4000] {
        publisher.send(9, 1, time, picture(true, 1000));
    }
    server.wait_live("live/demo");
    drop(publisher);
    server.wait_state("done");
    let file = server.files("mp4").remove(0);
    assert!(!root || std::fs::metadata(file).unwrap().uid() == 65534);
}

#[test]
fn the_units_are_ones_that_systemd_takes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("dist");
    let here = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for name in ["streamcore.service", "streamcore-rtmp.socket", "streamcore-http.socket"] {
        let unit = std::fs::read_to_string(folder.join(name)).unwrap();
        // The program has to be there.
        let unit = unit.replace("/usr/local/bin/streamcore", env!("CARGO_BIN_EXE_streamcore"));
        let file = here.path().join(name);
        std::fs::write(&file, unit).unwrap();
        files.push(file);
    }
    let output = Command::new("systemd-analyze").arg("verify").args(files).output();
    let output = output.expect("systemd-analyze is installed");
    let told = String::from_utf8_lossy(&output.stderr);
    // Of the machine's own units it may say something, too.
    assert!(!told.contains("streamcore") && output.status.success(), "{told}");
}
