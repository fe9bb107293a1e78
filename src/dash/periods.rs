//! Periods out of what is listed: an epoch is a period, and so is every stretch with another set of tracks.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::{AdaptationSet, Period, Properties, ReferenceTime, Representation, Segment, Template};
use crate::codec::captions::Captions;
use crate::media::{CodecConfig, MediaKind};
use crate::time::rescale;

const MICROS: u32 = 1_000_000;
/// A live period whose media are so far from where the wall clock has them is followed by another: players take what the MPD says for the time at which a
/// segment can be had. Few enough to be rare (at 50 ppm one in 80 minutes), little enough for a player that stays a second behind. In microseconds.
const DRIFT: i64 = 250_000;
/// What is told of a presentation that is over ends with the first of its renditions that comes so near to its end, in microseconds: outputs of one encoder do not
/// stop at the same picture, and players who have all of one wait for what only another one has.
const SAME_END: i64 = 500_000;

/// One track as it is listed. All tracks number their segments alike.
#[derive(Clone, Debug)]
pub struct Rendition {
    /// Its number, the same for the life of the presentation, and that of its adaptation set, if it is the first there.
    pub id: u32,
    /// The publisher whose track it is: sound of one codec is in one adaptation set where it is that of several publishers, and else
    /// these are languages.
    pub group: u8,
    /// Identifier of its representation, and the start of the names of its segments: `video` for `video_17.m4s`.
    pub name: String,
    /// Bits a second that suffice to play it.
    pub bandwidth: u64,
    /// Pictures in a thousand seconds, as measured; for video without a frame rate in its configuration.
    pub frame_rate: u64,
    /// Closed captions within its pictures.
    pub captions: Captions,
    /// Oldest first, each with the number after the one before.
    pub segments: Vec<ListedSegment>,
}

/// One segment of a [`Rendition`].
#[derive(Clone, Debug)]
pub struct ListedSegment {
    /// The same for all renditions.
    pub number: u64,
    /// Grows where the time line is broken.
    pub epoch: u64,
    /// What decodes it.
    pub config: Arc<CodecConfig>,
    /// Name of the init segment.
    pub init: String,
    /// Ticks a second of the times here.
    pub timescale: u32,
    /// Presentation time of the first sample, in ticks of a time line that all renditions share.
    pub start: u64,
    /// In ticks.
    pub duration: u64,
    /// Presentation time where what is shown last ends, in ticks: later than start and duration together where pictures are missing
    /// that were to be shown before it, as where a stream breaks off.
    pub presentation_end: u64,
    /// Wall clock at the start, microseconds since 1970.
    pub wall: Option<i64>,
    /// Whether there is no file: nothing came for this time.
    pub gap: bool,
}

impl Rendition {
    /// The configuration of the first of these segments that is there.
    fn config(&self, numbers: &Range<u64>) -> Option<&CodecConfig> {
        let inside = |one: &&ListedSegment| numbers.contains(&one.number) && !one.gap;
        self.segments.iter().find(inside).map(|first| &*first.config)
    }
}

impl ListedSegment {
    fn micros(&self, ticks: u64) -> i64 {
        rescale(i64::try_from(ticks).unwrap_or(i64::MAX), self.timescale, MICROS)
    }

    fn end(&self) -> u64 {
        self.start.saturating_add(self.duration).max(self.presentation_end)
    }
}

/// Makes periods of what is listed, time after time, and keeps their identifiers and starts the same while segments slide out.
#[derive(Clone, Debug, Default)]
pub struct Periods {
    known: VecDeque<Known>,
    /// The next number to look at. Those before it were looked at when all renditions had them; now some may have slid out.
    next: u64,
    /// Wall clock at the zero of the presentation's time line.
    availability_start: Option<i64>,
    is_live: bool,
}

/// A period from where it began.
#[derive(Clone, Debug)]
struct Known {
    /// Number of its first segment.
    first: u64,
    epoch: u64,
    /// The renditions that are in it, each with its init segment.
    inits: Vec<(u32, String)>,
    /// Start on the presentation's time line, in microseconds.
    start: i64,
    /// The same on the media time line, in ticks and in ticks a second.
    base: (u64, u32),
    /// Where its media end so far, on the presentation's time line, in microseconds.
    end: i64,
}

