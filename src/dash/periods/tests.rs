//! Periods out of lists that slide, by clocks that are right, off, or not there.

use super::*;
use crate::mp4::test_tracks::{aac, avc};

const WALL: i64 = 1_700_000_000_000_000;

/// Segments of two seconds from a number on.
fn video(first: u64, count: u64, epoch: u64, start: u64, wall: i64) -> Vec<ListedSegment> {
    let config = avc(640, 360).config;
    let one = |n| ListedSegment {
        number: first + n,
        epoch,
        config: config.clone(),
        init: format!("video_init_{epoch}.mp4"),
        timescale: 90_000,
        start: start + n * 180_000,
        duration: 180_000,
        presentation_end: 0,
        wall: Some(wall + i64::try_from(n).unwrap() * 2_000_000),
        gap: false,
    };
    (0..count).map(one).collect()
}

fn audio(list: &[ListedSegment]) -> Vec<ListedSegment> {
    let config = aac(48_000).config;
    let one = |segment: &ListedSegment| ListedSegment {
        config: config.clone(),
        init: segment.init.replace("video", "audio"),
        timescale: 48_000,
        start: segment.start * 48 / 90 + 160,
        duration: segment.duration * 48 / 90,
        ..segment.clone()
    };
    list.iter().map(one).collect()
}

fn rendition(name: &str, segments: Vec<ListedSegment>) -> Rendition {
    let id = if name == "video" { 1 } else { 2 };
    Rendition {
        id,
        group: 0,
        name: name.into(),
        bandwidth: 1_000_000,
        frame_rate: 29_969,
        captions: Captions::default(),
        segments,
    }
}

fn both(list: Vec<ListedSegment>) -> [Rendition; 2] {
    [rendition("video", list.clone()), rendition("audio", audio(&list))]
}

/// Identifier, start in milliseconds, segments of each set, and offset of each set.
fn shape(periods: &[Period]) -> Vec<(String, u128, Vec<usize>, Vec<u64>)> {
    let one = |period: &Period| {
        let all = || period.sets.iter().flat_map(|set| &set.representations);
        (
            period.id.clone(),
            period.start.as_millis(),
            all().map(|one| one.segments.len()).collect(),
            all().map(|one| one.presentation_time_offset).collect(),
        )
    };
    periods.iter().map(one).collect()
}

#[test]
fn e4_08_the_offset_is_the_earliest_time_of_the_period_on_each_timescale() {
    let mut periods = Periods::default();
    let found = periods.update(&both(video(7, 3, 0, 900_000, WALL)), false);
    assert_eq!(shape(&found), [("7".into(), 0, vec![3, 3], vec![900_000, 480_000])]);
    assert_eq!(periods.availability_start(), Some(WALL));
    // Sound ends 160 samples later.
    assert_eq!(periods.end().as_micros(), 6_003_333);
}

#[test]
fn e4_01_e4_04_what_slides_out_changes_no_start_and_no_identifier() {
    let mut periods = Periods::default();
    let all = video(0, 40, 0, 900_000, WALL);
    for end in 3..=40_usize {
        let list = all[end.saturating_sub(5)..end].to_vec();
        let found = periods.update(&both(list), false);
        let count = end.min(5);
        assert_eq!(shape(&found), [("0".into(), 0, vec![count; 2], vec![900_000, 480_000])]);
        let first = &found[0].sets[0].representations[0];
        let Template::Number { first, .. } = first.media else { panic!("numbers") };
        assert_eq!(first, end.saturating_sub(5) as u64);
        assert_eq!(periods.availability_start(), Some(WALL));
    }
}

#[test]
fn e4_04_one_rendition_may_slide_before_the_other() {
    let mut periods = Periods::default();
    let list = video(0, 6, 0, 900_000, WALL);
    assert_eq!(periods.update(&both(list.clone()), false).len(), 1);
    let sound = audio(&list);
    let renditions = [rendition("video", list[2..].to_vec()), rendition("audio", sound)];
    let found = shape(&periods.update(&renditions, false));
    assert_eq!(found, [("0".into(), 0, vec![4, 6], vec![900_000, 480_000])]);
}

