//! Every access unit of a stream that is not as it should be is in the MP4.

use super::*;

/// One stream and what has to come out of it.
struct Case {
    flv: Flv,
    video: u64,
    audio: u64,
}

impl Case {
    /// Pictures of two seconds, and sound.
    fn new() -> Self {
        let mut flv = Flv::new();
        flv.video_header(0);
        flv.audio_header(0);
        Self { flv, video: 0, audio: 0 }
    }

    fn picture(&mut self, timestamp: u32, composition: i32, key: bool) {
        self.flv.picture(timestamp, composition, key, 900);
        self.video += 1;
    }

    fn sound(&mut self, timestamp: u32) {
        self.flv.sound(timestamp);
        self.audio += 1;
    }

    /// A second from `start` on.
    fn second(&mut self, start: u32) {
        for index in 0..25 {
            self.picture(start + index * 40, 0, index == 0);
            self.sound(start + index * 40);
            self.sound(start + index * 40 + 20);
        }
    }

    /// Whether all came out, each with its bytes, however it was read.
    fn check(&self) -> Plan {
        let (plan, tracks, media) = remux(&self.flv);
        let of = |handler: &[u8; 4]| {
            tracks.iter().find(|track| track.handler == *handler).map_or(0, |track| track.samples)
        };
        assert_eq!((of(b"vide"), of(b"soun")), (self.video, self.audio));
        let bytes: u64 = tracks.iter().map(|track| track.bytes).sum();
        assert_eq!(bytes, media.len() as u64);
        plan
    }
}

#[test]
fn b3_01_sound_and_pictures_that_overtake_each_other() {
    let mut case = Case::new();
    for index in 0..50 {
        case.sound(index * 40 + 200);
        case.picture(index * 40, 0, index == 0);
    }
    case.check();
}

#[test]
fn b3_02_times_that_run_back_a_little() {
    let mut case = Case::new();
    for index in 0..100_u32 {
        case.picture(index * 40 - if index % 7 == 3 { 45 } else { 0 }, 0, index % 25 == 0);
    }
    case.check();
}

#[test]
fn b3_03_a_message_for_each_nal_unit() {
    let mut case = Case::new();
    for index in 0..40_u32 {
        let key = index % 20 == 0;
        let unit = |first: bool| {
            let mut unit = slice(index * 40, key, 800);
            unit[1] = if first { unit[1] } else { unit[1] & 0x7f | 0x40 };
            [&800_u32.to_be_bytes()[..], &unit].concat()
        };
        case.flv.raw_picture(index * 40, 0, key, &[0, 0, 0, 2, 9, 0xf0]);
        case.flv.raw_picture(index * 40, 0, key, &unit(true));
        case.flv.raw_picture(index * 40, 0, key, &unit(false));
        case.video += 1;
    }
    let plan = case.check();
    assert_eq!(plan.report.tracks[0].bytes, 40 * 2 * 804);
}

#[test]
fn b3_05_b3_15_gaps_short_and_long() {
    let mut case = Case::new();
    case.second(0);
    case.second(1900);
    case.second(9000);
    case.second(60_000);
    case.check();
}

#[test]
fn b3_06_one_track_jumps() {
    let mut case = Case::new();
    for index in 0..100 {
        case.picture(index * 40, 0, index % 25 == 0);
        case.sound(index * 40 + if index > 50 { 3_600_000 } else { 0 });
    }
    case.check();
}

#[test]
fn b3_07_all_times_begin_anew() {
    let mut case = Case::new();
    case.second(100_000);
    case.second(101_000);
    case.second(0);
    case.second(1000);
    assert_eq!(case.check().report.discontinuities, 1);
}

#[test]
fn b3_08_b3_09_one_track_begins_late() {
    let mut case = Case::new();
    for index in 0..250 {
        case.picture(index * 40, 0, index % 25 == 0);
        if index >= 75 {
            case.sound(index * 40);
        }
    }
    let plan = case.check();
    assert_eq!(plan.report.tracks[1].start, 3_000_000);
    assert_eq!(plan.report.tracks[0].start, 0);
}

#[test]
fn a_track_that_ends_early_keeps_its_length() {
    let mut case = Case::new();
    (0..250).for_each(|index| case.picture(index * 40, 0, index % 25 == 0));
    let mut flv = Flv::new();
    flv.video_header(0);
    flv.audio_header(0);
    for index in 0..250_u32 {
        flv.picture(index * 40, 0, index % 25 == 0, 900);
        if index < 100 {
            flv.sound(index * 40);
            case.audio += 1;
        }
    }
    case.flv = flv;
    let plan = case.check();
    let [video, audio] = &plan.report.tracks[..] else { unreachable!() };
    assert_eq!((video.duration, plan.report.duration), (10_000_000, 10_000_000));
    // Sound runs on sample counts where the wire says more than a frame's length, and leaves no gap shorter than one.
    assert!((3_900_000..=4_100_000).contains(&audio.duration), "{}", audio.duration);
}

