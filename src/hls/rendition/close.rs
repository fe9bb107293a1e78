//! From queued samples to parts, and from parts to segments.

use super::{Cut, Rendition, Terms};
use crate::error::Result;
use crate::hls::open::Open;
use crate::hls::part::Rules;
use crate::hls::segment::{Part, Sample, Segment, micros, pack};
use crate::hls::timeline::MICROS;
use crate::mp4;
use crate::time::rescale;

/// What closing came to.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::hls) struct Closed {
    /// Segments or parts were made.
    pub(in crate::hls) changed: bool,
    /// Samples that had no place.
    pub(in crate::hls) dropped: u64,
    /// Parts that are longer or shorter than they should be, because frames did not fit.
    pub(in crate::hls) uneven: u64,
}

impl Closed {
    pub(in crate::hls) fn add(&mut self, other: Self) {
        self.changed |= other.changed;
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.uneven = self.uneven.saturating_add(other.uneven);
    }
}

impl Rendition {
    /// Closes the segments whose end is known: a sample behind it has come, or the end is before `given_up`
    /// (microseconds), so that none is waited for. The cuts are those of another rendition where this one `follows`.
    pub(in crate::hls) fn close(
        &mut self,
        terms: &Terms,
        given_up: i64,
        follows: bool,
    ) -> Result<Closed> {
        let mut closed = Closed::default();
        while let Some(cut) = self.cuts.front().copied() {
            let found = if follows && self.is_video() {
                self.find_key(terms, cut, given_up)
            } else {
                self.find_sample(cut, given_up)
            };
            let Some((boundary, behind)) = found else { break };
            closed.add(self.close_at(terms, cut, boundary, behind)?);
        }
        Ok(closed)
    }

    /// Where a cut is in this rendition's ticks, and the first sample past it, once it is known.
    fn find_sample(&self, cut: Cut, given_up: i64) -> Option<(i64, Option<usize>)> {
        let boundary = if self.is_video() { cut.decode } else { cut.present };
        let force = rescale(boundary, cut.timescale, MICROS) <= given_up;
        let boundary = rescale(boundary, cut.timescale, self.timescale());
        let behind = self.queue.iter().position(|sample| sample.time >= boundary);
        (behind.is_some() || force).then_some((boundary, behind))
    }

    /// Closes the segment that ends at `boundary`; the sample at `behind` in the queue is the first past it.
    fn close_at(
        &mut self,
        terms: &Terms,
        cut: Cut,
        boundary: i64,
        behind: Option<usize>,
    ) -> Result<Closed> {
        let mut closed = Closed { changed: true, ..Closed::default() };
        // A part that was hinted at comes: where nothing begins anew, one frame more or less is no matter.
        let begins = |first: &Sample| first.key && self.is_video();
        let movable = !self.open.is_empty() && !self.queue.front().is_some_and(begins);
        let promised = usize::from(movable);
        let behind = behind.map(|behind| behind.max(promised));
        // Sound that is ahead of the cut and still in the old configuration stays with it.
        let changes = cut.discontinuity && self.pending.is_some();
        let all = behind.filter(|_| !changes).unwrap_or(self.queue.len());
        // What came of another publisher before the cut has no place.
        let seal = self.sealed.filter(|&sealed| sealed <= boundary);
        let count = seal.map_or(all, |_| all.min(self.unsealed()));
        let newest = self.queue.back().filter(|_| changes).map_or(boundary, |last| last.time);
        let late = self.drop_late(terms, newest.max(boundary), count);
        closed.dropped = late as u64;
        if count > late {
            let next = self.queue.get(count - late).map_or(boundary, |sample| sample.time);
            let next = seal.map_or(Some(next), |_| None);
            closed.add(self.pack_all(terms, count - late, next)?);
        }
        if seal.is_some() {
            self.sealed = None;
            closed.dropped += self.begin_again(all - count);
        }
        if self.open.is_empty() {
            let start = self.boundary.unwrap_or(boundary);
            self.push_gap(terms, boundary.saturating_sub(start));
        } else {
            self.finish_segment(terms);
        }
        self.boundary = Some(boundary);
        self.marks.retain(|&mark| mark > boundary);
        self.cuts.pop_front();
        if cut.discontinuity {
            self.cross()?;
        }
        Ok(closed)
    }

    /// Goes on with what came of another publisher, but for the next `count` samples and pictures before a key frame. Says how
    /// many have no place.
    fn begin_again(&mut self, count: usize) -> u64 {
        let useful = |sample: &Sample| sample.key || !self.is_video();
        let first = self.queue.iter().skip(count).position(useful);
        let first = first.map_or(self.queue.len(), |first| first + count);
        self.starving = self.is_video() && first == self.queue.len();
        self.drain(first).len() as u64
    }

