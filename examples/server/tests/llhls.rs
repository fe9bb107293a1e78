//! Low-Latency HLS over HTTP: requests that are held, what they come to, and the headers of all answers.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use common::client::{Client, picture, string, video_header};
use common::{Response, Server, until};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use streamcore::amf::Value;

/// Segments of a second in parts of 200 ms: the target duration is one second.
const SECOND: [&str; 3] = ["--no-record", "--hls-segment-duration", "1s"];
/// The same ten times slower in media time: a request is held for 30 s, so that no test is about that time but those that say so.
const PATIENT: [&str; 5] =
    ["--no-record", "--hls-segment-duration", "10s", "--hls-part-duration", "2s"];

struct Live {
    server: Server,
    publisher: Client,
    /// Milliseconds from picture to picture.
    step: u32,
    sent: u32,
    _data: tempfile::TempDir,
}

impl Live {
    /// A stream of 100 pictures, 25 a second: three segments, and four parts of the next one.
    fn start(options: &[&str]) -> Self {
        Self::begin(&[&SECOND[..], options].concat(), 40)
    }

    /// The same in segments of ten seconds: nobody waits in vain however slow the machine is.
    fn patient(options: &[&str]) -> Self {
        Self::begin(&[&PATIENT[..], options].concat(), 400)
    }

    fn begin(options: &[&str], step: u32) -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(data.path(), options);
        let publisher = Self::publisher(&server);
        let mut live = Self { server, publisher, step, sent: 0, _data: data };
        live.send(100);
        live.server.get("/live/demo/index.m3u8");
        until("all pictures", || {
            let text = live.video();
            let whole = text.matches("#EXTINF").count() == 3;
            (whole && text.contains("_3.m4s\"\n#EXT-X-PRELOAD")).then_some(())
        });
        live
    }

    fn publisher(server: &Server) -> Client {
        let mut publisher = Client::publish(server.rtmp, "demo");
        publisher.expect("NetStream.Publish.Start");
        publisher.send(9, 1, 0, video_header());
        publisher
    }

    fn send(&mut self, count: u32) {
        for n in self.sent..self.sent + count {
            self.publisher.send(9, 1, n * self.step, picture(n % 25 == 0, 1000));
        }
        self.sent += count;
    }

    fn video(&self) -> String {
        String::from_utf8(self.get("video.m3u8").body).unwrap()
    }

    fn get(&self, name: &str) -> Response {
        self.server.get(&format!("/live/demo/{name}"))
    }

    /// Number of the segment that is open, and of its next part.
    fn next(&self) -> (u64, u64) {
        let text = self.video();
        let hint = text.split_once("PRELOAD-HINT:TYPE=PART,URI=\"video_").expect(&text).1;
        let (number, rest) = hint.split_once('_').unwrap();
        (number.parse().unwrap(), rest.split('.').next().unwrap().parse().unwrap())
    }

    /// Media sequence number of the segment of this number in its name.
    fn msn(&self, number: u64) -> u64 {
        let text = self.video();
        let after = |mark: &str, end: char| -> u64 {
            let rest = text.split_once(mark).expect(&text).1;
            rest.split(end).next().unwrap().parse().unwrap()
        };
        let first = after(",\nvideo_", '.');
        number - first + after("MEDIA-SEQUENCE:", '\n')
    }

    /// Asks in the background.
    fn request(&self, name: &str) -> thread::JoinHandle<Response> {
        let (address, path) = (self.server.http, format!("/live/demo/{name}"));
        thread::spawn(move || common::request(address, "GET", &path, ""))
    }

    /// Asks in the background, and comes back when the request is held. For streams that are patient: no request that was held
    /// before may be answered meanwhile.
    fn ask(&self, name: &str) -> thread::JoinHandle<Response> {
        let held = self.held();
        let asked = self.request(name);
        until("the request is held", || {
            assert!(!asked.is_finished(), "{name} was answered at once");
            (self.held() > held).then_some(())
        });
        asked
    }

    fn held(&self) -> u64 {
        self.server.stream("live/demo").unwrap()["hls_waiting"].as_u64().unwrap()
    }

    /// The publisher says that it ends.
    fn end(&mut self) {
        let stream = [string("deleteStream"), Value::Number(4.0), Value::Null, Value::Number(1.0)];
        self.publisher.command(0, &stream);
    }
}

