//! `colorInfo` of video metadata packets (Enhanced RTMP v2, Metadata Frame).

use bytes::Bytes;

use crate::amf::{Value, amf0, amf3};
use crate::buf::{Reader, Writer};
use crate::codec::color::{ColorInfo, ContentLight, HdrMetadata, MasteringDisplay};
use crate::error::Layer;
use crate::limits::Limits;

/// Marker of a string in AMF3.
const AMF3_STRING: u8 = 0x06;
/// Values of AMF3 without AMF0 around them that are looked at.
const BARE_VALUES: usize = 8;

/// What a `colorInfo` object says of the pictures behind it. The default says nothing: it takes back what was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ColorMetadata {
    /// Code points, where any is given.
    pub color: Option<ColorInfo>,
    /// Mastering display and light levels, where given.
    pub hdr: HdrMetadata,
}

/// Reads the payload of a metadata packet. `None` where it has no `colorInfo`; an empty or undefined one, and fields that
/// cannot be, say nothing.
///
/// Where `connect` agreed on AMF3 the values are in it: behind the marker `0x11` of AMF0, behind a byte zero as in messages of
/// type 15, or bare, since the specification says no more than "encoded as `connect` says".
#[must_use]
pub fn parse_color_info(data: &[u8], limits: &Limits) -> Option<ColorMetadata> {
    let mut values = values(data, limits).into_iter();
    values.find(|value| value.as_str() == Some("colorInfo"))?;
    let Some(object) = values.next() else { return Some(ColorMetadata::default()) };
    Some(ColorMetadata {
        color: object.field("colorConfig").and_then(color),
        hdr: HdrMetadata {
            mastering: object.field("hdrMdcv").and_then(mastering),
            light: object.field("hdrCll").and_then(light),
        },
    })
}

fn values(data: &[u8], limits: &Limits) -> Vec<Value> {
    // A string in AMF0 would be `0x02`, and undefined makes no metadata.
    if data.first() != Some(&AMF3_STRING) {
        let data = match data {
            [0, rest @ ..] if matches!(rest.first(), Some(0x02 | 0x11)) => rest,
            _ => data,
        };
        return amf0::decode_all(data, limits).0;
    }
    let mut reader = Reader::new(Layer::Amf, data);
    let mut values = Vec::new();
    while !reader.is_empty() && values.len() < BARE_VALUES {
        let Ok(value) = amf3::decode(&mut reader, limits) else { break };
        values.push(value);
    }
    values
}

fn color(config: &Value) -> Option<ColorInfo> {
    let code = |name| code_point(config.field(name)?.as_f64()?);
    let color = ColorInfo {
        primaries: code("colorPrimaries").unwrap_or(2),
        transfer: code("transferCharacteristics").unwrap_or(2),
        matrix: code("matrixCoefficients").unwrap_or(2),
        full_range: false,
    };
    Some(color).filter(ColorInfo::is_specified)
}

fn mastering(object: &Value) -> Option<MasteringDisplay> {
    let number = |name| object.field(name)?.as_f64().filter(|value| value.is_finite());
    let point = |x, y| Some((number(x)?, number(y)?));
    Some(MasteringDisplay::from_coordinates(
        point("redX", "redY")?,
        point("greenX", "greenY")?,
        point("blueX", "blueY")?,
        point("whitePointX", "whitePointY")?,
        number("maxLuminance")?,
        number("minLuminance")?,
    ))
}

fn light(object: &Value) -> Option<ContentLight> {
    let number = |name| level(object.field(name)?.as_f64()?);
    let (max_content, max_frame_average) = (number("maxCLL"), number("maxFall"));
    (max_content.is_some() || max_frame_average.is_some()).then(|| ContentLight {
        max_content: max_content.unwrap_or(0),
        max_frame_average: max_frame_average.unwrap_or(0),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "in range: it was just tested"
)]
fn code_point(value: f64) -> Option<u8> {
    (0.0..=255.0).contains(&value).then_some(value as u8)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "in range: it was just tested, and held at the end of the range"
)]
fn level(value: f64) -> Option<u16> {
    (value >= 0.0).then(|| value.round().min(f64::from(u16::MAX)) as u16)
}

/// The payload of a metadata packet that says `metadata`.
#[must_use]
pub fn write_color_info(metadata: &ColorMetadata) -> Bytes {
    let object = |fields: &[(&str, f64)]| {
        let field = |&(key, value): &(&str, f64)| (key.to_owned(), Value::Number(value));
        Value::Object(fields.iter().map(field).collect())
    };
    let mut fields = Vec::new();
    if let Some(ColorInfo { primaries, transfer, matrix, .. }) = metadata.color {
        let config = object(&[
            ("colorPrimaries", primaries.into()),
            ("transferCharacteristics", transfer.into()),
            ("matrixCoefficients", matrix.into()),
        ]);
        fields.push(("colorConfig".to_owned(), config));
    }
    if let Some(ContentLight { max_content, max_frame_average }) = metadata.hdr.light {
        let light = [("maxFall", max_frame_average.into()), ("maxCLL", max_content.into())];
        fields.push(("hdrCll".to_owned(), object(&light)));
    }
    if let Some(display) = &metadata.hdr.mastering {
        let [green, blue, red] = display.primaries;
        let at = |value: u16| f64::from(value) / 50_000.0;
        let mastering = object(&[
            ("redX", at(red.0)),
            ("redY", at(red.1)),
            ("greenX", at(green.0)),
            ("greenY", at(green.1)),
            ("blueX", at(blue.0)),
            ("blueY", at(blue.1)),
            ("whitePointX", at(display.white_point.0)),
            ("whitePointY", at(display.white_point.1)),
            ("maxLuminance", f64::from(display.max_luminance) / 10_000.0),
            ("minLuminance", f64::from(display.min_luminance) / 10_000.0),
        ]);
        fields.push(("hdrMdcv".to_owned(), mastering));
    }
    let mut writer = Writer::with_capacity(256);
    amf0::encode_all(&mut writer, &[Value::String("colorInfo".to_owned()), Value::Object(fields)]);
    writer.freeze()
}
