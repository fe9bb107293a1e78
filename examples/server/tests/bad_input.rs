//! Streams that HLS can make little of: each gives what docs/packaging.md says, is told of in the log, the API and so on the page, and a
//! good stream beside it goes on.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use common::bad::Bad;
use common::client::{Client, picture, video_header};
use common::{Server, until};

struct Run {
    server: Server,
    good: Client,
    bad: Client,
    _data: tempfile::TempDir,
}

impl Run {
    /// A good stream, and a bad one beside it. Waits until the bad one is a problem in the API and stands in the log; then the good
    /// stream must go on as before.
    fn of(what: Bad, options: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(data.path(), options);
        let [good, bad] = ["good", "bad"].map(|name| {
            let mut client = Client::publish(server.rtmp, name);
            client.expect("NetStream.Publish.Start");
            client
        });
        let mut run = Self { server, good, bad, _data: data };
        run.good.send(9, 1, 0, video_header());
        run.good_pictures(0, 100);
        run.plays("good", "video");
        what.send(&mut run.bad);
        run.told(what.words());
        run
    }

    fn good_pictures(&mut self, from: u32, to: u32) {
        for n in from..to {
            self.good.send(9, 1, n * 40, picture(n % 50 == 0, 1000));
        }
    }

    fn playlist(&self, name: &str, track: &str) -> Option<String> {
        let answer = self.server.get(&format!("/live/{name}/{track}.m3u8"));
        (answer.status == 200).then(|| String::from_utf8(answer.body).unwrap())
    }

    /// Waits for a segment of a track.
    fn plays(&self, name: &str, track: &str) -> String {
        until(track, || self.playlist(name, track).filter(|text| text.contains("#EXTINF")))
    }

    /// Waits for so many segments of the bad one's pictures.
    fn segments(&self, count: usize) -> String {
        until("segments", || {
            self.playlist("bad", "video").filter(|text| lengths(text).len() >= count)
        })
    }

    /// The manifest of DASH, once it is there.
    fn manifest(&self) -> String {
        until("the MPD", || {
            let answer = self.server.get("/live/bad/index.mpd");
            (answer.status == 200).then(|| String::from_utf8(answer.body).unwrap())
        })
    }

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
        // What is wrong is said once, however long it goes on.
        assert_eq!(self.server.log().matches(text).count(), 1, "{}", self.server.log());
    }
}

/// Lengths of segments, in seconds.
fn lengths(playlist: &str) -> Vec<f64> {
    let seconds =
        |line: &str| line.strip_prefix("#EXTINF:")?.strip_suffix(',')?.parse::<f64>().ok();
    playlist.lines().filter_map(seconds).collect()
}

#[test]
fn pictures_without_any_key_frame_are_left_out_and_the_sound_plays() {
    let mut run = Run::of(Bad::NoKeyFrame, &["--no-record"]);
    run.plays("bad", "audio");
    assert!(run.playlist("bad", "video").is_none_or(|text| !text.contains("#EXTINF")));
    let mpd = run.manifest();
    assert!(
        mpd.contains("contentType=\"audio\"") && !mpd.contains("contentType=\"video\""),
        "{mpd}"
    );
    let listed = run.server.stream("live/bad").unwrap();
    assert!(listed["bytes_in"].as_u64().unwrap() > 0, "{listed}");
    // The first key frame mends it.
    for n in 300..400 {
        run.bad.send(9, 1, n * 40, picture(n % 50 == 0, 1000));
    }
    run.plays("bad", "video");
}

#[test]
fn without_further_key_frames_segments_are_cut_all_the_same() {
    let run = Run::of(Bad::OneKeyFrame, &["--no-record"]);
    let text = run.segments(2);
    assert!(text.contains("#EXT-X-TARGETDURATION:11\n"), "{text}");
    assert!(lengths(&text).iter().all(|length| *length < 11.5), "{text}");
    // Only the first begins with a key frame, and it has left by now or is the only one that says so.
    assert!(!text.contains("#EXT-X-INDEPENDENT-SEGMENTS"), "{text}");
    assert!(text.matches("INDEPENDENT=YES").count() <= 1, "{text}");
    assert!(run.manifest().contains("contentType=\"video\""));
}

#[test]
fn groups_of_ten_seconds_make_segments_of_ten_seconds_and_parts_stay_short() {
    let run = Run::of(Bad::LongGroups, &["--no-record"]);
    let text = until("two segments of ten seconds", || {
        let text = run.playlist("bad", "video")?;
        (text.matches("#EXTINF:10.000000,").count() == 2).then_some(text)
    });
    assert!(text.contains("#EXT-X-TARGETDURATION:10\n"), "{text}");
    let part = text.lines().find_map(|line| line.strip_prefix("#EXT-X-PART-INF:PART-TARGET="));
    let part: f64 = part.unwrap().parse().unwrap();
    assert!((0.19..0.25).contains(&part), "{text}");
    assert!(run.manifest().contains("contentType=\"video\""));
}

#[test]
fn times_that_run_back_are_repaired_and_segments_follow_one_another() {
    let run = Run::of(Bad::TimesRunBack, &["--no-record"]);
    let text = run.segments(4);
    assert!(!text.contains("DISCONTINUITY\n"), "{text}");
    assert!(lengths(&text).iter().all(|length| (1.5..2.5).contains(length)), "{text}");
    // DASH has the same in one period.
    assert_eq!(run.manifest().matches("<Period").count(), 1);
}

#[test]
fn a_codec_without_a_place_is_told_of_recorded_as_flv_and_the_sound_plays() {
    let run = Run::of(Bad::NoPlace, &["--record-format", "flv"]);
    run.plays("bad", "audio");
    assert_eq!(run.server.get("/live/bad/video.m3u8").status, 404);
    let mpd = run.manifest();
    assert!(
        mpd.contains("contentType=\"audio\"") && !mpd.contains("contentType=\"video\""),
        "{mpd}"
    );
    drop(run.bad);
    let file = until("the recording", || {
        let files = run.server.files("flv");
        files.into_iter().find(|file| file.components().any(|part| part.as_os_str() == "bad"))
    });
    let tags = kit::flv::read(&file);
    let vp6 = tags
        .iter()
        .filter(|tag| tag.kind == 9 && tag.body.first().is_some_and(|byte| byte & 15 == 4));
    assert_eq!(vp6.count(), 300, "all pictures are in it");
}
