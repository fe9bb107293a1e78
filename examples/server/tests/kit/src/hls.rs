//! Keeps a local copy of an HLS stream, as a player would fetch it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::http::{self, Response};

/// One media playlist and what it named so far.
#[derive(Default)]
pub struct Rendition {
    /// Name of the newest initialisation segment.
    pub init: String,
    /// Media sequence number to segment name.
    pub segments: BTreeMap<u64, String>,
    /// Target duration, seconds.
    pub target: u64,
    /// Longest segment, seconds.
    pub longest: f64,
    /// The playlist has its end marker.
    pub ended: bool,
}

/// A local copy of a stream.
pub struct Mirror {
    addr: SocketAddr,
    base: String,
    folder: PathBuf,
    /// Media playlists by name.
    pub renditions: BTreeMap<String, Rendition>,
}

impl Mirror {
    /// Copies `http://addr/base/index.m3u8` and all that it names into `folder`.
    pub fn new(addr: SocketAddr, base: &str, folder: &Path) -> Self {
        Self { addr, base: base.to_owned(), folder: folder.to_owned(), renditions: BTreeMap::new() }
    }

    /// Fetches the playlists, and segments that are new. `false` when the stream is not there.
    ///
    /// # Panics
    /// When a playlist contradicts an earlier one, or names what cannot be fetched.
    pub fn refresh(&mut self) -> bool {
        let Some(index) = self.save("index.m3u8") else { return false };
        for name in names_in(&index) {
            let Some(playlist) = self.save(&name) else { return false };
            self.read_media_playlist(&name, &playlist);
        }
        true
    }

    /// All renditions have their end marker.
    pub fn ended(&self) -> bool {
        !self.renditions.is_empty() && self.renditions.values().all(|rendition| rendition.ended)
    }

    /// The multivariant playlist of the local copy.
    pub fn index(&self) -> PathBuf {
        self.folder.join("index.m3u8")
    }

    /// One file of the initialisation segment and all segments of a rendition.
    ///
    /// # Panics
    /// When a media sequence number is missing.
    pub fn joined(&self, name: &str) -> PathBuf {
        let rendition = self.renditions.get(name).unwrap_or_else(|| panic!("no rendition {name}"));
        let numbers: Vec<u64> = rendition.segments.keys().copied().collect();
        assert!(
            numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]),
            "{name}: segments are missing: {numbers:?}"
        );
        let mut file = self.read(&rendition.init);
        rendition.segments.values().for_each(|segment| file.extend(self.read(segment)));
        let path = self.folder.join(format!("{name}.mp4"));
        std::fs::write(&path, file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Name of the first rendition whose name holds `part`.
    pub fn rendition(&self, part: &str) -> Option<String> {
        self.renditions.keys().find(|name| name.contains(part)).cloned()
    }

    fn read_media_playlist(&mut self, name: &str, playlist: &str) {
        let mut number = tag(playlist, "#EXT-X-MEDIA-SEQUENCE:")
            .map_or(0, |value| value.parse().expect("a number"));
        let mut rendition = self.renditions.remove(name).unwrap_or_default();
        for line in playlist.lines() {
            if let Some(map) = line.strip_prefix("#EXT-X-MAP:") {
                let init = attribute(map, "URI").expect("EXT-X-MAP has a URI");
                if !self.folder.join(&init).exists() {
                    self.fetch(&init);
                }
                rendition.init = init;
            } else if let Some(duration) = line.strip_prefix("#EXTINF:") {
                let duration = duration
                    .split(',')
                    .next()
                    .and_then(|value| value.parse().ok())
                    .expect("a duration");
                rendition.longest = rendition.longest.max(duration);
            } else if !line.is_empty() && !line.starts_with('#') {
                if let Some(known) = rendition.segments.get(&number) {
                    assert_eq!(known, line, "{name}: segment {number} changed its name");
                } else {
                    self.fetch(line);
                    rendition.segments.insert(number, line.to_owned());
                }
                number += 1;
            }
        }
        rendition.target = tag(playlist, "#EXT-X-TARGETDURATION:")
            .expect("a target duration")
            .parse()
            .expect("whole seconds");
        rendition.ended = playlist.contains("#EXT-X-ENDLIST");
        self.renditions.insert(name.to_owned(), rendition);
    }

    fn save(&self, name: &str) -> Option<String> {
        let response = self.get(name);
        if response.status == 404 {
            return None;
        }
        assert_eq!(response.status, 200, "{name}");
        self.write(name, &response.body);
        Some(response.text())
    }

    fn fetch(&self, name: &str) {
        let response = self.get(name);
        assert_eq!(response.status, 200, "{name}, which the playlist names");
        self.write(name, &response.body);
    }

    fn get(&self, name: &str) -> Response {
        let path = format!("{}/{name}", self.base);
        http::get(self.addr, &path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        assert!(!name.contains(['/', '?']), "the local copy has one folder: {name}");
        std::fs::write(self.folder.join(name), bytes)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// Media playlists that a multivariant playlist names, each once.
fn names_in(index: &str) -> Vec<String> {
    let mut names: Vec<String> = index
        .lines()
        .filter_map(|line| match line.strip_prefix("#EXT-X-MEDIA:") {
            Some(media) => attribute(media, "URI"),
            None => (!line.is_empty() && !line.starts_with('#')).then(|| line.to_owned()),
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

fn tag<'a>(playlist: &'a str, name: &str) -> Option<&'a str> {
    playlist.lines().find_map(|line| line.strip_prefix(name))
}

fn attribute(list: &str, name: &str) -> Option<String> {
    let (_, rest) = list.split_once(&format!("{name}=\""))?;
    rest.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::names_in;

    #[test]
    fn the_names_of_a_multivariant_playlist_are_found_once_each() {
        let index = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"audio.m3u8\"\n\
                     #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nvideo.m3u8\n\
                     #EXT-X-STREAM-INF:BANDWIDTH=1\nvideo.m3u8\n";
        assert_eq!(names_in(index), ["audio.m3u8", "video.m3u8"]);
    }
}
