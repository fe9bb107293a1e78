//! The HTTP and HTTPS listeners, HTTP/1.1 and HTTP/2 (by ALPN, or without TLS by prior knowledge): connections with bounded waiting, ended cleanly when the server
//! stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use super::{Files, hls};
use crate::config::Shared;
use crate::net::{self, Door, Permit};

/// Time that a client has to send the head of a request, and that a kept connection may be silent.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests at once on one HTTP/2 connection; held ones are among them.
const STREAMS: u32 = 128;
/// How often an HTTP/2 connection is asked whether it is there, and how long it has to say so.
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(20));
/// Pause after a failed accept: out of file descriptors, mostly, which passes when connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time that running answers have once the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// What all connections of a listener have in common.
#[derive(Clone)]
pub struct Web {
    pub router: Router,
    pub files: Files,
    pub door: Arc<Door>,
    pub config: Shared,
    /// Connections at once.
    pub room: Arc<Semaphore>,
    /// For HTTPS.
    pub tls: Option<TlsAcceptor>,
}

/// Serves `web` on `listener` until `stop` completes.
pub async fn serve(listener: TcpListener, web: Web, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stop.as_mut() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(room) = web.room.clone().try_acquire_owned() else {
            tracing::debug!(%peer, "HTTP connection refused: there are too many");
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (web, watcher) = (web.clone(), graceful.watcher());
        tokio::spawn(open(stream, peer, web, (watcher, room)));
    }
    drop(listener);
    let _ = tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown()).await;
}

/// Lets the connection in, and serves it until it ends.
async fn open(
    mut stream: TcpStream,
    peer: SocketAddr,
    web: Web,
    (watcher, room): (Watcher, OwnedSemaphorePermit),
) {
    let opened = tokio::time::timeout(web.config.get().limits.handshake_timeout, async {
        let (client, permit) = web.door.enter(&mut stream, peer).await?;
        let stream = match &web.tls {
            Some(tls) => Opened::Tls(Box::new(tls.accept(stream).await?)),
            None => Opened::Plain(stream),
        };
        std::io::Result::Ok((stream, client, permit))
    });
    match opened.await {
        Err(_) => tracing::debug!(%peer, "HTTP connection that did not open in time"),
        Ok(Err(error)) => tracing::debug!(%peer, "HTTP connection not opened: {error}"),
        Ok(Ok((stream, client, permit))) => {
            let handle = Connection { cut: Arc::default(), _counted: Arc::new((room, permit)) };
            match stream {
                Opened::Plain(stream) => connection(stream, client, &web, (watcher, handle)).await,
                Opened::Tls(stream) => connection(*stream, client, &web, (watcher, handle)).await,
            }
        }
    }
}

enum Opened {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The connection of a request, for answers that last. It is counted for as long as there is one of these.
#[derive(Clone)]
pub struct Connection {
    cut: Arc<Notify>,
    _counted: Arc<(OwnedSemaphorePermit, Permit)>,
}

impl Connection {
    /// Ends the connection at once, with whatever is under way on it.
    pub const fn cut(&self) -> &Arc<Notify> {
        &self.cut
    }
}

async fn connection<S>(
    stream: S,
    peer: SocketAddr,
    web: &Web,
    (watcher, handle): (Watcher, Connection),
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let asked = Arc::new(Notify::new());
    let (first, config, cut) = (asked.clone(), web.config.clone(), handle.cut.clone());
    let web = web.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        first.notify_one();
        let config = config.get();
        let client = net::client(request.headers(), peer, &config.server.net.forwarded_from);
        let (files, router, handle) = (web.files.clone(), web.router.clone(), handle.clone());
        // In a box, so that a connection is no larger while nobody asks.
        Box::pin(async move {
            if hls::is_file(&request) {
                return Ok(files.answer(client, request).await);
            }
            request.extensions_mut().insert(ConnectInfo(client));
            request.extensions_mut().insert(handle);
            router.oneshot(request.map(Body::new)).await
        })
    });
    let builder = builder();
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(watcher.watch(connection.into_owned()));
    // Which of both protocols it is has to be said in time, too.
    let served = async {
        tokio::select! {
            ended = connection.as_mut() => Some(ended),
            asked = tokio::time::timeout(HEADER_TIMEOUT, asked.notified()) => match asked {
                Ok(()) => Some(connection.await),
                Err(_) => None,
            },
        }
    };
    let ended = tokio::select! {
        ended = served => ended,
        () = cut.notified() => return tracing::debug!(%peer, "HTTP connection cut"),
    };
    match ended {
        Some(Err(error)) => tracing::debug!(%peer, %error, "HTTP connection"),
        Some(Ok(())) => {}
        None => tracing::debug!(%peer, "HTTP connection without a request"),
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(64)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1);
    builder
}
