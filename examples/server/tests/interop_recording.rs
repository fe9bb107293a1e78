//! Recordings that cannot be lost: the server is killed at any moment, stopped for a while, and its disk fails.
//!
//! `STREAMCORE_KILLS=25` kills it as often, at moments that `STREAMCORE_SEED` makes others (`make soak-recording`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kit::flv::{self, Tag};
use kit::numbers::{Numbers, setting};
use kit::packets::{self, Listing};
use kit::rtmp::Publisher;
use kit::source::Film;
use kit::{Server, ServerBuilder, mp4, process, until};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const SOON: Duration = Duration::from_secs(30);
/// The most that may be lost, milliseconds.
const LOSS: i64 = 2000;
const MS: i64 = 1_000_000;
/// The most that a publisher may be late.
const PACE: Duration = Duration::from_millis(500);

/// A stream that is published, with its packets.
struct Source {
    name: &'static str,
    tags: Vec<Tag>,
    packets: Listing,
}

fn sources() -> Vec<Source> {
    let film = Film::new(14);
    let films = [
        ("plain", film),
        ("rate", Film { sample_rate: Some(44_100), ..film }),
        ("silent", Film { sample_rate: None, ..Film::new(8) }),
        ("dark", Film { video: false, ..Film::new(8) }),
    ];
    films
        .into_iter()
        .map(|(name, film)| {
            let file = film.flv(FILMS);
            Source { name, tags: flv::read(&file), packets: packets::probe(&file) }
        })
        .collect()
}

/// What one kill cost, in milliseconds of each stream.
#[derive(Default)]
struct Losses(Vec<i64>);

#[test]
fn d_31_a_server_killed_at_any_moment_loses_less_than_two_seconds_of_each_stream() {
    let kills = setting("STREAMCORE_KILLS").unwrap_or(6);
    let (sources, mut numbers) = (sources(), Numbers::new());
    let moments: Vec<u64> = (0..kills).map(|_| 300 + numbers.below(6500)).collect();
    let mut losses = Vec::new();
    for some in moments.chunks(3) {
        std::thread::scope(|scope| {
            let runs: Vec<_> = some
                .iter()
                .map(|moment| {
                    let (sources, moment) = (&sources, Duration::from_millis(*moment));
                    let what = format!("a kill at {moment:?}");
                    scope.spawn(move || repeated(&what, || kill_at(sources, moment)))
                })
                .collect();
            for run in runs {
                losses.extend(run.join().expect("see above").0);
            }
        });
    }
    losses.sort_unstable();
    // One line, which scripts/soak-recording reads.
    println!("kills: {kills}, lost of each stream, ms: {losses:?}");
}

/// Publishes all sources until `moment`, and then kills the server, once `before` has had a look. Gives how far each had come,
/// milliseconds; `None` where publishers did not keep their pace, because the machine was busy or stood still: then more than
/// what a moment brings was sent at once, and what was lost says nothing.
fn publish_and_kill(
    server: &mut Server,
    sources: &[Source],
    moment: Duration,
    before: impl FnOnce(&Server),
) -> Option<Vec<i64>> {
    let (stop, late) = (AtomicBool::new(false), AtomicBool::new(false));
    let sent: Vec<AtomicU32> = sources.iter().map(|_| AtomicU32::new(0)).collect();
    std::thread::scope(|scope| {
        for (source, sent) in sources.iter().zip(&sent) {
            let mut publisher = Publisher::start(server.rtmp, "live", source.name);
            let (stop, late) = (&stop, &late);
            scope.spawn(move || {
                let began = Instant::now();
                for tag in &source.tags {
                    let due = Duration::from_millis(tag.timestamp.into());
                    std::thread::sleep(due.saturating_sub(began.elapsed()));
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    late.fetch_or(began.elapsed() > due + PACE, Ordering::Relaxed);
                    if publisher.send(tag).is_err() {
                        break;
                    }
                }
                sent.store(publisher.sent_ms(), Ordering::Relaxed);
            });
        }
        std::thread::sleep(moment);
        before(server);
        server.process.kill();
        stop.store(true, Ordering::Relaxed);
    });
    let sent = sent.iter().map(|sent| i64::from(sent.load(Ordering::Relaxed)));
    (!late.load(Ordering::Relaxed)).then(|| sent.collect())
}

/// Runs what says nothing on a machine that stands still until it says something.
fn repeated<T>(what: &str, run: impl Fn() -> Option<T>) -> T {
    let told = (0..8).find_map(|_| {
        run().or_else(|| {
            println!("{what}: publishers did not keep their pace: once more");
            None
        })
    });
    told.unwrap_or_else(|| panic!("{what}: publishers never kept their pace"))
}