impl Known {
    fn base_micros(&self) -> i64 {
        rescale(i64::try_from(self.base.0).unwrap_or(i64::MAX), self.base.1, MICROS)
    }

    /// Where media of this time are on the presentation's time line, in microseconds.
    fn place(&self, media: i64) -> i64 {
        self.start.saturating_add(media.saturating_sub(self.base_micros()))
    }

    /// The start in ticks of another timescale, not after it.
    fn offset(&self, timescale: u32) -> u64 {
        let ticks =
            u128::from(self.base.0) * u128::from(timescale) / u128::from(self.base.1.max(1));
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

impl Periods {
    /// No period yet of a live presentation, the zero of which was said before to be at this time, in microseconds since 1970, or was not said. The first
    /// period begins where the wall clock has it.
    ///
    /// Where the dates of segments move away from their media times, since an encoder's clock is fast or slow, a quarter second begins another period where the wall
    /// clock has it. [`Periods::default`] is for what is not live: there media times alone count within an epoch.
    #[must_use]
    pub fn begun_at(availability_start: Option<i64>) -> Self {
        Self { availability_start, is_live: true, ..Self::default() }
    }

    /// Wall clock at the zero of the presentation's time line, microseconds since 1970; `None` before the first
    /// [`update`](Self::update), and where no segment has a wall clock. It never changes.
    #[must_use]
    pub const fn availability_start(&self) -> Option<i64> {
        self.availability_start
    }

    /// Where the media end on the presentation's time line.
    #[must_use]
    pub fn end(&self) -> Duration {
        duration(self.known.iter().map(|known| known.end).max().unwrap_or(0))
    }

    /// The periods of what is listed now. A segment counts once all renditions have one of its number, or, where the
    /// stream has `ended`, as it is.
    pub fn update(&mut self, renditions: &[Rendition], ended: bool) -> Vec<Period> {
        let lists = || renditions.iter().map(|one| &one.segments).filter(|list| !list.is_empty());
        let numbers = || lists().filter_map(|list| list.last()).map(|last| last.number);
        let last = if ended { numbers().max() } else { numbers().min() };
        let first = lists().filter_map(|list| list.first()).map(|first| first.number).min();
        let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
        // The period that the first listed segment belongs to is known from before.
        while self.known.get(1).is_some_and(|next| next.first <= first) {
            self.known.pop_front();
        }
        for number in self.next.max(first)..=last {
            self.note(renditions, number);
        }
        self.next = self.next.max(last.saturating_add(1));
        if ended && let Some(known) = self.known.back_mut() {
            known.end = known.common_end(renditions, last);
        }
        let nexts = self.known.iter().skip(1).map(Some).chain([None]);
        let periods = self.known.iter().zip(nexts).filter_map(|(known, next)| {
            let end = next.map_or(last.saturating_add(1), |next| next.first);
            if known.has_lost(renditions, end) {
                return None;
            }
            // Where nothing comes before the next one, players would wait for it to the end of the period.
            let hole = next.is_some_and(|next| next.start > known.end);
            let length = hole.then(|| duration(known.end.saturating_sub(known.start)));
            Some(Period { duration: length, ..known.period(renditions, end) })
        });
        periods.collect()
    }

    /// Looks at the segments of one number: whether they begin a period.
    fn note(&mut self, renditions: &[Rendition], number: u64) {
        let found = || renditions.iter().filter_map(|rendition| segment(rendition, number));
        let present = || found().filter(|segment| !segment.gap);
        let Some(epoch) = found().map(|segment| segment.epoch).max() else { return };
        let before = self.known.back();
        let init = |rendition: &Rendition| {
            // What ends before the others leaves no hole behind.
            if rendition.segments.last().is_some_and(|last| last.number < number) {
                let same = before?.inits.iter().find(|(id, _)| *id == rendition.id)?;
                return Some(same.clone());
            }
            let there = segment(rendition, number).filter(|segment| !segment.gap)?;
            Some((rendition.id, there.init.clone()))
        };
        let inits: Vec<(u32, String)> = renditions.iter().filter_map(init).collect();
        let earliest = present().min_by_key(|segment| segment.micros(segment.start));
        let same = |before: &Known| before.epoch == epoch && before.inits == inits;
        if before.is_none_or(|before| !same(before) || self.has_drifted(before, earliest)) {
            self.begin(number, epoch, inits, earliest);
        }
        if let Some(known) = self.known.back_mut() {
            let ends = present().map(|segment| known.place(segment.micros(segment.end())));
            known.end = ends.fold(known.end, i64::max);
        }
    }

    /// Where the wall clock has a segment on the presentation's time line.
    fn told(&self, segment: Option<&ListedSegment>) -> Option<i64> {
        let (wall, zero) = (segment?.wall?, self.availability_start?);
        Some(wall.saturating_sub(zero))
    }

    fn has_drifted(&self, period: &Known, segment: Option<&ListedSegment>) -> bool {
        let (Some(told), Some(segment)) = (self.told(segment), segment) else { return false };
        let drift = told.saturating_sub(period.place(segment.micros(segment.start)));
        self.is_live && drift.saturating_abs() >= DRIFT
    }

    fn begin(
        &mut self,
        first: u64,
        epoch: u64,
        inits: Vec<(u32, String)>,
        earliest: Option<&ListedSegment>,
    ) {
        let base = earliest.map_or((0, MICROS), |segment| (segment.start, segment.timescale));
        let at = earliest.map_or(0, |segment| segment.micros(segment.start));
        let wall = earliest.and_then(|segment| segment.wall);
        let told = self.told(earliest);
        let start = match self.known.back() {
            None => told.unwrap_or(0).max(0),
            Some(before) if before.epoch == epoch => {
                // It may begin a little before the end of the other, which players cut off there.
                let drifted = told.filter(|_| self.has_drifted(before, earliest));
                drifted.unwrap_or(before.place(at)).max(before.start)
            }
            // An encoder that was away: the time line stays with the clock on the wall, so that latency keeps its meaning.
            Some(before) => told.map_or(before.end, |told| told.max(before.end)),
        };
        if self.availability_start.is_none() {
            self.availability_start = wall.map(|wall| wall.saturating_sub(start));
        }
        self.known.push_back(Known { first, epoch, inits, start, base, end: start });
    }
}

impl Known {
    /// Where it ends for players of any of its renditions, where these end with the segment `last`: sound that ends before the pictures holds nobody up.
    fn common_end(&self, renditions: &[Rendition], last: u64) -> i64 {
        let end = |one: &Rendition| {
            let segment = one.segments.last().filter(|one| one.number == last && !one.gap)?;
            Some((segment.config.kind(), self.place(segment.micros(segment.end()))))
        };
        let ends: Vec<_> = renditions.iter().filter_map(end).collect();
        let longest = ends.iter().map(|(_, at)| *at).max().unwrap_or(self.end);
        let near = |(_, at): &&(MediaKind, i64)| longest.saturating_sub(*at) <= SAME_END;
        let ends: Vec<_> = ends.iter().filter(near).collect();
        let of = |kind| ends.iter().filter(move |(one, _)| *one == kind).map(|(_, end)| *end).min();
        of(MediaKind::Video).max(of(MediaKind::Audio)).unwrap_or(longest)
    }

    /// Whether all segments up to the number `end` of one of its renditions have slid out, and not those of the others: a period without sound among others with
    /// it is none that players can join to these.
    fn has_lost(&self, renditions: &[Rendition], end: u64) -> bool {
        let slid = |one: &Rendition| one.segments.first().is_some_and(|first| first.number >= end);
        let inside = |one: &&Rendition| self.inits.iter().any(|(id, _)| *id == one.id);
        renditions.iter().filter(inside).any(slid)
    }

    /// The period with what is listed of it: the segments up to the number `end`.
    fn period(&self, renditions: &[Rendition], end: u64) -> Period {
        let numbers = self.first..end;
        let listed = |rendition: &Rendition| -> Vec<ListedSegment> {
            let inside =
                rendition.segments.iter().filter(|one| numbers.contains(&one.number) && !one.gap);
            inside.cloned().collect()
        };
        let mut sounds = 0;
        let mut sets: Vec<AdaptationSet> = Vec::with_capacity(renditions.len());
        let mut firsts: Vec<(u8, &CodecConfig)> = Vec::with_capacity(renditions.len());
        for rendition in renditions {
            let listed = listed(rendition);
            let (Some(first), Some(config)) = (listed.first(), rendition.config(&numbers)) else {
                continue;
            };
            let like =
                firsts.iter().position(|&other| may_switch(other, (rendition.group, config)));
            let kind = first.config.kind();
            let representation = self.representation(rendition, first, &listed);
            if let Some(set) = like.and_then(|index| sets.get_mut(index)) {
                set.captions = set.captions.union(rendition.captions);
                set.representations.push(representation);
                continue;
            }
            firsts.push((rendition.group, config));
            sounds += usize::from(kind == MediaKind::Audio);
            let reference = first.wall.map(|wall| ReferenceTime { media_time: first.start, wall });
            sets.push(AdaptationSet {
                id: rendition.id,
                kind,
                language: None,
                label: None,
                main: kind == MediaKind::Video || sounds == 1,
                captions: rendition.captions,
                reference,
                representations: vec![representation],
            });
        }
        let id = self.first.to_string();
        Period { id, start: duration(self.start), duration: None, sets }
    }

    fn representation(
        &self,
        rendition: &Rendition,
        first: &ListedSegment,
        listed: &[ListedSegment],
    ) -> Representation {
        let config = &first.config;
        let properties = match config.kind() {
            MediaKind::Video => Properties::Video {
                size: config.size(),
                frame_rate: config.frame_rate().map(reduced).or(nearest_rate(rendition.frame_rate)),
                sample_aspect_ratio: config.sample_aspect_ratio(),
            },
            MediaKind::Audio => {
                Properties::Audio { sample_rate: config.sample_rate(), channels: config.channels() }
            }
        };
        Representation {
            id: rendition.name.clone(),
            codecs: config.codec_string(),
            bandwidth: rendition.bandwidth,
            properties,
            timescale: first.timescale,
            presentation_time_offset: self.offset(first.timescale),
            init: first.init.clone(),
            media: Template::Number {
                prefix: format!("{}_", rendition.name),
                first: first.number,
                suffix: ".m4s".into(),
            },
            segments: listed
                .iter()
                .map(|one| Segment { start: one.start, duration: one.duration.max(1) })
                .collect(),
        }
    }
}

/// Whether players may switch from one to the other while they play: pictures of one codec, or the same sound of two publishers.
fn may_switch((group, one): (u8, &CodecConfig), (other_group, other): (u8, &CodecConfig)) -> bool {
    let family = |config: &CodecConfig| {
        let codec = config.codec_string();
        codec.split('.').next().unwrap_or_default().to_owned()
    };
    let sound = || {
        group != other_group
            && (one.sample_rate(), one.channels()) == (other.sample_rate(), other.channels())
    };
    one.kind() == other.kind()
        && family(one) == family(other)
        && (one.kind() == MediaKind::Video || sound())
}

fn segment(rendition: &Rendition, number: u64) -> Option<&ListedSegment> {
    let first = rendition.segments.first()?.number;
    rendition.segments.get(usize::try_from(number.checked_sub(first)?).ok()?)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

fn reduced((num, den): (u32, u32)) -> (u32, u32) {
    let (mut a, mut b) = (num, den);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    (num / a.max(1), den / a.max(1))
}

/// The usual rate within a thousandth of a measured one, or that one itself.
fn nearest_rate(per_thousand_seconds: u64) -> Option<(u32, u32)> {
    const USUAL: [(u32, u32); 12] = [
        (10, 1),
        (12, 1),
        (15, 1),
        (20, 1),
        (24_000, 1001),
        (24, 1),
        (25, 1),
        (30_000, 1001),
        (30, 1),
        (50, 1),
        (60_000, 1001),
        (60, 1),
    ];
    let measured = u32::try_from(per_thousand_seconds).ok().filter(|&rate| rate > 0)?;
    let off = |(num, den): (u32, u32)| {
        (u64::from(num) * 1000).abs_diff(u64::from(measured) * u64::from(den)) / u64::from(den)
    };
    let best = USUAL.into_iter().min_by_key(|&rate| off(rate))?;
    Some(if off(best) * 1000 <= u64::from(measured) { best } else { reduced((measured, 1000)) })
}

#[cfg(test)]
mod tests;
