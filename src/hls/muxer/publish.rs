//! Playlists: written when they are asked for, once for each change.

use super::Muxer;
use crate::hls::config::PlaylistType;
use crate::hls::file::Text;
use crate::hls::playlist::{self, AudioMedia, Report, Terms, Variant};
use crate::hls::rendition::{Playlists, Rendition};
use crate::hls::segment::Segment;

impl Muxer {
    /// Lets players know what has changed.
    pub(super) fn publish(&mut self) {
        self.version = self.version.saturating_add(1);
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
        let current = || self.renditions.iter().filter(|one| one.started && one.announced);
        if current().next().is_some() && current().all(|one| self.is_listed(one)) {
            let mut variant = variant(current());
            if self.is_unseen {
                variant.peak = current().map(|one| one.measured.peak).sum();
            }
            self.multivariant = Some(Text::new(playlist::multivariant(&variant)));
            self.publish_mpd();
        }
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
        let least = if self.ended { 1 } else { self.config.first_segments.clamp(1, 3) };
        self.target.is_some() && rendition.started && rendition.window.live().len() >= least
    }

    /// Renditions that players can choose from.
    pub(in crate::hls) fn shown(&self) -> impl Iterator<Item = &Rendition> + Clone {
        self.renditions.iter().filter(|one| one.announced && self.is_listed(one))
    }

    /// The playlist of a rendition, all of it or the delta update.
    pub(super) fn text<'a>(&self, rendition: &'a Rendition, delta: bool) -> &'a Text {
        let kept = &rendition.playlist;
        let place = if delta { &kept.delta } else { &kept.full };
        place.get_or_init(|| {
            let others = self.shown().filter(|other| other.id() != rendition.id());
            let reports: Vec<Report> = others.filter_map(report).collect();
            Text::new(playlist::media(rendition, &self.playlist_terms(), &reports, delta))
        })
    }

    pub(super) fn playlist_terms(&self) -> Terms {
        let parts = self.renditions.iter().filter_map(|rendition| rendition.part_target);
        // A recording has no parts: its segments are all there.
        let longest = parts.map(|part| part.micros).max().filter(|_| !self.is_unseen);
        Terms {
            target: self.target.unwrap_or(1),
            part_hold_back: longest.map(|longest| longest.saturating_mul(3)),
            event: self.config.playlist_type == PlaylistType::Event,
            ended: self.ended,
        }
    }
}

fn report(rendition: &Rendition) -> Option<Report> {
    let open = rendition.open.parts().len();
    let next = rendition.window.next_sequence();
    let last = rendition.window.live().next_back();
    let (sequence, parts) = if open > 0 {
        (next, open)
    } else {
        (last?.number, last.map_or(0, |segment: &Segment| segment.parts.len()))
    };
    Some(Report { uri: uri(rendition), sequence, part: parts.checked_sub(1) })
}

fn uri(rendition: &Rendition) -> String {
    format!("{}.m3u8", rendition.id())
}

/// The variant that all of `shown` make up: video if there is one, with the audio renditions as its group.
fn variant<'a>(shown: impl Iterator<Item = &'a Rendition> + Clone) -> Variant {
    let video = shown.clone().find(|rendition| rendition.is_video());
    let sounds = shown.clone().filter(|rendition| !rendition.is_video());
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
        variant.frame_rate = Some(video.measured.frame_rate());
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
