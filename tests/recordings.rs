//! MP4 recordings of captures, read by others at every moment: in fragments while they grow, plain when they are finished.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test: what is wrong here fails it"
)]

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mp4_atom::{Any, Decode, Moov};
use shiguredo_mp4::TrackKind;
use shiguredo_mp4::demux::{Fmp4SegmentDemuxer, Input, Mp4FileDemuxer};
use streamcore::assemble::{Assembler, Event};
use streamcore::codec::aac::AacConfig;
use streamcore::flv::Reader;
use streamcore::limits::Limits;
use streamcore::media::{AccessUnit, CodecConfig, Track, TrackId};
use streamcore::record::{Mp4Config, Mp4Output, Mp4Recorder, TrackFit};

const SOURCES: [&str; 10] = [
    "ffmpeg-5.1/source.flv",
    "obs-29.0.2/recorded-by-nginx.flv",
    "ffmpeg-8.1/h264-aac-bframes.flv",
    "exoplayer/sample.flv",
    "eflv/hevc_aac.flv",
    "eflv/av1_opus.flv",
    "eflv/vp9_opus.flv",
    "eflv/h264_flac.flv",
    "eflv/h264_ac3.flv",
    "eflv/h264_mp3.flv",
];
/// What `shiguredo_mp4` knows the sample entries of.
const KNOWN: usize = 8;

/// A file in memory, with its length after each output.
#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    /// Lengths at which the file was whole.
    whole: Vec<usize>,
}

impl File {
    fn take(&mut self, recorder: &mut Mp4Recorder) {
        while let Some(output) = recorder.poll_output() {
            match output {
                Mp4Output::Append(chain) => {
                    chain.iter().for_each(|bytes| self.bytes.extend_from_slice(bytes));
                    self.whole.push(self.bytes.len());
                }
                Mp4Output::Patch(patch) => self.patch(patch.offset, &patch.bytes),
            }
        }
        assert_eq!(recorder.len(), self.bytes.len() as u64);
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) {
        self.bytes[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
    }

    /// The plain file.
    fn finish(mut self, mut recorder: Mp4Recorder) -> Self {
        recorder.finish().unwrap();
        self.take(&mut recorder);
        let end = recorder.end().unwrap().unwrap();
        self.bytes.extend_from_slice(&end.index);
        self.patch(end.patch.offset, &end.patch.bytes);
        self
    }
}

#[expect(clippy::disallowed_methods, reason = "fixtures are files")]
fn source(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn events(name: &str) -> Vec<Event> {
    let limits = Limits::default();
    let (mut reader, mut assembler) = (Reader::new(&limits), Assembler::new(&limits));
    let bytes = source(name);
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        rest = &rest[reader.handle_input(rest).unwrap()..];
        while let Some((_, tag)) = reader.poll_tag() {
            assembler.handle_tag(&tag);
        }
    }
    reader.finish();
    assembler.finish();
    std::iter::from_fn(|| assembler.poll_event()).collect()
}

/// The units that were given, and the recording before its end.
fn record(name: &str) -> (Vec<AccessUnit>, Mp4Recorder, File) {
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
    let (mut units, mut file) = (Vec::new(), File::default());
    for event in events(name) {
        match event {
            Event::Track(track) => assert_eq!(recorder.handle_track(track), Ok(TrackFit::Taken)),
            Event::Unit(unit) => {
                recorder.handle_unit(unit.clone()).unwrap();
                units.push(unit);
                file.take(&mut recorder);
            }
            _ => {}
        }
    }
    (units, recorder, file)
}

/// A sample as another reader gives it: times in seconds.
#[derive(Clone, Debug)]
struct Read {
    video: bool,
    dts: f64,
    pts: f64,
    duration: f64,
    key: bool,
    data: Vec<u8>,
}

fn read(sample: &shiguredo_mp4::demux::Sample<'_>, bytes: &[u8]) -> Read {
    let scale = f64::from(sample.track.timescale.get());
    let dts = sample.timestamp as f64 / scale;
    Read {
        video: sample.track.kind == TrackKind::Video,
        dts,
        pts: dts + sample.composition_time_offset.unwrap_or(0) as f64 / scale,
        duration: f64::from(sample.duration) / scale,
        key: sample.keyframe,
        data: bytes[sample.data_offset as usize..][..sample.data_size].to_vec(),
    }
}

fn read_plain(bytes: &[u8]) -> Vec<Read> {
    let mut demuxer = Mp4FileDemuxer::new();
    while let Some(wanted) = demuxer.required_input() {
        let position = (wanted.position as usize).min(bytes.len());
        demuxer.handle_input(Input { position: position as u64, data: &bytes[position..] });
    }
    let mut samples = Vec::new();
    while let Some(sample) = demuxer.next_sample().unwrap() {
        samples.push(read(&sample, bytes));
    }
    samples
}

/// Offsets of the boxes of the top level.
fn boxes(bytes: &[u8]) -> Vec<(String, usize, usize)> {
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        let mut size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        if size == 1 {
            size = u64::from_be_bytes(bytes[at + 8..at + 16].try_into().unwrap()) as usize;
        }
        found.push((String::from_utf8_lossy(&bytes[at + 4..at + 8]).into_owned(), at, size));
        at += size;
    }
    assert_eq!(at, bytes.len(), "{found:?}");
    found
}

