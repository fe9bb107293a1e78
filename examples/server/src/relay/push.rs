//! The task of one target: connects, sends, comes back.

use std::sync::Arc;
use std::time::Duration;

use streamcore::driver::tokio::{
    Backoff, ClientClosed, ClientHandler, CloseReason, ConnectError, run_client,
};
use streamcore::error::Result;
use streamcore::rtmp::session::{ClientConfig, ClientEvent, ClientSession, RtmpUrl};
use tokio::time::Instant;

use super::Relay;
use super::tap::Tapped;
use super::target::{State, Target, Wanted};
use crate::redact::Redacted;
use crate::stream::Stream;

/// The longest pause before a target is tried again.
const LONGEST: Duration = Duration::from_secs(30);
/// A connection that lasted so long came to something: the pauses start over.
const LASTED: Duration = Duration::from_secs(10);
/// Refusals in a row after which a target is not tried again. A server that still waits for the end of a lost connection
/// refuses for a while.
const REFUSALS: u32 = 8;
/// Between the last message of one publisher and the first of the next, in milliseconds.
const JOINT: u32 = 40;

/// Sends the stream for as long as it is live and the target is wanted.
pub async fn run(relay: Arc<Relay>, target: Arc<Target>) {
    let mut wanted = target.wanted();
    while let Some(stream) = target.next_source() {
        let runs = wanted.borrow_and_update().runs();
        let lost = runs && serve(&relay, &target, &stream).await;
        // One that was lost for good says so until something else is wanted of it.
        if !lost {
            target.set(State::Idle);
        }
        let now = *wanted.borrow();
        let waits = now.live && !now.removed && (lost || !now.runs());
        if waits && wanted.changed().await.is_err() {
            return;
        }
    }
    target.set(State::Idle);
}

/// Tries until the target is not wanted any more, or is lost for good, and says which.
async fn serve(relay: &Relay, target: &Target, stream: &Arc<Stream>) -> bool {
    let mut backoff = Backoff::new(relay.app(target.path()).relay.push_reconnect, LONGEST);
    let urls = target.url().for_stream(target.path());
    let (mut at, mut refusals) = (0, 0);
    let mut configs: Vec<ClientConfig> = urls.iter().cloned().map(ClientConfig::publish).collect();
    while let Some(config) = configs.get(at).cloned() {
        target.set(State::Starting);
        target.began_attempt(at > 0);
        let began = Instant::now();
        let mut pusher = Pusher::new(target, stream);
        let stop = until(target, |wanted| !wanted.runs());
        let result = run_client(config, &mut pusher, &relay.connect, stop).await;
        let went = pusher.publishing;
        stream.detach_tap(&target.tap);
        if !target.wanted().borrow().runs() {
            return false;
        }
        let why = pusher.reason(&result, urls.get(at));
        refusals = if went { 0 } else { refusals + u32::from(pusher.refused) };
        if went && began.elapsed() >= LASTED {
            backoff.reset();
        }
        let fatal = refusals >= REFUSALS;
        let (stream, url) = (Redacted(target.path()), target.url());
        tracing::warn!(%stream, target = %url, fatal, "push: {why}");
        target.set(State::Errored { fatal, why });
        if fatal {
            return true;
        }
        // A server that asks for it is obeyed; the next attempt after that is at its first place again.
        if let Ok(ClientClosed { next: Some(next), .. }) = result {
            configs[at] = next;
        } else {
            configs = urls.iter().cloned().map(ClientConfig::publish).collect();
            at = (at + 1) % configs.len().max(1);
        }
        let pause = backoff.pause();
        target.waits(pause);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = until(target, |wanted| !wanted.runs()) => return false,
        }
    }
    true
}

async fn until(target: &Target, reached: impl Fn(Wanted) -> bool) {
    let _ = target.wanted().wait_for(|&wanted| reached(wanted)).await;
}

/// One connection to a target.
struct Pusher<'a> {
    target: &'a Target,
    stream: &'a Arc<Stream>,
    publishing: bool,
    /// What is queued is still to be sent, and then the end.
    ending: bool,
    refused: bool,
    said: Option<String>,
    clock: Clock,
}

/// Times on the wire: each connection begins at zero, and goes on from one publisher to the next.
#[derive(Debug, Default)]
struct Clock {
    /// The publisher, and what is taken from its times.
    base: Option<(u32, u32)>,
    last: u32,
}

