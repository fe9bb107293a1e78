//! The program as a client: what `publish` sends and `record` keeps, judged by ffprobe, with nginx-rtmp and ffmpeg at the
//! other end.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::packets::{self, Listing, Packet};
use kit::relay::{From, Relay, bytes_of};
use kit::source::Film;
use kit::tls::Authority;
use kit::wait::{free_port, wait_listening};
use kit::{Process, Server, ServerBuilder, dissector, flv, until};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(60);
/// Where packages put it.
const RTMP_MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

fn film() -> PathBuf {
    Film::new(8).flv(FILMS)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn publish(arguments: &[&str]) -> Process {
    Process::start(BINARY, [&["publish"], arguments].concat())
}

/// A recorder that the server has taken.
fn record(arguments: &[&str]) -> Process {
    let recorder = Process::start(BINARY, [&["record"], arguments].concat());
    recorder.wait_line("the server plays", 0, LIMIT, |line| line.contains(": recording to "));
    recorder
}

/// Asserts that both hold the same packets at the same times.
fn assert_same(what: &str, wanted: &Listing, file: &Path) {
    let got = packets::probe(file);
    for (kind, wanted, got) in
        [("video", &wanted.video, &got.video), ("audio", &wanted.audio, &got.audio)]
    {
        packets::same_packets(wanted, got).unwrap_or_else(|fault| panic!("{what} {kind}: {fault}"));
        packets::same_times(wanted, got, 0)
            .unwrap_or_else(|fault| panic!("{what} {kind}: {fault}"));
    }
    packets::same_start_offset(wanted, &got).unwrap_or_else(|fault| panic!("{what}: {fault}"));
}

#[test]
fn what_is_published_is_recorded_back_in_the_clear_and_over_tls() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let files = Authority::new().issue(folder.path());
    let server = ServerBuilder::new(BINARY, data.path()).with("--keep-flv");
    let server = server.with(&files.options()).start();
    let (film, trust) = (film(), ["--tls-ca", text(&files.authority)]);
    let wanted = packets::probe(&film);
    std::thread::scope(|scope| {
        for (name, url) in [
            ("live/plain", server.rtmp_url("live/plain")),
            ("live/secure", server.rtmps_url("live/secure")),
        ] {
            let (server, wanted, film) = (&server, &wanted, text(&film));
            let out = folder.path().join(name.replace('/', "-") + ".flv");
            scope.spawn(move || {
                let mut recorder = record(&[&[&url, text(&out)], &trust[..]].concat());
                publish(&[&[film, &url, "--speed", "4"], &trust[..]].concat()).succeed(LIMIT);
                recorder.succeed(LIMIT);
                assert_same(&format!("{name} as it was played"), wanted, &out);
                server.wait_mp4(name);
                let kept = server.file(name, "flv");
                assert_same(&format!("{name} as the server has it"), wanted, &kept);
                let key = name.trim_start_matches("live/");
                assert!(!recorder.text().contains(&format!("/{key}:")), "{}", recorder.text());
            });
        }
    });
}

#[test]
fn nginx_takes_what_is_published_and_gives_it_to_record() {
    let folder = kit::temp_dir();
    let port = free_port();
    let at = text(folder.path());
    let config = format!(
        "load_module {RTMP_MODULE}; daemon off; master_process off; pid {at}/nginx.pid;\n\
         error_log {at}/error.log; events {{ worker_connections 64; }}\n\
         rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; application live {{\n\
         live on; record all; record_path {at}; }} }} }}\n"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, config).expect("the configuration");
    let _nginx = Process::start("nginx", ["-p", at, "-e", "stderr", "-c", text(&file)]);
    wait_listening(port);
    let (film, url) = (film(), format!("rtmp://127.0.0.1:{port}/live/taken"));
    let (wanted, out) = (packets::probe(&film), folder.path().join("out.flv"));
    let mut recorder = record(&[&url, text(&out)]);
    publish(&[text(&film), &url, "--speed", "4"]).succeed(LIMIT);
    recorder.succeed(LIMIT);
    assert_same("as it was played", &wanted, &out);
    assert_same("as nginx has it", &wanted, &folder.path().join("taken.flv"));
}

