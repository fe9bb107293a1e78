use proptest::prelude::*;

use super::*;
use crate::amf::amf0;
use crate::buf::Writer;
use crate::error::ErrorKind;

fn one(data: &[u8]) -> Result<Value> {
    decode(&mut Reader::new(Layer::Amf, data), &Limits::default())
}

#[test]
fn b2_08_integers_are_sign_extended_from_29_bits() {
    let cases: [(&[u8], f64); 6] = [
        (&[4, 0], 0.0),
        (&[4, 0x7f], 127.0),
        (&[4, 0x81, 0], 128.0),
        (&[4, 0xbf, 0xff, 0xff, 0xff], 268_435_455.0),
        (&[4, 0xc0, 0x80, 0x80, 0], -268_435_456.0),
        (&[4, 0xff, 0xff, 0xff, 0xff], -1.0),
    ];
    for (data, expected) in cases {
        assert_eq!(one(data).unwrap(), Value::Number(expected), "{data:?}");
    }
}

#[test]
fn b2_08_f_06_references_out_of_range_are_errors() {
    for data in [&[6, 0][..], &[8, 0], &[0x0a, 0], &[0x0a, 0x01], &[0x0c, 2], &[9, 4]] {
        assert_eq!(one(data).unwrap_err().kind(), ErrorKind::Malformed, "{data:?}");
    }
}

