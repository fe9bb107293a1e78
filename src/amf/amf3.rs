//! AMF3 values, as they stand inside an AMF0 stream behind the marker `0x11`.
//!
//! Simple values, strings, dates, byte arrays, dense and associative arrays, and objects are read and written. Reference
//! tables belong to one value (AMF0 3.1). Externalizable objects, vectors and dictionaries are unsupported: an error for
//! that message alone.

mod write;

pub use write::encode;

use super::Value;
use crate::buf::Reader;
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;

#[cfg(test)]
mod tests;

/// Reads one AMF3 value (without the AMF0 marker `0x11`).
///
/// References to complex values are not followed: they give [`Value::Undefined`].
///
/// # Errors
/// Malformed where the input is cut short or a reference points at nothing, unsupported for externalizable
/// objects, vectors and dictionaries, limit exceeded past `amf_depth` or `amf_values`.
pub fn decode(reader: &mut Reader<'_>, limits: &Limits) -> Result<Value> {
    decode_nested(reader, limits, 0, &mut 0)
}

pub(super) fn decode_nested(
    reader: &mut Reader<'_>,
    limits: &Limits,
    depth: usize,
    values: &mut usize,
) -> Result<Value> {
    let mut decoder =
        Decoder { limits, values, strings: Vec::new(), traits: Vec::new(), objects: 0, copied: 0 };
    decoder.value(reader, depth)
}

#[derive(Clone)]
struct Traits {
    class: String,
    dynamic: bool,
    members: Vec<String>,
}

struct Decoder<'a> {
    limits: &'a Limits,
    values: &'a mut usize,
    strings: Vec<String>,
    traits: Vec<Traits>,
    objects: usize,
    /// Bytes of strings that references made: bounds what few bytes of input can ask for.
    copied: usize,
}

