//! Many publishers and players at once, one that stops reading, and two who want the same name.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kit::flv::{self, Tag};
use kit::packets;
use kit::rtmp::{Client, Publisher};
use kit::source::Film;
use kit::{Process, Server, ServerBuilder, until};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
/// A sender that is held up is held up for as long as the slow reader sleeps: the margin is for a busy machine.
const HELD_UP: Duration = Duration::from_secs(2);

#[test]
fn three_publishers_and_twenty_players() {
    let (data, out) = (kit::temp_dir(), kit::temp_dir());
    let server = ServerBuilder::new(BINARY, data.path()).start();
    let film = Film::new(14).flv(FILMS);
    let (source, listing) = (flv::read(&film), packets::probe(&film));
    let streams = ["live/one", "live/two", "live/three"];
    std::thread::scope(|scope| {
        let publishers = streams.map(|path| {
            let (server, source) = (&server, &source);
            scope.spawn(move || publish(server, path, source))
        });
        streams.iter().for_each(|path| drop(server.wait_live(path)));

        // Twenty: five of each of three streams by the tests' own client, two each of two streams by other programs, and one that sleeps.
        let own = streams.iter().flat_map(|path| [*path; 5]);
        let own: Vec<_> = own.map(|path| (path, scope.spawn(|| play(&server, path)))).collect();
        let mut sleeper = connect_player(&server, "live/two");
        assert!(sleeper.next_message().expect("an answer").is_some());
        let mut programs: Vec<_> = ["live/one", "live/two"]
            .into_iter()
            .flat_map(|path| ["ffmpeg", "rtmpdump"].map(|program| (path, program)))
            .map(|(path, program)| {
                let file = out.path().join(format!("{program}-{}.flv", path.replace('/', "-")));
                (path, program, play_with(program, &server.rtmp_url(path), &file), file)
            })
            .collect();
        until("20 players", Duration::from_secs(20), || {
            let viewers =
                streams.iter().filter_map(|path| server.stream(path)?["players"]["rtmp"].as_u64());
            (viewers.sum::<u64>() == 20).then_some(())
        });

        for (path, player) in own {
            assert_run(path, &source, &player.join().expect("see above"));
        }
        for (path, program, process, file) in &mut programs {
            process.wait_exit(Duration::from_secs(20));
            let got = packets::probe(file);
            for (wanted, came) in [(&listing.video, &got.video), (&listing.audio, &got.audio)] {
                let run = packets::run_of(wanted, came)
                    .unwrap_or_else(|fault| panic!("{program} {path}: {fault}"));
                assert_eq!(run.end, wanted.len(), "{program} {path} ended early");
                let times = packets::same_times(&wanted[run], came, packets::MILLISECOND);
                times.unwrap_or_else(|fault| panic!("{program} {path}: {fault}"));
            }
        }
        for publisher in publishers {
            let late = publisher.join().expect("see above");
            assert!(late < HELD_UP, "a publisher was held up for {late:?}");
        }
    });
}

#[test]
fn a_player_that_stops_reading_holds_up_nobody_and_its_memory_is_bounded() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path())
        .with("--hls-segment-duration 1s --hls-window 3s")
        .start();
    // 160 MB in about eight seconds: one second of media takes 5 MB, so that all that is kept on purpose is small beside what is sent.
    let tags = heavy_stream(&flv::read(&Film::new(8).flv(FILMS)), 800, 200_000);
    let total: usize = tags.iter().map(|tag| tag.body.len()).sum();
    let (warm, rest) = tags.split_at(tags.len() / 4);
    std::thread::scope(|scope| {
        let mut publisher = Publisher::start(server.rtmp, "live", "heavy");
        publisher.send_paced(warm, 4, || true).expect("the server reads");
        server.wait_live("live/heavy");
        let before = server.process.resident_bytes();
        let mut sleepers: Vec<Client> =
            (0..3).map(|_| connect_player(&server, "live/heavy")).collect();
        for sleeper in &mut sleepers {
            assert!(sleeper.next_message().expect("an answer").is_some());
        }
        let reader = scope.spawn(|| play(&server, "live/heavy"));
        until("4 players", Duration::from_secs(10), || {
            (server.stream("live/heavy")?["players"]["rtmp"].as_u64() == Some(4)).then_some(())
        });
        let late = publisher.send_paced(rest, 4, || true).expect("the server reads");
        let grown = server.process.peak_resident_bytes().saturating_sub(before);
        publisher.finish("heavy").expect("the server reads");
        let got = reader.join().expect("see above");
        let last = tags.iter().rev().find(|tag| tag.kind == flv::VIDEO);
        assert_eq!(got.iter().rev().find(|tag| tag.is_media()), last, "the player that reads");
        assert!(late < HELD_UP, "the publisher was held up for {late:?}");
        println!(
            "{} MB sent, {} MB more resident, publisher at most {late:?} late",
            total >> 20,
            grown >> 20
        );
        // Three queues of 8 MiB, what the kernel takes, and the allocator's slack.
        assert!(grown < 80 << 20, "{} MB more resident for 3 sleepers", grown >> 20);
    });
}

