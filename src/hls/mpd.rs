//! The MPD over the files of the playlists.

use std::time::Duration;

use super::config::PlaylistType;
use super::presentation::{Presentation, RenditionView, SegmentView};
use crate::dash::{self, Kind, ListedSegment, Live, LowLatency, Period, Periods, Template};
use crate::media::{MediaKind, TrackId};

/// Content type of an MPD (ISO/IEC 23009-1 annex C).
pub(super) const CONTENT_TYPE: &str = "application/dash+xml";

/// What has to be remembered from one MPD to the next, and what it says now.
#[derive(Debug, Default)]
pub(super) struct Mpd {
    periods: Periods,
    now: Vec<Period>,
}

impl Mpd {
    /// Whose presentation began at this time, where an earlier one of the same URL said so.
    pub(super) fn begun_at(availability_start: Option<i64>) -> Self {
        Self { periods: Periods::begun_at(availability_start), now: Vec::new() }
    }

    /// Wall clock at the zero of the presentation's time line.
    pub(super) const fn availability_start(&self) -> Option<i64> {
        self.periods.availability_start()
    }

    /// Takes in what is listed now.
    pub(super) fn update(&mut self, presentation: &Presentation<'_>) {
        let renditions = renditions(presentation, false);
        self.now = self.periods.update(&renditions, presentation.is_ended());
    }

    /// The text, with `query` behind every address; with `low`, it lists the segments that are being made too. `None` while there is
    /// nothing to play, or nobody knows since when.
    pub(super) fn text(
        &self,
        presentation: &Presentation<'_>,
        low: bool,
        query: &str,
    ) -> Option<String> {
        let low = low && !presentation.is_ended();
        let target = presentation.target_duration().unwrap_or_default();
        let mut periods = self.now.clone();
        let mut low_latency = None;
        if low {
            // What these segments will be is a guess, which is not remembered.
            periods = self.periods.clone().update(&renditions(presentation, true), false);
            low_latency = latency(presentation);
        }
        if periods.iter().all(|period| period.sets.is_empty()) {
            return None;
        }
        let kind = if presentation.is_ended() {
            Kind::Static { duration: self.periods.end() }
        } else {
            Kind::Live(self.live(presentation, low_latency)?)
        };
        add_query(&mut periods, query);
        let part = presentation.renditions().find_map(|one| one.part_target());
        let presentation = dash::Presentation {
            kind,
            base_url: None,
            min_buffer: part.filter(|_| low).unwrap_or(presentation.config().target_duration),
            max_segment_duration: target.max(longest(&periods)),
            periods,
        };
        Some(presentation.mpd())
    }

    fn live(
        &self,
        presentation: &Presentation<'_>,
        low_latency: Option<LowLatency>,
    ) -> Option<Live> {
        let config = presentation.config();
        let availability_start = self.periods.availability_start()?;
        let end = i64::try_from(self.periods.end().as_micros()).unwrap_or(i64::MAX);
        let target = presentation.target_duration().unwrap_or_default();
        let part = low_latency.and(presentation.renditions().find_map(|one| one.part_target()));
        let part = i64::try_from(part.unwrap_or_default().as_micros()).unwrap_or(0);
        Some(Live {
            availability_start,
            // The last thing that changed is the segment that ends there, or the first part of the next one.
            publish_time: availability_start.saturating_add(end).saturating_add(part),
            // A segment is listed with its first part.
            update_period: low_latency.map_or(config.target_duration, |_| {
                config.target_duration.min(Duration::from_millis(500))
            }),
            depth: (config.playlist_type == PlaylistType::Live).then_some(config.window),
            delay: low_latency.map_or(target.saturating_mul(3), |low| low.target),
            clocks: config.dash.as_ref().map(|dash| dash.clocks.clone()).unwrap_or_default(),
            low_latency,
        })
    }
}

/// What low latency there can be; `None` without parts, and before there is a segment to know lengths by.
fn latency(presentation: &Presentation<'_>) -> Option<LowLatency> {
    let part = presentation.renditions().filter_map(|one| one.part_target()).max()?;
    let lengths = presentation.renditions().filter_map(|one| {
        let last = one.segments().filter(|one| one.is_whole() && !one.is_gap()).last()?;
        Some(Duration::from_micros(super::segment::micros(last.duration(), last.timescale())))
    });
    let target = part.saturating_mul(3).saturating_add(Duration::from_secs(1));
    Some(LowLatency {
        target,
        min: target / 2,
        max: target.saturating_mul(4),
        availability_offset: lengths.min()?.saturating_sub(part),
    })
}

fn add_query(periods: &mut [Period], query: &str) {
    if query.is_empty() {
        return;
    }
    let sets = periods.iter_mut().flat_map(|period| &mut period.sets);
    for one in sets.flat_map(|set| &mut set.representations) {
        one.init = format!("{}?{query}", one.init);
        if let Template::Number { suffix, .. } = &mut one.media {
            *suffix = format!("{suffix}?{query}");
        }
    }
}

fn longest(periods: &[Period]) -> Duration {
    let all = periods.iter().flat_map(|period| &period.sets).flat_map(|set| &set.representations);
    let longest = all.filter_map(|one| {
        let ticks = one.segments.iter().map(|segment| segment.duration).max()?;
        Some(super::segment::micros(ticks, one.timescale))
    });
    Duration::from_micros(longest.max().unwrap_or(0))
}

fn renditions(presentation: &Presentation<'_>, open: bool) -> Vec<dash::Rendition> {
    presentation.renditions().map(|view| rendition(view, open)).collect()
}

fn rendition(view: RenditionView<'_>, open: bool) -> dash::Rendition {
    let mut segments: Vec<ListedSegment> = Vec::new();
    for segment in view.segments() {
        let before = segments.last().filter(|before| !before.gap);
        let mut listed = listed(&segment);
        if !segment.is_whole() {
            // As far as anybody can tell it will be as long as the one before. A part longer is said: Shaka Player fetches a segment again that becomes
            // longer than it was said to be, and where a stream ends, it comes to the end of a track only if it takes it to reach as far as the
            // others.
            let same = before.filter(|before| open && before.timescale == listed.timescale);
            let Some(before) = same else { continue };
            let part = view.part_target().unwrap_or_default();
            let part = u128::from(listed.timescale) * part.as_micros() / 1_000_000;
            let longest = before.duration.saturating_add(u64::try_from(part).unwrap_or(0));
            listed.duration = listed.duration.max(longest);
        }
        segments.push(listed);
    }
    dash::Rendition {
        id: set_number(view.id()),
        group: view.group(),
        name: view.id().to_string(),
        bandwidth: view.peak_bandwidth(),
        frame_rate: view.frame_rate(),
        captions: view.captions(),
        segments,
    }
}

/// Video from 1 on, sound from 257 on.
fn set_number(id: TrackId) -> u32 {
    let first = match id.kind {
        MediaKind::Video => 1,
        MediaKind::Audio => 257,
    };
    first + u32::from(id.index)
}

fn listed(segment: &SegmentView<'_>) -> ListedSegment {
    ListedSegment {
        number: segment.number(),
        epoch: segment.epoch(),
        config: segment.track().config.clone(),
        init: segment.init_name().to_owned(),
        timescale: segment.timescale(),
        start: u64::try_from(segment.presentation_start()).unwrap_or(0),
        duration: segment.duration(),
        presentation_end: u64::try_from(segment.presentation_end()).unwrap_or(0),
        wall: segment.wall(),
        gap: segment.is_gap(),
    }
}