/// Kills a server that records all sources, and looks at what is left, before and after the next start.
fn kill_at(sources: &[Source], moment: Duration) -> Option<Losses> {
    let data = kit::temp_dir();
    let mut server = ServerBuilder::new(BINARY, data.path()).start();
    let sent = publish_and_kill(&mut server, sources, moment, |_| {})?;
    let mut losses = Losses::default();
    let mut kept = Vec::new();
    let repaired = data.path().join("repaired.mp4");
    for (source, sent) in sources.iter().zip(sent) {
        let files = server.files(&format!("live/{}", source.name), "live.mp4");
        let found = files.first().map(|file| packets::probe_torn(file));
        if let (Some(file), Some(found)) = (files.first(), &found)
            && !(found.video.is_empty() && found.audio.is_empty())
        {
            process::run(BINARY, [Path::new("repair"), file, &repaired]);
            mp4::assert_index_in_front(&repaired);
            check_finished(source, found, &repaired);
            let (_, errors) = process::run("ffmpeg", decode(&repaired));
            assert!(errors.is_empty(), "{} at {moment:?}: {errors}", source.name);
        }
        let last = found.as_ref().map_or(0, |found| check_prefix(source, found));
        assert!(
            sent - last <= LOSS,
            "{} at {moment:?}: sent {sent} ms, kept {last} ms",
            source.name
        );
        losses.0.push(sent - last);
        kept.extend(found.map(|found| (source, found)));
    }
    drop(server);
    let server = ServerBuilder::new(BINARY, data.path()).start();
    for (source, found) in kept {
        let path = format!("live/{}", source.name);
        server.wait_mp4(&path);
        let file = server.file(&path, "mp4");
        assert_eq!(mp4::top_level_boxes(&file), ["ftyp", "mdat", "moov"], "{path}: a plain MP4");
        check_finished(source, &found, &file);
    }
    Some(losses)
}

/// Asserts that a whole file holds at least what was found in the one that was left behind.
fn check_finished(source: &Source, found: &Listing, file: &Path) {
    let (name, finished) = (source.name, packets::probe(file));
    check_prefix(source, &finished);
    assert!(finished.video.len() >= found.video.len(), "{name}: pictures went");
    assert!(finished.audio.len() >= found.audio.len(), "{name}: sound went");
    packets::same_start_offset(&source.packets, &finished)
        .unwrap_or_else(|fault| panic!("{name}: {fault}"));
}

#[test]
fn d_31_what_is_said_to_be_finished_stays_and_what_is_being_finished_is_not_lost() {
    let kills = setting("STREAMCORE_KILLS").map_or(2, |kills| kills.div_ceil(4));
    let (sources, mut numbers) = (sources(), Numbers::new());
    let moments: Vec<u64> = (0..kills).map(|_| 3000 + numbers.below(4000)).collect();
    let mut said = 0;
    for pair in moments.chunks(2) {
        std::thread::scope(|scope| {
            let run = |moment: &u64| {
                let (sources, moment) = (&sources, Duration::from_millis(*moment));
                let what = format!("a kill while files are finished at {moment:?}");
                scope.spawn(move || repeated(&what, || kill_while_finishing(sources, moment)))
            };
            let runs: Vec<_> = pair.iter().map(run).collect();
            said += runs.into_iter().map(|run| run.join().expect("see above")).sum::<u64>();
        });
    }
    // One line, which scripts/soak-recording reads.
    println!("kills while files are finished: {kills}, files said to be finished: {said}");
    assert!(said > kills, "only {said} files were finished");
}

