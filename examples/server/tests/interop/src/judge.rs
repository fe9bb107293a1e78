//! What was sent beside what came.

use kit::packets::{self, Kind, MILLISECOND, Packet, Track};

/// How much has to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All.
    Whole,
    /// All from some key frame on, and the sound from about there.
    ToTheEnd,
}

/// The outcome of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Packets of each track that was sent.
    pub sent: Vec<usize>,
    /// Packets of each of these tracks that came.
    pub received: Vec<usize>,
    /// What differs.
    pub fault: Option<String>,
}

/// Compares sizes, hashes and times of all packets of all tracks.
pub fn compare(sent: &[Track], got: &[Track], extent: Extent) -> Comparison {
    let mut result = Comparison::default();
    for kind in [Kind::Video, Kind::Audio] {
        let sent = sent.iter().filter(|track| track.kind == kind);
        let mut got = got.iter().filter(|track| track.kind == kind);
        for (number, sent) in (1..).zip(sent) {
            let empty = Track { kind, codec: String::new(), packets: Vec::new() };
            let got = got.next().unwrap_or(&empty);
            result.sent.push(sent.packets.len());
            result.received.push(got.packets.len());
            if let Err(fault) = same(sent, got, extent) {
                let place = format!("{kind:?} {number} ({})", sent.codec).to_lowercase();
                result.fault.get_or_insert(format!("{place}: {fault}"));
            }
        }
        let more = got.count();
        if more > 0 {
            result.fault.get_or_insert(format!("{more} {kind:?} tracks that were not sent"));
        }
    }
    result
}

fn same(sent: &Track, got: &Track, extent: Extent) -> Result<(), String> {
    if sent.codec != got.codec && !got.codec.is_empty() {
        return Err(format!("came as {}", got.codec));
    }
    let (sent, got): (&[Packet], &[Packet]) = (&sent.packets, &got.packets);
    let sent = match extent {
        Extent::Whole => {
            packets::same_packets(sent, got)?;
            sent
        }
        Extent::ToTheEnd => {
            let run = packets::run_of(sent, got)?;
            if run.end != sent.len() {
                return Err(format!("the last {} are missing", sent.len() - run.end));
            }
            sent.get(run).unwrap_or_default()
        }
    };
    packets::same_times(sent, got, MILLISECOND)
}
