//! A server that is killed and started again: its playlists go on, and what was stored is closed.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::path::Path;
use std::thread;

use common::client::{Client, picture, string, video_header};
use common::{Server, request, until};
use streamcore::amf::Value;

const OPTIONS: [&str; 4] = ["--no-record", "--hls-segment-duration", "1s", "--hls-store"];

fn publish(server: &Server, name: &str, seconds: u32) -> Client {
    let mut publisher = Client::publish(server.rtmp, name);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    for n in 0..=25 * seconds {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 500));
    }
    publisher
}

fn text(server: &Server, name: &str) -> String {
    String::from_utf8(server.get(&format!("/live/{name}")).body).unwrap()
}

/// The playlist once so many segments are listed.
fn listed(server: &Server, name: &str, count: usize) -> String {
    until("segments are listed", || {
        let text = text(server, name);
        (text.matches("#EXTINF").count() >= count).then_some(text)
    })
}

fn number(text: &str, tag: &str) -> u64 {
    let rest = text.split_once(tag).expect(text).1;
    rest.split(|end: char| !end.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// The value of an attribute, and that of each element that has it.
fn values<'a>(text: &'a str, attribute: &str) -> Vec<&'a str> {
    let mark = format!("{attribute}=\"");
    text.split(&*mark).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn e1_14_e4_01_who_waits_through_a_crash_goes_on_behind_a_discontinuity() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &OPTIONS);
    let publisher = publish(&server, "demo", 8);
    let before = listed(&server, "demo/video.m3u8", 8);
    let mpd = text(&server, "demo/index.mpd");
    let msn = number(&before, "MEDIA-SEQUENCE:");
    assert_eq!((msn, number(&before, "DISCONTINUITY-SEQUENCE:")), (0, 0), "{before}");
    let folder = until("all is stored", || {
        let store = server.stream("live/demo")?["store"].clone();
        let stored = store["stored_segments"].as_u64()? == 8;
        stored.then(|| store["folder"].as_str().map(str::to_owned)).flatten()
    });
    let stored = data.path().join("hls").join(folder).join("video.m3u8");
    let event = until("the playlist is stored", || {
        let text = std::fs::read_to_string(&stored).ok()?;
        (text.matches("#EXTINF").count() == 8).then_some(text)
    });
    assert!(event.contains("TYPE:EVENT") && !event.contains("ENDLIST"), "{event}");
    // What is set aside is written within a quarter of a second, long before it is used.
    until("numbers are set aside", || (reserved(data.path(), "live/demo") >= 9).then_some(()));
    server.signal("KILL");
    server.wait();
    drop((publisher, server));

    let server = Server::start(data.path(), &OPTIONS);
    // A player that knew nine segments asks for the part that it was told of last, and waits.
    let (address, path) =
        (server.http, format!("/live/demo/video.m3u8?_HLS_msn={}&_HLS_part=1", msn + 8));
    let waits = thread::spawn(move || request(address, "GET", &path, ""));
    until("the stored broadcast is closed", || {
        let text = std::fs::read_to_string(&stored).unwrap();
        (text.contains("TYPE:VOD") && text.ends_with("#EXT-X-ENDLIST\n")).then_some(())
    });
    let _publisher = publish(&server, "demo", 4);
    let answer = waits.join().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.head);
    let after = String::from_utf8(answer.body).unwrap();
    let next = number(&after, "MEDIA-SEQUENCE:");
    assert!(next > msn + 8 && next <= msn + 8 + 7, "{after}");
    let discontinuities = number(&after, "DISCONTINUITY-SEQUENCE:");
    assert_eq!(discontinuities, 0, "{after}");
    // What is missing is a gap in the epoch that players know, and the discontinuity stands behind it.
    let gap = after.split_once("#EXT-X-GAP\n#EXTINF:1.000000,\nvideo_").expect(&after).1;
    assert_eq!(after.matches("#EXT-X-GAP").count(), 1, "{after}");
    let rest = gap.split_once("m4s\n").expect(gap).1;
    assert!(rest.starts_with("#EXT-X-DISCONTINUITY\n"), "{after}");
    assert_eq!(number(&before, "TARGETDURATION:"), number(&after, "TARGETDURATION:"));
    let mpd_after = until("an MPD", || {
        let text = text(&server, "demo/index.mpd");
        text.contains("<S ").then_some(text)
    });
    let zero = |mpd: &str| values(mpd, "availabilityStartTime").concat();
    assert_eq!(zero(&mpd), zero(&mpd_after), "{mpd_after}");
    let ids = |mpd: &str| values(mpd, "Period id").join(" ");
    assert_ne!(ids(&mpd), ids(&mpd_after));
    let start = values(&mpd_after, " start")[0];
    assert_ne!(start, "PT0.000S", "the period begins where the wall clock has it: {mpd_after}");
    let old = values(&mpd, "startNumber")[0].parse::<u64>().unwrap();
    assert!(values(&mpd_after, "startNumber")[0].parse::<u64>().unwrap() > old + 8);
}

/// The first number that the database leaves to another start.
fn reserved(data: &Path, path: &str) -> u64 {
    let db = rusqlite::Connection::open(data.join("streamcore.db")).unwrap();
    let found = db.query_row(
        "SELECT max(sequence) FROM numbering WHERE path = ?1 AND is_live",
        [path],
        |row| row.get::<_, Option<i64>>(0),
    );
    u64::try_from(found.unwrap().unwrap_or(0)).unwrap()
}

#[test]
fn nobody_waits_for_what_had_ended_and_a_set_goes_on_too() {
    let data = tempfile::tempdir().unwrap();
    let options = ["--no-record", "--hls-segment-duration", "1s", "--hls-variant", "_hi,_lo"];
    let mut server = Server::start(data.path(), &options);
    let mut over = publish(&server, "over", 4);
    listed(&server, "over/video.m3u8", 4);
    let end = [string("deleteStream"), Value::Number(4.0), Value::Null, Value::Number(1.0)];
    over.command(0, &end);
    until("the end", || text(&server, "over/video.m3u8").contains("ENDLIST").then_some(()));
    let (hi, lo) = (publish(&server, "show_hi", 6), publish(&server, "show_lo", 6));
    let before = listed(&server, "show/video.m3u8", 4);
    let aside = until("numbers are set aside", || {
        Some(reserved(data.path(), "live/show")).filter(|&aside| aside >= 7)
    });
    server.signal("KILL");
    server.wait();
    drop((over, hi, lo, server));

    let server = Server::start(data.path(), &options);
    assert_eq!(server.get("/live/over/video.m3u8").status, 404);
    let address = server.http;
    let waits = thread::spawn(move || request(address, "GET", "/live/show/video.m3u8", ""));
    let _publishers = (publish(&server, "show_hi", 6), publish(&server, "show_lo", 6));
    let answer = waits.join().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.head);
    let after = String::from_utf8(answer.body).unwrap();
    assert_eq!(number(&before, "MEDIA-SEQUENCE:"), 0, "{before}");
    let next = number(&after, "MEDIA-SEQUENCE:");
    assert!(next >= aside && next <= aside + 12, "{aside} {after}");
    let _again = publish(&server, "over", 4);
    let after = listed(&server, "over/video.m3u8", 3);
    assert!((4..=6).contains(&number(&after, "MEDIA-SEQUENCE:")), "{after}");
}
