//! Where a client publishes to or plays from: application, name and query, out of the many places where clients put them.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::error::{Error, Layer, Result};
use crate::limits::Limits;

/// A stream's place. `rtmp://host/a/b/c?q` is the same place whether a client says app `a/b` and name `c?q`, or app `a`
/// and name `b/c?q`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StreamPath {
    /// The first segment of the path; empty where the path has only one segment.
    pub app: String,
    /// The other segments, joined by `/`. Never empty.
    pub name: String,
    /// All that stood behind a `?`, raw, joined by `&`. Not part of the path; it may hold secrets.
    pub query: String,
}

impl StreamPath {
    /// The canonical path: `app/name`, or the name alone. No segment of it is empty, starts with a dot, or holds a
    /// control character, a backslash or a drive letter: it is safe below a directory.
    #[must_use]
    pub fn path(&self) -> String {
        if self.app.is_empty() { self.name.clone() } else { format!("{}/{}", self.app, self.name) }
    }

    /// Puts together `app` and `tcUrl` of `connect` with the name of `publish` or `play`.
    ///
    /// Queries are cut off app, URL and name, and merged. Duplicate and trailing slashes, `_definst_`, the prefixes
    /// `mp4:`, `flv:`, `mp3:` and the suffix `.flv` go. Percent escapes are decoded once, after splitting.
    ///
    /// # Errors
    /// Violation where no segment remains or one is not allowed, limit exceeded past `name_bytes` for app or name.
    pub fn parse(app: &str, tc_url: &str, name: &str, limits: &Limits) -> Result<Self> {
        let (app_path, app_query) = split_query(unquote(app));
        let (url_path, url_query) = split_query(url_path(unquote(tc_url)));
        let (name_path, name_query) = split_query(unquote(name));
        let app_path = if app_path.trim_matches('/').is_empty() { url_path } else { app_path };
        let mut segments = Vec::new();
        for segment in app_path.split('/').filter(|segment| !matches!(*segment, "" | "_definst_")) {
            segments.push(check(decode(segment))?);
        }
        for segment in strip_format(name_path)
            .split('/')
            .filter(|segment| !matches!(*segment, "" | "_definst_"))
        {
            segments.push(check(decode(segment))?);
        }
        let mut segments = segments.into_iter();
        let first =
            segments.next().ok_or(Error::violation(Layer::Session, "stream name (empty)"))?;
        let rest = segments.collect::<Vec<_>>().join("/");
        let (app, name) = if rest.is_empty() { (String::new(), first) } else { (first, rest) };
        let longest = app.len().max(name.len());
        if longest > limits.name_bytes {
            return Err(Error::limit(Layer::Session, "length of a name").found(longest as u64));
        }
        Ok(Self { app, name, query: merge(&[app_query, url_query, name_query]) })
    }
}

fn unquote(text: &str) -> &str {
    text.trim_matches(|c| matches!(c, '"' | '\'' | ' '))
}

fn split_query(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

/// What stands behind the host of a URL.
fn url_path(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or_default()
}

/// Cuts off what says the file format on servers of stored media.
fn strip_format(name: &str) -> &str {
    let name = ["mp4:", "flv:", "mp3:"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    name.strip_suffix(".flv").unwrap_or(name)
}

/// Decodes percent escapes, once. What is no escape, or does not give UTF-8, stays as it is.
pub(super) fn decode(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = |at: usize| tail.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        let escape = hex(0).zip(hex(1)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        match escape.filter(|_| byte == b'%') {
            Some(escaped) => {
                decoded.push(escaped);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(segment), Cow::Owned)
}

/// The one place where a segment is found fit to be part of a path, a URL, a playlist and a log line.
fn check(segment: Cow<'_, str>) -> Result<String> {
    let refuse = |field| Err(Error::violation(Layer::Session, field));
    if segment.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffd}'))
    {
        return refuse("stream name (control character)");
    }
    if segment.contains(['/', '\\']) {
        return refuse("stream name (encoded slash or backslash)");
    }
    if segment.starts_with('.') {
        return refuse("stream name (leading dot)");
    }
    if let [letter, b':', ..] = segment.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return refuse("stream name (drive letter)");
    }
    if segment.trim().is_empty() {
        return refuse("stream name (blank)");
    }
    Ok(segment.into_owned())
}

/// Joins queries by `&`; one that stands in two places counts once.
fn merge(queries: &[&str]) -> String {
    let mut merged: Vec<&str> = Vec::new();
    for query in
        queries.iter().map(|query| query.trim_matches(['&', '?'])).filter(|query| !query.is_empty())
    {
        if !merged.contains(&query) {
            merged.push(query);
        }
    }
    merged.join("&")
}
