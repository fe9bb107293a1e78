//! Streams that are taken from another server while somebody plays them here.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use streamcore::driver::tokio::{Backoff, ClientHandler, run_client};
use streamcore::error::Result;
use streamcore::flv::{Tag, TagKind};
use streamcore::rtmp::session::{ClientConfig, ClientEvent, ClientSession, RtmpUrl};
use tokio::time::Instant;

use super::{PushUrl, Relay, lock};
use crate::hub::{Hub, Newcomer};
use crate::names;
use crate::redact::Redacted;
use crate::sessions::{Entry, New, Role, Via};
use crate::stream::Publication;

/// Streams that are pulled at once.
const PULLS: usize = 1000;
/// Attempts in a row that brought nothing, after which the next player has to ask.
const ATTEMPTS: u32 = 5;
/// How often it is looked whether somebody plays.
const LOOK: Duration = Duration::from_millis(500);

/// Paths that are being pulled.
#[derive(Debug, Default)]
pub struct Pulls {
    running: Mutex<HashSet<String>>,
}

impl Relay {
    /// Whether streams of this application are taken from elsewhere.
    pub fn has_origin(&self, path: &str) -> bool {
        !self.app(path).relay.pull.is_empty()
    }

    /// Somebody plays `path`, which nobody publishes: it is taken from `url`, or the origin of its application, where there is one.
    pub fn demand(self: &Arc<Self>, hub: &Arc<Hub>, path: &str, url: Option<&PushUrl>) {
        let app = self.app(path);
        let origins = url.map_or(app.relay.pull.as_slice(), std::slice::from_ref);
        let live = hub.find(path).is_some_and(|stream| stream.is_live());
        if origins.is_empty() || live || !names::is_publishable(path) {
            return;
        }
        let mut running = lock(&self.pulls.running);
        if running.contains(path) {
            return;
        }
        if running.len() >= PULLS {
            tracing::warn!(stream = %Redacted(path), "not pulled: there are {PULLS} already");
            return;
        }
        running.insert(path.to_owned());
        let (relay, hub, path) = (self.clone(), hub.clone(), path.to_owned());
        let urls: Vec<_> = origins.iter().flat_map(|url| url.for_stream(&path)).collect();
        tokio::spawn(async move {
            pull(&relay, &hub, &path, &urls).await;
            lock(&relay.pulls.running).remove(&path);
        });
    }
}

/// Takes the stream for as long as somebody plays it.
async fn pull(relay: &Relay, hub: &Arc<Hub>, path: &str, urls: &[RtmpUrl]) {
    let linger = relay.app(path).relay.pull_linger;
    let mut backoff = Backoff::default();
    let mut failed = 0;
    let mut nobody = std::pin::pin!(unplayed(hub, path, linger));
    for url in urls.iter().cycle() {
        let stream = Redacted(path);
        let mut puller = Puller::new(hub, path);
        let config = ClientConfig::play(url.clone());
        let mut gone = false;
        let stop = async {
            nobody.as_mut().await;
            gone = true;
        };
        let result = run_client(config, &mut puller, &relay.connect, stop).await;
        if gone {
            tracing::info!(%stream, origin = %url, "pull: nobody plays it any more");
            return;
        }
        let why = match (puller.said, &result) {
            (Some(said), _) => said,
            (None, Err(error)) => error.to_string(),
            (None, Ok(_)) => "the connection ended".to_owned(),
        };
        if puller.got {
            backoff.reset();
        }
        failed = if puller.got { 0 } else { failed + 1 };
        tracing::warn!(%stream, origin = %url, "pull: {why}");
        if failed >= ATTEMPTS {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.pause()) => {}
            () = nobody.as_mut() => return,
        }
    }
}

/// Completes when nobody has played the stream for so long. May be awaited again before that.
async fn unplayed(hub: &Hub, path: &str, linger: Duration) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(LOOK.min(linger)).await;
        if hub.find(path).is_some_and(|stream| stream.audience() > 0) {
            last = Instant::now();
        }
        if last.elapsed() >= linger {
            return;
        }
    }
}

/// One connection to an origin.
struct Puller<'a> {
    hub: &'a Arc<Hub>,
    path: &'a str,
    publication: Option<Publication>,
    entry: Option<Entry>,
    /// Somebody ended it over the API.
    kicked: Arc<AtomicBool>,
    /// Media has come.
    got: bool,
    said: Option<String>,
}

impl<'a> Puller<'a> {
    fn new(hub: &'a Arc<Hub>, path: &'a str) -> Self {
        let kicked = Arc::default();
        Self { hub, path, publication: None, entry: None, kicked, got: false, said: None }
    }

    fn list(&mut self, address: SocketAddr) {
        let (role, via, stream, figures) = (Role::Publisher, Via::Pull, self.path, Arc::default());
        let new = New { role, via, stream, address, agent: "pull", figures };
        let kicked = self.kicked.clone();
        let close = move |_| kicked.store(true, Ordering::Release);
        self.entry = Some(self.hub.services().sessions.begin(new, close));
    }

    fn media(&mut self, session: &mut ClientSession, tag: &Tag) {
        if self.publication.is_none() {
            let address = SocketAddr::from(([0, 0, 0, 0], 0));
            let (path, agent) = (self.path, "pull");
            let newcomer = Newcomer { path, address, agent, reconnects: false, identity: None };
            match self.hub.publish(newcomer) {
                Ok(Some(publication)) => {
                    tracing::info!(stream = %Redacted(path), "pull: playing");
                    self.publication = Some(publication);
                    self.list(address);
                }
                _ => {
                    self.said = Some("somebody publishes the stream here".to_owned());
                    return session.finish();
                }
            }
        }
        self.got = true;
        if self.kicked.load(Ordering::Acquire) {
            self.said = Some("ended over the API".to_owned());
            self.publication.take().into_iter().for_each(Publication::end);
            return session.finish();
        }
        if let Some(entry) = &self.entry {
            entry.figures().count(1, tag.body.len());
        }
        let heard = self.publication.as_mut().is_some_and(|stream| {
            let heard = stream.handle_tag(tag);
            stream.flush();
            heard
        });
        if !heard {
            (self.publication, self.entry) = (None, None);
            self.said = Some("a publisher has taken over".to_owned());
            session.finish();
        }
    }
}

impl ClientHandler for Puller<'_> {
    fn handle_event(&mut self, session: &mut ClientSession, event: ClientEvent) -> Result<()> {
        match event {
            ClientEvent::Media { kind, timestamp, payload } => {
                if let Some(kind) = TagKind::from_type_id(kind) {
                    self.media(session, &Tag { kind, timestamp, body: payload });
                }
            }
            // The publisher there may come back: the connection stays.
            ClientEvent::Ended => (self.publication, self.entry) = (None, None),
            ClientEvent::Rejected { code, .. } => {
                let code = if code.is_empty() { "no reason given" } else { code.as_str() };
                self.said = Some(format!("the origin refuses: {code}"));
            }
            ClientEvent::ReconnectRequest { .. } => session.finish(),
            _ => {}
        }
        Ok(())
    }

    fn handle_stop(&mut self, session: &mut ClientSession) {
        if let Some(publication) = self.publication.take() {
            publication.end();
        }
        session.finish();
    }
}
