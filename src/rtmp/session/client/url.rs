//! RTMP URLs: where to connect, and what to ask for there.

use std::fmt;

use crate::error::{Error, Layer, Result};

/// Longest URL, in bytes.
const LONGEST: usize = 4096;
/// Characters of a stream's name that are shown at most.
const SHOWN: usize = 2;

/// User and password of a server that asks for them. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user, percent escapes decoded.
    pub user: String,
    /// The password, percent escapes decoded.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// `rtmp://[user:password@]host[:port]/app[/instance]/name[?query]`, taken apart.
///
/// The path is split as ffmpeg does: of one part it is the application; of two, application and name; of three or more, the
/// first two are the application (with its instance) and the rest is the name. Where the second part holds a colon
/// (`mp4:film`), the name begins with it. A query belongs to the name; only where a slash follows it in the first part
/// (`app?key=1/name`), it belongs to the application. Application and name go out as they stand, escapes and all: servers
/// decode them, once. Set the fields where a server wants another split.
///
/// `Display` shows what may stand in a log: no password, no query, no more than two characters of the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtmpUrl {
    /// Whether the connection is TLS (`rtmps`).
    pub tls: bool,
    /// Name or address of the host; an IPv6 address without brackets.
    pub host: String,
    /// The port, where one is named.
    pub port: Option<u16>,
    /// User and password, where they are given.
    pub credentials: Option<Credentials>,
    /// The application, with its instance and query.
    pub app: String,
    /// The stream's name with its query; it may be empty, and is mostly a secret of the publisher.
    pub name: String,
}

impl RtmpUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// Malformed where it is no RTMP URL or names no host or application, unsupported for `rtmpe`, `rtmpt` and the like, limit
    /// exceeded past 4,096 bytes.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(Error::limit(Layer::Session, "length of the URL").found(text.len() as u64));
        }
        if text.chars().any(char::is_control) {
            return Err(malformed("URL (control character)"));
        }
        let (scheme, rest) = text.split_once("://").ok_or(malformed("URL (no rtmp://)"))?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "rtmp" => false,
            "rtmps" => true,
            "rtmpe" | "rtmpt" | "rtmpte" | "rtmpts" | "rtmfp" => {
                return Err(Error::unsupported(Layer::Session, "scheme of the URL"));
            }
            _ => return Err(malformed("scheme of the URL (neither rtmp nor rtmps)")),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (credentials, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(read_credentials(user)), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place)?;
        let (app, name) = split_path(path);
        if app.trim().is_empty() {
            return Err(malformed("URL (no application)"));
        }
        Ok(Self { tls, host, port, credentials, app, name })
    }

    /// The port to connect to: 1935 for `rtmp` and 443 for `rtmps` where none is named (A5-40).
    #[must_use]
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(if self.tls { 443 } else { 1935 })
    }

    /// `tcUrl`: scheme, host, port where one is named, and application.
    #[must_use]
    pub fn tc_url(&self) -> String {
        format!("{}/{}", self.origin(), self.app)
    }

    /// The URL that a server sends a client on to: absolute, or relative to this one. The name stays where the new URL
    /// does not end in it, since servers name their `tcUrl`; so do the credentials where the host is the same.
    pub(crate) fn join(&self, target: &str) -> Result<Self> {
        let target = target.trim();
        let absolute = if target.contains("://") {
            target.to_owned()
        } else if let Some(rest) = target.strip_prefix("//") {
            format!("{}://{rest}", self.scheme())
        } else {
            format!("{}/{}", self.origin(), target.trim_start_matches('/'))
        };
        let mut joined = Self::parse(&absolute)?;
        let bare = |name: &str| name.split('?').next().unwrap_or_default().to_owned();
        let (ours, theirs) = (bare(&self.name), bare(&joined.name));
        if theirs.is_empty() {
            joined.name.clone_from(&self.name);
        } else if theirs != ours {
            // More parts than an application has: its instance, as far as can be told.
            joined.app = format!("{}/{}", joined.app, joined.name);
            joined.name.clone_from(&self.name);
        }
        if joined.credentials.is_none() && joined.host.eq_ignore_ascii_case(&self.host) {
            joined.credentials.clone_from(&self.credentials);
        }
        Ok(joined)
    }

    const fn scheme(&self) -> &'static str {
        if self.tls { "rtmps" } else { "rtmp" }
    }

    /// Scheme, host and port.
    fn origin(&self) -> String {
        let mut origin = format!("{}://", self.scheme());
        let bracketed = self.host.contains(':');
        origin.push_str(if bracketed { "[" } else { "" });
        origin.push_str(&self.host);
        origin.push_str(if bracketed { "]" } else { "" });
        if let Some(port) = self.port {
            origin.push_str(&format!(":{port}"));
        }
        origin
    }
}

impl fmt::Display for RtmpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let app = self.app.split('?').next().unwrap_or_default();
        write!(f, "{}/{app}", self.origin())?;
        let name = self.name.split('?').next().unwrap_or_default();
        if !self.name.is_empty() {
            let shown: String = name.chars().take((name.chars().count() / 2).min(SHOWN)).collect();
            write!(f, "/{shown}…")?;
        }
        Ok(())
    }
}

const fn malformed(field: &'static str) -> Error {
    Error::malformed(Layer::Session, field)
}

fn read_credentials(text: &str) -> Credentials {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |text| super::super::path::decode(text).into_owned();
    Credentials { user: decode(user), password: decode(password) }
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) =
                rest.split_once(']').ok_or(malformed("host of the URL (no closing bracket)"))?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(malformed("host of the URL (no IPv6 address)"));
            }
            match behind.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if behind.is_empty() => (host, None),
                None => return Err(malformed("port of the URL")),
            }
        }
        None => match place.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(malformed("host of the URL (an IPv6 address wants brackets)"));
            }
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(malformed("host of the URL"));
    }
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => {
            let read = port.parse().ok().filter(|&port: &u16| port != 0);
            Some(read.ok_or(malformed("port of the URL"))?)
        }
        None => None,
    };
    Ok((host.to_owned(), port))
}

/// Application and name of a path that begins with a slash, or is empty.
fn split_path(path: &str) -> (String, String) {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (parts, query) =
        path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    if let Some((of_app, name)) = query.and_then(|query| query.rsplit_once('/'))
        && !parts.is_empty()
        && !parts.contains('/')
    {
        return (format!("{parts}?{of_app}"), name.to_owned());
    }
    // Doubled and trailing slashes, and blanks between them, name nothing.
    let parts: Vec<&str> = parts.split('/').filter(|part| !part.trim().is_empty()).collect();
    let of_app = match parts.as_slice() {
        [_, second, _, ..] if !second.contains(':') => 2,
        _ => parts.len().min(1),
    };
    let (app, name) = parts.split_at_checked(of_app).unwrap_or_default();
    let (app, mut name) = (app.join("/"), name.join("/"));
    if let Some(query) = query {
        name.push('?');
        name.push_str(query);
    }
    (app, name)
}

#[cfg(test)]
mod tests;
