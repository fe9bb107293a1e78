//! Fan-out to players over RTMP and of FLV: each message is made once in each form and shared by all, and shards write it to many sockets
//! in a loop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use streamcore::driver::tokio::Bundle;
use streamcore::flv::Tag;
use streamcore::live::ItemClass;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::player::{Form, Packet, Player};

/// Players of one shard. A write takes some microseconds, so a shard holds up its thread for less than a millisecond, and
/// the shards of a large stream are spread over all threads.
const SHARD_PLAYERS: usize = 64;
/// So many players of a shard get its messages in one piece, where these have no more bytes than that: a copy for all, and to each a plain send
/// in place of a vectored write, which saves a fourteenth of the CPU time.
const JOINED_PLAYERS: usize = 8;
const JOINED_BYTES: usize = 64 << 10;
/// Bytes that are gathered for one write, at most, whatever the latency allows.
const GATHERED_BYTES: usize = 256 << 10;

/// One message of a stream, for all players.
#[derive(Debug)]
pub struct Item {
    /// Its place among all messages of the stream.
    pub number: u64,
    pub class: ItemClass,
    made: Vec<(Form, Packet)>,
}

impl Item {
    /// The message in the form that a player needs.
    pub fn packet(&self, form: Form) -> Option<&Packet> {
        self.made.iter().find(|(made, _)| *made == form).map(|(_, packet)| packet)
    }

    /// Whether it is a video frame.
    pub fn is_picture(&self) -> bool {
        matches!(self.class, ItemClass::KeyFrame | ItemClass::InterFrame)
    }
}

/// What became of players since the stream is there.
#[derive(Debug, Default)]
pub struct Losses {
    rtmp: Lost,
    flv: Lost,
}

impl Losses {
    /// Of players with this form.
    pub const fn of(&self, form: Form) -> &Lost {
        if form.is_flv() { &self.flv } else { &self.rtmp }
    }

    /// Messages left out and players disconnected: of RTMP, and of FLV.
    pub fn counts(&self) -> [(u64, u64); 2] {
        [self.rtmp.counts(), self.flv.counts()]
    }
}

/// What became of players of one kind.
#[derive(Debug, Default)]
pub struct Lost {
    /// Messages that were left out for players who were slow.
    dropped: AtomicU64,
    /// Players who were disconnected because they were too slow for too long.
    given_up: AtomicU64,
}

impl Lost {
    /// A player was disconnected.
    pub fn count_given_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }

    fn counts(&self) -> (u64, u64) {
        (self.dropped.load(Ordering::Relaxed), self.given_up.load(Ordering::Relaxed))
    }
}

/// How long messages may be held back, in microseconds.
#[derive(Debug, Default)]
struct Latency(AtomicU64);

