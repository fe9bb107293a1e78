use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::mp4::test_tracks::{aac, avc};
use crate::mp4::{FileSample, Run, Sample, fragment_head, init_segment, verify};

/// What a reader makes of a file.
fn read(file: &[u8]) -> crate::error::Result<Index> {
    let mut reader = IndexReader::new(file.len() as u64, &Limits::default());
    while let Some(range) = reader.poll_read() {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        reader.handle_read(&file[range])?;
    }
    reader.finish()
}

/// A recording as it stands while it is made: `ftyp`, a place for a box header, `moov`, then fragments of a second each,
/// 25 pictures with B-frames and 47 frames of sound that begin 300 ms later.
struct Recording {
    bytes: BytesMut,
    /// Where fragments begin, and the end.
    places: Vec<usize>,
}

const PICTURE: u32 = 700;
const SOUND: u32 = 90;

fn recording(seconds: u32) -> Recording {
    let (video, audio) = (avc(640, 360), aac(48_000));
    let init = init_segment(&[&video, &audio]).unwrap();
    let at = init.windows(4).position(|kind| kind == b"moov").unwrap() - 4;
    let mut bytes = BytesMut::from(&init[..at]);
    bytes.extend_from_slice(b"\0\0\0\x10free\0\0\0\0\0\0\0\0");
    bytes.extend_from_slice(&init[at..]);
    let pictures: Vec<Sample> = (0..25)
        .map(|index| Sample {
            duration: 3600,
            size: PICTURE + index,
            composition_offset: [3600, 10_800, 3600][usize::try_from(index % 3).unwrap()],
            sync: index == 0,
        })
        .collect();
    let sound = Sample { duration: 1024, size: SOUND, composition_offset: 0, sync: true };
    let sounds = vec![sound; 47];
    let mut places = Vec::new();
    for second in 0..seconds {
        places.push(bytes.len());
        let second = u64::from(second);
        let runs = [
            Run { track: 1, decode_time: second * 90_000, samples: &pictures },
            Run { track: 2, decode_time: second * 47 * 1024 + 14_400, samples: &sounds },
        ];
        let sequence = u32::try_from(second).unwrap() + 1;
        bytes.extend_from_slice(&fragment_head(false, sequence, &runs).unwrap());
        for (index, sample) in pictures.iter().chain(&sounds).enumerate() {
            let byte = u8::try_from(index).unwrap();
            bytes.extend(std::iter::repeat_n(byte, usize::try_from(sample.size).unwrap()));
        }
    }
    places.push(bytes.len());
    Recording { bytes, places }
}

fn apply(file: &[u8], plan: &InPlace) -> Vec<u8> {
    let mut out = file[..usize::try_from(plan.at).unwrap()].to_vec();
    out.extend_from_slice(&plan.moov);
    let at = usize::try_from(plan.header_at).unwrap();
    out[at..at + plan.header.len()].copy_from_slice(&plan.header);
    out
}

fn in_front(file: &[u8], block: u32) -> (Vec<u8>, InFront) {
    let plan = read(file).unwrap().in_front(block).unwrap();
    let range =
        usize::try_from(plan.source.start).unwrap()..usize::try_from(plan.source.end).unwrap();
    let out = [&plan.head[..], &file[range]].concat();
    (out, plan)
}

/// The bytes of each sample, by its place in the file.
fn payloads(file: &[u8], track: &IndexedTrack) -> Vec<Vec<u8>> {
    let slice = |sample: FileSample| {
        let at = usize::try_from(sample.offset).unwrap();
        file[at..at + usize::try_from(sample.size).unwrap()].to_vec()
    };
    track.samples.iter().map(slice).collect()
}

