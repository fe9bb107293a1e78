//! Listening sockets: made here, or handed over by systemd.

use std::net::SocketAddr;

use anyhow::Context as _;
use listenfd::ListenFd;
use tokio::net::TcpListener;

/// What sockets are for, in the order in which they come without names.
const NAMES: [&str; 4] = ["rtmp", "http", "rtmps", "https"];

/// The sockets that were handed over (systemd.socket(5)): `FileDescriptorName=` says which is for what.
pub struct Sockets {
    handed: ListenFd,
    names: Vec<String>,
}

impl Sockets {
    /// Looks at the environment.
    pub fn from_environment() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names: Vec<String> = names.split(':').map(str::to_owned).collect();
        if !names.iter().any(|name| NAMES.contains(&name.as_str())) {
            names = NAMES.map(str::to_owned).to_vec();
        }
        Self { handed: ListenFd::from_env(), names }
    }

    /// The socket that was handed over for `what`, or one of this address.
    ///
    /// # Errors
    /// The address is taken, or must not be used; the socket that was handed over is none of TCP.
    pub async fn listen(&mut self, what: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
        if let Some(listener) = self.take(what)? {
            return Ok(listener);
        }
        let what = what.to_uppercase();
        TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen for {what} on {address}"))
    }

    /// The socket that was handed over for `what`.
    ///
    /// # Errors
    /// It is none of TCP.
    pub fn take(&mut self, what: &str) -> anyhow::Result<Option<TcpListener>> {
        let index = self.names.iter().position(|name| name == what);
        let Some(index) = index.filter(|index| *index < self.handed.len()) else { return Ok(None) };
        let context = || format!("the socket that was handed over for {what} cannot be used");
        let Some(listener) = self.handed.take_tcp_listener(index).with_context(context)? else {
            return Ok(None);
        };
        listener.set_nonblocking(true).with_context(context)?;
        TcpListener::from_std(listener).with_context(context).map(Some)
    }
}

/// Raises the number of files that may be open as far as it goes: each connection is one.
pub fn raise_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            limit.current = limit.maximum;
            if let Err(error) = setrlimit(Resource::Nofile, limit) {
                tracing::debug!("no more files can be open than now: {error}");
            }
        }
    }
}
