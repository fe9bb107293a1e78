//! From a URL to a stream: names, addresses, TCP and TLS.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ::tokio::net::{TcpStream, lookup_host};
use ::tokio::time::{Instant, timeout};

use super::ConnectConfig;
use crate::driver::tokio::Socket;
use crate::rtmp::session::{ClientConfig, RtmpUrl};

/// A connection to a server.
pub(super) enum Stream {
    Plain(Socket),
    #[cfg(feature = "rtmps")]
    Tls(Box<tokio_rustls::client::TlsStream<Socket>>),
}

/// What kept a client from connecting. The text names the host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host has no address.
    #[error("cannot find the host {host}: {source}")]
    Host {
        /// The host of the URL.
        host: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// No address of the host takes connections.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Host, or address, and port.
        address: String,
        /// What the last address said.
        source: io::Error,
    },
    /// The host did not answer in [`ConnectConfig::connect_timeout`].
    #[error("cannot connect to {address}: no answer within {seconds} s")]
    Timeout {
        /// Host and port.
        address: String,
        /// The time that it had.
        seconds: f64,
    },
    /// The server's certificate is not trusted, or it does not speak TLS.
    #[error("no TLS with {address}: {source}")]
    Tls {
        /// Host and port.
        address: String,
        /// What was wrong.
        source: io::Error,
    },
    /// Another server sent the client to a host whose addresses are all internal, which
    /// [`MovePolicy`](crate::rtmp::session::MovePolicy) does not allow.
    #[error(
        "not connecting to {host}, which has an internal address and was named by another server"
    )]
    Internal {
        /// The host of the URL.
        host: String,
    },
    /// `rtmps://` without the feature `rtmps`.
    #[error("rtmps:// is not supported by this build")]
    Unsupported,
}

/// Connects within [`ConnectConfig::connect_timeout`].
pub(super) async fn dial(
    client: &ClientConfig,
    config: &ConnectConfig,
) -> Result<Stream, ConnectError> {
    let url = &client.url;
    if url.tls && !cfg!(feature = "rtmps") {
        return Err(ConnectError::Unsupported);
    }
    let address = address(url);
    match timeout(config.connect_timeout, open(client, config, &address)).await {
        Ok(stream) => stream,
        Err(_) => {
            Err(ConnectError::Timeout { address, seconds: config.connect_timeout.as_secs_f64() })
        }
    }
}

/// Host and port, for people.
fn address(url: &RtmpUrl) -> String {
    let (host, port) = (&url.host, url.port_or_default());
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

async fn open(
    client: &ClientConfig,
    config: &ConnectConfig,
    address: &str,
) -> Result<Stream, ConnectError> {
    let url = &client.url;
    let host = || url.host.clone();
    let found = lookup_host((url.host.as_str(), url.port_or_default())).await;
    let mut found: Vec<_> =
        found.map_err(|source| ConnectError::Host { host: host(), source })?.collect();
    if client.is_moved() {
        found.retain(|address| client.moves.allows_address(address.ip()));
        if found.is_empty() {
            return Err(ConnectError::Internal { host: host() });
        }
    }
    let connected = first_of(&found, config.connect_timeout).await;
    let stream = connected
        .map_err(|source| ConnectError::Connect { address: address.to_owned(), source })?;
    let socket = Socket::new(stream);
    #[cfg(feature = "rtmps")]
    if url.tls {
        let tls = super::tls::open(url, config.tls.as_ref(), socket).await;
        return tls
            .map(|stream| Stream::Tls(Box::new(stream)))
            .map_err(|source| ConnectError::Tls { address: address.to_owned(), source });
    }
    Ok(Stream::Plain(socket))
}

/// Tries one address after the other; one that does not answer leaves time for those behind it.
async fn first_of(addresses: &[SocketAddr], time: Duration) -> io::Result<TcpStream> {
    let deadline = Instant::now() + time;
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for (at, address) in addresses.iter().enumerate() {
        let behind = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / behind;
        failed = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
    }
    Err(failed)
}
