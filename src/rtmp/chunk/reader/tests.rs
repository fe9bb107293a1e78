use proptest::prelude::*;

use super::*;
use crate::buf::Chain;
use crate::error::ErrorKind;
use crate::rtmp::chunk::Writer;
use crate::testing::{Chop, generate, pieces};

fn reader() -> Reader {
    Reader::new(&Limits::default())
}

/// Reads pieces; the messages up to the first error, and the error.
fn read_with(mut reader: Reader, pieces: &[&[u8]]) -> (Vec<Message>, Option<Error>) {
    let mut messages = Vec::new();
    for mut piece in pieces.iter().copied() {
        loop {
            match reader.poll_message(Micros::ZERO, &mut piece) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        assert!(piece.is_empty());
    }
    (messages, None)
}

/// Reads whole, byte by byte and in random pieces: always the same.
fn read(bytes: &[u8]) -> (Vec<Message>, Option<Error>) {
    let whole = read_with(reader(), &[bytes]);
    for chop in [Chop::Every(1), Chop::Every(5), Chop::Random(1), Chop::Random(2)] {
        // Errors too: field, value and offset.
        assert_eq!(read_with(reader(), &pieces(bytes, chop)), whole, "{chop:?}");
    }
    whole
}

fn messages(bytes: &[u8]) -> Vec<Message> {
    let (messages, error) = read(bytes);
    assert_eq!(error, None);
    messages
}

fn times(bytes: &[u8]) -> Vec<u32> {
    messages(bytes).iter().map(|message| message.timestamp).collect()
}

fn failure(bytes: &[u8]) -> Error {
    read(bytes).1.unwrap()
}

/// A type-0 header on chunk stream 4: message type 9 on message stream 1.
fn full(time: u32, len: usize) -> Vec<u8> {
    let [_, t @ ..] = time.min(0xff_ffff).to_be_bytes();
    let [_, l @ ..] = u32::try_from(len).unwrap().to_be_bytes();
    let mut header = [&[4][..], &t, &l, &[9, 1, 0, 0, 0]].concat();
    if time >= 0xff_ffff {
        header.extend_from_slice(&time.to_be_bytes());
    }
    header
}

/// A type-1 header on chunk stream 4.
fn delta(delta: u32, len: usize) -> Vec<u8> {
    let [_, t @ ..] = delta.min(0xff_ffff).to_be_bytes();
    let [_, l @ ..] = u32::try_from(len).unwrap().to_be_bytes();
    let mut header = [&[0x44][..], &t, &l, &[9]].concat();
    if delta >= 0xff_ffff {
        header.extend_from_slice(&delta.to_be_bytes());
    }
    header
}

fn set_chunk_size(size: u32) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0][..], &size.to_be_bytes()].concat()
}

fn written(messages: &[Message], chunk_size: u32) -> Vec<u8> {
    let mut writer = Writer::new();
    let mut out = Chain::new();
    out.push(set_chunk_size(chunk_size).into());
    writer.set_chunk_size(chunk_size);
    for message in messages {
        writer.write(crate::rtmp::chunk::csid::of(message.type_id, 1), message, &mut out).unwrap();
    }
    out.to_bytes().to_vec()
}

mod headers {
    use super::*;

    #[test]
    fn a2_03_any_chunk_stream_id_works() {
        for csid in [2, 3, 33, 63, 64, 100, 319, 320, 5000, 65_599] {
            let mut out = Chain::new();
            let message =
                Message { type_id: 9, stream_id: 1, timestamp: 7, payload: vec![5; 300].into() };
            Writer::new().write(csid, &message, &mut out).unwrap();
            assert_eq!(messages(&out.to_bytes()), [message], "chunk stream {csid}");
        }
    }

