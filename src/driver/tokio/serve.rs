//! A listener and its connections.

use std::any::Any;
use std::future::{Future, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncWrite};
use ::tokio::net::TcpListener;
use ::tokio::sync::watch;
use ::tokio::task::JoinSet;
use ::tokio::time::{sleep, timeout};

use super::connection::{Below, run_with};
use super::outlet::Line;
use super::{CloseReason, Closed, ConnectionConfig, Handler, Socket};
use crate::rtmp::session::SessionConfig;

/// Pause after a failed accept: out of file descriptors, mostly, which passes when connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Settings of [`serve`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeConfig {
    /// Settings of each connection.
    pub connection: ConnectionConfig,
    /// Connections at once; more are closed as soon as they come. Default 4096.
    pub max_connections: usize,
    /// Time that connections have to end once the server stops. Default 5 s.
    pub stop_timeout: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            connection: ConnectionConfig::default(),
            max_connections: 4096,
            stop_timeout: Duration::from_secs(5),
        }
    }
}

/// Takes connections from `listener` until `stop` completes, drives each in its own task with the handler that `make` gives for the
/// peer's address, then ends them cleanly and returns.
///
/// A handler that panics ends its own connection only.
pub async fn serve<H, F>(
    listener: TcpListener,
    config: ServeConfig,
    make: F,
    stop: impl Future<Output = ()>,
) where
    H: Handler + 'static,
    F: FnMut(SocketAddr) -> H,
{
    serve_with(listener, config, make, |socket| ready(Ok(socket)), stop).await;
}

/// Like [`serve`], over the stream that `open` makes of each socket, by a TLS handshake for example.
///
/// That happens in the connection's own task, so one that is slow holds up no other. When it fails, or takes longer than
/// [`Limits::handshake_timeout`](crate::limits::Limits::handshake_timeout), the handler is told of the end of the connection with
/// [`CloseReason::Open`]. The RTMP handshake has that time for itself again.
pub async fn serve_with<H, F, O, A, S>(
    listener: TcpListener,
    config: ServeConfig,
    mut make: F,
    mut open: O,
    stop: impl Future<Output = ()>,
) where
    H: Handler + 'static,
    F: FnMut(SocketAddr) -> H,
    O: FnMut(Socket) -> A,
    A: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut stop = std::pin::pin!(stop);
    let (stopping, stopped) = watch::channel(false);
    let connection = Arc::new(config.connection);
    let session = Arc::new(connection.session.clone());
    let mut tasks = JoinSet::new();
    loop {
        let accepted = ::tokio::select! {
            biased;
            () = stop.as_mut() => break,
            Some(_) = tasks.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) if tasks.len() < config.max_connections => {
                let socket = Socket::new(stream);
                let line = socket.line().clone();
                // In a box that is gone once it is open.
                let opened = (Box::pin(open(socket)), line);
                let configs = (connection.clone(), session.clone());
                tasks.spawn(drive(opened, make(peer), configs, stopped.clone()));
            }
            Ok(_) => {}
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
    drop(listener);
    let _ = stopping.send(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    let _ = timeout(config.stop_timeout, all).await;
    tasks.shutdown().await;
}

/// Drives one connection.
#[expect(
    clippy::manual_async_fn,
    reason = "it would keep room for each argument twice, in every connection that waits"
)]
fn drive<H: Handler, S: AsyncRead + AsyncWrite + Unpin + 'static>(
    (opened, line): (Pin<Box<impl Future<Output = io::Result<S>>>>, Arc<Line>),
    mut handler: H,
    (config, session): (Arc<ConnectionConfig>, Arc<SessionConfig>),
    mut stopped: watch::Receiver<bool>,
) -> impl Future<Output = ()> {
    async move {
        let stop = async {
            let _ = stopped.wait_for(|&stopped| stopped).await;
        };
        let mut stop = std::pin::pin!(stop);
        let opened = ::tokio::select! {
            opened = timeout(config.session.limits.handshake_timeout, opened) => opened
                .unwrap_or_else(|elapsed| Err(io::Error::new(io::ErrorKind::TimedOut, elapsed)))
                .map_err(CloseReason::Open),
            () = stop.as_mut() => Err(CloseReason::Stopped),
        };
        match opened {
            Ok(stream) => {
                // Only a bare socket can be written to by others: over TLS what is written depends on what was written before.
                let outlet = (&stream as &dyn Any).downcast_ref().map(Socket::outlet);
                let below = Below { outlet, line: Some(line) };
                run_with((stream, below), &mut handler, (&config, session), stop).await;
            }
            Err(reason) => handler.handle_closed(&Closed { reason, bytes_in: 0, bytes_out: 0 }),
        }
    }
}
