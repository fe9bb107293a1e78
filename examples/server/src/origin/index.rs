//! What of a broadcast is stored, and the playlists that say so.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use streamcore::codec::captions::Captions;
use streamcore::dash::{self, Kind, ListedSegment, Periods};
use streamcore::media::{MediaKind, TrackId};
use streamcore::time::{UtcDate, rescale};

/// How far a segment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// On its way.
    Waiting,
    Stored,
    /// It will not be stored.
    Missing,
}

/// A segment.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) listed: ListedSegment,
    pub(super) state: State,
    pub(super) etag: String,
    pub(super) bytes: u64,
}

/// A file that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its path in the store.
    pub path: String,
    pub content_type: &'static str,
    pub etag: String,
    pub bytes: u64,
}

/// An init segment.
#[derive(Debug)]
pub(super) struct Init {
    pub(super) state: State,
    pub(super) etag: String,
    pub(super) bytes: u64,
}

/// All segments of one track, oldest first, each with the number after the one before.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) id: TrackId,
    /// Whose it is, of a set.
    pub(super) group: u8,
    pub(super) bandwidth: u64,
    pub(super) frame_rate: u64,
    pub(super) captions: Captions,
    pub(super) entries: Vec<Entry>,
    pub(super) inits: HashMap<String, Init>,
}

impl Track {
    pub(super) fn new(id: TrackId, group: u8) -> Self {
        Self {
            id,
            group,
            bandwidth: 0,
            frame_rate: 0,
            captions: Captions::default(),
            entries: Vec::new(),
            inits: HashMap::new(),
        }
    }

    pub(super) fn content_type(&self) -> &'static str {
        match self.id.kind {
            MediaKind::Video => "video/mp4",
            MediaKind::Audio => "audio/mp4",
        }
    }

    /// Number of the segment after the last one.
    pub(super) fn next(&self) -> u64 {
        self.entries.last().map_or(0, |last| last.listed.number.saturating_add(1))
    }

    pub(super) fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        let first = self.entries.first()?.listed.number;
        self.entries.get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// What stands at the front and will not change: playlists name nothing else, since media come before those who name them.
    fn settled(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().take_while(|entry| match entry.state {
            State::Waiting => false,
            State::Missing => true,
            State::Stored if entry.listed.gap => true,
            State::Stored => {
                self.inits.get(&entry.listed.init).is_some_and(|init| init.state == State::Stored)
            }
        })
    }

    /// Segments that are settled.
    pub(super) fn settled_count(&self) -> usize {
        self.settled().count()
    }

    /// The stored file of that name, without its folder.
    pub(super) fn find(&self, name: &str) -> Option<(String, u64)> {
        let rest = name.strip_prefix(&self.id.to_string())?;
        if rest.starts_with("_init_") {
            let init = self.inits.get(name).filter(|init| init.state == State::Stored)?;
            return Some((init.etag.clone(), init.bytes));
        }
        let number: u64 = rest.strip_prefix('_')?.strip_suffix(".m4s")?.parse().ok()?;
        let first = self.entries.first()?.listed.number;
        let entry = self.entries.get(usize::try_from(number.checked_sub(first)?).ok()?)?;
        let is_file = entry.state == State::Stored && !entry.listed.gap;
        is_file.then(|| (entry.etag.clone(), entry.bytes))
    }

    /// The media playlist (RFC 8216 4.3): `EVENT` while it grows, `VOD` when it is over. `None` while there is nothing to list.
    pub(super) fn playlist(&self, target: Duration, ended: bool) -> Option<String> {
        let first = self.settled().next()?;
        let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:6\n");
        if self.id.kind == MediaKind::Audio {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        let kind = if ended { "VOD" } else { "EVENT" };
        let _ = write!(
            text,
            "#EXT-X-PLAYLIST-TYPE:{kind}\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{}\n",
            target.as_secs(),
            first.listed.number
        );
        let (mut init, mut epoch) = ("", first.listed.epoch);
        for Entry { listed, state, .. } in self.settled() {
            if listed.epoch != epoch {
                text.push_str("#EXT-X-DISCONTINUITY\n");
                epoch = listed.epoch;
            }
            if listed.init != init {
                let _ = writeln!(text, "#EXT-X-MAP:URI=\"{}\"", listed.init);
                init = &listed.init;
            }
            if let Some(wall) = listed.wall {
                let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", UtcDate(wall));
            }
            if listed.gap || *state == State::Missing {
                text.push_str("#EXT-X-GAP\n");
            }
            let micros = micros(listed);
            let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
            let name = format!("{}_{}.m4s", self.id, listed.number);
            let _ = write!(text, "#EXTINF:{seconds}.{rest:06},\n{name}\n");
        }
        if ended {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        Some(text)
    }

    fn rendition(&self) -> dash::Rendition {
        let segments = self.settled().map(|entry| {
            let gap = entry.listed.gap || entry.state == State::Missing;
            ListedSegment { gap, ..entry.listed.clone() }
        });
        dash::Rendition {
            group: self.group,
            id: u32::from(self.id.index) + if self.id.kind == MediaKind::Video { 1 } else { 257 },
            name: self.id.to_string(),
            bandwidth: self.bandwidth,
            frame_rate: self.frame_rate,
            captions: self.captions,
            segments: segments.collect(),
        }
    }
}

/// Length in microseconds.
pub(super) fn micros(listed: &ListedSegment) -> u64 {
    let ticks = i64::try_from(listed.duration).unwrap_or(i64::MAX);
    u64::try_from(rescale(ticks, listed.timescale, 1_000_000)).unwrap_or(0)
}

/// The MPD of what is stored so far, as of something that is over. `None` while there is nothing to play.
pub(super) fn mpd(tracks: &[Track], target: Duration) -> Option<String> {
    let renditions: Vec<_> = tracks.iter().map(Track::rendition).collect();
    let mut periods = Periods::default();
    let listed = periods.update(&renditions, true);
    if listed.iter().all(|period| period.sets.is_empty()) {
        return None;
    }
    let longest = tracks.iter().flat_map(Track::settled).map(|entry| micros(&entry.listed)).max();
    let presentation = dash::Presentation {
        kind: Kind::Static { duration: periods.end() },
        base_url: None,
        min_buffer: target,
        max_segment_duration: target.max(Duration::from_micros(longest.unwrap_or(0))),
        periods: listed,
    };
    Some(presentation.mpd())
}
