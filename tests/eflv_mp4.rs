//! Enhanced RTMP remuxed to MP4 and cut for HLS, read back by others: boxes by `mp4-atom`, samples by `shiguredo_mp4`. The ground
//! truth is the packet list that ffprobe made of each source.

#![expect(
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test: what is wrong here fails it"
)]

use std::path::PathBuf;

use mp4_atom::{Any, Codec, Decode, Moov};
use shiguredo_mp4::TrackKind;
use shiguredo_mp4::demux::{Fmp4SegmentDemuxer, Input, Mp4FileDemuxer};
use streamcore::assemble::{Assembler, Event};
use streamcore::error::ErrorKind;
use streamcore::flv::Reader;
use streamcore::hls::{Muxer, MuxerConfig};
use streamcore::limits::Limits;
use streamcore::media::{MediaKind, TrackId};
use streamcore::mp4::verify;
use streamcore::remux::{Piece, Plan, Remuxer};

/// Each source with the sample entries of its tracks, video first.
const SOURCES: [(&str, &[&str]); 14] = [
    ("eflv/hevc_aac", &["hvc1", "mp4a"]),
    ("eflv/hdr10_hevc", &["hvc1"]),
    ("eflv/av1_opus", &["av01", "Opus"]),
    ("eflv/vp9_opus", &["vp09", "Opus"]),
    ("eflv/h264_flac", &["avc1", "fLaC"]),
    ("eflv/h264_ac3", &["avc1", "ac-3"]),
    ("eflv/h264_eac3", &["avc1", "ec-3"]),
    ("eflv/h264_mp3", &["avc1", "mp4a"]),
    ("eflv/multi_h264_aac", &["avc1", "avc1", "mp4a", "mp4a"]),
    ("eflv/multi_hevc_av1_aac_opus", &["hvc1", "av01", "mp4a", "Opus"]),
    ("eflv/h264_opus", &["avc1", "Opus"]),
    ("veovera/mptestsrc", &["av01", "Opus"]),
    ("veovera/testsrc", &["av01", "Opus"]),
    ("exoplayer/sample-with-key-frame-index", &["avc1"]),
];

struct Packet {
    dts: i64,
    pts: i64,
    size: usize,
    key: bool,
    crc: u32,
}

fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn packets(source: &str, track: &str) -> Vec<Packet> {
    let list = String::from_utf8(file(&format!("{source}.packets"))).unwrap();
    let lines = list.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let of_track = lines.filter(|fields| fields[0] == track);
    let packet = |fields: Vec<&str>| Packet {
        dts: fields[1].parse().unwrap(),
        pts: fields[2].parse().unwrap(),
        size: fields[3].parse().unwrap(),
        key: fields[5] == "K",
        crc: u32::from_str_radix(fields[6], 16).unwrap(),
    };
    of_track.map(packet).collect()
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    })
}

