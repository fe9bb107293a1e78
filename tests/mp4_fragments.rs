//! Fragments and init segments by themselves and out of the segmenter, read by `mp4-atom` and `shiguredo_mp4`: the entries D-* that
//! captures do not show.

#![expect(
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test: what is wrong here fails it"
)]

use std::sync::Arc;

use bytes::Bytes;
use mp4_atom::{
    Any, AnySampleGroupEntry, Codec, Decode, Emsg, Encode, Ftyp, Moof, Moov, Prft, ReferenceTime,
    Sidx, Styp,
};
use shiguredo_mp4::demux::Fmp4SegmentDemuxer;
use streamcore::codec::aac::AacConfig;
use streamcore::codec::flac::FlacConfig;
use streamcore::codec::h264::AvcConfig;
use streamcore::codec::opus::OpusConfig;
use streamcore::error::ErrorKind;
use streamcore::hls::{Muxer, MuxerConfig};
use streamcore::limits::Limits;
use streamcore::media::{AccessUnit, CodecConfig, Track, TrackId};
use streamcore::mp4::*;

/// libx264, High profile, 640x360 at 30 frames a second.
const AVCC: &[u8] = &[
    0x01, 0x64, 0x00, 0x1e, 0xff, 0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0,
    0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16,
    0x2d, 0x96, 0x01, 0x00, 0x04, 0x68, 0xef, 0xbc, 0xb0, 0xfd, 0xf8, 0xf8, 0x00,
];

fn file(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn track(id: TrackId, config: CodecConfig) -> Track {
    Track { id, timescale: 1_000_000, config: Arc::new(config) }
}

fn avc() -> Track {
    let config = AvcConfig::parse(AVCC, &Limits::default()).unwrap();
    track(TrackId::VIDEO, CodecConfig::Avc(config))
}

fn aac(rate: u32) -> Track {
    track(TrackId::AUDIO, CodecConfig::Aac(AacConfig::new(2, rate, 2).unwrap()))
}

fn opus() -> Track {
    track(TrackId::AUDIO, CodecConfig::Opus(OpusConfig::from_packet(&[0xfc, 0, 0]).unwrap()))
}

fn sample(duration: u32, composition_offset: i32, sync: bool) -> Sample {
    Sample { duration, size: 4, composition_offset, sync }
}

/// All boxes, each known to the other reader, and the same after it was encoded and decoded again.
fn boxes(bytes: &[u8]) -> Vec<Any> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while !rest.is_empty() {
        let any = Any::decode(&mut rest).unwrap();
        assert!(!matches!(any, Any::Unknown(..)));
        let mut encoded = Vec::new();
        any.encode(&mut encoded).unwrap();
        assert!(Any::decode(&mut encoded.as_slice()).unwrap() == any, "{} changed", any.kind());
        found.push(any);
    }
    found
}

fn moov(init: &[u8]) -> Moov {
    let found = boxes(init).into_iter().find_map(|one| match one {
        Any::Moov(moov) => Some(moov),
        _ => None,
    });
    found.unwrap()
}

fn moofs(segment: &[u8]) -> Vec<Moof> {
    let of = |one| match one {
        Any::Moof(moof) => Some(moof),
        _ => None,
    };
    let (mut rest, mut found) = (segment, Vec::new());
    while !rest.is_empty() {
        found.extend(of(Any::decode(&mut rest).unwrap()));
    }
    found
}

fn unit(track: TrackId, micros: i64, pts_offset: i64, key: bool) -> AccessUnit {
    AccessUnit { track, dts: micros, pts_offset, key, data: Bytes::from_static(b"unit") }
}

/// The segments of a stream that ends.
fn segments(tracks: &[Track], units: impl IntoIterator<Item = AccessUnit>) -> Muxer {
    let mut muxer = Muxer::new(MuxerConfig::default(), &Limits::default());
    tracks.iter().for_each(|track| muxer.handle_track(track.clone()).unwrap());
    units.into_iter().for_each(|unit| muxer.handle_unit(unit, None).unwrap());
    muxer.finish().unwrap();
    muxer
}

