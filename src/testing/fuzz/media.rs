//! FLV and what is made of its tags.

use std::collections::HashMap;

use bytes::Bytes;

use super::input::{limits, splits, tags};
use crate::assemble::{Assembler, Event, NoticeKind};
use crate::codec::h264::nal;
use crate::error::{Error, Notice};
use crate::flv::body::{AudioBody, VideoBody};
use crate::flv::enhanced::{MultichannelConfig, parse_color_info, write_color_info};
use crate::flv::{Header, Reader, ReaderNotice, Tag, TagKind, Writer, last_timestamp};
use crate::live::GopCache;
use crate::media::{CodecConfig, MediaKind};
use crate::record::{FlvRecorder, FlvRepair, Patch};

/// FLV files: split invariance, bodies that stand where the reader says, and tags that come back from the writer.
pub fn flv_reader(data: &[u8]) {
    let whole = read_flv(&[data]);
    for split in splits(data) {
        assert_eq!(read_flv(&split), whole);
    }
    let _ = last_timestamp(data);
    let mut end = 0;
    for (offset, tag) in &whole.tags {
        let start = usize::try_from(*offset).unwrap_or(usize::MAX);
        assert!(start >= end && !tag.body.is_empty());
        end = start + tag.body.len();
        assert_eq!(data.get(start..end), Some(&tag.body[..]), "the body at {start}");
    }
    let mut writer = Writer::new();
    let mut file = writer.header(true, true).to_vec();
    for (_, tag) in &whole.tags {
        let written = writer.tag(tag).map(|chain| chain.to_bytes());
        file.extend_from_slice(&written.unwrap_or_default());
    }
    assert_eq!(writer.offset(), file.len() as u64);
    let back = read_flv(&[&file]);
    assert_eq!((back.truncated, back.notices, back.error), (false, Vec::new(), None));
    assert!(back.tags.iter().map(|(_, tag)| tag).eq(whole.tags.iter().map(|(_, tag)| tag)));
}

#[derive(Debug, PartialEq)]
struct Flv {
    tags: Vec<(u64, Tag)>,
    header: Option<Header>,
    truncated: bool,
    notices: Vec<Notice<ReaderNotice>>,
    error: Option<Error>,
}

fn read_flv(split: &[&[u8]]) -> Flv {
    let mut reader = Reader::new(&limits());
    let (mut tags, mut error) = (Vec::new(), None);
    'pieces: for piece in split {
        let mut rest = *piece;
        while !rest.is_empty() {
            let taken = match reader.handle_input(rest) {
                Ok(taken) => taken,
                Err(fault) => {
                    error = Some(fault);
                    break 'pieces;
                }
            };
            let before = tags.len();
            tags.extend(std::iter::from_fn(|| reader.poll_tag()));
            assert!(taken > 0 || tags.len() > before, "no way on");
            rest = rest.get(taken..).unwrap_or_default();
        }
    }
    let truncated = loop {
        let truncated = reader.finish();
        let before = tags.len();
        tags.extend(std::iter::from_fn(|| reader.poll_tag()));
        if tags.len() == before {
            break truncated;
        }
    };
    let notices = reader.notices().to_vec();
    Flv { tags, header: reader.header(), truncated, notices, error }
}

/// Video and audio bodies: payloads are shared with the body, that of a legacy body is its end, and the composition time
/// is 24 bits.
pub fn flv_body(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let is_within = |part: &Bytes| {
        assert!(part.is_empty() || body.as_ptr_range().contains(&part.as_ptr()));
        assert!(part.len() <= body.len());
    };
    let is_tail =
        |part: &Bytes, longest: usize| data.ends_with(part) && body.len() - part.len() <= longest;
    let first = data.first().copied().unwrap_or(0);
    let (videos, _) = VideoBody::parse_all(&body);
    for video in &videos {
        assert!((-(1 << 23)..1 << 23).contains(&video.composition_time));
        is_within(&video.data);
        assert!(first & 0x80 != 0 || is_tail(&video.data, 5), "{video:?}");
    }
    let (audios, _) = AudioBody::parse_all(&body);
    for audio in &audios {
        assert!(audio.format < 16 && (5_512..=44_100).contains(&audio.sample_rate));
        is_within(&audio.data);
        assert!(first >> 4 == 9 || is_tail(&audio.data, 2), "{audio:?}");
    }
    // What a metadata packet and a channel configuration hold is written so that it is read again.
    if let Some(color) = parse_color_info(data, &limits()) {
        assert!(parse_color_info(&write_color_info(&color), &limits()).is_some(), "{color:?}");
    }
    if let Ok(channels) = MultichannelConfig::parse(data) {
        assert_eq!(MultichannelConfig::parse(&channels.write()), Ok(channels));
    }
    // Tracks are told apart by one byte; a body has no more of them than bytes.
    assert!(videos.len() <= data.len() && audios.len() <= data.len());
}

