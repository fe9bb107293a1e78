//! Stream names and queries as log lines may show them: the name is the publisher's key.

use std::fmt;

/// Shows `live/demo-key` as `live/de…`: the application, and no more than half of each further part.
#[derive(Clone, Copy)]
pub struct Redacted<'a>(pub &'a str);

/// Characters of a name that are shown at most.
const SHOWN: usize = 2;

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.split(['?', '&']).next().unwrap_or_default();
        let (app, name) =
            path.split_once('/').map_or((None, path), |(app, name)| (Some(app), name));
        if let Some(app) = app {
            for c in app.chars() {
                write!(f, "{}", c.escape_debug())?;
            }
            f.write_str("/")?;
        }
        let shown = SHOWN.min(name.chars().count() / 2);
        for c in name.chars().take(shown) {
            write!(f, "{}", c.escape_debug())?;
        }
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f16_a_key_is_never_shown_whole() {
        let shown = |path: &str| Redacted(path).to_string();
        assert_eq!(shown("live/demo"), "live/de…");
        assert_eq!(shown("live/a"), "live/…");
        assert_eq!(shown("live/abc"), "live/a…");
        assert_eq!(shown("live/room/secret-key"), "live/ro…");
        assert_eq!(shown("secretkey"), "se…");
        assert_eq!(shown(""), "…");
        assert_eq!(shown("live/demo?token=abc"), "live/de…");
        assert_eq!(shown("live/\n\u{1b}[2J secret"), "live/\\n\\u{1b}…");
    }
}