fn segment_moofs(muxer: &Muxer, rendition: &str) -> Vec<Moof> {
    let names = (0..).map(|number| format!("{rendition}_{number}.m4s"));
    names
        .map_while(|name| muxer.file(&name))
        .flat_map(|file| moofs(&file.body.to_bytes()))
        .collect()
}

#[test]
fn d_02_decode_times_stay_above_zero_where_the_stream_begins_below() {
    // Nine seconds below zero, with pictures shown before their decode time, and sound earlier still.
    let video = (0..90).map(|n| unit(TrackId::VIDEO, n * 33_333 - 9_000_000, -66_666, n % 30 == 0));
    let audio = (0..150).map(|n| unit(TrackId::AUDIO, n * 21_333 - 9_040_000, 0, true));
    let mut units: Vec<AccessUnit> = video.chain(audio).collect();
    units.sort_by_key(|unit| unit.dts);
    let muxer = segments(&[avc(), aac(48_000)], units);
    for (rendition, scale) in [("video", 90_000), ("audio", 48_000)] {
        let moofs = segment_moofs(&muxer, rendition);
        assert!(!moofs.is_empty());
        for moof in moofs {
            let traf = &moof.traf[0];
            let decode = traf.tfdt.as_ref().unwrap().base_media_decode_time;
            assert!((9 * scale..15 * scale).contains(&decode), "{rendition}: {decode}");
            let first = traf.trun[0].samples.get(0).unwrap().cts.unwrap_or(0);
            assert!(decode.checked_add_signed(first).is_some());
        }
    }
}

#[test]
fn d_04_the_last_picture_lasts_as_long_as_the_one_before() {
    let muxer = segments(&[avc()], (0..7).map(|n| unit(TrackId::VIDEO, n * 40_000, 0, n == 0)));
    let moofs = segment_moofs(&muxer, "video");
    let traf = &moofs[0].traf[0];
    let default = traf.tfhd.default_sample_duration;
    let durations: Vec<u32> =
        traf.trun[0].samples.iter().map(|entry| entry.duration.or(default).unwrap()).collect();
    assert_eq!(durations, [3600; 7]);
}

#[test]
fn d_05_equal_and_backward_decode_times_make_no_wrapped_duration() {
    let times = [0, 40, 40, 30, 80, 120, 119, 121, 160].map(|millis| millis * 1000);
    let units = times.iter().enumerate().map(|(n, &time)| unit(TrackId::VIDEO, time, 0, n == 0));
    let moofs = segment_moofs(&segments(&[avc()], units), "video");
    let mut samples = 0;
    for moof in &moofs {
        let default = moof.traf[0].tfhd.default_sample_duration;
        for entry in &moof.traf[0].trun[0].samples {
            let duration = entry.duration.or(default).unwrap();
            assert!((1..=7200).contains(&duration), "{duration}");
            samples += 1;
        }
    }
    assert_eq!(samples, times.len());
}

#[test]
fn d_07_d_08_one_track_says_cmfc_and_more_than_one_does_not() {
    for (tracks, expected) in [
        (vec![&avc()], &["iso6", "cmfc", "mp41"][..]),
        (vec![&avc(), &aac(48_000)], &["iso6", "mp41"][..]),
    ] {
        let init = init_segment(&tracks).unwrap();
        let Some(Any::Ftyp(Ftyp { major_brand, compatible_brands, .. })) =
            boxes(&init).into_iter().next()
        else {
            panic!("no ftyp in front")
        };
        assert_eq!(major_brand.to_string(), "iso6");
        let brands: Vec<String> = compatible_brands.iter().map(ToString::to_string).collect();
        assert_eq!(brands, expected);
        assert!(moov(&init).trak.iter().all(|trak| trak.edts.is_none()), "and no edit list");
    }
}

#[test]
fn d_09_an_init_segment_has_no_samples_and_says_that_fragments_follow() {
    let moov = moov(&init_segment(&[&avc(), &aac(44_100)]).unwrap());
    assert_eq!(moov.mvex.as_ref().unwrap().trex.len(), 2);
    assert_eq!(moov.mvhd.duration, 0);
    for trak in &moov.trak {
        let stbl = &trak.mdia.minf.stbl;
        assert_eq!((trak.tkhd.duration, trak.mdia.mdhd.duration), (0, 0));
        assert!(stbl.stts.entries.is_empty() && stbl.stsc.entries.is_empty());
        assert!(stbl.stco.as_ref().unwrap().entries.is_empty());
        assert_eq!(stbl.stsz.samples, mp4_atom::StszSamples::Different { sizes: Vec::new() });
    }
}

