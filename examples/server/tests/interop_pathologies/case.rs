//! A stream that is not as it should be, what its MP4 has to hold, and who looks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use kit::flv::{self, AUDIO, Tag, VIDEO};
use kit::packets::{self, Kind, Listing, MILLISECOND, Packet, Track};
use kit::process;
use kit::source::Film;
use serde_json::Value;

use crate::{browser, readers};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
/// Key frames stand at 0, 2 and 4 s.
pub const FILM: Film = Film { kilobits: 400, ..Film::new(6) };

/// Tags of a film, and its packets as ffprobe reads them.
pub fn film(film: Film) -> (Vec<Tag>, Listing) {
    static FIRST: OnceLock<(Vec<Tag>, Listing)> = OnceLock::new();
    let make = || {
        let file = film.flv(FILMS);
        (flv::read(&file), packets::probe(&file))
    };
    // Most tests begin with this one.
    let is_first = film.sample_rate == FILM.sample_rate && film.seconds == FILM.seconds;
    if is_first { FIRST.get_or_init(make).clone() } else { make() }
}

/// Milliseconds that times may be off: decode times, presentation times.
type Tolerance = (i64, i64);

pub struct Case {
    name: &'static str,
    pub tags: Vec<Tag>,
    pub wanted: Listing,
    video: Tolerance,
    audio: Tolerance,
    /// The stream begins at another time than it says, or its times mean nothing.
    moved: bool,
    left_out: Option<&'static str>,
    /// What a file in fragments cannot hold.
    left_out_of_fragments: Option<(&'static str, Listing)>,
    /// Chromium plays the files alone, and appends none to a MediaSource.
    file_alone: bool,
    /// Pictures that a MediaSource may leave out.
    may_lack: usize,
    /// Pictures come much later than their times, so that a fragment may end before they come.
    burst: bool,
    /// ffmpeg misreads the fragments: it takes signed offsets for later by the largest negative one.
    negative: bool,
    /// Pictures change their configuration: ffprobe's parser goes on with the first one and complains.
    reconfigured: bool,
    /// The codecs are such as Chromium and the `mp4` crate know.
    known_to_all: bool,
}

impl Case {
    pub fn new(name: &'static str, (tags, wanted): (Vec<Tag>, Listing)) -> Self {
        Self {
            name,
            tags,
            wanted,
            video: (1, 1),
            // Sound runs on sample counts: the wire's rounding does not add up, nor does what is made up for it.
            audio: (2, 2),
            moved: false,
            left_out: None,
            left_out_of_fragments: None,
            file_alone: false,
            may_lack: 0,
            burst: false,
            negative: false,
            reconfigured: false,
            known_to_all: true,
        }
    }

    /// The film with something done to it.
    pub fn edited(name: &'static str, edit: impl FnOnce(&mut Vec<Tag>)) -> Self {
        let mut case = Self::new(name, film(FILM));
        edit(&mut case.tags);
        case
    }

    /// What has to come out is what ffprobe reads in the FLV.
    pub fn read_by_ffprobe(mut self) -> Self {
        let folder = kit::temp_dir();
        let file = folder.path().join("source.flv");
        flv::write(&file, &self.tags);
        self.wanted = packets::probe(&file);
        self
    }

    pub fn video_within(mut self, decode: i64, presentation: i64) -> Self {
        self.video = (decode, presentation);
        self
    }

    pub fn audio_within(mut self, milliseconds: i64) -> Self {
        self.audio = (milliseconds, milliseconds);
        self
    }

    pub fn moved(mut self) -> Self {
        self.moved = true;
        self
    }

    /// The command says so, and ends with status 2.
    pub fn left_out(mut self, what: &'static str) -> Self {
        self.left_out = Some(what);
        self
    }

    /// In fragments there is only so much, and the command says so.
    pub fn fragments_lack(mut self, what: &'static str, wanted: Listing) -> Self {
        self.left_out_of_fragments = Some((what, wanted));
        self
    }

    /// A picture whose time is guessed may get that of another: a MediaSource keeps one of the two.
    pub fn guesses(mut self, pictures: usize) -> Self {
        self.may_lack = pictures;
        self
    }

    /// A MediaSource stops at gaps, and takes no MP3.
    pub fn played_as_file(mut self) -> Self {
        self.file_alone = true;
        self
    }

    pub fn burst(mut self) -> Self {
        self.burst = true;
        self
    }

    pub fn negative(mut self) -> Self {
        self.negative = true;
        self
    }

    pub fn reconfigured(mut self) -> Self {
        self.reconfigured = true;
        self
    }