#[test]
fn e4_04_a_period_that_has_lost_one_rendition_is_not_listed() {
    let mut periods = Periods::default();
    let mut list = video(0, 3, 0, 900_000, WALL);
    list.extend(video(3, 3, 1, 1_530_000, WALL + 8_000_000));
    assert_eq!(periods.update(&both(list.clone()), false).len(), 2);
    let mut after = |pictures: usize, sounds: usize| {
        let sound = audio(&list)[sounds..].to_vec();
        let renditions = [rendition("video", list[pictures..].to_vec()), rendition("audio", sound)];
        let found = shape(&periods.update(&renditions, false));
        found.into_iter().map(|(id, _, counts, _)| (id, counts)).collect::<Vec<_>>()
    };
    assert_eq!(after(1, 2), [("0".into(), vec![2, 1]), ("3".into(), vec![3, 3])]);
    assert_eq!(after(2, 3), [("3".into(), vec![3, 3])]);
    assert_eq!(after(4, 3), [("3".into(), vec![2, 3])]);
}

#[test]
fn e4_13_what_is_over_ends_where_all_variants_have_come_to() {
    let list = video(0, 3, 0, 900_000, WALL);
    let mut shorter = list.clone();
    shorter[2].duration -= 9_000;
    let variants = |other: Vec<ListedSegment>| {
        let other = Rendition { id: 3, ..rendition("video1", other) };
        [both(list.clone()).to_vec(), vec![other]].concat()
    };
    let end = |renditions: &[Rendition], ended| {
        let mut periods = Periods::default();
        assert_eq!(periods.update(renditions, ended).len(), 1);
        let first = periods.end().as_micros();
        // Told again it is the same.
        periods.update(renditions, ended);
        assert_eq!(periods.end().as_micros(), first);
        first
    };
    assert_eq!(end(&variants(shorter.clone()), false), 6_003_333);
    // Sound goes on for 3 ms, the pictures of one variant end 100 ms before.
    assert_eq!(end(&variants(shorter.clone()), true), 6_003_333);
    let silent = |other| variants(other).into_iter().filter(|one| one.name != "audio");
    assert_eq!(end(&silent(shorter.clone()).collect::<Vec<_>>(), true), 5_900_000);
    let mut shortest = shorter.clone();
    shortest[2].duration -= 40_000;
    let mut three: Vec<_> = silent(shorter.clone()).collect();
    three.push(Rendition { id: 4, ..rendition("video2", shortest) });
    assert_eq!(end(&three, true), 5_900_000);
    // Who was gone long before does not count, nor who has no segment there.
    shorter[2].duration -= 90_000;
    assert_eq!(end(&silent(shorter.clone()).collect::<Vec<_>>(), true), 6_000_000);
    shorter.pop();
    assert_eq!(end(&silent(shorter).collect::<Vec<_>>(), true), 6_000_000);
}

#[test]
fn e4_09_an_epoch_is_a_period_where_the_clock_on_the_wall_has_it() {
    let mut periods = Periods::default();
    let mut list = video(0, 3, 0, 900_000, WALL);
    assert_eq!(periods.update(&both(list.clone()), false).len(), 1);
    // The encoder comes back after 20 s; the media time line goes on after one.
    list.extend(video(3, 2, 1, 1_530_000, WALL + 26_000_000));
    let found = periods.update(&both(list.clone()), false);
    let second = ("3".into(), 26_000, vec![2, 2], vec![1_530_000, 816_000]);
    assert_eq!(shape(&found)[1], second);
    assert_eq!(found[1].sets[0].representations[0].init, "video_init_1.mp4");
    // The first one slides out in time.
    let found = periods.update(&both(list[3..].to_vec()), false);
    assert_eq!(shape(&found), [second]);
}

#[test]
fn e4_01_a_presentation_that_was_begun_before_goes_on_by_the_wall_clock() {
    let mut periods = Periods::begun_at(Some(WALL - 60_000_000));
    let found = periods.update(&both(video(9, 2, 4, 900_000, WALL)), false);
    assert_eq!(shape(&found), [("9".into(), 60_000, vec![2, 2], vec![900_000, 480_000])]);
    assert_eq!(periods.availability_start(), Some(WALL - 60_000_000));
}

