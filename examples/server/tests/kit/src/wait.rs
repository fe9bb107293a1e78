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

/// A port that nobody listens on.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Waits until somebody listens, without a connection that a program which takes one only would miss.
///
/// # Panics
/// When nobody does.
pub fn wait_listening(port: u16) {
    let wanted = format!(":{port:04X} ");
    until(&format!("a listener on port {port}"), Duration::from_secs(60), || {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("the table of sockets");
        let listens = |line: &str| line.contains(&wanted) && line.contains(" 00000000:0000 0A ");
        table.lines().any(listens).then_some(())
    });
}
