//! tshark's reader of RTMP sees every message that is sent and received, at its time, and has nothing to complain of.

use std::path::Path;
use std::time::Duration;

use kit::relay::{From, Piece, Relay};
use kit::source::Film;
use kit::{Process, ServerBuilder, dissector};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(40);

#[test]
fn tshark_reads_a_publish_and_a_play() {
    publish_and_play("0");
}

#[test]
fn tshark_reads_times_that_need_the_extended_field() {
    // The film crosses 2^24 ms.
    publish_and_play("16774");
}

fn publish_and_play(offset: &str) {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let server = ServerBuilder::new(BINARY, data.path()).start();
    let film = Film::new(8).flv(FILMS);
    let (publishing, playing) = (Relay::start(server.rtmp), Relay::start(server.rtmp));
    let [to, from] = [&publishing, &playing].map(|relay| format!("rtmp://{}/live/s", relay.addr()));
    let quiet = ["-nostdin", "-v", "error"];
    let film = ["-re", "-i", film.to_str().expect("UTF-8"), "-c", "copy"];
    let publish = ["-output_ts_offset", offset, "-f", "flv", &to];
    let mut publisher = Process::start("ffmpeg", [&quiet[..], &film, &publish].concat());
    server.wait_live("live/s");
    let play = ["-i", &from, "-c", "copy", "-f", "null", "-"];
    let mut player = Process::start("ffmpeg", [&quiet[..], &play].concat());
    publisher.succeed(LIMIT);
    player.wait_exit(LIMIT);

    let (sent, received) = check("publish", &publishing.finish(), folder.path());
    assert!(sent > 600 && received > 5, "publish: {sent} and {received} messages");
    let (sent, received) = check("play", &playing.finish(), folder.path());
    assert!(sent > 5 && received > 200, "play: {sent} and {received} messages");
}

/// Compares both readers, and gives the number of messages of client and server.
fn check(what: &str, pieces: &[Piece], folder: &Path) -> (usize, usize) {
    let reading = dissector::read(pieces, folder);
    assert!(reading.complaints.is_empty(), "{what}: {:?}", reading.complaints);
    for (from, seen) in [(From::Client, &reading.client), (From::Server, &reading.server)] {
        let wanted = dissector::messages_of(pieces, from);
        for (index, (seen, wanted)) in seen.iter().zip(&wanted).enumerate() {
            assert_eq!(seen, wanted, "{what}, message {index} of the {from:?}");
        }
        assert_eq!(seen.len(), wanted.len(), "{what}, messages of the {from:?}");
    }
    (reading.client.len(), reading.server.len())
}