/// Kills a server whose recordings go on in a new file all the time. Gives how many of them it said were finished.
fn kill_while_finishing(sources: &[Source], moment: Duration) -> Option<u64> {
    let data = kit::temp_dir();
    let builder = ServerBuilder::new(BINARY, data.path()).with("--record-interval 1s");
    let mut server = builder.start();
    let mut said = Vec::new();
    let sent = publish_and_kill(&mut server, sources, moment, |server| {
        let done = server.recordings().into_iter().filter(|item| item["state"] == "done");
        said = done.map(|item| item["mp4"].as_str().expect("an address").to_owned()).collect();
    })?;
    // What follows `/recordings` is the path in the folder: these names need no escapes.
    let file = |address: &String| {
        let name = address.strip_prefix("/recordings/").expect("an address");
        server.recordings_folder().join(name)
    };
    let finished: Vec<_> = said.iter().map(file).collect();
    let before: Vec<_> = finished.iter().map(|file| std::fs::read(file).expect("it is")).collect();
    let server = builder.start();
    until("all is finished", SOON, || {
        let all = server.recordings();
        assert!(all.iter().all(|item| item["state"] != "failed"), "{all:?}");
        all.iter().all(|item| item["state"] == "done").then_some(())
    });
    for (file, before) in finished.iter().zip(before) {
        let same = std::fs::read(file).expect("it is still there") == before;
        assert!(same, "{} has changed", file.display());
    }
    for (source, sent) in sources.iter().zip(sent) {
        let mut all = Listing::default();
        let mut kept = 0;
        for file in server.files(&format!("live/{}", source.name), "mp4") {
            assert_eq!(mp4::top_level_boxes(&file), ["ftyp", "mdat", "moov"], "{}", file.display());
            let found = packets::probe(&file);
            // Each file counts from zero, and its last packet has a length.
            kept += found.video.last().or(found.audio.last()).map_or(0, |last| last.dts / MS + 30);
            all.video.extend(found.video);
            all.audio.extend(found.audio);
        }
        for (wanted, got) in
            [(&source.packets.video, &all.video), (&source.packets.audio, &all.audio)]
        {
            let run = packets::run_of(wanted, got);
            assert!(got.is_empty() || run == Ok(0..got.len()), "{}: {run:?}", source.name);
        }
        assert!(sent - kept <= LOSS, "{}: sent {sent} ms, kept {kept} ms", source.name);
    }
    Some(said.len() as u64)
}

/// Asserts that what was found are the first packets of the source at their times, and gives the time of the last,
/// milliseconds.
fn check_prefix(source: &Source, found: &Listing) -> i64 {
    let tracks = [(&source.packets.video, &found.video), (&source.packets.audio, &found.audio)];
    let mut last = i64::MAX;
    for (wanted, got) in tracks.into_iter().filter(|(wanted, _)| !wanted.is_empty()) {
        if got.is_empty() {
            return 0;
        }
        let run = packets::run_of(wanted, got);
        assert_eq!(run, Ok(0..got.len()), "{}", source.name);
        let off = packets::same_times(wanted, got, MS);
        assert_eq!(off, Ok(()), "{}", source.name);
        last = last.min(got.last().map_or(0, |packet| packet.dts / MS));
    }
    if last == i64::MAX { 0 } else { last }
}

#[test]
fn a_server_that_stands_still_for_ten_seconds_loses_nothing() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).start();
    let film = Film::new(14).flv(FILMS);
    let source = flv::read(&film);
    let (first, rest) = source.split_at(source.partition_point(|tag| tag.timestamp < 2000));
    let (second, third) = rest.split_at(rest.partition_point(|tag| tag.timestamp < 12_000));
    let mut publisher = Publisher::start(server.rtmp, "live", "still");
    publisher.send_paced(first, 2, || true).expect("the server reads");
    server.wait_live("live/still");
    server.process.signal("STOP");
    // Ten seconds of the stream in real time, which nobody reads.
    publisher.send_paced(second, 1, || true).expect("the socket has room");
    server.process.signal("CONT");
    publisher.send_paced(third, 4, || true).expect("the server reads on");
    publisher.finish("still").expect("the server reads");
    server.wait_mp4("live/still");
    let (wanted, got) = (packets::probe(&film), packets::probe(&server.file("live/still", "mp4")));
    assert_eq!(packets::same_packets(&wanted.video, &got.video), Ok(()));
    assert_eq!(packets::same_packets(&wanted.audio, &got.audio), Ok(()));
}

#[test]
fn a_recording_plays_while_it_grows() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).start();
    let film = Film::new(14).flv(FILMS);
    let (source, wanted) = (flv::read(&film), packets::probe(&film));
    let mut publisher = Publisher::start(server.rtmp, "live", "grows");
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            publisher.send_paced(&source, 2, || true).expect("the server reads");
            publisher.finish("grows").expect("the server reads");
        });
        let mut seen = 0;
        while !sending.is_finished() {
            let Some(file) = server.files("live/grows", "live.mp4").pop() else { continue };
            let copy = data.path().join("copy.mp4");
            // It may get its name in between.
            if std::fs::copy(&file, &copy).is_err() {
                break;
            }
            // Made whole under the copy: what was read is of two files.
            if server.recordings().first().is_some_and(|it| it["state"] != "recording") {
                break;
            }
            if std::fs::metadata(&copy).is_ok_and(|it| it.len() == 0) {
                continue;
            }
            let mut now = packets::probe_torn(&copy);
            // The copy ends anywhere, within its last picture too.
            now.video.pop();
            assert!(now.video.len() >= seen, "pictures went");
            if !now.video.is_empty() {
                assert_eq!(packets::run_of(&wanted.video, &now.video), Ok(0..now.video.len()));
            }
            seen = now.video.len();
        }
        assert!(seen > 100, "only {seen} pictures were seen while it grew");
    });
    server.wait_mp4("live/grows");
}

