//! The end of a file, read backwards: how long a file is that does not say so.

use super::header::TagHeader;

const SIZE_LEN: usize = 4;
/// Tags that are walked back over: enough to meet both tracks behind headers and script data.
const MAX_TAGS: usize = 64;

/// The largest time, in milliseconds, of the audio and video tags at the end of a file, found by the `PreviousTagSize` behind
/// each. `tail` is the last bytes of the file: 1 MiB meets both tracks of most files. With the first time of the file
/// this gives the duration of a file whose metadata has none, but for the length of the last frame.
///
/// `None` where the last size does not lead to a tag that agrees with it (a file that was cut, a writer of wrong sizes), or
/// out of `tail`: then only reading the file through tells.
#[must_use]
pub fn last_timestamp(tail: &[u8]) -> Option<u32> {
    let mut rest = tail;
    let mut last = None;
    for _ in 0..MAX_TAGS {
        let Some((head, before)) = split_last_tag(rest) else { break };
        if matches!(head.type_id(), 8 | 9) && head.size > 0 {
            let later = |last: u32| head.timestamp.wrapping_sub(last).cast_signed() > 0;
            last = last.filter(|&last| !later(last)).or(Some(head.timestamp));
        }
        rest = before;
    }
    last
}

/// The head of the last tag, and what stands before it; `None` where size and head do not agree.
fn split_last_tag(data: &[u8]) -> Option<(TagHeader, &[u8])> {
    let (rest, size) = data.split_last_chunk::<SIZE_LEN>()?;
    let unit = usize::try_from(u32::from_be_bytes(*size)).ok()?;
    let (before, tag) = rest.split_at_checked(rest.len().checked_sub(unit)?)?;
    let head = TagHeader::parse(tag)?;
    let agrees = unit - TagHeader::LEN == head.size as usize
        && matches!(head.type_id(), 8 | 9 | 15 | 18)
        && !head.has_reserved_bits();
    agrees.then_some((head, before))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::flv::{Reader, Tag, TagKind, Writer};
    use crate::limits::Limits;

    const OBS: &[u8] = include_bytes!("../../tests/data/obs-29.0.2/recorded-by-nginx.flv");
    const FFMPEG: &[u8] = include_bytes!("../../tests/data/ffmpeg-5.1/source.flv");
    const EXO: &[u8] = include_bytes!("../../tests/data/exoplayer/sample.flv");

    /// By reading the file through.
    fn scanned(file: &[u8]) -> Option<u32> {
        let mut reader = Reader::new(&Limits::default());
        let (mut rest, mut last) = (file, None);
        while !rest.is_empty() {
            rest = &rest[reader.handle_input(rest).unwrap()..];
            while let Some((_, tag)) = reader.poll_tag() {
                if tag.kind != TagKind::Script {
                    last = last.max(Some(tag.timestamp));
                }
            }
        }
        last
    }

    #[test]
    fn b1_14_the_last_time_of_real_files_is_found_from_their_ends() {
        for file in [OBS, FFMPEG, EXO] {
            let tail = &file[file.len() - (64 << 10).min(file.len())..];
            assert_eq!(last_timestamp(tail), scanned(file));
            assert!(scanned(file).is_some());
        }
    }

    #[test]
    fn b1_14_an_end_that_does_not_agree_with_itself_is_not_believed() {
        let cut = &OBS[..OBS.len() - 7];
        assert_eq!(last_timestamp(cut), None);
        // A size that is too small by one, as some writers have it.
        let mut wrong = OBS.to_vec();
        let at = wrong.len() - 1;
        wrong[at] = wrong[at].wrapping_sub(1);
        assert_eq!(last_timestamp(&wrong), None);
        assert_eq!(last_timestamp(&[]), None);
        assert_eq!(last_timestamp(&[0; 64]), None);
    }

    #[test]
    fn b1_14_script_data_at_the_end_is_walked_over_and_times_wrap() {
        let mut writer = Writer::new();
        let mut file = writer.header(true, true).to_vec();
        for (kind, timestamp, len) in [
            (TagKind::Video, 0xffff_fff0, 9),
            (TagKind::Audio, 8, 5),
            (TagKind::Video, 3, 9),
            (TagKind::Script, 0, 20),
        ] {
            let tag = Tag { kind, timestamp, body: Bytes::from(vec![1; len]) };
            file.extend_from_slice(&writer.tag(&tag).unwrap().to_bytes());
        }
        assert_eq!(last_timestamp(&file), Some(8));
    }

    proptest! {
        #[test]
        fn any_tail_is_taken(tail in prop::collection::vec(prop_oneof![0_u8..20, any::<u8>()], 0..200)) {
            let _ = last_timestamp(&tail);
        }
    }
}
