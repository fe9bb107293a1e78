//! The part of AMF0 that commands use.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Number.
    Number(f64),
    /// Boolean.
    Boolean(bool),
    /// String.
    String(String),
    /// Object or ECMA array.
    Object(Vec<(String, Value)>),
    /// Strict array.
    Array(Vec<Value>),
    /// Null or undefined.
    Null,
}

impl Value {
    /// A string.
    pub fn string(text: &str) -> Self {
        Self::String(text.to_owned())
    }

    /// Text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// Value of a number.
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// Field of an object.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// Bytes of the values, one after the other.
pub(super) fn encode(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    values.iter().for_each(|value| put(&mut out, value));
    out
}

/// Values up to the first that cannot be read.
pub(super) fn decode(mut bytes: &[u8]) -> Vec<Value> {
    std::iter::from_fn(|| take(&mut bytes)).collect()
}

fn put(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Number(number) => {
            out.push(0);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Boolean(boolean) => out.extend_from_slice(&[1, u8::from(*boolean)]),
        Value::String(text) => {
            out.push(2);
            put_name(out, text);
        }
        Value::Object(fields) => {
            out.push(3);
            for (name, value) in fields {
                put_name(out, name);
                put(out, value);
            }
            out.extend_from_slice(&[0, 0, 9]);
        }
        Value::Array(items) => {
            out.push(10);
            out.extend_from_slice(
                &u32::try_from(items.len()).expect("arrays of the tests are short").to_be_bytes(),
            );
            items.iter().for_each(|item| put(out, item));
        }
        Value::Null => out.push(5),
    }
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    let length = u16::try_from(name.len()).expect("names of the tests are short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(name.as_bytes());
}

fn take(bytes: &mut &[u8]) -> Option<Value> {
    let (marker, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(match marker {
        0 => Value::Number(f64::from_be_bytes(take_array(bytes)?)),
        1 => Value::Boolean(take_array::<1>(bytes)? != [0]),
        2 => Value::String(take_name(bytes)?),
        3 => Value::Object(take_fields(bytes)?),
        8 => {
            take_array::<4>(bytes)?;
            Value::Object(take_fields(bytes)?)
        }
        10 => {
            let count = u32::from_be_bytes(take_array(bytes)?);
            Value::Array((0..count).map(|_| take(bytes)).collect::<Option<_>>()?)
        }
        5 | 6 => Value::Null,
        _ => return None,
    })
}

fn take_fields(bytes: &mut &[u8]) -> Option<Vec<(String, Value)>> {
    let mut fields = Vec::new();
    loop {
        let name = take_name(bytes)?;
        if name.is_empty() {
            return (take_array::<1>(bytes)? == [9]).then_some(fields);
        }
        fields.push((name, take(bytes)?));
    }
}

fn take_name(bytes: &mut &[u8]) -> Option<String> {
    let length = usize::from(u16::from_be_bytes(take_array(bytes)?));
    let (name, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(String::from_utf8_lossy(name).into_owned())
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back() {
        let values = [
            Value::string("connect"),
            Value::Number(1.0),
            Value::Object(vec![
                ("app".into(), Value::string("live")),
                ("fpad".into(), Value::Boolean(false)),
            ]),
            Value::Array(vec![Value::string("hvc1"), Value::Null]),
            Value::Null,
        ];
        assert_eq!(decode(&encode(&values)), values);
    }
}