/// Any bytes as a recording that a crash left: what is called whole lies in the file, and so do the patches.
fn repaired(data: &[u8]) {
    let mut repair = FlvRepair::new(&limits());
    if repair.handle_input(data).is_err() {
        return;
    }
    let Some((end, patches)) = repair.finish() else { return };
    assert!(end <= data.len() as u64, "{end}");
    for Patch { offset, bytes } in patches {
        // The index goes behind the end, all else into what is there.
        assert!(offset == end || offset + bytes.len() as u64 <= end, "a patch at {offset}");
    }
}

/// Recordings and the cache for players who join: what was recorded is a whole FLV of the same media, patches lie in
/// it, and the cache keeps to its limit.
pub fn recorder(data: &[u8]) {
    repaired(data);
    let limits = limits();
    let mut recorder = FlvRecorder::new(&limits);
    let mut cache = GopCache::new(limits.gop_bytes);
    let mut file = Vec::new();
    let mut media = Vec::new();
    for tag in tags(data) {
        cache.handle_tag(&tag);
        assert!(cache.bytes() <= limits.gop_bytes, "{} bytes in the cache", cache.bytes());
        let Ok(chain) = recorder.handle_tag(&tag) else { return };
        file.extend_from_slice(&chain.to_bytes());
        if tag.kind != TagKind::Script {
            media.push(tag);
        }
    }
    let length = file.len();
    for patch in recorder.finish() {
        let at = usize::try_from(patch.offset).unwrap_or(usize::MAX);
        if at == length {
            file.extend_from_slice(&patch.bytes);
            continue;
        }
        let slot = file.get_mut(at..).and_then(|rest| rest.get_mut(..patch.bytes.len()));
        assert!(slot.is_some(), "a patch outside of the file");
        slot.into_iter().for_each(|slot| slot.copy_from_slice(&patch.bytes));
    }
    if file.is_empty() {
        return;
    }
    let back = read_flv(&[&file]);
    assert_eq!((back.truncated, back.notices, back.error), (false, Vec::new(), None));
    let back: Vec<&Tag> =
        back.tags.iter().map(|(_, tag)| tag).filter(|tag| tag.kind != TagKind::Script).collect();
    let body = |tag: &Tag| (tag.kind, tag.body.clone());
    let sent: Vec<_> = media.iter().filter(|tag| !tag.body.is_empty()).map(body).collect();
    assert!(back.len() <= sent.len());
    // What is left out is left out; what is there stands in its order.
    let mut sent = sent.into_iter();
    for tag in back {
        assert!(sent.any(|other| other == body(tag)), "a tag that was not sent");
    }
}

/// Tags to access units: tracks come before their units, decode times never run back, samples are whole and of no more
/// bytes than were sent, and each kind of notice is told once.
pub fn assembler(data: &[u8]) {
    let mut assembler = Assembler::new(&limits());
    let mut check = Check::default();
    for tag in tags(data) {
        assembler.handle_tag(&tag);
        std::iter::from_fn(|| assembler.poll_event()).for_each(|event| check.event(event));
    }
    assembler.finish();
    std::iter::from_fn(|| assembler.poll_event()).for_each(|event| check.event(event));
    // Three bytes of start code become four of length.
    assert!(check.bytes <= 2 * data.len(), "{} bytes of {}", check.bytes, data.len());
}

#[derive(Default)]
struct Check {
    avc: HashMap<crate::media::TrackId, bool>,
    last: HashMap<crate::media::TrackId, i64>,
    told: Vec<NoticeKind>,
    bytes: usize,
}

impl Check {
    fn event(&mut self, event: Event) {
        match event {
            Event::Track(track) => {
                let avc = matches!(*track.config, CodecConfig::Avc(_));
                assert!(!track.config.codec_string().is_empty() && track.timescale > 0);
                self.avc.insert(track.id, avc);
            }
            Event::Unit(unit) => {
                let avc = self.avc.get(&unit.track);
                assert!(avc.is_some(), "a unit of no track");
                assert!(!unit.data.is_empty());
                if avc == Some(&true) {
                    let whole: usize = nal::LengthPrefixed::new(&unit.data, 4)
                        .flatten()
                        .map(|nal| nal.len() + 4)
                        .sum();
                    assert_eq!(whole, unit.data.len(), "NAL units fill the sample");
                }
                assert!(unit.key || unit.track.kind == MediaKind::Video);
                let last = self.last.insert(unit.track, unit.dts);
                assert!(last.is_none_or(|last| last <= unit.dts), "{last:?} then {}", unit.dts);
                self.bytes += unit.data.len();
            }
            Event::Discontinuity => self.last.clear(),
            Event::Notice(notice) => {
                assert!(!self.told.contains(&notice.kind), "{:?} again", notice.kind);
                self.told.push(notice.kind);
            }
            _ => {}
        }
    }
}
