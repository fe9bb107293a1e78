//! MP4 that is written and read back: fragments, recordings, and the index of any file.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::input::{limits, number};
use super::mp4::configs;
use crate::error::{ErrorKind, Result};
use crate::media::{AccessUnit, CodecConfig, MediaKind, Track, TrackId};
use crate::mp4::index::{Index, IndexReader};
use crate::mp4::{
    FileSample, FragmentOptions, Run, Sample, SegmentType, fragment_head_with, init_segment,
};
use crate::record::{Mp4Config, Mp4Output, Mp4Recorder, TrackFit};

/// Samples of any size and time in fragments: what reads them back finds each where it lies and as it was, whole and in
/// a file that is cut anywhere.
pub fn fragments(mut data: &[u8]) {
    let flags = number(&mut data, 1);
    let cut = number(&mut data, 2);
    let Some([video, audio]) = configs() else { return };
    let tracks: Vec<Track> = [(1, TrackId::VIDEO, video), (2, TrackId::AUDIO, audio)]
        .into_iter()
        .filter(|(bit, ..)| flags & bit == 0)
        .map(|(_, id, config)| track(id, config))
        .collect();
    let init = init_segment(&tracks.iter().collect::<Vec<_>>());
    if tracks.is_empty() {
        assert_eq!(init.map_err(|error| error.kind()), Err(ErrorKind::Misuse));
        return;
    }
    assert!(init.is_ok(), "{init:?}");
    let mut file = init.unwrap_or_default().to_vec();
    let whole_init = file.len();
    let mut written: Vec<Vec<FileSample>> = vec![Vec::new(); tracks.len()];
    let mut times = vec![0_u64; tracks.len()];
    let mut sequence = 0;
    while !data.is_empty() && file.len() < 1 << 20 {
        sequence += 1;
        let head = number(&mut data, 1);
        let options = FragmentOptions {
            sequence,
            segment: (head & 0x80 != 0).then(SegmentType::default),
            roll_distance: None,
        };
        let counts = [head & 7, head >> 3 & 7];
        let samples: Vec<Vec<Sample>> =
            tracks.iter().zip(counts).map(|(_, count)| self::samples(&mut data, count)).collect();
        let runs: Vec<Run<'_>> = (1..)
            .zip(&samples)
            .zip(&times)
            .filter(|((_, samples), _)| !samples.is_empty())
            .map(|((track, samples), &decode_time)| Run { track, decode_time, samples })
            .collect();
        let head = fragment_head_with(&options, &runs);
        if runs.is_empty() {
            assert_eq!(head.map_err(|error| error.kind()), Err(ErrorKind::Misuse));
            continue;
        }
        assert!(head.is_ok(), "{head:?}");
        file.extend_from_slice(&head.unwrap_or_default());
        for ((samples, written), time) in samples.iter().zip(&mut written).zip(&mut times) {
            for sample in samples {
                *time += u64::from(sample.duration);
                written.push(placed(*sample, file.len() as u64));
                file.resize(file.len() + sample.size as usize, 0xa5);
            }
        }
    }
    check_fragments(&file, &written);
    let cut = usize::try_from(cut).unwrap_or(0) % (file.len() + 1);
    match read(file.get(..cut).unwrap_or_default()) {
        Err(_) => assert!(cut < whole_init, "cut at {cut} of {}", file.len()),
        Ok(index) => {
            for (track, written) in index.tracks.iter().zip(&written) {
                let found: Vec<_> = track.samples.iter().collect();
                // The last length may be told by what is cut off.
                let same =
                    |(a, b): (&FileSample, &FileSample)| (a.offset, a.size) == (b.offset, b.size);
                assert!(found.len() <= written.len() && found.iter().zip(written).all(same));
            }
        }
    }
}

fn check_fragments(file: &[u8], written: &[Vec<FileSample>]) {
    let index = read(file);
    assert!(index.is_ok(), "{index:?}");
    let Ok(index) = index else { return };
    assert_eq!((index.tracks.len(), index.cut_at), (written.len(), None));
    for (track, written) in index.tracks.iter().zip(written) {
        assert_eq!(&track.samples.iter().collect::<Vec<_>>(), written);
        assert_eq!(track.lost, 0);
    }
}

fn samples(data: &mut &[u8], count: u64) -> Vec<Sample> {
    let mut next = || {
        let low = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap_or(0);
        let (flags, size) = (number(data, 1), number(data, 1));
        Sample {
            duration: low(number(data, 2) << (flags & 7)).max(1),
            size: low(size << (flags >> 3 & 3)) + 1,
            composition_offset: low(number(data, 2) << 16).cast_signed() >> (flags >> 5 & 3),
            sync: flags & 0x80 != 0,
        }
    };
    (0..count).map(|_| next()).collect()
}