#[test]
fn d_10_offsets_of_all_tracks_count_from_moof() {
    let (video, audio) =
        ([sample(3000, 0, true), sample(3000, 6000, false)], [sample(1024, 0, true); 3]);
    let runs = [
        Run { track: 1, decode_time: 90_000, samples: &video },
        Run { track: 2, decode_time: 48_000, samples: &audio },
    ];
    let head = fragment_head(false, 1, &runs).unwrap();
    let segment = [head.as_ref(), b"v001v002a001a002a003"].concat();
    let moof = &moofs(&segment)[0];
    assert_eq!(moof.traf.len(), 2);
    for traf in &moof.traf {
        assert_eq!(traf.tfhd.base_data_offset, None);
    }
    let flags = segment.windows(4).enumerate().filter(|(_, kind)| *kind == b"tfhd");
    assert!(flags.clone().count() == 2 && flags.clone().all(|(at, _)| segment[at + 5] & 2 == 2));
    let mut demuxer = Fmp4SegmentDemuxer::new();
    demuxer.handle_init_segment(&init_segment(&[&avc(), &aac(48_000)]).unwrap()).unwrap();
    let read = demuxer.handle_media_segment(&segment).unwrap();
    let mut payload: Vec<&[u8]> =
        read.iter().map(|one| &segment[one.data_offset as usize..][..one.data_size]).collect();
    payload.sort_unstable();
    assert_eq!(payload, [b"a001", b"a002", b"a003", b"v001", b"v002"]);
}

#[test]
fn d_13_both_ways_of_saying_sync_agree_on_every_sample() {
    let patterns: [&[bool]; 6] = [
        &[true],
        &[false],
        &[true, false, false],
        &[true, true],
        &[false, true, false],
        &[true, false, true],
    ];
    for pattern in patterns {
        let samples: Vec<Sample> = pattern.iter().map(|&sync| sample(3000, 0, sync)).collect();
        let head = fragment_head(false, 1, &[Run { track: 1, decode_time: 0, samples: &samples }])
            .unwrap();
        let segment = [head.as_ref(), &vec![0; 4 * samples.len()]].concat();
        let traf = &moofs(&segment)[0].traf[0];
        for (index, (entry, &sync)) in traf.trun[0].samples.iter().zip(pattern).enumerate() {
            let flags = entry.flags.or(traf.tfhd.default_sample_flags).unwrap();
            let (depends, non_sync) = (flags >> 24 & 3, flags >> 16 & 1);
            assert_eq!((depends, non_sync), if sync { (2, 0) } else { (1, 1) }, "{index}");
        }
    }
}

#[test]
fn d_15_every_segment_starts_with_a_key_frame() {
    let video = (0..300).map(|n| unit(TrackId::VIDEO, n * 33_333, 0, n % 45 == 0));
    let moofs = segment_moofs(&segments(&[avc()], video), "video");
    assert!(moofs.len() >= 3, "{}", moofs.len());
    for moof in moofs {
        let traf = &moof.traf[0];
        let first =
            traf.trun[0].samples.get(0).unwrap().flags.or(traf.tfhd.default_sample_flags).unwrap();
        assert_eq!(first, 0x0200_0000);
    }
}

#[test]
fn d_16_pictures_have_90_khz_and_sound_its_own_rate() {
    let rates = [7350, 22_050, 44_100, 48_000, 96_000];
    for rate in rates {
        assert_eq!(moov(&init_segment(&[&aac(rate)]).unwrap()).trak[0].mdia.mdhd.timescale, rate);
    }
    assert_eq!(moov(&init_segment(&[&avc()]).unwrap()).trak[0].mdia.mdhd.timescale, 90_000);
    assert_eq!(moov(&init_segment(&[&opus()]).unwrap()).trak[0].mdia.mdhd.timescale, 48_000);
}

