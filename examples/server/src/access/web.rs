//! Players over HTTP: they have no connection that lasts, so a player is who asks from one address for one stream with one query.
//! It is admitted once, and has left when it asks no more.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{Action, Admission, Ask, ClientInfo, Grant, Protocol, Refused};
use crate::hooks::{Hooks, Role, Visit};
use crate::names;

/// Without a request for so long a player has left. Playlists are asked for every few seconds.
const GONE: Duration = Duration::from_secs(30);
/// So long a refusal holds, that who asks again and again does not ask the hooks each time.
const REFUSED: Duration = Duration::from_secs(5);
/// Players that are known at once.
const PLAYERS: usize = 50_000;

/// What is decided; nothing yet where it is `None`.
type Decision = Option<Result<Grant, Refused>>;

#[derive(Debug)]
struct Player {
    /// The player's query without what HLS puts in.
    query: String,
    decision: watch::Receiver<Decision>,
    seen: Instant,
    /// Until when a refusal holds.
    since: Instant,
}

/// Players over HTTP, by address and stream.
#[derive(Debug, Default)]
pub struct WebPlayers {
    players: Mutex<HashMap<(IpAddr, String), Vec<Player>>>,
}

impl WebPlayers {
    /// Whether the player who asks may: from the first request on, until it has left.
    pub async fn admit(
        &self,
        admission: &Arc<Admission>,
        hooks: &Arc<Hooks>,
        path: &str,
        peer: SocketAddr,
        query: &str,
        agent: &str,
    ) -> Result<Grant, Refused> {
        let mut decision = {
            let mut players = self.lock();
            match known(&mut players, peer.ip(), path, query) {
                Some(decision) => decision,
                None => {
                    if players.len() >= PLAYERS {
                        return Err(Refused::unavailable("there are too many players over HTTP"));
                    }
                    let mut client = ClientInfo::new(peer, Protocol::Http);
                    client.agent = agent.to_owned();
                    let ask = ask(client, path, query);
                    let decision = decide(admission.clone(), hooks.clone(), ask);
                    let now = Instant::now();
                    let query = bare(query);
                    let player =
                        Player { query, decision: decision.clone(), seen: now, since: now };
                    players.entry((peer.ip(), path.to_owned())).or_default().push(player);
                    decision
                }
            }
        };
        let decided = decision.wait_for(Option::is_some).await;
        decided
            .ok()
            .and_then(|decided| decided.clone())
            .unwrap_or_else(|| Err(Refused::unavailable("admission ended early")))
    }

    /// Lets players go that have left, and refusals that are old.
    pub fn tidy(&self, now: Instant) {
        self.lock().retain(|_, players| {
            players.retain(|player| {
                let refused = matches!(&*player.decision.borrow(), Some(Err(_)));
                let past = |since, time| now.saturating_duration_since(since) >= time;
                if refused { !past(player.since, REFUSED) } else { !past(player.seen, GONE) }
            });
            !players.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(IpAddr, String), Vec<Player>>> {
        self.players.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The decision on a player: with this query, or without one on a player who is in. What playlists name has no query.
fn known(
    players: &mut HashMap<(IpAddr, String), Vec<Player>>,
    ip: IpAddr,
    path: &str,
    query: &str,
) -> Option<watch::Receiver<Decision>> {
    let players = players.get_mut(&(ip, path.to_owned()))?;
    let query = bare(query);
    let is_in = |player: &Player| matches!(&*player.decision.borrow(), Some(Ok(_)));
    let at = players
        .iter()
        .position(|player| player.query == query)
        .or_else(|| players.iter().position(|player| query.is_empty() && is_in(player)))?;
    let player = players.get_mut(at)?;
    player.seen = Instant::now();
    Some(player.decision.clone())
}

fn ask(client: ClientInfo, path: &str, query: &str) -> Ask {
    let (app, name) = names::split(path);
    let client = ClientInfo { app: app.to_owned(), ..client };
    Ask {
        client: Arc::new(client),
        action: Action::Play { start: -2, duration: -1, reset: true },
        app: app.to_owned(),
        name: name.to_owned(),
        query: bare(query),
    }
}

/// Decides in a task, so that the answer is kept where the client does not wait for it. The visit lasts as long as somebody holds
/// the decision.
fn decide(admission: Arc<Admission>, hooks: Arc<Hooks>, ask: Ask) -> watch::Receiver<Decision> {
    let (tell, decision) = watch::channel(None);
    tokio::spawn(async move {
        let result = admission.decide(&ask).await;
        let granted = result.is_ok();
        tell.send_replace(Some(result));
        if granted {
            let (closed, refused) = tokio::sync::oneshot::channel();
            let visit = Visit::begin(&hooks, ask, Role::Play, move |why| _ = closed.send(why));
            tokio::select! {
                () = tell.closed() => {}
                Ok(why) = refused => {
                    tell.send_replace(Some(Err(Refused::denied(why))));
                    tell.closed().await;
                }
            }
            drop(visit);
        }
    });
    decision
}

/// A query without what HLS puts in.
fn bare(query: &str) -> String {
    let own = |pair: &&str| !pair.is_empty() && !pair.starts_with("_HLS_");
    query.split('&').filter(own).collect::<Vec<_>>().join("&")
}
