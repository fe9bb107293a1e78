//! One RTMP connection: the session's events to the streams, and a stream's messages to the session.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use streamcore::driver::tokio::{CloseReason, Closed, Handler, Outlet};
use streamcore::error::Result;
use streamcore::flv::{Tag, TagKind};
use streamcore::live::Handover;
use streamcore::rtmp::message::{Capabilities, ExtendedCaps};
use streamcore::rtmp::session::{Rejection, RequestId, ServerSession, SessionEvent, StreamPath};
use tokio::sync::{Notify, watch};

use crate::access::{Action, Answer, Ask, ClientInfo, Gate, Grant, Protocol, Reason, Refused};
use crate::by_id::ById;
use crate::hooks::{Role, Visit};
use crate::hub::{Hub, Newcomer, Phase, Refusal};
use crate::net::Arrival;
use crate::player::{Form, Line, Next, Packet, Player};
use crate::redact::Redacted;
use crate::sessions::{Entry, Figures, New, Role as SessionRole, Via};
use crate::stream::{Publication, Stream};

/// What one connection publishes and plays, by message stream.
pub struct Peer {
    hub: Arc<Hub>,
    address: SocketAddr,
    /// Says whose connection it is, where a proxy had to say so, and counts it.
    arrival: Arrival,
    phase: watch::Receiver<Phase>,
    /// The server stops, and this connection goes on for a while.
    leaving: bool,
    /// The connection came to the RTMPS port.
    tls: bool,
    /// Who it is, once it has said so.
    client: Option<Arc<ClientInfo>>,
    gate: Gate,
    publications: ById<Publication>,
    /// Those who are to take over a stream at their first key frame.
    newcomers: ById<(Grant, Handover)>,
    /// What each message stream was let in for.
    visits: ById<Visit>,
    players: ById<(Arc<Stream>, Arc<Player>)>,
    /// What the API knows of each message stream.
    sessions: ById<Entry>,
    line: Line,
}

impl Peer {
    /// A connection that has just come.
    pub fn new(hub: Arc<Hub>, address: SocketAddr, tls: bool, arrival: Arrival) -> Self {
        tracing::debug!(peer = %address, tls, "connection");
        let wake = Arc::<Notify>::default();
        let gate = Gate::new(hub.services().admission.clone(), wake.clone());
        let phase = hub.phase();
        Self {
            hub,
            address,
            arrival,
            phase,
            leaving: false,
            tls,
            client: None,
            gate,
            visits: ById::new(),
            publications: ById::new(),
            newcomers: ById::new(),
            players: ById::new(),
            sessions: ById::new(),
            line: Line { wake, outlet: None },
        }
    }

    /// The client has said who it is: whether it may be here is asked while it goes on.
    fn connected(&mut self, client: ClientInfo) {
        tracing::debug!(peer = %self.address, agent = client.agent, "connected");
        let query = client.tc_url.split_once('?').map_or("", |(_, query)| query).to_owned();
        let client = Arc::new(client);
        self.gate.connect(&client, query);
        self.client = Some(client);
    }

    fn ask(&mut self, request: RequestId, id: u32, path: StreamPath, action: Action) {
        let Some(client) = self.client.clone() else { return };
        let StreamPath { app, name, query } = path;
        self.gate.ask(request, id, Ask { client, action, app, name, query });
    }

