//! nginx-rtmp's form: fields in lower case, in its order, the client's own arguments behind them.
//!
//! The arguments are the client's, so each is encoded anew: none can begin another field, and none can take the name of a field
//! that the server fills in (F-27). nginx-rtmp appends them as they come.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::call::{Call, Notice};

/// All but the unreserved characters of RFC 3986.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The client's arguments that are passed on, at most.
const ARGUMENTS: usize = 64;

/// Fields that are the server's.
const OWN: [&str; 18] = [
    "app",
    "flashver",
    "swfurl",
    "tcurl",
    "pageurl",
    "addr",
    "clientid",
    "epoch",
    "call",
    "name",
    "type",
    "start",
    "duration",
    "reset",
    "time",
    "timestamp",
    "recorder",
    "path",
];

/// The form as it stands in a body, or behind the `?` of a URL.
pub fn encode(notice: &Notice) -> String {
    let mut form = String::with_capacity(256);
    for (key, value) in fields(notice) {
        push(&mut form, key, &value);
    }
    for (key, value) in arguments(&notice.query) {
        push(&mut form, &key, &value);
    }
    form
}

fn push(form: &mut String, key: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    form.extend(utf8_percent_encode(key, VALUE));
    form.push('=');
    form.extend(utf8_percent_encode(value, VALUE));
}

fn fields(notice: &Notice) -> Vec<(&'static str, String)> {
    let client = &notice.client;
    let mut fields = vec![
        ("app", notice.app.clone()),
        ("flashver", client.agent.clone()),
        ("swfurl", client.swf_url.clone()),
        ("tcurl", client.tc_url.clone()),
        ("pageurl", client.page_url.clone()),
        ("addr", client.address.ip().to_canonical().to_string()),
    ];
    match &notice.call {
        Call::Connect => fields.push(("epoch", client.since.to_string())),
        _ => fields.push(("clientid", client.id.to_string())),
    }
    fields.push(("call", notice.call.name().to_owned()));
    let name = ("name", notice.name.clone());
    match &notice.call {
        Call::Connect | Call::Disconnect => {}
        Call::Publish { kind } => fields.extend([name, ("type", (*kind).to_owned())]),
        // Numbers below zero come as nginx-rtmp writes them: unsigned.
        Call::Play { start, duration, reset } => fields.extend([
            name,
            ("start", start.cast_unsigned().to_string()),
            ("duration", duration.cast_unsigned().to_string()),
            ("reset", u8::from(*reset).to_string()),
        ]),
        Call::PublishDone | Call::PlayDone | Call::Done => fields.push(name),
        Call::Update { time, timestamp, .. } => {
            fields.extend([("time", time.to_string()), ("timestamp", timestamp.to_string()), name])
        }
        Call::RecordDone { recorder, path } => {
            fields.extend([("recorder", recorder.clone()), name, ("path", path.clone())]);
        }
    }
    fields
}

/// The client's arguments, decoded, without those that would pass for the server's.
fn arguments(query: &str) -> Vec<(String, String)> {
    let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .filter(|(key, _)| !OWN.iter().any(|own| key.trim().eq_ignore_ascii_case(own)))
        .take(ARGUMENTS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_27_arguments_are_encoded_and_never_pass_for_fields() {
        let given = arguments(
            "key=a+b%26name=x%3Dy&Name=evil&%6eame=evil&call=publish&addr&empty=&x=\r\nHost: y",
        );
        let wanted = [("key", "a+b&name=x=y"), ("empty", ""), ("x", "\r\nHost: y")];
        let wanted = wanted.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(given, wanted);
        let mut form = String::new();
        given.iter().for_each(|(key, value)| push(&mut form, key, value));
        assert_eq!(form, "key=a%2Bb%26name%3Dx%3Dy&empty=&x=%0D%0AHost%3A%20y");
        assert_eq!(arguments(&"a=b&".repeat(1000)).len(), ARGUMENTS);
    }
}
