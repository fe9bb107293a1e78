use bytes::{BufMut, Bytes, BytesMut};

use super::*;

mod pathologies;
mod sizes;
use crate::flv::{Tag, TagKind, Writer};
use crate::media::CodecConfig;
use crate::mp4::test_tracks::{aac, avc};
use crate::mp4::{TrackSummary, verify};

/// Writes an FLV tag by tag.
struct Flv {
    bytes: BytesMut,
    writer: Writer,
}

impl Flv {
    fn new() -> Self {
        let mut writer = Writer::new();
        let bytes = BytesMut::from(&writer.header(true, true)[..]);
        Self { bytes, writer }
    }

    fn tag(&mut self, kind: TagKind, timestamp: u32, body: &[u8]) {
        let tag = Tag { kind, timestamp, body: Bytes::copy_from_slice(body) };
        self.writer.tag(&tag).unwrap().iter().for_each(|part| self.bytes.extend_from_slice(part));
    }

    fn video_header(&mut self, timestamp: u32) {
        let CodecConfig::Avc(config) = &*avc(640, 360).config else { unreachable!() };
        self.tag(TagKind::Video, timestamp, &[&[0x17, 0, 0, 0, 0], &config.record()[..]].concat());
    }

    fn audio_header(&mut self, timestamp: u32) {
        let CodecConfig::Aac(config) = &*aac(48_000).config else { unreachable!() };
        self.tag(TagKind::Audio, timestamp, &[&[0xaf, 0], &config.asc()[..]].concat());
    }

    /// A picture of one slice of `len` bytes, its content told by its time.
    fn picture(&mut self, timestamp: u32, composition: i32, key: bool, len: usize) {
        let unit = slice(timestamp, key, len);
        let length = u32::try_from(unit.len()).unwrap().to_be_bytes();
        self.raw_picture(timestamp, composition, key, &[&length[..], &unit].concat());
    }

    fn raw_picture(&mut self, timestamp: u32, composition: i32, key: bool, data: &[u8]) {
        let [_, a, b, c] = composition.to_be_bytes();
        let head = [if key { 0x17 } else { 0x27 }, 1, a, b, c];
        self.tag(TagKind::Video, timestamp, &[&head, data].concat());
    }

    fn sound(&mut self, timestamp: u32) {
        let mut body = vec![0xaf, 1];
        body.put_u32(timestamp);
        body.extend([0x21; 60]);
        self.tag(TagKind::Audio, timestamp, &body);
    }

    /// Video at 25 frames a second, a key frame each second, and sound, both from `start` milliseconds on.
    fn run(&mut self, start: u32, seconds: u32) {
        let (mut video, mut audio) = (0, 0);
        while video < 25 * seconds {
            if video * 40 <= audio * 1024 / 48 {
                self.picture(start + video * 40, 0, video % 25 == 0, 200);
                video += 1;
            } else {
                self.sound(start + audio * 1024 / 48);
                audio += 1;
            }
        }
    }
}

/// A slice NAL unit: `first_mb_in_slice` is 0, the slice type is I or P.
fn slice(timestamp: u32, key: bool, len: usize) -> Vec<u8> {
    let mut unit = if key { vec![0x65, 0b1011_0111] } else { vec![0x41, 0b1110_0000 | 0b1_0111] };
    unit.put_u32(timestamp | 0x8080_8080);
    unit.resize(len, 0x55);
    unit
}

fn plan_of(flv: &[u8]) -> Result<Plan> {
    let mut remuxer = Remuxer::new(&Limits::default());
    remuxer.handle_input(flv)?;
    remuxer.finish()
}

/// What reading in part makes of it.
fn skim(flv: &[u8], block: usize, options: &Options) -> Result<Plan> {
    let mut skimmer = Skimmer::new(flv.len() as u64, &Limits::default());
    while let Some(range) = skimmer.poll_read() {
        let at = |offset| usize::try_from(offset).unwrap();
        let end = at(range.end).max((at(range.start) + block).min(flv.len()));
        skimmer.handle_read(&flv[at(range.start)..end])?;
    }
    skimmer.finish(options)
}

