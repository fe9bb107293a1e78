//! AMF values.

use super::input::limits;
use super::rtmp::encoded;
use crate::amf::{Value, amf0, amf3};
use crate::buf::{Reader, Writer};
use crate::error::Layer;
use crate::flv::{MetadataInfo, Tag, TagKind, is_metadata, parse_metadata, write_metadata};

/// AMF0: what was read, written and read again is written the same; depth, count and size are bounded.
pub fn amf0(data: &[u8]) {
    let limits = limits();
    let (values, error) = amf0::decode_all(data, &limits);
    check_bounds(&values);
    let first = encoded(&values);
    // AMF3 packs integers and repeated strings closer.
    assert!(data.contains(&0x11) || first.len() <= 4 * data.len() + 64);
    let (again, fault) = amf0::decode_all(&first, &limits);
    assert_eq!(fault, None, "what was written is well formed");
    assert_eq!(encoded(&again), first);

    let mut reader = Reader::new(Layer::Amf, data);
    if let Ok(value) = amf0::decode(&mut reader, &limits) {
        assert!(reader.position() <= data.len());
        assert_eq!(
            Some(encoded(&[value])),
            values.first().map(|first| encoded(std::slice::from_ref(first)))
        );
    } else {
        assert!(error.is_some() || data.is_empty());
    }
}

/// AMF3: bounded, the same again once written as AMF0, and what is written as AMF3 is written the same once it was read.
pub fn amf3(data: &[u8]) {
    let limits = limits();
    let mut reader = Reader::new(Layer::Amf, data);
    let Ok(value) = amf3::decode(&mut reader, &limits) else { return };
    assert!(reader.position() <= data.len());
    let values = [value];
    check_bounds(&values);
    let first = encoded(&values);
    let (again, _) = amf0::decode_all(&first, &limits);
    assert_eq!(encoded(&again), first);
    let third = encoded_amf3(&values);
    let read = amf3::decode(&mut Reader::new(Layer::Amf, &third), &limits);
    // Written out, what were references may be more than the limits let in again.
    if let Ok(read) = read {
        assert_eq!(encoded_amf3(&[read]), third);
    }
    // The same value where an AMF0 stream switches to it.
    let switched = [&[0x11], data].concat();
    let (mut inside, _) = amf0::decode_all(&switched, &limits);
    inside.truncate(1);
    assert_eq!(encoded(&inside), first);
}

/// `onMetaData`: fields that were read are read again from what the writer makes of them.
pub fn metadata(data: &[u8]) {
    let limits = limits();
    let Some(value) = parse_metadata(data, &limits) else { return };
    check_bounds(std::slice::from_ref(&value));
    let info = MetadataInfo::parse(&value);
    assert!(info.duration.is_none_or(|duration| duration > 0.0 && duration.is_finite()));
    let body = write_metadata(value.fields().unwrap_or_default().to_vec());
    assert!(is_metadata(&Tag { kind: TagKind::Script, timestamp: 0, body: body.clone() }));
    let again = parse_metadata(&body, &limits);
    let fields = again.as_ref().and_then(Value::fields).map(<[_]>::to_vec);
    assert_eq!(fields.map(write_metadata), Some(body));
}

fn encoded_amf3(values: &[Value]) -> Vec<u8> {
    let mut writer = Writer::default();
    values.iter().for_each(|value| amf3::encode(&mut writer, value));
    writer.freeze().to_vec()
}

fn check_bounds(values: &[Value]) {
    let limits = limits();
    let (mut count, mut deepest) = (0, 0);
    for value in values {
        measure(value, 0, &mut count, &mut deepest);
    }
    // A value that failed leaves an undefined one in its place.
    assert!(count <= limits.amf_values + 1 && deepest <= limits.amf_depth + 1, "{count} {deepest}");
}

fn measure(value: &Value, depth: usize, count: &mut usize, deepest: &mut usize) {
    *count += 1;
    *deepest = depth.max(*deepest);
    if let Value::StrictArray(elements) = value {
        elements.iter().for_each(|element| measure(element, depth + 1, count, deepest));
    }
    for (_, field) in value.fields().unwrap_or_default() {
        measure(field, depth + 1, count, deepest);
    }
}
