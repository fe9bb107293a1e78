//! MP4 files, plain and in fragments: their index is read.

use std::fs::File;
use std::path::Path;

use core_crate::limits::Limits;
use core_crate::media::CodecConfig;
use core_crate::mp4::index::{Index, IndexReader, IndexedTrack};
use core_crate::time::rescale;

use super::{Found, Probed, Tally};
use crate::error::Failure;
use crate::files::read_at;
use crate::media::{SC_KIND_AUDIO, SC_KIND_VIDEO};
use crate::pointers::c_text;

pub(super) fn read(path: &Path, file: &mut File, size: u64) -> Result<Probed, Failure> {
    let limits = Limits::default();
    let mut reader = IndexReader::new(size, &limits);
    let mut buffer = Vec::new();
    let failed = |error: std::io::Error| Failure::io("read", path, &error);
    while let Some(range) = reader.poll_read() {
        read_at(file, &range, 0, &mut buffer).map_err(failed)?;
        reader.handle_read(&buffer)?;
    }
    let index = reader.finish()?;
    let mut probed = Probed::new("mp4", size);
    probed.fragments = index.fragments;
    let first = index.tracks.iter().filter_map(|track| track.samples.iter().next());
    let media = first.map(|sample| sample.offset).min();
    probed.index_first = media.is_none_or(|media| index.moov.0 < media);
    if !probed.index_first {
        probed
            .problem("the index (moov) stands behind the media: players must fetch the end first");
    }
    if let Some(byte) = index.cut_at {
        probed.problem(&format!("cut off at byte {byte}"));
    }
    let (mut videos, mut sounds) = (0_u8, 0_u8);
    for track in &index.tracks {
        let (kind, number) = match &track.handler {
            b"vide" => (SC_KIND_VIDEO, &mut videos),
            b"soun" => (SC_KIND_AUDIO, &mut sounds),
            _ => continue,
        };
        if track.lost > 0 {
            probed.problem(&format!(
                "track {}: {} samples are not in the file",
                track.id, track.lost
            ));
        }
        let config = match config(&index, track, file, &mut buffer, &limits) {
            Ok(config) => Some(config),
            Err(failure) => {
                probed.problem(&format!("track {}: {}", track.id, failure.text()));
                None
            }
        };
        probed.tracks.push(found(track, config.as_ref(), kind, *number));
        *number = number.saturating_add(1);
    }
    probed.tracks.sort_by_key(|track| track.kind != SC_KIND_VIDEO);
    Ok(probed)
}

/// The configuration of the first samples.
fn config(
    index: &Index,
    track: &IndexedTrack,
    file: &mut File,
    buffer: &mut Vec<u8>,
    limits: &Limits,
) -> Result<CodecConfig, Failure> {
    buffer.clear();
    let mut samples = track.samples.iter();
    let first = samples.next();
    let description = first.map_or(0, |sample| sample.description);
    let key = track.samples.iter().find(|sample| sample.sync).or(first);
    if let Some(key) = key {
        let range = key.offset..key.offset.saturating_add(key.size.into());
        let read = read_at(file, &range, 0, buffer);
        read.map_err(|error| Failure::io("read", Path::new("the media"), &error))?;
    }
    Ok(index.config(track, description, buffer, limits)?)
}

fn found(track: &IndexedTrack, config: Option<&CodecConfig>, kind: u8, index: u8) -> Found {
    let codec = config.map(CodecConfig::codec_string);
    let codec = codec.unwrap_or_else(|| String::from_utf8_lossy(&track.codec).into_owned());
    let (width, height) = config.and_then(CodecConfig::size).unwrap_or_default();
    Found {
        kind,
        index,
        codec: c_text(&codec),
        width,
        height,
        sample_rate: config.and_then(CodecConfig::sample_rate).unwrap_or(0),
        channels: config.and_then(CodecConfig::channels).unwrap_or(0),
        tally: tally(track),
    }
}

fn tally(track: &IndexedTrack) -> Tally {
    let micros = |ticks: i64| rescale(ticks, track.timescale.max(1), 1_000_000);
    let mut tally = Tally::default();
    let mut dts = i64::try_from(track.begin).unwrap_or(i64::MAX).saturating_add(track.shift);
    for sample in track.samples.iter() {
        let pts = dts.saturating_add(sample.composition_offset.into());
        let next = dts.saturating_add(sample.duration.into());
        let duration = micros(next).saturating_sub(micros(dts));
        tally.add(micros(dts), micros(pts), Some(duration), sample.size.into(), sample.sync);
        dts = next;
    }
    tally
}
