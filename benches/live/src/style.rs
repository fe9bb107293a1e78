//! How a client cuts what it says into writes, which decides how it fares with Nagle's algorithm
//! and delayed acknowledgements. Two ordinary clients are copied as seen under `strace`.

use crate::wire::chunk::{self, Time};
use std::collections::VecDeque;

/// A client's habits on the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// ffmpeg's own RTMP client: no socket option is touched (Nagle's algorithm on, delayed
    /// acknowledgements on); the header of a message, every 128 bytes of its payload and every
    /// one-byte chunk header are a write each.
    Ffmpeg,
    /// librtmp (rtmpdump, OBS): `TCP_NODELAY`, delayed acknowledgements on; every chunk with its
    /// header is a write.
    Librtmp,
    /// A client tuned for the test: `TCP_NODELAY`, acknowledgements sent at once, everything it
    /// has to say in one write.
    Prompt,
}

impl Style {
    /// The name used on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "ffmpeg",
            Self::Librtmp => "librtmp",
            Self::Prompt => "prompt",
        }
    }

    /// Whether it turns Nagle's algorithm off.
    pub fn no_delay(self) -> bool {
        self != Self::Ffmpeg
    }

    /// Whether it asks for acknowledgements at once.
    pub fn quick_ack(self) -> bool {
        self == Self::Prompt
    }

    /// Queues one message (at time zero) as this client writes it.
    pub fn queue(
        self,
        writes: &mut VecDeque<Vec<u8>>,
        chunk: usize,
        kind: u8,
        stream_id: u32,
        data: &[u8],
    ) {
        let mut bytes = Vec::with_capacity(data.len() + 32);
        let time = Time::Absolute(0);
        chunk::write(&mut bytes, chunk, kind, stream_id, time, data);
        match self {
            Self::Prompt => match writes.back_mut() {
                Some(last) => last.append(&mut bytes),
                None => writes.push_back(bytes),
            },
            Self::Librtmp => {
                let first = (chunk::header_len(time) + chunk).min(bytes.len());
                let (first, rest) = bytes.split_at(first);
                writes.push_back(first.to_vec());
                writes.extend(rest.chunks(chunk + 1).map(<[u8]>::to_vec));
            }
            Self::Ffmpeg => {
                let (header, rest) = bytes.split_at(chunk::header_len(time));
                writes.push_back(header.to_vec());
                let (first, rest) = rest.split_at(chunk.min(rest.len()));
                writes.push_back(first.to_vec());
                for part in rest.chunks(chunk + 1) {
                    let (marker, payload) = part.split_at(1);
                    writes.extend([marker.to_vec(), payload.to_vec()]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(style: Style, payloads: &[usize]) -> Vec<usize> {
        let mut writes = VecDeque::new();
        for len in payloads {
            style.queue(&mut writes, 128, 20, 0, &vec![7; *len]);
        }
        writes.iter().map(Vec::len).collect()
    }

    #[test]
    fn writes_are_cut_as_the_real_clients_cut_them() {
        assert_eq!(lengths(Style::Ffmpeg, &[197, 25]), [12, 128, 1, 69, 12, 25]);
        assert_eq!(lengths(Style::Librtmp, &[198, 25]), [140, 71, 37]);
        assert_eq!(lengths(Style::Prompt, &[197, 25]), [12 + 197 + 1 + 12 + 25]);
    }

    #[test]
    fn cutting_changes_no_byte() {
        let joined = |style: Style| {
            let mut writes = VecDeque::new();
            style.queue(&mut writes, 128, 20, 1, &[9; 600]);
            writes.into_iter().flatten().collect::<Vec<u8>>()
        };
        assert_eq!(joined(Style::Ffmpeg), joined(Style::Prompt));
        assert_eq!(joined(Style::Librtmp), joined(Style::Prompt));
    }
}