#[test]
fn strings_dates_bytes_arrays_and_objects_are_read() {
    assert_eq!(one(&[6, 5, b'h', b'i']).unwrap(), "hi".into());
    let twice = [9, 5, 1, 6, 5, b'h', b'i', 6, 0];
    assert_eq!(one(&twice).unwrap(), Value::StrictArray(vec!["hi".into(), "hi".into()]));
    assert_eq!(one(&[0x0c, 5, 1, 2]).unwrap(), Value::ByteArray(vec![1, 2]));
    let date = [&[8, 1][..], &7.0_f64.to_be_bytes()].concat();
    assert_eq!(one(&date).unwrap(), Value::Date { millis: 7.0, zone: 0 });
    // Dynamic, no members: a = 1, b = true.
    let object = [0x0a, 0x0b, 1, 3, b'a', 4, 1, 3, b'b', 3, 1];
    let fields = vec![("a".to_owned(), Value::Number(1.0)), ("b".to_owned(), Value::Boolean(true))];
    assert_eq!(one(&object).unwrap(), Value::Object(fields));
    // Class C with one member x, twice by reference to its traits.
    let typed = [9, 5, 1, 0x0a, 0x13, 3, b'C', 3, b'x', 4, 1, 0x0a, 0x01, 4, 2];
    let Value::StrictArray(elements) = one(&typed).unwrap() else { panic!() };
    assert_eq!(
        (elements[0].field("x"), elements[1].field("x")),
        (Some(&1.0.into()), Some(&2.0.into()))
    );
    assert_eq!(one(&[0x0a, 0x07, 3, b'C']).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn f_06_f_12_lengths_depth_and_reference_bombs_are_bounded() {
    assert!(one(&[6, 0xff, 0xff, 0xff, 0xff]).is_err());
    assert!(one(&[9, 0xff, 0xff, 0xff, 0xff, 1]).is_err());
    let deep = [9, 3, 1].repeat(1000);
    assert_eq!(one(&deep).unwrap_err().kind(), ErrorKind::LimitExceeded);
    // A string of 60 kB, referenced 8,000 times.
    let string = [&[6, 0x87, 0xa9, 0x41][..], &[b'x'; 60_000]].concat();
    let bomb = [&[9, 0xfd, 3, 1][..], &string, &[6, 0].repeat(8000)].concat();
    assert_eq!(one(&bomb).unwrap_err().field(), "bytes of referenced strings");
}

#[test]
fn a5_07_the_switch_in_amf0_holds_for_one_value_with_its_own_tables() {
    let data = [0x11, 6, 5, b'h', b'i', 5, 0x11, 6, 0];
    let (values, error) = amf0::decode_all(&data, &Limits::default());
    assert_eq!(values, ["hi".into(), Value::Null]);
    assert_eq!(error.unwrap().field(), "AMF3 string reference");
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut writer = Writer::default();
    encode(&mut writer, value);
    writer.as_slice().to_vec()
}

#[test]
fn b2_08_numbers_past_29_bits_are_written_as_doubles() {
    for (number, len) in [
        (0.0, 2),
        (127.0, 2),
        (128.0, 3),
        (16_383.0, 3),
        (16_384.0, 4),
        (2_097_151.0, 4),
        (2_097_152.0, 5),
        (268_435_455.0, 5),
        (-1.0, 5),
        (-268_435_456.0, 5),
        (268_435_456.0, 9),
        (-268_435_457.0, 9),
        (0.5, 9),
        (f64::INFINITY, 9),
    ] {
        let bytes = encoded(&Value::Number(number));
        assert_eq!((bytes.len(), one(&bytes)), (len, Ok(Value::Number(number))), "{number}");
    }
    let zero = one(&encoded(&Value::Number(-0.0))).unwrap().as_f64().unwrap();
    assert!(zero == 0.0 && zero.is_sign_negative());
    assert!(one(&encoded(&f64::NAN.into())).unwrap().as_f64().unwrap().is_nan());
}

#[test]
fn b2_08_a_string_that_comes_again_is_a_reference() {
    let field = |key: &str| (key.to_owned(), Value::from("width"));
    let object = Value::Object(vec![field("width"), field("height"), field("width")]);
    // 0x0b dynamic, no class; 3 keys and values; the end.
    let expected =
        [&[0x0a, 0x0b, 1, 11][..], b"width", &[6, 0, 13], b"height", &[6, 0, 0, 6, 0, 1]].concat();
    assert_eq!(encoded(&object), expected);
    assert_eq!(one(&expected).unwrap(), object);
}

#[test]
fn what_amf3_cannot_say_is_still_written_as_something_that_reads() {
    let mut deep = Value::Null;
    for _ in 0..500 {
        deep = Value::StrictArray(vec![deep]);
    }
    let limits = Limits { amf_depth: 100, ..Limits::default() };
    assert!(decode(&mut Reader::new(Layer::Amf, &encoded(&deep)), &limits).is_ok());
    for value in [Value::Reference(3), Value::Unsupported] {
        assert_eq!(one(&encoded(&value)), Ok(Value::Undefined));
    }
    assert_eq!(one(&encoded(&Value::EcmaArray(vec![]))), Ok(Value::StrictArray(vec![])));
    let unnamed = Value::Object(vec![(String::new(), Value::Null)]);
    assert_eq!(one(&encoded(&unnamed)), Ok(Value::Object(vec![])));
}

#[test]
fn a5_07_simple_values_stay_amf0_and_others_switch_for_themselves_alone() {
    let values: [Value; 4] =
        ["_result".into(), 1.0.into(), Value::Object(vec![("a".into(), 2.0.into())]), Value::Null];
    let mut writer = Writer::default();
    values.iter().for_each(|value| amf0::encode_amf3(&mut writer, value));
    let bytes = writer.as_slice();
    assert!(bytes.starts_with(b"\x02\x00\x07_result\x00"));
    assert!(bytes.ends_with(&[0x11, 0x0a, 0x0b, 1, 3, b'a', 4, 2, 1, 5]));
    assert_eq!(amf0::decode_all(bytes, &Limits::default()), (values.to_vec(), None));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (-1e9..1e9).prop_map(Value::Number),
        (-300_000_000_i32..300_000_000).prop_map(|number| Value::Number(number.into())),
        any::<bool>().prop_map(Value::Boolean),
        "[a-c]{0,3}".prop_map(Value::String),
        ".{0,12}".prop_map(Value::String),
        Just(Value::Null),
        Just(Value::Undefined),
        ".{0,12}".prop_map(Value::Xml),
        (-1e9..1e9).prop_map(|millis| Value::Date { millis, zone: 0 }),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Value::ByteArray),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let fields = |least| prop::collection::vec(("[a-d]{1,2}|.{1,8}", inner.clone()), least..6);
        prop_oneof![
            fields(0).prop_map(Value::Object),
            fields(1).prop_map(Value::EcmaArray),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::StrictArray),
            (".{1,8}", fields(0)).prop_map(|(class, fields)| Value::TypedObject { class, fields }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn f_10_random_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = one(&data);
    }

    #[test]
    fn every_value_reads_as_written(value in value()) {
        let bytes = encoded(&value);
        let mut reader = Reader::new(Layer::Amf, &bytes);
        prop_assert_eq!(decode(&mut reader, &Limits::default()), Ok(value));
        prop_assert!(reader.is_empty());
    }

    #[test]
    fn cut_values_never_panic(value in value(), keep in any::<prop::sample::Index>()) {
        let bytes = encoded(&value);
        let _ = one(&bytes[..keep.index(bytes.len() + 1)]);
    }

    #[test]
    fn values_behind_the_marker_read_as_written(values in prop::collection::vec(value(), 0..4)) {
        let mut writer = Writer::default();
        values.iter().for_each(|value| amf0::encode_amf3(&mut writer, value));
        prop_assert_eq!(amf0::decode_all(writer.as_slice(), &Limits::default()), (values, None));
    }
}
