//! A reader of FLV files that stops at the first tag that is not whole, and a writer.

use std::path::Path;

/// Type of an audio tag.
pub const AUDIO: u8 = 8;
/// Type of a video tag.
pub const VIDEO: u8 = 9;
/// Type of a script data tag.
pub const SCRIPT: u8 = 18;

/// One tag.
#[derive(Clone, PartialEq, Eq)]
pub struct Tag {
    /// 8 audio, 9 video, 18 script data.
    pub kind: u8,
    /// Milliseconds.
    pub timestamp: u32,
    /// What stands between the tag head and the length of the previous tag.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tag(type {}, {} ms, {} bytes)", self.kind, self.timestamp, self.body.len())
    }
}

impl Tag {
    /// AVC or AAC configuration in place of media.
    pub fn is_header(&self) -> bool {
        matches!(
            (self.kind, self.body.as_slice()),
            (VIDEO, [_, 0, ..]) | (AUDIO, [0xa0..=0xaf, 0, ..])
        )
    }

    /// Coded video or audio: no configuration, no end of sequence.
    pub fn is_media(&self) -> bool {
        matches!((self.kind, self.body.as_slice()), (VIDEO | AUDIO, [_, 1, ..]))
    }

    /// Coded video that can be decoded without any before it.
    pub fn is_key_frame(&self) -> bool {
        self.kind == VIDEO
            && self.is_media()
            && self.body.first().is_some_and(|head| head >> 4 == 1)
    }
}

/// Whole tags of a file.
///
/// # Panics
/// When the file cannot be read or does not begin as FLV.
pub fn read(path: &Path) -> Vec<Tag> {
    let file = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parse(&file).unwrap_or_else(|| panic!("{}: not an FLV file", path.display()))
}

/// Whole tags of the bytes of a file; `None` when they do not begin as FLV.
pub fn parse(file: &[u8]) -> Option<Vec<Tag>> {
    let mut rest = file.strip_prefix(b"FLV\x01").and_then(|rest| rest.get(9..))?;
    let mut tags = Vec::new();
    while let [kind, l0, l1, l2, t0, t1, t2, t3, _, _, _, body @ ..] = rest {
        let length = usize::from(*l0) << 16 | usize::from(*l1) << 8 | usize::from(*l2);
        let (Some(content), Some(next)) = (body.get(..length), body.get(length + 4..)) else {
            break;
        };
        let timestamp = u32::from_be_bytes([*t3, *t0, *t1, *t2]);
        tags.push(Tag { kind: kind & 0x1f, timestamp, body: content.to_vec() });
        rest = next;
    }
    Some(tags)
}

/// An FLV of these tags.
///
/// # Panics
/// When the file cannot be written.
pub fn write(path: &Path, tags: &[Tag]) {
    let mut out = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    for tag in tags {
        let size = u32::try_from(tag.body.len()).expect("a tag");
        let [t3, t0, t1, t2] = tag.timestamp.to_be_bytes();
        out.push(tag.kind);
        out.extend(&size.to_be_bytes()[1..]);
        out.extend([t0, t1, t2, t3, 0, 0, 0]);
        out.extend(&tag.body);
        out.extend((size + 11).to_be_bytes());
    }
    std::fs::write(path, out).expect("a file");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_up_to_the_one_that_is_cut() {
        let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
        file.extend_from_slice(&[9, 0, 0, 2, 0, 0, 7, 1, 0, 0, 0, 0x17, 1, 0, 0, 0, 13]);
        let tag = Tag { kind: VIDEO, timestamp: 0x0100_0007, body: vec![0x17, 1] };
        assert!(tag.is_key_frame() && tag.is_media() && !tag.is_header());
        assert_eq!(parse(&file), Some(vec![tag]));
        file.pop();
        assert_eq!(parse(&file), Some(vec![]));
        assert_eq!(parse(b"RIFF"), None);
    }
}
