//! Waiting on an event with a deadline.

use std::time::{Duration, Instant};

/// Pause between two looks at a state that announces nothing itself.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Looks at `state` until it gives a value.
///
/// # Panics
/// When `limit` has passed first. `what` names what did not come.
pub fn until<T>(what: &str, limit: Duration, state: impl FnMut() -> Option<T>) -> T {
    until_every(LOOK_AGAIN, what, limit, state)
}

/// Looks at `state` every so often, until it gives a value.
///
/// # Panics
/// When `limit` has passed first. `what` names what did not come.
pub fn until_every<T>(
    pause: Duration,
    what: &str,
    limit: Duration,
    mut state: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = state() {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(pause);
    }
}