const fn placed(sample: Sample, offset: u64) -> FileSample {
    let Sample { duration, size, composition_offset, sync } = sample;
    FileSample { offset, size, duration, composition_offset, sync, description: 0 }
}

fn track(id: TrackId, config: CodecConfig) -> Track {
    Track { id, timescale: 1_000_000, config: Arc::new(config) }
}

/// What the reader of an index makes of a file; it asks for nothing outside.
fn read(file: &[u8]) -> Result<Index> {
    let mut reader = IndexReader::new(file.len() as u64, &limits());
    while let Some(range) = reader.poll_read() {
        let part = part(file, range.clone());
        assert!(part.is_some(), "{range:?} of {}", file.len());
        reader.handle_read(part.unwrap_or_default())?;
    }
    reader.finish()
}

fn part(file: &[u8], range: Range<u64>) -> Option<&[u8]> {
    file.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

/// Access units of any times, recorded: the file can be read at every moment, the finished one is plain, and every unit is
/// in it once, in order, as it was.
pub fn mp4_recorder(mut data: &[u8]) {
    let flags = number(&mut data, 1);
    let Some([video, audio]) = configs() else { return };
    let mut recorder = Mp4Recorder::new(Mp4Config::default(), &limits());
    let mut recorded = Recorded::default();
    for (bit, id, config) in [(1, TrackId::VIDEO, video), (2, TrackId::AUDIO, audio)] {
        if flags & bit == 0 {
            assert_eq!(recorder.handle_track(track(id, config)), Ok(TrackFit::Taken));
            recorded.tracks.push(id);
        }
    }
    let mut dts = [0_i64; 2];
    while !data.is_empty() {
        let head = number(&mut data, 1);
        let step = number(&mut data, 2).cast_signed() << (2 * (head >> 4 & 7));
        let done = match head & 15 {
            15 => recorder.handle_discontinuity(),
            14 => recorder.flush(),
            kind => {
                let (id, [video, audio]) = (kind & 1, &mut dts);
                let (id, dts) =
                    if id == 0 { (TrackId::VIDEO, video) } else { (TrackId::AUDIO, audio) };
                *dts = if kind == 12 { dts.saturating_sub(step) } else { dts.saturating_add(step) };
                let offset = if kind & 8 == 0 { 0 } else { step / 2 - 1000 };
                recorder.handle_unit(recorded.unit(id, *dts, offset, kind & 4 != 0))
            }
        };
        if done.is_err() {
            return;
        }
        recorded.poll(&mut recorder);
        if head & 0x80 != 0 && recorded.checks < 8 {
            recorded.checks += 1;
            recorded.check_open();
        }
    }
    if recorder.finish().is_ok() {
        recorded.poll(&mut recorder);
        recorded.check_end(&recorder);
    }
}

/// The file as it lies on a disk, and what was given to it.
#[derive(Default)]
struct Recorded {
    file: Vec<u8>,
    tracks: Vec<TrackId>,
    /// Numbers of the units of each track, in order.
    given: [Vec<u32>; 2],
    count: u32,
    checks: u32,
}

impl Recorded {
    fn unit(&mut self, track: TrackId, dts: i64, pts_offset: i64, key: bool) -> AccessUnit {
        self.count += 1;
        if self.tracks.contains(&track) {
            let count = self.count;
            self.given_of(track).push(count);
        }
        let data = Bytes::copy_from_slice(&self.count.to_be_bytes());
        AccessUnit { track, dts, pts_offset, key: key || track.kind == MediaKind::Audio, data }
    }

    fn given_of(&mut self, track: TrackId) -> &mut Vec<u32> {
        let [video, audio] = &mut self.given;
        if track == TrackId::VIDEO { video } else { audio }
    }

    fn poll(&mut self, recorder: &mut Mp4Recorder) {
        while let Some(output) = recorder.poll_output() {
            match output {
                Mp4Output::Append(chain) => self.file.extend_from_slice(&chain.to_bytes()),
                Mp4Output::Patch(patch) => self.patch(patch.offset, &patch.bytes),
            }
        }
        assert_eq!(recorder.len(), self.file.len() as u64);
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let slot = self.file.get_mut(start..start.saturating_add(bytes.len()));
        assert!(slot.is_some(), "patch at {offset}");
        if let Some(slot) = slot {
            slot.copy_from_slice(bytes);
        }
    }

    /// A part of the units, the first ones, can be read.
    fn check_open(&self) {
        if self.file.is_empty() {
            return;
        }
        let index = read(&self.file);
        assert!(index.is_ok(), "{index:?}");
        for (found, given) in index.iter().flat_map(|index| self.found(index)) {
            assert!(given.starts_with(&found), "{found:?} of {given:?}");
        }
    }

    fn check_end(&mut self, recorder: &Mp4Recorder) {
        self.check_open();
        let end = recorder.end();
        let Ok(Some(end)) = end else {
            assert!(end.is_err() || self.given.iter().all(Vec::is_empty), "nothing to end");
            return;
        };
        self.file.extend_from_slice(&end.index);
        self.patch(end.patch.offset, &end.patch.bytes);
        let index = read(&self.file);
        assert!(index.as_ref().is_ok_and(|index| index.is_plain() && index.cut_at.is_none()));
        let found = index.iter().flat_map(|index| self.found(index));
        let mut all = 0;
        for (found, given) in found {
            assert_eq!(&found, given);
            all += found.len();
        }
        assert_eq!(all, self.given.iter().map(Vec::len).sum::<usize>(), "a track is left out");
    }

    /// Numbers of the units of each track as they lie in the file, and those that were given.
    fn found<'a>(&'a self, index: &'a Index) -> impl Iterator<Item = (Vec<u32>, &'a Vec<u32>)> {
        let [video, audio] = &self.given;
        let unit = |sample: FileSample| {
            let bytes = part(&self.file, sample.offset..sample.offset + u64::from(sample.size));
            let number = bytes.and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
            assert!(number.is_some(), "{sample:?}");
            number.unwrap_or(0)
        };
        index.tracks.iter().map(move |track| {
            let given = if &track.handler == b"vide" { video } else { audio };
            (track.samples.iter().map(unit).collect(), given)
        })
    }
}

