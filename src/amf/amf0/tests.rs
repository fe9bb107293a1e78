use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

fn all(data: &[u8]) -> (Vec<Value>, Option<Error>) {
    decode_all(data, &Limits::default())
}

fn one(data: &[u8]) -> Result<Value> {
    decode(&mut Reader::new(Layer::Amf, data), &Limits::default())
}

fn object(fields: &[(&str, f64)]) -> Vec<(String, Value)> {
    fields.iter().map(|&(key, value)| (key.to_owned(), value.into())).collect()
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut writer = Writer::default();
    encode(&mut writer, value);
    writer.as_slice().to_vec()
}

const NUMBER_1: [u8; 9] = [0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0];

fn field(key: u8) -> Vec<u8> {
    [&[0, 1, key][..], &NUMBER_1].concat()
}

#[test]
fn b2_01_the_count_of_an_ecma_array_is_a_hint() {
    let expected = Value::EcmaArray(object(&[("a", 1.0), ("b", 1.0)]));
    for count in [0, 1, 2, 3, 0xffff_ffff_u32] {
        let data =
            [&[8][..], &count.to_be_bytes(), &field(b'a'), &field(b'b'), &[0, 0, 9]].concat();
        assert_eq!(one(&data).unwrap(), expected, "count {count}");
    }
}

#[test]
fn b2_01_the_written_count_is_that_of_the_written_fields() {
    // A field without a name would read as the end.
    let array = Value::EcmaArray(object(&[("", 1.0), ("a", 1.0)]));
    let mut out = Writer::default();
    encode(&mut out, &array);
    assert_eq!(out.as_slice(), [&[8, 0, 0, 0, 1][..], &field(b'a'), &[0, 0, 9]].concat());
}

#[test]
fn b2_02_a_missing_end_marker_at_the_end_is_put_up_with() {
    for end in [&[][..], &[0], &[0, 0], &[0, 0, 9]] {
        let data = [&[3][..], &field(b'a'), end].concat();
        assert_eq!(one(&data).unwrap(), Value::Object(object(&[("a", 1.0)])), "{end:?}");
    }
    // An end marker behind a key.
    let data = [&[3][..], &field(b'a'), &[0, 1, b'b', 9], &NUMBER_1].concat();
    assert_eq!(all(&data), (vec![Value::Object(object(&[("a", 1.0)])), 1.0.into()], None));
}

#[test]
fn b2_02_what_was_read_of_a_cut_object_is_kept() {
    let whole = [&NUMBER_1[..], &[3], &field(b'a'), &field(b'b'), &[0, 0, 9]].concat();
    let (values, error) = all(&whole[..whole.len() - 6]);
    assert_eq!(values, [1.0.into(), Value::Object(object(&[("a", 1.0)]))]);
    assert_eq!(error.unwrap().kind(), ErrorKind::Malformed);
    assert!(one(&whole[9..whole.len() - 6]).is_err());
}

#[test]
fn b2_03_f_12_depth_and_number_of_values_are_capped() {
    let mut deep = Vec::new();
    for _ in 0..100_000 {
        deep.extend_from_slice(&[3, 0, 1, b'a']);
    }
    let error = one(&deep).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::LimitExceeded, "depth of nesting"));
    let arrays = [0x0a, 0, 0, 0, 1].repeat(100_000);
    assert_eq!(one(&arrays).unwrap_err().kind(), ErrorKind::LimitExceeded);
    let many = [&[0x0a, 0, 0, 0x40, 0][..], &[5; 0x4000]].concat();
    assert_eq!(one(&many).unwrap_err().field(), "values in one message");
}

#[test]
fn b2_03_references_are_not_followed() {
    let data = [3, 0, 1, b'a', 7, 0, 0, 0, 0, 9];
    let Value::Object(fields) = one(&data).unwrap() else { panic!() };
    assert_eq!(fields, [("a".to_owned(), Value::Reference(0))]);
}

#[test]
fn b2_04_the_count_of_a_strict_array_is_bounded_by_the_bytes_left() {
    let error = one(&[0x0a, 0xff, 0xff, 0xff, 0xff, 5]).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Malformed, "strict array count"));
    assert_eq!(
        one(&[0x0a, 0, 0, 0, 2, 5, 6]).unwrap(),
        Value::StrictArray(vec![Value::Null, Value::Undefined])
    );
}

