//! MP4 recordings of captures, read by others at every moment: in fragments while they grow, plain when they are finished.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test: what is wrong here fails it"
)]

mod made;

use std::io::Cursor;

use bytes::Bytes;
use mp4_atom::{Any, Decode, Moov};
use shiguredo_mp4::TrackKind;
use shiguredo_mp4::demux::{Fmp4SegmentDemuxer, Input, Mp4FileDemuxer};
use streamcore::assemble::{Assembler, Event};
use streamcore::flv::Reader;
use streamcore::limits::Limits;
use streamcore::media::{AccessUnit, TrackId};
use streamcore::mp4::FileSample;
use streamcore::mp4::index::{Index, IndexReader};
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

/// What the crate's own reader finds in a file, by track: offsets, sizes and decode times.
fn index(bytes: &[u8]) -> Index {
    let mut reader = IndexReader::new(bytes.len() as u64, &Limits::default());
    while let Some(range) = reader.poll_read() {
        reader.handle_read(&bytes[range.start as usize..range.end as usize]).unwrap();
    }
    reader.finish().unwrap()
}

fn payloads(bytes: &[u8], handler: &[u8; 4]) -> Vec<Vec<u8>> {
    let index = index(bytes);
    let Some(track) = index.tracks.iter().find(|track| &track.handler == handler) else {
        return Vec::new();
    };
    let sample = |sample: FileSample| {
        bytes[sample.offset as usize..sample.offset as usize + sample.size as usize].to_vec()
    };
    track.samples.iter().map(sample).collect()
}

#[test]
fn d_31_what_a_crash_tore_anywhere_is_made_plain_up_to_there() {
    let (units, _, file) = record("ffmpeg-8.1/h264-aac-bframes.flv");
    let len = file.bytes.len();
    let first = file.whole[0];
    for cut in (first..len).step_by(997).chain(len - 20..=len) {
        let mut torn = file.bytes[..cut].to_vec();
        let plan = index(&torn).in_place().unwrap();
        torn.truncate(plan.at as usize);
        torn.extend_from_slice(&plan.moov);
        let at = plan.header_at as usize;
        torn[at..at + plan.header.len()].copy_from_slice(&plan.header);
        let kinds: Vec<String> = boxes(&torn).into_iter().map(|found| found.0).collect();
        assert_eq!(kinds, ["ftyp", "mdat", "moov"], "{cut}");
        let (samples, moov) = (read_plain(&torn), moov(&torn));
        let mut found = 0;
        for (id, video, kind) in [(TrackId::VIDEO, true, b"vide"), (TrackId::AUDIO, false, b"soun")]
        {
            let (wanted, got) = (of_track(&units, id), of_kind(&samples, video));
            assert_same("torn", &wanted, &got, presented(&moov, kind).0);
            found += got.iter().map(|sample| sample.data.len()).sum::<usize>();
        }
        assert!(found + 20_000 > cut, "{cut}: only {found} bytes of media");
    }
}
