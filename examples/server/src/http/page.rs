//! The pages, embedded in the program as gzip.

use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::OnceLock;

use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::read::GzDecoder;

use super::compress;

/// The built page, or the plain one where it was not built (see `build.rs`).
const PAGE: &[u8] = include_bytes!(env!("STREAMCORE_PAGE"));
/// The dashboard; the same plain page where it was not built.
const DASHBOARD: &[u8] = include_bytes!(env!("STREAMCORE_DASHBOARD"));

struct Headers {
    etag: HeaderValue,
    /// Of the packed page.
    packed_etag: HeaderValue,
    /// The page for who does not take gzip, once somebody has asked for it.
    plain: OnceLock<Bytes>,
    policy: HeaderValue,
}

/// `GET /`.
pub async fn page(request: HeaderMap) -> Response {
    static HEADERS: OnceLock<Headers> = OnceLock::new();
    answer(&request, PAGE, HEADERS.get_or_init(|| headers_of(PAGE)))
}

/// `GET /dashboard`.
pub async fn dashboard(request: HeaderMap) -> Response {
    static HEADERS: OnceLock<Headers> = OnceLock::new();
    answer(&request, DASHBOARD, HEADERS.get_or_init(|| headers_of(DASHBOARD)))
}

fn answer(request: &HeaderMap, packed: &'static [u8], known: &Headers) -> Response {
    let gzip = compress::is_wanted(request.get(ACCEPT_ENCODING));
    let etag = if gzip { &known.packed_etag } else { &known.etag };
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, known.policy.clone());
    headers.insert(ETAG, etag.clone());
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if request.get(IF_NONE_MATCH) == Some(etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return (headers, packed).into_response();
    }
    let plain = known.plain.get_or_init(|| unpacked(packed).into());
    (headers, plain.clone()).into_response()
}

/// The text of a packed page.
fn unpacked(packed: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text).expect("the build has packed it");
    text
}

fn headers_of(packed: &[u8]) -> Headers {
    let page = unpacked(packed);
    let hash = &hex(&hmac_sha256::Hash::hash(page.as_bytes()))[..32];
    let value =
        |text: String| HeaderValue::try_from(text).expect("hexadecimal and base64 are ASCII");
    Headers {
        etag: value(format!("\"{hash}\"")),
        packed_etag: value(format!("\"gzip-{hash}\"")),
        plain: OnceLock::new(),
        policy: value(policy(&page)),
    }
}

/// A policy that runs the page's own inline scripts, named by their hashes, and no other.
fn policy(page: &str) -> String {
    let mut scripts = String::new();
    for script in inline_scripts(page) {
        let _ =
            write!(scripts, " 'sha256-{}'", base64(&hmac_sha256::Hash::hash(script.as_bytes())));
    }
    format!(
        "default-src 'none'; script-src blob:{scripts}; style-src 'unsafe-inline'; img-src 'self' data: blob:; \
         media-src 'self' blob:; connect-src 'self'; worker-src blob:; font-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'self'"
    )
}

/// The text of every `<script>` element.
fn inline_scripts(page: &str) -> Vec<&str> {
    let mut scripts = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find("<script") {
        rest = &rest[at..];
        let Some(open) = rest.find('>') else { break };
        let Some(end) = rest.find("</script") else { break };
        if open < end {
            scripts.push(&rest[open + 1..end]);
        }
        rest = &rest[end + "</script".len()..];
    }
    scripts
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0u32, |word, &byte| word << 8 | u32::from(byte));
        for digit in 0..4 {
            let value = (word >> (18 - 6 * digit)) & 63;
            text.push(if digit > group.len() { '=' } else { char::from(DIGITS[value as usize]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
    }

    #[test]
    fn every_inline_script_is_named_in_the_policy() {
        let page = "<script>a()</script><p><script type=\"module\">b()</script>";
        assert_eq!(inline_scripts(page), ["a()", "b()"]);
        let policy = policy(page);
        assert_eq!(policy.matches("'sha256-").count(), 2);
        assert!(!policy.contains("script-src 'unsafe-inline'"));
        assert!(headers_of(PAGE).etag.to_str().is_ok_and(|etag| etag.len() == 34));
    }

    #[test]
    fn a_page_is_the_same_packed_and_not() {
        let known = headers_of(PAGE);
        let mut wants = HeaderMap::new();
        let plain = answer(&wants, PAGE, &known);
        wants.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br"));
        let packed = answer(&wants, PAGE, &known);
        assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
        assert!(plain.headers().get(CONTENT_ENCODING).is_none());
        assert!(plain.headers()[ETAG] != packed.headers()[ETAG]);
        assert!(unpacked(PAGE).contains("<!doctype html>"));
        wants.insert(IF_NONE_MATCH, packed.headers()[ETAG].clone());
        assert_eq!(answer(&wants, PAGE, &known).status(), StatusCode::NOT_MODIFIED);
    }
}
