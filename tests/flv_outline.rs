//! An outline of an FLV holds all that its packets are found by.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests fail by panicking, and fixtures are files"
)]

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use streamcore::assemble::{Assembler, Event};
use streamcore::flv::{Outline, Outlook, Reader, TagKind};
use streamcore::limits::Limits;

/// What is in the place of bytes that were not read: no NAL unit, and no length that fits.
const HOLE: u8 = 0xAA;

/// All FLV files of the tests.
fn files() -> Vec<(String, Vec<u8>)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut files = Vec::new();
    for folder in std::fs::read_dir(data).unwrap() {
        let folder = folder.unwrap().path();
        for file in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "flv") {
                files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    assert!(files.len() > 15, "{}", files.len());
    files
}

/// The file with holes, how much of it was read, and whether the walk came to the end of its tags.
fn outline(file: &[u8], glance: usize) -> (Vec<u8>, usize, bool) {
    let mut image = vec![HOLE; file.len()];
    let mut outline = Outline::new(&Limits::default());
    // The header and the size of no tag.
    image[..13].copy_from_slice(&file[..13]);
    let (mut at, mut read, mut bytes): (usize, Range<usize>, usize) = (13, 13..13, 13);
    while at < file.len() {
        match outline.look(&image, at, &read) {
            Outlook::Tag(end) => at = end,
            Outlook::Read(range) => {
                let goes_on = read.start <= range.start && range.start <= read.end;
                let from = if goes_on { read.end } else { range.start };
                let to = range.end.max(from + glance).min(file.len());
                assert!(to > from, "it asks for what it has: {range:?} of {read:?}");
                image[from..to].copy_from_slice(&file[from..to]);
                bytes += to - from;
                read = if goes_on { read.start..to } else { from..to };
            }
            _ => break,
        }
    }
    (image, bytes, at == file.len())
}

/// What an assembler says of each tag, with units that are slices as their places, and others as their bytes.
fn said(bytes: Vec<u8>) -> Vec<String> {
    let input = Bytes::from(bytes);
    let (mut reader, mut assembler) =
        (Reader::new(&Limits::default()), Assembler::new(&Limits::default()));
    let mut said = Vec::new();
    let mut events = |assembler: &mut Assembler| {
        while let Some(event) = assembler.poll_event() {
            let Event::Unit(unit) = event else {
                said.push(format!("{event:?}"));
                continue;
            };
            let at = unit.data.as_ptr().addr().wrapping_sub(input.as_ptr().addr());
            let place =
                if at < input.len() { format!("at {at}") } else { format!("{:?}", unit.data) };
            let (dts, offset) = (unit.dts, unit.pts_offset);
            let (track, key, len) = (unit.track, unit.key, unit.data.len());
            said.push(format!("{track} {dts} {offset} {key} {len} {place}"));
        }
    };
    let mut at = 0;
    while at < input.len() {
        at += reader.handle_shared(&input.slice(at..)).unwrap();
        while let Some((_, tag)) = reader.poll_tag() {
            assembler.handle_tag(&tag);
            events(&mut assembler);
        }
    }
    assembler.finish();
    events(&mut assembler);
    said
}

/// Whether nothing is searched through to its end, or put together anew, from the first picture on.
fn only_looks_at_heads(file: &[u8]) -> bool {
    let mut reader = Reader::new(&Limits::default());
    let mut assembler = Assembler::new(&Limits::default());
    let mut at = 0;
    while at < file.len() {
        at += reader.handle_input(&file[at..]).unwrap();
        while let Some((_, tag)) = reader.poll_tag() {
            assembler.handle_tag(&tag);
            if tag.kind == TagKind::Video && assembler.reads_whole() {
                return false;
            }
        }
    }
    true
}

#[test]
fn an_outline_gives_the_packets_of_the_whole_file() {
    let (mut some, mut left_out) = (0, 0);
    for (name, file) in files() {
        let (image, bytes, ended) = outline(&file, 0);
        if !ended || !only_looks_at_heads(&file) {
            continue;
        }
        assert_eq!(said(image), said(file.clone()), "{name}");
        // However much more is read at once, the same is found.
        assert_eq!(said(outline(&file, 1000).0), said(file.clone()), "{name}");
        some += 1;
        left_out += usize::from(bytes * 2 < file.len());
    }
    assert!(some > 8 && left_out > 2, "{some} files, of {left_out} more than half was left out");
}

#[test]
fn what_is_no_tag_is_lost_and_a_tag_past_the_buffer_says_how_long_it_is() {
    let limits = Limits::default();
    let mut tag = vec![9, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0x17, 1, 0, 0, 0];
    tag.resize(11 + 1024, 7);
    tag.extend_from_slice(&(11_u32 + 1024).to_be_bytes());
    let all = 0..tag.len();
    // Without a sequence header it is read whole.
    assert_eq!(Outline::new(&limits).look(&tag, 0, &all), Outlook::Tag(tag.len()));
    assert_eq!(Outline::new(&limits).look(&tag, 0, &(0..0)), Outlook::Read(0..11));
    assert_eq!(Outline::new(&limits).look(&tag, 0, &(0..11)), Outlook::Read(11..27));
    assert_eq!(Outline::new(&limits).look(&tag, 0, &(0..40)), Outlook::Read(11..1035));
    assert_eq!(Outline::new(&limits).look(&tag[..500], 0, &(0..500)), Outlook::Past(1039));
    let wrong_size = [&tag[..1035], &[0, 0, 0, 1]].concat();
    assert_eq!(Outline::new(&limits).look(&wrong_size, 0, &all), Outlook::Lost);
    let unknown = [&[12], &tag[1..]].concat();
    assert_eq!(Outline::new(&limits).look(&unknown, 0, &all), Outlook::Lost);
    // A row of NAL units that ends elsewhere than its body.
    let record = [0x17, 0, 0, 0, 0, 1, 100, 0, 31, 255];
    let mut outline = Outline::new(&limits);
    outline.handle_video(&record);
    assert_eq!(outline.look(&tag, 0, &all), Outlook::Lost);
}