#[test]
fn b2_05_strings_are_bounded_and_lossy() {
    assert!(one(&[0x0c, 0xff, 0xff, 0xff, 0xff, b'x']).is_err());
    assert!(one(&[2, 0, 5, b'x']).is_err());
    assert_eq!(one(&[2, 0, 2, b'x', 0xff]).unwrap(), Value::from("x\u{fffd}"));
    let data = [3, 0, 1, 0xfe, 5, 0, 0, 9];
    assert_eq!(one(&data).unwrap().fields().unwrap()[0].0, "\u{fffd}");
    assert_eq!(one(&[0x0c, 0, 0, 0, 2, b'h', b'i']).unwrap(), "hi".into());
}

#[test]
fn b2_07_dates_xml_and_typed_objects_are_read_and_reserved_markers_fail_alone() {
    let date = [&[0x0b][..], &1.5_f64.to_be_bytes(), &[0xff, 0xc4]].concat();
    assert_eq!(one(&date).unwrap(), Value::Date { millis: 1.5, zone: -60 });
    assert_eq!(one(&[0x0f, 0, 0, 0, 1, b'x']).unwrap(), Value::Xml("x".to_owned()));
    let typed = [&[0x10, 0, 1, b'C'][..], &field(b'a'), &[0, 0, 9]].concat();
    assert_eq!(
        one(&typed).unwrap(),
        Value::TypedObject { class: "C".to_owned(), fields: object(&[("a", 1.0)]) }
    );
    for marker in [0x04, 0x0e] {
        assert_eq!(one(&[marker]).unwrap_err().kind(), ErrorKind::Unsupported);
    }
    assert_eq!(all(&[5, 0x12, 5]).0, [Value::Null]);
    assert_eq!(one(&[9]).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn b2_09_duplicate_keys_keep_their_order_and_the_last_wins() {
    let value = Value::Object(object(&[("a", 1.0), ("b", 2.0), ("a", 3.0)]));
    assert_eq!(value.field("a"), Some(&3.0.into()));
    assert_eq!(one(&encoded(&value)).unwrap(), value);
}

#[test]
fn b2_06_numbers_that_are_none_are_kept() {
    assert!(one(&encoded(&f64::NAN.into())).unwrap().as_f64().unwrap().is_nan());
    assert_eq!(one(&encoded(&f64::INFINITY.into())).unwrap(), f64::INFINITY.into());
}

#[test]
fn what_amf0_cannot_say_is_still_written_as_something_that_reads() {
    let mut deep = Value::Null;
    for _ in 0..500 {
        deep = Value::StrictArray(vec![deep]);
    }
    let limits = Limits { amf_depth: 100, ..Limits::default() };
    let bytes = encoded(&deep);
    assert!(decode(&mut Reader::new(Layer::Amf, &bytes), &limits).is_ok());
    assert_eq!(encoded(&Value::ByteArray(vec![1])), [0x0d]);
    let long = "é".repeat(40_000);
    assert_eq!(one(&encoded(&long.as_str().into())).unwrap(), long.as_str().into());
    let keyed = Value::Object(vec![(long, Value::Null), (String::new(), Value::Null)]);
    let read = one(&encoded(&keyed)).unwrap();
    assert_eq!(read.fields().unwrap()[0].0.len(), 65_534);
    assert_eq!(read.fields().unwrap().len(), 1);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (-1e9..1e9).prop_map(Value::Number),
        any::<bool>().prop_map(Value::Boolean),
        ".{0,12}".prop_map(Value::String),
        Just(Value::Null),
        Just(Value::Undefined),
        Just(Value::Unsupported),
        any::<u16>().prop_map(Value::Reference),
        ".{0,12}".prop_map(Value::Xml),
        (-1e9..1e9, any::<i16>()).prop_map(|(millis, zone)| Value::Date { millis, zone }),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let fields = || prop::collection::vec((".{1,8}", inner.clone()), 0..6);
        prop_oneof![
            fields().prop_map(Value::Object),
            fields().prop_map(Value::EcmaArray),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::StrictArray),
            (".{0,8}", fields()).prop_map(|(class, fields)| Value::TypedObject { class, fields }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_reads_as_written(values in prop::collection::vec(value(), 0..4)) {
        let mut writer = Writer::default();
        encode_all(&mut writer, &values);
        let (read, error) = all(writer.as_slice());
        prop_assert_eq!((read, error), (values, None));
    }

    #[test]
    fn f_10_random_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..300)) {
        let (values, _) = all(&data);
        prop_assert!(values.len() <= data.len());
    }

    #[test]
    fn cut_values_never_panic(value in value(), keep in any::<prop::sample::Index>()) {
        let bytes = encoded(&value);
        let _ = all(&bytes[..keep.index(bytes.len() + 1)]);
    }
}