fn read_fragments(bytes: &[u8]) -> Vec<Read> {
    let boxes = boxes(bytes);
    let of = |kind: &str| boxes.iter().find(|found| found.0 == kind).unwrap().clone();
    let (ftyp, moov) = (of("ftyp"), of("moov"));
    let mut demuxer = Fmp4SegmentDemuxer::new();
    let init = [&bytes[..ftyp.2], &bytes[moov.1..moov.1 + moov.2]].concat();
    demuxer.handle_init_segment(&init).unwrap();
    let mut samples = Vec::new();
    for pair in boxes.windows(2).filter(|pair| pair[0].0 == "moof") {
        assert_eq!(pair[1].0, "mdat");
        let segment = &bytes[pair[0].1..pair[1].1 + pair[1].2];
        for sample in demuxer.handle_media_segment(segment).unwrap() {
            samples.push(read(&sample, segment));
        }
    }
    samples
}

fn of_kind(samples: &[Read], video: bool) -> Vec<Read> {
    samples.iter().filter(|sample| sample.video == video).cloned().collect()
}

fn of_track(units: &[AccessUnit], id: TrackId) -> Vec<AccessUnit> {
    units.iter().filter(|unit| unit.track == id).cloned().collect()
}

/// The index of a plain file, by `mp4-atom`.
fn moov(bytes: &[u8]) -> Moov {
    let (_, at, size) = boxes(bytes).into_iter().find(|found| found.0 == "moov").unwrap();
    let Any::Moov(moov) = Any::decode(&mut &bytes[at..at + size]).unwrap() else { panic!("moov") };
    moov
}

/// Where the media's zero is presented, and when the last edit ends, in seconds.
fn presented(moov: &Moov, kind: &[u8; 4]) -> (f64, f64) {
    let track = moov.trak.iter().find(|trak| trak.mdia.hdlr.handler == kind.into()).unwrap();
    let movie = f64::from(moov.mvhd.timescale);
    let media = f64::from(track.mdia.mdhd.timescale);
    let Some(elst) = track.edts.as_ref().and_then(|edts| edts.elst.as_ref()) else {
        return (0.0, track.mdia.mdhd.duration as f64 / media);
    };
    let (mut empty, mut first, mut end) = (0.0, 0.0, 0.0);
    for entry in &elst.entries {
        end += entry.segment_duration as f64 / movie;
        match entry.media_time {
            Some(time) => first = time as f64 / media,
            None => empty += entry.segment_duration as f64 / movie,
        }
    }
    (empty - first, end)
}

/// Each sample is its unit; `zero` is where the media's zero is presented.
fn assert_same(name: &str, units: &[AccessUnit], samples: &[Read], zero: f64) {
    for (index, (unit, sample)) in units.iter().zip(samples).enumerate() {
        assert_eq!(unit.data, sample.data, "{name} {index}");
        assert_eq!(unit.key, sample.key, "{name} {index}");
        let tolerance = if sample.video { 0.000_02 } else { 0.001_001 };
        for (wanted, got) in [(unit.dts, sample.dts), (unit.pts(), sample.pts)] {
            let error = got + zero - wanted as f64 / 1e6;
            assert!(error.abs() <= tolerance, "{name} {index}: {error} s off");
        }
    }
}

#[test]
fn d_31_a_recording_reads_at_every_moment_and_holds_all_up_to_it() {
    for name in &SOURCES[..KNOWN] {
        let (units, _, file) = record(name);
        let seconds = units.last().unwrap().dts / 1_000_000;
        assert!(
            file.whole.len() >= usize::try_from(seconds - 1).unwrap(),
            "{name}: {:?}",
            file.whole
        );
        for &len in &file.whole {
            let samples = read_fragments(&file.bytes[..len]);
            for (id, video) in [(TrackId::VIDEO, true), (TrackId::AUDIO, false)] {
                let (wanted, got) = (of_track(&units, id), of_kind(&samples, video));
                assert!(!got.is_empty() && got.len() <= wanted.len(), "{name}");
                assert_same(name, &wanted, &got, 0.0);
                for pair in got.windows(2) {
                    let hole = pair[0].dts + pair[0].duration - pair[1].dts;
                    assert!(hole.abs() < 1e-9, "{name}: {hole} s between two samples");
                }
            }
        }
    }
}

