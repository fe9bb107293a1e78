use std::path::Path;

use streamcore::hls::{DashConfig, MuxerConfig};

use super::*;

async fn open(folder: &Path) -> Arc<Numbering> {
    Numbering::open(Store::open(folder, &[SCHEMA]).unwrap()).await.unwrap()
}

fn at(sequence: u64, discontinuity: u64) -> Position {
    let mut at = Position::default();
    (at.sequence, at.discontinuity, at.name) = (sequence, discontinuity, 2_000_000_000_000);
    (at.availability_start, at.target_duration) = (Some(77), Some(Duration::from_secs(4)));
    at
}

fn config() -> MuxerConfig {
    let mut config = MuxerConfig::default();
    config.dash = Some(DashConfig::default());
    config
}

#[tokio::test]
async fn e1_14_a_restart_goes_on_a_few_numbers_further() {
    let dir = tempfile::tempdir().unwrap();
    let numbering = open(dir.path()).await;
    let mut counter = numbering.counter("live/demo", false);
    let mut first = config();
    counter.begin(&mut first, false);
    assert_eq!((first.first_sequence, first.first_discontinuity), (0, 0));
    assert!(
        first.first_name.unwrap() > 1_700_000_000_000
            && first.dash.unwrap().availability_start.is_none()
    );
    for sequence in 1..=100 {
        counter.follow(at(sequence, 1));
    }
    numbering.flush().await;
    assert_eq!(numbering.left_live(), [Key { path: "live/demo".into(), is_set: false }]);
    drop((counter, numbering));

    let numbering = open(dir.path()).await;
    let mut next = config();
    numbering.counter("live/demo", true).begin(&mut next, false);
    assert_eq!(next.first_sequence, 0, "a set of that path counts for itself");
    let mut next = config();
    let mut counter = numbering.counter("live/demo", false);
    counter.begin(&mut next, true);
    assert!((102..=106).contains(&next.first_sequence), "{next:?}");
    assert_eq!((next.first_discontinuity, next.goes_on), (1, true));
    assert!(next.first_name.unwrap() > 2_000_000_000_000, "the clock may have run back");
    assert_eq!(next.max_segment_duration, Some(Duration::from_secs(4)));
    assert_eq!(next.dash.unwrap().availability_start, Some(77));
    // Once it has ended, nobody waits for it, and the next one begins right behind.
    counter.end(at(110, 5));
    numbering.flush().await;
    drop((counter, numbering));
    let numbering = open(dir.path()).await;
    assert!(numbering.left_live().is_empty());
    let mut next = config();
    numbering.counter("live/demo", false).begin(&mut next, false);
    assert_eq!((next.first_sequence, next.first_discontinuity), (110, 6));
    assert!(!next.goes_on);
    assert_eq!(next.max_segment_duration, None);
}

#[tokio::test]
async fn no_write_is_due_for_most_segments() {
    let dir = tempfile::tempdir().unwrap();
    let numbering = open(dir.path()).await;
    let mut counter = numbering.counter("live/demo", false);
    let mut writes = 0;
    for sequence in 1..=400 {
        counter.follow(at(sequence, 1));
        let key = Key { path: "live/demo".into(), is_set: false };
        let mut rows = numbering.rows();
        let row = rows.get_mut(&key).unwrap();
        assert!(row.at.sequence >= sequence + FEW_LEFT, "{sequence}: {row:?}");
        writes += u32::from(!std::mem::replace(&mut row.is_written, true));
    }
    assert!(writes <= 400 / 5 + 1, "{writes}");
}

/// Segments that may come before a write has to be on the disk.
const FEW_LEFT: u64 = 2;
