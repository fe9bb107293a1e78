use proptest::prelude::*;

use super::*;
use crate::amf::amf0;
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn f_10_random_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = one(&data);
    }
}
