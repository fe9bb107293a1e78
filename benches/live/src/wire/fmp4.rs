//! MP4 files in fragments as a list of tags (ISO/IEC 14496-12 8.8).

use super::flv::Tag;
use super::{AUDIO, VIDEO};
use std::path::Path;

/// A track of the file.
struct Track {
    id: u32,
    kind: u8,
    timescale: u32,
}

/// Reads all samples of all whole fragments, each as a tag without a head; a tail that is cut off is left out.
pub fn read(path: &Path) -> Result<Vec<Tag>, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    parse(&bytes).ok_or_else(|| format!("{}: no MP4 in fragments", path.display()))
}

/// The samples in a file's bytes; `None` if they are not such an MP4.
pub fn parse(bytes: &[u8]) -> Option<Vec<Tag>> {
    let (mut tracks, mut tags, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some((kind, body, len)) = next(bytes.get(at..)?) {
        match &kind {
            b"moov" => children(body, b"trak").for_each(|trak| tracks.extend(track(trak))),
            b"moof" => {
                for traf in children(body, b"traf") {
                    samples(traf, bytes.get(at..)?, &tracks, &mut tags)?;
                }
            }
            _ => {}
        }
        at += len;
    }
    (!tracks.is_empty()).then_some(tags)
}

/// The next whole box: type, content, and length with its header.
fn next(bytes: &[u8]) -> Option<([u8; 4], &[u8], usize)> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, _) = rest.split_first_chunk::<4>()?;
    let size = u32::from_be_bytes(*size) as usize;
    Some((*kind, bytes.get(8..size)?, size))
}

fn children<'a>(mut bytes: &'a [u8], wanted: &'static [u8; 4]) -> impl Iterator<Item = &'a [u8]> {
    std::iter::from_fn(move || {
        while let Some((kind, body, len)) = next(bytes) {
            bytes = bytes.get(len..)?;
            if &kind == wanted {
                return Some(body);
            }
        }
        None
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn track(trak: &[u8]) -> Option<Track> {
    let tkhd = children(trak, b"tkhd").next()?;
    let mdia = children(trak, b"mdia").next()?;
    let mdhd = children(mdia, b"mdhd").next()?;
    let hdlr = children(mdia, b"hdlr").next()?;
    let kind = if hdlr.get(8..12)? == b"vide" { VIDEO } else { AUDIO };
    // Both boxes are written in version 0 while they say no duration.
    Some(Track { id: u32_at(tkhd, 12)?, kind, timescale: u32_at(mdhd, 12)? })
}

/// Adds the samples of a `traf`; offsets count from the start of `moof`.
fn samples(traf: &[u8], moof: &[u8], tracks: &[Track], tags: &mut Vec<Tag>) -> Option<()> {
    let tfhd = children(traf, b"tfhd").next()?;
    let (set, id) = (u32_at(tfhd, 0)?, u32_at(tfhd, 4)?);
    let track = tracks.iter().find(|track| track.id == id)?;
    let one_duration = if set & 0x08 != 0 { u32_at(tfhd, 8)? } else { 0 };
    let tfdt = children(traf, b"tfdt").next()?;
    let mut time = u64::from_be_bytes(tfdt.get(4..)?.first_chunk().copied()?);
    for trun in children(traf, b"trun") {
        let set = u32_at(trun, 0)?;
        let (count, mut at) = (u32_at(trun, 4)?, 12 + if set & 0x04 != 0 { 4 } else { 0 });
        let mut offset = u32_at(trun, 8)? as usize;
        for _ in 0..count {
            let mut field = |flag| {
                let value = if set & flag != 0 { u32_at(trun, at) } else { Some(0) };
                at += if set & flag != 0 { 4 } else { 0 };
                value
            };
            let (duration, size) = (field(0x100)?, field(0x200)? as usize);
            field(0x400)?;
            field(0x800)?;
            let millis = time * 1000 / u64::from(track.timescale.max(1));
            // A fragment whose media are cut off ends the file.
            let Some(data) = moof.get(offset..offset + size) else { return Some(()) };
            let timestamp = u32::try_from(millis).unwrap_or(u32::MAX);
            tags.push(Tag { kind: track.kind, timestamp, data: data.to_vec() });
            offset += size;
            time += u64::from(if set & 0x100 != 0 { duration } else { one_duration });
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).expect("small").to_be_bytes();
        [&size[..], kind, content].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn samples_of_whole_fragments_are_read() {
        let tkhd = boxed(b"tkhd", &words(&[7, 0, 0, 3]));
        let mdhd = boxed(b"mdhd", &words(&[0, 0, 0, 1000]));
        let hdlr = boxed(b"hdlr", &[&words(&[0, 0])[..], b"vide"].concat());
        let trak = boxed(b"trak", &[tkhd, boxed(b"mdia", &[mdhd, hdlr].concat())].concat());
        let tfhd = boxed(b"tfhd", &words(&[0x0002_0028, 3, 40, 0]));
        let tfdt = boxed(b"tfdt", &words(&[0x0100_0000, 0, 500]));
        // Two samples of 2 and 3 bytes behind 88 bytes of `moof` and the header of `mdat`.
        let trun = boxed(b"trun", &words(&[0x0100_0201, 2, 96, 2, 3]));
        let moof = boxed(b"moof", &boxed(b"traf", &[tfhd, tfdt, trun].concat()));
        assert_eq!(moof.len(), 88);
        let file = [boxed(b"moov", &trak), moof, boxed(b"mdat", b"abcde")].concat();
        let tag = |timestamp, data: &[u8]| Tag { kind: VIDEO, timestamp, data: data.to_vec() };
        assert_eq!(parse(&file), Some(vec![tag(500, b"ab"), tag(540, b"cde")]));
        assert_eq!(parse(&file[..file.len() - 1]), Some(vec![tag(500, b"ab")]));
        assert_eq!(parse(b"FLV"), None);
    }
}