fn text(response: Response) -> String {
    assert_eq!(response.status, 200, "{}", response.head);
    String::from_utf8(response.body).unwrap()
}

#[test]
fn e3_07_e3_09_e3_20_held_requests_are_answered_when_what_they_wait_for_is_there() {
    let mut live = Live::patient(&[]);
    let (number, part) = live.next();
    let msn = live.msn(number);
    assert_eq!(part, 4);
    let playlist = live.ask(&format!("video.m3u8?_HLS_msn={msn}&_HLS_part={part}"));
    let delta = live.ask(&format!("video.m3u8?_HLS_skip=YES&_HLS_part={part}&_HLS_msn={msn}"));
    let hinted = live.ask(&format!("video_{number}_{part}.m4s"));
    let whole = live.ask(&format!("video.m3u8?_HLS_msn={msn}"));
    assert_eq!(live.held(), 4);
    // The key frame that ends the part ends the segment, too.
    live.send(1);
    let line =
        format!("URI=\"video_{number}_{part}.m4s\"\n#EXTINF:10.000000,\nvideo_{number}.m4s\n");
    for asked in [playlist, delta, whole] {
        let text = text(asked.join().unwrap());
        assert!(text.contains(&line), "{text}");
    }
    let hinted = hinted.join().unwrap();
    assert_eq!((hinted.status, hinted.header("content-type")), (200, Some("video/mp4")));
    assert!(hinted.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(&hinted.body[4..8], b"moof", "it is sent whole, and begins with itself");
    let segment = live.get(&format!("video_{number}.m4s"));
    assert_eq!(&segment.body[4..8], b"styp");
    assert!(segment.body.ends_with(&hinted.body));
    assert_eq!(live.held(), 0);
}

#[test]
fn e3_10_e3_11_e3_24_what_cannot_be_is_refused_at_once_to_pages_of_any_origin() {
    let live = Live::start(&[]);
    let (number, _) = live.next();
    let msn = live.msn(number);
    for query in [
        "_HLS_part=1".to_owned(),
        "_HLS_msn=x".to_owned(),
        format!("_HLS_msn={msn}&_HLS_msn={msn}"),
        format!("_HLS_msn={}", msn + 2),
        format!("_HLS_msn={msn}&_HLS_part=99"),
        "_HLS_msn=18446744073709551616".to_owned(),
        "a".repeat(600),
    ] {
        let refused = live.get(&format!("video.m3u8?{query}"));
        assert_eq!(refused.status, 400, "{query}");
        assert_eq!(refused.header("access-control-allow-origin"), Some("*"), "E1-23");
        assert_eq!(refused.header("cache-control"), Some("no-cache"));
        assert!(!refused.body.is_empty(), "it says why");
    }
    // What is there already is answered at once, however old.
    assert_eq!(live.get("video.m3u8?_HLS_msn=0").status, 200, "E3-12");
    assert_eq!(live.get(&format!("video.m3u8?_HLS_msn={}&_HLS_part=2", msn - 1)).status, 200);
    assert_eq!(live.get(&format!("video_{number}_9.m4s")).status, 404, "not the hinted one");
}

#[test]
fn e3_14_nobody_waits_longer_than_three_target_durations() {
    let live = Live::start(&[]);
    let (number, part) = live.next();
    let msn = live.msn(number);
    let start = Instant::now();
    let names = [
        format!("video.m3u8?_HLS_msn={msn}&_HLS_part={part}"),
        format!("video_{number}_{part}.m4s"),
    ];
    for asked in names.map(|name| live.request(&name)) {
        let late = asked.join().unwrap();
        assert_eq!((late.status, late.header("retry-after")), (503, Some("1")));
        assert_eq!(late.header("access-control-allow-origin"), Some("*"), "E1-23");
    }
    // Nor less than that: other than a little sooner by the coarse clock of timers.
    assert!(start.elapsed() >= Duration::from_millis(2900), "{:?}", start.elapsed());
    until("nobody waits", || (live.held() == 0).then_some(()));
}

#[test]
fn e3_14_e3_07_the_end_of_the_stream_answers_all_who_wait() {
    let mut live = Live::patient(&[]);
    let (number, _) = live.next();
    let msn = live.msn(number);
    let playlist = live.ask(&format!("video.m3u8?_HLS_msn={msn}&_HLS_part=6"));
    let hinted = live.ask(&format!("video_{number}_4.m4s"));
    live.end();
    let ended = text(playlist.join().unwrap());
    assert!(ended.ends_with("#EXT-X-ENDLIST\n") && !ended.contains("PRELOAD-HINT"), "{ended}");
    assert_eq!(hinted.join().unwrap().status, 200, "its last frames");
    assert_eq!(live.get(&format!("video_{number}_5.m4s")).status, 404);
    assert_eq!(
        live.get("video.m3u8?_HLS_msn=999&_HLS_part=x").status,
        200,
        "directives are ignored"
    );
    assert_eq!(live.get("video.m3u8").header("cache-control"), Some("no-cache"));
}

#[test]
fn f_20_who_goes_away_waits_no_more() {
    let live = Live::patient(&[]);
    let (number, part) = live.next();
    let msn = live.msn(number);
    let stays = live.ask(&format!("video.m3u8?_HLS_msn={msn}&_HLS_part={part}"));
    let waiting: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(live.server.http).unwrap();
            let path = format!("/live/demo/video.m3u8?_HLS_msn={msn}&_HLS_part={part}");
            write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
            stream
        })
        .collect();
    until("all are held", || (live.held() == 51).then_some(()));
    drop(waiting);
    // It came first, and its time is not over yet.
    until("one is held", || (live.held() == 1).then_some(()));
    assert!(!stays.is_finished());
}

