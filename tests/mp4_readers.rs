//! What this crate writes, read back by others: boxes by `mp4-atom`, samples of fragments and files by `shiguredo_mp4`,
//! plain files by `mp4`. The ground truth is the packet list that ffprobe made of each source.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test: what is wrong here fails it"
)]

use std::io::Cursor;

use mp4_atom::{Any, Decode, Encode, Moof, Moov};
use shiguredo_mp4::TrackKind;
use shiguredo_mp4::demux::{Fmp4SegmentDemuxer, Input, Mp4FileDemuxer};
use streamcore::assemble::{Assembler, Event};
use streamcore::flv::Reader;
use streamcore::hls::{Muxer, MuxerConfig};
use streamcore::limits::Limits;
use streamcore::mp4::verify;
use streamcore::remux::{Piece, Plan, Remuxer};

const SOURCES: [&str; 4] = [
    "ffmpeg-5.1/source.flv",
    "obs-29.0.2/recorded-by-nginx.flv",
    "ffmpeg-8.1/h264-aac-bframes.flv",
    "exoplayer/sample.flv",
];

/// A packet of the source: times in milliseconds.
#[derive(Clone, Debug)]
struct Packet {
    video: bool,
    dts: i64,
    pts: i64,
    size: usize,
    key: bool,
    crc: u32,
}

/// A sample as another reader gives it: times in seconds.
#[derive(Clone, Debug)]
struct Read {
    dts: f64,
    pts: f64,
    duration: f64,
    key: bool,
    size: usize,
    crc: u32,
}

#[expect(clippy::disallowed_methods, reason = "fixtures are files")]
fn file(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn packets(source: &str, video: bool) -> Vec<Packet> {
    let list = String::from_utf8(file(&source.replace(".flv", ".packets"))).unwrap();
    let packets = list.lines().map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        Packet {
            video: fields[0] == "video",
            dts: fields[1].parse().unwrap(),
            pts: fields[2].parse().unwrap(),
            size: fields[3].parse().unwrap(),
            key: fields[5] == "K",
            crc: u32::from_str_radix(fields[6], 16).unwrap(),
        }
    });
    packets.filter(|packet| packet.video == video).collect()
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    })
}

fn plan(source: &[u8], pieces: usize) -> Plan {
    let mut remuxer = Remuxer::new(&Limits::default());
    source.chunks(pieces).for_each(|piece| remuxer.handle_input(piece).unwrap());
    remuxer.finish().unwrap()
}

fn write(plan: &Plan, source: &[u8]) -> Vec<u8> {
    let mut out = plan.head.to_vec();
    for piece in plan.body.iter() {
        match piece {
            Piece::Copy { offset, len } => {
                out.extend_from_slice(&source[offset as usize..(offset + len) as usize]);
            }
            Piece::Inline(bytes) => out.extend_from_slice(&bytes),
        }
    }
    out
}

fn hls(source: &[u8]) -> Muxer {
    let limits = Limits::default();
    let (mut reader, mut assembler) = (Reader::new(&limits), Assembler::new(&limits));
    let mut config = MuxerConfig::default();
    config.window = std::time::Duration::from_secs(3600);
    let mut muxer = Muxer::new(config, &limits);
    let mut rest = source;
    loop {
        let taken = reader.handle_input(rest).unwrap();
        rest = &rest[taken..];
        if rest.is_empty() {
            reader.finish();
        }
        let mut tags = 0;
        while let Some((_, tag)) = reader.poll_tag() {
            tags += 1;
            assembler.handle_tag(&tag);
        }
        if rest.is_empty() && tags == 0 {
            assembler.finish();
        }
        while let Some(event) = assembler.poll_event() {
            match event {
                Event::Track(track) => muxer.handle_track(track).unwrap(),
                Event::Unit(unit) => muxer.handle_unit(unit, None).unwrap(),
                Event::Discontinuity => muxer.handle_discontinuity().unwrap(),
                _ => {}
            }
        }
        if rest.is_empty() && tags == 0 {
            muxer.finish().unwrap();
            return muxer;
        }
    }
}

/// The same packets, at the same times: video exactly, sound on sample counts from the first packet on.
fn assert_same(name: &str, source: &[Packet], read: &[Read], offset: f64) {
    assert_eq!(source.len(), read.len(), "{name}");
    for (index, (packet, sample)) in source.iter().zip(read).enumerate() {
        let tolerance = if packet.video { 0.000_02 } else { 0.001 };
        assert_eq!(
            (packet.size, packet.crc, packet.key),
            (sample.size, sample.crc, sample.key),
            "{name} {index}"
        );
        for (expected, got) in [(packet.dts, sample.dts), (packet.pts, sample.pts)] {
            let error = got - offset - expected as f64 / 1000.0;
            assert!(
                error.abs() <= tolerance,
                "{name} {index}: {got} for {expected} ms, {error} off"
            );
        }
        if let Some(next) = read.get(index + 1) {
            assert!(
                (sample.dts + sample.duration - next.dts).abs() < 1e-9,
                "{name} {index}: a gap or overlap"
            );
        }
    }
}

