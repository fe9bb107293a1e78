//! Memory that sessions share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A cap on the bytes that many sessions hold together: incomplete messages, events not yet polled, output not yet taken.
///
/// Clones share it, and so do sessions whose [`Limits`](super::Limits) are clones of the same. A session that finds it
/// full is refused at its first byte; one that runs takes no more input until its own queues are polled, and ends with
/// a limit error where a message would have to grow. What players are sent counts, and is not refused by it: each has a
/// cap of its own. Payload that was handed out is the caller's and does not count.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    limit: usize,
    held: AtomicUsize,
}

impl Budget {
    /// What errors call it.
    pub(crate) const FIELD: &str = "memory budget of the process";

    /// A budget of `limit` bytes, of which none are held.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Pool { limit, held: AtomicUsize::new(0) }))
    }

    /// Bytes that may be held.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// Bytes that are held now. It can be past the limit by what sessions took from one input.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Whether nothing more may be held.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.held() >= self.limit()
    }
}

/// Equal where the limits are: what is held is no part of the settings.
impl PartialEq for Budget {
    fn eq(&self, other: &Self) -> bool {
        self.limit() == other.limit()
    }
}

impl Eq for Budget {}

/// What one holder has of a budget. It is given back when the holder goes.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    held: usize,
}

impl Share {
    /// A share of no bytes.
    pub(crate) fn new(budget: &Budget) -> Self {
        Self { budget: budget.clone(), held: 0 }
    }

    pub(crate) const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Bytes that are held now.
    pub(crate) const fn held(&self) -> usize {
        self.held
    }

    /// Says how many bytes are held now. False where they are more than before and the budget has no room for them; they
    /// count all the same.
    pub(crate) fn set(&mut self, bytes: usize) -> bool {
        let before = std::mem::replace(&mut self.held, bytes);
        if bytes > before {
            let more = bytes - before;
            // A counter alone: no other memory is read by its value.
            let all = self.budget.0.held.fetch_add(more, Ordering::Relaxed).saturating_add(more);
            return all <= self.budget.0.limit;
        }
        if bytes < before {
            self.budget.0.held.fetch_sub(before - bytes, Ordering::Relaxed);
        }
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_02_shares_add_up_and_come_back() {
        let budget = Budget::new(100);
        let (mut one, mut two) = (Share::new(&budget), Share::new(&budget.clone()));
        assert!(one.set(60) && two.set(40) && budget.is_full());
        assert!(!two.set(41));
        assert_eq!(budget.held(), 101);
        // Less is never refused, though the whole is still past the limit.
        assert!(one.set(60) && two.set(40) && one.set(10));
        assert_eq!((budget.held(), budget.is_full()), (50, false));
        drop(one);
        assert_eq!(budget.held(), 40);
        drop(two);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn f_02_shares_of_many_threads_add_up() {
        let budget = Budget::new(1 << 20);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut share = Share::new(&budget);
                    (0..10_000).for_each(|bytes| assert!(share.set(bytes % 1000)));
                });
            }
        });
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn budgets_are_equal_by_their_limit() {
        let held = Budget::new(5);
        let mut share = Share::new(&held);
        share.set(3);
        assert_eq!(held, Budget::new(5));
        assert_ne!(held, Budget::new(6));
    }
}
