//! The options of relays, named as nginx-rtmp names its directives.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use streamcore::rtmp::session::RtmpUrl;

use crate::cli::duration;
use crate::names;

/// Where to push to, or pull from: a URL, and one to fall back on. Shown without keys.
#[derive(Clone, PartialEq, Eq)]
pub struct PushUrl {
    first: String,
    second: Option<String>,
}

impl PushUrl {
    /// The text with its keys, to keep.
    pub fn secret(&self) -> String {
        match &self.second {
            Some(second) => format!("{}|{second}", self.first),
            None => self.first.clone(),
        }
    }

    /// The URLs for the stream `path`: a URL without a name, or without application and name, is completed from it.
    pub fn for_stream(&self, path: &str) -> Vec<RtmpUrl> {
        let both = [Some(&self.first), self.second.as_ref()];
        both.into_iter().flatten().filter_map(|text| complete(text, path).ok()).collect()
    }
}

/// A URL with the application and name of the stream where it has none.
fn complete(text: &str, path: &str) -> Result<RtmpUrl, String> {
    let (app, name) = names::split(path);
    let bare = text
        .split_once("://")
        .is_some_and(|(_, rest)| !rest.trim_end_matches('/').contains(['/', '?']));
    let with_app = if bare {
        let app = if app.is_empty() { name } else { app };
        format!("{}/{app}", text.trim_end_matches('/'))
    } else {
        text.to_owned()
    };
    let mut url = RtmpUrl::parse(&with_app).map_err(|error| error.field().to_owned())?;
    if url.name.is_empty() {
        name.clone_into(&mut url.name);
    } else if url.name.starts_with('?') {
        url.name = format!("{name}{}", url.name);
    }
    Ok(url)
}

impl FromStr for PushUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, second) = text.split_once('|').map_or((text, None), |(a, b)| (a, Some(b)));
        let read = |text: &str| {
            let text = text.trim();
            // The text may hold a key: only the reason is shown.
            complete(text, "app/name")
                .map_err(|why| format!("not a URL of an RTMP server: {why}"))?;
            Ok::<_, String>(text.to_owned())
        };
        Ok(Self { first: read(first)?, second: second.map(read).transpose()? })
    }
}

impl fmt::Display for PushUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, text) in [Some(&self.first), self.second.as_ref()].into_iter().flatten().enumerate()
        {
            f.write_str(if n == 0 { "" } else { "|" })?;
            match RtmpUrl::parse(text) {
                Ok(url) => write!(f, "{url}")?,
                Err(_) => f.write_str("…")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for PushUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Relays of an application.
#[derive(Clone, Debug, Args)]
pub struct RelayArgs {
    /// RTMP or RTMPS server that gets every stream, with the stream's name where the URL has none; URL|URL names one to fall
    /// back on.
    #[arg(
        long,
        env = "STREAMCORE_PUSH",
        value_name = "URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub push: Vec<PushUrl>,
    /// RTMP or RTMPS server that a stream is taken from when somebody plays it that nobody publishes here; several are tried in turn.
    #[arg(
        long,
        env = "STREAMCORE_PULL",
        value_name = "URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub pull: Vec<PushUrl>,
    /// Time without a player after which a pulled stream is let go.
    #[arg(long, env = "STREAMCORE_PULL_LINGER", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub pull_linger: Duration,
    /// Pause before a lost target is tried again; each further pause is twice as long, up to 30 s.
    #[arg(long, env = "STREAMCORE_PUSH_RECONNECT", value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub push_reconnect: Duration,
}

/// What holds for all relays.
#[derive(Clone, Debug, Args)]
pub struct RelayServerArgs {
    /// Time in which a target has to take something, before it is given up and tried again.
    #[arg(long, env = "STREAMCORE_PUSH_TIMEOUT", value_name = "TIME", default_value = "15s", value_parser = duration)]
    pub push_timeout: Duration,
    /// Further authorities to trust for rtmps targets and origins, PEM.
    #[arg(long, env = "STREAMCORE_RELAY_CA", value_name = "FILE")]
    pub relay_ca: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_completed_from_the_stream() {
        let urls = |text: &str| {
            let push: PushUrl = text.parse().unwrap();
            let urls = push.for_stream("live/demo");
            urls.into_iter().map(|url| (url.tc_url(), url.name)).collect::<Vec<_>>()
        };
        let one = |tc_url: &str, name: &str| (tc_url.to_owned(), name.to_owned());
        assert_eq!(urls("rtmp://a"), [one("rtmp://a/live", "demo")]);
        assert_eq!(urls("rtmp://a:1936/"), [one("rtmp://a:1936/live", "demo")]);
        assert_eq!(urls("rtmps://a/other"), [one("rtmps://a/other", "demo")]);
        assert_eq!(urls("rtmp://a/app/key?x=1"), [one("rtmp://a/app", "key?x=1")]);
        let both = [one("rtmps://a/live2", "k1"), one("rtmps://b/live2", "k2")];
        assert_eq!(urls("rtmps://a/live2/k1|rtmps://b/live2/k2"), both);
    }

    #[test]
    fn f_16_a_target_is_shown_without_its_key() {
        let url: PushUrl =
            "rtmps://u:pass@a/live2/abcd-efgh?k=v|rtmp://b/app/secretkey".parse().unwrap();
        assert_eq!(url.to_string(), "rtmps://a/live2/ab…|rtmp://b/app/se…");
        let error = "http://a/live/secretkey".parse::<PushUrl>().unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }
}
