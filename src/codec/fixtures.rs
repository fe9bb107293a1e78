//! Real records and frames for the tests of the codecs, and independent readers of boxes.

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/", $name)).as_slice()
    };
}
pub(crate) use fixture;
use mp4_atom::Decode;

/// Reads `content` as the content of a box of type `kind`, by mp4-atom.
pub(crate) fn read_box<A: Decode>(kind: &[u8; 4], content: &[u8]) -> A {
    let size = u32::try_from(content.len() + 8).unwrap();
    let whole = [&size.to_be_bytes(), kind.as_slice(), content].concat();
    let mut input = whole.as_slice();
    let decoded = A::decode(&mut input).unwrap();
    assert!(input.is_empty(), "{} bytes left", input.len());
    decoded
}
