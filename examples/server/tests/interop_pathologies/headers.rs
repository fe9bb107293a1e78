//! Headers and codecs.

use kit::flv::{self, AUDIO, SCRIPT, Tag, VIDEO};
use kit::packets::{self, Listing, MILLISECOND};
use kit::source::Film;

use crate::case::{Case, FILM, capture, film, is};

/// A film of other pictures: 44.1 kHz, and a key frame at 0, 2 and 4 s too.
const OTHER: Film = Film { sample_rate: Some(44_100), b_frames: 0, ..FILM };

fn tag(kind: u8, timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind, timestamp, body: body.to_vec() }
}

/// Puts tags in behind the first one that is so late.
fn insert(tags: &mut Vec<Tag>, timestamp: u32, new: Vec<Tag>) {
    let at = tags.partition_point(|tag| tag.timestamp < timestamp);
    tags.splice(at..at, new);
}

fn at(listing: &mut Listing, milliseconds: i64) {
    for packet in listing.video.iter_mut().chain(&mut listing.audio) {
        packet.dts += milliseconds * MILLISECOND;
        packet.pts += milliseconds * MILLISECOND;
    }
}

#[test]
fn b4_01_adts_without_a_header() {
    let case = Case::edited("b4-01", |tags| {
        tags.retain(|tag| tag.kind != AUDIO || tag.is_media());
        for tag in tags.iter_mut().filter(|tag| is(tag, AUDIO)) {
            // AAC-LC, 48 kHz, two channels, and the length with this head.
            let length = u16::try_from(tag.body.len() - 2 + 7).expect("13 bits");
            let [high, low] = (length << 3).to_be_bytes();
            let head =
                [0xff, 0xf1, 0x4c, 0x80 | high >> 6, high << 2 | low >> 6, low << 2 | 0x1f, 0xfc];
            tag.body.splice(2..2, head);
        }
    });
    case.check();
}

#[test]
fn b4_02_aac_before_any_header() {
    let mut case = Case::edited("b4-02", |tags| {
        let place = tags.iter().position(|tag| tag.kind == AUDIO && tag.is_header());
        let header = tags.remove(place.expect("a header"));
        let behind = tags.iter().enumerate().filter(|(_, tag)| is(tag, AUDIO)).nth(20);
        let (behind, _) = behind.expect("sound");
        tags.insert(behind, header);
    });
    case.wanted.audio.drain(..20);
    case.check();
}

#[test]
fn b4_03_b4_04_empty_headers_and_empty_frames_of_aac() {
    let case = Case::edited("b4-03", |tags| {
        tags.insert(0, tag(AUDIO, 0, &[0xaf, 0]));
        for time in [500, 1700, 4300] {
            insert(tags, time, vec![tag(AUDIO, time, &[0xaf, 1])]);
        }
    });
    case.check();
}

#[test]
fn b4_05_rate_and_channels_of_the_tag_mean_nothing_for_aac() {
    let case = Case::edited("b4-05", |tags| {
        // 5.5 kHz, 8 bits, mono.
        tags.iter_mut().filter(|tag| tag.kind == AUDIO).for_each(|tag| tag.body[0] = 0xa0);
    });
    case.check();
}

#[test]
fn b4_06_the_same_headers_with_each_key_frame() {
    let case = Case::edited("b4-06", |tags| {
        let headers: Vec<Tag> = tags.iter().filter(|tag| tag.is_header()).cloned().collect();
        assert_eq!(headers.len(), 2);
        for time in [2000, 4000] {
            let again = headers.iter().map(|header| tag(header.kind, time, &header.body));
            insert(tags, time, again.collect());
        }
    });
    case.check();
}