#[test]
fn a_second_publisher_gets_bad_name_and_the_first_goes_on() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).with("--keep-flv").start();
    let film = Film::new(8).flv(FILMS);
    let source = flv::read(&film);
    let (first, second) = source.split_at(source.len() / 2);
    let mut publisher = Publisher::start(server.rtmp, "live", "taken");
    publisher.send_paced(first, 2, || true).expect("the server reads");
    server.wait_live("live/taken");

    let mut rival = Client::connect(server.rtmp, "live").expect("a connection");
    assert_eq!(rival.publish("taken").expect("an answer"), "NetStream.Publish.BadName");
    let url = server.rtmp_url("live/taken");
    let other = [
        "-nostdin",
        "-v",
        "error",
        "-re",
        "-i",
        film.to_str().expect("UTF-8"),
        "-c",
        "copy",
        "-f",
        "flv",
        &url,
    ];
    let status = Process::start("ffmpeg", other).wait_exit(Duration::from_secs(20));
    assert!(!status.success(), "ffmpeg was let in as well");

    publisher.send_paced(second, 2, || true).expect("the first goes on");
    publisher.finish("taken").expect("the server reads");
    server.wait_ended("live/taken");
    server.wait_mp4("live/taken");
    let (wanted, got) = (packets::probe(&film), packets::probe(&server.file("live/taken", "mp4")));
    packets::same_packets(&wanted.video, &got.video)
        .unwrap_or_else(|fault| panic!("video: {fault}"));
    packets::same_packets(&wanted.audio, &got.audio)
        .unwrap_or_else(|fault| panic!("audio: {fault}"));

    // The name is free again.
    drop(Publisher::start(server.rtmp, "live", "taken"));
}

fn publish(server: &Server, path: &str, tags: &[Tag]) -> Duration {
    let (app, name) = path.split_once('/').expect("app/name");
    let mut publisher = Publisher::start(server.rtmp, app, name);
    let late =
        publisher.send_paced(tags, 1, || true).unwrap_or_else(|error| panic!("{path}: {error}"));
    publisher.finish(name).unwrap_or_else(|error| panic!("{path}: {error}"));
    late
}

fn connect_player(server: &Server, path: &str) -> Client {
    let (app, name) = path.split_once('/').expect("app/name");
    let mut client =
        Client::connect(server.rtmp, app).unwrap_or_else(|error| panic!("{path}: {error}"));
    client.play(name).unwrap_or_else(|error| panic!("{path}: {error}"));
    client
}

fn play(server: &Server, path: &str) -> Vec<Tag> {
    connect_player(server, path).tags_to_end().unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn play_with(program: &str, url: &str, file: &Path) -> Process {
    let file = file.to_str().expect("UTF-8");
    // One SIGTERM may not end ffmpeg, and rtmpdump has no deadline of its own.
    let mut command = Command::new("timeout");
    command.args(["-s", "INT", "-k", "2", "60", program]);
    match program {
        "ffmpeg" => {
            command.args(["-nostdin", "-v", "error", "-i", url, "-c", "copy", "-f", "flv", file])
        }
        _ => command.args(["--quiet", "--live", "-r", url, "-o", file]),
    };
    Process::spawn(command)
}

/// The media a player got is that of the source from some key frame on to the end, with its times.
fn assert_run(path: &str, source: &[Tag], got: &[Tag]) {
    for kind in [flv::VIDEO, flv::AUDIO] {
        let of = |tags: &[Tag]| {
            tags.iter()
                .filter(|tag| tag.kind == kind && tag.is_media())
                .cloned()
                .collect::<Vec<_>>()
        };
        let (wanted, came) = (of(source), of(got));
        let first = came.first().unwrap_or_else(|| panic!("{path}: nothing of type {kind}"));
        assert!(
            kind == flv::AUDIO || first.is_key_frame(),
            "{path}: the first picture is no key frame"
        );
        let from = wanted
            .iter()
            .position(|tag| tag.body == first.body)
            .unwrap_or_else(|| panic!("{path}: {first:?} was never sent"));
        assert_eq!(came.len(), wanted.len() - from, "{path}: tags of type {kind}");
        for (wanted, came) in wanted[from..].iter().zip(&came) {
            assert!(wanted == came, "{path}: sent {wanted:?}, came {came:?}");
        }
    }
}

/// A stream of `count` large pictures at 25 a second with a key frame each second, under the configuration of a real one.
fn heavy_stream(film: &[Tag], count: u32, size: u32) -> Vec<Tag> {
    let header =
        film.iter().find(|tag| tag.kind == flv::VIDEO && tag.is_header()).expect("a configuration");
    let mut tags = vec![Tag { timestamp: 0, ..header.clone() }];
    tags.extend((0..count).map(|index| {
        let key = index % 25 == 0;
        let mut body = vec![if key { 0x17 } else { 0x27 }, 1, 0, 0, 0];
        body.extend_from_slice(&size.to_be_bytes());
        body.push(if key { 0x65 } else { 0x41 });
        // No byte is zero: nothing in the picture looks like a start code.
        let bytes = (1..size).map(|at| u8::try_from((at ^ index) % 255).expect("under 255") | 1);
        body.extend(bytes);
        Tag { kind: flv::VIDEO, timestamp: index * 40, body }
    }));
    tags
}
