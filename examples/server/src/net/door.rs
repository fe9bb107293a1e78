//! The way in: whose connection it is, and how many that one has.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::io::AsyncRead;

use super::{contains, proxy};
use crate::config::Shared;

/// Counts the connections of one kind, RTMP or HTTP.
#[derive(Debug)]
pub struct Door {
    config: Shared,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

impl Door {
    /// Nobody is in.
    pub fn new(config: Shared) -> Arc<Self> {
        Arc::new(Self { config, counts: Mutex::default() })
    }

    /// Reads whose connection it is where a proxy has to say so, and counts it.
    ///
    /// # Errors
    /// The proxy does not say so, or not in its form; or that one has too many (`ErrorKind::ConnectionRefused`).
    pub async fn enter(
        self: &Arc<Self>,
        socket: &mut (impl AsyncRead + Unpin),
        peer: SocketAddr,
    ) -> io::Result<(SocketAddr, Permit)> {
        let config = self.config.get();
        let net = &config.server.net;
        let client = if contains(&net.proxy_protocol_from, peer) {
            proxy::read_header(socket).await?.unwrap_or(peer)
        } else {
            peer
        };
        let free = client.ip().to_canonical().is_loopback() || contains(&net.forwarded_from, peer);
        let who = (!free).then(|| household(client.ip()));
        if let Some(who) = who {
            let mut counts = self.counts();
            let count = counts.entry(who).or_default();
            if *count >= net.max_connections_per_ip {
                let message = format!("{} has {count} connections already", client.ip());
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, message));
            }
            *count += 1;
        }
        Ok((client, Permit { door: self.clone(), who }))
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts as one: an address of IPv4, and of IPv6 what a household is given, a /64.
fn household(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
        ip => ip,
    }
}

/// One connection that is in, or is let in without being counted. It is out when this is dropped.
#[derive(Debug)]
pub struct Permit {
    door: Arc<Door>,
    who: Option<IpAddr>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(who) = self.who else { return };
        let mut counts = self.door.counts();
        if let Some(count) = counts.get_mut(&who) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&who);
            }
        }
    }
}

/// An RTMP connection on its way in, for those who know it before and after: `peer` is set before [`enter`](Self::enter) is polled.
#[derive(Clone, Debug, Default)]
pub struct Arrival(Arc<Inside>);

#[derive(Debug, Default)]
struct Inside {
    peer: OnceLock<SocketAddr>,
    client: OnceLock<(SocketAddr, Permit)>,
}

impl Arrival {
    /// The other end of the socket.
    pub fn from(&self, peer: SocketAddr) {
        let _ = self.0.peer.set(peer);
    }

    /// Whose connection it is, once that is known.
    pub fn client(&self) -> Option<SocketAddr> {
        self.0.client.get().map(|(client, _)| *client)
    }

    /// See [`Door::enter`]. The connection is in for as long as a clone of this is there.
    ///
    /// # Errors
    /// Those of [`Door::enter`].
    pub async fn enter(
        &self,
        door: &Arc<Door>,
        socket: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<()> {
        let Some(&peer) = self.0.peer.get() else { return Err(io::ErrorKind::NotConnected.into()) };
        let _ = self.0.client.set(door.enter(socket, peer).await?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_25_a_household_is_an_address_or_a_64() {
        let of = |text: &str| household(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
