//! Timestamps.

use kit::flv::{AUDIO, Tag, VIDEO};
use kit::packets;
use kit::source::Film;

use crate::case::{Case, FILM, film, is};

/// Composition time of a picture, milliseconds.
fn composition(tag: &Tag) -> i32 {
    let [a, b, c] = [tag.body[2], tag.body[3], tag.body[4]];
    i32::from_be_bytes([a, b, c, 0]) >> 8
}

fn set_composition(tag: &mut Tag, milliseconds: i32) {
    tag.body[2..5].copy_from_slice(&milliseconds.to_be_bytes()[1..]);
}

/// Pictures with their numbers.
fn pictures(tags: &mut [Tag]) -> impl Iterator<Item = (usize, &mut Tag)> {
    tags.iter_mut().filter(|tag| is(tag, VIDEO)).enumerate()
}

#[test]
fn b3_01_sound_ahead_of_its_pictures() {
    let late = |tag: &Tag| tag.timestamp + if tag.kind == VIDEO { 300 } else { 0 };
    Case::edited("b3-01", |tags| tags.sort_by_key(late)).check();
}

#[test]
fn b3_02_small_steps_back() {
    let case = Case::edited("b3-02", |tags| {
        for (_, tag) in pictures(tags).filter(|(number, _)| number % 7 == 3) {
            tag.timestamp -= 45;
            let shown = composition(tag) + 45;
            set_composition(tag, shown);
        }
    });
    case.video_within(46, 2).check();
}

#[test]
fn b3_03_one_nal_unit_a_message() {
    let split = |tag: Tag| {
        if !is(&tag, VIDEO) {
            return vec![tag];
        }
        let (head, mut units) = tag.body.split_at(5);
        let mut messages = Vec::new();
        while let Some((length, rest)) = units.split_first_chunk::<4>() {
            let end = u32::from_be_bytes(*length) as usize;
            let body = [head, length, &rest[..end]].concat();
            messages.push(Tag { body, ..tag });
            units = &rest[end..];
        }
        assert!(messages.len() > 1, "pictures of several NAL units");
        messages
    };
    let case = Case::edited("b3-03", |tags| {
        *tags = std::mem::take(tags).into_iter().flat_map(split).collect();
    });
    case.check();
}

#[test]
fn b3_04_two_pictures_of_one_time() {
    let case = Case::edited("b3-04", |tags| {
        let mut before = 0;
        for (number, tag) in pictures(tags) {
            if number % 2 == 1 {
                let back = tag.timestamp - before;
                tag.timestamp = before;
                let shown = composition(tag) + i32::try_from(back).expect("a frame");
                set_composition(tag, shown);
            }
            before = tag.timestamp;
        }
    });
    case.video_within(35, 2).check();
}

#[test]
fn b3_05_gaps_and_jumps() {
    let case = Case::edited("b3-05", |tags| {
        for tag in tags.iter_mut() {
            tag.timestamp += match tag.timestamp {
                0..2000 => 0,
                2000..4000 => 1900,
                _ => 6900,
            };
        }
    });
    case.read_by_ffprobe().played_as_file().check();
}

#[test]
fn b3_06_one_track_jumps() {
    let case = Case::edited("b3-06", |tags| {
        for tag in tags.iter_mut().filter(|tag| is(tag, AUDIO) && tag.timestamp >= 3000) {
            tag.timestamp += 3_600_000;
        }
    });
    case.audio_within(25).check();
}

#[test]
fn b3_07_all_times_begin_anew() {
    let case = Case::edited("b3-07", |tags| {
        for tag in tags.iter_mut().filter(|tag| tag.timestamp >= 4000) {
            tag.timestamp -= 4000;
        }
    });
    case.video_within(35, 35).audio_within(35).check();
}

#[test]
fn b3_08_sound_begins_two_seconds_before_the_pictures_and_neither_at_zero() {
    let case = Case::edited("b3-08", |tags| {
        tags.retain(|tag| !is(tag, VIDEO) || tag.timestamp >= 2000);
        tags.iter_mut().for_each(|tag| tag.timestamp += 3_600_000);
    });
    case.read_by_ffprobe().moved().check();
}

#[test]
fn b3_09_sound_three_seconds_late() {
    let case = Case::edited("b3-09", |tags| {
        tags.retain(|tag| !is(tag, AUDIO) || tag.timestamp >= 3000);
    });
    case.read_by_ffprobe().check();
}

#[test]
fn b3_09_sound_is_told_of_and_never_comes() {
    let mut case = Case::edited("b3-09 never", |tags| tags.retain(|tag| !is(tag, AUDIO)));
    case.wanted.audio.clear();
    case.check();
}

#[test]
fn b3_10_b3_11_negative_composition_times() {
    let case = Case::edited("b3-11", |tags| {
        for (_, tag) in pictures(tags) {
            tag.timestamp += 150;
            let shown = composition(tag) - 150;
            set_composition(tag, shown);
        }
        assert!(pictures(tags).any(|(_, tag)| composition(tag) < 0));
    });
    case.negative().check();
}

#[test]
fn b3_12_absurd_composition_times() {
    let case = Case::edited("b3-12", |tags| {
        for (_, tag) in pictures(tags).filter(|(number, _)| number % 50 == 20) {
            set_composition(tag, 8_000_000);
        }
    });
    case.video_within(1, 150).guesses(4).check();
}

#[test]
fn b3_13_a_burst_on_one_time() {
    let case = Case::edited("b3-13", |tags| {
        for tag in tags.iter_mut().filter(|tag| tag.timestamp < 2000) {
            if is(tag, VIDEO) {
                let shown = composition(tag) + i32::try_from(tag.timestamp).expect("small");
                set_composition(tag, shown);
            }
            tag.timestamp = 0;
        }
    });
    case.video_within(2000, 2).audio_within(2000).moved().burst().played_as_file().check();
}

#[test]
fn b3_14_milliseconds_are_rounded() {
    let film = film(Film { sample_rate: Some(44_100), ..FILM });
    let case = Case::new("b3-14", film);
    let steps = case.wanted.audio.windows(2).map(|pair| pair[1].pts - pair[0].pts);
    let mut steps: Vec<i64> = steps.collect();
    steps.dedup();
    assert!(steps.len() > 10, "frames of 23.22 ms are told as 23 or 24: {steps:?}");
    // Each frame stands where the count of samples puts it, or the first difference adds up.
    let made = case.check_and_probe();
    packets::on_sample_grid(&made.audio, 44_100, 1024).expect("exact times of sound");
}

#[test]
fn b3_15_frames_that_the_encoder_dropped() {
    let case = Case::edited("b3-15", |tags| {
        tags.retain(|tag| !is(tag, VIDEO) || !(2600..4000).contains(&tag.timestamp));
    });
    case.read_by_ffprobe().check();
}
