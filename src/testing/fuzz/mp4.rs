//! What is written for players: HLS, MP4 files.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::input::{limits, number, splits};
use crate::buf::Reader;
use crate::codec::aac::AacConfig;
use crate::codec::h264::AvcConfig;
use crate::error::{Error, Layer};
use crate::hls::{Answer, Muxer, MuxerConfig};
use crate::limits::Limits;
use crate::media::{AccessUnit, CodecConfig, MediaKind, Track, TrackId};
use crate::mp4;
use crate::remux::{FlvMender, Layout, MendedFlv, Options, Piece, Plan, Remuxer, Skimmer};

const AVCC: &[u8] = &[
    1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 0x1a, 0x67, 0x64, 0, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9,
    0x70, 0x11, 0, 0, 3, 0, 1, 0, 0, 3, 0, 0x3c, 0x0f, 0x16, 0x2d, 0x96, 1, 0, 4, 0x68, 0xef, 0xbc,
    0xb0,
];

/// Pictures and sound.
pub(super) fn configs() -> Option<[CodecConfig; 2]> {
    let video = AvcConfig::parse(AVCC, &Limits::default()).ok()?;
    let audio = AacConfig::new(2, 48_000, 2).ok()?;
    Some([CodecConfig::Avc(video), CodecConfig::Aac(audio)])
}

/// Access units of any times to HLS: playlists that read back, files that they list, boxes that fill the segments, and
/// numbers that never run back.
pub fn hls(mut data: &[u8]) {
    let limits = limits();
    let flags = number(&mut data, 1);
    let part_duration = (flags & 8 != 0).then_some(Duration::from_millis(200));
    let config = MuxerConfig { part_duration, ..MuxerConfig::default() };
    let mut muxer = Muxer::new(config, &limits);
    let mut play = Playlists::default();
    let Some([video, audio]) = configs() else { return };
    for (bit, id, config) in [(1, TrackId::VIDEO, video), (2, TrackId::AUDIO, audio)] {
        if flags & bit == 0 {
            let _ =
                muxer.handle_track(Track { id, timescale: 1_000_000, config: Arc::new(config) });
        }
    }
    let mut dts = [0_i64; 2];
    let mut given = 0;
    while !data.is_empty() {
        let head = number(&mut data, 1);
        let step = number(&mut data, 2).cast_signed() << (2 * (head >> 4 & 7));
        let result = match head & 15 {
            15 => muxer.handle_discontinuity(),
            14 => muxer.handle_track(Track {
                id: TrackId::AUDIO,
                timescale: 1_000_000,
                config: Arc::new(match AacConfig::new(2, 44_100, 2) {
                    Ok(config) => CodecConfig::Aac(config),
                    Err(_) => return,
                }),
            }),
            13 => muxer.finish().and_then(|()| muxer.resume()),
            kind => {
                let track = if kind & 1 == 0 { TrackId::VIDEO } else { TrackId::AUDIO };
                let [video, audio] = &mut dts;
                let dts = if kind & 1 == 0 { video } else { audio };
                *dts = if kind == 12 { dts.saturating_sub(step) } else { dts.saturating_add(step) };
                given += 8;
                let unit = AccessUnit {
                    track,
                    dts: *dts,
                    pts_offset: if kind & 8 == 0 { 0 } else { step / 2 - 1000 },
                    key: track.kind == MediaKind::Audio || kind & 4 != 0,
                    data: Bytes::from_static(&[0, 0, 0, 4, 0x65, 1, 2, 3]),
                };
                muxer.handle_unit(unit, (flags & 4 != 0).then_some(dts.saturating_add(1 << 50)))
            }
        };
        let _ = result;
        assert!(muxer.held_bytes() <= 64 * given + (64 << 10), "{} bytes held", muxer.held_bytes());
        if head & 0x80 != 0 && play.checks < CHECKS {
            play.check(&muxer);
            let query = format!("_HLS_msn={}&_HLS_part={}", head & 3, head >> 2 & 15);
            let answer = muxer.request("video.m3u8", Some(&query));
            assert!(!matches!(answer, Answer::Gone), "{query}");
        }
    }
    play.check(&muxer);
    let _ = muxer.finish();
    play.check(&muxer);
}

/// Looks at all playlists in the midst of a stream: more would only make it slow.
const CHECKS: u32 = 8;

/// What playlists said so far.
#[derive(Default)]
struct Playlists {
    checks: u32,
    /// Files that were looked into. A name never stands for other bytes.
    seen: HashMap<String, usize>,
    sequence: [u64; 2],
    discontinuities: [u64; 2],
}