    /// Chromium of Debian and the `mp4` crate do not know the codec.
    pub fn unknown_to_some(mut self) -> Self {
        self.known_to_all = false;
        self
    }

    /// Remuxes it in all ways, and has everybody look.
    pub fn check(self) {
        self.check_and_probe();
    }

    /// The same, and gives what ffprobe reads in the MP4 that is made where nothing is asked for.
    pub fn check_and_probe(self) -> Listing {
        let folder = kit::temp_dir();
        let path = |name: &str| folder.path().join(name);
        flv::write(&path("source.flv"), &self.tags);
        let source = fs::read(path("source.flv")).expect("the source");
        let ways = [("whole", "--layout=whole"), ("compact", "--layout=compact")];
        let mut asked = Vec::new();
        for (way, option) in [&ways[..], &[("fragments", "--fragmented")]].concat() {
            let made = path(&format!("{way}.mp4"));
            let name = format!("{} {way}", self.name);
            let fragmented = way == "fragments";
            let lack = self.left_out_of_fragments.as_ref().filter(|_| fragmented);
            let wanted = lack.map_or(&self.wanted, |(_, wanted)| wanted);
            self.remux(option, lack.map(|lack| lack.0), &path("source.flv"), &made);
            self.by_ffprobe(&name, wanted, &made, fragmented);
            // What is compact holds the samples of what is whole.
            if way != "compact" {
                self.by_ffmpeg(&name, wanted, &made);
            }
            let tracks = tracks(wanted);
            readers::mp4_atom(&name, &made, &tracks, self.burst);
            readers::shiguredo(&name, &made, fragmented, &tracks);
            if !fragmented && self.known_to_all {
                readers::mp4(&name, &made, &tracks);
            }
            if self.known_to_all && way != "compact" {
                let mime = (fragmented && !self.file_alone).then(|| mime(&made));
                asked.push((name, wanted, browser::ask(&made, mime.as_deref())));
            }
        }
        for (name, wanted, answer) in asked {
            let answer = browser::answer(&name, &answer);
            // Chromium decodes with the first configuration alone: up to where it changes.
            if self.reconfigured && name.ends_with("whole") {
                let frames = answer["frames"].as_u64().unwrap_or_default();
                assert!(frames >= 170, "{name}: {answer}");
                continue;
            }
            by_chromium(&name, wanted, self.may_lack, &answer);
        }
        assert!(fs::read(path("source.flv")).expect("the source") == source, "it was touched");
        packets::probe_torn(&path("whole.mp4"))
    }

    fn remux(&self, option: &str, lack: Option<&str>, source: &Path, made: &Path) {
        let mut command = Command::new(BINARY);
        command.args(["remux", option]).args([source, made]).stdin(Stdio::null());
        let output = command.output().expect("the program runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        match self.left_out.or(lack) {
            Some(what) => {
                assert_eq!(output.status.code(), Some(2), "{} {option}: {told}", self.name);
                assert!(told.contains(what), "{} {option}: {told}", self.name);
            }
            None => assert!(
                output.status.success() && told.is_empty(),
                "{} {option}: {told}",
                self.name
            ),
        }
    }

    /// Decodes it.
    fn by_ffmpeg(&self, name: &str, wanted: &Listing, made: &Path) {
        let made = made.to_str().expect("UTF-8");
        if self.reconfigured {
            let words =
                ["-nostdin", "-v", "fatal", "-i", made, "-map", "v", "-vsync", "passthrough"];
            let (text, _) = process::run("ffmpeg", [&words[..], &["-f", "framemd5", "-"]].concat());
            let text = String::from_utf8(text).expect("text");
            let frames = text.lines().filter(|line| !line.starts_with('#')).count();
            assert_eq!(frames, wanted.video.len(), "{name}: pictures decoded");
            return;
        }
        let words = ["-nostdin", "-v", "error", "-xerror", "-err_detect", "explode", "-i", made];
        let end = ["-enc_time_base", "-1", "-f", "null", "-"];
        let (_, errors) = process::run("ffmpeg", [&words[..], &end].concat());
        assert_eq!(errors, "", "{name}: decoding");
    }