    /// Acts on what was decided since.
    fn settle(&mut self, session: &mut ServerSession) -> Result<()> {
        while let Some(answer) = self.gate.next() {
            let peer = self.address;
            match answer {
                Answer::Closed(refused) => {
                    self.hub.services().metrics.refused(Action::Connect);
                    tracing::warn!(%peer, "connection refused: {}", refused.text);
                    // Who may not go on is not waited for.
                    self.publications.take().for_each(Publication::end);
                    self.end_all(session);
                }
                Answer::Request { .. } if session.is_closing() => {}
                Answer::Request { request, stream_id, ask, result } => match (result, ask.action) {
                    (Ok(grant), Action::Publish { .. }) => {
                        self.publish(session, request, stream_id, (*ask, grant))?;
                    }
                    (Ok(grant), _) => self.play(session, request, stream_id, (*ask, grant))?,
                    (Err(refused), _) => self.refuse(session, request, &ask, &refused)?,
                },
            }
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        session: &mut ServerSession,
        request: RequestId,
        ask: &Ask,
        refused: &Refused,
    ) -> Result<()> {
        let (peer, app) = (self.address, &ask.app);
        self.hub.services().metrics.refused(ask.action);
        tracing::warn!(app, %peer, action = ?ask.action, "refused: {}", refused.text);
        let rejection = match refused.reason {
            Reason::Denied => Rejection::Denied,
            Reason::NotFound => Rejection::NotFound,
            Reason::Unavailable => Rejection::Overloaded,
        };
        session.reject(request, rejection)
    }

    /// Begins what was granted, as hooks see it.
    fn visit(&mut self, id: u32, ask: Ask, role: Role) {
        let close = self.gate.closer();
        let visit = Visit::begin(&self.hub.services().hooks, ask, role, close);
        self.visits.insert(id, visit);
    }

    /// Lets the API know what was granted.
    fn list(&mut self, id: u32, stream: &str, role: SessionRole, figures: Arc<Figures>) {
        let via = if self.tls { Via::Rtmps } else { Via::Rtmp };
        let agent = self.client.as_ref().map_or("", |client| client.agent.as_str());
        let new = New { role, via, stream, address: self.address, agent, figures };
        let entry = self.hub.services().sessions.begin(new, self.gate.closer());
        self.sessions.insert(id, entry);
    }

    /// A hook may have named a server that the stream is to go to.
    fn push_on(&self, path: &str, grant: &Grant) {
        let Some(url) = &grant.relay else { return };
        let stream = self.hub.find(path);
        let added =
            url.parse().map(|url| self.hub.services().relay.add(path, url, stream.as_ref()));
        if !matches!(added, Ok(Ok(_))) {
            tracing::warn!(stream = %Redacted(path), "not pushed to where a hook said");
        }
    }

    fn newcomer<'a>(&'a self, path: &'a str, grant: &'a Grant) -> Newcomer<'a> {
        let agent = self.client.as_ref().map_or("", |client| client.agent.as_str());
        let identity = grant.identity.as_deref();
        Newcomer { path, address: self.address, agent, reconnects: false, identity }
    }

    fn publish(
        &mut self,
        session: &mut ServerSession,
        request: RequestId,
        id: u32,
        (ask, grant): (Ask, Grant),
    ) -> Result<()> {
        let path = grant.path();
        let (stream, peer) = (Redacted(&path), self.address);
        let capabilities = session.capabilities().map(Capabilities::extended);
        let reconnects = capabilities.is_some_and(|caps| caps.has(ExtendedCaps::RECONNECT));
        match self.hub.publish(Newcomer { reconnects, ..self.newcomer(&path, &grant) }) {
            Ok(Some(publication)) => {
                tracing::info!(%stream, %peer, "publishing");
                self.publications.insert(id, publication);
                self.list(id, &path, SessionRole::Publisher, Arc::default());
                self.push_on(&path, &grant);
                self.visit(id, ask, Role::Publish);
                session.accept(request)
            }
            Ok(None) => {
                tracing::info!(%stream, %peer, "about to take over from the publisher there is");
                let handover = Handover::new(self.hub.config().limits.gop_bytes);
                self.newcomers.insert(id, (grant, handover));
                self.list(id, &path, SessionRole::Publisher, Arc::default());
                self.visit(id, ask, Role::Publish);
                session.accept(request)
            }
            Err(refusal) => {
                let (reason, rejection) = match refusal {
                    Refusal::Live => {
                        ("somebody publishes under this name", Rejection::AlreadyPublishing)
                    }
                    Refusal::TooOften => {
                        ("the stream has changed hands too often", Rejection::AlreadyPublishing)
                    }
                    Refusal::Application => {
                        ("nothing may be published in this application", Rejection::NotFound)
                    }
                    Refusal::Name => ("the name is not allowed", Rejection::NotFound),
                    Refusal::Full => ("there are too many streams", Rejection::Overloaded),
                };
                tracing::warn!(%stream, %peer, "publisher refused: {reason}");
                session.reject(request, rejection)
            }
        }
    }

    fn play(
        &mut self,
        session: &mut ServerSession,
        request: RequestId,
        id: u32,
        (ask, grant): (Ask, Grant),
    ) -> Result<()> {
        let path = grant.path();
        let form = Form::Rtmp { stream_id: id, chunk_size: session.chunk_size() };
        let max_bytes = self.hub.config().limits.player_queue_bytes;
        let player = Player::new(form, max_bytes, self.line.clone());
        let Some(stream) = self.hub.play(&path, &player) else {
            return session.reject(request, Rejection::NotFound);
        };
        tracing::info!(stream = %Redacted(&path), peer = %self.address, live = stream.is_live(), "playing");
        let origin = grant.relay.as_deref().and_then(|url| url.parse().ok());
        self.hub.services().relay.demand(&self.hub, &path, origin.as_ref());
        self.list(id, &path, SessionRole::Player, player.figures().clone());
        self.players.insert(id, (stream, player));
        self.visit(id, ask, Role::Play);
        session.accept(request)
    }

    fn stop_playing(&mut self, id: u32) {
        self.gate.forget(id);
        if let Some((stream, player)) = self.players.remove(id) {
            self.visits.remove(id);
            self.sessions.remove(id);
            stream.detach(&player);
        }
    }

    fn pause(&mut self, id: u32, paused: bool) {
        if let Some((stream, player)) = self.players.get(id) {
            if paused {
                player.pause();
            } else {
                stream.resume(player);
            }
        }
    }

    /// Takes one message of a publisher, who may have been replaced.
    fn media(&mut self, session: &mut ServerSession, id: u32, tag: &Tag) {
        if let Some(entry) = self.sessions.get(id) {
            entry.figures().count(1, tag.body.len());
        }
        if self.newcomers.contains(id) {
            return self.take_over(session, id, tag);
        }
        let Some(publication) = self.publications.get_mut(id) else { return };
        if let Some(visit) = self.visits.get(id) {
            visit.at(tag.timestamp);
        }
        if !publication.handle_tag(tag) {
            let (stream, peer) = (Redacted(publication.path()), self.address);
            tracing::info!(%stream, %peer, "another publisher has taken over");
            self.publications.remove(id);
            self.sessions.remove(id);
            session.close();
        }
    }

    /// A newcomer takes over at its first key frame.
    fn take_over(&mut self, session: &mut ServerSession, id: u32, tag: &Tag) {
        let Some((_, handover)) = self.newcomers.get_mut(id) else { return };
        let Some(first) = handover.handle_tag(tag) else { return };
        let Some((grant, _)) = self.newcomers.remove(id) else { return };
        let path = grant.path();
        match self.hub.take_over(self.newcomer(&path, &grant)) {
            Ok(mut publication) => {
                tracing::info!(stream = %Redacted(&path), peer = %self.address, "took over");
                for tag in &first {
                    publication.handle_tag(tag);
                }
                self.publications.insert(id, publication);
            }
            Err(_) => session.close(),
        }
    }

    /// Tells the client that it is over.
    fn end_all(&mut self, session: &mut ServerSession) {
        for (stream, player) in self.players.take() {
            stream.detach(&player);
        }
        drop(self.sessions.take());
        session.close();
    }

    fn stop_publishing(&mut self, id: u32) {
        self.gate.forget(id);
        self.newcomers.remove(id);
        self.visits.remove(id);
        self.sessions.remove(id);
        if let Some(publication) = self.publications.remove(id) {
            tracing::info!(stream = %Redacted(publication.path()), peer = %self.address, "publishing ended");
            publication.end();
        }
    }
}

