//! Tracks and access units in, files by name out.

mod cut;
#[cfg(test)]
mod properties;
mod start;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;

use super::file::{Cache, File};
use super::playlist::{self, AudioMedia, Variant};
use super::rendition::{Rendition, Terms, rate};
use super::timeline::Epoch;
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;
use crate::media::{AccessUnit, MediaKind, Track};

/// How a stream is cut and how much of it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MuxerConfig {
    /// A segment ends at the first key frame after this time. Default 2 s.
    pub target_duration: Duration,
    /// The longest segment, which the playlist promises for its whole life as `EXT-X-TARGETDURATION`.
    ///
    /// `None`, the default, takes it from the first segment: its length with a margin of a quarter second, and no
    /// less than the target. Set it where the distance of key frames varies: without a key frame in time a
    /// segment is cut before any frame.
    pub max_segment_duration: Option<Duration>,
    /// Time that a playlist lists, three segments at least. Default 30 s. About twice that is held in memory.
    pub window: Duration,
    /// Bytes of all segments that are held. Past it the window gets shorter. Default 512 MiB.
    pub max_bytes: usize,
    /// How long the first track waits for the other one to be announced. Default: the target duration.
    pub track_wait: Option<Duration>,
    /// Number of the first segment and of the first init segment. Default 0.
    ///
    /// Files are announced as immutable, so where a muxer takes over the URLs of an earlier one this must be past all
    /// numbers of that one (and `EXT-X-MEDIA-SEQUENCE` must not run back, RFC 8216 6.2.2). Milliseconds since 1970 are.
    pub first_sequence: u64,
}

impl Default for MuxerConfig {
    fn default() -> Self {
        Self {
            target_duration: Duration::from_secs(2),
            max_segment_duration: None,
            window: Duration::from_secs(30),
            max_bytes: 512 << 20,
            track_wait: None,
            first_sequence: 0,
        }
    }
}

/// What happened so far that a good stream does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Segments that begin without a key frame, because none came in time.
    pub forced_cuts: u64,
    /// Access units that no segment holds: before the first key frame, of unknown tracks, after the end.
    pub dropped_units: u64,
    /// Discontinuities.
    pub discontinuities: u64,
}

/// A live HLS stream in memory.
///
/// Announce each track with [`handle_track`](Self::handle_track) before its units, hand over units with
/// [`handle_unit`](Self::handle_unit) in the order of arrival, and answer requests with [`file`](Self::file) at any
/// time. [`handle_discontinuity`](Self::handle_discontinuity) where all times jump or the publisher is gone and may come
/// back; [`finish`](Self::finish) when it will not.
#[derive(Debug)]
pub struct Muxer {
    config: MuxerConfig,
    limits: Limits,
    renditions: Vec<Rendition>,
    epoch: Epoch,
    /// Units that wait for the start of an epoch; `None` while one runs.
    held: Option<Held>,
    /// Decode time where the present segment begins, in microseconds.
    segment_start: i64,
    /// A configuration waits for the next key frame.
    change_due: bool,
    /// Segments were closed that no playlist lists yet.
    dirty: bool,
    target: Option<u64>,
    ended: bool,
    multivariant: Option<Bytes>,
    stats: Stats,
}

#[derive(Debug, Default)]
struct Held {
    /// With the wall clock of each.
    units: Vec<(AccessUnit, Option<i64>)>,
    bytes: usize,
}

/// A target duration of `n` allows segments that round to it: up to this many microseconds more.
const ROUNDING: i64 = 300_000;

impl Muxer {
    /// An empty stream.
    #[must_use]
    pub fn new(config: MuxerConfig, limits: &Limits) -> Self {
        Self {
            config,
            limits: limits.clone(),
            renditions: Vec::new(),
            epoch: Epoch::default(),
            held: Some(Held::default()),
            segment_start: 0,
            change_due: false,
            dirty: false,
            target: None,
            ended: false,
            multivariant: None,
            stats: Stats::default(),
        }
    }

