use bytes::Bytes;

use super::*;
use crate::limits::Limits;
use crate::rtmp::chunk::Reader;
use crate::time::Micros;

fn message(timestamp: u32, payload: &[u8]) -> Message {
    Message { type_id: 9, stream_id: 1, timestamp, payload: Bytes::copy_from_slice(payload) }
}

fn write(writer: &mut Writer, message: &Message) -> Vec<u8> {
    let mut out = Chain::new();
    writer.write(7, message, &mut out).unwrap();
    out.to_bytes().to_vec()
}

fn formats(times: &[u32]) -> Vec<u8> {
    let mut writer = Writer::new();
    times.iter().map(|&time| write(&mut writer, &message(time, b"x"))[0] >> 6).collect()
}

fn read(bytes: &[u8]) -> Vec<Message> {
    let (mut reader, mut input) = (Reader::new(&Limits::default()), bytes);
    std::iter::from_fn(|| reader.poll_message(Micros::ZERO, &mut input).unwrap()).collect()
}

#[test]
fn a2_11_a_message_behind_a_type_0_header_never_starts_with_type_3() {
    assert_eq!(formats(&[40, 40, 40]), [0, 2, 3]);
    assert_eq!(formats(&[40, 80, 120, 160]), [0, 2, 3, 3]);
    assert_eq!(formats(&[0, 0, 0]), [0, 2, 3]);
}

#[test]
fn a3_09_time_that_runs_backwards_or_far_starts_with_type_0() {
    assert_eq!(formats(&[100, 99, 99]), [0, 0, 2]);
    assert_eq!(formats(&[0, 0x00ff_fffe, 0x01ff_fffd]), [0, 2, 0]);
    assert_eq!(formats(&[u32::MAX, 5]), [0, 2], "forward over the wrap");
}

#[test]
fn headers_say_only_what_changed() {
    let mut writer = Writer::new();
    let lens = [("aa", 0), ("bb", 40), ("cc", 80), ("ccc", 120), ("ddd", 160)];
    let lens: Vec<usize> = lens
        .map(|(body, time)| write(&mut writer, &message(time, body.as_bytes())).len() - body.len())
        .into();
    assert_eq!(lens, [12, 4, 1, 8, 1]);
    let other = Message { stream_id: 2, ..message(200, b"ddd") };
    assert_eq!(write(&mut writer, &other)[0] >> 6, 0);
}

#[test]
fn a2_16_continuations_carry_the_whole_basic_header() {
    for (csid, basic) in
        [(7, vec![0xc7]), (64, vec![0xc0, 0]), (319, vec![0xc0, 255]), (320, vec![0xc1, 0, 1])]
    {
        let mut out = Chain::new();
        Writer::new().write(csid, &message(0, &[9; 130]), &mut out).unwrap();
        let bytes = out.to_bytes();
        assert_eq!(bytes[bytes.len() - 2 - basic.len()..bytes.len() - 2], basic, "{csid}");
        assert_eq!(read(&bytes), [message(0, &[9; 130])]);
    }
}

#[test]
fn a3_01_a3_03_extended_timestamps_are_written_at_0xffffff_and_repeated() {
    assert_eq!(write(&mut Writer::new(), &message(0xff_fffe, b"")).len(), 12);
    assert_eq!(write(&mut Writer::new(), &message(0xff_ffff, b"")).len(), 16);
    let bytes = write(&mut Writer::new(), &message(0x0100_0000, &[9; 400]));
    assert_eq!(bytes.len(), 16 + 400 + 3 * 5);
    assert_eq!(bytes[16 + 128..16 + 128 + 5], [0xc7, 1, 0, 0, 0]);
    assert_eq!(read(&bytes), [message(0x0100_0000, &[9; 400])]);
}

#[test]
fn a3_07_players_on_librtmp_get_no_repeated_timestamp() {
    let mut writer = Writer::new();
    writer.set_repeat_extended_timestamp(false);
    let bytes = write(&mut writer, &message(0x0100_0000, &[9; 400]));
    assert_eq!(bytes.len(), 16 + 400 + 3);
    assert_eq!(read(&bytes), [message(0x0100_0000, &[9; 400])]);
    let shared = SharedMessage::without_repeated_timestamp(&message(0x0100_0000, &[9; 400]), 128);
    assert_eq!(shared.chain().to_bytes(), bytes);
}

#[test]
fn large_payload_is_shared_with_the_message() {
    let message = message(0, &[9; 1000]);
    let shared = SharedMessage::new(&message, 300);
    let parts: Vec<&Bytes> = shared.chain().iter().collect();
    assert_eq!(parts.len(), 8);
    for (at, part) in parts.iter().skip(1).step_by(2).enumerate() {
        assert_eq!(part.as_ptr(), message.payload[at * 300..].as_ptr());
    }
    assert_eq!((shared.len(), shared.clone().chain().len()), (12 + 1000 + 3, 1015));
    assert_eq!(parts[2].as_ptr(), parts[4].as_ptr(), "one continuation header for all");
}

#[test]
fn a_shared_message_leaves_the_chunk_stream_ready_for_what_follows() {
    let mut writer = Writer::new();
    let mut out = Chain::new();
    let sent = [
        message(100, &[1; 200]),
        message(140, &[2; 200]),
        message(180, &[3; 200]),
        message(90, b""),
    ];
    writer.write(7, &sent[0], &mut out).unwrap();
    writer.write_shared(&SharedMessage::new(&sent[1], 128), &mut out).unwrap();
    writer.write(7, &sent[2], &mut out).unwrap();
    writer.write_shared(&SharedMessage::new(&sent[3], 128), &mut out).unwrap();
    assert_eq!(read(&out.to_bytes()), sent);
    assert!(writer.write_shared(&SharedMessage::new(&sent[0], 4096), &mut out).is_err());
}

#[test]
fn what_cannot_be_written_is_refused_and_nothing_is_added() {
    let mut out = Chain::new();
    let long = Message { payload: vec![0; 1 << 24].into(), ..message(0, b"") };
    assert!(Writer::new().write(7, &long, &mut out).is_err());
    assert!(SharedMessage::try_new(&long, 4096).is_err());
    for csid in [0, 1, 65_600] {
        assert!(Writer::new().write(csid, &message(0, b"x"), &mut out).is_err());
    }
    assert!(out.is_empty());
}
