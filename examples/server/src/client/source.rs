//! Tags of an FLV file or of standard input, read ahead by a thread of their own.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use streamcore::flv::{Reader, Tag, TagKind, is_metadata};
use streamcore::limits::Limits;
use tokio::sync::mpsc;

use super::shown;
use super::timeline::{Timeline, is_frame};

/// Bytes that are read at once.
const BLOCK: usize = 256 << 10;
/// Tags that wait to be sent.
const AHEAD: usize = 64;
/// Tags among which metadata and headers are looked for, to go first.
const LOOK_AHEAD: usize = 64;

/// What the thread has read.
pub enum Item {
    /// A tag, and its time since the start in milliseconds.
    Tag(i64, Tag),
    /// The end, or what is wrong with the file.
    End(anyhow::Result<()>),
}

/// Opens the file and starts to read it.
pub fn open(path: &Path, rounds: bool) -> anyhow::Result<mpsc::Receiver<Item>> {
    let name = shown(path);
    let input: Input = if path.as_os_str() == "-" {
        if rounds {
            bail!("standard input cannot be read twice: --loop wants a file");
        }
        Input::Standard(io::stdin())
    } else {
        Input::File(File::open(path).with_context(|| format!("cannot open {name}"))?)
    };
    let (items, receiver) = mpsc::channel(AHEAD);
    let source = Source { input, rounds, path: path.to_owned(), line: Timeline::default(), items };
    std::thread::Builder::new()
        .name("reader".into())
        .spawn(move || source.run())
        .context("cannot start a thread")?;
    Ok(receiver)
}

enum Input {
    File(File),
    Standard(io::Stdin),
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buf),
            Self::Standard(input) => input.read(buf),
        }
    }
}

struct Source {
    input: Input,
    rounds: bool,
    path: PathBuf,
    line: Timeline,
    items: mpsc::Sender<Item>,
}

/// Nobody wants more.
struct Gone;

impl Source {
    fn run(mut self) {
        let result = self.read_all();
        let name = shown(&self.path);
        let result = result.with_context(|| format!("cannot read {name}"));
        // Where nobody listens any more there is nobody to tell.
        let _ = self.items.blocking_send(Item::End(result));
    }

    fn read_all(&mut self) -> anyhow::Result<()> {
        loop {
            let (frames, end) = self.read_round()?;
            if end.is_err() || !self.rounds {
                anyhow::ensure!(end.is_err() || frames > 0, "there is no media in it");
                return Ok(());
            }
            anyhow::ensure!(frames > 0, "there is no media in it");
            self.line.restart();
            if let Input::File(file) = &mut self.input {
                file.seek(SeekFrom::Start(0))?;
            }
        }
    }