impl Handler for Peer {
    fn handle_outlet(&mut self, outlet: &Outlet) {
        self.line.outlet = Some(outlet.clone());
    }

    fn handle_event(&mut self, session: &mut ServerSession, event: SessionEvent) -> Result<()> {
        self.address = self.arrival.client().unwrap_or(self.address);
        match event {
            SessionEvent::Media { stream_id, type_id, timestamp, payload } => {
                if let Some(kind) = TagKind::from_type_id(type_id) {
                    self.media(session, stream_id, &Tag { kind, timestamp, body: payload });
                }
            }
            SessionEvent::Connected { app, tc_url, agent, swf_url, page_url, .. } => {
                let protocol = if self.tls { Protocol::Rtmps } else { Protocol::Rtmp };
                let app = app.trim_matches('/').to_owned();
                let client = ClientInfo::new(self.address, protocol);
                self.connected(ClientInfo { app, tc_url, agent, swf_url, page_url, ..client });
                self.settle(session)?;
            }
            SessionEvent::Publish { request, stream_id, path, kind } => {
                self.ask(request, stream_id, path, Action::Publish { kind: kind.text() });
                self.settle(session)?;
            }
            SessionEvent::Play { request, stream_id, path, start, duration, reset } => {
                self.ask(request, stream_id, path, Action::Play { start, duration, reset });
                self.settle(session)?;
            }
            SessionEvent::Unpublished { stream_id } => self.stop_publishing(stream_id),
            SessionEvent::PlayEnded { stream_id } => self.stop_playing(stream_id),
            SessionEvent::Paused { stream_id, paused } => self.pause(stream_id, paused),
            SessionEvent::Seek { stream_id, .. } => {
                self.pause(stream_id, true);
                self.pause(stream_id, false);
            }
            SessionEvent::Notice(notice) => {
                tracing::debug!(peer = %self.address, %notice, "tolerated")
            }
            _ => {}
        }
        Ok(())
    }

