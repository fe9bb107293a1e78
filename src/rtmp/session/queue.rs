//! Events that wait to be polled, and the bytes that they hold.

use std::collections::VecDeque;

/// An event that may hold payload.
pub(super) trait Payload {
    /// Bytes of payload.
    fn payload_bytes(&self) -> usize;
}

/// A queue that knows what it holds.
#[derive(Debug)]
pub(super) struct EventQueue<E> {
    events: VecDeque<E>,
    bytes: usize,
}

impl<E: Payload> EventQueue<E> {
    pub(super) const fn new() -> Self {
        Self { events: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Bytes of payload in all events.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push_back(&mut self, event: E) {
        self.bytes = self.bytes.saturating_add(event.payload_bytes());
        self.events.push_back(event);
    }

    pub(super) fn pop_front(&mut self) -> Option<E> {
        let event = self.events.pop_front()?;
        let bytes = event.payload_bytes();
        self.bytes = self.bytes.saturating_sub(bytes);
        if bytes == 0 && self.events.is_empty() {
            // What carries no media is rare: a session that waits keeps no room for more of it.
            self.events = VecDeque::new();
        }
        Some(event)
    }

    pub(super) fn extend(&mut self, events: impl Iterator<Item = E>) {
        events.for_each(|event| self.push_back(event));
    }
}
