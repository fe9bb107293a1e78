//! The segments of a playlist, and those that slid out of late.

use std::collections::VecDeque;

use super::segment::Segment;
use crate::buf::Chain;

/// A playlist never gets shorter than this many segments by sliding (RFC 8216 6.2.2).
const LEAST_SEGMENTS: usize = 3;

/// The sliding window of one rendition. Segments leave at the front only, and stay fetchable after that.
#[derive(Debug, Default)]
pub(super) struct Window {
    live: VecDeque<Segment>,
    retired: VecDeque<Segment>,
    bytes: usize,
    /// Number of the first live segment.
    pub(super) first_number: u64,
    /// Discontinuities that slid out.
    pub(super) discontinuity_sequence: u64,
}

impl Window {
    pub(super) fn new(first_number: u64, discontinuity_sequence: u64) -> Self {
        Self { first_number, discontinuity_sequence, ..Self::default() }
    }

    pub(super) fn live(&self) -> impl ExactSizeIterator<Item = &Segment> + DoubleEndedIterator {
        self.live.iter()
    }

    /// Number of the next segment.
    pub(super) fn next_number(&self) -> u64 {
        self.first_number.saturating_add(self.live.len() as u64)
    }

    /// Discontinuity number of the next segment, should it not begin one.
    pub(super) fn discontinuities(&self) -> u64 {
        let live = self.live.iter().filter(|segment| segment.discontinuity).count();
        self.discontinuity_sequence.saturating_add(live as u64)
    }

    /// Adds a segment, and lets those go that are more than `length` microseconds behind. No more than `most` segments are
    /// listed, nor kept behind: times that stand still would fill the list with segments of no length.
    pub(super) fn push(&mut self, segment: Segment, length: u64, most: usize) {
        self.bytes = self.bytes.saturating_add(segment.bytes());
        self.live.push_back(segment);
        let mut total: u64 = self.live.iter().map(Segment::micros).sum();
        while self.live.len() > LEAST_SEGMENTS {
            let front = self.live.front().map_or(0, Segment::micros);
            if total.saturating_sub(front) < length && self.live.len() <= most {
                break;
            }
            total = total.saturating_sub(front);
            self.retire();
        }
        // A player may hold the longest playlist, and fetch its segments to the end of that.
        let longest = self.live.iter().map(Segment::micros).max().unwrap_or(0);
        let keep = total.saturating_add(longest);
        let mut held: u64 = self.retired.iter().map(Segment::micros).sum();
        while let Some(front) = self.retired.front().map(Segment::micros) {
            if held.saturating_sub(front) < keep && self.retired.len() <= most {
                break;
            }
            held = held.saturating_sub(front);
            self.forget();
        }
    }

    fn retire(&mut self) {
        if let Some(segment) = self.live.pop_front() {
            self.first_number = self.first_number.saturating_add(1);
            if segment.discontinuity {
                self.discontinuity_sequence = self.discontinuity_sequence.saturating_add(1);
            }
            self.retired.push_back(segment);
        }
    }

    fn forget(&mut self) -> bool {
        let Some(segment) = self.retired.pop_front() else { return false };
        self.bytes = self.bytes.saturating_sub(segment.bytes());
        true
    }

    /// Bytes of all segments that are held.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives back memory: the oldest segment that is held, down to the least that a playlist needs.
    /// False where nothing is left to give.
    pub(super) fn drop_oldest(&mut self) -> bool {
        if self.retired.is_empty() && self.live.len() > LEAST_SEGMENTS {
            self.retire();
        }
        self.forget()
    }

    /// Every segment that can still be fetched, newest first.
    pub(super) fn fetchable(&self) -> impl Iterator<Item = &Segment> {
        self.live.iter().rev().chain(self.retired.iter().rev())
    }

    /// Takes the bytes of a segment out; the rest of it stays.
    pub(super) fn take(&mut self, number: u64) -> Option<Chain> {
        let index = usize::try_from(number.checked_sub(self.first_number)?).ok()?;
        let segment = self.live.get_mut(index)?;
        let body = segment.body()?;
        self.bytes = self.bytes.saturating_sub(segment.bytes());
        segment.parts.iter_mut().for_each(|part| part.body = Chain::new());
        Some(body)
    }

    /// The segment of that number, where it can still be fetched.
    pub(super) fn get(&self, number: u64) -> Option<&Segment> {
        let index = |from: u64| usize::try_from(number.checked_sub(from)?).ok();
        if number >= self.first_number {
            return self.live.get(index(self.first_number)?);
        }
        let first = self.first_number.checked_sub(self.retired.len() as u64)?;
        self.retired.get(index(first)?)
    }
}
