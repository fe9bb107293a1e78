//! A stream beside its media: servers that it is pushed to, who plays it, whose it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Publisher, Stream, WAITERS, lock};
use crate::fan::Fan;
use crate::meter::Sample;
use crate::names;
use crate::notices::NO_KEY_FRAME_YET;
use crate::origin::Archive;
use crate::player::Form;
use crate::recordings::rfc3339;
use crate::redact::Redacted;
use crate::relay::Tap;
use crate::sessions::{Figures, New, Role, Via};
use crate::stats::{Kicked, PlayersInfo, SetInfo, StreamInfo};

/// So long a publisher is read at once: its dates are taken from when its first pictures come.
const SETTLES: Duration = Duration::from_secs(2);

impl Publisher {
    fn has_settled(&self) -> bool {
        self.heard.duration_since(self.started) >= SETTLES
    }
}

impl Stream {
    /// Adds a server that the stream is pushed to, with what it has to have first.
    pub fn attach_tap(&self, tap: &Arc<Tap>) {
        let mut live = self.live();
        tap.open(live.gop.tags());
        live.taps.push(tap.clone());
    }

    /// Removes it.
    pub fn detach_tap(&self, tap: &Arc<Tap>) {
        self.live().taps.retain(|other| !Arc::ptr_eq(other, tap));
        tap.shut();
    }

    /// Players, of whatever kind.
    pub fn audience(&self) -> usize {
        let (hls, dash) = lock(&self.viewers).counts(Instant::now());
        self.live().fan.len() + hls + dash
    }

    /// How long the publisher's connection may be left alone between reads: not at all while anybody waits for what it sends, or while
    /// it has only just begun.
    pub(super) fn read_pause(&self) -> Duration {
        let live = self.live();
        let settled = live.publisher.as_ref().is_some_and(Publisher::has_settled);
        let waits =
            !live.fan.is_empty() || !live.taps.is_empty() || self.changes.receiver_count() > 0;
        if !settled || waits || !lock(&self.viewers).is_empty() {
            return Duration::ZERO;
        }
        live.ingest_latency
    }

    /// A player over HTTP asks for something: for a playlist where `via` says of which kind. Gives what it was sent so far, where it
    /// is known.
    pub fn seen(
        &self,
        peer: SocketAddr,
        agent: &[u8],
        via: Option<Via>,
    ) -> Result<Option<Arc<Figures>>, Kicked> {
        let begin = via.map(|via| {
            move || {
                let (name, figures) = (String::from_utf8_lossy(agent), Arc::default());
                let (stream, agent) = (self.path.as_str(), name.as_ref());
                let new = New { role: Role::Player, via, stream, address: peer, agent, figures };
                // It has no connection to close: it is refused from its next request on.
                self.sessions.begin(new, |_| {})
            }
        });
        lock(&self.viewers).seen(peer.ip(), agent, Instant::now(), begin)
    }

    /// Application and name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Number of the publisher there is, among all since the start.
    pub fn seq(&self) -> Option<i64> {
        self.live().publisher.as_ref().map(|publisher| publisher.seq)
    }

    /// Whether the publisher there is has the right of `identity`.
    pub fn is_of(&self, identity: Option<&str>) -> bool {
        let live = self.live();
        live.publisher
            .as_ref()
            .is_none_or(|publisher| publisher.info.identity.as_deref() == identity)
    }

    /// Ends a publisher of whom nothing was heard for so long, as one who was cut off. What comes of it later ends its connection.
    pub fn drop_idle(&self, now: Instant, time: Duration) {
        let live = self.live();
        let token = live.token;
        let idle = |publisher: &Publisher| now.saturating_duration_since(publisher.heard) >= time;
        if !live.publisher.as_ref().is_some_and(idle) {
            return;
        }
        drop(live);
        tracing::warn!(stream = %Redacted(&self.path), "nothing came from the publisher for {} s: its place is free", time.as_secs_f64());
        self.end(token, true);
        let mut live = self.live();
        if live.token == token {
            live.token += 1;
        }
    }

