//! Enhanced RTMP in FLV files of real encoders, read and assembled, against the packets that ffprobe 8.1.2 lists for them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests fail by panicking, and fixtures are files"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use streamcore::assemble::{Assembler, Event, NoticeKind};
use streamcore::codec::color::ColorInfo;
use streamcore::error::ErrorKind;
use streamcore::flv::{Reader, Tag};
use streamcore::limits::Limits;
use streamcore::media::{AccessUnit, CodecConfig, Track, TrackId};
use streamcore::record::FlvRecorder;

/// One line of a packet list: decode and presentation time in milliseconds, size, offset of the tag, key, CRC-32.
#[derive(Debug, PartialEq, Eq)]
struct Packet {
    dts: i64,
    pts: i64,
    size: usize,
    offset: u64,
    key: bool,
    crc: u32,
}

fn read(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The list that ffprobe made, by track.
fn expected(name: &str) -> BTreeMap<String, Vec<Packet>> {
    let text = String::from_utf8(read(&format!("{name}.packets"))).unwrap();
    let mut tracks: BTreeMap<String, Vec<Packet>> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        tracks.entry(fields[0].to_owned()).or_default().push(Packet {
            dts: fields[1].parse().unwrap(),
            pts: fields[2].parse().unwrap(),
            size: fields[3].parse().unwrap(),
            offset: fields[4].parse().unwrap(),
            key: fields[5] == "K",
            crc: u32::from_str_radix(fields[6], 16).unwrap(),
        });
    }
    tracks
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    })
}

fn tags(file: &[u8]) -> Vec<(u64, Tag)> {
    let mut reader = Reader::new(&Limits::default());
    let (mut tags, mut rest) = (Vec::new(), file);
    while !rest.is_empty() {
        rest = &rest[reader.handle_input(rest).unwrap()..];
        tags.extend(std::iter::from_fn(|| reader.poll_tag()));
    }
    assert!(!reader.finish(), "whole files");
    tags.extend(std::iter::from_fn(|| reader.poll_tag()));
    tags
}

#[derive(Default)]
struct Found {
    tracks: Vec<Track>,
    units: BTreeMap<TrackId, Vec<AccessUnit>>,
    ends: Vec<TrackId>,
    notices: Vec<(NoticeKind, u64)>,
}