    /// Makes the parts of the open segment that are whole. Samples before `safe` (ticks) surely belong to it. Where its end is decided, and
    /// this rendition has not come to it, those before that do.
    pub(in crate::hls) fn close_parts(
        &mut self,
        terms: &Terms,
        safe: i64,
        follows: bool,
    ) -> Result<Closed> {
        let mut closed = Closed::default();
        // One frame that is shown far ahead of its time may have led the others past the cut.
        let fits = self.fitting(terms, self.unsealed());
        let known = match self.cuts.front().copied() {
            Some(_) if !follows => 0,
            Some(cut) => self.before_cut(terms, cut).min(fits),
            None => {
                let surely = |sample: &&Sample| {
                    sample.time < safe && !(follows && self.may_begin(terms, sample, safe))
                };
                self.queue.iter().take(fits).take_while(surely).count()
            }
        };
        self.pack_parts(terms, known, &mut closed)?;
        Ok(closed)
    }

    /// How many samples come before a cut, wherever in reach of it the segment will end.
    fn before_cut(&self, terms: &Terms, cut: Cut) -> usize {
        let video = self.is_video();
        let end = if video { cut.decode } else { cut.present };
        let end = rescale(end, cut.timescale, self.timescale());
        let ends = |index: usize, sample: &Sample| {
            sample.time >= end || (video && self.may_end_before(terms, cut, index, sample))
        };
        let first = self.queue.iter().enumerate().position(|(index, sample)| ends(index, sample));
        first.unwrap_or(self.queue.len())
    }

    /// Makes parts of the first `known` samples, as long as one is left. Returns how many are.
    fn pack_parts(
        &mut self,
        terms: &Terms,
        mut known: usize,
        closed: &mut Closed,
    ) -> Result<usize> {
        let Some(target) = self.part_target else { return Ok(known) };
        loop {
            let own = self.unsealed();
            let marks = self.marks.make_contiguous();
            let (timescale, typical) = (self.clock.timescale(), self.typical);
            let rules = Rules { target, timescale, typical, marks };
            let Some(count) = rules.next(self.queue.iter().take(own), known) else {
                return Ok(known);
            };
            let Some(next) = self.queue.get(count).cloned() else { return Ok(known) };
            let even = self.pack_part(terms, count, Some(next.time), true)?;
            closed.changed = true;
            closed.uneven += u64::from(!even);
            known -= count;
            self.new_marks.push(rescale(next.present(), timescale, MICROS));
            self.marks.retain(|&mark| mark > next.time);
        }
    }

    /// Packs the next `count` samples, all that are left of their segment.
    fn pack_all(&mut self, terms: &Terms, count: usize, next: Option<i64>) -> Result<Closed> {
        let mut closed = Closed { changed: true, ..Closed::default() };
        let fits = self.fitting(terms, count);
        let left = self.pack_parts(terms, fits, &mut closed)?;
        if left > 0 {
            self.pack_part(terms, left, next, false)?;
        }
        let excess = count - fits;
        self.drain(excess);
        closed.dropped += excess as u64;
        Ok(closed)
    }

    /// How many of the next `count` samples the open segment can hold without being longer than promised: those that came
    /// when parts of it were out and a jump took the time on.
    fn fitting(&self, terms: &Terms, count: usize) -> usize {
        let Some(start) = self.open_start() else { return count };
        let end = start.saturating_add(rescale(terms.max, MICROS, self.timescale()));
        self.queue.iter().take(count).take_while(|sample| sample.time < end).count()
    }

    /// Packs all that is queued, at the end of an epoch.
    pub(in crate::hls) fn flush(&mut self, terms: &Terms) -> Result<Closed> {
        let mut closed = Closed::default();
        while let Some(cut) = self.cuts.front().copied() {
            let Some((boundary, behind)) = self.find_sample(cut, i64::MAX) else { break };
            let behind = behind.or_else(|| self.last_behind(terms, cut, boundary));
            closed.add(self.close_at(terms, cut, boundary, behind)?);
        }
        closed.dropped += self.drop_foreign() as u64;
        let end = self.queue.back().map_or(0, |last| last.time);
        closed.dropped += self.drop_late(terms, end, self.queue.len()) as u64;
        if !self.queue.is_empty() {
            closed.add(self.pack_all(terms, self.queue.len(), None)?);
        }
        if !self.open.is_empty() {
            self.finish_segment(terms);
        }
        Ok(closed)
    }

