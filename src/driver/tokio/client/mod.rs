//! The client's end: connecting, being sent on, and coming back.

mod backoff;
mod dial;
#[cfg(feature = "rtmps")]
mod tls;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncWrite};

use super::connection::{Below, drive};
use super::end::{End, Pace, seed};
use super::{CloseReason, Closed};
use crate::buf::Chain;
use crate::error::Result;
use crate::rtmp::session::{ClientConfig, ClientEvent, ClientSession};
use crate::time::Micros;
use dial::{Stream, dial};

pub use backoff::Backoff;
pub use dial::ConnectError;
#[cfg(feature = "rtmps")]
pub use tls::{TlsConfig, TlsError};

/// What an embedder does with a connection to a server. All calls come from one task.
pub trait ClientHandler: Send {
    /// Takes an event. Commands go to `session` at once or later in [`handle_ready`](Self::handle_ready).
    ///
    /// # Errors
    /// Any error ends the connection.
    fn handle_event(&mut self, session: &mut ClientSession, event: ClientEvent) -> Result<()>;

    /// Completes when [`handle_ready`](Self::handle_ready) has something to do: when the next frame is due. It is dropped
    /// and made anew at any time, so it must lose nothing when it is dropped. It is not awaited while the server is slow
    /// to take what was sent before.
    fn ready(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Gives the session what is to be sent, about `budget` bytes; called after events and after [`ready`](Self::ready),
    /// and again for as long as it says `true`: that there is more.
    ///
    /// # Errors
    /// Any error ends the connection.
    fn handle_ready(&mut self, session: &mut ClientSession, budget: usize) -> Result<bool> {
        let _ = (session, budget);
        Ok(false)
    }

    /// The client is to stop. The default ends the stream, which tells the server.
    fn handle_stop(&mut self, session: &mut ClientSession) {
        session.finish();
    }
}

/// Settings of connections to servers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectConfig {
    /// Time to find the host and to open a connection, TLS included; all addresses of the host share it. Default 10 s.
    pub connect_timeout: Duration,
    /// Time without progress of a write after which the server is given up. Default 30 s.
    pub write_timeout: Duration,
    /// Time that the last bytes may take to leave once the session has failed. Default 2 s.
    pub close_timeout: Duration,
    /// Bytes that are put together for one write, at most. Default 256 KiB.
    pub write_batch: usize,
    /// How servers of `rtmps://` are trusted; none stands for [`TlsConfig::new`] without further authorities.
    #[cfg(feature = "rtmps")]
    pub tls: Option<TlsConfig>,
}

impl Default for ConnectConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(2),
            write_batch: 256 << 10,
            #[cfg(feature = "rtmps")]
            tls: None,
        }
    }
}

impl From<&ConnectConfig> for Pace {
    fn from(config: &ConnectConfig) -> Self {
        let ConnectConfig { write_timeout, close_timeout, write_batch, .. } = *config;
        Self { write_timeout, close_timeout, write_batch }
    }
}

/// The end of a client's connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct ClientClosed {
    /// Why, and how much went over it. What the server said stands in the events.
    pub closed: Closed,
    /// How to connect next, where the server asked for that: by a redirection or for a password, which [`run_client`]
    /// has obeyed as far as it goes, or by a [`ReconnectRequest`](ClientEvent::ReconnectRequest).
    pub next: Option<ClientConfig>,
}

/// Connects to the server of `client`'s URL and drives the session until it ends, on another connection where the server
/// redirects or asks for a password. `stop` asks for a clean end.
///
/// Memory is bounded by the session's limits, the read buffer (64 KiB) and [`ConnectConfig::write_batch`].
///
/// # Errors
/// What kept it from connecting.
pub async fn run_client<H: ClientHandler>(
    mut client: ClientConfig,
    handler: &mut H,
    config: &ConnectConfig,
    stop: impl Future<Output = ()>,
) -> std::result::Result<ClientClosed, ConnectError> {
    let mut stop = pin!(stop);
    loop {
        let stream = ::tokio::select! {
            biased;
            () = stop.as_mut() => return Ok(stopped()),
            stream = dial(&client, config) => stream?,
        };
        let mut end = ClientEnd::new(client, handler);
        let pace = Pace::from(config);
        let closed = match stream {
            Stream::Plain(socket) => {
                drive(socket, Below::default(), &mut end, pace, stop.as_mut()).await
            }
            #[cfg(feature = "rtmps")]
            Stream::Tls(stream) => {
                drive(*stream, Below::default(), &mut end, pace, stop.as_mut()).await
            }
        };
        match end.session.next_config() {
            Some(next) if end.sent_on && matches!(closed.reason, CloseReason::Session) => {
                client = next;
            }
            next => return Ok(ClientClosed { closed, next }),
        }
    }
}

/// Drives the session over a stream that is there: for those who connect in their own way, or through a test's pipe.
pub async fn run_client_on<S, H>(
    io: S,
    client: ClientConfig,
    handler: &mut H,
    config: &ConnectConfig,
    stop: impl Future<Output = ()>,
) -> ClientClosed
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: ClientHandler,
{
    let mut end = ClientEnd::new(client, handler);
    let closed = drive(io, Below::default(), &mut end, Pace::from(config), stop).await;
    ClientClosed { closed, next: end.session.next_config() }
}

/// Stopped before there was a connection.
const fn stopped() -> ClientClosed {
    let closed = Closed { reason: CloseReason::Stopped, bytes_in: 0, bytes_out: 0 };
    ClientClosed { closed, next: None }
}

struct ClientEnd<'a, H> {
    session: ClientSession,
    handler: &'a mut H,
    /// The server wants another connection before this one came to anything.
    sent_on: bool,
}

impl<'a, H> ClientEnd<'a, H> {
    fn new(client: ClientConfig, handler: &'a mut H) -> Self {
        let session = ClientSession::new(client, seed(), Micros::ZERO);
        Self { session, handler, sent_on: false }
    }
}

impl<H: ClientHandler> End for ClientEnd<'_, H> {
    fn handle_input(&mut self, now: Micros, input: &[u8]) -> Result<usize> {
        self.session.handle_input(now, input)
    }

    fn poll_output(&mut self) -> Option<Chain> {
        self.session.poll_output()
    }

    fn poll_timeout(&self) -> Option<Micros> {
        self.session.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Micros) -> Result<()> {
        self.session.handle_timeout(now)
    }

    fn is_closing(&self) -> bool {
        self.session.is_closing()
    }

    fn handle_event(&mut self) -> Result<bool> {
        let Some(event) = self.session.poll_event() else { return Ok(false) };
        self.sent_on |= matches!(event, ClientEvent::Redirect { .. } | ClientEvent::Authenticate);
        self.handler.handle_event(&mut self.session, event).map(|()| true)
    }

    fn ready(&mut self) -> impl Future<Output = ()> + Send {
        self.handler.ready()
    }

    fn handle_ready(&mut self, budget: usize) -> Result<bool> {
        self.handler.handle_ready(&mut self.session, budget)
    }

    fn handle_stop(&mut self) {
        self.handler.handle_stop(&mut self.session);
    }
}