/// One film behind another, and what a file in fragments holds of it: it has a place for one configuration.
fn one_behind_the_other(name: &'static str, kind: u8) -> Case {
    let (mut case, (tags, wanted)) = (Case::new(name, film(FILM)), film(OTHER));
    let (start, first) = (6000, case.wanted.clone());
    let of_kind = |tag: &Tag| tag.kind == kind && tag.timestamp < 6000;
    let mut tags: Vec<Tag> = tags.into_iter().filter(of_kind).collect();
    tags.iter_mut().for_each(|tag| tag.timestamp += start);
    // The other track goes on as it was.
    let other = case.tags.clone().into_iter().filter(|tag| tag.kind != kind && is(tag, tag.kind));
    tags.extend(other.map(|tag| Tag { timestamp: tag.timestamp + start, ..tag }));
    tags.sort_by_key(|tag| tag.timestamp);
    case.tags.retain(|tag| tag.timestamp < start);
    case.tags.extend(tags);
    let (mut again, mut wanted) = (first.clone(), wanted);
    at(&mut again, 6000);
    at(&mut wanted, 6000);
    let mut in_fragments = first;
    for listing in [&mut case.wanted, &mut in_fragments] {
        let before = |packet: &packets::Packet| packet.dts < 6000 * MILLISECOND;
        listing.video.retain(before);
        listing.audio.retain(before);
    }
    let before_end = |packets: Vec<packets::Packet>| {
        packets.into_iter().filter(|packet| packet.dts < 12_000 * MILLISECOND)
    };
    if kind == VIDEO {
        case.wanted.video.extend(before_end(wanted.video));
        case.wanted.audio.extend(again.audio.clone());
        in_fragments.audio.extend(again.audio);
    } else {
        case.wanted.audio.extend(before_end(wanted.audio));
        case.wanted.video.extend(again.video.clone());
        in_fragments.video.extend(again.video);
    }
    let case = case.fragments_lack("another configuration", in_fragments);
    // Where the two films meet a frame of sound is longer.
    case.reconfigured().audio_within(3)
}

#[test]
fn b4_07_d_30_other_pictures_from_a_key_frame_on() {
    one_behind_the_other("b4-07", VIDEO).check();
}

#[test]
fn b4_08_d_30_other_sound_and_the_same_pictures() {
    one_behind_the_other("b4-08", AUDIO).check();
}

#[test]
fn b4_09_old_pictures_behind_a_new_header() {
    let mut case = one_behind_the_other("b4-09", VIDEO);
    let place = case.tags.iter().rposition(|tag| tag.kind == VIDEO && tag.is_header());
    let header = case.tags.remove(place.expect("the second header"));
    insert(&mut case.tags, 5600, vec![Tag { timestamp: 5600, ..header }]);
    case.check();
}

#[test]
fn b4_10_an_end_of_sequence_in_the_middle() {
    let case = Case::edited("b4-10", |tags| {
        let header = tags.iter().find(|tag| tag.kind == VIDEO && tag.is_header()).cloned();
        let header = Tag { timestamp: 4000, ..header.expect("a header") };
        insert(tags, 4000, vec![tag(VIDEO, 4000, &[0x17, 2, 0, 0, 0]), header]);
    });
    case.check();
}

#[test]
fn b4_11_key_frame_flags_that_lie() {
    let case = Case::edited("b4-11", |tags| {
        let pictures = tags.iter_mut().filter(|tag| is(tag, VIDEO));
        for (number, tag) in pictures.enumerate() {
            tag.body[0] = if number % 3 == 1 { 0x17 } else { 0x27 };
        }
    });
    case.check();
}

#[test]
fn b4_12_command_frames_and_odd_frame_types() {
    let case = Case::edited("b4-12", |tags| {
        for tag in tags.iter_mut().filter(|tag| is(tag, VIDEO)) {
            // Generated key frames and disposable pictures.
            tag.body[0] = if tag.is_key_frame() { 0x47 } else { 0x37 };
        }
        for time in [1000, 3000] {
            insert(tags, time, vec![tag(VIDEO, time, &[0x57, 0])]);
        }
    });
    case.check();
}

/// The film with its pictures, or its sound, in a codec that no MP4 takes.
fn of_old(name: &'static str, kind: u8, head: &'static [u8], what: &'static str) -> Case {
    let mut case = Case::edited(name, |tags| {
        tags.retain(|tag| tag.kind != kind || tag.is_media());
        for tag in tags.iter_mut().filter(|tag| tag.kind == kind) {
            let key = if kind == VIDEO && !tag.is_key_frame() { 0x10 } else { 0 };
            tag.body = [head, &[0x5a; 60][..]].concat();
            tag.body[0] += key;
        }
    });
    if kind == VIDEO {
        case.wanted.video.clear()
    } else {
        case.wanted.audio.clear()
    }
    case.left_out(what)
}

#[test]
fn b4_13_sorenson_pictures_beside_aac() {
    of_old("b4-13", VIDEO, &[0x12], "left out: video: codec: unsupported: Sorenson H.263").check();
}

#[test]
fn b4_14_vp6_pictures_beside_aac() {
    of_old("b4-14", VIDEO, &[0x14, 0], "left out: video: codec: unsupported: VP6").check();
}

#[test]
fn b4_15_speex_beside_h264() {
    of_old("b4-15 speex", AUDIO, &[0xb2], "left out: audio: codec: unsupported: Speex").check();
}

