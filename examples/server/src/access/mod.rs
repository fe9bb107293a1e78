//! Who may connect, publish and play. Each request goes through the steps of an [`Admission`], one after the other, each of which
//! may refuse it or say under which name it goes on. Nothing here blocks: whoever asks waits in a task of its own.

pub mod address;
mod gate;
pub mod key;
mod rate;
mod web;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use gate::{Answer, Gate};
pub use rate::Rates;
pub use web::WebPlayers;

/// Time that all steps of one request have together. Steps that ask others have limits of their own below it.
const LIMIT: Duration = Duration::from_secs(40);

/// How a client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Rtmp,
    Rtmps,
    /// HLS and DASH: the same files.
    Http,
    /// FLV over HTTP or a WebSocket: one connection that lasts, as with RTMP.
    Flv,
}

/// One connection, or one player over HTTP, as it told of itself. The texts are the client's own: they may hold secrets.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    /// Grows with each client of this run of the server.
    pub id: u64,
    pub address: SocketAddr,
    pub protocol: Protocol,
    /// The application of `connect`, without its query.
    pub app: String,
    /// `flashVer`, or the user agent of an HTTP client.
    pub agent: String,
    pub tc_url: String,
    pub swf_url: String,
    pub page_url: String,
    /// Seconds since 1970.
    pub since: u64,
}

impl ClientInfo {
    /// A client that has just come and said nothing.
    pub fn new(address: SocketAddr, protocol: Protocol) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            address,
            protocol,
            app: String::new(),
            agent: String::new(),
            tc_url: String::new(),
            swf_url: String::new(),
            page_url: String::new(),
            since,
        }
    }
}

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Connect,
    Publish {
        /// `live`, `record` or `append`.
        kind: &'static str,
    },
    Play {
        start: i32,
        duration: i32,
        reset: bool,
    },
}

/// One request.
#[derive(Clone, Debug)]
pub struct Ask {
    pub client: Arc<ClientInfo>,
    pub action: Action,
    pub app: String,
    /// Name of the stream as the client gave it, which may be a key; empty for [`Action::Connect`].
    pub name: String,
    /// All that stood behind a `?`, raw.
    pub query: String,
}

/// What a request was granted. Steps change it; it begins as the client asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub app: String,
    /// The stream's name: what players know, never a key that a step has looked up.
    pub name: String,
    /// Whose right it is, for example the id of a key: a publisher is taken over from by the same alone (F-19).
    pub identity: Option<String>,
    /// Id of the stream in the catalogue, where a step knows it.
    pub stream: Option<String>,
    /// A server to push what is published to, or to pull what is to be played from.
    pub relay: Option<String>,
}

impl Grant {
    /// `app/name`, or the name alone.
    pub fn path(&self) -> String {
        if self.app.is_empty() { self.name.clone() } else { format!("{}/{}", self.app, self.name) }
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub reason: Reason,
    /// For the log: which step, and why; without secrets.
    pub text: String,
}

/// What a refused client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It has no right.
    Denied,
    /// There is no such stream.
    NotFound,
    /// Nobody can tell in time whether it has a right.
    Unavailable,
}

impl Refused {
    /// The client has no right.
    pub fn denied(text: impl Into<String>) -> Self {
        Self { reason: Reason::Denied, text: text.into() }
    }

    /// Nobody can tell whether it has one.
    pub fn unavailable(text: impl Into<String>) -> Self {
        Self { reason: Reason::Unavailable, text: text.into() }
    }
}

/// What a step gives: nothing to say against it, or a refusal.
pub type Checked<'a> = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + 'a>>;

/// One step of admission.
pub trait Step: fmt::Debug + Send + Sync {
    /// Looks at a request, and may change what is granted.
    fn check<'a>(&'a self, ask: &'a Ask, grant: &'a mut Grant) -> Checked<'a>;

    /// Whether it has anything to say of players over HTTP, of whom there may be very many.
    fn asks_web(&self) -> bool {
        true
    }
}

/// The steps that every request takes, in order. They may be replaced while the server runs; requests that are under way keep
/// theirs.
#[derive(Debug)]
pub struct Admission {
    steps: RwLock<Arc<[Arc<dyn Step>]>>,
    limit: Duration,
}

impl Admission {
    /// Admission by these steps; without any, everything is granted.
    pub fn new(steps: Vec<Arc<dyn Step>>) -> Self {
        Self { steps: RwLock::new(steps.into()), limit: LIMIT }
    }

    /// Takes other steps from now on.
    #[expect(dead_code, reason = "reloading of the configuration calls it")]
    pub fn replace(&self, steps: Vec<Arc<dyn Step>>) {
        *self.steps.write().unwrap_or_else(PoisonError::into_inner) = steps.into();
    }

    fn steps(&self) -> Arc<[Arc<dyn Step>]> {
        self.steps.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether players over HTTP have to be asked about at all.
    pub fn asks_web(&self) -> bool {
        self.steps().iter().any(|step| step.asks_web())
    }

    /// Takes a request through all steps. A step that does not come to an end refuses it.
    pub async fn decide(&self, ask: &Ask) -> Result<Grant, Refused> {
        let steps = self.steps();
        let mut grant = Grant {
            app: ask.app.clone(),
            name: ask.name.clone(),
            identity: None,
            stream: None,
            relay: None,
        };
        let all = async {
            for step in steps.iter() {
                step.check(ask, &mut grant).await?;
            }
            Ok(())
        };
        match tokio::time::timeout(self.limit, all).await {
            Ok(Ok(())) => Ok(grant),
            Ok(Err(refused)) => Err(refused),
            Err(_) => Err(Refused::unavailable("admission took too long")),
        }
    }
}
