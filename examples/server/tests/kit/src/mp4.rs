//! Boxes of the top level of an MP4 file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Types of the boxes of the top level, in order.
///
/// # Panics
/// When the file cannot be read, or its boxes do not end where the file ends.
pub fn top_level_boxes(path: &Path) -> Vec<String> {
    let fault = |error: std::io::Error| -> ! { panic!("{}: {error}", path.display()) };
    let mut file = File::open(path).unwrap_or_else(|error| fault(error));
    let length = file.metadata().unwrap_or_else(|error| fault(error)).len();
    let (mut boxes, mut position) = (Vec::new(), 0);
    while position < length {
        let mut head = [0; 16];
        file.seek(SeekFrom::Start(position)).unwrap_or_else(|error| fault(error));
        let short = usize::try_from(length - position).unwrap_or(16).min(16);
        file.read_exact(&mut head[..short]).unwrap_or_else(|error| fault(error));
        let (size, rest) = head.split_first_chunk::<4>().expect("16 bytes");
        let (kind, large) = rest.split_first_chunk::<4>().expect("12 bytes");
        let size = match u32::from_be_bytes(*size) {
            0 => length - position,
            1 => u64::from_be_bytes(*large.first_chunk().expect("8 bytes")),
            size => u64::from(size),
        };
        assert!(size >= 8, "{}: a box of {size} bytes at {position}", path.display());
        boxes.push(String::from_utf8_lossy(kind).into_owned());
        position += size;
    }
    assert_eq!(position, length, "{}: the last box ends after the file", path.display());
    boxes
}

/// Asserts that playing can begin with the first bytes: the index stands before the media.
pub fn assert_index_in_front(path: &Path) {
    let boxes = top_level_boxes(path);
    let find = |kind: &str| boxes.iter().position(|found| found == kind);
    match (find("moov"), find("mdat")) {
        (Some(index), Some(media)) if index < media => {}
        _ => panic!("{}: {boxes:?}", path.display()),
    }
}
