//! A client while it publishes or plays: its on-update hooks, and the hooks of its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::http::Reply;
use super::{Call, Hooks, Notice};
use crate::access::Ask;

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Publish,
    Play,
}

/// A client that publishes or plays; it has ended when this is dropped.
#[derive(Debug)]
pub struct Visit {
    hooks: Arc<Hooks>,
    ask: Ask,
    role: Role,
    /// Latest time of the stream, in milliseconds.
    timestamp: Arc<AtomicU32>,
    updates: Option<AbortHandle>,
}

impl Visit {
    /// Begins; `close` is called when a hook says that the client may not go on.
    pub fn begin(
        hooks: &Arc<Hooks>,
        ask: Ask,
        role: Role,
        close: impl FnOnce(String) + Send + 'static,
    ) -> Self {
        let timestamp = Arc::new(AtomicU32::new(0));
        let updates = !hooks.config().app(&ask.app).hooks.on_update.is_empty();
        let updates = updates.then(|| {
            let work = update(hooks.clone(), ask.clone(), role, timestamp.clone());
            tokio::spawn(async move { close(work.await) }).abort_handle()
        });
        Self { hooks: hooks.clone(), ask, role, timestamp, updates }
    }

    /// A message of this time has come.
    pub fn at(&self, timestamp: u32) {
        self.timestamp.store(timestamp, Ordering::Relaxed);
    }
}

/// Asks every so often whether the client may go on, and gives the reason once it may not.
async fn update(hooks: Arc<Hooks>, ask: Ask, role: Role, timestamp: Arc<AtomicU32>) -> String {
    let started = Instant::now();
    let pause = hooks.config().app(&ask.app).hooks.notify_update_timeout;
    let mut ticks = interval_at(started + pause, pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let config = hooks.config();
        let time = started.elapsed().as_secs();
        let timestamp = timestamp.load(Ordering::Relaxed);
        let call = Call::Update { publish: role == Role::Publish, time, timestamp };
        let notice = Notice::of(&ask, call);
        let client = hooks.client(&ask.app);
        let app = &config.app(&ask.app).hooks;
        for url in &app.on_update {
            match client.send(url, &notice).await {
                Ok(Reply::Pass) => {}
                Ok(Reply::Refuse(status)) => return format!("on_update of {url} said {status}"),
                Ok(Reply::Redirect(_)) => return format!("on_update of {url} redirects"),
                Err(error) if app.notify_update_strict => {
                    return format!("on_update of {url}: {error}");
                }
                Err(error) => tracing::warn!(hook = %url, "no answer to on_update: {error}"),
            }
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(updates) = &self.updates {
            updates.abort();
        }
        let config = self.hooks.config();
        let app = &config.app(&self.ask.app).hooks;
        let (urls, call) = match self.role {
            Role::Publish => (&app.on_publish_done, Call::PublishDone),
            Role::Play => (&app.on_play_done, Call::PlayDone),
        };
        self.hooks.tell(vec![
            (urls.clone(), Notice::of(&self.ask, call)),
            (app.on_done.clone(), Notice::of(&self.ask, Call::Done)),
        ]);
    }
}