#[test]
fn d_19_milliseconds_of_pictures_are_90_ticks_each_without_a_hole() {
    // 30000/1001 frames a second, rounded to milliseconds as the wire has them.
    let times: Vec<i64> = (0..600).map(|n| n * 1001 / 30).collect();
    let units =
        times.iter().enumerate().map(|(n, &ms)| unit(TrackId::VIDEO, ms * 1000, 0, n % 60 == 0));
    let moofs = segment_moofs(&segments(&[avc()], units), "video");
    let (mut found, mut next) = (Vec::new(), None);
    for moof in &moofs {
        let traf = &moof.traf[0];
        let mut time = traf.tfdt.as_ref().unwrap().base_media_decode_time;
        assert_eq!(next.unwrap_or(time), time);
        for entry in &traf.trun[0].samples {
            found.push(time);
            time += u64::from(entry.duration.or(traf.tfhd.default_sample_duration).unwrap());
        }
        next = Some(time);
    }
    let expected: Vec<u64> = times.iter().map(|&ms| 900_000 + 90 * ms.cast_unsigned()).collect();
    assert_eq!(found, expected);
}

#[test]
fn d_21_styp_and_sidx_say_what_follows() {
    let samples = [sample(3000, 0, true), sample(3000, 0, false)];
    let early = u64::from(u32::MAX) + 7;
    let runs = |decode_time| [Run { track: 1, decode_time, samples: &samples }];
    let heads = [early, early + 6000].map(|time| fragment_head(false, 1, &runs(time)).unwrap());
    let references = heads.clone().map(|head| SegmentReference {
        size: head.len() as u32 + 8,
        duration: 6000,
        starts_with_sync: true,
    });
    let index = SegmentIndex {
        track: 1,
        timescale: 90_000,
        earliest_presentation: early,
        references: &references,
    };
    let kind = SegmentType { indexed: true, last: true };
    let front = [segment_type(kind).unwrap(), segment_index(&index).unwrap()].concat();
    let payload = b"s001s002";
    let segment = [&front, heads[0].as_ref(), payload, heads[1].as_ref(), payload].concat();

    let found = boxes(&segment);
    let kinds: Vec<String> = found.iter().map(|one| one.kind().to_string()).collect();
    assert_eq!(kinds, ["styp", "sidx", "moof", "mdat", "moof", "mdat"]);
    let Any::Styp(Styp { compatible_brands, .. }) = &found[0] else { panic!() };
    let brands: Vec<String> = compatible_brands.iter().map(ToString::to_string).collect();
    assert_eq!(brands, ["msdh", "cmfs", "msix", "lmsg"]);
    let Any::Sidx(Sidx { earliest_presentation_time, first_offset, references, .. }) = &found[1]
    else {
        panic!()
    };
    assert_eq!((*earliest_presentation_time, *first_offset), (early, 0), "64 bits");
    let mut at = front.len();
    for reference in references {
        assert_eq!(
            &segment[at + 4..at + 8],
            b"moof",
            "a reference begins where the one before ended"
        );
        assert!(reference.starts_with_sap && reference.sap_type == 1 && !reference.reference_type);
        at += reference.referenced_size as usize;
    }
    assert_eq!(at, segment.len());
    let huge = [SegmentReference {
        size: 1 << 31,
        ..SegmentReference { size: 0, duration: 0, starts_with_sync: true }
    }];
    assert!(segment_index(&SegmentIndex { references: &huge, ..index }).is_err());
}

