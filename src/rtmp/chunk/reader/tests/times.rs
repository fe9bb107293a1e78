//! Timestamps on the wire.

use super::*;

/// A sender that repeats the extended timestamp in type-3 chunks or not, with messages of 300 bytes in chunks of
/// `size`, from 0xFFFFF0 on, in steps of 10 ms.
fn sender(repeats: bool, size: usize, absolute: bool) -> (Vec<u8>, Vec<u32>) {
    let mut bytes = set_chunk_size(u32::try_from(size).unwrap());
    let mut expected = vec![0];
    for at in 0..12_u32 {
        let time = 0xff_fff0 + at * 10;
        expected.push(time);
        let payload: Vec<u8> =
            (0..300_u32).map(|byte| u8::try_from((byte * 7 + at) % 251).unwrap()).collect();
        let is_full = absolute || at == 0;
        let extended = is_full && time >= 0xff_ffff;
        bytes.extend(if is_full { full(time, 300) } else { delta(10, 300) });
        for (index, chunk) in payload.chunks(size).enumerate() {
            if index > 0 {
                bytes.push(0xc4);
                if extended && repeats {
                    bytes.extend_from_slice(&time.to_be_bytes());
                }
            }
            bytes.extend_from_slice(chunk);
        }
    }
    (bytes, expected)
}

#[test]
fn a3_01_extended_timestamp_from_0xffffff_on() {
    assert_eq!(times(&[full(0xff_fffe, 1), vec![1]].concat()), [0xff_fffe]);
    assert_eq!(times(&[full(0xff_ffff, 1), vec![1]].concat()), [0xff_ffff]);
    assert_eq!(times(&[full(0x0100_0000, 1), vec![1]].concat()), [0x0100_0000]);
    // The field may be used for a value that would not need it.
    assert_eq!(
        times(&[&[4, 255, 255, 255, 0, 0, 1, 9, 1, 0, 0, 0, 0, 0, 0, 77][..], &[1]].concat()),
        [77]
    );
}

#[test]
fn a3_02_extended_field_of_types_1_and_2_is_a_delta() {
    let bytes = [full(1000, 1), vec![1], delta(0x0100_0000, 1), vec![2]].concat();
    assert_eq!(times(&bytes), [1000, 0x0100_03e8]);
    let short = [0x84, 255, 255, 255, 1, 0, 0, 0, 3];
    assert_eq!(times(&[full(1000, 1), vec![1], short.to_vec()].concat()), [1000, 0x0100_03e8]);
}

#[test]
fn a3_03_a3_06_streams_run_through_4_h_39_min_with_either_kind_of_sender() {
    for repeats in [true, false] {
        for size in [128, 4096] {
            for absolute in [true, false] {
                let (bytes, expected) = sender(repeats, size, absolute);
                let read = messages(&bytes);
                let times: Vec<u32> = read.iter().map(|message| message.timestamp).collect();
                assert_eq!(
                    times, expected,
                    "repeats {repeats}, chunks of {size}, absolute {absolute}"
                );
                for (at, message) in read.iter().skip(1).enumerate() {
                    let first = u8::try_from(at % 251).unwrap();
                    assert_eq!((message.payload.len(), message.payload[0]), (300, first));
                    assert_eq!(message.payload[299], u8::try_from((299 * 7 + at) % 251).unwrap());
                }
            }
        }
    }
}

#[test]
fn a3_04_the_way_of_the_sender_is_locked_after_agreeing_chunks() {
    let (bytes, _) = sender(false, 32, true);
    let mut reader = reader();
    let mut input = &bytes[..];
    while reader.poll_message(Micros::ZERO, &mut input).unwrap().is_some() {}
    assert_eq!(
        reader.notices.take(),
        [Notice::ChunkSizeSmall, Notice::ExtendedTimestampNotRepeated]
    );
    // Payload that looks like the timestamp is payload now.
    let time = 0x0100_0000_u32;
    let mut look_alike = [full(time, 40), vec![1; 32], vec![0xc4]].concat();
    look_alike.extend_from_slice(&time.to_be_bytes());
    look_alike.extend_from_slice(&[9; 4]);
    let message = reader.poll_message(Micros::ZERO, &mut &look_alike[..]).unwrap().unwrap();
    assert_eq!(message.payload[32..], [1, 0, 0, 0, 9, 9, 9, 9]);
}