#[test]
fn b4_15_g711_beside_h264() {
    of_old("b4-15 g711", AUDIO, &[0x72], "left out: audio: codec: unsupported: G.711").check();
}

fn h264_and_mp3() -> (Vec<Tag>, Listing) {
    let file = capture("eflv/h264_mp3.flv");
    (flv::read(&file), packets::probe(&file))
}

#[test]
fn b4_16_several_frames_of_mp3_in_a_tag() {
    let mut case = Case::new("b4-16", h264_and_mp3());
    let mut tags: Vec<Tag> = Vec::new();
    let mut open: Option<usize> = None;
    for tag in std::mem::take(&mut case.tags) {
        match open.take().filter(|_| tag.kind == AUDIO) {
            Some(place) => tags[place].body.extend(&tag.body[1..]),
            None => {
                open = (tag.kind == AUDIO).then_some(tags.len());
                tags.push(tag);
            }
        }
    }
    let count = tags.iter().filter(|tag| tag.kind == AUDIO).count();
    assert!(count < case.wanted.audio.len(), "some tags hold two frames");
    case.tags = tags;
    case.played_as_file().check();
}

#[test]
fn b4_17_mp3_also_in_fragments() {
    Case::new("b4-17", h264_and_mp3()).played_as_file().check();
}

#[test]
fn b4_18_messages_of_garbage_and_no_metadata() {
    let case = Case::edited("b4-18", |tags| {
        tags.retain(|tag| tag.kind != SCRIPT);
        for (time, body) in [
            // A length past the end, a FourCC that is none, a picture of nothing.
            (700, &[0x27, 1, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0x41, 0x9a, 0x02][..]),
            (1500, &[0x91, 0x0d, 0xf0, 0xad, 0x0b, 1, 2, 3, 4]),
            (2500, &[0x27, 1, 0, 0, 0]),
            (3300, &[0x27]),
        ] {
            insert(tags, time, vec![tag(VIDEO, time, body)]);
        }
    });
    case.check();
}

#[test]
fn b4_19_hevc_declared_as_h264() {
    let tags = flv::read(&capture("eflv/hevc_aac.flv"));
    let mut wanted = Listing::default();
    let legacy = |tag: Tag| {
        let key = if tag.body[0] & 0x70 == 0x10 { 0x17 } else { 0x27 };
        let body = match (tag.kind, tag.body[0] & 0x8f, &tag.body[1..]) {
            (VIDEO, 0x80, [b'h', b'v', b'c', b'1', rest @ ..]) => {
                [&[key, 0, 0, 0, 0], rest].concat()
            }
            (VIDEO, 0x81, [b'h', b'v', b'c', b'1', rest @ ..]) => [&[key, 1], rest].concat(),
            (VIDEO, 0x83, [b'h', b'v', b'c', b'1', rest @ ..]) => {
                [&[key, 1, 0, 0, 0], rest].concat()
            }
            (VIDEO, ..) => return None,
            _ => tag.body,
        };
        Some(Tag { body, ..tag })
    };
    let tags: Vec<Tag> = tags.into_iter().filter_map(legacy).collect();
    for tag in tags.iter().filter(|tag| tag.is_media()) {
        let (skip, list) = match tag.kind {
            VIDEO => (5, &mut wanted.video),
            _ => (2, &mut wanted.audio),
        };
        let shown = if tag.kind == VIDEO {
            i32::from_be_bytes([tag.body[2], tag.body[3], tag.body[4], 0]) >> 8
        } else {
            0
        };
        let dts = i64::from(tag.timestamp) * MILLISECOND;
        let data = &tag.body[skip..];
        list.push(packets::Packet {
            dts,
            pts: dts + i64::from(shown) * MILLISECOND,
            size: data.len() as u64,
            hash: format!("MD5:{:x}", md5::compute(data)),
            key: tag.kind == AUDIO || tag.is_key_frame(),
        });
    }
    assert!(wanted.video.len() > 20 && wanted.audio.len() > 20);
    Case::new("b4-19", (tags, wanted)).unknown_to_some().check();
}

#[test]
fn b4_20_sound_alone() {
    let mut case = Case::edited("b4-20 sound", |tags| tags.retain(|tag| tag.kind != VIDEO));
    case.wanted.video.clear();
    case.check();
}

#[test]
fn b4_20_pictures_alone() {
    let mut case = Case::edited("b4-20 pictures", |tags| tags.retain(|tag| tag.kind != AUDIO));
    case.wanted.audio.clear();
    case.check();
}