/// Any bytes as an MP4: samples lie in the file, memory is bounded, and a plain index made of it names the same ones.
pub fn mp4_index(data: &[u8]) {
    let Ok(index) = read(data) else { return };
    assert!(index.end <= data.len() as u64 && index.cut_at.is_none_or(|at| at < data.len() as u64));
    let samples: usize = index.tracks.iter().map(|track| track.samples.len()).sum();
    assert!(samples <= 3 * data.len() + (1 << 20), "{samples} samples");
    for sample in index.tracks.iter().flat_map(|track| track.samples.iter()) {
        let end = sample.offset.checked_add(sample.size.into());
        assert!(end.is_some_and(|end| end <= data.len() as u64), "{sample:?}");
    }
    for track in &index.tracks {
        let first = track.samples.iter().next();
        let first = first.and_then(|s| part(data, s.offset..s.offset + u64::from(s.size)));
        for description in 0..3 {
            // Whatever the entry says: read, or refused with an error.
            let _ = index.config(track, description, first.unwrap_or_default(), &limits());
        }
    }
    if let Ok(plan) = index.in_place() {
        let at = usize::try_from(plan.at).unwrap_or(usize::MAX);
        let kept = data.get(..at).filter(|kept| plan.header_at <= kept.len() as u64);
        assert!(kept.is_some(), "{plan:?}");
        let mut file = [kept.unwrap_or_default(), &plan.moov].concat();
        let header = usize::try_from(plan.header_at).unwrap_or(usize::MAX);
        if let Some(slot) = file.get_mut(header..header.saturating_add(plan.header.len())) {
            slot.copy_from_slice(&plan.header);
        }
        // What stood before the index may be boxes that hide it: the samples are compared where it is found.
        if let Ok(plain) = read(&file).as_ref() {
            assert!(plain.fragments == 0);
        }
    }
    if let Ok(plan) = index.in_front(1) {
        let source = part(data, plan.source.clone());
        assert!(source.is_some(), "{:?}", plan.source);
        let file = [&plan.head[..], source.unwrap_or_default()].concat();
        let sizes = |index: &Index| {
            let tracks = index.tracks.iter().filter(|track| !track.samples.is_empty());
            tracks
                .map(|track| track.samples.iter().map(|s| s.size).collect())
                .collect::<Vec<Vec<_>>>()
        };
        let plain = read(&file);
        assert!(plain.is_ok(), "{plain:?}");
        // Samples that lie over one another may be more than a reader believes of the smaller file.
        let bytes: u64 = index.tracks.iter().map(|track| track.samples.bytes()).sum();
        if bytes <= plan.source.end - plan.source.start {
            assert_eq!(plain.as_ref().map(sizes), Ok(sizes(&index)));
        }
    }
}