/// Samples of one track of a plain file, in media time.
fn shiguredo_file(bytes: &[u8], video: bool) -> Vec<Read> {
    let mut demuxer = Mp4FileDemuxer::new();
    while demuxer.required_input().is_some() {
        demuxer.handle_input(Input { position: 0, data: bytes });
    }
    let mut samples = Vec::new();
    while let Some(sample) = demuxer.next_sample().unwrap() {
        if (sample.track.kind == TrackKind::Video) == video {
            let data = &bytes[sample.data_offset as usize..][..sample.data_size];
            samples.push(read_sample(&sample, data));
        }
    }
    samples
}

fn read_sample(sample: &shiguredo_mp4::demux::Sample<'_>, data: &[u8]) -> Read {
    let scale = f64::from(sample.track.timescale.get());
    let dts = sample.timestamp as f64 / scale;
    Read {
        dts,
        pts: dts + sample.composition_time_offset.unwrap_or(0) as f64 / scale,
        duration: f64::from(sample.duration) / scale,
        key: sample.keyframe,
        size: data.len(),
        crc: crc32(data),
    }
}

/// Where the media's zero is presented, in seconds: by the edit list as `mp4-atom` reads it.
fn media_start(bytes: &[u8], video: bool) -> f64 {
    let moov = moov(bytes);
    let kind = if video { b"vide" } else { b"soun" };
    let track = moov.trak.iter().find(|trak| trak.mdia.hdlr.handler == kind.into()).unwrap();
    let Some(elst) = track.edts.as_ref().and_then(|edts| edts.elst.as_ref()) else { return 0.0 };
    let (mut empty, mut media) = (0.0, 0.0);
    for entry in &elst.entries {
        match entry.media_time {
            Some(time) => media = time as f64 / f64::from(track.mdia.mdhd.timescale),
            None => empty += entry.segment_duration as f64 / f64::from(moov.mvhd.timescale),
        }
    }
    empty - media
}

fn moov(bytes: &[u8]) -> Moov {
    let mut rest = bytes;
    loop {
        if let Any::Moov(moov) = Any::decode(&mut rest).unwrap() {
            return moov;
        }
    }
}

#[test]
fn d_06_d_29_a_remuxed_file_has_every_packet_at_its_time_by_shiguredo_mp4() {
    for source in SOURCES {
        let flv = file(source);
        let plan = plan(&flv, 4096);
        let mp4 = write(&plan, &flv);
        assert_eq!(plan.len(), mp4.len() as u64);
        assert_eq!(plan.report.inline_bytes, 0, "{source}: nothing is rewritten");
        for video in [true, false] {
            let read = shiguredo_file(&mp4, video);
            assert_same(source, &packets(source, video), &read, -media_start(&mp4, video));
        }
    }
}

#[test]
fn d_27_d_28_a_remuxed_file_passes_the_strict_reader() {
    for source in SOURCES {
        let flv = file(source);
        let plan = plan(&flv, 65_536);
        let summary = verify(&plan.head, plan.len()).unwrap();
        for (track, report) in summary.tracks.iter().zip(&plan.report.tracks) {
            assert_eq!((track.samples, track.bytes), (report.samples as u64, report.bytes));
        }
        let seconds = summary.duration as f64 / f64::from(summary.timescale);
        assert!((seconds - plan.report.duration as f64 / 1e6).abs() < 0.001, "{source}");
    }
}

#[test]
fn a_plan_does_not_depend_on_how_the_source_was_split() {
    for source in SOURCES {
        let flv = file(source);
        let whole = plan(&flv, usize::MAX);
        for pieces in [1, 7, 1000, 65_536] {
            let split = plan(&flv, pieces);
            assert_eq!(
                (&whole.head, &whole.body),
                (&split.head, &split.body),
                "{source} by {pieces}"
            );
        }
    }
}

#[test]
fn d_25_a_remuxed_file_by_the_mp4_crate() {
    for source in SOURCES {
        let flv = file(source);
        let mp4 = write(&plan(&flv, 4096), &flv);
        let mut reader = mp4::Mp4Reader::read_header(Cursor::new(&mp4), mp4.len() as u64).unwrap();
        let tracks: Vec<(u32, bool)> = reader
            .tracks()
            .iter()
            .map(|(id, track)| (*id, track.track_type().unwrap() == mp4::TrackType::Video))
            .collect();
        assert_eq!(tracks.len(), 2);
        for (id, video) in tracks {
            let expected = packets(source, video);
            assert_eq!(reader.sample_count(id).unwrap() as usize, expected.len());
            for (packet, number) in expected.iter().zip(1..) {
                let sample = reader.read_sample(id, number).unwrap().unwrap();
                assert_eq!((sample.bytes.len(), crc32(&sample.bytes)), (packet.size, packet.crc));
                if video {
                    assert_eq!(i64::from(sample.rendering_offset), (packet.pts - packet.dts) * 90);
                    assert_eq!(sample.is_sync, packet.key);
                }
            }
        }
    }
}

