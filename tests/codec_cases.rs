//! Cases of single codecs from the stream to the playlist and the file, where bytes of real encoders tell.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test: what is wrong here fails it"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mp4_atom::{Codec, Decode, Moov};
use streamcore::assemble::{Assembler, Event, StartPoints};
use streamcore::codec::aac::AacConfig;
use streamcore::codec::flac::FlacConfig;
use streamcore::codec::mp3::Mp3Config;
use streamcore::error::ErrorKind;
use streamcore::flv::{Reader, Tag, TagKind, Writer};
use streamcore::hls::{Muxer, MuxerConfig};
use streamcore::limits::Limits;
use streamcore::media::{AccessUnit, CodecConfig, Track, TrackId};
use streamcore::mp4::init_segment;
use streamcore::remux::{Piece, Remuxer};

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("data/", $name))
    };
}

const OPEN_GOP: &[u8] = data!("ffmpeg-5.1/open-gop.flv");
const INTRA_REFRESH: &[u8] = data!("ffmpeg-5.1/intra-refresh.flv");
const AVC_SLICES: &[u8] = data!("ffmpeg-5.1/avc-slices.flv");
const HEVC_SLICES: &[u8] = data!("ffmpeg-8.1/hevc-slices.flv");
const SOURCE: &[u8] = data!("ffmpeg-5.1/source.flv");

fn tags(file: &[u8]) -> Vec<Tag> {
    let mut reader = Reader::new(&Limits::default());
    let (mut rest, mut tags) = (file, Vec::new());
    while !rest.is_empty() {
        rest = &rest[reader.handle_input(rest).unwrap()..];
        tags.extend(std::iter::from_fn(|| reader.poll_tag()).map(|(_, tag)| tag));
    }
    tags
}

fn assemble(tags: &[Tag], start_points: StartPoints) -> Vec<Event> {
    let mut assembler = Assembler::new(&Limits::default());
    assembler.set_start_points(start_points);
    tags.iter().for_each(|tag| assembler.handle_tag(tag));
    assembler.finish();
    std::iter::from_fn(|| assembler.poll_event()).collect()
}

fn units(events: &[Event]) -> Vec<&AccessUnit> {
    let units = events.iter().map(|event| match event {
        Event::Unit(unit) => Some(unit),
        _ => None,
    });
    units.flatten().collect()
}

/// Segments of one second, as far as key frames come, and of no more than two; the kinds of errors on the way.
fn hls(events: Vec<Event>) -> (Muxer, Vec<ErrorKind>) {
    let mut config = MuxerConfig::default();
    config.target_duration = Duration::from_secs(1);
    config.max_segment_duration = Some(Duration::from_secs(2));
    config.window = Duration::from_secs(3600);
    let mut muxer = Muxer::new(config, &Limits::default());
    let mut errors = Vec::new();
    for event in events {
        let result = match event {
            Event::Track(track) => muxer.handle_track(track),
            Event::Unit(unit) => muxer.handle_unit(unit, None),
            _ => Ok(()),
        };
        errors.extend(result.err().map(|error| error.kind()));
    }
    muxer.finish().unwrap();
    (muxer, errors)
}

fn text(muxer: &Muxer, name: &str) -> String {
    let file = muxer.file(name).unwrap_or_else(|| panic!("{name}"));
    String::from_utf8(file.body.to_bytes().to_vec()).unwrap()
}

fn durations(playlist: &str) -> Vec<f64> {
    let lines = playlist.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    lines.map(|line| line.trim_end_matches(',').parse().unwrap()).collect()
}

fn moov(file: &[u8]) -> Moov {
    let at = file.windows(4).position(|window| window == b"moov").unwrap() - 4;
    Moov::decode(&mut &file[at..]).unwrap()
}

