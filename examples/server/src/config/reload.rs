//! Settings that change while the server runs: SIGHUP reads the file anew.

use super::{Config, Given, Shared, load};

/// Options that count only when the server starts.
const AT_START: [&str; 21] = [
    "rtmp_listen",
    "rtmps_listen",
    "http_listen",
    "https_listen",
    "max_http_connections",
    "tls_cert",
    "tls_key",
    "data_dir",
    "max_connections",
    "handshake_timeout",
    "log",
    "notify_ca",
    "relay_ca",
    "push_timeout",
    "webhook",
    "webhook_secret",
    "webhook_types",
    "webhook_timeout",
    "webhook_backoff",
    "webhook_retry",
    "events_kept",
];

/// Reads the file anew at each SIGHUP. Streams that are live stay as they are; what begins later has the new settings. A file that
/// cannot be used changes nothing.
pub async fn reload_on_hangup(given: Given, shared: Shared) {
    let mut hangups = Hangups::new();
    loop {
        hangups.next().await;
        let Some(file) = &given.file else { continue };
        crate::systemd::reloading();
        let old = shared.get();
        match load(&given, Some(old.limits.clone())) {
            Ok(new) => {
                tracing::info!(file = %file.display(), "configuration read anew");
                for key in needs_restart(&old, &new) {
                    tracing::warn!("{key} has changed: that needs a restart");
                }
                shared.set(new);
            }
            Err(problems) => {
                for problem in &problems.0 {
                    tracing::error!("{problem}");
                }
                tracing::error!(file = %file.display(), "the configuration stays as it was");
            }
        }
        crate::systemd::ready();
    }
}

/// Keys that have changed and count only at the next start.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let text = |config: &Config, key: &str| config.values.get(key).cloned();
    AT_START.into_iter().filter(|key| text(old, key) != text(new, key)).collect()
}

/// SIGHUP, where there is such a thing.
pub struct Hangups {
    #[cfg(unix)]
    signals: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    /// From now on.
    pub fn new() -> Self {
        Self {
            #[cfg(unix)]
            signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    /// Completes at the next one.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signals) = &mut self.signals {
            signals.recv().await;
            return;
        }
        std::future::pending().await
    }
}
