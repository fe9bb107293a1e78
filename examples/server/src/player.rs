//! One player who takes all of a stream over one connection: what waits for it, and whether it keeps step.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use streamcore::buf::Chain;
use streamcore::driver::tokio::{Bundle, Outlet, Sent};
use streamcore::flv::{Tag, TagKind, Writer};
use streamcore::live::{ItemClass, PlayerQueue};
use streamcore::rtmp::chunk::{Message, SharedMessage};
use tokio::sync::Notify;

use crate::fan::Item;
use crate::sessions::Figures;

/// Tags up to so many bytes are joined with head and tail for HTTP: fewer pieces cost less than the copy, which is made once for all
/// players.
const SMALL: usize = 2048;

/// What the bytes of a message depend on: players with the same share the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Chunks of RTMP.
    Rtmp {
        /// The message stream that the player plays on.
        stream_id: u32,
        /// Chunk size towards the player.
        chunk_size: u32,
    },
    /// Tags of FLV for HTTP.
    HttpFlv,
    /// Tags of FLV for a WebSocket: each in one buffer, which is one message of it.
    WsFlv,
}

impl Form {
    /// Whether it is one of FLV.
    pub const fn is_flv(self) -> bool {
        matches!(self, Self::HttpFlv | Self::WsFlv)
    }

    /// A tag in this form; `None` for one that has no place in it.
    pub fn packet(self, tag: &Tag) -> Option<Packet> {
        let Self::Rtmp { stream_id, chunk_size } = self else {
            let mut chain = Writer::new().tag(tag).ok()?;
            if self == Self::WsFlv || tag.body.len() <= SMALL {
                chain = chain.to_bytes().into();
            }
            let is_frame = matches!(
                ItemClass::of(tag),
                ItemClass::KeyFrame | ItemClass::InterFrame | ItemClass::Audio
            );
            return Some(Packet::Flv { tag: Arc::new(chain), kind: tag.kind, is_frame });
        };
        let (type_id, timestamp) = (tag.kind.type_id(), tag.timestamp);
        let message = Message { type_id, stream_id, timestamp, payload: tag.body.clone() };
        Some(Packet::Rtmp(SharedMessage::new(&message, chunk_size)))
    }
}

/// One message as a player gets it.
#[derive(Clone, Debug)]
pub enum Packet {
    Rtmp(SharedMessage),
    Flv {
        tag: Arc<Chain>,
        kind: TagKind,
        /// It is a picture or a frame of sound.
        is_frame: bool,
    },
}

impl Packet {
    /// Bytes on the wire.
    pub fn len(&self) -> usize {
        match self {
            Self::Rtmp(message) => message.len(),
            Self::Flv { tag, .. } => tag.len(),
        }
    }
}

/// How a player's connection is reached.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Wakes the connection's task.
    pub wake: Arc<Notify>,
    /// Writes without waking it, where that is possible.
    pub outlet: Option<Outlet>,
}

/// One player of one stream, over RTMP or as FLV over HTTP.
///
/// While it keeps step, its shard writes to its socket at once. When its socket is full, or it has just come, messages wait in a queue
/// that its connection's task takes them from; once that is empty it keeps step again. Who is slow costs no other anything.
#[derive(Debug)]
pub struct Player {
    form: Form,
    line: Line,
    /// What it was sent.
    figures: Arc<Figures>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    queue: PlayerQueue<Packet>,
    /// Messages with a lower number were given in another way, or are from before it came.
    from: u64,
    /// Nothing is queued, and all that was has been put in line: the shard may write.
    keeps_step: bool,
    /// A picture that decoding can start at has been queued.
    has_key: bool,
    paused: bool,
    ended: bool,
    /// It has left the stream.
    gone: bool,
}

/// What a player's connection is to do next.
#[derive(Debug)]
pub enum Next {
    /// Send this.
    Message(Packet),
    /// Nothing for now.
    Wait,
    /// Tell the player that the stream has ended.
    End,
    /// Give the player up: it takes far less than the stream brings.
    GiveUp,
}

