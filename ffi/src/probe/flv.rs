//! FLV files, read as a server reads a stream.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use core_crate::assemble::{Assembler, Event};
use core_crate::flv::Reader;
use core_crate::limits::Limits;
use core_crate::media::{Track, TrackId};

use super::{Found, Probed, Tally};
use crate::error::Failure;
use crate::media::kind_of;
use crate::pointers::c_text;

struct Reading {
    probed: Probed,
    tracks: Vec<(Track, Tally)>,
    reader: Reader,
    assembler: Assembler,
}

pub(super) fn read(path: &Path, file: &mut File, size: u64) -> Result<Probed, Failure> {
    let limits = Limits::default();
    let mut reading = Reading {
        probed: Probed::new("flv", size),
        tracks: Vec::new(),
        reader: Reader::new(&limits),
        assembler: Assembler::new(&limits),
    };
    let mut block = vec![0; 256 << 10];
    std::io::Seek::rewind(file).map_err(|error| Failure::io("read", path, &error))?;
    loop {
        let count = file.read(&mut block).map_err(|error| Failure::io("read", path, &error))?;
        if count == 0 {
            break;
        }
        let mut input = block.get(..count).unwrap_or_default();
        while !input.is_empty() {
            let taken = reading.reader.handle_input(input)?;
            input = input.get(taken..).unwrap_or_default();
            reading.tags();
        }
    }
    Ok(reading.end())
}

impl Reading {
    /// Returns how many there were.
    fn tags(&mut self) -> usize {
        let mut count = 0;
        while let Some((_, tag)) = self.reader.poll_tag() {
            self.assembler.handle_tag(&tag);
            self.events();
            count += 1;
        }
        count
    }

    fn events(&mut self) {
        while let Some(event) = self.assembler.poll_event() {
            match event {
                Event::Track(track) => self.track(track),
                Event::Unit(unit) => {
                    if let Some(tally) = self.tally(unit.track) {
                        tally.add(unit.dts, unit.pts(), None, unit.data.len() as u64, unit.key);
                    }
                }
                Event::Discontinuity => self.probed.problem("the times jump"),
                Event::Notice(notice) => self.probed.problem(&format!("{:?}", notice.kind)),
                _ => {}
            }
        }
    }

    fn tally(&mut self, id: TrackId) -> Option<&mut Tally> {
        self.tracks.iter_mut().find(|(track, _)| track.id == id).map(|(_, tally)| tally)
    }

    fn track(&mut self, track: Track) {
        match self.tracks.iter_mut().find(|(known, _)| known.id == track.id) {
            Some((known, _)) if known.config != track.config => {
                self.probed.problem(&format!("{}: the configuration changes", track.id));
                *known = track;
            }
            Some(_) => {}
            None => self.tracks.push((track, Tally::default())),
        }
    }

    fn end(mut self) -> Probed {
        let cut = loop {
            let cut = self.reader.finish();
            if self.tags() == 0 {
                break cut;
            }
        };
        self.assembler.finish();
        self.events();
        if let Some(byte) = self.reader.encrypted_at() {
            self.probed.problem(&format!("encrypted tags, the first at byte {byte}"));
        }
        if cut {
            self.probed.problem(&format!("cut off at byte {}", self.reader.good()));
        }
        self.tracks.sort_by_key(|(track, _)| track.id);
        self.probed.tracks =
            self.tracks.iter().map(|(track, tally)| found(track, *tally)).collect();
        self.probed
    }
}

fn found(track: &Track, tally: Tally) -> Found {
    let (width, height) = track.config.size().unwrap_or_default();
    Found {
        kind: kind_of(track.id.kind),
        index: track.id.index,
        codec: c_text(&track.config.codec_string()),
        width,
        height,
        sample_rate: track.config.sample_rate().unwrap_or(0),
        channels: track.config.channels().unwrap_or(0),
        tally,
    }
}
