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

#[cfg(test)]
mod tests {
    use super::*;

    fn track(kind: Kind, hashes: &str) -> Track {
        let packets = (0..).zip(hashes.chars()).map(|(index, hash)| Packet {
            pts: index * 33 * MILLISECOND,
            dts: index * 33 * MILLISECOND,
            size: 100,
            hash: hash.to_string(),
            key: index == 0,
        });
        Track { kind, codec: "h264".into(), packets: packets.collect() }
    }

    fn fault(sent: &[Track], got: &[Track], extent: Extent) -> String {
        compare(sent, got, extent).fault.unwrap_or_default()
    }

    #[test]
    fn planted_faults_are_found() {
        let sent = [track(Kind::Video, "abcd"), track(Kind::Audio, "wxyz")];
        let whole = |got: &[Track]| fault(&sent, got, Extent::Whole);
        assert_eq!(whole(&sent), "");
        let [video, audio] = sent.clone();
        assert!(whole(std::slice::from_ref(&video)).starts_with("audio 1 (h264): 0 packets"));
        assert!(whole(&[track(Kind::Video, "abc"), audio.clone()]).contains("3 packets, wanted 4"));
        assert!(whole(&[track(Kind::Video, "abbd"), audio.clone()]).contains("packet 2"));
        assert!(whole(&[video.clone(), audio.clone(), audio.clone()]).contains("not sent"));
        let mut late = video.clone();
        late.packets[2].pts += 2 * MILLISECOND;
        assert!(whole(&[late, audio.clone()]).contains("presentation time"));
        let other = Track { codec: "av1".into(), ..video };
        assert!(whole(&[other, audio]).contains("came as av1"));
    }

    #[test]
    fn a_player_that_comes_later_gets_all_to_the_end() {
        let sent = [track(Kind::Video, "abcd")];
        let late = |hashes| fault(&sent, &[track(Kind::Video, hashes)], Extent::ToTheEnd);
        assert_eq!(late("bcd"), "");
        assert!(late("bc").contains("the last 1 are missing"));
        assert!(late("bd").contains("packet 1"));
        assert!(late("").contains("no packet"));
    }
}