#[test]
fn c1_14_an_open_group_is_cut_by_force_or_at_its_recovery_points_by_the_named_policy() {
    let tags = tags(OPEN_GOP);
    let keys = |policy| {
        let events = assemble(&tags, policy);
        let units = units(&events);
        assert_eq!(units.len(), 125);
        units.iter().enumerate().filter(|(_, unit)| unit.key).map(|(at, _)| at).collect::<Vec<_>>()
    };
    assert_eq!(keys(StartPoints::Idr), [0]);
    assert_eq!(keys(StartPoints::RecoveryPoints), [0, 25, 50, 75, 100]);
    // One IDR picture: segments that begin without a key frame, and the count says so.
    let (muxer, errors) = hls(assemble(&tags, StartPoints::default()));
    assert!(muxer.stats().forced_cuts >= 2 && errors.is_empty(), "{:?}", muxer.stats());
    let (muxer, _) = hls(assemble(&tags, StartPoints::RecoveryPoints));
    assert_eq!(muxer.stats().forced_cuts, 0);
    assert_eq!(durations(&text(&muxer, "video.m3u8")).len(), 5);
}

#[test]
fn c1_15_a_stream_without_further_key_frames_is_cut_and_never_grows_one_segment() {
    let tags = tags(INTRA_REFRESH);
    for policy in [StartPoints::Idr, StartPoints::RecoveryPoints] {
        let events = assemble(&tags, policy);
        let keys: Vec<bool> = units(&events).iter().map(|unit| unit.key).collect();
        assert_eq!(keys.iter().filter(|key| **key).count(), 1, "{policy:?}");
        let (muxer, _) = hls(events);
        let playlist = text(&muxer, "video.m3u8");
        let durations = durations(&playlist);
        let target: f64 = playlist
            .lines()
            .find_map(|line| line.strip_prefix("#EXT-X-TARGETDURATION:"))
            .unwrap()
            .parse()
            .unwrap();
        assert!(durations.len() >= 2, "{playlist}");
        assert!(durations.iter().all(|duration| duration.round() <= target), "{playlist}");
        assert!((durations.iter().sum::<f64>() - 5.0).abs() < 0.1);
        let cuts = usize::try_from(muxer.stats().forced_cuts).unwrap();
        assert_eq!(cuts, durations.len() - 1, "each counted");
    }
}

/// Each NAL unit of a video message in a message of its own, and the samples that they make together: all but the
/// delimiters, which have this type.
fn one_nal_a_message(
    tags: &[Tag],
    head: usize,
    type_of: fn(u8) -> u8,
    delimiter: u8,
) -> (Vec<Tag>, Vec<Vec<u8>>) {
    let (mut split, mut samples) = (Vec::new(), Vec::new());
    for tag in tags {
        // Sequence headers, ends and metadata stay as they are.
        let frames = match tag.body[0] & 0x8f {
            7 => tag.body[1] == 1,
            first => matches!(first, 0x81 | 0x83),
        };
        let frames = frames && tag.kind == TagKind::Video;
        if !frames {
            split.push(tag.clone());
            continue;
        }
        let head = if tag.body[0] & 0x8f == 0x83 { head - 3 } else { head };
        let (front, mut rest) = tag.body.split_at(head);
        let mut sample = Vec::new();
        while let Some((size, behind)) = rest.split_first_chunk::<4>() {
            let (nal, next) = behind.split_at(usize::try_from(u32::from_be_bytes(*size)).unwrap());
            let body = Bytes::from([front, &size[..], nal].concat());
            split.push(Tag { body, ..tag.clone() });
            if type_of(nal[0]) != delimiter {
                sample.extend_from_slice(size);
                sample.extend_from_slice(nal);
            }
            rest = next;
        }
        samples.push(sample);
    }
    (split, samples)
}

