//! A recording as a folder that any web server can serve: HLS playlists, CMAF segments, and an MPD over them.
//!
//! [`Packager`] takes tracks and access units as they come and gives whole files: each segment as soon as it ends, and the
//! playlists at the end. No payload is copied, and none is kept: a file is a list of shared buffers.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use crate::assemble::Event;
use crate::buf::Chain;
use crate::error::{Error, ErrorKind, Layer, Result};
use crate::hls::{Muxer, MuxerConfig, PlaylistType, Presentation, SegmentView};
use crate::limits::Limits;
use crate::media::{AccessUnit, MediaKind, Track, TrackId};

/// A group of pictures past this is cut without a key frame.
const LONGEST: Duration = Duration::from_secs(60);

/// How a recording is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageConfig {
    /// A segment ends at the first key frame after this time. Default 6 s.
    pub segment_duration: Duration,
    /// Segments are made of fragments of about this length. `None`, the default: each is one.
    pub part_duration: Option<Duration>,
    /// Whether there is an MPD, `index.mpd`. Default: yes.
    pub dash: bool,
}

impl Default for PackageConfig {
    fn default() -> Self {
        Self { segment_duration: Duration::from_secs(6), part_duration: None, dash: true }
    }
}

/// A whole file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PackageFile {
    /// `video_17.m4s`, `video_init_0.mp4`, `video.m3u8`, `index.m3u8`, `index.mpd`: a name without a folder.
    pub name: String,
    /// Value of a `Content-Type` header.
    pub content_type: &'static str,
    /// The bytes.
    pub body: Chain,
}

/// What was packaged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageReport {
    /// The tracks, video first.
    pub tracks: Vec<PackagedTrack>,
    /// Tracks that are in no file, each with the reason.
    pub left_out: Vec<(TrackId, Error)>,
    /// Access units that are in no file: before the first key frame, and of no use.
    pub dropped_units: u64,
    /// Segments that begin without a key frame, because none came for a minute.
    pub forced_cuts: u64,
    /// Places where the time line is broken or a configuration changed.
    pub discontinuities: u64,
    /// Presented length of the longest track in microseconds.
    pub duration: u64,
}

/// One track of a [`PackageReport`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackagedTrack {
    /// Which track.
    pub id: TrackId,
    /// RFC 6381 name of its last configuration.
    pub codec: String,
    /// Segments.
    pub segments: u64,
    /// Access units, as samples of the segments.
    pub samples: u64,
    /// Bytes of all segments, with their boxes.
    pub bytes: u64,
    /// Highest bits a second of one segment.
    pub peak_bandwidth: u64,
}

/// Makes the files of a recording.
///
/// Announce each track with [`handle_track`](Self::handle_track) before its units, hand over all units with
/// [`handle_unit`](Self::handle_unit), and take files with [`poll_file`](Self::poll_file) after each; in the end call [`finish`](Self::finish) and take the
/// rest. Only what is not yet taken, and the segment that is being made, is held.
#[derive(Debug)]
pub struct Packager {
    muxer: Muxer,
    version: u64,
    tracks: Vec<Progress>,
    left_out: Vec<(TrackId, Error)>,
    files: VecDeque<PackageFile>,
    dash: bool,
}

/// How far the files of a track are.
#[derive(Debug)]
struct Progress {
    /// Number of the next segment.
    next: u64,
    /// Name of the init segment that is out already.
    init: String,
    report: PackagedTrack,
}

impl Packager {
    /// A packager without tracks.
    #[must_use]
    pub fn new(config: &PackageConfig, limits: &Limits) -> Self {
        let settings = MuxerConfig {
            target_duration: config.segment_duration,
            max_segment_duration: Some(LONGEST.max(config.segment_duration.saturating_mul(4))),
            part_duration: config.part_duration,
            playlist_type: PlaylistType::Event,
            max_bytes: usize::MAX,
            ..MuxerConfig::default()
        };
        Self {
            muxer: Muxer::new(settings, limits),
            version: 0,
            tracks: Vec::new(),
            left_out: Vec::new(),
            files: VecDeque::new(),
            dash: config.dash,
        }
    }

