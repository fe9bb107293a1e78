//! Streams that HLS can make little of: each gives what docs/packaging.md says, is told of in the log, the API and so on the page, and a
//! good stream beside it goes on.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use bytes::Bytes;
use common::client::{Client, picture, video_header};
use common::{Server, until};

struct Run {
    server: Server,
    good: Client,
    bad: Client,
    _data: tempfile::TempDir,
}

impl Run {
    /// A good stream, and the beginning of a bad one.
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(data.path(), &["--no-record"]);
        let [good, bad] = ["good", "bad"].map(|name| {
            let mut client = Client::publish(server.rtmp, name);
            client.expect("NetStream.Publish.Start");
            client
        });
        let mut run = Self { server, good, bad, _data: data };
        run.good.send(9, 1, 0, video_header());
        run.good_pictures(0, 100);
        until("the good one plays", || {
            run.playlist("good", "video").filter(|text| text.contains("#EXTINF"))
        });
        run
    }

    fn good_pictures(&mut self, from: u32, to: u32) {
        for n in from..to {
            self.good.send(9, 1, n * 40, picture(n % 50 == 0, 1000));
        }
    }

    /// A picture of the bad stream.
    fn picture(&mut self, key: bool, time: u32) {
        self.bad.send(9, 1, time, picture(key, 1000));
    }

    fn playlist(&self, name: &str, track: &str) -> Option<String> {
        let answer = self.server.get(&format!("/live/{name}/{track}.m3u8"));
        (answer.status == 200).then(|| String::from_utf8(answer.body).unwrap())
    }

    /// Waits until the text is a problem in the API and stands in the log; then the good stream must go on as before.
    fn told(&mut self, text: &str) {
        until(text, || {
            let stream = self.server.stream("live/bad")?;
            let problems = stream["problems"].as_array()?;
            problems.iter().any(|problem| problem.as_str().unwrap().contains(text)).then_some(())
        });
        let line = self.server.wait_log(text);
        assert!(line.contains("WARN") && line.contains("stream=live/b"), "{line}");
        let before = self.playlist("good", "video").unwrap();
        self.good_pictures(100, 200);
        until("the good one goes on", || {
            let now = self.playlist("good", "video")?;
            (now.matches("#EXTINF").count() > before.matches("#EXTINF").count()).then_some(())
        });
        let good = self.server.stream("live/good").unwrap();
        assert_eq!(good["problems"].as_array().unwrap().len(), 0, "{good}");
    }
}

#[test]
fn pictures_without_any_key_frame_are_left_out_and_players_wait() {
    let mut run = Run::start();
    run.bad.send(9, 1, 0, video_header());
    for n in 0..100 {
        run.picture(false, n * 40);
    }
    run.told("pictures before the first key frame are left out");
    let listed = run.server.stream("live/bad").unwrap();
    assert!(listed["bytes_in"].as_u64().unwrap() > 0, "{listed}");
    // The first key frame mends it.
    for n in 100..200 {
        run.picture(n % 50 == 0, n * 40);
    }
    until("it plays now", || run.playlist("bad", "video").filter(|text| text.contains("#EXTINF")));
}

#[test]
fn without_further_key_frames_segments_are_cut_all_the_same() {
    let mut run = Run::start();
    run.bad.send(9, 1, 0, video_header());
    for n in 0..1000 {
        run.picture(n == 0, n * 40);
    }
    run.told("no key frame in 11 s");
    let text = until("segments", || {
        run.playlist("bad", "video").filter(|text| text.matches("#EXTINF").count() >= 2)
    });
    assert!(text.contains("#EXT-X-TARGETDURATION:11\n"), "{text}");
}

#[test]
fn groups_of_ten_seconds_make_segments_of_ten_seconds() {
    let mut run = Run::start();
    run.bad.send(9, 1, 0, video_header());
    for n in 0..600 {
        run.picture(n % 250 == 0, n * 40);
    }
    run.told("key frames are up to 10 s apart: HLS segments are so long, not 2 s");
    let text = until("two segments of ten seconds", || {
        let text = run.playlist("bad", "video")?;
        (text.matches("#EXTINF:10.000000,").count() == 2).then_some(text)
    });
    assert!(text.contains("#EXT-X-TARGETDURATION:10\n"), "{text}");
}

#[test]
fn times_that_run_back_are_repaired_and_segments_follow_one_another() {
    let mut run = Run::start();
    run.bad.send(9, 1, 0, video_header());
    for n in 0..300 {
        // Every tenth is a second too early.
        let time = 2000 + n * 40;
        run.picture(n % 50 == 0, if n % 10 == 9 { time - 1000 } else { time });
    }
    run.told("times do not increase and are repaired");
    let text = until("segments", || {
        run.playlist("bad", "video").filter(|text| text.matches("#EXTINF").count() >= 4)
    });
    assert!(!text.contains("DISCONTINUITY\n"), "{text}");
    let mut lengths = text
        .lines()
        .filter_map(|line| line.strip_prefix("#EXTINF:")?.strip_suffix(',')?.parse::<f64>().ok());
    assert!(lengths.all(|length| (1.5..2.5).contains(&length)), "{text}");
}

#[test]
fn a_codec_without_a_place_is_told_of_and_the_sound_plays() {
    let mut run = Run::start();
    // AAC-LC, 48 kHz, stereo; frames of 1024 samples. And VP6, which no MP4 has a place for.
    run.bad.send(8, 1, 0, Bytes::from_static(&[0xaf, 0, 0x11, 0x90]));
    let mut vp6 = vec![0x5a; 500];
    for n in 0..300u32 {
        vp6[..2].copy_from_slice(&[if n % 50 == 0 { 0x14 } else { 0x24 }, 0]);
        run.bad.send(9, 1, n * 21, Bytes::copy_from_slice(&vp6));
        run.bad.send(8, 1, n * 21, Bytes::from_static(&[0xaf, 1, 0x21, 0x10, 4, 0x60, 0x8c, 0x1c]));
    }
    run.told("not all of it is in HLS");
    until("the sound plays", || {
        run.playlist("bad", "audio").filter(|text| text.contains("#EXTINF"))
    });
}