#[test]
fn b3_10_b3_11_b3_12_composition_times_negative_and_absurd() {
    let mut case = Case::new();
    for index in 0..50_u32 {
        let composition = match index % 10 {
            3 => -40,
            5 => 8_000_000,
            7 => -8_000_000,
            _ => 40,
        };
        case.picture(index * 40, composition, index == 0);
    }
    case.check();
}

#[test]
fn b3_13_a_burst_on_one_millisecond() {
    let mut case = Case::new();
    for index in 0..60 {
        case.picture(0, index * 40, index == 0);
        case.sound(0);
    }
    case.second(2400);
    case.check();
}

#[test]
fn a_stream_that_begins_5_s_before_its_clock_wraps() {
    let mut case = Case::new();
    let start = 0_u32.wrapping_sub(5000);
    for index in 0..500_u32 {
        case.picture(start.wrapping_add(index * 40), 0, index % 25 == 0);
        case.sound(start.wrapping_add(index * 40));
    }
    let plan = case.check();
    assert_eq!((plan.report.discontinuities, plan.report.duration), (0, 20_000_000));
    assert_eq!(plan.report.tracks.iter().map(|track| track.start).collect::<Vec<_>>(), [0, 0]);
}

#[test]
fn b4_01_frames_with_adts_heads() {
    let mut case = Case::new();
    case.flv = Flv::new();
    for index in 0..100_u32 {
        // 48 kHz, two channels, 107 bytes with the head.
        let mut body = vec![0xaf, 1, 0xff, 0xf1, 0x4c, 0x80, 0x0d, 0x7f, 0xfc];
        body.extend([0x21; 100]);
        case.flv.tag(TagKind::Audio, index * 1024 / 48, &body);
        case.audio += 1;
    }
    assert_eq!(case.check().report.tracks[0].bytes, 100 * 100);
}

#[test]
fn b4_03_b4_04_empty_headers_and_frames_and_repeated_headers() {
    let mut case = Case::new();
    case.flv = Flv::new();
    case.flv.tag(TagKind::Audio, 0, &[0xaf, 0]);
    case.flv.video_header(0);
    case.flv.audio_header(0);
    for start in [0, 1000, 2000] {
        case.second(start);
        case.flv.video_header(start + 990);
        case.flv.audio_header(start + 990);
        case.flv.tag(TagKind::Audio, start + 995, &[0xaf, 1]);
    }
    let plan = case.check();
    assert!(plan.report.tracks.iter().all(|track| track.configurations == 1));
}

#[test]
fn b4_10_b4_12_ends_of_sequences_and_commands_are_no_pictures() {
    let mut case = Case::new();
    case.second(0);
    case.flv.tag(TagKind::Video, 1000, &[0x17, 2, 0, 0, 0]);
    case.flv.tag(TagKind::Video, 1000, &[0x57, 0]);
    case.flv.video_header(1000);
    case.second(1000);
    case.check();
}

#[test]
fn b4_11_key_flags_that_the_stream_contradicts() {
    let mut case = Case::new();
    for index in 0..50_u32 {
        let key = index % 25 == 0;
        let unit = slice(index * 40, key, 900);
        let data = [&900_u32.to_be_bytes()[..], &unit].concat();
        case.flv.raw_picture(index * 40, 0, index % 3 == 0, &data);
        case.video += 1;
    }
    let plan = case.check();
    let keys = words(content(&plan.head, b"stss", 0), 3);
    assert_eq!(keys, [2, 1, 26]);
}

#[test]
fn c1_11_a_start_code_far_into_the_stream_makes_it_read_the_file_again() {
    let mut case = Case::new();
    for index in 0..200_u32 {
        let key = index % 25 == 0;
        let mut unit = slice(index * 40, key, 5000);
        if index == 150 {
            // Two slices behind one length: the second stands past what is looked at of a slice.
            unit[100..106].copy_from_slice(&[0, 0, 1, 0x41, 0x10, 0x55]);
            unit[4000..4006].copy_from_slice(&[0, 0, 1, 0x41, 0x10, 0x55]);
        }
        case.flv.raw_picture(index * 40, 0, key, &[&5000_u32.to_be_bytes()[..], &unit].concat());
        case.video += 1;
    }
    let plan = case.check();
    assert!(plan.report.inline_bytes > 0);
}
