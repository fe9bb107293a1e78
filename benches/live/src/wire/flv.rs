//! FLV files as a list of tags (Adobe FLV 10.1, Annex E).

use super::{AUDIO, VIDEO};
use std::path::Path;

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Type id: audio 8, video 9, script 18.
    pub kind: u8,
    /// Decoding time in milliseconds.
    pub timestamp: u32,
    /// The body.
    pub data: Vec<u8>,
}

/// An AVC sequence header or an AudioSpecificConfig.
pub fn is_config(kind: u8, head: &[u8]) -> bool {
    match (kind, head) {
        (VIDEO, [codec, 0, ..]) => codec & 0x0f == 7,
        (AUDIO, [codec, 0, ..]) => codec >> 4 == 10,
        _ => false,
    }
}

/// A message that carries coded H.264 pictures.
pub fn is_avc_frame(kind: u8, head: &[u8]) -> bool {
    kind == VIDEO && matches!(head, [codec, 1, ..] if codec & 0x0f == 7)
}

/// Reads all whole tags of a file; a tail that is cut off is left out.
pub fn read(path: &Path) -> Result<Vec<Tag>, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    parse(&bytes).ok_or_else(|| format!("{}: not an FLV file", path.display()))
}

/// The whole tags of a file's bytes; `None` if they are not FLV.
pub fn parse(bytes: &[u8]) -> Option<Vec<Tag>> {
    let (header, _) = bytes.split_first_chunk::<9>()?;
    if !header.starts_with(b"FLV") {
        return None;
    }
    let data_offset = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
    let mut rest = bytes.get(usize::try_from(data_offset).ok()?.checked_add(4)?..)?;
    let mut tags = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<11>() {
        let [kind, s0, s1, s2, t0, t1, t2, t3, ..] = *head;
        let size = u32::from_be_bytes([0, s0, s1, s2]) as usize;
        let Some(data) = after.get(..size) else { break };
        let timestamp = u32::from_be_bytes([t3, t0, t1, t2]);
        tags.push(Tag { kind: kind & 0x1f, timestamp, data: data.to_vec() });
        rest = after.get(size + 4..).unwrap_or_default();
    }
    Some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_tags_are_read_and_a_cut_tail_is_left_out() {
        let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
        file.extend_from_slice(&[9, 0, 0, 2, 0, 0, 5, 1, 0, 0, 0, 0x17, 0, 0, 0, 0, 13]);
        let whole = file.len();
        file.extend_from_slice(&[8, 0, 0, 3, 0, 0, 6, 0, 0, 0, 0, 0xaf, 1]);
        let first = Tag { kind: 9, timestamp: 0x0100_0005, data: vec![0x17, 0] };
        assert_eq!(parse(&file), Some(vec![first.clone()]));
        assert_eq!(parse(&file[..whole]), Some(vec![first]));
        assert_eq!(parse(b"GIF89a and more of it"), None);
    }

    #[test]
    fn configuration_is_told_from_frames() {
        assert!(is_config(VIDEO, &[0x17, 0, 0]) && !is_config(VIDEO, &[0x17, 1, 0]));
        assert!(is_config(AUDIO, &[0xaf, 0]) && !is_config(AUDIO, &[0xaf, 1]));
        assert!(is_avc_frame(VIDEO, &[0x27, 1]) && !is_avc_frame(AUDIO, &[0x27, 1]));
    }
}
