//! nginx-rtmp's words of recording, each as a recorder of one application: a stream that all of them record, and what ffprobe reads in
//! their files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::flv::{self, Tag};
use kit::packets::{self, Listing, Packet};
use kit::rtmp::Publisher;
use kit::source::Film;
use kit::{Server, ServerBuilder, http, until};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const SOON: Duration = Duration::from_secs(30);
/// The stream's name, which no shell may read.
const NAME: &str = "a$(touch x) `id`";

/// `$FOLDER` is where files go, `$DONE` where copies of finished ones go.
const CONFIGURATION: &str = r#"
control = true

[applications.live.recorders.all]
record = "all"
record_path = "$FOLDER/all"
record_suffix = "-%Y%m%d-%H%M%S.mp4"
exec_record_done = ["cp", "$path", "$DONE/$recorder of $app, $basename; $(touch y)"]

[applications.live.recorders.audio]
record = "audio"
record_path = "$FOLDER/audio"

[applications.live.recorders.video]
record = "video"
record_path = "$FOLDER/video"
record_format = "flv"

[applications.live.recorders.keyframes]
record = "keyframes"
record_path = "$FOLDER/keyframes"

[applications.live.recorders.off]
record = "off"
record_path = "$FOLDER/off"

[applications.live.recorders.manual]
record = "all manual"
record_path = "$FOLDER/manual"

[applications.live.recorders.never]
record = "manual"
record_path = "$FOLDER/never"

[applications.live.recorders.unique]
record_unique = true
record_path = "$FOLDER/unique"
record_format = "flv"

[applications.live.recorders.interval]
record_interval = "1500ms"
record_path = "$FOLDER/interval"

[applications.live.recorders.size]
record_max_size = "300k"
record_path = "$FOLDER/size"

[applications.live.recorders.frames]
record_max_frames = 100
record_path = "$FOLDER/frames"
record_format = "flv"
"#;

struct Run {
    folder: tempfile::TempDir,
    server: Server,
    film: PathBuf,
}

impl Run {
    fn start(configuration: &str) -> Self {
        let folder = kit::temp_dir();
        let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let text = configuration.replace("$FOLDER", &path("files")).replace("$DONE", &path("done"));
        fs::create_dir(path("done")).expect("a folder");
        fs::write(path("streamcore.toml"), text).expect("a configuration");
        let config = path("streamcore.toml");
        let server = ServerBuilder::new(BINARY, &folder.path().join("data"))
            .with(&format!("--config {config}"))
            .start();
        Self { folder, server, film: Film::new(14).flv(FILMS) }
    }

    /// Files of a recorder in the order that they were begun, once there are no others.
    fn files(&self, recorder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("files").join(recorder));
        let entries = entries.into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        // `name.mp4`, `name-2.mp4`, … `name-10.mp4`.
        files.sort_by_key(|file| (file.as_os_str().len(), file.clone()));
        files
    }

    fn switch(&self, what: &str, recorder: &str) -> u16 {
        let name = "a%24%28touch%20x%29%20%60id%60";
        let path = format!("/control/record/{what}?app=live&name={name}&rec={recorder}");
        http::get(self.server.http, &path).expect("an answer").status
    }
}

fn names(files: &[PathBuf]) -> Vec<String> {
    let name = |file: &PathBuf| file.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    files.iter().map(|file| name(file).expect("UTF-8")).collect()
}

/// All packets of several files, of which each begins with a key frame.
fn joined(files: &[PathBuf]) -> Listing {
    let mut all = Listing::default();
    for file in files {
        let found = packets::probe(file);
        assert!(found.video.first().is_some_and(|first| first.key), "{}", file.display());
        all.video.extend(found.video);
        all.audio.extend(found.audio);
    }
    all
}

fn same(what: &str, wanted: &[Packet], got: &[Packet]) {
    packets::same_packets(wanted, got).unwrap_or_else(|fault| panic!("{what}: {fault}"));
}