impl Decoder<'_> {
    fn value(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<Value> {
        let at = reader.offset();
        *self.values += 1;
        if *self.values > self.limits.amf_values {
            return Err(Error::limit(Layer::Amf, "values in one message").at(at));
        }
        if depth > self.limits.amf_depth {
            return Err(Error::limit(Layer::Amf, "depth of nesting").at(at));
        }
        let marker = reader.u8("AMF3 marker")?;
        Ok(match marker {
            0x00 => Value::Undefined,
            0x01 => Value::Null,
            0x02 => Value::Boolean(false),
            0x03 => Value::Boolean(true),
            // 29 bits, sign-extended.
            0x04 => Value::Number(f64::from((u29(reader)? << 3).cast_signed() >> 3)),
            0x05 => Value::Number(reader.f64("AMF3 double")?),
            0x06 => Value::String(self.string(reader)?),
            0x07 | 0x0b => match self.inline(reader)? {
                Some(len) => Value::Xml(text(reader.take(len, "AMF3 XML")?)),
                None => Value::Undefined,
            },
            0x08 => match self.inline(reader)? {
                Some(_) => Value::Date { millis: reader.f64("AMF3 date")?, zone: 0 },
                None => Value::Undefined,
            },
            0x09 => self.array(reader, depth)?,
            0x0a => self.object(reader, depth)?,
            0x0c => match self.inline(reader)? {
                Some(len) => Value::ByteArray(reader.take(len, "AMF3 byte array")?.to_vec()),
                None => Value::Undefined,
            },
            0x0d..=0x11 => {
                return Err(Error::unsupported(Layer::Amf, "AMF3 marker")
                    .found(marker.into())
                    .at(at));
            }
            _ => {
                return Err(Error::malformed(Layer::Amf, "AMF3 marker")
                    .found(marker.into())
                    .at(at));
            }
        })
    }

    /// The length of a complex value that stands here, or none for a reference to an earlier one.
    fn inline(&mut self, reader: &mut Reader<'_>) -> Result<Option<usize>> {
        let at = reader.offset();
        let head = u29(reader)?;
        if head & 1 == 1 {
            self.objects += 1;
            return Ok(Some(index(head >> 1)));
        }
        self.check_reference(head >> 1, at).map(|()| None)
    }

    fn check_reference(&self, reference: u32, at: u64) -> Result<()> {
        if index(reference) < self.objects {
            return Ok(());
        }
        Err(Error::malformed(Layer::Amf, "AMF3 object reference").found(reference.into()).at(at))
    }

    fn string(&mut self, reader: &mut Reader<'_>) -> Result<String> {
        let at = reader.offset();
        let head = u29(reader)?;
        if head & 1 == 0 {
            let known = self.strings.get(index(head >> 1)).cloned();
            let error = Error::malformed(Layer::Amf, "AMF3 string reference")
                .found((head >> 1).into())
                .at(at);
            let known = known.ok_or(error)?;
            self.spend(known.len(), at)?;
            return Ok(known);
        }
        let string = text(reader.take(index(head >> 1), "AMF3 string")?);
        if !string.is_empty() {
            self.strings.push(string.clone());
        }
        Ok(string)
    }

    fn spend(&mut self, bytes: usize, at: u64) -> Result<()> {
        self.copied = self.copied.saturating_add(bytes);
        if self.copied > self.limits.message_bytes {
            return Err(Error::limit(Layer::Amf, "bytes of referenced strings").at(at));
        }
        Ok(())
    }

    fn array(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<Value> {
        let Some(count) = self.inline(reader)? else { return Ok(Value::Undefined) };
        let fields = self.pairs(reader, depth)?;
        if count > reader.remaining() {
            return Err(reader.malformed("AMF3 array count").found(count as u64));
        }
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(self.value(reader, depth + 1)?);
        }
        if fields.is_empty() {
            return Ok(Value::StrictArray(elements));
        }
        let dense = elements.into_iter().enumerate().map(|(at, value)| (at.to_string(), value));
        Ok(Value::EcmaArray(fields.into_iter().chain(dense).collect()))
    }

    /// Key and value pairs up to an empty key.
    fn pairs(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<Vec<(String, Value)>> {
        let mut pairs = Vec::new();
        loop {
            let key = self.string(reader)?;
            if key.is_empty() {
                return Ok(pairs);
            }
            pairs.push((key, self.value(reader, depth + 1)?));
        }
    }

    fn object(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<Value> {
        let at = reader.offset();
        let head = u29(reader)?;
        if head & 1 == 0 {
            return self.check_reference(head >> 1, at).map(|()| Value::Undefined);
        }
        self.objects += 1;
        let traits = self.traits(reader, head, at)?;
        let mut fields = Vec::new();
        for member in traits.members {
            fields.push((member, self.value(reader, depth + 1)?));
        }
        if traits.dynamic {
            fields.append(&mut self.pairs(reader, depth)?);
        }
        Ok(if traits.class.is_empty() {
            Value::Object(fields)
        } else {
            Value::TypedObject { class: traits.class, fields }
        })
    }

    fn traits(&mut self, reader: &mut Reader<'_>, head: u32, at: u64) -> Result<Traits> {
        if head & 2 == 0 {
            let known = self.traits.get(index(head >> 2)).cloned();
            let error = Error::malformed(Layer::Amf, "AMF3 traits reference")
                .found((head >> 2).into())
                .at(at);
            let known = known.ok_or(error)?;
            self.spend(known.members.iter().map(|name| name.len() + 32).sum(), at)?;
            return Ok(known);
        }
        if head & 4 != 0 {
            return Err(Error::unsupported(Layer::Amf, "AMF3 externalizable object").at(at));
        }
        let (dynamic, count) = (head & 8 != 0, index(head >> 4));
        let class = self.string(reader)?;
        if count > reader.remaining() {
            return Err(Error::malformed(Layer::Amf, "AMF3 member count")
                .found(count as u64)
                .at(at));
        }
        let mut members = Vec::new();
        for _ in 0..count {
            members.push(self.string(reader)?);
        }
        let traits = Traits { class, dynamic, members };
        self.traits.push(traits.clone());
        Ok(traits)
    }
}

/// A variable-length unsigned 29-bit integer (AMF3 1.3.1).
fn u29(reader: &mut Reader<'_>) -> Result<u32> {
    let mut value = 0_u32;
    for _ in 0..3 {
        let byte = reader.u8("AMF3 integer")?;
        value = value << 7 | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Ok(value << 8 | u32::from(reader.u8("AMF3 integer")?))
}

fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
