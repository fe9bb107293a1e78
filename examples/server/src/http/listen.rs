//! The HTTP listener, HTTP/1.1 and HTTP/2 by prior knowledge: connections with bounded waiting, ended cleanly when the server
//! stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tower::ServiceExt as _;

/// Time that a client has to send the head of a request, and that a kept connection may be silent.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests at once on one HTTP/2 connection; held ones are among them.
const STREAMS: u32 = 128;
/// How often an HTTP/2 connection is asked whether it is there, and how long it has to say so.
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(20));
/// Time that running answers have once the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves `router` on `listener` until `stop` completes.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stop.as_mut() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        connection(&graceful, stream, peer, router.clone());
    }
    drop(listener);
    let _ = tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown()).await;
}

fn connection(graceful: &GracefulShutdown, stream: TcpStream, peer: SocketAddr, router: Router) {
    let asked = Arc::new(Notify::new());
    let first = asked.clone();
    let service = router.map_request(move |mut request: Request<hyper::body::Incoming>| {
        first.notify_one();
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(Body::new)
    });
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
    let connection = builder
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        let mut connection = std::pin::pin!(connection);
        // Which of both protocols it is has to be said in time, too.
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            asked = tokio::time::timeout(HEADER_TIMEOUT, asked.notified()) => match asked {
                Ok(()) => Some(connection.await),
                Err(_) => None,
            },
        };
        match ended {
            Some(Err(error)) => tracing::debug!(%peer, %error, "HTTP connection"),
            Some(Ok(())) => {}
            None => tracing::debug!(%peer, "HTTP connection without a request"),
        }
    });
}