    async fn ready(&mut self) {
        tokio::select! {
            () = self.line.wake.notified() => {}
            _ = self.phase.wait_for(|phase| *phase == Phase::Ending), if self.leaving => {}
        }
    }

    fn handle_ready(&mut self, session: &mut ServerSession, budget: usize) -> Result<bool> {
        self.settle(session)?;
        self.publications.values().for_each(Publication::flush);
        if self.leaving && *self.phase.borrow() == Phase::Ending {
            self.leaving = false;
            self.end_all(session);
            return Ok(false);
        }
        let mut ended = Vec::new();
        let mut sent = 0;
        for (id, (stream, player)) in self.players.iter() {
            loop {
                if sent >= budget {
                    return Ok(true);
                }
                match player.next() {
                    // It asked for no other form.
                    Next::Message(Packet::Flv { .. }) => {}
                    Next::Message(Packet::Rtmp(message)) => {
                        sent += message.len();
                        session.send_shared(&message)?;
                    }
                    Next::Wait => break,
                    Next::End => {
                        ended.push(id);
                        break;
                    }
                    Next::GiveUp => {
                        tracing::warn!(peer = %self.address, "player given up: it reads too slowly");
                        stream.count_given_up(player);
                        session.close();
                        return Ok(false);
                    }
                }
            }
        }
        for id in ended {
            session.end_play(id);
            self.stop_playing(id);
        }
        if sent > 0 {
            // What is sent now has to be in line before a shard may write behind it.
            return Ok(true);
        }
        self.players.values().for_each(|(_, player)| player.keep_step());
        Ok(false)
    }

    fn read_pause(&self) -> Duration {
        // Commands are answered at once, and so is who is about to take over.
        if !self.players.is_empty() || !self.newcomers.is_empty() {
            return Duration::ZERO;
        }
        self.publications.values().map(Publication::read_pause).min().unwrap_or_default()
    }

    fn handle_stop(&mut self, session: &mut ServerSession) {
        let busy = !(self.publications.is_empty() && self.players.is_empty());
        self.leaving = busy && *self.phase.borrow() == Phase::Draining;
        if !self.leaving {
            return self.end_all(session);
        }
        // Who cannot reconnect goes on until it ends by itself, or the time is over.
        if session.request_reconnect(None, "The server is about to stop.").unwrap_or(false) {
            tracing::debug!(peer = %self.address, "asked to reconnect");
        }
    }

    fn handle_closed(&mut self, closed: &Closed) {
        let peer = self.address;
        for publication in self.publications.take() {
            tracing::info!(stream = %Redacted(publication.path()), %peer, "publisher cut off");
        }
        let (bytes_in, bytes_out) = (closed.bytes_in, closed.bytes_out);
        match &closed.reason {
            CloseReason::Open(error) if error.kind() == ErrorKind::UnexpectedEof => {
                tracing::debug!(%peer, "closed before it was open");
            }
            CloseReason::Open(error) if error.kind() == ErrorKind::ConnectionRefused => {
                tracing::warn!(%peer, "refused: {error}");
            }
            CloseReason::Open(error) if !self.tls => tracing::warn!(%peer, "refused: {error}"),
            CloseReason::Open(error) => {
                let failures = self.hub.count_tls_failure();
                tracing::warn!(%peer, failures, "closed: the TLS handshake failed: {error}");
            }
            // With TLS 1.3 it is after the handshake that a peer refuses the certificate, and it need not say so.
            CloseReason::Peer | CloseReason::Io(_) if self.tls && bytes_in == 0 => {
                tracing::warn!(%peer, "closed by the peer right after the TLS handshake: does it trust the certificate?");
            }
            CloseReason::Protocol(error) if self.client.is_none() => {
                tracing::warn!(%peer, bytes_in, "closed a connection that is no RTMP: {error}");
            }
            CloseReason::Protocol(error) => tracing::warn!(%peer, "closed: {error}"),
            CloseReason::WriteTimeout => tracing::warn!(%peer, "closed: the peer reads nothing"),
            CloseReason::Io(error) => tracing::debug!(%peer, "connection lost: {error}"),
            reason => tracing::debug!(%peer, bytes_in, bytes_out, ?reason, "closed"),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        for (stream, player) in self.players.take() {
            stream.detach(&player);
        }
        drop(self.visits.take());
        if let Some(client) = self.client.take().filter(|_| self.gate.let_in()) {
            let (app, name, query) = (client.app.clone(), String::new(), String::new());
            let ask = Ask { client, action: Action::Connect, app, name, query };
            self.hub.services().hooks.disconnected(&ask);
        }
    }
}
