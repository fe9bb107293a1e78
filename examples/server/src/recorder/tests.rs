//! Recorders without a server: what becomes of tags, on a disk that is fast, slow or not there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use streamcore::assemble::Assembler;
use streamcore::flv::{Reader, TagKind};
use streamcore::limits::Limits;
use streamcore::live::GopCache;

use super::config::{Naming, RecordSettings, What};
use super::*;
use crate::finish::{self, Listener, RecordingDone};
use crate::media_info;

const SOURCE: &[u8] = include_bytes!("../../../../tests/data/ffmpeg-5.1/source.flv");
const OTHER: &[u8] = include_bytes!("../../../../tests/data/ffmpeg-8.1/h264-aac-bframes.flv");
const VVC: &[u8] = include_bytes!("../../../../tests/data/eflv/vvc_aac.flv");

/// Everything that a stream does with its recorders.
struct Stand {
    dir: tempfile::TempDir,
    env: Arc<RecordEnv>,
    configs: Vec<Arc<RecordConfig>>,
    recorders: Option<Recorders>,
    assembler: Assembler,
    gop: GopCache,
    /// What was told of finished recordings.
    done: Arc<Mutex<Vec<Arc<RecordingDone>>>>,
}

impl Stand {
    fn new(config: RecordConfig) -> Self {
        Self::with(vec![Arc::new(config)])
    }

    fn with(configs: Vec<Arc<RecordConfig>>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let recordings = Arc::new(Recordings::open(dir.path()).unwrap());
        let done = Arc::new(Mutex::new(Vec::new()));
        let finisher = Finisher::start(recordings.clone(), listeners(&done)).unwrap();
        let env = Arc::new(RecordEnv { disk: Disk::start().unwrap(), recordings, finisher });
        let recorders = Some(Recorders::start(&env, "live/demo", &configs));
        let limits = Limits::default();
        let (assembler, gop) = (Assembler::new(&limits), GopCache::new(limits.gop_bytes));
        Self { dir, env, configs, recorders, assembler, gop, done }
    }

    fn push(&mut self, tag: &Tag) {
        self.gop.handle_tag(tag);
        let group = || self.gop.tags().collect();
        let recorders = self.recorders.as_mut().unwrap();
        recorders.handle_tag(tag, &group);
        self.assembler.handle_tag(tag);
        while let Some(event) = self.assembler.poll_event() {
            recorders.handle_event(&event, &group);
        }
    }

    fn push_all(&mut self, tags: &[Tag]) {
        tags.iter().for_each(|tag| self.push(tag));
    }

    fn end_of_publisher(&mut self) {
        self.assembler.finish();
        let recorders = self.recorders.as_mut().unwrap();
        while let Some(event) = self.assembler.poll_event() {
            recorders.handle_event(&event, &Vec::new);
        }
        self.assembler = Assembler::new(&Limits::default());
        self.gop.clear();
    }

    /// All files, by name, once nothing is left to do.
    fn finish(&mut self) -> Vec<PathBuf> {
        self.end_of_publisher();
        self.recorders = None;
        until_idle(&self.env.finisher);
        self.files()
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name() != ".lock" {
                    files.push(entry.path());
                }
            }
        }
        files.sort();
        files
    }
}

/// Those of the program, and one that keeps what it is told.
fn listeners(done: &Arc<Mutex<Vec<Arc<RecordingDone>>>>) -> Vec<Listener> {
    let done = done.clone();
    vec![
        Box::new(|done| finish::exec_done(done)),
        Box::new(move |told| done.lock().unwrap().push(told.clone())),
    ]
}

fn until_idle(finisher: &Finisher) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let idle = finisher.idle();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), idle).await }).unwrap();
}

fn tags(flv: &[u8]) -> Vec<Tag> {
    let mut reader = Reader::new(&Limits::default());
    let (mut rest, mut tags) = (flv, Vec::new());
    while !rest.is_empty() {
        rest = &rest[reader.handle_input(rest).unwrap()..];
        tags.extend(std::iter::from_fn(|| reader.poll_tag()).map(|(_, tag)| tag));
    }
    tags
}

/// Samples of video and of sound, by a reader that is not ours.
fn samples(file: &Path) -> (u64, u64) {
    let info = media_info::read(file).unwrap();
    let info = serde_json::to_value(info).unwrap();
    let of = |kind: &str| {
        let tracks = info["tracks"].as_array().unwrap().iter();
        tracks.filter(|track| track["kind"] == kind).map(|t| t["samples"].as_u64().unwrap()).sum()
    };
    (of("video"), of("audio"))
}

