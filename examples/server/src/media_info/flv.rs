//! FLV files, read as the server reads a stream.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use streamcore::assemble::{Assembler, Event};
use streamcore::flv::Reader;
use streamcore::limits::Limits;
use streamcore::media::{MediaKind, Track, TrackId};

use super::{FileInfo, Tally, TrackInfo};
use crate::stats;

/// What was found so far.
#[derive(Default)]
struct Found {
    tracks: BTreeMap<TrackId, (Track, Tally)>,
    problems: Vec<String>,
}

/// What the file holds.
pub fn read(path: &Path) -> anyhow::Result<FileInfo> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let limits = Limits::default();
    let (mut reader, mut assembler) = (Reader::new(&limits), Assembler::new(&limits));
    let mut found = Found::default();
    let mut block = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            break;
        }
        let mut rest = &block[..count];
        while !rest.is_empty() {
            let consumed = reader.handle_input(rest)?;
            rest = &rest[consumed..];
            found.drain(&mut reader, &mut assembler);
        }
    }
    let truncated = reader.finish();
    found.drain(&mut reader, &mut assembler);
    for notice in reader.notices() {
        found.problem(format!("{:?}, {} times", notice.kind, notice.count));
    }
    assembler.finish();
    found.events(&mut assembler);
    if let Some(byte) = reader.encrypted_at() {
        found.problem(format!("encrypted tags, the first at byte {byte}"));
    }
    if truncated {
        found.problem(format!("cut off at byte {}", reader.good()));
    }
    Ok(found.info(bytes))
}

impl Found {
    fn drain(&mut self, reader: &mut Reader, assembler: &mut Assembler) {
        while let Some((_, tag)) = reader.poll_tag() {
            assembler.handle_tag(&tag);
            self.events(assembler);
        }
    }

    fn events(&mut self, assembler: &mut Assembler) {
        while let Some(event) = assembler.poll_event() {
            match event {
                Event::Track(track) => match self.tracks.get_mut(&track.id) {
                    Some((known, _)) if known.config != track.config => {
                        let id = track.id;
                        *known = track;
                        self.problem(format!("{id}: the configuration changes"));
                    }
                    Some(_) => {}
                    None => {
                        self.tracks.insert(track.id, (track, Tally::default()));
                    }
                },
                Event::Unit(unit) => {
                    if let Some((_, tally)) = self.tracks.get_mut(&unit.track) {
                        tally.add(unit.dts, unit.pts(), None, unit.data.len() as u64, unit.key);
                    }
                }
                Event::Discontinuity => self.problem("the times jump".into()),
                Event::Notice(notice) => {
                    crate::notices::text(notice.kind)
                        .into_iter()
                        .for_each(|text| self.problem(text.into()));
                }
                _ => {}
            }
        }
    }

    fn problem(&mut self, problem: String) {
        if self.problems.len() < 50 && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn info(self, bytes: u64) -> FileInfo {
        let tracks =
            self.tracks.into_values().map(|(track, tally)| describe(&track, &tally)).collect();
        FileInfo::new("flv", bytes, tracks, self.problems)
    }
}

fn describe(track: &Track, tally: &Tally) -> TrackInfo {
    let kind = match track.id.kind {
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
    };
    let mut info = tally.info(kind, track.config.codec_string(), track.timescale, 0.0);
    match track.id.kind {
        MediaKind::Video => {
            let video = stats::video_of(&track.config);
            (info.width, info.height) = (video.width, video.height);
        }
        MediaKind::Audio => {
            let audio = stats::audio_of(&track.config);
            (info.sample_rate, info.channels) = (audio.sample_rate, audio.channels);
        }
    }
    info
}
