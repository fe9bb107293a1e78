//! FLV files of real encoders, read and assembled, against the packets that ffprobe lists for them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests fail by panicking, and fixtures are files"
)]

use std::path::PathBuf;

use streamcore::amf::Value;
use streamcore::assemble::{Assembler, Event};
use streamcore::flv::{Reader, Tag, TagKind, parse_metadata};
use streamcore::limits::Limits;
use streamcore::live::GopCache;
use streamcore::media::{AccessUnit, CodecConfig, MediaKind, Track, TrackId};
use streamcore::record::FlvRecorder;

/// One line of a packet list: kind, decode and presentation time in milliseconds, size, offset of the tag, key, CRC-32.
#[derive(Debug, PartialEq, Eq)]
struct Packet {
    kind: MediaKind,
    dts: i64,
    pts: i64,
    size: usize,
    offset: u64,
    key: bool,
    crc: u32,
}

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(data(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The list that ffprobe made, in the order of the file.
fn expected(name: &str) -> Vec<Packet> {
    let text = String::from_utf8(read(&format!("{name}.packets"))).unwrap();
    text.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            Packet {
                kind: if fields[0] == "video" { MediaKind::Video } else { MediaKind::Audio },
                dts: fields[1].parse().unwrap(),
                pts: fields[2].parse().unwrap(),
                size: fields[3].parse().unwrap(),
                offset: fields[4].parse().unwrap(),
                key: fields[5] == "K",
                crc: u32::from_str_radix(fields[6], 16).unwrap(),
            }
        })
        .collect()
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    })
}

/// Reads `file` in pieces of the given sizes, over and over.
fn tags(file: &[u8], pieces: &[usize]) -> Vec<(u64, Tag)> {
    let mut reader = Reader::new(&Limits::default());
    let mut tags = Vec::new();
    let mut rest = file;
    for &piece in pieces.iter().cycle() {
        let (mut now, later) = rest.split_at(piece.min(rest.len()));
        rest = later;
        while !now.is_empty() {
            now = &now[reader.handle_input(now).unwrap()..];
            tags.extend(std::iter::from_fn(|| reader.poll_tag()));
        }
        if rest.is_empty() {
            break;
        }
    }
    assert!(!reader.finish(), "whole files");
    tags.extend(std::iter::from_fn(|| reader.poll_tag()));
    tags
}

