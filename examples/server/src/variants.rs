//! Streams that are the variants of one: `live/demo_720` and `live/demo_480` are `live/demo` for players, too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streamcore::assemble::Event;
use streamcore::error::Result;
use streamcore::hls::{Answer, VariantSet};

use crate::clock::{self, wall_clock};
use crate::config::AppConfig;
use crate::stream::Stream;

/// Streams of one set, which are as many as there are suffixes.
const MOST: usize = 16;

/// Which set a stream belongs to: its path without the suffix, and the place of the suffix among all.
pub fn set_of<'a>(path: &'a str, config: &AppConfig) -> Option<(&'a str, u8)> {
    let places = config.hls_variants.iter().take(MOST).enumerate();
    // The longest, where one is the end of another.
    let (place, suffix) = places
        .filter(|(_, suffix)| {
            let name = path.strip_suffix(suffix.as_str());
            name.is_some_and(|name| !name.is_empty() && !name.ends_with('/'))
        })
        .max_by_key(|(_, suffix)| suffix.len())?;
    Some((path.strip_suffix(suffix.as_str())?, u8::try_from(place).ok()?))
}

/// The set of a stream's path, where there is one.
#[derive(Debug, Default)]
pub struct SetHls {
    set: Option<VariantSet>,
    /// Who each source is: an earlier publisher's end must not be that of a later one.
    tokens: [u64; MOST],
    /// When the last source was cut off.
    lost: Option<Instant>,
    ended: Option<Instant>,
}

impl SetHls {
    /// What it has for a name; `None` where there is no set.
    pub fn answer(&self, name: &str, query: Option<&str>) -> Option<Answer> {
        Some(self.set.as_ref()?.muxer().request(name, query))
    }

    /// Whether it may still be read.
    pub const fn is_there(&self) -> bool {
        self.set.is_some()
    }

    fn join(&mut self, place: u8, config: &AppConfig) -> u64 {
        let set = self.set.get_or_insert_with(|| {
            let mut hls = config.hls.clone();
            clock::number(&mut hls);
            let count = config.hls_variants.len().min(MOST);
            VariantSet::new(u8::try_from(count).unwrap_or(u8::MAX), hls, &config.limits)
        });
        if let Err(error) = set.join(place) {
            tracing::debug!("a variant cannot join: {error}");
        }
        (self.lost, self.ended) = (None, None);
        let token = self.tokens.get_mut(usize::from(place));
        token.map_or(0, |token| {
            *token += 1;
            *token
        })
    }

    fn leave(&mut self, place: u8, may_return: bool, now: Instant) {
        let Some(set) = &mut self.set else { return };
        let mut result = set.leave(place);
        if !set.is_live() {
            if may_return {
                self.lost = Some(now);
            } else {
                result = result.and_then(|()| set.finish());
                self.ended = Some(now);
            }
        }
        if let Err(error) = result {
            tracing::debug!("the last segment of a variant is lost: {error}");
        }
    }

    /// Ends what nobody came back to, and forgets what ended long ago. Says whether something ended.
    pub fn tidy(&mut self, now: Instant, config: &AppConfig) -> bool {
        let past = |since: Option<Instant>, time: Duration| {
            since.is_some_and(|since| now.saturating_duration_since(since) >= time)
        };
        if past(self.lost, config.hls_reconnect) {
            if let Some(Err(error)) = self.set.as_mut().map(VariantSet::finish) {
                tracing::debug!("the last segment of a set is lost: {error}");
            }
            (self.lost, self.ended) = (None, Some(now));
            return true;
        }
        if past(self.ended, config.hls_linger) {
            (self.set, self.ended) = (None, None);
        }
        false
    }

    /// Does something with the set, unless another has taken the place. Says whether an answer may be another now.
    fn with(
        &mut self,
        place: u8,
        token: u64,
        act: impl FnOnce(&mut VariantSet) -> Result<()>,
    ) -> bool {
        if self.tokens.get(usize::from(place)) != Some(&token) {
            return false;
        }
        let Some(set) = &mut self.set else { return false };
        let version = set.muxer().version();
        if let Err(error) = act(set) {
            tracing::debug!("not all of a variant is in its set: {error}");
        }
        set.muxer().version() != version
    }
}

/// A publisher's place in a set. It leaves when it is dropped.
#[derive(Debug)]
pub struct Member {
    set: Arc<Stream>,
    place: u8,
    token: u64,
    /// The publisher has not said that it ends.
    pub cut_off: bool,
}

impl Member {
    /// Takes a place in the set that `set` is the path of.
    pub fn join(set: Arc<Stream>, place: u8, config: &AppConfig) -> Self {
        let token = set.set().join(place, config);
        set.wake();
        Self { set, place, token, cut_off: true }
    }

    /// Hands on what the publisher sends.
    pub fn handle_event(&self, event: &Event) {
        let place = self.place;
        let changed = self.set.set().with(place, self.token, |set| match event {
            Event::Track(track) => set.handle_track(place, track.clone()),
            Event::Unit(unit) => set.handle_unit(place, unit.clone(), wall_clock()),
            Event::Discontinuity => set.handle_discontinuity(place),
            _ => Ok(()),
        });
        if changed {
            self.set.wake();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut set = self.set.set();
        if set.tokens.get(usize::from(self.place)) == Some(&self.token) {
            set.leave(self.place, self.cut_off, Instant::now());
        }
        drop(set);
        self.set.wake();
    }
}
