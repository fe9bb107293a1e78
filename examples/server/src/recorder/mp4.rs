//! A stream as MP4 files: where one ends and the next begins.

use std::collections::BTreeMap;

use streamcore::assemble::Event;
use streamcore::flv::Tag;
use streamcore::limits::Limits;
use streamcore::media::{AccessUnit, MediaKind, Track, TrackId};
use streamcore::record::{Mp4Config, Mp4Output, Mp4Recorder, TrackFit};

use super::config::{Format, Pictures};
use super::file::OutFile;
use super::flv::FlvTake;
use super::gate::Gate;
use super::{Files, Group};
use crate::finish::Ending;

/// The MP4 files of one recorder.
#[derive(Debug, Default)]
pub(super) struct Mp4Take {
    /// The tracks of the stream that are recorded, as they are now.
    tracks: BTreeMap<TrackId, Track>,
    current: Option<Mp4File>,
    /// The file before, which gets the pictures up to the next key frame: the sound has changed in between.
    before: Option<Mp4File>,
    /// Everything as FLV as well, from when a track came that an MP4 has no place for.
    beside: Option<Box<FlvTake>>,
    gate: Gate,
}

#[derive(Debug)]
struct Mp4File {
    recorder: Mp4Recorder,
    out: OutFile,
    frames: u64,
    /// What came since the last tick.
    units: u64,
}

impl Mp4Take {
    /// Takes a tag for the FLV beside the MP4.
    pub(super) fn handle_tag(&mut self, tag: &Tag) {
        if let Some(beside) = &mut self.beside {
            beside.append(tag);
        }
    }

    pub(super) fn handle_event(
        &mut self,
        event: &Event,
        files: &mut Files,
        on: bool,
        group: Group<'_>,
    ) {
        match event {
            Event::Track(track) if files.config.what.takes(track.id) => {
                self.handle_track(track, files, on, group);
            }
            Event::Unit(unit) if on && files.config.what.takes(unit.track) => {
                let pictures = files.config.what.pictures;
                if pictures != Pictures::Keys || unit.key {
                    self.handle_unit(unit, files);
                }
            }
            Event::Discontinuity => self.with_files(Mp4Recorder::handle_discontinuity),
            _ => {}
        }
    }

    /// The publisher has gone and may come back.
    pub(super) fn pause(&mut self) {
        self.with_files(Mp4Recorder::handle_discontinuity);
        if self.lead().is_some() {
            self.gate.wait_for_key();
        }
        if let Some(beside) = &mut self.beside {
            beside.pause();
        }
    }

    /// Writes what there is where nothing has come since the last time.
    pub(super) fn tick(&mut self) {
        for file in [&mut self.before, &mut self.current].into_iter().flatten() {
            if std::mem::take(&mut file.units) == 0 {
                if let Err(error) = file.recorder.flush() {
                    tracing::debug!("not all of it is recorded: {error}");
                }
                file.drain();
            }
        }
        if let Some(beside) = &mut self.beside {
            beside.tick();
        }
    }

    /// Ends what is being written.
    pub(super) fn finish(&mut self, files: &Files) {
        for file in [self.before.take(), self.current.take()].into_iter().flatten() {
            file.finish(files);
        }
        if let Some(mut beside) = self.beside.take() {
            beside.finish();
        }
    }

    fn with_files(&mut self, act: impl Fn(&mut Mp4Recorder) -> streamcore::error::Result<()>) {
        for file in [&mut self.before, &mut self.current].into_iter().flatten() {
            if let Err(error) = act(&mut file.recorder) {
                tracing::debug!("not all of it is recorded: {error}");
            }
        }
    }

