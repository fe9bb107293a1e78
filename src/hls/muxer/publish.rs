//! Playlists: written when they are asked for, once for each change.

use super::Muxer;
use super::start::ANNOUNCED_WAIT;
use crate::hls::config::PlaylistType;
use crate::hls::file::Text;
use crate::hls::playlist::{self, Report, Terms};
use crate::hls::rendition::{Playlists, Rendition};
use crate::hls::segment::Segment;
use crate::hls::timeline::MICROS;
use crate::hls::variants;
use crate::time::rescale;

impl Muxer {
    /// Publishes where playlists would say something else than they do. Not at once when a track is announced: others may follow.
    pub(super) fn tell_changes(&mut self) {
        if self.dirty || self.has_stale_hints() {
            self.dirty = false;
            self.publish();
        }
    }

    /// Whether it is known of a rendition what its next segment begins with and its playlist does not say it, or the other way round.
    pub(super) fn has_stale_hints(&self) -> bool {
        let is_stale = |one: &Rendition| one.told_to_wait != self.waits(one);
        self.config.part_duration.is_some() && self.renditions.iter().any(is_stale)
    }

    /// Whether nobody knows which map the next segment of a rendition begins with.
    fn waits(&self, rendition: &Rendition) -> bool {
        self.held.is_some() || rendition.is_awaited()
    }

    /// Lets players know what has changed.
    pub(super) fn publish(&mut self) {
        self.version = self.version.saturating_add(1);
        let is_held = self.held.is_some();
        for rendition in &mut self.renditions {
            rendition.told_to_wait = is_held || rendition.is_awaited();
        }
        if self.target.is_none() {
            return;
        }
        while self.config.playlist_type == PlaylistType::Live && self.is_full() {
            let dropped =
                self.renditions.iter_mut().map(|rendition| rendition.window.drop_oldest());
            if dropped.filter(|&one| one).count() == 0 {
                break;
            }
        }
        for rendition in &mut self.renditions {
            rendition.playlist = Playlists::default();
        }
        let current = || self.renditions.iter().filter(|one| one.started && self.is_offered(one));
        let awaited = !self.ended && self.renditions.iter().any(|one| self.is_awaited(one));
        if current().next().is_some() && !awaited && current().all(|one| self.is_listed(one)) {
            let options =
                variants::Options { sound_alone: self.config.audio_variant, exact: self.is_unseen };
            self.multivariant = Some(Text::new(variants::multivariant(current(), options)));
            self.publish_mpd();
        }
    }

    /// Whether a rendition that came later is about to begin: players read the multivariant playlist once, so it had better be
    /// complete.
    fn is_awaited(&self, rendition: &Rendition) -> bool {
        let late = |since: i64| self.newest().saturating_sub(since) >= ANNOUNCED_WAIT;
        let waits = rendition.announced && !rendition.refused && !rendition.started;
        self.held.is_none() && waits && rendition.awaited.is_some_and(|since| !late(since))
    }

    /// Takes what is listed into the MPD: no period begins before all tracks are there.
    fn publish_mpd(&mut self) {
        if self.config.dash.is_some() {
            let mut mpd = std::mem::take(&mut self.mpd);
            mpd.update(&self.presentation());
            self.mpd = mpd;
        }
    }

    /// Whether a rendition has enough segments for a playlist.
    pub(super) fn is_listed(&self, rendition: &Rendition) -> bool {
        // What was listed once may slide, but not below three.
        let least = if self.ended { 1 } else { self.config.first_segments.clamp(1, 3) as u64 };
        self.target.is_some() && rendition.started && rendition.own_segments() >= least
    }

    /// Whether players are to know of it: its publisher is there, or all is over and some of it is left.
    fn is_offered(&self, rendition: &Rendition) -> bool {
        let mut segments = rendition.window.live();
        let is_left = self.ended && rendition.left && segments.any(|one| !one.parts.is_empty());
        rendition.announced || (is_left && self.is_listed(rendition))
    }

    /// Renditions that players can choose from.
    pub(in crate::hls) fn shown(&self) -> impl Iterator<Item = &Rendition> + Clone {
        self.renditions.iter().filter(|one| self.is_offered(one) && self.is_listed(one))
    }

    /// The playlist of a rendition, all of it or the delta update.
    pub(super) fn text<'a>(&self, rendition: &'a Rendition, delta: bool) -> &'a Text {
        let kept = &rendition.playlist;
        let place = if delta { &kept.delta } else { &kept.full };
        place.get_or_init(|| {
            let others = self.shown().filter(|other| other.id() != rendition.id());
            let reports: Vec<Report> = others.filter_map(|one| self.report(one)).collect();
            Text::new(playlist::media(rendition, &self.playlist_terms(rendition), &reports, delta))
        })
    }

    pub(super) fn playlist_terms(&self, rendition: &Rendition) -> Terms {
        let parts = self.renditions.iter().filter_map(|rendition| rendition.part_target);
        // A recording has no parts: its segments are all there.
        let longest = parts.map(|part| part.micros).max().filter(|_| !self.is_unseen);
        Terms {
            target: self.target.unwrap_or(1),
            part_hold_back: longest.map(|longest| longest.saturating_mul(3)),
            event: self.config.playlist_type == PlaylistType::Event,
            ended: self.ended,
            parts: !self.ended || self.ends_together(),
            waits: self.waits(rendition),
            first: self.config.sequence_of(rendition.window.first_number),
        }
    }

    /// Whether the middle of the last part of each rendition is within what all of them have.
    ///
    /// A player that has come to the last part but one looks for the last one, also when the stream is over. But hls.js takes it for there only where its
    /// middle is in the buffers of all tracks: where it can't be, what is over is played by segments.
    fn ends_together(&self) -> bool {
        let last = |one: &Rendition| {
            let segment = one.window.live().next_back()?;
            let part = segment.parts.last()?;
            let half = i64::try_from(part.duration / 2).unwrap_or(i64::MAX);
            let micros = |ticks| rescale(ticks, segment.timescale, MICROS);
            Some((micros(part.shown.saturating_sub(half)), micros(part.shown)))
        };
        let ends: Vec<(i64, i64)> = self.shown().filter_map(last).collect();
        let first = ends.iter().map(|(_, end)| *end).min();
        first.is_some_and(|first| ends.iter().all(|(middle, _)| *middle < first))
    }

    fn report(&self, rendition: &Rendition) -> Option<Report> {
        let open = rendition.open.parts().len();
        let next = rendition.window.next_number();
        let last = rendition.window.live().next_back();
        let (number, parts) = if open > 0 {
            (next, open)
        } else {
            (last?.number, last.map_or(0, |segment: &Segment| segment.parts.len()))
        };
        let sequence = self.config.sequence_of(number);
        Some(Report { uri: variants::uri(rendition), sequence, part: parts.checked_sub(1) })
    }
}
