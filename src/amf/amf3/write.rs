//! Values out.

use std::collections::HashMap;

use crate::amf::{Value, amf0::ENCODE_DEPTH};
use crate::buf::Writer;

/// The largest length or reference: 28 bits beside the flag (AMF3 1.3.1).
const MAX_LENGTH: usize = 0x0fff_ffff;
/// An object whose fields all come with their names, its traits in place (AMF3 3.12).
const DYNAMIC: u8 = 0x0b;

/// Writes one value, without the AMF0 marker `0x11` in front. Strings that come again are references.
///
/// What AMF3 lacks: an empty [`Value::EcmaArray`] is written as an empty dense array, the time zone of a date is left out, and
/// [`Value::Reference`] and [`Value::Unsupported`] become undefined. Keys without a character and values nested deeper than 64
/// are left out and written as null, as in [`amf0::encode`](crate::amf::amf0::encode).
pub fn encode(writer: &mut Writer, value: &Value) {
    Encoder { writer, strings: HashMap::new() }.value(value, 0);
}

struct Encoder<'w, 'v> {
    writer: &'w mut Writer,
    strings: HashMap<&'v str, usize>,
}

impl<'v> Encoder<'_, 'v> {
    fn value(&mut self, value: &'v Value, depth: usize) {
        if depth > ENCODE_DEPTH {
            return self.writer.u8(0x01);
        }
        match value {
            Value::Undefined | Value::Reference(_) | Value::Unsupported => self.writer.u8(0x00),
            Value::Null => self.writer.u8(0x01),
            Value::Boolean(boolean) => self.writer.u8(if *boolean { 0x03 } else { 0x02 }),
            Value::Number(number) => self.number(*number),
            Value::String(text) => {
                self.writer.u8(0x06);
                self.string(text);
            }
            Value::Xml(text) => {
                self.writer.u8(0x0b);
                self.bytes(text.as_bytes());
            }
            Value::Date { millis, .. } => {
                self.writer.bytes(&[0x08, 0x01]);
                self.writer.f64(*millis);
            }
            Value::EcmaArray(fields) => {
                // No dense elements.
                self.writer.bytes(&[0x09, 0x01]);
                self.fields(fields, depth);
            }
            Value::StrictArray(elements) => {
                self.writer.u8(0x09);
                self.inline(elements.len());
                // No associative part.
                self.writer.u8(0x01);
                elements.iter().for_each(|element| self.value(element, depth + 1));
            }
            Value::Object(fields) => self.object("", fields, depth),
            Value::TypedObject { class, fields } => self.object(class, fields, depth),
            Value::ByteArray(bytes) => {
                self.writer.u8(0x0c);
                self.bytes(bytes);
            }
        }
    }

    /// Whole numbers of 29 bits as integers, all others as doubles (AMF3 3.6).
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within 29 bits")]
    fn number(&mut self, number: f64) {
        let fits = number.fract() == 0.0 && (-268_435_456.0..=268_435_455.0).contains(&number);
        // A negative zero is no integer.
        if fits && (number != 0.0 || number.is_sign_positive()) {
            self.writer.u8(0x04);
            self.u29((number as i32).cast_unsigned() & 0x1fff_ffff);
        } else {
            self.writer.u8(0x05);
            self.writer.f64(number);
        }
    }

    fn object(&mut self, class: &'v str, fields: &'v [(String, Value)], depth: usize) {
        self.writer.bytes(&[0x0a, DYNAMIC]);
        self.string(class);
        self.fields(fields, depth);
    }

    /// Pairs up to an empty key.
    fn fields(&mut self, fields: &'v [(String, Value)], depth: usize) {
        for (key, value) in fields.iter().filter(|(key, _)| !key.is_empty()) {
            self.string(key);
            self.value(value, depth + 1);
        }
        self.writer.u8(0x01);
    }

    fn string(&mut self, text: &'v str) {
        if let Some(&known) = self.strings.get(text) {
            return self.u29(length(known) << 1);
        }
        // The empty string is never in the table (AMF3 1.3.2).
        if !text.is_empty() {
            self.strings.insert(text, self.strings.len());
        }
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let bytes = bytes.get(..MAX_LENGTH).unwrap_or(bytes);
        self.inline(bytes.len());
        self.writer.bytes(bytes);
    }

    /// The length of what stands here and is no reference.
    fn inline(&mut self, len: usize) {
        self.u29(length(len) << 1 | 1);
    }

    /// 7 bits a byte, and 8 in the fourth (AMF3 1.3.1).
    fn u29(&mut self, value: u32) {
        let [.., last] = value.to_be_bytes();
        let byte = |shift: u32| 0x80 | (value >> shift & 0x7f).to_le_bytes()[0];
        match value {
            0..=0x7f => self.writer.u8(last),
            0x80..=0x3fff => self.writer.bytes(&[byte(7), last & 0x7f]),
            0x4000..=0x001f_ffff => self.writer.bytes(&[byte(14), byte(7), last & 0x7f]),
            _ => self.writer.bytes(&[byte(22), byte(15), byte(8), last]),
        }
    }
}

/// Fits: lengths are cut at 28 bits, and there are fewer strings than bytes.
fn length(len: usize) -> u32 {
    u32::try_from(len.min(MAX_LENGTH)).unwrap_or(0)
}
