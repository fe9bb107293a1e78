//! What stays when the server is killed, or told to stop.

use std::path::PathBuf;
use std::time::Duration;

use kit::flv::{self, Tag};
use kit::packets;
use kit::rtmp::{Client, Publisher};
use kit::source::Film;
use kit::{Server, ServerBuilder, Value, http, until};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");

#[test]
fn a_killed_server_loses_less_than_a_second_and_the_next_start_makes_the_mp4() {
    let data = kit::temp_dir();
    let film = Film::new(14).flv(FILMS);
    let source = flv::read(&film);
    let mut server = ServerBuilder::new(BINARY, data.path()).with("--keep-flv").start();
    let mut publisher = Publisher::start(server.rtmp, "live", "crash");
    // Not at a key frame, and not at the end of a segment.
    let until_then: Vec<Tag> =
        source.iter().take_while(|tag| tag.timestamp < 7_300).cloned().collect();
    publisher.send_paced(&until_then, 1, || true).expect("the server reads");
    server.process.kill();
    let sent = publisher.sent_ms();
    drop(publisher);

    let flv = server.file("live/crash", "live.flv");
    assert_eq!(server.files("live/crash", "mp4"), Vec::<PathBuf>::new());
    drop(server);
    let kept: Vec<Tag> = flv::read(&flv).into_iter().filter(Tag::is_media).collect();
    let last = kept.iter().map(|tag| tag.timestamp).max().expect("media");
    println!("sent {sent} ms, on disk {last} ms");
    assert!(sent - last < 1000, "sent {sent} ms, on disk {last} ms");
    for kind in [flv::VIDEO, flv::AUDIO] {
        let of = |tags: &[Tag]| {
            tags.iter()
                .filter(|tag| tag.kind == kind && tag.is_media())
                .cloned()
                .collect::<Vec<_>>()
        };
        let (wanted, kept) = (of(&source), of(&kept));
        assert!(kept == wanted[..kept.len()], "type {kind}: what is on disk is not what was sent");
    }

    let server = ServerBuilder::new(BINARY, data.path()).with("--keep-flv").start();
    server.wait_mp4("live/crash");
    let again: Vec<Tag> = flv::read(&server.file("live/crash", "flv"));
    let again: Vec<Tag> = again.into_iter().filter(Tag::is_media).collect();
    assert!(again == kept, "the FLV holds what it held");
    let (wanted, got) = (packets::probe(&film), packets::probe(&server.file("live/crash", "mp4")));
    for (kind, wanted, got) in
        [(flv::VIDEO, &wanted.video, &got.video), (flv::AUDIO, &wanted.audio, &got.audio)]
    {
        let run =
            packets::run_of(wanted, got).unwrap_or_else(|fault| panic!("type {kind}: {fault}"));
        assert_eq!(run, 0..got.len(), "type {kind}");
        let last = got.last().expect("media").dts / packets::MILLISECOND;
        assert!(i64::from(sent) - last < 2000, "type {kind}: sent {sent} ms, kept {last} ms");
    }
}

#[test]
fn a_server_that_is_told_to_stop_tells_players_and_finishes_recordings() {
    for signal in ["TERM", "INT"] {
        let data = kit::temp_dir();
        let source = flv::read(&Film::new(8).flv(FILMS));
        let mut server = ServerBuilder::new(BINARY, data.path()).start();
        let mut publisher = Publisher::start(server.rtmp, "live", "stop");
        let (first, second) = source.split_at(source.len() / 2);
        publisher.send_paced(first, 4, || true).expect("the server reads");
        server.wait_live("live/stop");
        let mut player = Client::connect(server.rtmp, "live").expect("a connection");
        player.play("stop").expect("the server reads");
        until("a player", Duration::from_secs(10), || {
            (server.stream("live/stop")?["players"]["rtmp"].as_u64() == Some(1)).then_some(())
        });
        let reader = std::thread::spawn(move || player.told_of_end());
        server.process.signal(signal);
        // A publisher that goes on sending does not keep the server from stopping.
        let _ = publisher.send_paced(second, 1, || true);
        server.process.succeed(Duration::from_secs(20));
        assert!(
            reader.join().expect("see above").expect("an orderly end"),
            "{signal}: the player was cut off unsaid"
        );
        let mp4 = server.file("live/stop", "mp4");
        let recorded = packets::probe(&mp4).video.len();
        let sent = first.iter().filter(|tag| tag.kind == flv::VIDEO && tag.is_media()).count();
        assert!(
            recorded >= sent,
            "{signal}: {recorded} pictures in the MP4, {sent} sent before the signal"
        );
        assert_eq!(
            server.files("live/stop", "flv"),
            Vec::<PathBuf>::new(),
            "{signal}: the FLV goes once the MP4 is there"
        );
    }
}

fn assets(server: &Server) -> Vec<Value> {
    let list = http::get(server.http, "/api/v1/assets").expect("an answer");
    let list: Value = serde_json::from_slice(&list.body).expect("JSON");
    list["data"].as_array().expect("a list").clone()
}

#[test]
fn d_31_what_a_crash_left_in_another_folder_is_found_whatever_the_settings_say_by_then() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let source = flv::read(&Film::new(8).flv(FILMS));
    let config = folder.path().join("streamcore.toml");
    let words = format!(
        "[applications.live]\nrecord_path = \"{}\"\nrecord_suffix = \"-%Y\"\n",
        folder.path().join("films").display()
    );
    std::fs::write(&config, words).expect("a configuration");
    let elsewhere = ServerBuilder::new(BINARY, data.path());
    let elsewhere = elsewhere.with(&format!("--config {}", config.display()));
    let mut server = elsewhere.start();
    let mut publisher = Publisher::start(server.rtmp, "live", "crash");
    publisher.send_paced(&source, 4, || true).expect("the server reads");
    let films = || {
        let files = std::fs::read_dir(folder.path().join("films")).into_iter().flatten();
        files.flatten().map(|entry| entry.path()).collect::<Vec<_>>()
    };
    until("some of it is on the disk", Duration::from_secs(20), || {
        (films().first()?.metadata().ok()?.len() > 200_000).then_some(())
    });
    server.process.kill();
    drop((publisher, server));
    assert!(films()[0].display().to_string().ends_with(".live.mp4"), "{:?}", films());

    // It says nothing of that folder.
    let wait = |what: &str| {
        let server = ServerBuilder::new(BINARY, data.path()).start();
        let asset = until(what, Duration::from_secs(20), || assets(&server).first().cloned());
        assert_eq!((&asset["app"], &asset["name"]), (&"live".into(), &"crash".into()), "{asset}");
        let file = http::get(server.http, asset["url"].as_str().expect("an address"));
        assert!(file.expect("an answer").body == std::fs::read(&films()[0]).expect("a file"));
        asset
    };
    let asset = wait("its row");
    assert!(!packets::probe(&films()[0]).video.is_empty());

    // As if the crash had come between the file's last name and its row.
    let store = rusqlite::Connection::open(data.path().join("streamcore.db")).expect("a database");
    let started: i64 =
        store.query_row("SELECT started FROM asset", [], |row| row.get(0)).expect("a row");
    store.execute("DELETE FROM asset", []).expect("no row");
    let row = (films()[0].display().to_string(), "live/crash", started);
    store.execute("INSERT INTO elsewhere VALUES (?1, ?2, ?3)", row).expect("a note");
    drop(store);
    let again = wait("its row again");
    assert_ne!(again["id"], asset["id"]);
    for name in ["url", "started", "bytes"] {
        assert_eq!(again[name], asset[name]);
    }
}
