//! Remuxes of files past 32 bits of bytes and of ticks, beside ffprobe. The files are sparse: their media are holes.

use std::fs::{self, File};
use std::io::{BufWriter, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use kit::flv::{self, AUDIO, Tag, VIDEO};
use kit::process;
use kit::source::Film;
use serde_json::Value;
use streamcore::limits::Limits;
use streamcore::remux::{Options, Piece, Plan, Skimmer};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");

/// Pictures of so many bytes, so many milliseconds apart, and sound beside them.
struct Long {
    pictures: u32,
    bytes: u32,
    step: u32,
}

impl Long {
    fn write(&self, path: &Path) {
        let mut out = BufWriter::new(File::create(path).expect("a file"));
        out.write_all(b"FLV\x01\x05\0\0\0\x09\0\0\0\0").expect("room");
        for Tag { kind, body, .. } in flv::read(&Film::new(14).flv(FILMS)) {
            let is_header = matches!((kind, &body[..]), (VIDEO | AUDIO, [_, 0, ..]));
            if is_header {
                tag(&mut out, kind, 0, &body, 0);
            }
        }
        let mut sounds = 0_u32;
        for number in 0..self.pictures {
            let time = number * self.step;
            let (head, unit) = if number % 50 == 0 { (0x17, 0x65) } else { (0x27, 0x41) };
            // A slice that begins with macroblock 0, and nothing behind its head.
            let mut body = vec![head, 1, 0, 0, 0];
            body.extend(self.bytes.to_be_bytes());
            body.extend([unit, 0x88, 0x80]);
            tag(&mut out, VIDEO, time, &body, self.bytes - 3);
            // Frames of 1024 samples at 48 kHz; only some where they would be many.
            while u64::from(sounds) * 1024 / 48 <= u64::from(time) {
                let at = u32::try_from(u64::from(sounds) * 1024 / 48).expect("32 bits");
                tag(&mut out, AUDIO, at, &[0xaf, 1, 0x21, 0x10, 4, 0x60, 0x8c, 0x1c], 0);
                sounds += if self.step > 1000 { 90 } else { 1 };
            }
        }
        out.flush().expect("room");
    }
}

/// A tag whose body ends in a hole.
fn tag(out: &mut BufWriter<File>, kind: u8, time: u32, body: &[u8], hole: u32) {
    let size = u32::try_from(body.len()).expect("short") + hole;
    let [t3, t0, t1, t2] = time.to_be_bytes();
    let [_, a, b, c] = size.to_be_bytes();
    out.write_all(&[kind, a, b, c, t0, t1, t2, t3, 0, 0, 0]).expect("room");
    out.write_all(body).expect("room");
    if hole > 0 {
        out.seek(SeekFrom::Current(hole.into())).expect("a place");
    }
    out.write_all(&(size + 11).to_be_bytes()).expect("room");
}

fn plan(source: &File, size: u64) -> Plan {
    let mut skimmer = Skimmer::new(size, &Limits::default());
    let mut bytes = Vec::new();
    while let Some(range) = skimmer.poll_read() {
        let end = range.end.max((range.start + 1500).min(size));
        bytes.resize(usize::try_from(end - range.start).expect("short"), 0);
        source.read_exact_at(&mut bytes, range.start).expect("it is there");
        skimmer.handle_read(&bytes).expect("an FLV");
    }
    skimmer.finish(&Options::default()).expect("a plan")
}

fn ffprobe(path: &Path, more: &[&str]) -> Value {
    let path = path.to_str().expect("UTF-8");
    // Of pictures that are holes it says that they do not decode.
    let words = [&["-v", "quiet", "-of", "json"][..], more, &[path]].concat();
    let (json, _) = process::run("ffprobe", words);
    serde_json::from_slice(&json).expect("JSON")
}

fn number(value: &Value) -> f64 {
    let number = value.as_str().and_then(|text| text.parse().ok());
    number.unwrap_or_else(|| panic!("no number: {value}"))
}

/// Asserts what ffprobe says of the length of the file and of its tracks, seconds, and of the last picture. Gives that one.
fn assert_length(path: &Path, pictures: u32, last: f64) -> Value {
    let entries = "format=start_time,duration:stream=codec_type,start_time,duration,nb_frames";
    let told = ffprobe(path, &["-show_entries", entries]);
    let length = number(&told["format"]["duration"]);
    assert!((length - last - 0.04).abs() < 0.06, "{told}");
    assert!(number(&told["format"]["start_time"]).abs() < 0.001, "{told}");
    let streams = told["streams"].as_array().expect("streams");
    assert_eq!(streams.len(), 2, "{told}");
    for stream in streams.iter().filter(|stream| !stream["nb_frames"].is_null()) {
        let off = number(&stream["duration"]) - last;
        let least = if stream["codec_type"] == "video" { 0.0 } else { -2.0 };
        assert!((least..0.1).contains(&off), "{told}");
        if stream["codec_type"] == "video" {
            assert!((number(&stream["nb_frames"]) - f64::from(pictures)).abs() < 0.1, "{told}");
        }
    }
    let end = format!("{}%", last - 3.0);
    let entries = "packet=pts_time,dts_time,size,pos";
    let words = ["-select_streams", "v", "-read_intervals", &end, "-show_entries", entries];
    let packets = ffprobe(path, &words);
    let packet = packets["packets"].as_array().and_then(|packets| packets.last()).cloned();
    let packet = packet.unwrap_or_else(|| panic!("no packet from {end} on: {packets}"));
    assert!((number(&packet["pts_time"]) - last).abs() < 0.001, "{packet}");
    assert_eq!(packet["pts_time"], packet["dts_time"], "{packet}");
    packet
}

#[test]
fn d_25_a_file_of_6_gb_is_as_long_as_ffprobe_says_and_its_last_picture_stands_where_it_says() {
    let folder = kit::temp_dir();
    let (source, made) = (folder.path().join("long.flv"), folder.path().join("long.mp4"));
    let long = Long { pictures: 6000, bytes: 1 << 20, step: 40 };
    long.write(&source);
    let size = fs::metadata(&source).expect("the FLV").len();
    assert!(size > 6_290_000_000, "{size}");
    let file = File::open(&source).expect("the FLV");
    let plan = plan(&file, size);
    // What the command would copy are holes.
    let mut out = File::create(&made).expect("a file");
    out.write_all(&plan.head).expect("room");
    out.set_len(plan.len()).expect("a sparse file");
    let packet = assert_length(&made, long.pictures, 239.96);
    let (at, bytes) = (number(&packet["pos"]), number(&packet["size"]));
    assert!(at > 6.28e9 && (bytes - f64::from((1 << 20) + 4)).abs() < 0.1, "{packet}");
    // The media are one range of the source: the same bytes stand there.
    let Some(Piece::Copy { offset, .. }) = plan.body.iter().next() else { panic!("{plan:?}") };
    let place = offset + at as u64 - plan.head.len() as u64;
    let mut last = [0; 7];
    file.read_exact_at(&mut last, place).expect("the last picture");
    assert_eq!(last, [0, 0x10, 0, 0, 0x41, 0x88, 0x80], "{place} of {size}");
}

#[test]
fn d_25_a_file_of_30_hours_is_as_long_as_ffprobe_says() {
    let folder = kit::temp_dir();
    let source = folder.path().join("long.flv");
    let long = Long { pictures: 30 * 1800, bytes: 100, step: 2000 };
    long.write(&source);
    for options in [&["remux", "--verify"][..], &["remux", "--fragmented"]] {
        let made = folder.path().join("long.mp4");
        let words =
            options.iter().map(Path::new).chain([&source, &made].map(|path| path.as_path()));
        process::run(BINARY, words);
        let last = f64::from(30 * 3600 - 2);
        assert!(last * 90_000.0 > f64::from(u32::MAX) * 2.0);
        assert_length(&made, long.pictures, last);
    }
}
