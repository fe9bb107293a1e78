//! Who publishes and plays now, whatever the protocol: each is a session that can be looked at and ended.
//!
//! Whoever takes a client in calls [`Sessions::begin`] and keeps the [`Entry`]: the session has ended when it is dropped.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Characters of an agent that are kept.
const AGENT: usize = 128;

/// What a session does.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Publisher,
    Player,
}

/// How it came.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    Rtmp,
    Rtmps,
    /// Taken from another server.
    Pull,
    /// A player over HTTP that asks for playlists of HLS.
    Hls,
    /// A player over HTTP that asks for an MPD.
    Dash,
    HttpFlv,
    WsFlv,
}

impl Via {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Rtmp, Self::Rtmps, Self::Pull, Self::Hls, Self::Dash, Self::HttpFlv, Self::WsFlv];

    /// As the API and metrics have it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Rtmps => "rtmps",
            Self::Pull => "pull",
            Self::Hls => "hls",
            Self::Dash => "dash",
            Self::HttpFlv => "http-flv",
            Self::WsFlv => "ws-flv",
        }
    }
}

/// What went over a session: of a publisher what came, of a player what was sent.
#[derive(Debug, Default)]
pub struct Figures {
    bytes: AtomicU64,
    messages: AtomicU64,
    dropped: AtomicU64,
}

impl Figures {
    /// Counts messages of together `bytes`.
    pub fn count(&self, messages: u64, bytes: usize) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts messages that were left out.
    pub fn count_dropped(&self, messages: u64) {
        self.dropped.fetch_add(messages, Ordering::Relaxed);
    }

    /// As they are now.
    pub fn get(&self) -> Sums {
        Sums {
            sessions: 1,
            bytes: self.bytes.load(Ordering::Relaxed),
            messages: self.messages.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }
}

/// What sessions came to together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub sessions: u64,
    pub bytes: u64,
    pub messages: u64,
    pub dropped: u64,
}

impl Sums {
    /// These and others.
    pub fn add(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.bytes += other.bytes;
        self.messages += other.messages;
        self.dropped += other.dropped;
    }
}

/// A session that begins.
#[derive(Debug)]
pub struct New<'a> {
    pub role: Role,
    pub via: Via,
    /// Path of its stream.
    pub stream: &'a str,
    pub address: SocketAddr,
    pub agent: &'a str,
    pub figures: Arc<Figures>,
}

type Close = Box<dyn FnOnce(String) + Send>;

/// One session.
pub struct Session {
    pub seq: u64,
    pub id: String,
    pub role: Role,
    pub via: Via,
    pub stream: String,
    pub address: SocketAddr,
    pub agent: String,
    pub since: Timestamp,
    pub started: Instant,
    pub figures: Arc<Figures>,
    kicked: AtomicBool,
    close: Mutex<Option<Close>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.id).field("via", &self.via).finish()
    }
}

impl Session {
    /// Ends it.
    pub fn kick(&self) {
        self.kicked.store(true, Ordering::Release);
        let close = self.close.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(close) = close {
            close("ended over the API".to_owned());
        }
    }

    /// Whether somebody has ended it.
    pub fn is_kicked(&self) -> bool {
        self.kicked.load(Ordering::Acquire)
    }
}

/// All sessions. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Sessions(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    list: BTreeMap<u64, Arc<Session>>,
    /// Of sessions that have ended.
    ended: HashMap<(Role, Via), Sums>,
}

impl Sessions {
    /// Adds a session, which `close` ends when it is called with a reason for the log.
    pub fn begin(&self, new: New<'_>, close: impl FnOnce(String) + Send + 'static) -> Entry {
        let mut inner = self.lock();
        inner.next += 1;
        let session = Arc::new(Session {
            seq: inner.next,
            id: crate::keys::new_id("se_"),
            role: new.role,
            via: new.via,
            stream: new.stream.to_owned(),
            address: new.address,
            agent: new.agent.chars().take(AGENT).collect(),
            since: Timestamp::now(),
            started: Instant::now(),
            figures: new.figures,
            kicked: AtomicBool::new(false),
            close: Mutex::new(Some(Box::new(close))),
        });
        inner.list.insert(session.seq, session.clone());
        Entry { sessions: self.clone(), session }
    }

