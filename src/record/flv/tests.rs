//! Recordings read back.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "test data is small and not negative"
)]

use super::*;
use crate::amf::Value;
use crate::flv::{Reader, write_metadata};
use bytes::Bytes;

const AVC_HEADER: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1e, 0xff, 0xe0, 0];
const AAC_HEADER: &[u8] = &[0xaf, 0, 0x11, 0x90];

fn tag(kind: TagKind, timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind, timestamp, body: Bytes::copy_from_slice(body) }
}

fn video(timestamp: u32) -> Tag {
    tag(TagKind::Video, timestamp, &[0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 0x9a])
}

fn audio(timestamp: u32) -> Tag {
    tag(TagKind::Audio, timestamp, &[0xaf, 1, 9])
}

fn headers() -> Vec<Tag> {
    vec![tag(TagKind::Video, 0, AVC_HEADER), tag(TagKind::Audio, 0, AAC_HEADER)]
}

fn metadata_tag(fields: &[(&str, f64)]) -> Tag {
    let fields =
        fields.iter().map(|&(key, value)| (key.to_owned(), Value::Number(value))).collect();
    Tag { kind: TagKind::Script, timestamp: 0, body: write_metadata(fields) }
}

/// The file before and after the patches.
fn record(tags: &[Tag]) -> (Vec<u8>, Vec<u8>) {
    let mut recorder = FlvRecorder::new(&Limits::default());
    let mut file = Vec::new();
    for tag in tags {
        file.extend(recorder.handle_tag(tag).unwrap().to_bytes());
        assert_eq!(recorder.len(), file.len() as u64);
    }
    let unfinished = file.clone();
    for Patch { offset, bytes } in recorder.finish() {
        let start = offset as usize;
        file.resize(file.len().max(start + bytes.len()), 0);
        file[start..start + bytes.len()].copy_from_slice(&bytes);
    }
    (unfinished, file)
}

/// The metadata and the tags behind it.
fn read(file: &[u8]) -> (Value, Vec<Tag>) {
    let mut reader = Reader::new(&Limits::default());
    let (mut rest, mut tags) = (file, Vec::new());
    while !rest.is_empty() {
        rest = &rest[reader.handle_input(rest).unwrap()..];
        tags.extend(std::iter::from_fn(|| reader.poll_tag()).map(|(_, tag)| tag));
    }
    assert!(!reader.finish());
    assert_eq!(reader.notices(), []);
    let first = tags.remove(0);
    assert!(index::is_filler(&tags.remove(0)), "room for the key frames");
    (parse_metadata(&first.body, &Limits::default()).unwrap(), tags)
}

fn number_of(value: &Value, key: &str) -> Option<f64> {
    value.field(key).and_then(Value::as_f64)
}

fn times(tags: &[Tag]) -> Vec<u32> {
    tags.iter().map(|tag| tag.timestamp).collect()
}

#[test]
fn a_stream_that_starts_near_zero_keeps_its_times() {
    let frames = [audio(23), video(0), audio(46), video(40), video(80)];
    let source = [headers(), frames.to_vec()].concat();
    let (unfinished, file) = record(&source);
    let (metadata, tags) = read(&file);
    assert_eq!(times(&tags), [0, 0, 23, 0, 46, 40, 80]);
    assert!(tags.iter().zip(&source).all(|(a, b)| a.body == b.body && a.kind == b.kind));
    assert_eq!(number_of(&metadata, "duration"), Some(0.12), "to the end of the last frame");
    assert_eq!(number_of(&metadata, "filesize"), Some(file.len() as f64));
    assert_eq!(number_of(&metadata, "audiosamplerate"), Some(48_000.0), "told by the header");
    assert_eq!(file[4], 5);
    let (metadata, tags) = read(&unfinished);
    assert_eq!((number_of(&metadata, "duration"), tags.len()), (Some(0.0), 7), "b1_13");
}

#[test]
fn a_late_start_is_moved_to_zero_with_the_offset_of_the_tracks_kept() {
    let start = 0xffff_ffd0_u32;
    let at = |offset: u32| start.wrapping_add(offset);
    // The sound comes first and is later than the picture.
    let source = [
        headers(),
        vec![audio(at(30)), audio(at(51)), video(at(10)), video(at(50)), audio(at(72))],
    ]
    .concat();
    let (_, file) = record(&source);
    let (metadata, tags) = read(&file);
    assert_eq!(times(&tags), [0, 0, 20, 41, 0, 40, 62]);
    assert_eq!(number_of(&metadata, "duration"), Some(0.083));
}

