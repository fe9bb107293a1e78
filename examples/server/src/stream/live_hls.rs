//! The HLS of a stream, over all its publishers: its muxer, whose numbers go on, and the way to the store.

use std::time::{Duration, Instant};

use streamcore::hls;

use super::Stream;
use crate::config::AppConfig;
use crate::numbering::Counter;
use crate::origin::Archive;

#[derive(Debug, Default)]
pub(super) struct Hls {
    /// Whose units are taken.
    pub(super) token: u64,
    /// In a box: an application may be without.
    pub(super) muxer: Option<Box<hls::Muxer>>,
    /// The application of the last publisher has none.
    pub(super) is_off: bool,
    /// The length of segments that is asked for.
    pub(super) wanted: Duration,
    /// Length of a part, as the muxer was made.
    parts: Option<Duration>,
    /// The muxer's way to the store.
    pub(super) archive: Option<Archive>,
    /// Numbers that the muxer may use.
    counter: Option<Counter>,
    /// It waits since the server was started, for players who were there before.
    restored: bool,
    /// When the publisher was cut off.
    pub(super) lost: Option<Instant>,
    pub(super) ended: Option<Instant>,
}

impl Hls {
    /// Starts HLS, going on with the numbers of an earlier publisher where players may know them.
    pub(super) fn start(&mut self, stream: &Stream, config: &AppConfig, token: u64) {
        if !config.makes_hls {
            self.end(Instant::now());
            *self = Self { token, is_off: true, ..Self::default() };
            return;
        }
        // What has ended goes on only as it was; what players wait for does in any case.
        let fits = self.ended.is_none() || self.parts == config.hls.part_duration;
        (self.lost, self.ended, self.token) = (None, None, token);
        self.is_off = false;
        self.wanted = config.hls.target_duration;
        let resumed = fits && self.muxer.as_mut().is_some_and(|muxer| muxer.resume().is_ok());
        if !resumed {
            self.begin(stream.counter(false), config, false);
        }
        if std::mem::take(&mut self.restored) || !resumed {
            self.archive = stream.store.as_ref().map(|store| Archive::begin(store, &stream.path));
        }
        self.follow();
    }

    /// Waits, after a restart, for the publisher that it had.
    pub(super) fn restore(&mut self, counter: Counter, config: &AppConfig) {
        self.begin(counter, config, true);
        (self.restored, self.lost) = (true, Some(Instant::now()));
    }

    fn begin(&mut self, mut counter: Counter, config: &AppConfig, goes_on: bool) {
        let mut hls = config.hls.clone();
        counter.begin(&mut hls, goes_on);
        self.parts = hls.part_duration;
        self.muxer = Some(Box::new(hls::Muxer::new(hls, &config.limits)));
        self.counter = Some(counter);
    }

    /// What there is ends, and the playlists stay open (E1-09).
    pub(super) fn pause(&mut self, now: Instant) {
        if let Some(Err(error)) = self.muxer.as_deref_mut().map(hls::Muxer::handle_discontinuity) {
            tracing::debug!("the last HLS segment is lost: {error}");
        }
        self.follow();
        self.lost = Some(now);
    }

    /// Nobody waits for it any more.
    pub(super) fn end(&mut self, now: Instant) {
        self.finish();
        if let Some((counter, muxer)) = self.counter.as_mut().zip(self.muxer.as_ref()) {
            counter.end(muxer.position());
        }
        (self.lost, self.ended) = (None, Some(now));
    }

    /// The server stops: what is to be stored is all there.
    pub(super) fn close_store(&mut self) {
        if self.ended.is_none() {
            self.finish();
        }
        self.archive = None;
    }

    /// The playlists are closed.
    fn finish(&mut self) {
        if let Some(Err(error)) = self.muxer.as_deref_mut().map(hls::Muxer::finish) {
            tracing::debug!("the last HLS segment is lost: {error}");
        }
        self.follow();
    }

    /// What was made last goes to the store, and numbers are set aside for what is to come.
    pub(super) fn follow(&mut self) {
        if let Some((archive, muxer)) = self.archive.as_mut().zip(self.muxer.as_mut()) {
            archive.follow(muxer);
        }
        if let Some((counter, muxer)) = self.counter.as_mut().zip(self.muxer.as_ref()) {
            counter.follow(muxer.position());
        }
    }
}