#[test]
fn e1_24_e3_18_what_caches_may_keep() {
    let live = Live::start(&[]);
    let (number, _) = live.next();
    let msn = live.msn(number);
    let cache = |name: &str| live.get(name).header("cache-control").unwrap().to_owned();
    // The target duration is one second: half of it is less than the header can say.
    assert_eq!(cache("video.m3u8"), "no-cache");
    assert_eq!(cache("index.m3u8"), "no-cache");
    assert_eq!(cache(&format!("video.m3u8?_HLS_msn={msn}&_HLS_part=1")), "public, max-age=6");
    for name in [format!("video_{number}_1.m4s"), format!("video_{}.m4s", number - 1)] {
        assert_eq!(cache(&name), "public, max-age=31536000, immutable");
    }
    for name in ["video_1.m4s", "audio.m3u8", "video_init_1.mp4"] {
        assert_eq!(cache(name), "no-cache", "{name} is not there, and may come");
    }
    // Another query is another answer: all of it is part of the key.
    let ask = |query: &str| live.get(&format!("video.m3u8{query}"));
    let directed = ask(&format!("?_HLS_msn={msn}&_HLS_part=1"));
    assert_eq!(directed.body, ask("").body, "both show what is there now");
}

#[test]
fn e1_27_segments_and_parts_are_served_in_ranges() {
    let live = Live::start(&[]);
    let (number, _) = live.next();
    for name in [format!("video_{number}_1.m4s"), format!("video_{}.m4s", number - 1)] {
        let path = format!("/live/demo/{name}");
        let whole = live.get(&name);
        let length = whole.body.len();
        assert_eq!(whole.header("accept-ranges"), Some("bytes"));
        let ranged = |range: &str, more: &str| {
            live.server.request("GET", &path, &format!("Range: bytes={range}\r\n{more}"))
        };
        // Across the border of the head and the first picture, and of two pictures.
        for (from, to) in [(0, 0), (10, 300), (0, length - 1), (length - 1500, length - 1)] {
            let part = ranged(&format!("{from}-{to}"), "");
            assert_eq!((part.status, &part.body[..]), (206, &whole.body[from..=to]));
            assert_eq!(part.header("content-range"), Some(&*format!("bytes {from}-{to}/{length}")));
            assert_eq!(part.header("content-length"), Some(&*(to - from + 1).to_string()));
        }
        assert_eq!(ranged("-7", "").body, whole.body[length - 7..]);
        let beyond = ranged(&format!("{length}-"), "");
        assert_eq!((beyond.status, beyond.body.len()), (416, 0));
        assert_eq!(beyond.header("content-range"), Some(&*format!("bytes */{length}")));
        assert_eq!(beyond.header("access-control-allow-origin"), Some("*"), "E1-23");
        let tag = whole.header("etag").unwrap();
        assert_eq!(ranged("0-9", &format!("If-Range: {tag}\r\n")).status, 206);
        assert_eq!(ranged("0-9", "If-Range: \"other\"\r\n").status, 200);
        let head = live.server.request("HEAD", &path, "Range: bytes=0-9\r\n");
        assert_eq!((head.status, head.body.len()), (206, 0));
        assert_eq!(head.header("content-length"), Some("10"));
    }
}

