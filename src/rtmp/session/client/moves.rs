//! Where a server may send its client on to. What a server names is as good as what anybody on the network names: it must not
//! make a client give up TLS, or knock at doors behind the firewall that the client stands behind (F-23).

use std::net::IpAddr;

use super::RtmpUrl;

/// Where a redirection or a request to reconnect may lead to. The same host is always allowed, but for a loss of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MovePolicy {
    /// From `rtmps` to `rtmp`. Default false.
    pub downgrade: bool,
    /// From a host elsewhere to an [internal](is_internal) one. Default false. One internal host may always lead to another. A
    /// name that has an internal address is for the driver to see, by [`allows_address`](Self::allows_address).
    pub internal: bool,
}

impl MovePolicy {
    /// Whether a server at `from` may send its client to `to`, as far as the URLs tell.
    #[must_use]
    pub fn allows(self, from: &RtmpUrl, to: &RtmpUrl) -> bool {
        let same = from.host.eq_ignore_ascii_case(&to.host);
        let inward = is_internal_host(&to.host) && !is_internal_host(&from.host);
        (self.downgrade || !from.tls || to.tls) && (self.internal || same || !inward)
    }

    /// Whether the client may connect to `address`, which a host has that another server named.
    #[must_use]
    pub const fn allows_address(self, address: IpAddr) -> bool {
        self.internal || !is_internal(address)
    }
}

/// Whether an address is for the machine itself, its link or a private network: loopback, unspecified, link-local, private (RFC
/// 1918, RFC 4193), shared (RFC 6598), broadcast.
#[must_use]
pub const fn is_internal(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_broadcast()
                || first == 0
                || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

/// Whether a host says of itself that it is internal.
pub(super) fn is_internal_host(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(address) => is_internal(address),
        Err(_) => {
            let ends = [".localhost", ".local", ".internal"];
            host == "localhost" || ends.iter().any(|end| host.ends_with(end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(policy: MovePolicy, from: &str, to: &str) -> bool {
        let url = |text| RtmpUrl::parse(text).unwrap();
        policy.allows(&url(from), &url(to))
    }

    #[test]
    fn f_23_tls_is_not_given_up() {
        let strict = MovePolicy::default();
        assert!(!allows(strict, "rtmps://a.example/live", "rtmp://a.example/live"));
        assert!(!allows(strict, "rtmps://a.example/live", "rtmp://b.example/live"));
        assert!(allows(strict, "rtmps://a.example/live", "rtmps://b.example/live"));
        assert!(allows(strict, "rtmp://a.example/live", "rtmps://b.example/live"));
        let loose = MovePolicy { downgrade: true, ..strict };
        assert!(allows(loose, "rtmps://a.example/live", "rtmp://b.example/live"));
    }

    #[test]
    fn f_23_a_server_elsewhere_does_not_lead_inside() {
        let strict = MovePolicy::default();
        let hosts = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "[::1]",
            "[::]",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
            "localhost",
            "LOCALHOST.",
            "db.internal",
            "printer.local",
        ];
        for host in hosts {
            let inside = format!("rtmp://{host}/live");
            assert!(!allows(strict, "rtmp://a.example/live", &inside), "{host}");
            assert!(allows(strict, "rtmp://192.168.0.9/live", &inside), "{host}: from inside");
            let loose = MovePolicy { internal: true, ..strict };
            assert!(allows(loose, "rtmp://a.example/live", &inside), "{host}: allowed");
        }
        for host in ["192.0.2.1", "172.32.0.1", "100.128.0.1", "[2001:db8::1]", "local.example"] {
            assert!(
                allows(strict, "rtmp://a.example/live", &format!("rtmp://{host}/live")),
                "{host}"
            );
        }
    }
}
