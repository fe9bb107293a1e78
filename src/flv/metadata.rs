//! `onMetaData`, the script tag that describes a file or stream (FLV 10.1 E.5).

use bytes::Bytes;

use super::tag::{Tag, TagKind};
use crate::amf::{Value, amf0};
use crate::buf::Writer;
use crate::codec::{aac::AacConfig, h264::AvcConfig};
use crate::limits::Limits;

const NAME: &str = "onMetaData";

/// The fields of an `onMetaData` script body. Both forms are read: name and fields, and `@setDataFrame` before them;
/// fields behind a fault in the AMF are lost, those before it are not. `None` where the body is anything else.
#[must_use]
pub fn parse_metadata(body: &[u8], limits: &Limits) -> Option<Value> {
    let (values, _) = amf0::decode_all(body, limits);
    let mut values = values.into_iter();
    let mut first = values.next()?;
    if first.as_str() == Some("@setDataFrame") {
        first = values.next()?;
    }
    if first.as_str() == Some(NAME) {
        return values.next().filter(|value| value.fields().is_some());
    }
    // Some encoders send the object without its name.
    first.fields().is_some().then_some(first)
}

/// The body of an `onMetaData` tag: the name and an ECMA array of the fields.
#[must_use]
pub fn write_metadata(fields: Vec<(String, Value)>) -> Bytes {
    let mut out = Writer::with_capacity(256);
    amf0::encode(&mut out, &Value::String(NAME.to_owned()));
    amf0::encode(&mut out, &Value::EcmaArray(fields));
    out.freeze()
}

/// Whether a tag is metadata, by its name alone: nothing of it is decoded.
#[must_use]
pub fn is_metadata(tag: &Tag) -> bool {
    tag.kind == TagKind::Script
        && (tag.body.starts_with(b"\x02\x00\x0aonMetaData")
            || tag.body.starts_with(b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData"))
}

/// The fields that the configurations of a stream tell: sizes, rates and codec ids.
#[must_use]
pub fn metadata_of(video: Option<&AvcConfig>, audio: Option<&AacConfig>) -> Vec<(String, Value)> {
    let mut fields = Vec::new();
    let mut number = |key: &str, value: f64| fields.push((key.to_owned(), Value::Number(value)));
    if let Some(info) = video.map(AvcConfig::info) {
        number("width", info.width.into());
        number("height", info.height.into());
        if let Some((numerator, denominator)) = info.frame_rate {
            number("framerate", f64::from(numerator) / f64::from(denominator));
        }
        number("videocodecid", 7.0);
    }
    if let Some(audio) = audio {
        number("audiosamplerate", audio.output_sample_rate().into());
        number("audiosamplesize", 16.0);
        number("audiochannels", audio.channels().into());
        number("audiocodecid", 10.0);
        fields.push(("stereo".to_owned(), Value::Boolean(audio.channels() == 2)));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(values: &[Value]) -> Vec<u8> {
        let mut out = Writer::default();
        amf0::encode_all(&mut out, values);
        out.as_slice().to_vec()
    }

    #[test]
    fn a5_37_all_forms_of_metadata_are_read() {
        let name = Value::String("onMetaData".into());
        let fields = vec![("width".to_owned(), Value::Number(640.0))];
        for object in [Value::Object(fields.clone()), Value::EcmaArray(fields)] {
            let set = Value::String("@setDataFrame".into());
            for values in [
                vec![set, name.clone(), object.clone()],
                vec![name.clone(), object.clone()],
                vec![object],
            ] {
                let found = parse_metadata(&body(&values), &Limits::default()).unwrap();
                assert_eq!(found.field("width"), Some(&Value::Number(640.0)));
            }
        }
        let cue = body(&[Value::String("onCuePoint".into()), Value::Object(Vec::new())]);
        assert_eq!(parse_metadata(&cue, &Limits::default()), None);
    }

    #[test]
    fn a5_38_undecodable_amf_is_no_metadata_and_no_error() {
        for body in [&[][..], &[0, 1, 2, 3], &[0x11], b"\x02\x00\x0aonMetaData\x08\xff\xff\xff\xff"]
        {
            let found = parse_metadata(body, &Limits::default());
            assert!(found.is_none() || found.unwrap().fields().is_some());
        }
    }

    #[test]
    fn written_metadata_is_read_back() {
        let fields = metadata_of(None, Some(&AacConfig::new(2, 48_000, 2).unwrap()));
        let body = write_metadata(fields.clone());
        assert!(is_metadata(&Tag { kind: TagKind::Script, timestamp: 0, body: body.clone() }));
        assert_eq!(parse_metadata(&body, &Limits::default()), Some(Value::EcmaArray(fields)));
    }
}
