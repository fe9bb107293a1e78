//! One RTMP connection: the session's events to the streams, and a stream's messages to the session.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use streamcore::driver::tokio::{CloseReason, Closed, Handler, Outlet};
use streamcore::error::Result;
use streamcore::flv::{Tag, TagKind};
use streamcore::live::Handover;
use streamcore::rtmp::message::{Capabilities, ExtendedCaps};
use streamcore::rtmp::session::{Rejection, RequestId, ServerSession, SessionEvent, StreamPath};
use tokio::sync::watch;

use crate::hub::{Hub, Phase, Refusal};
use crate::keys::Denied;
use crate::net::Arrival;
use crate::player::{Form, Line, Next, Player};
use crate::redact::Redacted;
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
    agent: Option<String>,
    publications: HashMap<u32, Publication>,
    /// Those who are to take over a stream at their first key frame, with its path.
    newcomers: HashMap<u32, (String, Handover)>,
    players: HashMap<u32, (Arc<Stream>, Arc<Player>)>,
    line: Line,
}

impl Peer {
    /// A connection that has just come.
    pub fn new(hub: Arc<Hub>, address: SocketAddr, tls: bool, arrival: Arrival) -> Self {
        tracing::debug!(peer = %address, tls, "connection");
        let phase = hub.phase();
        Self {
            hub,
            address,
            arrival,
            phase,
            leaving: false,
            tls,
            agent: None,
            publications: HashMap::new(),
            newcomers: HashMap::new(),
            players: HashMap::new(),
            line: Line::default(),
        }
    }

    fn publish(
        &mut self,
        session: &mut ServerSession,
        request: RequestId,
        id: u32,
        path: &StreamPath,
    ) -> Result<()> {
        let asked = (path.app.as_str(), path.name.as_str(), path.query.as_str());
        let require = self.hub.config().server.require_key;
        let path = match self.hub.keys().publish(asked, self.address.ip(), require) {
            Ok(Some(granted)) => granted.path,
            Ok(None) => path.path(),
            Err(why) => {
                tracing::warn!(peer = %self.address, "publisher refused: {}", why.text());
                return session.reject(request, Rejection::Denied);
            }
        };
        let (stream, peer) = (Redacted(&path), self.address);
        let capabilities = session.capabilities().map(Capabilities::extended);
        let reconnects = capabilities.is_some_and(|caps| caps.has(ExtendedCaps::RECONNECT));
        let agent = self.agent.as_deref().unwrap_or_default();
        match self.hub.publish(&path, peer, agent, reconnects) {
            Ok(Some(publication)) => {
                tracing::info!(%stream, %peer, "publishing");
                self.publications.insert(id, publication);
                session.accept(request)
            }
            Ok(None) => {
                tracing::info!(%stream, %peer, "about to take over from the publisher there is");
                let handover = Handover::new(self.hub.config().limits.gop_bytes);
                self.newcomers.insert(id, (path, handover));
                session.accept(request)
            }
            Err(refusal) => {
                let (reason, rejection) = match refusal {
                    Refusal::Live => {
                        ("somebody publishes under this name", Rejection::AlreadyPublishing)
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
        path: &StreamPath,
    ) -> Result<()> {
        let path = match self.hub.keys().play(&path.path(), &path.query) {
            Ok(path) => path,
            Err(why) => {
                tracing::warn!(peer = %self.address, "player refused: {}", why.text());
                let denied =
                    if why == Denied::NotFound { Rejection::NotFound } else { Rejection::Denied };
                return session.reject(request, denied);
            }
        };
        let form = Form { stream_id: id, chunk_size: session.chunk_size() };
        let max_bytes = self.hub.config().limits.player_queue_bytes;
        let player = Player::new(form, max_bytes, self.line.clone());
        let Some(stream) = self.hub.play(&path, &player) else {
            return session.reject(request, Rejection::NotFound);
        };
        tracing::info!(stream = %Redacted(&path), peer = %self.address, live = stream.is_live(), "playing");
        self.players.insert(id, (stream, player));
        session.accept(request)
    }

    fn stop_playing(&mut self, id: u32) {
        if let Some((stream, player)) = self.players.remove(&id) {
            stream.detach(&player);
        }
    }

    fn pause(&mut self, id: u32, paused: bool) {
        if let Some((stream, player)) = self.players.get(&id) {
            if paused {
                player.pause();
            } else {
                stream.resume(player);
            }
        }
    }

    /// Takes one message of a publisher, who may have been replaced.
    fn media(&mut self, session: &mut ServerSession, id: u32, tag: &Tag) {
        if self.newcomers.contains_key(&id) {
            return self.take_over(session, id, tag);
        }
        let Some(publication) = self.publications.get_mut(&id) else { return };
        if !publication.handle_tag(tag) {
            let (stream, peer) = (Redacted(publication.path()), self.address);
            tracing::info!(%stream, %peer, "another publisher has taken over");
            self.publications.remove(&id);
            session.close();
        }
    }

    /// A newcomer takes over at its first key frame.
    fn take_over(&mut self, session: &mut ServerSession, id: u32, tag: &Tag) {
        let Some((path, handover)) = self.newcomers.get_mut(&id) else { return };
        let Some(first) = handover.handle_tag(tag) else { return };
        let path = std::mem::take(path);
        self.newcomers.remove(&id);
        let agent = self.agent.as_deref().unwrap_or_default();
        match self.hub.take_over(&path, self.address, agent) {
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
        for (_, (stream, player)) in self.players.drain() {
            stream.detach(&player);
        }
        session.close();
    }

    fn stop_publishing(&mut self, id: u32) {
        self.newcomers.remove(&id);
        if let Some(publication) = self.publications.remove(&id) {
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
            SessionEvent::Connected { agent, .. } => {
                tracing::debug!(peer = %self.address, %agent, "connected");
                self.agent = Some(agent);
            }
            SessionEvent::Publish { request, stream_id, path } => {
                self.publish(session, request, stream_id, &path)?;
            }
            SessionEvent::Play { request, stream_id, path } => {
                self.play(session, request, stream_id, &path)?;
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
        self.publications.values().for_each(Publication::flush);
        if self.leaving && *self.phase.borrow() == Phase::Ending {
            self.leaving = false;
            self.end_all(session);
            return Ok(false);
        }
        let mut ended = Vec::new();
        let mut sent = 0;
        for (&id, (stream, player)) in &self.players {
            loop {
                if sent >= budget {
                    return Ok(true);
                }
                match player.next() {
                    Next::Message(message) => {
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
                        stream.count_given_up();
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
        for (_, publication) in self.publications.drain() {
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
            CloseReason::Protocol(error) if self.agent.is_none() => {
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
        for (_, (stream, player)) in self.players.drain() {
            stream.detach(&player);
        }
    }
}