impl Playlists {
    fn check(&mut self, muxer: &Muxer) {
        self.checks += 1;
        let Some(text) = text(muxer, "index.m3u8") else { return };
        assert!(text.starts_with("#EXTM3U\n") && text.ends_with('\n'), "{text}");
        let mut listed = text.lines().filter(|line| !line.starts_with('#')).count();
        listed += text.matches("URI=\"").count();
        assert!(listed > 0, "{text}");
        for (slot, name) in [(0, "video.m3u8"), (1, "audio.m3u8")] {
            if text.contains(name) {
                self.media(muxer, slot, name);
            }
        }
    }

    fn media(&mut self, muxer: &Muxer, slot: usize, name: &str) {
        let Some(text) = text(muxer, name) else { return };
        assert!(text.starts_with("#EXTM3U\n") && text.ends_with('\n'), "{text}");
        let tag = |tag: &str| {
            let mut found = text.lines().filter_map(|line| line.strip_prefix(tag));
            let value = found.next().and_then(|value| value.parse::<u64>().ok());
            assert!(value.is_some() && found.next().is_none(), "{tag} in {text}");
            value.unwrap_or(0)
        };
        let target = tag("#EXT-X-TARGETDURATION:");
        for (seen, now) in [
            (&mut self.sequence, tag("#EXT-X-MEDIA-SEQUENCE:")),
            (&mut self.discontinuities, tag("#EXT-X-DISCONTINUITY-SEQUENCE:")),
        ] {
            let Some(seen) = seen.get_mut(slot) else { return };
            assert!(now >= *seen, "{now} after {seen}: {text}");
            *seen = now;
        }
        let (mut duration, mut gap, mut uris) = (None, false, HashSet::new());
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("#EXTINF:") {
                assert!(duration.is_none(), "{text}");
                duration = value.trim_end_matches(',').parse::<f64>().ok();
                assert!(duration.is_some_and(|seconds| seconds >= 0.0), "{line}");
                assert!(duration.is_some_and(|seconds| seconds.round() <= target as f64), "{text}");
            } else if line == "#EXT-X-GAP" {
                gap = true;
            } else if let Some(part) = line.strip_prefix("#EXT-X-PART:DURATION=") {
                let uri = part.split('"').nth(1).unwrap_or_default();
                self.boxes(muxer, uri, &[b"moof", b"mdat"]);
            } else if let Some(hint) = line.strip_prefix("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"") {
                let answer = muxer.request(hint.trim_end_matches('"'), None);
                assert!(matches!(answer, Answer::Wait(_)), "{answer:?}: {text}");
            } else if let Some(uri) = line.strip_prefix("#EXT-X-MAP:URI=\"") {
                self.boxes(muxer, uri.trim_end_matches('"'), &[b"ftyp", b"moov"]);
            } else if !line.starts_with('#') {
                assert!(duration.take().is_some() && uris.insert(line.to_owned()), "{text}");
                if !std::mem::take(&mut gap) {
                    self.boxes(muxer, line, &[b"styp", b"moof", b"mdat"]);
                }
            }
        }
    }

    fn boxes(&mut self, muxer: &Muxer, name: &str, kinds: &[&[u8; 4]]) {
        let file = muxer.file(name);
        assert!(file.is_some(), "{name} is listed and not there");
        let Some(file) = file else { return };
        let len = file.body.len();
        match self.seen.insert(name.to_owned(), len) {
            Some(before) => assert_eq!(before, len, "{name} was another"),
            None => boxes(name, &file.body.to_bytes(), kinds),
        }
    }
}

fn text(muxer: &Muxer, name: &str) -> Option<String> {
    let bytes = muxer.file(name)?.body.to_bytes();
    let text = String::from_utf8(bytes.to_vec());
    assert!(text.is_ok(), "{name} is text");
    text.ok()
}

/// Boxes of these kinds fill a file.
fn boxes(name: &str, file: &[u8], kinds: &[&[u8; 4]]) {
    let mut reader = Reader::new(Layer::Mp4, file);
    while !reader.is_empty() {
        let head = (reader.u32("size"), reader.array::<4>("type"));
        assert!(matches!(head, (Ok(8..), Ok(kind)) if kinds.contains(&&kind)), "{name}: {head:?}");
        let size = head.0.unwrap_or(8) as usize - 8;
        assert_eq!(reader.skip(size, "content"), Ok(()), "{name}");
    }
}

