//! Gaps (`EXT-X-GAP`): where nothing came, and where others have something already.

use super::{Cut, Rendition, Terms};
use crate::hls::open::Open;
use crate::hls::timeline::MICROS;
use crate::time::rescale;

/// Who begins so shortly before a segment begins with that one, in microseconds: a segment may be longer by that.
const AHEAD: i64 = 250_000;

/// Where the segments of a rendition begin, for one that begins later: those that are listed, those whose cuts it has not come to yet,
/// and the one that is open.
#[derive(Debug)]
pub(in crate::hls) struct Past {
    number: u64,
    discontinuities: u64,
    starts: Vec<Start>,
}

#[derive(Clone, Copy, Debug)]
struct Start {
    at: Cut,
    wall: Option<i64>,
    /// In microseconds.
    duration: i64,
}

impl Past {
    /// The segment that a time belongs to, in microseconds. None before the epoch that runs.
    fn index_of(&self, time: i64) -> usize {
        let runs = self.starts.iter().rposition(|start| start.at.discontinuity).unwrap_or(0);
        let begun = |start: &Start| rescale(start.at.present, start.at.timescale, MICROS) <= time;
        self.starts.iter().rposition(begun).unwrap_or(0).max(runs)
    }
}

impl Rendition {
    /// Where its segments begin.
    pub(in crate::hls) fn past(&self) -> Past {
        let listed = self.window.live().map(|segment| Start {
            at: Cut {
                decode: segment.start,
                present: segment.present,
                timescale: segment.timescale,
                discontinuity: segment.discontinuity,
            },
            wall: segment.wall,
            duration: i64::try_from(segment.micros()).unwrap_or(i64::MAX),
        });
        let mut starts: Vec<Start> = listed.collect();
        let open = self.open.start().map(|start| (start, self.open.present()));
        let queued = self.queue.front().map(|first| (first.time, first.present()));
        let known = open.or(queued).or(self.boundary.or(self.end).map(|end| (end, end)));
        let (decode, present) = known.unwrap_or_default();
        let (timescale, discontinuity) = (self.timescale(), self.discontinuity);
        let first = Cut { decode, present, timescale, discontinuity };
        let listed = starts.len();
        for at in std::iter::once(first).chain(self.cuts.iter().copied()) {
            if let Some(before) = starts.iter_mut().skip(listed).last() {
                let micros = |cut: Cut| rescale(cut.decode, cut.timescale, MICROS);
                before.duration = micros(at).saturating_sub(micros(before.at));
            }
            starts.push(Start { at, wall: None, duration: 0 });
        }
        let (number, discontinuities) =
            (self.window.first_number, self.window.discontinuity_sequence);
        Past { number, discontinuities, starts }
    }

    /// Begins with the segment of another one that `time` (microseconds) belongs to: who lags is cut where that one was. With `gaps` for those before, so
    /// that a player of an earlier muxer finds an epoch that it knows.
    pub(in crate::hls) fn join_at(&mut self, terms: &Terms, past: &Past, time: i64, gaps: bool) {
        let index = past.index_of(time.saturating_add(AHEAD.min(terms.reach / 2)));
        let (before, behind) = past.starts.split_at(index.min(past.starts.len()));
        if gaps {
            self.join(past.number, past.discontinuities);
            before.iter().for_each(|start| self.push_gap_at(terms, start));
            self.discontinuity = behind.first().is_some_and(|start| start.at.discontinuity);
        } else {
            let number = past.number.saturating_add(before.len() as u64);
            let begun = before.iter().chain(behind.first());
            let breaks = begun.filter(|start| start.at.discontinuity).count() as u64;
            self.join(number, past.discontinuities.saturating_add(breaks));
        }
        self.own_first = self.window.next_number();
        behind.iter().skip(1).for_each(|start| self.cut(start.at));
    }

    fn push_gap_at(&mut self, terms: &Terms, start: &Start) {
        let ticks = |micros| rescale(micros, MICROS, self.timescale());
        let max = ticks(terms.max);
        let duration = ticks(start.duration).clamp(i64::from(self.typical).min(max), max);
        let at = rescale(start.at.decode, start.at.timescale, self.timescale());
        self.discontinuity = start.at.discontinuity;
        let segment = self.segment(Open::gap(at, start.wall), duration.unsigned_abs());
        self.window.push(segment, terms.window, terms.most);
    }

    /// Says that something is missing before the first segment, in the epoch before this one.
    pub(in crate::hls) fn begin_with_gap(&mut self, terms: &Terms, micros: i64) {
        let end = self.end;
        self.push_gap(terms, rescale(micros, MICROS, self.timescale()));
        // It takes no time on the time line of what follows.
        self.end = end;
        self.discontinuity = true;
        self.own_first = self.window.next_number();
    }

    /// Says that nothing came from the last segment up to `end`, in microseconds.
    pub(in crate::hls) fn push_gap_until(&mut self, terms: &Terms, end: i64) {
        let start = self.end.max(self.boundary).unwrap_or(0);
        let end = rescale(end, MICROS, self.timescale());
        self.push_gap(terms, end.saturating_sub(start));
    }

    /// Says that nothing came for a time, so that the numbers of all renditions go together.
    pub(in crate::hls) fn push_gap(&mut self, terms: &Terms, duration: i64) {
        // Never nothing, and never more than the playlist promises.
        let max = rescale(terms.max, MICROS, self.timescale());
        let duration = duration.clamp(i64::from(self.typical).min(max), max);
        let start = self.boundary.or(self.end).unwrap_or(0);
        let wall = terms.epoch.wall_at(start, self.timescale());
        let segment = self.segment(Open::gap(start, wall), duration.unsigned_abs());
        self.end = self.end.max(Some(start.saturating_add(duration)));
        self.window.push(segment, terms.window, terms.most);
    }
}
