//! Streams of several publishers as the variants of one presentation.

use super::config::MuxerConfig;
use super::muxer::Muxer;
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;
use crate::media::{AccessUnit, Track, TrackId};
use crate::time::rescale;

const MICROS: u32 = 1_000_000;
/// Publishers whose times differ by less than this much at the same moment share a clock: outputs of one encoder, with the delay that
/// each has. In microseconds.
const SAME_CLOCK: i64 = 3_000_000;

/// Several publishers, each a source by its number: one multivariant playlist, one MPD, and one set of files.
///
/// A source [joins](Self::join), announces tracks and hands over units as to a [`Muxer`], and [leaves](Self::leave). Whatever is
/// asked for is asked of [`muxer`](Self::muxer).
///
/// Sources of one encoder have the same times, and are cut at the same key frames under the same numbers. Where a source has a clock of its
/// own, its first unit is placed at the moment when it came, so that pictures of two sources are as far from each other as their ways
/// were long; its segments are cut at its key frames nearest to the others'. Sound goes with the pictures of its own source.
///
/// While others go on, a source that left is represented by gaps and not offered to players who begin; it may join again. When the
/// last one leaves the epoch ends, and who comes next begins a new one.
#[derive(Debug)]
pub struct VariantSet {
    muxer: Muxer,
    sources: Vec<Source>,
    /// Latest time of all, in microseconds on the set's time line, and when that came.
    newest: Option<(i64, Option<i64>)>,
    /// Whether there was a source before.
    begun: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Source {
    joined: bool,
    /// What is added to its times, in microseconds; `None` until its first unit.
    offset: Option<i64>,
}

impl VariantSet {
    /// A set of at most `sources` sources, the first of which is offered first.
    #[must_use]
    pub fn new(sources: u8, config: MuxerConfig, limits: &Limits) -> Self {
        Self {
            muxer: Muxer::new(config, limits),
            sources: vec![Source::default(); usize::from(sources)],
            newest: None,
            begun: false,
        }
    }

    /// What there is for players.
    #[must_use]
    pub const fn muxer(&self) -> &Muxer {
        &self.muxer
    }

    /// The same, to [take the bytes of segments out](Muxer::take_segment). Units come by way of the set.
    #[must_use]
    pub const fn muxer_mut(&mut self) -> &mut Muxer {
        &mut self.muxer
    }

    /// Whether any source is there.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.sources.iter().any(|source| source.joined)
    }

    /// A source comes, or comes back. It has to announce its tracks.
    ///
    /// Fails with `Misuse` for a number past those of the set, and as [`Muxer::resume`] does.
    pub fn join(&mut self, source: u8) -> Result<()> {
        self.source(source)?;
        if !self.is_live() {
            if std::mem::replace(&mut self.begun, true) {
                self.muxer.resume()?;
            }
            self.newest = None;
        }
        let place = self.source(source)?;
        *place = Source { joined: true, offset: None };
        Ok(())
    }

    /// A source is gone. With the last one the epoch ends; [`finish`](Self::finish) ends the presentation.
    ///
    /// Fails as [`Muxer::handle_discontinuity`] does.
    pub fn leave(&mut self, source: u8) -> Result<()> {
        *self.source(source)? = Source::default();
        if self.is_live() { self.muxer.leave(source) } else { self.muxer.handle_discontinuity() }
    }

    /// Announces a track of a source.
    ///
    /// Fails as [`Muxer::handle_track`] does, and with `LimitExceeded` where a source has more tracks than can be named.
    pub fn handle_track(&mut self, source: u8, track: Track) -> Result<()> {
        self.source(source)?;
        let id = self.id(source, track.id)?;
        self.muxer.announce(source, Track { id, ..track })
    }

    /// Takes an access unit of a source, as [`Muxer::handle_unit`] does.
    ///
    /// Fails as that.
    pub fn handle_unit(
        &mut self,
        source: u8,
        mut unit: AccessUnit,
        wall: Option<i64>,
    ) -> Result<()> {
        let id = self.id(source, unit.track)?;
        let timescale = self.muxer.timescale_of(id).unwrap_or(MICROS);
        let time = rescale(unit.dts, timescale, MICROS);
        let offset = match self.source(source)?.offset {
            Some(offset) => offset,
            None => {
                let offset = self.offset(time, wall);
                self.source(source)?.offset = Some(offset);
                offset
            }
        };
        let placed = time.saturating_add(offset);
        if self.newest.is_none_or(|(newest, _)| placed > newest) {
            self.newest = Some((placed, wall));
        }
        unit.track = id;
        unit.dts = unit.dts.saturating_add(rescale(offset, MICROS, timescale));
        self.muxer.handle_unit(unit, wall)
    }

    /// All tracks of a source jumped in time: it is placed anew. Where it is the only one, a new epoch begins.
    ///
    /// Fails as [`Muxer::handle_discontinuity`] does.
    pub fn handle_discontinuity(&mut self, source: u8) -> Result<()> {
        self.source(source)?.offset = None;
        if self.sources.iter().filter(|one| one.joined).count() > 1 {
            self.muxer.interrupt(source);
            return Ok(());
        }
        self.newest = None;
        self.muxer.handle_discontinuity()
    }

    /// The presentation is over, until a source joins again.
    ///
    /// Fails as [`Muxer::finish`] does.
    pub fn finish(&mut self) -> Result<()> {
        self.sources.fill(Source::default());
        self.muxer.finish()
    }

    /// Where the first unit of a source belongs: on a clock that is known, or at the moment when it came.
    fn offset(&self, time: i64, wall: Option<i64>) -> i64 {
        let Some((newest, at)) = self.newest else { return 0 };
        let since = wall.zip(at).map_or(0, |(now, then)| now.saturating_sub(then).max(0));
        let expected = newest.saturating_add(since);
        let off =
            |offset: i64| expected.saturating_sub(time.saturating_add(offset)).saturating_abs();
        let known = self.sources.iter().filter(|source| source.joined);
        let known = known.filter_map(|source| source.offset);
        let nearest = known.min_by_key(|&offset| off(offset));
        nearest.filter(|&offset| off(offset) <= SAME_CLOCK).unwrap_or(expected.saturating_sub(time))
    }

    /// The name of a source's track among all: the same whoever comes first.
    fn id(&self, source: u8, id: TrackId) -> Result<TrackId> {
        let count = u8::try_from(self.sources.len()).unwrap_or(u8::MAX);
        let index = id.index.checked_mul(count).and_then(|first| first.checked_add(source));
        let index = index.ok_or(Error::limit(Layer::Hls, "tracks of a set"))?;
        Ok(TrackId { index, ..id })
    }

    fn source(&mut self, source: u8) -> Result<&mut Source> {
        let unknown = Error::misuse(Layer::Hls, "source of a set").found(source.into());
        self.sources.get_mut(usize::from(source)).ok_or(unknown)
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
