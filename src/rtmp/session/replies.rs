//! The answers of a server, as clients expect them.

use crate::amf::Value;
use crate::rtmp::message::{Capabilities, Command};

fn object(fields: &[(&str, Value)]) -> Value {
    Value::Object(fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

fn info(level: &str, code: &str, description: &str) -> Vec<(&'static str, Value)> {
    vec![("level", level.into()), ("code", code.into()), ("description", description.into())]
}

/// The answer to `connect` (A5-10). What this side can of Enhanced RTMP stands in both objects: the specification
/// does not say in which, and clients look in either.
pub(super) fn connected(
    transaction_id: f64,
    server_version: &str,
    object_encoding: f64,
    capabilities: Option<&Capabilities>,
) -> Command {
    let extra = capabilities.map(Capabilities::fields).unwrap_or_default();
    let mut properties = vec![
        ("fmsVer".to_owned(), server_version.into()),
        ("capabilities".to_owned(), 31.0.into()),
        ("mode".to_owned(), 1.0.into()),
    ];
    properties.extend(extra.iter().cloned());
    let mut info = info("status", "NetConnection.Connect.Success", "Connection succeeded.");
    info.push(("objectEncoding", object_encoding.into()));
    let mut info: Vec<_> = info.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    info.extend(extra);
    let arguments = vec![Value::Object(info)];
    Command::new("_result", transaction_id, Value::Object(properties), arguments)
}

/// Asks the client to connect anew, to `tc_url` where one is given (Enhanced RTMP v2, "Reconnect Request").
pub(super) fn reconnect(tc_url: Option<&str>, description: &str) -> Command {
    let mut info = info("status", "NetConnection.Connect.ReconnectRequest", description);
    info.extend(tc_url.map(|url| ("tcUrl", url.into())));
    Command::new("onStatus", 0.0, Value::Null, vec![object(&info)])
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