#[test]
fn one_track_alone_starts_after_a_second_at_the_latest() {
    let source: Vec<Tag> = (0..100).map(|n| audio(50_000 + n * 21)).collect();
    let mut recorder = FlvRecorder::new(&Limits::default());
    let first =
        source.iter().position(|tag| !recorder.handle_tag(tag).unwrap().is_empty()).unwrap();
    assert_eq!(first, 48);
    let (_, file) = record(&source);
    let (_, tags) = read(&file);
    assert_eq!(tags.len(), 100);
    assert_eq!((tags[0].timestamp, tags[99].timestamp), (0, 2079));
    assert_eq!(file[4], 4, "audio only");
}

#[test]
fn what_was_held_is_appended_at_the_end() {
    let (unfinished, file) = record(&[headers(), vec![video(90_000), video(90_040)]].concat());
    assert!(unfinished.is_empty());
    let (metadata, tags) = read(&file);
    assert_eq!(times(&tags), [0, 0, 0, 40]);
    assert_eq!(number_of(&metadata, "filesize"), Some(file.len() as f64));
    let (_, empty) = record(&[]);
    assert_eq!(read(&empty).1, []);
}

#[test]
fn b1_13_the_sources_metadata_is_kept_but_for_what_is_untrue_here() {
    let told = metadata_tag(&[
        ("duration", 9.0),
        ("width", 640.0),
        ("filesize", 1.0),
        ("keyframes", 0.0),
        ("x", 5.0),
    ]);
    let (_, file) = record(&[vec![told], headers(), vec![video(0), audio(0), video(40)]].concat());
    let (metadata, tags) = read(&file);
    assert_eq!(tags.len(), 5);
    let keys: Vec<&str> = metadata.fields().unwrap().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["duration", "filesize", "width", "x"]);
    assert_eq!(number_of(&metadata, "duration"), Some(0.08));
}

#[test]
fn a3_13_headers_and_script_data_in_mid_stream_take_the_time_of_the_frame_before() {
    let cue = tag(TagKind::Script, 0, b"\x02\x00\x0aonCuePoint");
    let source =
        [headers(), vec![video(0), video(5000)], headers(), vec![cue, video(5040)]].concat();
    let (_, tags) = read(&record(&source).1);
    assert_eq!(times(&tags), [0, 0, 0, 5000, 5000, 5000, 5000, 5040]);
}

#[test]
fn b1_12_bodies_past_24_bits_are_refused_and_the_recording_goes_on() {
    let mut recorder = FlvRecorder::new(&Limits::default());
    let mut large = video(0);
    large.body = vec![0x27; 1 << 24].into();
    assert_eq!(
        recorder.handle_tag(&large).unwrap_err().kind(),
        crate::error::ErrorKind::LimitExceeded
    );
    assert!(!recorder.handle_tag(&video(0)).unwrap().is_empty());
    recorder.finish();
    assert_eq!(
        recorder.handle_tag(&video(40)).unwrap_err().kind(),
        crate::error::ErrorKind::Misuse
    );
}

#[test]
fn payload_is_shared() {
    let mut recorder = FlvRecorder::new(&Limits::default());
    recorder.handle_tag(&video(0)).unwrap();
    let tag = video(40);
    let chain = recorder.handle_tag(&tag).unwrap();
    assert!(chain.iter().any(|part| part.as_ptr() == tag.body.as_ptr()));
}

#[test]
fn a6_13_multitrack_packets_keep_their_times() {
    let multitrack = |time| tag(TagKind::Video, time, &[0xa6, 3, b'h', b'v', b'c', b'1', 0, 9]);
    let (_, tags) = read(&record(&[audio(0), multitrack(33), audio(40), multitrack(66)]).1);
    assert_eq!(times(&tags), [0, 33, 40, 66]);
}

fn key_frame(timestamp: u32) -> Tag {
    tag(TagKind::Video, timestamp, &[0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88])
}

/// Times in seconds and file offsets.
fn key_frames(metadata: &Value) -> Vec<(f64, f64)> {
    let Some(keys) = metadata.field("keyframes") else { return Vec::new() };
    let list = |key| match keys.field(key) {
        Some(Value::StrictArray(values)) => values.iter().filter_map(Value::as_f64).collect(),
        _ => Vec::<f64>::new(),
    };
    list("times").into_iter().zip(list("filepositions")).collect()
}