/// The units of `file`, in order, each with the offset of its tag.
fn assemble(tags: &[(u64, Tag)]) -> (Vec<Track>, Vec<(u64, AccessUnit)>, Assembler) {
    let mut assembler = Assembler::new(&Limits::default());
    let (mut tracks, mut units, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    let mut offsets = [Vec::new(), Vec::new()];
    let mut take = |assembler: &mut Assembler| {
        while let Some(event) = assembler.poll_event() {
            match event {
                Event::Track(track) => tracks.push(track),
                Event::Unit(unit) => units.push(unit),
                Event::Metadata(value) => assert!(value.field("width").is_some()),
                Event::EndOfTrack(id) => ends.push(id),
                other => panic!("{other:?}"),
            }
        }
    };
    for (offset, tag) in tags {
        let is_frame = tag.body.get(1) == Some(&1);
        match tag.kind {
            TagKind::Video if is_frame => offsets[0].push(offset - 11),
            TagKind::Audio if is_frame => offsets[1].push(offset - 11),
            _ => {}
        }
        assembler.handle_tag(tag);
        take(&mut assembler);
    }
    assembler.finish();
    take(&mut assembler);
    assert_eq!(ends, [TrackId::VIDEO, TrackId::AUDIO]);
    let mut offsets = offsets.map(Vec::into_iter);
    let units = units.into_iter().map(|unit| {
        let index = usize::from(unit.track.kind == MediaKind::Audio);
        (offsets[index].next().unwrap(), unit)
    });
    (tracks, units.collect(), assembler)
}

/// Every packet is there once, in order and unaltered, and no payload byte was copied.
fn equals_ffprobe(name: &str) -> Vec<Track> {
    let file = read(&format!("{name}.flv"));
    let tags = tags(&file, &[65536]);
    let (tracks, units, assembler) = assemble(&tags);
    let found: Vec<Packet> = units
        .iter()
        .map(|(offset, unit)| Packet {
            kind: unit.track.kind,
            dts: unit.dts / 1000,
            pts: unit.pts() / 1000,
            size: unit.data.len(),
            offset: *offset,
            key: unit.key,
            crc: crc32(&unit.data),
        })
        .collect();
    let expected = expected(name);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(assembler.notices(), []);
    for (offset, unit) in &units {
        let (_, tag) = tags.iter().find(|(body, _)| *body == offset + 11).unwrap();
        assert!(tag.body.as_ptr_range().contains(&unit.data.as_ptr()), "shared with its tag");
    }
    tracks
}

fn configs(tracks: &[Track]) -> (Vec<String>, Vec<(u32, u32)>) {
    let codecs = tracks.iter().map(|track| track.config.codec_string()).collect();
    let sizes = tracks.iter().filter_map(|track| match &*track.config {
        CodecConfig::Avc(config) => Some((config.info().width, config.info().height)),
        _ => None,
    });
    (codecs, sizes.collect())
}

#[test]
fn obs_29_recorded_by_nginx() {
    let tracks = equals_ffprobe("obs-29.0.2/recorded-by-nginx");
    // nginx writes the audio header twice.
    assert_eq!(
        configs(&tracks),
        (vec!["mp4a.40.2".to_owned(), "avc1.42c016".to_owned()], vec![(640, 360)])
    );
}

#[test]
fn ffmpeg_5_1_with_b_frames() {
    let tracks = equals_ffprobe("ffmpeg-5.1/source");
    assert_eq!(
        configs(&tracks),
        (vec!["avc1.64001e".to_owned(), "mp4a.40.2".to_owned()], vec![(640, 360)])
    );
}

#[test]
fn ffmpeg_8_1_with_b_frames_and_six_channels() {
    let tracks = equals_ffprobe("ffmpeg-8.1/h264-aac-bframes");
    let channels = tracks.iter().find_map(|track| match &*track.config {
        CodecConfig::Aac(config) => Some(config.channels()),
        _ => None,
    });
    assert_eq!(channels, Some(6));
}

#[test]
fn exoplayers_sample_equals_its_dump() {
    equals_ffprobe("exoplayer/sample");
    let (_, units, _) = assemble(&tags(&read("exoplayer/sample.flv"), &[4096]));
    let dump = String::from_utf8(read("exoplayer/sample.flv.0.dump")).unwrap();
    let fields = |prefix: &str| -> Vec<String> {
        dump.lines()
            .filter_map(|line| line.trim().strip_prefix(prefix))
            .map(str::to_owned)
            .collect()
    };
    // The dump has the audio track first, and times in microseconds.
    let sort =
        |kind| units.iter().filter(move |(_, unit)| unit.track.kind == kind).map(|(_, unit)| unit);
    let units: Vec<&AccessUnit> = sort(MediaKind::Audio).chain(sort(MediaKind::Video)).collect();
    let times: Vec<String> = units.iter().map(|unit| unit.pts().to_string()).collect();
    let flags: Vec<String> = units.iter().map(|unit| u8::from(unit.key).to_string()).collect();
    assert_eq!(times, fields("time = "));
    assert_eq!(flags, fields("flags = "));
    let lengths = fields("data = length ").into_iter().skip(3).collect::<Vec<_>>();
    assert_eq!(lengths.len(), units.len());
}

/// Records the file as it would come in live and applies the patches.
fn record(tags: &[(u64, Tag)]) -> Vec<u8> {
    let mut recorder = FlvRecorder::new(&Limits::default());
    let mut file = Vec::new();
    for (_, tag) in tags {
        file.extend(recorder.handle_tag(tag).unwrap().to_bytes());
    }
    for patch in recorder.finish() {
        let start = usize::try_from(patch.offset).unwrap();
        file.resize(file.len().max(start + patch.bytes.len()), 0);
        file[start..start + patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
    file
}

#[test]
fn a_recording_has_every_packet_of_its_source() {
    for (name, seconds) in [
        ("obs-29.0.2/recorded-by-nginx", 23.0..23.5),
        ("ffmpeg-5.1/source", 20.0..20.1),
        ("exoplayer/sample", 1.1..1.2),
    ] {
        let source = tags(&read(&format!("{name}.flv")), &[65536]);
        let file = record(&source);
        let recorded = tags(&file, &[65536]);
        let (_, units, _) = assemble(&recorded);
        let (_, expected, _) = assemble(&source);
        assert!(
            units.iter().map(|(_, unit)| unit).eq(expected.iter().map(|(_, unit)| unit)),
            "{name}"
        );
        let metadata = parse_metadata(&recorded[0].1.body, &Limits::default()).unwrap();
        let number = |key| metadata.field(key).and_then(Value::as_f64).unwrap();
        assert!(seconds.contains(&number("duration")), "{name}: {}", number("duration"));
        assert_eq!(number("filesize"), file.len() as f64);
    }
}

#[test]
fn a_recording_that_starts_late_begins_with_headers_at_zero() {
    let source = tags(&read("ffmpeg-5.1/source.flv"), &[65536]);
    let mut cache = GopCache::new(1 << 20);
    let join = source.iter().position(|(_, tag)| tag.timestamp > 10_000).unwrap();
    source[..join].iter().for_each(|(_, tag)| cache.handle_tag(tag));
    let late: Vec<(u64, Tag)> =
        cache.tags().map(|tag| (0, tag)).chain(source[join..].iter().cloned()).collect();
    let (tracks, units, assembler) = assemble(&tags(&record(&late), &[65536]));
    assert_eq!((tracks.len(), assembler.notices().len()), (2, 0));
    assert!(units[0].1.key && units[0].1.track == TrackId::VIDEO);
    assert_eq!(units.iter().map(|(_, unit)| unit.dts).min(), Some(0));
    // The same units as in the whole stream, all moved by the same time.
    let (_, whole, _) = assemble(&source);
    let whole = &whole[whole.len() - units.len()..];
    let moved = whole[0].1.dts - units[0].1.dts;
    assert!((8_000_000..10_100_000).contains(&moved), "{moved}");
    for ((_, late), (_, whole)) in units.iter().zip(whole) {
        assert_eq!(*late, AccessUnit { dts: whole.dts - moved, ..whole.clone() });
    }
}

#[test]
fn tags_do_not_depend_on_how_the_file_is_split() {
    let file = read("exoplayer/sample.flv");
    let whole = tags(&file, &[usize::MAX]);
    assert_eq!(whole.len(), 79);
    for pieces in [&[1][..], &[11, 3, 900], &[4, 7, 1, 13, 5000], &[65536]] {
        assert_eq!(tags(&file, pieces), whole, "{pieces:?}");
    }
}