#[test]
fn d_31_d_27_a_finished_recording_is_a_plain_file_of_all_units() {
    for name in &SOURCES[..KNOWN] {
        let (units, recorder, file) = record(name);
        let file = file.finish(recorder).bytes;
        let kinds: Vec<String> = boxes(&file).into_iter().map(|found| found.0).collect();
        assert_eq!(kinds, ["ftyp", "mdat", "moov"], "{name}");
        let (samples, moov) = (read_plain(&file), moov(&file));
        let tracks = [(TrackId::VIDEO, true, b"vide"), (TrackId::AUDIO, false, b"soun")];
        let ends = tracks.map(|(id, video, kind)| {
            let (wanted, got) = (of_track(&units, id), of_kind(&samples, video));
            assert_eq!(wanted.len(), got.len(), "{name}");
            let (zero, end) = presented(&moov, kind);
            assert_same(name, &wanted, &got, zero);
            end
        });
        let length = moov.mvhd.duration as f64 / f64::from(moov.mvhd.timescale);
        assert!((length - ends[0].max(ends[1])).abs() < 1e-4, "{name}: D-28 {length} {ends:?}");
    }
}

#[test]
fn finished_recordings_by_the_mp4_crate_and_mp4_atom() {
    for name in SOURCES {
        let (units, recorder, file) = record(name);
        let file = file.finish(recorder).bytes;
        let moov = moov(&file);
        let counts: Vec<usize> = moov.trak.iter().map(|t| samples_of(&t.mdia.minf.stbl)).collect();
        let wanted = [TrackId::VIDEO, TrackId::AUDIO].map(|id| of_track(&units, id).len());
        assert_eq!(counts, wanted, "{name}");
        if !name.contains("eflv") {
            let reader =
                mp4::Mp4Reader::read_header(Cursor::new(&file), file.len() as u64).unwrap();
            for (video, wanted) in [(true, wanted[0]), (false, wanted[1])] {
                let kind = if video { mp4::TrackType::Video } else { mp4::TrackType::Audio };
                let track = reader.tracks().values().find(|t| t.track_type().unwrap() == kind);
                assert_eq!(track.unwrap().sample_count() as usize, wanted, "{name}");
            }
        }
    }
}

fn samples_of(stbl: &mp4_atom::Stbl) -> usize {
    match &stbl.stsz.samples {
        mp4_atom::StszSamples::Identical { count, .. } => *count as usize,
        mp4_atom::StszSamples::Different { sizes } => sizes.len(),
    }
}

#[test]
fn d_35_fragments_are_a_second_long_or_begin_at_a_key_frame() {
    let (units, _, file) = record("ffmpeg-5.1/source.flv");
    let boxes = boxes(&file.bytes);
    let fragments = boxes.iter().filter(|found| found.0 == "moof").count();
    let seconds = units.last().unwrap().dts as f64 / 1e6;
    assert!((fragments as f64 - seconds).abs() <= 2.0, "{fragments} fragments of {seconds} s");
}

fn aac() -> Track {
    let config = AacConfig::parse(&Bytes::from_static(&[0x11, 0x90])).unwrap();
    let config = Arc::new(CodecConfig::Aac(config));
    Track { id: TrackId::AUDIO, timescale: 1_000_000, config }
}

fn avc() -> Track {
    let track = events("ffmpeg-5.1/source.flv").into_iter().find_map(|event| match event {
        Event::Track(track) if track.id == TrackId::VIDEO => Some(track),
        _ => None,
    });
    track.unwrap()
}

fn unit(track: TrackId, millis: i64, key: bool, data: &Bytes) -> AccessUnit {
    AccessUnit { track, dts: millis * 1000, pts_offset: 0, key, data: data.clone() }
}

/// Pictures at 25 a second and sound at 48 kHz over these times, in milliseconds, in the order of time.
fn av(video: std::ops::Range<i64>, audio: std::ops::Range<i64>) -> Vec<AccessUnit> {
    let (picture, frame) = (Bytes::from_static(&[0; 300]), Bytes::from_static(&[1; 40]));
    let mut units: Vec<AccessUnit> = video
        .step_by(40)
        .map(|time| unit(TrackId::VIDEO, time, time % 2000 == 0, &picture))
        .collect();
    let first = audio.start;
    let sounds = (0..).map(|n| first + n * 64 / 3).take_while(|time| *time < audio.end);
    units.extend(sounds.map(|time| unit(TrackId::AUDIO, time, true, &frame)));
    units.sort_by_key(|unit| unit.dts);
    units
}