#[test]
fn e1_23_pages_of_other_origins_may_ask_for_ranges() {
    let live = Live::start(&[]);
    let asks = "Origin: http://other\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: range\r\n";
    let allowed = live.server.request("OPTIONS", "/live/demo/video.m3u8", asks);
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("*"));
    assert!(allowed.header("access-control-allow-headers").unwrap().contains("range"));
    let exposed = live.get("video.m3u8");
    let exposed = exposed.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("content-length") && exposed.contains("content-range"), "{exposed}");
}

#[test]
fn e1_22_playlists_are_compressed_for_those_who_ask_and_media_never() {
    let live = Live::start(&[]);
    let (number, _) = live.next();
    let gzip = "Accept-Encoding: gzip, deflate, br\r\n";
    let ask = |name: &str, headers: &str| {
        live.server.request("GET", &format!("/live/demo/{name}"), headers)
    };
    let (plain, packed) = (ask("video.m3u8", ""), ask("video.m3u8", gzip));
    assert_eq!(
        (plain.header("content-encoding"), packed.header("content-encoding")),
        (None, Some("gzip"))
    );
    assert_eq!(packed.header("content-type"), Some("application/vnd.apple.mpegurl"));
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    assert!(packed.body.len() * 2 < plain.body.len());
    let (tag, packed_tag) = (plain.header("etag").unwrap(), packed.header("etag").unwrap());
    assert_ne!(tag, packed_tag, "other bytes, another tag");
    assert!(plain.header("vary") == Some("accept-encoding") && packed.header("vary").is_some());
    for (tag, headers) in [(tag, ""), (packed_tag, gzip)] {
        let again = ask("video.m3u8", &format!("{headers}If-None-Match: \"x\", W/{tag}\r\n"));
        assert_eq!((again.status, again.body.len()), (304, 0));
    }
    for name in [format!("video_{number}_1.m4s"), format!("video_{}.m4s", number - 1)] {
        let media = ask(&name, gzip);
        assert_eq!(
            (media.header("content-encoding"), media.header("content-type")),
            (None, Some("video/mp4"))
        );
    }
}

