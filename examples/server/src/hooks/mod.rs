//! Hooks as nginx-rtmp has them, and SRS: HTTP requests that say what a client does, and ask whether it may. What is asked
//! holds up that client alone; what is only told holds up nobody.

mod call;
mod form;
mod http;
mod settings;
mod srs;
mod trouble;
mod visit;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;

use crate::access::{Action, Ask, Checked, ClientInfo, Grant, Protocol, Refused, Step};
use crate::config::{Config, Shared};
use crate::finish::RecordingDone;
use crate::metrics::Metrics;

pub use call::{Call, Notice};
pub use http::{client as http_client, words};
pub use settings::{AppHookArgs, HookArgs, HookUrl};
pub use visit::{Role, Visit};

use http::{Client, Reply};
use trouble::Troubles;

/// Notices that are on their way at once; more are dropped, with a line in the log.
const NOTICES: usize = 1000;

/// All hooks of the server.
#[derive(Debug)]
pub struct Hooks {
    config: Shared,
    /// Made for the first hook: it reads all certificates of the platform, which takes longer than all else at the start.
    http: OnceLock<Result<reqwest::Client, String>>,
    metrics: Arc<Metrics>,
    troubles: Arc<Troubles>,
    notices: Arc<Semaphore>,
    /// Where notices are sent from that come from threads.
    runtime: tokio::runtime::Handle,
}

impl Hooks {
    /// Hooks by the settings as they are when something happens.
    ///
    /// # Errors
    /// The file with the authority for https cannot be used.
    pub fn new(config: Shared, metrics: Arc<Metrics>) -> anyhow::Result<Arc<Self>> {
        let http = match config.get().server.hooks.notify_ca.as_deref() {
            // What is wrong with it is said at once.
            Some(authority) => OnceLock::from(Ok(http::client(Some(authority))?)),
            None => OnceLock::new(),
        };
        Ok(Arc::new(Self {
            config,
            http,
            metrics,
            troubles: Arc::default(),
            notices: Arc::new(Semaphore::new(NOTICES)),
            runtime: tokio::runtime::Handle::current(),
        }))
    }

    fn config(&self) -> Arc<Config> {
        self.config.get()
    }

    /// The client for hooks of an application.
    fn client(&self, app: &str) -> Client {
        let told = (self.metrics.clone(), self.troubles.clone());
        let made = || http::client(None).map_err(|error| format!("{error:#}"));
        Client::new(self.http.get_or_init(made).clone(), &self.config().app(app).hooks, told)
    }

    /// What is wrong with hooks at present, a sentence for each that gives no answer.
    pub fn troubles(&self) -> Vec<String> {
        self.troubles.words(std::time::Instant::now())
    }

    /// Tells `urls` something, in order, without waiting for it.
    pub fn tell(self: &Arc<Self>, notices: Vec<(Vec<HookUrl>, Notice)>) {
        let notices: Vec<_> = notices.into_iter().filter(|(urls, _)| !urls.is_empty()).collect();
        if notices.is_empty() {
            return;
        }
        let Ok(permit) = self.notices.clone().try_acquire_owned() else {
            tracing::warn!("hooks: more than {NOTICES} notices are on their way: one is dropped");
            return;
        };
        let hooks = self.clone();
        self.runtime.spawn(async move {
            for (urls, notice) in &notices {
                let client = hooks.client(&notice.app);
                for url in urls {
                    if let Err(error) = client.send(url, notice).await {
                        tracing::warn!(hook = %url, call = notice.call.name(), "not told: {error}");
                    }
                }
            }
            drop(permit);
        });
    }

    /// Tells of recordings that are whole. Of the publisher, who may be gone by then, it says nothing.
    pub fn record_listener(self: &Arc<Self>) -> impl Fn(&Arc<RecordingDone>) + Send + Sync + use<> {
        let hooks = self.clone();
        move |done| {
            let urls = hooks.config().app(&done.app).hooks.on_record_done.clone();
            let (recorder, path) = (done.recorder.clone(), done.path.display().to_string());
            let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
            let notice = Notice {
                call: Call::RecordDone { recorder, path },
                client: Arc::new(ClientInfo::new(nobody, Protocol::Rtmp)),
                app: done.app.clone(),
                name: done.name.clone(),
                query: String::new(),
            };
            hooks.tell(vec![(urls, notice)]);
        }
    }

    /// Tells that a connection has ended which was let in.
    pub fn disconnected(self: &Arc<Self>, ask: &Ask) {
        let urls = self.config().server.hooks.on_disconnect.clone();
        self.tell(vec![(urls, Notice::of(ask, Call::Disconnect))]);
    }

    /// Asks all of `urls`; each may refuse, and rename.
    async fn ask(
        &self,
        urls: &[HookUrl],
        notice: Notice,
        grant: &mut Grant,
    ) -> Result<(), Refused> {
        let client = self.client(&notice.app);
        let fail_open = self.config().app(&notice.app).hooks.notify_fail_open;
        let connect = matches!(notice.call, Call::Connect);
        for url in urls {
            let call = notice.call.name();
            match client.send(url, &notice).await {
                Ok(Reply::Pass) => {}
                Ok(Reply::Refuse(status)) => {
                    return Err(Refused::denied(format!("{call} of {url} said {status}")));
                }
                Ok(Reply::Redirect(to)) => redirect(&to, connect, grant)
                    .map_err(|why| Refused::denied(format!("{call} of {url}: {why}")))?,
                Err(error) if fail_open => {
                    tracing::warn!(hook = %url, call, "let in without an answer: {error}");
                }
                Err(error) => {
                    return Err(Refused::unavailable(format!("{call} of {url}: {error}")));
                }
            }
        }
        Ok(())
    }
}

/// A `Location`: a server to relay to or from, or another name.
fn redirect(to: &str, connect: bool, grant: &mut Grant) -> Result<(), &'static str> {
    let lower = to.get(..8).unwrap_or(to).to_ascii_lowercase();
    if lower.starts_with("rtmp://") || lower.starts_with("rtmps://") {
        if connect {
            return Err("a connection cannot be redirected to another server");
        }
        grant.relay = Some(to.to_owned());
        return Ok(());
    }
    let name = to.split('?').next().unwrap_or_default().trim_matches('/');
    if !crate::names::is_safe_path(name) {
        return Err("the name that it redirects to is not allowed");
    }
    if connect { &mut grant.app } else { &mut grant.name }.clone_from(&name.to_owned());
    Ok(())
}

/// Hooks as a step of admission.
#[derive(Debug)]
pub struct HookStep(pub Arc<Hooks>);

impl Step for HookStep {
    fn check<'a>(&'a self, ask: &'a Ask, grant: &'a mut Grant) -> Checked<'a> {
        let config = self.0.config();
        let app = &config.app(&grant.app).hooks;
        let (urls, call) = match ask.action {
            Action::Connect => (&config.server.hooks.on_connect, Call::Connect),
            Action::Publish { kind } => (&app.on_publish, Call::Publish { kind }),
            Action::Play { start, duration, reset } => {
                (&app.on_play, Call::Play { start, duration, reset })
            }
        };
        if urls.is_empty() {
            return Box::pin(std::future::ready(Ok(())));
        }
        let (urls, notice) = (urls.clone(), Notice::of(ask, call));
        Box::pin(async move { self.0.ask(&urls, notice, grant).await })
    }

    fn asks_web(&self) -> bool {
        self.0.config().all_apps().any(|app| {
            let app = &app.hooks;
            let hooks = [&app.on_play, &app.on_play_done, &app.on_done, &app.on_update];
            hooks.iter().any(|urls| !urls.is_empty())
        })
    }
}
