//! The options of hooks, named as nginx-rtmp names its directives.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use url::Url;

use crate::cli::duration;

/// Address of a hook. What is shown of it is no secret: neither user and password nor the query.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl(Url);

impl HookUrl {
    pub const fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for HookUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("no URL: {error}"))?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(Self(url)),
            scheme => Err(format!("`{scheme}` is neither http nor https")),
        }
    }
}

impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "{}://{host}", self.0.scheme())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.0.path())
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a form is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// In the body.
    #[default]
    Post,
    /// Behind the `?` of the URL.
    Get,
}

/// What a hook looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum NotifyFormat {
    /// nginx-rtmp's form; the status decides.
    #[default]
    Nginx,
    /// SRS's JSON; `{"code":0}` in the answer decides.
    Srs,
}

/// Hooks of the whole server.
#[derive(Clone, Debug, Args)]
pub struct HookArgs {
    /// URL that is asked whether a client may connect.
    #[arg(long, env = "STREAMCORE_ON_CONNECT", value_name = "URL", value_delimiter = ',')]
    pub on_connect: Vec<HookUrl>,
    /// URL that is told when a client has gone.
    #[arg(long, env = "STREAMCORE_ON_DISCONNECT", value_name = "URL", value_delimiter = ',')]
    pub on_disconnect: Vec<HookUrl>,
    /// Further authorities to trust for https hooks and events, PEM.
    #[arg(long, env = "STREAMCORE_NOTIFY_CA", value_name = "FILE")]
    pub notify_ca: Option<PathBuf>,
}

/// Hooks of an application, and how they are sent.
#[derive(Clone, Debug, Args)]
pub struct AppHookArgs {
    /// URL that is asked whether a client may publish, and under which name.
    #[arg(long, env = "STREAMCORE_ON_PUBLISH", value_name = "URL", value_delimiter = ',')]
    pub on_publish: Vec<HookUrl>,
    /// URL that is asked whether a client may play.
    #[arg(long, env = "STREAMCORE_ON_PLAY", value_name = "URL", value_delimiter = ',')]
    pub on_play: Vec<HookUrl>,
    /// URL that is told when a publisher has ended.
    #[arg(long, env = "STREAMCORE_ON_PUBLISH_DONE", value_name = "URL", value_delimiter = ',')]
    pub on_publish_done: Vec<HookUrl>,
    /// URL that is told when a player has ended.
    #[arg(long, env = "STREAMCORE_ON_PLAY_DONE", value_name = "URL", value_delimiter = ',')]
    pub on_play_done: Vec<HookUrl>,
    /// URL that is told when a publisher or player has ended.
    #[arg(long, env = "STREAMCORE_ON_DONE", value_name = "URL", value_delimiter = ',')]
    pub on_done: Vec<HookUrl>,
    /// URL that is told when a recording is whole.
    #[arg(long, env = "STREAMCORE_ON_RECORD_DONE", value_name = "URL", value_delimiter = ',')]
    pub on_record_done: Vec<HookUrl>,
    /// URL that is asked every so often whether a publisher or player may go on.
    #[arg(long, env = "STREAMCORE_ON_UPDATE", value_name = "URL", value_delimiter = ',')]
    pub on_update: Vec<HookUrl>,
    /// How hooks are sent.
    #[arg(long, env = "STREAMCORE_NOTIFY_METHOD", value_enum, default_value_t = Method::Post)]
    pub notify_method: Method,
    /// Whose hooks these are.
    #[arg(long, env = "STREAMCORE_NOTIFY_FORMAT", value_enum, default_value_t = NotifyFormat::Nginx)]
    pub notify_format: NotifyFormat,
    /// Time that a hook has to answer.
    #[arg(long, env = "STREAMCORE_NOTIFY_TIMEOUT", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub notify_timeout: Duration,
    /// Let clients in when a hook gives no answer. A hook that answers still refuses.
    #[arg(long, env = "STREAMCORE_NOTIFY_FAIL_OPEN")]
    pub notify_fail_open: bool,
    /// Time between two on-update hooks of one stream.
    #[arg(long, env = "STREAMCORE_NOTIFY_UPDATE_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub notify_update_timeout: Duration,
    /// Drop a client also when its on-update hook gives no answer.
    #[arg(long, env = "STREAMCORE_NOTIFY_UPDATE_STRICT")]
    pub notify_update_strict: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_16_a_hook_is_shown_without_its_secrets() {
        let url: HookUrl = "https://user:word@example.com:8443/on?token=abc#x".parse().unwrap();
        assert_eq!(url.to_string(), "https://example.com:8443/on");
        assert_eq!(format!("{url:?}"), "https://example.com:8443/on");
        for bad in ["ftp://example.com/", "example.com/on", "http:", "file:///etc/passwd"] {
            assert!(bad.parse::<HookUrl>().is_err(), "{bad}");
        }
    }
}