fn assemble(tags: &[(u64, Tag)]) -> Found {
    let mut assembler = Assembler::new(&Limits::default());
    let mut found = Found::default();
    for tag in tags.iter().map(|(_, tag)| Some(tag)).chain([None]) {
        match tag {
            Some(tag) => assembler.handle_tag(tag),
            None => assembler.finish(),
        }
        while let Some(event) = assembler.poll_event() {
            match event {
                Event::Track(track) => found.tracks.push(track),
                Event::Unit(unit) => found.units.entry(unit.track).or_default().push(unit),
                Event::EndOfTrack(id) => found.ends.push(id),
                Event::Metadata(_) | Event::Notice(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let notices = assembler.notices().iter();
    found.notices = notices.map(|notice| (notice.kind, notice.count)).collect();
    found
}

/// Every packet is there once, in order and unaltered, at its time, and shares the bytes of its tag. Of AV1 the temporal
/// delimiter in front is left out.
fn equals_ffprobe(name: &str) -> Found {
    let tags = tags(&read(&format!("{name}.flv")));
    let found = assemble(&tags);
    let expected = expected(name);
    let names: Vec<String> = found.units.keys().map(ToString::to_string).collect();
    let mut wanted: Vec<&String> = expected.keys().collect();
    wanted.sort_by_key(|name| name.starts_with('a'));
    assert_eq!(names.iter().collect::<Vec<_>>(), wanted);
    assert_eq!(found.ends, found.units.keys().copied().collect::<Vec<_>>());
    for (id, units) in &found.units {
        let is_av1 = found
            .tracks
            .iter()
            .any(|track| track.id == *id && matches!(*track.config, CodecConfig::Av1(_)));
        let list = &expected[&id.to_string()];
        assert_eq!(units.len(), list.len(), "{name} {id}");
        for (unit, expected) in units.iter().zip(list) {
            let delimiter: &[u8] = if is_av1 { &[0x12, 0] } else { &[] };
            let whole = [delimiter, &unit.data].concat();
            let tag =
                tags.iter().find(|(_, tag)| tag.body.as_ptr_range().contains(&unit.data.as_ptr()));
            let (offset, _) = tag.unwrap_or_else(|| panic!("{name} {id}: shared with its tag"));
            let packet = Packet {
                dts: unit.dts / 1000,
                pts: unit.pts() / 1000,
                size: whole.len(),
                offset: offset - 11,
                key: unit.key,
                crc: crc32(&whole),
            };
            assert_eq!(packet, *expected, "{name} {id}");
        }
    }
    found
}

/// Track, codec string, and size or rate and channels, of each configuration.
fn described(found: &Found) -> Vec<(String, String, (u32, u32))> {
    let describe = |track: &Track| {
        let config = &track.config;
        let sound = || Some((config.sample_rate()?, config.channels()?.into()));
        let numbers = config.size().or_else(sound).unwrap_or_default();
        (track.id.to_string(), config.codec_string(), numbers)
    };
    let mut all: Vec<_> = found.tracks.iter().map(describe).collect();
    all.sort_by_key(|(id, ..)| std::cmp::Reverse(id.replace("audio", "a")));
    all
}

fn check(name: &str, expected: &[(&str, &str, (u32, u32))]) -> Found {
    let found = equals_ffprobe(name);
    let own = described(&found);
    let own: Vec<_> = own.iter().map(|(id, codec, n)| (id.as_str(), codec.as_str(), *n)).collect();
    assert_eq!(own, expected, "{name}");
    found
}

#[test]
fn a6_04_hevc_and_legacy_aac() {
    let found = check(
        "eflv/hevc_aac",
        &[("video", "hvc1.1.6.L60.90", (320, 180)), ("audio", "mp4a.40.2", (48_000, 1))],
    );
    assert_eq!(found.notices, []);
}

#[test]
fn a6_08_hdr10_hevc_has_its_colour_and_mastering_display() {
    let found = check("eflv/hdr10_hevc", &[("video", "hvc1.2.4.L60.90", (320, 180))]);
    let config = &found.tracks[0].config;
    let color = ColorInfo { primaries: 9, transfer: 16, matrix: 9, full_range: false };
    assert_eq!(config.color(), Some(color));
    let light = config.hdr().light.unwrap();
    assert_eq!((light.max_content, light.max_frame_average), (1000, 400));
    assert_eq!(config.hdr().mastering.unwrap().max_luminance, 10_000_000);
}

#[test]
fn a6_31_av1_without_its_delimiters_and_a6_26_opus() {
    let found = check(
        "eflv/av1_opus",
        &[("video", "av01.0.00M.08", (320, 180)), ("audio", "Opus", (48_000, 1))],
    );
    assert_eq!(found.notices, []);
}

#[test]
fn a6_32_vp9_gets_its_size_from_the_key_frame() {
    let found = check(
        "eflv/vp9_opus",
        &[("video", "vp09.00.11.08", (320, 180)), ("audio", "Opus", (48_000, 1))],
    );
    assert_eq!(found.notices, []);
}

const AVC: (&str, &str, (u32, u32)) = ("video", "avc1.42c00c", (320, 180));

#[test]
fn a6_27_ac3_and_eac3_are_configured_by_their_first_frame() {
    for (name, codec) in [("eflv/h264_ac3", "ac-3"), ("eflv/h264_eac3", "ec-3")] {
        let found = check(name, &[AVC, ("audio", codec, (48_000, 1))]);
        assert_eq!(found.notices, []);
    }
}

#[test]
fn a6_27_flac_with_a_bare_and_a_repeated_stream_info() {
    let found = check("eflv/h264_flac", &[AVC, ("audio", "fLaC", (48_000, 1))]);
    // ffmpeg ends the stream with an empty message.
    assert_eq!(found.notices, [(NoticeKind::EmptyFrame, 1)]);
}

#[test]
fn b4_16_mp3_by_its_frame_header() {
    let found = check("eflv/h264_mp3", &[AVC, ("audio", "mp4a.40.34", (44_100, 1))]);
    assert_eq!(found.notices, []);
}

#[test]
fn a6_26_opus_beside_legacy_avc() {
    let found = check("eflv/h264_opus", &[AVC, ("audio", "Opus", (48_000, 1))]);
    assert_eq!(found.notices, []);
}

#[test]
fn a6_15_a6_16_multitrack_beside_plain_legacy_tags() {
    let found = check(
        "eflv/multi_h264_aac",
        &[
            ("video1", "avc1.f4000a", (160, 90)),
            AVC,
            ("audio1", "mp4a.40.2", (48_000, 1)),
            ("audio", "mp4a.40.2", (48_000, 1)),
        ],
    );
    assert_eq!(found.notices, []);
}

#[test]
fn a6_13_multitrack_of_four_codecs() {
    let found = check(
        "eflv/multi_hevc_av1_aac_opus",
        &[
            ("video1", "av01.0.00M.08", (320, 180)),
            ("video", "hvc1.1.6.L60.90", (320, 180)),
            ("audio1", "Opus", (48_000, 1)),
            ("audio", "mp4a.40.2", (48_000, 1)),
        ],
    );
    // ffmpeg sends the colour of the second video track as if it were the first's.
    assert_eq!(found.notices, [(NoticeKind::UnsupportedVideo, 1)]);
}

#[test]
fn c2_12_vvc_is_carried_and_refused_by_mp4() {
    let found =
        check("eflv/vvc_aac", &[("video", "VVC", (0, 0)), ("audio", "mp4a.40.2", (48_000, 1))]);
    assert_eq!(found.notices, []);
    let error = found.tracks.iter().find_map(|track| track.config.fits_mp4().err());
    assert_eq!(error.unwrap().kind(), ErrorKind::Unsupported);
}

#[test]
fn a6_30_av1_whose_first_sequence_start_is_empty() {
    for (name, codec, size) in [
        ("veovera/mptestsrc", "av01.0.01M.08", (512, 512)),
        ("veovera/testsrc", "av01.1.04M.08.0.000.01.13.00.1", (980, 540)),
    ] {
        let found = check(name, &[("video", codec, size), ("audio", "Opus", (48_000, 1))]);
        assert_eq!(found.notices, [(NoticeKind::EmptyConfig, 1)], "{name}");
    }
}

#[test]
fn b1_15_exoplayers_sample_with_an_index_equals_its_dump() {
    let found =
        check("exoplayer/sample-with-key-frame-index", &[("video", "avc1.64000c", (320, 180))]);
    let dump = read("exoplayer/sample-with-key-frame-index.flv.0.dump");
    let dump = String::from_utf8(dump).unwrap();
    let fields = |prefix: &str| -> Vec<String> {
        let lines = dump.lines().filter_map(|line| line.trim().strip_prefix(prefix));
        lines.map(str::to_owned).collect()
    };
    let units = &found.units[&TrackId::VIDEO];
    let times: Vec<String> = units.iter().map(|unit| unit.pts().to_string()).collect();
    let flags: Vec<String> = units.iter().map(|unit| u8::from(unit.key).to_string()).collect();
    assert_eq!((times, flags), (fields("time = "), fields("flags = ")));
}

#[test]
fn a6_13_a_recording_has_every_packet_of_its_source() {
    for name in ["eflv/multi_hevc_av1_aac_opus", "eflv/h264_flac", "veovera/mptestsrc"] {
        let source = tags(&read(&format!("{name}.flv")));
        let mut recorder = FlvRecorder::new(&Limits::default());
        let mut file = Vec::new();
        for (_, tag) in &source {
            file.extend(recorder.handle_tag(tag).unwrap().to_bytes());
        }
        for patch in recorder.finish() {
            let start = usize::try_from(patch.offset).unwrap();
            file.resize(file.len().max(start + patch.bytes.len()), 0);
            file[start..start + patch.bytes.len()].copy_from_slice(&patch.bytes);
        }
        assert_eq!(assemble(&tags(&file)).units, assemble(&source).units, "{name}");
    }
}