/// The same samples: bytes, times and flags.
fn assert_same(before: (&[u8], &Index), after: (&[u8], &Index)) {
    assert_eq!(before.1.tracks.len(), after.1.tracks.len());
    for (one, other) in before.1.tracks.iter().zip(&after.1.tracks) {
        assert!(payloads(before.0, one) == payloads(after.0, other));
        let told = |samples: &Samples| -> Vec<_> {
            let mut all: Vec<_> = samples.iter().collect();
            all.iter_mut().for_each(|sample| sample.offset = 0);
            all
        };
        assert_eq!(told(&one.samples), told(&other.samples));
        // When the first is presented.
        let start = |track: &IndexedTrack| {
            let begin = i64::try_from(track.begin).unwrap() + track.shift;
            begin + i64::from(track.samples.iter().next().unwrap().composition_offset)
        };
        assert_eq!(start(one), start(other));
    }
}

#[test]
fn d_31_a_fragmented_recording_becomes_a_plain_file_where_it_stands() {
    let file = recording(8).bytes;
    let index = read(&file).unwrap();
    assert_eq!((index.fragments, index.cut_at, index.end), (8, None, file.len() as u64));
    assert_eq!(
        index.tracks.iter().map(|track| track.samples.len()).collect::<Vec<_>>(),
        [200, 376]
    );
    let plan = index.in_place().unwrap();
    assert_eq!(
        plan.header_at,
        u64::try_from(file.windows(4).position(|kind| kind == b"free").unwrap()).unwrap() - 4
    );
    let plain = apply(&file, &plan);
    let after = read(&plain).unwrap();
    assert!(after.is_plain() && after.cut_at.is_none() && after.fragments == 0);
    assert_same((&file, &index), (&plain, &after));
    // The media did not move.
    assert!(plain[16 + 28..file.len()] == file[16 + 28..]);
}

#[test]
fn d_31_without_a_place_for_it_the_header_goes_over_the_old_index() {
    let with_place = recording(3).bytes;
    let free = with_place.windows(4).position(|kind| kind == b"free").unwrap() - 4;
    let file = [&with_place[..free], &with_place[free + 16..]].concat();
    let index = read(&file).unwrap();
    let plan = index.in_place().unwrap();
    assert_eq!(plan.header_at, index.moov.0);
    let plain = apply(&file, &plan);
    let after = read(&plain).unwrap();
    assert!(after.is_plain());
    assert_same((&file, &index), (&plain, &after));
}

#[test]
fn d_31_cut_anywhere_all_whole_samples_stay() {
    let whole = recording(4);
    let (first, last) = (whole.places[0], *whole.places.last().unwrap());
    for end in (first..last).step_by(97).chain([first, last - 1]) {
        let file = &whole.bytes[..end];
        let index = read(file).unwrap();
        let inside = index.tracks.iter().flat_map(|track| &track.samples);
        let bytes: u64 = inside.map(|sample| u64::from(sample.size)).sum();
        let fragments = whole.places.iter().filter(|&&place| place <= end).count() - 1;
        let each: u64 =
            (0..25).map(|index| u64::from(PICTURE + index)).sum::<u64>() + 47 * u64::from(SOUND);
        assert!(bytes >= u64::try_from(fragments).unwrap_or(0).saturating_sub(1) * each);
        assert!(index.end <= end as u64);
        assert_eq!(index.cut_at.is_some(), !whole.places.contains(&end), "{end}");
        if bytes == 0 {
            assert!(index.in_place().is_err());
            continue;
        }
        let plain = apply(file, &index.in_place().unwrap());
        let after = read(&plain).unwrap();
        assert!(after.is_plain(), "{end}");
        let with_samples = Index {
            tracks: index
                .tracks
                .iter()
                .filter(|track| !track.samples.is_empty())
                .cloned()
                .collect(),
            ..index.clone()
        };
        assert_same((file, &with_samples), (&plain, &after));
    }
}

#[test]
fn d_31_an_index_that_was_written_half_or_not_yet_counted_is_replaced() {
    let file = recording(3).bytes;
    let plan = read(&file).unwrap().in_place().unwrap();
    for len in [1, 7, 9, 100, plan.moov.len() - 1, plan.moov.len()] {
        let crashed = [&file[..], &plan.moov[..len]].concat();
        let again = read(&crashed).unwrap().in_place().unwrap();
        assert_eq!((again.at, &again.moov), (plan.at, &plan.moov), "{len}");
    }
    // Zeros at the end are what a lost write leaves.
    let zeros = [&file[..], &[0; 300]].concat();
    let index = read(&zeros).unwrap();
    assert_eq!((index.cut_at, index.end), (Some(file.len() as u64), file.len() as u64));
}