#[test]
fn a3_04_modes_can_be_named() {
    let time = 0x0100_0000_u32;
    let bytes = [&full(time, 132)[..], &[1; 128], &[0xc4, 9, 9, 9, 9], &[5; 4]].concat();
    let read = |mode| {
        let mut reader = reader();
        reader.set_extended_timestamp_mode(mode);
        read_with(reader, &[&bytes[..]]).0.first().map(|message| message.payload[128..].to_vec())
    };
    assert_eq!(read(ExtendedTimestampMode::Repeated), Some(vec![5; 4]));
    assert_eq!(read(ExtendedTimestampMode::NotRepeated), Some(vec![9; 4]));
    assert_eq!(read(ExtendedTimestampMode::Detect), Some(vec![9; 4]));
}

#[test]
fn a3_04_a_short_last_chunk_does_not_wait_for_the_next_one() {
    let bytes = [&full(0x0100_0000, 130)[..], &[1; 128], &[0xc4, 7, 8]].concat();
    assert_eq!(messages(&bytes)[0].payload[128..], [7, 8]);
}

#[test]
fn a3_04_bytes_that_begin_like_the_timestamp_are_payload_at_every_split() {
    // One byte of payload is left and the next header starts like the rest of the timestamp.
    let time = 0x01c4_4400_u32;
    for tail in [&[0xc4, 1, 9, 8, 7][..], &[0xc4, 1, 0xc4, 9, 8], &[0xc4, 1, 0xc4, 0x44, 9]] {
        let len = 128 + tail.len() - 1;
        let bytes = [&full(time, len)[..], &[1; 128], tail].concat();
        assert_eq!(messages(&bytes)[0].payload[128..], tail[1..]);
    }
    // 01 is the last byte of payload; C4 44 .. are a type-3 chunk of one byte and a type-1 header.
    let bytes =
        [&full(time, 129)[..], &[1; 128], &[0xc4, 1], &delta(1, 1), &[5], &[0xc4, 6]].concat();
    let read = messages(&bytes);
    assert_eq!(read.iter().map(|m| m.timestamp).collect::<Vec<_>>(), [time, time + 1, time + 2]);
}

#[test]
fn a3_05_type_3_that_starts_a_message_repeats_the_delta_or_the_time() {
    let big = 0x0100_0000_u32;
    let start = [full(5, 1), vec![1], delta(big, 1), vec![2, 0xc4]].concat();
    for repeated in [big, 5 + big, 5 + 2 * big] {
        let bytes = [&start[..], &repeated.to_be_bytes(), &[3]].concat();
        assert_eq!(times(&bytes), [5, 5 + big, 5 + 2 * big]);
    }
    let read = messages(&[&start[..], &[3]].concat());
    assert_eq!((read[2].timestamp, &read[2].payload[..]), (5 + 2 * big, &[3][..]));
}

#[test]
fn a3_08_a_wrapped_delta_runs_backwards() {
    let bytes =
        [full(1000, 1), vec![1], delta(0xffff_fff0, 1), vec![2], delta(30, 1), vec![3]].concat();
    assert_eq!(times(&bytes), [1000, 984, 1014]);
}

#[test]
fn a3_10_a3_11_time_wraps_at_2_to_the_32_without_a_panic() {
    let bytes = [full(0xffff_fff0, 1), vec![1], delta(32, 1), vec![2], vec![0xc4, 3]].concat();
    assert_eq!(times(&bytes), [0xffff_fff0, 16, 48]);
}
