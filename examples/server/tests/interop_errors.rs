//! What is not RTMP, and what the machine refuses: one clear line, and nothing else is harmed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use kit::flv;
use kit::rtmp::{Client, Publisher};
use kit::source::Film;
use kit::{Process, Server, ServerBuilder, until};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
/// Ten seconds, and a moment for the machine.
const HANG_UP: Duration = Duration::from_millis(10_900);
const SOON: Duration = Duration::from_secs(20);

#[test]
fn what_is_not_rtmp_ends_in_a_log_line_and_a_closed_socket() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).start();
    let garbage: Vec<u8> =
        (0..4000_u32).map(|at| u8::try_from((at * at + 77) % 256).expect("a byte")).collect();
    let mut garbage_after_handshake = vec![3; 1 + 1536 + 1536];
    garbage_after_handshake.extend_from_slice(&garbage);
    let cases: [(&str, Vec<u8>); 7] = [
        ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("TLS", [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 500]].concat()),
        ("garbage", garbage),
        ("silence", Vec::new()),
        ("half a handshake", vec![3; 800]),
        ("a handshake and silence", vec![3; 1 + 1536 + 1536]),
        ("a handshake and garbage", garbage_after_handshake),
    ];
    std::thread::scope(|scope| {
        for (what, bytes) in &cases {
            let server = &server;
            scope.spawn(move || assert_hung_up_on(server, what, bytes));
        }
    });
    // The server is as it was.
    drop(Publisher::start(server.rtmp, "live", "after"));
}

fn assert_hung_up_on(server: &Server, what: &str, bytes: &[u8]) {
    let mut stream = TcpStream::connect(server.rtmp).expect("a connection");
    let started = Instant::now();
    let peer = stream.local_addr().expect("a connected socket").to_string();
    // The server may hang up before all is written.
    let _ = stream.write_all(bytes);
    stream.set_read_timeout(Some(HANG_UP)).expect("a connected socket");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{what}: still open after {:?}: {error}", started.elapsed()),
    }
    let closed = started.elapsed();
    assert!(closed < HANG_UP, "{what}: closed after {closed:?}");
    let line = server.process.wait_line(what, 0, SOON, |line| line.contains(&peer));
    println!("{what}: closed after {closed:?}: {line}");
}

#[test]
fn a_port_in_use_is_named() {
    let data = kit::temp_dir();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("a listening socket").to_string();
    for option in ["--rtmp-listen", "--http-listen"] {
        let process =
            ServerBuilder::new(BINARY, data.path()).with(&format!("{option} {addr}")).spawn();
        let line = fails_with_one_line(process, &addr);
        assert!(line.to_lowercase().contains("in use"), "{option}: {line}");
    }
}

#[test]
fn an_unwritable_folder_is_named() {
    let folder = kit::temp_dir();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "not a folder").expect("a file");
    // A file where a folder should be stops every user, root too.
    let data = file.join("data");
    fails_with_one_line(ServerBuilder::new(BINARY, &data).spawn(), data.to_str().expect("UTF-8"));
    fails_with_one_line(ServerBuilder::new(BINARY, &file).spawn(), file.to_str().expect("UTF-8"));
}

/// The program ends badly, with exactly one line that holds `name`, and gives it.
fn fails_with_one_line(mut process: Process, name: &str) -> String {
    let status = process.wait_exit(SOON);
    let lines = process.lines();
    assert!(!status.success(), "it went on\n{}", process.text());
    assert!(!lines.iter().any(|line| line.contains("panicked")), "{}", process.text());
    let named: Vec<&String> = lines.iter().filter(|line| line.contains(name)).collect();
    assert_eq!(named.len(), 1, "lines that name {name}\n{}", process.text());
    println!("{}", named[0]);
    named[0].clone()
}

#[test]
fn a_file_that_may_not_grow_does_not_end_the_live_stream() {
    // The limit counts blocks of 512 bytes or 1 KiB, as the shell likes. The signal that would end the program is ignored, so that the write fails.
    recording_trouble(&["sh", "-c", "trap '' XFSZ; ulimit -f 1200; exec \"$@\"", "sh"]);
}

#[test]
fn a_full_disk_does_not_end_the_live_stream() {
    let mount = "mount -t tmpfs -o size=800k tmpfs";
    let probe = format!("{mount} /mnt");
    let allowed = Process::start("unshare", ["-rm", "sh", "-c", &probe]).wait_exit(SOON).success();
    if !allowed {
        println!(
            "skipped: this user may not mount a file system of its own; the file size limit stands in for it"
        );
        return;
    }
    let script = format!("{mount} \"$STREAMCORE_TEST_DATA\" && exec \"$@\"");
    recording_trouble(&["unshare", "-rm", "sh", "-c", &script, "sh"]);
}

/// Publishes to a server that cannot write all of the recording: players get everything, and one line says what happened.
fn recording_trouble(wrapper: &[&str]) {
    let data = kit::temp_dir();
    let folder = format!("STREAMCORE_TEST_DATA={}", data.path().display());
    let wrapper = [&["env", &folder][..], wrapper].concat();
    let server = ServerBuilder::new(BINARY, data.path()).wrapped(&wrapper).start();
    let source = flv::read(&Film::new(14).flv(FILMS));
    let mut publisher = Publisher::start(server.rtmp, "live", "full");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut client = Client::connect(server.rtmp, "live").expect("a connection");
            client.play("full").expect("the server reads");
            client.tags_to_end().expect("an orderly end")
        });
        until("a player", SOON, || {
            (server.stream("live/full")?["players"]["rtmp"].as_u64() == Some(1)).then_some(())
        });
        publisher.send_paced(&source, 2, || true).expect("the stream goes on");
        let line = server.process.wait_line("trouble with the recording", 0, SOON, |line| {
            line.contains("No space left") || line.contains("File too large")
        });
        println!("{line}");
        let live = server.stream("live/full").expect("the stream is live");
        assert!(!live["hls"].is_null(), "{live}");
        publisher.finish("full").expect("the server reads");
        let got = reader.join().expect("see above");
        for kind in [flv::VIDEO, flv::AUDIO] {
            let of = |tags: &[flv::Tag]| {
                tags.iter()
                    .filter(|tag| tag.kind == kind && tag.is_media())
                    .cloned()
                    .collect::<Vec<_>>()
            };
            assert!(of(&source) == of(&got), "type {kind}: the player did not get all");
        }
    });
    assert_eq!(kit::http::get(server.http, "/healthz").expect("an answer").status, 200);
}