fn record_units(tracks: &[Track], units: Vec<AccessUnit>) -> (Mp4Recorder, File) {
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
    let mut file = File::default();
    for track in tracks {
        assert_eq!(recorder.handle_track(track.clone()), Ok(TrackFit::Taken));
    }
    for unit in units {
        recorder.handle_unit(unit).unwrap();
        file.take(&mut recorder);
    }
    (recorder, file)
}

#[test]
fn a_track_that_comes_late_or_ends_early_keeps_its_place() {
    for (video, audio) in
        [(0..10_000, 3000..10_000), (3000..10_000, 0..10_000), (0..10_000, 0..4000)]
    {
        let units = av(video.clone(), audio.clone());
        // The later one is announced when it comes.
        let late = if video.start > 0 { avc() } else { aac() };
        let early = if video.start > 0 { aac() } else { avc() };
        let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
        let mut file = File::default();
        assert_eq!(recorder.handle_track(early), Ok(TrackFit::Taken));
        for unit in units.clone() {
            if unit.track == late.id {
                assert_eq!(recorder.handle_track(late.clone()), Ok(TrackFit::Taken));
            }
            recorder.handle_unit(unit).unwrap();
            file.take(&mut recorder);
        }
        let samples = read_fragments(&file.bytes);
        let file = file.finish(recorder).bytes;
        let (plain, moov) = (read_plain(&file), moov(&file));
        for (id, video, kind) in [(TrackId::VIDEO, true, b"vide"), (TrackId::AUDIO, false, b"soun")]
        {
            let wanted = of_track(&units, id);
            assert_same("fragments", &wanted, &of_kind(&samples, video), 0.0);
            let (zero, _) = presented(&moov, kind);
            let plain = of_kind(&plain, video);
            assert_same("plain", &wanted, &plain, zero);
            assert_eq!(wanted.len(), plain.len());
        }
        let ends = [presented(&moov, b"vide").1, presented(&moov, b"soun").1];
        for (end, wanted) in ends.iter().zip([video.end, audio.end]) {
            assert!((end - wanted as f64 / 1000.0).abs() < 0.03, "{end} for {wanted} ms");
        }
    }
}

#[test]
fn d_02_a_stream_that_begins_far_from_zero_is_moved_as_a_whole() {
    let start = 4_294_962_000;
    let mut units = av(start..start + 4000, start + 30..start + 4000);
    for unit in units.iter_mut().filter(|unit| unit.track == TrackId::VIDEO) {
        unit.pts_offset = 80_000;
    }
    let (recorder, file) = record_units(&[avc(), aac()], units.clone());
    // The earliest presentation is the sound's; the first picture is decoded before it.
    let shift = -(start + 30) as f64 / 1000.0;
    let samples = read_fragments(&file.bytes);
    for video in [true, false] {
        let id = if video { TrackId::VIDEO } else { TrackId::AUDIO };
        // No decode time is negative: all are 30 ms later.
        assert_same("moved", &of_track(&units, id), &of_kind(&samples, video), -shift - 0.03);
    }
    let file = file.finish(recorder).bytes;
    let (plain, moov) = (read_plain(&file), moov(&file));
    for (video, kind) in [(true, b"vide"), (false, b"soun")] {
        let id = if video { TrackId::VIDEO } else { TrackId::AUDIO };
        let zero = presented(&moov, kind).0;
        assert_same("plain", &of_track(&units, id), &of_kind(&plain, video), zero - shift);
    }
}

#[test]
fn b4_07_d_30_another_configuration_needs_a_new_file() {
    let (mut recorder, mut file) = record_units(&[avc(), aac()], av(0..3000, 0..3000));
    let mut other = aac();
    other.config =
        Arc::new(CodecConfig::Aac(AacConfig::parse(&Bytes::from_static(&[0x12, 0x10])).unwrap()));
    assert_eq!(recorder.handle_track(aac()), Ok(TrackFit::Taken));
    assert_eq!(recorder.handle_track(other), Ok(TrackFit::NeedsNewFile));
    for unit in av(3000..5000, 3000..5000) {
        recorder.handle_unit(unit).unwrap();
    }
    file.take(&mut recorder);
    let samples = read_plain(&file.finish(recorder).bytes);
    assert_eq!(of_kind(&samples, true).len(), 125, "the other track goes on");
    assert_eq!(
        of_kind(&samples, false).len(),
        of_track(&av(0..3000, 0..3000), TrackId::AUDIO).len()
    );
}

