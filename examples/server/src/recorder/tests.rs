//! Recorders without a server: what becomes of tags, on a disk that is fast, slow or not there.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use streamcore::assemble::Assembler;
use streamcore::flv::{Reader, TagKind};
use streamcore::limits::Limits;
use streamcore::live::GopCache;

use super::config::{Naming, What};
use super::*;
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
}

impl Stand {
    fn new(config: RecordConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let recordings = Arc::new(Recordings::open(dir.path()).unwrap());
        let finisher = Finisher::start(recordings.clone()).unwrap();
        let configs = vec![Arc::new(config)];
        let env = Arc::new(RecordEnv { disk: Disk::start().unwrap(), recordings, finisher });
        let recorders = Some(Recorders::start(&env, "live/demo", &configs));
        let limits = Limits::default();
        let (assembler, gop) = (Assembler::new(&limits), GopCache::new(limits.gop_bytes));
        Self { dir, env, configs, recorders, assembler, gop }
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
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let idle = self.env.finisher.idle();
        runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(20), idle).await })
            .unwrap();
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
        assert_eq!(waiting.patience(), reconnect);
        waiting.pause();
        let fresh = Recorders::start(&stand.env, "live/demo", &stand.configs);
        stand.recorders = Some(waiting.resume(fresh));
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