impl Player {
    /// A player for which at most `max_bytes` wait.
    pub fn new(form: Form, max_bytes: usize, line: Line) -> Arc<Self> {
        let waiting = Waiting {
            queue: PlayerQueue::new(max_bytes),
            from: 0,
            keeps_step: false,
            has_key: false,
            paused: false,
            ended: false,
            gone: false,
        };
        Arc::new(Self { form, line, figures: Arc::default(), waiting: Mutex::new(waiting) })
    }

    /// What its messages have to be like.
    pub fn form(&self) -> Form {
        self.form
    }

    /// What it was sent, and what was left out.
    pub const fn figures(&self) -> &Arc<Figures> {
        &self.figures
    }

    /// What is to be sent next.
    pub fn next(&self) -> Next {
        let mut waiting = self.lock();
        if waiting.queue.is_hopeless() {
            return Next::GiveUp;
        }
        match waiting.queue.pop() {
            Some(message) => {
                self.figures.count(1, message.len());
                Next::Message(message)
            }
            None if waiting.ended => Next::End,
            None => Next::Wait,
        }
    }

    /// Whether it takes far less than the stream brings, and is to be given up.
    pub fn is_hopeless(&self) -> bool {
        self.lock().queue.is_hopeless()
    }

    /// All that was queued has been put in line: from now on the shard may write, if nothing has come meanwhile.
    pub fn keep_step(&self) {
        let mut waiting = self.lock();
        waiting.keeps_step =
            waiting.queue.is_empty() && !waiting.queue.waits_for_key() && !waiting.ended;
    }

    /// Gives the player what it has to have first: `tags`, all at once; then what has the number `from` and higher.
    pub fn start(&self, tags: impl Iterator<Item = Tag>, from: u64) {
        let mut waiting = self.lock();
        (waiting.from, waiting.paused, waiting.keeps_step) = (from, false, false);
        let mut queued = false;
        for tag in tags {
            if let Some(packet) = self.form.packet(&tag) {
                queued |= waiting.push(ItemClass::of(&tag), &packet);
            }
        }
        drop(waiting);
        if queued {
            self.line.wake.notify_one();
        }
    }

    /// Takes the next messages of the stream: all of them are in `bundle`, where it may be used. Gives how many messages were left out
    /// because the player is slow.
    pub fn deliver(&self, items: &[Arc<Item>], bundle: Option<&Bundle>) -> u64 {
        let mut waiting = self.lock();
        if waiting.paused || waiting.gone {
            return 0;
        }
        let known = items.partition_point(|item| item.number < waiting.from);
        if let (0, Some(outlet), Some(bundle)) = (known, &self.line.outlet, bundle)
            && waiting.keeps_step
            && (waiting.has_key || !items.iter().any(|item| item.is_picture()))
            && outlet.send(bundle) != Sent::Busy
        {
            self.figures.count(items.len() as u64, bundle.len());
            return 0;
        }
        let dropped = waiting.queue.dropped();
        let mut queued = false;
        for item in items.iter().skip(known) {
            if let Some(packet) = item.packet(self.form) {
                queued |= waiting.push(item.class, packet);
            }
        }
        waiting.keeps_step &= !queued;
        let dropped = waiting.queue.dropped().saturating_sub(dropped);
        drop(waiting);
        self.figures.count_dropped(dropped);
        if queued {
            self.line.wake.notify_one();
        }
        dropped
    }

    /// The publisher has ended.
    pub fn end(&self) {
        let mut waiting = self.lock();
        (waiting.ended, waiting.keeps_step) = (true, false);
        drop(waiting);
        self.line.wake.notify_one();
    }

    /// Stops. [`start`](Self::start) lets it go on.
    pub fn pause(&self) {
        let mut waiting = self.lock();
        (waiting.paused, waiting.keeps_step, waiting.has_key) = (true, false, false);
        while waiting.queue.pop().is_some() {}
    }

    /// It has left the stream: it gets nothing more.
    pub fn leave(&self) {
        self.lock().gone = true;
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.lock().queue.bytes()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Queues a message, unless the player cannot use it or has no room for it. Says whether it was queued.
    fn push(&mut self, class: ItemClass, packet: &Packet) -> bool {
        match class {
            ItemClass::KeyFrame => self.has_key = true,
            ItemClass::InterFrame if !self.has_key => return false,
            _ => {}
        }
        self.queue.push(class, packet.len(), packet.clone())
    }
}
