use bytes::Bytes;

use super::random::Random;
use super::{PACKET, TOTAL, VERSION};
use crate::error::{Error, Layer, Result};
use crate::rtmp::notice::Notice;

/// The client's side. [`poll_output`](Self::poll_output) gives C0 and C1 at once, and C2 as soon as S1 is whole.
///
/// C2 is an exact echo of S1, which strict servers ask for (A1-13). An S2 that is no echo of C1 is a notice, never an
/// error: servers that answer with a digest send one (A1-11).
#[derive(Debug)]
pub struct ClientHandshake {
    c1: Bytes,
    output: Option<Bytes>,
    s1: Vec<u8>,
    position: usize,
    echo_differs: bool,
    notice: Option<Notice>,
}

impl ClientHandshake {
    /// A simple handshake whose random bytes come from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut hello = vec![0; 1 + PACKET];
        Random::new(seed).fill(hello.get_mut(9..).unwrap_or_default());
        Self::with_hello(hello)
    }

    /// A handshake that asks for the digest variant, with the digest placed by the first (true) or second scheme.
    #[cfg(feature = "digest-handshake")]
    #[must_use]
    pub fn with_digest(seed: u64, first_scheme: bool) -> Self {
        use super::digest;
        let mut hello = vec![0; 1 + PACKET];
        Random::new(seed).fill(hello.get_mut(9..).unwrap_or_default());
        if let Some(version) = hello.get_mut(5..9) {
            version.copy_from_slice(&digest::CLIENT_VERSION);
        }
        let scheme = if first_scheme { digest::SCHEMES[0] } else { digest::SCHEMES[1] };
        digest::sign(hello.get_mut(1..).unwrap_or_default(), scheme, digest::CLIENT_KEY);
        Self::with_hello(hello)
    }

    fn with_hello(mut hello: Vec<u8>) -> Self {
        if let Some(version) = hello.first_mut() {
            *version = VERSION;
        }
        let hello = Bytes::from(hello);
        Self {
            c1: hello.slice(1..),
            output: Some(hello),
            s1: Vec::new(),
            position: 0,
            echo_differs: false,
            notice: None,
        }
    }

    /// Whether S2 has been read to its end.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.position == TOTAL
    }

    /// What is to be sent, once each.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        self.output.take()
    }

    /// A deviation that was put up with.
    pub const fn poll_notice(&mut self) -> Option<Notice> {
        self.notice.take()
    }

    /// Takes bytes of S0, S1 and S2 and says how many. It never takes what follows S2.
    ///
    /// # Errors
    /// Malformed at the first byte where it is not version 3.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<usize> {
        let mut rest = input;
        if self.position == 0 {
            let Some((&version, tail)) = rest.split_first() else { return Ok(0) };
            if version != VERSION {
                let error = Error::malformed(Layer::Handshake, "version of the server");
                return Err(error.found(version.into()).at(0).clause("RTMP 1.0 5.2.2"));
            }
            rest = tail;
            self.position = 1;
        }
        if self.position <= PACKET {
            let (s1, tail) =
                rest.split_at_checked(PACKET + 1 - self.position).unwrap_or((rest, &[]));
            self.s1.extend_from_slice(s1);
            self.position += s1.len();
            rest = tail;
            if self.position == 1 + PACKET {
                // C0 and C1 may not have been polled yet.
                let c2 = std::mem::take(&mut self.s1);
                self.output = Some(match self.output.take() {
                    Some(hello) => [&hello[..], &c2].concat().into(),
                    None => c2.into(),
                });
            }
        }
        if self.position > PACKET {
            let (s2, tail) = rest.split_at_checked(TOTAL - self.position).unwrap_or((rest, &[]));
            let expected = self.c1.get(self.position - 1 - PACKET..).unwrap_or_default();
            let differs =
                |(at, (mine, theirs)): (usize, (&u8, &u8))| !(4..8).contains(&at) && mine != theirs;
            self.echo_differs |=
                (self.position - 1 - PACKET..).zip(expected.iter().zip(s2)).any(differs);
            self.position += s2.len();
            rest = tail;
            if self.is_complete() && std::mem::take(&mut self.echo_differs) {
                self.notice = Some(Notice::HandshakeEchoMismatch);
            }
        }
        Ok(input.len() - rest.len())
    }
}