    fn handle_track(&mut self, track: &Track, files: &mut Files, on: bool, group: Group<'_>) {
        if let Err(error) = track.config.fits_mp4() {
            self.tracks.remove(&track.id);
            if on && self.beside.is_none() {
                let (stream, id) = (crate::redact::Redacted(&files.stream), track.id);
                tracing::warn!(%stream, "recorded as FLV as well, the MP4 is without {id}: {error}");
                files.health.add_problem(format!("recorded as FLV as well: {id}: {error}"));
                self.beside = Some(Box::new(FlvTake::beside(files, group)));
            }
            return;
        }
        self.tracks.insert(track.id, track.clone());
        let Some(current) = &mut self.current else { return };
        let fit = current.recorder.handle_track(track.clone());
        if fit == Ok(TrackFit::NeedsNewFile) {
            tracing::info!("track {} has changed: the recording goes on in a new file", track.id);
            if let Some(before) = self.before.take() {
                before.finish(files);
            }
            let before = self.current.take();
            if self.lead().is_some_and(|lead| lead != track.id) {
                // The pictures of the new file begin with a key frame; until it comes, they go on in the old one.
                self.before = before;
            } else if let Some(before) = before {
                before.finish(files);
            }
        } else if let Err(error) = fit {
            files.health.add_problem(format!("not all of it is recorded: {error}"));
        }
    }

    fn handle_unit(&mut self, unit: &AccessUnit, files: &mut Files) {
        let video = unit.track.kind == MediaKind::Video;
        let cuts = self.cuts(unit);
        if video && let Some(mut before) = self.before.take() {
            if !cuts {
                before.take(unit, files);
                self.before = Some(before);
                return;
            }
            before.finish(files);
        }
        if let Some(full) = self.current.take_if(|file| cuts && file.is_full(files)) {
            full.finish(files);
        }
        if let Some(failed) = self.current.take_if(|file| file.out.has_failed()) {
            failed.finish(files);
            files.has_failed();
        }
        if self.current.is_none() {
            // A file begins with a key frame or with sound, and its pictures with a key frame.
            if (video && !cuts) || !files.may_begin() {
                return;
            }
            self.current = Some(Mp4File::new(&self.tracks, files));
            self.gate.wait_for_key();
        }
        let Some(current) = &mut self.current else { return };
        let key = video.then_some(unit.key);
        if self.gate.admits(unit.data.len(), key, &current.out, &files.health) {
            current.take(unit, files);
        }
    }

    /// Whether a file may end ahead of this unit: a key frame of the first video, or without any video each sound.
    fn cuts(&self, unit: &AccessUnit) -> bool {
        self.lead().is_none_or(|lead| lead == unit.track && unit.key)
    }

    /// The first video.
    fn lead(&self) -> Option<TrackId> {
        self.tracks.keys().find(|id| id.kind == MediaKind::Video).copied()
    }
}

impl Mp4File {
    fn new(tracks: &BTreeMap<TrackId, Track>, files: &mut Files) -> Self {
        let mut config = Mp4Config::default();
        config.fragment = files.config.fragment();
        let mut recorder = Mp4Recorder::new(config, &Limits::default());
        for track in tracks.values() {
            if let Err(error) = recorder.handle_track(track.clone()) {
                files.health.add_problem(format!("not all of it is recorded: {error}"));
            }
        }
        Self { recorder, out: files.next(Format::Mp4), frames: 0, units: 0 }
    }

    fn is_full(&self, files: &Files) -> bool {
        files.is_full(self.recorder.duration(), self.recorder.len(), self.frames)
    }

    fn take(&mut self, unit: &AccessUnit, files: &Files) {
        self.units += 1;
        let video = self.recorder.tracks().any(|track| track.id.kind == MediaKind::Video);
        self.frames += u64::from((unit.track.kind == MediaKind::Video) == video);
        if let Err(error) = self.recorder.handle_unit(unit.clone()) {
            files.health.add_problem(format!("not all of it is recorded: {error}"));
        }
        self.drain();
    }

    fn drain(&mut self) {
        let millis = u64::try_from(self.recorder.duration().as_millis()).unwrap_or(u64::MAX);
        while let Some(output) = self.recorder.poll_output() {
            match output {
                Mp4Output::Append(chain) => self.out.append(chain, millis),
                Mp4Output::Patch(patch) => self.out.patch(patch),
            }
        }
    }

    fn finish(mut self, files: &Files) {
        if let Err(error) = self.recorder.finish() {
            files.health.add_problem(format!("not all of it is recorded: {error}"));
        }
        self.drain();
        self.out.finish(Ending::Mp4(Box::new(self.recorder)));
    }
}