#[test]
fn f_07_every_word_of_nginx_rtmp_records_what_it_says() {
    let run = Run::start(CONFIGURATION);
    let (source, wanted) = (flv::read(&run.film), packets::probe(&run.film));
    let at = |seconds: u32| source.partition_point(|tag: &Tag| tag.timestamp < seconds * 1000);
    let mut publisher = Publisher::start(run.server.rtmp, "live", NAME);
    publisher.send_paced(&source[..at(5)], 8, || true).expect("the server reads");
    let path = format!("live/{NAME}");
    run.server.wait_live(&path);
    assert_eq!(run.switch("start", "manual"), 204);
    assert_eq!(run.switch("start", "nobody"), 404);
    publisher.send_paced(&source[at(5)..at(11)], 8, || true).expect("the server reads");
    until("a manual recording", SOON, || (!run.files("manual").is_empty()).then_some(()));
    assert_eq!(run.switch("stop", "manual"), 204);
    publisher.send_paced(&source[at(11)..], 8, || true).expect("the server reads");
    publisher.finish(NAME).expect("the server reads");
    run.server.wait_ended(&path);
    let recorders = fs::read_dir(run.folder.path().join("files")).expect("files").flatten();
    let recorders: Vec<String> =
        recorders.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    until("all is finished", SOON, || {
        let all = recorders.iter().flat_map(|recorder| names(&run.files(recorder)));
        (!all.into_iter().any(|name| name.contains(".live."))).then_some(())
    });
    let only = |recorder: &str| {
        let files = run.files(recorder);
        assert_eq!(files.len(), 1, "{recorder}: {files:?}");
        packets::probe(&files[0])
    };

    let all = only("all");
    same("all", &wanted.video, &all.video);
    same("all", &wanted.audio, &all.audio);
    let name = names(&run.files("all")).remove(0);
    let stamp = name.strip_prefix(NAME).and_then(|rest| rest.strip_suffix(".mp4"));
    let stamp = stamp.unwrap_or_else(|| panic!("{name}"));
    let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "-99999999-999999", "{name}");

    let audio = only("audio");
    assert!(audio.video.is_empty());
    same("audio", &wanted.audio, &audio.audio);
    assert_eq!(names(&run.files("audio")), [format!("{NAME}.mp4")]);
    let video = only("video");
    assert!(video.audio.is_empty());
    same("video", &wanted.video, &video.video);
    assert_eq!(names(&run.files("video")), [format!("{NAME}.flv")]);
    let keys = only("keyframes");
    let wanted_keys: Vec<_> = wanted.video.iter().filter(|one| one.key).cloned().collect();
    assert!(keys.audio.is_empty() && wanted_keys.len() == 7);
    same("keyframes", &wanted_keys, &keys.video);
    for recorder in ["off", "never"] {
        assert_eq!(run.files(recorder), Vec::<PathBuf>::new(), "{recorder}");
    }

    let manual = only("manual");
    let range = packets::run_of(&wanted.video, &manual.video).expect("a piece of the film");
    // From the group of pictures that was there, or the next one, to where it was told to stop.
    assert!(manual.video[0].key && (120..=180).contains(&range.start), "{range:?}");
    assert!((300..=345).contains(&range.end), "{range:?}");

    let unique = names(&run.files("unique")).remove(0);
    let seconds =
        unique.strip_prefix(&format!("{NAME}-")).and_then(|rest| rest.strip_suffix(".flv"));
    let seconds = seconds.and_then(|seconds| seconds.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 1_700_000_000), "{unique}");
    same("unique", &wanted.video, &only("unique").video);

    for (recorder, least) in [("interval", 6), ("size", 3), ("frames", 3)] {
        let files = run.files(recorder);
        assert!(files.len() >= least, "{recorder}: {files:?}");
        let found = joined(&files);
        same(recorder, &wanted.video, &found.video);
        same(recorder, &wanted.audio, &found.audio);
    }

    let copy = run
        .folder
        .path()
        .join("done")
        .join(format!("all of live, {}; $(touch y)", name.trim_end_matches(".mp4")));
    let original = fs::read(&run.files("all")[0]).expect("the recording");
    until("the program has run", SOON, || {
        (fs::read(&copy).ok().as_ref() == Some(&original)).then_some(())
    });
    assert_eq!(fs::read_dir(copy.parent().expect("a folder")).expect("it is").count(), 1);
    assert!(!Path::new("x").exists() && !Path::new("y").exists(), "a shell has read a name");
}

#[test]
fn one_file_goes_on_within_the_window_and_another_is_begun_behind_it() {
    let run = Run::start(
        "[applications.live.recorders.patient]\nrecord_reconnect = \"30s\"\nrecord_path = \"$FOLDER/patient\"\n\
         [applications.live.recorders.hasty]\nrecord_reconnect = \"100ms\"\nrecord_path = \"$FOLDER/hasty\"\n",
    );
    let (source, wanted) = (flv::read(&run.film), packets::probe(&run.film));
    let half = source.len() / 2;
    let mut publisher = Publisher::start(run.server.rtmp, "live", "back");
    publisher.send_paced(&source[..half], 8, || true).expect("the server reads");
    run.server.wait_live("live/back");
    drop(publisher);
    run.server.wait_ended("live/back");
    // The hasty one's window is over once its file has its name.
    until("the first file", SOON, || (names(&run.files("hasty")) == ["back.mp4"]).then_some(()));
    let mut publisher = Publisher::start(run.server.rtmp, "live", "back");
    publisher.send_paced(&source, 8, || true).expect("the server reads");
    publisher.finish("back").expect("the server reads");
    run.server.wait_ended("live/back");
    until("both files of the hasty one", SOON, || {
        (names(&run.files("hasty")) == ["back.mp4", "back-2.mp4"]).then_some(())
    });
    run.server.process.signal("TERM");
    until("the patient one", SOON, || (names(&run.files("patient")) == ["back.mp4"]).then_some(()));
    let [first, second] = [0, 1].map(|number| packets::probe(&run.files("hasty")[number]));
    let range = packets::run_of(&wanted.video, &first.video).expect("the first half");
    assert!(range.start == 0 && range.end > 180, "{range:?}");
    same("second", &wanted.video, &second.video);
    let patient = packets::probe(&run.files("patient")[0]);
    let (before, behind) = patient.video.split_at(first.video.len());
    same("before", &first.video, before);
    same("behind", &wanted.video, behind);
    same("behind", &wanted.audio, &patient.audio[first.audio.len()..]);
    let late = packets::same_times(&wanted.video, behind, packets::MILLISECOND);
    late.unwrap_or_else(|fault| panic!("behind: {fault}"));
}
