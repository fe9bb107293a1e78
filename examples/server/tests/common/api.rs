//! Calls of the API as its users make them: with the token that the first start printed.

use serde_json::Value;

use super::{Response, Server};

/// The token that the first start prints.
pub fn token(server: &Server) -> String {
    let (_, rest) = server.banner.split_once("api token").expect("a token in the banner");
    rest.split_whitespace().next().expect("a token").to_owned()
}

/// One request with a body of JSON; `headers` with their line ends.
pub fn raw(server: &Server, method: &str, path: &str, headers: &str, body: &str) -> Response {
    let length = body.len();
    let head = format!("{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n");
    // The end of the head is behind what is given, and what the body has too much is not looked at.
    server.request(method, path, &format!("{head}\r\n{body}"))
}

/// The same with `token`.
pub fn call_with(
    server: &Server,
    token: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> (u16, Value) {
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let answer = raw(server, method, path, &bearer, &text);
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// The same with the token of the first start.
pub fn call(server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
    call_with(server, &token(server), method, path, body)
}

/// Makes a live stream.
pub fn create(server: &Server, settings: &Value) -> Value {
    let (status, made) = call(server, "POST", "/api/v1/live-streams", settings);
    assert_eq!(status, 201, "{made}");
    made["data"].clone()
}

/// Makes a key that signs addresses: its id and its secret.
pub fn signing_key(server: &Server) -> (String, String) {
    let wanted = serde_json::json!({ "algorithm": "HMAC" });
    let (_, key) = call(server, "POST", "/api/v1/signing-keys", &wanted);
    let text = |name: &str| key["data"][name].as_str().expect("a text").to_owned();
    (text("id"), text("secret"))
}

/// The query that opens a playback id until `end`, in seconds since 1970.
pub fn signature((kid, secret): (&str, &str), id: &str, end: u64) -> String {
    let sig = super::assets::hex(&hmac_sha256::HMAC::mac(format!("{id}\n{end}"), secret));
    format!("kid={kid}&expires={end}&sig={sig}")
}

/// What `path` gives.
pub fn get(server: &Server, path: &str) -> Value {
    let (status, answer) = call(server, "GET", path, &Value::Null);
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}