    /// Takes what an assembler gives.
    ///
    /// # Errors
    ///
    /// Limit where a segment cannot be described by its boxes.
    pub fn handle_event(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Track(track) => {
                self.handle_track(track);
                Ok(())
            }
            Event::Unit(unit) => self.handle_unit(unit),
            Event::Discontinuity => self.handle_discontinuity(),
            _ => Ok(()),
        }
    }

    /// Announces a track, or a new configuration of one, which applies from the next key frame. A track that fits no
    /// segment is left out, and [`finish`](Self::finish) says so.
    pub fn handle_track(&mut self, track: Track) {
        let id = track.id;
        if let Err(error) = self.muxer.handle_track(track) {
            self.left_out.retain(|(other, _)| *other != id);
            self.left_out.push((id, error));
        }
    }

    /// Takes an access unit.
    ///
    /// # Errors
    ///
    /// Limit where a segment cannot be described by its boxes.
    pub fn handle_unit(&mut self, unit: AccessUnit) -> Result<()> {
        self.muxer.handle_unit(unit, None)?;
        self.take_segments();
        Ok(())
    }

    /// All times jumped: what follows begins a new period behind `EXT-X-DISCONTINUITY`.
    ///
    /// # Errors
    ///
    /// Limit where a segment cannot be described by its boxes.
    pub fn handle_discontinuity(&mut self) -> Result<()> {
        self.muxer.handle_discontinuity()?;
        self.take_segments();
        Ok(())
    }

    /// The next whole file.
    pub fn poll_file(&mut self) -> Option<PackageFile> {
        self.files.pop_front()
    }

    /// Ends the recording: its last segments and its playlists are files now.
    ///
    /// # Errors
    ///
    /// Unsupported where there was nothing that fits a segment; limit where a segment cannot be described by its boxes.
    pub fn finish(&mut self) -> Result<PackageReport> {
        self.muxer.finish_unseen()?;
        self.take_segments();
        if self.tracks.is_empty() {
            let nothing =
                Error::unsupported(Layer::Package, "no video and no audio that fits a segment");
            return Err(self.left_out.first().map_or(nothing, |(_, error)| *error));
        }
        let presentation = self.muxer.presentation();
        let mut names: Vec<String> =
            presentation.renditions().map(|one| format!("{}.m3u8", one.id())).collect();
        let mpd = if self.dash { presentation.mpd() } else { None };
        let report = self.report(&presentation);
        names.push("index.m3u8".into());
        for name in names {
            let file = self.muxer.file(&name);
            let file =
                file.ok_or(Error::new(ErrorKind::Internal, Layer::Package, "no playlist"))?;
            let (content_type, body) = (file.content_type, file.body);
            self.files.push_back(PackageFile { name, content_type, body });
        }
        if let Some(text) = mpd {
            let (content_type, body) = ("application/dash+xml", bytes::Bytes::from(text).into());
            self.files.push_back(PackageFile { name: "index.mpd".into(), content_type, body });
        }
        Ok(report)
    }

    fn report(&self, presentation: &Presentation<'_>) -> PackageReport {
        let stats = self.muxer.stats();
        let micros = |ticks: i64, timescale| crate::time::rescale(ticks, timescale, 1_000_000);
        let lengths = presentation.renditions().map(|one| {
            let all = || one.segments().filter(|segment| !segment.is_gap());
            let start = all().map(|one| micros(one.start(), one.timescale())).min();
            let end = |one: SegmentView<'_>| {
                micros(one.start().saturating_add_unsigned(one.duration()), one.timescale())
            };
            all().map(end).max().unwrap_or(0).saturating_sub(start.unwrap_or(0))
        });
        PackageReport {
            duration: lengths.max().and_then(|length| u64::try_from(length).ok()).unwrap_or(0),
            tracks: self.tracks.iter().map(|track| track.report.clone()).collect(),
            left_out: self.left_out.clone(),
            dropped_units: stats.dropped_units,
            forced_cuts: stats.forced_cuts,
            discontinuities: stats.discontinuities,
        }
    }

    /// Makes files of the segments that are whole.
    fn take_segments(&mut self) {
        if self.muxer.version() == self.version {
            return;
        }
        self.version = self.muxer.version();
        let mut taken: Vec<(TrackId, u64)> = Vec::new();
        for rendition in self.muxer.presentation().renditions() {
            let id = rendition.id();
            let next = self
                .tracks
                .iter()
                .find(|track| track.report.id == id)
                .map_or(0, |track| track.next);
            let new = rendition.segments().filter(|one| one.number() >= next && one.is_whole());
            for segment in new {
                let index = match self.tracks.binary_search_by_key(&id, |track| track.report.id) {
                    Ok(index) => index,
                    Err(index) => {
                        self.tracks.insert(index, Progress::new(id));
                        index
                    }
                };
                let Some(track) = self.tracks.get_mut(index) else { continue };
                track.next = segment.number().saturating_add(1);
                track.report.codec = segment.track().config.codec_string();
                track.report.peak_bandwidth = rendition.peak_bandwidth();
                if segment.is_gap() {
                    continue;
                }
                track.report.segments += 1;
                track.report.samples +=
                    segment.parts().map(|part| part.samples() as u64).sum::<u64>();
                if track.init != segment.init_name() {
                    track.init = segment.init_name().to_owned();
                    let file = self.muxer.file(&track.init);
                    let content_type = file.as_ref().map_or("video/mp4", |file| file.content_type);
                    let body = file.map(|file| file.body).unwrap_or_default();
                    let name = track.init.clone();
                    self.files.push_back(PackageFile { name, content_type, body });
                }
                taken.push((id, segment.number()));
            }
        }
        for (id, number) in taken {
            let Some(body) = self.muxer.take_segment(id, number) else { continue };
            if let Some(track) = self.tracks.iter_mut().find(|track| track.report.id == id) {
                track.report.bytes = track.report.bytes.saturating_add(body.len() as u64);
            }
            let content_type = match id.kind {
                MediaKind::Video => "video/mp4",
                MediaKind::Audio => "audio/mp4",
            };
            let name = format!("{id}_{number}.m4s");
            self.files.push_back(PackageFile { name, content_type, body });
        }
    }
}

impl Progress {
    fn new(id: TrackId) -> Self {
        let report = PackagedTrack {
            id,
            codec: String::new(),
            segments: 0,
            samples: 0,
            bytes: 0,
            peak_bandwidth: 0,
        };
        Self { next: 0, init: String::new(), report }
    }
}