/// Periods of a day of segments from an encoder whose clock is `ppm` fast. At each one the live edge is where the wall clock is. Gives how many
/// periods there were.
fn day(ppm: i64, mut periods: Periods) -> usize {
    let mut ids = std::collections::BTreeSet::new();
    let mut list: Vec<ListedSegment> = Vec::new();
    for n in 0..43_200_u64 {
        let media = i64::try_from(n).unwrap() * 2_000_000;
        let now = WALL + media - media * ppm / 1_000_000;
        list.extend(video(n, 1, 0, 900_000 + n * 180_000, now));
        list.drain(..list.len().saturating_sub(10));
        if n % 5 != 0 {
            continue;
        }
        let found = periods.update(&both(list.clone()), false);
        let last = found.last().unwrap();
        let one = &last.sets[0].representations[0];
        let end = one.segments.last().unwrap();
        let since = (end.start - one.presentation_time_offset) * 100 / 9;
        let edge = last.start + Duration::from_micros(since);
        let edge = periods.availability_start().unwrap() + i64::try_from(edge.as_micros()).unwrap();
        assert!((edge - now).abs() <= 250_100, "{ppm} ppm, {n}: {} us", edge - now);
        ids.extend(found.iter().map(|period| period.id.clone()));
        // Nothing that is listed ends up in no period, or in two.
        let segments = found.iter().map(|one| one.sets[0].representations[0].segments.len());
        assert_eq!(segments.sum::<usize>(), list.len());
    }
    ids.len()
}

#[test]
fn e4_01_the_live_edge_stays_with_the_wall_clock_for_a_day() {
    for ppm in [50, -50] {
        assert_eq!(day(ppm, Periods::begun_at(None)), 18);
    }
    assert_eq!(day(0, Periods::begun_at(None)), 1);
}

#[test]
fn what_is_not_live_keeps_to_media_times() {
    let mut list = video(0, 3, 0, 900_000, WALL);
    list.extend(video(3, 3, 0, 900_000 + 540_000, WALL + 9_000_000));
    let renditions = [rendition("video", list)];
    assert_eq!(Periods::default().update(&renditions, true).len(), 1);
    let live = Periods::begun_at(None).update(&renditions, false);
    assert_eq!(live.len(), 2);
    assert_eq!(live[0].duration, Some(Duration::from_secs(6)), "players do not wait for the rest");
}

#[test]
fn e4_09_without_a_clock_a_period_begins_where_the_one_before_ends() {
    let mut list = video(0, 2, 0, 900_000, WALL);
    list.extend(video(2, 2, 1, 2_000_000, WALL));
    list.iter_mut().for_each(|segment| segment.wall = None);
    let mut periods = Periods::default();
    let found = periods.update(&[rendition("video", list)], true);
    let starts: Vec<u128> = shape(&found).iter().map(|period| period.1).collect();
    assert_eq!((starts, periods.availability_start()), (vec![0, 4000], None));
    assert_eq!(periods.end(), Duration::from_secs(8));
}

#[test]
fn e4_09_d_36_tracks_that_come_and_gaps_begin_a_period() {
    let list = video(0, 6, 0, 900_000, WALL);
    let mut sound = audio(&list)[2..].to_vec();
    sound[2].gap = true;
    let mut periods = Periods::default();
    // Before the sound was known at all.
    assert_eq!(periods.update(&[rendition("video", list[..1].to_vec())], false).len(), 1);
    let renditions = [rendition("audio", sound), rendition("video", list)];
    let found = periods.update(&renditions, false);
    let starts: Vec<(u128, usize)> =
        found.iter().map(|period| (period.start.as_millis(), period.sets.len())).collect();
    assert_eq!(starts, [(0, 1), (4000, 2), (8000, 1), (10_000, 2)]);
    let ids: Vec<Vec<u32>> =
        found.iter().map(|period| period.sets.iter().map(|set| set.id).collect()).collect();
    assert_eq!(ids, [vec![1], vec![2, 1], vec![1], vec![2, 1]], "a set keeps its number");
}

#[test]
fn e4_13_what_one_rendition_lacks_yet_waits_and_at_the_end_does_not() {
    let list = video(0, 3, 0, 900_000, WALL);
    let sound = audio(&list)[..2].to_vec();
    let renditions = [rendition("video", list), rendition("audio", sound)];
    let mut periods = Periods::default();
    assert_eq!(shape(&periods.update(&renditions, false))[0].2, [2, 2]);
    let ended = periods.update(&renditions, true);
    assert_eq!((ended.len(), &shape(&ended)[0].2), (1, &vec![3, 2]));
}

#[test]
fn e4_12_a_frame_rate_is_a_usual_one_where_it_can_be() {
    assert_eq!(nearest_rate(29_969), Some((30_000, 1001)));
    assert_eq!(nearest_rate(30_000), Some((30, 1)));
    assert_eq!(nearest_rate(59_950), Some((60_000, 1001)));
    assert_eq!(nearest_rate(17_500), Some((35, 2)));
    assert_eq!((nearest_rate(0), nearest_rate(u64::MAX)), (None, None));
}
