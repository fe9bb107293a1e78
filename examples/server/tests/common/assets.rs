//! Recordings as the API tells them, and what is in their bucket.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use kit::http;
use serde_json::Value;

/// In hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&hmac_sha256::Hash::hash(bytes))
}

pub fn is_uploaded(asset: &Value) -> bool {
    asset["state"] == "uploaded" && asset["local"] == false
}

/// Path of its file below the folder of recordings.
pub fn key(asset: &Value) -> String {
    let url = asset["url"].as_str().expect("an address");
    url.strip_prefix("/recordings/").expect("a recording").to_owned()
}

/// Where its file is while it is on this machine.
pub fn local(data: &Path, asset: &Value) -> PathBuf {
    data.join("recordings").join(key(asset))
}

/// Follows where the server sends a player; `query` opens it.
pub fn played(server: SocketAddr, asset: &Value, query: &str) -> Vec<u8> {
    let url = asset["url"].as_str().expect("an address");
    let answer = http::get(server, &format!("{url}{query}")).expect("an answer");
    assert_eq!(answer.status, 307, "{}", answer.text());
    let signed = answer.header("location").expect("an address");
    let (host, path) =
        signed.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a URL");
    let file =
        http::get(host.parse().expect("an address"), &format!("/{path}")).expect("an answer");
    assert_eq!(file.status, 200, "{}", file.text());
    file.body
}
