//! E-AC-3 frames of fewer than six blocks, joined to samples of six (ETSI TS 102 366 F.6).

use std::collections::VecDeque;

use bytes::BytesMut;

use crate::codec::eac3;
use crate::media::AccessUnit;

/// Samples of six blocks.
const SAMPLE: u32 = 1536;
/// Frames of one block are the shortest; dependent substreams may come as units of their own.
const MOST_UNITS: usize = 64;

/// Makes MP4 samples of E-AC-3 access units.
///
/// An encoder may send frames of one, two or three blocks; an MP4 sample has six. Give every unit of the track with
/// [`handle_unit`](Self::handle_unit), take samples with [`poll_unit`](Self::poll_unit), and at the end, or where the track
/// changes, call [`finish`](Self::finish) and take the rest. A unit of six blocks, which is what most encoders send,
/// goes through untouched; others are copied once. A sample that cannot be filled, because time was skipped, is shorter.
#[derive(Clone, Debug, Default)]
pub struct Eac3Samples {
    held: Option<Held>,
    ready: VecDeque<AccessUnit>,
}

#[derive(Clone, Debug)]
struct Held {
    first: AccessUnit,
    data: BytesMut,
    samples: u32,
    units: usize,
    /// Stream time between two units, once there are two.
    last: i64,
    step: Option<i64>,
}

impl Held {
    /// Whether a unit at `dts` comes far behind where the next one was due.
    fn is_behind(&self, dts: i64) -> bool {
        let step = dts.saturating_sub(self.last);
        step < 0 || self.step.is_some_and(|usual| step > usual.saturating_mul(3).max(1))
    }
}

impl Eac3Samples {
    /// Takes the next unit.
    pub fn handle_unit(&mut self, unit: AccessUnit) {
        let samples = eac3::unit_samples(&unit.data);
        if self.held.as_ref().is_some_and(|held| held.is_behind(unit.dts)) {
            self.finish();
        }
        if self.held.is_none() && (samples >= SAMPLE || samples == 0) {
            self.ready.push_back(unit);
            return;
        }
        let held = self.held.get_or_insert_with(|| Held {
            data: BytesMut::with_capacity(unit.data.len().saturating_mul(2)),
            samples: 0,
            units: 0,
            last: unit.dts,
            step: None,
            first: unit.clone(),
        });
        held.data.extend_from_slice(&unit.data);
        held.samples = held.samples.saturating_add(samples);
        held.step = held.step.or(Some(unit.dts.saturating_sub(held.last))).filter(|&step| step > 0);
        (held.last, held.units) = (unit.dts, held.units + 1);
        if held.samples >= SAMPLE || held.units >= MOST_UNITS {
            self.finish();
        }
    }

    /// Ends the sample that is being filled.
    pub fn finish(&mut self) {
        if let Some(held) = self.held.take() {
            self.ready.push_back(AccessUnit { data: held.data.freeze(), ..held.first });
        }
    }

    /// The next sample.
    pub fn poll_unit(&mut self) -> Option<AccessUnit> {
        self.ready.pop_front()
    }
}
