//! The MPD over the files of the playlists.

use std::time::Duration;

use super::config::{MuxerConfig, PlaylistType};
use super::presentation::{Presentation, RenditionView, SegmentView};
use crate::dash::{self, Kind, ListedSegment, Live, Period, Periods, Template};
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
    /// Takes in what is listed now.
    pub(super) fn update(&mut self, presentation: &Presentation<'_>) {
        let renditions: Vec<dash::Rendition> = presentation.renditions().map(rendition).collect();
        self.now = self.periods.update(&renditions, presentation.is_ended());
    }

    /// The text, with `query` behind every address. `None` while there is nothing to play, or nobody knows since when.
    pub(super) fn text(
        &self,
        config: &MuxerConfig,
        target: Duration,
        ended: bool,
        query: &str,
    ) -> Option<String> {
        if self.now.iter().all(|period| period.sets.is_empty()) {
            return None;
        }
        let kind = if ended {
            Kind::Static { duration: self.periods.end() }
        } else {
            Kind::Live(self.live(config, target)?)
        };
        let mut periods = self.now.clone();
        if !query.is_empty() {
            let sets = periods.iter_mut().flat_map(|period| &mut period.sets);
            for one in sets.flat_map(|set| &mut set.representations) {
                one.init = format!("{}?{query}", one.init);
                if let Template::Number { suffix, .. } = &mut one.media {
                    *suffix = format!("{suffix}?{query}");
                }
            }
        }
        let presentation = dash::Presentation {
            kind,
            base_url: None,
            min_buffer: config.target_duration,
            max_segment_duration: target.max(longest(&self.now)),
            periods,
        };
        Some(presentation.mpd())
    }

    fn live(&self, config: &MuxerConfig, target: Duration) -> Option<Live> {
        let availability_start = self.periods.availability_start()?;
        let end = i64::try_from(self.periods.end().as_micros()).unwrap_or(i64::MAX);
        Some(Live {
            availability_start,
            // The last thing that changed is the segment that ends there.
            publish_time: availability_start.saturating_add(end),
            update_period: config.target_duration,
            depth: (config.playlist_type == PlaylistType::Live).then_some(config.window),
            delay: target.saturating_mul(3),
            clocks: config.dash.as_ref().map(|dash| dash.clocks.clone()).unwrap_or_default(),
            low_latency: None,
        })
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

fn rendition(view: RenditionView<'_>) -> dash::Rendition {
    dash::Rendition {
        id: set_number(view.id()),
        name: view.id().to_string(),
        bandwidth: view.peak_bandwidth(),
        frame_rate: view.frame_rate(),
        segments: view.segments().filter(SegmentView::is_whole).map(|one| listed(&one)).collect(),
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
        wall: segment.wall(),
        gap: segment.is_gap(),
    }
}
