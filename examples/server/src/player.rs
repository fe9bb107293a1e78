//! Fan-out to RTMP players: each message is made into chunks once and shared by all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use streamcore::flv::Tag;
use streamcore::live::{ItemClass, PlayerQueue};
use streamcore::rtmp::chunk::{Message, SharedMessage};
use tokio::sync::Notify;

/// What a message's chunks depend on: players with the same share the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The message stream that the player plays on.
    pub stream_id: u32,
    /// Chunk size towards the player.
    pub chunk_size: u32,
}

impl Form {
    fn message(self, tag: &Tag) -> SharedMessage {
        let message = Message {
            type_id: tag.kind.type_id(),
            stream_id: self.stream_id,
            timestamp: tag.timestamp,
            payload: tag.body.clone(),
        };
        SharedMessage::new(&message, self.chunk_size)
    }
}

/// One player of one stream: what waits for it.
#[derive(Debug)]
pub struct Player {
    form: Form,
    waiting: Mutex<Waiting>,
    /// Wakes the player's connection.
    wake: Arc<Notify>,
}

#[derive(Debug)]
struct Waiting {
    queue: PlayerQueue<SharedMessage>,
    /// A picture that decoding can start at has been queued.
    has_key: bool,
    paused: bool,
    ended: bool,
}

/// What a player's connection is to do next.
#[derive(Debug)]
pub enum Next {
    /// Send this.
    Message(SharedMessage),
    /// Nothing for now.
    Wait,
    /// Tell the player that the stream has ended.
    End,
    /// Give the player up: it takes far less than the stream brings.
    GiveUp,
}

impl Player {
    /// A player whose connection is woken by `wake` and for which at most `max_bytes` wait.
    pub fn new(form: Form, max_bytes: usize, wake: Arc<Notify>) -> Arc<Self> {
        let waiting = Waiting {
            queue: PlayerQueue::new(max_bytes),
            has_key: false,
            paused: false,
            ended: false,
        };
        Arc::new(Self { form, waiting: Mutex::new(waiting), wake })
    }

    /// What is to be sent next.
    pub fn next(&self) -> Next {
        let mut waiting = self.lock();
        if waiting.queue.is_hopeless() {
            return Next::GiveUp;
        }
        match waiting.queue.pop() {
            Some(message) => Next::Message(message),
            None if waiting.ended => Next::End,
            None => Next::Wait,
        }
    }

    fn push(&self, class: ItemClass, message: SharedMessage) {
        let mut waiting = self.lock();
        if waiting.paused {
            return;
        }
        match class {
            ItemClass::KeyFrame => waiting.has_key = true,
            ItemClass::InterFrame if !waiting.has_key => return,
            _ => {}
        }
        let bytes = message.len();
        if waiting.queue.push(class, bytes, message) {
            drop(waiting);
            self.wake.notify_one();
        }
    }

    /// The publisher has ended.
    pub fn end(&self) {
        self.lock().ended = true;
        self.wake.notify_one();
    }

    /// Stops or goes on. What comes first after a pause is given by [`Fan::start`].
    pub fn set_paused(&self, paused: bool) {
        let mut waiting = self.lock();
        waiting.paused = paused;
        waiting.has_key = false;
        while paused && waiting.queue.pop().is_some() {}
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.lock().queue.bytes()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The players of one stream.
#[derive(Debug, Default)]
pub struct Fan {
    players: Vec<Arc<Player>>,
}

impl Fan {
    /// Adds a player.
    pub fn add(&mut self, player: Arc<Player>) {
        self.players.push(player);
    }

    /// Gives `player` what it has to have first: `tags`, all at once.
    pub fn start(player: &Player, tags: impl Iterator<Item = Tag>) {
        for tag in tags {
            player.push(ItemClass::of(&tag), player.form.message(&tag));
        }
    }

    /// Removes a player.
    pub fn remove(&mut self, player: &Arc<Player>) {
        self.players.retain(|other| !Arc::ptr_eq(other, player));
    }

    /// Gives a tag to all.
    pub fn send(&self, tag: &Tag) {
        if self.players.is_empty() {
            return;
        }
        let class = ItemClass::of(tag);
        let mut made: Vec<(Form, SharedMessage)> = Vec::with_capacity(1);
        for player in &self.players {
            let known = made.iter().position(|(form, _)| *form == player.form);
            let at = known.unwrap_or_else(|| {
                made.push((player.form, player.form.message(tag)));
                made.len() - 1
            });
            player.push(class, made[at].1.clone());
        }
    }

    /// Tells all that the publisher has ended, and forgets them.
    pub fn end(&mut self) {
        self.players.drain(..).for_each(|player| player.end());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.players.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.players.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use streamcore::flv::TagKind;

    fn video(timestamp: u32, key: bool, size: usize) -> Tag {
        let mut body = vec![0; size];
        body[..5].copy_from_slice(&[if key { 0x17 } else { 0x27 }, 1, 0, 0, 0]);
        // One NAL unit that fills the body: the first slice of an IDR picture, or of another.
        body[5..9].copy_from_slice(&u32::try_from(size - 9).unwrap().to_be_bytes());
        (body[9], body[10]) = (if key { 0x65 } else { 0x41 }, 0x88);
        Tag { kind: TagKind::Video, timestamp, body: Bytes::from(body) }
    }

    fn player(stream_id: u32) -> Arc<Player> {
        Player::new(Form { stream_id, chunk_size: 4096 }, 100_000, Arc::default())
    }

    #[test]
    fn players_share_the_bytes_of_a_message() {
        let mut fan = Fan::default();
        let players = [player(1), player(1), player(2)];
        players.iter().for_each(|player| fan.add(player.clone()));
        fan.send(&video(0, true, 10_000));
        let heads: Vec<_> = players
            .iter()
            .map(|player| {
                let Next::Message(message) = player.next() else { panic!("no message") };
                message.chain().iter().next().unwrap().as_ptr()
            })
            .collect();
        assert_eq!(heads[0], heads[1]);
        assert_ne!(heads[0], heads[2]);
    }

    #[test]
    fn f21_a_player_who_stalls_is_bounded_and_given_up() {
        let mut fan = Fan::default();
        let (stalled, reading) = (player(1), player(1));
        fan.add(stalled.clone());
        fan.add(reading.clone());
        let mut received = 0;
        for n in 0..3000 {
            fan.send(&video(n * 33, n % 30 == 0, 2000));
            assert!(stalled.bytes() <= 100_000);
            received += usize::from(matches!(reading.next(), Next::Message(_)));
        }
        assert_eq!(received, 3000);
        assert!(matches!(stalled.next(), Next::GiveUp));
    }

    #[test]
    fn pictures_start_at_a_key_frame() {
        let fan = Fan { players: vec![player(1)] };
        fan.send(&video(0, false, 100));
        assert!(matches!(fan.players[0].next(), Next::Wait));
        fan.send(&video(33, true, 100));
        assert!(matches!(fan.players[0].next(), Next::Message(_)));
    }

    #[test]
    fn a5_24_the_end_comes_after_what_was_queued() {
        let mut fan = Fan::default();
        let player = player(1);
        fan.add(player.clone());
        fan.send(&video(0, true, 100));
        fan.end();
        assert!(fan.is_empty());
        assert!(matches!(player.next(), Next::Message(_)));
        assert!(matches!(player.next(), Next::End));
    }
}