/// FLV to MP4: the plan does not depend on splits, copies what lies in the source, and is a file that the strict reader
/// takes.
pub fn remux(data: &[u8]) {
    let whole = plan(&[data]);
    for split in splits(data) {
        let other = plan(&split);
        let parts = |plan: &Plan| (plan.head.clone(), plan.body.clone(), plan.report.clone());
        assert_eq!(other.as_ref().map(parts), whole.as_ref().map(parts));
    }
    skimmed(data, whole.as_ref());
    mended(data);
    let Ok(plan) = whole else { return };
    let mut payload = 0;
    for piece in plan.body.iter() {
        payload += piece.len();
        if let Piece::Copy { offset, len } = piece {
            let end = offset.checked_add(len);
            assert!(len > 0 && end.is_some_and(|end| end <= data.len() as u64), "{piece:?}");
        }
    }
    let summary = mp4::verify(&plan.head, plan.len());
    assert!(summary.is_ok(), "{summary:?}");
    let samples: u64 = summary.iter().flat_map(|file| &file.tracks).map(|track| track.bytes).sum();
    assert_eq!(samples, payload, "samples fill the file");
    assert!(payload <= 2 * data.len() as u64);
    // Each unit takes under 100 bytes of tables, and comes of a tag of at least 17.
    assert!(plan.head.len() <= 8192 + 16 * data.len(), "{} bytes of head", plan.head.len());
}

/// A damaged FLV: the whole one does not depend on splits, is made of bytes of the source, and needs no mending.
fn mended(data: &[u8]) {
    let mend = |split: &[&[u8]]| {
        let mut mender = FlvMender::new(&limits());
        split.iter().try_for_each(|piece| mender.handle_input(piece))?;
        mender.finish()
    };
    let whole = mend(&[data]);
    for split in splits(data) {
        let parts =
            |flv: &MendedFlv| (flv.head.clone(), flv.body.clone(), flv.cut_at, flv.left_out);
        assert_eq!(mend(&split).as_ref().ok().map(parts), whole.as_ref().ok().map(parts));
    }
    let Ok(flv) = whole else { return };
    let mut file = flv.head.to_vec();
    for piece in flv.body.iter() {
        match piece {
            Piece::Copy { offset, len } => {
                let (start, len) = (to_usize(offset), to_usize(len));
                let bytes = data.get(start..start.saturating_add(len));
                assert!(len > 0 && bytes.is_some(), "{piece:?}");
                file.extend_from_slice(bytes.unwrap_or_default());
            }
            Piece::Inline(bytes) => file.extend_from_slice(&bytes),
        }
    }
    let again = mend(&[&file]);
    let parts = |flv: &MendedFlv| (flv.tags, flv.duration, flv.cut_at, flv.left_out);
    assert_eq!(again.as_ref().map(parts), Ok((flv.tags, flv.duration, None, 0)));
}

/// What is read in part gives the same plan, whatever the size of the reads; and one copy of the media that is left whole is
/// a file as well.
fn skimmed(data: &[u8], whole: Result<&Plan, &Error>) {
    for block in [1, 300, 4096, usize::MAX] {
        let plan = skim(data, block, &Options::COMPACT);
        let parts = |plan: &Plan| (plan.head.clone(), plan.body.clone(), plan.report.clone());
        assert_eq!(plan.as_ref().ok().map(parts), whole.ok().map(parts), "{block}");
    }
    let options = Options { layout: Layout::Whole, ..Options::default() };
    let plan = skim(data, 4096, &options);
    assert_eq!(plan.is_ok(), whole.is_ok());
    let Ok(plan) = plan else { return };
    let summary = mp4::verify(&plan.head, plan.len());
    assert!(summary.is_ok(), "{summary:?}");
    let samples = |plan: &Plan| -> Vec<_> {
        plan.report.tracks.iter().map(|track| (track.samples, track.bytes)).collect()
    };
    assert_eq!(Ok(samples(&plan)), whole.map(samples));
}

fn skim(data: &[u8], block: usize, options: &Options) -> Result<Plan, Error> {
    let mut skimmer = Skimmer::new(data.len() as u64, &limits());
    while let Some(range) = skimmer.poll_read() {
        let (start, end) = (to_usize(range.start), to_usize(range.end));
        let end = end.max(start.saturating_add(block).min(data.len()));
        skimmer.handle_read(data.get(start..end).unwrap_or_default())?;
    }
    skimmer.finish(options)
}

fn to_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn plan(split: &[&[u8]]) -> Result<Plan, Error> {
    let mut remuxer = Remuxer::new(&limits());
    for piece in split {
        remuxer.handle_input(piece)?;
    }
    remuxer.finish()
}

/// The strict reader of MP4 files: what it takes fills the file.
pub fn mp4_verify(data: &[u8]) {
    // The length of the file is in the size of `mdat`, which is the last box of the head.
    let size =
        data.last_chunk::<8>().map_or(0, |&[a, b, c, d, ..]| u32::from_be_bytes([a, b, c, d]));
    let length = (data.len() as u64 + u64::from(size)).saturating_sub(8);
    for length in [length, data.len() as u64] {
        let Ok(summary) = mp4::verify(data, length) else { continue };
        assert!(summary.timescale > 0);
        let bytes: u64 = summary.tracks.iter().map(|track| track.bytes).sum();
        assert!(bytes <= length, "{bytes} of {length}");
    }
}