#[test]
fn b3_03_one_nal_unit_a_message_of_real_streams_gives_the_same_pictures() {
    let avc = (AVC_SLICES, 5, (|byte| byte & 0x1f) as fn(u8) -> u8, 9);
    let hevc = (HEVC_SLICES, 8, (|byte| byte >> 1 & 0x3f) as fn(u8) -> u8, 35);
    for (file, head, type_of, delimiter) in [avc, hevc] {
        let whole = tags(file);
        let (split, samples) = one_nal_a_message(&whole, head, type_of, delimiter);
        // A delimiter and three slices a picture at the least.
        assert!(split.len() >= whole.len() + 3 * samples.len() && samples.len() == 30);
        let seen = |tags: &[Tag]| {
            let events = assemble(tags, StartPoints::Idr);
            let of = |unit: &&AccessUnit| (unit.dts, unit.pts(), unit.key, unit.data.to_vec());
            units(&events).iter().map(of).collect::<Vec<_>>()
        };
        let (whole, split) = (seen(&whole), seen(&split));
        assert_eq!(
            whole.iter().map(|unit| &unit.3).collect::<Vec<_>>(),
            samples.iter().collect::<Vec<_>>()
        );
        assert_eq!(whole, split);
    }
}

/// An FLV file of AAC alone, by these times.
fn aac_file(times: impl Iterator<Item = u32>) -> Vec<u8> {
    let mut writer = Writer::new();
    let mut file = writer.header(true, false).to_vec();
    let mut put = |timestamp, body: &'static [u8]| {
        let tag = Tag { kind: TagKind::Audio, timestamp, body: Bytes::from_static(body) };
        file.extend_from_slice(&writer.tag(&tag).unwrap().to_bytes());
    };
    put(0, &[0xaf, 0, 0x11, 0x90]);
    times.for_each(|time| put(time, &[0xaf, 1, 0x21, 0x10, 4, 0x60, 0x8c, 0x1c]));
    file
}

fn remux(source: &[u8]) -> Vec<u8> {
    let mut remuxer = Remuxer::new(&Limits::default());
    remuxer.handle_input(source).unwrap();
    let plan = remuxer.finish().unwrap();
    let mut out = plan.head.to_vec();
    for piece in plan.body.iter() {
        match piece {
            Piece::Copy { offset, len } => {
                let start = usize::try_from(offset).unwrap();
                out.extend_from_slice(&source[start..start + usize::try_from(len).unwrap()]);
            }
            Piece::Inline(bytes) => out.extend_from_slice(&bytes),
        }
    }
    out
}

#[test]
fn c3_09_priming_is_neither_cut_off_nor_hidden_by_an_edit() {
    // What the encoder puts in front is sent as frames like any other, and RTMP does not say how much it is.
    let file = remux(&aac_file((0..100).map(|n| n * 1024 / 48)));
    let audio = &moov(&file).trak[0];
    let samples = &audio.mdia.minf.stbl.stsz.samples;
    assert!(matches!(samples, mp4_atom::StszSamples::Identical { count: 100, .. }), "{samples:?}");
    assert_eq!(audio.mdia.mdhd.duration, 100 * 1024);
    let edits = audio.edts.as_ref().and_then(|edits| edits.elst.as_ref());
    let starts: Vec<_> =
        edits.iter().flat_map(|list| &list.entries).map(|entry| entry.media_time).collect();
    assert!(starts.iter().all(|&start| start == Some(0)), "{starts:?}");
    // Of a real encoder with video beside it: every packet is there, from the first one's first sample.
    let file = remux(SOURCE);
    let moov = moov(&file);
    let audio = moov.trak.iter().find(|trak| trak.mdia.minf.smhd.is_some()).unwrap();
    let list = String::from_utf8(data!("ffmpeg-5.1/source.packets").to_vec()).unwrap();
    let packets = list.lines().filter(|line| line.starts_with("audio")).count();
    assert_eq!(audio.mdia.mdhd.duration, packets as u64 * 1024);
}

fn track(config: CodecConfig) -> Track {
    Track { id: TrackId::AUDIO, timescale: 1_000_000, config: Arc::new(config) }
}