#[test]
fn d_24_prft_and_emsg_stand_in_front_of_moof() {
    // 2024-02-29T12:34:56.5Z, which is 3918198896.5 s of NTP.
    let reference = ProducerReference {
        track: 1,
        wall: 1_709_210_096_500_000,
        media_time: 1 << 40,
        moment: ReferenceMoment::Captured,
    };
    let event = EventMessage {
        timescale: 90_000,
        presentation_time: 1 << 40,
        duration: None,
        id: 7,
        scheme: "https://aomedia.org/emsg/ID3",
        value: "1",
        message: b"ID3",
    };
    let samples = [sample(3000, 0, true)];
    let head =
        fragment_head(false, 1, &[Run { track: 1, decode_time: 1 << 40, samples: &samples }]);
    let segment = [
        segment_type(SegmentType::default()).unwrap(),
        producer_reference(&reference).unwrap(),
        event_message(&event).unwrap(),
        head.unwrap(),
        Bytes::from_static(b"unit"),
    ]
    .concat();
    let found = boxes(&segment);
    let kinds: Vec<String> = found.iter().map(|one| one.kind().to_string()).collect();
    assert_eq!(kinds, ["styp", "prft", "emsg", "moof", "mdat"]);
    let Any::Prft(prft) = &found[1] else { panic!() };
    let expected = Prft {
        reference_track_id: 1,
        ntp_timestamp: 3_918_198_896 << 32 | 1 << 31,
        media_time: 1 << 40,
        utc_time_semantics: ReferenceTime::RealTime,
    };
    assert_eq!(*prft, expected);
    let Any::Emsg(Emsg { scheme_id_uri, message_data, event_duration, .. }) = &found[2] else {
        panic!()
    };
    assert_eq!((scheme_id_uri.as_str(), message_data.as_slice()), (event.scheme, event.message));
    assert_eq!(*event_duration, u32::MAX);
    let bad = EventMessage { value: "a\0b", ..event };
    assert_eq!(event_message(&bad).unwrap_err().kind(), ErrorKind::Misuse);
    let before = ProducerReference { wall: -1, ..reference };
    assert!(producer_reference(&before).is_ok());
}

#[test]
fn c3_12_opus_says_how_far_back_decoding_starts() {
    let config = opus();
    let distance = roll_distance(&config.config, 960);
    assert_eq!((distance, roll_distance(&aac(48_000).config, 1024)), (Some(-4), None));
    let samples = [sample(960, 0, true); 5];
    let options = FragmentOptions { sequence: 1, segment: None, roll_distance: distance };
    let runs = [Run { track: 1, decode_time: 0, samples: &samples }];
    let head = fragment_head_with(&options, &runs).unwrap();
    let segment = [head.as_ref(), &[0; 20]].concat();
    boxes(&segment);
    let traf = &moofs(&segment)[0].traf[0];
    let AnySampleGroupEntry::UnknownGroupingType(kind, entry) = &traf.sgpd[0].entries[0].entry
    else {
        panic!("{:?}", traf.sgpd)
    };
    assert_eq!((kind.to_string().as_str(), entry.as_slice()), ("roll", &[0xff, 0xfc][..]));
    let mapped = &traf.sbgp[0].entries;
    assert_eq!(
        (mapped.len(), mapped[0].sample_count, mapped[0].group_description_index),
        (1, 5, 0x1_0001)
    );

    let samples = [0, 4, 8].map(|offset| FileSample {
        offset,
        size: 4,
        duration: 960,
        composition_offset: 0,
        sync: true,
        description: 0,
    });
    let samples: Samples = samples.into_iter().collect();
    let configs = [&*config.config];
    let track =
        FileTrack { configs: &configs, edits: &[], samples: &samples, rates: Bitrates::default() };
    let file = file_head(48_000, &[track], 12, Alignment::NONE).unwrap();
    assert_eq!(verify(&file, file.len() as u64 + 12).unwrap().tracks[0].samples, 3);
    let stbl = &moov(&file[..file.len() - 8]).trak[0].mdia.minf.stbl;
    assert_eq!((stbl.sgpd.len(), stbl.sbgp[0].entries[0].group_description_index), (1, 1));
}

