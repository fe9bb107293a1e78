//! `SegmentTimeline`: exact times in runs of equal segments (ISO/IEC 23009-1 5.3.9.6).

use super::Segment;
use super::xml::Xml;

/// Equal segments without a gap between them: one `S`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: u64,
    pub(super) duration: u64,
    /// Segments after the first.
    pub(super) repeats: u64,
    /// Whether the start must be said: it does not follow from what stands before.
    pub(super) told: bool,
}

impl Run {
    const fn end(&self) -> u64 {
        self.start.saturating_add(self.duration.saturating_mul(self.repeats.saturating_add(1)))
    }
}

pub(super) fn runs(segments: &[Segment]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for segment in segments {
        let follows = runs.last().is_some_and(|last| last.end() == segment.start);
        match runs.last_mut() {
            Some(last) if follows && last.duration == segment.duration => last.repeats += 1,
            _ => runs.push(Run {
                start: segment.start,
                duration: segment.duration,
                repeats: 0,
                told: !follows,
            }),
        }
    }
    runs
}

pub(super) fn write(xml: &mut Xml, segments: &[Segment]) {
    xml.element(
        "SegmentTimeline",
        |_| {},
        |xml| {
            for run in runs(segments) {
                xml.empty("S", |s| {
                    s.option("t", run.told.then_some(run.start));
                    s.set("d", run.duration);
                    s.option("r", Some(run.repeats).filter(|&repeats| repeats > 0));
                });
            }
        },
    );
}
