//! AMF0 (the format of December 2007).

use super::{Value, amf3};
use crate::buf::{Reader, Writer};
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;

#[cfg(test)]
mod tests;

mod marker {
    pub(super) const NUMBER: u8 = 0x00;
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const STRING: u8 = 0x02;
    pub(super) const OBJECT: u8 = 0x03;
    pub(super) const NULL: u8 = 0x05;
    pub(super) const UNDEFINED: u8 = 0x06;
    pub(super) const REFERENCE: u8 = 0x07;
    pub(super) const ECMA_ARRAY: u8 = 0x08;
    pub(super) const OBJECT_END: u8 = 0x09;
    pub(super) const STRICT_ARRAY: u8 = 0x0a;
    pub(super) const DATE: u8 = 0x0b;
    pub(super) const LONG_STRING: u8 = 0x0c;
    pub(super) const UNSUPPORTED: u8 = 0x0d;
    pub(super) const XML: u8 = 0x0f;
    pub(super) const TYPED_OBJECT: u8 = 0x10;
    pub(super) const AVM_PLUS: u8 = 0x11;
}

/// Nesting past which [`encode`] writes null in place of a value.
pub(super) const ENCODE_DEPTH: usize = 64;

/// Reads one value.
///
/// An object without its end marker at the end of the input is taken as it is (sent by real encoders).
///
/// # Errors
/// Malformed where the input is cut short or a marker is unknown, unsupported for the markers that the
/// specification reserves, limit exceeded past `amf_depth` or `amf_values`.
pub fn decode(reader: &mut Reader<'_>, limits: &Limits) -> Result<Value> {
    let mut decoder = Decoder::new(limits);
    let value = decoder.value(reader, 0);
    match decoder.failed {
        Some(error) => Err(error),
        None => Ok(value),
    }
}

/// Reads values to the end of `data`. What was read before an error is kept, down to the fields of an
/// object that is cut short; the error comes beside it.
#[must_use]
pub fn decode_all(data: &[u8], limits: &Limits) -> (Vec<Value>, Option<Error>) {
    let mut reader = Reader::new(Layer::Amf, data);
    let mut decoder = Decoder::new(limits);
    let mut values = Vec::new();
    while !reader.is_empty() && decoder.failed.is_none() {
        let value = decoder.value(&mut reader, 0);
        if decoder.failed.is_none() || value.fields().is_some_and(|fields| !fields.is_empty()) {
            values.push(value);
        }
    }
    (values, decoder.failed)
}

/// Reads with a budget. After a failure it reads nothing more, and each open container is closed with what it has.
struct Decoder<'l> {
    limits: &'l Limits,
    values: usize,
    failed: Option<Error>,
}

impl<'l> Decoder<'l> {
    const fn new(limits: &'l Limits) -> Self {
        Self { limits, values: 0, failed: None }
    }

    fn value(&mut self, reader: &mut Reader<'_>, depth: usize) -> Value {
        self.try_value(reader, depth).unwrap_or_else(|error| {
            self.failed.get_or_insert(error);
            Value::Undefined
        })
    }