#[test]
fn e3_19_many_requests_are_held_on_one_connection_of_http_2() {
    let mut live = Live::patient(&[]);
    let (number, part) = live.next();
    let msn = live.msn(number);
    let address = live.server.http;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let held = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        let names = (0..20).map(|n| match n {
            0 => format!("video_{number}_{part}.m4s"),
            _ => format!("video.m3u8?_HLS_msn={msn}&_HLS_part={part}"),
        });
        let asked: Vec<_> = names
            .map(|name| {
                let mut client = client.clone();
                let request = hyper::Request::get(format!("http://{address}/live/demo/{name}"));
                let request = request.body(Empty::<Bytes>::new()).unwrap();
                tokio::spawn(async move { client.send_request(request).await.unwrap() })
            })
            .collect();
        asked
    });
    until("all are held", || (live.held() == 20).then_some(()));
    live.send(1);
    runtime.block_on(async {
        for asked in held {
            let answer = asked.await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (200, hyper::Version::HTTP_2));
            let length: usize =
                answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), length);
        }
    });
    // And those who speak HTTP/1.1 do so on the same port.
    assert!(live.get("video.m3u8").head.starts_with("http/1.1 200"));
}

#[test]
fn e1_09_e1_10_a_publisher_who_was_cut_off_goes_on_in_the_same_playlist() {
    let mut live = Live::patient(&["--hls-reconnect", "60s"]);
    let (number, _) = live.next();
    let msn = live.msn(number);
    // The connection breaks; the playlist stays open and shows all that came.
    live.publisher = Client::connect(live.server.rtmp);
    until("the end is seen", || live.server.stream("live/demo").is_none().then_some(()));
    let text = live.video();
    assert!(
        text.contains(&format!("\nvideo_{number}.m4s\n")) && !text.contains("ENDLIST"),
        "{text}"
    );
    let asked = live.request(&format!("video.m3u8?_HLS_msn={}", msn + 1));
    live.publisher = Live::publisher(&live.server);
    live.sent = 0;
    live.send(60);
    let text = String::from_utf8(asked.join().unwrap().body).unwrap();
    let (_, after) =
        text.split_once(&format!("\nvideo_{number}.m4s\n#EXT-X-DISCONTINUITY\n")).expect(&text);
    assert!(after.contains(&format!("\nvideo_{}.m4s\n", number + 1)), "E1-06: {text}");
    assert_eq!(text.matches("#EXT-X-MAP").count(), 1, "E2-10: {text}");
}