    /// Announces a track, or a new configuration of one, which applies from the next key frame.
    ///
    /// Fails with `Unsupported` for a second video track, and where the configuration fits no init segment.
    pub fn handle_track(&mut self, track: Track) -> Result<()> {
        let fits = track.config.fits_mp4();
        let known = self.renditions.iter_mut().find(|rendition| rendition.id() == track.id);
        if let Some(rendition) = known {
            rendition.refused = fits.is_err();
            fits?;
            rendition.announced = true;
            let same = rendition.track.config == track.config
                && rendition.track.timescale == track.timescale;
            rendition.pending = (!same).then_some(track);
            return Ok(());
        }
        fits?;
        if track.id.kind == MediaKind::Video && self.renditions.iter().any(Rendition::is_video) {
            return Err(
                Error::unsupported(Layer::Hls, "second video track").found(track.id.index.into())
            );
        }
        let rendition = Rendition::new(track, self.config.first_sequence)?;
        self.renditions.push(rendition);
        // Video leads, then the tracks in the order of their numbers.
        self.renditions.sort_by_key(Rendition::id);
        Ok(())
    }

    /// Takes an access unit. `wall` is the time of capture or arrival in microseconds since 1970: the first of an epoch
    /// ties the time line to the wall clock.
    ///
    /// A unit that cannot be used is dropped and counted in [`stats`](Self::stats). Fails only with `LimitExceeded`,
    /// where a segment cannot be described by its boxes.
    pub fn handle_unit(&mut self, unit: AccessUnit, wall: Option<i64>) -> Result<()> {
        let mut taken = self.renditions.iter().filter(|rendition| !rendition.refused);
        let known = taken.any(|rendition| rendition.id() == unit.track);
        if self.ended || !known || unit.data.is_empty() {
            self.stats.dropped_units += 1;
            return Ok(());
        }
        let Some(held) = &mut self.held else {
            self.take(unit, wall)?;
            return self.settle();
        };
        held.bytes = held.bytes.saturating_add(unit.data.len());
        held.units.push((unit, wall));
        if self.may_start() { self.start() } else { Ok(()) }
    }

    /// All tracks jumped in time, or the publisher is gone for now: ends the segments and begins a new epoch with the next
    /// unit, behind `EXT-X-DISCONTINUITY`. Numbers go on.
    ///
    /// Fails with `LimitExceeded` where a segment cannot be described by its boxes.
    pub fn handle_discontinuity(&mut self) -> Result<()> {
        self.end_epoch()?;
        self.publish();
        Ok(())
    }

    /// The stream is over: ends the segments, and the playlists with `EXT-X-ENDLIST`.
    ///
    /// Fails with `LimitExceeded` where a segment cannot be described by its boxes.
    pub fn finish(&mut self) -> Result<()> {
        self.end_epoch()?;
        self.ended = true;
        self.publish();
        Ok(())
    }

    /// A new publisher under the same name: a discontinuity, and tracks that are not announced again are not waited for.
    /// After [`finish`](Self::finish) the playlists go on with their numbers; players that saw the end load them anew.
    ///
    /// Fails with `LimitExceeded` where a segment cannot be described by its boxes.
    pub fn resume(&mut self) -> Result<()> {
        self.end_epoch()?;
        self.ended = false;
        self.renditions.iter_mut().for_each(|rendition| rendition.announced = false);
        self.publish();
        Ok(())
    }

