//! The HLS of a stream, over all its publishers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streamcore::hls;

use crate::clock;
use crate::config::AppConfig;
use crate::origin::{Archive, Store};

#[derive(Debug, Default)]
pub(super) struct Hls {
    /// Whose units are taken.
    pub(super) token: u64,
    pub(super) muxer: Option<hls::Muxer>,
    /// The length of segments that is asked for.
    pub(super) wanted: Duration,
    /// Length of a part, as the muxer was made.
    parts: Option<Duration>,
    /// The muxer's way to the store.
    pub(super) archive: Option<Archive>,
    /// When the publisher was cut off.
    pub(super) lost: Option<Instant>,
    pub(super) ended: Option<Instant>,
}

impl Hls {
    /// Starts HLS, going on with the numbers of an earlier publisher where players may know them.
    pub(super) fn start(
        &mut self,
        (path, store): (&str, Option<&Arc<Store>>),
        config: &AppConfig,
        token: u64,
    ) {
        // What has ended goes on only as it was; what players wait for does in any case.
        let fits = self.ended.is_none() || self.parts == config.hls.part_duration;
        (self.lost, self.ended, self.token) = (None, None, token);
        self.wanted = config.hls.target_duration;
        let resumed = fits && self.muxer.as_mut().is_some_and(|muxer| muxer.resume().is_ok());
        if !resumed {
            let mut hls = config.hls.clone();
            clock::number(&mut hls);
            self.parts = hls.part_duration;
            self.muxer = Some(hls::Muxer::new(hls, &config.limits));
            self.archive = store.map(|store| Archive::begin(store, path));
        }
    }

    /// What there is ends, and the playlists stay open (E1-09).
    pub(super) fn pause(&mut self, now: Instant) {
        if let Some(Err(error)) = self.muxer.as_mut().map(hls::Muxer::handle_discontinuity) {
            tracing::debug!("the last HLS segment is lost: {error}");
        }
        self.follow();
        self.lost = Some(now);
    }

    pub(super) fn end(&mut self, now: Instant) {
        if let Some(Err(error)) = self.muxer.as_mut().map(hls::Muxer::finish) {
            tracing::debug!("the last HLS segment is lost: {error}");
        }
        self.follow();
        (self.lost, self.ended) = (None, Some(now));
    }

    /// What was made last goes to the store.
    fn follow(&mut self) {
        if let Some((archive, muxer)) = self.archive.as_mut().zip(self.muxer.as_mut()) {
            archive.follow(muxer);
        }
    }
}
