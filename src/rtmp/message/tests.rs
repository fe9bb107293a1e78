//! Bodies read as they were written.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::amf::{Value, amf0};
use crate::buf::Writer;
use crate::limits::Limits;
use crate::rtmp::chunk::Message;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (-1e9..1e9).prop_map(Value::Number),
        any::<bool>().prop_map(Value::Boolean),
        ".{0,12}".prop_map(Value::String),
        Just(Value::Null),
        Just(Value::Undefined),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        let fields = prop::collection::vec((".{1,8}", inner.clone()), 1..5);
        prop_oneof![
            fields.clone().prop_map(Value::Object),
            fields.prop_map(Value::EcmaArray),
            prop::collection::vec(inner, 0..5).prop_map(Value::StrictArray),
        ]
    })
}

fn command() -> impl Strategy<Value = Command> {
    let parts = ("[a-zA-Z@_]{1,20}", 0.0..1e6, value(), prop::collection::vec(value(), 0..4));
    parts.prop_map(|(name, id, object, arguments)| Command::new(&name, id, object, arguments))
}

fn control() -> impl Strategy<Value = Control> {
    let limit = prop::sample::select(vec![LimitType::Hard, LimitType::Soft, LimitType::Dynamic]);
    let user = (0_u8..8, any::<u32>(), any::<u32>()).prop_map(|(kind, a, b)| match kind {
        0 => UserControl::StreamBegin(a),
        1 => UserControl::StreamEof(a),
        2 => UserControl::StreamDry(a),
        3 => UserControl::SetBufferLength(a, b),
        4 => UserControl::StreamIsRecorded(a),
        5 => UserControl::PingRequest(a),
        6 => UserControl::PingResponse(a),
        _ => UserControl::Unknown(31),
    });
    prop_oneof![
        any::<u32>().prop_map(Control::SetChunkSize),
        any::<u32>().prop_map(Control::Abort),
        any::<u32>().prop_map(Control::Acknowledgement),
        any::<u32>().prop_map(Control::WindowAckSize),
        (any::<u32>(), limit).prop_map(|(size, limit)| Control::SetPeerBandwidth(size, limit)),
        user.prop_map(Control::User),
    ]
}

/// Type, time behind the first, body.
fn tags() -> impl Strategy<Value = Vec<(u8, u32, Vec<u8>)>> {
    let kind = prop::sample::select(vec![8_u8, 9, 18]);
    prop::collection::vec((kind, any::<u32>(), prop::collection::vec(any::<u8>(), 0..60)), 0..8)
}

fn aggregate(tags: &[(u8, u32, Vec<u8>)]) -> Vec<u8> {
    let tag = |(kind, time, body): &(u8, u32, Vec<u8>)| {
        let [_, size @ ..] = u32::try_from(body.len()).unwrap().to_be_bytes();
        let [high, low @ ..] = time.to_be_bytes();
        let back = u32::try_from(body.len() + 11).unwrap().to_be_bytes();
        [&[*kind][..], &size, &low, &[high, 0, 0, 0], body, &back].concat()
    };
    tags.iter().flat_map(tag).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_command_reads_as_written_in_both_encodings(command in command(), stream_id: u32) {
        for message in [command.to_message(stream_id), command.to_amf3_message(stream_id)] {
            let read = Command::parse(message.type_id, &message.payload, &Limits::default());
            prop_assert_eq!(read, Ok((command.clone(), false)));
        }
    }

    #[test]
    fn every_control_reads_as_written(control in control()) {
        let message = control.to_message();
        prop_assert_eq!(Control::parse(message.type_id, &message.payload), Some(control));
    }

    #[test]
    fn a5_37_every_form_of_a_data_message_is_the_same(
        name in "[a-zA-Z]{1,20}",
        values in prop::collection::vec(value(), 0..3),
    ) {
        let mut plain = Writer::default();
        amf0::encode(&mut plain, &Value::String(name));
        amf0::encode_all(&mut plain, &values);
        let plain = plain.freeze();
        let set = [b"\x02\x00\x0d@setDataFrame", &plain[..]].concat();
        let selected = [&[0][..], &set].concat();
        for (type_id, form) in [(18, plain.to_vec()), (18, set.clone()), (15, selected), (15, set)] {
            let data = parse_data(type_id, &Bytes::from(form)).unwrap();
            prop_assert_eq!((&data.payload, data.unnamed), (&plain, false));
        }
    }

    #[test]
    fn a4_19_every_aggregate_splits_into_its_tags(tags in tags(), timestamp: u32) {
        let payload = Bytes::from(aggregate(&tags));
        let message = Message { type_id: type_id::AGGREGATE, stream_id: 1, timestamp, payload };
        let mut split = Aggregate::new(&message);
        let found: Vec<_> = split.by_ref().map(|tag| (tag.type_id, tag.timestamp, tag.payload.to_vec())).collect();
        let first = tags.first().map_or(0, |tag| tag.1);
        let expected: Vec<_> = tags
            .into_iter()
            .map(|(kind, time, body)| (kind, timestamp.wrapping_add(time.wrapping_sub(first)), body))
            .collect();
        prop_assert_eq!((found, split.is_truncated()), (expected, false));
    }

    #[test]
    fn f_10_random_bytes_never_panic(type_id: u8, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let body = Bytes::from(body);
        let _ = Command::parse(type_id, &body, &Limits::default());
        let _ = (Control::parse(type_id, &body), parse_data(type_id, &body));
        let message = Message { type_id, stream_id: 0, timestamp: 0, payload: body.clone() };
        prop_assert!(Aggregate::new(&message).count() <= body.len());
    }
}