    /// Whether players can begin: every rendition has a segment, so that the codecs and the rates are known.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.multivariant.is_some()
    }

    /// Counts of what a good stream does not have.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// Bytes of all segments that are held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.renditions
            .iter()
            .map(|rendition| rendition.window.bytes() + rendition.queued_bytes)
            .sum()
    }

    /// The file of this name: `index.m3u8` (the multivariant playlist), `video.m3u8`, `audio.m3u8`,
    /// `video_init_0.mp4`, `video_17.m4s` and so on. `None` where there is none, or not yet.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<File> {
        let cache = if self.ended { Cache::Ended } else { self.live_cache() };
        if name == "index.m3u8" {
            return self.multivariant.as_ref().map(|text| File::playlist(text, cache));
        }
        self.renditions.iter().find_map(|rendition| rendition_file(rendition, name, cache))
    }

    fn live_cache(&self) -> Cache {
        let seconds = u32::try_from(self.target.unwrap_or(1)).unwrap_or(u32::MAX);
        Cache::Live { max_age_ms: seconds.saturating_mul(500) }
    }

    /// The rendition whose key frames cut all: video, or else the first audio.
    fn lead_index(&self) -> Option<usize> {
        self.renditions.iter().position(|rendition| rendition.started)
    }

    fn target_micros(&self) -> i64 {
        i64::try_from(self.config.target_duration.as_micros()).unwrap_or(i64::MAX).max(1)
    }

    /// Longest segment in microseconds.
    fn max_micros(&self) -> i64 {
        let decided = self.target.or(self.config.max_segment_duration.map(ceil_seconds));
        let seconds = decided.unwrap_or_else(|| ceil_seconds(self.config.target_duration).max(10));
        i64::try_from(seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000)
            .saturating_add(ROUNDING)
    }

    fn terms(&self) -> Terms {
        let window = u64::try_from(self.config.window.as_micros()).unwrap_or(u64::MAX);
        // Segments may be a quarter as long as they should be, on average.
        let even = window / self.target_micros().unsigned_abs();
        let most = usize::try_from(even).unwrap_or(usize::MAX).saturating_mul(4).saturating_add(16);
        Terms { epoch: self.epoch, window, most, max: self.max_micros() }
    }

    /// Writes the playlists anew.
    fn publish(&mut self) {
        let Some(target) = self.target else { return };
        while self.held_bytes() > self.config.max_bytes {
            let dropped =
                self.renditions.iter_mut().map(|rendition| rendition.window.drop_oldest());
            if dropped.filter(|&one| one).count() == 0 {
                break;
            }
        }
        for rendition in &mut self.renditions {
            rendition.playlist = playlist::media(&rendition.window, target, self.ended);
        }
        let shown =
            || self.renditions.iter().filter(|rendition| rendition.started && rendition.announced);
        if shown().next().is_some() && shown().all(|rendition| rendition.window.live().len() > 0) {
            self.multivariant = Some(playlist::multivariant(&variant(shown())));
        }
    }
}

/// The variant that all of `shown` make up: video if there is one, with the audio renditions as its group.
fn variant<'a>(shown: impl Iterator<Item = &'a Rendition> + Clone) -> Variant {
    let video = shown.clone().find(|rendition| rendition.is_video());
    let sounds = shown.clone().filter(|rendition| !rendition.is_video());
    let uri = |rendition: &Rendition| format!("{}.m3u8", rendition.id());
    let mut variant = Variant {
        uri: video.or(sounds.clone().next()).map(uri).unwrap_or_default(),
        codecs: shown.clone().map(|rendition| rendition.track.config.codec_string()).collect(),
        // A peak that was measured so far is not yet the peak.
        peak: shown.clone().map(|rendition| rendition.measured.peak).sum::<u64>() * 5 / 4,
        average: shown.map(|rendition| rendition.measured.average()).sum(),
        ..Variant::default()
    };
    variant.codecs.dedup();
    if let Some(video) = video {
        variant.frame_rate = Some(rate(video.measured.samples * 1000, video.measured.micros));
        variant.resolution = video.track.config.size();
        variant.audio = sounds
            .map(|sound| AudioMedia {
                name: sound.id().to_string(),
                channels: sound.track.config.channels().unwrap_or(0),
                uri: uri(sound),
            })
            .collect();
    }
    variant
}

fn rendition_file(rendition: &Rendition, name: &str, cache: Cache) -> Option<File> {
    let id = rendition.id().to_string();
    let rest = name.strip_prefix(&id)?;
    let video = rendition.is_video();
    let content_type = if video { "video/mp4" } else { "audio/mp4" };
    if rest == ".m3u8" {
        return (!rendition.playlist.is_empty())
            .then(|| File::playlist(&rendition.playlist, cache));
    }
    let segments = || rendition.window.fetchable();
    if rest.starts_with("_init_") {
        let inits = segments().map(|segment| &segment.init).chain([rendition.current_init()]);
        let init = inits.into_iter().find(|init| init.name == name)?;
        return Some(File::media(content_type, &init.body, init.body.clone().into()));
    }
    let segment = segments().find(|segment| segment.name == name)?;
    let body = segment.body.clone()?;
    let head = body.iter().next().cloned().unwrap_or_default();
    Some(File::media(content_type, &head, body))
}

/// Whole seconds that hold `duration`, at least one.
fn ceil_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0)).max(1)
}