/// Content of the last box of a kind.
fn content<'a>(file: &'a [u8], kind: &[u8; 4]) -> &'a [u8] {
    let at = file.windows(4).rposition(|window| window == kind).unwrap();
    let size = u32::from_be_bytes(*file[at - 4..].first_chunk().unwrap());
    &file[at + 4..at - 4 + usize::try_from(size).unwrap()]
}

#[test]
fn c3_13_flac_past_16_bits_of_rate_has_a_rate_in_its_sample_entry() {
    let config = FlacConfig::parse(data!("codecs/flac_96k.head.bin"), &Limits::default()).unwrap();
    assert_eq!(config.sample_rate(), 96_000);
    let init = init_segment(&[&track(CodecConfig::Flac(config))]).unwrap();
    let moov = moov(&init);
    let Codec::Flac(entry) = &moov.trak[0].mdia.minf.stbl.stsd.codecs[0] else {
        panic!("{moov:?}")
    };
    // 16.16 fixed point has no room for it: the largest part of it that fits, and never 0, which Firefox refuses.
    assert_eq!(entry.audio.sample_rate.integer(), 48_000);
    assert_eq!(moov.trak[0].mdia.mdhd.timescale, 96_000);
}

/// Tag and content of the descriptors that stand one behind the other.
fn descriptors(mut data: &[u8]) -> Vec<(u8, usize, &[u8])> {
    let mut found = Vec::new();
    while let Some((&tag, mut rest)) = data.split_first() {
        let (mut length, mut bytes) = (0_usize, 0);
        loop {
            let (&byte, next) = rest.split_first().unwrap();
            (length, bytes, rest) = (length << 7 | usize::from(byte & 0x7f), bytes + 1, next);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (content, behind) = rest.split_at(length);
        found.push((tag, bytes, content));
        data = behind;
    }
    found
}

#[test]
fn c3_07_descriptors_of_esds_have_minimal_lengths_and_the_object_type_of_the_codec() {
    // A program config element with a long comment makes a configuration whose length takes two bytes.
    let mut long = vec![0x11, 0x80, 0x04, 0xc8, 0x44, 0x00, 0x20, 0x00, 0xc4];
    long.push(150);
    long.extend([b'x'; 150]);
    let mp3 = Mp3Config::from_frame(data!("codecs/mp3_48k.bin")).unwrap();
    let low_rate = Mp3Config::from_frame(data!("codecs/mp3_22k.bin")).unwrap();
    let cases = [
        (CodecConfig::Aac(AacConfig::parse(&[0x11, 0x90]).unwrap()), 0x40, Some(2)),
        (CodecConfig::Mp3(mp3), 0x6b, None),
        (CodecConfig::Mp3(low_rate), 0x69, None),
    ];
    let long = AacConfig::parse(&long).ok().map(|config| {
        let bytes = config.asc().len();
        (CodecConfig::Aac(config), 0x40, Some(bytes))
    });
    assert!(long.as_ref().is_some_and(|(_, _, bytes)| bytes.unwrap() > 127), "a long one");
    for (config, object_type, asc) in cases.into_iter().chain(long) {
        let init = init_segment(&[&track(config)]).unwrap();
        let es = descriptors(&content(&init, b"esds")[4..]);
        let [(3, _, es)] = es[..] else { panic!("{es:?}") };
        let parts = descriptors(&es[3..]);
        let [(4, length_bytes, decoder), (6, 1, [2])] = parts[..] else { panic!("{parts:?}") };
        assert_eq!(length_bytes, if decoder.len() > 127 { 2 } else { 1 });
        assert_eq!((decoder[0], decoder[1]), (object_type, 0x15));
        let specific = descriptors(&decoder[13..]);
        assert_eq!(
            specific.first().map(|(tag, _, asc)| (*tag, asc.len())),
            asc.map(|len| (5, len))
        );
        // And another reader agrees.
        let stsd = &moov(&init).trak[0].mdia.minf.stbl.stsd;
        let Codec::Mp4a(entry) = &stsd.codecs[0] else { panic!("{stsd:?}") };
        assert_eq!(entry.esds.es_desc.dec_config.object_type_indication, object_type);
    }
}

#[test]
fn d_38_names_languages_and_rates_field_by_field() {
    let file = remux(SOURCE);
    let ends = file.windows(4).enumerate().filter(|(_, window)| window == b"hdlr");
    let handlers: Vec<&[u8]> = ends
        .map(|(at, _)| {
            let size = u32::from_be_bytes(*file[at - 4..].first_chunk().unwrap());
            &file[at + 4..at - 4 + usize::try_from(size).unwrap()]
        })
        .collect();
    let kinds: Vec<&[u8]> = handlers.iter().map(|handler| &handler[8..12]).collect();
    assert_eq!(kinds, [b"vide", b"soun"]);
    for handler in handlers {
        let name = &handler[24..];
        assert_eq!(
            name.iter().position(|&byte| byte == 0),
            Some(name.len() - 1),
            "one NUL, at its end"
        );
        assert!(std::str::from_utf8(name).is_ok());
    }
    // The language is packed behind the two times, the timescale and the duration: "und".
    for at in file.windows(4).enumerate().filter(|(_, w)| w == b"mdhd").map(|(at, _)| at + 4) {
        let fields = if file[at] == 1 { 28 } else { 16 };
        assert_eq!(file[at + 4 + fields..][..2], [0x55, 0xc4]);
    }
    // Rates of the whole file, and that of one second at least as high.
    let rates = content(&file, b"btrt");
    let word = |at: usize| u32::from_be_bytes(*rates[at..].first_chunk().unwrap());
    assert!(word(8) > 0 && word(4) >= word(8), "{rates:?}");
    // A live stream does not know them yet: no box, or zeros.
    let config = CodecConfig::Aac(AacConfig::parse(&[0x11, 0x90]).unwrap());
    let init = init_segment(&[&track(config)]).unwrap();
    let esds = moov(&init).trak[0].mdia.minf.stbl.stsd.clone();
    let Codec::Mp4a(entry) = &esds.codecs[0] else { panic!("{esds:?}") };
    assert_eq!((entry.esds.es_desc.dec_config.avg_bitrate, entry.btrt.is_none()), (0, true));
}

#[test]
fn c3_16_g711_and_speex_end_in_a_typed_error_and_the_pictures_go_on() {
    for (flags, name) in [(0x72_u8, "G.711 A-law"), (0x82, "G.711 mu-law"), (0xb2, "Speex")] {
        let mut mixed = Vec::new();
        for tag in tags(OPEN_GOP) {
            let body = Bytes::from(vec![flags, 1, 2, 3, 4]);
            mixed.push(Tag { kind: TagKind::Audio, timestamp: tag.timestamp, body });
            mixed.push(tag);
        }
        let events = assemble(&mixed, StartPoints::RecoveryPoints);
        let told: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Track(track) => Some(track.config.codec_string()),
                _ => None,
            })
            .collect();
        assert!(told.iter().any(|told| told == name), "{told:?}");
        let (muxer, errors) = hls(events);
        assert!(!errors.is_empty() && errors.iter().all(|kind| *kind == ErrorKind::Unsupported));
        assert_eq!(durations(&text(&muxer, "video.m3u8")).len(), 5, "{name}");
        assert!(!text(&muxer, "index.m3u8").contains("TYPE=AUDIO"));
        // A recording's MP4 has the pictures too.
        let mut writer = Writer::new();
        let mut file = writer.header(true, true).to_vec();
        for tag in &mixed {
            file.extend_from_slice(&writer.tag(tag).unwrap().to_bytes());
        }
        let moov = moov(&remux(&file));
        assert_eq!(moov.trak.len(), 1);
        assert!(moov.trak[0].mdia.minf.vmhd.is_some());
    }
}
