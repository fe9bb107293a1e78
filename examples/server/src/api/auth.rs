//! Who may use the API: who shows a token, and by default whoever is on this machine.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, FORWARDED, HOST, ORIGIN, VIA};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::problem::Problem;
use crate::keys::Require;

/// Who asks, on routes that are open to everybody.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Whether it may use the whole of the API.
    pub manages: bool,
}

/// Lets a request through that may pass.
pub async fn check(
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if manages(&api, peer, request.headers()).unwrap_or(false) {
        return next.run(request).await;
    }
    refuse()
}

/// Lets every request through that shows no wrong token, with who asks.
pub async fn recognize(
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(manages) = manages(&api, peer, request.headers()) else { return refuse() };
    request.extensions_mut().insert(Caller { manages });
    next.run(request).await
}

fn refuse() -> Response {
    let detail = "this needs a token of the API: Authorization: Bearer …";
    Problem::new(StatusCode::UNAUTHORIZED, detail).into_response()
}

/// Whether who asks may use the API; `None` for a wrong token.
fn manages(api: &Api, peer: SocketAddr, headers: &HeaderMap) -> Option<bool> {
    match bearer(headers) {
        // A token that is shown must be right, wherever it comes from.
        Some(token) => token.filter(|token| api.keys.is_api_token(token)).map(|_| true),
        None => Some(match api.require_token {
            Require::Never => true,
            Require::Remote => is_local(peer.ip(), headers),
            Require::Always => false,
        }),
    }
}

/// The token of a request; `Some(None)` where there is something else.
fn bearer(headers: &HeaderMap) -> Option<Option<&str>> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok();
    Some(text.and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }))
}

/// Whether a program or a page of this machine asks. A proxy on this machine asks for others, and so may a page of another site
/// in a browser of this machine.
fn is_local(peer: IpAddr, headers: &HeaderMap) -> bool {
    let proxied = [FORWARDED, VIA]
        .iter()
        .map(|name| name.as_str())
        .chain(["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"])
        .any(|name| headers.contains_key(name));
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST.as_str());
    let same_origin = text(ORIGIN.as_str())
        .is_none_or(|origin| origin.split_once("://").map(|(_, host)| host) == host);
    let same_site =
        text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    peer.to_canonical().is_loopback()
        && !proxied
        && host.is_none_or(names_this_machine)
        && same_origin
        && same_site
}

/// Whether a `Host` names this machine itself: another name may have been made to lead here (DNS rebinding).
fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(peer: &str, lines: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.insert(*name, value.parse().unwrap());
        }
        is_local(peer.parse().unwrap(), &headers)
    }

    #[test]
    fn a_program_of_this_machine_is_local() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST"] {
            assert!(local("127.0.0.1", &[("host", host)]), "{host}");
        }
        assert!(local("::ffff:127.0.0.1", &[]));
        let page = [("host", "localhost:8080"), ("origin", "http://localhost:8080")];
        assert!(local("::1", &page));
    }

    #[test]
    fn f_28_others_are_not_local_whatever_they_say() {
        assert!(!local("192.0.2.7", &[("host", "localhost")]));
        assert!(!local("192.0.2.7", &[("x-forwarded-for", "127.0.0.1")]));
        for name in ["x-forwarded-for", "forwarded", "via", "x-real-ip"] {
            assert!(!local("127.0.0.1", &[("host", "localhost"), (name, "127.0.0.1")]), "{name}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_not_local() {
        let local = |lines: &[_]| local("127.0.0.1", lines);
        assert!(!local(&[("host", "rebound.example:8080")]));
        assert!(!local(&[("host", "localhost.example")]));
        assert!(!local(&[("host", "localhost:8080"), ("origin", "http://site.example")]));
        assert!(!local(&[("host", "localhost:8080"), ("origin", "null")]));
        assert!(!local(&[("host", "localhost:8080"), ("origin", "http://localhost:9999")]));
        assert!(!local(&[("host", "localhost:8080"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn something_else_than_a_token_is_no_token() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer(&headers), None);
        for (text, token) in
            [("Bearer x", Some("x")), ("bearer  x ", Some("x")), ("Basic x", None), ("x", None)]
        {
            headers.insert(AUTHORIZATION, text.parse().unwrap());
            assert_eq!(bearer(&headers), Some(token), "{text}");
        }
    }
}
