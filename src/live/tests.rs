//! Joining and slow players.

use bytes::Bytes;

use super::*;
use crate::flv::{Tag, TagKind};

const SLICE: [u8; 2] = [0x41, 0x9a];
const IDR: [u8; 2] = [0x65, 0x88];

fn tag(kind: TagKind, timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind, timestamp, body: Bytes::copy_from_slice(body) }
}

fn frame(timestamp: u32, flag: u8, nal: [u8; 2]) -> Tag {
    tag(TagKind::Video, timestamp, &[&[flag, 1, 0, 0, 0, 0, 0, 0, 2][..], &nal].concat())
}

fn key(timestamp: u32) -> Tag {
    frame(timestamp, 0x17, IDR)
}

fn inter(timestamp: u32) -> Tag {
    frame(timestamp, 0x27, SLICE)
}

fn audio(timestamp: u32) -> Tag {
    tag(TagKind::Audio, timestamp, &[0xaf, 1, 9])
}

fn video_header(level: u8) -> Tag {
    tag(TagKind::Video, 0, &[0x17, 0, 0, 0, 0, 1, 0x64, 0, level])
}

fn audio_header() -> Tag {
    tag(TagKind::Audio, 0, &[0xaf, 0, 0x11, 0x90])
}

fn metadata() -> Tag {
    tag(TagKind::Script, 0, b"\x02\x00\x0aonMetaData")
}

fn cached(max_bytes: usize, tags: &[Tag]) -> Vec<Tag> {
    let mut cache = GopCache::new(max_bytes);
    tags.iter().for_each(|tag| cache.handle_tag(tag));
    cache.tags().collect()
}

fn at(tag: Tag, timestamp: u32) -> Tag {
    Tag { timestamp, ..tag }
}

#[test]
fn b1_16_headers_then_the_group_from_its_key_frame() {
    let stream = [
        metadata(),
        audio_header(),
        video_header(30),
        audio(0),
        inter(0),
        key(40),
        inter(80),
        key(120),
        audio(125),
        inter(160),
    ];
    let start = [metadata(), video_header(30), audio_header()].map(|tag| at(tag, 120));
    let expected = [&start[..], &[key(120), audio(125), inter(160)]].concat();
    assert_eq!(cached(1 << 20, &stream), expected);
    assert_eq!(cached(1 << 20, &stream[..4]), [metadata(), video_header(30), audio_header()]);
    let mut cache = GopCache::new(1 << 20);
    stream.iter().for_each(|tag| cache.handle_tag(tag));
    cache.clear();
    assert_eq!((cache.tags().count(), cache.bytes()), (0, 0));
}

#[test]
fn f_29_a_group_past_the_bound_is_dropped_whole_until_the_next_key_frame() {
    let mut stream = vec![video_header(30), audio_header(), key(0)];
    stream.extend((1..100).map(|n| inter(n * 40)));
    assert_eq!(cached(2000, &stream), [video_header(30), audio_header()]);
    stream.extend([key(4000), inter(4040)]);
    assert_eq!(cached(2000, &stream)[2..], [key(4000), inter(4040)]);
    let mut cache = GopCache::new(2000);
    for tag in &stream {
        cache.handle_tag(tag);
        assert!(cache.bytes() <= 2000);
    }
}

#[test]
fn a_header_that_changes_within_the_group_stands_where_it_came() {
    let stream = [video_header(30), key(0), video_header(30), video_header(40), inter(40)];
    assert_eq!(cached(1 << 20, &stream), [video_header(30), key(0), video_header(40), inter(40)]);
    let next = [&stream[..], &[key(80)]].concat();
    assert_eq!(cached(1 << 20, &next), [at(video_header(40), 80), key(80)]);
}

#[test]
fn b4_20_audio_alone_keeps_its_last_second() {
    let stream: Vec<Tag> =
        std::iter::once(audio_header()).chain((0..500).map(|n| audio(n * 20))).collect();
    let tags = cached(1 << 20, &stream);
    assert_eq!(tags.len(), 1 + 51);
    assert_eq!((tags[1].timestamp, tags[51].timestamp), (8980, 9980));
}

#[test]
fn b4_11_groups_start_at_idr_pictures_whatever_the_flag_says() {
    let wrong_flags = [video_header(30), frame(0, 0x27, IDR), frame(40, 0x17, SLICE), inter(80)];
    assert_eq!(cached(1 << 20, &wrong_flags)[1..], wrong_flags[1..]);
    // An intra picture that is flagged is what an open group starts with.
    let intra = frame(120, 0x17, [0x41, 0x88]);
    let open = [&wrong_flags[..], std::slice::from_ref(&intra)].concat();
    assert_eq!(cached(1 << 20, &open)[1..], [intra]);
}

#[test]
fn b3_03_a_group_of_single_nal_units_keeps_what_is_ahead_of_its_key_frame() {
    let sei = frame(40, 0x17, [0x06, 0x05]);
    let second_slice = frame(40, 0x17, [0x65, 0x48]);
    let stream = [video_header(30), key(0), inter(20), sei.clone(), key(40), second_slice.clone()];
    assert_eq!(cached(1 << 20, &stream)[1..], [sei, key(40), second_slice]);
}

