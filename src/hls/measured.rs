//! What has been measured of a rendition's segments: the figures of its variant.

use super::segment::Segment;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    /// Highest bits a second of one segment.
    pub(super) peak: u64,
    pub(super) bits: u64,
    pub(super) micros: u64,
    pub(super) samples: u64,
}

impl Measured {
    pub(super) fn add(&mut self, segment: &Segment) {
        let (bits, micros) = (8 * segment.bytes() as u64, segment.micros());
        self.bits = self.bits.saturating_add(bits);
        self.micros = self.micros.saturating_add(micros);
        self.samples = self.samples.saturating_add(segment.samples() as u64);
        // A last remainder of a few frames says nothing about the rate.
        if micros >= 500_000 || self.peak == 0 {
            self.peak = self.peak.max(rate(bits, micros));
        }
    }

    pub(super) fn average(&self) -> u64 {
        rate(self.bits, self.micros)
    }

    /// Frames in a thousand seconds.
    pub(super) fn frame_rate(&self) -> u64 {
        rate(self.samples.saturating_mul(1000), self.micros)
    }
}

/// Units a second.
fn rate(count: u64, micros: u64) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000 / u128::from(micros.max(1))).unwrap_or(u64::MAX)
}
