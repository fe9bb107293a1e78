//! What a service manager is told (sd_notify(3)): ready, alive, stopping. Without one, nothing is.

use sd_notify::NotifyState;

/// The listeners are open.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The settings are read anew.
pub fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// No more is begun.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says that the server is alive, twice as often as it is asked to. It does so from the runtime that all connections run on.
pub async fn keep_watchdog_quiet() {
    let Some(time) = sd_notify::watchdog_enabled() else { return };
    let mut ticks = tokio::time::interval(time / 2);
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("the service manager does not listen: {error}");
    }
}
