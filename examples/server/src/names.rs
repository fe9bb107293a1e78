//! The one place where names from the network become paths: of streams, of URLs and of files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Longest part of a path, as file systems have it.
const PART_BYTES: usize = 255;
/// Longest path of a stream.
const PATH_BYTES: usize = 512;
/// Applications whose URLs the server needs for itself.
const RESERVED: [&str; 4] = ["api", "control", "healthz", "recordings"];

/// What stays as it is in a part of a URL path: the unreserved characters of RFC 3986 and a few that need no escape.
const URL_PART: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'/')
    .add(b'\\')
    .add(b'^')
    .add(b'|')
    .add(b'[')
    .add(b']')
    .add(b'\'')
    .add(b'&')
    .add(b';')
    .add(b'+');

/// Whether `part` is fit to be one part of a stream's path, of a URL and of a file's path:
/// not empty, not hidden, no way up, no separator, no control character.
pub fn is_safe_part(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= PART_BYTES
        && !part.starts_with('.')
        && !part.contains(['/', '\\'])
        && !part.chars().any(char::is_control)
        && !matches!(part.as_bytes(), [drive, b':', ..] if drive.is_ascii_alphabetic())
}

/// Whether `path` (`app/name`, where the name may hold further slashes) is fit to be a stream's path.
pub fn is_safe_path(path: &str) -> bool {
    path.len() <= PATH_BYTES && path.split('/').all(is_safe_part)
}

/// Whether a stream may be published under `path`.
pub fn is_publishable(path: &str) -> bool {
    let app = path.split('/').next().unwrap_or_default();
    is_safe_path(path) && !is_reserved(app)
}

/// Whether the server needs the URLs of this application for itself.
pub fn is_reserved(app: &str) -> bool {
    RESERVED.contains(&app)
}

/// `app` and `name` as one path; an empty application leaves the name alone.
#[cfg(test)]
pub fn join(app: &str, name: &str) -> String {
    if app.is_empty() { name.to_owned() } else { format!("{app}/{name}") }
}

/// Application and name of a path.
pub fn split(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or(("", path))
}

/// The path as it stands in a URL, each part percent-encoded.
pub fn url_path(path: &str) -> String {
    let mut url = String::with_capacity(path.len() + 8);
    for part in path.split('/') {
        let _ = write!(url, "/{}", utf8_percent_encode(part, URL_PART));
    }
    url
}

/// Decodes the raw path of a request, part by part, so that an encoded slash never makes a new part.
/// `None` for all that is not safe.
pub fn decode_url_path(raw: &str) -> Option<String> {
    let raw = raw.strip_prefix('/').unwrap_or(raw);
    let mut path = String::with_capacity(raw.len());
    for (index, part) in raw.split('/').enumerate() {
        let part = percent_decode_str(part).decode_utf8().ok()?;
        if !is_safe_part(&part) {
            return None;
        }
        if index > 0 {
            path.push('/');
        }
        path.push_str(&part);
    }
    Some(path).filter(|path| path.len() <= PATH_BYTES + PART_BYTES)
}

/// The file or folder that `path` names below `root`; `None` where the path is not safe.
pub fn below(root: &Path, path: &str) -> Option<PathBuf> {
    path.split('/').all(is_safe_part).then(|| {
        let mut file = root.to_path_buf();
        file.extend(path.split('/'));
        file
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f08_f15_hostile_paths_are_refused() {
        for bad in [
            "",
            "/",
            "..",
            "a/..",
            "../a",
            "a/../b",
            "a//b",
            "a/",
            "/a",
            ".hidden",
            "a/.b",
            "a\\b",
            "a/b\0",
            "a/b\n#EXT",
            "c:/x",
            "a/b\u{7f}",
            "a/\u{85}",
        ] {
            assert!(!is_safe_path(bad), "{bad:?}");
            assert!(below(Path::new("root"), bad).is_none(), "{bad:?}");
        }
        assert!(!is_safe_path(&"a".repeat(256)));
        assert!(!is_safe_path(&"a/".repeat(300)));
        for raw in [
            "/%2e%2e/x",
            "/a/%2e%2e",
            "/a%2fb/x",
            "/a/%5cb",
            "/a/%00",
            "/a/%ff",
            "/a/%0a",
            "//a",
            "/a//b",
        ] {
            assert!(decode_url_path(raw).is_none(), "{raw}");
        }
    }

    #[test]
    fn good_paths_round_trip_through_urls() {
        for path in [
            "live/demo",
            "demo",
            "live/a b",
            "live/größe",
            "live/a%b",
            "a/b/c",
            "live/x?y#z",
            "live/\"q\"",
        ] {
            assert!(is_safe_path(path), "{path}");
            let url = url_path(path);
            assert!(url.is_ascii() && !url.contains(['"', '#', '?', ' ', '\n']), "{url}");
            assert_eq!(decode_url_path(&url).as_deref(), Some(path), "{url}");
            let (app, name) = split(path);
            assert_eq!(join(app, name), path);
        }
        assert_eq!(below(Path::new("r"), "live/demo"), Some(PathBuf::from("r/live/demo")));
    }

    #[test]
    fn the_servers_own_urls_are_no_applications() {
        assert!(is_publishable("live/demo") && is_publishable("demo"));
        assert!(!is_publishable("recordings/x") && !is_publishable("api/v1/streams"));
    }
}