#[test]
fn ffmpeg_that_listens_takes_what_is_published() {
    let (folder, port, film) = (kit::temp_dir(), free_port(), film());
    let (out, url) = (folder.path().join("out.flv"), format!("rtmp://127.0.0.1:{port}/live/key"));
    let quiet = ["-nostdin", "-v", "error", "-listen", "1"];
    let arguments = [&quiet[..], &["-i", &url, "-c", "copy", text(&out)]].concat();
    let mut ffmpeg = Process::start("ffmpeg", arguments);
    wait_listening(port);
    publish(&[text(&film), &url, "--speed", "4"]).succeed(LIMIT);
    ffmpeg.succeed(LIMIT);
    assert_same("as ffmpeg has it", &packets::probe(&film), &out);
}

#[test]
fn every_codec_and_track_comes_back_as_it_was_sent() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record").start();
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let folders = ["eflv", "veovera", "exoplayer"].map(|folder| captures.join(folder));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("the captures"));
    let mut files: Vec<PathBuf> = files.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "flv"));
    assert!(files.len() >= 16, "{files:?}");
    for (number, file) in files.iter().enumerate() {
        let url = server.rtmp_url(&format!("live/codec{number}"));
        let out = folder.path().join(format!("{number}.flv"));
        let mut recorder = record(&[&url, text(&out)]);
        publish(&[text(file), &url, "--speed", "0"]).succeed(LIMIT);
        recorder.succeed(LIMIT);
        for kind in [flv::VIDEO, flv::AUDIO] {
            assert_same_tags(kind, file, &out);
        }
    }
}

/// Asserts that both files hold the same tags of that kind, each once and in order. Times are the same but for the few
/// headers: a recording gives those the time of the frame before.
fn assert_same_tags(kind: u8, wanted: &Path, got: &Path) {
    let of = |file: &Path| {
        let tags = flv::read(file).into_iter().filter(move |tag| tag.kind == kind);
        tags.map(|tag| (tag.timestamp, tag.body)).collect::<Vec<_>>()
    };
    let (name, wanted, got) = (wanted.display(), of(wanted), of(got));
    assert_eq!(wanted.len(), got.len(), "{name}: tags of type {kind}");
    let mut moved = 0;
    for (at, (wanted, got)) in wanted.iter().zip(&got).enumerate() {
        assert!(wanted.1 == got.1, "{name}: body of tag {at} of type {kind}");
        moved += usize::from(wanted.0 != got.0);
    }
    assert!(moved <= 4, "{name}: {moved} times of type {kind} differ");
}

#[test]
fn a5_19_an_interrupted_publisher_says_goodbye() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record").start();
    let relay = Relay::start(server.rtmp);
    let url = format!("rtmp://{}/live/short", relay.addr());
    let mut publisher = publish(&[text(&film()), &url, "--loop"]);
    server.wait_live("live/short");
    publisher.signal("INT");
    publisher.succeed(LIMIT);
    server.wait_ended("live/short");
    let sent = publisher.text();
    assert!(sent.lines().last().is_some_and(|line| line.contains(": sent 0:00:")), "{sent}");
    let pieces = relay.finish();
    let bytes = bytes_of(&pieces, From::Client);
    let at = |name: &[u8]| bytes.windows(name.len()).rposition(|window| window == name);
    let (unpublish, delete) = (at(b"FCUnpublish"), at(b"deleteStream"));
    assert!(unpublish.is_some() && unpublish < delete, "{unpublish:?} {delete:?}");
    let reading = dissector::read(&pieces, folder.path());
    assert_eq!(reading.complaints, [""; 0]);
    assert!(reading.client.iter().any(|seen| seen.type_id == 9));
}