#[test]
fn d_38_every_box_of_a_remuxed_file_is_known_to_mp4_atom() {
    for source in SOURCES {
        let flv = file(source);
        let head = plan(&flv, 4096).head;
        round_trip(source, &head[..head.len() - 8]);
    }
}

/// Every box is known to the other reader, decodes to its end, and says the same after it was encoded and decoded again.
/// (Bytes may differ: the other writer takes version 1 and an order of its own.)
fn round_trip(name: &str, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let any = Any::decode(&mut rest).unwrap();
        assert!(!matches!(any, Any::Unknown(..)), "{name}");
        let mut encoded = Vec::new();
        any.encode(&mut encoded).unwrap();
        let again = Any::decode(&mut encoded.as_slice()).unwrap();
        assert!(again == any, "{name}: {} changed", any.kind());
    }
}

#[test]
fn d_08_d_12_segments_hold_every_packet_at_its_time_by_shiguredo_mp4() {
    for source in SOURCES {
        let muxer = hls(&file(source));
        for (rendition, video) in [("video", true), ("audio", false)] {
            let mut demuxer = Fmp4SegmentDemuxer::new();
            demuxer.handle_init_segment(&body(&muxer, &format!("{rendition}_init_0.mp4"))).unwrap();
            let mut read = Vec::new();
            for number in 0.. {
                let name = format!("{rendition}_{number}.m4s");
                let Some(file) = muxer.file(&name) else { break };
                let segment = without_styp(&file.body.to_bytes());
                for sample in demuxer.handle_media_segment(&segment).unwrap() {
                    let data = &segment[sample.data_offset as usize..][..sample.data_size];
                    read.push(read_sample(&sample, data));
                }
            }
            assert_same(source, &packets(source, video), &read, 10.0);
        }
    }
}

/// This reader knows no segment type box.
fn without_styp(segment: &[u8]) -> Vec<u8> {
    assert_eq!(&segment[4..8], b"styp");
    segment[u32::from_be_bytes(segment[..4].try_into().unwrap()) as usize..].to_vec()
}

fn body(muxer: &Muxer, name: &str) -> Vec<u8> {
    muxer.file(name).unwrap_or_else(|| panic!("no {name}")).body.to_bytes().to_vec()
}

#[test]
fn d_01_d_08_d_22_fragments_follow_cmaf_by_mp4_atom() {
    for source in SOURCES {
        let muxer = hls(&file(source));
        for rendition in ["video", "audio"] {
            let init = body(&muxer, &format!("{rendition}_init_0.mp4"));
            round_trip(source, &init);
            let moov = moov(&init);
            assert_eq!(
                (moov.trak.len(), moov.mvhd.duration, moov.trak[0].mdia.mdhd.duration),
                (1, 0, 0)
            );
            assert_eq!(moov.mvex.unwrap().trex.len(), 1);
            assert!(moov.trak[0].edts.is_none(), "D-06: signed offsets and no edit list");
            let (mut sequence, mut next) = (0, None);
            for number in 0.. {
                let Some(file) = muxer.file(&format!("{rendition}_{number}.m4s")) else { break };
                let segment = file.body.to_bytes();
                let (moof, head) = fragment_head(&segment);
                round_trip(source, &segment[..head]);
                sequence += 1;
                assert_eq!((moof.mfhd.sequence_number, moof.traf.len()), (sequence, 1));
                let traf = &moof.traf[0];
                let start = traf.tfdt.as_ref().unwrap().base_media_decode_time;
                assert_eq!(next.unwrap_or(start), start, "D-03: {source} {rendition}_{number}");
                assert_eq!((traf.tfhd.base_data_offset, traf.trun.len()), (None, 1));
                let default = traf.tfhd.default_sample_duration.unwrap_or(0);
                let durations =
                    traf.trun[0].samples.iter().map(|entry| entry.duration.unwrap_or(default));
                next = Some(start + durations.map(u64::from).sum::<u64>());
                // `tfdt` in version 1 with 64 bits, `trun` in version 1, the base of offsets is `moof`.
                for (kind, version) in [(b"tfdt", [1, 0, 0, 0]), (b"tfhd", [0, 2, 0, 0])] {
                    let at = segment.windows(4).position(|window| window == kind).unwrap() + 4;
                    assert_eq!(segment[at], version[0]);
                    assert_eq!(segment[at + 1] & 2, version[1]);
                }
            }
            assert!(sequence > 0);
        }
    }
}

/// The `moof` of a segment of one fragment, and the length of all before `mdat`.
fn fragment_head(segment: &[u8]) -> (Moof, usize) {
    let mut rest = segment;
    loop {
        if let Any::Moof(moof) = Any::decode(&mut rest).unwrap() {
            return (moof, segment.len() - rest.len());
        }
    }
}
