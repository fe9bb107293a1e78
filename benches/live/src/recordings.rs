//! What a server has written: recordings compared with their source, playlists found.

use crate::net::{self, Io, Loopback, SECOND};
use crate::server::{Kind, Scratch, Server};
use crate::wire::flv::{self, Tag, is_config};
use crate::wire::fmp4;
use crate::wire::{AUDIO, VIDEO};
use std::path::{Path, PathBuf};

/// A folder for a floor's files.
pub fn scratch(name: &str) -> Result<Scratch, String> {
    Scratch::new(name).map_err(|e| e.to_string())
}

/// All FLV and MP4 files below a folder.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|e| e.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "flv" || e == "mp4") {
                found.push(path);
            }
        }
    }
    found
}

/// Checks that a recording holds the looped source's messages, all and in order, as far as it
/// goes: its length in milliseconds.
pub fn compare(path: &Path, source: &[Tag]) -> Result<u32, String> {
    let found = |why| format!("{}: {why}", path.display());
    if path.extension().is_some_and(|e| e == "mp4") {
        let bare: Vec<Tag> = media(source).map(|tag| marked(tag, head_of(tag.kind))).collect();
        let recorded: Vec<Tag> = fmp4::read(path)?.iter().map(|tag| marked(tag, 0)).collect();
        return same(&recorded, &bare).map_err(found);
    }
    same(&flv::read(path)?, source).map_err(found)
}

/// Bytes of a message of H.264 or AAC that do not become a sample of an MP4.
fn head_of(kind: u8) -> usize {
    if kind == VIDEO { 5 } else { 2 }
}

/// A sample with a byte in front that keeps it from looking like a configuration.
fn marked(tag: &Tag, head: usize) -> Tag {
    let data = [&[0xff], tag.data.get(head..).unwrap_or_default()].concat();
    Tag { data, ..tag.clone() }
}

fn media(tags: &[Tag]) -> impl Iterator<Item = &Tag> + Clone {
    tags.iter().filter(|t| matches!(t.kind, AUDIO | VIDEO) && !is_config(t.kind, &t.data))
}

fn same(recorded: &[Tag], source: &[Tag]) -> Result<u32, String> {
    // Audio and video may be interleaved anew, but not changed within themselves.
    for kind in [AUDIO, VIDEO] {
        let mut expected = media(source).filter(|t| t.kind == kind).cycle();
        for (n, tag) in media(recorded).filter(|t| t.kind == kind).enumerate() {
            if expected.next().is_none_or(|e| e.data != tag.data) {
                return Err(format!("message {n} of kind {kind} differs"));
            }
        }
    }
    let times = || media(recorded).map(|t| t.timestamp);
    let first = times().min().ok_or("no media")?;
    Ok(times().max().unwrap_or(first) - first)
}

/// How many of the streams `p0`, `p1`, … have an HLS playlist that lists segments.
pub fn playlists(server: &Server, kind: Kind, publishers: usize) -> usize {
    (0..publishers).filter(|n| has_playlist(server, kind, *n, publishers)).count()
}

fn has_playlist(server: &Server, kind: Kind, n: usize, of: usize) -> bool {
    let name = if of == 1 { "p".into() } else { format!("p{n}") };
    let text = match kind {
        Kind::Ours => fetch(server.http(), &format!("/live/{name}/video.m3u8")).unwrap_or_default(),
        _ => {
            let hls = server.dir().join("hls");
            let flat = std::fs::read_to_string(hls.join(format!("{name}.m3u8")));
            let nested = || std::fs::read_to_string(hls.join(format!("live/{name}.m3u8")));
            flat.or_else(|_| nested()).unwrap_or_default()
        }
    };
    text.contains("#EXTINF")
}

/// The answer to a GET request, head and all, if it comes within a second.
fn fetch(at: Loopback, path: &str) -> Option<String> {
    let socket = net::connect(at, true).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    let until = net::now() + SECOND;
    if net::send(&socket, request.as_bytes()) != Io::Done(request.len()) {
        return None;
    }
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while net::now() < until {
        match net::receive(&socket, &mut buffer) {
            Io::Done(n) => answer.extend_from_slice(buffer.get(..n)?),
            Io::Again => net::sleep_until(net::now() + SECOND / 5000),
            Io::Closed => break,
        }
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.starts_with("HTTP/1.1 200").then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: u8, timestamp: u32, byte: u8) -> Tag {
        Tag { kind, timestamp, data: vec![0xaf, 1, byte] }
    }

    #[test]
    fn a_looped_recording_equals_its_source_until_something_is_left_out() {
        let source = [tag(9, 0, 1), tag(8, 5, 2), tag(9, 33, 3)];
        let mut recorded =
            vec![tag(9, 100, 1), tag(8, 105, 2), tag(9, 133, 3), tag(9, 166, 1), tag(8, 170, 2)];
        assert_eq!(same(&recorded, &source), Ok(70));
        recorded.swap(3, 4);
        assert_eq!(same(&recorded, &source), Ok(70));
        recorded.remove(2);
        assert!(same(&recorded, &source).is_err());
        assert!(same(&[], &source).is_err());
    }
}
