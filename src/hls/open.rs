//! The segment that is being made: the parts that players may have already, and their lines.

use std::fmt::Write as _;
use std::sync::Arc;

use super::part::PartTarget;
use super::playlist::{date, seconds};
use super::segment::{Init, Part, Segment, Text, micros, part_name, segment_name};
use crate::media::TrackId;

#[derive(Debug, Default)]
pub(super) struct Open {
    parts: Vec<Part>,
    bytes: usize,
    /// Presentation time of the first sample, in ticks.
    present: i64,
    /// The same on the wall clock, in microseconds since 1970.
    wall: Option<i64>,
    /// Where a gap begins: a segment without parts.
    gap: i64,
    text: Text,
}

impl Open {
    /// A segment of which nothing came.
    pub(super) fn gap(start: i64, wall: Option<i64>) -> Self {
        Self { gap: start, present: start, wall, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Decode time of the first sample, in ticks.
    pub(super) fn start(&self) -> Option<i64> {
        self.parts.first().map(|part| part.start)
    }

    pub(super) const fn present(&self) -> i64 {
        self.present
    }

    pub(super) const fn wall(&self) -> Option<i64> {
        self.wall
    }

    /// Lines so far.
    pub(super) const fn text(&self) -> &Text {
        &self.text
    }

    /// Ticks so far.
    pub(super) fn duration(&self) -> u64 {
        let (Some(first), Some(last)) = (self.parts.first(), self.parts.last()) else { return 0 };
        let ahead = u64::try_from(last.start.saturating_sub(first.start)).unwrap_or(0);
        ahead.saturating_add(last.duration)
    }

    /// Adds a part, the first sample of which is presented at `present` and, on the wall clock, at `wall`. `write` adds
    /// its line, and says what is given back.
    pub(super) fn push<T>(
        &mut self,
        part: Part,
        present: i64,
        wall: Option<i64>,
        write: impl FnOnce(&mut Self, &Part) -> T,
    ) -> T {
        if self.parts.is_empty() {
            (self.present, self.wall) = (present, wall);
            date(&mut self.text.head, wall);
        }
        let written = write(self, &part);
        self.bytes = self.bytes.saturating_add(part.body.len());
        self.parts.push(part);
        written
    }

    /// Writes the line of the part that is about to be added, of so many microseconds, where parts are listed. Says whether its length is as it
    /// should be, were another part to follow.
    pub(super) fn write_part(
        &mut self,
        id: TrackId,
        number: u64,
        target: Option<PartTarget>,
        (duration, independent): (u64, bool),
    ) -> bool {
        let Some(target) = target else { return true };
        // The promise holds even for a frame that is longer: its segment says how long it is.
        let said = seconds(duration.clamp(1, target.micros));
        let name = part_name(id, number, self.parts.len());
        let independent = if independent { ",INDEPENDENT=YES" } else { "" };
        let _ =
            writeln!(self.text.parts, "#EXT-X-PART:DURATION={said},URI=\"{name}\"{independent}");
        target.is_even(duration)
    }

    /// Makes the segment of it. `gap` is the length of one that nothing came for, in ticks.
    pub(super) fn finish(
        self,
        id: TrackId,
        number: u64,
        init: &Arc<Init>,
        timescale: u32,
        discontinuity: bool,
        gap: u64,
    ) -> Segment {
        let start = self.start().unwrap_or(self.gap);
        let duration = if self.parts.is_empty() { gap } else { self.duration() };
        let mut text = self.text;
        if self.parts.is_empty() {
            date(&mut text.head, self.wall);
            text.head.push_str("#EXT-X-GAP\n");
        }
        let length = seconds(micros(duration, timescale));
        let _ = writeln!(text.tail, "#EXTINF:{length},\n{}", segment_name(id, number));
        Segment {
            number,
            init: Arc::clone(init),
            wall: self.wall,
            start,
            present: self.present,
            duration,
            timescale,
            discontinuity,
            parts: self.parts,
            text,
        }
    }
}
