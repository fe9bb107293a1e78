//! The numbers of one stream.

use std::sync::Arc;

use streamcore::hls::{MuxerConfig, Position};

use super::{Key, Numbering};
use crate::clock::unix_millis;

/// Segments that are set aside at once. After a restart so many numbers may be missing, each of which is a segment's time to players.
const SEGMENTS: u64 = 6;
/// With so few left, more are set aside.
const FEW: u64 = 2;
/// Numbers in names are past any that were used, and no player counts them.
const NAMES: u64 = 1000;

/// Numbers a stream's muxers, one after the other.
#[derive(Debug)]
pub struct Counter {
    all: Arc<Numbering>,
    key: Key,
    /// Up to where numbers may be used, as far as this run has set any aside.
    reserved: Option<Position>,
}

impl Counter {
    pub(super) const fn new(all: Arc<Numbering>, key: Key) -> Self {
        Self { all, key, reserved: None }
    }

    /// Numbers a muxer past all that the stream had before: its playlists go on, and no name stands for two contents. One that `goes_on` where players
    /// are waiting keeps the target duration, too.
    pub fn begin(&mut self, config: &mut MuxerConfig, goes_on: bool) {
        let before = self.all.get(&self.key).map(|row| row.at).unwrap_or_default();
        config.first_sequence = before.sequence;
        // A name past one that was used is a gap in the epoch that players know.
        (config.goes_on, config.first_discontinuity) = (goes_on, before.discontinuity);
        if !goes_on && before.sequence > 0 {
            config.first_discontinuity += 1;
        }
        // A database that was lost must not bring names back.
        config.first_name = Some(unix_millis().max(before.name));
        if let Some(dash) = &mut config.dash {
            dash.availability_start = before.availability_start;
        }
        if goes_on {
            config.max_segment_duration = before.target_duration.or(config.max_segment_duration);
        }
    }

    /// Takes in where a live muxer has come to, and sets more numbers aside where few are left.
    pub fn follow(&mut self, at: Position) {
        let is_enough = |reserved: &Position| {
            reserved.sequence >= at.sequence.saturating_add(FEW)
                && reserved.discontinuity == at.discontinuity
                && reserved.name >= at.name.saturating_add(FEW)
                && (at.availability_start, at.target_duration)
                    == (reserved.availability_start, reserved.target_duration)
        };
        if self.reserved.as_ref().is_some_and(is_enough) {
            return;
        }
        let mut reserved = at;
        reserved.sequence = at.sequence.saturating_add(SEGMENTS);
        reserved.name = at.name.saturating_add(NAMES);
        self.reserved = Some(reserved);
        self.all.set(&self.key, reserved, true);
    }

    /// The stream is over: its playlists are closed, and nobody waits for it. Another broadcast goes on right behind.
    pub fn end(&mut self, at: Position) {
        self.reserved = None;
        self.all.set(&self.key, at, false);
    }
}