fn plan(source: &[u8]) -> Plan {
    let mut remuxer = Remuxer::new(&Limits::default());
    source.chunks(4096).for_each(|piece| remuxer.handle_input(piece).unwrap());
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

fn moov(bytes: &[u8]) -> Moov {
    let mut rest = bytes;
    loop {
        if let Any::Moov(moov) = Any::decode(&mut rest).unwrap() {
            return moov;
        }
    }
}

/// A sample that another reader gives: decode and presentation time, duration in seconds, key, bytes.
struct Sample {
    dts: f64,
    pts: f64,
    duration: f64,
    key: bool,
    data: Vec<u8>,
}

fn sample(sample: &shiguredo_mp4::demux::Sample<'_>, file: &[u8]) -> Sample {
    let scale = f64::from(sample.track.timescale.get());
    let dts = sample.timestamp as f64 / scale;
    Sample {
        dts,
        pts: dts + sample.composition_time_offset.unwrap_or(0) as f64 / scale,
        duration: f64::from(sample.duration) / scale,
        key: sample.keyframe,
        data: file[sample.data_offset as usize..][..sample.data_size].to_vec(),
    }
}

/// The same packets at the same times: video exactly, sound on sample counts. Of AV1 the temporal delimiter is left out.
fn assert_same(name: &str, packets: &[Packet], samples: &[Sample], offset: f64, av1: bool) {
    assert_eq!(packets.len(), samples.len(), "{name}");
    let video = name.contains("video");
    for (index, (packet, sample)) in packets.iter().zip(samples).enumerate() {
        let delimiter: &[u8] = if av1 { &[0x12, 0] } else { &[] };
        let whole = [delimiter, &sample.data].concat();
        let found = (whole.len(), crc32(&whole), sample.key);
        assert_eq!(found, (packet.size, packet.crc, packet.key), "{name} {index}");
        for (expected, got) in [(packet.dts, sample.dts), (packet.pts, sample.pts)] {
            let error = (got - offset - expected as f64 / 1000.0).abs();
            let tolerance = if video { 0.000_02 } else { 0.002 };
            assert!(error <= tolerance, "{name} {index}: {got} for {expected} ms");
        }
        if let Some(next) = samples.get(index + 1) {
            assert!((sample.dts + sample.duration - next.dts).abs() < 1e-9, "{name} {index}");
        }
    }
}

/// The samples of a segment, by the boxes that `mp4-atom` reads, whatever their codec.
fn samples_by_mp4_atom(segment: &[u8], timescale: u32) -> Vec<Sample> {
    let (mut rest, mut found) = (segment, Vec::new());
    let scale = f64::from(timescale);
    while !rest.is_empty() {
        let start = segment.len() - rest.len();
        let Any::Moof(moof) = Any::decode(&mut rest).unwrap() else { continue };
        for traf in &moof.traf {
            let mut time = traf.tfdt.as_ref().unwrap().base_media_decode_time as f64;
            for trun in &traf.trun {
                let mut at = start + usize::try_from(trun.data_offset.unwrap()).unwrap();
                for entry in &trun.samples {
                    let size = entry.size.or(traf.tfhd.default_sample_size).unwrap() as usize;
                    let flags = entry.flags.or(traf.tfhd.default_sample_flags).unwrap();
                    let ticks = entry.duration.or(traf.tfhd.default_sample_duration).unwrap();
                    found.push(Sample {
                        dts: time / scale,
                        pts: (time + entry.cts.unwrap_or(0) as f64) / scale,
                        duration: f64::from(ticks) / scale,
                        key: flags >> 16 & 1 == 0,
                        data: segment[at..at + size].to_vec(),
                    });
                    time += f64::from(ticks);
                    at += size;
                }
            }
        }
    }
    found
}

/// What `shiguredo_mp4` has no sample entry for.
fn is_unknown_to_shiguredo(entry: &str, source: &str) -> bool {
    matches!(entry, "ac-3" | "ec-3") || source.ends_with("mp3")
}

#[test]
fn d_32_every_sample_entry_is_known_to_mp4_atom_and_says_the_same() {
    for (source, entries) in SOURCES {
        let flv = file(&format!("{source}.flv"));
        let plan = plan(&flv);
        let summary = verify(&plan.head, plan.len()).unwrap();
        let found: Vec<&str> =
            summary.tracks.iter().map(|track| std::str::from_utf8(&track.codec).unwrap()).collect();
        assert_eq!(found, entries, "{source}");
        for (trak, entry) in moov(&plan.head).trak.iter().zip(entries) {
            let codecs = &trak.mdia.minf.stbl.stsd.codecs;
            assert_eq!(codecs.len(), 1);
            let rate = trak.mdia.mdhd.timescale;
            match (&codecs[0], *entry) {
                (Codec::Hvc1(hvc1), "hvc1") => {
                    assert_eq!((hvc1.visual.width, hvc1.visual.height), (320, 180));
                    assert_eq!(hvc1.hvcc.length_size_minus_one, 3);
                }
                (Codec::Av01(av01), "av01") => assert!(av01.av1c.config_obus.len() > 8),
                (Codec::Vp09(vp09), "vp09") => assert_eq!(vp09.vpcc.bit_depth, 8),
                (Codec::Opus(opus), "Opus") => {
                    assert_eq!((rate, opus.dops.output_channel_count), (48_000, 1));
                }
                (Codec::Flac(flac), "fLaC") => {
                    assert_eq!((rate, flac.audio.channel_count), (48_000, 1));
                }
                (Codec::Ac3(ac3), "ac-3") => assert_eq!(ac3.audio.channel_count, 1),
                (Codec::Eac3(eac3), "ec-3") => assert_eq!(eac3.audio.channel_count, 1),
                (Codec::Avc1(_), "avc1") | (Codec::Mp4a(_), "mp4a") => {}
                (other, entry) => panic!("{source}: {other:?} for {entry}"),
            }
        }
    }
}

#[test]
fn d_32_a6_08_hdr10_has_colour_mastering_display_and_light_level() {
    let head = plan(&file("eflv/hdr10_hevc.flv")).head;
    let moov = moov(&head);
    let Codec::Hvc1(hvc1) = &moov.trak[0].mdia.minf.stbl.stsd.codecs[0] else { panic!("no hvc1") };
    let Some(mp4_atom::Colr::Nclx {
        colour_primaries,
        transfer_characteristics,
        matrix_coefficients,
        full_range_flag,
    }) = hvc1.colr
    else {
        panic!("no colr")
    };
    let code_points = (colour_primaries, transfer_characteristics, matrix_coefficients);
    assert_eq!((code_points, full_range_flag), ((9, 16, 9), false));
    let content = |kind: &[u8; 4], len: usize| {
        let at = head.windows(4).position(|window| window == kind).unwrap();
        assert_eq!(head[at - 4..at], (len as u32 + 8).to_be_bytes());
        head[at + 4..][..len].to_vec()
    };
    assert_eq!(content(b"clli", 4), [0x03, 0xe8, 0x01, 0x90]);
    assert_eq!(content(b"mdcv", 24)[16..20], 10_000_000_u32.to_be_bytes());
}

#[test]
fn d_06_a_remuxed_file_has_every_packet_at_its_time_by_shiguredo_mp4() {
    for (source, entries) in SOURCES {
        if entries.iter().any(|entry| is_unknown_to_shiguredo(entry, source)) {
            continue;
        }
        let flv = file(&format!("{source}.flv"));
        let plan = plan(&flv);
        assert_eq!(plan.report.inline_bytes, 0, "{source}: nothing is rewritten");
        let mp4 = write(&plan, &flv);
        let mut demuxer = Mp4FileDemuxer::new();
        while demuxer.required_input().is_some() {
            demuxer.handle_input(Input { position: 0, data: &mp4 });
        }
        let mut tracks: Vec<Vec<Sample>> = entries.iter().map(|_| Vec::new()).collect();
        while let Some(next) = demuxer.next_sample().unwrap() {
            let number = next.track.track_id as usize - 1;
            let is_video = plan.report.tracks[number].id.kind == MediaKind::Video;
            assert_eq!(next.track.kind == TrackKind::Video, is_video);
            tracks[number].push(sample(&next, &mp4));
        }
        for (number, samples) in tracks.iter().enumerate() {
            let id = plan.report.tracks[number].id.to_string();
            let list = packets(source, &id);
            let name = format!("{source} {id}");
            let av1 = entries[number] == "av01";
            let start = samples.iter().map(|sample| sample.pts).fold(f64::MAX, f64::min);
            let first = list.iter().map(|packet| packet.pts).min().unwrap() as f64 / 1000.0;
            assert_same(&name, &list, samples, start - first, av1);
        }
    }
}

/// The segments of a source, and the tracks that were refused.
fn hls(source: &[u8]) -> (Muxer, Vec<(TrackId, ErrorKind)>) {
    let limits = Limits::default();
    let (mut reader, mut assembler) = (Reader::new(&limits), Assembler::new(&limits));
    let mut config = MuxerConfig::default();
    config.window = std::time::Duration::from_secs(3600);
    let (mut muxer, mut refused) = (Muxer::new(config, &limits), Vec::new());
    let mut handle = |assembler: &mut Assembler| {
        while let Some(event) = assembler.poll_event() {
            match event {
                Event::Track(track) => {
                    let id = track.id;
                    if let Err(error) = muxer.handle_track(track) {
                        refused.push((id, error.kind()));
                    }
                }
                Event::Unit(unit) => muxer.handle_unit(unit, None).unwrap(),
                Event::Discontinuity => muxer.handle_discontinuity().unwrap(),
                _ => {}
            }
        }
    };
    let mut rest = source;
    while !rest.is_empty() {
        rest = &rest[reader.handle_input(rest).unwrap()..];
        while let Some((_, tag)) = reader.poll_tag() {
            assembler.handle_tag(&tag);
            handle(&mut assembler);
        }
    }
    assembler.finish();
    handle(&mut assembler);
    muxer.finish().unwrap();
    (muxer, refused)
}

fn body(muxer: &Muxer, name: &str) -> Vec<u8> {
    muxer.file(name).unwrap_or_else(|| panic!("{name}")).body.to_bytes().to_vec()
}

#[test]
fn d_08_segments_hold_every_packet_at_its_time_by_two_readers() {
    for (source, entries) in &SOURCES {
        let (muxer, refused) = hls(&file(&format!("{source}.flv")));
        assert_eq!(refused, [], "{source}");
        let names: &[&str] = match entries.len() {
            1 => &["video"],
            2 => &["video", "audio"],
            _ => &["video", "video1", "audio", "audio1"],
        };
        assert_eq!(names.len(), entries.len(), "{source}");
        for (track, entry) in names.iter().zip(*entries) {
            let init = body(&muxer, &format!("{track}_init_0.mp4"));
            assert_eq!(moov(&init).trak.len(), 1);
            assert!(muxer.file(&format!("{track}_init_1.mp4")).is_none(), "{source}: one init");
            let (list, name) = (packets(source, track), format!("{source} {track}"));
            let all = || (0..).map_while(|n| muxer.file(&format!("{track}_{n}.m4s")));
            let scale = moov(&init).trak[0].mdia.mdhd.timescale;
            let samples: Vec<Sample> =
                all().flat_map(|file| samples_by_mp4_atom(&file.body.to_bytes(), scale)).collect();
            assert_same(&name, &list, &samples, 10.0, *entry == "av01");
            if is_unknown_to_shiguredo(entry, source) {
                continue;
            }
            let mut demuxer = Fmp4SegmentDemuxer::new();
            demuxer.handle_init_segment(&init).unwrap();
            let mut samples = Vec::new();
            for file in all() {
                let segment = file.body.to_bytes();
                let styp = u32::from_be_bytes(segment[..4].try_into().unwrap()) as usize;
                let segment = if &segment[4..8] == b"styp" { &segment[styp..] } else { &segment };
                let read = demuxer.handle_media_segment(segment).unwrap();
                samples.extend(read.iter().map(|next| sample(next, segment)));
            }
            assert_same(&name, &list, &samples, 10.0, *entry == "av01");
        }
    }
}

#[test]
fn e_codecs_of_the_playlist() {
    for (source, codecs) in [
        ("eflv/hevc_aac", "hvc1.1.6.L60.90,mp4a.40.2"),
        ("eflv/av1_opus", "av01.0.00M.08,Opus"),
        ("eflv/vp9_opus", "vp09.00.11.08,Opus"),
        ("eflv/h264_flac", "avc1.42c00c,fLaC"),
        ("eflv/h264_ac3", "avc1.42c00c,ac-3"),
        ("eflv/h264_eac3", "avc1.42c00c,ec-3"),
        ("eflv/h264_mp3", "avc1.42c00c,mp4a.40.34"),
    ] {
        let (muxer, _) = hls(&file(&format!("{source}.flv")));
        let playlist = String::from_utf8(body(&muxer, "index.m3u8")).unwrap();
        assert!(playlist.contains(&format!("CODECS=\"{codecs}\"")), "{playlist}");
        assert!(playlist.contains("RESOLUTION=320x180"), "{playlist}");
    }
}

#[test]
fn c2_12_vvc_is_refused_and_its_sound_goes_on() {
    let flv = file("eflv/vvc_aac.flv");
    let (muxer, refused) = hls(&flv);
    assert_eq!(refused, [(TrackId::VIDEO, ErrorKind::Unsupported)]);
    assert!(muxer.file("audio_0.m4s").is_some() && muxer.file("video_init_0.mp4").is_none());
    let report = plan(&flv).report;
    let left_out: Vec<_> = report.left_out.iter().map(|(id, error)| (*id, error.kind())).collect();
    assert_eq!(left_out, [(TrackId::VIDEO, ErrorKind::Unsupported)]);
    assert_eq!((report.tracks.len(), report.tracks[0].id), (1, TrackId::AUDIO));
}
