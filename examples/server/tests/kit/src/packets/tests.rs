//! Planted faults are caught: a comparer that lets one through proves nothing.

use super::*;

fn audio(count: usize) -> Vec<Packet> {
    (0..count)
        .map(|index| {
            let time = i64::try_from(index).expect("small") * 1024 * 1_000_000_000 / 48_000;
            Packet { pts: time, dts: time, size: 300, hash: format!("MD5:{index}"), key: true }
        })
        .collect()
}

#[test]
fn equal_lists_are_equal() {
    let source = audio(200);
    assert_eq!(same_packets(&source, &source), Ok(()));
    assert_eq!(same_times(&source, &source, 0), Ok(()));
    assert_eq!(on_sample_grid(&source, 48_000, 1024), Ok(()));
    assert_eq!(run_of(&source, &source[50..]), Ok(50..200));
}

#[test]
fn a_missing_packet_is_caught_wherever_it_stood() {
    let source = audio(200);
    for missing in [0, 100, 199] {
        let mut got = source.clone();
        got.remove(missing);
        assert!(same_packets(&source, &got).is_err(), "packet {missing}");
    }
    let mut got = source[50..].to_vec();
    got.remove(40);
    assert!(run_of(&source, &got).is_err());
}

#[test]
fn a_repeated_packet_is_caught() {
    let source = audio(200);
    let mut got = source.clone();
    got.insert(100, source[100].clone());
    assert!(same_packets(&source, &got).is_err());
    assert!(run_of(&source, &got).is_err());
    let mut got = source.clone();
    got.push(source[199].clone());
    assert!(same_packets(&source, &got).is_err());
}

#[test]
fn a_swapped_order_is_caught() {
    let source = audio(200);
    let mut got = source.clone();
    got.swap(100, 101);
    assert!(same_packets(&source, &got).is_err());
    assert!(run_of(&source, &got).is_err());
}

#[test]
fn a_wrong_byte_is_caught() {
    let source = audio(200);
    let mut got = source.clone();
    got[7].hash = "MD5:other".into();
    assert!(same_packets(&source, &got).is_err());
}

#[test]
fn two_milliseconds_are_caught_in_either_time() {
    let source = audio(200);
    let mut late = source.clone();
    late[100].dts += 2 * MILLISECOND;
    assert!(same_times(&source, &late, MILLISECOND).is_err());
    let mut late = source.clone();
    late[100].pts -= 2 * MILLISECOND;
    assert!(same_times(&source, &late, MILLISECOND).is_err());
    assert!(on_sample_grid(&late, 48_000, 1024).is_err());
}

#[test]
fn a_shifted_track_is_caught_by_the_start_offset() {
    let source = Listing { video: audio(10), audio: audio(10), sample_rate: 48_000 };
    assert_eq!(same_start_offset(&source, &source), Ok(()));
    let mut got = source.clone();
    got.audio.iter_mut().for_each(|packet| packet.pts += 2 * MILLISECOND);
    assert!(same_start_offset(&source, &got).is_err());
    got.audio.clear();
    assert!(same_start_offset(&source, &got).is_err());
}

#[test]
fn rounded_milliseconds_that_add_up_are_caught() {
    let mut got = audio(200);
    for (index, packet) in (0_i64..).zip(&mut got) {
        packet.pts = index * 21 * MILLISECOND;
    }
    assert!(on_sample_grid(&got, 48_000, 1024).is_err());
}

#[test]
fn ticks_become_nanoseconds_without_loss() {
    let json = serde_json::json!({
        "streams": [{"index": 0, "codec_type": "audio", "time_base": "1/44100", "sample_rate": "44100"}],
        "packets": [{"stream_index": 0, "pts": 1_323_008, "dts": 1024, "size": "9", "flags": "K__", "data_hash": "MD5:a"}],
    });
    let listing = listing(&json).expect("whole");
    assert_eq!(listing.audio[0].pts, 30_000_181_405);
    assert_eq!(listing.audio[0].dts, 23_219_954);
    assert_eq!(listing.sample_rate, 44_100);
}
