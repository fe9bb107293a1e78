//! RTMP servers and clients on tokio: sockets, timers and back-pressure round a [`ServerSession`] or a
//! [`ClientSession`](crate::rtmp::session::ClientSession).
//!
//! An embedder writes a [`Handler`], one value per connection, and gives a way to make it to [`serve`]:
//!
//! ```no_run
//! use streamcore::driver::tokio::{Handler, ServeConfig, serve};
//! use streamcore::error::Result;
//! use streamcore::rtmp::session::{Rejection, ServerSession, SessionEvent};
//!
//! /// Takes every publisher in and counts what it sends.
//! #[derive(Default)]
//! struct Counter {
//!     messages: u64,
//!     bytes: u64,
//! }
//!
//! impl Handler for Counter {
//!     fn handle_event(&mut self, session: &mut ServerSession, event: SessionEvent) -> Result<()> {
//!         match event {
//!             SessionEvent::Publish { request, path, .. } => {
//!                 println!("publisher of {}", path.path());
//!                 session.accept(request)?;
//!             }
//!             SessionEvent::Play { request, .. } => session.reject(request, Rejection::NotFound)?,
//!             SessionEvent::Media { payload, .. } => {
//!                 self.messages += 1;
//!                 self.bytes += payload.len() as u64;
//!             }
//!             SessionEvent::Unpublished { .. } => println!("{} messages, {} bytes", self.messages, self.bytes),
//!             _ => {}
//!         }
//!         Ok(())
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:1935").await?;
//!     let stop = async { tokio::time::sleep(std::time::Duration::from_secs(3600)).await };
//!     serve(listener, ServeConfig::default(), |_peer| Counter::default(), stop).await;
//!     Ok(())
//! }
//! ```
//!
//! A server that sends media to players gives it to the session in [`Handler::handle_ready`], which is called while the
//! peer takes what it is sent, and names in [`Handler::ready`] the moment when there is more. What waits for a peer who reads
//! slowly so stays with the embedder, where it is bounded and may be dropped (see [`PlayerQueue`](crate::live::PlayerQueue)).
//!
//! [`serve_with`] does the same over TLS, or over anything else that an embedder makes of a socket. [`run`] drives a single connection,
//! for those who have their own listener or a test's pipe.
//!
//! A client is a [`ClientHandler`], and [`run_client`] connects it: over TLS too with the feature `rtmps`, on to the
//! server that a first one names, and with the password that it asks for. Whether and when to connect again after the end is
//! the caller's, for whom [`Backoff`] counts the pauses.

mod client;
mod connection;
mod end;
mod input;
mod outlet;
mod serve;
mod socket;
#[cfg(test)]
mod tests;
mod watched;

use std::future::Future;
use std::time::Duration;

pub use client::{
    Backoff, ClientClosed, ClientHandler, ConnectConfig, ConnectError, run_client, run_client_on,
};
#[cfg(feature = "rtmps")]
#[cfg_attr(docsrs, doc(cfg(feature = "rtmps")))]
pub use client::{TlsConfig, TlsError};
pub use connection::{CloseReason, Closed, run};
pub use outlet::{Bundle, Outlet, Sent};
pub use serve::{ServeConfig, serve, serve_with};
pub use socket::Socket;

use crate::error::Result;
use crate::rtmp::session::{ServerSession, SessionEvent};

/// What an embedder does with one connection. All calls come from the task of that connection.
pub trait Handler: Send {
    /// Gives, ahead of all else, a way to write to this connection from outside its task. There is none over TLS, and none where
    /// the embedder brings the stream.
    fn handle_outlet(&mut self, outlet: &Outlet) {
        let _ = outlet;
    }

    /// Takes an event. Commands go to `session` at once or, where an answer takes time, later in
    /// [`handle_ready`](Self::handle_ready).
    ///
    /// # Errors
    /// Any error ends the connection.
    fn handle_event(&mut self, session: &mut ServerSession, event: SessionEvent) -> Result<()>;

    /// Completes when [`handle_ready`](Self::handle_ready) has something to do. It is dropped and made anew at any time,
    /// so it must lose nothing when it is dropped (a [`Notify`](::tokio::sync::Notify) loses nothing).
    /// It is not awaited while the peer is slow to take what was sent before.
    fn ready(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Gives the session what is to be sent, about `budget` bytes; called after [`ready`](Self::ready) and after the events of what
    /// came in one read, and again for as long as it says `true`: that there is more. What was given before has been put in line by
    /// then.
    ///
    /// # Errors
    /// Any error ends the connection.
    fn handle_ready(&mut self, session: &mut ServerSession, budget: usize) -> Result<bool> {
        let _ = (session, budget);
        Ok(false)
    }

    /// Time for which the connection is not read after what came in a read was handled; zero, the default, reads at once.
    ///
    /// A publisher sends some eighty small messages a second, and each wakes its connection. Where nobody waits for them, a pause of some
    /// tens of milliseconds takes several at once, for a fraction of the CPU time. Writing and deadlines do not pause; the end of the
    /// connection is seen with the next read.
    fn read_pause(&self) -> Duration {
        Duration::ZERO
    }

    /// The server stops. The default closes the session, which tells the peer.
    fn handle_stop(&mut self, session: &mut ServerSession) {
        session.close();
    }

    /// The connection has ended.
    fn handle_closed(&mut self, closed: &Closed) {
        let _ = closed;
    }
}

/// Settings of one connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionConfig {
    /// Settings of the session.
    pub session: crate::rtmp::session::SessionConfig,
    /// Time without progress of a write after which the peer is given up. Default 30 s.
    pub write_timeout: Duration,
    /// Time that the last bytes may take to leave once the session has ended. Default 2 s.
    pub close_timeout: Duration,
    /// Bytes that are put together for one write to a player, at most. Default 256 KiB.
    pub write_batch: usize,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            session: crate::rtmp::session::SessionConfig::default(),
            write_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(2),
            write_batch: 256 << 10,
        }
    }
}