#[test]
fn d_32_rates_and_colour_stand_in_an_init_segment() {
    let rates = Bitrates { average: 2_000_000, maximum: 3_000_000 };
    let avc = AvcConfig::parse(&file("codecs/avc_bt709_full.avcC"), &Limits::default()).unwrap();
    let config = CodecConfig::Avc(avc);
    let init = init_segment_with(&[InitTrack { config: &config, edits: &[], rates }]).unwrap();
    let Codec::Avc1(avc1) = &moov(&init).trak[0].mdia.minf.stbl.stsd.codecs[0].clone() else {
        panic!("no avc1")
    };
    let btrt = avc1.btrt.as_ref().unwrap();
    assert_eq!((btrt.avg_bitrate, btrt.max_bitrate), (2_000_000, 3_000_000));
    let pasp = avc1.pasp.as_ref().unwrap();
    assert_eq!((pasp.h_spacing, pasp.v_spacing), (4, 3));
    let nclx = mp4_atom::Colr::Nclx {
        colour_primaries: 1,
        transfer_characteristics: 1,
        matrix_coefficients: 1,
        full_range_flag: true,
    };
    assert_eq!(avc1.colr, Some(nclx));
    // What is not said is not written.
    let moov = moov(&init_segment(&[&self::avc()]).unwrap());
    let Codec::Avc1(plain) = &moov.trak[0].mdia.minf.stbl.stsd.codecs[0] else { panic!("no avc1") };
    assert!(plain.colr.is_none() && plain.btrt.is_none());
}

#[test]
fn d_37_rates_past_16_bits_stand_in_the_record() {
    let entry = |track: &Track| {
        let init = init_segment(&[track]).unwrap();
        let moov = moov(&init);
        (moov.trak[0].mdia.minf.stbl.stsd.codecs[0].clone(), moov.trak[0].mdia.mdhd.timescale)
    };
    let (Codec::Mp4a(mp4a), 96_000) = entry(&aac(96_000)) else { panic!("mp4a at 96 kHz") };
    assert_eq!((mp4a.audio.sample_rate.integer(), mp4a.audio.channel_count), (0, 2));
    assert_eq!(mp4a.esds.es_desc.dec_config.dec_specific.as_ref().unwrap().freq_index, 0, "96 kHz");
    let (Codec::Mp4a(mp4a), _) = entry(&aac(48_000)) else { panic!("mp4a at 48 kHz") };
    assert_eq!(mp4a.audio.sample_rate.integer(), 48_000);
    let flac = FlacConfig::parse(&file("codecs/flac_96k.head.bin"), &Limits::default()).unwrap();
    let (Codec::Flac(flac), 96_000) = entry(&track(TrackId::AUDIO, CodecConfig::Flac(flac))) else {
        panic!("fLaC at 96 kHz")
    };
    assert_eq!((flac.audio.sample_rate.integer(), flac.audio.channel_count), (48_000, 6));
}

#[test]
fn c3_14_eac3_frames_of_fewer_blocks_are_joined_to_samples_of_six() {
    // Frames of two blocks, as ffmpeg makes them for a high rate: three are one sample.
    let frames = file("codecs/eac3_2_blocks.bin");
    let unit = |n: usize, dts| AccessUnit {
        data: Bytes::copy_from_slice(&frames[n * 4096..][..4096]),
        ..unit(TrackId::AUDIO, dts, 0, true)
    };
    let mut joiner = Eac3Samples::default();
    let mut joined = Vec::new();
    for (n, dts) in [0, 10_667, 21_334, 32_001, 42_668, 53_335].into_iter().enumerate() {
        joiner.handle_unit(unit(n, dts));
        joined.extend(std::iter::from_fn(|| joiner.poll_unit()));
    }
    let found: Vec<(i64, usize)> = joined.iter().map(|unit| (unit.dts, unit.data.len())).collect();
    assert_eq!(found, [(0, 12_288), (32_001, 12_288)]);
    let all: Vec<u8> = joined.iter().flat_map(|unit| unit.data.to_vec()).collect();
    assert!(all == frames);
    // Time that was skipped ends a sample; so does the end.
    for (n, dts) in [(0, 0), (1, 10_667), (2, 500_000)] {
        joiner.handle_unit(unit(n, dts));
    }
    joiner.finish();
    let sizes: Vec<usize> =
        std::iter::from_fn(|| joiner.poll_unit()).map(|unit| unit.data.len()).collect();
    assert_eq!(sizes, [8192, 4096]);
    // Six blocks go through with their own buffer.
    let whole = Bytes::from(file("eflv/eac3.frame.bin"));
    joiner.handle_unit(AccessUnit { data: whole.clone(), ..unit(0, 0) });
    assert_eq!(joiner.poll_unit().unwrap().data.as_ptr(), whole.as_ptr());
}