fn sum(files: &[PathBuf]) -> (u64, u64) {
    let all = files.iter().map(|file| samples(file));
    all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

#[test]
fn a_stream_becomes_one_plain_mp4() {
    let mut stand = Stand::new(RecordConfig::default());
    stand.push_all(&tags(SOURCE));
    let files = stand.finish();
    assert_eq!(files.len(), 1);
    assert_eq!(samples(&files[0]), (600, 939));
}

#[test]
fn rotation_by_time_size_and_pictures_loses_no_packet() {
    for format in [Format::Mp4, Format::Flv] {
        let all = RecordConfig { format, ..RecordConfig::default() };
        for config in [
            RecordConfig { interval: Some(Duration::from_secs(4)), ..all.clone() },
            RecordConfig { max_size: Some(300_000), ..all.clone() },
            RecordConfig { max_frames: Some(120), ..all.clone() },
        ] {
            let mut stand = Stand::new(config);
            stand.push_all(&tags(SOURCE));
            let files = stand.finish();
            assert!((4..=6).contains(&files.len()), "{format:?}: {files:?}");
            assert_eq!(sum(&files), (600, 939), "{format:?}");
            for file in &files {
                assert_eq!(samples(file).0 % 60, 0, "it ends at a key frame");
            }
        }
    }
}

#[test]
fn what_is_recorded_is_what_was_asked_for() {
    for (words, wanted) in [
        ("audio", (0, 939)),
        ("video", (600, 0)),
        ("keyframes", (10, 0)),
        ("audio keyframes", (10, 939)),
    ] {
        for format in [Format::Mp4, Format::Flv] {
            let what = words.parse::<What>().unwrap();
            let mut stand = Stand::new(RecordConfig { what, format, ..RecordConfig::default() });
            stand.push_all(&tags(SOURCE));
            assert_eq!(sum(&stand.finish()), wanted, "{words} {format:?}");
        }
    }
}

#[test]
fn a_manual_recorder_begins_and_ends_when_it_is_told() {
    for format in [Format::Mp4, Format::Flv] {
        let what = "manual".parse::<What>().unwrap();
        let mut stand = Stand::new(RecordConfig { what, format, ..RecordConfig::default() });
        let source = tags(SOURCE);
        let (first, rest) = source.split_at(source.len() / 4);
        let (second, third) = rest.split_at(source.len() / 2);
        stand.push_all(first);
        assert!(stand.recorders.as_mut().unwrap().switch("", true));
        assert!(!stand.recorders.as_mut().unwrap().switch("another", true));
        stand.push_all(second);
        stand.recorders.as_mut().unwrap().switch("", false);
        stand.push_all(third);
        let files = stand.finish();
        assert_eq!(files.len(), 1, "{format:?}");
        let (video, audio) = samples(&files[0]);
        assert!((240..=361).contains(&video) && (400..=560).contains(&audio), "{video} {audio}");
    }
}

#[test]
fn b4_07_a_change_of_configuration_goes_on_in_a_new_file_and_loses_nothing() {
    let mut stand = Stand::new(RecordConfig::default());
    let (first, second) = (tags(SOURCE), tags(OTHER));
    stand.push_all(&first);
    let last = first.last().unwrap().timestamp + 40;
    for tag in second {
        stand.push(&Tag { timestamp: tag.timestamp + last, ..tag });
    }
    let files = stand.finish();
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(sum(&files), (600 + 60, 939 + 189));
}

#[test]
fn c2_12_a_track_that_no_mp4_takes_is_recorded_as_flv_as_well() {
    let mut stand = Stand::new(RecordConfig::default());
    stand.push_all(&tags(VVC));
    let problems = stand.recorders.as_ref().unwrap().health().problems();
    assert!(problems.iter().any(|problem| problem.contains("VVC")), "{problems:?}");
    let files = stand.finish();
    let extensions: Vec<_> = files.iter().map(|file| file.extension().unwrap()).collect();
    assert_eq!(extensions, ["flv", "mp4"]);
    let (in_flv, in_mp4) = (tags(&std::fs::read(&files[0]).unwrap()), samples(&files[1]));
    let media = |tags: &[Tag], kind| tags.iter().filter(|tag| tag.kind == kind).count();
    for kind in [TagKind::Video, TagKind::Audio] {
        assert_eq!(media(&in_flv, kind), media(&tags(VVC), kind));
    }
    assert_eq!(in_mp4.0, 0);
    assert_eq!(in_mp4.1 as usize, media(&tags(VVC), TagKind::Audio) - 1, "all but its header");
}

#[test]
fn one_file_across_a_publisher_who_comes_back() {
    for format in [Format::Mp4, Format::Flv] {
        let reconnect = Duration::from_secs(60);
        let mut stand = Stand::new(RecordConfig { format, reconnect, ..RecordConfig::default() });
        let source = tags(SOURCE);
        stand.push_all(&source[..source.len() / 2]);
        stand.end_of_publisher();
        let mut waiting = stand.recorders.take().unwrap();
        waiting.pause();
        assert!(waiting.expire(reconnect / 2), "it waits");
        stand.recorders =
            Some(waiting.resume(Recorders::start(&stand.env, "live/demo", &stand.configs)));
        stand.push_all(&source);
        let files = stand.finish();
        assert_eq!(files.len(), 1, "{format:?}: {files:?}");
        let (video, audio) = samples(&files[0]);
        assert!((899..=901).contains(&video) && (1405..=1412).contains(&audio), "{video} {audio}");
        let info = serde_json::to_value(media_info::read(&files[0]).unwrap()).unwrap();
        let seconds = info["duration_s"].as_f64().unwrap();
        assert!((29.5..30.6).contains(&seconds), "{format:?}: {seconds} s");
    }
}

#[test]
fn a_silent_publisher_has_all_of_it_on_the_disk() {
    let mut stand = Stand::new(RecordConfig::default());
    let source = tags(OTHER);
    stand.push_all(&source);
    let (mut found, start) = (Vec::<PathBuf>::new(), Instant::now());
    while found.is_empty() || samples(&found[0]).0 < 59 {
        assert!(start.elapsed() < Duration::from_secs(20), "{found:?}");
        stand.recorders.as_mut().unwrap().tick();
        std::thread::sleep(Duration::from_millis(20));
        found = stand.files();
    }
    assert_eq!(samples(&found[0]), (60, 189));
    assert_eq!(samples(&stand.finish()[0]), (60, 189));
}

#[test]
fn a_folder_that_cannot_be_made_is_a_problem_of_the_stream_and_no_more() {
    let mut stand = Stand::new(RecordConfig::default());
    std::fs::write(stand.dir.path().join("recordings/live"), b"in the way").unwrap();
    let health = stand.recorders.as_ref().unwrap().health().clone();
    stand.push_all(&tags(SOURCE));
    let start = Instant::now();
    while health.problems().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::yield_now();
    }
    assert!(!health.is_recording());
    assert!(health.problems()[0].starts_with("recording stopped: "), "{:?}", health.problems());
}