#[test]
fn another_publisher_goes_on_right_behind_the_first() {
    let (mut recorder, mut file) = record_units(&[avc(), aac()], av(0..2000, 0..2000));
    recorder.handle_discontinuity().unwrap();
    for unit in av(900_000..902_000, 900_010..902_000) {
        recorder.handle_unit(unit).unwrap();
    }
    file.take(&mut recorder);
    assert!((3.9..4.2).contains(&recorder.duration().as_secs_f64()), "{:?}", recorder.duration());
    let samples = read_plain(&file.finish(recorder).bytes);
    let (video, audio) = (of_kind(&samples, true), of_kind(&samples, false));
    assert_eq!(video.len(), 100);
    // What belongs together in the second part stays together.
    let second = |samples: &[Read], n: usize| samples[n].pts;
    let off = second(&audio, 94) - second(&video, 50);
    assert!((off - 0.01).abs() < 0.002, "{off}");
}

#[test]
fn d_25_a_file_past_4_gib_has_64_bit_offsets() {
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
    assert_eq!(recorder.handle_track(avc()), Ok(TrackFit::Taken));
    // The same bytes again and again: nothing is written.
    let picture = Bytes::from(vec![0; 15 << 20]);
    let mut offsets = Vec::new();
    for n in 0..400 {
        recorder.handle_unit(unit(TrackId::VIDEO, n * 40, n == 0, &picture)).unwrap();
        while let Some(output) = recorder.poll_output() {
            if let Mp4Output::Append(chain) = output {
                let pictures = chain.iter().filter(|bytes| bytes.len() == picture.len()).count();
                offsets.push(recorder.len() - pictures as u64 * picture.len() as u64);
            }
        }
    }
    recorder.finish().unwrap();
    let end = recorder.end().unwrap().unwrap();
    let Any::Moov(moov) = Any::decode(&mut &end.index[..]).unwrap() else { panic!("moov") };
    let stbl = &moov.trak[0].mdia.minf.stbl;
    assert!(stbl.stco.is_none() && recorder.len() > 1 << 32);
    let chunks = &stbl.co64.as_ref().unwrap().entries;
    let (last, before) = chunks.split_last().unwrap();
    assert!(before == offsets && *last > 6_000_000_000, "{chunks:?}");
    assert_eq!(&end.patch.bytes[..8], b"\0\0\0\x01mdat");
    assert_eq!(end.patch.bytes[8..], (recorder.len() - 28).to_be_bytes());
}

#[test]
fn d_01_thirty_hours_past_32_bits_of_ticks() {
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
    let mut file = File::default();
    for track in [avc(), aac()] {
        assert_eq!(recorder.handle_track(track), Ok(TrackFit::Taken));
    }
    let data = Bytes::from_static(&[7; 16]);
    // A picture each two seconds: sound would be six million frames.
    for n in 0..54_000_i64 {
        recorder.handle_unit(unit(TrackId::VIDEO, n * 2000, true, &data)).unwrap();
        if n % 27_000 < 500 {
            recorder.handle_unit(unit(TrackId::AUDIO, n * 2000, true, &data)).unwrap();
        }
        file.take(&mut recorder);
    }
    let memory = recorder.index_memory();
    assert!(memory < 54_000 * 20, "{memory} bytes of index");
    let last = read_fragments(&file.bytes).into_iter().rfind(|sample| sample.video).unwrap();
    assert!((last.dts - 107_996.0).abs() < 2.1, "{}", last.dts);
    let file = file.finish(recorder).bytes;
    let moov = moov(&file);
    let seconds = moov.mvhd.duration as f64 / f64::from(moov.mvhd.timescale);
    assert!((seconds - 108_000.0).abs() < 2.1, "{seconds}");
    assert!(moov.mvhd.duration > u64::from(u32::MAX));
    assert_eq!(of_kind(&read_plain(&file), true).len(), 54_000);
}

#[test]
fn nothing_recorded_is_no_file_and_misuse_is_told() {
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &Limits::default());
    assert!(recorder.end().is_err());
    recorder.handle_unit(av(0..40, 0..1).remove(0)).unwrap();
    recorder.finish().unwrap();
    assert!(recorder.poll_output().is_none() && recorder.is_empty());
    assert!(recorder.end().unwrap().is_none());
    assert!(recorder.handle_track(aac()).is_err());
    assert_eq!(recorder.duration(), Duration::ZERO);
}
