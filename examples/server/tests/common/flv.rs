//! A player of FLV over HTTP or a WebSocket that reads what it is told to.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use kit::flv::Tag;

/// How a player came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server said that it is over.
    Whole,
    /// The connection was cut.
    Cut,
}

pub struct Player {
    stream: BufReader<TcpStream>,
    socket: bool,
    /// Status line and headers in lower case.
    pub head: String,
    /// Lengths of the chunks or messages so far.
    pub pieces: Vec<usize>,
    bytes: Vec<u8>,
}

impl Player {
    /// Asks for `path`, by a WebSocket where `socket` says so.
    pub fn open(address: SocketAddr, path: &str, socket: bool) -> Self {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(super::PATIENCE)).expect("a timeout");
        // The key and the answer to it are those of RFC 6455 1.3.
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let more = if socket { upgrade } else { "" };
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nUser-Agent: probe\r\n{more}\r\n")
            .expect("the request is taken");
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).expect("a head"), 0, "no head: {head}");
        }
        if socket && head.starts_with("HTTP/1.1 101") {
            assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        }
        let (head, pieces) = (head.to_lowercase(), Vec::new());
        Self { stream, socket, head, pieces, bytes: Vec::new() }
    }

    pub fn status(&self) -> u16 {
        self.head.split_whitespace().nth(1).and_then(|code| code.parse().ok()).expect("a status")
    }

    /// What the header of the file says: flags of sound and of pictures.
    pub fn flags(&mut self) -> (bool, bool) {
        let header = self.take(13).expect("a header");
        assert_eq!((&header[..4], &header[5..]), (&b"FLV\x01"[..], &[0, 0, 0, 9, 0, 0, 0, 0][..]));
        (header[4] & 4 != 0, header[4] & 1 != 0)
    }

    /// The next tag.
    pub fn tag(&mut self) -> Result<Tag, End> {
        let head = self.take(11)?;
        let size = u32::from_be_bytes([0, head[1], head[2], head[3]]);
        let body = self.take(size as usize)?;
        assert_eq!(self.take(4)?, (size + 11).to_be_bytes(), "the length behind a tag");
        let timestamp = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        Ok(Tag { kind: head[0], timestamp, body })
    }

    /// The tags to the end.
    pub fn rest(&mut self) -> (Vec<Tag>, End) {
        let mut tags = Vec::new();
        loop {
            match self.tag() {
                Ok(tag) => tags.push(tag),
                Err(end) => return (tags, end),
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<Vec<u8>, End> {
        while self.bytes.len() < count {
            let piece = if self.socket { self.message() } else { self.chunk() };
            match piece {
                Ok(Some(piece)) => {
                    self.pieces.push(piece.len());
                    self.bytes.extend(piece);
                }
                Ok(None) => return Err(End::Whole),
                Err(error) => {
                    let lost = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
                    assert!(lost.contains(&error.kind()), "{error}");
                    return Err(End::Cut);
                }
            }
        }
        Ok(self.bytes.drain(..count).collect())
    }

    fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The next chunk (RFC 9112 7.1); `None` for the last.
    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let size = usize::from_str_radix(line.trim_end(), 16).expect("the length of a chunk");
        let chunk = self.exactly(size)?;
        assert_eq!(self.exactly(2)?, b"\r\n");
        Ok((size > 0).then_some(chunk))
    }

    /// The next binary message (RFC 6455 5.2); `None` for the one that closes.
    fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        let head = self.exactly(2)?;
        let size = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.exactly(2)?.try_into().expect("two"))),
            127 => u64::from_be_bytes(self.exactly(8)?.try_into().expect("eight")),
            short => short.into(),
        };
        let payload = self.exactly(usize::try_from(size).expect("a length"))?;
        match head[0] {
            0x82 => Ok(Some(payload)),
            0x88 => Ok(None),
            other => panic!("a frame that begins {other:#x}"),
        }
    }
}