    /// The last sample, where all sound ends shortly before the last cut: the segment behind it would have nothing, and players take a
    /// gap for a fault.
    fn last_behind(&self, terms: &Terms, cut: Cut, boundary: i64) -> Option<usize> {
        let is_last = self.cuts.len() == 1 && !cut.discontinuity;
        let goes_on = is_last && !self.is_video() && self.sealed.is_none();
        let near = boundary.saturating_sub(rescale(terms.reach / 2, MICROS, self.timescale()));
        let is_near = self.queue.back().is_some_and(|last| last.time >= near);
        self.queue.len().checked_sub(1).filter(|&last| goes_on && is_near && last > 0)
    }

    /// Drops those of the next `count` samples that no segment of allowed length can hold if it ends at `end`:
    /// they came when their time was long over.
    fn drop_late(&mut self, terms: &Terms, end: i64, count: usize) -> usize {
        if !self.open.is_empty() {
            return 0;
        }
        let earliest = end.saturating_sub(rescale(terms.max, MICROS, self.timescale()));
        let late =
            self.queue.iter().take(count).take_while(|sample| sample.time < earliest).count();
        self.drain(late);
        late
    }

    fn drain(&mut self, count: usize) -> Vec<Sample> {
        let samples: Vec<Sample> = self.queue.drain(..count).collect();
        let bytes: usize = samples.iter().map(|sample| sample.data.len()).sum();
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes);
        samples
    }

    /// Packs the next `count` samples as one part. Says whether it is as long as parts should be. Where more of the segment
    /// `follows`, the part is said to last until then, as far as parts may: sound may be missing in between.
    fn pack_part(
        &mut self,
        terms: &Terms,
        count: usize,
        next: Option<i64>,
        follows: bool,
    ) -> Result<bool> {
        let samples = self.drain(count);
        // A frame does not last through a hole, nor past the longest segment.
        let second = i64::from(self.timescale());
        let last = samples.last().map_or(0, |last| last.time);
        let until = next.filter(|_| follows);
        // Nor past the end of its segment, where parts have said how long they are.
        let longest = i64::from(self.typical).saturating_mul(2);
        let ends = |last: &Sample, next: i64| {
            follows || self.part_target.is_none() || next <= last.time.saturating_add(longest)
        };
        let next = next.filter(|&next| samples.last().is_none_or(|last| ends(last, next)));
        let next = next.filter(|&next| next <= last.saturating_add(2 * second));
        let start = self.open.start().or(samples.first().map(|first| first.time)).unwrap_or(0);
        let longest = start.saturating_add(rescale(terms.max, MICROS, self.timescale()));
        let alone = Some(longest).filter(|&end| end < last.saturating_add(self.typical.into()));
        let next = next.map(|next| next.min(longest)).or(alone);
        let kind = (&*self.track.config, self.typical);
        let (part, end) = pack(&samples, next, kind, &mut self.fragments)?;
        self.end = Some(end);
        let present = samples.first().map_or(part.start, Sample::present);
        let through = until.and_then(|until| u64::try_from(until.saturating_sub(part.start)).ok());
        let spans = through.map_or(part.duration, |through| through.max(part.duration));
        Ok(self.add_part(terms, part, present, spans))
    }

    fn add_part(&mut self, terms: &Terms, mut part: Part, present: i64, spans: u64) -> bool {
        let wall = terms.epoch.wall_at(present, self.timescale());
        let made = terms.epoch.wall_at(part.start, self.timescale());
        if let (true, Some(wall)) = (terms.reference_times && self.open.is_empty(), made) {
            let reference = mp4::ProducerReference {
                track: 1,
                wall,
                media_time: u64::try_from(part.start).unwrap_or(0),
                moment: mp4::ReferenceMoment::EncoderOutput,
            };
            // It is a help, not a must.
            mp4::producer_reference(&reference)
                .into_iter()
                .for_each(|prft| part.body.push_front(prft));
        }
        let (number, timescale) = (self.window.next_number(), self.timescale());
        let (id, target) = (self.track.id, self.part_target);
        self.open.push(part, present, wall, |open, part| {
            open.write_part(id, number, target, (micros(spans, timescale), part.independent))
        })
    }

    /// The open segment is whole.
    fn finish_segment(&mut self, terms: &Terms) {
        let open = std::mem::take(&mut self.open);
        let segment = self.segment(open, 0);
        self.measured.add(&segment);
        self.window.push(segment, terms.window, terms.most);
    }

    pub(super) fn segment(&mut self, open: Open, gap: u64) -> Segment {
        let discontinuity = std::mem::take(&mut self.discontinuity);
        let (number, timescale) = (self.window.next_number(), self.timescale());
        open.finish(self.track.id, number, &self.init, timescale, discontinuity, gap)
    }
}
