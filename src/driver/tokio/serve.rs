//! A listener and its connections.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::sync::watch;
use ::tokio::task::JoinSet;
use ::tokio::time::{sleep, timeout};

use super::quick_ack::QuickAck;
use super::{ConnectionConfig, Handler, run};

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
    mut make: F,
    stop: impl Future<Output = ()>,
) where
    H: Handler + 'static,
    F: FnMut(SocketAddr) -> H,
{
    let mut stop = std::pin::pin!(stop);
    let (stopping, stopped) = watch::channel(false);
    let connection = Arc::new(config.connection);
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
                tasks.spawn(drive(stream, make(peer), connection.clone(), stopped.clone()));
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

async fn drive<H: Handler>(
    stream: TcpStream,
    mut handler: H,
    config: Arc<ConnectionConfig>,
    mut stopped: watch::Receiver<bool>,
) {
    // Small answers must not wait for the peer's delayed acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    let stop = async move {
        let _ = stopped.wait_for(|&stopped| stopped).await;
    };
    run(QuickAck::new(stream), &mut handler, &config, stop).await;
}