fn drain(queue: &mut PlayerQueue<u32>) -> Vec<u32> {
    std::iter::from_fn(|| queue.pop()).collect()
}

#[test]
fn items_come_in_order_and_bytes_are_counted() {
    let mut queue = PlayerQueue::new(100);
    assert!(queue.push(ItemClass::KeyFrame, 60, 1) && queue.push(ItemClass::InterFrame, 40, 2));
    assert_eq!((queue.bytes(), queue.len()), (100, 2));
    assert_eq!(drain(&mut queue), [1, 2]);
    assert_eq!((queue.bytes(), queue.dropped(), queue.is_hopeless()), (0, 0, false));
}

#[test]
fn f_21_a_full_queue_drops_to_the_next_key_frame_and_keeps_headers() {
    let mut queue = PlayerQueue::new(100);
    queue.push(ItemClass::Metadata, 5, 1);
    queue.push(ItemClass::VideoHeader, 5, 2);
    queue.push(ItemClass::KeyFrame, 60, 3);
    queue.push(ItemClass::VideoHeader, 5, 4);
    queue.push(ItemClass::InterFrame, 20, 5);
    assert!(!queue.push(ItemClass::InterFrame, 20, 6), "does not fit");
    assert!(!queue.push(ItemClass::InterFrame, 1, 7), "needs what was dropped");
    assert!(queue.push(ItemClass::Audio, 5, 8));
    assert!(queue.push(ItemClass::KeyFrame, 60, 9) && queue.push(ItemClass::InterFrame, 1, 10));
    assert_eq!(queue.dropped(), 5);
    assert_eq!(drain(&mut queue), [1, 4, 8, 9, 10]);
}

#[test]
fn f_21_a_newer_key_frame_in_the_queue_is_kept() {
    let mut queue = PlayerQueue::new(100);
    queue.push(ItemClass::KeyFrame, 60, 1);
    queue.push(ItemClass::InterFrame, 20, 2);
    queue.push(ItemClass::KeyFrame, 15, 3);
    assert!(queue.push(ItemClass::InterFrame, 20, 4));
    assert_eq!(drain(&mut queue), [3, 4]);
}

#[test]
fn f_21_memory_is_bounded_and_a_player_that_takes_nothing_is_hopeless() {
    let mut queue = PlayerQueue::new(1000);
    let mut pushes = 0;
    while !queue.is_hopeless() {
        let class = if pushes % 10 == 0 { ItemClass::KeyFrame } else { ItemClass::InterFrame };
        queue.push(class, 90, pushes);
        assert!(queue.bytes() <= 1000);
        pushes += 1;
        assert!(pushes < 1000, "never given up");
    }
    drain(&mut queue);
    assert!(!queue.is_hopeless(), "it took all after all");
}

#[test]
fn audio_alone_goes_on_after_an_overflow() {
    let mut queue = PlayerQueue::new(100);
    let pushed = (0..25).filter(|&n| queue.push(ItemClass::Audio, 10, n)).count();
    assert_eq!(pushed, 25);
    assert_eq!(drain(&mut queue), [20, 21, 22, 23, 24]);
}

#[test]
fn an_item_larger_than_the_queue_is_left_out() {
    let mut queue = PlayerQueue::new(100);
    assert!(!queue.push(ItemClass::KeyFrame, 101, 1));
    assert!(!queue.push(ItemClass::InterFrame, 1, 2));
    assert!(queue.is_empty() && queue.bytes() == 0);
}

#[test]
fn classes_of_tags() {
    let class = |tag: Tag| ItemClass::of(&tag);
    assert_eq!(class(metadata()), ItemClass::Metadata);
    assert_eq!(class(video_header(30)), ItemClass::VideoHeader);
    assert_eq!(class(audio_header()), ItemClass::AudioHeader);
    assert_eq!(class(key(0)), ItemClass::KeyFrame);
    assert_eq!(class(inter(0)), ItemClass::InterFrame);
    assert_eq!(class(audio(0)), ItemClass::Audio);
}

#[test]
fn a6_08_a6_13_headers_of_all_tracks_and_colour_are_sent_to_who_joins_late() {
    let extended = |time, body: &[u8]| tag(TagKind::Video, time, body);
    let first = extended(0, b"\x90hvc1config");
    let second = extended(0, b"\x96\x00av01\x01config");
    let color = extended(0, b"\xd4hvc1color");
    let sound = tag(TagKind::Audio, 0, b"\x95\x00Opus\x01config");
    let (key, other_key) = (extended(40, b"\x93hvc1x"), extended(80, b"\x96\x01av01\x01x"));
    let stream = [
        sound.clone(),
        audio_header(),
        first.clone(),
        second.clone(),
        color.clone(),
        key.clone(),
        other_key.clone(),
    ];
    // Key frames of the second track start no group.
    let expected = [first, color, second, audio_header(), sound].into_iter().map(|tag| at(tag, 40));
    let expected: Vec<Tag> = expected.chain([key.clone(), other_key.clone()]).collect();
    assert_eq!(cached(1 << 20, &stream), expected);
    assert_eq!(ItemClass::of(&key), ItemClass::KeyFrame);
    assert_eq!(ItemClass::of(&other_key), ItemClass::InterFrame);
}