impl Clock {
    fn place(&mut self, tapped: &Tapped) -> u32 {
        let time = tapped.tag.timestamp;
        let base = match self.base {
            Some((epoch, base)) if epoch == tapped.epoch => base,
            Some(_) => time.wrapping_sub(self.last.wrapping_add(JOINT)),
            None => time,
        };
        self.base = Some((tapped.epoch, base));
        let placed = time.wrapping_sub(base);
        // What is a little earlier than the first.
        let placed = if placed.cast_signed() < 0 && self.last < 1 << 30 { 0 } else { placed };
        self.last =
            if self.last.wrapping_sub(placed).cast_signed() > 0 { self.last } else { placed };
        placed
    }
}

impl<'a> Pusher<'a> {
    fn new(target: &'a Target, stream: &'a Arc<Stream>) -> Self {
        Self {
            target,
            stream,
            publishing: false,
            ending: false,
            refused: false,
            said: None,
            clock: Clock::default(),
        }
    }

    /// Why the connection has ended, without keys.
    fn reason(
        &mut self,
        result: &std::result::Result<ClientClosed, ConnectError>,
        url: Option<&RtmpUrl>,
    ) -> String {
        let text = match (self.said.take(), result) {
            (Some(said), _) => said,
            (None, Err(error)) => error.to_string(),
            (None, Ok(closed)) => match &closed.closed.reason {
                CloseReason::Peer => "the target closed the connection".to_owned(),
                CloseReason::WriteTimeout => "the target takes no more bytes".to_owned(),
                CloseReason::Protocol(error) => error.to_string(),
                CloseReason::Io(error) => format!("the connection broke: {error}"),
                _ => "the session ended".to_owned(),
            },
        };
        // Servers put the stream's name into their words, which is the key.
        let name = url.map(|url| url.name.as_str()).unwrap_or_default();
        let bare = name.split('?').next().unwrap_or_default();
        let names = [name, bare].into_iter().filter(|name| name.len() > 2);
        names.fold(text, |text, name| text.replace(name, "…"))
    }
}

impl ClientHandler for Pusher<'_> {
    fn handle_event(&mut self, session: &mut ClientSession, event: ClientEvent) -> Result<()> {
        match event {
            ClientEvent::Publishing => {
                self.publishing = true;
                self.stream.attach_tap(&self.target.tap);
                let (stream, target) = (Redacted(self.target.path()), self.target.url());
                tracing::info!(%stream, %target, "push: broadcasting");
                self.target.set(State::Broadcasting);
            }
            ClientEvent::Rejected { code, .. } => {
                self.refused = true;
                let code = if code.is_empty() { "no reason given" } else { code.as_str() };
                self.said = Some(format!("the target refuses: {code}"));
            }
            ClientEvent::ReconnectRequest { .. } => {
                self.said = Some("the target asks to connect again".to_owned());
                session.finish();
            }
            ClientEvent::Ended if self.said.is_none() => {
                self.said = Some("the target ended the stream".to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    async fn ready(&mut self) {
        if !self.publishing {
            return std::future::pending().await;
        }
        if !self.ending {
            self.target.tap.ready().await;
        }
    }

    fn handle_ready(&mut self, session: &mut ClientSession, budget: usize) -> Result<bool> {
        let mut sent = 0;
        while self.publishing && sent < budget {
            if !session.wants_media() {
                return Ok(false);
            }
            let Some(tapped) = self.target.tap.pop() else {
                if self.ending {
                    session.finish();
                }
                return Ok(false);
            };
            let time = self.clock.place(&tapped);
            let bytes = tapped.tag.body.len();
            session.send_media(tapped.tag.kind.type_id(), time, tapped.tag.body)?;
            self.target.sent(bytes);
            sent += bytes.max(1);
        }
        Ok(self.publishing)
    }

    fn handle_stop(&mut self, session: &mut ClientSession) {
        let wanted = *self.target.wanted().borrow();
        // The end of the stream is sent; a target that is paused or removed ends at once.
        if !self.publishing || wanted.paused || wanted.removed {
            session.finish();
        } else {
            self.ending = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use streamcore::flv::{Tag, TagKind};

    #[test]
    fn times_begin_at_zero_and_go_on_over_publishers_and_wraps() {
        let mut clock = Clock::default();
        let mut place = |epoch, timestamp| {
            let tag = Tag { kind: TagKind::Video, timestamp, body: Bytes::new() };
            clock.place(&Tapped { tag, epoch })
        };
        assert_eq!([place(0, 5000), place(0, 4990), place(0, 5040)], [0, 0, 40]);
        assert_eq!([place(1, 0), place(1, 33)], [80, 113], "another publisher");
        assert_eq!([place(2, u32::MAX - 9), place(2, 10)], [153, 173], "a wrap");
    }
}
