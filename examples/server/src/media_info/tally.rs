//! Adds up the access units of one track.

use super::{Bitrates, TrackInfo};

/// Stretches of bit rates that are told.
const STRETCHES: usize = 60;
/// Ticks are told apart by this many to the shortest stretch, and then by twice as many: a file of any length fits.
const SLOTS: usize = 1 << 12;

/// Times of one track in ticks, added up as the units come in decode order.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    samples: u64,
    bytes: u64,
    first_dts: Option<i64>,
    last_dts: i64,
    last_step: i64,
    first_pts: Option<i64>,
    end: i64,
    keys: u64,
    first_key: Option<i64>,
    last_key: i64,
    widest_key_gap: i64,
    narrowest_key_gap: Option<i64>,
    /// Bytes by decode time: ticks of a slot, and the bytes of each.
    slot: i64,
    slots: Vec<u64>,
    /// Units whose decode time is not after the one before.
    pub not_increasing: u64,
}

impl Tally {
    /// Takes one unit. `duration` is its length in ticks where the file says it.
    pub fn add(&mut self, dts: i64, pts: i64, duration: Option<i64>, size: u64, key: bool) {
        if self.first_dts.is_some() {
            self.last_step = dts.saturating_sub(self.last_dts);
            self.not_increasing += u64::from(self.last_step <= 0);
        }
        self.samples += 1;
        self.bytes += size;
        self.first_dts.get_or_insert(dts);
        self.last_dts = dts;
        self.count(dts, size);
        self.first_pts = Some(self.first_pts.map_or(pts, |first| first.min(pts)));
        self.end = self.end.max(pts.saturating_add(duration.unwrap_or(self.last_step)));
        if key {
            if self.keys > 0 {
                let gap = dts.saturating_sub(self.last_key);
                self.widest_key_gap = self.widest_key_gap.max(gap);
                let narrowest = self.narrowest_key_gap.map_or(gap, |least| least.min(gap));
                self.narrowest_key_gap = Some(narrowest);
            }
            self.keys += 1;
            self.first_key.get_or_insert(dts);
            self.last_key = dts;
        }
    }

    /// Puts bytes into the slot of their time.
    fn count(&mut self, dts: i64, size: u64) {
        // A thousandth of a second of the finest clock.
        self.slot = self.slot.max(1);
        let since = dts.saturating_sub(self.first_dts.unwrap_or(dts)).max(0);
        while usize::try_from(since / self.slot).map_or(true, |slot| slot >= SLOTS) {
            self.slot = self.slot.saturating_mul(2);
            self.slots = self.slots.chunks(2).map(|pair| pair.iter().sum()).collect();
        }
        let slot = usize::try_from(since / self.slot).unwrap_or(0);
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, 0);
        }
        self.slots[slot] += size;
    }

    /// Bit rates of stretches of whole seconds, for a clock of `timescale` ticks a second.
    fn bitrates(&self, timescale: u32, duration_s: f64) -> Bitrates {
        let stretches = STRETCHES as f64;
        let step = (duration_s / stretches).ceil().max(1.0);
        let count = (duration_s / step).ceil().clamp(0.0, stretches) as usize;
        let mut bytes = vec![0_u64; count];
        for (slot, size) in self.slots.iter().enumerate() {
            let second = (slot as f64 + 0.5) * self.slot as f64 / f64::from(timescale.max(1));
            if let Some(last) = count.checked_sub(1) {
                bytes[((second / step) as usize).min(last)] += size;
            }
        }
        let length = |at: usize| (duration_s - at as f64 * step).min(step);
        let kbps = |(at, bytes): (usize, &u64)| super::kbps(*bytes, length(at));
        Bitrates { step_s: step as u64, kbps: bytes.iter().enumerate().map(kbps).collect() }
    }

    /// Number of units.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// What was added up, for a track of `timescale` ticks a second whose times are moved by `shift_s` (an edit list).
    pub fn info(&self, kind: &str, codec: String, timescale: u32, shift_s: f64) -> TrackInfo {
        let seconds = |ticks: i64| ticks as f64 / f64::from(timescale.max(1));
        let start = self.first_pts.unwrap_or(0);
        let duration_s = round(seconds(self.end.saturating_sub(start).max(0)));
        let is_video = kind == "video";
        let span = self.last_dts.saturating_sub(self.first_dts.unwrap_or(0));
        let steps = self.samples.saturating_sub(1);
        let fps = (is_video && span > 0).then(|| frame_rate(steps as f64 / seconds(span)));
        let gaps = self.keys.saturating_sub(1);
        let key_span = self.last_key.saturating_sub(self.first_key.unwrap_or(0));
        let has_gaps = is_video && gaps > 0;
        TrackInfo {
            kind: kind.to_owned(),
            codec,
            width: 0,
            height: 0,
            fps,
            sample_rate: 0,
            channels: 0,
            samples: self.samples,
            bytes: self.bytes,
            start_s: round(seconds(start) + shift_s),
            duration_s,
            bitrate_kbps: super::kbps(self.bytes, duration_s),
            key_frame_interval_s: has_gaps.then(|| round(seconds(key_span) / gaps as f64)),
            key_frame_interval_min_s: self
                .narrowest_key_gap
                .filter(|_| has_gaps)
                .map(|gap| round(seconds(gap))),
            bitrate_over_time: self.bitrates(timescale, duration_s),
            key_frame_interval_max_s: has_gaps.then(|| round(seconds(self.widest_key_gap))),
        }
    }
}

/// To the microsecond.
fn round(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

/// A measured frame rate, taken for the usual one (30, 29.97, 23.976 …) that it is within the wire's rounding of.
pub fn frame_rate(measured: f64) -> f64 {
    let whole = measured.round();
    let near = |usual: f64| (measured - usual).abs() <= usual * 4e-4;
    match [whole, whole / 1.001].into_iter().find(|&usual| near(usual)) {
        Some(usual) => (usual * 1000.0).round() / 1000.0,
        None => (measured * 100.0).round() / 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_taken_for_the_usual_ones() {
        assert_eq!(frame_rate(30.004), 30.0);
        assert_eq!(frame_rate(29.9695), 29.97);
        assert_eq!(frame_rate(23.9768), 23.976);
        assert_eq!(frame_rate(59.94), 59.94);
        assert_eq!(frame_rate(17.34567), 17.35);
    }

    #[test]
    fn adds_up_rate_duration_and_key_frames() {
        let mut tally = Tally::default();
        for n in 0..91_i64 {
            tally.add(n * 1000, n * 1000 + 2000, None, 100, n % 30 == 0);
        }
        let info = tally.info("video", "avc1".into(), 30_000, 0.0);
        assert_eq!((info.samples, info.bytes, info.fps), (91, 9100, Some(30.0)));
        assert_eq!(
            (info.key_frame_interval_s, info.key_frame_interval_max_s),
            (Some(1.0), Some(1.0))
        );
        assert_eq!((info.start_s, info.duration_s), (0.066_667, 3.033_333));
        assert_eq!(info.bitrate_kbps, 24.0);
        assert_eq!(info.key_frame_interval_min_s, Some(1.0));
        assert_eq!(info.bitrate_over_time.step_s, 1);
        // The last of four stretches is a thirtieth of a second.
        assert_eq!(info.bitrate_over_time.kbps.len(), 4);
        assert!(info.bitrate_over_time.kbps[..3].iter().all(|kbps| (22.0..26.0).contains(kbps)));
        assert_eq!(tally.not_increasing, 0);
    }
}