#[test]
fn a_file_may_come_through_a_pipe_and_only_so_much_be_recorded() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record").start();
    let (film, url) = (film(), server.rtmp_url("live/piped"));
    let out = folder.path().join("part.flv");
    let mut recorder = record(&[&url, text(&out), "--duration", "3s"]);
    let line = r#"exec cat "$1" | "$0" publish - "$2" --speed 4"#;
    Process::start("sh", ["-c", line, BINARY, text(&film), &url]).succeed(LIMIT);
    recorder.succeed(LIMIT);
    let (wanted, got) = (packets::probe(&film), packets::probe(&out));
    let run = packets::run_of(&wanted.video, &got.video).expect("the start of the film");
    assert!(run.start == 0 && (88..=91).contains(&run.end), "{run:?}");
}

#[test]
fn a_publisher_that_lost_its_server_goes_on_from_a_key_frame() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).with("--keep-flv").start();
    let breaks = breaking(server.rtmp, From::Client, 500_000);
    let url = format!("rtmp://{breaks}/live/again");
    let film = film();
    let mut publisher = publish(&[text(&film), &url, "--speed", "2", "--reconnect", "3"]);
    publisher.succeed(LIMIT);
    assert!(publisher.text().contains("; connecting again in "), "{}", publisher.text());
    let files = until("both recordings", LIMIT, || {
        let done = server.recordings().iter().filter(|one| one["state"] == "done").count();
        Some(server.files("live/again", "flv")).filter(|files| done == 2 && files.len() == 2)
    });
    let (wanted, first, second) =
        (packets::probe(&film), packets::probe(&files[0]), packets::probe(&files[1]));
    let run =
        |wanted: &[Packet], got: &[Packet]| packets::run_of(wanted, got).expect("of the film");
    for (wanted, first, second) in
        [(&wanted.video, &first.video, &second.video), (&wanted.audio, &first.audio, &second.audio)]
    {
        let (before, after) = (run(wanted, first), run(wanted, second));
        assert_eq!((before.start, after.end), (0, wanted.len()));
        assert!(after.start > 0 && after.start <= before.end, "{before:?} {after:?}");
    }
    assert!(second.video[0].key);
}

#[test]
fn a_recorder_that_lost_its_server_goes_on_in_the_same_file() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record").start();
    let mut publisher = publish(&[text(&film()), &server.rtmp_url("live/long"), "--loop"]);
    server.wait_live("live/long");
    let breaks = breaking(server.rtmp, From::Server, 400_000);
    let (url, out) = (format!("rtmp://{breaks}/live/long"), folder.path().join("long.flv"));
    let mut recorder = record(&[&url, text(&out), "--duration", "9s", "--reconnect", "3"]);
    recorder.succeed(LIMIT);
    publisher.signal("TERM");
    publisher.succeed(LIMIT);
    assert!(recorder.text().contains("; connecting again in "), "{}", recorder.text());
    let got = packets::probe(&out);
    for track in [&got.video, &got.audio] {
        assert!(track.windows(2).all(|pair| pair[0].dts <= pair[1].dts), "times fall back");
        let length = track[track.len() - 1].dts - track[0].dts;
        assert!((8_800..=9_100).contains(&(length / packets::MILLISECOND)), "{length} ns");
    }
    let decoded = ["-nostdin", "-v", "error", "-i", text(&out), "-f", "null", "-"];
    let (_, errors) = kit::process::run("ffmpeg", decoded);
    assert_eq!(errors, "");
}