    /// Sessions behind the one with number `after` that `wanted` takes, oldest first, at most `limit`.
    pub fn page(
        &self,
        after: u64,
        limit: usize,
        wanted: impl Fn(&Session) -> bool,
    ) -> Vec<Arc<Session>> {
        let inner = self.lock();
        let behind = inner.list.range(after.saturating_add(1)..).map(|(_, session)| session);
        behind
            .filter(|session| !session.is_kicked() && wanted(session))
            .take(limit)
            .cloned()
            .collect()
    }

    /// One session.
    pub fn find(&self, id: &str) -> Option<Arc<Session>> {
        let inner = self.lock();
        inner.list.values().find(|session| session.id == id && !session.is_kicked()).cloned()
    }

    /// How many there are of each kind.
    pub fn counts(&self) -> BTreeMap<(Role, Via), u64> {
        let mut counts = BTreeMap::new();
        for session in self.lock().list.values().filter(|session| !session.is_kicked()) {
            *counts.entry((session.role, session.via)).or_default() += 1;
        }
        counts
    }

    /// What all sessions since the start came to, of each kind.
    pub fn totals(&self) -> BTreeMap<(Role, Via), Sums> {
        let inner = self.lock();
        let mut totals: BTreeMap<_, _> =
            inner.ended.iter().map(|(kind, sums)| (*kind, *sums)).collect();
        for session in inner.list.values() {
            let sums: &mut Sums = totals.entry((session.role, session.via)).or_default();
            sums.add(session.figures.get());
        }
        totals
    }

    fn end(&self, session: &Session) {
        let mut inner = self.lock();
        inner.list.remove(&session.seq);
        let sums = inner.ended.entry((session.role, session.via)).or_default();
        sums.add(session.figures.get());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session for as long as this is there.
#[derive(Debug)]
pub struct Entry {
    sessions: Sessions,
    session: Arc<Session>,
}

impl Entry {
    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What went over it.
    pub fn figures(&self) -> &Figures {
        &self.session.figures
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.end(&self.session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(role: Role, via: Via) -> New<'static> {
        let address = SocketAddr::from(([192, 0, 2, 7], 5));
        New { role, via, stream: "live/demo", address, agent: "test", figures: Arc::default() }
    }

    #[test]
    fn sessions_are_listed_counted_and_ended() {
        let sessions = Sessions::default();
        let publisher = sessions.begin(new(Role::Publisher, Via::Rtmp), |_| {});
        let (tell, told) = std::sync::mpsc::channel();
        let player = sessions.begin(new(Role::Player, Via::Hls), move |why| _ = tell.send(why));
        publisher.figures().count(2, 100);
        player.figures().count(1, 7);
        player.figures().count_dropped(3);
        let listed = |after| sessions.page(after, 10, |_| true);
        assert_eq!(listed(0).len(), 2);
        assert_eq!(listed(listed(0)[0].seq)[0].id, player.session().id);
        assert_eq!(sessions.counts()[&(Role::Player, Via::Hls)], 1);
        sessions.find(&player.session().id).unwrap().kick();
        assert!(told.recv().unwrap().contains("API"));
        assert!(sessions.find(&player.session().id).is_none());
        assert_eq!(listed(0).len(), 1);
        drop((publisher, player));
        assert!(listed(0).is_empty());
        let totals = sessions.totals();
        let sums = Sums { sessions: 1, bytes: 100, messages: 2, dropped: 0 };
        assert_eq!(totals[&(Role::Publisher, Via::Rtmp)], sums);
        assert_eq!(totals[&(Role::Player, Via::Hls)].dropped, 3);
    }
}
