use super::test_tracks::{aac, avc};
use super::*;
use crate::media::Track;

fn samples(count: u64, size: u32) -> Vec<FileSample> {
    (0..count)
        .map(|index| FileSample {
            offset: index * 2 * u64::from(size),
            size,
            duration: 3000,
            composition_offset: if index % 3 == 0 { 6000 } else { 0 },
            sync: index % 30 == 0,
            description: 0,
        })
        .collect()
}

fn head(samples: &[FileSample], sounds: &[FileSample], payload: u64) -> bytes::Bytes {
    let (video, audio): (Track, Track) = (avc(640, 360), aac(48_000));
    let edits = [
        Edit { duration: 1000, media_time: None },
        Edit { duration: 30_000, media_time: Some(6000) },
    ];
    let samples: Samples = samples.iter().copied().collect();
    let sounds: Samples = sounds.iter().copied().collect();
    let track = |track| FileTrack {
        configs: track,
        edits: &[],
        samples: &samples,
        rates: Bitrates::default(),
    };
    let (video, audio): ([&CodecConfig; 1], [&CodecConfig; 1]) = ([&video.config], [&audio.config]);
    let tracks = [
        FileTrack { edits: &edits, ..track(&video) },
        FileTrack { samples: &sounds, ..track(&audio) },
    ];
    file_head(90_000, &tracks, payload, Alignment::NONE).unwrap()
}

fn interleaved(count: u64, size: u32) -> (Vec<FileSample>, Vec<FileSample>, u64) {
    let video = samples(count, size);
    let audio = video.iter().map(|sample| FileSample {
        offset: sample.offset + u64::from(size),
        duration: 1024,
        composition_offset: 0,
        sync: true,
        ..*sample
    });
    (video.clone(), audio.collect(), count * 2 * u64::from(size))
}

#[test]
fn d_26_offsets_count_from_behind_the_index() {
    let (video, audio, payload) = interleaved(300, 100);
    let head = head(&video, &audio, payload);
    let len = head.len() as u64 + payload;
    let summary = verify(&head, len).unwrap();
    assert_eq!(summary.tracks.len(), 2);
    let first = summary.tracks.first().unwrap();
    assert_eq!((first.samples, first.bytes, first.duration), (300, 30_000, 900_000));
    assert_eq!(summary.duration, 300 * 1024 * 90 / 48, "the longer of the two");
    // The first chunk begins with the first payload byte.
    let stco = head.windows(4).position(|kind| kind == b"stco").unwrap();
    let offset = u32::from_be_bytes(head.get(stco + 12..stco + 16).unwrap().try_into().unwrap());
    assert_eq!(u64::from(offset), head.len() as u64);
}

#[test]
fn d_25_past_4_gib_offsets_and_mdat_have_64_bits() {
    // 3000 samples of 1 MiB each in two tracks: 5.86 GiB that are never made.
    let (video, audio, payload) = interleaved(3000, 1 << 20);
    let head = head(&video, &audio, payload);
    assert!(
        head.windows(4).any(|kind| kind == b"co64") && !head.windows(4).any(|kind| kind == b"stco")
    );
    assert_eq!(head.get(head.len() - 16..head.len() - 8).unwrap(), b"\0\0\0\x01mdat");
    let summary = verify(&head, head.len() as u64 + payload).unwrap();
    assert_eq!(summary.tracks.iter().map(|track| track.bytes).sum::<u64>(), payload);
}

#[test]
fn d_25_the_index_alone_may_push_an_offset_past_4_gib() {
    for short in [0_u64, 100, 20_000, 200_000] {
        let payload = u64::from(u32::MAX) - short;
        let mut video = samples(1000, 1000);
        let last = FileSample { offset: payload - 1000, ..*video.last().unwrap() };
        *video.last_mut().unwrap() = last;
        let audio = [FileSample { offset: 5_000_000, ..*video.first().unwrap() }];
        let head = head(&video, &audio, payload);
        let wide = head.windows(4).any(|kind| kind == b"co64");
        assert_eq!(wide, head.len() as u64 + payload > u64::from(u32::MAX), "{short}");
    }
}

#[test]
fn d_27_verify_finds_a_table_that_does_not_agree() {
    let (video, audio, payload) = interleaved(300, 100);
    let good = head(&video, &audio, payload);
    let len = good.len() as u64 + payload;
    assert!(verify(&good, len - 1).is_err() && verify(&good, len + 1).is_err());
    assert!(verify(good.get(..good.len() - 20).unwrap(), len).is_err());
    for (kind, at) in [
        (b"mvhd", 23),
        (b"mdhd", 23),
        (b"tkhd", 27),
        (b"stts", 15),
        (b"stsz", 11),
        (b"stco", 8),
        (b"elst", 15),
        (b"stsc", 15),
        (b"ctts", 11),
    ] {
        let mut broken = good.to_vec();
        let place = broken.windows(4).position(|window| window == kind).unwrap() + at;
        *broken.get_mut(place).unwrap() ^= 1;
        let error = verify(&broken, len).expect_err(std::str::from_utf8(kind).unwrap());
        assert_eq!(error.layer(), crate::error::Layer::Mp4);
    }
}

#[test]
fn d_33_d_34_verify_survives_any_single_changed_byte() {
    let (video, audio, payload) = interleaved(20, 100);
    let good = head(&video, &audio, payload);
    for index in 0..good.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut broken = good.to_vec();
            *broken.get_mut(index).unwrap() = value;
            let _ = verify(&broken, good.len() as u64 + payload);
        }
        assert!(verify(good.get(..index).unwrap(), good.len() as u64 + payload).is_err());
    }
}

#[test]
fn d_11_a_run_needs_samples_and_a_picture_fits_16_bits() {
    let run = Run { track: 1, decode_time: 0, samples: &[] };
    assert!(fragment_head(true, 1, &[run]).is_err(), "D-11");
    assert!(fragment_head(true, 1, &[]).is_err());
    assert!(init_segment(&[&avc(70_000, 16)]).is_err());
    assert!(init_segment(&[]).is_err());
    let huge = [Sample { duration: 1, size: u32::MAX, composition_offset: 0, sync: true }; 2];
    assert!(fragment_head(true, 1, &[Run { track: 1, decode_time: 0, samples: &huge }]).is_err());
}

#[test]
fn d_12_d_14_flags_of_the_first_sample_or_of_each_and_never_both() {
    let sample = |sync| Sample { duration: 3000, size: 10, composition_offset: 0, sync };
    let flags = |sync: &[bool]| {
        let samples: Vec<Sample> = sync.iter().map(|&sync| sample(sync)).collect();
        let head = fragment_head(false, 1, &[Run { track: 1, decode_time: 0, samples: &samples }])
            .unwrap();
        let at = head.windows(4).position(|kind| kind == b"trun").unwrap() + 4;
        u32::from_be_bytes(head.get(at..at + 4).unwrap().try_into().unwrap()) & 0x404
    };
    assert_eq!(flags(&[true, false, false]), 0x004);
    assert_eq!(flags(&[true, true, true]), 0);
    assert_eq!(flags(&[true]), 0);
    assert_eq!(flags(&[false]), 0);
    assert_eq!(flags(&[false, false]), 0);
    assert_eq!(flags(&[true, false, true, false]), 0x400);
}
