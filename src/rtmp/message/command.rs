//! Command messages (RTMP 1.0 7.1.1): a name, a transaction id and values.

use bytes::Bytes;

use super::type_id;
use crate::amf::{Value, amf0};
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;
use crate::rtmp::chunk::Message;

/// A command or the answer to one.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// `connect`, `_result`, `onStatus` and so on.
    pub name: String,
    /// The transaction id as it came, to be echoed; 0 asks for no answer.
    pub transaction_id: f64,
    /// The command object, or null.
    pub object: Value,
    /// What follows it.
    pub arguments: Vec<Value>,
}

impl Command {
    /// Makes a command.
    #[must_use]
    pub fn new(name: &str, transaction_id: f64, object: Value, arguments: Vec<Value>) -> Self {
        Self { name: name.to_owned(), transaction_id, object, arguments }
    }

    /// Reads a command body (message types 20 and 17). Values behind one that cannot be read are missing; a missing or
    /// odd transaction id counts as 0. Also says whether a stray leading zero was skipped.
    ///
    /// # Errors
    /// Malformed where there is no name.
    pub fn parse(type_id: u8, payload: &[u8], limits: &Limits) -> Result<(Self, bool)> {
        let (payload, stray) = strip_leading_zero(type_id, payload);
        let (values, error) = amf0::decode_all(payload, limits);
        let mut values = values.into_iter();
        let Some(Value::String(name)) = values.next() else {
            return Err(error.unwrap_or(Error::malformed(Layer::Message, "command name")));
        };
        let transaction_id = values.next().and_then(|value| value.as_f64()).unwrap_or(0.0);
        let object = values.next().unwrap_or(Value::Null);
        Ok((Self { name, transaction_id, object, arguments: values.collect() }, stray))
    }

    /// The message (type 20) on a message stream, at time 0.
    #[must_use]
    pub fn to_message(&self, stream_id: u32) -> Message {
        let payload = self.body(Writer::with_capacity(256), amf0::encode);
        Message { type_id: type_id::COMMAND, stream_id, timestamp: 0, payload }
    }

    /// The same for a peer that agreed on `objectEncoding` 3 (type 17): a byte zero, then objects and arrays in AMF3.
    #[must_use]
    pub fn to_amf3_message(&self, stream_id: u32) -> Message {
        let mut body = Writer::with_capacity(256);
        body.u8(0);
        let payload = self.body(body, amf0::encode_amf3);
        Message { type_id: type_id::COMMAND_AMF3, stream_id, timestamp: 0, payload }
    }

    fn body(&self, mut body: Writer, encode: impl Fn(&mut Writer, &Value)) -> Bytes {
        encode(&mut body, &Value::from(self.name.as_str()));
        encode(&mut body, &Value::Number(self.transaction_id));
        encode(&mut body, &self.object);
        self.arguments.iter().for_each(|value| encode(&mut body, value));
        body.freeze()
    }
}

/// Types 15 and 17 start with a byte zero, which some senders leave out; some put it into types 18 and 20 too (A5-06).
pub(super) fn strip_leading_zero(type_id: u8, payload: &[u8]) -> (&[u8], bool) {
    let amf3 = matches!(type_id, type_id::COMMAND_AMF3 | type_id::DATA_AMF3);
    match payload {
        [0, rest @ ..] if amf3 || rest.first() == Some(&2) => (rest, !amf3),
        _ => (payload, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(command: &Command) -> Vec<u8> {
        command.to_message(0).payload.to_vec()
    }

    fn parse(type_id: u8, payload: &[u8]) -> (Command, bool) {
        Command::parse(type_id, payload, &Limits::default()).unwrap()
    }

    #[test]
    fn a5_06_leading_zero_is_skipped_in_both_encodings() {
        let command = Command::new("createStream", 4.0, Value::Null, vec![]);
        let plain = body(&command);
        let with_zero = [&[0][..], &plain].concat();
        assert_eq!(parse(20, &plain), (command.clone(), false));
        assert_eq!(parse(20, &with_zero), (command.clone(), true));
        assert_eq!(parse(17, &with_zero), (command.clone(), false));
        assert_eq!(parse(17, &plain), (command, false));
    }

    #[test]
    fn a5_06_a_command_in_amf3_reads_as_written() {
        let info =
            Value::Object(vec![("level".into(), "status".into()), ("at".into(), 1.5.into())]);
        let command = Command::new("onStatus", 0.0, Value::Null, vec![info, Value::Undefined]);
        let message = command.to_amf3_message(1);
        assert_eq!(message.payload[..4], [0, 2, 0, 8]);
        assert_eq!(parse(message.type_id, &message.payload), (command, false));
    }

    #[test]
    fn a5_07_amf3_switch_in_a_type_20_command_holds_for_one_value() {
        let mut body = body(&Command::new("publish", 5.0, Value::Null, vec![]));
        body.extend_from_slice(&[
            0x11, 0x06, 0x07, b'k', b'e', b'y', 0x02, 0, 4, b'l', b'i', b'v', b'e',
        ]);
        let (command, _) = parse(20, &body);
        assert_eq!(command.arguments, [Value::from("key"), Value::from("live")]);
    }

    #[test]
    fn a_bad_argument_costs_only_what_follows_it() {
        let mut body = body(&Command::new("x", 2.0, Value::Null, vec![Value::from(1.0)]));
        body.push(0x0e);
        assert_eq!(parse(20, &body).0.arguments, [Value::Number(1.0)]);
        assert!(Command::parse(20, &[], &Limits::default()).is_err());
        assert!(Command::parse(20, &[5], &Limits::default()).is_err());
    }

    #[test]
    fn a5_41_odd_transaction_ids_are_kept_or_zero() {
        let odd = Command::new("x", 2.5, Value::Null, vec![]);
        assert!((parse(20, &body(&odd)).0.transaction_id - 2.5).abs() < f64::EPSILON);
        assert!(parse(20, &[2, 0, 1, b'x', 2, 0, 1, b'7']).0.transaction_id.abs() < f64::EPSILON);
    }
}
