//! Sending a hook, and what its answer means.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::header::{CONTENT_TYPE, LOCATION};

use super::call::Notice;
use super::settings::{AppHookArgs, HookUrl, Method, NotifyFormat};
use super::trouble::Troubles;
use super::{form, srs};
use crate::metrics::{Metrics, Outcome};

/// Bytes of an answer that are read.
const ANSWER: usize = 64 << 10;

/// What a hook says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Pass,
    /// The `Location` of a redirection.
    Redirect(String),
    /// The status, with which it refuses.
    Refuse(u16),
}

/// The client of all hooks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    /// Or why there is none.
    http: Result<reqwest::Client, String>,
    method: Method,
    format: NotifyFormat,
    timeout: Duration,
    metrics: Arc<Metrics>,
    troubles: Arc<Troubles>,
}

impl Client {
    /// The client for hooks that are sent as the settings say, and who is told how they went.
    pub fn new(
        http: Result<reqwest::Client, String>,
        settings: &AppHookArgs,
        (metrics, troubles): (Arc<Metrics>, Arc<Troubles>),
    ) -> Self {
        let AppHookArgs { notify_method, notify_format, notify_timeout, .. } = *settings;
        Self {
            http,
            method: notify_method,
            format: notify_format,
            timeout: notify_timeout,
            metrics,
            troubles,
        }
    }

    /// Sends `notice` to `url` and reads the answer. What SRS has no hook for is not sent, and passes.
    pub async fn send(&self, url: &HookUrl, notice: &Notice) -> Result<Reply, String> {
        let started = Instant::now();
        let result = self.exchange(url, notice).await;
        let outcome = match &result {
            Ok(Reply::Pass | Reply::Redirect(_)) => Outcome::Ok,
            Ok(Reply::Refuse(_)) => Outcome::Refused,
            Err(_) => Outcome::Failed,
        };
        self.metrics.hook(outcome, started.elapsed());
        let failed = result.as_ref().err().map(String::as_str);
        self.troubles.note(notice.call.name(), url.to_string(), failed, Instant::now());
        result
    }

    async fn exchange(&self, url: &HookUrl, notice: &Notice) -> Result<Reply, String> {
        let http = self.http.as_ref().map_err(Clone::clone)?;
        let request = match (self.format, self.method) {
            (NotifyFormat::Srs, _) => {
                let Some(object) = srs::encode(notice) else { return Ok(Reply::Pass) };
                http.post(url.url().clone()).json(&object)
            }
            (NotifyFormat::Nginx, Method::Post) => http
                .post(url.url().clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form::encode(notice)),
            (NotifyFormat::Nginx, Method::Get) => {
                let mut url = url.url().clone();
                let form = form::encode(notice);
                let query = match url.query().filter(|query| !query.is_empty()) {
                    Some(query) => format!("{query}&{form}"),
                    None => form,
                };
                url.set_query(Some(&query));
                http.get(url)
            }
        };
        // The error of the library names the URL, whose query may hold a secret.
        let mut response = request
            .timeout(self.timeout)
            .send()
            .await
            .map_err(|error| words(&error.without_url()))?;
        let status = response.status().as_u16();
        if self.format == NotifyFormat::Srs {
            let mut body = Vec::new();
            while let Some(chunk) =
                response.chunk().await.map_err(|error| words(&error.without_url()))?
            {
                body.extend_from_slice(&chunk);
                if body.len() > ANSWER {
                    return Err("the answer is too long".to_owned());
                }
            }
            let passes = srs::passes(status, &body);
            return Ok(if passes { Reply::Pass } else { Reply::Refuse(status) });
        }
        let location = response.headers().get(LOCATION);
        Ok(match (status / 100, location) {
            (2, _) | (3, None) => Reply::Pass,
            (3, Some(to)) => {
                let to = to.to_str().map_err(|_| "its Location cannot be read".to_owned())?;
                Reply::Redirect(to.trim().to_owned())
            }
            _ => Reply::Refuse(status),
        })
    }
}

/// A client that follows no redirections and asks no proxy; `authority` is trusted for https beside the platform's.
///
/// # Errors
/// The authority cannot be used.
pub fn client(authority: Option<&Path>) -> anyhow::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("streamcore/", env!("CARGO_PKG_VERSION")));
    if let Some(file) = authority {
        let shown = file.display();
        let pem = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem)
            .with_context(|| format!("{shown} holds no certificate in PEM"))?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().context("no HTTP client")
}

/// An error with what is behind it: the library says no more than that it could not send.
pub fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