#[test]
fn every_codec_comes_out_of_the_recording_as_it_went_in() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).start();
    let names =
        ["hevc_aac", "av1_opus", "vp9_opus", "h264_flac", "h264_ac3", "h264_eac3", "h264_mp3"];
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/eflv");
    std::thread::scope(|scope| {
        for name in names {
            let (server, source) = (&server, captures.join(format!("{name}.flv")));
            scope.spawn(move || {
                let mut publisher = Publisher::start(server.rtmp, "live", name);
                publisher.send_paced(&flv::read(&source), 8, || true).expect("the server reads");
                publisher.finish(name).expect("the server reads");
            });
        }
    });
    for name in names {
        let path = format!("live/{name}");
        server.wait_mp4(&path);
        let made = server.file(&path, "mp4");
        assert_eq!(counts(&made), wanted(&captures.join(format!("{name}.packets"))), "{name}");
        let (_, errors) = process::run("ffmpeg", decode(&made));
        assert!(errors.is_empty(), "{name}: {errors}");
    }
}

fn decode(file: &Path) -> Vec<&str> {
    let file = file.to_str().expect("UTF-8");
    let read = ["-nostdin", "-v", "error", "-xerror", "-err_detect", "explode", "-i", file];
    [&read[..], &["-map", "0", "-f", "null", "-"]].concat()
}

/// Packets of video and of sound, with their sizes, as ffprobe reads them.
fn counts(file: &Path) -> (usize, usize) {
    let listing = packets::probe(file);
    (listing.video.len(), listing.audio.len())
}

fn wanted(list: &Path) -> (usize, usize) {
    let text = std::fs::read_to_string(list).expect("a list of packets");
    let of = |kind: &str| text.lines().filter(|line| line.starts_with(kind)).count();
    (of("video"), of("audio"))
}

#[test]
fn one_file_for_a_publisher_who_was_cut_off_and_came_back() {
    let data = kit::temp_dir();
    let server = ServerBuilder::new(BINARY, data.path()).with("--record-reconnect 20s").start();
    let film = Film::new(14).flv(FILMS);
    let source = flv::read(&film);
    let half = source.len() / 2;
    let mut publisher = Publisher::start(server.rtmp, "live", "back");
    publisher.send_paced(&source[..half], 4, || true).expect("the server reads");
    server.wait_live("live/back");
    drop(publisher);
    server.wait_ended("live/back");
    let mut publisher = Publisher::start(server.rtmp, "live", "back");
    publisher.send_paced(&source, 4, || true).expect("the server reads");
    publisher.finish("back").expect("the server reads");
    server.wait_mp4("live/back");
    let got = packets::probe(&server.file("live/back", "mp4"));
    let wanted = packets::probe(&film);
    let (before, behind) = got.video.split_at(got.video.len() - wanted.video.len());
    assert_eq!(packets::same_packets(&wanted.video, behind), Ok(()));
    let run = packets::run_of(&wanted.video, before).expect("the first half");
    assert!(run.start == 0 && run.end > 180, "{run:?}");
}

/// A disk of the server's own, which fails while the recording goes on, and is well again afterwards. Commands of a shell:
/// `DATA` is the folder.
struct BadDisk {
    name: &'static str,
    /// Options of `unshare`.
    unshare: &'static str,
    mount: &'static str,
    fail: &'static str,
    heal: &'static str,
}

impl BadDisk {
    /// Whether this user may have such a disk.
    fn is_allowed(&self) -> bool {
        let folder = kit::temp_dir();
        let script = format!("DATA={}; {}", folder.path().display(), self.mount);
        let words = [self.unshare, "sh", "-c", &script];
        let allowed = kit::Process::start("unshare", words).wait_exit(SOON).success();
        if !allowed {
            println!("{}: skipped: this user may not mount a file system of its own", self.name);
        }
        allowed
    }