    fn try_value(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<Value> {
        let at = reader.offset();
        self.values += 1;
        if self.values > self.limits.amf_values {
            return Err(Error::limit(Layer::Amf, "values in one message").at(at));
        }
        if depth > self.limits.amf_depth {
            return Err(Error::limit(Layer::Amf, "depth of nesting").at(at));
        }
        let marker = reader.u8("marker")?;
        Ok(match marker {
            marker::NUMBER => Value::Number(reader.f64("number")?),
            marker::BOOLEAN => Value::Boolean(reader.u8("boolean")? != 0),
            marker::STRING => Value::String(short_string(reader)?),
            marker::LONG_STRING => Value::String(long_string(reader)?),
            marker::XML => Value::Xml(long_string(reader)?),
            marker::OBJECT => Value::Object(self.fields(reader, depth)),
            marker::ECMA_ARRAY => {
                // The count is a hint only: entries end with the end marker.
                reader.u32("ECMA array count")?;
                Value::EcmaArray(self.fields(reader, depth))
            }
            marker::TYPED_OBJECT => {
                let class = short_string(reader)?;
                Value::TypedObject { class, fields: self.fields(reader, depth) }
            }
            marker::STRICT_ARRAY => self.strict_array(reader, depth)?,
            marker::DATE => {
                let millis = reader.f64("date")?;
                Value::Date { millis, zone: reader.u16("time zone")?.cast_signed() }
            }
            marker::NULL => Value::Null,
            marker::UNDEFINED => Value::Undefined,
            marker::UNSUPPORTED => Value::Unsupported,
            marker::REFERENCE => Value::Reference(reader.u16("reference")?),
            marker::AVM_PLUS => amf3::decode_nested(reader, self.limits, depth, &mut self.values)?,
            0x04 | 0x0e => {
                return Err(Error::unsupported(Layer::Amf, "reserved marker")
                    .found(marker.into())
                    .at(at));
            }
            _ => return Err(Error::malformed(Layer::Amf, "marker").found(marker.into()).at(at)),
        })
    }

    /// Fields up to the end marker, the end of the input or a failure.
    fn fields(&mut self, reader: &mut Reader<'_>, depth: usize) -> Vec<(String, Value)> {
        let mut fields = Vec::new();
        while self.failed.is_none() {
            match reader.rest() {
                [0, 0, marker::OBJECT_END, ..] => {
                    let _ = reader.skip(3, "object end");
                    break;
                }
                // The end marker, or its end, is missing at the end of the message.
                [] | [0] | [0, 0] => {
                    let _ = reader.skip(reader.remaining(), "object end");
                    break;
                }
                _ => {}
            }
            let key = match short_string(reader) {
                Ok(key) => key,
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            };
            if reader.rest().first() == Some(&marker::OBJECT_END) {
                // An end marker where a value belongs: some encoders write it behind a key.
                let _ = reader.skip(1, "object end");
                break;
            }
            let value = self.value(reader, depth + 1);
            if self.failed.is_none() || value.fields().is_some_and(|fields| !fields.is_empty()) {
                fields.push((key, value));
            }
        }
        fields
    }

    fn strict_array(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<Value> {
        let at = reader.offset();
        let count = reader.u32("strict array count")?;
        // Each element takes at least one byte.
        if usize::try_from(count).map_or(true, |count| count > reader.remaining()) {
            return Err(Error::malformed(Layer::Amf, "strict array count")
                .found(count.into())
                .at(at));
        }
        let mut elements = Vec::new();
        for _ in 0..count {
            let element = self.value(reader, depth + 1);
            if self.failed.is_some() {
                break;
            }
            elements.push(element);
        }
        Ok(Value::StrictArray(elements))
    }
}

fn short_string(reader: &mut Reader<'_>) -> Result<String> {
    let len = reader.u16("string length")?;
    Ok(lossy(reader.take(len.into(), "string")?))
}

fn long_string(reader: &mut Reader<'_>) -> Result<String> {
    let len = reader.u32("long string length")?;
    Ok(lossy(reader.take(usize::try_from(len).unwrap_or(usize::MAX), "long string")?))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes one value.
///
/// Strings past 65,535 bytes are written as long strings. Keys are cut at that length, and values nested deeper than
/// 64 are written as null, so that every value has an encoding. A [`Value::ByteArray`], which AMF0 lacks, is written as
/// [`Value::Unsupported`].
pub fn encode(writer: &mut Writer, value: &Value) {
    encode_nested(writer, value, 0);
}

/// Writes several values, one after the other.
pub fn encode_all(writer: &mut Writer, values: &[Value]) {
    values.iter().for_each(|value| encode(writer, value));
}

/// Writes one value for a peer that agreed on AMF3 (`objectEncoding` 3): numbers, booleans, strings, null and undefined as
/// AMF0 has them, all else in AMF3 behind the marker `0x11`, which holds for that value alone (AMF0 3.1).
pub fn encode_amf3(writer: &mut Writer, value: &Value) {
    match value {
        Value::Number(_)
        | Value::Boolean(_)
        | Value::String(_)
        | Value::Null
        | Value::Undefined => encode(writer, value),
        _ => {
            writer.u8(marker::AVM_PLUS);
            amf3::encode(writer, value);
        }
    }
}

fn encode_nested(writer: &mut Writer, value: &Value, depth: usize) {
    if depth > ENCODE_DEPTH {
        writer.u8(marker::NULL);
        return;
    }
    match value {
        Value::Number(number) => {
            writer.u8(marker::NUMBER);
            writer.f64(*number);
        }
        Value::Boolean(boolean) => {
            writer.u8(marker::BOOLEAN);
            writer.u8(u8::from(*boolean));
        }
        Value::String(text) => encode_string(writer, text),
        Value::Xml(text) => {
            writer.u8(marker::XML);
            encode_long(writer, text);
        }
        Value::Object(fields) => {
            writer.u8(marker::OBJECT);
            encode_fields(writer, fields, depth);
        }
        Value::EcmaArray(fields) => {
            writer.u8(marker::ECMA_ARRAY);
            let written = fields.iter().filter(|(key, _)| !key.is_empty()).count();
            writer.u32(u32::try_from(written).unwrap_or(u32::MAX));
            encode_fields(writer, fields, depth);
        }
        Value::TypedObject { class, fields } => {
            writer.u8(marker::TYPED_OBJECT);
            encode_key(writer, class);
            encode_fields(writer, fields, depth);
        }
        Value::StrictArray(elements) => {
            writer.u8(marker::STRICT_ARRAY);
            writer.u32(u32::try_from(elements.len()).unwrap_or(u32::MAX));
            elements.iter().for_each(|element| encode_nested(writer, element, depth + 1));
        }
        Value::Date { millis, zone } => {
            writer.u8(marker::DATE);
            writer.f64(*millis);
            writer.u16(zone.cast_unsigned());
        }
        Value::Reference(index) => {
            writer.u8(marker::REFERENCE);
            writer.u16(*index);
        }
        Value::Null => writer.u8(marker::NULL),
        Value::Undefined => writer.u8(marker::UNDEFINED),
        Value::Unsupported | Value::ByteArray(_) => writer.u8(marker::UNSUPPORTED),
    }
}

fn encode_string(writer: &mut Writer, text: &str) {
    if let Ok(len) = u16::try_from(text.len()) {
        writer.u8(marker::STRING);
        writer.u16(len);
        writer.bytes(text.as_bytes());
    } else {
        writer.u8(marker::LONG_STRING);
        encode_long(writer, text);
    }
}

fn encode_long(writer: &mut Writer, text: &str) {
    writer.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    writer.bytes(text.as_bytes());
}

fn encode_fields(writer: &mut Writer, fields: &[(String, Value)], depth: usize) {
    for (key, value) in fields {
        // An empty key would read as the end of the object.
        if !key.is_empty() {
            encode_key(writer, key);
            encode_nested(writer, value, depth + 1);
        }
    }
    writer.u24(marker::OBJECT_END.into());
}

fn encode_key(writer: &mut Writer, key: &str) {
    let mut end = key.len().min(usize::from(u16::MAX));
    while !key.is_char_boundary(end) {
        end -= 1;
    }
    let key = key.get(..end).unwrap_or_default();
    writer.u16(u16::try_from(key.len()).unwrap_or(0));
    writer.bytes(key.as_bytes());
}
