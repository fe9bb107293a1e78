//! What real encoders sent, byte for byte, to a socket of the server.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::flv::{self, Tag};
use kit::packets::{self, Packet};
use kit::rtmp::{self, Message, Value};
use kit::{Server, ServerBuilder};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");

#[test]
fn obs_is_recorded_with_as_many_packets_as_it_sent() {
    let (data, captures) = (kit::temp_dir(), captures());
    let obs = captures.iter().find(|file| file.to_string_lossy().contains("obs-29.0.2"));
    let obs = obs.expect("the capture of OBS 29.0.2 in tests/data");
    let server = ServerBuilder::new(BINARY, data.path()).start();
    // What another server recorded of the same bytes.
    assert_eq!(replay(&server, obs), (131, 407));
}

#[test]
fn other_encoders_are_recorded_with_as_many_packets_as_they_sent() {
    let (data, captures) = (kit::temp_dir(), captures());
    let server = ServerBuilder::new(BINARY, data.path()).start();
    // Debian's ffprobe misreads Enhanced RTMP; that capture has its packet list in `tests/capture_units.rs`.
    let others = captures.iter().filter(|file| {
        let name = file.to_string_lossy();
        !name.contains("obs-29.0.2") && !name.contains("enhanced")
    });
    for (index, file) in others.enumerate() {
        let (video, audio) = replay(&server, file);
        assert!(video > 0 && audio > 0, "{}", file.display());
        println!("capture {index}: {video} pictures, {audio} audio frames of {}", file.display());
    }
}

/// Plays a capture to the server and gives the number of pictures and audio frames that were recorded.
fn replay(server: &Server, capture: &Path) -> (usize, usize) {
    let what = capture.display();
    let bytes = std::fs::read(capture).unwrap_or_else(|error| panic!("{what}: {error}"));
    let messages = rtmp::messages_of_capture(&bytes);
    let path = path_of(&messages);
    let before = server.files(&path, "mp4").len();

    let mut stream = TcpStream::connect(server.rtmp).expect("a connection");
    let mut incoming = stream.try_clone().expect("a second handle of the socket");
    let drain = std::thread::spawn(move || std::io::copy(&mut incoming, &mut std::io::sink()));
    stream.write_all(&bytes).unwrap_or_else(|error| panic!("{what}: the server hung up: {error}"));
    stream.shutdown(Shutdown::Write).expect("a connected socket");
    let answered = drain.join().expect("the reader does not panic");
    assert!(answered.is_ok_and(|count| count > 3073), "{what}: no more than a handshake came back");

    let done = |recording: &serde_json::Value| {
        kit::server::path_of(recording) == path && recording["state"] == "done"
    };
    kit::until(&format!("MP4 of {what}"), Duration::from_secs(30), || {
        (server.recordings().iter().filter(|recording| done(recording)).count() > before)
            .then_some(())
    });
    let mp4 = server.files(&path, "mp4").pop().expect("the MP4 that is said to be done");
    let got = packets::probe(&mp4);
    let sizes = |packets: &[Packet]| packets.iter().map(|packet| packet.size).collect::<Vec<_>>();
    let (video, audio) =
        (payload_sizes(&messages, flv::VIDEO, 5), payload_sizes(&messages, flv::AUDIO, 2));
    assert_eq!(sizes(&got.video), video, "{what}: sizes of the pictures");
    assert_eq!(sizes(&got.audio), audio, "{what}: sizes of the audio frames");
    (video.len(), audio.len())
}

/// Sizes of the media in a capture, without the `head` bytes of FLV.
fn payload_sizes(messages: &[Message], kind: u8, head: usize) -> Vec<u64> {
    let tags = messages.iter().filter(|message| message.type_id == kind).map(|message| Tag {
        kind,
        timestamp: message.timestamp,
        body: message.payload.clone(),
    });
    tags.filter(Tag::is_media)
        .map(|tag| u64::try_from(tag.body.len() - head).expect("fits"))
        .collect()
}

/// `app/name` that the client asked for.
fn path_of(messages: &[Message]) -> String {
    let commands: Vec<Vec<Value>> = messages.iter().filter_map(rtmp::command).collect();
    let find = |name: &str| {
        let mut found =
            commands.iter().filter(|values| values.first().and_then(Value::as_str) == Some(name));
        found.next().unwrap_or_else(|| panic!("the capture has no {name}"))
    };
    let app = find("connect")[2].field("app").and_then(Value::as_str).expect("an application");
    let name = find("publish")[3].as_str().expect("a stream name");
    format!("{app}/{name}")
}

/// Captures of clients below the workspace's `tests/data`.
fn captures() -> Vec<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let folders =
        std::fs::read_dir(&data).unwrap_or_else(|error| panic!("{}: {error}", data.display()));
    let mut files: Vec<PathBuf> = folders
        .flatten()
        .filter_map(|folder| std::fs::read_dir(folder.path()).ok())
        .flat_map(|files| files.flatten().map(|file| file.path()))
        .filter(|file| file.extension().is_some_and(|extension| extension == "c2s"))
        .collect();
    files.sort();
    files
}