#[test]
fn a_slow_disk_makes_a_gap_up_to_a_key_frame_and_never_a_wait() {
    let mut stand = Stand::new(RecordConfig::default());
    let source = tags(SOURCE);
    let health = stand.recorders.as_ref().unwrap().health().clone();
    stand.push_all(&source[..source.len() / 4]);
    stand.env.disk.hold(true);
    // Far more than may wait for the disk.
    let large = Bytes::from(vec![0; 3 << 20]);
    let start = Instant::now();
    for (n, tag) in source[source.len() / 4..source.len() / 2].iter().enumerate() {
        let mut tag = tag.clone();
        if n % 3 == 0 && tag.kind == TagKind::Video && tag.body.len() > 5 && tag.body[1] == 1 {
            let length = u32::try_from(large.len() + 1).unwrap().to_be_bytes();
            tag.body = [&tag.body[..5], &length, &[0x41], &large[..]].concat().into();
        }
        stand.push(&tag);
    }
    assert!(start.elapsed() < Duration::from_secs(5), "the stream waited");
    assert_eq!(health.problems(), ["the disk is too slow: the recording has gaps"]);
    stand.env.disk.hold(false);
    let start = Instant::now();
    while stand.env.disk.queued() > 0 {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    stand.push_all(&source[source.len() / 2..]);
    let files = stand.finish();
    let (video, audio) = samples(&files[0]);
    assert!(video > 300 && video < 590 && audio > 400, "{video} {audio}");
}

#[test]
fn names_are_those_of_the_configuration() {
    let naming = Naming::Named { path: None, suffix: Some("-x".parse().unwrap()), unique: false };
    let mut stand = Stand::new(RecordConfig { naming, ..RecordConfig::default() });
    stand.push_all(&tags(OTHER));
    assert!(stand.finish()[0].ends_with("recordings/live/demo-x.mp4"));
}

#[test]
fn a_finished_recording_is_told_with_all_there_is_to_know() {
    for format in [Format::Mp4, Format::Flv] {
        let config = RecordConfig { name: "main".into(), format, ..RecordConfig::default() };
        let mut stand = Stand::new(config);
        stand.push_all(&tags(SOURCE));
        let file = stand.finish().remove(0);
        let done = stand.done.lock().unwrap().clone();
        let [done] = &done[..] else { panic!("{done:?}") };
        assert_eq!((&done.path, done.left_over, done.lost), (&file, false, 0));
        let key = format!("live/demo/{}", file.file_name().unwrap().to_str().unwrap());
        assert_eq!(done.key, Some(key));
        assert_eq!((&done.app[..], &done.name[..], &done.recorder[..]), ("live", "demo", "main"));
        assert_eq!(done.bytes, std::fs::metadata(&file).unwrap().len());
        let seconds = done.duration.as_secs_f64();
        assert!((19.9..20.2).contains(&seconds), "{format:?}: {seconds} s");
        let json = serde_json::to_value(&**done).unwrap();
        assert_eq!(
            (&json["format"], &json["duration_s"]),
            (&format.extension().into(), &seconds_of(done))
        );
        assert_eq!(json["started"].as_str().map(str::len), Some("2026-11-23T21:09:00.123Z".len()));
        let [video, audio] = &done.tracks[..] else { panic!("{:?}", done.tracks) };
        assert!(video.kind == "video" && video.codec.starts_with("avc1.") && video.width > 0);
        assert!(audio.kind == "audio" && audio.codec == "mp4a.40.2" && audio.channels > 0);
    }
}

fn seconds_of(done: &RecordingDone) -> serde_json::Value {
    (done.duration.as_millis() as f64 / 1000.0).into()
}

#[test]
fn what_an_earlier_run_left_is_told_as_well() {
    for format in [Format::Mp4, Format::Flv] {
        let config = RecordConfig { format, ..RecordConfig::default() };
        let mut stand = Stand::new(config);
        stand.push_all(&tags(SOURCE));
        let file = stand.finish().remove(0);
        let before = stand.done.lock().unwrap()[0].clone();
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("recordings/live/demo");
        std::fs::create_dir_all(&folder).unwrap();
        let name = format!("2026-11-23T21-09-00.123Z.live.{}", format.extension());
        std::fs::rename(&file, folder.join(name)).unwrap();
        let done = Arc::default();
        let recordings = Arc::new(Recordings::open(dir.path()).unwrap());
        let finisher = Finisher::start(recordings, listeners(&done)).unwrap();
        let default = stand.configs.clone();
        let settings = RecordSettings { default, ..RecordSettings::default() };
        finisher.submit_left_over(&settings, &[]);
        until_idle(&finisher);
        let done = done.lock().unwrap().clone();
        let [done] = &done[..] else { panic!("{done:?}") };
        assert!(done.left_over && done.config.is_some());
        assert_eq!((done.bytes, &done.tracks), (before.bytes, &before.tracks));
        assert_eq!(done.started.to_string(), "2026-11-23T21:09:00.123Z");
        let off = done.duration.as_secs_f64() - before.duration.as_secs_f64();
        assert!(off.abs() < 0.1, "{format:?}: {off} s");
    }
}

#[test]
fn several_recorders_of_one_stream_each_make_their_files() {
    let config = |name: &str, what: &str, format| {
        let (name, what) = (name.to_owned(), what.parse().unwrap());
        Arc::new(RecordConfig { name, what, format, ..RecordConfig::default() })
    };
    let mut stand = Stand::with(vec![
        config("all", "all", Format::Mp4),
        config("sound", "audio", Format::Mp4),
        config("keys", "keyframes", Format::Flv),
        config("later", "manual", Format::Flv),
    ]);
    stand.push_all(&tags(SOURCE));
    stand.finish();
    let mut done = stand.done.lock().unwrap().clone();
    done.sort_by(|a, b| a.recorder.cmp(&b.recorder));
    let made: Vec<_> = done.iter().map(|one| (&one.recorder[..], samples(&one.path))).collect();
    assert_eq!(made, [("all", (600, 939)), ("keys", (10, 0)), ("sound", (0, 939))]);
}

#[cfg(unix)]
#[test]
fn f_07_exec_record_done_gets_the_file_and_no_shell() {
    let made = tempfile::tempdir().unwrap();
    let target = made.path().join("copied $(touch x); `id`.mp4");
    let exec = ["cp", "$path", target.to_str().unwrap()].map(str::to_owned).to_vec();
    let mut stand = Stand::new(RecordConfig { exec_done: exec, ..RecordConfig::default() });
    stand.push_all(&tags(OTHER));
    let files = stand.finish();
    let start = Instant::now();
    let wanted = std::fs::read(&files[0]).unwrap();
    while std::fs::read(&target).ok().as_ref() != Some(&wanted) {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(std::fs::read_dir(made.path()).unwrap().count(), 1);
}