#[test]
fn f16_what_goes_wrong_is_one_line_without_the_key() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    // This client says that it reconnects on request, which by default gives it the name.
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record --takeover refuse");
    let server = server.start();
    let (film, taken) = (film(), server.rtmp_url("live/secretkey"));
    let film = text(&film);
    let mut first = publish(&[film, &taken, "--loop"]);
    server.wait_live("live/secretkey");
    let there = folder.path().join("there.flv");
    std::fs::write(&there, "kept").expect("a file");
    let (there, nowhere) = (text(&there), folder.path().join("no/where.flv"));
    let closed = format!("rtmp://127.0.0.1:{}/live/secretkey", free_port());
    let cases: [(&[&str], &str); 9] = [
        (&["publish", film, &taken], "the server refuses: NetStream.Publish.BadName: "),
        (&["publish", film, &closed], "cannot connect to 127.0.0.1:"),
        (&["publish", film, "rtmp://nobody.invalid/live/secretkey"], "cannot find the host"),
        (&["publish", film, "http://127.0.0.1/live/secretkey"], "not a URL of an RTMP server: "),
        (&["publish", "nowhere.flv", &taken], "cannot open nowhere.flv: "),
        (&["publish", "-", &taken, "--loop"], "standard input cannot be read twice"),
        (&["record", &taken, "out.mp4"], "name a file that ends in .flv"),
        (&["record", &taken, there], "exists: --overwrite replaces it"),
        (&["record", &closed, text(&nowhere)], "cannot connect to 127.0.0.1:"),
    ];
    for (arguments, words) in cases {
        let mut process = Process::start(BINARY, arguments);
        assert!(!process.wait_exit(LIMIT).success(), "{arguments:?}");
        let lines = process.lines();
        let [line] = &lines[..] else { panic!("{arguments:?}: {lines:?}") };
        assert!(line.starts_with("streamcore: ") && line.contains(words), "{line}");
        assert!(!line.contains("secretkey"), "{line}");
    }
    let mut unwritable = record(&[&taken, text(&nowhere)]);
    assert!(!unwritable.wait_exit(LIMIT).success());
    assert!(unwritable.text().contains("cannot write "), "{}", unwritable.text());
    assert_eq!(std::fs::read_to_string(there).expect("untouched"), "kept");
    first.signal("INT");
    first.succeed(LIMIT);
}

#[test]
fn a5_40_a_certificate_that_nobody_vouches_for_is_refused() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let files = Authority::new().issue(folder.path());
    let server = ServerBuilder::new(BINARY, data.path()).with("--no-record");
    let server: Server = server.with(&files.options()).start();
    let (film, url) = (film(), server.rtmps_url("live/key"));
    let mut refused = publish(&[text(&film), &url]);
    assert!(!refused.wait_exit(LIMIT).success());
    assert!(refused.text().contains("--tls-ca names whom to trust"), "{}", refused.text());
    publish(&[text(&film), &url, "--speed", "0", "--tls-insecure"]).succeed(LIMIT);
}

/// Passes connections on, the first one only until that many bytes have come from that side.
fn breaking(target: SocketAddr, side: From, most: usize) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().flatten().enumerate() {
            let Ok(server) = TcpStream::connect(target) else { return };
            let both = |stream: &TcpStream| stream.try_clone().expect("a second handle");
            let left = |from| if number == 0 && from == side { most } else { usize::MAX };
            let (up, down) = (left(From::Client), left(From::Server));
            let (other_client, other_server) = (both(&client), both(&server));
            std::thread::spawn(move || pass(client, server, up));
            std::thread::spawn(move || pass(other_server, other_client, down));
        }
    });
    address
}

fn pass(mut source: TcpStream, mut target: TcpStream, mut left: usize) {
    let mut buffer = vec![0; 16 << 10];
    while left > 0 {
        let Ok(count @ 1..) = source.read(&mut buffer) else { break };
        left = left.saturating_sub(count);
        if target.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // Where it breaks, nothing goes either way any more.
    let how = if left == 0 { Shutdown::Both } else { Shutdown::Write };
    let _ = (target.shutdown(how), source.shutdown(Shutdown::Read));
    if left == 0 {
        let _ = source.shutdown(Shutdown::Both);
    }
}
