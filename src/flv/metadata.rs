//! `onMetaData`, the script tag that describes a file or stream (FLV 10.1 E.5).

use bytes::Bytes;

use super::body::{AudioCodec, VideoCodec};
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

/// What `onMetaData` says of a stream, as far as it can be true. It is advice: encoders leave fields out, send them late, name
/// codecs that they do not send and sound that never comes. Tracks are what the packets are (A5-39).
///
/// Numbers that are none, negative, or past any real stream say nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MetadataInfo {
    /// Seconds, above 0.
    pub duration: Option<f64>,
    /// Pixels, 1 to 65535.
    pub width: Option<u16>,
    /// Pixels, 1 to 65535.
    pub height: Option<u16>,
    /// Pictures a second, above 0 and at most 1000.
    pub frame_rate: Option<f64>,
    /// By `videocodecid`: a legacy id, or a FourCC as a number or a text.
    pub video_codec: Option<VideoCodec>,
    /// By `audiocodecid`, in the same forms. An id of 0, which is PCM, is what encoders without sound write: nothing.
    pub audio_codec: Option<AudioCodec>,
    /// Hz, above 0 and at most 768000.
    pub sample_rate: Option<u32>,
    /// Channels, 1 to 255; `stereo` where `audiochannels` is not there.
    pub channels: Option<u8>,
}

impl MetadataInfo {
    /// Reads the fields of `onMetaData`. Fields of another type than they should have say nothing.
    #[must_use]
    pub fn parse(fields: &Value) -> Self {
        let number = |key: &str, most: f64| {
            let number = fields.field(key)?.as_f64()?;
            (number > 0.0 && number <= most).then_some(number)
        };
        let stereo = || match fields.field("stereo")?.as_bool()? {
            true => Some(2),
            false => Some(1),
        };
        let channels = number("audiochannels", 255.0).and_then(above_zero);
        Self {
            duration: number("duration", 1e9),
            width: number("width", 65_535.0).and_then(above_zero),
            height: number("height", 65_535.0).and_then(above_zero),
            frame_rate: number("framerate", 1000.0),
            video_codec: fields
                .field("videocodecid")
                .and_then(|id| codec_id(id, VideoCodec::from, VideoCodec::from_four_cc)),
            audio_codec: fields
                .field("audiocodecid")
                .and_then(|id| codec_id(id, AudioCodec::from, AudioCodec::from_four_cc)),
            sample_rate: number("audiosamplerate", 768_000.0).and_then(above_zero),
            channels: channels.or_else(stereo),
        }
    }
}

/// A codec id: below 16 a legacy one, above it a FourCC, as a number or a text (Enhanced RTMP v2, "Metadata Frame"; XSplit).
fn codec_id<T>(id: &Value, legacy: fn(u8) -> T, four_cc: fn([u8; 4]) -> T) -> Option<T> {
    let printable = |id: [u8; 4]| id.iter().all(|byte| matches!(byte, 0x20..=0x7e)).then_some(id);
    match id {
        Value::Number(number) => {
            let id: u32 = above_zero(*number)?;
            match u8::try_from(id) {
                Ok(id @ 1..=15) => Some(legacy(id)),
                _ => printable(id.to_be_bytes()).map(four_cc),
            }
        }
        Value::String(text) => {
            let name = <[u8; 4]>::try_from(text.as_bytes()).ok();
            name.and_then(printable).map(four_cc)
        }
        _ => None,
    }
}

/// A double without what stands behind the point, where that is above 0 and fits.
fn above_zero<T: TryFrom<i64>>(number: f64) -> Option<T> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and is checked against the type"
    )]
    let whole = number as i64;
    Some(whole).filter(|&whole| whole > 0).and_then(|whole| T::try_from(whole).ok())
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

    fn info(fields: &[(&str, Value)]) -> MetadataInfo {
        let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        MetadataInfo::parse(&Value::EcmaArray(fields.collect()))
    }

    #[test]
    fn a6_22_codec_ids_in_their_three_forms() {
        let video = |id: Value| info(&[("videocodecid", id)]).video_codec;
        let audio = |id: Value| info(&[("audiocodecid", id)]).audio_codec;
        for (id, codec) in [
            (Value::Number(7.0), VideoCodec::Avc),
            (Value::Number(12.0), VideoCodec::Hevc),
            (Value::Number(1_635_135_537.0), VideoCodec::Av1),
            (Value::Number(1_752_589_105.0), VideoCodec::Hevc),
            (Value::Number(1_987_063_865.0), VideoCodec::Vp9),
            ("av01".into(), VideoCodec::Av1),
            ("hvc1".into(), VideoCodec::Hevc),
            ("abcd".into(), VideoCodec::FourCc(*b"abcd")),
        ] {
            assert_eq!(video(id.clone()), Some(codec), "{id:?}");
        }
        for (id, codec) in [
            (Value::Number(10.0), AudioCodec::Aac),
            (Value::Number(1_332_770_163.0), AudioCodec::Opus),
            (Value::Number(1_836_069_985.0), AudioCodec::Aac),
            ("Opus".into(), AudioCodec::Opus),
        ] {
            assert_eq!(audio(id.clone()), Some(codec), "{id:?}");
        }
    }

    #[test]
    fn b2_10_codec_ids_of_any_type_say_nothing_and_harm_nothing() {
        let odd = [
            Value::Boolean(true),
            Value::Object(vec![]),
            Value::Null,
            Value::StrictArray(vec![7.0.into()]),
            "".into(),
            "H.264".into(),
            "\u{e9}bc".into(),
            Value::Number(0.0),
            Value::Number(16.0),
            Value::Number(-7.0),
            Value::Number(f64::NAN),
            Value::Number(1e300),
        ];
        for id in odd {
            let info = info(&[
                ("videocodecid", id.clone()),
                ("audiocodecid", id.clone()),
                ("width", 640.0.into()),
            ]);
            let expected = MetadataInfo { width: Some(640), ..MetadataInfo::default() };
            assert_eq!(info, expected, "{id:?}");
        }
    }

    #[test]
    fn b2_06_numbers_that_are_none_negative_or_huge_are_not_believed() {
        let keys = ["duration", "width", "height", "framerate", "audiosamplerate", "audiochannels"];
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1e18] {
            let fields = keys.map(|key| (key, Value::Number(number)));
            assert_eq!(info(&fields), MetadataInfo::default(), "{number}");
        }
        let good = info(&keys.map(|key| (key, Value::Number(24.5))));
        assert_eq!((good.width, good.channels, good.sample_rate), (Some(24), Some(24), Some(24)));
        assert_eq!((good.duration, good.frame_rate), (Some(24.5), Some(24.5)));
        assert_eq!(info(&[("stereo", true.into())]).channels, Some(2));
        assert_eq!(info(&[("width", 0.5.into())]).width, None);
    }

    #[test]
    fn written_metadata_is_read_back() {
        let fields = metadata_of(None, Some(&AacConfig::new(2, 48_000, 2).unwrap()));
        let body = write_metadata(fields.clone());
        assert!(is_metadata(&Tag { kind: TagKind::Script, timestamp: 0, body: body.clone() }));
        assert_eq!(parse_metadata(&body, &Limits::default()), Some(Value::EcmaArray(fields)));
    }
}