    #[test]
    fn a2_04_f_05_chunk_streams_are_capped() {
        let mut bytes = Vec::new();
        for csid in 0..65_u8 {
            bytes.extend_from_slice(&[0x00, csid, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0]);
        }
        let (messages, error) = read(&bytes);
        assert_eq!(messages.len(), 64);
        let error = error.unwrap();
        assert_eq!((error.kind(), error.field()), (ErrorKind::LimitExceeded, "chunk streams"));
    }

    #[test]
    fn a2_06_type_1_may_open_a_chunk_stream_and_2_and_3_may_not() {
        let mut reader = reader();
        let bytes = [delta(40, 1), vec![7]].concat();
        let message = reader.poll_message(Micros::ZERO, &mut &bytes[..]).unwrap().unwrap();
        assert_eq!((message.stream_id, message.timestamp, &message.payload[..]), (0, 40, &[7][..]));
        assert_eq!(reader.notices.take(), [Notice::ChunkStreamWithoutFullHeader]);
        assert_eq!(failure(&[0x84, 0, 0, 1]).kind(), ErrorKind::Violation);
        assert_eq!(failure(&[0xc4]).kind(), ErrorKind::Violation);
    }

    #[test]
    fn a2_07_a_new_header_within_a_message_drops_the_part_and_never_splices() {
        let start = [full(0, 200), vec![1; 128]].concat();
        let restart = [full(5, 200), vec![2; 128], vec![0xc4], vec![2; 72]].concat();
        let read = messages(&[start.clone(), restart].concat());
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].payload, vec![2; 200]);
        // The same with a delta.
        let restart = [delta(5, 200), vec![3; 128], vec![0xc4], vec![3; 72]].concat();
        let read = messages(&[start, restart].concat());
        assert_eq!((read.len(), read[0].timestamp, &read[0].payload[..]), (1, 5, &[3; 200][..]));
    }

    #[test]
    fn a2_08_f_04_a_length_or_type_that_changes_within_a_message_is_refused() {
        let start = [full(0, 200), vec![1; 128]].concat();
        for header in [full(0, 10), full(0, 4000), delta(0, 199)] {
            let error = failure(&[start.clone(), header].concat());
            assert_eq!(error.field(), "message length or type within a message");
        }
        let mut other_type = full(0, 200);
        other_type[7] = 8;
        assert_eq!(failure(&[start, other_type].concat()).kind(), ErrorKind::Violation);
    }

    #[test]
    fn a2_09_type_3_starts_a_message_with_the_last_delta() {
        let bytes = [full(100, 1), vec![1], delta(40, 1), vec![2, 0xc4, 3, 0xc4, 4]].concat();
        assert_eq!(times(&bytes), [100, 140, 180, 220]);
        let bytes = [full(100, 1), vec![1], vec![0x84, 0, 0, 33, 2], vec![0xc4, 3]].concat();
        assert_eq!(times(&bytes), [100, 133, 166]);
    }

    #[test]
    fn a2_10_type_3_right_behind_type_0_follows_the_named_policy() {
        let read = |time: u32, policy| {
            let mut reader = reader();
            reader.set_repeat_after_full_header(policy);
            let bytes = [full(time, 1), vec![1, 0xc4, 2, 0xc4, 3]].concat();
            read_with(reader, &[&bytes])
                .0
                .iter()
                .map(|message| message.timestamp)
                .collect::<Vec<_>>()
        };
        assert_eq!(read(40, RepeatAfterFullHeader::Auto), [40, 80, 120]);
        assert_eq!(read(90_000, RepeatAfterFullHeader::Auto), [90_000; 3]);
        assert_eq!(read(90_000, RepeatAfterFullHeader::Timestamp), [90_000, 180_000, 270_000]);
        assert_eq!(read(40, RepeatAfterFullHeader::Zero), [40; 3]);
    }

    #[test]
    fn a2_13_type_id_comes_from_the_header_not_from_the_chunk_stream() {
        let mut audio = delta(0, 1);
        audio[7] = 8;
        let bytes = [full(0, 1), vec![1], audio, vec![2]].concat();
        let kinds: Vec<u8> = messages(&bytes).iter().map(|message| message.type_id).collect();
        assert_eq!(kinds, [9, 8]);
    }

    #[test]
    fn a2_14_interleaved_messages_on_two_chunk_streams() {
        let video = [&[4, 0, 0, 10, 0, 1, 44, 9, 1, 0, 0, 0][..], &[1; 128]].concat();
        let audio = [&[6, 0, 0, 11, 0, 0, 200, 8, 1, 0, 0, 0][..], &[2; 128]].concat();
        let control = [&[2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0][..], &[0, 0, 1, 0]].concat();
        let bytes = [
            video,
            audio,
            [&[0xc4][..], &[1; 128]].concat(),
            control,
            [&[0xc6][..], &[2; 72]].concat(),
            [&[0xc4][..], &[1; 44]].concat(),
        ]
        .concat();
        let expected = messages(&bytes);
        let summary: Vec<_> =
            expected.iter().map(|m| (m.type_id, m.timestamp, m.payload.to_vec())).collect();
        let control = (3, 0, vec![0, 0, 1, 0]);
        assert_eq!(summary, [control, (8, 11, vec![2; 200]), (9, 10, vec![1; 300])]);
        for first in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(first);
            assert_eq!(
                read_with(reader(), &[head, tail]),
                (expected.clone(), None),
                "cut at {first}"
            );
        }
        // Every pair of cuts, where the chunks of the two streams meet.
        for first in 130..300 {
            for second in first..300 {
                let cut = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(read_with(reader(), &cut).0.len(), 3, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn a2_15_control_messages_may_come_on_any_stream() {
        let bytes = [7, 0, 0, 0, 0, 0, 4, 1, 5, 0, 0, 0, 0, 0, 16, 0];
        let mut reader = reader();
        reader.poll_message(Micros::ZERO, &mut &bytes[..]).unwrap().unwrap();
        assert_eq!(reader.chunk_size(), 4096);
    }

    #[test]
    fn a2_17_an_empty_message_is_complete_at_once() {
        let bytes = [full(3, 0), delta(2, 0), vec![0xc4], delta(1, 1), vec![9]].concat();
        let read = messages(&bytes);
        assert_eq!(
            read.iter().map(|m| (m.timestamp, m.payload.len())).collect::<Vec<_>>(),
            [(3, 0), (5, 0), (7, 0), (8, 1)]
        );
    }

    #[test]
    fn a2_18_payload_of_whole_chunks_has_no_empty_chunk_behind_it() {
        for len in [127, 128, 129, 255, 256, 257, 384] {
            let message =
                Message { type_id: 9, stream_id: 1, timestamp: 0, payload: vec![1; len].into() };
            let bytes = written(&[message.clone(), message.clone()], 128);
            assert_eq!(messages(&bytes)[1..], [message.clone(), message], "{len} bytes");
        }
    }

    #[test]
    fn a2_19_a2_20_messages_are_capped_at_the_header_above_4_mib() {
        let error = failure(&full(0, (10 << 20) + 1));
        assert_eq!((error.kind(), error.field()), (ErrorKind::LimitExceeded, "message length"));
        let large =
            Message { type_id: 9, stream_id: 1, timestamp: 0, payload: vec![3; 5 << 20].into() };
        let (read, error) = read_with(reader(), &[&written(std::slice::from_ref(&large), 65_536)]);
        assert_eq!((read.last(), error), (Some(&large), None));
    }
}

mod memory {
    use super::*;

    #[test]
    fn f_02_memory_follows_the_bytes_received_not_the_header() {
        let mut reader = reader();
        let bytes = [set_chunk_size(0x7fff_ffff), full(0, 10 << 20), vec![1; 1000]].concat();
        let mut input = &bytes[..];
        while reader.poll_message(Micros::ZERO, &mut input).unwrap().is_some() {}
        assert_eq!(reader.reserved_bytes(), 512 << 10);
        let more = vec![1; 1 << 20];
        assert!(reader.poll_message(Micros::ZERO, &mut &more[..]).unwrap().is_none());
        assert!(reader.reserved_bytes() <= 2 * (more.len() + 1000), "{}", reader.reserved_bytes());
    }

    #[test]
    fn f_05_partial_messages_on_many_chunk_streams_share_one_budget() {
        let limits = Limits { reassembly_bytes: 2 << 20, ..Limits::default() };
        let mut bytes = Vec::new();
        for csid in 10..16 {
            bytes.extend_from_slice(&[csid, 0, 0, 0, 9, 0, 0, 9, 1, 0, 0, 0]);
            bytes.extend_from_slice(&[0; 128]);
        }
        let (_, error) = read_with(Reader::new(&limits), &[&bytes]);
        assert_eq!(error.unwrap().field(), "bytes of incomplete messages");
    }

    #[test]
    fn f_02_readers_share_the_memory_of_the_process() {
        let limits = Limits { budget: Budget::new(400_000), ..Limits::default() };
        let part = [full(0, 250_000), vec![1; 100]].concat();
        let (mut one, mut two) = (Reader::new(&limits), Reader::new(&limits));
        assert!(one.poll_message(Micros::ZERO, &mut &part[..]).unwrap().is_none());
        assert_eq!(limits.budget.held(), 250_000);
        let error = two.poll_message(Micros::ZERO, &mut &part[..]).unwrap_err();
        let told = (error.kind(), error.field(), error.offset());
        let whole = Some(part.len() as u64);
        assert_eq!(told, (ErrorKind::LimitExceeded, "memory budget of the process", whole));
        // The one that was refused goes, and there is room again.
        drop(two);
        assert_eq!(limits.budget.held(), 250_000);
        drop(one);
        assert_eq!(limits.budget.held(), 0);
    }

    #[test]
    fn messages_that_come_whole_never_touch_the_budget() {
        let limits = Limits { budget: Budget::new(0), ..Limits::default() };
        let bytes = [full(0, 100), vec![1; 100]].concat();
        let (read, error) = read_with(Reader::new(&limits), &[&bytes]);
        assert_eq!((read.len(), error), (1, None));
    }

    #[test]
    fn a4_03_f_03_chunk_size_1_is_legal_and_its_cost_is_capped() {
        let mut bytes = [set_chunk_size(1), full(0, 3)].concat();
        bytes.extend_from_slice(&[7, 0xc4, 8, 0xc4, 9]);
        assert_eq!(messages(&bytes)[1].payload, [7, 8, 9][..]);
        let error = failure(&[set_chunk_size(1), full(0, 1 << 20)].concat());
        assert_eq!(error.field(), "chunks in one message");
    }

    #[test]
    fn the_buffer_of_a_message_is_exactly_its_size() {
        for len in [1, 100, 65_535, 65_536, 65_537, 300_000] {
            let message =
                Message { type_id: 9, stream_id: 1, timestamp: 0, payload: vec![1; len].into() };
            let bytes = written(&[message], 4096);
            for chop in [Chop::Whole, Chop::Every(1460), Chop::Random(3)] {
                let (mut read, _) = read_with(reader(), &pieces(&bytes, chop));
                let vec = Vec::from(read.pop().unwrap().payload);
                assert_eq!((vec.len(), vec.capacity()), (len, len), "{chop:?}");
            }
        }
    }

    #[test]
    fn f_01_an_incomplete_message_or_header_is_known_with_its_age() {
        let mut reader = reader();
        assert_eq!(reader.incomplete_since(), None);
        let bytes = [full(0, 10), vec![1; 10]].concat();
        for (at, byte) in bytes.iter().enumerate() {
            let message = reader.poll_message(Micros(at as u64 + 5), &mut &[*byte][..]).unwrap();
            let expected = match at {
                0..=10 => Some(Micros(5)),
                11..=20 => Some(Micros(16)),
                _ => None,
            };
            assert_eq!(
                (reader.incomplete_since(), message.is_some()),
                (expected, at == 21),
                "byte {at}"
            );
        }
    }
}

mod times;

mod control {
    use super::*;

    fn chunk_size_after(size: u32) -> usize {
        let mut reader = reader();
        reader.poll_message(Micros::ZERO, &mut &set_chunk_size(size)[..]).unwrap();
        reader.chunk_size()
    }

    #[test]
    fn a4_01_large_chunk_sizes_are_clamped() {
        for size in [0x0100_0000, 134_217_728, 0x7fff_ffff] {
            assert_eq!(chunk_size_after(size), 0xff_ffff);
        }
        assert_eq!((chunk_size_after(1), chunk_size_after(65_536)), (1, 65_536));
    }

    #[test]
    fn a4_02_chunk_size_0_and_a_set_top_bit_are_errors() {
        for size in [0, 0x8000_0000, u32::MAX] {
            let error = failure(&set_chunk_size(size));
            assert_eq!((error.kind(), error.field()), (ErrorKind::Violation, "Set Chunk Size"));
        }
    }

    #[test]
    fn a4_04_chunk_size_holds_from_the_next_chunk_on_for_messages_in_progress() {
        let bytes = [
            full(0, 400),
            vec![1; 128],
            set_chunk_size(200),
            [&[0xc4][..], &[2; 200]].concat(),
            [&[0xc4][..], &[3; 72]].concat(),
        ]
        .concat();
        let read = messages(&bytes);
        assert_eq!(read[1].payload, [&[1; 128][..], &[2; 200], &[3; 72]].concat());
    }

    #[test]
    fn a4_07_short_control_messages_are_ignored() {
        for type_id in [1, 2] {
            let bytes = [2, 0, 0, 0, 0, 0, 3, type_id, 0, 0, 0, 0, 0, 0, 0];
            let mut reader = reader();
            assert!(reader.poll_message(Micros::ZERO, &mut &bytes[..]).unwrap().is_some());
            assert_eq!(
                (reader.notices.take(), reader.chunk_size()),
                (vec![Notice::ControlMessageShort], 128)
            );
        }
    }

    #[test]
    fn a4_08_abort_drops_the_part_and_keeps_the_header_state() {
        let abort =
            |csid: u8| [&[2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0][..], &[0, 0, 0, csid]].concat();
        let bytes = [
            full(100, 300),
            vec![1; 128],
            abort(9),
            abort(4),
            delta(40, 2),
            vec![5, 6],
            vec![0xc4, 7, 8],
        ]
        .concat();
        let read = messages(&bytes);
        let media: Vec<_> = read
            .iter()
            .filter(|m| m.type_id == 9)
            .map(|m| (m.timestamp, m.payload.to_vec()))
            .collect();
        assert_eq!(media, [(140, vec![5, 6]), (180, vec![7, 8])]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_at_any_chunk_size_and_split(
        seed in any::<u64>(),
        chunk_size in prop_oneof![1_u32..300, Just(4096), Just(65_536)],
    ) {
        let sent = generate::messages(seed, 40);
        let bytes = written(&sent, chunk_size);
        let (whole, error) = read_with(reader(), &[&bytes]);
        prop_assert_eq!(error, None);
        prop_assert_eq!(&whole[1..], &sent[..]);
        for chop in [Chop::Every(1), Chop::Random(seed)] {
            prop_assert_eq!(&read_with(reader(), &pieces(&bytes, chop)).0, &whole);
        }
    }

    #[test]
    fn f_10_f_11_random_bytes_never_panic_and_split_alike(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        read(&bytes);
    }

    #[test]
    fn damaged_streams_never_panic_and_split_alike(
        seed in any::<u64>(),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..10),
    ) {
        let mut bytes = written(&generate::messages(seed, 10), 128);
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        read(&bytes);
    }
}