    fn by_ffprobe(&self, name: &str, wanted: &Listing, made: &Path, fragmented: bool) {
        let got = if self.reconfigured { packets::probe_torn(made) } else { packets::probe(made) };
        let ok =
            |result: Result<(), String>| result.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        ok(packets::same_packets(&wanted.video, &got.video));
        ok(packets::same_packets(&wanted.audio, &got.audio));
        ok(same_times("video", &wanted.video, &got.video, self.video));
        ok(same_times("audio", &wanted.audio, &got.audio, self.audio));
        for (wanted, got) in wanted.video.iter().zip(&got.video) {
            assert_eq!(wanted.key, got.key, "{name}: key frame at {} ns", wanted.pts);
        }
        if self.video.1 <= 2 && self.audio.1 <= 2 && !(self.negative && fragmented) {
            ok(packets::same_start_offset(wanted, &got));
        }
        // In fragments ffprobe counts what comes before a late track twice.
        if !fragmented {
            let ((start, length), (from, long)) = (span(made), presented(wanted));
            assert!(
                self.moved || (start - from).abs() < 0.001,
                "{name}: starts at {start}, not {from}"
            );
            // A movie's length counts from zero, and the last packet has one.
            let (beyond, slack) =
                (length - start - long, self.video.1.max(self.audio.1) as f64 / 1000.0);
            let range = -0.001 - slack..0.06 + slack;
            assert!(range.contains(&beyond), "{name}: {length} s, {beyond} s behind {long}");
        }
    }
}

fn by_chromium(name: &str, wanted: &Listing, may_lack: usize, answer: &Value) {
    let number = |key: &str| answer[key].as_f64().unwrap_or_default();
    assert!(answer["errors"].as_array().is_some_and(Vec::is_empty), "{name}: {answer}");
    let (_, long) = presented(wanted);
    let beyond = number("duration") - long;
    assert!((-0.2..0.3).contains(&beyond), "{name}: {beyond} s too long: {answer}");
    let lack = wanted.video.len() as f64 - number("frames");
    let may_lack = if answer["ranges"].is_null() { 0.0 } else { may_lack as f64 };
    assert!((0.0..=may_lack).contains(&lack), "{name}: {lack} frames of too little: {answer}");
    assert_eq!(number("audio_bytes") > 0.0, !wanted.audio.is_empty(), "{name}: {answer}");
}

/// Tracks that have packets.
fn tracks(listing: &Listing) -> Vec<Track> {
    let track = |kind, packets: &Vec<Packet>| Track {
        kind,
        codec: String::new(),
        packets: packets.clone(),
    };
    let both = [track(Kind::Video, &listing.video), track(Kind::Audio, &listing.audio)];
    both.into_iter().filter(|track| !track.packets.is_empty()).collect()
}

/// Decode times counted from the first one, presentation times from the first one of those.
fn same_times(
    kind: &str,
    wanted: &[Packet],
    got: &[Packet],
    within: Tolerance,
) -> Result<(), String> {
    let (Some(wanted_first), Some(got_first)) = (wanted.first(), got.first()) else {
        return Ok(());
    };
    for (index, (wanted, came)) in wanted.iter().zip(got).enumerate() {
        let decode = (came.dts - got_first.dts) - (wanted.dts - wanted_first.dts);
        let presentation = (came.pts - got_first.pts) - (wanted.pts - wanted_first.pts);
        if decode.abs() > within.0 * MILLISECOND || presentation.abs() > within.1 * MILLISECOND {
            return Err(format!(
                "{kind} {index}: decode time is off by {decode} ns, presentation time by {presentation} ns"
            ));
        }
    }
    Ok(())
}

/// Start and duration in seconds as ffprobe has them.
fn span(path: &Path) -> (f64, f64) {
    let words = ["-v", "error", "-show_entries", "format=start_time,duration", "-of", "json"];
    let path = path.to_str().expect("UTF-8");
    let (json, _) = process::run("ffprobe", [&words[..], &[path]].concat());
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    let number = |key: &str| json["format"][key].as_str().and_then(|text| text.parse().ok());
    (number("start_time").expect("a start"), number("duration").expect("a duration"))
}

/// First presentation time, and the time from there to the last, in seconds.
fn presented(listing: &Listing) -> (f64, f64) {
    let times = || listing.video.iter().chain(&listing.audio).map(|packet| packet.pts);
    let (first, last) = (times().min().expect("a packet"), times().max().expect("a packet"));
    (first as f64 / 1e9, (last - first) as f64 / 1e9)
}

/// The MIME type of a file, by the codecs that it names.
fn mime(file: &Path) -> String {
    let (json, _) = process::run(BINARY, [Path::new("probe"), Path::new("--json"), file]);
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    let tracks = json["tracks"].as_array().into_iter().flatten();
    let codecs: Vec<&str> = tracks.filter_map(|track| track["codec"].as_str()).collect();
    format!("video/mp4; codecs=\"{}\"", codecs.join(","))
}

/// A capture of an encoder.
pub fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name)
}

/// Whether a tag is sound, or pictures, and no header.
pub fn is(tag: &Tag, kind: u8) -> bool {
    tag.kind == kind && matches!(kind, AUDIO | VIDEO) && tag.is_media()
}