#[test]
fn d_26_the_index_goes_in_front_of_one_range() {
    let whole = recording(5);
    for block in [1, 512, 4096] {
        let (plain, plan) = in_front(&whole.bytes, block);
        let summary = verify(&plan.head, plain.len() as u64).unwrap();
        assert_eq!(
            summary.tracks.iter().map(|track| track.samples).collect::<Vec<_>>(),
            [125, 235]
        );
        // What the fragments' heads take stays behind as it was.
        assert!(summary.unused > 0 && summary.unused < 5000);
        assert_eq!(plan.head.len() % usize::try_from(block).unwrap(), 0);
        assert_eq!(plan.source.start % u64::from(block), 0);
        assert_same((&whole.bytes, &read(&whole.bytes).unwrap()), (&plain, &read(&plain).unwrap()));
    }
}

#[test]
fn d_29_sound_that_begins_later_and_pictures_out_of_order_keep_their_times() {
    let (_, plan) = in_front(&recording(2).bytes, 1);
    let edits: Vec<usize> = plan
        .head
        .windows(4)
        .enumerate()
        .filter(|(_, kind)| kind == b"elst")
        .map(|(at, _)| at)
        .collect();
    let word = |at: usize| u32::from_be_bytes(plan.head[at..at + 4].try_into().unwrap());
    // Pictures are first shown 3600 ticks of 90 kHz in, so they begin with 40 ms of nothing (the movie counts in ms).
    assert_eq!([8, 12, 16, 24, 28].map(|at| word(edits[0] + at)), [2, 40, u32::MAX, 2000, 3600]);
    assert_eq!([8, 12, 16, 24, 28].map(|at| word(edits[1] + at)), [2, 300, u32::MAX, 2005, 0]);
}

#[test]
fn d_03_gaps_and_overlaps_between_fragments_keep_the_times_of_what_follows() {
    let (video, sample) =
        (avc(64, 64), Sample { duration: 3000, size: 10, composition_offset: 0, sync: true });
    let mut file = BytesMut::from(&init_segment(&[&video]).unwrap()[..]);
    for (sequence, decode_time) in [(1, 0), (2, 90_000), (3, 91_000)] {
        let runs = [Run { track: 1, decode_time, samples: &[sample; 2] }];
        file.extend_from_slice(&fragment_head(true, sequence, &runs).unwrap());
        file.extend_from_slice(&[7; 20]);
    }
    let index = read(&file).unwrap();
    let durations: Vec<u32> =
        index.tracks[0].samples.iter().map(|sample| sample.duration).collect();
    assert_eq!(durations, [3000, 87_000, 3000, 1, 999, 3000]);
    let mut time = 0_i64;
    let shown: Vec<i64> = index.tracks[0]
        .samples
        .iter()
        .map(|sample| {
            let shown = time + i64::from(sample.composition_offset);
            time += i64::from(sample.duration);
            shown
        })
        .collect();
    assert_eq!(shown, [0, 3000, 90_000, 93_000, 91_000, 94_000]);
}

#[test]
fn a_plain_file_reads_back_and_its_index_moves_to_the_front() {
    let file = recording(3).bytes;
    let plain = apply(&file, &read(&file).unwrap().in_place().unwrap());
    let index = read(&plain).unwrap();
    assert_eq!(index.in_place().unwrap_err().kind(), ErrorKind::Misuse);
    let (front, plan) = in_front(&plain, 1);
    verify(&plan.head, front.len() as u64).unwrap();
    assert_same((&plain, &index), (&front, &read(&front).unwrap()));
}

