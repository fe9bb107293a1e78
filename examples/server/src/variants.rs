//! Streams that are the variants of one: `live/demo_720` and `live/demo_480` are `live/demo` for players, too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streamcore::assemble::Event;
use streamcore::error::Result;
use streamcore::hls::{Answer, VariantSet};

use crate::clock::wall_clock;
use crate::config::AppConfig;
use crate::numbering::Counter;
use crate::origin::{Archive, Known, Store, StoreInfo};
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
    /// In a box: most paths have none.
    set: Option<Box<VariantSet>>,
    counter: Option<Counter>,
    /// The set's way to the store.
    archive: Option<Archive>,
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

    /// The stored file of this name, which is not in memory any more.
    pub fn find_stored(&self, name: &str) -> Option<Known> {
        self.archive.as_ref()?.find(name)
    }

    /// How the store fares.
    pub fn store_info(&self) -> Option<StoreInfo> {
        self.archive.as_ref().map(Archive::info)
    }

    /// The server stops: what is to be stored is all there.
    pub fn close_store(&mut self) {
        if self.ended.is_none()
            && let Some(Err(error)) = self.set.as_deref_mut().map(VariantSet::finish)
        {
            tracing::debug!("the last segment of a set is lost: {error}");
        }
        self.follow();
        self.archive = None;
    }

    fn join(&mut self, place: u8, stream: &Stream, config: &AppConfig) -> u64 {
        if self.set.is_none() {
            self.begin(stream.counter(true), config, false);
        }
        if self.archive.is_none() {
            let store = stream.store();
            self.archive = store.map(|store: &Arc<Store>| Archive::begin(store, stream.path()));
        }
        if let Some(Err(error)) = self.set.as_mut().map(|set| set.join(place)) {
            tracing::debug!("a variant cannot join: {error}");
        }
        self.follow();
        (self.lost, self.ended) = (None, None);
        let token = self.tokens.get_mut(usize::from(place));
        token.map_or(0, |token| {
            *token += 1;
            *token
        })
    }

    /// Waits, after a restart, for the sources that it had.
    pub fn restore(&mut self, counter: Counter, config: &AppConfig) {
        self.begin(counter, config, true);
        self.lost = Some(Instant::now());
    }

    fn begin(&mut self, mut counter: Counter, config: &AppConfig, goes_on: bool) {
        let mut hls = config.hls.clone();
        counter.begin(&mut hls, goes_on);
        let count = u8::try_from(config.hls_variants.len().min(MOST)).unwrap_or(u8::MAX);
        self.set = Some(Box::new(VariantSet::new(count, hls, &config.limits)));
        self.counter = Some(counter);
    }

    /// What was made goes to the store, and numbers are set aside for what is to come.
    fn follow(&mut self) {
        if let Some((archive, set)) = self.archive.as_mut().zip(self.set.as_mut()) {
            archive.follow(set.muxer_mut());
        }
        if let Some((set, counter)) = self.set.as_ref().zip(self.counter.as_mut()) {
            counter.follow(set.muxer().position());
        }
    }

    /// Nobody waits for it any more.
    fn end(&mut self, now: Instant) {
        if let Some(Err(error)) = self.set.as_deref_mut().map(VariantSet::finish) {
            tracing::debug!("the last segment of a set is lost: {error}");
        }
        self.follow();
        if let Some((set, counter)) = self.set.as_ref().zip(self.counter.as_mut()) {
            counter.end(set.muxer().position());
        }
        (self.lost, self.ended) = (None, Some(now));
    }

    fn leave(&mut self, place: u8, may_return: bool, now: Instant) {
        let Some(set) = &mut self.set else { return };
        if let Err(error) = set.leave(place) {
            tracing::debug!("the last segment of a variant is lost: {error}");
        }
        let is_live = set.is_live();
        self.follow();
        if is_live {
            return;
        }
        if may_return {
            self.lost = Some(now);
        } else {
            self.end(now);
        }
    }

    /// Ends what nobody came back to, and forgets what ended long ago. Says whether something ended.
    pub fn tidy(&mut self, now: Instant, config: &AppConfig) -> bool {
        let past = |since: Option<Instant>, time: Duration| {
            since.is_some_and(|since| now.saturating_duration_since(since) >= time)
        };
        if past(self.lost, config.hls_reconnect) {
            self.end(now);
            return true;
        }
        if past(self.ended, config.hls_linger) {
            *self = Self { tokens: self.tokens, ..Self::default() };
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
        let changed = set.muxer().version() != version;
        if changed {
            self.follow();
        }
        changed
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
        let token = set.set().join(place, &set, config);
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
