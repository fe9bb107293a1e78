//! The options of events.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::cli::duration;
use crate::hooks::HookUrl;

/// A secret that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() < 8 {
            return Err("a secret has at least 8 characters".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Where events go.
#[derive(Clone, Debug, Args)]
pub struct EventArgs {
    /// URL that is sent events as signed JSON, each until it is taken.
    #[arg(
        long,
        env = "STREAMCORE_WEBHOOK",
        value_name = "URL",
        value_delimiter = ',',
        requires = "webhook_secret"
    )]
    pub webhook: Vec<HookUrl>,
    /// What events are signed with (HMAC-SHA256), at least 8 characters.
    #[arg(long, env = "STREAMCORE_WEBHOOK_SECRET", value_name = "SECRET", hide_env_values = true)]
    pub webhook_secret: Option<Secret>,
    /// Send only events whose type begins so, for example video.asset.
    #[arg(long, env = "STREAMCORE_WEBHOOK_TYPES", value_name = "TYPE", value_delimiter = ',')]
    pub webhook_types: Vec<String>,
    /// Time that a receiver has to take an event.
    #[arg(long, env = "STREAMCORE_WEBHOOK_TIMEOUT", value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub webhook_timeout: Duration,
    /// Pause before an event is sent a second time; each further pause is twice as long, up to an hour.
    #[arg(long, env = "STREAMCORE_WEBHOOK_BACKOFF", value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub webhook_backoff: Duration,
    /// So long an event is sent again and again, before it is given up.
    #[arg(long, env = "STREAMCORE_WEBHOOK_RETRY", value_name = "TIME", default_value = "24h", value_parser = duration)]
    pub webhook_retry: Duration,
    /// Events that are kept, sent or not; the oldest go first.
    #[arg(long, env = "STREAMCORE_EVENTS_KEPT", value_name = "N", default_value_t = 100_000)]
    pub events_kept: u32,
}

/// One receiver.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Stands for it in the store: the same as long as its URL is the same.
    pub id: String,
    pub url: HookUrl,
    pub secret: Secret,
    /// Beginnings of the types that it wants; all where there is none.
    pub types: Vec<String>,
}

impl Receiver {
    pub fn wants(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|wanted| kind.starts_with(wanted))
    }
}

/// How events are sent, and to whom.
#[derive(Clone, Debug)]
pub struct Settings {
    pub receivers: Vec<Receiver>,
    pub timeout: Duration,
    pub backoff: Duration,
    pub retry: Duration,
    pub kept: u32,
    pub authority: Option<PathBuf>,
}

impl EventArgs {
    /// The settings; `authority` is trusted for https beside the platform's.
    pub fn settings(&self, authority: Option<PathBuf>) -> Settings {
        let receiver = |url: &HookUrl| {
            let hash = hmac_sha256::Hash::hash(url.url().as_str().as_bytes());
            let id = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            let secret = self.webhook_secret.clone()?;
            Some(Receiver { id, url: url.clone(), secret, types: self.webhook_types.clone() })
        };
        Settings {
            receivers: self.webhook.iter().filter_map(receiver).collect(),
            timeout: self.webhook_timeout,
            backoff: self.webhook_backoff,
            retry: self.webhook_retry,
            kept: self.events_kept,
            authority,
        }
    }
}
