//! What one target takes from a stream: tags in a bounded queue, from headers and the group of pictures on.

use std::sync::{Mutex, MutexGuard, PoisonError};

use streamcore::flv::Tag;
use streamcore::live::{ItemClass, PlayerQueue};
use tokio::sync::Notify;

/// A tag, and which publisher of the stream it is of: their times have nothing to do with each other.
#[derive(Clone, Debug)]
pub struct Tapped {
    pub tag: Tag,
    pub epoch: u32,
}

/// The tap. The stream pushes, the target's task takes.
#[derive(Debug)]
pub struct Tap {
    max_bytes: usize,
    inner: Mutex<Inner>,
    wake: Notify,
}

#[derive(Debug)]
struct Inner {
    queue: PlayerQueue<Tapped>,
    /// Somebody takes what is pushed.
    open: bool,
    epoch: u32,
    /// Tags that were dropped by earlier queues.
    dropped: u64,
    /// No picture before a key frame.
    has_key: bool,
}

impl Tap {
    /// A tap that is shut: what is pushed goes nowhere.
    pub fn new(max_bytes: usize) -> Self {
        let queue = PlayerQueue::new(max_bytes);
        let inner = Inner { queue, open: false, epoch: 0, dropped: 0, has_key: false };
        Self { max_bytes, inner: Mutex::new(inner), wake: Notify::new() }
    }

    /// Opens the tap, with what a decoder has to have first.
    pub fn open(&self, first: impl Iterator<Item = Tag>) {
        self.clear();
        self.lock().open = true;
        first.for_each(|tag| self.push(&tag));
    }

    /// Shuts it, and forgets what waits.
    pub fn shut(&self) {
        self.clear();
        self.lock().open = false;
    }

    /// Forgets what waits.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.dropped += inner.queue.dropped();
        inner.queue = PlayerQueue::new(self.max_bytes);
        inner.has_key = false;
    }

    /// Takes a tag of the stream.
    pub fn push(&self, tag: &Tag) {
        let mut inner = self.lock();
        if !inner.open {
            return;
        }
        let class = ItemClass::of(tag);
        match class {
            ItemClass::KeyFrame => inner.has_key = true,
            ItemClass::InterFrame if !inner.has_key => return,
            _ => {}
        }
        let epoch = inner.epoch;
        // The head of a chunk, and what the queue keeps beside it.
        let bytes = tag.body.len() + 64;
        if inner.queue.push(class, bytes, Tapped { tag: tag.clone(), epoch }) {
            drop(inner);
            self.wake.notify_one();
        }
    }

    /// Another publisher begins.
    pub fn next_epoch(&self) {
        let mut inner = self.lock();
        inner.epoch = inner.epoch.wrapping_add(1);
        inner.has_key = false;
    }

    /// The next tag to send.
    pub fn pop(&self) -> Option<Tapped> {
        self.lock().queue.pop()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lock().queue.is_empty()
    }

    /// Bytes that wait, and tags that were dropped so far.
    pub fn figures(&self) -> (usize, u64) {
        let inner = self.lock();
        (inner.queue.bytes(), inner.dropped + inner.queue.dropped())
    }

    /// Completes when there is something to take.
    pub async fn ready(&self) {
        while self.is_empty() {
            self.wake.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
