//! What is done with a connection before it is one of RTMP or HTTP: whose it is, whether there are too many, and TLS.

mod door;
mod forwarded;
mod proxy;
mod sockets;

use std::net::{IpAddr, SocketAddr};

use clap::Args;
use ipnet::IpNet;

pub use door::{Arrival, Door, Permit};
pub use forwarded::client;
pub use sockets::{Sockets, raise_open_files};

/// Options of listeners, of either kind.
#[derive(Clone, Debug, Args)]
pub struct NetArgs {
    /// Address for HTTPS, HTTP/2 among it; the certificate is that of RTMPS. Port 0 picks a free one.
    #[arg(long, env = "STREAMCORE_HTTPS_LISTEN", value_name = "ADDR")]
    pub https_listen: Option<SocketAddr>,
    /// Networks of proxies that say by the PROXY protocol (version 1 or 2) whose connection it is, on every port. From there
    /// the header has to come, from elsewhere it is not taken.
    #[arg(long, env = "STREAMCORE_PROXY_PROTOCOL_FROM", value_name = "NET", value_delimiter = ',', value_parser = net)]
    pub proxy_protocol_from: Vec<IpNet>,
    /// Networks of proxies whose X-Forwarded-For is believed.
    #[arg(long, env = "STREAMCORE_FORWARDED_FROM", value_name = "NET", value_delimiter = ',', value_parser = net)]
    pub forwarded_from: Vec<IpNet>,
    /// Connections at once from one address (of IPv6: from one /64), for RTMP and HTTP each; more are closed. Those from this
    /// machine and from proxies that X-Forwarded-For is believed of are not counted.
    #[arg(
        long,
        env = "STREAMCORE_MAX_CONNECTIONS_PER_IP",
        value_name = "N",
        default_value_t = 1024
    )]
    pub max_connections_per_ip: usize,
    /// HTTP connections at once, HTTPS among them; more are closed.
    #[arg(
        long,
        env = "STREAMCORE_MAX_HTTP_CONNECTIONS",
        value_name = "N",
        default_value_t = 16_384
    )]
    pub max_http_connections: usize,
}

/// Reads `10.0.0.0/8` or an address.
fn net(text: &str) -> Result<IpNet, String> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    net.map_err(|_| format!("`{text}` is neither an address nor a network like 10.0.0.0/8"))
}

fn contains(nets: &[IpNet], address: SocketAddr) -> bool {
    // A socket for IPv6 shows IPv4 clients in an address of IPv6.
    let ip = address.ip().to_canonical();
    nets.iter().any(|net| net.contains(&ip))
}