#[test]
fn e1_09_a_publisher_who_does_not_come_back_ends_the_stream() {
    let mut live = Live::patient(&["--hls-reconnect", "1s"]);
    let (number, _) = live.next();
    let msn = live.msn(number);
    let waits = live.ask(&format!("video.m3u8?_HLS_msn={}", msn + 1));
    live.publisher = Client::connect(live.server.rtmp);
    let text = text(waits.join().unwrap());
    assert!(text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
}

#[test]
fn e1_11_an_event_keeps_all_its_segments() {
    let mut live = Live::start(&["--hls-playlist-type", "event", "--hls-window", "3s"]);
    live.send(1000);
    let text = until("44 segments", || {
        Some(live.video()).filter(|text| text.matches("#EXTINF").count() >= 43)
    });
    assert!(text.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"), "{text}");
    live.end();
    let text =
        until("the end", || Some(live.video()).filter(|text| text.contains("#EXT-X-ENDLIST")));
    assert!(
        text.contains("#EXT-X-PLAYLIST-TYPE:VOD\n") && text.matches("#EXTINF").count() == 44,
        "{text}"
    );
}

#[test]
fn e2_12_e3_23_the_defaults_of_nginx_are_a_matter_of_options() {
    let data = tempfile::tempdir().unwrap();
    let options = [
        "--no-record",
        "--hls-segment-duration",
        "5s",
        "--hls-window",
        "30s",
        "--hls-part-duration",
        "off",
    ];
    let server = Server::start(data.path(), &options);
    let mut publisher = Live::publisher(&server);
    for n in 0..2000_u32 {
        publisher.send(9, 1, n * 40, picture(n % 50 == 0, 100));
    }
    let text = until("a full window", || {
        let text = String::from_utf8(server.get("/live/demo/video.m3u8").body).ok()?;
        (text.matches("#EXTINF:6.000000,").count() == 5 && text.contains("_1")).then_some(text)
    });
    assert!(text.contains("#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:6\n"), "{text}");
    for tag in [
        "EXT-X-PART",
        "EXT-X-SERVER-CONTROL",
        "EXT-X-PRELOAD-HINT",
        "EXT-X-RENDITION-REPORT",
        "PLAYLIST-TYPE",
    ] {
        assert!(!text.contains(tag), "{tag}: {text}");
    }
    // Numbers follow one another; directives mean nothing here.
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("video_")?.strip_suffix(".m4s")?.parse::<u64>().ok());
    let names: Vec<u64> = names.collect();
    assert!(names.windows(2).all(|two| two[1] == two[0] + 1), "{names:?}");
    assert_eq!(server.get("/live/demo/video.m3u8?_HLS_msn=9&_HLS_part=x").status, 200);
}

#[test]
fn e3_17_tokens_are_passed_on() {
    let live = Live::start(&[]);
    let index = text(live.get("index.m3u8?key=a%22%0Ab&_HLS_msn=1"));
    assert!(index.ends_with("\nvideo.m3u8?key=a%22%0Ab\n"), "{index}");
    let video = text(live.get("video.m3u8?key=1"));
    let named = video.lines().filter(|line| line.contains("URI=") || !line.starts_with('#'));
    assert!(
        named.clone().count() > 10 && named.clone().all(|line| line.contains("?key=1")),
        "{video}"
    );
}

#[test]
fn e1_03_e2_03_a_stream_whose_key_frames_stay_away_is_told_of() {
    let live = Live::start(&[]);
    let mut live = live;
    for n in 100..400_u32 {
        live.publisher.send(9, 1, n * 40, picture(false, 1000));
    }
    let problems = until("a problem", || {
        let stream = live.server.stream("live/demo")?;
        Some(stream["problems"].to_string()).filter(|problems| problems.contains("key frame"))
    });
    assert!(problems.contains("1 s"), "{problems}");
    live.server.wait_log("key frame");
}

/// What has come of a body in chunks (RFC 9112 7.1), after the head; nothing of a chunk that has not come whole.
fn body_so_far(answer: &[u8]) -> Vec<u8> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(mut rest) = head.map(|end| &answer[end + 4..]) else { return Vec::new() };
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        let Some(chunk) = rest.get(end + 2..end + 2 + size) else { break };
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..).unwrap_or_default();
    }
    body
}

#[test]
fn e4_11_each_part_of_a_segment_that_is_made_is_sent_whole_before_the_next_comes() {
    let mut live = Live::patient(&[]);
    let (number, next) = live.next();
    let mut wanted: Vec<u8> = live.get(&format!("video_{}.m4s", number - 1)).body[..24].to_vec();
    assert_eq!(&wanted[4..8], b"styp");
    for part in 0..next {
        wanted.extend(live.get(&format!("video_{number}_{part}.m4s")).body);
    }
    let mut stream = TcpStream::connect(live.server.http).unwrap();
    stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
    let path = format!("/live/demo/video_{number}.m4s");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    // Nothing more is published: what is read is all that the server holds.
    let (mut answer, mut block) = (Vec::new(), [0; 4096]);
    while body_so_far(&answer).len() < wanted.len() {
        let count = stream.read(&mut block).unwrap();
        assert_ne!(count, 0, "the segment is not at its end");
        answer.extend_from_slice(&block[..count]);
    }
    assert_eq!(body_so_far(&answer), wanted);
    // The key frame ends the part and the segment.
    live.send(1);
    stream.read_to_end(&mut answer).unwrap();
    let whole = live.get(&format!("video_{number}.m4s")).body;
    assert!(whole.len() > wanted.len());
    assert_eq!(body_so_far(&answer), whole);
}