/// The plan, checked, and the bytes of its media.
fn remux(flv: &Flv) -> (Plan, Vec<TrackSummary>, Vec<u8>) {
    let plan = plan_of(&flv.bytes).unwrap();
    for block in [1, 2000] {
        let skimmed = skim(&flv.bytes, block, &Options::COMPACT).unwrap();
        assert!(skimmed.head == plan.head && skimmed.body == plan.body, "read in part: {block}");
        assert_eq!(skimmed.report, plan.report);
    }
    let whole = skim(&flv.bytes, 2000, &Options::new(Layout::Whole, 4096)).unwrap();
    verify(&whole.head, whole.len()).unwrap();
    let summary = verify(&plan.head, plan.len()).unwrap();
    let mut media = Vec::new();
    for piece in plan.body.iter() {
        match piece {
            Piece::Copy { offset, len } => {
                let start = usize::try_from(offset).unwrap();
                media.extend_from_slice(&flv.bytes[start..start + usize::try_from(len).unwrap()]);
            }
            Piece::Inline(bytes) => media.extend_from_slice(&bytes),
        }
    }
    (plan, summary.tracks, media)
}

/// Content of the box behind its header, version and flags.
fn content<'a>(head: &'a [u8], kind: &[u8; 4], which: usize) -> &'a [u8] {
    let mut found = head.windows(4).enumerate().filter(|(_, window)| window == kind);
    let at = found.nth(which).unwrap_or_else(|| panic!("no {}", String::from_utf8_lossy(kind))).0;
    &head[at + 8..]
}

fn words(content: &[u8], count: usize) -> Vec<u32> {
    content.chunks(4).take(count).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect()
}

#[test]
fn a_plain_recording_copies_every_unit_and_rewrites_none() {
    let mut flv = Flv::new();
    flv.video_header(0);
    flv.audio_header(0);
    flv.run(0, 4);
    let (plan, tracks, media) = remux(&flv);
    assert_eq!(tracks.iter().map(|track| track.samples).collect::<Vec<_>>(), [100, 186]);
    assert_eq!((tracks[0].duration, tracks[1].duration), (360_000, 186 * 1024));
    assert_eq!(
        (plan.report.inline_bytes, plan.report.cut_at.is_some(), plan.report.discontinuities),
        (0, false, 0)
    );
    assert_eq!(&media[4..10], &slice(0, true, 200)[..6]);
    assert!(!plan.head.windows(4).any(|kind| kind == b"edts"), "nothing to edit");
}

#[test]
fn b4_20_sound_alone_and_pictures_alone() {
    let mut flv = Flv::new();
    flv.audio_header(0);
    (0..100).for_each(|index| flv.sound(index * 1024 / 48));
    let (plan, tracks, _) = remux(&flv);
    assert_eq!((tracks.len(), tracks[0].codec, tracks[0].samples), (1, *b"mp4a", 100));
    assert_eq!(plan.report.duration, 100 * 1024 * 1000 / 48);

    let mut flv = Flv::new();
    flv.video_header(0);
    (0..50).for_each(|index| flv.picture(index * 40, 0, index == 0, 100));
    let (plan, tracks, _) = remux(&flv);
    assert_eq!((tracks.len(), tracks[0].codec, tracks[0].samples), (1, *b"avc1", 50));
    assert_eq!(plan.report.duration, 2_000_000, "the last frame lasts as long as the one before");
}

