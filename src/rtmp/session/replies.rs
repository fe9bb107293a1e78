//! The answers of a server, as clients expect them.

use crate::amf::Value;
use crate::rtmp::message::Command;

fn object(fields: &[(&str, Value)]) -> Value {
    Value::Object(fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

fn info(level: &str, code: &str, description: &str) -> Vec<(&'static str, Value)> {
    vec![("level", level.into()), ("code", code.into()), ("description", description.into())]
}

/// The answer to `connect` (A5-10). The encoding offered is AMF0, whatever the client asks for (A5-05).
pub(super) fn connected(transaction_id: f64, server_version: &str) -> Command {
    let properties = object(&[
        ("fmsVer", server_version.into()),
        ("capabilities", 31.0.into()),
        ("mode", 1.0.into()),
    ]);
    let mut info = info("status", "NetConnection.Connect.Success", "Connection succeeded.");
    info.push(("objectEncoding", 0.0.into()));
    Command::new("_result", transaction_id, properties, vec![object(&info)])
}

/// `_result` with null and a value.
pub(super) fn result(transaction_id: f64, value: Value) -> Command {
    Command::new("_result", transaction_id, Value::Null, vec![value])
}

/// `_error` with null and the reason.
pub(super) fn error(transaction_id: f64, code: &str, description: &str) -> Command {
    let reason = object(&info("error", code, description));
    Command::new("_error", transaction_id, Value::Null, vec![reason])
}

/// `onStatus`, which belongs to no call. `details` is the stream's name.
pub(super) fn status(level: &str, code: &str, description: &str, details: &str) -> Command {
    let mut info = info(level, code, description);
    if !details.is_empty() {
        info.push(("details", details.into()));
    }
    Command::new("onStatus", 0.0, Value::Null, vec![object(&info)])
}

/// `onFCPublish` or `onFCUnpublish`.
pub(super) fn fc(name: &str, code: &str, description: &str) -> Command {
    Command::new(name, 0.0, Value::Null, vec![object(&info("status", code, description))])
}