    /// The server on this disk. What happens to the disk is told by files in `flags`, outside of it.
    fn start(&self, data: &Path, flags: &Path) -> Server {
        let Self { mount, fail, heal, .. } = self;
        let (data_name, flag) = (data.display(), flags.display());
        let script = format!(
            "DATA={data_name}; {mount} || exit 1; \
             (until [ -e {flag}/fail ]; do sleep 0.05; done; {fail}; touch {flag}/failed; \
              until [ -e {flag}/heal ]; do sleep 0.05; done; {heal}; touch {flag}/healed) & \
             exec \"$@\""
        );
        let wrapper = ["unshare", self.unshare, "sh", "-c", &script, "sh"];
        ServerBuilder::new(BINARY, data).wrapped(&wrapper).start()
    }

    fn run(&self) {
        if !self.is_allowed() {
            return;
        }
        let (data, flags, name) = (kit::temp_dir(), kit::temp_dir(), self.name);
        let mut server = self.start(data.path(), flags.path());
        let tell = |what: &str, answer: &str| {
            std::fs::write(flags.path().join(what), b"").expect("a flag");
            until(answer, SOON, || flags.path().join(answer).exists().then_some(()));
        };
        let film = Film::new(30).flv(FILMS);
        let (source, wanted) = (flv::read(&film), packets::probe(&film));
        let mut publisher = Publisher::start(server.rtmp, "live", name);
        let at = |seconds: u32| source.partition_point(|tag| tag.timestamp < seconds * 1000);
        publisher.send_paced(&source[..at(6)], 2, || true).expect("the server reads");
        tell("fail", "failed");
        publisher.send_paced(&source[at(6)..at(14)], 2, || true).expect("the stream goes on");
        let path = format!("live/{name}");
        let problem = until("trouble with the recording", SOON, || {
            let problems = server.stream(&path)?["problems"].to_string();
            problems.contains("recording stopped").then_some(problems)
        });
        println!("{name}: {problem}");
        let first = self.newest(&server, 1, flags.path());
        let run = packets::run_of(&wanted.video, &packets::probe_torn(&first).video);
        let run = run.expect("the start of the source");
        assert!(run.start == 0 && run.end > 100, "{name}: {run:?} before the disk failed");
        tell("heal", "healed");
        // The next file is tried ten seconds later.
        let began = Instant::now();
        while server.stream(&path).expect("live")["recording"] == false {
            assert!(began.elapsed() < SOON, "{name}: it is not recorded again");
            publisher.send_paced(&source[at(14)..at(16)], 4, || true).expect("it goes on");
        }
        publisher.send_paced(&source[at(16)..at(24)], 4, || true).expect("the stream goes on");
        publisher.finish(name).expect("the server reads");
        let last = packets::probe(&self.newest(&server, 2, flags.path()));
        assert!(last.video.len() > 100 && last.video[0].key, "{name}: {} after", last.video.len());
        println!("{name}: {} pictures before, {} after", run.end, last.video.len());
        server.process.signal("TERM");
        server.process.succeed(SOON);
    }

    /// A copy of the newest of so many recordings, once nothing is done to it any more: only the server sees its disk.
    fn newest(&self, server: &Server, number: usize, folder: &Path) -> PathBuf {
        let item = until("a recording that is done with", SOON, || {
            let all = server.recordings();
            let busy = |item: &Value| item["state"] == "recording" || item["state"] == "finishing";
            let newest = all.first().filter(|newest| !busy(newest))?;
            (all.len() >= number).then(|| newest.clone())
        });
        let url = item["mp4"].as_str().expect("a file that plays");
        let body = kit::http::get(server.http, url).expect("an answer").body;
        let copy = folder.join(format!("{number}.mp4"));
        std::fs::write(&copy, body).expect("a copy");
        copy
    }
}

#[test]
fn a_disk_that_fails_ends_the_file_and_another_is_begun_when_it_is_well_again() {
    let full = BadDisk {
        name: "full",
        unshare: "-rm",
        mount: "mount -t tmpfs -o size=6m tmpfs $DATA",
        fail: "head -c 100M /dev/zero > $DATA/fill 2>/dev/null",
        heal: "rm $DATA/fill",
    };
    let locked = BadDisk {
        name: "locked",
        unshare: "-m",
        mount: "head -c 32M /dev/zero > $DATA.img && mkfs.ext4 -q $DATA.img \
                && mount -o loop,errors=remount-ro $DATA.img $DATA && rm $DATA.img",
        // As an error of the disk does it, with files open.
        fail: "echo 1 > /sys/fs/ext4/$(basename $(findmnt -no SOURCE $DATA))/trigger_fs_error",
        // Such a disk stays as it is: another one takes its place.
        heal: "mount -t tmpfs tmpfs $DATA",
    };
    // Both wait most of the time.
    std::thread::scope(|scope| {
        let other = scope.spawn(|| full.run());
        locked.run();
        other.join().expect("see above");
    });
}
