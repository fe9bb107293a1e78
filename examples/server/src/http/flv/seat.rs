//! A player of FLV while it plays: its place among the players of the stream, its session, and the hooks of its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use streamcore::buf::Chain;
use streamcore::driver::tokio::ConnectionConfig;
use streamcore::flv::{TagKind, Writer};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

use crate::access::Ask;
use crate::hooks::{self, Visit};
use crate::hub::{Hub, Phase};
use crate::player::{Form, Line, Next, Packet, Player};
use crate::sessions::{Entry, New, Role, Via};
use crate::stream::Stream;

/// Bytes that are handed over at once, about.
const GATHERED: usize = 64 << 10;

/// How it came to an end.
#[derive(Debug)]
pub(super) enum End {
    /// The publisher has ended, or the server is about to.
    Over,
    /// The client has gone.
    Left,
    /// It may not go on, or reads too slowly.
    Cut(String),
}

/// A player of FLV. It leaves the stream when this is dropped.
pub(super) struct Seat {
    stream: Arc<Stream>,
    player: Arc<Player>,
    wake: Arc<Notify>,
    closed: mpsc::UnboundedReceiver<String>,
    phase: watch::Receiver<Phase>,
    /// Time in which a client has to take something.
    patience: Duration,
    /// What is to be handed over next. The header of the file waits for the first frame, since it says what there is.
    held: Chain,
    has_frame: bool,
    audio: bool,
    video: bool,
    has_header: bool,
    entry: Entry,
    _visit: Visit,
}

impl Seat {
    /// Joins a stream that is live.
    pub(super) fn take(
        hub: &Hub,
        stream: Arc<Stream>,
        form: Form,
        (ask, path): (Ask, &str),
    ) -> Option<Self> {
        let wake = Arc::<Notify>::default();
        let line = Line { wake: wake.clone(), outlet: None };
        let player = Player::new(form, hub.config().limits.player_queue_bytes, line);
        if !stream.join(&player) {
            return None;
        }
        let (close, closed) = mpsc::unbounded_channel();
        let closer = || {
            let close = close.clone();
            move |why| _ = close.send(why)
        };
        let new = New {
            role: Role::Player,
            via: if form == Form::WsFlv { Via::WsFlv } else { Via::HttpFlv },
            stream: path,
            address: ask.client.address,
            agent: &ask.client.agent,
            figures: player.figures().clone(),
        };
        let services = hub.services();
        let entry = services.sessions.begin(new, closer());
        let visit = Visit::begin(&services.hooks, ask, hooks::Role::Play, closer());
        Some(Self {
            stream,
            player,
            wake,
            closed,
            phase: hub.phase(),
            patience: ConnectionConfig::default().write_timeout,
            held: Chain::new(),
            has_frame: false,
            audio: false,
            video: false,
            has_header: false,
            entry,
            _visit: visit,
        })
    }

    /// Path of the stream.
    pub(super) fn path(&self) -> &str {
        &self.entry.session().stream
    }

    /// Who plays.
    pub(super) fn peer(&self) -> SocketAddr {
        self.entry.session().address
    }

    /// Hands over what comes, to the end.
    pub(super) async fn run(&mut self, out: &mpsc::Sender<Chain>) -> End {
        loop {
            let (chain, end) = self.gather();
            let idle = chain.is_empty();
            if !idle && let Some(end) = self.send(out, chain).await {
                return end;
            }
            if let Some(end) = end {
                return end;
            }
            if idle && let Some(end) = self.wait(out).await {
                return end;
            }
        }
    }

    /// What waits for the player, and whether anything comes after it.
    fn gather(&mut self) -> (Chain, Option<End>) {
        let mut end = None;
        while self.held.len() < GATHERED {
            match self.player.next() {
                Next::Message(Packet::Flv { tag, kind, is_frame }) => {
                    self.audio |= kind == TagKind::Audio;
                    self.video |= kind == TagKind::Video;
                    self.held.extend_from(&tag);
                    self.has_frame |= is_frame;
                }
                // It asked for no other form.
                Next::Message(Packet::Rtmp(_)) => {}
                Next::Wait => break,
                Next::End => {
                    end = Some(End::Over);
                    break;
                }
                Next::GiveUp => {
                    end = Some(self.give_up());
                    break;
                }
            }
        }
        if !self.has_frame && self.held.len() < GATHERED {
            return (Chain::new(), end);
        }
        if !std::mem::replace(&mut self.has_header, true) {
            self.held.push_front(Writer::new().header(self.audio, self.video));
        }
        (std::mem::take(&mut self.held), end)
    }

    fn give_up(&self) -> End {
        self.stream.count_given_up(&self.player);
        End::Cut("it reads too slowly".into())
    }

    /// Waits for room, and meanwhile for what ends the player.
    async fn send(&mut self, out: &mpsc::Sender<Chain>, chain: Chain) -> Option<End> {
        let sent = timeout(self.patience, out.send(chain));
        tokio::select! {
            sent = sent => match sent {
                Ok(Ok(())) => None,
                Ok(Err(_)) => Some(End::Left),
                Err(_) => Some(End::Cut("it reads nothing".into())),
            },
            end = self.trouble() => Some(end),
        }
    }

    /// What ends a player who does not read.
    async fn trouble(&mut self) -> End {
        loop {
            tokio::select! {
                why = self.closed.recv() => return End::Cut(why.unwrap_or_default()),
                () = ending(&mut self.phase) => return End::Over,
                () = self.wake.notified() => if self.player.is_hopeless() {
                    return self.give_up();
                },
            }
        }
    }

    /// Waits for more, or for what ends the player.
    async fn wait(&mut self, out: &mpsc::Sender<Chain>) -> Option<End> {
        tokio::select! {
            () = self.wake.notified() => None,
            () = out.closed() => Some(End::Left),
            why = self.closed.recv() => Some(End::Cut(why.unwrap_or_default())),
            () = ending(&mut self.phase) => Some(End::Over),
        }
    }
}

/// Completes when the server tells all that it is over.
async fn ending(phase: &mut watch::Receiver<Phase>) {
    // Without a sender there is no server any more.
    let _ = phase.wait_for(|phase| *phase == Phase::Ending).await;
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.stream.detach(&self.player);
    }
}