#[test]
fn b1_09_a_whole_file_is_not_truncated_however_full_the_queue() {
    let mut flv = Flv::new();
    flv.video_header(0);
    // A tag cut short claims all that follows: only at the end it shows that whole tags stand there.
    flv.bytes.extend_from_slice(&[9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    flv.run(0, 1);
    for queued_events in [1, 3, 256] {
        let limits = Limits { queued_events, ..Limits::default() };
        let mut remuxer = Remuxer::new(&limits);
        remuxer.handle_input(&flv.bytes).unwrap();
        let report = remuxer.finish().unwrap().report;
        assert_eq!(
            (report.cut_at.is_some(), report.tracks[0].samples),
            (false, 25),
            "{queued_events}"
        );
    }
}

#[test]
fn b1_09_a_truncated_file_keeps_all_whole_tags() {
    let mut flv = Flv::new();
    flv.video_header(0);
    flv.audio_header(0);
    flv.run(0, 3);
    let whole =
        plan_of(&flv.bytes).unwrap().report.tracks.iter().map(|track| track.samples).sum::<usize>();
    for cut in [1, 5, 20, 60] {
        let plan = plan_of(&flv.bytes[..flv.bytes.len() - cut]).unwrap();
        let samples: usize = plan.report.tracks.iter().map(|track| track.samples).sum();
        // Within the last four bytes, the tag itself is whole.
        assert_eq!(plan.report.cut_at.is_some(), cut > 4, "{cut}");
        assert!((whole - 1..=whole).contains(&samples), "{cut}: {samples} of {whole}");
        verify(&plan.head, plan.len()).unwrap();
    }
}

#[test]
fn b4_13_a_file_without_h264_and_aac_is_a_clear_error() {
    let mut flv = Flv::new();
    flv.tag(TagKind::Video, 0, &[0x12, 1, 2, 3]);
    flv.tag(TagKind::Audio, 0, &[0x2f, 1, 2, 3]);
    let error = plan_of(&flv.bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "codec: unsupported: Sorenson H.263 at byte 24 [FLV 10.1 E.4.3.1]"
    );
    assert!(plan_of(&Flv::new().bytes).is_err());
    assert!(plan_of(b"").is_err());
    assert!(plan_of(b"GIF89a and more that is no FLV").is_err());
}

#[test]
fn d_29_reordered_pictures_and_late_sound_get_their_edits() {
    let mut flv = Flv::new();
    flv.video_header(0);
    flv.audio_header(0);
    // Decoded at 0, 40 …; presented from 80 on. Sound from 500 on.
    for index in 0..50 {
        let composition = [80, 160, 80, 0][usize::try_from(index % 4).unwrap()];
        flv.picture(index * 40, composition, index == 0, 100);
        if index * 40 >= 500 {
            flv.sound(500 + (index * 40 - 520) / 40 * 1024 / 48);
        }
    }
    let (plan, ..) = remux(&flv);
    // Count; then length, media time and rate of each edit; the movie counts in 1/90000 s.
    let video = words(content(&plan.head, b"elst", 0), 7);
    assert_eq!((&video[..3], video[5]), (&[2, 80 * 90, u32::MAX][..], 80 * 90));
    let audio = words(content(&plan.head, b"elst", 1), 7);
    assert_eq!((&audio[..3], audio[5]), (&[2, 500 * 90, u32::MAX][..], 0));
    assert_eq!(
        plan.report.tracks.iter().map(|track| track.start).collect::<Vec<_>>(),
        [80_000, 500_000]
    );
}

#[test]
fn d_29_a_picture_shown_later_than_its_media_lasts_passes_the_strict_reader() {
    let mut flv = Flv::new();
    flv.video_header(0);
    flv.picture(0, 80, true, 100);
    let (plan, tracks, _) = remux(&flv);
    assert_eq!((tracks[0].samples, plan.report.tracks[0].start), (1, 80_000));
    // Where nothing is shown at all, it still fails.
    let mut head = plan.head.to_vec();
    let at = head.windows(4).position(|window| window == b"elst").unwrap();
    head[at + 24] = 0x7f;
    assert!(verify(&head, plan.len()).is_err());
}

#[test]
fn b3_11_d_29_negative_composition_times_become_offsets_that_no_reader_can_get_wrong() {
    let mut flv = Flv::new();
    flv.video_header(0);
    for index in 0..20 {
        flv.picture(400 + index * 40, if index % 2 == 0 { -40 } else { 0 }, index == 0, 100);
    }
    let (plan, ..) = remux(&flv);
    // The first picture is presented at 360 ms, and later than it is decoded.
    assert_eq!(plan.report.tracks[0].start, 360_000);
    let offsets = words(content(&plan.head, b"ctts", 0), 5);
    assert_eq!(offsets, [20, 1, 0, 1, 3600]);
}

#[test]
fn a_recording_that_begins_late_on_its_clock_begins_at_zero() {
    let mut flv = Flv::new();
    flv.video_header(7_200_000);
    flv.audio_header(7_200_000);
    flv.run(7_200_000, 3);
    let (plan, ..) = remux(&flv);
    assert_eq!(plan.report.tracks.iter().map(|track| track.start).collect::<Vec<_>>(), [0, 0]);
    assert!((2_990_000..3_020_000).contains(&plan.report.duration), "{}", plan.report.duration);
}

#[test]
fn d_20_missing_sound_makes_the_frame_before_it_longer() {
    let mut flv = Flv::new();
    flv.video_header(0);
    flv.audio_header(0);
    (0..150).for_each(|index| flv.picture(index * 40, 0, index % 25 == 0, 50));
    (0..250)
        .filter(|index| !(100..110).contains(index))
        .for_each(|index| flv.sound(index * 1024 / 48));
    let (plan, tracks, _) = remux(&flv);
    assert_eq!((tracks[1].samples, tracks[1].duration), (240, 250 * 1024));
    let durations = words(content(&plan.head, b"stts", 1), 7);
    assert_eq!(durations, [3, 99, 1024, 1, 11 * 1024, 140, 1024]);
}

#[test]
fn d_18_sound_that_drifts_stays_with_the_video() {
    let mut flv = Flv::new();
    flv.audio_header(0);
    // Sound comes 200 ppm late on the wire's clock, for 20 minutes: 240 ms.
    let frames = 20 * 60 * 48_000 / 1024_u32;
    for index in 0..frames {
        let micros = u64::from(index) * 1024 * 1_000_200 / 48_000;
        flv.sound(u32::try_from(micros / 1000).unwrap());
    }
    let (_, tracks, _) = remux(&flv);
    let wire = u64::from(frames) * 1024 * 10_002 / 10_000;
    assert!(tracks[0].duration.abs_diff(wire) < 480, "{} for {wire}", tracks[0].duration);
}

#[test]
fn b3_07_a_restarted_encoder_goes_on_where_it_stopped() {
    let mut flv = Flv::new();
    flv.video_header(0);
    flv.audio_header(0);
    flv.run(50_000, 4);
    flv.run(0, 4);
    let (plan, tracks, _) = remux(&flv);
    assert_eq!(plan.report.discontinuities, 1);
    let seconds = tracks.iter().map(|track| track.duration as f64 / f64::from(track.timescale));
    assert!(
        seconds.clone().all(|seconds| (7.9..8.2).contains(&seconds)),
        "{:?}",
        seconds.collect::<Vec<_>>()
    );
}

#[test]
fn d_30_a_changed_configuration_is_a_second_sample_entry() {
    let mut flv = Flv::new();
    flv.video_header(0);
    (0..25).for_each(|index| flv.picture(index * 40, 0, index == 0, 100));
    // The same parameter sets but for the level.
    let CodecConfig::Avc(config) = &*avc(640, 360).config else { unreachable!() };
    let mut record = config.record().to_vec();
    record[3] = 0x1f;
    record[11] = 0x1f;
    flv.tag(TagKind::Video, 1000, &[&[0x17, 0, 0, 0, 0], &record[..]].concat());
    (25..50).for_each(|index| flv.picture(index * 40, 0, index == 25, 100));
    // And back: no third entry.
    flv.video_header(2000);
    (50..75).for_each(|index| flv.picture(index * 40, 0, index == 50, 100));
    let (plan, tracks, _) = remux(&flv);
    assert_eq!((plan.report.tracks[0].configurations, tracks[0].samples), (2, 75));
    assert_eq!(words(content(&plan.head, b"stsd", 0), 1), [2]);
    let chunks = words(content(&plan.head, b"stsc", 0), 10);
    assert_eq!(chunks, [3, 1, 25, 1, 2, 25, 2, 3, 25, 1]);
}

#[test]
fn c1_09_start_codes_become_lengths_and_the_rest_is_still_copied() {
    let mut flv = Flv::new();
    flv.video_header(0);
    for index in 0..50_u32 {
        let mut data = vec![0, 0, 0, 1, 9, 0x10, 0, 0, 1];
        data.extend(slice(index * 40, index % 25 == 0, 5000));
        data.extend([0, 0, 0, 1, 0x41, 0x10]);
        data.extend([0x33; 300]);
        flv.raw_picture(index * 40, 0, index % 25 == 0, &data);
    }
    let (plan, tracks, media) = remux(&flv);
    assert_eq!(tracks[0].samples, 50);
    assert_eq!(plan.report.inline_bytes, 50 * 8, "two lengths a picture");
    let mut expected = Vec::new();
    for index in 0..50_u32 {
        expected.put_u32(5000);
        expected.extend(slice(index * 40, index % 25 == 0, 5000));
        expected.put_u32(302);
        expected.extend([0x41, 0x10]);
        expected.extend([0x33; 300]);
    }
    assert_eq!(media.len(), expected.len());
    assert!(media == expected);
}

#[test]
fn what_has_to_be_rewritten_is_bounded() {
    let limits = Limits { reassembly_bytes: 1000, ..Limits::default() };
    let mut flv = Flv::new();
    flv.video_header(0);
    for index in 0..200_u32 {
        let data = [&[0, 0, 0, 1][..], &slice(index * 40, index == 0, 40)].concat();
        flv.raw_picture(index * 40, 0, index == 0, &data);
    }
    let mut remuxer = Remuxer::new(&limits);
    let error =
        remuxer.handle_input(&flv.bytes).and_then(|()| remuxer.finish().map(drop)).unwrap_err();
    assert_eq!(error.kind(), crate::error::ErrorKind::LimitExceeded);
}

fn mended(flv: &[u8]) -> (MendedFlv, Vec<u8>) {
    let mut mender = FlvMender::new(&Limits::default());
    flv.chunks(700).for_each(|piece| mender.handle_input(piece).unwrap());
    let mended = mender.finish().unwrap();
    let mut out = mended.head.to_vec();
    for piece in mended.body.iter() {
        match piece {
            Piece::Copy { offset, len } => {
                let start = usize::try_from(offset).unwrap();
                out.extend_from_slice(&flv[start..start + usize::try_from(len).unwrap()]);
            }
            Piece::Inline(bytes) => out.extend_from_slice(&bytes),
        }
    }
    (mended, out)
}

/// All tags, and what the reader has to say.
fn tags_of(flv: &[u8]) -> (Vec<Tag>, usize, bool) {
    let mut reader = Reader::new(&Limits { queued_events: 1 << 20, ..Limits::default() });
    assert_eq!(reader.handle_input(flv).unwrap(), flv.len());
    let cut = reader.finish();
    let tags = std::iter::from_fn(|| reader.poll_tag()).map(|(_, tag)| tag).collect();
    (tags, reader.notices().len(), cut)
}

#[test]
fn b1_09_b1_10_a_cut_file_with_garbage_in_it_becomes_a_whole_one() {
    let mut flv = Flv::new();
    flv.video_header(0);
    flv.audio_header(0);
    flv.run(0, 2);
    let clean = tags_of(&flv.bytes).0;
    let at = flv.bytes.len();
    let mut bytes = flv.bytes.to_vec();
    bytes.extend([0x55; 300]);
    let mut rest = Flv::new();
    rest.run(2000, 1);
    let behind = tags_of(&rest.bytes).0;
    bytes.extend_from_slice(&rest.bytes[13..]);
    bytes.truncate(bytes.len() - 3 - 15);
    let (found, mended) = mended(&bytes);
    let (tags, notices, cut) = tags_of(&mended);
    assert_eq!((notices, cut), (0, false));
    // Metadata is new; the last tag was cut.
    assert_eq!(tags[1..=clean.len()], clean);
    assert_eq!(tags[1 + clean.len()..], behind[..behind.len() - 1]);
    assert!(found.cut_at.is_some_and(|cut| cut > at as u64 && cut < bytes.len() as u64));
    assert!(found.left_out > 300);
    let metadata = crate::flv::parse_metadata(&tags[0].body, &Limits::default()).unwrap();
    let number = |key| match metadata.field(key) {
        Some(crate::amf::Value::Number(number)) => *number,
        other => panic!("{key}: {other:?}"),
    };
    assert_eq!(number("filesize"), mended.len() as f64);
    assert!((2.9..3.1).contains(&number("duration")), "{}", number("duration"));
}

#[test]
fn b1_04_wrong_sizes_behind_tags_are_put_right() {
    let mut flv = Flv::new();
    flv.audio_header(0);
    (0..100).for_each(|index| flv.sound(index * 1024 / 48));
    let clean = tags_of(&flv.bytes).0;
    let mut bytes = flv.bytes.to_vec();
    let len = bytes.len();
    // Of the fifth last sound; the others show that it is wrong.
    let unit = 11 + 66 + 4;
    bytes[len - 4 * unit - 1] ^= 1;
    let (tags, notices, _) = tags_of(&mended(&bytes).1);
    assert_eq!((tags[1..] == clean[..], notices), (true, 0));
}
