//! The header of the PROXY protocol, versions 1 and 2.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes that both versions have at least, and that tell them apart.
const FIRST: usize = 12;
/// Bytes of a header of version 1 (2.1 of the protocol).
const LONGEST_V1: usize = 107;
/// Bytes behind the fixed part of version 2: addresses, and what a proxy adds.
const LONGEST_V2: usize = 4096;

/// Reads the header that the connection begins with, and not a byte more. `None` where the proxy speaks for itself, to see whether
/// somebody is there, or does not know whose connection it is.
///
/// # Errors
/// There is no header, or it is none of the protocol.
pub async fn read_header(socket: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut header = vec![0; FIRST];
    socket.read_exact(&mut header).await?;
    if header == v2::PROTOCOL_PREFIX {
        let mut fixed = [0; 4];
        socket.read_exact(&mut fixed).await?;
        let [.., high, low] = fixed;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > LONGEST_V2 {
            return Err(wrong("longer than 4096 bytes"));
        }
        header.extend(fixed);
        let start = header.len();
        header.resize(start + length, 0);
        let rest = header.get_mut(start..).unwrap_or_default();
        socket.read_exact(rest).await?;
    } else if header.starts_with(b"PROXY ") {
        while !header.ends_with(b"\r\n") {
            if header.len() >= LONGEST_V1 {
                return Err(wrong("a line without an end"));
            }
            header.push(socket.read_u8().await?);
        }
    } else {
        return Err(wrong("none"));
    }
    source(&header)
}

fn source(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    match HeaderResult::parse(header) {
        HeaderResult::V1(Ok(header)) => Ok(match header.addresses {
            v1::Addresses::Tcp4(ip) => Some((ip.source_address, ip.source_port).into()),
            v1::Addresses::Tcp6(ip) => Some((ip.source_address, ip.source_port).into()),
            v1::Addresses::Unknown => None,
        }),
        HeaderResult::V2(Ok(header)) if header.command == v2::Command::Local => Ok(None),
        HeaderResult::V2(Ok(header)) => Ok(match header.addresses {
            v2::Addresses::IPv4(ip) => Some((ip.source_address, ip.source_port).into()),
            v2::Addresses::IPv6(ip) => Some((ip.source_address, ip.source_port).into()),
            v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
        }),
        HeaderResult::V1(Err(error)) => Err(wrong(&error.to_string())),
        HeaderResult::V2(Err(error)) => Err(wrong(&error.to_string())),
    }
}

fn wrong(reason: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("no header of the PROXY protocol: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> (Result<Option<String>, String>, usize) {
        let mut rest = bytes;
        let read = read_header(&mut rest).await;
        let read = read.map(|source| source.map(|source| source.to_string()));
        (read.map_err(|error| error.to_string()), rest.len())
    }

    fn version_2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut header = v2::PROTOCOL_PREFIX.to_vec();
        header.extend([0x20 | command, family]);
        header.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        header.extend(body);
        header
    }

    #[tokio::test]
    async fn f_28_both_versions_say_whose_connection_it_is_and_nothing_behind_them_is_read() {
        let (source, rest) = read(b"PROXY TCP4 192.0.2.7 10.0.0.1 4000 1935\r\n\x03abc").await;
        assert_eq!((source.unwrap().unwrap().as_str(), rest), ("192.0.2.7:4000", 4));
        let (source, _) = read(b"PROXY TCP6 2001:db8::7 ::1 4000 1935\r\n").await;
        assert_eq!(source.unwrap().unwrap(), "[2001:db8::7]:4000");
        assert_eq!(read(b"PROXY UNKNOWN\r\n").await.0, Ok(None));

        let body = [192, 0, 2, 7, 10, 0, 0, 1, 0x0f, 0xa0, 0x07, 0x8f];
        let mut header = version_2(1, 0x11, &body);
        header.push(3);
        let (source, rest) = read(&header).await;
        assert_eq!((source.unwrap().unwrap().as_str(), rest), ("192.0.2.7:4000", 1));
        assert_eq!(read(&version_2(0, 0, &[])).await.0, Ok(None));
        let extra = [&body[..], &[4, 0, 1, 0]].concat();
        assert_eq!(read(&version_2(1, 0x11, &extra)).await.0.unwrap().unwrap(), "192.0.2.7:4000");
    }

    #[tokio::test]
    async fn f_28_what_is_no_header_is_an_error_and_no_panic() {
        let long = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
        let huge = version_2(1, 0x11, &[0; 5000]);
        let short = version_2(1, 0x11, &[1, 2, 3]);
        let short_6 = version_2(1, 0x21, &[0; 20]);
        for bad in [
            &b"\x03aaaaaaaaaaaaaaaaaaaaaaa"[..],
            b"GET / HTTP/1.1\r\n\r\n",
            b"PROXY TCP4 a b c d\r\n",
            b"PROXY TCP4 1.2.3.4",
            b"PROXY",
            b"",
            &long,
            &huge,
            &short,
            &short_6,
        ] {
            assert!(read(bad).await.0.is_err(), "{bad:?}");
        }
        for end in 0..huge.len().min(40) {
            let _ = read(&huge[..end]).await;
        }
    }
}
