//! MP4 files that lie, given to the strict reader: an error in bounded work, never a panic.

#![expect(clippy::unwrap_used, reason = "a test: what is wrong here fails it")]

use proptest::prelude::*;
use streamcore::error::ErrorKind;
use streamcore::mp4::verify;

fn bx(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes()[..], kind, content].concat()
}

/// `ftyp`, this `moov` and the header of an empty `mdat`.
fn file(moov: &[u8]) -> Vec<u8> {
    [bx(b"ftyp", b"isom\0\0\0\x01isom"), bx(b"moov", moov), bx(b"mdat", &[])].concat()
}

fn refused(file: &[u8]) {
    let error = verify(file, file.len() as u64).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
}

#[test]
fn f_13_boxes_within_boxes_are_not_followed_down() {
    // As deep as memory lets them be: the reader knows how deep a file is, and goes no deeper.
    let mut deep = Vec::new();
    for kind in [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta"] {
        let mut nested = bx(kind, &[]);
        for _ in 0..20_000 {
            let size = u32::try_from(nested.len() + 8).unwrap();
            nested.splice(0..0, size.to_be_bytes().into_iter().chain(*kind));
            if nested.len() > 60_000 {
                break;
            }
        }
        refused(&file(&nested));
        deep.extend(nested);
    }
    refused(&file(&deep));
}

#[test]
fn f_13_sizes_that_overlap_their_box_overflow_or_stand_still_are_refused() {
    for size in [0_u32, 1, 2, 7, 9, 0x7fff_ffff, 0xffff_ffff] {
        let inner = [&size.to_be_bytes()[..], b"trak"].concat();
        refused(&file(&inner));
        let long = [&1_u32.to_be_bytes()[..], b"trak", &u64::from(size).to_be_bytes()].concat();
        refused(&file(&long));
    }
    let huge = [&1_u32.to_be_bytes()[..], b"free", &u64::MAX.to_be_bytes()].concat();
    refused(&[&huge[..], &file(&[])].concat());
    // Thousands of boxes of nothing.
    refused(&file(&bx(b"free", &[]).repeat(20_000)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn f_13_any_boxes_end_in_an_error_or_a_summary(
        kinds in prop::collection::vec(prop::sample::select(vec![
            *b"moov", *b"mvhd", *b"trak", *b"tkhd", *b"mdia", *b"mdhd", *b"hdlr", *b"minf", *b"stbl",
            *b"stsd", *b"stts", *b"stsc", *b"stsz", *b"stco", *b"co64", *b"ctts", *b"edts", *b"elst",
        ]), 1..12),
        content in prop::collection::vec(prop_oneof![Just(0_u8), Just(0xff), any::<u8>()], 0..64),
    ) {
        let nested = kinds.iter().rev().fold(content, |content, kind| bx(kind, &content));
        let file = file(&nested);
        let _ = verify(&file, file.len() as u64);
    }
}