#[test]
fn what_is_no_mp4_or_has_no_index_is_said_with_its_place() {
    let whole = recording(1);
    for file in [&b"FLV\x01\x05\0\0\0\x09\0\0\0\0"[..], &[0; 40]] {
        assert_eq!(read(file).unwrap_err().offset(), Some(0));
    }
    assert_eq!(read(&[]).unwrap_err().kind(), ErrorKind::Malformed);
    let before_its_index = &whole.bytes[..whole.places[0] - 5];
    // `ftyp`, the placeholder, and then `moov`.
    let file_type: [u8; 4] = whole.bytes[..4].try_into().unwrap();
    let movie = Some(u64::from(u32::from_be_bytes(file_type)) + 16);
    assert_eq!(read(before_its_index).unwrap_err().offset(), movie);
    let empty = read(&whole.bytes[..whole.places[0]]).unwrap();
    assert_eq!(empty.in_front(1).unwrap_err().kind(), ErrorKind::Malformed);
    let mut reader = IndexReader::new(100, &Limits::default());
    assert_eq!(reader.handle_read(&[0; 3]).unwrap_err().kind(), ErrorKind::Misuse);
    // Nothing is read into memory past the limit.
    let limits = Limits { index_bytes: 100, ..Limits::default() };
    let mut reader = IndexReader::new(whole.bytes.len() as u64, &limits);
    let error = loop {
        let range = reader.poll_read().unwrap();
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        if let Err(error) = reader.handle_read(&whole.bytes[range]) {
            break error;
        }
    };
    assert_eq!((error.kind(), error.offset()), (ErrorKind::LimitExceeded, movie));
}

#[test]
fn d_34_counts_without_bytes_are_bounded_by_the_file() {
    let video = avc(64, 64);
    let init = init_segment(&[&video]).unwrap();
    for (flags, size) in [(0_u32, 0_u32), (0, 1), (0x100, 0)] {
        let mut file = BytesMut::from(&init[..]);
        let mut trun = vec![0, 0, 0, 0];
        trun[..4].copy_from_slice(&flags.to_be_bytes());
        trun.extend(u32::MAX.to_be_bytes());
        trun.extend([0; 32]);
        let tfhd =
            [&0x02_0010_u32.to_be_bytes()[..], &1_u32.to_be_bytes(), &size.to_be_bytes()].concat();
        let wrap = |kind: &[u8], content: &[u8]| {
            [&u32::try_from(content.len() + 8).unwrap().to_be_bytes()[..], kind, content].concat()
        };
        let traf = wrap(b"traf", &[wrap(b"tfhd", &tfhd), wrap(b"trun", &trun)].concat());
        (0..50).for_each(|_| file.extend_from_slice(&wrap(b"moof", &traf)));
        let index = read(&file).unwrap();
        assert!(index.cut_at.is_some());
        assert!(index.tracks[0].samples.is_empty());
    }
}

proptest! {
    #[test]
    fn f_30_damaged_bytes_do_no_harm(at in 0_usize..6000, byte: u8, more in 0_usize..6000, other: u8) {
        let mut file = recording(1).bytes.to_vec();
        let len = file.len();
        file[at % len] = byte;
        file[more % len] = other;
        if let Ok(index) = read(&file) {
            for track in &index.tracks {
                for sample in &track.samples {
                    prop_assert!(sample.offset + u64::from(sample.size) <= len as u64);
                }
            }
            let _ = index.in_place();
            if let Ok(plan) = index.in_front(4096) {
                prop_assert!(plan.source.end <= len as u64);
            }
        }
    }
}

#[test]
fn the_first_bytes_are_all_that_is_read() {
    let file = recording(20).bytes;
    let mut reader = IndexReader::new(file.len() as u64, &Limits::default());
    let mut read = 0;
    while let Some(range) = reader.poll_read() {
        read += range.end - range.start;
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        reader.handle_read(&Bytes::copy_from_slice(&file)[range]).unwrap();
    }
    let index = reader.finish().unwrap();
    let media: u64 = index.tracks.iter().map(|track| track.samples.bytes()).sum();
    assert!(read + media <= file.len() as u64 + 40 * 16, "{read} of {} bytes", file.len());
}