fn stream(seconds: u32) -> Vec<Tag> {
    let frames = (0..seconds)
        .flat_map(|n| [key_frame(n * 1000), audio(n * 1000 + 7), video(n * 1000 + 500)]);
    headers().into_iter().chain(frames).collect()
}

#[test]
fn the_index_names_every_key_frame_where_it_stands() {
    let (_, file) = record(&stream(100));
    let keys = key_frames(&read(&file).0);
    // The configuration is the first of them.
    assert_eq!(keys.len(), 101);
    for (n, (time, offset)) in keys.iter().enumerate() {
        let wanted = if n == 0 { 0.0 } else { (n - 1) as f64 };
        assert!((time - wanted).abs() < 1e-9, "{n}: {time}");
        let at = *offset as usize;
        assert_eq!((file[at], file[at + 11]), (9, 0x17), "{n}: a video tag of a key frame");
        assert_eq!(file[at + 12], u8::from(n > 0));
    }
}

#[test]
fn a_long_recording_names_every_second_or_fourth_key_frame() {
    let (_, file) = record(&stream(10_000));
    let keys = key_frames(&read(&file).0);
    assert!((1024..2048).contains(&keys.len()), "{}", keys.len());
    let steps: Vec<f64> = keys.windows(2).skip(1).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(steps.iter().all(|step| (8.0..=12.0).contains(step)));
    assert!(keys.last().unwrap().0 > 9980.0);
}

#[test]
fn b1_09_what_a_crash_left_is_finished_up_to_its_last_whole_tag() {
    let source = stream(20);
    let (unfinished, file) = record(&source);
    for cut in (unfinished.len() - 400..=unfinished.len()).rev() {
        let mut repair = FlvRepair::new(&Limits::default());
        unfinished[..cut].chunks(97).for_each(|piece| repair.handle_input(piece).unwrap());
        let (len, patches) = repair.finish().unwrap();
        let mut made = unfinished[..len as usize].to_vec();
        for Patch { offset, bytes } in patches {
            made[offset as usize..offset as usize + bytes.len()].copy_from_slice(&bytes);
        }
        if cut == unfinished.len() {
            assert!(made == file, "nothing was lost");
        }
        let (metadata, tags) = read_cut(&made);
        let whole = tags.len();
        assert!(tags.iter().zip(&source).all(|(a, b)| a.body == b.body), "{cut}");
        assert_eq!(number_of(&metadata, "filesize"), Some(made.len() as f64));
        assert_eq!(key_frames(&metadata).len(), 1 + (whole - 2).div_ceil(3), "{cut}");
    }
    let mut nothing = FlvRepair::new(&Limits::default());
    nothing.handle_input(&unfinished[..100]).unwrap();
    assert!(nothing.finish().is_none());
}

/// The same as [`read`], of a file that may end without the size of its last tag.
fn read_cut(file: &[u8]) -> (Value, Vec<Tag>) {
    let mut reader = Reader::new(&Limits::default());
    assert_eq!(reader.handle_input(file).unwrap(), file.len());
    reader.finish();
    let mut tags: Vec<Tag> = std::iter::from_fn(|| reader.poll_tag()).map(|(_, tag)| tag).collect();
    let first = tags.remove(0);
    tags.remove(0);
    (parse_metadata(&first.body, &Limits::default()).unwrap(), tags)
}

#[test]
fn another_publisher_goes_on_behind_the_first() {
    let mut recorder = FlvRecorder::new(&Limits::default());
    let mut file = Vec::new();
    let mut take = |recorder: &mut FlvRecorder, tag: &Tag| {
        file.extend(recorder.handle_tag(tag).unwrap().to_bytes());
    };
    for tag in headers().iter().chain(&[video(0), audio(10), video(40)]) {
        take(&mut recorder, tag);
    }
    recorder.handle_discontinuity();
    for tag in headers().iter().chain(&[video(90_000), audio(90_020), video(90_040)]) {
        take(&mut recorder, tag);
    }
    let (_, tags) = read(&file);
    assert_eq!(times(&tags), [0, 0, 0, 10, 40, 40, 40, 80, 100, 120]);
}