    /// Takes a sample of what is published, where somebody does: once a second.
    pub fn sample(&self, now: Instant) {
        let viewers = self.audience();
        let mut live = self.live();
        let dropped = live.fan.losses().counts().iter().map(|(dropped, _)| dropped).sum();
        let Some(publisher) = &mut live.publisher else { return };
        let sample = publisher.meter.sample(now, viewers, dropped);
        drop(live);
        lock(&self.series).push(sample);
    }

    /// Samples of the last ten minutes that are newer than that many milliseconds since 1970, oldest first.
    pub fn samples(&self, since_ms: i64) -> Vec<Sample> {
        lock(&self.series).since(since_ms)
    }

    /// HLS requests that are held.
    pub fn waiting(&self) -> usize {
        WAITERS - self.waiters.available_permits()
    }

    /// Bytes that wait for RTMP players.
    pub fn queued_bytes(&self) -> usize {
        self.live().fan.queued_bytes()
    }

    /// The stream as the API gives it; `None` where it is not live.
    pub fn info(&self) -> Option<StreamInfo> {
        let now = Instant::now();
        let (hls, dash) = lock(&self.viewers).counts(now);
        let mut live = self.live();
        let playing = live.fan.len();
        let players = players(&live.fan, hls, dash);
        let publisher = live.publisher.as_mut()?;
        let hls_state = self.hls();
        let store = hls_state.archive.as_ref().map(Archive::info);
        let has_hls = !hls_state.is_off;
        drop(hls_state);
        let mut problems = publisher.health.problems();
        problems.extend(store.iter().flat_map(|store| store.problems()));
        let (app, name) = names::split(&self.path);
        Some(StreamInfo {
            seq: publisher.seq,
            live_stream_id: publisher.info.identity.clone(),
            app: app.to_owned(),
            name: name.to_owned(),
            path: self.path.clone(),
            since: rfc3339(publisher.since),
            uptime_s: (now.duration_since(publisher.started).as_secs_f64() * 10.0).round() / 10.0,
            publisher: publisher.info.clone(),
            video: publisher.tracks.video(),
            audio: publisher.tracks.audio(),
            bitrate_kbps: publisher.rate.kbps(now),
            viewers: playing + hls + dash,
            players,
            hls_waiting: self.waiting(),
            bytes_in: publisher.bytes_in,
            hls: has_hls.then(|| format!("{}/index.m3u8", names::url_path(&self.path))),
            dash: has_hls.then(|| format!("{}/index.mpd", names::url_path(&self.path))),
            recording: publisher.health.is_recording(),
            problems,
            set: None,
            store,
        })
    }

    /// The set of this path, where there is one, as the API gives it.
    pub fn set_info(&self) -> Option<SetInfo> {
        let set = self.set();
        set.is_there().then(|| SetInfo {
            path: self.path.clone(),
            hls: format!("{}/index.m3u8", names::url_path(&self.path)),
            dash: format!("{}/index.mpd", names::url_path(&self.path)),
            store: set.store_info(),
        })
    }

    /// Says, once for each publisher, what is wrong with what it sends: in the log, the API and on the page.
    pub(super) fn tell(&self, token: u64, problem: &str) {
        let mut new = false;
        self.publisher_with(token, |publisher| {
            // Pictures may be left out for a reason that was told already.
            let health = &publisher.health;
            let told = problem == NO_KEY_FRAME_YET && !health.problems().is_empty();
            new = !told && health.add_problem(problem.into());
        });
        if new {
            tracing::warn!(stream = %Redacted(&self.path), "{problem}");
        }
    }
}

/// Players by protocol.
fn players(fan: &Fan, hls: usize, dash: usize) -> PlayersInfo {
    let [(rtmp_dropped, rtmp_given_up), (flv_dropped, flv_given_up)] = fan.losses().counts();
    PlayersInfo {
        rtmp: fan.count(|form| !form.is_flv()),
        hls,
        dash,
        http_flv: fan.count(|form| form == Form::HttpFlv),
        ws_flv: fan.count(|form| form == Form::WsFlv),
        rtmp_dropped,
        rtmp_given_up,
        flv_dropped,
        flv_given_up,
    }
}