impl Latency {
    fn set(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.store(micros, Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// The players of one stream.
#[derive(Debug, Default)]
pub struct Fan {
    latency: Arc<Latency>,
    shards: Vec<Arc<Shard>>,
    /// The forms that are needed, and by how many.
    forms: Vec<(Form, usize)>,
    /// Number of the next message.
    next: u64,
    losses: Arc<Losses>,
}

impl Fan {
    /// From now on messages may be held back for so long, so that fewer and larger writes are made; at first each goes at once.
    pub fn set_latency(&self, latency: Duration) {
        self.latency.set(latency);
    }

    /// Adds a player, who gets `first` ahead of what comes from now on.
    pub fn add(&mut self, player: Arc<Player>, first: impl Iterator<Item = Tag>) {
        self.resume(&player, first);
        let form = player.form();
        match self.forms.iter_mut().find(|(known, _)| *known == form) {
            Some((_, count)) => *count += 1,
            None => self.forms.push((form, 1)),
        }
        let free = self.shards.iter().find(|shard| shard.len() < SHARD_PLAYERS);
        let shard = free.cloned().unwrap_or_else(|| self.open_shard());
        shard.add(player);
    }

    /// Lets a player go on after a pause, with `first`.
    pub fn resume(&self, player: &Player, first: impl Iterator<Item = Tag>) {
        player.start(first, self.next);
    }

    fn open_shard(&mut self) -> Arc<Shard> {
        let shard = Arc::new(Shard::new(self.latency.clone(), self.losses.clone()));
        // Without a runtime whoever made this delivers by hand.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(shard.clone().run());
        }
        self.shards.push(shard.clone());
        shard
    }

    /// Removes a player, who gets nothing more.
    pub fn remove(&mut self, player: &Arc<Player>) {
        player.leave();
        let Some(at) = self.shards.iter().position(|shard| shard.remove(player)) else { return };
        if self.shards[at].len() == 0 {
            self.shards.swap_remove(at).close(false);
        }
        let form = player.form();
        if let Some((_, count)) = self.forms.iter_mut().find(|(known, _)| *known == form) {
            *count -= 1;
        }
        self.forms.retain(|(_, count)| *count > 0);
    }

    /// Puts a tag in line for all: [`flush`](Self::flush) sends it on its way.
    pub fn send(&mut self, tag: &Tag) {
        let number = self.next;
        self.next += 1;
        if self.shards.is_empty() {
            return;
        }
        let made =
            self.forms.iter().filter_map(|(form, _)| Some((*form, form.packet(tag)?))).collect();
        let item = Arc::new(Item { number, class: ItemClass::of(tag), made });
        self.shards.iter().for_each(|shard| shard.push(item.clone()));
    }

    /// Has all that is in line delivered, now or when the latency has passed.
    pub fn flush(&self) {
        self.shards.iter().for_each(|shard| shard.flush());
    }

    /// Tells all that the publisher has ended, and forgets them.
    pub fn end(&mut self) {
        self.shards.drain(..).for_each(|shard| shard.close(true));
        self.forms.clear();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.len()).sum()
    }

    /// How many have a form that `wanted` takes.
    pub fn count(&self, wanted: impl Fn(Form) -> bool) -> usize {
        self.forms.iter().filter(|(form, _)| wanted(*form)).map(|(_, count)| count).sum()
    }

    /// Bytes that wait for them.
    pub fn queued_bytes(&self) -> usize {
        let of = |shard: &Arc<Shard>| -> usize {
            let players = shard.line().players.clone();
            players.iter().map(|player| player.bytes()).sum()
        };
        self.shards.iter().map(of).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    /// What became of players.
    pub fn losses(&self) -> &Arc<Losses> {
        &self.losses
    }

    /// The tasks of shards that are there.
    #[cfg(test)]
    fn shards(&self) -> &[Arc<Shard>] {
        &self.shards
    }
}

impl Drop for Fan {
    fn drop(&mut self) {
        self.end();
    }
}

/// Some players of a stream, with a task that writes to all of them.
#[derive(Debug)]
struct Shard {
    latency: Arc<Latency>,
    losses: Arc<Losses>,
    line: Mutex<InLine>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct InLine {
    /// A list that a delivery under way has is not changed: it goes on with its own.
    players: Arc<Vec<Arc<Player>>>,
    items: Vec<Arc<Item>>,
    bytes: usize,
    /// The task has been told of them.
    told: bool,
    closed: bool,
    /// The publisher has ended.
    ended: bool,
}

impl Shard {
    fn new(latency: Arc<Latency>, losses: Arc<Losses>) -> Self {
        Self { latency, losses, line: Mutex::default(), wake: Notify::new() }
    }

    fn len(&self) -> usize {
        self.line().players.len()
    }

    fn add(&self, player: Arc<Player>) {
        Arc::make_mut(&mut self.line().players).push(player);
    }

    fn remove(&self, player: &Arc<Player>) -> bool {
        let mut line = self.line();
        let at = line.players.iter().position(|other| Arc::ptr_eq(other, player));
        at.is_some_and(|at| {
            Arc::make_mut(&mut line.players).swap_remove(at);
            true
        })
    }

    fn push(&self, item: Arc<Item>) {
        let mut line = self.line();
        line.bytes += item.made.first().map_or(0, |(_, packet)| packet.len());
        line.items.push(item);
    }

    fn flush(&self) {
        let mut line = self.line();
        let is_due = line.bytes >= GATHERED_BYTES;
        if !line.items.is_empty() && (!line.told || is_due) {
            line.told = true;
            drop(line);
            self.wake.notify_one();
        }
    }

    fn close(&self, ended: bool) {
        let mut line = self.line();
        (line.closed, line.ended) = (true, ended);
        drop(line);
        self.wake.notify_one();
    }

    async fn run(self: Arc<Self>) {
        loop {
            self.wake.notified().await;
            self.gather().await;
            if self.deliver() {
                return;
            }
        }
    }

    /// Waits until what is in line has to go.
    async fn gather(&self) {
        let latency = self.latency.get();
        if latency.is_zero() {
            return;
        }
        let until = Instant::now() + latency;
        let is_due = || {
            let line = self.line();
            line.closed || line.bytes >= GATHERED_BYTES
        };
        while !is_due() && timeout_at(until, self.wake.notified()).await.is_ok() {}
    }

    /// Gives all that is in line to all players. Says whether nothing will come after it.
    fn deliver(&self) -> bool {
        let mut line = self.line();
        let (items, players) = (std::mem::take(&mut line.items), line.players.clone());
        let (closed, ended) = (line.closed, line.ended);
        (line.bytes, line.told) = (0, false);
        drop(line);
        let mut bundles: Vec<(Form, Option<Bundle>)> = Vec::with_capacity(1);
        for player in players.iter().filter(|_| !items.is_empty()) {
            let form = player.form();
            let known = bundles.iter().position(|(known, _)| *known == form);
            let at = known.unwrap_or_else(|| {
                let joins = players.len() >= JOINED_PLAYERS;
                bundles.push((form, bundle(&items, form, joins)));
                bundles.len() - 1
            });
            let dropped = player.deliver(&items, bundles[at].1.as_ref());
            if dropped > 0 {
                self.losses.of(form).dropped.fetch_add(dropped, Ordering::Relaxed);
            }
        }
        if ended {
            players.iter().for_each(|player| player.end());
        }
        closed
    }

    fn line(&self) -> MutexGuard<'_, InLine> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All messages in one, where all may be written past the sessions; in one piece where that is worth it.
fn bundle(items: &[Arc<Item>], form: Form, joins: bool) -> Option<Bundle> {
    let mut bundle = Bundle::new();
    let mut push = |packet: &Packet| match packet {
        Packet::Rtmp(message) => bundle.push(message),
        Packet::Flv { .. } => false,
    };
    let whole = items.iter().all(|item| item.packet(form).is_some_and(&mut push));
    if joins && bundle.len() <= JOINED_BYTES {
        bundle.join();
    }
    whole.then_some(bundle)
}

#[cfg(test)]
mod tests;
