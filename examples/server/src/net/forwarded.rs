//! X-Forwarded-For, which anybody can send, and which is believed of known proxies only.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use super::contains;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Whose request it is. Each proxy puts the address that it sees behind those that are there, so the list is read from its end, up to
/// the first address that is not one of a trusted proxy.
pub fn client(headers: &HeaderMap, peer: SocketAddr, trusted: &[IpNet]) -> SocketAddr {
    let mut client = peer;
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let addresses = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    for text in addresses {
        if !contains(trusted, client) {
            break;
        }
        // What is no address was written by nobody who is trusted with more.
        let Some(address) = address(text.trim()) else { break };
        client = address;
    }
    client
}

/// An address, with or without a port.
fn address(text: &str) -> Option<SocketAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let alone = || bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0));
    text.parse().ok().or_else(alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_28_only_what_trusted_proxies_say_is_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let of = |peer: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            client(&headers, peer.parse().unwrap(), &trusted).ip().to_string()
        };
        assert_eq!(of("192.0.2.1:5", &["1.2.3.4"]), "192.0.2.1");
        assert_eq!(of("10.0.0.1:5", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(of("[::1]:5", &["[2001:db8::1]:99"]), "2001:db8::1");
        assert_eq!(of("[::ffff:10.0.0.1]:5", &["1.2.3.4:80"]), "1.2.3.4");
        // The client wrote the first one itself.
        assert_eq!(of("10.0.0.1:5", &["127.0.0.1, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(of("10.0.0.1:5", &["9.9.9.9", "1.2.3.4, 10.7.7.7"]), "1.2.3.4");
        assert_eq!(of("10.0.0.1:5", &["nobody"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1:5", &[]), "10.0.0.1");
    }
}