    /// Reads the file once. Gives the number of frames, and whether somebody still listens.
    fn read_round(&mut self) -> anyhow::Result<(u64, Result<(), Gone>)> {
        let mut reader = Reader::new(&Limits::default());
        let (mut block, mut first) = (vec![0; BLOCK], Some(VecDeque::new()));
        let mut frames = 0;
        loop {
            let count = match self.input.read(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            let mut rest = &block[..count];
            loop {
                let taken = reader.handle_input(rest)?;
                rest = &rest[taken..];
                if count == 0 {
                    reader.finish();
                }
                let mut any = false;
                while let Some((_, tag)) = reader.poll_tag() {
                    any = true;
                    frames += u64::from(is_frame(&tag));
                    if self.pass(&mut first, tag).is_err() {
                        return Ok((frames, Err(Gone)));
                    }
                }
                if rest.is_empty() && (count > 0 || !any) {
                    break;
                }
            }
            if count == 0 {
                let sent = self.send_first(&mut first);
                return Ok((frames, sent));
            }
        }
    }

    fn pass(&mut self, first: &mut Option<VecDeque<Tag>>, tag: Tag) -> Result<(), Gone> {
        let Some(held) = first else { return self.send(tag) };
        held.push_back(tag);
        if held.len() < LOOK_AHEAD { Ok(()) } else { self.send_first(first) }
    }

    /// Sends the first tags of a round: metadata, then the first header of each kind, then the others in their order.
    fn send_first(&mut self, first: &mut Option<VecDeque<Tag>>) -> Result<(), Gone> {
        let Some(mut held) = first.take() else { return Ok(()) };
        let wanted: [fn(&Tag) -> bool; 3] = [
            is_metadata,
            |tag| tag.kind == TagKind::Video && !is_frame(tag),
            |tag| tag.kind == TagKind::Audio && !is_frame(tag),
        ];
        for is_wanted in wanted {
            if let Some(tag) = held.iter().position(is_wanted).and_then(|at| held.remove(at)) {
                self.send(tag)?;
            }
        }
        held.into_iter().try_for_each(|tag| self.send(tag))
    }

    fn send(&mut self, tag: Tag) -> Result<(), Gone> {
        let time = self.line.place(&tag);
        self.items.blocking_send(Item::Tag(time, tag)).map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use streamcore::flv::Writer;

    fn read(tags: &[Tag], rounds: bool, most: usize) -> (Vec<(i64, u8, u8)>, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.flv");
        let mut writer = Writer::new();
        let mut bytes = writer.header(true, true).to_vec();
        for tag in tags {
            bytes.extend_from_slice(&writer.tag(tag).unwrap().to_bytes());
        }
        std::fs::write(&path, bytes).unwrap();
        let mut items = open(&path, rounds).unwrap();
        let mut got = Vec::new();
        while got.len() < most {
            match items.blocking_recv() {
                Some(Item::Tag(time, tag)) => {
                    got.push((time, tag.kind.type_id(), tag.body.last().copied().unwrap_or(0)));
                }
                Some(Item::End(end)) => return (got, end.err().map(|e| format!("{e:#}"))),
                None => break,
            }
        }
        (got, None)
    }

    fn tag(kind: TagKind, timestamp: u32, body: &'static [u8]) -> Tag {
        Tag { kind, timestamp, body: Bytes::from_static(body) }
    }

    #[test]
    fn metadata_and_headers_go_first() {
        let tags = [
            tag(TagKind::Audio, 0, &[0xaf, 1, 9]),
            tag(TagKind::Audio, 0, &[0xaf, 0, 2]),
            tag(TagKind::Video, 0, &[0x17, 0, 0, 0, 0, 1]),
            tag(TagKind::Script, 0, b"\x02\x00\x0aonMetaData\x03\x00\x00\x09"),
            tag(TagKind::Video, 40, &[0x17, 1, 0, 0, 0, 8]),
        ];
        let (got, error) = read(&tags, false, 99);
        assert_eq!(error, None);
        assert_eq!(got, [(0, 18, 9), (0, 9, 1), (0, 8, 2), (0, 8, 9), (40, 9, 8)]);
    }

    #[test]
    fn a_file_may_be_read_round_after_round() {
        let tags = [0, 40, 80].map(|time| tag(TagKind::Video, time, &[0x17, 1, 0, 0, 0, 8]));
        let times: Vec<i64> = read(&tags, true, 9).0.into_iter().map(|(time, ..)| time).collect();
        assert_eq!(times, [0, 40, 80, 120, 160, 200, 240, 280, 320]);
    }

    #[test]
    fn what_holds_no_media_is_an_error_that_names_the_file() {
        let (_, error) = read(&[], false, 9);
        let error = error.unwrap();
        assert!(error.contains("film.flv: there is no media in it"), "{error}");
        let error = open(Path::new("nowhere.flv"), false).err().unwrap();
        assert!(format!("{error:#}").starts_with("cannot open nowhere.flv: "), "{error:#}");
        assert!(open(Path::new("-"), true).is_err());
    }
}
